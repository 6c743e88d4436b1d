//! The backend zlib-rs, for both directions: faster than miniz_oxide, and with more memory.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, Status};

use super::{Deflating, Inflated, Inflating, InvalidDeflate, TAIL, WindowBits, bound};

/// How much comes out of one step of decompression at most: at first, and once messages were long.
///
/// What zlib-rs finds in the output of the same step is copied much faster than what it has to look
/// up in its window, so a few long steps are better than many short ones.
const ROOM: usize = 4 * 1024;
const LONG_ROOM: usize = 64 * 1024;

/// A block without content, as it stands at a byte boundary.
const EMPTY_BLOCK: [u8; 5] = [0, 0, 0, 0xFF, 0xFF];

/// The decompressor of one direction.
///
/// zlib-rs has a window of 32 KiB whatever it is opened with, so a message that reaches farther
/// back than was agreed on is not refused; nor does it find anything but what came before it.
///
/// The memory is filled from its start to its end, lap by lap. A step writes to no more than the
/// `room` bytes from `at` on, so the last lap still stands behind them:
///
/// ```text
///  0            at       at + room              lap     the end
///  | this lap   | room   | last lap             |       |
/// ```
///
/// Both laps together are as long as the window, at least.
pub(crate) struct Inflater {
    zlib: Inflate,
    /// As long as the window, and twice the room.
    memory: Box<[u8]>,
    room: usize,
    /// Where the next byte goes.
    at: usize,
    /// Where the last lap ended.
    lap: usize,
    /// The last step had no room left, so the next one may give more without any input.
    full: bool,
    /// What comes next is not deflate data.
    invalid: bool,
}

impl Inflater {
    pub(crate) fn new(bits: WindowBits) -> Self {
        Self {
            zlib: Inflate::new(false, bits.get()),
            memory: vec![0; bits.size() + 2 * ROOM].into(),
            room: ROOM,
            at: 0,
            lap: 0,
            full: false,
            invalid: false,
        }
    }

    fn step(&mut self, input: &[u8], flush: InflateFlush) -> Result<Inflated, InvalidDeflate> {
        if self.full && self.room < LONG_ROOM {
            self.widen();
        }
        if self.at + self.room > self.memory.len() {
            self.lap = self.at;
            self.at = 0;
        }
        let start = self.at;
        let room = self.memory.get_mut(start..start + self.room).unwrap_or_default();
        let before = (self.zlib.total_in(), self.zlib.total_out());
        let status = self.zlib.decompress(input, room, flush);
        let mut consumed = difference(before.0, self.zlib.total_in());
        let length = difference(before.1, self.zlib.total_out());
        self.at = start + length;
        self.full = length == self.room;
        match status {
            Ok(Status::StreamEnd) => self.go_on()?,
            Ok(_) => {}
            // What came before the mistake is given first, and the mistake when it is asked again
            // with the same input: so it makes no difference how the input was cut.
            Err(_) if length > 0 => {
                self.invalid = true;
                consumed = 0;
            }
            Err(_) => return Err(InvalidDeflate),
        }
        Ok(Inflated { consumed, start, length })
    }

    /// Takes more memory, with the window at its start.
    fn widen(&mut self) {
        let window = self.memory.len() - 2 * self.room;
        let room = (4 * self.room).min(LONG_ROOM);
        let mut memory = Vec::with_capacity(window + 2 * room);
        let laps = laps(&self.memory, self.at, self.room, self.lap);
        laps.into_iter().for_each(|lap| memory.extend_from_slice(lap));
        let excess = memory.len().saturating_sub(window);
        memory.drain(..excess);
        self.at = memory.len();
        self.lap = 0;
        memory.resize(window + 2 * room, 0);
        self.memory = memory.into();
        self.room = room;
    }

