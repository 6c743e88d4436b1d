//! A decompressor for tests that shares no code with the crate: bit by bit, strict, and slow.
//!
//! It tells what each DEFLATE block is and where a mistake is [RFC 1951 §3.2]. What it refuses is
//! what C zlib refuses.

use core::ops::Range;

use crate::peer::{Content, Random};
use crate::zlib::{Deflate, Inflate, Judge};

/// What a sync flush ends with, and a message does not [RFC 7692 §7.2.1].
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// The longest code, in bits.
const MAX_LENGTH: usize = 15;

/// In which order a dynamic block has the lengths of the code length codes.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The smallest length and the number of extra bits of each length symbol, from 257 on.
const LENGTHS: [(usize, u32); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The smallest distance and the number of extra bits of each distance symbol.
const DISTANCES: [(usize, u32); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];

/// How the data of a block is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockType {
    Stored,
    Fixed,
    Dynamic,
}

/// A block of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) kind: BlockType,
    /// BFINAL: the stream ends with this block.
    pub(crate) last: bool,
    /// Its bits, counted from the start of the message; after a last block up to the end of a
    /// byte.
    pub(crate) bits: Range<usize>,
    /// The bits before its first symbol or stored byte.
    pub(crate) header: usize,
    /// The bytes that it decompresses to.
    pub(crate) output: usize,
}

/// A message that is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    pub(crate) message: Vec<u8>,
    /// Its blocks; the last bytes of the last one are those that are not sent.
    pub(crate) blocks: Vec<Block>,
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// The message ends within a block.
    Unfinished,
    /// The block type 3.
    BlockType,
    /// The length of a stored block and its complement do not match.
    StoredLength,
    /// More than 286 literal/length codes, or more than 30 distance codes.
    TooManyCodes,
    /// The code length codes are over-subscribed or incomplete.
    CodeLengthSet,
    /// A repetition of code lengths that has nothing to repeat, or goes beyond the last code.
    Repeat,
    /// There is no code for the end of the block.
    NoEndOfBlock,
    /// The literal/length codes are over-subscribed or incomplete.
    LiteralSet,
    /// The distance codes are over-subscribed or incomplete.
    DistanceSet,
    /// A literal/length code that stands for nothing.
    LiteralCode,
    /// A distance code that stands for nothing.
    DistanceCode,
    /// A distance beyond the window, or beyond the first byte.
    TooFarBack,
}

/// A message that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) mistake: Mistake,
    /// The byte with the last bit that the mistake takes to see. An unfinished message has it
    /// behind its last byte, with those that are not sent.
    pub(crate) at: usize,
    /// The byte that the wrong element begins in: a header's field, a symbol with its distance, a
    /// stored byte. Codes are judged behind the last of their lengths.
    pub(crate) offset: usize,
    /// What comes before the mistake.
    pub(crate) message: Vec<u8>,
}

/// The messages of one direction.
#[derive(Clone, Debug)]
pub(crate) struct Walker {
    window: usize,
    history: Vec<u8>,
}

impl Walk {
    /// The longest run of blocks without output, in bits, and the largest such block.
    pub(crate) fn silent_bits(&self) -> (usize, usize) {
        let (mut run, mut longest, mut largest) = (0, 0, 0);
        for block in &self.blocks {
            run = if block.output == 0 { run + block.bits.len() } else { 0 };
            longest = longest.max(run);
            if block.output == 0 {
                largest = largest.max(block.bits.len());
            }
        }
        (longest, largest)
    }

    /// The longest run of bits without output, with the header of the block that ends it.
    pub(crate) fn gap_bits(&self) -> usize {
        let (mut run, mut longest) = (0, 0);
        for block in &self.blocks {
            if block.output == 0 {
                run += block.bits.len();
                longest = longest.max(run);
            } else {
                longest = longest.max(run + block.header);
                run = 0;
            }
        }
        longest
    }
}

impl Walker {
    /// A window of exactly 2^`bits` bytes.
    pub(crate) fn new(bits: u8) -> Self {
        Self { window: 1 << bits, history: vec![] }
    }

    /// Forgets the messages so far.
    pub(crate) fn reset(&mut self) {
        self.history.clear();
    }

