//! A writer of DEFLATE blocks [RFC 1951 §3.2]: any type, any codes and any symbols, in any order,
//! valid or not. It shares no code with the crate.

use crate::peer::Random;

/// The order in which the lengths of the code length code are sent.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The symbol that ends a block.
pub(crate) const END: usize = 256;

/// A block with all that can be wrong in it.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// BFINAL.
    pub(crate) last: bool,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Stored bytes from a seed. The length is `complement` away from its check value.
    Stored { length: u16, seed: u64, complement: u16 },
    /// The fixed codes.
    Fixed(Vec<Symbol>),
    /// Codes that are made from a seed for these symbols, with a flaw.
    Dynamic { seed: u64, flaw: Option<Flaw>, symbols: Vec<Symbol> },
    /// The block type 3.
    Reserved,
}

/// What a block with codes consists of. If there is no code for it, it is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Symbol {
    Literal(u8),
    Match(u16, Distance),
    /// A symbol of literals and lengths as such: 286 and 287 mean nothing.
    LengthCode(usize),
    /// A match with a symbol of distances as such: 30 and 31 mean nothing.
    DistanceCode(usize),
    /// Bits whatever they mean.
    Bits(u32, u32),
}

/// How far back a match goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Distance {
    /// As far as that, however far it is.
    Exact(usize),
    /// As far as that, or as far as it may be.
    Back(usize),
    /// This many bytes more than the window.
    Window(isize),
    /// This many bytes more than there are.
    Start(isize),
}

/// What is wrong with the header of a dynamic block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// This many literal and length codes, and distance codes, are declared.
    Counts(usize, usize),
    /// The code length code has no code, one more code, or one fewer.
    NoCodeLengths,
    MoreCodeLengths,
    FewerCodeLengths,
    /// The first code length is a repetition.
    RepeatFirst,
    /// The last repetition goes beyond the last code.
    RepeatBeyond,
    NoEnd,
    /// A code is shorter than it has to be, or longer.
    ShortLiteral,
    LongLiteral,
    ShortDistance,
    LongDistance,
    /// The only distance code has two bits.
    OnlyDistance,
}

impl Flaw {
    pub(crate) const ALL: [Self; 14] = [
        Self::Counts(287, 1),
        Self::Counts(288, 30),
        Self::Counts(257, 31),
        Self::NoCodeLengths,
        Self::MoreCodeLengths,
        Self::FewerCodeLengths,
        Self::RepeatFirst,
        Self::RepeatBeyond,
        Self::NoEnd,
        Self::ShortLiteral,
        Self::LongLiteral,
        Self::ShortDistance,
        Self::LongDistance,
        Self::OnlyDistance,
    ];
}

/// A writer of the messages of one direction.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    bits: Bits,
    window: usize,
    /// How many bytes there are to refer to.
    written: usize,
}

impl Writer {
    pub(crate) fn new(window_bits: u8) -> Self {
        Self { bits: Bits::default(), window: 1 << window_bits, written: 0 }
    }

    /// Forgets the messages so far.
    pub(crate) fn reset(&mut self) {
        self.written = 0;
    }

    /// Ends a message with a flush, without the four bytes that are not sent; gives its payload.
    pub(crate) fn flush(&mut self) -> Vec<u8> {
        self.bits.number(0, 3).align();
        self.end()
    }

