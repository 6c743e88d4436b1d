//! How many bytes in a row give no output when a compressor flushes as often as it can. A flush is
//! an empty block; no compressor here emits one anywhere else.
//!
//! `cargo test --test deflate flushes -- --nocapture --test-threads=1` prints the tables. Their
//! columns: wire bytes for each byte of payload, without the headers of frames; `run`, the longest
//! run of blocks without output; `blk`, the largest such block; `gap`, the longest run with the
//! header of the block that ends it, all in bytes; how many blocks without output there are of each
//! type, and how many with BFINAL.

use flate2::{Compress, FlushCompress};
use libz_sys as z;
use miniz_oxide::MZFlush;
use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::deflate::stream::deflate;
use sansocket::{Config, FixedDeflate, Heap, MessageKind, Server, Storage};

use crate::common::output::Output;
use crate::common::wire;
use crate::fragments::connection;
use crate::peer::{Content, RSV1, Terms, place};
use crate::walker::{BlockType, Walker};
use crate::zlib::Deflate;

/// The most bytes of consecutive blocks without output that a message may have.
const BOUND: usize = 4096;

/// How many times the longest run of a compressor the bound is, at least; the longest known run
/// is 11 bytes.
const MARGIN: usize = 256;

/// What zlib ends a flush with.
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// A way to flush, with its number in zlib.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flush {
    None,
    Partial,
    Sync,
    Full,
}

/// Where to flush: after each run of this many bytes.
const STEPS: [usize; 5] = [1, 2, 7, 100, usize::MAX];

const LEVELS: [u8; 4] = [0, 1, 6, 9];

const CONTENTS: [Content; 3] = [Content::Json, Content::Text, Content::Random];

/// A compressor, whoever has written it.
trait Flushing {
    const NAME: &'static str;

    fn new(level: u8) -> Self;

    /// Appends what it gives for this input and this way to flush.
    fn write(&mut self, input: &[u8], flush: Flush, output: &mut Vec<u8>);
}

impl Flushing for Deflate {
    const NAME: &'static str = "C zlib";

    fn new(level: u8) -> Self {
        Self::new(15, level)
    }

    fn write(&mut self, input: &[u8], flush: Flush, output: &mut Vec<u8>) {
        let flush = match flush {
            Flush::None => z::Z_NO_FLUSH,
            Flush::Partial => z::Z_PARTIAL_FLUSH,
            Flush::Sync => z::Z_SYNC_FLUSH,
            Flush::Full => z::Z_FULL_FLUSH,
        };
        self.run(input, flush, output);
    }
}

impl Flushing for Compress {
    const NAME: &'static str = "zlib-rs";

    fn new(level: u8) -> Self {
        Self::new(flate2::Compression::new(level.into()), false)
    }

    fn write(&mut self, input: &[u8], flush: Flush, output: &mut Vec<u8>) {
        let flush = match flush {
            Flush::None => FlushCompress::None,
            Flush::Partial => FlushCompress::Partial,
            Flush::Sync => FlushCompress::Sync,
            Flush::Full => FlushCompress::Full,
        };
        let before = self.total_in();
        output.reserve(2 * input.len() + 1024);
        self.compress_vec(input, output, flush).expect("compressed data");
        assert_eq!(self.total_in() - before, input.len() as u64);
        assert!(output.len() < output.capacity(), "all of the flush");
    }
}

impl Flushing for Box<CompressorOxide> {
    const NAME: &'static str = "miniz_oxide";

    fn new(level: u8) -> Self {
        let flags = create_comp_flags_from_zip_params(level.into(), -15, 0);
        Self::new(CompressorOxide::new(flags))
    }

    fn write(&mut self, input: &[u8], flush: Flush, output: &mut Vec<u8>) {
        let flush = match flush {
            Flush::None => MZFlush::None,
            Flush::Partial => MZFlush::Partial,
            Flush::Sync => MZFlush::Sync,
            Flush::Full => MZFlush::Full,
        };
        let mut room = vec![0; 2 * input.len() + 1024];
        let done = deflate(self, input, &mut room, flush);
        assert_eq!(done.bytes_consumed, input.len());
        assert!(done.bytes_written < room.len(), "all of the flush");
        output.extend(&room[..done.bytes_written]);
    }
}