    /// Decompresses the payload of a message, which may refer to the messages before.
    ///
    /// After a last block the next one starts with the next byte, or the message ends
    /// [RFC 7692 §7.2.3.4]. A message without any byte is empty.
    pub(crate) fn message(&mut self, payload: &[u8]) -> Result<Walk, Invalid> {
        let excess = self.history.len().saturating_sub(self.window);
        self.history.drain(..excess);
        let start = self.history.len();
        let bytes = [payload, &TAIL].concat();
        let mut bits = Bits { bytes: &bytes, at: 0, element: 0 };
        let mut blocks: Vec<Block> = vec![];
        while bits.left() > 0 {
            let is_last = blocks.last().is_none_or(|block| block.last);
            if bits.at == 8 * payload.len() && is_last {
                break;
            }
            match self.block(&mut bits) {
                Ok(block) => blocks.push(block),
                Err(mistake) => {
                    let at = match mistake {
                        Mistake::Unfinished => bytes.len(),
                        _ => (bits.at - 1) / 8,
                    };
                    let offset = bits.element / 8;
                    let message = self.history[start..].to_vec();
                    return Err(Invalid { mistake, at, offset, message });
                }
            }
        }
        Ok(Walk { message: self.history[start..].to_vec(), blocks })
    }

    fn block(&mut self, bits: &mut Bits<'_>) -> Result<Block, Mistake> {
        bits.begin();
        let (start, before) = (bits.at, self.history.len());
        let last = bits.take(1)? == 1;
        let (kind, header) = match bits.take(2)? {
            0 => (BlockType::Stored, self.stored(bits)?),
            1 => (BlockType::Fixed, self.compressed(bits, &fixed())?),
            2 => {
                let codes = dynamic(bits)?;
                (BlockType::Dynamic, self.compressed(bits, &codes)?)
            }
            _ => return Err(Mistake::BlockType),
        };
        if last {
            bits.align();
        }
        Ok(Block {
            kind,
            last,
            bits: start..bits.at,
            header: header - start,
            output: self.history.len() - before,
        })
    }

    /// Copies a stored block [RFC 1951 §3.2.4]; returns where its data starts.
    fn stored(&mut self, bits: &mut Bits<'_>) -> Result<usize, Mistake> {
        bits.align();
        bits.begin();
        let (length, complement) = (bits.take(16)?, bits.take(16)?);
        if length != complement ^ 0xFFFF {
            return Err(Mistake::StoredLength);
        }
        let start = bits.at;
        for _ in 0..length {
            bits.begin();
            let byte = bits.take(8)?;
            self.history.push(u8::try_from(byte).expect("eight bits"));
        }
        Ok(start)
    }

    /// Decodes symbols up to an end of block; returns where they start.
    fn compressed(&mut self, bits: &mut Bits<'_>, codes: &[Codes; 2]) -> Result<usize, Mistake> {
        let [literals, distances] = codes;
        let start = bits.at;
        loop {
            bits.begin();
            let symbol = literals.decode(bits)?.ok_or(Mistake::LiteralCode)?;
            if let Ok(byte) = u8::try_from(symbol) {
                self.history.push(byte);
                continue;
            }
            if symbol == 256 {
                return Ok(start);
            }
            let &(base, extra) = LENGTHS.get(symbol - 257).ok_or(Mistake::LiteralCode)?;
            let length = base + bits.take(extra)?;
            let symbol = distances.decode(bits)?.ok_or(Mistake::DistanceCode)?;
            let &(base, extra) = DISTANCES.get(symbol).ok_or(Mistake::DistanceCode)?;
            let distance = base + bits.take(extra)?;
            if distance > self.window.min(self.history.len()) {
                return Err(Mistake::TooFarBack);
            }
            for _ in 0..length {
                self.history.push(self.history[self.history.len() - distance]);
            }
        }
    }
}

/// The codes of literals and lengths and those of distances, in a block with the fixed codes
/// [RFC 1951 §3.2.6].
fn fixed() -> [Codes; 2] {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    [Codes::new(&lengths), Codes::new(&[5; 32])]
}

