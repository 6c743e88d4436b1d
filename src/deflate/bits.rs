//! The bit stream of DEFLATE and its fixed Huffman codes [RFC 1951 §3.1.1, §3.2.4–§3.2.6].
//!
//! The codes are computed where they are needed: they are so regular that a table would only cost
//! memory.

use crate::slice;

/// The shortest match that DEFLATE can express, in bytes.
pub(super) const MIN_MATCH: u16 = 3;

/// The longest.
pub(super) const MAX_MATCH: u16 = 258;

/// BFINAL and BTYPE of a block that is not the last: stored, or with the fixed codes.
const STORED: u32 = 0b000;
const FIXED: u32 = 0b010;
pub(super) const HEADER_BITS: u32 = 3;

/// The end-of-block symbol, 256, is seven zeros in the fixed code.
pub(super) const END_BITS: u32 = 7;

/// Bits that do not make a byte yet: what remains of a [`BitWriter`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Partial {
    bits: u8,
    count: u8,
}

/// Packs bits into bytes, the lowest bit of a byte first, in `N` bytes of memory.
pub(super) struct BitWriter<const N: usize> {
    bytes: [u8; N],
    length: usize,
    /// The bits that have not got to `bytes`; fewer than 32 between calls.
    bits: u64,
    count: u32,
}

impl<const N: usize> BitWriter<N> {
    /// Goes on behind `partial`.
    pub(super) fn new(partial: Partial) -> Self {
        let Partial { bits, count } = partial;
        Self { bytes: [0; N], length: 0, bits: bits.into(), count: count.into() }
    }

    /// How many bits there are, with those of the partial byte at the start.
    pub(super) fn bit_len(&self) -> usize {
        self.length * 8 + self.count as usize
    }

    /// Starts a block with the fixed codes.
    pub(super) fn fixed_header(&mut self) {
        self.put(FIXED, HEADER_BITS);
    }

    /// Ends a block with the fixed codes.
    pub(super) fn end_of_block(&mut self) {
        self.put(0, END_BITS);
    }

    /// Starts a stored block, up to the byte boundary where its length stands [RFC 1951 §3.2.4].
    pub(super) fn stored_header(&mut self) {
        self.put(STORED, HEADER_BITS);
        self.count = self.count.next_multiple_of(8);
    }

    /// The length of a stored block; its bytes come next.
    pub(super) fn stored_length(&mut self, length: u16) {
        self.put(length.into(), 16);
        self.put((!length).into(), 16);
    }

    /// A byte as it is.
    #[inline]
    pub(super) fn literal(&mut self, byte: u8) {
        self.symbol(byte.into());
    }

    /// A match, of [`MIN_MATCH`] to [`MAX_MATCH`] bytes that stand 1 to 32,768 bytes back.
    #[inline]
    pub(super) fn copy(&mut self, length: u16, distance: u16) {
        let length = Symbol::of_length(length);
        self.symbol(length.value);
        self.put(length.extra, length.extra_bits);
        let distance = Symbol::of_distance(distance);
        self.put(distance.value.reverse_bits() >> (u32::BITS - 5), 5);
        self.put(distance.extra, distance.extra_bits);
    }

    /// A symbol of the literal and length alphabet; of a code the highest bit goes first, of
    /// everything else the lowest.
    #[inline]
    fn symbol(&mut self, symbol: u32) {
        let (code, bits) = match symbol {
            0..=143 => (symbol + 0x30, 8),
            144..=255 => (symbol - 144 + 0x190, 9),
            256..=279 => (symbol - 256, 7),
            _ => (symbol - 280 + 0xc0, 8),
        };
        self.put(code.reverse_bits() >> (u32::BITS - bits), bits);
    }

    /// Appends up to 16 bits.
    #[inline]
    fn put(&mut self, bits: u32, count: u32) {
        self.bits |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.spill(4);
        }
    }

    /// Moves whole bytes to the memory.
    #[inline]
    fn spill(&mut self, count: u32) {
        let end = self.length + count as usize;
        debug_assert!(end <= N, "the memory is what can be written at most");
        let bytes = self.bits.to_le_bytes();
        if let Some(target) = self.bytes.get_mut(self.length..end) {
            for (target, byte) in target.iter_mut().zip(bytes) {
                *target = byte;
            }
        }
        self.length = end;
        self.bits >>= 8 * count;
        self.count -= 8 * count;
    }

    /// The whole bytes, and the bits behind them.
    pub(super) fn finish(&mut self) -> (&[u8], Partial) {
        self.spill(self.count / 8);
        // Fewer than eight are left.
        #[allow(clippy::cast_possible_truncation)]
        let partial = Partial { bits: self.bits as u8, count: self.count as u8 };
        (slice::head(&self.bytes, self.length), partial)
    }
}

