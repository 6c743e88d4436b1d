//! Huffman codes [RFC 1951 §3.2.2]: the entries of the tables, and how tables are built.
//!
//! Literals, lengths and the end of a block are looked up by the next nine bits, and a longer code
//! in a second table by the bits behind those. Distances are looked up by the next seven bits, and
//! a longer code by comparison.

/// The number of bits that the first table of literals and lengths is indexed by.
pub(super) const LIT_BITS: usize = 9;
pub(super) const LIT_SIZE: usize = 1 << LIT_BITS;
/// The most entries that the second tables need: the 852 that zlib's `enough 286 9 15` computes,
/// less those of the first.
pub(super) const SUB_SIZE: usize = 340;
/// The number of bits that the table of distances is indexed by.
pub(super) const DIST_BITS: usize = 7;
pub(super) const DIST_SIZE: usize = 1 << DIST_BITS;

/// The most literal and length codes that a block may declare, and the most distance codes.
pub(super) const LITS: usize = 286;
pub(super) const DISTS: usize = 30;

/// The symbol that ends a block.
pub(super) const END_OF_BLOCK: u16 = 256;

// An entry for literals, lengths and the end of a block:
//
//   15..8 value | 7 literal | 6..4 extra | 3..0 bits
//
// `bits` is the number of bits to consume, including the extra ones. The value is the literal, or
// the length less 3. No length has more than 5 extra bits; 6 and 7 have other meanings.

/// The entry is a literal; bits 4 to 6 are 0.
pub(super) const LITERAL: u32 = 0x80;
/// From here on `extra` is not a number of bits.
pub(super) const SPECIAL: u32 = 6;
/// The end of the block if the value is 0; otherwise the bits are no code.
const END: u16 = 6 << 4;
pub(super) const NO_LIT: u16 = 0x100 | END;
/// A second table: `bits` is the number of bits that it is indexed by, the value is half of the
/// index of its first entry.
pub(super) const SUB: u16 = 7 << 4;

// An entry for distances:
//
//   15 none | 14 far | 13..12 high | 11..8 extra | 4..0 bits
//
// The distance is 1 + (high << extra) + the extra bits.

/// The bits are no code; one bit is consumed.
pub(super) const NO_DIST: u16 = 0x8001;
/// The code is longer than the table's index.
pub(super) const FAR: u16 = 0x4000;

// An entry for code lengths:
//
//   15..12 times | 11..8 length | 7..4 extra | 3..0 bits, including the extra ones
//
// The length, or with 2 extra bits the previous one, occurs `times` plus the extra bits.

/// The lengths of symbols 257 to 285, less 3, and their extra bits, laid out as in an entry.
const LENGTHS: [u16; 29] = {
    let mut lengths = [0; 29];
    let mut symbol = 0;
    let mut base = 0;
    while symbol < 28 {
        let extra = if symbol < 8 { 0 } else { symbol as u16 / 4 - 1 };
        lengths[symbol] = base << 8 | extra << 4 | extra;
        base += 1 << extra;
        symbol += 1;
    }
    lengths[28] = 255 << 8;
    lengths
};

/// The entry of a literal, a length or the end of a block, without the length of its code.
#[inline(always)]
const fn lit_entry(symbol: u16) -> u16 {
    match symbol {
        0..END_OF_BLOCK => symbol << 8 | LITERAL as u16,
        END_OF_BLOCK => END,
        257..286 => LENGTHS[symbol as usize - 257],
        _ => NO_LIT,
    }
}

/// The same as a table.
static LIT_ENTRIES: [u16; 512] = {
    let mut entries = [0; 512];
    let mut symbol = 0;
    while symbol < 512 {
        entries[symbol] = lit_entry(symbol as u16);
        symbol += 1;
    }
    entries
};

/// The entry of a distance, without the length of its code.
const fn dist_entry(symbol: u16) -> u16 {
    match symbol {
        0..4 => symbol << 12,
        4..30 => {
            let extra = symbol / 2 - 1;
            (2 + symbol % 2) << 12 | extra << 8 | extra
        }
        _ => NO_DIST & !1,
    }
}