/// The same in a block with codes of its own [RFC 1951 §3.2.7].
fn dynamic(bits: &mut Bits<'_>) -> Result<[Codes; 2], Mistake> {
    bits.begin();
    let literals = bits.take(5)? + 257;
    let distances = bits.take(5)? + 1;
    let count = bits.take(4)? + 4;
    if literals > 286 || distances > 30 {
        return Err(Mistake::TooManyCodes);
    }
    let mut lengths = [0; 19];
    for &symbol in &ORDER[..count] {
        bits.begin();
        lengths[symbol] = bits.take(3)?;
    }
    bits.begin();
    let codes = Codes::new(&lengths);
    if codes.left() != 0 {
        return Err(Mistake::CodeLengthSet);
    }
    let mut lengths: Vec<usize> = vec![];
    while lengths.len() < literals + distances {
        bits.begin();
        let symbol = codes.decode(bits)?.expect("complete codes");
        let (length, times) = match symbol {
            16 => {
                let times = 3 + bits.take(2)?;
                (*lengths.last().ok_or(Mistake::Repeat)?, times)
            }
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length, 1),
        };
        if lengths.len() + times > literals + distances {
            return Err(Mistake::Repeat);
        }
        lengths.resize(lengths.len() + times, length);
    }
    bits.begin();
    let (literals, distances) = lengths.split_at(literals);
    if literals[256] == 0 {
        return Err(Mistake::NoEndOfBlock);
    }
    let codes = [Codes::new(literals), Codes::new(distances)];
    for (codes, mistake) in codes.iter().zip([Mistake::LiteralSet, Mistake::DistanceSet]) {
        // Only codes of one bit, or none at all, may be incomplete.
        let left = codes.left();
        if left < 0 || (left > 0 && codes.longest > 1) {
            return Err(mistake);
        }
    }
    Ok(codes)
}

/// Canonical Huffman codes [RFC 1951 §3.2.2].
struct Codes {
    /// How many codes have each length.
    counts: [usize; MAX_LENGTH + 1],
    /// The symbols in the order of their codes.
    symbols: Vec<usize>,
    longest: usize,
}

impl Codes {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; MAX_LENGTH + 1];
        let mut symbols = vec![];
        for length in 1..=MAX_LENGTH {
            let of_length = (0..lengths.len()).filter(|&symbol| lengths[symbol] == length);
            symbols.extend(of_length);
            counts[length] = symbols.len() - counts.iter().sum::<usize>();
        }
        let longest = lengths.iter().copied().max().unwrap_or_default();
        Self { counts, symbols, longest }
    }

    /// How many codes of [`MAX_LENGTH`] bits are left: none if the codes are complete, less if
    /// they are over-subscribed.
    fn left(&self) -> isize {
        let taken = |length: usize| self.counts[length] << (MAX_LENGTH - length);
        let taken = (1..=MAX_LENGTH).map(taken).sum::<usize>();
        (1_isize << MAX_LENGTH) - isize::try_from(taken).expect("at most 288 codes")
    }

    /// The symbol of the next code, `None` if no symbol has it.
    fn decode(&self, bits: &mut Bits<'_>) -> Result<Option<usize>, Mistake> {
        // The code so far, the first one of its length, and where the symbols of that start.
        let (mut code, mut first, mut index) = (0, 0, 0);
        for count in &self.counts[1..=self.longest.max(1)] {
            code = code << 1 | bits.take(1)?;
            if code < first + count {
                return Ok(Some(self.symbols[index + code - first]));
            }
            first = (first + count) << 1;
            index += count;
        }
        Ok(None)
    }
}

/// Bits, from the lowest of each byte on.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the element begins that is being read.
    element: usize,
}

impl Bits<'_> {
    fn left(&self) -> usize {
        8 * self.bytes.len() - self.at
    }

    /// An element begins here.
    fn begin(&mut self) {
        self.element = self.at;
    }

    /// The next bits as a number, the lowest first.
    fn take(&mut self, count: u32) -> Result<usize, Mistake> {
        let mut number = 0;
        for place in 0..count {
            let byte = self.bytes.get(self.at / 8).ok_or(Mistake::Unfinished)?;
            number |= usize::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Ok(number)
    }

    /// Skips to the next byte.
    fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }
}

