//! Messages that are prepared once and sent to many connections: a peer that has nothing but the C
//! zlib, with just the window agreed on, reads them between other messages of the connection, and
//! reads those others.
#![cfg(feature = "alloc")]

extern crate alloc;

mod common;
#[cfg(feature = "deflate")]
#[path = "deflate/peer.rs"]
#[allow(dead_code)]
mod peer;
#[cfg(feature = "deflate")]
#[path = "deflate/zlib.rs"]
#[allow(dead_code)]
mod zlib;

use core::time::Duration;

use common::heap::{CountingHeap, Usage, measure};
use common::output::Output;
use common::record::Snapshot;
use common::side::{Script, Side, established};
use common::wire::{self, BINARY, CLOSE, CONTINUATION, FIN, TEXT};
use sansocket::{
    Client, CloseCode, Config, Connection, Entropy, EntropyError, Event, Fixed, Fragment, Full,
    Heap, MessageKind, Prepared, SendError, Server, State, Storage,
};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

const SECOND: Duration = Duration::from_secs(1);

/// A frame that a side sends plain, as the peer reads it.
fn plain(first: u8, payload: &[u8]) -> wire::Frame {
    wire::Frame { first, payload: payload.to_vec() }
}

#[test]
fn it_is_the_message_that_it_was_made_of() {
    let text = Prepared::new("tick");
    assert_eq!((text.kind(), text.as_bytes()), (MessageKind::Text, &b"tick"[..]));
    let binary = Prepared::new(vec![0; 70_000]);
    assert_eq!((binary.kind(), binary.as_bytes()), (MessageKind::Binary, &[0; 70_000][..]));
}

#[test]
fn without_compression_it_is_a_frame() {
    fn check<R: Side, S: Storage>(storage: S) {
        let mut connection = established::<R, S>(storage, Config::new());
        let mut out = Output::unbounded();
        let mut expected = vec![];
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let text = core::str::from_utf8(&payload).unwrap();
            connection.sender(&mut out).send_prepared(&Prepared::new(&payload)).unwrap();
            connection.sender(&mut out).send_prepared(&Prepared::new(text)).unwrap();
            connection.sender(&mut out).send("own").unwrap();
            expected.push(plain(FIN | BINARY, &payload));
            expected.push(plain(FIN | TEXT, &payload));
            expected.push(plain(FIN | TEXT, b"own"));
        }
        assert!(wire::read_frames(&out.bytes) == expected);
    }
    check::<Server, _>(Heap);
    check::<Client<Script>, _>(Heap);
    check::<Server, _>(Fixed::<10>);
    check::<Client<Script>, _>(Fixed::<10>);
}

/// A client masks it anew each time [RFC 6455 §5.3].
#[test]
fn a_client_masks_it_each_time_with_another_key() {
    let message = Prepared::new(vec![0; 20]);
    let mut client = established::<Client<Script>, _>(Heap, Config::new());
    let keys = [(); 3].map(|()| {
        let mut out = Output::unbounded();
        client.sender(&mut out).send_prepared(&message).unwrap();
        assert_eq!(out.bytes[..2], [FIN | BINARY, 0x80 | 20]);
        assert_eq!(out.bytes[6..], out.bytes[2..6].repeat(5), "zeros, masked");
        out.bytes[2..6].to_vec()
    });
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2], "{keys:?}");
}

/// A source of keys that fails once.
struct Failing(bool);

impl Entropy for Failing {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.fill(0x5A);
        if core::mem::take(&mut self.0) { Err(EntropyError) } else { Ok(()) }
    }
}

#[test]
fn a_source_of_keys_that_fails_changes_nothing() {
    let client = Client::new(Failing(true));
    let mut client = Connection::established_in(Heap, client, None, Config::new());
    let mut out = Output::unbounded();
    let message = Prepared::new("tick");
    assert_eq!(client.sender(&mut out).send_prepared(&message), Err(SendError::Entropy));
    assert_eq!(out.bytes, []);
    assert_eq!(client.sender(&mut out).send_prepared(&message), Ok(()));
    assert_eq!(wire::read_frames(&out.bytes), [plain(FIN | TEXT, b"tick")]);
}

