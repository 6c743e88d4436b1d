//! Huffman codes [RFC 1951 §3.2.2]: the entries of the tables, and how tables are built.
//!
//! Literals, lengths and the end of a block are looked up by the next nine bits, and a longer code
//! in a second table by the bits behind those. Distances are looked up by the next seven bits, and
//! a longer code by comparison.

use crate::deflate::DeflateError;
use crate::slice;

/// The tables of the last dynamic block. While its header is read, they hold what is known of it.
#[derive(Debug)]
pub(super) struct Tables {
    /// In a header: the items of the code lengths that are not 0.
    pub(super) lit: [u16; LIT_SIZE],
    /// In a header: the lengths of the code length code.
    pub(super) sub: [u16; SUB_SIZE],
    /// In a header: the table of the code length code.
    pub(super) dist: [u16; DIST_SIZE],
    pub(super) far: Far,
    /// In a header: how many codes of each length there are.
    pub(super) counts: LengthCounts,
}

impl Tables {
    pub(super) const EMPTY: Self = Self {
        lit: [0; LIT_SIZE],
        sub: [0; SUB_SIZE],
        dist: [0; DIST_SIZE],
        far: Far::NONE,
        counts: [0; 16],
    };
}

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
const LENGTHS: [u16; 32] = {
    let mut lengths = [0; 32];
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
        257..286 => LENGTHS[(symbol as usize - 257) % LENGTHS.len()],
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

/// The same as a table.
static DIST_ENTRIES: [u16; 32] = {
    let mut entries = [0; 32];
    let mut symbol = 0;
    while symbol < 32 {
        entries[symbol] = dist_entry(symbol as u16);
        symbol += 1;
    }
    entries
};

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

/// Nine bits in reverse order.
static REVERSED: [u16; 512] = {
    let mut reversed = [0; 512];
    let mut bits = 0;
    while bits < 512 {
        reversed[bits] = (bits as u16).reverse_bits() >> 7;
        bits += 1;
    }
    reversed
};

/// Nine bits of a code in the order in which they are sent.
///
/// Without an instruction for that, the table takes a third of the time.
#[inline(always)]
fn reversed<const SMALL: bool>(bits: u32) -> usize {
    if SMALL || cfg!(any(target_arch = "aarch64", target_arch = "arm")) {
        return ((bits as u16).reverse_bits() >> 7).into();
    }
    REVERSED[bits as usize % REVERSED.len()].into()
}

/// The sum of what the codes of a complete code cover, in units of one code of 15 bits.
const COMPLETE: u32 = 1 << 15;

/// A symbol of a code with the length of its code, which is not 0: `length << 12 | symbol`.
pub(super) type Item = u16;

pub(super) const fn item(length: u16, symbol: u16) -> Item {
    length << 12 | symbol
}

/// The symbol of an item.
pub(super) const fn symbol(item: Item) -> u16 {
    item & 0xFFF
}

/// The length of an item's code, 1 to 15.
const fn length(item: Item) -> usize {
    (item >> 12) as usize
}

/// The number of codes of each length.
pub(super) type LengthCounts = [u16; 16];

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
        let at = usize::from(symbol);
        match self {
            Self::Literals if SMALL => lit_entry(symbol),
            Self::Literals => LIT_ENTRIES[at % LIT_ENTRIES.len()],
            Self::Distances if SMALL => dist_entry(symbol),
            Self::Distances => DIST_ENTRIES[at % DIST_ENTRIES.len()],
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
    alphabet: Alphabet,
    items: &'a [Item],
    counts: LengthCounts,
}

impl<'a> Sorted<'a> {
    /// Sorts the symbols in `list`, each of which is `base` too high, into `items`, whose length is
    /// a power of two. There are `counts` of each length.
    #[inline(always)]
    fn new<const SMALL: bool>(
        alphabet: Alphabet,
        list: &[Item],
        counts: &LengthCounts,
        base: u16,
        items: &'a mut [Item],
    ) -> Result<Self, BadCode> {
        // The same code for all alphabets, or code for each.
        if SMALL {
            return Self::new_small(alphabet, list, counts, base, items);
        }
        Self::sort(alphabet, list, counts, base, items)
    }

    #[inline(never)]
    fn new_small(
        alphabet: Alphabet,
        list: &[Item],
        counts: &LengthCounts,
        base: u16,
        items: &'a mut [Item],
    ) -> Result<Self, BadCode> {
        Self::sort(alphabet, list, counts, base, items)
    }

    #[inline(always)]
    fn sort(
        alphabet: Alphabet,
        list: &[Item],
        counts: &LengthCounts,
        base: u16,
        items: &'a mut [Item],
    ) -> Result<Self, BadCode> {
        let mut ends = [0u16; 16];
        let (mut end, mut used) = (0, 0u32);
        for ((to, &count), length) in ends.iter_mut().zip(counts).zip(0..).skip(1) {
            *to = end;
            end += count;
            used += u32::from(count) << (15 - length);
        }
        // As in zlib, a code must be complete: every sequence of bits begins with a code. Or it has
        // no symbol, or a single one of one bit; but not the code length code.
        let is_complete = used == COMPLETE;
        let is_code = match list.len() {
            _ if alphabet == Alphabet::CodeLengths => is_complete,
            0 => true,
            1 => counts[1] == 1,
            _ => is_complete,
        };
        if !is_code {
            return Err(BadCode);
        }
        let mask = items.len().wrapping_sub(1);
        for &item in list {
            let end = &mut ends[length(item)];
            if let Some(place) = items.get_mut(usize::from(*end) & mask) {
                *place = item.wrapping_sub(base);
            }
            *end += 1;
        }
        let items = items.get(..list.len()).unwrap_or_default();
        Ok(Self { alphabet, items, counts: *counts })
    }

    /// Fills `table` with the codes that are not longer than its index.
    #[inline(always)]
    fn fill<const SMALL: bool>(&self, table: &mut [u16]) -> Filled<'a> {
        if SMALL { self.fill_small(table) } else { self.fill_table::<SMALL>(table) }
    }

    #[inline(never)]
    fn fill_small(&self, table: &mut [u16]) -> Filled<'a> {
        self.fill_table::<true>(table)
    }

    #[inline(always)]
    fn fill_table<const SMALL: bool>(&self, table: &mut [u16]) -> Filled<'a> {
        /// The size of the part of the table that is filled entry by entry at first.
        const PART: usize = 16;
        let &Self { alphabet, items, ref counts } = self;
        if items.len() <= 1 {
            // The only codes that are not complete.
            table.fill(alphabet.none());
            if let &[item] = items {
                let entry = alphabet.entry::<SMALL>(symbol(item)) + 1;
                table.iter_mut().step_by(2).for_each(|place| *place = entry);
            }
            return Filled { longer: &[], code: 0 };
        }
        let mut code = 0;
        let mut rest = items;
        let mask = table.len().wrapping_sub(1);
        for (length, &count) in (1..=table.len().ilog2()).zip(counts.iter().skip(1)) {
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
            let (mask, step) = (mask & (size - 1), 1 << (LIT_BITS as u32 - length));
            let mut next = |item| {
                let at = reversed::<SMALL>(code) & mask;
                code += step;
                (at, alphabet.entry::<SMALL>(symbol(item)) + length as u16)
            };
            if size >= PART {
                for &item in these {
                    let (at, entry) = next(item);
                    if let Some(place) = table.get_mut(at) {
                        *place = entry;
                    }
                }
                continue;
            }
            for &item in these {
                let (at, entry) = next(item);
                let part = table.get_mut(at..PART).unwrap_or_default();
                part.iter_mut().step_by(size).for_each(|place| *place = entry);
            }
        }
        Filled { longer: rest, code: code << (16 - LIT_BITS) }
    }
}

