//! Section 9: messages of many octets, in many frames, in many chops, and many messages; and
//! section 10, a message in frames of a size that divides nothing.

use std::time::Duration;

use super::build::{case, close_after, fail_after, frame, repeat, round_trips, script};
use crate::case::{Case, Event, Kind, RoundTrips, Source, Step};
use crate::payload::Payload;

/// What long messages repeat.
const TEXT: &[u8] = b"BAsd7&jh23";
const BINARY: &[u8] = b"\x00\xfe\x23\xfa\xf0";
/// What messages in fragments, and messages that go back and forth, repeat.
const STAR: &[u8] = b"*";
const OCTET: &[u8] = b"\xfe";

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Octets of a message in one frame, and the seconds to echo it: a text, a binary message.
const SIZES: [(usize, u64, u64); 6] = [
    (64 * KIB, 10, 10),
    (256 * KIB, 10, 10),
    (MIB, 100, 10),
    (4 * MIB, 100, 10),
    (8 * MIB, 100, 100),
    (16 * MIB, 100, 100),
];

/// Octets of the fragments of a message of 4 MiB.
const FRAGMENTS: [usize; 9] = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB];

/// Octets of the chops of a message of 1 MiB.
const CHOPS: [usize; 6] = [64, 128, 256, 512, 1024, 2048];

/// Octets of messages that go back and forth, and the seconds for all of them.
const ROUND_TRIPS: [(usize, u64); 6] =
    [(0, 60), (16, 60), (64, 60), (256, 120), (1024, 240), (4096, 480)];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend((1..).zip(SIZES).map(|(third, (length, seconds, _))| {
        whole((9, 1, third), Kind::Text, repeat(TEXT, length), seconds)
    }));
    cases.extend((1..).zip(SIZES).map(|(third, (length, _, seconds))| {
        whole((9, 2, third), Kind::Binary, repeat(BINARY, length), seconds)
    }));
    cases.extend(
        (1..).zip(FRAGMENTS).map(|(third, size)| {
            fragmented((9, 3, third), Kind::Text, repeat(STAR, 4 * MIB), size)
        }),
    );
    cases.extend((1..).zip(FRAGMENTS).map(|(third, size)| {
        // Only the first of them has octets that are not UTF-8.
        let pattern = if third == 1 { OCTET } else { STAR };
        fragmented((9, 4, third), Kind::Binary, repeat(pattern, 4 * MIB), size)
    }));
    cases.extend(
        (1..)
            .zip(CHOPS)
            .map(|(third, size)| chopped((9, 5, third), Kind::Text, repeat(TEXT, MIB), size)),
    );
    cases.extend(
        (1..)
            .zip(CHOPS)
            .map(|(third, size)| chopped((9, 6, third), Kind::Binary, repeat(BINARY, MIB), size)),
    );
    for (second, kind, pattern) in [(7, Kind::Text, STAR), (8, Kind::Binary, OCTET)] {
        cases.extend((1..).zip(ROUND_TRIPS).map(|(third, (length, seconds))| {
            back_and_forth((9, second, third), kind, pattern[0], length, seconds)
        }));
    }
    cases.push(in_odd_frames());
    cases
}

fn whole(id: (u8, u8, u8), kind: Kind, payload: Payload, seconds: u64) -> Case {
    let description = format!("Sends a {kind} message of {}.", size_name(payload.len()));
    let frame = frame(kind.opcode(), payload.clone());
    echo(id, description, frame.into(), kind, payload, seconds)
}

fn fragmented(id: (u8, u8, u8), kind: Kind, payload: Payload, size: usize) -> Case {
    let description = format!(
        "Sends a {kind} message of {} in fragments of {}.",
        size_name(payload.len()),
        size_name(size),
    );
    let message = Step::Message { kind, payload: payload.clone(), fragment: Some(size) };
    echo(id, description, message, kind, payload, 100)
}

fn chopped(id: (u8, u8, u8), kind: Kind, payload: Payload, size: usize) -> Case {
    let description = format!(
        "Sends a {kind} message of {} in chops of {}.",
        size_name(payload.len()),
        size_name(size),
    );
    let frame = frame(kind.opcode(), payload.clone()).chop(size);
    echo(id, description, frame.into(), kind, payload, 1000)
}

/// A message that has to come back in this time.
fn echo(
    id: (u8, u8, u8),
    description: String,
    message: Step,
    kind: Kind,
    payload: Payload,
    seconds: u64,
) -> Case {
    case(id, description, script![message, close_after(seconds)]).answered(
        &format!("Echoes the message within {seconds} seconds."),
        vec![Event::Message(kind, payload)],
    )
}

fn back_and_forth(id: (u8, u8, u8), kind: Kind, octet: u8, length: usize, seconds: u64) -> Case {
    let count = 1000;
    let trips = RoundTrips {
        kind,
        count,
        length,
        source: Source::Octet(octet),
        fragment: None,
        limit: Duration::from_secs(seconds),
    };
    round_trips(
        id,
        format!("Sends {count} {kind} messages of {length} octets, each after the last echo."),
        format!("Echoes all of them within {seconds} seconds."),
        trips,
    )
}

fn in_odd_frames() -> Case {
    let payload = repeat(STAR, 64 * KIB);
    let message =
        Step::Message { kind: Kind::Text, payload: payload.clone(), fragment: Some(1300) };
    case(
        (10, 1, 1),
        "Sends a text message of 64 KiB in fragments of 1300 octets.",
        script![message, fail_after(10)],
    )
    .answered("Echoes the message.", vec![Event::Message(Kind::Text, payload)])
}

/// Such as `64 octets`, `4 KiB`, `1 MiB`.
fn size_name(octets: usize) -> String {
    match octets {
        MIB.. => format!("{} MiB", octets / MIB),
        KIB.. => format!("{} KiB", octets / KIB),
        _ => format!("{octets} octets"),
    }
}
