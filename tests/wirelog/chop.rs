//! However the octets are chopped, the same is found in them.

use proptest::collection::vec;
use proptest::prelude::*;

use super::common::wire::{self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use super::*;

/// A whole conversation, in runs of one direction.
fn conversation() -> Vec<(Direction, Vec<u8>)> {
    let client = |first, payload: &[u8]| wire::frame(true, first, payload);
    let server = |first, payload: &[u8]| wire::frame(false, first, payload);
    vec![
        (Sent, REQUEST.to_vec()),
        (Received, [RESPONSE, &server(FIN | TEXT, b"welcome")].concat()),
        (Sent, client(TEXT, b"first, ")),
        (Sent, client(FIN | PING, b"there?")),
        (Received, server(FIN | PONG, b"there?")),
        (Sent, [client(CONTINUATION, b""), client(FIN | CONTINUATION, b"last")].concat()),
        (Received, server(FIN | BINARY, &[7; 300])),
        (Sent, client(FIN | CLOSE, &wire::close_payload(1000, "bye"))),
        (Received, server(FIN | CLOSE, &wire::close_payload(1000, ""))),
    ]
}

/// What is found when each run comes in chops of these sizes, over and over.
fn chopped(runs: &[(Direction, Vec<u8>)], log: WireLog, sizes: &[usize]) -> Vec<Found> {
    let mut log = log;
    let mut sizes = sizes.iter().cycle();
    let mut all = vec![];
    for (direction, run) in runs {
        let mut rest = &run[..];
        while !rest.is_empty() {
            let (chop, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            all.extend(found(&mut log, *direction, chop));
            rest = later;
        }
    }
    all
}

#[test]
fn a_conversation_is_found_as_it_was_made() {
    let found = chopped(&conversation(), WireLog::new(), &[usize::MAX]);
    let summary: Vec<_> = found
        .iter()
        .map(|found| match found {
            Found::Head { direction, offset, head } => (*direction, *offset, 0, head.len() as u64),
            Found::Frame(frame) => (frame.direction, frame.offset, frame.first, frame.payload_len),
            Found::Lost { .. } => panic!("{found:?}"),
        })
        .collect();
    let (request, response) = (REQUEST.len() as u64, RESPONSE.len() as u64);
    assert_eq!(
        summary,
        [
            (Sent, 0, 0, request),
            (Received, 0, 0, response),
            (Received, response, FIN | TEXT, 7),
            (Sent, request, TEXT, 7),
            (Sent, request + 13, FIN | PING, 6),
            (Received, response + 9, FIN | PONG, 6),
            (Sent, request + 25, CONTINUATION, 0),
            (Sent, request + 31, FIN | CONTINUATION, 4),
            (Received, response + 17, FIN | BINARY, 300),
            (Sent, request + 41, FIN | CLOSE, 5),
            (Received, response + 321, FIN | CLOSE, 2),
        ]
    );
    assert_eq!(found[0], Found::Head { direction: Sent, offset: 0, head: REQUEST.to_vec() });
    let Found::Frame(close) = &found[9] else { panic!("{found:?}") };
    assert_eq!(close.close, Some((1000, b"bye".to_vec())));
    assert_eq!(close.mask, Some(MaskKey::new(wire::KEY)));
    let Found::Frame(binary) = &found[8] else { panic!("{found:?}") };
    assert_eq!((&binary.preview, binary.mask), (&vec![7; WireLog::PREVIEW], None));
}

#[test]
fn chops_of_every_size_give_the_same() {
    let runs = conversation();
    let whole = chopped(&runs, WireLog::new(), &[usize::MAX]);
    let longest = runs.iter().map(|(_, run)| run.len()).max().unwrap();
    for size in 1..=longest {
        assert_eq!(chopped(&runs, WireLog::new(), &[size]), whole, "chops of {size}");
        assert_eq!(chopped(&runs, WireLog::new(), &[size, 1]), whole, "chops of {size} and 1");
    }
}

#[test]
fn every_cut_gives_the_same() {
    let runs = conversation();
    let whole = chopped(&runs, WireLog::new(), &[usize::MAX]);
    for (index, (direction, run)) in runs.iter().enumerate() {
        for cut in 1..run.len() {
            let mut cut_runs = runs.clone();
            let rest = cut_runs[index].1.split_off(cut);
            cut_runs.insert(index + 1, (*direction, rest));
            let found = chopped(&cut_runs, WireLog::new(), &[usize::MAX]);
            assert_eq!(found, whole, "run {index} cut at {cut}");
        }
    }
}

/// A header with any bits, its length in any form that can be followed, and its payload.
#[derive(Clone, Debug)]
struct AnyFrame {
    first: u8,
    masked: bool,
    /// The octets of the length beyond the seven bits.
    form: usize,
    payload: Vec<u8>,
}

impl AnyFrame {
    fn bytes(&self) -> Vec<u8> {
        let length = self.payload.len() as u64;
        let extended = &length.to_be_bytes()[8 - self.form..];
        let seven = match self.form {
            0 => u8::try_from(length).expect("seven bits"),
            2 => 126,
            _ => 127,
        };
        let mut frame = wire::header_in_form(self.masked, self.first, seven, extended);
        let start = frame.len();
        frame.extend(&self.payload);
        if self.masked {
            wire::mask(&mut frame[start..]);
        }
        frame
    }

    fn found(&self, offset: u64) -> Found {
        let length = self.payload.len();
        let control = self.first & 8 != 0;
        let reserved = !matches!(self.first & 0xF, 0..=2 | 8..=10);
        let shortest = if length < 126 { 0 } else { 2 };
        let opcode = || sansocket::frame::Opcode::from_bits(self.first & 0xF).unwrap();
        Found::Frame(FoundFrame {
            direction: Received,
            offset,
            first: self.first,
            mask: self.masked.then_some(MaskKey::new(wire::KEY)),
            header_len: 2 + self.form + if self.masked { 4 } else { 0 },
            payload_len: length as u64,
            preview: self.payload[..length.min(WireLog::PREVIEW)].to_vec(),
            close: match &self.payload[..length.min(125)] {
                [high, low, reason @ ..] if self.first & 0xF == CLOSE => {
                    Some((u16::from_be_bytes([*high, *low]), reason.to_vec()))
                }
                _ => None,
            },
            remark: if reserved {
                Some(FrameError::ReservedOpcode(self.first & 0xF))
            } else if control && self.first & FIN == 0 {
                Some(FrameError::FragmentedControl(opcode()))
            } else if control && self.form > 0 {
                Some(FrameError::ControlLength(opcode()))
            } else if self.form > shortest {
                Some(FrameError::LengthNotMinimal(length as u64))
            } else {
                None
            },
        })
    }
}

fn any_frame() -> impl Strategy<Value = AnyFrame> {
    let form = prop_oneof![Just((0, 126)), Just((2, 300)), Just((8, 300))];
    (any::<u8>(), any::<bool>(), form).prop_flat_map(|(first, masked, (form, below))| {
        vec(any::<u8>(), 0..below).prop_map(move |payload| AnyFrame {
            first,
            masked,
            form,
            payload,
        })
    })
}

/// Octets that get far into headers before a length is too long to come to an end.
fn any_octets() -> impl Strategy<Value = Vec<u8>> {
    let octet = prop_oneof![any::<u8>(), 0..16u8, 0x80..0x90u8, Just(126), Just(127)];
    vec(octet, 0..300)
}

fn any_sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(1..40usize, 1..8)
}

const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/wirelog.txt");

proptest! {
    #![proptest_config(common::settings(REGRESSIONS))]

    #[test]
    fn any_frames_are_found_as_they_were_made(
        frames in vec(any_frame(), 0..8),
        sizes in any_sizes(),
    ) {
        let mut wire = vec![];
        let mut expected = vec![];
        for frame in &frames {
            expected.push(frame.found(wire.len() as u64));
            wire.extend(frame.bytes());
        }
        let found = chopped(&[(Received, wire)], WireLog::established(), &sizes);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_octets_in_any_chops_give_the_same(
        octets in any_octets(),
        head in prop_oneof![Just(&b""[..]), Just(REQUEST), Just(RESPONSE)],
        sizes in any_sizes(),
        preview in 0..80usize,
    ) {
        let runs = [(Sent, [head, &octets].concat()), (Received, octets)];
        for log in [WireLog::new().preview(preview), WireLog::established().preview(preview)] {
            let whole = chopped(&runs, log.clone(), &[usize::MAX]);
            prop_assert_eq!(chopped(&runs, log, &sizes), whole);
        }
    }
}