    /// Ends a message where it is; gives its payload.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bits).bytes
    }

    pub(crate) fn blocks<'b>(&mut self, blocks: impl IntoIterator<Item = &'b Block>) -> &mut Self {
        blocks.into_iter().for_each(|block| self.block(block));
        self
    }

    pub(crate) fn block(&mut self, block: &Block) {
        let kind = match block.body {
            Body::Stored { .. } => 0,
            Body::Fixed(_) => 1,
            Body::Dynamic { .. } => 2,
            Body::Reserved => 3,
        };
        self.bits.number(block.last.into(), 1).number(kind, 2);
        match &block.body {
            Body::Stored { length, seed, complement } => {
                self.stored(*length, *complement, &random_bytes(*length, *seed));
            }
            Body::Fixed(symbols) => {
                let symbols = &self.resolved(symbols);
                let mut lengths = vec![8; 288];
                lengths[144..256].fill(9);
                lengths[256..280].fill(7);
                self.symbols(symbols, &codes(&lengths), &codes(&[5; 32]));
            }
            Body::Dynamic { seed, flaw, symbols } => {
                let symbols = &self.resolved(symbols);
                let (literals, distances) = self.header(&mut Random(*seed), *flaw, symbols);
                self.symbols(symbols, &literals, &distances);
            }
            Body::Reserved => {}
        }
        if block.last {
            self.bits.align();
        }
    }

    /// A number as it is, from its lowest bit on.
    pub(crate) fn number(&mut self, number: u32, count: u32) -> &mut Self {
        self.bits.number(number, count);
        self
    }

    /// What is behind the header of a stored block.
    fn stored(&mut self, length: u16, complement: u16, bytes: &[u8]) {
        self.bits.align();
        self.bits.number(length.into(), 16).number((!length ^ complement).into(), 16);
        self.bits.bytes.extend(bytes);
        self.written += bytes.len();
    }

    /// A stored block with these bytes.
    pub(crate) fn store(&mut self, last: bool, bytes: &[u8]) -> &mut Self {
        let length = u16::try_from(bytes.len()).expect("at most 65,535 bytes");
        self.bits.number(last.into(), 3);
        self.stored(length, 0, bytes);
        self
    }

    /// Symbols and the end of the block.
    fn symbols(&mut self, symbols: &[Symbol], literals: &[Code], distances: &[Code]) {
        for symbol in symbols {
            match *symbol {
                Symbol::Literal(byte) => {
                    self.written += usize::from(self.bits.code(literals, byte.into()));
                }
                Symbol::Match(length, distance) => {
                    let distance = exact(distance);
                    let [length_at, distance_at] =
                        [length_symbol(length), distance_symbol(distance)];
                    if has(literals, length_at.symbol) && has(distances, distance_at.symbol) {
                        for (codes, at) in [(literals, length_at), (distances, distance_at)] {
                            self.bits.code(codes, at.symbol);
                            self.bits.number(at.extra, at.count);
                        }
                        self.written += usize::from(length);
                    }
                }
                Symbol::LengthCode(symbol) => _ = self.bits.code(literals, symbol),
                Symbol::DistanceCode(symbol) => {
                    if has(literals, 257) && has(distances, symbol) {
                        self.bits.code(literals, 257);
                        self.bits.code(distances, symbol);
                    }
                }
                Symbol::Bits(bits, count) => _ = self.bits.number(bits, count),
            }
        }
        self.bits.code(literals, END);
    }

    /// The same symbols with exact distances.
    fn resolved(&self, symbols: &[Symbol]) -> Vec<Symbol> {
        let mut written = self.written;
        let resolve = |symbol: &Symbol| {
            let Symbol::Match(length, distance) = *symbol else {
                written += usize::from(matches!(symbol, Symbol::Literal(_)));
                return *symbol;
            };
            let largest = written.min(self.window);
            let distance = match distance {
                Distance::Exact(distance) => distance,
                Distance::Back(_) if largest == 0 => {
                    written += 1;
                    return Symbol::Literal(0);
                }
                Distance::Back(distance) => distance.min(largest),
                Distance::Window(more) => self.window.saturating_add_signed(more),
                Distance::Start(more) => written.saturating_add_signed(more),
            };
            written += usize::from(length);
            Symbol::Match(length, Distance::Exact(distance.clamp(1, 32_768)))
        };
        symbols.iter().map(resolve).collect()
    }

    /// The header of a dynamic block; gives its codes.
    fn header(
        &mut self,
        random: &mut Random,
        flaw: Option<Flaw>,
        symbols: &[Symbol],
    ) -> (Vec<Code>, Vec<Code>) {
        let (mut literals, mut distances) = (vec![END], vec![]);
        for symbol in symbols {
            match *symbol {
                Symbol::Literal(byte) => literals.push(byte.into()),
                Symbol::Match(length, distance) => {
                    literals.push(length_symbol(length).symbol);
                    distances.push(distance_symbol(exact(distance)).symbol);
                }
                Symbol::LengthCode(symbol) => literals.extend((symbol < 286).then_some(symbol)),
                Symbol::DistanceCode(symbol) => {
                    literals.push(257);
                    distances.extend((symbol < 30).then_some(symbol));
                }
                Symbol::Bits(..) => {}
            }
        }
        let mut literals = complete(random, literals, 286);
        let mut distances = match (distances.is_empty(), random.below(3)) {
            (true, 0) => vec![0; 1 + random.below(30)],
            _ => complete(random, distances, 30),
        };
        self.flawed(random, flaw, &mut literals, &mut distances);
        (codes(&literals), codes(&distances))
    }

    /// Writes a header after adding the flaw.
    fn flawed(
        &mut self,
        random: &mut Random,
        flaw: Option<Flaw>,
        literals: &mut [u8],
        distances: &mut Vec<u8>,
    ) {
        let longest =
            |lengths: &[u8]| (0..lengths.len()).max_by_key(|&at| lengths[at]).unwrap_or(0);
        match flaw {
            Some(Flaw::NoEnd) => {
                // The end of the block gives its code to another symbol.
                let other = (0..END).find(|&symbol| literals[symbol] == 0).unwrap_or(0);
                literals.swap(other, END);
                literals[END] = 0;
            }
            Some(Flaw::ShortLiteral) => {
                let at = longest(literals);
                literals[at] = literals[at].saturating_sub(1).max(1);
                literals[0] = 1;
            }
            Some(Flaw::LongLiteral) => literals[END] = (literals[END] + 1).min(15),
            Some(Flaw::ShortDistance) => {
                distances.resize(30, 0);
                distances[..3].fill(1);
            }
            Some(Flaw::LongDistance) => {
                distances.resize(30, 0);
                distances.fill(0);
                distances[3..5].copy_from_slice(&[1, 2]);
            }
            Some(Flaw::OnlyDistance) => *distances = vec![2],
            _ => {}
        }
        let (count, more) = (literals.len(), distances.len());
        let (count, more) = match flaw {
            Some(Flaw::Counts(count, more)) => (count, more),
            _ => (count, more),
        };
        let field = |number: usize| u32::try_from(number).expect("a field of the header");
        self.bits.number(field(count - 257), 5).number(field(more - 1), 5);

        let mut items = repetitions(random, &[&literals[..], distances].concat());
        match flaw {
            Some(Flaw::RepeatFirst) => items.insert(0, (16, 0, 2)),
            Some(Flaw::RepeatBeyond) => {
                // In place of the last ones: otherwise the header is complete before it.
                let at = items.iter().rposition(|item| item.0 < 16).expect("a length of its own");
                items.truncate(at);
                items.extend([(18, 127, 7); 3]);
            }
            _ => {}
        }
        let needed = items.iter().map(|item| item.0).collect();
        let mut lengths = complete_up_to(random, needed, 19, 7);
        lengths.resize(19, 0);
        let table = codes(&lengths);
        match flaw {
            Some(Flaw::NoCodeLengths) => lengths.fill(0),
            Some(Flaw::MoreCodeLengths) => {
                let at = lengths.iter().position(|&length| length == 0).unwrap_or(15);
                lengths[at] = 1;
            }
            Some(Flaw::FewerCodeLengths) => {
                let at = lengths.iter().position(|&length| length != 0).unwrap_or(0);
                lengths[at] = 0;
            }
            _ => {}
        }
        let used = ORDER.iter().rposition(|&symbol| lengths[symbol] != 0).map_or(0, |at| at + 1);
        let count = used.max(4 + random.below(16));
        self.bits.number(field(count - 4), 4);
        for &symbol in &ORDER[..count] {
            self.bits.number(lengths[symbol].into(), 3);
        }
        for (symbol, extra, count) in items {
            self.bits.code(&table, symbol);
            self.bits.number(extra, count);
        }
    }
}

