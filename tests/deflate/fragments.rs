//! Messages sent compressed in fragments [RFC 7692 §7.2.1]: C zlib reads each fragment as soon as
//! it is there, with just the window agreed on, and this crate the messages; with every storage,
//! in both roles, in no more room than was asked for.

use alloc::rc::Rc;
use core::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::*;
use sansocket::deflate::Codecs;
use sansocket::{
    Client, Compression, Config, Connection, DeflateConfig, FixedDeflate, Fragment, Full, Heap,
    MessageKind, Server, Shared, Storage,
};

use crate::common;
use crate::common::output::Output;
use crate::common::record::{Driver, Snapshot};
use crate::common::side::{Script, Side};
use crate::common::wire::{self, BINARY, CONTINUATION, FIN};
use crate::peer::{Content, DELIVERIES, RSV1, Random, Terms, driver, messages, params, place};
use crate::zlib::Inflate;

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/deflate_fragments.txt");

const KIND: MessageKind = MessageKind::Binary;

/// Both sides of a connection: what one sends is read by zlib and by the other.
struct Pair<R: Side, P: Side, S: Storage> {
    terms: Terms,
    sender: Connection<R, S>,
    /// The same in every way, which is never refused anything.
    model: Connection<R, S>,
    inflate: Inflate,
    receivers: [Driver<P, Heap>; 2],
    sent: Vec<Vec<u8>>,
}

impl<R: Side, P: Side, S: Storage> Pair<R, P, S> {
    fn new(storage: impl Fn() -> S, terms: Terms, config: Config) -> Self {
        Self {
            terms,
            sender: connection(storage(), terms, config),
            model: connection(storage(), terms, config),
            inflate: Inflate::new(terms.bits),
            receivers: DELIVERIES.map(|delivery| driver(terms, Config::new().delivery(delivery))),
            sent: vec![],
        }
    }

    /// Sends a message in these fragments, with a ping behind each.
    fn send(&mut self, fragments: &[Vec<u8>]) {
        let (mut message, mut read, mut wire) = (vec![], vec![], vec![]);
        let mut compressed = false;
        for (index, fragment) in fragments.iter().enumerate() {
            let fin = index == fragments.len() - 1;
            let out = self.fragment(place(KIND, index, fin), fragment);
            message.extend(fragment);
            let frames = wire::read_frames(&out);
            for (at, frame) in frames.iter().enumerate() {
                let (first, last) = (index + at == 0, fin && at == frames.len() - 1);
                if first {
                    compressed = frame.first & RSV1 != 0;
                    assert!(compressed || fragments.len() == 1, "what can go plain is a whole one");
                }
                let opcode = if first { BINARY } else { CONTINUATION };
                let rsv = if first && compressed { RSV1 } else { 0 };
                assert_eq!(frame.first, opcode | rsv | if last { FIN } else { 0 });
                match compressed {
                    true => self.inflate.part(&frame.payload, &mut read).expect("deflate data"),
                    false => read.extend(&frame.payload),
                }
            }
            if fin && compressed {
                self.inflate.end(&mut read).expect("the end of a message");
                if !self.terms.takeover {
                    self.inflate.reset();
                }
            }
            assert!(read == message, "{} of {} bytes have arrived", read.len(), message.len());
            wire.extend(out);
            let mut out = Output::unbounded();
            self.sender.sender(&mut out).ping(b"between").expect("room without end");
            let mut ignored = Output::unbounded();
            self.model.sender(&mut ignored).ping(b"between").expect("room without end");
            wire.extend(out.bytes);
        }
        self.sent.push(message);
        for (receiver, chop) in self.receivers.iter_mut().zip([1, usize::MAX]) {
            wire.chunks(chop).for_each(|chunk| receiver.feed(chunk, true));
            assert_eq!(receiver.error, None);
            assert!(messages(&receiver.seen) == self.sent, "received as something else");
        }
    }

