//! A DEFLATE encoder whose memory is that of its window [RFC 1951, RFC 7692 §7.2.1]: about 1 KiB
//! for 2^8 bytes, 2 KiB for 2^9, 12 KiB for 2^12, inline or on the heap.
//!
//! It writes blocks with the fixed Huffman codes, which need no memory, cost messages of a few
//! hundred bytes nothing, and make encoding one pass; what they would make longer is stored. It
//! never reaches farther back than its window, to the byte, and uses all of it.
//!
//! The input is collected in one buffer, behind the history:
//!
//! ```text
//!  0             next              filled        the end
//!  | history      | pending         | free        |
//!  |<- window, at least ->|
//! ```
//!
//! Only when the buffer is full or the message ends is anything encoded, a chunk at a time, and
//! then the history moves to the front as far as it is longer than the window. So how the input
//! was cut into writes makes no difference to the output.

#[cfg(all(feature = "alloc", any(not(feature = "zlib-rs"), test)))]
use alloc::{boxed::Box, vec};

use super::bits::{BitWriter, END_BITS, HEADER_BITS, Partial};
use super::matches::{Bucket, Finder, Match, WAYS, count_steps};
use crate::slice;

/// How much input is encoded or stored as one, in bytes; the last match in it may go beyond.
const CHUNK: usize = 256;

/// How much input is kept back while more may come, for matches to grow into.
const LOOKAHEAD: usize = 64;

/// The room that the buffer must have beside the window.
const MIN_PENDING: usize = CHUNK + LOOKAHEAD;

/// A match of this length is taken without a look at whether the next byte starts a better one.
const GOOD_LENGTH: u16 = 32;

/// The most bytes of a chunk in the fixed codes, with the partial byte before it: no symbol takes
/// more than nine bits for each byte it stands for, and the last may start in the last byte.
const STAGE: usize = CHUNK * 9 / 8 + 8;

/// What a stored chunk costs beside its bytes when the stream stands at a byte boundary, in bits.
const STORED_BITS: usize = 40;

/// What a block with the fixed codes costs beside its symbols, in bits: the header, the end, and
/// up to seven bits to the byte boundary that a stored block needs.
const FIXED_BITS: usize = (HEADER_BITS + END_BITS + 7) as usize;

/// The memory of a [`WindowEncoder`].
pub(crate) trait Memory {
    /// The bytes, more than a chunk and what is looked ahead, and the table, of any size.
    fn parts(&mut self) -> (&mut [u8], &mut [Bucket]);
}

/// How many bytes the memory for a window of 2^`bits` has.
pub(crate) const fn bytes_for(bits: u8) -> usize {
    let window = window_size(bits);
    // The larger, the less often the history moves: each byte of it once for each eight of input.
    window + if window / 8 > MIN_PENDING { window / 8 } else { MIN_PENDING }
}

/// How many buckets the memory for a window of 2^`bits` has: entries for seven of eight bytes.
pub(crate) const fn buckets_for(bits: u8) -> usize {
    window_size(bits) * 7 / 8 / WAYS
}

const fn window_size(bits: u8) -> usize {
    match bits {
        0..=8 => 1 << 8,
        9..=14 => 1 << bits,
        _ => 1 << 15,
    }
}

/// Memory of constant size: for a window of 2^9, it is
/// `InlineMemory<{ bytes_for(9) }, { buckets_for(9) }>`.
#[derive(Debug)]
pub(crate) struct InlineMemory<const BYTES: usize, const BUCKETS: usize> {
    bytes: [u8; BYTES],
    table: [Bucket; BUCKETS],
}

impl<const BYTES: usize, const BUCKETS: usize> InlineMemory<BYTES, BUCKETS> {
    pub(crate) const fn new() -> Self {
        const { assert!(BYTES > MIN_PENDING, "no room for a window") };
        Self { bytes: [0; BYTES], table: [[0; WAYS]; BUCKETS] }
    }
}

impl<const BYTES: usize, const BUCKETS: usize> Memory for InlineMemory<BYTES, BUCKETS> {
    fn parts(&mut self) -> (&mut [u8], &mut [Bucket]) {
        (&mut self.bytes, &mut self.table)
    }
}

/// Memory whose size is chosen at run time.
#[cfg(all(feature = "alloc", any(not(feature = "zlib-rs"), test)))]
pub(crate) struct HeapMemory {
    bytes: Box<[u8]>,
    table: Box<[Bucket]>,
}

