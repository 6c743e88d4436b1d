//! Messages that are DEFLATE data, or nearly, against two decompressors that share no code with
//! this crate: C zlib with exactly the window that was agreed on, and a bit by bit reading of
//! RFC 1951. Every storage, role, delivery and chop gives their verdict and output, after the same
//! byte of the payload.
//!
//! zlib sees a mistake later in one case: it reads on where the code length code has no code.
//! Which part is wrong, and the byte that it begins in, is what the bit by bit reading finds.

use alloc::rc::Rc;
use core::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sansocket::deflate::{Codecs, DeflateError};
use sansocket::{Client, Config, Delivery, Error, FixedDeflate, Heap, Server, Shared, Storage};

use crate::common;
use crate::common::output::Output;
use crate::common::record::Driver;
use crate::common::side::{Script, Side};
use crate::common::wire::{self, BINARY, CONTINUATION, FIN};
use crate::fragments::connection;
use crate::peer::{ChunkKind, Content, DELIVERIES, RSV1, Terms, messages};
use crate::walker::{Mistake, Walker};
use crate::writer::{Block, Body, Distance, Flaw, Symbol, Writer};
use crate::zlib::{Deflate, Judge};

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/deflate_differential.txt");

/// The memory of a `FixedDeflate` for a message.
const FIXED: usize = 2000;

/// A compressed message of the peer.
#[derive(Clone, Debug)]
struct Message {
    data: Data,
    end: End,
    /// Bits that are changed.
    damage: Vec<(Index, u8)>,
    /// The lengths of its frames but the last.
    fragments: Vec<usize>,
}

#[derive(Clone, Debug)]
enum Data {
    /// Blocks that are written as they are.
    Written(Vec<Block>),
    /// What zlib makes of this, with so many flushes in it.
    Zlib(Content, usize, u64, usize),
}

/// How a message that is written ends.
#[derive(Clone, Debug)]
enum End {
    Flush,
    /// With its last block.
    Block,
    Cut(Index),
}

/// How zlib compresses.
#[derive(Clone, Copy, Debug)]
struct Settings {
    bits: u8,
    level: u8,
    memory: u8,
    strategy: i32,
}

/// A conversation: what the peer sends, and what is agreed on.
#[derive(Clone, Debug)]
struct Conversation {
    terms: Terms,
    zlib: Settings,
    /// The peer refers to earlier messages although there is no context takeover.
    keeps_context: bool,
    limit: Option<usize>,
    messages: Vec<Message>,
}

impl Message {
    fn payload(&self, writer: &mut Writer, deflate: &mut Deflate) -> Vec<u8> {
        let mut payload = match &self.data {
            Data::Written(blocks) => {
                writer.blocks(blocks);
                match self.end {
                    End::Block => writer.end(),
                    End::Flush | End::Cut(_) => writer.flush(),
                }
            }
            Data::Zlib(content, length, seed, flushes) => {
                let bytes = content.bytes(*length, *seed);
                deflate.message_in_parts(bytes.chunks(length / (flushes + 1) + 1))
            }
        };
        if let End::Cut(at) = &self.end {
            payload.truncate(at.index(payload.len() + 1));
        }
        for (at, bits) in &self.damage {
            if !payload.is_empty() {
                // Mostly where the header is.
                let end = payload.len().min([10, 80, usize::MAX][usize::from(bits % 3)]);
                payload[at.index(end)] ^= bits;
            }
        }
        payload
    }

    /// The frames of a payload, each with its header and its part.
    fn frames<'p>(&self, masks: bool, payload: &'p [u8]) -> Vec<(Vec<u8>, &'p [u8])> {
        let mut rest = payload;
        let mut frames = vec![];
        let mut first = RSV1 | BINARY;
        for length in self.fragments.iter().chain([&usize::MAX]) {
            let (part, behind) = rest.split_at((*length).min(rest.len()));
            let fin = if *length == usize::MAX { FIN } else { 0 };
            frames.push((wire::header(masks, fin | first, part.len() as u64), part));
            (first, rest) = (CONTINUATION, behind);
        }
        frames
    }
}

