//! Faults in the closing handshake [RFC 6455 §5.5.1, §7].

use super::hooks::{on_frame_in, on_frame_out, on_header};
use super::inject::{Fate, Inject};
use super::parts::{Frame, Header};
use super::places::{CLOSED, ENDS, EVERYWHERE, NO_TEXTS, VIOLATIONS};
use super::{Fault, Injection, fault};

const CLOSE: u8 = 8;

pub(super) fn faults() -> Vec<Fault> {
    let mut faults = Vec::from(answers());
    faults.extend(codes());
    faults.extend(bodies());
    faults.extend(behind_close());
    faults
}

fn answers() -> [Fault; 4] {
    /// Never closes TCP.
    struct Stays;
    impl Inject for Stays {
        fn closes_tcp(&self) -> bool {
            false
        }
    }
    [
        fault("does not answer close frames", "Closes TCP instead.", ENDS, || {
            on_frame_out(|frame, out| {
                if frame.header.opcode != CLOSE {
                    frame.write(out);
                }
            })
        }),
        fault("does not close TCP", "Leaves it to the client to close TCP.", &[EVERYWHERE], || {
            Box::new(Stays)
        })
        .of_servers(),
        fault(
            "takes a close frame without a body for a violation",
            "Answers a close frame without a body with 1002.",
            &[&["7.3.1"]],
            || {
                on_header(|header| {
                    if header.opcode == CLOSE && header.length == 0 {
                        header.fin = false;
                    }
                })
            },
        ),
        fault(
            "takes a close frame inside of a message for a violation",
            "Answers a close frame between two fragments with 1002.",
            &[&["7.1.5"]],
            || on_header(|header| header.fin &= header.opcode != CLOSE || !header.is_inside),
        ),
    ]
}

fn codes() -> [Fault; 6] {
    /// Has invalid codes accepted, and says them itself.
    #[derive(Default)]
    struct Parrot(Option<[u8; 2]>);
    impl Inject for Parrot {
        fn header_in(&mut self, header: &mut Header) -> Fate {
            if header.opcode == CLOSE { Fate::Held } else { Fate::Passes }
        }

        fn frame_in(&mut self, mut frame: Frame, to: &mut Vec<u8>) {
            if let Some(code) = frame.payload.first_chunk_mut()
                && !is_valid(u16::from_be_bytes(*code))
            {
                self.0 = Some(std::mem::replace(code, 1000_u16.to_be_bytes()));
            }
            frame.write(to);
        }

        fn frame_out(&mut self, mut frame: Frame, out: &mut Vec<u8>) {
            if frame.header.opcode == CLOSE
                && let Some(code) = self.0
            {
                frame.payload = code.into();
            }
            frame.write(out);
        }
    }
    [
        fault(
            "says invalid codes",
            "Answers a code that may not be said with the same.",
            &[&["7.9"]],
            || Box::new(Parrot::default()),
        ),
        fault("answers invalid codes with 1000", "Accepts any code.", &[&["7.9"]], || {
            on_code_in(|code| if is_valid(code) { code } else { 1000 })
        }),
        fault(
            "does not know private codes",
            "Takes 3000 to 4999 for invalid codes.",
            &[&["7.7.10", "7.7.11", "7.7.12", "7.7.13"]],
            || on_code_in(|code| if let 3000..=4999 = code { 999 } else { code }),
        ),
        fault("says 1001 for 1000", "Answers that it is going away.", CLOSED, || {
            on_code_out(|code| if code == 1000 { 1001 } else { code })
        }),
        fault(
            "says 1007 for 1002",
            "Takes all that is wrong for a wrong payload.",
            &[VIOLATIONS, &["7.7.3"]],
            || on_code_out(|code| if code == 1002 { 1007 } else { code }),
        ),
        fault(
            "says 1002 for 1007",
            "Takes all that is wrong for a violation of the protocol.",
            &[NO_TEXTS, &["7.7.5"]],
            || on_code_out(|code| if code == 1007 { 1002 } else { code }),
        ),
    ]
}

fn is_valid(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Rewrites the bodies of close frames on their way in.
fn on_close_in(mut rewrite: impl FnMut(&mut Vec<u8>) + 'static) -> Injection {
    on_frame_in(
        |header| header.opcode == CLOSE,
        move |mut frame, to| {
            rewrite(&mut frame.payload);
            frame.write(to);
        },
    )
}

/// Rewrites codes on their way in.
fn on_code_in(mut rewrite: impl FnMut(u16) -> u16 + 'static) -> Injection {
    on_close_in(move |body| {
        if let Some(code) = body.first_chunk_mut() {
            *code = rewrite(u16::from_be_bytes(*code)).to_be_bytes();
        }
    })
}

/// Rewrites codes on their way out.
fn on_code_out(mut rewrite: impl FnMut(u16) -> u16 + 'static) -> Injection {
    on_frame_out(move |mut frame, out| {
        if frame.header.opcode == CLOSE
            && let Some(code) = frame.payload.first_chunk_mut()
        {
            *code = rewrite(u16::from_be_bytes(*code)).to_be_bytes();
        }
        frame.write(out);
    })
}

fn bodies() -> [Fault; 2] {
    [
        fault("accepts half a code", "Takes a code of one octet for 1000.", &[&["7.3.2"]], || {
            on_close_in(|body| {
                if body.len() == 1 {
                    *body = 1000_u16.to_be_bytes().into();
                }
            })
        }),
        fault("accepts any reason", "Takes any octets for a reason.", &[&["7.5.1"]], || {
            on_close_in(|body| {
                let is_text = body.get(2..).is_none_or(|reason| str::from_utf8(reason).is_ok());
                if !is_text {
                    body.truncate(2);
                }
            })
        }),
    ]
}

/// Faults with frames that follow on the close frame, which the fuzzing peer sees of a server, as
/// that is what has to close TCP.
fn behind_close() -> [Fault; 2] {
    /// Answers the frames of one opcode with another when it has answered the close frame.
    struct GoesOn {
        from: u8,
        to: u8,
        has_closed: bool,
        answers: Vec<u8>,
    }
    impl Inject for GoesOn {
        fn header_in(&mut self, header: &mut Header) -> Fate {
            let is_answered = self.has_closed && header.opcode == self.from;
            self.has_closed |= header.opcode == CLOSE;
            if is_answered { Fate::Held } else { Fate::Passes }
        }

        fn frame_in(&mut self, mut frame: Frame, _: &mut Vec<u8>) {
            (frame.header.opcode, frame.header.key) = (self.to, None);
            frame.write(&mut self.answers);
        }

        fn behind(&mut self, out: &mut Vec<u8>) {
            out.append(&mut self.answers);
        }
    }
    fn goes_on(from: u8, to: u8) -> Injection {
        Box::new(GoesOn { from, to, has_closed: false, answers: vec![] })
    }
    [
        fault(
            "echoes texts behind the close frame",
            "Goes on to answer texts when it has answered the close frame.",
            &[&["7.1.4"]],
            || goes_on(1, 1),
        )
        .of_servers(),
        fault(
            "answers pings behind the close frame",
            "Goes on to answer pings when it has answered the close frame.",
            &[&["7.1.3"]],
            || goes_on(9, 10),
        )
        .of_servers(),
    ]
}