    /// Begins a stream with the window of the one that ended: its last block is not that of the
    /// message, nor of those to come [RFC 7692 §7.2.3.4].
    fn go_on(&mut self) -> Result<(), InvalidDeflate> {
        self.zlib.reset(false);
        self.full = false;
        for part in laps(&self.memory, self.at, self.room, self.lap) {
            self.zlib.set_dictionary(part).map_err(|_| InvalidDeflate)?;
        }
        Ok(())
    }
}

/// What is left of the last lap, and this one.
fn laps(memory: &[u8], at: usize, room: usize, lap: usize) -> [&[u8]; 2] {
    let last = memory.get(at + room..lap);
    [last.unwrap_or_default(), memory.get(..at).unwrap_or_default()]
}

impl Inflating for Inflater {
    fn inflate(&mut self, input: &[u8]) -> Result<Inflated, InvalidDeflate> {
        if self.invalid {
            return Err(InvalidDeflate);
        }
        if input.is_empty() && !self.full {
            return Ok(Inflated { consumed: 0, start: self.at, length: 0 });
        }
        self.step(input, InflateFlush::NoFlush)
    }

    fn memory(&self) -> &[u8] {
        &self.memory
    }

    /// zlib-rs does not say, but between two blocks, and hardly elsewhere, an empty block makes no
    /// difference: a step that stops at the end of a block takes it and not the byte behind it.
    fn is_between_blocks(&mut self) -> bool {
        let mut probe = [0; EMPTY_BLOCK.len() + 1];
        let (block, _) = probe.split_at_mut(EMPTY_BLOCK.len());
        block.copy_from_slice(&EMPTY_BLOCK);
        let step = self.step(&probe, InflateFlush::Block);
        step.is_ok_and(|step| step.consumed == EMPTY_BLOCK.len() && step.length == 0)
    }

    /// A message that refers to what was before its start is refused.
    fn reset(&mut self) {
        self.zlib.reset(false);
        self.at = 0;
        self.lap = 0;
        self.full = false;
        self.invalid = false;
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inflater(zlib-rs)")
    }
}

/// How much input zlib-rs gets at once: it counts input and output in 32 bits.
const PIECE: usize = 1 << 30;

/// The most bytes that a stored block holds.
const STORED: usize = 0xFFFF;

/// The compressor of one direction, with the last part of a message that it has compressed.
///
/// zlib-rs always gets more room than its output can need. In zlib-rs 0.6.8 an output that was cut
/// short leaves an offset in the stream that `Deflate::reset` keeps; a few of them, and an
/// assertion fails (in release too). With level 1 the same assertion fails without a reset.
/// As long as no output is cut short, none of the assertions of zlib-rs can fail:
///
/// - `Deflate::new` requires a level of 0 to 9 and, without a header, a window of 9 to 15 bits, and
///   panics if there is no memory, as any allocation does.
/// - `compress` fails an assertion if more than 64 KiB wait for room in the output. Each call here
///   starts with nothing waiting. At level 1 what waits goes out before it is that much. At the
///   others a block waits until it is complete, and then goes out at once. It has at most 16,383
///   symbols of up to 31 bits, or is stored if that is shorter; so it is shorter than 63 KiB.
/// - The other assertions in `compress` are about the window and the Huffman codes. Their
///   conditions hold for every input [zlib-rs 0.6.8, `fill_window`, `longest_match`, `gen_codes`].
/// - `reset` fails no assertion, and after a complete flush it leaves no offset.
/// - `total_in` and `total_out` return a field.
pub(crate) struct Compressor {
    zlib: Deflate,
    bits: u8,
    level: u8,
    /// The last part and what was left of the room for it.
    output: Vec<u8>,
    length: usize,
}

impl Compressor {
    /// zlib-rs has no window of 256 bytes for streams without a header; but in one of 512 it looks
    /// back no farther than 250, as it keeps 262 bytes for what is to come.
    pub(crate) fn new(bits: WindowBits, level: u8) -> Self {
        let (bits, level) = (bits.get().max(9), level.clamp(1, 9));
        Self { zlib: deflate(bits, level), bits, level, output: Vec::new(), length: 0 }
    }

