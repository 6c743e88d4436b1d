//! Contract 8, no allocation: none in steady state, once buffers have warmed up; none ever with
//! `Fixed`; and an idle connection holds none.

mod common;

use common::heap::{CountingHeap, Usage, measure};
use common::side::{Script, Side, opened};
use common::wire::{self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use sansocket::{
    Buffer, Chunk, Client, CloseCode, Config, Connection, Delivery, Event, Fixed, FixedBuffer,
    MessageKind, Server, Storage,
};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

/// An output whose memory is kept: a `Vec` or one of fixed size.
trait Reused: Buffer {
    fn empty(&mut self);
}

impl<const N: usize> Reused for FixedBuffer<N> {
    fn empty(&mut self) {
        self.clear();
    }
}

#[cfg(feature = "alloc")]
impl Reused for Vec<u8> {
    fn empty(&mut self) {
        self.clear();
    }
}

/// Passes one chunk, echoes all messages and gives how many events there were.
fn echo<R: Side, S: Storage>(
    connection: &mut Connection<R, S>,
    chunk: impl Chunk,
    out: &mut impl Reused,
) -> usize {
    let mut count = 0;
    let mut events = connection.receive(chunk, out);
    while let Some((event, mut reply)) = events.next().expect("a valid stream") {
        count += 1;
        R::open(&event, &mut reply);
        let sent = match event {
            Event::Message(message) => reply.send(message),
            Event::Piece(piece) => reply.send_fragment(piece.kind, piece.data, piece.message_end),
            _ => Ok(()),
        };
        sent.expect("room enough");
    }
    out.empty();
    count
}

/// Messages of either kind, whole and in fragments, with control frames between them.
fn traffic(masks: bool) -> Vec<u8> {
    let text = "héllo ".repeat(100);
    let (head, tail) = text.as_bytes().split_at(302);
    [
        wire::frame(masks, FIN | TEXT, b"small"),
        wire::frame(masks, FIN | BINARY, &[2; 5000]),
        wire::frame(masks, TEXT, head),
        wire::frame(masks, FIN | PING, &[3; 125]),
        wire::frame(masks, CONTINUATION, b""),
        wire::frame(masks, FIN | PONG, b"unasked"),
        wire::frame(masks, FIN | CONTINUATION, tail),
        wire::frame(masks, FIN | TEXT, b""),
    ]
    .concat()
}

/// One round of traffic in chunks of this length and kind; `scratch` is what a socket is read to.
fn round<R: Side, S: Storage>(
    connection: &mut Connection<R, S>,
    bytes: &[u8],
    (step, in_place): (usize, bool),
    scratch: &mut Vec<u8>,
    out: &mut impl Reused,
) -> usize {
    let mut count = 0;
    for chunk in bytes.chunks(step) {
        count += if in_place {
            scratch.clear();
            scratch.extend_from_slice(chunk);
            echo(connection, &mut scratch[..], out)
        } else {
            echo(connection, chunk, out)
        };
    }
    count
}

const ROUNDS: usize = 200;

const STEPS: [(usize, bool); 7] = [
    (1, false),
    (1, true),
    (7, true),
    (500, false),
    (500, true),
    (usize::MAX, false),
    (usize::MAX, true),
];

/// Thousands of messages after one round of warming up, for each way of cutting them.
fn steady_state<R: Side, S: Storage + Copy>(storage: S, out: &mut impl Reused) {
    let bytes = traffic(R::PEER_MASKS);
    for delivery in [Delivery::Whole, Delivery::Streaming] {
        for (step, in_place) in STEPS {
            let config = Config::new().delivery(delivery);
            let mut connection = opened::<R, S>(storage, config);
            let mut scratch = Vec::with_capacity(bytes.len());
            // Single bytes take long, and there are many of them in a round.
            let rounds = if step < 100 { ROUNDS / 50 } else { ROUNDS };
            let mut run = || round(&mut connection, &bytes, (step, in_place), &mut scratch, out);
            let events = run();
            let (total, usage) = measure(|| (0..rounds).map(|_| run()).sum::<usize>());
            assert_eq!(total, rounds * events);
            assert!(events >= 6);
            let how = format!("{delivery:?}, chunks of {step}, in place: {in_place}");
            assert_eq!(usage, Usage::default(), "{how}");
        }
    }
}

#[test]
fn steady_traffic_with_a_fixed_storage() {
    steady_state::<Server, _>(Fixed::<6000>, &mut FixedBuffer::<8000>::new());
    steady_state::<Client<Script>, _>(Fixed::<6000>, &mut FixedBuffer::<8000>::new());
}

/// A whole life with its opening and closing handshake, cut into chunks of this length.
fn life<R: Side>(bytes: &[u8], close: &[u8], step: usize, out: &mut impl Reused) -> usize {
    let mut connection = R::connect(Fixed::<6000>, Config::new(), out);
    out.empty();
    let events = bytes.chunks(step).map(|chunk| echo(&mut connection, chunk, out)).sum();
    connection.send_fragment(MessageKind::Text, b"mine", false, out).unwrap();
    connection.ping(b"mine", out).unwrap();
    connection.close(CloseCode::NORMAL, out).unwrap();
    out.empty();
    for byte in close.chunks(1) {
        echo(&mut connection, byte, out);
    }
    assert!(connection.close_report().was_clean);
    connection.release();
    events
}

#[test]
fn a_whole_life_with_a_fixed_storage() {
    fn check<R: Side>() {
        let bytes = [R::HEADS[1].as_bytes(), &traffic(R::PEER_MASKS)].concat();
        let close = wire::frame(R::PEER_MASKS, FIN | CLOSE, &wire::close_payload(1000, "bye"));
        let mut out = FixedBuffer::<8000>::new();
        for step in [1, 100, usize::MAX] {
            let (events, usage) = measure(|| life::<R>(&bytes, &close, step, &mut out));
            assert_eq!(events, 7);
            assert_eq!(usage, Usage::default(), "chunks of {step}");
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

#[cfg(feature = "alloc")]
mod on_the_heap {
    use sansocket::Heap;

    use super::*;

    #[test]
    fn steady_traffic_of_a_server() {
        steady_state::<Server, _>(Heap, &mut Vec::with_capacity(8000));
    }

    #[test]
    fn steady_traffic_of_a_client() {
        steady_state::<Client<Script>, _>(Heap, &mut Vec::with_capacity(8000));
    }

    /// Messages of every length up to what is retained, after one of the longest.
    #[test]
    fn messages_up_to_what_is_retained() {
        const RETAIN: usize = 10_000;
        let config = Config::new().retain(10_000);
        let mut connection = opened::<Server, _>(Heap, config);
        let mut out = Vec::with_capacity(RETAIN + 100);
        let mut message = |length| {
            let bytes = wire::frame(true, FIN | BINARY, &vec![1; length]);
            let (count, usage) = measure(|| {
                bytes.chunks(700).map(|chunk| echo(&mut connection, chunk, &mut out)).sum::<usize>()
            });
            assert_eq!(count, 1);
            usage
        };
        assert!(message(RETAIN).calls > 0, "the first one has to allocate");
        for length in (0..=RETAIN).step_by(99).chain([RETAIN]) {
            assert_eq!(message(length), Usage::default(), "{length} bytes");
        }
    }

    /// What comes whole in a chunk that may be changed is never copied, not even the first time.
    #[test]
    fn whole_frames_in_place_take_no_memory() {
        let mut connection = opened::<Server, _>(Heap, Config::new());
        connection.release();
        let mut chunk = [
            wire::frame(true, FIN | TEXT, "né".repeat(1000).as_bytes()),
            wire::frame(true, FIN | BINARY, &[9; 70_000]),
            wire::frame(true, FIN | PING, &[9; 125]),
            wire::frame(true, FIN | PONG, &[9; 125]),
        ]
        .concat();
        let mut out = Vec::with_capacity(80_000);
        let (events, usage) = measure(|| echo(&mut connection, &mut chunk[..], &mut out));
        assert_eq!((events, usage), (4, Usage::default()));
    }

    /// A server with nothing to do is its own few bytes: before the handshake, and after it once
    /// the memory is given back.
    #[test]
    fn an_idle_server_holds_no_heap() {
        assert!(size_of::<Connection<Server, Heap>>() <= 256);
        let (new, usage) = measure(|| Connection::server(Config::default()));
        assert_eq!(usage, Usage::default());
        drop(new);

        let bytes = traffic(true);
        let (mut scratch, mut out) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(8000));
        let (_idle, usage) = measure(|| {
            let mut connection = opened_with::<Server>(&mut out);
            round(&mut connection, &bytes, (500, true), &mut scratch, &mut out);
            connection.release();
            connection
        });
        assert!(usage.calls > 0);
        assert_eq!(usage.held, 0, "{usage:?}");
    }

    /// 4 MiB of short messages, read 64 KiB at a time, leave no heap behind once the memory is
    /// given back, and less than is to be retained before.
    #[test]
    fn a_burst_leaves_nothing_behind() {
        const RETAIN: u32 = 1000;
        let frame = wire::frame(true, FIN | TEXT, &[b'x'; 125]);
        let wire = frame.repeat((4 << 20) / frame.len());
        let mut scratch = Vec::with_capacity(64 << 10);
        let mut out = Vec::with_capacity(128 << 10);
        let config = Config::new().retain(RETAIN);
        let (mut connection, before) = measure(|| opened::<Server, _>(Heap, config));
        let (count, usage) =
            measure(|| round(&mut connection, &wire, (64 << 10, true), &mut scratch, &mut out));
        assert_eq!(count, wire.len() / frame.len());
        let kept = before.held + usage.held;
        assert!(kept > 0, "a message that was cut took some memory");
        assert!(kept <= RETAIN.into(), "{kept} bytes are kept");
        let ((), given_back) = measure(|| connection.release());
        assert_eq!(kept + given_back.held, 0);
    }

    /// As `opened`, with the output of the caller.
    fn opened_with<R: Side>(out: &mut Vec<u8>) -> Connection<R, Heap> {
        let mut connection = R::connect(Heap, Config::default(), out);
        assert_eq!(echo(&mut connection, R::HEADS[0].as_bytes(), out), 1);
        connection
    }
}
