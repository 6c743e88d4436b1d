//! Section 3: reserved bits that no extension gives a meaning [RFC 6455 §5.2].

use super::build::{binary, case, echoed, fail_after, frame, ping, script, text};
use crate::case::{Case, Frame};

const HELLO: &str = "Hello, world!";
const FAILS: &str = "Fails the connection at the frame with the reserved bits.";
const ECHOES_ONE: &str = "Echoes the first message, fails the connection at the second, and sends \
    no pong.";

pub(super) fn cases() -> Vec<Case> {
    /// The second of three frames is wrong; `written` says how each is written to TCP.
    fn second_of_three(id: u8, rsv: u8, how: &str, written: fn(Frame) -> Frame) -> Case {
        let frames = [text(HELLO), text(HELLO).rsv(rsv), ping("")];
        let mut script: Vec<_> = frames.map(|frame| written(frame).into()).into();
        script.push(fail_after(1));
        let name = bits(rsv);
        let description = format!("Sends a text, the same with {name}, and a ping{how}.");
        case((3, id), description, script).violates(ECHOES_ONE, vec![echoed(HELLO)])
    }
    vec![
        case((3, 1), "Sends a text with RSV3.", script![text(HELLO).rsv(1), fail_after(1)])
            .violates(FAILS, vec![]),
        second_of_three(2, 2, "", |frame| frame),
        second_of_three(3, 3, ", frame by frame", Frame::sync),
        second_of_three(4, 4, ", octet by octet", |frame| frame.chop(1)),
        case(
            (3, 5),
            "Sends a binary message with RSV1 and RSV3.",
            script![binary(b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff").rsv(5), fail_after(1)],
        )
        .violates(FAILS, vec![]),
        case(
            (3, 6),
            "Sends a binary message with RSV1 and RSV2.",
            script![binary(HELLO).rsv(6), fail_after(1)],
        )
        .violates(FAILS, vec![]),
        case(
            (3, 7),
            "Sends a close frame with all the reserved bits.",
            script![frame(8, "").rsv(7), fail_after(1)],
        )
        .violates(FAILS, vec![]),
    ]
}

/// The bits as the RFC names them.
fn bits(rsv: u8) -> String {
    let names = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")];
    let set: Vec<_> =
        names.iter().filter(|(bit, _)| rsv & bit != 0).map(|(_, name)| *name).collect();
    set.join(" and ")
}
