//! What permessage-deflate costs, as a multiple of what zlib-rs and miniz_oxide take for the same
//! bytes: `cargo bench --bench deflate -- [PART]...` measures the rows whose names contain all of
//! these parts, or every row.
//!
//! Receiving is the whole of `Connection::receive` with its default loop, by a server that receives
//! masked frames and by a client: frames, masks, UTF-8, the limits, and the message joined in the
//! connection. The others only inflate, into memory that the caller has: flate2 with zlib-rs into
//! a buffer for the whole message, miniz_oxide in a ring of the window, from which it is copied.
//!
//! Sending is compared with flate2 alone. With the feature `zlib-rs` both sides run the same
//! compressor, otherwise miniz_oxide runs beside zlib-rs.
//!
//! The sides of a comparison take turns, so what disturbs one of them disturbs the others as well.
//! A row shows the median of each side and the medians of the ratios within a turn. A ratio above
//! its target has an exclamation mark.

#![allow(clippy::cast_possible_truncation, reason = "every count here is small")]

use core::hint::black_box;
use core::time::Duration;
use std::env;
use std::time::Instant;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use sansocket::deflate::DeflateParams;
use sansocket::frame::{FrameHeader, MaskKey, Opcode, Rsv};
use sansocket::{
    Client, Config, Connection, DeflateConfig, Entropy, EntropyError, Event, Heap, Role, Server,
};

/// How often each side of a comparison of decompressors has its turn.
const RECEIVING_TURNS: usize = 101;

/// How often each side of a comparison of compressors has its turn.
const SENDING_TURNS: usize = 301;

/// How much goes through in a turn, in bytes; one message at least.
const TURN: usize = 256 << 10;

const LEVEL: u8 = 6;

const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// How many bytes of payload a TCP segment has in Ethernet, without options.
const SEGMENT: usize = 1460;

fn main() {
    let parts: Vec<String> = env::args().skip(1).filter(|part| part != "--bench").collect();
    let wanted = |name: &str| parts.iter().all(|part| name.contains(part));
    receiving(wanted);
    sending(wanted);
}

// --- receiving

fn receiving(wanted: impl Fn(&str) -> bool) {
    let row = |cells: [&str; 9]| {
        let [name, cells @ ..] = cells;
        let cells = cells.map(|cell| format!("{cell:>9} |")).concat();
        println!("| {name:<44} |{cells}");
    };
    println!("Receiving, ns a message:\n");
    row([
        "message, context, reads",
        "server",
        "client",
        "zlib-rs",
        "miniz",
        "s/zlib-rs",
        "c/zlib-rs",
        "target",
        "s/miniz",
    ]);
    row(["---", "--:", "--:", "--:", "--:", "--:", "--:", "--:", "--:"]);
    for content in CONTENTS {
        let messages = content.messages();
        for takeover in [true, false] {
            let payloads = compressed(&messages, takeover);
            let longest = payloads.iter().map(Vec::len).max().unwrap_or_default();
            for (read, reads) in [(usize::MAX, "whole"), (1, "1 B"), (SEGMENT, "1,460 B")] {
                let context = if takeover { "takeover" } else { "alone" };
                let name = format!("{}, {context}, {reads}", content.name);
                if read == SEGMENT && longest < read || !wanted(&name) {
                    continue;
                }
                let [server, client, zlib, miniz] =
                    measure_receiving(content, &messages, &payloads, takeover, read);
                let target = content.target();
                let checked = |ratio: f64, target: f64| {
                    let mark = if ratio > target { "!" } else { "" };
                    format!("{ratio:.2}{mark}")
                };
                let time = |side: &Side| format!("{:.0}", side.median());
                row([
                    &name,
                    &time(&server),
                    &time(&client),
                    &time(&zlib),
                    &time(&miniz),
                    &checked(server.ratio_to(&zlib), target),
                    &checked(client.ratio_to(&zlib), target),
                    &format!("{target:.2}"),
                    &checked(server.ratio_to(&miniz), 1.0),
                ]);
            }
        }
    }
}

/// What a message contains.
#[derive(Clone, Copy)]
struct Content {
    name: &'static str,
    opcode: Opcode,
    length: usize,
    make: fn(usize, &mut Random, usize) -> Vec<u8>,
}

impl Content {
    const fn json(name: &'static str, length: usize) -> Self {
        Self { name, opcode: Opcode::Text, length, make: json }
    }

    fn messages(&self) -> Vec<Vec<u8>> {
        let mut random = Random(1);
        let count = (TURN / self.length).max(1);
        (0..count).map(|index| (self.make)(self.length, &mut random, index)).collect()
    }

