//! Compressed input made to cost as much as possible: blocks that are empty, or have hardly any
//! output, so that the work is in their headers.
//!
//! These paths are called `hostile WHAT, WHERE, LENGTH B`. Each receives a message whose payload has
//! this many bytes, and `run` fails if that costs more than its bound for each of them.
//!
//! The decompressor refuses a message after 4,096 bytes of blocks without output. So that it does
//! not, a literal comes at least every 2,000 bytes.

use core::hint::black_box;

use sansocket::deflate::{DeflateParams, WindowBits};
use sansocket::frame::{FrameHeader, MaskKey, Opcode, Rsv};
use sansocket::{Config, Connection, Event, FixedDeflate, Heap, Server, Storage};

use crate::Path;

/// How long the payloads are.
const LENGTH: usize = 16 << 10;

/// More than a block takes.
const BLOCK: usize = 256;

/// How many bytes of blocks without output come one after another.
const EMPTY: usize = 2000;

pub(crate) fn paths() -> Vec<Path> {
    let mut paths = Vec::new();
    for kind in KINDS {
        paths.push(path(kind, 8, "heap", || Heap));
        paths.push(path(kind, 15, "heap", || Heap));
        // This one is the smaller decompressor of the microcontrollers.
        paths.push(path(kind, 9, "inline", FixedDeflate::<8192, 9, 9>::new));
    }
    paths
}

/// A way to make blocks.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    /// Writes a block.
    block: fn(&mut Writer),
    /// Whether the block has output.
    has_output: bool,
}

const KINDS: [Kind; 11] = [
    empty("empty stored blocks", |bits| {
        bits.put(0b000, 3);
        bits.align();
        bits.put(0xFFFF_0000, 32);
    }),
    empty("empty stored last blocks", |bits| {
        bits.put(0b001, 3);
        bits.align();
        bits.put(0xFFFF_0000, 32);
    }),
    empty("empty fixed blocks", |bits| bits.put(0b010, 10)),
    empty("empty fixed last blocks", |bits| {
        bits.put(0b011, 10);
        bits.align();
    }),
    // Nothing but the end of the block has a code.
    empty("smallest dynamic headers", |bits| {
        bits.header(&Code::smallest_header(), &only(&[(256, 1)], 257), &[1]);
        bits.put(0, 1);
    }),
    empty("largest dynamic headers", |bits| {
        let lit = deep();
        bits.header(&Code::of_all_lengths(), &lit, &distances());
        bits.code(&lit, 256);
    }),
    empty("shortest dynamic headers of 286 + 30 codes", |bits| {
        let lit = flat();
        bits.header(&Code::of_repeats(), &lit, &distances());
        bits.code(&lit, 256);
    }),
    filled("a literal and an end in fixed blocks", |bits| {
        bits.put(0b010, 3);
        bits.code_bits(0x30, 8);
        bits.put(0, 7);
    }),
    filled("a literal after the smallest dynamic header", |bits| {
        let lit = only(&[(0, 1), (256, 1)], 257);
        bits.header(&Code::smallest_header(), &lit, &[1]);
        bits.code(&lit, 0);
        bits.code(&lit, 256);
    }),
    filled("a literal after the largest dynamic header", |bits| {
        let lit = deep();
        bits.header(&Code::of_all_lengths(), &lit, &distances());
        bits.code(&lit, 0);
        bits.code(&lit, 256);
    }),
    filled("a literal after the shortest header of 286 + 30", |bits| {
        let lit = flat();
        bits.header(&Code::of_repeats(), &lit, &distances());
        bits.code(&lit, 0);
        bits.code(&lit, 256);
    }),
];

const fn empty(name: &'static str, block: fn(&mut Writer)) -> Kind {
    Kind { name, block, has_output: false }
}

const fn filled(name: &'static str, block: fn(&mut Writer)) -> Kind {
    Kind { name, block, has_output: true }
}