/// What a connection has to make of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    messages: Vec<Vec<u8>>,
    /// The output of the message with the mistake, before that.
    partial: Vec<u8>,
    error: Option<Error>,
    /// The message with the mistake, and how many bytes of its payload it takes to see that;
    /// `None` if that is not known.
    after: Option<(usize, usize)>,
}

impl Conversation {
    fn payloads(&self) -> Vec<Vec<u8>> {
        let mut writer = Writer::new(self.terms.bits);
        let Settings { bits, level, memory, strategy } = self.zlib;
        let mut deflate = Deflate::with(bits, level, memory, strategy);
        let payload = |message: &Message| {
            let payload = message.payload(&mut writer, &mut deflate);
            if !self.terms.takeover && !self.keeps_context {
                writer.reset();
                deflate.reset();
            }
            payload
        };
        self.messages.iter().map(payload).collect()
    }

    /// What both oracles make of it.
    fn expected(&self, payloads: &[Vec<u8>]) -> Outcome {
        let limit = self.limit.unwrap_or(usize::MAX - 1);
        let mut judges = [(); 2].map(|()| Judge::new(self.terms.bits));
        let mut walker = Walker::new(self.terms.bits);
        let mut outcome = Outcome { messages: vec![], partial: vec![], error: None, after: None };
        for (index, payload) in payloads.iter().enumerate() {
            let [bytewise, whole] = [(0, 1), (1, payload.len().max(1))]
                .map(|(at, step): (usize, usize)| judges[at].message(payload, step, limit));
            assert!(bytewise.message == whole.message, "zlib, byte by byte and whole");
            let is_refused = bytewise.refused_after.is_some();
            assert_eq!(is_refused, whole.refused_after.is_some());
            if let Some(length) = self.limit.filter(|&limit| bytewise.message.len() > limit) {
                let limit = length as u64;
                outcome.error = Some(Error::MessageTooLong { length: limit + 1, limit });
                outcome.partial = bytewise.message[..length].to_vec();
                return outcome;
            }
            match walker.message(payload) {
                Ok(walk) => {
                    assert_eq!(bytewise.refused_after, None, "zlib refuses, the walker does not");
                    assert!(walk.message == bytewise.message);
                    outcome.messages.push(walk.message);
                }
                Err(invalid) => {
                    let theirs = bytewise.refused_after.expect("zlib refuses it as well");
                    assert!(invalid.message == bytewise.message);
                    let after = match invalid.mistake {
                        Mistake::Unfinished => payload.len(),
                        _ => payload.len().min(invalid.at + 1),
                    };
                    let theirs = theirs.min(payload.len());
                    if invalid.mistake == Mistake::CodeLengthSet {
                        assert!(theirs >= after);
                    } else {
                        assert_eq!(theirs, after, "{:?}", invalid.mistake);
                    }
                    let reason = reason(invalid.mistake);
                    let offset = invalid.offset as u64;
                    outcome.error = Some(Error::InvalidDeflate { reason, offset });
                    outcome.partial = invalid.message;
                    outcome.after = Some((index, after));
                    return outcome;
                }
            }
            if !self.terms.takeover {
                judges.iter_mut().for_each(Judge::reset);
                walker.reset();
            }
        }
        outcome
    }