/// Both ways to send a prepared message return this error, and change nothing.
#[track_caller]
fn refused<S: Storage>(server: &mut Connection<Server, S>, error: SendError) {
    let message = Prepared::new("tick");
    let mut out = Output::unbounded();
    let before = Snapshot::of(server);
    assert_eq!(server.sender(&mut out).lend_prepared(&message), Err(error));
    send_refused(server, error);
    assert_eq!((out.bytes, Snapshot::of(server)), (vec![], before));
}

#[track_caller]
fn send_refused<R: Side, S: Storage>(connection: &mut Connection<R, S>, error: SendError) {
    let mut out = Output::unbounded();
    let before = Snapshot::of(connection);
    assert_eq!(connection.sender(&mut out).send_prepared(&Prepared::new("tick")), Err(error));
    assert_eq!((out.bytes, Snapshot::of(connection)), (vec![], before));
}

#[test]
fn it_is_refused_before_the_opening_handshake_is_done() {
    let mut out = Output::unbounded();
    let mut server = Server::connect(Heap, Config::new(), &mut out);
    refused(&mut server, SendError::NotOpen);
    let head = Server::HEADS[0].as_bytes();
    assert!(matches!(server.receive(head, &mut out).next(), Ok(Some((Event::Request(_), _)))));
    refused(&mut server, SendError::NotOpen);

    let mut client = Client::<Script>::connect(Heap, Config::new(), &mut out);
    send_refused(&mut client, SendError::NotOpen);
}

#[test]
fn it_is_refused_inside_a_message() {
    fn check<R: Side>(check: impl Fn(&mut Connection<R, Heap>)) {
        let mut connection = established::<R, _>(Heap, Config::new());
        let mut out = Output::unbounded();
        let first = Fragment::First(MessageKind::Text);
        connection.sender(&mut out).send_fragment(first, b"Hel").unwrap();
        check(&mut connection);
        connection.sender(&mut out).send_fragment(Fragment::Middle, b"").unwrap();
        check(&mut connection);
        connection.sender(&mut out).send_fragment(Fragment::Last, b"lo").unwrap();
        connection.sender(&mut out).send_prepared(&Prepared::new("tick")).unwrap();
        let expected = [
            plain(TEXT, b"Hel"),
            plain(CONTINUATION, b""),
            plain(FIN | CONTINUATION, b"lo"),
            plain(FIN | TEXT, b"tick"),
        ];
        assert_eq!(wire::read_frames(&out.bytes), expected);
    }
    check::<Server>(|server| refused(server, SendError::Fragmented));
    check::<Client<Script>>(|client| send_refused(client, SendError::Fragmented));
}

#[test]
fn it_is_refused_once_the_connection_closes() {
    let open = || established::<Server, _>(Heap, Config::new());
    let mut out = Output::unbounded();

    let mut closing = open();
    closing.sender(&mut out).close(CloseCode::NORMAL).unwrap();
    refused(&mut closing, SendError::Closed);

    let mut closed = open();
    let close = wire::frame(true, FIN | CLOSE, b"");
    assert!(matches!(closed.receive(&close, &mut out).next(), Ok(Some((Event::Close(_), _)))));
    refused(&mut closed, SendError::Closed);

    let mut failed = open();
    let unmasked = wire::frame(false, FIN | TEXT, b"");
    assert!(matches!(failed.receive(&unmasked, &mut out).next(), Ok(None)));
    refused(&mut failed, SendError::Closed);

    let mut ended = open();
    ended.end_of_stream().unwrap_err();
    refused(&mut ended, SendError::Closed);

    let mut client = established::<Client<Script>, _>(Heap, Config::new());
    client.sender(&mut out).close(CloseCode::NORMAL).unwrap();
    send_refused(&mut client, SendError::Closed);
}

/// With an event, an answer that comes too late is dropped; what would be written elsewhere is
/// refused.
#[test]
fn an_answer_behind_a_close_frame() {
    let mut server = established::<Server, _>(Heap, Config::new());
    let mut out = Output::unbounded();
    server.sender(&mut out).close(CloseCode::NORMAL).unwrap();
    out.take();
    let hello = wire::frame(true, FIN | TEXT, b"hello");
    let message = Prepared::new("tick");
    let mut events = server.receive(&hello, &mut out);
    let (_, mut reply) = events.next().unwrap().expect("a message");
    assert_eq!(reply.send_prepared(&message), Ok(()));
    assert_eq!(reply.lend_prepared(&message), Err(SendError::Closed));
    assert_eq!(out.bytes, []);
    assert_eq!(server.state(), State::Closing);
}

