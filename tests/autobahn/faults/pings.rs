//! Faults in control frames: pings and pongs, and the length and form that all of them have
//! [RFC 6455 §5.5].

use super::hooks::{drops, on_frame_in, on_frame_out, on_header};
use super::inject::{Fate, Inject};
use super::parts::{Frame, Header};
use super::places::{PINGS, PINGS_INSIDE, PONGS};
use super::{Fault, fault};

const PONG: u8 = 10;

pub(super) fn faults() -> Vec<Fault> {
    let mut faults = Vec::from(pongs());
    faults.extend(inside());
    faults.extend(forms());
    faults
}

fn pongs() -> [Fault; 5] {
    [
        fault("never answers a ping", "Sends no pong at all.", &[PINGS], || {
            drops(|header| header.opcode == 9 && header.length <= 125)
        }),
        fault(
            "answers pings without payload",
            "Sends a pong without payload to every ping.",
            &[&["2.2", "2.3", "2.4", "2.6", "2.9", "2.10", "2.11"], PINGS_INSIDE],
            || {
                on_frame_out(|mut frame, out| {
                    if frame.header.opcode == PONG {
                        frame.payload.clear();
                    }
                    frame.write(out);
                })
            },
        ),
        fault(
            "drops every tenth pong",
            "Sends nine pongs to ten pings.",
            &[&["2.10", "2.11"]],
            || {
                let mut count = 0;
                on_frame_out(move |frame, out| {
                    count += usize::from(frame.header.opcode == PONG);
                    if frame.header.opcode != PONG || count % 10 != 0 {
                        frame.write(out);
                    }
                })
            },
        ),
        fault(
            "answers pongs",
            "Takes a pong that it has not asked for to be a ping.",
            &[PONGS],
            || {
                on_frame_in(
                    |header| header.opcode == PONG && header.fin,
                    |mut frame, to| {
                        frame.header.opcode = 9;
                        frame.write(to);
                    },
                )
            },
        ),
        fault(
            "hands pongs to the application",
            "Takes a pong that it has not asked for to be a message.",
            &[PONGS],
            || {
                on_frame_in(
                    |header| header.opcode == PONG && header.fin,
                    |mut frame, to| {
                        frame.header.opcode = 2;
                        frame.write(to);
                    },
                )
            },
        ),
    ]
}

/// Faults with a ping between the fragments of a message.
fn inside() -> [Fault; 2] {
    /// Keeps control frames until the message is complete.
    #[derive(Default)]
    struct Late(Vec<Frame>, bool);
    impl Inject for Late {
        fn header_in(&mut self, header: &mut Header) -> Fate {
            self.1 = header.is_control() && header.is_inside;
            let is_end = header.opcode == 0 && header.fin && !self.0.is_empty();
            if self.1 || is_end { Fate::Held } else { Fate::Passes }
        }

        fn frame_in(&mut self, frame: Frame, to: &mut Vec<u8>) {
            if self.1 && frame.header.opcode == 9 {
                return self.0.push(frame);
            }
            frame.write(to);
            self.0.drain(..).for_each(|frame| frame.write(to));
        }
    }
    [
        fault(
            "answers pings behind the message",
            "Answers a ping inside of a message when the message is complete.",
            &[PINGS_INSIDE],
            || Box::new(Late::default()),
        ),
        fault(
            "takes a ping for a fragment",
            "Appends the payload of a ping inside of a message to the message.",
            &[PINGS_INSIDE],
            || {
                on_header(|header| {
                    if header.is_inside && header.opcode == 9 {
                        (header.opcode, header.fin) = (0, false);
                    }
                })
            },
        ),
    ]
}

/// Faults with control frames that are too long or in fragments.
fn forms() -> [Fault; 2] {
    /// Joins the fragments of control frames.
    #[derive(Default)]
    struct Joins(Option<Frame>);
    impl Inject for Joins {
        fn header_in(&mut self, header: &mut Header) -> Fate {
            let joins = if self.0.is_some() { header.opcode == 0 } else { !header.fin };
            if joins && (header.is_control() || self.0.is_some()) {
                Fate::Held
            } else {
                Fate::Passes
            }
        }

        fn frame_in(&mut self, frame: Frame, to: &mut Vec<u8>) {
            let mut joined = self.0.take().unwrap_or(Frame { payload: vec![], ..frame });
            joined.payload.extend(frame.payload);
            joined.header.fin = frame.header.fin;
            if joined.header.fin {
                joined.write(to);
            } else {
                self.0 = Some(joined);
            }
        }
    }
    [
        fault(
            "accepts long control frames",
            "Takes the first 125 octets of a control frame that has more.",
            &[&["2.5", "7.3.6"]],
            || {
                on_frame_in(
                    |header| header.is_control() && header.length > 125,
                    |mut frame, to| {
                        frame.payload.truncate(125);
                        frame.write(to);
                    },
                )
            },
        ),
        fault(
            "accepts fragmented control frames",
            "Joins the fragments of pings and pongs.",
            &[&["5.1", "5.2"]],
            || Box::new(Joins::default()),
        ),
    ]
}