/// Receiving a message of such blocks, after another message, with the window of 2^`bits` bytes.
fn path<S: Storage + 'static>(kind: Kind, bits: u8, place: &str, storage: fn() -> S) -> Path {
    let name = format!("hostile {}, {place} 2^{bits}, {LENGTH} B", kind.name);
    Path::new(name, move || {
        let bits = WindowBits::new(bits).expect("8 to 15");
        let params = DeflateParams {
            client_max_window_bits: bits,
            server_max_window_bits: bits,
            ..DeflateParams::default()
        };
        let mut server = Connection::established_in(storage(), Server, Some(params), Config::new());
        let mut out = Vec::new();
        // An empty message: a fixed block without symbols.
        receive(&mut server, &mut frame(&[0x02, 0x00]), &mut out);
        let (payload, output) = payload(kind);
        let mut wire = frame(&payload);
        move || receive(&mut server, &mut wire, &mut out) == output
    })
}

fn receive<S: Storage>(
    server: &mut Connection<Server, S>,
    wire: &mut [u8],
    out: &mut Vec<u8>,
) -> usize {
    let mut total = 0;
    let mut events = server.receive(wire, out);
    while let Some((event, _)) = events.next().expect("the wire is valid") {
        if let Event::Message(message) = event {
            total += black_box(message.as_bytes()).len();
        }
    }
    total
}

/// A binary message as a client sends it.
fn frame(payload: &[u8]) -> Vec<u8> {
    let key = MaskKey::new([0x37, 0xFA, 0x21, 0x3D]);
    let header = FrameHeader {
        fin: true,
        rsv: Rsv::RSV1,
        opcode: Opcode::Binary,
        mask: Some(key),
        payload_len: payload.len() as u64,
    };
    let mut frame = header.encode().as_ref().to_vec();
    let start = frame.len();
    frame.extend_from_slice(payload);
    key.apply(&mut frame[start..]);
    frame
}

/// The payload of a message of such blocks, and how long the message is.
fn payload(kind: Kind) -> (Vec<u8>, usize) {
    let mut bits = Writer::default();
    let mut output = 0;
    let mut filled = 0;
    while bits.bytes.len() < LENGTH - BLOCK {
        (kind.block)(&mut bits);
        if kind.has_output {
            output += 1;
        } else if bits.bytes.len() - filled > EMPTY {
            // A fixed block of a literal.
            bits.put(0b010, 3);
            bits.code_bits(0x30, 8);
            bits.put(0, 7);
            output += 1;
            filled = bits.bytes.len();
        }
    }
    // A stored block for the rest.
    bits.put(0b000, 3);
    bits.align();
    let rest = LENGTH - bits.bytes.len() - 4 - 1;
    bits.put(rest as u64, 16);
    bits.put(!(rest as u64), 16);
    // Behind it is the header of the stored block whose length is not sent [RFC 7692 §7.2.1].
    bits.bytes.resize(LENGTH, 0);
    (bits.bytes, output + rest)
}

// --- codes

/// Code lengths where only these symbols have a code.
fn only(lengths: &[(usize, u8)], count: usize) -> Vec<u8> {
    let mut all = vec![0; count];
    for &(symbol, length) in lengths {
        all[symbol] = length;
    }
    all
}

/// 286 codes, of 8 bits and 9.
fn flat() -> Vec<u8> {
    [vec![8; 226], vec![9; 60]].concat()
}

/// 286 codes, of 2 bits to 15.
fn deep() -> Vec<u8> {
    const COUNT: usize = 286;
    let mut counts = [0; 16];
    counts[2..10].fill(1);
    let used: usize = (1..16).map(|length| counts[length] << (15 - length)).sum();
    let others = COUNT - 8;
    counts[15] = others;
    let mut free = (1 << 15) - used - others;
    // Some of the others get shorter until the code is complete.
    while free > 0 {
        let gain = |length: usize| (1 << (15 - length)) - 1;
        let length = (8..15).find(|&length| gain(length) <= free).expect("14 bits gain 1");
        counts[15] -= 1;
        counts[length] += 1;
        free -= gain(length);
    }
    // The long ones first.
    (1..16u8).rev().flat_map(|length| vec![length; counts[usize::from(length)]]).collect()
}

