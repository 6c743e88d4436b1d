//! Faults with messages and their fragments [RFC 6455 §5.4, §5.6].

use super::hooks::{drops, on_fate, on_frame_out, on_header, on_message};
use super::inject::{Fate, Inject};
use super::places::{
    BINARIES, BINARY_TRIPS, CLOSES, COMPRESSED_BINARIES, COMPRESSED_TEXTS, ECHOES, PIECES, PINGS,
    PONGS, Places, TEXT_TRIPS, TEXTS, TEXTS_AND_FAILURE,
};
use super::{Fault, fault};
use crate::case::Kind;
use crate::subject::Answer;

/// All that has an answer, and is not over before the next timer.
const LATE: &[Places] = &[
    TEXTS,
    TEXTS_AND_FAILURE,
    TEXT_TRIPS,
    BINARIES,
    BINARY_TRIPS,
    COMPRESSED_TEXTS,
    COMPRESSED_BINARIES,
    PINGS,
    PONGS,
    CLOSES,
    &["7.3.1"],
];

pub(super) fn faults() -> Vec<Fault> {
    let mut faults = Vec::from(sequences());
    faults.extend(fragments());
    faults.extend(payloads());
    faults.extend(echoes());
    faults
}

/// Frames at a place where they may not be.
fn sequences() -> [Fault; 2] {
    [
        fault(
            "accepts a continuation of nothing",
            "Takes a continuation frame for a text where no message is under way.",
            &[&["5.9", "5.10", "5.11", "5.17"]],
            || {
                on_header(|header| {
                    if header.opcode == 0 && !header.is_inside {
                        header.opcode = 1;
                    }
                })
            },
        ),
        fault(
            "accepts a message inside of a message",
            "Takes a text frame for a continuation where a message is under way.",
            &[&["5.18"]],
            || {
                on_header(|header| {
                    if matches!(header.opcode, 1 | 2) && header.is_inside {
                        header.opcode = 0;
                    }
                })
            },
        ),
    ]
}

fn fragments() -> [Fault; 5] {
    [
        fault(
            "drops frames without payload",
            "Takes no notice of data frames without payload, not even of their FIN bit.",
            &[&["1.1.1", "1.2.1", "6.1", "6.2.3", "6.2.4", "9.7.1", "9.8.1"]],
            || drops(|header| header.opcode < 3 && header.length == 0),
        ),
        fault(
            "ignores FIN",
            "Waits for another fragment of every text.",
            &[TEXTS, TEXTS_AND_FAILURE, TEXT_TRIPS, COMPRESSED_TEXTS, &["6.14"]],
            || on_header(|header| header.fin &= header.message != Some(Kind::Text)),
        ),
        fault(
            "takes fragments for messages",
            "Answers every fragment as if it were a message.",
            &[PIECES, &["5.15", "5.18", "6.1.2", "6.4.1", "6.4.2", "7.1.5"]],
            || {
                on_header(|header| {
                    if let Some(kind) = header.message {
                        (header.opcode, header.fin) = (kind.opcode(), true);
                    }
                })
            },
        ),
        fault(
            "keeps the last fragment alone",
            "Forgets what it has of a message when another fragment comes.",
            &[PIECES, &["5.12", "5.13", "5.14", "5.15", "5.18", "6.3.2", "6.4"]],
            || {
                let mut kind = None;
                on_fate(move |header| {
                    if header.is_control() {
                        return Fate::Passes;
                    }
                    if !header.is_inside {
                        kind = header.message;
                    }
                    if !header.fin {
                        return Fate::Dropped;
                    }
                    header.opcode = kind.map_or(header.opcode, Kind::opcode);
                    Fate::Passes
                })
            },
        ),
        fault(
            "has room for 32 fragments",
            "Drops what a message has in more than 32 fragments.",
            &[&["10"]],
            || {
                let mut count = 0;
                drops(move |header| {
                    if header.is_control() {
                        return false;
                    }
                    count = if header.is_inside { count + 1 } else { 1 };
                    count > 32 && !header.fin
                })
            },
        ),
    ]
}

