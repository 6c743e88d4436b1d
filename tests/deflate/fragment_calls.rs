//! Fragments of compressed messages as calls in an order: the examples of RFC 7692, what is refused
//! in the middle of a message, what a fragment refers to, an echo of pieces.

use alloc::rc::Rc;
use core::cell::Cell;

use sansocket::{
    Client, Compression, Config, Connection, Delivery, Entropy, EntropyError, Event, FixedDeflate,
    Fragment, Heap, MessageKind, SendError, Server, Storage,
};

use crate::common::output::Output;
use crate::common::record::Snapshot;
use crate::common::side::{Script, Side};
use crate::common::wire::{self, BINARY, CONTINUATION, FIN};
use crate::fragments::{connection, fragments, pool};
use crate::peer::{Content, RSV1, Terms, params, place, read};
use crate::zlib::{Deflate, Inflate};

const KIND: MessageKind = MessageKind::Binary;
const ONLY: Fragment = Fragment::Only(KIND);
const FIRST: Fragment = Fragment::First(KIND);

/// "Hello" in two fragments, as in RFC 7692 §7.2.3.5 but in two frames, and one that ends with an
/// empty fragment, §7.2.3.6.
#[test]
fn the_examples_of_the_rfc() {
    let mut server = connection::<Server, _>(
        FixedDeflate::<8, 8, 8>::new(),
        Terms { bits: 8, takeover: false },
        Config::new(),
    );
    let mut sent = |place, fragment: &[u8]| {
        let mut out = Output::unbounded();
        server
            .sender(&mut out)
            .compression(Compression::Always)
            .send_fragment(place, fragment)
            .expect("room");
        out.bytes
    };
    let first = Fragment::First(MessageKind::Text);
    assert_eq!(sent(first, b"He"), b"\x41\x08\xF2\x48\x05\x00\x00\x00\xFF\xFF");
    assert_eq!(sent(Fragment::Middle, b""), b"\x00\x00");
    assert_eq!(sent(Fragment::Last, b"llo"), b"\x80\x05\xCA\xC9\xC9\x07\x00");
    assert_eq!(sent(first, b"He"), b"\x41\x08\xF2\x48\x05\x00\x00\x00\xFF\xFF");
    assert_eq!(sent(Fragment::Last, b""), b"\x80\x01\x00");
    // No longer than the memory for it, and in two frames where it is.
    assert_eq!(sent(first, b"HeH"), b"\x41\x08\xF2\x48\xF5\x00\x00\x00\x00\xFF\x00\x01\xFF");
}

/// A frame that is not compressed cannot go on with a message that is, and changes nothing.
#[test]
fn a_compressed_message_goes_on_compressed() {
    fn check<R: Side, S: Storage>(storage: S) {
        let mut connection = connection::<R, S>(storage, Terms::DEFAULT, Config::new());
        let mut out = Output::unbounded();
        let text = Content::Text.bytes(300, 0);
        connection.sender(&mut out).send_fragment(FIRST, &text).expect("room");
        let before = (out.bytes.clone(), Snapshot::of(&connection));
        let refused = [
            connection.sender(&mut out).begin_frame(Fragment::Last, 5).map(drop),
            connection.sender(&mut out).begin_frame(Fragment::Middle, u64::MAX).map(drop),
            connection
                .sender(&mut out)
                .compression(Compression::Never)
                .send_fragment(Fragment::Last, b"no"),
        ];
        assert_eq!(refused, [Err(SendError::Compressed); 3]);
        let other = Fragment::First(MessageKind::Text);
        let refused = [
            connection.sender(&mut out).begin_frame(ONLY, 5).map(drop),
            connection.sender(&mut out).begin_frame(other, 5).map(drop),
            connection.sender(&mut out).send_fragment(ONLY, b"no"),
            connection.sender(&mut out).send_fragment(other, b"no"),
            connection.sender(&mut out).send("no"),
        ];
        assert_eq!(refused, [Err(SendError::Fragmented); 5]);
        assert_eq!((out.bytes.clone(), Snapshot::of(&connection)), before);

        connection.sender(&mut out).send_fragment(Fragment::Last, b"end").expect("room");
        let before = (out.bytes.clone(), Snapshot::of(&connection));
        for place in [Fragment::Middle, Fragment::Last] {
            let mut sender = connection.sender(&mut out);
            assert_eq!(sender.send_fragment(place, b"no"), Err(SendError::NotFragmented));
            assert_eq!(sender.begin_frame(place, 5).err(), Some(SendError::NotFragmented));
        }
        assert_eq!((out.bytes.clone(), Snapshot::of(&connection)), before);

        let _ = connection.sender(&mut out).begin_frame(FIRST, 0).expect("room");
        // The message that the caller has begun is plain, whatever it goes on with.
        let always = Compression::Always;
        connection
            .sender(&mut out)
            .compression(always)
            .send_fragment(Fragment::Middle, &text)
            .expect("room");
        let never = Compression::Never;
        connection
            .sender(&mut out)
            .compression(never)
            .send_fragment(Fragment::Last, b"end")
            .expect("room");
        let expected = [text, b"end".to_vec()].concat();
        let read = read(&mut Inflate::new(15), true, &out.bytes);
        assert!(read == [expected.clone(), expected]);
    }
    check::<Server, _>(Heap);
    check::<Client<Script>, _>(FixedDeflate::<100, 8, 9>::new());
}