/// What a table of all shorter codes leaves.
struct Filled<'a> {
    /// The symbols with longer codes.
    longer: &'a [Item],
    /// The first of these codes, left-aligned in 16 bits.
    code: u32,
}

/// Builds the tables of a block's codes from the list of literals and lengths in `lit` and of the
/// distances behind them, which are symbols from `lits` on.
pub(super) fn build<const SMALL: bool>(
    tables: &mut Tables,
    used: usize,
    lits: u16,
) -> Result<(), DeflateError> {
    let list = slice::head(&tables.lit, used);
    let split = list.partition_point(|&item| symbol(item) < lits);
    let (lit_list, dist_list) = list.split_at_checked(split).unwrap_or_default();
    let end = lit_list.partition_point(|&item| symbol(item) < END_OF_BLOCK);
    if lit_list.get(end).is_none_or(|&item| symbol(item) != END_OF_BLOCK) {
        return Err(DeflateError::MissingEndOfBlock);
    }
    let mut lit_counts = tables.counts;
    let mut dist_counts = [0; 16];
    for &item in dist_list {
        lit_counts[length(item)] -= 1;
        dist_counts[length(item)] += 1;
    }
    // Sorted first, since they are where the tables go.
    let (mut lit_items, mut dist_items) = ([0; LITS.next_power_of_two()], [0; 32]);
    let lits_sorted =
        Sorted::new::<SMALL>(Alphabet::Literals, lit_list, &lit_counts, 0, &mut lit_items)
            .map_err(|BadCode| DeflateError::LiteralCode)?;
    let dists_sorted =
        Sorted::new::<SMALL>(Alphabet::Distances, dist_list, &dist_counts, lits, &mut dist_items)
            .map_err(|BadCode| DeflateError::DistanceCode)?;
    fill_lits::<SMALL>(&lits_sorted, &mut tables.lit, &mut tables.sub);
    fill_dists::<SMALL>(&dists_sorted, &mut tables.dist, &mut tables.far);
    Ok(())
}