/// What the messages of a compressor consist of.
#[derive(Default)]
struct Findings {
    /// Bytes of payload for each content, on the wire and decompressed.
    bytes: Vec<[usize; 2]>,
    /// The longest run of blocks without output, the largest such block, and the longest run
    /// without output with the header of the block that ends it; in bits.
    run: usize,
    largest: usize,
    gap: usize,
    stored: usize,
    fixed: usize,
    dynamic: usize,
    last: usize,
}

impl Findings {
    fn begin(&mut self) -> Walker {
        self.bytes.push([0; 2]);
        Walker::new(15)
    }

    fn add(&mut self, walker: &mut Walker, payload: &[u8], message: &[u8]) {
        let walk = walker.message(payload).expect("a valid message");
        assert!(walk.message == message);
        let (run, largest) = walk.silent_bits();
        self.run = self.run.max(run);
        self.largest = self.largest.max(largest);
        self.gap = self.gap.max(walk.gap_bits());
        for block in &walk.blocks {
            self.last += usize::from(block.last);
            if block.output == 0 {
                match block.kind {
                    BlockType::Stored => self.stored += 1,
                    BlockType::Fixed => self.fixed += 1,
                    BlockType::Dynamic => self.dynamic += 1,
                }
            }
        }
        let bytes = self.bytes.last_mut().expect("a content that has begun");
        bytes[0] += payload.len();
        bytes[1] += message.len();
    }

    /// Prints a line of the table; no run may come near the bound.
    fn finish(&self, name: &str, level: u8, flush: &str, step: usize) {
        let step = if step == usize::MAX { "end".into() } else { step.to_string() };
        print!("{name:24} {level:>5} {flush:8} {step:>4}");
        for [wire, payload] in &self.bytes {
            let thousandths = wire * 1000 / payload;
            print!(" {:>3}.{:03}", thousandths / 1000, thousandths % 1000);
        }
        let [run, largest, gap] = [self.run, self.largest, self.gap].map(|bits| bits.div_ceil(8));
        let Self { stored, fixed, dynamic, last, .. } = self;
        println!(" {run:>4} {largest:>4} {gap:>4} {stored:>6} {fixed:>6} {dynamic:>3} {last:>3}");
        assert!(run * MARGIN <= BOUND, "{name}, level {level}: {run} bytes in a row");
        assert_eq!((*dynamic, *last), (0, 0));
    }
}

fn heading() {
    println!(
        "\n{:24} {:>5} {:8} {:>4} {:>7} {:>7} {:>7} {:>4} {:>4} {:>4} {:>6} {:>6} {:>3} {:>3}",
        "library",
        "level",
        "flush",
        "each",
        "JSON",
        "text",
        "random",
        "run",
        "blk",
        "gap",
        "stored",
        "fixed",
        "dyn",
        "fin"
    );
}

/// Three messages with takeover, of which one is long.
fn messages(content: Content) -> [Vec<u8>; 3] {
    [1500, 20_000, 1].map(|length| content.bytes(length, length as u64))
}

fn flush_with<C: Flushing>() {
    for level in LEVELS {
        for flush in [Flush::Partial, Flush::Sync, Flush::Full] {
            for step in STEPS {
                let mut findings = Findings::default();
                for content in CONTENTS {
                    let mut compressor = C::new(level);
                    let mut walker = findings.begin();
                    for message in messages(content) {
                        // A flush takes long where all of a table is cleared.
                        let message = &message[..message.len().min(step.saturating_mul(1000))];
                        let mut payload = vec![];
                        for part in message.chunks(step) {
                            compressor.write(part, flush, &mut payload);
                        }
                        compressor.write(b"", Flush::Sync, &mut payload);
                        let payload = payload.strip_suffix(&TAIL).expect("the end of a flush");
                        findings.add(&mut walker, payload, message);
                    }
                }
                let flush = format!("{flush:?}").to_lowercase();
                findings.finish(C::NAME, level, &flush, step);
            }
        }
    }
}

