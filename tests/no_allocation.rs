//! Contract 8, no allocation: none in steady state, once buffers have warmed up; none ever with
//! `Fixed`; and an idle connection holds none.

mod common;

use common::heap::{CountingHeap, Usage, measure};
use common::output::flat;
use common::side::{Script, Side, opened};
use common::wire::{self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use sansocket::{
    Buffer, Chunk, Client, CloseCode, Config, Connection, Delivery, Event, Fixed, FixedBuffer,
    Fragment, Input, InputMemory, MessageKind, Server, Storage,
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

/// Passes one chunk, echoes all messages and returns how many events there were.
fn echo<R: Side, S: Storage, B: Reused>(
    connection: &mut Connection<R, S>,
    chunk: impl Chunk,
    out: &mut B,
) -> usize {
    let mut count = 0;
    let mut events = connection.receive(chunk, out);
    while let Some((event, mut reply)) = events.next().expect("a valid stream") {
        count += 1;
        R::open(&event, &mut reply);
        let sent = match event {
            Event::Message(message) => reply.send(message),
            Event::Piece(piece) => reply.send_fragment(piece.fragment(), piece.data),
            _ => continue,
        };
        flat::<B, _, _>(sent).expect("room enough");
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

/// How bytes are passed to the connection.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Shared,
    InPlace,
    Input,
}

/// What a socket is read to.
struct Reader<M> {
    scratch: Vec<u8>,
    input: Input<M>,
}

impl<M: InputMemory> Reader<M> {
    /// Room for chunks of this length, and an input with this memory.
    fn new(length: usize, memory: M) -> Self {
        Self { scratch: Vec::with_capacity(length), input: Input::with(memory) }
    }

    /// One round of traffic in chunks of this length and kind.
    fn round<R: Side, S: Storage>(
        &mut self,
        connection: &mut Connection<R, S>,
        bytes: &[u8],
        (step, kind): (usize, Kind),
        out: &mut impl Reused,
    ) -> usize {
        let mut count = 0;
        for chunk in bytes.chunks(step) {
            count += match kind {
                Kind::Shared => echo(connection, chunk, out),
                Kind::InPlace => {
                    self.scratch.clear();
                    self.scratch.extend_from_slice(chunk);
                    echo(connection, &mut self.scratch[..], out)
                }
                Kind::Input => {
                    assert_eq!(self.input.push(chunk), chunk.len(), "space for the chunk");
                    echo(connection, &mut self.input, out)
                }
            };
        }
        count
    }
}

const ROUNDS: usize = 200;

const STEPS: [(usize, Kind); 10] = [
    (1, Kind::Shared),
    (1, Kind::InPlace),
    (1, Kind::Input),
    (7, Kind::InPlace),
    (500, Kind::Shared),
    (500, Kind::InPlace),
    (500, Kind::Input),
    (usize::MAX, Kind::Shared),
    (usize::MAX, Kind::InPlace),
    (usize::MAX, Kind::Input),
];

/// Thousands of messages after one round of warming up, for each way of cutting them.
fn steady_state<R: Side, S: Storage + Copy, M: InputMemory>(
    storage: S,
    memory: impl Fn() -> M,
    out: &mut impl Reused,
) {
    let bytes = traffic(R::PEER_MASKS);
    for delivery in [Delivery::Whole, Delivery::Streaming] {
        for (step, kind) in STEPS {
            let config = Config::new().delivery(delivery);
            let mut connection = opened::<R, S>(storage, config);
            let mut reader = Reader::new(bytes.len(), memory());
            // Single bytes take long, and there are many of them in a round.
            let rounds = if step < 100 { ROUNDS / 50 } else { ROUNDS };
            let mut run = || reader.round(&mut connection, &bytes, (step, kind), out);
            let events = run();
            let (total, usage) = measure(|| (0..rounds).map(|_| run()).sum::<usize>());
            assert_eq!(total, rounds * events);
            assert!(events >= 6);
            assert_eq!(usage, Usage::default(), "{delivery:?}, chunks of {step}, {kind:?}");
        }
    }
}

#[test]
fn steady_traffic_with_a_fixed_storage() {
    let out = &mut FixedBuffer::<8000>::new();
    let memory = || [0; 8000];
    steady_state::<Server, _, _>(Fixed::<6000>, memory, out);
    steady_state::<Client<Script>, _, _>(Fixed::<6000>, memory, out);
}

/// A whole life with its opening and closing handshake, cut into chunks of this length.
fn life<R: Side>(bytes: &[u8], close: &[u8], step: usize, out: &mut FixedBuffer<8000>) -> usize {
    let mut connection = R::connect(Fixed::<6000>, Config::new(), out);
    out.empty();
    let events = bytes.chunks(step).map(|chunk| echo(&mut connection, chunk, out)).sum();
    let mut sender = connection.sender(out);
    assert_eq!(sender.send_fragment(Fragment::First(MessageKind::Text), b"mine"), Ok(Ok(())));
    assert_eq!(sender.ping(b"mine"), Ok(Ok(())));
    assert_eq!(sender.close(CloseCode::NORMAL), Ok(Ok(())));
    out.empty();
    for byte in close.chunks(1) {
        echo(&mut connection, byte, out);
    }
    assert!(connection.close_report().was_clean());
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
        steady_state::<Server, _, _>(Heap, Vec::new, &mut Vec::with_capacity(8000));
    }

    #[test]
    fn steady_traffic_of_a_client() {
        steady_state::<Client<Script>, _, _>(Heap, Vec::new, &mut Vec::with_capacity(8000));
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
        let mut out = Vec::with_capacity(8000);
        for kind in [Kind::InPlace, Kind::Input] {
            let mut reader = Reader::new(bytes.len(), Vec::new());
            let (_idle, usage) = measure(|| {
                let mut connection = opened_with::<Server>(&mut out);
                reader.round(&mut connection, &bytes, (500, kind), &mut out);
                connection.release();
                reader.input.release();
                connection
            });
            assert!(usage.calls > 0);
            assert_eq!(usage.held, 0, "{usage:?}, {kind:?}");
        }
    }

    /// 4 MiB of short messages, read 64 KiB at a time, leave no heap behind once the memory is
    /// given back, and less than is to be retained before.
    #[test]
    fn a_burst_leaves_nothing_behind() {
        const RETAIN: u32 = 1000;
        let frame = wire::frame(true, FIN | TEXT, &[b'x'; 125]);
        let wire = frame.repeat((4 << 20) / frame.len());
        let mut reader = Reader::new(64 << 10, []);
        let mut out = Vec::with_capacity(128 << 10);
        let config = Config::new().retain(RETAIN);
        let (mut connection, before) = measure(|| opened::<Server, _>(Heap, config));
        let how = (64 << 10, Kind::InPlace);
        let (count, usage) = measure(|| reader.round(&mut connection, &wire, how, &mut out));
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
