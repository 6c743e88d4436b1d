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
    Client, CloseCode, Config, Connection, Delivery, Error, Event, Heap, Negotiated, Server, State,
    TransportAction,
};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

const RSV1: u8 = 0x40;

/// How long the message is once it is inflated.
const INFLATED: u64 = 1 << 30;

/// What the connection may hold beside the message: the decompressor and its window.
const CODEC: i64 = 36 << 10;

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
    let negotiated = Negotiated::new().deflate(DeflateParams::default());
    Connection::established(R::role(), negotiated, config)
}

/// Feeds the bomb until it fails, and gives how much of it was told before.
fn explode<R: Side>(
    connection: &mut Connection<R, Heap>,
    bytes: &mut [u8],
    step: usize,
    out: &mut Vec<u8>,
) -> (u64, Error) {
    let mut told = 0;
    for chunk in bytes.chunks_mut(step) {
        let mut events = connection.receive(chunk, out);
        loop {
            match events.next() {
                Ok(Some((Event::Piece(piece), _))) => {
                    assert!(piece.data.iter().all(|&byte| byte == 0));
                    told += piece.data.len() as u64;
                }
                Ok(Some((event, _))) => panic!("{event:?}"),
                Ok(None) => break,
                Err(error) => return (told, error),
            }
        }
    }
    panic!("{told} bytes were told, and there was no error");
}

fn check<R: Side>(delivery: Delivery, limit: u64, step: usize) {
    let name = format!("{delivery:?}, at most {limit} bytes, chunks of {step}");
    let mut bytes = wire::frame(R::PEER_MASKS, FIN | RSV1 | BINARY, bomb());
    let mut out = Vec::with_capacity(1000);
    let config = Config::new().max_message(limit).delivery(delivery);
    let mut connection = connection::<R>(config);
    let ((told, error), usage) = measure(|| explode(&mut connection, &mut bytes, step, &mut out));

    assert_eq!(error, Error::MessageTooLong { length: limit + 1, limit }, "{name}");
    assert_eq!(error.close_code(), Some(CloseCode::TOO_BIG));
    assert_eq!(told, if delivery == Delivery::Whole { 0 } else { limit }, "{name}");
    let held = if delivery == Delivery::Whole { i64::try_from(limit).expect("small") } else { 0 };
    assert!(usage.peak <= held + CODEC, "{name}: {usage:?}");

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
        for step in [100, 4096, usize::MAX] {
            check::<R>(delivery, limit, step);
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

/// It is one: without a limit it is told to its end, in no more memory than that of the codec.
#[test]
fn without_a_limit_it_inflates_to_a_gigabyte() {
    let mut bytes = wire::frame(true, FIN | RSV1 | BINARY, bomb());
    let mut out = Vec::new();
    let config =
        Config::new().max_frame(u64::MAX).max_message(u64::MAX).delivery(Delivery::Streaming);
    let mut connection = connection::<Server>(config);
    let (told, usage) = measure(|| {
        let mut told = 0;
        let mut events = connection.receive(&mut bytes[..], &mut out);
        while let Some((event, _)) = events.next().expect("a valid message") {
            let Event::Piece(piece) = event else { panic!("{event:?}") };
            assert!(piece.data.len() <= PIECE, "a piece of {} bytes", piece.data.len());
            told += piece.data.len() as u64;
        }
        told
    });
    assert_eq!(told, INFLATED);
    assert!(usage.peak <= CODEC, "{usage:?}");
}