/// The distance of a match that is resolved.
fn exact(distance: Distance) -> usize {
    let Distance::Exact(distance) = distance else { unreachable!("{distance:?}") };
    distance
}

/// Bytes that are the same for the same seed.
pub(crate) fn random_bytes(length: u16, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    (0..length).map(|_| random.next().to_le_bytes()[0]).collect()
}

/// Bits, from the lowest of each byte on.
#[derive(Clone, Debug, Default)]
struct Bits {
    bytes: Vec<u8>,
    /// How many bits of the last byte are used; 0 if all are.
    used: u32,
}

impl Bits {
    fn bit(&mut self, bit: bool) {
        if self.used == 0 {
            self.bytes.push(0);
        }
        *self.bytes.last_mut().expect("a byte") |= u8::from(bit) << self.used;
        self.used = (self.used + 1) % 8;
    }

    /// A number, from its lowest bit on.
    fn number(&mut self, number: u32, count: u32) -> &mut Self {
        (0..count).for_each(|place| self.bit(number >> place & 1 == 1));
        self
    }

    fn align(&mut self) {
        self.used = 0;
    }

    /// The code of a symbol, from its highest bit on. Returns whether there is one.
    fn code(&mut self, codes: &[Code], symbol: usize) -> bool {
        let Some(&Code { code, length }) = codes.get(symbol) else { return false };
        (0..length).rev().for_each(|place| self.bit(code >> place & 1 == 1));
        length > 0
    }
}

