//! Section 4: opcodes that mean nothing yet [RFC 6455 §5.2].

use super::build::{case, echoed, fail_after, frame, ping, script, text};
use crate::case::Case;

const HELLO: &str = "Hello, world!";
const PAYLOAD: &str = "reserved opcode payload";

pub(super) fn cases() -> Vec<Case> {
    let data = five(1, 3, "data");
    let control = five(2, 11, "control");
    data.into_iter().chain(control).collect()
}

/// The five cases of the opcodes from `first` on.
fn five(second: u8, first: u8, sort: &str) -> [Case; 5] {
    // On its own.
    let alone = |third, payload: &str, with| {
        let opcode = first + third - 1;
        let description =
            format!("Sends a frame with the reserved {sort} opcode {opcode}, {with}.");
        case((4, second, third), description, script![frame(opcode, payload), fail_after(1)])
            .violates("Fails the connection at the frame.", vec![])
    };
    // Between two frames that are right.
    let between = |third, payload: &str, chop: Option<usize>, with| {
        let opcode = first + third - 1;
        let description = format!(
            "Sends a text, a frame with the reserved {sort} opcode {opcode}, {with}, and a ping."
        );
        let script = script![
            text(HELLO).chop(chop),
            frame(opcode, payload).chop(chop),
            ping("").chop(chop),
            fail_after(1)
        ];
        case((4, second, third), description, script).violates(
            "Echoes the text, fails the connection at the next frame, and sends no pong.",
            vec![echoed(HELLO)],
        )
    };
    [
        alone(1, "", "without payload"),
        alone(2, PAYLOAD, "with a payload"),
        between(3, "", None, "without payload"),
        between(4, HELLO, None, "with a payload"),
        between(5, HELLO, Some(1), "with a payload, all octet by octet"),
    ]
}