    /// What a connection makes of it.
    fn run<R: Side, S: Storage>(
        &self,
        storage: S,
        payloads: &[Vec<u8>],
        delivery: Delivery,
        chop: Chop<'_>,
    ) -> Outcome {
        let mut config = Config::new().delivery(delivery);
        if let Some(limit) = self.limit {
            config = config.max_message(limit as u64);
        }
        let connection = connection::<R, S>(storage, self.terms, config);
        let mut driver = chop.kind().prepare(Driver::new(connection, Output::unbounded()));
        driver.events_per_byte = 6;
        let mut after = None;
        let mut stream = vec![];
        let messages_with_payloads = self.messages.iter().zip(payloads).enumerate();
        for (index, (message, payload)) in messages_with_payloads {
            let mut fed = 0;
            for (header, part) in message.frames(R::PEER_MASKS, payload) {
                let mut masked = part.to_vec();
                if R::PEER_MASKS {
                    wire::mask(&mut masked);
                }
                if !matches!(chop, Chop::Bytes(_)) {
                    stream.extend([header, masked].concat());
                    continue;
                }
                driver.feed(&header, true);
                if driver.error.is_some() && after.is_none() {
                    after = Some((index, fed));
                }
                for byte in masked {
                    driver.feed_in(&[byte], [chop.kind().cut(1)]);
                    fed += 1;
                    if driver.error.is_some() && after.is_none() {
                        after = Some((index, fed));
                    }
                }
            }
        }
        match chop {
            Chop::Bytes(_) => {}
            Chop::Whole(kind) => driver.feed_in(&stream, [kind.cut(stream.len())]),
            Chop::Pattern(kind, pattern) => {
                let cuts = pattern.iter().map(|&(length, is_mutable)| match kind {
                    ChunkKind::Input => kind.cut(length),
                    _ => (length, is_mutable),
                });
                driver.feed_in(&stream, cuts.cycle());
            }
        }
        if let Some(error) = driver.error {
            let again = driver.connection.receive(&b"\xC1"[..], &mut driver.out).next().map(drop);
            assert_eq!(again, Err(error), "it sticks");
        }
        let mut messages = messages(&driver.seen);
        let mut partial = vec![];
        if driver.error.is_some() && delivery == Delivery::Streaming {
            let unfinished = driver.seen.last().is_some_and(|seen| {
                matches!(seen, common::record::Seen::Frame { message_end: false, .. })
            });
            if unfinished {
                partial = messages.pop().expect("a message that has started");
            }
        }
        Outcome { messages, partial, error: driver.error, after }
    }

    fn check_run<R: Side, S: Storage>(
        &self,
        storage: impl Fn() -> S,
        payloads: &[Vec<u8>],
        expected: &Outcome,
        pattern: &[(usize, bool)],
        deliveries: &[Delivery],
    ) -> Result<(), TestCaseError> {
        for &delivery in deliveries {
            let mut expected = expected.clone();
            if delivery != Delivery::Streaming {
                expected.partial.clear();
            }
            let bytewise = ChunkKind::ALL[pattern[0].0 % 3];
            let chops = [
                Chop::Bytes(bytewise),
                Chop::Whole(ChunkKind::Mutable),
                Chop::Whole(ChunkKind::Shared),
                Chop::Whole(ChunkKind::Input),
                Chop::Pattern(ChunkKind::Mutable, pattern),
                Chop::Pattern(ChunkKind::Input, pattern),
            ];
            for chop in chops {
                let mut outcome = self.run::<R, S>(storage(), payloads, delivery, chop);
                if expected.after.is_none() || !matches!(chop, Chop::Bytes(_)) {
                    outcome.after = expected.after;
                }
                let name = core::any::type_name::<(R, S)>();
                prop_assert_eq!(
                    (outcome.error, outcome.after),
                    (expected.error, expected.after),
                    "{} {:?} {:?} {:02x?}",
                    name,
                    delivery,
                    chop,
                    payloads
                );
                let same = outcome == expected;
                prop_assert!(same, "output, {} {:?} {:?} {:02x?}", name, delivery, chop, payloads);
            }
        }
        Ok(())
    }

    fn check<R: Side>(
        &self,
        payloads: &[Vec<u8>],
        expected: &Outcome,
        pattern: &[(usize, bool)],
    ) -> Result<(), TestCaseError> {
        self.check_run::<R, _>(|| Heap, payloads, expected, pattern, &DELIVERIES)?;
        let codecs = Rc::new(RefCell::new(Codecs::new(2)));
        let shared = || Shared::new(codecs.clone());
        self.check_run::<R, _>(shared, payloads, expected, pattern, &DELIVERIES)?;
        // Where it has the memory for whole messages.
        let lengths = expected.messages.iter().chain([&expected.partial]).map(Vec::len);
        let fits = lengths.max().is_none_or(|longest| longest < FIXED);
        let deliveries = if fits { &DELIVERIES[..] } else { &DELIVERIES[1..] };
        macro_rules! fixed {
            ($($bits:literal $larger:literal),*) => { match self.terms.bits {
                $($bits => {
                    let exact = FixedDeflate::<FIXED, $bits, 8>::new;
                    self.check_run::<R, _>(exact, payloads, expected, pattern, deliveries)?;
                    let larger = FixedDeflate::<FIXED, $larger, 8>::new;
                    self.check_run::<R, _>(larger, payloads, expected, pattern, deliveries)
                })*
                _ => unreachable!("8 to 15"),
            } };
        }
        // With more memory than the window has, by less and by more than what copies may use of it.
        fixed!(8 9, 9 10, 10 15, 11 12, 12 15, 13 14, 14 15, 15 15)
    }
}