/// Fills the tables of literals and lengths.
#[inline(always)]
fn fill_lits<const SMALL: bool>(
    sorted: &Sorted<'_>,
    table: &mut [u16; LIT_SIZE],
    sub: &mut [u16; SUB_SIZE],
) {
    let Filled { longer, mut code } = sorted.fill::<SMALL>(table);
    let (mut prefix, mut start, mut end) = (LIT_SIZE, 0, 0);
    let (mut bits, mut left) = (0, 0);
    for &item in longer {
        // How many codes of this length are left, including this one.
        if bits != length(item) {
            bits = length(item);
            left = usize::from(sorted.counts[bits]);
        }
        let first = reversed::<SMALL>(code >> (16 - LIT_BITS)) % LIT_SIZE;
        let rest = reversed::<SMALL>(code << LIT_BITS >> (16 - LIT_BITS) & 511);
        code += 1 << (16 - bits);
        if first != prefix {
            // A new second table, as wide as the codes with this prefix need.
            prefix = first;
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
        let mut at = start + rest;
        while at < end {
            // A complete code needs no more than that.
            if let Some(place) = sub.get_mut(at) {
                *place = entry;
            }
            at += 1 << (bits - LIT_BITS);
        }
    }
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

/// Fills the tables of distances.
#[inline(always)]
fn fill_dists<const SMALL: bool>(sorted: &Sorted<'_>, table: &mut [u16; DIST_SIZE], far: &mut Far) {
    let Filled { longer, mut code } = sorted.fill::<SMALL>(table);
    if longer.is_empty() {
        return;
    }
    for prefix in code >> (16 - DIST_BITS)..1 << DIST_BITS {
        let at = (prefix as u16).reverse_bits() >> (16 - DIST_BITS);
        table[usize::from(at) % DIST_SIZE] = FAR;
    }
    let mut place = (sorted.items.len() - longer.len()) as u16;
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
}

/// Builds the table of the code length code, which must be complete, from its first 19 lengths.
pub(super) fn build_codes<const SMALL: bool>(
    lengths: &[u16],
    table: &mut [u16; DIST_SIZE],
) -> Result<(), BadCode> {
    let (mut list, mut items) = ([0; 32], [0; 32]);
    let mut counts = [0; 16];
    let mut used = 0;
    for (&length, symbol) in lengths.iter().zip(0..ORDER.len() as u16) {
        list[used % 32] = item(length, symbol);
        counts[usize::from(length) % 16] += 1;
        used += usize::from(length != 0);
    }
    let list = slice::head(&list, used);
    Sorted::new::<SMALL>(Alphabet::CodeLengths, list, &counts, 0, &mut items)?.fill::<SMALL>(table);
    Ok(())
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