/// The order in which the lengths of the code length code are sent [RFC 1951 §3.2.7].
pub(super) const ORDER: [u8; 19] =
    [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The entry of the fixed code that the next nine bits begin with [RFC 1951 §3.2.6].
pub(super) const fn fixed_lit(bits: u16) -> u16 {
    // The first bit of a code is its highest.
    let code = bits.reverse_bits() >> 7;
    match code {
        // Seven bits: 256 to 279.
        0..0b0_0110_0000 => lit_entry(256 + (code >> 2)) + 7,
        // Eight bits: 0 to 143.
        0b0_0110_0000..0b1_1000_0000 => lit_entry((code >> 1) - 0b0011_0000) + 8,
        // Eight bits: 280 to 287.
        0b1_1000_0000..0b1_1001_0000 => lit_entry(280 + (code >> 1) - 0b1100_0000) + 8,
        // Nine bits: 144 to 255.
        _ => lit_entry(144 + code - 0b1_1001_0000) + 9,
    }
}

/// The entry of the fixed code that the next five bits begin with.
pub(super) const fn fixed_dist(bits: u16) -> u16 {
    dist_entry(bits.reverse_bits() >> 11) + 5
}

/// The tables of the fixed codes.
pub(super) static FIXED_LIT: [u16; LIT_SIZE] = {
    let mut table = [0; LIT_SIZE];
    let mut at = 0;
    while at < LIT_SIZE {
        table[at] = fixed_lit(at as u16);
        at += 1;
    }
    table
};
pub(super) static FIXED_DIST: [u16; DIST_SIZE] = {
    let mut table = [0; DIST_SIZE];
    let mut at = 0;
    while at < DIST_SIZE {
        table[at] = fixed_dist(at as u16 & 31);
        at += 1;
    }
    table
};

/// The bits of each byte in reverse order.
static REVERSED: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        bytes[byte] = (byte as u8).reverse_bits();
        byte += 1;
    }
    bytes
};

/// A code of up to 16 bits, left-aligned in 16 bits, in the order in which its bits are sent.
///
/// Without an instruction for that, the table takes a third of the time.
#[inline(always)]
fn reversed<const SMALL: bool>(code: u32) -> usize {
    if SMALL || cfg!(any(target_arch = "aarch64", target_arch = "arm")) {
        return (code as u16).reverse_bits().into();
    }
    let [low, high, ..] = code.to_le_bytes().map(|byte| REVERSED[usize::from(byte)]);
    usize::from(low) << 8 | usize::from(high)
}

/// A symbol of a code with the length of its code, which is not 0: `length << 9 | symbol`.
pub(super) type Item = u16;

/// The symbol of an item.
const fn symbol(item: Item) -> u16 {
    item & 511
}

/// The length of an item's code, 1 to 15.
const fn length(item: Item) -> usize {
    (item >> 9 & 15) as usize
}

/// The lengths make no code.
#[derive(Debug)]
pub(super) struct BadCode;

/// Which symbols a code has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Literals,
    Distances,
    CodeLengths,
}

impl Alphabet {
    /// The entry of a symbol, without the length of its code.
    #[inline(always)]
    fn entry<const SMALL: bool>(self, symbol: u16) -> u16 {
        match self {
            Self::Literals if SMALL => lit_entry(symbol),
            Self::Literals => LIT_ENTRIES[usize::from(symbol) % LIT_ENTRIES.len()],
            Self::Distances => dist_entry(symbol),
            Self::CodeLengths => code_entry(symbol),
        }
    }

    /// The entry of bits that are no code; one bit is consumed.
    const fn none(self) -> u16 {
        match self {
            Self::Literals => NO_LIT + 1,
            Self::Distances => NO_DIST,
            Self::CodeLengths => 0,
        }
    }
}

/// The symbols of a code, in the order of their codes.
struct Sorted<'a> {
    items: &'a [Item],
    /// The number of codes of each length.
    counts: [u16; 16],
    /// How many codes are in the first table.
    filled: usize,
    /// The next code, left-aligned in 16 bits.
    code: u32,
}

impl<'a> Sorted<'a> {
    /// Sorts the symbols in `list`, each of which is `base` too high, into `items`, and fills
    /// `table` with the codes that are not longer than its index.
    #[inline(always)]
    fn new<const SMALL: bool>(
        alphabet: Alphabet,
        list: &[Item],
        base: u16,
        items: &'a mut [Item],
        table: &mut [u16],
    ) -> Result<Self, BadCode> {
        if SMALL {
            return Self::new_small(alphabet, list, base, items, table);
        }
        Self::build::<SMALL>(alphabet, list, base, items, table)
    }

    /// The same code for all alphabets.
    #[inline(never)]
    fn new_small(
        alphabet: Alphabet,
        list: &[Item],
        base: u16,
        items: &'a mut [Item],
        table: &mut [u16],
    ) -> Result<Self, BadCode> {
        Self::build::<true>(alphabet, list, base, items, table)
    }