#[cfg(all(feature = "alloc", any(not(feature = "zlib-rs"), test)))]
impl HeapMemory {
    /// Memory for a window of 2^`bits`.
    pub(crate) fn new(bits: u8) -> Self {
        Self {
            bytes: vec![0; bytes_for(bits)].into(),
            table: vec![[0; WAYS]; buckets_for(bits)].into(),
        }
    }
}

#[cfg(all(feature = "alloc", any(not(feature = "zlib-rs"), test)))]
impl Memory for HeapMemory {
    fn parts(&mut self) -> (&mut [u8], &mut [Bucket]) {
        (&mut self.bytes, &mut self.table)
    }
}

/// Compresses one message after the other.
///
/// A message is any number of [`write`](Self::write)s and one [`flush`](Self::flush). Matches
/// reach into earlier messages, unless there was a [`reset`](Self::reset) between them. What a
/// call gives goes to a closure, in pieces; before the first call, make sure that there is room
/// for [`bound`](Self::bound), as a message that was begun must be sent to its end.
pub(crate) struct WindowEncoder<M> {
    memory: M,
    /// The farthest that a match reaches back.
    window: usize,
    /// The end of the input in the buffer.
    filled: usize,
    /// The first byte that is not encoded yet.
    next: usize,
    /// The first byte that is not in the table; 0 only as long as the table is empty, since the
    /// history never shrinks to nothing.
    inserted: usize,
    /// The position in the stream of the first byte in the buffer, modulo 2^16.
    base: u16,
    /// Bits that were encoded but are not a byte yet.
    partial: Partial,
    /// Whether the stream stands in a block with the fixed codes; if not, at a byte boundary.
    in_block: bool,
}

impl<M: Memory> WindowEncoder<M> {
    /// An encoder with a window of 2^`bits`, for 8 to 15, or of what the memory can hold.
    pub(crate) fn new(mut memory: M, bits: u8) -> Self {
        let (bytes, _) = memory.parts();
        let window = window_size(bits).min(bytes.len().saturating_sub(MIN_PENDING));
        Self {
            memory,
            window,
            filled: 0,
            next: 0,
            inserted: 0,
            base: 0,
            partial: Partial::default(),
            in_block: false,
        }
    }

    /// The most bytes that can come out for `length` bytes of input up to the end of a message,
    /// those included that are still [`pending`](Self::pending).
    ///
    /// Every chunk costs at most its bytes and five more, the header of a stored block: that is
    /// how the choice is made, with the cost of leaving a block with the fixed codes counted when
    /// it begins. The end of the message, with bits that remained, is no more than three.
    pub(crate) const fn bound(length: usize) -> usize {
        length.saturating_add(length.div_ceil(CHUNK) * (STORED_BITS / 8) + 3)
    }

    /// How many bytes of the message were written but not encoded yet.
    pub(crate) fn pending(&self) -> usize {
        self.filled - self.next
    }

    /// Takes the next part of a message.
    pub(crate) fn write(&mut self, mut input: &[u8], out: &mut dyn FnMut(&[u8])) {
        while !input.is_empty() {
            let (bytes, _) = self.memory.parts();
            let free = slice::tail_mut(bytes, self.filled);
            let count = free.len().min(input.len());
            let (now, later) = input.split_at(count);
            // A copy that cannot panic, as the optimizer sees.
            for (slot, byte) in free.iter_mut().zip(now) {
                *slot = *byte;
            }
            self.filled += count;
            input = later;
            if !input.is_empty() {
                self.encode(MIN_PENDING, out);
                self.slide();
            }
        }
    }

    /// Ends a message: an empty stored block without its last four bytes, 00 00 FF FF
    /// [RFC 7692 §7.2.1].
    pub(crate) fn flush(&mut self, out: &mut dyn FnMut(&[u8])) {
        self.encode(1, out);
        let mut writer = BitWriter::<8>::new(self.partial);
        self.leave_block(&mut writer);
        writer.stored_header();
        self.partial = hand_out(&mut writer, out);
    }

    /// Starts anew: what comes next is encoded as by a new encoder.
    ///
    /// Call it before a message without context, or after a message that was not sent as it was
    /// encoded. It clears the table, unless nothing was inserted since the last call.
    pub(crate) fn reset(&mut self) {
        if self.inserted > 0 {
            // What an old entry points to is looked at before it is believed, but it may be a match
            // that a new encoder does not find, as it has taken that position out for a copy.
            let (_, table) = self.memory.parts();
            table.fill([0; WAYS]);
        }
        self.filled = 0;
        self.next = 0;
        self.inserted = 0;
        self.base = 0;
        self.partial = Partial::default();
        self.in_block = false;
    }