/// "Hello" as in RFC 7692 §7.2.3: the blocks of each example.
#[test]
fn the_examples_of_the_rfc() {
    use BlockType::{Fixed, Stored};
    let mut walker = Walker::new(15);
    let mut check = |payload: &[u8], message: &str, blocks: &[_]| {
        let walk = walker.message(payload).expect("a valid message");
        let found = walk.blocks.iter();
        let found = found.map(|block| (block.kind, block.last, block.bits.clone(), block.output));
        assert_eq!(found.collect::<Vec<_>>(), blocks);
        assert_eq!(walk.message, message.as_bytes());
    };
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    check(hello, "Hello", &[(Fixed, false, 0..50, 5), (Stored, false, 50..88, 0)]);
    let again = b"\xf2\x00\x11\x00\x00";
    check(again, "Hello", &[(Fixed, false, 0..31, 5), (Stored, false, 31..72, 0)]);
    let stored = b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
    check(stored, "Hello", &[(Stored, false, 0..80, 5), (Stored, false, 80..120, 0)]);
    let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    check(last, "Hello", &[(Fixed, true, 0..56, 5), (Stored, false, 56..96, 0)]);
    let parts = b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
    let [first, second] = [(Fixed, false, 0..26, 2), (Stored, false, 26..64, 0)];
    let [third, fourth] = [(Fixed, false, 64..98, 3), (Stored, false, 98..136, 0)];
    check(parts, "Hello", &[first, second, third, fourth]);
    check(b"\x00", "", &[(Stored, false, 0..40, 0)]);
    // After this nothing is left to refer to.
    walker.reset();
    let invalid = walker.message(again).expect_err("nothing to refer to");
    assert_eq!((invalid.mistake, invalid.message), (Mistake::TooFarBack, b"H".to_vec()));
}

/// A dynamic block of an end of block, and what a run of such blocks comes to.
#[test]
fn blocks_without_output() {
    let mut blocks = Script::default();
    // The end of block has the only code, of one bit.
    for _ in 0..2 {
        blocks.dynamic(257, 1, &[(18, 1), (0, 2), (1, 2)]);
        blocks.code(0, 1).number(127, 7).code(0, 1).number(107, 7);
        blocks.code(3, 2).code(2, 2).code(0, 1);
    }
    let length = blocks.0.len() / 2;
    blocks.number(2, 10).number(0, 3);
    let walk = Walker::new(8).message(&blocks.bytes()).expect("a valid message");
    let kinds = walk.blocks.iter().map(|block| (block.kind, block.output)).collect::<Vec<_>>();
    use BlockType::{Dynamic, Fixed, Stored};
    assert_eq!(kinds, [(Dynamic, 0), (Dynamic, 0), (Fixed, 0), (Stored, 0)]);
    assert_eq!(walk.blocks[1].bits, length..2 * length);
    assert_eq!(walk.blocks[0].header, length - 1);
    let end = walk.blocks[3].bits.end;
    assert_eq!(end % 8, 0);
    assert_eq!(walk.silent_bits(), (end, length));
    assert_eq!(walk.gap_bits(), end);
}