    /// How long receiving may take, as a multiple of what zlib-rs takes.
    const fn target(&self) -> f64 {
        match self.length {
            0..=1024 => 0.8,
            1025..=0x1_0000 => 0.95,
            _ => 1.0,
        }
    }
}

const CONTENTS: [Content; 6] = [
    Content::json("JSON 256 B", 256),
    Content::json("JSON 1 KiB", 1 << 10),
    Content::json("JSON 64 KiB", 64 << 10),
    Content::json("JSON 1 MiB", 1 << 20),
    Content { name: "text 64 KiB", opcode: Opcode::Text, length: 64 << 10, make: words },
    Content { name: "binary 64 KiB", opcode: Opcode::Binary, length: 64 << 10, make: noise },
];

fn measure_receiving(
    content: Content,
    messages: &[Vec<u8>],
    payloads: &[Vec<u8>],
    takeover: bool,
    read: usize,
) -> [Side; 4] {
    let masked = frames(content.opcode, Some(MaskKey::new([0x37, 0xFA, 0x21, 0x3D])), payloads);
    let plain = frames(content.opcode, None, payloads);
    let with_tail: Vec<Vec<u8>> =
        payloads.iter().map(|payload| [payload, &TAIL[..]].concat()).collect();
    let length: usize = messages.iter().map(Vec::len).sum();

    let mut server = connection(Server, takeover);
    let mut client = connection(Client::new(NoKeys), takeover);
    let mut zlib = Decompress::new(false);
    let mut miniz = Box::new(DecompressorOxide::new());
    let mut ring = vec![0; 32 << 10];
    let mut at = 0;
    let mut buffer = vec![0; content.length + 64];
    let mut message = Vec::new();
    let mut out = Vec::new();
    // Receiving unmasks in place.
    let mut wire = masked.clone();
    let mut client_wire = plain;

    let mut sides: [Side; 4] = Default::default();
    for turn in 0..RECEIVING_TURNS + 2 {
        for (frame, masked) in wire.iter_mut().zip(&masked) {
            frame.copy_from_slice(masked);
        }
        let turns = [
            time(|| receive(&mut server, &mut wire, read, &mut out)),
            time(|| receive(&mut client, &mut client_wire, read, &mut out)),
            time(|| {
                let inflate = |input: &Vec<u8>| {
                    if !takeover {
                        zlib.reset(false);
                    }
                    inflate(&mut zlib, input, read, &mut buffer)
                };
                with_tail.iter().map(inflate).sum()
            }),
            time(|| {
                let inflate = |input: &Vec<u8>| {
                    if !takeover {
                        miniz.init();
                    }
                    message.clear();
                    inflate_in_ring(&mut miniz, input, read, &mut ring, &mut at, &mut message);
                    black_box(&message).len()
                };
                with_tail.iter().map(inflate).sum()
            }),
        ];
        for (side, (time, count)) in sides.iter_mut().zip(turns) {
            assert_eq!(count, length, "all sides decompress the same");
            // The first turns make memory and fill caches.
            if turn >= 2 {
                side.add(time, messages.len());
            }
        }
    }
    sides
}

/// The payloads in frames, as the peer of a server or, without a key, of a client sends them.
fn frames(opcode: Opcode, mask: Option<MaskKey>, payloads: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let frame = |payload: &Vec<u8>| {
        let payload_len = payload.len() as u64;
        let header = FrameHeader { fin: true, rsv: Rsv::RSV1, opcode, mask, payload_len };
        let mut frame = header.encode().as_ref().to_vec();
        let start = frame.len();
        frame.extend_from_slice(payload);
        if let Some(key) = mask {
            key.apply(&mut frame[start..]);
        }
        frame
    };
    payloads.iter().map(frame).collect()
}

fn connection<R: Role>(role: R, takeover: bool) -> Connection<R, Heap> {
    let params = DeflateParams {
        server_no_context_takeover: !takeover,
        client_no_context_takeover: !takeover,
        ..DeflateParams::default()
    };
    let config = Config::new().deflate(DeflateConfig::new().level(LEVEL));
    Connection::established(role, Some(params), config)
}