    /// Encodes chunks as long as at least `minimum` bytes are pending.
    fn encode(&mut self, minimum: usize, out: &mut dyn FnMut(&[u8])) {
        while self.pending() >= minimum {
            self.encode_chunk(out);
        }
    }

    /// Encodes a chunk with the fixed codes, or stores it if that is shorter.
    fn encode_chunk(&mut self, out: &mut dyn FnMut(&[u8])) {
        let start = self.next;
        let mut writer = BitWriter::<STAGE>::new(self.partial);
        if !self.in_block {
            writer.fixed_header();
        }
        let before = writer.bit_len();
        self.next = self.put_symbols(&mut writer);
        let symbols = writer.bit_len() - before;
        let length = self.next - start;

        let fixed = if self.in_block { symbols } else { symbols + FIXED_BITS };
        if fixed <= 8 * length + STORED_BITS {
            self.in_block = true;
            self.partial = hand_out(&mut writer, out);
        } else {
            self.store(start, out);
        }
    }

    /// Puts the symbols of a chunk, and gives where it ends.
    ///
    /// A match waits for the next byte: if that one starts a better match, this byte becomes a
    /// literal.
    fn put_symbols(&mut self, writer: &mut BitWriter<STAGE>) -> usize {
        let (bytes, table) = self.memory.parts();
        let bytes = slice::head(bytes, self.filled);
        let (base, window, inserted) = (self.base, self.window, self.inserted);
        let mut finder = Finder { bytes, table, base, window, inserted };
        let mut at = self.next;
        let end = self.filled.min(at + CHUNK);
        let mut found = finder.find(at);
        while at < end {
            let next = if found.length < GOOD_LENGTH { finder.find(at + 1) } else { Match::NONE };
            if found.length > 0 && found.gain >= next.gain {
                writer.copy(found.length, found.distance);
                at += usize::from(found.length);
                finder.insert(at, found.distance);
                found = finder.find(at);
            } else {
                let Some(&byte) = bytes.get(at) else { break };
                writer.literal(byte);
                at += 1;
                found = next;
            }
        }
        self.inserted = finder.inserted;
        at
    }

    /// Stores the chunk from `start` to the first byte that is not encoded.
    fn store(&mut self, start: usize, out: &mut dyn FnMut(&[u8])) {
        let mut writer = BitWriter::<8>::new(self.partial);
        self.leave_block(&mut writer);
        let (bytes, _) = self.memory.parts();
        let chunk = bytes.get(start..self.next).unwrap_or_default();
        writer.stored_header();
        // Less than a chunk and the longest match.
        #[allow(clippy::cast_possible_truncation)]
        writer.stored_length(chunk.len() as u16);
        self.partial = hand_out(&mut writer, out);
        out(chunk);
    }

    /// Ends the block with the fixed codes, if the stream stands in one.
    fn leave_block(&mut self, writer: &mut BitWriter<8>) {
        if self.in_block {
            writer.end_of_block();
        }
        self.in_block = false;
    }

    /// Moves the window to the front of the buffer, and drops what is before it.
    fn slide(&mut self) {
        let old = self.next.saturating_sub(self.window);
        let (bytes, _) = self.memory.parts();
        let filled = slice::head_mut(bytes, self.filled);
        filled.copy_within(old.min(filled.len()).., 0);
        count_steps((self.filled - old) / size_of::<usize>());
        self.filled -= old;
        self.next -= old;
        self.inserted = self.inserted.saturating_sub(old);
        // Modulo 2^16.
        #[allow(clippy::cast_possible_truncation)]
        {
            self.base = self.base.wrapping_add(old as u16);
        }
    }
}

/// Gives the whole bytes to `out`, and the bits behind them back.
fn hand_out<const N: usize>(writer: &mut BitWriter<N>, out: &mut dyn FnMut(&[u8])) -> Partial {
    let (bytes, partial) = writer.finish();
    out(bytes);
    partial
}

/// An encoder with its memory inside is no larger than promised, on any target.
macro_rules! assert_size {
    ($($bits:literal: $limit:literal),*) => {
        $(const _: () = {
            type Inline = InlineMemory<{ bytes_for($bits) }, { buckets_for($bits) }>;
            assert!(size_of::<WindowEncoder<Inline>>() <= $limit);
        };)*
    };
}

assert_size!(8: 1072, 9: 2048, 10: 4096, 11: 6144, 12: 12288, 13: 24576, 14: 49152, 15: 98304);
