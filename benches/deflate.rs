//! What permessage-deflate costs beside flate2 with zlib-rs alone, on the same bytes:
//! `cargo bench --bench deflate --features zlib-rs`.
//!
//! A server receives and sends JSON messages with context takeover. The two sides of each
//! comparison take turns, so that whatever disturbs one of them disturbs the other as well; what
//! is printed is the median of each and of their ratio, turn by turn.

#![allow(clippy::cast_possible_truncation, reason = "every count here is small")]

use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use sansocket::{
    Config, Connection, Deflate, DeflateParams, Event, FrameHeader, Heap, MaskKey, Negotiated,
    OpCode, Rsv, Server,
};

const TURNS: usize = 301;

/// How much JSON goes through in a turn, in bytes.
const TURN: usize = 256 * 1024;

const LEVEL: u8 = 6;

const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

fn main() {
    println!("{:<22}{:>10}{:>10}{:>8}", "ns a message", "sansocket", "flate2", "ratio");
    for length in [256, 1024, 16 * 1024] {
        let messages = messages(length);
        decode(length, &messages);
        encode(length, &messages);
    }
}

fn decode(length: usize, messages: &[String]) {
    let compressed = compressed(messages);
    let wire: Vec<Vec<u8>> = compressed.iter().map(|payload| masked(payload)).collect();
    let plain: Vec<Vec<u8>> =
        compressed.iter().map(|payload| [payload, &TAIL[..]].concat()).collect();
    let mut connection = server();
    let mut flate2 = Decompress::new(false);
    let mut out = Vec::new();
    let mut buffer = vec![0; 32 * 1024];
    compare(
        &format!("decode {length} bytes"),
        messages.len(),
        || wire.iter().map(|frame| receive(&mut connection, frame, &mut out)).sum(),
        || plain.iter().map(|input| inflate(&mut flate2, input, &mut buffer)).sum(),
    );
}

fn encode(length: usize, messages: &[String]) {
    let mut connection = server();
    let mut flate2 = Compress::new(Compression::new(LEVEL.into()), false);
    let mut out = Vec::new();
    let mut buffer = vec![0; 2 * length + 64];
    compare(
        &format!("encode {length} bytes"),
        messages.len(),
        || {
            let send = |message: &String| {
                out.clear();
                connection.send(&message[..], &mut out).expect("the connection is open");
                black_box(&out).len() - FrameHeader::encoded_len(out.len() as u64 - 2, false)
            };
            messages.iter().map(send).sum()
        },
        || {
            let deflate = |message: &String| deflate(&mut flate2, message, &mut buffer).len();
            messages.iter().map(deflate).sum()
        },
    );
}

/// Lets two ways of doing the same take turns; each gives how many bytes it made.
fn compare(
    name: &str,
    count: usize,
    mut ours: impl FnMut() -> usize,
    mut theirs: impl FnMut() -> usize,
) {
    assert_eq!(ours(), theirs(), "both do the same");
    let turns: Vec<(Duration, Duration)> =
        (0..TURNS).map(|_| (time(&mut ours), time(&mut theirs))).collect();
    let count = count as f64;
    let each = |turn: Duration| turn.as_nanos() as f64 / count;
    let ours = median(turns.iter().map(|turn| each(turn.0)));
    let theirs = median(turns.iter().map(|turn| each(turn.1)));
    let ratio = median(turns.iter().map(|turn| turn.0.as_secs_f64() / turn.1.as_secs_f64()));
    println!("{name:<22}{ours:>10.0}{theirs:>10.0}{ratio:>8.3}");
}

fn time(turn: &mut impl FnMut() -> usize) -> Duration {
    let start = Instant::now();
    black_box(turn());
    start.elapsed()
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// JSON messages of exactly so many bytes, each different, with the keys and the few words that
/// such messages have in common.
fn messages(length: usize) -> Vec<String> {
    const WORDS: [&str; 8] =
        ["pending", "filled", "cancelled", "limit", "market", "reconnect", "snapshot", "update"];
    let mut seed = 1u64;
    let mut next = move || {
        seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        seed >> 33
    };
    let message = |index: usize| {
        let mut text = format!(r#"{{"sequence":{index},"records":["#);
        while text.len() < length {
            let (id, price, size) = (next() % 1_000_000, next() % 100_000, next() % 500);
            let (state, kind) = (WORDS[next() as usize % 8], WORDS[next() as usize % 8]);
            text += &format!(
                r#"{{"id":{id},"state":"{state}","type":"{kind}","price":{price},"size":{size}}},"#
            );
        }
        text.truncate(length - 2);
        text + "]}"
    };
    (0..TURN / length).map(message).collect()
}

/// The payloads of the messages, as one peer compresses them one after the other.
fn compressed(messages: &[String]) -> Vec<Vec<u8>> {
    let mut flate2 = Compress::new(Compression::new(LEVEL.into()), false);
    let mut buffer = vec![0; 64 * 1024];
    messages.iter().map(|message| deflate(&mut flate2, message, &mut buffer).to_vec()).collect()
}

fn deflate<'a>(flate2: &mut Compress, message: &str, buffer: &'a mut [u8]) -> &'a [u8] {
    let before = flate2.total_out();
    flate2.compress(message.as_bytes(), buffer, FlushCompress::Sync).expect("valid parameters");
    let length = (flate2.total_out() - before) as usize;
    black_box(&buffer[..length - TAIL.len()])
}

/// The frame of a compressed message as a client sends it.
fn masked(payload: &[u8]) -> Vec<u8> {
    let key = MaskKey::new([0x37, 0xFA, 0x21, 0x3D]);
    let header = FrameHeader {
        fin: true,
        rsv: Rsv::RSV1,
        opcode: OpCode::Text,
        mask: Some(key),
        payload_len: payload.len() as u64,
    };
    let mut frame = header.encode().as_ref().to_vec();
    let start = frame.len();
    frame.extend_from_slice(payload);
    key.apply(&mut frame[start..]);
    frame
}

fn server() -> Connection<Server, Heap> {
    let negotiated = Negotiated::new().deflate(DeflateParams::default());
    let config = Config::new().deflate(Deflate::new().level(LEVEL));
    Connection::established(Server, negotiated, config)
}

fn receive(connection: &mut Connection<Server, Heap>, frame: &[u8], out: &mut Vec<u8>) -> usize {
    let mut total = 0;
    let mut events = connection.receive(frame, out);
    while let Some((event, _)) = events.next().expect("the wire is valid") {
        if let Event::Message(message) = event {
            total += black_box(message.as_bytes()).len();
        }
    }
    total
}

fn inflate(flate2: &mut Decompress, mut input: &[u8], buffer: &mut [u8]) -> usize {
    let start = flate2.total_out();
    loop {
        let before = (flate2.total_in(), flate2.total_out());
        flate2.decompress(input, buffer, FlushDecompress::Sync).expect("the input is valid");
        let consumed = (flate2.total_in() - before.0) as usize;
        let length = (flate2.total_out() - before.1) as usize;
        black_box(&buffer[..length]);
        input = &input[consumed..];
        if input.is_empty() && length < buffer.len() {
            return (flate2.total_out() - start) as usize;
        }
    }
}