/// Messages with one mistake each, and where it is; zlib refuses all of them.
#[test]
fn each_mistake() {
    let check = |script: &Script, mistake, message: &[u8]| {
        let (at, message) = ((script.0.len() - 1) / 8, message.to_vec());
        let bytes = script.bytes();
        let invalid = Walker::new(8).message(&bytes).expect_err("one mistake");
        assert_eq!((invalid.mistake, invalid.at, invalid.message), (mistake, at, message));
        assert!(Inflate::new(8).message(&bytes).is_err(), "zlib accepts {mistake:?}");
    };
    let mut fixed = Script::default();
    // "a", a block of type 3.
    fixed.number(0b010, 3).code(0x91, 8).code(0, 7).number(0b110, 3);
    check(&fixed, Mistake::BlockType, b"a");
    let mut stored = Script::default();
    stored.number(0, 8).number(1, 16).number(0xFFFF, 16);
    check(&stored, Mistake::StoredLength, b"");
    // Up to what there may be no more of.
    for (literals, distances) in [(287, 1), (288, 30), (286, 31), (286, 32)] {
        let mut script = Script::default();
        script.counts(literals, distances);
        check(&script, Mistake::TooManyCodes, b"");
    }
    for lengths in [&[(0, 1), (1, 1), (18, 1)][..], &[(1, 1)], &[(0, 2), (1, 1)], &[]] {
        check(Script::default().dynamic(286, 30, lengths), Mistake::CodeLengthSet, b"");
    }

    // What the next ones consist of: a length of 0, one of 1, one of 2, many of 0.
    let begin = |literals, distances| {
        let mut script = Script::default();
        script.dynamic(literals, distances, &[(0, 2), (1, 3), (2, 3), (16, 2), (18, 2)]);
        script
    };
    const ZERO: u32 = 0b00;
    const REPEAT: u32 = 0b01;
    const ZEROS: u32 = 0b10;
    const ONE: u32 = 0b110;
    const TWO: u32 = 0b111;
    // Lengths of 0 for what comes before the end of block.
    let begin_with_end = |literals, distances| {
        let mut script = begin(literals, distances);
        script.code(ZEROS, 2).number(127, 7).code(ZEROS, 2).number(107, 7);
        script
    };

    check(begin(257, 1).code(REPEAT, 2).number(0, 2), Mistake::Repeat, b"");
    check(begin_with_end(257, 1).code(ZEROS, 2).number(0, 7), Mistake::Repeat, b"");
    check(begin_with_end(257, 1).code(ZERO, 2).code(ONE, 3), Mistake::NoEndOfBlock, b"");
    let three = &mut begin_with_end(259, 1);
    check(three.code(ONE, 3).code(ONE, 3).code(ONE, 3).code(ZERO, 2), Mistake::LiteralSet, b"");
    check(begin_with_end(257, 1).code(TWO, 3).code(ZERO, 2), Mistake::LiteralSet, b"");
    let three = &mut begin_with_end(257, 3);
    three.code(ONE, 3).code(ONE, 3);
    check(three.code(ONE, 3).code(ONE, 3), Mistake::DistanceSet, b"");
    check(begin_with_end(257, 1).code(ONE, 3).code(TWO, 3), Mistake::DistanceSet, b"");

    // The codes 286 and 287 of the fixed ones stand for nothing, nor do the distances 30 and 31.
    for code in [0b1100_0110, 0b1100_0111] {
        let mut script = Script::default();
        check(script.number(0b010, 3).code(code, 8), Mistake::LiteralCode, b"");
    }
    for code in [30, 31] {
        let mut script = Script::default();
        script.number(0b010, 3).code(0x91, 8).code(1, 7).code(code, 5);
        check(&script, Mistake::DistanceCode, b"a");
    }
    // The end of block is the only code.
    check(begin_with_end(257, 1).code(ONE, 3).code(ZERO, 2).code(1, 1), Mistake::LiteralCode, b"");
    // A length, and no distance or only one.
    for distance in [(ZERO, 2), (ONE, 3)] {
        let script = &mut begin_with_end(258, 1);
        script.code(ONE, 3).code(ONE, 3).code(distance.0, distance.1);
        check(script.code(1, 1).code(1, 1), Mistake::DistanceCode, b"");
    }
    let mut far = Script::default();
    far.number(0b010, 3).code(0x91, 8).code(1, 7).code(1, 5);
    check(&far, Mistake::TooFarBack, b"a");

    // Six bytes are not there; what is not sent of a message counts as its data.
    let unfinished = [0, 11, 0, 0xF4, 0xFF, b'a'];
    let (mistake, message) = (Mistake::Unfinished, b"a\0\0\xFF\xFF".to_vec());
    let invalid = Walker::new(8).message(&unfinished);
    assert_eq!(invalid, Err(Invalid { mistake, at: 10, offset: 10, message }));
    assert!(Inflate::new(8).message(&unfinished).is_err());
}

