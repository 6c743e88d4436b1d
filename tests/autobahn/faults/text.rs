//! Faults in telling UTF-8 from what is not [RFC 6455 §8.1, RFC 3629].

use std::collections::VecDeque;

use super::hooks::{on_frame_in, on_message, on_payload, on_text};
use super::inject::{Fate, Inject};
use super::parts::{Frame, Header};
use super::places::NO_TEXTS;
use super::{Fault, Injection, fault};
use crate::case::Kind;
use crate::subject::Answer;

pub(super) fn faults() -> Vec<Fault> {
    let mut faults = Vec::from(lenient());
    faults.extend(too_strict());
    faults.extend(late());
    faults
}

/// Octets that may be in a text for these.
fn lenient() -> [Fault; 8] {
    [
        fault(
            "accepts surrogates",
            "Takes ED with A0 to BF behind it for the start of a character.",
            &[&["6.3", "6.20", "6.21"]],
            || {
                on_text(|before, octet| match (before, octet) {
                    (0xED, 0xA0..=0xBF) => 0x9F,
                    _ => octet,
                })
            },
        ),
        fault(
            "accepts overlong forms",
            "Takes forms of 2 to 4 octets for characters that have shorter ones.",
            &[&["6.17", "6.18", "6.19"]],
            || {
                on_text(|before, octet| match (before, octet) {
                    (_, 0xC0 | 0xC1) => 0xC2,
                    (0xE0, 0x80..=0x9F) => 0xA0,
                    (0xF0, 0x80..=0x8F) => 0x90,
                    _ => octet,
                })
            },
        ),
        fault(
            "accepts numbers above U+10FFFF",
            "Takes any number that is told in 4 octets for a character.",
            &[&["6.4", "6.10.1", "6.11.5"]],
            || {
                on_text(|before, octet| match (before, octet) {
                    (0xF4, 0x90..=0xBF) => 0x8F,
                    (_, 0xF5..=0xF7) => 0xF1,
                    _ => octet,
                })
            },
        ),
        fault(
            "accepts forms of 5 and 6 octets",
            "Takes F8 to FD for the start of a character, as RFC 2279 has it.",
            &[&["6.8", "6.10", "6.17", "6.18", "6.19"]],
            || {
                // As long, and valid.
                let mut instead: &[u8] = &[];
                on_text(move |_, octet| {
                    match octet {
                        0xF8..=0xFB => instead = b"\xE1\x80\x80\xC2\x80",
                        0xFC | 0xFD => instead = b"\xE1\x80\x80\xE1\x80\x80",
                        0x80..=0xBF => {}
                        _ => instead = &[],
                    }
                    instead.split_off_first().copied().unwrap_or(octet)
                })
            },
        ),
        fault(
            "accepts stray continuation octets",
            "Takes 80 to BF for characters where they continue nothing.",
            &[&["6.12"]],
            || {
                let mut place = Place::default();
                on_text(move |_, octet| {
                    let is_stray = place.missing == 0 && (0x80..0xC0).contains(&octet);
                    place.pass(octet);
                    if is_stray { b'?' } else { octet }
                })
            },
        ),
        fault("accepts FE and FF", "Takes FE and FF for characters.", &[&["6.16"]], || {
            on_text(|_, octet| if octet >= 0xFE { b'?' } else { octet })
        }),
        fault(
            "accepts half a character at the end",
            "Takes no notice of a character that the end of the message cuts off.",
            &[&["6.6", "6.14"]],
            || {
                on_frame_in(
                    |header| header.is_plain_text() && header.fin,
                    |mut frame, to| {
                        if let Err(error) = str::from_utf8(&frame.payload)
                            && error.error_len().is_none()
                        {
                            frame.payload[error.valid_up_to()..].fill(b'?');
                        }
                        frame.write(to);
                    },
                )
            },
        ),
        fault("never looks at texts", "Takes any octets for a text.", &[NO_TEXTS], || {
            Box::new(Blind::default())
        }),
    ]
}