/// Flushes behind every few bytes.
#[test]
fn flushes_between_bytes() {
    heading();
    flush_with::<Deflate>();
    flush_with::<Compress>();
    flush_with::<Box<CompressorOxide>>();
}

/// Messages that this crate sends in small fragments, with an empty one before each; those take
/// no bytes.
#[test]
fn fragments_of_our_own() {
    fn check<S: Storage>(name: &str, storage: impl Fn() -> S, bits: u8, level: u8) {
        for step in STEPS {
            let mut findings = Findings::default();
            for content in CONTENTS {
                let terms = sansocket::DeflateConfig::new().level(level).threshold(0);
                let config = Config::new().deflate(terms);
                let agreed = Terms { bits, takeover: true };
                let mut server = connection::<Server, S>(storage(), agreed, config);
                let mut walker = findings.begin();
                for message in messages(content) {
                    let mut out = Output::unbounded();
                    let parts = message.chunks(step);
                    let count = parts.len();
                    // Empty fragments are sent too.
                    let parts = parts.flat_map(|part| [&b""[..], part]);
                    for (index, part) in parts.enumerate() {
                        let place = place(MessageKind::Binary, index, index + 1 == 2 * count);
                        server.sender(&mut out).send_fragment(place, part).expect("room");
                    }
                    let frames = wire::read_frames(&out.bytes);
                    assert!(frames[0].first & RSV1 != 0, "a compressed message");
                    let payloads = frames.into_iter().map(|frame| frame.payload);
                    findings.add(&mut walker, &payloads.collect::<Vec<_>>().concat(), &message);
                }
            }
            findings.finish(name, level, "fragment", step);
        }
    }
    heading();
    for level in [1, 6, 9] {
        check("sansocket, heap, 2^15", || Heap, 15, level);
    }
    check("sansocket, heap, 2^9", || Heap, 9, 6);
    check("sansocket, FixedDeflate", FixedDeflate::<300, 8, 12>::new, 12, 6);
}

/// Flushes with nothing new. No call emits more than an empty stored block of five bytes, so it
/// takes at least 819 calls in a row within a message to reach the bound. zlib emits nothing for a
/// flush like the last one; miniz_oxide emits a block for each.
#[test]
fn flushes_of_nothing() {
    use Flush::{Full, None, Partial, Sync};

    const CALLS: usize = 400;

    fn check<C: Flushing>(level: u8, sequence: &[Flush]) {
        let mut compressor = C::new(level);
        let mut payload = vec![];
        compressor.write(b"Hello", sequence[0], &mut payload);
        let before = payload.len();
        for &flush in sequence.iter().cycle().take(CALLS) {
            compressor.write(b"", flush, &mut payload);
        }
        let bytes = payload.len() - before;
        compressor.write(b"", Sync, &mut payload);
        let payload = payload.strip_suffix(&TAIL).expect("the end of a flush");
        let mut findings = Findings::default();
        let mut walker = findings.begin();
        findings.add(&mut walker, payload, b"Hello");
        let run = findings.run.div_ceil(8);
        let calls = if bytes < 64 { "never".into() } else { (BOUND * CALLS / bytes).to_string() };
        let sequence = format!("{sequence:?}").to_lowercase();
        println!("{:12} {level:>5} {sequence:16} {bytes:>6} {run:>6} {calls:>8}", C::NAME);
        assert_eq!((findings.dynamic, findings.last), (0, 0));
        assert!(run <= bytes + 10);
        assert!(bytes <= 5 * CALLS, "no flush has more than five bytes");
        assert!(bytes < BOUND);
    }

    println!(
        "\n{:12} {:>5} {:16} {:>6} {:>6} {:>8}",
        "library", "level", "flushes", "bytes", "run", "to bound"
    );
    for level in [0, 6] {
        for sequence in [
            &[Sync][..],
            &[Partial],
            &[Full],
            &[Sync, Full],
            &[None, Sync],
            &[Partial, Sync],
            &[None, Partial],
        ] {
            check::<Deflate>(level, sequence);
            check::<Compress>(level, sequence);
            check::<Box<CompressorOxide>>(level, sequence);
        }
    }
}
