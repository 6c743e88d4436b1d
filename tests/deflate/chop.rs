//! Contract 1, chop invariance, for compressed messages: however a stream is cut, and in whatever
//! kind of chunks it is received, a connection has the same events, sends the same and ends the same.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sansocket::{
    Client, Compression, Config, Delivery, Event, FixedDeflate, Heap, MessageKind, Server, Storage,
};

use crate::common;
use crate::common::conversation::any_config;
use crate::common::output::Output;
use crate::common::record::{Manners, Transcript};
use crate::common::side::{Script, Side};
use crate::common::wire::{self, BINARY, CLOSE, CONTINUATION, FIN, PING, TEXT};
use crate::fragments;
use crate::peer::{self, ChunkKind, Content, RSV1, Terms, driver, opcode};
use crate::zlib::{Deflate, Inflate};

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/deflate_chop.txt");

/// What the peer sends.
#[derive(Clone, Debug)]
enum Item {
    Message(Message),
    Ping,
    Close,
}

#[derive(Clone, Debug)]
struct Message {
    kind: MessageKind,
    payload: Payload,
    /// Whether it is compressed, and with how many flushes inside it.
    compressed: Option<usize>,
    /// What happens to its payload once it is compressed.
    damage: Option<Damage>,
    /// The lengths of its frames but the last, each with a ping behind it or not.
    fragments: Vec<(usize, bool)>,
}

#[derive(Clone, Debug)]
enum Payload {
    Content(Content, usize, u64),
    /// Characters of all lengths, the last of them cut off or not.
    Characters(usize),
    /// A byte that is not UTF-8 behind so many that are, and then this many more.
    NotUtf8(usize, usize),
    /// What inflates to much more than it is.
    Zeros(usize),
}

#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Append(Vec<u8>),
    Replace(Vec<u8>),
}

impl Payload {
    fn bytes(&self) -> Vec<u8> {
        match *self {
            Self::Content(content, length, seed) => content.bytes(length, seed),
            Self::Characters(length) => {
                let mut bytes = "aé€😀".repeat(length / 10 + 1).into_bytes();
                bytes.truncate(length);
                bytes
            }
            Self::NotUtf8(before, behind) => {
                [&vec![b'v'; before][..], &[0xC0], &vec![b'w'; behind]].concat()
            }
            Self::Zeros(length) => vec![0; length],
        }
    }
}

impl Damage {
    fn apply(&self, payload: &mut Vec<u8>) {
        match self {
            Self::Flip(at, bits) => {
                let at = at.index(payload.len());
                payload[at] ^= bits;
            }
            Self::Cut(at) => payload.truncate(at.index(payload.len())),
            Self::Append(more) => payload.extend(more),
            Self::Replace(other) => other.clone_into(payload),
        }
    }
}

impl Message {
    fn write(&self, masks: bool, deflate: &mut Deflate, bytes: &mut Vec<u8>) {
        let mut payload = self.payload.bytes();
        let mut opcode = opcode(self.kind);
        if let Some(flushes) = self.compressed {
            let part = payload.len() / (flushes + 1) + 1;
            payload = deflate.message_in_parts(payload.chunks(part));
            opcode |= RSV1;
        }
        if let Some(damage) = &self.damage {
            damage.apply(&mut payload);
        }
        let mut rest = &payload[..];
        for &(length, ping) in &self.fragments {
            let (fragment, behind) = rest.split_at(length.min(rest.len()));
            bytes.extend(wire::frame(masks, opcode, fragment));
            if ping {
                bytes.extend(wire::frame(masks, FIN | PING, b"between"));
            }
            (opcode, rest) = (CONTINUATION, behind);
        }
        bytes.extend(wire::frame(masks, FIN | opcode, rest));
    }
}

/// The bytes of a conversation, for a connection of this side.
fn bytes<R: Side>(terms: Terms, items: &[Item]) -> Vec<u8> {
    let masks = R::PEER_MASKS;
    // What zlib compresses with its smallest window, 2^8 bytes need not hold.
    let mut deflate = Deflate::new(terms.bits.max(9), 6);
    let mut bytes = vec![];
    for item in items {
        match item {
            Item::Message(message) => {
                message.write(masks, &mut deflate, &mut bytes);
                if !terms.takeover {
                    deflate.reset();
                }
            }
            Item::Ping => bytes.extend(wire::frame(masks, FIN | PING, b"ping")),
            Item::Close => {
                bytes.extend(wire::frame(masks, FIN | CLOSE, &wire::close_payload(1000, "bye")));
            }
        }
    }
    bytes
}