/// A length or a distance as a symbol and extra bits [RFC 1951 §3.2.5].
struct Symbol {
    value: u32,
    extra: u32,
    extra_bits: u32,
}

impl Symbol {
    /// Eight symbols without extra bits, then four for each number of them; 258 has its own.
    #[inline]
    fn of_length(length: u16) -> Self {
        if length == MAX_MATCH {
            return Self { value: 285, extra: 0, extra_bits: 0 };
        }
        let rest = u32::from(length - MIN_MATCH);
        let extra_bits = (rest | 4).ilog2() - 2;
        Self::new(257 + 4 * extra_bits, rest, extra_bits)
    }

    /// Four symbols without extra bits, then two for each number of them.
    #[inline]
    fn of_distance(distance: u16) -> Self {
        let rest = u32::from(distance) - 1;
        let extra_bits = (rest | 2).ilog2() - 1;
        Self::new(2 * extra_bits, rest, extra_bits)
    }

    #[inline]
    fn new(first: u32, rest: u32, extra_bits: u32) -> Self {
        let extra = rest & ((1 << extra_bits) - 1);
        Self { value: first + (rest >> extra_bits), extra, extra_bits }
    }
}

/// How many bits [`BitWriter::copy`] writes.
#[inline]
pub(super) fn copy_bits(length: u16, distance: u16) -> u32 {
    let length = Symbol::of_length(length);
    let length_bits = if length.value < 280 { 7 } else { 8 };
    length_bits + length.extra_bits + 5 + Symbol::of_distance(distance).extra_bits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables of RFC 1951 §3.2.5: the first value of each symbol.
    const LENGTHS: [u32; 29] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
        131, 163, 195, 227, 258,
    ];
    const DISTANCES: [u32; 30] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
        2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
    ];

    /// The index of the symbol that stands for `value`, and its extra bits.
    fn look_up(table: &[u32], value: u32) -> (usize, u32) {
        let index = table.iter().rposition(|first| *first <= value).expect("a valid value");
        (index, value - table[index])
    }

    #[test]
    fn every_length_and_distance_has_the_symbol_of_the_tables() {
        for length in 3..=258 {
            let Symbol { value, extra, .. } = Symbol::of_length(length);
            assert_eq!(
                (value as usize - 257, extra),
                look_up(&LENGTHS, length.into()),
                "length {length}"
            );
        }
        for distance in 1..=32768 {
            let Symbol { value, extra, .. } = Symbol::of_distance(distance);
            assert_eq!(
                (value as usize, extra),
                look_up(&DISTANCES, distance.into()),
                "distance {distance}"
            );
        }
    }

    #[test]
    fn what_a_copy_costs_is_what_it_writes() {
        for length in 3..=258 {
            for distance in [1, 2, 4, 5, 255, 256, 257, 4096, 24577, 32768] {
                let mut writer = BitWriter::<8>::new(Partial::default());
                writer.copy(length, distance);
                assert_eq!(writer.bit_len(), copy_bits(length, distance) as usize);
            }
        }
    }

    #[test]
    fn bits_go_on_behind_those_that_remained() {
        let mut first = BitWriter::<8>::new(Partial::default());
        first.fixed_header();
        first.literal(b'H');
        let (bytes, partial) = first.finish();
        assert_eq!((bytes, partial.count), (&[0xf2][..], 3));

        // The rest of "Hello" as in RFC 7692 §7.2.3.1.
        let mut second = BitWriter::<8>::new(partial);
        b"ello".iter().for_each(|byte| second.literal(*byte));
        second.end_of_block();
        second.stored_header();
        let (bytes, partial) = second.finish();
        assert_eq!((bytes, partial.count), (&[0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..], 0));
    }
}
