//! Contract 3, linear time: work is proportional to the bytes received, however they come.
//!
//! Counted are calls of `next()`, appends to the output, and what the allocator has to do: how
//! many bytes are asked for and how many a growing block may have to move. That is all that can
//! be seen from outside. It shows memory that grows in steps of a constant size, events without
//! bytes, and answers that are written in crumbs; it does not show bytes that are merely read
//! again, which would only make these tests slow.

mod common;

use common::heap::{CountingHeap, Usage, measure};
use common::output::Output;
use common::side::{Script, Side, established};
use common::wire::{self, BINARY, CONTINUATION, FIN, PING, TEXT};
use sansocket::{
    Buffer, Chunk, Client, Config, Connection, Delivery, Event, Fixed, Growing, Server, Storage,
};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

/// What a connection was seen to do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Work {
    /// How often an event was asked for.
    calls: usize,
    events: usize,
    payload: usize,
}

impl Work {
    /// Passes a chunk and counts.
    fn receive<R: Side, S: Storage>(
        &mut self,
        connection: &mut Connection<R, S>,
        chunk: impl Chunk,
        out: &mut impl Buffer,
    ) {
        let mut events = connection.receive(chunk, out);
        self.calls += 1;
        while let Some((event, mut reply)) = events.next().expect("a valid stream") {
            R::open(&event, &mut reply);
            self.calls += 1;
            self.events += 1;
            self.payload += match event {
                Event::Message(message) => message.as_bytes().len(),
                Event::Piece(piece) => piece.data.len(),
                Event::Ping(payload) => payload.len(),
                _ => 0,
            };
        }
    }

    /// Passes single bytes.
    fn dribble<R: Side, S: Storage>(
        &mut self,
        connection: &mut Connection<R, S>,
        bytes: &[u8],
        out: &mut impl Buffer,
    ) {
        for byte in bytes.chunks(1) {
            self.receive(connection, byte, out);
        }
    }
}

/// An output that keeps nothing, so that only the connection is counted.
#[derive(Default)]
struct Sink {
    bytes: usize,
    appends: usize,
}

impl Buffer for Sink {
    type Room = Growing;

    fn room(&self) -> usize {
        usize::MAX
    }

    fn append(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.appends += 1;
    }
}

/// Memory that doubles moves each byte about once, twice if it shrinks again in the end, and asks
/// for up to four times as many as there are; memory that grows by a constant does both about
/// `bytes / constant` times.
#[track_caller]
fn assert_linear(usage: Usage, bytes: usize) {
    let bytes = bytes as u64;
    assert!(usage.moved <= 3 * bytes + 1024, "{usage:?} for {bytes} bytes");
    assert!(usage.asked <= 5 * bytes + 1024, "{usage:?} for {bytes} bytes");
}

/// A head with as many headers, and as long, as the limits allow.
fn long_head(first: &str) -> String {
    let mut head = first.to_owned();
    for index in 0..250 {
        head += &format!("X-Header-{index}: {}\r\n", "v".repeat(200));
    }
    head + "\r\n"
}

/// Both heads byte by byte, into the connection's memory.
fn dribbled_heads<S: Storage + Copy>(storage: S) {
    fn check<R: Side, S: Storage>(storage: S) {
        let valid = R::HEADS[0].strip_suffix("\r\n").expect("an empty line at the end");
        let head = long_head(valid);
        let config = Config::new().max_head(1 << 20).max_headers(256);
        let mut connection = R::connect(storage, config, &mut Sink::default());
        let mut work = Work::default();
        let mut out = Sink::default();
        let ((), usage) = measure(|| work.dribble(&mut connection, head.as_bytes(), &mut out));
        assert_eq!(work, Work { calls: head.len() + 1, events: 1, payload: 0 });
        assert_linear(usage, head.len());
    }
    check::<Server, S>(storage);
    check::<Client<Script>, S>(storage);
}

#[test]
fn heads_byte_by_byte() {
    #[cfg(feature = "alloc")]
    dribbled_heads(sansocket::Heap);
    dribbled_heads(Fixed::<70_000>);
}

/// A client reads interim responses without end, but keeps none of them.
#[test]
fn interim_responses() {
    const COUNT: usize = 2_000;
    fn check<S: Storage>(storage: S) {
        let flood = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n".repeat(COUNT);
        let mut out = Sink::default();
        let mut connection = Client::<Script>::connect(storage, Config::new(), &mut out);
        let mut work = Work::default();
        let ((), usage) = measure(|| {
            work.receive(&mut connection, flood.as_bytes(), &mut out);
            work.dribble(&mut connection, flood.as_bytes(), &mut out);
        });
        assert_eq!(work, Work { calls: 1 + flood.len(), events: 0, payload: 0 });
        assert!(usage.asked < 1024, "{usage:?}");
    }
    #[cfg(feature = "alloc")]
    check(sansocket::Heap);
    check(Fixed::<100>);
}