/// How many octets a character still lacks.
#[derive(Default)]
struct Place {
    missing: usize,
}

impl Place {
    fn pass(&mut self, octet: u8) {
        self.missing = match octet {
            0xC0..=0xDF => 1,
            0xE0..=0xEF => 2,
            0xF0..=0xF7 => 3,
            0xF8..=0xFB => 4,
            0xFC..=0xFD => 5,
            0x80..=0xBF => self.missing.saturating_sub(1),
            _ => 0,
        };
    }
}

/// Has texts read as binary messages, and says them as texts again.
#[derive(Default)]
struct Blind {
    /// The kinds of the messages that are not answered.
    kinds: VecDeque<u8>,
}

impl Inject for Blind {
    fn header_in(&mut self, header: &mut Header) -> Fate {
        if matches!(header.opcode, 1 | 2) && !header.is_compressed {
            self.kinds.push_back(header.opcode);
            header.opcode = 2;
        }
        Fate::Passes
    }

    fn frame_out(&mut self, mut frame: Frame, out: &mut Vec<u8>) {
        if frame.header.opcode == 2
            && let Some(kind) = self.kinds.pop_front()
        {
            frame.header.opcode = kind;
        }
        frame.write(out);
    }
}

/// Valid texts that these refuse, or do not leave as they are.
fn too_strict() -> [Fault; 3] {
    [
        fault(
            "replaces noncharacters",
            "Replaces the code points that are no characters by U+FFFD.",
            &[&["6.9.3", "6.9.4", "6.11.4", "6.22", "6.23"]],
            || {
                on_message(|kind, payload| match str::from_utf8(payload) {
                    Ok(text) if kind == Kind::Text => {
                        let is_not = |c: char| u32::from(c) & 0xFFFE == 0xFFFE;
                        Answer::Instead(kind, text.replace(is_not, "\u{FFFD}").into_bytes())
                    }
                    _ => Answer::Echo,
                })
            },
        ),
        fault(
            "looks at each fragment alone",
            "Refuses a text if the end of a fragment cuts a character.",
            &[&["6.2.3", "6.2.4", "6.4.2"]],
            || refuses_cuts(|header, end| end == header.length && !header.fin),
        ),
        fault(
            "looks at each chunk alone",
            "Refuses a text if the end of a chunk cuts a character.",
            &[&["6.2", "6.4", "6.5", "6.6", "6.7", "6.9", "6.11", "6.22", "6.23"]],
            || refuses_cuts(|header, end| end < header.length),
        ),
    ]
}

/// Makes a text invalid at the cuts that are such, if they are inside of a character.
fn refuses_cuts(mut is_such: impl FnMut(&Header, usize) -> bool + 'static) -> Injection {
    let mut place = Place::default();
    on_payload(move |header, at, octets| {
        if header.is_plain_text() {
            octets.iter().for_each(|&octet| place.pass(octet));
            let is_cut = place.missing > 0 && is_such(header, at + octets.len());
            if is_cut && let Some(last) = octets.last_mut() {
                *last = 0xFF;
            }
        }
    })
}

/// Invalid texts that these refuse later than they could.
fn late() -> [Fault; 2] {
    [
        fault(
            "looks at whole frames",
            "Refuses an invalid text when the frame is complete.",
            &[&["6.4.3", "6.4.4"]],
            || on_frame_in(Header::is_plain_text, |frame, to| frame.write(to)),
        ),
        fault(
            "looks at whole messages",
            "Refuses an invalid text when the message is complete.",
            &[&["6.4.1", "6.4.2", "6.4.3", "6.4.4"]],
            || {
                let mut frames = vec![];
                on_frame_in(Header::is_plain_text, move |frame, to| {
                    frame.write(&mut frames);
                    if frame.header.fin {
                        to.append(&mut frames);
                    }
                })
            },
        ),
    ]
}