    /// Appends a piece of input, compressed and flushed, with `room` bytes for it.
    ///
    /// If that is not enough, the piece is stored. A stream that was cut short is never used
    /// again: neither continued nor reset.
    fn append(&mut self, piece: &[u8], room: usize) {
        let end = self.length.saturating_add(room);
        if self.output.len() < end {
            self.output.resize(end, 0);
        }
        let output = self.output.get_mut(self.length..end).unwrap_or_default();
        let before = (self.zlib.total_in(), self.zlib.total_out());
        let status = self.zlib.compress(piece, output, DeflateFlush::SyncFlush);
        let taken = difference(before.0, self.zlib.total_in());
        let length = difference(before.1, self.zlib.total_out());
        // A flush is complete if it leaves room.
        if status.is_ok() && taken == piece.len() && length < room {
            self.length += length;
        } else {
            self.store(piece);
            self.zlib = deflate(self.bits, self.level);
        }
    }

    /// Appends a piece of input as it is, and the end of a flush.
    fn store(&mut self, piece: &[u8]) {
        self.output.truncate(self.length);
        for block in piece.chunks(STORED) {
            // A chunk is no longer than 16 bits can say.
            #[allow(clippy::cast_possible_truncation)]
            let length = block.len() as u16;
            self.output.push(0);
            self.output.extend_from_slice(&length.to_le_bytes());
            self.output.extend_from_slice(&(!length).to_le_bytes());
            self.output.extend_from_slice(block);
        }
        self.output.extend_from_slice(&EMPTY_BLOCK);
        self.length = self.output.len();
    }
}

/// A compressor of raw deflate data.
fn deflate(bits: u8, level: u8) -> Deflate {
    Deflate::new(level.into(), false, bits)
}

impl Deflating for Compressor {
    /// `Deflate::reset` keeps the window. A part changes nothing with what is left there, but at
    /// its end up to three bytes behind it are hashed, which later parts may find
    /// [zlib-rs 0.6.8, `fill_window`, `deflate_fast`].
    const IS_NEW_AFTER_RESET: bool = false;

    fn compress(&mut self, part: &[u8], limit: usize) -> bool {
        self.length = 0;
        for piece in part.chunks(PIECE) {
            self.append(piece, bound(piece.len()) + 1);
        }
        self.output().strip_suffix(&TAIL).is_some_and(|compressed| compressed.len() <= limit)
    }

    fn output(&self) -> &[u8] {
        self.output.get(..self.length).unwrap_or_default()
    }

    fn reset(&mut self) {
        // It clears a table of 128 KiB.
        if self.zlib.total_in() > 0 {
            self.zlib.reset();
        }
    }

    fn shrink(&mut self, retain: usize) {
        self.length = 0;
        self.output.truncate(retain);
        self.output.shrink_to(retain);
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compressor(zlib-rs)")
    }
}

/// How far a counter has come in a step, which is never more than there is memory for.
fn difference(before: u64, after: u64) -> usize {
    usize::try_from(after.wrapping_sub(before)).unwrap_or(usize::MAX)
}

#[cfg(test)]
// Samples are made of whatever numbers there are.
#[allow(clippy::cast_possible_truncation)]
mod tests {
    use super::*;
    use crate::deflate::{compress, inflate};
    use proptest::prelude::*;

    /// A compressor of either backend.
    trait Compresses {
        /// A message compressed, if that makes it shorter; if not, the compressor is reset.
        fn message(&mut self, message: &[u8]) -> Option<Vec<u8>>;
        /// A part of a message, compressed and flushed.
        fn part(&mut self, part: &[u8]) -> Vec<u8>;
        fn forget(&mut self);
    }

    /// A decompressor of either backend.
    trait Inflates {
        fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<usize, InvalidDeflate>;
        fn end(&mut self) -> Result<(), InvalidDeflate>;
        fn forget(&mut self);