    /// Sends a fragment into just the room that it asks for, after it was refused with less.
    fn fragment(&mut self, place: Fragment, fragment: &[u8]) -> Vec<u8> {
        const ALWAYS: Compression = Compression::Always;
        let before = Snapshot::of(&self.sender);
        let mut needed = 1;
        for room in [0, 1, usize::MAX] {
            let room = room.min(needed - 1);
            let mut out = Output::with_limit(room);
            let mut sender = self.sender.sender(&mut out).compression(ALWAYS);
            let refused = sender.send_fragment(place, fragment);
            let Ok(Err(Full { needed: most, room: told })) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!((told, &out.bytes[..]), (room, &[][..]));
            assert_eq!(Snapshot::of(&self.sender), before);
            assert!(room == 0 || most == needed, "{most} after {needed}");
            needed = most;
        }
        let mut out = Output::with_limit(needed);
        let mut sender = self.sender.sender(&mut out).compression(ALWAYS);
        assert_eq!(sender.send_fragment(place, fragment), Ok(Ok(())));
        let mut expected = Output::unbounded();
        let mut sender = self.model.sender(&mut expected).compression(ALWAYS);
        let model = sender.send_fragment(place, fragment);
        assert_eq!((model, &expected.bytes), (Ok(()), &out.bytes), "a refusal has changed it");
        out.bytes
    }
}

/// A connection with the same terms both ways and this storage.
pub(crate) fn connection<R: Side, S: Storage>(
    storage: S,
    terms: Terms,
    config: Config,
) -> Connection<R, S> {
    let negotiated = Some(params::<R>(terms, terms));
    Connection::established_in(storage, R::role(), negotiated, config)
}

/// Sends messages with a storage, in both roles.
fn exchange<S: Storage>(storage: impl Fn() -> S, terms: Terms, messages: &[Vec<Vec<u8>>]) {
    let mut server = Pair::<Server, Client<Script>, S>::new(&storage, terms, Config::new());
    let mut client = Pair::<Client<Script>, Server, S>::new(&storage, terms, Config::new());
    for fragments in messages {
        server.send(fragments);
        client.send(fragments);
    }
}

/// The same with every storage; those of constant size have a window of at most 2^12.
fn exchange_with_all(terms: Terms, messages: &[Vec<Vec<u8>>]) {
    exchange(|| Heap, terms, messages);
    exchange(pool, terms, messages);
    exchange(FixedDeflate::<1, 8, 8>::new, terms, messages);
    exchange(FixedDeflate::<64, 8, 12>::new, terms, messages);
    exchange(FixedDeflate::<512, 9, 9>::new, terms, messages);
    exchange(FixedDeflate::<8192, 8, 10>::new, terms, messages);
}

/// A pool for at most one codec of each kind.
pub(crate) fn pool() -> Shared<Rc<RefCell<Codecs>>> {
    Shared::new(Rc::new(RefCell::new(Codecs::new(1))))
}

/// Fragments of these lengths.
pub(crate) fn fragments(content: Content, lengths: &[usize]) -> Vec<Vec<u8>> {
    let bytes = content.bytes(lengths.iter().sum(), 1);
    let mut rest = &bytes[..];
    let cut = |&length: &usize| {
        let (fragment, behind) = rest.split_at(length);
        rest = behind;
        fragment.to_vec()
    };
    lengths.iter().map(cut).collect()
}

#[test]
fn fragments_of_any_length_arrive_on_any_terms() {
    // Around the memory of the storages, and around the chunks of the encoder.
    const LENGTHS: [&[usize]; 8] = [
        &[0, 0],
        &[1, 0],
        &[0, 0, 3],
        &[63, 64, 65, 1],
        &[511, 0, 512, 513],
        &[0, 256, 257, 0],
        &[2000, 1, 1, 1, 3000, 0],
        &[9000],
    ];
    let messages = Content::ALL.map(|content| LENGTHS.map(|lengths| fragments(content, lengths)));
    let messages = messages.as_flattened();
    for terms in Terms::all() {
        exchange_with_all(terms, messages);
    }
}