/// A full output changes nothing: neither that of a server nor the keys of a client.
#[test]
fn a_full_output() {
    fn check<R: Side, S: Storage>(storage: impl Fn() -> S) {
        let mut connection = established::<R, _>(storage(), Config::new());
        let mut model = established::<R, _>(storage(), Config::new());
        for length in [0, 3, 125, 126, 300] {
            let message = Prepared::new(vec![b'x'; length]);
            let needed = wire::frame(!R::PEER_MASKS, BINARY, message.as_bytes()).len();
            for room in 0..needed {
                let before = Snapshot::of(&connection);
                let mut out = Output::with_limit(room);
                let sent = connection.sender(&mut out).send_prepared(&message);
                assert_eq!(sent, Ok(Err(Full { needed, room })));
                assert_eq!((out.bytes, Snapshot::of(&connection)), (vec![], before));
            }
            let (mut out, mut expected) = (Output::with_limit(needed), Output::unbounded());
            assert_eq!(connection.sender(&mut out).send_prepared(&message), Ok(Ok(())));
            assert_eq!(model.sender(&mut expected).send_prepared(&message), Ok(()));
            assert_eq!(out.bytes, expected.bytes);
        }
    }
    check::<Server, _>(|| Heap);
    check::<Client<Script>, _>(|| Heap);
    check::<Server, _>(|| Fixed::<10>);
    check::<Client<Script>, _>(|| Fixed::<10>);
}

/// It is traffic, which delays an idle connection's end.
#[test]
fn idle_deadlines_count_it() {
    fn check<R: Side>(mut send: impl FnMut(&mut Connection<R, Heap>)) {
        let config = Config::new().idle_timeout(SECOND);
        let mut connection = established::<R, _>(Heap, config);
        let mut out = Output::unbounded();
        connection.tick(Duration::ZERO, &mut out).unwrap();
        for turn in 1..4 {
            let now = turn * SECOND * 3 / 4;
            connection.tick(now, &mut out).unwrap();
            send(&mut connection);
            assert_eq!(connection.next_timeout(), Some(now + SECOND));
        }
        assert_eq!((out.bytes.len(), connection.state()), (0, State::Open));
        connection.tick(5 * SECOND, &mut out).unwrap();
        assert_eq!(connection.state(), State::Closing, "idle at last");
    }
    fn send<R: Side>(connection: &mut Connection<R, Heap>) {
        connection.sender(&mut Output::unbounded()).send_prepared(&Prepared::new("tick")).unwrap();
    }
    check::<Server>(send);
    check::<Client<Script>>(send);
    check::<Server>(|server| {
        let message = Prepared::new("tick");
        let mut out = Output::unbounded();
        server.sender(&mut out).lend_prepared(&message).unwrap();
    });
}

/// For each connection there is a copy to do, or not even that.
#[test]
fn sending_it_allocates_nothing() {
    let message = Prepared::new("tick".repeat(100));
    let mut out = Vec::with_capacity(1 << 20);
    let mut server = established::<Server, _>(Heap, Config::new());
    let mut client = established::<Client<Script>, _>(Heap, Config::new());
    let ((), usage) = measure(|| {
        for _ in 0..100 {
            server.sender(&mut out).send_prepared(&message).unwrap();
            server.sender(&mut out).lend_prepared(&message).unwrap();
            client.sender(&mut out).send_prepared(&message).unwrap();
        }
    });
    assert_eq!(usage, Usage::default());
}

#[cfg(feature = "deflate")]
mod compressed {
    use alloc::rc::Rc;
    use core::cell::RefCell;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use sansocket::deflate::Codecs;
    use sansocket::{Compression, DeflateConfig, FixedDeflate, Shared};

    use super::*;
    use crate::peer::{Content, RSV1, Terms, bits, params, place, read};
    use crate::zlib::Inflate;

    const REGRESSIONS: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/prepared.txt");

    const KIND: MessageKind = MessageKind::Binary;

    /// The memory of the storages of constant size.
    const FIXED: usize = 700;

    fn connection<R: Side, S: Storage>(storage: S, terms: Terms) -> Connection<R, S> {
        // So that all that gets shorter is compressed.
        let config = Config::new().deflate(DeflateConfig::new().threshold(1));
        let negotiated = Some(params::<R>(terms, terms));
        Connection::established_in(storage, R::role(), negotiated, config)
    }