/// How a stream is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chop<'a> {
    Bytes(ChunkKind),
    Whole(ChunkKind),
    /// Chunks of these lengths, of this kind or, if they are slices, of both kinds of them.
    Pattern(ChunkKind, &'a [(usize, bool)]),
}

impl Chop<'_> {
    fn kind(&self) -> ChunkKind {
        match *self {
            Self::Bytes(kind) | Self::Whole(kind) | Self::Pattern(kind, _) => kind,
        }
    }
}

/// What the connection calls it.
pub(crate) fn reason(mistake: Mistake) -> DeflateError {
    match mistake {
        Mistake::Unfinished => DeflateError::Truncated,
        Mistake::BlockType => DeflateError::BlockType,
        Mistake::StoredLength => DeflateError::StoredLength,
        Mistake::TooManyCodes => DeflateError::CodeCounts,
        Mistake::CodeLengthSet => DeflateError::CodeLengthCode,
        Mistake::Repeat => DeflateError::RepeatedLength,
        Mistake::NoEndOfBlock => DeflateError::MissingEndOfBlock,
        Mistake::LiteralSet => DeflateError::LiteralCode,
        Mistake::DistanceSet => DeflateError::DistanceCode,
        Mistake::LiteralCode => DeflateError::InvalidLength,
        Mistake::DistanceCode => DeflateError::InvalidDistance,
        Mistake::TooFarBack => DeflateError::DistanceTooFar,
    }
}

fn any_symbol() -> impl Strategy<Value = Symbol> {
    let length = || prop_oneof![3 => 3..=20u16, 2 => 3..=258u16, 1 => Just(258u16)];
    let back = prop_oneof![3 => 1..20usize, 2 => 1..600usize, 2 => 1..=32_768usize];
    let edge = prop_oneof![
        3 => Just(Distance::Start(0)),
        2 => Just(Distance::Window(-1)),
        2 => Just(Distance::Window(0)),
        1 => Just(Distance::Window(1)),
        1 => Just(Distance::Start(1)),
    ];
    prop_oneof![
        100 => (0..5u8).prop_map(Symbol::Literal),
        100 => any::<u8>().prop_map(Symbol::Literal),
        160 => (length(), back).prop_map(|(length, by)| Symbol::Match(length, Distance::Back(by))),
        6 => (length(), edge).prop_map(|(length, distance)| Symbol::Match(length, distance)),
        1 => (257..288usize).prop_map(Symbol::LengthCode),
        1 => (0..32usize).prop_map(Symbol::DistanceCode),
        1 => (any::<u32>(), 1..20u32).prop_map(|(bits, count)| Symbol::Bits(bits, count)),
    ]
}

fn any_block(bits: u8) -> impl Strategy<Value = Block> {
    let symbols = || prop_oneof![3 => vec(any_symbol(), 0..12), 1 => vec(any_symbol(), 0..150)];
    let window = 1u16 << bits;
    let length = prop_oneof![
        8 => 0..60u16,
        2 => 0..700u16,
        // So that the window is full, or nearly.
        2 => (0..300u16).prop_map(move |more| window - 100 + more),
    ];
    let complement = prop_oneof![30 => Just(0u16), 1 => 1..=u16::MAX];
    let stored = (length, any::<u64>(), complement)
        .prop_map(|(length, seed, complement)| Body::Stored { length, seed, complement });
    let flaw = prop::option::weighted(0.06, prop::sample::select(&Flaw::ALL[..]));
    let dynamic = (any::<u64>(), flaw, symbols()).prop_map(|(seed, flaw, symbols)| Body::Dynamic {
        seed,
        flaw,
        symbols,
    });
    let body = prop_oneof![
        20 => stored,
        30 => symbols().prop_map(Body::Fixed),
        50 => dynamic,
        1 => Just(Body::Reserved),
    ];
    (prop::bool::weighted(0.2), body).prop_map(|(last, body)| Block { last, body })
}

