//! Section 7: the closing handshake [RFC 6455 §5.5.1, §7].

use super::build::{
    INVALID_PAYLOAD, NORMAL, PROTOCOL_ERROR, case, close, close_with, continuation,
};
use super::build::{echoed, fail_after, frame, ping, repeat, script, text};
use super::utf8;
use crate::case::Case;

/// Codes that a close frame may have.
const VALID: [u16; 13] =
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];

/// Codes that nobody has defined, and codes that never stand in a frame.
const INVALID: [u16; 9] = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

const HELLO: &str = "Hello World!";
const CLOSES: &str = "Completes the closing handshake.";
const CLOSES_ONLY: &str = "Completes the closing handshake, and ignores what follows it.";
const FAILS: &str = "Fails the connection, with 1002 or by dropping TCP.";
const UNDEFINED: &str = "May do what it likes.";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(after_close());
    cases.extend(bodies());
    cases.extend((1..).zip(VALID).map(|(third, code)| {
        let description = format!("Closes with the valid code {code}.");
        let codes = if code == NORMAL { vec![NORMAL] } else { vec![NORMAL, code] };
        case((7, 7, third), description, script![close(code), fail_after(1)])
            .closed("Completes the closing handshake with 1000 or the same code.", &codes)
            .code_matters()
    }));
    cases.extend((1..).zip(INVALID).map(|(third, code)| {
        let description = format!("Closes with the invalid code {code}.");
        case((7, 9, third), description, script![close(code), fail_after(1)])
            .closed_or_dropped(FAILS, &[PROTOCOL_ERROR])
            .code_matters()
    }));
    cases.extend((1..).zip([5000, 65_535]).map(|(third, code)| {
        let description = format!("Closes with the code {code}, which is in no range.");
        case((7, 13, third), description, script![close(code), fail_after(1)]).informs(
            UNDEFINED,
            vec![],
            None,
            &[NORMAL, code, PROTOCOL_ERROR],
            false,
        )
    }));
    cases
}

/// What stands around the close frame.
fn after_close() -> [Case; 6] {
    let long = || repeat(b"BAsd7&jh23", 256 << 10);
    [
        case((7, 1, 1), "Sends a text, and closes.", script![text(HELLO), fail_after(1)])
            .answered("Echoes the text, and completes the closing handshake.", vec![echoed(HELLO)])
            .code_matters(),
        case(
            (7, 1, 2),
            "Sends two close frames.",
            script![close(NORMAL), frame(8, ""), fail_after(1)],
        )
        .closed(CLOSES_ONLY, &[NORMAL])
        .code_matters(),
        case(
            (7, 1, 3),
            "Sends a ping behind the close frame.",
            script![close(NORMAL), ping(""), fail_after(1)],
        )
        .closed(CLOSES_ONLY, &[NORMAL])
        .code_matters(),
        case(
            (7, 1, 4),
            "Sends a text behind the close frame.",
            script![close(NORMAL), text(HELLO), fail_after(1)],
        )
        .closed(CLOSES_ONLY, &[NORMAL])
        .code_matters(),
        case(
            (7, 1, 5),
            "Sends a text in two fragments, with the close frame between them.",
            script![
                text("fragment1").more(),
                close(NORMAL),
                continuation("fragment2"),
                fail_after(1),
            ],
        )
        .closed(CLOSES_ONLY, &[NORMAL])
        .code_matters(),
        case(
            (7, 1, 6),
            "Sends a text of 256 KiB, a short one, the close frame, and a ping.",
            script![text(long()), text(HELLO), close(NORMAL), ping(""), fail_after(1)],
        )
        .informs(
            "Echoes both texts before it closes, or closes at once.",
            vec![echoed(long()), echoed(HELLO)],
            Some(vec![]),
            &[NORMAL],
            true,
        ),
    ]
}

/// What stands in the close frame.
fn bodies() -> [Case; 7] {
    let not_utf8 = utf8::with_surrogate();
    [
        case((7, 3, 1), "Sends a close frame without a body.", script![close(None), fail_after(1)])
            .closed(CLOSES, &[NORMAL])
            .code_matters(),
        case(
            (7, 3, 2),
            "Sends a close frame of one octet, half a code.",
            script![close_with(None, "a"), fail_after(1)],
        )
        .closed_or_dropped(FAILS, &[PROTOCOL_ERROR])
        .code_matters(),
        case(
            (7, 3, 3),
            "Sends a close frame with a code and no reason.",
            script![close(NORMAL), fail_after(1)],
        )
        .closed(CLOSES, &[NORMAL])
        .code_matters(),
        case(
            (7, 3, 4),
            "Sends a close frame with a code and a reason.",
            script![close_with(NORMAL, HELLO), fail_after(1)],
        )
        .closed(CLOSES, &[NORMAL])
        .code_matters(),
        case(
            (7, 3, 5),
            "Sends a close frame with a reason of 123 octets, the most there may be.",
            script![close_with(NORMAL, "*".repeat(123)), fail_after(1)],
        )
        .closed(CLOSES, &[NORMAL])
        .code_matters(),
        case(
            (7, 3, 6),
            "Sends a close frame with a reason of 124 octets.",
            script![close_with(NORMAL, "*".repeat(124)), fail_after(1)],
        )
        .closed_or_dropped(FAILS, &[PROTOCOL_ERROR])
        .code_matters(),
        case(
            (7, 5, 1),
            "Sends a close frame whose reason is not UTF-8.",
            script![close_with(NORMAL, not_utf8), fail_after(1)],
        )
        .closed_or_dropped(
            "Fails the connection, with 1002 or 1007 or by dropping TCP.",
            &[PROTOCOL_ERROR, INVALID_PAYLOAD],
        )
        .code_matters(),
    ]
}