/// A code; there is none if the length is 0.
#[derive(Clone, Copy, Debug, Default)]
struct Code {
    code: u32,
    length: u8,
}

fn has(codes: &[Code], symbol: usize) -> bool {
    codes.get(symbol).is_some_and(|code| code.length > 0)
}

/// The canonical codes of these lengths [RFC 1951 §3.2.2].
fn codes(lengths: &[u8]) -> Vec<Code> {
    let mut codes = vec![Code::default(); lengths.len()];
    let mut next = 0;
    for length in 1..16 {
        for (code, _) in codes.iter_mut().zip(lengths).filter(|(_, of)| **of == length) {
            *code = Code { code: next, length };
            next += 1;
        }
        next <<= 1;
    }
    codes
}

/// The lengths of a complete code that has these of `symbols` symbols, and maybe others.
fn complete(random: &mut Random, mut needed: Vec<usize>, symbols: usize) -> Vec<u8> {
    for _ in 0..[0, 0, 3, 40][random.below(4)] {
        needed.push(random.below(symbols));
    }
    let mut lengths = complete_up_to(random, needed, symbols, 15);
    // Up to the last one, or some zeros more.
    let least = if symbols == 30 { 1 } else { 257 };
    let used = lengths.iter().rposition(|&length| length != 0).map_or(0, |at| at + 1).max(least);
    let longer = used + random.below(symbols + 1 - used);
    lengths.truncate([used, longer][random.below(2)]);
    lengths
}

/// The same with codes of up to `longest` bits; a single symbol has a code of one bit.
fn complete_up_to(
    random: &mut Random,
    mut needed: Vec<usize>,
    symbols: usize,
    longest: u8,
) -> Vec<u8> {
    needed.sort_unstable();
    needed.dedup();
    let may_be_single = symbols != 19 && random.below(2) == 0;
    while needed.len() < if may_be_single { 1 } else { 2 } {
        let other = random.below(symbols);
        if !needed.contains(&other) {
            needed.push(other);
        }
    }
    // Leaves of a tree: one is split until there are enough, any or one of the deepest.
    let mut leaves = vec![0u8];
    let deep = random.below(3) == 0;
    while leaves.len() < needed.len() {
        let at = if deep { leaves.len() - 1 } else { random.below(leaves.len()) };
        let fits = |&at: &usize| leaves[at] < longest;
        let at = Some(at).filter(fits).or_else(|| (0..leaves.len()).find(fits));
        let at = at.expect("room for all symbols");
        leaves[at] += 1;
        leaves.push(leaves[at]);
    }
    leaves[0] = leaves[0].max(1);
    let mut lengths = vec![0; symbols];
    for leaf in leaves {
        let symbol = needed.swap_remove(random.below(needed.len()));
        lengths[symbol] = leaf;
    }
    lengths
}