    /// What a connection does.
    #[derive(Clone, Debug)]
    enum Step {
        /// Sends a message of its own, whole.
        Whole(Content, usize, Compression),
        /// Sends a message of its own, in fragments of these lengths.
        Fragments(Content, Vec<usize>, Compression),
        /// Sends one of the messages that were prepared.
        Prepared(usize, Compression),
        Ping,
        Release,
    }

    impl Step {
        /// A message of Json, which has the same beginning whatever its length.
        const fn own(length: usize) -> Self {
            Self::Whole(Content::Json, length, Compression::Automatic)
        }

        const fn prepared(index: usize) -> Self {
            Self::Prepared(index, Compression::Automatic)
        }

        fn fragments() -> Self {
            Self::Fragments(Content::Json, vec![100, 0, 200], Compression::Always)
        }
    }

    /// A message that was prepared, and whether it is sent compressed for a window.
    struct Made {
        message: Prepared,
        shrinks: fn(u8) -> bool,
    }

    /// The messages that are sent to all connections: like those of their own, but not the same.
    fn prepared(level: u8) -> Vec<Made> {
        let make = |windows: &[u8], content: Content, length, shrinks| {
            let message = Prepared::new(content.bytes(length, 1));
            let compress = |message: Prepared, &window: &u8| message.compress(bits(window), level);
            Made { message: windows.iter().fold(message, compress), shrinks }
        };
        vec![
            make(&[8, 9, 10, 11, 12, 13, 14, 15], Content::Json, 300, |_| true),
            make(&[15, 9, 12], Content::Text, 10_000, |window| window >= 9),
            make(&[11], Content::Json, 600, |window| window >= 11),
            make(&[], Content::Json, 300, |_| false),
            make(&[8, 15], Content::Random, 300, |_| false),
            make(&[8, 15], Content::Json, 0, |_| false),
        ]
    }

    /// How a side lends a prepared message, if it can.
    trait Lends: Side {
        fn lend<S: Storage>(
            connection: &mut Connection<Self, S>,
            message: &Prepared,
            compression: Compression,
            out: &mut Output,
        );
    }

    impl Lends for Server {
        fn lend<S: Storage>(
            connection: &mut Connection<Self, S>,
            message: &Prepared,
            compression: Compression,
            out: &mut Output,
        ) {
            let mut unused = Output::unbounded();
            let mut sender = connection.sender(&mut unused).compression(compression);
            out.bytes.extend(sender.lend_prepared(message).unwrap());
            assert_eq!(unused.bytes, []);
        }
    }

    /// A client cannot, as it masks each message.
    impl Lends for Client<Script> {
        fn lend<S: Storage>(
            connection: &mut Connection<Self, S>,
            message: &Prepared,
            compression: Compression,
            out: &mut Output,
        ) {
            connection.sender(out).compression(compression).send_prepared(message).unwrap();
        }
    }