    #[inline(always)]
    fn build<const SMALL: bool>(
        alphabet: Alphabet,
        list: &[Item],
        base: u16,
        items: &'a mut [Item],
        table: &mut [u16],
    ) -> Result<Self, BadCode> {
        let counts = count::<SMALL>(list);
        let mut ends = [0u16; 16];
        let (mut end, mut used) = (0, 0u32);
        for ((to, count), length) in ends.iter_mut().zip(counts).zip(0..).skip(1) {
            *to = end;
            end += count;
            used += u32::from(count) << (15 - length);
        }
        // As in zlib, a code must be complete: every sequence of bits begins with a code. Or it has
        // no symbol, or a single one of one bit; but not the code length code.
        let is_complete = used == 1 << 15;
        let is_code = match list.len() {
            _ if alphabet == Alphabet::CodeLengths => is_complete,
            0 => true,
            1 => counts[1] == 1,
            _ => is_complete,
        };
        if !is_code {
            return Err(BadCode);
        }
        for &item in list {
            let end = &mut ends[length(item)];
            if let Some(place) = items.get_mut(usize::from(*end)) {
                *place = item.wrapping_sub(base);
            }
            *end += 1;
        }
        let items = items.get(..list.len()).unwrap_or_default();
        let mut sorted = Self { items, counts, filled: items.len(), code: 0 };
        if is_complete {
            sorted.fill::<SMALL>(alphabet, table);
        } else {
            table.fill(alphabet.none());
            if let [item] = items {
                let entry = alphabet.entry::<SMALL>(symbol(*item)) + 1;
                table.iter_mut().step_by(2).for_each(|place| *place = entry);
            }
        }
        Ok(sorted)
    }

    /// Fills a table with the codes of a complete code that are not longer than its index.
    #[inline(always)]
    fn fill<const SMALL: bool>(&mut self, alphabet: Alphabet, table: &mut [u16]) {
        /// The size of the part of the table that is filled entry by entry at first.
        const PART: usize = 16;
        let mut code = 0u32;
        let mut rest = self.items;
        let width = table.len().ilog2();
        for (length, &count) in (1..=width).zip(self.counts.iter().skip(1)) {
            let size = 1 << length;
            // One bit more: the table so far, of the shorter codes, is repeated.
            if size > PART {
                if let Some((from, to)) = table.split_at_mut_checked(size / 2) {
                    for (from, to) in from.chunks_exact(PART).zip(to.chunks_exact_mut(PART)) {
                        to.copy_from_slice(from);
                    }
                }
            }
            let Some((these, longer)) = rest.split_at_checked(usize::from(count)) else { break };
            rest = longer;
            for &item in these {
                let mut at = reversed::<SMALL>(code) & (size - 1);
                code += 1 << (16 - length);
                let entry = alphabet.entry::<SMALL>(symbol(item)) + length as u16;
                if let Some(place) = table.get_mut(at) {
                    *place = entry;
                }
                while size < PART && at + size < PART {
                    at += size;
                    if let Some(place) = table.get_mut(at) {
                        *place = entry;
                    }
                }
            }
        }
        self.filled = self.items.len() - rest.len();
        self.code = code;
    }

    /// The symbols whose codes are not in the first table.
    fn longer(&self) -> &[Item] {
        self.items.get(self.filled..).unwrap_or_default()
    }
}

/// How many items there are of each length.
#[inline(always)]
fn count<const SMALL: bool>(list: &[Item]) -> [u16; 16] {
    let mut counts = [0; 16];
    if SMALL {
        list.iter().for_each(|&item| counts[length(item)] += 1);
        return counts;
    }
    // Two sets of counters, since a counter that has just been written is slow to read.
    let mut others = [0; 16];
    let pairs = list.chunks_exact(2);
    pairs.remainder().iter().for_each(|&item| counts[length(item)] += 1);
    for pair in pairs {
        if let &[first, second] = pair {
            counts[length(first)] += 1;
            others[length(second)] += 1;
        }
    }
    counts.iter_mut().zip(others).for_each(|(count, other)| *count += other);
    counts
}