        /// A message that comes in parts of so many bytes.
        fn message(&mut self, input: &[u8], part: usize) -> Result<Vec<u8>, InvalidDeflate> {
            let mut output = Vec::new();
            for mut input in input.chunks(part).chain([&TAIL[..], &[]]) {
                loop {
                    let before = output.len();
                    let consumed = self.step(input, &mut output)?;
                    input = &input[consumed..];
                    if consumed == 0 && output.len() == before {
                        break;
                    }
                }
            }
            self.end()?;
            Ok(output)
        }
    }

    macro_rules! backends {
        ($($compressor:ty, $inflater:ty;)*) => {$(
            impl Compresses for $compressor {
                fn message(&mut self, message: &[u8]) -> Option<Vec<u8>> {
                    let compressed = self.compress_if_shorter(message).map(<[u8]>::to_vec);
                    self.shrink(16);
                    compressed
                }

                fn part(&mut self, part: &[u8]) -> Vec<u8> {
                    self.compress(part, usize::MAX);
                    self.output().to_vec()
                }

                fn forget(&mut self) {
                    self.reset();
                }
            }

            impl Inflates for $inflater {
                fn step(
                    &mut self,
                    input: &[u8],
                    output: &mut Vec<u8>,
                ) -> Result<usize, InvalidDeflate> {
                    let Inflated { consumed, start, length } = self.inflate(input)?;
                    output.extend_from_slice(&self.memory()[start..start + length]);
                    Ok(consumed)
                }

                fn end(&mut self) -> Result<(), InvalidDeflate> {
                    self.is_between_blocks().then_some(()).ok_or(InvalidDeflate)
                }

                fn forget(&mut self) {
                    self.reset();
                }
            }
        )*};
    }

    backends! {
        Compressor, Inflater;
        compress::Compressor, inflate::HeapInflater;
    }