fn any_message() -> impl Strategy<Value = Message> {
    let length = || prop_oneof![3 => 0..40usize, 3 => 0..600usize, 1 => 0..5000usize];
    let content = prop::sample::select(&Content::ALL[..]);
    let payload = prop_oneof![
        4 => (content, length(), 0..3u64).prop_map(|(c, length, seed)| Payload::Content(c, length, seed)),
        4 => length().prop_map(Payload::Characters),
        1 => (0..600usize, 0..600usize).prop_map(|(a, b)| Payload::NotUtf8(a, b)),
        1 => (0..100_000usize).prop_map(Payload::Zeros),
    ];
    let damage = prop_oneof![
        3 => (any::<Index>(), 1..=255u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => vec(any::<u8>(), 1..40).prop_map(Damage::Append),
        1 => vec(any::<u8>(), 0..40).prop_map(Damage::Replace),
    ];
    let kind = prop::sample::select(&[MessageKind::Text, MessageKind::Binary][..]);
    let compressed = prop::option::weighted(0.9, 0..3usize);
    let length = prop_oneof![Just(0usize), 1..6usize, 0..300usize];
    let fragments = prop_oneof![Just(vec![]), vec((length, any::<bool>()), 0..4)];
    let damage = prop::option::weighted(0.25, damage);
    (kind, payload, compressed, damage, fragments).prop_map(
        |(kind, payload, compressed, damage, fragments)| {
            // Only what is compressed has a form that can be damaged, and is never empty.
            let damage = damage.filter(|_| compressed.is_some());
            Message { kind, payload, compressed, damage, fragments }
        },
    )
}

fn any_items() -> impl Strategy<Value = Vec<Item>> {
    let item = prop_oneof![
        8 => any_message().prop_map(Item::Message),
        2 => Just(Item::Ping),
        1 => Just(Item::Close),
    ];
    vec(item, 1..6)
}

fn any_terms() -> impl Strategy<Value = Terms> {
    (8..=15u8, any::<bool>()).prop_map(|(bits, takeover)| Terms { bits, takeover })
}

/// Lengths and kinds of chunks, never all empty.
fn any_pattern() -> impl Strategy<Value = Vec<(usize, bool)>> {
    let length = prop_oneof![0..4usize, 0..200usize, 0..5000usize];
    (vec((length, any::<bool>()), 0..8), 1..300usize).prop_map(|(mut pattern, last)| {
        pattern.push((last, true));
        pattern
    })
}

/// How to start over with one and the same connection.
#[derive(Clone, Copy)]
struct Setup {
    terms: Terms,
    config: Config,
    manners: Manners,
}

impl Setup {
    fn run<R: Side>(
        &self,
        kind: ChunkKind,
        bytes: &[u8],
        cuts: impl IntoIterator<Item = (usize, bool)>,
    ) -> Transcript {
        let driver = driver::<R>(self.terms, self.config).with_manners(self.manners);
        let mut driver = kind.prepare(driver);
        driver.feed_in(bytes, cuts);
        driver.finish()
    }

    /// Compares the ways of cutting with the whole in one chunk that can be changed.
    fn check<R: Side>(&self, bytes: &[u8], pattern: &[(usize, bool)]) -> Result<(), TestCaseError> {
        let all = ChunkKind::Mutable.cut(bytes.len());
        let whole = self.run::<R>(ChunkKind::Mutable, bytes, [all]);
        for kind in ChunkKind::ALL {
            let at_once = self.run::<R>(kind, bytes, [kind.cut(bytes.len())]);
            prop_assert_eq!(&at_once, &whole, "at once, {:?}", kind);
            let bytewise = self.run::<R>(kind, bytes, core::iter::repeat(kind.cut(1)));
            prop_assert_eq!(&bytewise, &whole, "byte by byte, {:?}", kind);
            let cuts = pattern.iter().map(|&(length, _)| kind.cut(length));
            let cut = self.run::<R>(kind, bytes, cuts.cycle());
            prop_assert_eq!(&cut, &whole, "random chunks, {:?}", kind);
        }
        let mixed = self.run::<R>(ChunkKind::Mutable, bytes, pattern.iter().copied().cycle());
        prop_assert_eq!(&mixed, &whole, "random slices of both kinds");
        Ok(())
    }
}

proptest! {
    #![proptest_config(common::settings(REGRESSIONS))]

    #[test]
    fn any_conversation(
        items in any_items(),
        terms in any_terms(),
        config in any_config(),
        echo in any::<bool>(),
        pattern in any_pattern(),
    ) {
        let setup = Setup { terms, config, manners: Manners { echo, answer_controls: false } };
        setup.check::<Server>(&bytes::<Server>(terms, &items), &pattern)?;
        setup.check::<Client<Script>>(&bytes::<Client<Script>>(terms, &items), &pattern)?;
    }
}

/// Checks compressed messages on the default terms, in both deliveries and as both sides.
#[track_caller]
fn check(config: Config, frames: &[(u8, &[u8])]) {
    #[track_caller]
    fn check_side<R: Side>(config: Config, frames: &[(u8, &[u8])]) {
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|(first, payload)| wire::frame(R::PEER_MASKS, *first, payload))
            .collect();
        for delivery in [Delivery::Whole, Delivery::Streaming] {
            let config = config.delivery(delivery);
            let setup = Setup { terms: Terms::DEFAULT, config, manners: Manners::default() };
            if let Err(difference) = setup.check::<R>(&bytes, &[(2, true), (3, false)]) {
                panic!("{delivery:?}: {difference}");
            }
        }
    }
    check_side::<Server>(config, frames);
    check_side::<Client<Script>>(config, frames);
}