/// Without memory for what comes out there is no compression.
#[test]
fn a_storage_of_no_bytes_sends_fragments_plain() {
    let none = FixedDeflate::<0, 8, 8>::new();
    let mut connection = connection::<Server, _>(none, Terms::DEFAULT, Config::new());
    for (first, place) in
        [(BINARY, FIRST), (CONTINUATION | FIN, Fragment::Last), (BINARY | FIN, ONLY)]
    {
        let mut out = Output::unbounded();
        let always = Compression::Always;
        connection
            .sender(&mut out)
            .compression(always)
            .send_fragment(place, &[b'x'; 90])
            .expect("room");
        assert_eq!(out.bytes[0], first);
    }
}

/// The window holds the fragments so far, and where it is taken over, the messages; what is
/// released in the middle, or lent to others, makes no difference to that.
#[test]
fn a_fragment_refers_to_those_before_it() {
    fn check<S: Storage + Clone>(storage: &S, takeover: bool) {
        let terms = Terms { bits: 12, takeover };
        let mut connections =
            [(); 2].map(|()| connection::<Server, S>(storage.clone(), terms, Config::new()));
        let noise = Content::Random.bytes(400, 3);
        for place in [FIRST, Fragment::Middle, Fragment::Last, ONLY] {
            // In turns, as they may share the compressor.
            for connection in &mut connections {
                let mut out = Output::unbounded();
                connection.sender(&mut out).send_fragment(place, &noise).expect("room");
                connection.release();
                let repeats = place != FIRST && (place != ONLY || takeover);
                assert_eq!(out.bytes.len() < 100, repeats, "{} bytes", out.bytes.len());
            }
        }
    }
    for takeover in [true, false] {
        check(&Heap, takeover);
        check(&pool(), takeover);
        check(&FixedDeflate::<300, 8, 12>::new(), takeover);
    }
}

/// A source of keys that can be turned off.
#[derive(Clone, Default)]
struct Tap(Rc<Cell<bool>>);

impl Entropy for Tap {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        // Each time it is turned on, it gives once.
        if !self.0.replace(false) {
            return Err(EntropyError);
        }
        bytes.fill(0x5A);
        Ok(())
    }
}

/// The keys of all frames are there before the compressor sees the fragment.
#[test]
fn a_source_of_keys_that_fails_changes_nothing() {
    let tap = Tap::default();
    let terms = Terms { bits: 9, takeover: true };
    let negotiated = Some(params::<Client<Script>>(terms, terms));
    let mut client = Connection::established_in(
        FixedDeflate::<40, 8, 9>::new(),
        Client::new(tap.clone()),
        negotiated,
        Config::new(),
    );
    let fragments = fragments(Content::Random, &[100, 700, 0, 20, 300]);
    let mut out = Output::unbounded();
    for (index, fragment) in fragments.iter().enumerate() {
        let before = out.bytes.clone();
        let place = place(KIND, index, index == 4);
        let mut send = |out: &mut Output| client.sender(out).send_fragment(place, fragment);
        assert_eq!(send(&mut out), Err(SendError::Entropy));
        assert_eq!(out.bytes, before);
        tap.0.set(true);
        assert_eq!(send(&mut out), Ok(()));
    }
    let frames = wire::read_frames(&out.bytes);
    assert!(frames.len() > 20, "{} frames", frames.len());
    assert!(read(&mut Inflate::new(9), true, &out.bytes) == [fragments.concat()]);
}

/// An echo of pieces compresses again what came compressed, if its first piece is not short.
#[test]
fn an_echo_of_pieces_is_compressed_again() {
    fn check<S: Storage>(storage: impl Fn() -> S) {
        let message = Content::Json.bytes(20_000, 2);
        let payload = Deflate::new(9, 6).message(&message);
        let mut bytes = wire::frame(true, RSV1 | wire::TEXT, &payload[..500]);
        bytes.extend(wire::frame(true, FIN | CONTINUATION, &payload[500..]));
        for step in [300, 1000, bytes.len()] {
            let terms = Terms { bits: 9, takeover: true };
            let negotiated = Some(params::<Server>(terms, terms));
            let config = Config::new().delivery(Delivery::Streaming);
            let mut server = Connection::established_in(storage(), Server, negotiated, config);
            let mut out = Output::unbounded();
            for chunk in bytes.chunks(step) {
                let mut events = server.receive(chunk, &mut out);
                while let Some((event, mut reply)) = events.next().expect("a valid stream") {
                    let Event::Piece(piece) = event else { panic!("{event:?}") };
                    reply.send_fragment(piece.fragment(), piece.data).expect("room");
                }
            }
            let length = out.bytes.len();
            assert!(length * 3 < message.len() * 2, "{length} bytes, chunks of {step}");
            assert!(read(&mut Inflate::new(9), true, &out.bytes) == [&message[..]]);
        }
    }
    check(|| Heap);
    check(FixedDeflate::<256, 9, 9>::new);
}