/// Receives frames, each in reads of `read` bytes, and returns how long the messages are.
fn receive<R: Role>(
    connection: &mut Connection<R, Heap>,
    wire: &mut [Vec<u8>],
    read: usize,
    out: &mut Vec<u8>,
) -> usize {
    let mut total = 0;
    for chunk in wire.iter_mut().flat_map(|frame| frame.chunks_mut(read)) {
        let mut events = connection.receive(chunk, out);
        while let Some((event, _)) = events.next().expect("the wire is valid") {
            if let Event::Message(message) = event {
                total += black_box(message.as_bytes()).len();
            }
        }
    }
    total
}

/// A message in reads of `read` bytes; the last one has the tail as well.
fn reads(input: &[u8], read: usize) -> impl Iterator<Item = &[u8]> {
    let payload = input.len() - TAIL.len();
    (0..payload).step_by(read).map(move |start| {
        let is_last = payload - start <= read;
        &input[start..if is_last { input.len() } else { start + read }]
    })
}

/// Decompresses a message into the buffer, and returns how long it is.
fn inflate(zlib: &mut Decompress, input: &[u8], read: usize, buffer: &mut [u8]) -> usize {
    let before = zlib.total_out();
    for read in reads(input, read) {
        let length = (zlib.total_out() - before) as usize;
        let taken = zlib.total_in();
        zlib.decompress(read, &mut buffer[length..], FlushDecompress::None)
            .expect("the input is valid");
        assert_eq!((zlib.total_in() - taken) as usize, read.len(), "the message fits");
    }
    let length = (zlib.total_out() - before) as usize;
    black_box(&buffer[..length]).len()
}

/// Decompresses a message by way of a ring, whose next byte is at `at`, and appends it.
fn inflate_in_ring(
    miniz: &mut DecompressorOxide,
    input: &[u8],
    read: usize,
    ring: &mut [u8],
    at: &mut usize,
    message: &mut Vec<u8>,
) {
    for mut read in reads(input, read) {
        loop {
            let (status, taken, length) =
                decompress(miniz, read, ring, *at, TINFL_FLAG_HAS_MORE_INPUT);
            message.extend_from_slice(&ring[*at..*at + length]);
            *at = (*at + length) % ring.len();
            read = &read[taken..];
            match status {
                TINFLStatus::NeedsMoreInput => break,
                TINFLStatus::HasMoreOutput => {}
                _ => panic!("the input is valid: {status:?}"),
            }
        }
    }
}

// --- sending

fn sending(wanted: impl Fn(&str) -> bool) {
    let compressor = if cfg!(feature = "zlib-rs") { "zlib-rs" } else { "miniz_oxide" };
    println!("\nSending, compressed by {compressor}, ns a message:\n");
    println!("| {:<20} | {:>9} | {:>9} | {:>9} |", "message", "send", "zlib-rs", "ratio");
    println!("| {:<20} | {:>9} | {:>9} | {:>9} |", "---", "--:", "--:", "--:");
    for length in [256, 1024, 16 << 10] {
        let name = format!("sending JSON {length} B");
        if wanted(&name) {
            let (ours, zlib) = measure_sending(length);
            let (each, others, ratio) = (ours.median(), zlib.median(), ours.ratio_to(&zlib));
            println!("| {name:<20} | {each:>9.0} | {others:>9.0} | {ratio:>9.2} |");
        }
    }
}

fn measure_sending(length: usize) -> (Side, Side) {
    let mut random = Random(1);
    let messages: Vec<String> = (0..TURN / length)
        .map(|index| String::from_utf8(json(length, &mut random, index)).expect("it is ASCII"))
        .collect();
    let mut connection = connection(Server, true);
    let mut flate2 = Compress::new(Compression::new(LEVEL.into()), false);
    let mut out = Vec::new();
    let mut buffer = vec![0; 2 * length + 64];
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    for turn in 0..SENDING_TURNS + 1 {
        let (our_time, our_length) = time(|| {
            let send = |message: &String| {
                out.clear();
                connection.sender(&mut out).send(&message[..]).expect("the connection is open");
                black_box(&out).len() - FrameHeader::encoded_len(out.len() as u64 - 2, false)
            };
            messages.iter().map(send).sum()
        });
        let (their_time, their_length) = time(|| {
            let deflate =
                |message: &String| deflate(&mut flate2, message.as_bytes(), &mut buffer).len();
            messages.iter().map(deflate).sum()
        });
        if cfg!(feature = "zlib-rs") {
            assert_eq!(our_length, their_length, "both do the same");
        }
        if turn >= 1 {
            ours.add(our_time, messages.len());
            theirs.add(their_time, messages.len());
        }
    }
    (ours, theirs)
}