/// Code lengths as symbols of the code length code with their extra bits, repeated or not.
fn repetitions(random: &mut Random, lengths: &[u8]) -> Vec<(usize, u32, u32)> {
    let mut items = vec![];
    let mut at = 0;
    while at < lengths.len() {
        let length = lengths[at];
        let run = lengths[at..].iter().take_while(|&&next| next == length).count();
        let same = at > 0 && lengths[at - 1] == length;
        let (symbol, least, most, count) = match (length, random.below(4)) {
            (_, 0) => (length.into(), 1, 1, 0),
            (0, 1) if same => (16, 3, 6, 2),
            (0, 2) => (17, 3, 10, 3),
            (0, _) => (18, 11, 138, 7),
            _ if same => (16, 3, 6, 2),
            _ => (length.into(), 1, 1, 0),
        };
        if run < least {
            items.push((length.into(), 0, 0));
            at += 1;
            continue;
        }
        let run = run.min(most);
        items.push((symbol, u32::try_from(run - least).expect("a run"), count));
        at += run;
    }
    items
}

/// A symbol with its extra bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extra {
    symbol: usize,
    extra: u32,
    count: u32,
}

/// The last symbol whose smallest value is not larger, from symbols with these extra bits.
fn symbol_of(value: usize, first: usize, extras: impl Iterator<Item = u32>) -> Extra {
    let (mut base, mut found) = (first, None);
    for (symbol, count) in extras.enumerate() {
        if value >= base {
            let extra = u32::try_from(value - base).expect("a length or distance");
            found = Some(Extra { symbol, extra, count });
        }
        base += 1 << count;
    }
    found.expect("a value that has a symbol")
}

/// The symbol of a length, 3 to 258.
fn length_symbol(length: u16) -> Extra {
    if length == 258 {
        return Extra { symbol: 285, extra: 0, count: 0 };
    }
    let extras = (0..28u32).map(|symbol| (symbol / 4).saturating_sub(1));
    let found = symbol_of(length.into(), 3, extras);
    Extra { symbol: 257 + found.symbol, ..found }
}

/// The symbol of a distance, 1 to 32,768.
fn distance_symbol(distance: usize) -> Extra {
    symbol_of(distance, 1, (0..30u32).map(|symbol| (symbol / 2).saturating_sub(1)))
}

/// The smallest and the largest value of some symbols [RFC 1951 §3.2.5].
#[test]
fn symbols_are_those_of_the_rfc() {
    let extra = |symbol, extra, count| Extra { symbol, extra, count };
    for (length, expected) in [
        (3, extra(257, 0, 0)),
        (10, extra(264, 0, 0)),
        (11, extra(265, 0, 1)),
        (12, extra(265, 1, 1)),
        (227, extra(284, 0, 5)),
        (257, extra(284, 30, 5)),
        (258, extra(285, 0, 0)),
    ] {
        assert_eq!(length_symbol(length), expected, "{length} bytes long");
    }
    for (distance, expected) in [
        (1, extra(0, 0, 0)),
        (4, extra(3, 0, 0)),
        (5, extra(4, 0, 1)),
        (8193, extra(26, 0, 12)),
        (24_576, extra(28, 8191, 13)),
        (24_577, extra(29, 0, 13)),
        (32_768, extra(29, 8191, 13)),
    ] {
        assert_eq!(distance_symbol(distance), expected, "{distance} bytes back");
    }
}
