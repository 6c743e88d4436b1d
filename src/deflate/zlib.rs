//! Compression by zlib-rs: faster than miniz_oxide, and with more memory.

use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate, DeflateFlush};

use super::{Deflating, TAIL, WindowBits};

/// The compressor of one direction, with the last part of a message that it has compressed.
pub(crate) struct Compressor {
    zlib: Deflate,
    /// The last part and what was left of the room for it.
    output: Vec<u8>,
    length: usize,
}

impl Compressor {
    /// zlib-rs has no window of 256 bytes for streams without a header; but in one of 512 it looks
    /// back no farther than 250, as it keeps 262 bytes for what is to come.
    ///
    /// Levels below 2 become that: with them zlib-rs 0.6.8 panics when the room for the output is
    /// less than what it would write.
    pub(crate) fn new(bits: WindowBits, level: u8) -> Self {
        let zlib = Deflate::new(level.max(2).into(), false, bits.get().max(9));
        Self { zlib, output: Vec::new(), length: 0 }
    }
}

impl Deflating for Compressor {
    fn compress(&mut self, part: &[u8], limit: usize) -> bool {
        // What leaves no byte of this free is too long, or its flush is not complete.
        let room = limit.saturating_add(TAIL.len() + 1);
        if self.output.len() < room {
            self.output.resize(room, 0);
        }
        let output = self.output.get_mut(..room).unwrap_or_default();
        let before = self.zlib.total_out();
        let status = self.zlib.compress(part, output, DeflateFlush::SyncFlush);
        self.length = difference(before, self.zlib.total_out());
        status.is_ok() && self.length < room && self.output().ends_with(&TAIL)
    }

    fn output(&self) -> &[u8] {
        self.output.get(..self.length).unwrap_or_default()
    }

    fn reset(&mut self) {
        self.zlib.reset();
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
        /// A message compressed, if that makes it shorter; if not, the compressor is reset.
        fn message(&mut self, message: &[u8]) -> Option<Vec<u8>>;
        fn forget(&mut self);
    }

    impl<C: Deflating> Compresses for C {
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
    }
}
