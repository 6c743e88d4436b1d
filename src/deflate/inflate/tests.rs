//! The small decoder and the fast one are equal, with any memory and however the input is cut.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{Inflater, SLACK};
use crate::deflate::compress::Compressor;
use crate::deflate::{Deflating, Inflated, Refused, TAIL, WindowBits};

/// What a message was decompressed to, and the error if there is one.
type Outcome = (Vec<u8>, Option<Refused>);

/// Decompresses messages that come in parts of `part` bytes, to `room` bytes at a time, until one
/// is refused.
fn outcomes<const SMALL: bool>(
    bits: WindowBits,
    slack: usize,
    messages: &[Vec<u8>],
    part: usize,
    room: usize,
) -> Vec<Outcome> {
    let mut inflater = Inflater::<SMALL>::new(bits);
    // What is in the memory at first must not matter.
    let mut memory = vec![0xA5; bits.size() + slack];
    let mut outcomes = Vec::new();
    for message in messages {
        let (output, refused) = outcome(&mut inflater, &mut memory, message, part, room);
        outcomes.push((output, refused));
        if refused.is_some() {
            break;
        }
    }
    outcomes
}

fn outcome<const SMALL: bool>(
    inflater: &mut Inflater<SMALL>,
    memory: &mut [u8],
    message: &[u8],
    part: usize,
    room: usize,
) -> Outcome {
    let mut output = Vec::new();
    for mut input in message.chunks(part).chain([&TAIL[..]]) {
        loop {
            let Inflated { consumed, start, length, more } =
                match inflater.inflate(memory, input, room) {
                    Ok(inflated) => inflated,
                    Err(refused) => return (output, Some(refused)),
                };
            assert!(length <= room, "{length} bytes, the room is {room}");
            output.extend_from_slice(&memory[start..start + length]);
            input = &input[consumed..];
            if !more {
                assert!(input.is_empty(), "{} bytes were left", input.len());
                break;
            }
        }
    }
    (output, inflater.end_message(true).err())
}

/// Messages of one stream, compressed with the largest window.
fn compressed(texts: &[(u8, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut compressor = Compressor::new(WindowBits::MAX, 6);
    texts
        .iter()
        .map(|(times, text)| {
            compressor.compress(&text.repeat(usize::from(*times)), usize::MAX);
            compressor.output().strip_suffix(&TAIL).expect("flushed").to_vec()
        })
        .collect()
}

fn check(bits: u8, messages: &[Vec<u8>], part: usize, room: usize) -> Result<(), TestCaseError> {
    let bits = WindowBits::new(bits).expect("a valid window");
    let fast = outcomes::<false>(bits, SLACK, messages, usize::MAX, usize::MAX);
    for slack in [0, 7, SLACK, 5000] {
        let other = outcomes::<false>(bits, slack, messages, part, room);
        prop_assert_eq!(&fast, &other, "fast, with {} bytes of slack", slack);
        let small = outcomes::<true>(bits, slack, messages, part, room);
        prop_assert_eq!(&fast, &small, "small, with {} bytes of slack", slack);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn messages_and_their_mistakes(
        bits in 8u8..=15,
        texts in prop::collection::vec((1u8..40, prop::collection::vec(0u8..12, 1..300)), 1..6),
        flips in prop::collection::vec((any::<usize>(), any::<usize>(), 0u8..8), 0..3),
        part in 1usize..700,
        room in 1usize..2000,
    ) {
        let mut messages = compressed(&texts);
        for (message, at, bit) in flips {
            let message = message % messages.len();
            let message = &mut messages[message];
            let at = at % message.len().max(1);
            if let Some(byte) = message.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        check(bits, &messages, part, room)?;
    }

    #[test]
    fn any_bytes(
        bits in 8u8..=15,
        message in prop::collection::vec(any::<u8>(), 0..300),
        part in 1usize..64,
        room in 1usize..500,
    ) {
        check(bits, &[message], part, room)?;
    }
}