    /// A connection, and a peer that has nothing but the C zlib.
    struct Pair<'m, R: Side, S: Storage> {
        terms: Terms,
        connection: Connection<R, S>,
        /// The same, which lends what the other sends.
        lender: Connection<R, S>,
        inflate: Inflate,
        messages: &'m [Made],
    }

    impl<'m, R: Lends, S: Storage> Pair<'m, R, S> {
        fn new(storages: [S; 2], terms: Terms, messages: &'m [Made]) -> Self {
            let [connection, lender] = storages.map(|storage| connection(storage, terms));
            Self { terms, connection, lender, inflate: Inflate::new(terms.bits), messages }
        }

        /// Does a step, and checks what the peer reads.
        fn step(&mut self, step: &Step) {
            let [mut out, mut lent] = [(); 2].map(|()| Output::unbounded());
            let mut expected = vec![];
            if let Step::Prepared(index, compression) = step {
                let Made { message, shrinks } = &self.messages[*index];
                let mut sender = self.connection.sender(&mut out).compression(*compression);
                sender.send_prepared(message).unwrap();
                R::lend(&mut self.lender, message, *compression, &mut lent);
                let frames = wire::read_frames(&out.bytes);
                assert_eq!(frames.len(), 1);
                let length = message.as_bytes().len();
                let is_compressed = frames[0].first == FIN | RSV1 | BINARY;
                assert!(is_compressed || frames[0].first == FIN | BINARY);
                assert_eq!(is_compressed, frames[0].payload.len() < length);
                let can_shrink = *compression != Compression::Never && shrinks(self.terms.bits);
                assert_eq!(is_compressed, can_shrink, "{step:?}, {:?}", self.terms);
                expected.push(message.as_bytes().to_vec());
            } else {
                let connections = [(&mut self.connection, &mut out), (&mut self.lender, &mut lent)];
                expected = connections.map(|(connection, out)| own(step, connection, out)).concat();
                expected.truncate(expected.len() / 2);
            }
            assert_eq!(out.bytes, lent.bytes, "{step:?}, {:?}", self.terms);
            let read = read(&mut self.inflate, self.terms.takeover, &out.bytes);
            assert!(read == expected, "{:?}: other messages than those of {step:?}", self.terms);
        }
    }

    /// Does a step without a prepared message, and returns the messages that are sent.
    fn own<R: Side, S: Storage>(
        step: &Step,
        connection: &mut Connection<R, S>,
        out: &mut Output,
    ) -> Vec<Vec<u8>> {
        match step {
            Step::Whole(content, length, compression) => {
                let message = content.bytes(*length, 0);
                connection.sender(out).compression(*compression).send(&message).unwrap();
                vec![message]
            }
            Step::Fragments(content, lengths, compression) => {
                let message = content.bytes(lengths.iter().sum(), 0);
                let mut rest = &message[..];
                for (index, length) in lengths.iter().enumerate() {
                    let (fragment, behind) = rest.split_at(*length);
                    rest = behind;
                    let is_last = index == lengths.len() - 1;
                    let mut sender = connection.sender(out).compression(*compression);
                    sender.send_fragment(place(KIND, index, is_last), fragment).unwrap();
                    if !is_last {
                        send_refused(connection, SendError::Fragmented);
                    }
                }
                vec![message]
            }
            Step::Ping => {
                connection.sender(out).ping(b"between").unwrap();
                vec![]
            }
            Step::Release => {
                connection.release();
                vec![]
            }
            Step::Prepared(..) => unreachable!("a prepared message"),
        }
    }

    fn pool() -> Shared<Rc<RefCell<Codecs>>> {
        Shared::new(Rc::new(RefCell::new(Codecs::new(1))))
    }

    /// Does steps with every storage, in both roles.
    fn with_all(terms: Terms, messages: &[Made], steps: &[Step]) {
        fn both<S: Storage>(
            storage: impl Fn() -> S,
            terms: Terms,
            messages: &[Made],
            steps: &[Step],
        ) {
            let storages = || [storage(), storage()];
            let mut server = Pair::<Server, S>::new(storages(), terms, messages);
            let mut client = Pair::<Client<Script>, S>::new(storages(), terms, messages);
            // In turns, as they may share the compressor.
            for step in steps {
                server.step(step);
                client.step(step);
            }
        }
        both(|| Heap, terms, messages, steps);
        let pool = pool();
        both(|| pool.clone(), terms, messages, steps);
        // A window that is smaller than agreed on, in most cases.
        both(FixedDeflate::<FIXED, 8, 9>::new, terms, messages, steps);
        macro_rules! fixed {
            ($($bits:literal),*) => { match terms.bits {
                $($bits => both(FixedDeflate::<FIXED, 8, $bits>::new, terms, messages, steps),)*
                _ => unreachable!("8 to 15"),
            } };
        }
        fixed!(8, 9, 10, 11, 12, 13, 14, 15);
    }

    #[test]
    fn between_other_messages() {
        use Step::{Ping, Release};
        let never = Step::Prepared(0, Compression::Never);
        let steps = [
            // Behind a message, before the same one, and first of all.
            vec![Step::own(300), Step::prepared(0), Step::own(300), Step::own(300)],
            vec![Step::prepared(0), Step::prepared(0), Step::own(600), Step::prepared(0)],
            // Longer than most windows.
            vec![
                Step::own(300),
                Step::prepared(1),
                Step::own(300),
                Step::prepared(1),
                Step::own(9),
            ],
            // Plain ones, after which the messages before are still there.
            vec![Step::own(300), never.clone(), Step::own(300), Step::prepared(2), Step::own(300)],
            (3..6).flat_map(|index| [Step::prepared(index), Step::own(300)]).collect(),
            // Between messages in fragments.
            vec![Step::fragments(), Step::prepared(0), Step::fragments(), Step::own(300)],
            vec![Step::own(200), Step::prepared(1), Step::fragments(), Step::prepared(2)],
            // With memory given back.
            vec![Step::own(300), Step::prepared(0), Release, Step::own(300), Step::own(300)],
            vec![Step::own(300), Release, Step::prepared(0), Release, Step::fragments(), Release],
            vec![never, Ping, Release, Step::own(300), Step::prepared(0), Ping, Step::own(300)],
        ];
        for level in [1, 6, 9] {
            let messages = prepared(level);
            for terms in Terms::all() {
                // Each alone, and one behind the other.
                steps.iter().for_each(|steps| with_all(terms, &messages, steps));
                with_all(terms, &messages, &steps.concat());
            }
        }
    }

    fn any_step() -> impl Strategy<Value = Step> {
        use Compression::{Always, Automatic, Never};
        let content = || prop::sample::select(&Content::ALL[..]);
        let compression = || prop::sample::select(&[Automatic, Automatic, Always, Never][..]);
        let length = || prop_oneof![1 => Just(0usize), 4 => 1..130usize, 4 => 0..3000usize];
        prop_oneof![
            6 => (content(), length(), compression()).prop_map(|(c, l, how)| Step::Whole(c, l, how)),
            3 => (content(), vec(length(), 1..4), compression())
                .prop_map(|(content, lengths, how)| Step::Fragments(content, lengths, how)),
            8 => (0..6usize, compression()).prop_map(|(index, how)| Step::Prepared(index, how)),
            1 => Just(Step::Ping),
            2 => Just(Step::Release),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: common::settings(REGRESSIONS).cases / 2,
            ..common::settings(REGRESSIONS)
        })]

        #[test]
        fn among_any_messages(
            bits in 8..=15u8,
            takeover in prop::bool::weighted(0.8),
            level in 1..=9u8,
            steps in vec(any_step(), 1..15),
        ) {
            with_all(Terms { bits, takeover }, &prepared(level), &steps);
        }
    }

    /// The payload that a server sends of a prepared message.
    fn payload(message: &Prepared, bits: u8) -> Vec<u8> {
        let terms = Terms { bits, takeover: true };
        let mut out = Output::unbounded();
        connection::<Server, _>(Heap, terms).sender(&mut out).send_prepared(message).unwrap();
        wire::read_frames(&out.bytes).remove(0).payload
    }

    #[test]
    fn the_largest_window_that_fits_is_chosen() {
        let text = Content::Text.bytes(40_000, 0);
        let new = || Prepared::new(&text);
        let single = |window| payload(&new().compress(bits(window), 6), window);
        let expected = [9, 12, 14].map(single);
        assert!(expected.is_sorted_by_key(|payload| usize::MAX - payload.len()));
        for windows in [[9, 12, 14], [14, 12, 9], [12, 14, 9]] {
            let message = windows.iter().fold(new(), |it, &window| it.compress(bits(window), 6));
            for bits in 8..=15 {
                let expected = match bits {
                    8 => &text,
                    9..12 => &expected[0],
                    12..14 => &expected[1],
                    _ => &expected[2],
                };
                assert!(payload(&message, bits) == *expected, "{windows:?}, {bits} bits");
            }
        }
    }

    /// A level is from 1 to 9, and the last one that is set for a window counts.
    #[test]
    fn the_level_is_what_was_asked_for() {
        let json = Content::Json.bytes(40_000, 0);
        let at = |level| payload(&Prepared::new(&json).compress(bits(15), level), 15);
        let again = Prepared::new(&json).compress(bits(15), 1).compress(bits(15), 9);
        assert!(at(9).len() < at(1).len());
        assert!(payload(&again, 15) == at(9));
        assert!(at(0) == at(1) && at(255) == at(9));
    }

    /// The lengths of the payloads that a server sends in these steps.
    fn lengths<S: Storage>(storage: S, terms: Terms, steps: &[Step]) -> Vec<usize> {
        let messages = prepared(6);
        let mut connection = connection::<Server, S>(storage, terms);
        let mut out = Output::unbounded();
        for step in steps {
            match step {
                Step::Prepared(index, compression) => {
                    let mut sender = connection.sender(&mut out).compression(*compression);
                    sender.send_prepared(&messages[*index].message).unwrap();
                }
                step => drop(own(step, &mut connection, &mut out)),
            }
        }
        wire::read_frames(&out.bytes).iter().map(|frame| frame.payload.len()).collect()
    }

    /// Messages refer to those before them, also to a prepared one's successor, but never beyond a
    /// prepared one that was compressed.
    #[test]
    fn the_context_starts_anew_behind_it() {
        fn check<S: Storage>(storage: impl Fn() -> S) {
            let takeover = Terms { bits: 12, takeover: true };
            let (own, made) = (Step::own(300), Step::prepared(0));
            let never = Step::Prepared(0, Compression::Never);
            let steps = [own.clone(), own.clone(), made.clone(), own.clone(), own.clone()];
            let sent = lengths(storage(), takeover, &steps);
            assert_eq!(sent[3..], sent[..2], "as in a new connection");
            assert!(sent[1] * 2 < sent[0], "{sent:?}");
            // A plain one is not in the window of the peer.
            let steps = [own.clone(), never, Step::prepared(3), own.clone()];
            let plain = lengths(storage(), takeover, &steps);
            assert_eq!(plain, [sent[0], 300, 300, sent[1]]);
            // Without takeover there is no context that could be lost.
            let none = Terms { takeover: false, ..takeover };
            let sent = lengths(storage(), none, &[own.clone(), own.clone(), made, own]);
            assert_eq!((sent[0], sent[0]), (sent[1], sent[3]));
        }
        check(|| Heap);
        check(pool);
        check(FixedDeflate::<FIXED, 8, 12>::new);
    }

    /// A full output changes nothing: the context of the messages before is still there.
    #[test]
    fn a_full_output() {
        fn check<R: Side, S: Storage>(storage: impl Fn() -> S) {
            let terms = Terms { bits: 10, takeover: true };
            let mut connection = connection::<R, _>(storage(), terms);
            let mut model = self::connection::<R, _>(storage(), terms);
            let (message, own) = (&prepared(6)[0].message, Content::Json.bytes(300, 0));
            for _ in 0..2 {
                let [mut out, mut expected] = [(); 2].map(|()| Output::unbounded());
                connection.sender(&mut out).send(&own).unwrap();
                model.sender(&mut expected).send(&own).unwrap();
                let payload = payload(message, 10);
                let needed = wire::frame(!R::PEER_MASKS, BINARY, &payload).len();
                for room in 0..needed {
                    let before = Snapshot::of(&connection);
                    let mut out = Output::with_limit(room);
                    let sent = connection.sender(&mut out).send_prepared(message);
                    assert_eq!(sent, Ok(Err(Full { needed, room })));
                    assert_eq!((out.bytes, Snapshot::of(&connection)), (vec![], before));
                }
                connection.sender(&mut out).send(&own).unwrap();
                model.sender(&mut expected).send(&own).unwrap();
                let mut exact = Output::with_limit(needed);
                assert_eq!(connection.sender(&mut exact).send_prepared(message), Ok(Ok(())));
                assert_eq!(model.sender(&mut expected).send_prepared(message), Ok(()));
                out.bytes.extend(exact.bytes);
                assert_eq!(out.bytes, expected.bytes);
            }
        }
        check::<Server, _>(|| Heap);
        check::<Client<Script>, _>(|| Heap);
        check::<Server, _>(FixedDeflate::<FIXED, 8, 10>::new);
        check::<Client<Script>, _>(FixedDeflate::<FIXED, 8, 10>::new);
    }

    /// A connection needs no compressor for it, and none behind it.
    #[test]
    fn the_memory_for_it() {
        fn check<R: Side>() {
            let messages = prepared(6);
            let mut out = Vec::with_capacity(1 << 20);
            let mut connection = connection::<R, _>(Heap, Terms::DEFAULT);
            let ((), sent) = measure(|| {
                for made in &messages {
                    connection.sender(&mut out).send_prepared(&made.message).unwrap();
                }
            });
            assert_eq!(sent, Usage::default());

            let own = Content::Json.bytes(300, 0);
            let ((), sent) = measure(|| connection.sender(&mut out).send(&own).unwrap());
            assert!(sent.held > 0, "a compressor");
            let ((), released) = measure(|| connection.release());
            assert_eq!(released.held, 0, "the next message refers to this one");
            let ((), released) = measure(|| {
                connection.sender(&mut out).send_prepared(&messages[0].message).unwrap();
                connection.release();
            });
            assert_eq!(sent.held + released.held, 0, "the next message refers to nothing");
        }
        check::<Server>();
        check::<Client<Script>>();
    }
}