/// Bytes that make an encoder waste room: noise with a few copies in it, so that it is not stored
/// for all of it, bytes of which the fixed codes take nine bits, short copies from far back.
fn awkward(length: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes: Vec<u8> = vec![];
    let high = random.below(2) == 0;
    let every = 1 + random.below(100);
    while bytes.len() < length {
        for _ in 0..random.below(every) {
            let byte = random.next().to_le_bytes()[0];
            bytes.push(if high { byte | 0x90 } else { byte });
        }
        let from = random.below(bytes.len() + 1).min(bytes.len().saturating_sub(5));
        bytes.extend_from_within(from..(from + 3 + random.below(3)).min(bytes.len()));
        bytes.push(0);
    }
    bytes.truncate(length);
    bytes
}

fn any_fragment() -> impl Strategy<Value = Vec<u8>> {
    let length =
        prop_oneof![1 => Just(0usize), 4 => 0..40usize, 4 => 0..1500usize, 1 => 0..6000usize];
    let content = prop_oneof![
        3 => prop::sample::select(&Content::ALL[..]).prop_map(Some),
        2 => Just(None),
    ];
    (content, length, 0..4u64).prop_map(|(content, length, seed)| match content {
        Some(content) => content.bytes(length, seed),
        None => awkward(length, seed),
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: common::settings(REGRESSIONS).cases / 4,
        ..common::settings(REGRESSIONS)
    })]

    #[test]
    fn any_fragments_arrive(
        bits in 8..=15u8,
        takeover: bool,
        messages in vec(vec(any_fragment(), 1..6), 1..4),
    ) {
        exchange_with_all(Terms { bits, takeover }, &messages);
    }
}

/// Fragments of more than a block of any backend, the next one behind what is left of it.
#[test]
fn long_fragments_keep_to_the_room_they_ask_for() {
    for (bits, length) in [(15, 30_000), (15, 70_000), (15, 300_000), (9, 70_000)] {
        let terms = Terms { bits, takeover: true };
        for (seed, level) in (0..).zip([1, 6, 9, 1, 6]) {
            let config = Config::new().deflate(DeflateConfig::new().level(level));
            let mut pair = Pair::<Server, Client<Script>, _>::new(|| Heap, terms, config);
            pair.send(&[awkward(length, seed), awkward(length / 3, seed + 9), vec![]]);
        }
    }
}

/// How much room a fragment asks for is as documented.
#[test]
fn the_room_for_a_fragment() {
    fn needed<S: Storage>(storage: S, length: usize, fin: bool) -> usize {
        let mut connection =
            connection::<Client<Script>, S>(storage, Terms::DEFAULT, Config::new());
        let mut out = Output::unbounded();
        connection.sender(&mut out).send_fragment(place(KIND, 0, false), &[0; 64]).expect("room");
        let mut none = Output::with_limit(0);
        match connection.sender(&mut none).send_fragment(place(KIND, 1, fin), &vec![0; length]) {
            Ok(Err(Full { needed, room: 0 })) => needed,
            other => panic!("{other:?}"),
        }
    }
    type Small = FixedDeflate<512, 8, 8>;
    for fin in [false, true] {
        assert_eq!(needed(Heap, 64, fin), 6 + 64 + 8 + 1 + 24);
        assert_eq!(needed(Heap, 100_000, fin), 14 + 100_000 + 12_500 + 1562 + 24);
        assert_eq!(needed(Small::new(), 64, fin), 6 + 64 + 5 + 7);
        assert_eq!(needed(Small::new(), 1, fin), 6 + 1 + 5 + 7);
        // In four frames at most.
        assert_eq!(needed(Small::new(), 1537, fin), 4 * 8 + 1537 + 7 * 5 + 7);
        // An empty one is known.
        let empty = 6 + usize::from(fin);
        assert_eq!((needed(Heap, 0, fin), needed(Small::new(), 0, fin)), (empty, empty));
    }
}