/// A copy from the first byte of the window, and from the one before.
#[test]
fn the_window_has_its_size() {
    let bytes = Content::Random.bytes(600, 1);
    for bits in 8..=9 {
        for (extra, valid) in [((1 << (bits - 2)) - 1, true), (0, false)] {
            let mut script = Script::default();
            script.number(0, 8).number(600, 16).number(!600 & 0xFFFF, 16);
            bytes.iter().for_each(|&byte| _ = script.number(byte.into(), 8));
            // Of the distances 2^(n - 1) + 1 to 2^n the last one has only ones as extra bits.
            let symbol = 2 * u32::from(bits) - if valid { 1 } else { 0 };
            let count = if valid { bits - 2 } else { bits - 1 };
            script.number(0b010, 3).code(1, 7).code(symbol, 5).number(extra, count.into());
            script.code(0, 7);
            let walk = Walker::new(bits).message(&script.bytes());
            let zlib = Inflate::new(bits).message(&script.bytes());
            match valid {
                true => {
                    let message = walk.expect("within the window").message;
                    assert_eq!(message[600..], bytes[600 - (1 << bits)..][..3]);
                    assert_eq!(zlib, Ok(message));
                }
                false => {
                    let invalid = walk.expect_err("beyond the window");
                    assert_eq!(
                        (invalid.mistake, invalid.message),
                        (Mistake::TooFarBack, bytes.clone())
                    );
                    assert!(zlib.is_err());
                }
            }
        }
    }
}

/// Messages of zlib with some bits changed: zlib finds the same in them, after as many bytes.
#[test]
fn zlib_agrees() {
    let mut random = Random(7);
    let (mut accepted, mut refused) = (0, vec![]);
    for seed in 0..6000 {
        let bits = [8, 9, 10, 15][random.below(4)];
        let (mut walker, mut judge) = (Walker::new(bits), Judge::new(bits));
        let mut deflate = Deflate::new([9, 15][random.below(2)], [0, 1, 6, 9][random.below(4)]);
        for _ in 0..3 {
            let content = Content::ALL[random.below(4)];
            let mut payload = deflate.message(&content.bytes(random.below(1500), seed));
            for _ in 0..random.below(3) {
                // Mostly where the codes of a dynamic block are.
                let end = payload.len().min([8, 60, payload.len()][random.below(3)]);
                payload[random.below(end)] ^= 1 << random.below(8);
            }
            let verdict = judge.message(&payload, 1, usize::MAX);
            match (walker.message(&payload), verdict.refused_after) {
                (Ok(walk), None) => {
                    assert!(walk.message == verdict.message);
                    let output = walk.blocks.iter().map(|block| block.output).sum::<usize>();
                    assert_eq!(output, verdict.message.len());
                    accepted += 1;
                }
                (Err(invalid), Some(after)) => {
                    assert!(invalid.message == verdict.message, "{:?}", invalid.mistake);
                    match invalid.mistake {
                        Mistake::Unfinished => assert_eq!(after, invalid.at),
                        // zlib reads on where the code length code has no codes.
                        Mistake::CodeLengthSet => assert!(after > invalid.at),
                        _ => assert_eq!(after, invalid.at + 1),
                    }
                    if !refused.contains(&invalid.mistake) {
                        refused.push(invalid.mistake);
                    }
                    break;
                }
                (walk, after) => panic!("{:?}, zlib: {after:?}", walk.map(|walk| walk.blocks)),
            }
        }
    }
    assert!(accepted > 3000, "{accepted} accepted");
    assert!(refused.len() >= 11, "no other mistakes than {refused:?}");
}

/// A message written by hand, bit by bit.
#[derive(Default)]
struct Script(Vec<bool>);

impl Script {
    /// A number, from its lowest bit on.
    fn number(&mut self, number: u32, count: u32) -> &mut Self {
        self.0.extend((0..count).map(|place| number >> place & 1 == 1));
        self
    }

    /// A Huffman code, from its highest bit on.
    fn code(&mut self, code: u32, length: u32) -> &mut Self {
        self.0.extend((0..length).rev().map(|place| code >> place & 1 == 1));
        self
    }

    /// The start of a dynamic block, up to how many codes it has.
    fn counts(&mut self, literals: u32, distances: u32) -> &mut Self {
        self.number(0b100, 3).number(literals - 257, 5).number(distances - 1, 5).number(15, 4)
    }

    /// The start of a dynamic block, with the lengths of these code length codes.
    fn dynamic(&mut self, literals: u32, distances: u32, lengths: &[(usize, u32)]) -> &mut Self {
        self.counts(literals, distances);
        for symbol in ORDER {
            let length = lengths.iter().find(|(of, _)| *of == symbol);
            self.number(length.map_or(0, |(_, length)| *length), 3);
        }
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let byte =
            |bits: &[bool]| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
        self.0.chunks(8).map(byte).collect()
    }
}
