//! What no case can see, because the fuzzing peer leaves it open or does not try it. The tests that
//! watch over these are named in their sentences.
//!
//! There are others of which that cannot even be shown, as no case comes near them: the limits on
//! frames and messages (`tests/violations.rs`), also on inflated ones (`tests/deflate_bomb.rs`),
//! deadlines (`tests/deadlines.rs`), an early end of TCP (`tests/closing.rs`), the wrong direction
//! of masking and lengths in a longer form than needed (`tests/violations.rs`), and everything
//! about the opening handshake but its success (`tests/handshake`).

use super::hooks::{on_frame_in, on_frame_out, on_head_out};
use super::inject::{Fate, Inject};
use super::parts::{Frame, Header};
use super::{Fault, fault};

pub(super) fn faults() -> Vec<Fault> {
    let mut faults = Vec::from(failures());
    faults.extend(liberties());
    faults
}

fn failures() -> [Fault; 2] {
    /// Sends close frames as answers only.
    #[derive(Default)]
    struct Silent {
        has_closed: bool,
    }
    impl Inject for Silent {
        fn header_in(&mut self, header: &mut Header) -> Fate {
            self.has_closed |= header.opcode == 8;
            Fate::Passes
        }

        fn frame_out(&mut self, frame: Frame, out: &mut Vec<u8>) {
            if frame.header.opcode != 8 || self.has_closed {
                frame.write(out);
            }
        }
    }
    [
        fault(
            "fails in silence",
            "Drops TCP without a close frame where it fails the connection \
             (tests/violations.rs).",
            &[],
            || Box::new(Silent::default()),
        ),
        fault(
            "answers half a code with none",
            "Accepts a close frame with one octet, and answers without a body \
             (tests/violations.rs).",
            &[],
            || {
                on_frame_in(
                    |header| header.opcode == 8 && header.length == 1,
                    |mut frame, to| {
                        frame.payload.clear();
                        frame.write(to);
                    },
                )
            },
        ),
    ]
}

fn liberties() -> [Fault; 3] {
    [
        fault(
            "masks with zeros",
            "Uses a masking key that changes nothing (tests/frames.rs).",
            &[],
            || {
                on_frame_out(|mut frame, out| {
                    frame.header.key = Some([0; 4]);
                    frame.write(out);
                })
            },
        )
        .of_clients(),
        fault(
            "answers a close frame twice",
            "Sends its close frame once more (tests/closing.rs).",
            &[],
            || {
                on_frame_out(|frame, out| {
                    frame.write(out);
                    if frame.header.opcode == 8 {
                        frame.write(out);
                    }
                })
            },
        ),
        fault(
            "does not confirm parameters",
            "Keeps to the window and the context that were asked for, but does not say so \
             (tests/deflate/negotiation.rs).",
            &[],
            || {
                on_head_out(|head| {
                    for parameter in [
                        "; server_no_context_takeover",
                        "; server_max_window_bits=9",
                        "; server_max_window_bits=15",
                    ] {
                        *head = head.replace(parameter, "");
                    }
                })
            },
        )
        .of_servers(),
    ]
}
