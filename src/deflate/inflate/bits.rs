//! The input as a stream of bits, the lowest bit of each byte first [RFC 1951 §3.1.1].

use crate::slice;

/// A part of the input: what is left of it, and all of it.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) rest: &'a [u8],
    all: &'a [u8],
}

impl<'a> Input<'a> {
    pub(super) const fn new(all: &'a [u8]) -> Self {
        Self { rest: all, all }
    }

    /// How many bytes were moved to a [`BitBuffer`] or copied.
    pub(super) fn consumed(&self) -> usize {
        self.all.len() - self.rest.len()
    }
}

/// The next `count` bits of the input. The bits above them are zeros.
///
/// `count` is at most 63 between calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BitBuffer {
    pub(super) bits: u64,
    pub(super) count: u32,
}

impl BitBuffer {
    pub(super) const EMPTY: Self = Self { bits: 0, count: 0 };

    /// Moves bytes from the input here: until there are 56 bits, or the input ends.
    #[inline(always)]
    pub(super) fn refill(&mut self, input: &mut Input<'_>) {
        let mut bytes = (63 - self.count) / 8;
        let word = if let Some(word) = input.rest.first_chunk() {
            u64::from_le_bytes(*word)
        } else {
            // Fewer than eight bytes are left.
            let left = input.rest.len() as u32;
            bytes = bytes.min(left);
            if bytes == 0 {
                return;
            }
            match input.all.last_chunk() {
                Some(word) => u64::from_le_bytes(*word) >> (64 - 8 * left),
                None => input.rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
            }
        };
        self.bits |= word << self.count;
        self.count += 8 * bytes;
        self.bits &= (1 << self.count) - 1;
        input.rest = slice::tail(input.rest, bytes as usize);
    }

    /// The same, as a call where code has to be small.
    #[inline(always)]
    pub(super) fn refill_for<const SMALL: bool>(&mut self, input: &mut Input<'_>) {
        if SMALL { self.refill_cold(input) } else { self.refill(input) }
    }

    /// The same, as a call.
    #[inline(never)]
    fn refill_cold(&mut self, input: &mut Input<'_>) {
        self.refill(input);
    }

    /// Whether there are `count` bits, 56 at most, after a refill.
    #[inline(always)]
    pub(super) fn has(&mut self, count: u32, input: &mut Input<'_>) -> bool {
        if self.count < count {
            self.refill_cold(input);
        }
        self.count >= count
    }

    /// The next `count` bits, 31 at most.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.bits & ((1 << count) - 1)) as u32
    }

    /// Removes `count` bits, 63 at most. If there are fewer, the count wraps around.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.bits >>= count;
        self.count = self.count.wrapping_sub(count);
    }

    /// Removes the next `count` bits and returns them.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let bits = self.peek(count);
        self.skip(count);
        bits
    }

    /// Skips to the next byte boundary.
    #[inline(always)]
    pub(super) fn align(&mut self) {
        self.skip(self.count % 8);
    }
}