const MESSAGE: u8 = FIN | RSV1 | BINARY;
const TEXT_MESSAGE: u8 = FIN | RSV1 | TEXT;

/// What comes before the byte that is no deflate data is told in streaming delivery.
#[test]
fn what_comes_before_invalid_data() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff];
    // A block of the type that there is not.
    let invalid = [&hello[..], &[0x06, 0, 0]].concat();
    check(Config::new(), &[(MESSAGE, &invalid)]);
    // "Hell" with the fixed codes, then the symbol 286, which there is not either.
    let invalid = [0xf2, 0x48, 0xcd, 0xc9, 0x19, 0x03, 0x00];
    check(Config::new(), &[(MESSAGE, &invalid)]);
    check(Config::new(), &[(MESSAGE, &hello), (MESSAGE, &invalid)]);
}

/// What fits the limit is told in streaming delivery.
#[test]
fn what_comes_before_the_limit() {
    let payload = Deflate::new(15, 6).message(&Content::Text.bytes(100, 1));
    for limit in [0, 1, 19, 99, 100] {
        check(Config::new().max_message(limit), &[(MESSAGE, &payload)]);
    }
    let payload = Deflate::new(15, 6).message(&[b'z'; 70_000]);
    for limit in [19, 32_767, 32_768, 32_769, 69_999, 70_000] {
        check(Config::new().max_message(limit), &[(TEXT_MESSAGE, &payload)]);
    }
}

/// Of two mistakes the first counts.
#[test]
fn the_first_mistake_counts() {
    let text = [&b"fine until here \xC0"[..], &Content::Text.bytes(300, 2)].concat();
    let payload = Deflate::new(15, 6).message(&text);
    let mut damaged = payload.clone();
    damaged.extend([0, 0, 0xFF, 0xFF, 0x06, 0]);
    check(Config::new(), &[(TEXT_MESSAGE, &damaged)]);
    for limit in [5, 16, 17, 18, 100] {
        check(Config::new().max_message(limit), &[(TEXT_MESSAGE, &payload)]);
        check(Config::new().max_message(limit), &[(TEXT_MESSAGE, &damaged)]);
    }
}

/// What can be decompressed of a frame is told with the byte that it takes, not with the next one:
/// also where more comes out of it than the decompressor has memory for.
#[test]
fn every_part_of_a_frame_is_told_as_far_as_it_has_come() {
    fn told<S: Storage>(storage: S, part: &[u8], chop: usize) -> Vec<u8> {
        let config = Config::new().delivery(Delivery::Streaming);
        let mut connection = fragments::connection::<Server, S>(storage, Terms::DEFAULT, config);
        let mut told = vec![];
        for chunk in part.chunks(chop) {
            let mut out = Output::unbounded();
            let mut events = connection.receive(chunk, &mut out);
            while let Some((event, _)) = events.next().unwrap() {
                let Event::Piece(piece) = event else { panic!("{event:?}") };
                told.extend_from_slice(piece.data);
            }
        }
        told
    }
    fn check<S: Storage>(storage: impl Fn() -> S, payload: &[u8]) {
        let frame = wire::frame(true, FIN | RSV1 | BINARY, payload);
        let (mut inflate, mut message) = (Inflate::new(15), vec![]);
        for (read, byte) in payload.iter().enumerate().take(500) {
            let part = &frame[..frame.len() - payload.len() + read];
            for chop in [1, usize::MAX] {
                let told = told(storage(), part, chop);
                assert!(told == message, "{read} bytes of the payload in chunks of {chop}");
            }
            inflate.part(&[*byte], &mut message).expect("valid");
        }
    }
    for period in [1, 7, 50, 100, 200] {
        let text: Vec<u8> = (0..=255).take(period).cycle().take(66_000).collect();
        for bits in [8, 9, 15] {
            let terms = Terms { bits, ..Terms::DEFAULT };
            let mut sender = peer::connection::<Server>(terms, Config::new());
            let mut sent = Output::unbounded();
            sender.sender(&mut sent).compression(Compression::Always).send(&text[..]).unwrap();
            let payload = wire::read_frames(&sent.bytes).remove(0).payload;
            check(|| Heap, &payload);
            check(FixedDeflate::<64, 15, 8>::new, &payload);
            if bits <= 9 {
                check(FixedDeflate::<64, 9, 8>::new, &payload);
            }
        }
    }
}
