//! Section 6: texts, valid and not, and how fast it is noticed [RFC 6455 §8.1].

use std::ops::Range;
use std::time::Duration;

use super::build::{case, close_after, continuation, echoed, fail_after, script, text, wait};
use super::sequences;
use crate::case::{Case, Event, Kind, Octets, Step};
use crate::payload::Payload;

const MIXED: &str = "Hello-µ@ßöäüàá-UTF-8!!";
/// "The world", with the oxia of polytonic Greek, in three octets.
pub(super) const GREEK: &str = "κ\u{1f79}σμε";
const REST: &[u8] = b"edited";
/// What UTF-8 would make of a surrogate; no octet may follow on the first but 80 to 9F.
const SURROGATE: &[u8] = b"\xed\xa0\x80";
/// What UTF-8 would make of U+110000; no octet may follow on the first but 80 to 8F.
const TOO_LARGE: &[u8] = b"\xf4\x90\x80\x80";

const EMPTY: &str = "Echoes a text without payload.";
const ECHO: &str = "Echoes the text.";
const FAILS: &str = "Fails the connection: the text is not UTF-8.";
const FAILS_FAST: &str = "Lets the first part stand, and fails the connection at the second, \
    without waiting for the third.";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::from(empty_fragments());
    cases.extend(valid());
    cases.extend(invalid());
    cases.extend(fail_fast());
    cases.extend(all_sequences());
    cases
}

fn empty_fragments() -> [Case; 3] {
    let middle = "middle frame payload";
    let in_three = |middle: &str| {
        script![text("").more(), continuation(middle).more(), continuation(""), close_after(1),]
    };
    [
        case((6, 1, 1), "Sends a text without payload.", script![text(""), close_after(1)])
            .answered(EMPTY, vec![echoed("")]),
        case((6, 1, 2), "Sends a text in three fragments without payload.", in_three(""))
            .answered(EMPTY, vec![echoed("")]),
        case(
            (6, 1, 3),
            "Sends a text in three fragments, of which only the second has a payload.",
            in_three(middle),
        )
        .answered(ECHO, vec![echoed(middle)]),
    ]
}

fn valid() -> [Case; 4] {
    let (first, second) = MIXED.split_at("Hello-µ@ßöä".len());
    [
        case(
            (6, 2, 1),
            format!("Sends the text {MIXED}"),
            script![message(MIXED.as_bytes(), None), close_after(1)],
        )
        .answered(ECHO, vec![echoed(MIXED)]),
        case(
            (6, 2, 2),
            format!("Sends the text {MIXED} in two fragments, cut between two characters."),
            script![text(first).more(), continuation(second), close_after(1)],
        )
        .answered(ECHO, vec![echoed(MIXED)]),
        case(
            (6, 2, 3),
            format!("Sends the text {MIXED} in fragments of one octet."),
            script![message(MIXED.as_bytes(), Some(1)), close_after(1)],
        )
        .answered(ECHO, vec![echoed(MIXED)]),
        case(
            (6, 2, 4),
            format!("Sends the text {GREEK} in fragments of one octet."),
            script![message(GREEK.as_bytes(), Some(1)), close_after(1)],
        )
        .answered(ECHO, vec![echoed(GREEK)]),
    ]
}

fn invalid() -> [Case; 2] {
    let octets = with_surrogate();
    let hex = hex(&octets);
    [
        case(
            (6, 3, 1),
            format!("Sends a text with a surrogate in it: {hex}."),
            script![message(&octets, None), fail_after(1)],
        )
        .not_utf8(FAILS, vec![], None),
        case(
            (6, 3, 2),
            format!("Sends a text with a surrogate in it, in fragments of one octet: {hex}."),
            script![message(&octets, Some(1)), fail_after(1)],
        )
        .not_utf8(FAILS, vec![], None),
    ]
}

fn fail_fast() -> [Case; 4] {
    // The first octet of the sequence could still become right, the second cannot.
    let start = GREEK.len();
    let (sequence, octet) = (start..start + TOO_LARGE.len(), start + 1..start + 2);
    [
        in_parts(1, false, sequence.clone()),
        in_parts(2, false, octet.clone()),
        in_parts(3, true, sequence),
        in_parts(4, true, octet),
    ]
}

/// A text in three parts with pauses between them, the second of which makes it invalid: in
/// fragments, or in pieces of one fragment behind which another without payload ends the message.
fn in_parts(third: u8, pieces: bool, invalid: Range<usize>) -> Case {
    let octets = [GREEK.as_bytes(), TOO_LARGE, REST].concat();
    let (start, end) = (invalid.start, invalid.end);
    let parts = [&octets[..start], &octets[invalid], &octets[end..]];
    let what = if pieces { "pieces of one frame" } else { "fragments" };
    let description =
        format!("Sends a text in three {what}, a second apart: {}.", parts.map(hex).join(", "),);
    let mut script = Vec::new();
    let [first, second, last] = if pieces {
        let length = octets.len();
        script.push(Step::Octets(Octets::Header { opcode: 1, fin: false, length }));
        parts.map(|part| Step::Octets(Octets::Payload(part.to_vec())))
    } else {
        let [first, second, last] = parts;
        [text(first).more(), continuation(second).more(), continuation(last)].map(Step::from)
    };
    script.extend([first, wait(1, "A"), second, wait(1, "B"), last]);
    if pieces {
        script.push(continuation("").into());
    }
    script.push(fail_after(1));
    let slow = vec![Event::Timeout("A"), Event::Timeout("B")];
    case((6, 4, third), description, script).not_utf8(
        FAILS_FAST,
        vec![Event::Timeout("A")],
        Some(slow),
    )
}

fn all_sequences() -> Vec<Case> {
    let mut cases = Vec::new();
    for (second, group) in (sequences::FIRST..).zip(sequences::groups()) {
        for (third, octets) in (1..).zip(&group.sequences) {
            let limit = Step::FailAfter(Duration::from_millis(500));
            let description = format!("Sends a text of the octets {}.", hex(octets));
            let opening =
                case((6, second, third), description, script![message(octets, None), limit]);
            cases.push(match std::str::from_utf8(octets) {
                Ok(valid) => opening.answered(ECHO, vec![echoed(valid)]),
                Err(_) => opening.not_utf8(FAILS, vec![], None),
            });
        }
    }
    cases
}

/// A text that a surrogate makes invalid.
pub(super) fn with_surrogate() -> Vec<u8> {
    [GREEK.as_bytes(), SURROGATE, REST].concat()
}

fn message(octets: &[u8], fragment: Option<usize>) -> Step {
    Step::Message { kind: Kind::Text, payload: Payload::from(octets), fragment }
}

/// Such as `CE BA`.
fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(" ")
}
