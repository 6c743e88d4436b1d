//! Compression by zlib-rs: faster than miniz_oxide, and with more memory.

use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateFlush};

use super::{Deflating, TAIL, WindowBits, bound};
use crate::slice;

/// How much input zlib-rs gets at once: it counts input and output in 32 bits.
const PIECE: usize = 1 << 30;

/// The most bytes that a stored block holds.
const STORED: usize = 0xFFFF;

/// A block without content, as it stands at a byte boundary.
const EMPTY_BLOCK: [u8; 5] = [0, 0, 0, 0xFF, 0xFF];

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
        slice::head(&self.output, self.length)
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
    use alloc::boxed::Box;

    use super::*;
    use crate::deflate::compress;
    use crate::deflate::decompressor::HeapDecompressor;
    use proptest::prelude::*;

    /// A compressor of either backend.
    trait Compresses {
        /// A part of a message, compressed and flushed.
        fn part(&mut self, part: &[u8]) -> Vec<u8>;
        /// A message compressed, if that makes it shorter; if not, the compressor is reset.
        fn message(&mut self, message: &[u8]) -> Option<Vec<u8>>;
        fn forget(&mut self);
    }

    impl<C: Deflating> Compresses for C {
        fn part(&mut self, part: &[u8]) -> Vec<u8> {
            self.compress(part, usize::MAX);
            self.output().to_vec()
        }

        fn message(&mut self, message: &[u8]) -> Option<Vec<u8>> {
            let compressed = self.compress_if_shorter(message).map(<[u8]>::to_vec);
            self.shrink(16);
            compressed
        }

        fn forget(&mut self) {
            self.reset();
        }
    }

    /// Decompresses a message that comes in parts of this many bytes.
    fn decompress(
        decompressor: &mut HeapDecompressor,
        input: &[u8],
        part: usize,
        takeover: bool,
    ) -> Vec<u8> {
        let mut output = Vec::new();
        for mut input in input.chunks(part).chain([&TAIL[..]]) {
            loop {
                let inflated = decompressor.inflate(input, usize::MAX).expect("valid");
                let memory = &decompressor.memory()[inflated.start..];
                output.extend_from_slice(&memory[..inflated.length]);
                input = &input[inflated.consumed..];
                if !inflated.more {
                    break;
                }
            }
        }
        decompressor.end_message(takeover).expect("the end of a message");
        output
    }

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
            let mut decompressor = HeapDecompressor::new(bits(window));
            for (seed, length) in (0..).zip([1, 7, 300, 70_000, 140_000]) {
                for (alphabet, room) in [(2, 3), (256, length / 2 + 1), (9, length / 8 + 1)] {
                    // At first without any room, then with enough.
                    let message = noise(seed, alphabet, length);
                    compressor.length = 0;
                    compressor.append(&message, room);
                    let shorter = message.len().saturating_sub(1);
                    assert!(compressor.output().len() < message.len() + 24, "stored, not expanded");
                    let payload = compressor.output().strip_suffix(&TAIL).expect("flushed");
                    assert_eq!(decompress(&mut decompressor, payload, 999, true), message);
                    if compressor.compress(&message, shorter) {
                        let payload = compressor.output().strip_suffix(&TAIL).expect("flushed");
                        assert_eq!(decompress(&mut decompressor, payload, 999, true), message);
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
            let mut decompressor = HeapDecompressor::new(bits(window));
            for length in [1, 2, 5, 100, 100_000] {
                assert_eq!(Compresses::message(&mut compressor, &noise(3, 256, length)), None);
                let text = noise(4, 2, 500);
                let payload = Compresses::message(&mut compressor, &text).expect("shorter");
                assert_eq!(decompress(&mut decompressor, &payload, 64, true), text);
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

        /// What either backend compresses is read with no more than the window agreed on.
        #[test]
        fn both_backends_keep_to_the_window(
            window in 8u8..=15,
            level in 0u8..=9,
            takeover: bool,
            part in 1usize..2000,
            messages in prop::collection::vec((any::<u32>(), 2u32..256, 1usize..6000), 1..24),
        ) {
            let window = bits(window);
            let compressors: [Box<dyn Compresses>; 2] = [
                Box::new(Compressor::new(window, level)),
                Box::new(compress::Compressor::new(window, level)),
            ];
            for mut compressor in compressors {
                let mut decompressor = HeapDecompressor::new(window);
                let mut sent = Vec::new();
                for &(seed, alphabet, length) in &messages {
                    let message = message(seed, alphabet, length, &sent);
                    let Some(payload) = compressor.message(&message) else {
                        continue;
                    };
                    let got = decompress(&mut decompressor, &payload, part, takeover);
                    prop_assert!(got == message);
                    sent.extend(message);
                    if !takeover {
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
    }
}
