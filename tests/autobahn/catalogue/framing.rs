//! Section 1: messages of one frame, by the three forms of the length [RFC 6455 §5.2].

use super::build::{case, fail_after, frame, repeat, script};
use crate::case::{Case, Event, Kind};

/// Octets of the message, the chop, and the seconds to answer.
const MESSAGES: [(usize, Option<usize>, u64); 8] = [
    (0, None, 1),
    (125, None, 1),
    (126, None, 1),
    (127, None, 1),
    (128, None, 1),
    (65_535, None, 10),
    (65_536, None, 10),
    (65_536, Some(997), 10),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (second, kind, pattern) in [(1, Kind::Text, b"*"), (2, Kind::Binary, b"\xfe")] {
        for (third, (length, chop, seconds)) in (1..).zip(MESSAGES) {
            let chops = chop.map_or(String::new(), |chop| format!(", in chops of {chop}"));
            let payload = repeat(pattern, length);
            let opening = case(
                (1, second, third),
                format!("Sends a {kind} message of {length} octets{chops}."),
                script![frame(kind.opcode(), payload.clone()).chop(chop), fail_after(seconds)],
            );
            cases.push(opening.answered(
                "Echoes the message, and completes the closing handshake.",
                vec![Event::Message(kind, payload)],
            ));
        }
    }
    cases
}