/// 30 codes of distances, of 4 bits and 5.
fn distances() -> Vec<u8> {
    [vec![4; 2], vec![5; 28]].concat()
}

/// How the code lengths of a header are written: the lengths of the code for them.
struct Code([u8; 19]);

impl Code {
    /// Of one bit: 1 and many zeros.
    fn smallest_header() -> Self {
        Self(core::array::from_fn(|symbol| u8::from(matches!(symbol, 1 | 18))))
    }

    /// Of one bit: repeats; of three: what [`flat`] and [`distances`] consist of.
    fn of_repeats() -> Self {
        Self(core::array::from_fn(|symbol| match symbol {
            16 => 1,
            4 | 5 | 8 | 9 => 3,
            _ => 0,
        }))
    }

    /// Of one bit: repeats; then all lengths from 2 on.
    fn of_all_lengths() -> Self {
        Self(core::array::from_fn(|symbol| match symbol {
            16 => 1,
            2 | 3 => 4,
            4..=15 => 5,
            _ => 0,
        }))
    }
}

/// The codes of symbols with these lengths [RFC 1951 §3.2.2].
fn codes(lengths: &[u8]) -> Vec<u32> {
    let mut codes = vec![0; lengths.len()];
    let mut code = 0;
    for length in 1..16 {
        for (symbol, _) in lengths.iter().enumerate().filter(|&(_, &its)| its == length) {
            codes[symbol] = code;
            code += 1;
        }
        code <<= 1;
    }
    codes
}

// --- bits

/// A stream of bits as DEFLATE has them [RFC 1951 §3.1.1].
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    /// How many bits of the last byte are used; 8 if there is none.
    used: u8,
}

impl Writer {
    fn put(&mut self, value: u64, count: u32) {
        for bit in 0..count {
            if self.used % 8 == 0 {
                self.bytes.push(0);
                self.used = 0;
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(value >> bit & 1 != 0) << self.used;
            }
            self.used += 1;
        }
    }

    fn align(&mut self) {
        self.used = 0;
    }

    /// A code, from its highest bit on.
    fn code_bits(&mut self, code: u32, length: u8) {
        for bit in (0..length).rev() {
            self.put(u64::from(code >> bit & 1), 1);
        }
    }

    /// The code of a symbol.
    fn code(&mut self, lengths: &[u8], symbol: usize) {
        self.code_bits(codes(lengths)[symbol], lengths[symbol]);
    }

    /// The header of a dynamic block [RFC 1951 §3.2.7].
    fn header(&mut self, code: &Code, lit: &[u8], dist: &[u8]) {
        const ORDER: [usize; 19] =
            [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let count = ORDER.iter().rposition(|&symbol| code.0[symbol] != 0).map_or(0, |at| at + 1);
        self.put(0b100, 3);
        self.put(lit.len() as u64 - 257, 5);
        self.put(dist.len() as u64 - 1, 5);
        self.put(count as u64 - 4, 4);
        for &symbol in &ORDER[..count] {
            self.put(code.0[symbol].into(), 3);
        }

        let all = [lit, dist].concat();
        let mut rest = &all[..];
        let mut before = None;
        while let Some(&length) = rest.first() {
            let run = rest.iter().take_while(|&&other| other == length).count();
            // Zeros, at once if there are as many, or the length before once more.
            let taken = if length == 0 && run >= 11 {
                self.code(&code.0, 18);
                self.put(run.min(138) as u64 - 11, 7);
                run.min(138)
            } else if before == Some(length) && run >= 3 && code.0[16] > 0 {
                self.code(&code.0, 16);
                self.put(run.min(6) as u64 - 3, 2);
                run.min(6)
            } else {
                self.code(&code.0, length.into());
                1
            };
            before = Some(length);
            rest = &rest[taken..];
        }
    }
}
