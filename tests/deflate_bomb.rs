//! Contract 4, bounded memory, against a message of a megabyte that inflates to a gigabyte: the
//! connection ends with close code 1009 at the limit, and has never held much more than that.
#![cfg(all(feature = "deflate", feature = "alloc"))]

mod common;

#[path = "deflate/zlib.rs"]
#[allow(dead_code)]
mod zlib;

use std::sync::OnceLock;

use common::heap::{CountingHeap, measure};
use common::side::{Script, Side};
use common::wire::{self, BINARY, CLOSE, FIN};
use sansocket::deflate::DeflateParams;
use sansocket::{
    Chunk, Client, CloseCode, Config, Connection, Delivery, Error, Event, Events, Heap, Input,
    Server, State, TransportAction,
};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

const RSV1: u8 = 0x40;

/// How long the message is once it is inflated.
const INFLATED: u64 = 1 << 30;

/// What the connection may hold beside the message: the decompressor and its window.
const CODEC: i64 = 36 << 10;

/// How much memory an input may have: a compressed frame does not wait there until it is whole.
const INPUT: usize = 16 << 10;

/// How long a piece may be: the window and what makes copies fast.
const PIECE: usize = 33 << 10;

/// The compressed message: zeros, a megabyte of which is a kilobyte. Once there has been a first
/// one, each further part compresses to the same bytes.
fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let part = vec![0; 16 << 20];
        let mut deflate = zlib::Deflate::new(15, 9);
        let first = deflate.message(&part);
        let next = deflate.message(&part);
        let parts = usize::try_from(INFLATED).expect("it fits") / part.len();
        let flush = [0, 0, 0xFF, 0xFF];
        let mut bomb = first;
        for _ in 1..parts {
            bomb.extend(flush);
            bomb.extend(&next);
        }
        assert!(bomb.len() < 1100 << 10, "{} bytes", bomb.len());
        bomb
    })
}

fn connection<R: Side>(config: Config) -> Connection<R, Heap> {
    let negotiated = Some(DeflateParams::default());
    Connection::established(R::role(), negotiated, config)
}

/// The kinds of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkKind {
    Mutable,
    Shared,
    Input,
}

/// Feeds the bomb until it fails, and returns the length of the pieces before that.
fn explode<R: Side>(
    connection: &mut Connection<R, Heap>,
    kind: ChunkKind,
    bytes: &mut [u8],
    step: usize,
    out: &mut Vec<u8>,
) -> (u64, Error) {
    let mut input = Input::new();
    let mut received = 0;
    let mut error = None;
    for chunk in bytes.chunks_mut(step) {
        error = match kind {
            ChunkKind::Mutable => take(connection.receive(chunk, out), &mut received),
            ChunkKind::Shared => take(connection.receive(&*chunk, out), &mut received),
            ChunkKind::Input => {
                // No more than there is space for, as from a socket.
                let mut rest = &*chunk;
                while !rest.is_empty() && error.is_none() {
                    let space = input.space();
                    let (now, later) = rest.split_at(rest.len().min(space.len()));
                    space[..now.len()].copy_from_slice(now);
                    input.fill(now.len());
                    error = take(connection.receive(&mut input, out), &mut received);
                    rest = later;
                }
                assert!(input.capacity() <= INPUT, "{} bytes of input", input.capacity());
                error
            }
        };
        if error.is_some() {
            break;
        }
    }
    (received, error.expect("a failure at the limit"))
}

/// Adds the length of the pieces to `received`, and returns the error after them, if there is one.
fn take<R: Side, C: Chunk>(
    mut events: Events<'_, R, Heap, C, Vec<u8>>,
    received: &mut u64,
) -> Option<Error> {
    loop {
        match events.next() {
            Ok(Some((Event::Piece(piece), _))) => {
                assert!(piece.data.iter().all(|&byte| byte == 0));
                *received += piece.data.len() as u64;
            }
            Ok(Some((event, _))) => panic!("{event:?}"),
            Ok(None) => {
                // Once the close frame is in the output, the next call returns the error.
                if events.transport() != TransportAction::Close {
                    return None;
                }
            }
            Err(error) => return Some(error),
        }
    }
}

fn check<R: Side>(delivery: Delivery, limit: u64, kind: ChunkKind, step: usize) {
    let name = format!("{delivery:?}, at most {limit} bytes, {kind:?} chunks of {step}");
    let mut bytes = wire::frame(R::PEER_MASKS, FIN | RSV1 | BINARY, bomb());
    let mut out = Vec::with_capacity(1000);
    let config = Config::new().max_message(limit).delivery(delivery);
    let mut connection = connection::<R>(config);
    let ((received, error), usage) =
        measure(|| explode(&mut connection, kind, &mut bytes, step, &mut out));

    assert_eq!(error, Error::MessageTooLong { length: limit + 1, limit }, "{name}");
    assert_eq!(error.close_code(), Some(CloseCode::TOO_BIG));
    assert_eq!(received, if delivery == Delivery::Whole { 0 } else { limit }, "{name}");
    let held = if delivery == Delivery::Whole { i64::try_from(limit).expect("small") } else { 0 };
    let input = if kind == ChunkKind::Input { INPUT as i64 } else { 0 };
    assert!(usage.peak <= held + CODEC + input, "{name}: {usage:?}");

    let frames = wire::read_frames(&out);
    let payload = wire::close_payload(1009, error.reason());
    assert_eq!((frames.len(), frames[0].first, &frames[0].payload), (1, FIN | CLOSE, &payload));
    assert_eq!(
        (connection.state(), connection.transport()),
        (State::Closed, TransportAction::Close)
    );
    assert_eq!(connection.receive(&[][..], &mut out).next().map(drop), Err(error), "{name}");
    connection.release();
    let ((), released) = measure(|| drop(connection));
    assert_eq!(released.held, 0, "{name}: what a failed connection holds after a release");
}

fn check_all<R: Side>(delivery: Delivery) {
    for limit in [0, 1000, 16 << 20] {
        for kind in [ChunkKind::Mutable, ChunkKind::Shared, ChunkKind::Input] {
            for step in [100, 4096, usize::MAX] {
                check::<R>(delivery, limit, kind, step);
            }
        }
    }
}

#[test]
fn whole_to_a_server() {
    check_all::<Server>(Delivery::Whole);
}

#[test]
fn whole_to_a_client() {
    check_all::<Client<Script>>(Delivery::Whole);
}

#[test]
fn in_pieces_to_a_server() {
    check_all::<Server>(Delivery::Streaming);
}

#[test]
fn in_pieces_to_a_client() {
    check_all::<Client<Script>>(Delivery::Streaming);
}

/// Without a limit all of it is received, in no more memory than that of the codec.
#[test]
fn without_a_limit_it_inflates_to_a_gigabyte() {
    let mut bytes = wire::frame(true, FIN | RSV1 | BINARY, bomb());
    let mut out = Vec::new();
    let config =
        Config::new().max_frame(u64::MAX).max_message(u64::MAX).delivery(Delivery::Streaming);
    let mut connection = connection::<Server>(config);
    let (received, usage) = measure(|| {
        let mut received = 0;
        let mut events = connection.receive(&mut bytes[..], &mut out);
        while let Some((event, _)) = events.next().expect("a valid message") {
            let Event::Piece(piece) = event else { panic!("{event:?}") };
            assert!(piece.data.len() <= PIECE, "a piece of {} bytes", piece.data.len());
            received += piece.data.len() as u64;
        }
        received
    });
    assert_eq!(received, INFLATED);
    assert!(usage.peak <= CODEC, "{usage:?}");
}