fn any_message(bits: u8) -> impl Strategy<Value = Message> {
    let content = prop::sample::select(&Content::ALL[..]);
    let length = prop_oneof![2 => 0..200usize, 1 => 0..3000usize];
    let data = prop_oneof![
        4 => vec(any_block(bits), 0..5).prop_map(Data::Written),
        2 => (content, length, 0..4u64, 0..3usize)
            .prop_map(|(content, length, seed, flushes)| Data::Zlib(content, length, seed, flushes)),
    ];
    let end = prop_oneof![
        20 => Just(End::Flush),
        4 => Just(End::Block),
        1 => any::<Index>().prop_map(End::Cut),
    ];
    let change = || (any::<Index>(), 1..=u8::MAX);
    let damage = prop_oneof![7 => Just(vec![]), 1 => vec(change(), 1..3)];
    let length = prop_oneof![Just(0usize), 1..6usize, 0..300usize];
    let fragments = prop_oneof![3 => Just(vec![]), 1 => vec(length, 0..4)];
    (data, end, damage, fragments).prop_map(|(data, end, damage, fragments)| Message {
        data,
        end,
        damage,
        fragments,
    })
}

fn any_conversation() -> impl Strategy<Value = Conversation> {
    let terms =
        (8..=15u8, prop::bool::weighted(0.7)).prop_map(|(bits, takeover)| Terms { bits, takeover });
    let zlib = (9..=15u8, 0..=9u8, 1..=9u8, 0..5i32)
        .prop_map(|(bits, level, memory, strategy)| Settings { bits, level, memory, strategy });
    let limit = prop::option::weighted(0.2, 0..3000usize);
    (terms, zlib, prop::bool::weighted(0.1), limit).prop_flat_map(
        |(terms, zlib, keeps_context, limit)| {
            vec(any_message(terms.bits), 1..6).prop_map(move |messages| {
                let zlib = if messages.len() % 2 == 0 {
                    Settings { bits: zlib.bits.min(terms.bits.max(9)), ..zlib }
                } else {
                    zlib
                };
                Conversation { terms, zlib, keeps_context, limit, messages }
            })
        },
    )
}

/// Lengths and kinds of chunks.
fn any_pattern() -> impl Strategy<Value = Vec<(usize, bool)>> {
    vec((prop_oneof![1..4usize, 1..40usize, 1..2000usize], any::<bool>()), 1..6)
}

proptest! {
    #![proptest_config(common::settings(REGRESSIONS))]

    #[test]
    fn any_messages(conversation in any_conversation(), pattern in any_pattern()) {
        let payloads = conversation.payloads();
        let expected = conversation.expected(&payloads);
        conversation.check::<Server>(&payloads, &expected, &pattern)?;
        conversation.check::<Client<Script>>(&payloads, &expected, &pattern)?;
    }
}

/// The mistake comes right behind the first byte that is too long: the limit counts. Found by
/// fuzzing.
#[test]
fn a_mistake_behind_the_limit() {
    let payload = [
        0xec, 0xc1, 0x31, 0x01, 0x00, 0x00, 0x00, 0xc2, 0xa0, 0xf5, 0x4f, 0x6d, 0x0d, 0x0f, 0xa0,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x06, 0xff, 0x00, 0x01, 0x00, 0xc1, 0x01, 0xd1, 0x00, 0x00, 0x00, 0x80, 0x57,
        0x03,
    ];
    let expected = Judge::new(8).message(&payload, 1, 1 << 15);
    assert_eq!((expected.message.len(), expected.refused_after), ((1 << 15) + 1, None));
    for step in [7, payload.len()] {
        assert!(Judge::new(8).message(&payload, step, 1 << 15) == expected, "{step} at a time");
    }
}