    /// "Hello", compressed, and again with a window that holds the first [RFC 7692 §7.2.3.1–2].
    const HELLO: [u8; 7] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00];
    const HELLO_AGAIN: [u8; 5] = [0xF2, 0x00, 0x11, 0x00, 0x00];

    /// The same in a block with BFINAL set [RFC 7692 §7.2.3.4].
    const HELLO_FINAL: [u8; 8] = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00];

    fn bits(bits: u8) -> WindowBits {
        WindowBits::new(bits).expect("a valid window")
    }

    /// Bytes that look random, out of an alphabet of so many.
    fn noise(seed: u32, alphabet: u32, length: usize) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) % alphabet) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let mut inflater = Inflater::new(WindowBits::MAX);
        for payload in [&HELLO[..], &HELLO_AGAIN, &HELLO_FINAL, &HELLO_AGAIN] {
            assert_eq!(inflater.message(payload, 64).as_deref(), Ok(&b"Hello"[..]));
        }
    }

    #[test]
    fn what_was_before_a_reset_is_out_of_reach() {
        let mut inflater = Inflater::new(WindowBits::MAX);
        inflater.message(&HELLO_FINAL, 64).expect("valid");
        inflater.forget();
        assert_eq!(inflater.message(&HELLO_AGAIN, 64), Err(InvalidDeflate));
    }

    #[test]
    fn the_window_outlives_the_last_block_of_a_stream() {
        // In the last two the room has to grow: at once, and in the second lap.
        let cases = [(8, 7, 40), (9, 100, 40), (12, 1000, 40), (15, 10_000, 0), (14, 9_000, 25)];
        for (window, part, short) in cases {
            let mut inflater = Inflater::new(bits(window));
            let size = bits(window).size();
            let mut zlib = Deflate::new(6, false, 15);
            let mut sent = Vec::new();
            for round in 0..40 {
                let length = if round < short { 1 + 97 * round as usize } else { 4500 };
                // The start of the window as it is, then something new.
                let oldest = sent.len().saturating_sub(size);
                let mut message = sent[oldest..].iter().copied().take(60).collect::<Vec<u8>>();
                message.extend(noise(round, 256, length));
                zlib.reset();
                zlib.set_dictionary(&sent[oldest..]).expect("a raw stream");
                let mut payload = vec![0; message.len() + 64];
                let status = zlib.compress(&message, &mut payload, DeflateFlush::Finish);
                assert_eq!(status, Ok(Status::StreamEnd));
                payload.truncate(zlib.total_out() as usize);
                payload.push(0);
                assert_eq!(inflater.message(&payload, part).as_ref(), Ok(&message));
                sent.extend(message);
            }
        }
    }

    #[test]
    fn a_message_without_its_end_is_noticed() {
        let text = noise(1, 4, 300);
        for level in [1, 6] {
            let mut compressor = Compressor::new(WindowBits::MAX, level);
            let payload = Compresses::message(&mut compressor, &text).expect("shorter");
            for end in 0..payload.len() {
                let mut inflater = Inflater::new(WindowBits::MAX);
                assert_eq!(inflater.message(&payload[..end], 64), Err(InvalidDeflate), "{end}");
            }
        }
    }

    #[test]
    fn a_window_of_256_bytes_is_used_but_not_exceeded() {
        // Repetitions of what is so far back, for the shortest and the longest that there may be.
        for (distance, found) in [(100, true), (250, true), (251, false), (256, false)] {
            let mut message = noise(7, 256, distance);
            message.extend_from_within(..);
            for level in 2..=9 {
                let mut compressor = Compressor::new(WindowBits::MIN, level);
                let payload = Compresses::message(&mut compressor, &message);
                assert_eq!(payload.is_some(), found, "{distance} bytes back at level {level}");
            }
        }
    }

    #[test]
    fn what_needs_more_room_than_there_is_is_stored() {
        for (window, level) in (8..=15).flat_map(|bits| (1..=9).map(move |level| (bits, level))) {
            let mut compressor = Compressor::new(bits(window), level);
            let mut inflater = inflate::Inflater::new(bits(window));
            for (seed, length) in (0..).zip([1, 7, 300, 70_000, 140_000]) {
                for (alphabet, room) in [(2, 3), (256, length / 2 + 1), (9, length / 8 + 1)] {
                    // At first without any room, then with enough.
                    let message = noise(seed, alphabet, length);
                    compressor.length = 0;
                    compressor.append(&message, room);
                    let shorter = message.len().saturating_sub(1);
                    assert!(compressor.output().len() < message.len() + 24, "stored, not expanded");
                    let payload = compressor.output().strip_suffix(&TAIL).expect("flushed");
                    assert_eq!(inflater.message(payload, 999).as_ref(), Ok(&message));
                    if compressor.compress(&message, shorter) {
                        let payload = compressor.output().strip_suffix(&TAIL).expect("flushed");
                        assert_eq!(inflater.message(payload, 999).as_ref(), Ok(&message));
                    } else {
                        compressor.reset();
                    }
                }
            }
        }
    }

    #[test]
    fn what_gets_longer_is_given_up() {
        for (window, level) in (8..=15).flat_map(|bits| [(bits, 1), (bits, 6)]) {
            let mut compressor = Compressor::new(bits(window), level);
            let mut inflater = inflate::Inflater::new(bits(window));
            for length in [1, 2, 5, 100, 100_000] {
                assert_eq!(Compresses::message(&mut compressor, &noise(3, 256, length)), None);
                let text = noise(4, 2, 500);
                let payload = Compresses::message(&mut compressor, &text).expect("shorter");
                assert_eq!(inflater.message(&payload, 64).as_ref(), Ok(&text));
            }
        }
    }

    /// A message that repeats parts of those before it.
    fn message(seed: u32, alphabet: u32, length: usize, before: &[u8]) -> Vec<u8> {
        let mut message = Vec::new();
        while message.len() < length {
            let size = before.len().max(1);
            let at = (seed as usize).wrapping_mul(message.len() + 7) % size;
            let copy = &before[at.min(before.len())..];
            message.extend_from_slice(&copy[..copy.len().min(40)]);
            message.extend(noise(seed ^ at as u32, alphabet, 1 + at % 50));
        }
        message
    }

    /// Lengths of parts of messages, many of which are very short.
    fn parts() -> impl Strategy<Value = usize> {
        prop_oneof![1usize..8, 1usize..300, 1usize..6000, Just(40_000)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// What either backend compresses, the other reads with no more than the window agreed on.
        #[test]
        fn both_backends_understand_each_other(
            window in 8u8..=15,
            level in 0u8..=9,
            takeover: bool,
            part in 1usize..2000,
            messages in prop::collection::vec((any::<u32>(), 2u32..256, 1usize..6000), 1..24),
        ) {
            let window = bits(window);
            let pairs: [(Box<dyn Compresses>, Box<dyn Inflates>); 3] = [
                (Box::new(Compressor::new(window, level)), Box::new(inflate::Inflater::new(window))),
                (Box::new(compress::Compressor::new(window, level)), Box::new(Inflater::new(window))),
                (Box::new(Compressor::new(window, level)), Box::new(Inflater::new(window))),
            ];
            for (mut compressor, mut inflater) in pairs {
                let mut sent = Vec::new();
                for &(seed, alphabet, length) in &messages {
                    let message = message(seed, alphabet, length, &sent);
                    let Some(payload) = compressor.message(&message) else {
                        continue;
                    };
                    let got = inflater.message(&payload, part);
                    prop_assert_eq!(got.as_ref(), Ok(&message));
                    sent.extend(message);
                    if !takeover {
                        inflater.forget();
                        compressor.forget();
                    }
                }
            }
        }

        /// What was compressed before a reset makes no difference to what comes after it: with
        /// zlib-rs, to the first part.
        #[test]
        fn a_reset_compressor_is_like_a_new_one(
            window in 8u8..=15,
            level in 1u8..=9,
            seed: u32,
            before in prop::collection::vec((2u32..256, parts()), 1..6),
            after in prop::collection::vec((2u32..256, parts()), 1..12),
        ) {
            let window = bits(window);
            let mut used = Compressor::new(window, level);
            let mut used_oxide = compress::Compressor::new(window, level);
            let mut new_oxide = compress::Compressor::new(window, level);
            let mut text = noise(seed, 3, 100);
            for (alphabet, length) in before {
                text = message(seed, alphabet, length, &text);
                used.part(&text);
                used_oxide.part(&text);
            }
            used_oxide.forget();
            for (at, (alphabet, length)) in (0..).zip(after) {
                // A part of what is known already, among others.
                let part = message(seed ^ at, alphabet, length, &text);
                let part = &part[..length];
                used.forget();
                let new = Compressor::new(window, level).part(part);
                prop_assert_eq!(used.part(part), new, "zlib-rs, part {}", at);
                let new = new_oxide.part(part);
                prop_assert_eq!(used_oxide.part(part), new, "miniz_oxide, part {}", at);
            }
        }

        /// Whatever arrives, both backends agree on it, and on whether it has an end.
        #[test]
        fn both_backends_agree_on_anything(
            input in prop::collection::vec(any::<u8>(), 0..200),
            part in 1usize..64,
        ) {
            let ours = Inflater::new(WindowBits::MAX).message(&input, part);
            let theirs = inflate::Inflater::new(WindowBits::MAX).message(&input, part);
            match (ours, theirs) {
                (Ok(ours), theirs) => prop_assert_eq!(Ok(ours), theirs),
                // miniz_oxide reads zeros where there is nothing yet.
                (Err(InvalidDeflate), _) => {}
            }
        }
    }
}