fn payloads() -> [Fault; 4] {
    [
        fault(
            "does not answer empty messages",
            "Takes no notice of messages without payload.",
            &[&["1.1.1", "1.2.1", "6.1.1", "6.1.2", "9.7.1", "9.8.1"]],
            || {
                on_message(
                    |_, payload| {
                        if payload.is_empty() { Answer::Nothing } else { Answer::Echo }
                    },
                )
            },
        ),
        fault(
            "cuts messages at 65,535 octets",
            "Keeps the length of a message in 16 bits.",
            &[&["1.1.7", "1.1.8", "1.2.7", "1.2.8", "9.1", "9.2", "10.1.1"]],
            || on_message(|kind, payload| cut(kind, payload, 65_535)),
        ),
        fault(
            "cuts messages at 128 KiB",
            "Has a buffer of 128 KiB.",
            &[&["9.1.2", "9.2.2"]],
            || on_message(|kind, payload| cut(kind, payload, 128 << 10)),
        ),
        fault("cuts texts at NUL", "Keeps texts in the manner of C.", &[&["6.7.1"]], || {
            on_message(|kind, payload| {
                let end = payload.iter().position(|&octet| octet == 0 && kind == Kind::Text);
                cut(kind, payload, end.unwrap_or(payload.len()))
            })
        }),
    ]
}

fn cut(kind: Kind, payload: &[u8], length: usize) -> Answer {
    Answer::Instead(kind, payload[..payload.len().min(length)].to_vec())
}

fn echoes() -> [Fault; 7] {
    /// Sends nothing before it is told the time.
    struct Late;
    impl Inject for Late {
        fn sends(&mut self, is_ticking: bool) -> bool {
            is_ticking
        }
    }
    [
        fault(
            "answers text as binary",
            "Sends no text messages.",
            &[TEXTS, TEXTS_AND_FAILURE, TEXT_TRIPS, COMPRESSED_TEXTS],
            || on_message(|_, payload| Answer::Instead(Kind::Binary, payload.to_vec())),
        ),
        fault(
            "answers binary as text",
            "Sends binary messages as texts if they are UTF-8.",
            &[&["1.2.1", "9.8.1", "12.2", "12.3", "12.5"]],
            || on_message(|_, payload| Answer::Instead(Kind::Text, payload.to_vec())),
        ),
        fault(
            "answers twice",
            "Sends every message twice.",
            &[TEXTS, TEXTS_AND_FAILURE, BINARIES, COMPRESSED_TEXTS, COMPRESSED_BINARIES],
            || {
                on_frame_out(|frame, out| {
                    frame.write(out);
                    if !frame.header.is_control() {
                        frame.write(out);
                    }
                })
            },
        ),
        fault(
            "loses one message in fifty",
            "Does not answer every fiftieth message.",
            &[&["9.7", "9.8", "12", "13"]],
            || {
                let mut count = 0;
                on_message(move |_, _| {
                    count += 1;
                    if count % 50 == 0 { Answer::Nothing } else { Answer::Echo }
                })
            },
        ),
        fault(
            "says text in every fragment",
            "Sends messages in two fragments, the second with the opcode of the first.",
            ECHOES,
            || {
                on_frame_out(|frame, out| {
                    if frame.header.is_control() {
                        return frame.write(out);
                    }
                    let opcode = frame.header.opcode;
                    let [first, mut second] = frame.in_two();
                    second.header.opcode = opcode;
                    first.write(out);
                    second.write(out);
                })
            },
        ),
        fault(
            "sends pings",
            "Sends a ping with every message.",
            &[TEXTS, TEXTS_AND_FAILURE, BINARIES],
            || {
                on_frame_out(|mut frame, out| {
                    frame.write(out);
                    if !frame.header.is_control() {
                        frame.payload.clear();
                        (frame.header.opcode, frame.header.rsv) = (9, 0);
                        frame.write(out);
                    }
                })
            },
        ),
        fault(
            "sends too late",
            "Keeps what it has to say until it is told the time.",
            LATE,
            || Box::new(Late),
        ),
    ]
}