/// The payloads of the messages, as one peer compresses them one after the other.
fn compressed(messages: &[Vec<u8>], takeover: bool) -> Vec<Vec<u8>> {
    let mut flate2 = Compress::new(Compression::new(LEVEL.into()), false);
    let compress = |message: &Vec<u8>| {
        if !takeover {
            flate2.reset();
        }
        let mut buffer = vec![0; 2 * message.len() + 64];
        deflate(&mut flate2, message, &mut buffer).to_vec()
    };
    messages.iter().map(compress).collect()
}

fn deflate<'a>(flate2: &mut Compress, message: &[u8], buffer: &'a mut [u8]) -> &'a [u8] {
    let before = flate2.total_out();
    flate2.compress(message, buffer, FlushCompress::Sync).expect("valid parameters");
    let length = (flate2.total_out() - before) as usize;
    black_box(&buffer[..length - TAIL.len()])
}

// --- times

/// One side of a comparison: what a message took in each turn, in nanoseconds.
#[derive(Default)]
struct Side(Vec<f64>);

impl Side {
    fn add(&mut self, time: Duration, messages: usize) {
        self.0.push(time.as_nanos() as f64 / messages as f64);
    }

    fn median(&self) -> f64 {
        median(self.0.iter().copied())
    }

    fn ratio_to(&self, other: &Self) -> f64 {
        median(self.0.iter().zip(&other.0).map(|(ours, theirs)| ours / theirs))
    }
}

fn time(turn: impl FnOnce() -> usize) -> (Duration, usize) {
    let start = Instant::now();
    let length = black_box(turn());
    (start.elapsed(), length)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

// --- messages

struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        (self.0 >> 33) as usize
    }
}

/// A client that only receives needs no keys.
struct NoKeys;

impl Entropy for NoKeys {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

/// A JSON message of exactly `length` bytes, with the keys and the few words that such messages have
/// in common.
fn json(length: usize, random: &mut Random, index: usize) -> Vec<u8> {
    const WORDS: [&str; 8] =
        ["pending", "filled", "cancelled", "limit", "market", "reconnect", "snapshot", "update"];
    let mut text = format!(r#"{{"sequence":{index},"records":["#);
    while text.len() < length {
        let (id, price, size) =
            (random.next() % 1_000_000, random.next() % 100_000, random.next() % 500);
        let (state, kind) = (WORDS[random.next() % 8], WORDS[random.next() % 8]);
        text += &format!(
            r#"{{"id":{id},"state":"{state}","type":"{kind}","price":{price},"size":{size}}},"#
        );
    }
    text.truncate(length - 2);
    (text + "]}").into_bytes()
}

/// Sentences of 2,000 made-up words, of which the short ones are the most frequent.
fn words(length: usize, random: &mut Random, _: usize) -> Vec<u8> {
    const COUNT: usize = 2000;
    const LETTERS: &[u8] = b"eeeeeeeeeeeetttttttttaaaaaaaaooooooooiiiiiiinnnnnnnsssssshhhhhhrrrrrr\
        ddddllllcccuuummmwwwffggyyppbbvk";
    let mut word = |rank: usize| -> Vec<u8> {
        let length = 1 + (rank + 2).ilog2() as usize / 2 + random.next() % 6;
        (0..length).map(|_| LETTERS[random.next() % LETTERS.len()]).collect()
    };
    let words: Vec<Vec<u8>> = (0..COUNT).map(&mut word).collect();
    let mut text = Vec::new();
    let mut is_first = true;
    while text.len() < length {
        // The nth most frequent word, with a frequency of about 1/n.
        let exponent = random.next() as f64 / (1u64 << 31) as f64;
        let rank = (COUNT as f64).powf(exponent) as usize - 1;
        let start = text.len();
        text.extend_from_slice(&words[rank.min(COUNT - 1)]);
        if is_first {
            text[start].make_ascii_uppercase();
        }
        is_first = random.next() % 12 == 0;
        text.extend_from_slice(if is_first { b". " } else { b" " });
    }
    text.truncate(length);
    text
}

/// Bytes of which the small ones are a little more frequent, with some short repeats.
fn noise(length: usize, random: &mut Random, _: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    while bytes.len() < length {
        if random.next() % 24 == 0 && bytes.len() > 1000 {
            let from = random.next() % (bytes.len() - 16);
            let count = 4 + random.next() % 8;
            bytes.extend_from_within(from..from + count);
        } else {
            let (one, other) = (random.next() % 256, random.next() % 256);
            bytes.push(if random.next() % 2 == 0 { one.min(other) } else { one } as u8);
        }
    }
    bytes.truncate(length);
    bytes
}