/// 100,000 fragments without a byte in them, in one chunk and byte by byte.
#[test]
fn empty_fragments() {
    const COUNT: usize = 100_000;
    let mut flood = wire::frame(true, TEXT, b"");
    flood.extend(wire::frame(true, CONTINUATION, b"").repeat(COUNT));
    flood.extend(wire::frame(true, FIN | CONTINUATION, b""));
    fn check<S: Storage + Copy>(storage: S, flood: &[u8]) {
        for (delivery, events) in [(Delivery::Whole, 1), (Delivery::Streaming, COUNT + 2)] {
            let config = Config::new().delivery(delivery);
            let mut connection = established::<Server, S>(storage, config);
            let (mut together, mut apart) = (Work::default(), Work::default());
            let mut out = Sink::default();
            let ((), usage) = measure(|| {
                together.receive(&mut connection, flood, &mut out);
                apart.dribble(&mut connection, flood, &mut out);
            });
            assert_eq!(together, Work { calls: events + 1, events, payload: 0 });
            assert_eq!(apart, Work { calls: flood.len() + events, events, payload: 0 });
            assert_eq!(usage, Usage::default(), "nothing is kept of an empty fragment");
        }
    }
    #[cfg(feature = "alloc")]
    check(sansocket::Heap, &flood);
    check(Fixed::<0>, &flood);
}

/// 100,000 pings in one chunk: as many pongs, each in a constant number of appends.
#[test]
fn a_flood_of_pings() {
    const COUNT: usize = 100_000;
    fn check<R: Side>(pong: usize) {
        for payload in [&b""[..], b"x"] {
            let flood = wire::frame(R::PEER_MASKS, FIN | PING, payload).repeat(COUNT);
            let mut connection = established::<R, _>(Fixed::<0>, Config::new());
            let (mut work, mut out) = (Work::default(), Sink::default());
            let mut chunk = flood.clone();
            let ((), usage) = measure(|| work.receive(&mut connection, &mut chunk[..], &mut out));
            let events = COUNT;
            assert_eq!(work, Work { calls: COUNT + 1, events, payload: COUNT * payload.len() });
            assert_eq!(out.bytes, COUNT * (pong + payload.len()));
            assert!(out.appends <= 2 * COUNT, "{} appends", out.appends);
            assert_eq!(usage, Usage::default());
        }
    }
    check::<Server>(2);
    check::<Client<Script>>(6);
}

/// 100,000 messages of one byte in one chunk, echoed.
#[test]
fn a_flood_of_tiny_messages() {
    const COUNT: usize = 100_000;
    fn check<S: Storage>(storage: S) {
        let flood = wire::frame(true, FIN | TEXT, b"x").repeat(COUNT);
        let mut connection = established::<Server, S>(storage, Config::new());
        let (mut work, mut out) = (Work::default(), Sink::default());
        let ((), usage) = measure(|| work.receive(&mut connection, &flood[..], &mut out));
        assert_eq!(work, Work { calls: COUNT + 1, events: COUNT, payload: COUNT });
        // Shared chunks are unmasked in the connection's memory, which is kept.
        assert!(usage.asked <= 64, "{usage:?}");
    }
    #[cfg(feature = "alloc")]
    check(sansocket::Heap);
    check(Fixed::<1>);
}

/// A large message byte by byte, in one frame and in frames of one byte.
#[test]
fn a_large_message_byte_by_byte() {
    const LENGTH: usize = 150_000;
    fn check<R: Side, S: Storage + Copy>(storage: S) {
        let masks = R::PEER_MASKS;
        let one_frame = wire::frame(masks, FIN | TEXT, &[b'a'; LENGTH]);
        let mut fragments = wire::frame(masks, BINARY, b"a");
        fragments.extend(wire::frame(masks, CONTINUATION, b"a").repeat(LENGTH / 10));
        fragments.extend(wire::frame(masks, FIN | CONTINUATION, b""));
        for (bytes, payload) in [(one_frame, LENGTH), (fragments, LENGTH / 10 + 1)] {
            // Also where the limit is just the message, and its memory must not creep up to it.
            for limit in [16 << 20, payload as u64] {
                let config = Config::new().max_message(limit);
                let mut connection = established::<R, S>(storage, config);
                let (mut work, mut out) = (Work::default(), Sink::default());
                let ((), usage) = measure(|| work.dribble(&mut connection, &bytes, &mut out));
                assert_eq!(work, Work { calls: bytes.len() + 1, events: 1, payload });
                assert_linear(usage, payload);
            }
        }
    }
    #[cfg(feature = "alloc")]
    check::<Server, _>(sansocket::Heap);
    #[cfg(feature = "alloc")]
    check::<Client<Script>, _>(sansocket::Heap);
    check::<Server, _>(Fixed::<LENGTH>);
}

/// A payload is masked in blocks, not byte by byte, and not twice.
#[test]
fn a_large_message_sent_by_a_client() {
    const LENGTH: usize = 1 << 20;
    let mut connection = established::<Client<Script>, _>(Fixed::<0>, Config::new());
    let (mut sink, mut output) = (Sink::default(), Output::unbounded());
    let payload = vec![7; LENGTH];
    for out in [&mut sink as &mut dyn Buffer, &mut output] {
        assert_eq!(connection.sender(&mut { out }).send(&payload[..]), Ok(Ok(())));
    }
    assert_eq!((sink.bytes, output.bytes.len()), (14 + LENGTH, 14 + LENGTH));
    assert!(sink.appends <= LENGTH / 64, "{} appends", sink.appends);
}