/// Builds the tables of literals and lengths.
pub(super) fn build_lits<const SMALL: bool>(
    list: &[Item],
    table: &mut [u16; LIT_SIZE],
    sub: &mut [u16; SUB_SIZE],
) -> Result<(), BadCode> {
    let mut items = [0; LITS];
    let sorted = Sorted::new::<SMALL>(Alphabet::Literals, list, 0, &mut items, table)?;
    let mut code = sorted.code;
    let (mut prefix, mut start, mut end) = (LIT_SIZE, 0, 0);
    let (mut bits, mut left) = (0, 0);
    for &item in sorted.longer() {
        // How many codes of this length are left, including this one.
        if bits != length(item) {
            bits = length(item);
            left = usize::from(sorted.counts[bits % 16]);
        }
        let at = reversed::<SMALL>(code);
        code += 1 << (16 - bits);
        if at % LIT_SIZE != prefix {
            // A new second table, as wide as the codes with this prefix need.
            prefix = at % LIT_SIZE;
            start = end;
            let mut width = bits - LIT_BITS;
            let mut used = left;
            while used < 1 << width && LIT_BITS + width < 15 {
                width += 1;
                used = 2 * used + usize::from(sorted.counts[LIT_BITS + width]);
            }
            end = start + (1 << width);
            table[prefix] = SUB | ((start / 2) as u16) << 8 | width as u16;
        }
        left -= 1;
        let entry = Alphabet::Literals.entry::<SMALL>(symbol(item)) + (bits - LIT_BITS) as u16;
        let mut at = start + (at >> LIT_BITS);
        while at < end {
            *sub.get_mut(at).ok_or(BadCode)? = entry;
            at += 1 << (bits - LIT_BITS);
        }
    }
    Ok(())
}

/// The distance codes that are longer than the index of their table, in the order of codes.
#[derive(Debug)]
pub(super) struct Far {
    /// The end of the codes of each length, left-aligned in 15 bits.
    ends: [u16; 15 - DIST_BITS],
    /// What a code of each length is added to for the index of its symbol.
    bases: [u16; 15 - DIST_BITS],
    symbols: [u8; DISTS],
}

impl Far {
    pub(super) const NONE: Self =
        Self { ends: [0; 15 - DIST_BITS], bases: [0; 15 - DIST_BITS], symbols: [0; DISTS] };

    /// The entry of the code that the next bits begin with.
    #[inline]
    pub(super) fn entry(&self, bits: u64) -> u16 {
        let code = (bits as u16).reverse_bits() >> 1;
        for (index, (&end, &base)) in self.ends.iter().zip(&self.bases).enumerate() {
            if code < end {
                let length = DIST_BITS + 1 + index;
                let place = base.wrapping_add(code >> (15 - length));
                let symbol = self.symbols.get(usize::from(place)).copied().unwrap_or(31);
                return dist_entry(symbol.into()) + length as u16;
            }
        }
        NO_DIST
    }
}

/// Builds the tables of distances, from symbols each of which is `base` too high.
pub(super) fn build_dists<const SMALL: bool>(
    list: &[Item],
    base: u16,
    table: &mut [u16; DIST_SIZE],
    far: &mut Far,
) -> Result<(), BadCode> {
    let mut items = [0; DISTS];
    let sorted = Sorted::new::<SMALL>(Alphabet::Distances, list, base, &mut items, table)?;
    if sorted.longer().is_empty() {
        return Ok(());
    }
    let mut code = sorted.code;
    for prefix in code >> (16 - DIST_BITS)..1 << DIST_BITS {
        let at = (prefix as u16).reverse_bits() >> (16 - DIST_BITS);
        table[usize::from(at) % DIST_SIZE] = FAR;
    }
    let mut place = sorted.filled as u16;
    for index in 0..15 - DIST_BITS {
        let length = DIST_BITS + 1 + index;
        far.bases[index] = place.wrapping_sub((code >> (16 - length)) as u16);
        code += u32::from(sorted.counts[length]) << (16 - length);
        far.ends[index] = (code >> 1) as u16;
        place += sorted.counts[length];
    }
    for (to, from) in far.symbols.iter_mut().zip(sorted.items) {
        *to = *from as u8 & 31;
    }
    Ok(())
}

/// Builds the table of the code length code, which must be complete, from the first 19 lengths.
pub(super) fn build_codes<const SMALL: bool>(
    lengths: &[u16],
    table: &mut [u16; DIST_SIZE],
) -> Result<(), BadCode> {
    let mut list = [0; ORDER.len()];
    let mut used = 0;
    for (symbol, &length) in lengths.iter().enumerate().take(ORDER.len()) {
        list[used % ORDER.len()] = length << 9 | symbol as u16;
        used += usize::from(length != 0);
    }
    let mut items = [0; ORDER.len()];
    let list = list.get(..used).unwrap_or_default();
    Sorted::new::<SMALL>(Alphabet::CodeLengths, list, 0, &mut items, table).map(drop)
}

/// The entry of a code length, without the length of its code [RFC 1951 §3.2.7].
const fn code_entry(symbol: u16) -> u16 {
    let (times, length, extra) = match symbol {
        0..16 => (1, symbol, 0),
        16 => (3, 0, 2),
        17 => (3, 0, 3),
        _ => (11, 0, 7),
    };
    times << 12 | length << 8 | extra << 4 | extra
}
