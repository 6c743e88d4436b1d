//! Decompression [RFC 1951; RFC 7692 §7.2.2]: strict and streaming, in about 2 KiB of state beside
//! the window, without an allocator.
//!
//! The state is a value, so decoding stops and continues at any byte of input and of output:
//!
//! ```text
//!            ┌──────────────────── end of the block ────────────────────────┐
//!            ▼                                                              │
//!       BlockHeader ─┬─ 00 ─► StoredLength ─► Stored ───────────────────────┤
//!                    ├─ 01 ─► Fixed ────────────────────────────────────────┤
//!                    ├─ 10 ─► Counts ─► CodeLengths ─► Lengths ─► Dynamic ──┘
//!                    └─ 11 ─► Failed, as after any other error
//! ```
//!
//! What is invalid is what C zlib refuses, opened with exactly the window that was agreed on. What
//! was decoded before an error is given first, so it makes no difference how the input was cut.
//!
//! - [`bits`]: the input as a stream of bits
//! - [`tables`]: Huffman codes
//! - [`header`]: the codes of a dynamic block
//! - [`symbols`]: literals and matches one by one; [`fast`]: most of them
//! - [`window`]: where output goes, and matches come from

// Bits, symbols and lengths are cut to the types that the format bounds them to.
#![allow(clippy::cast_possible_truncation)]

mod bits;
mod fast;
mod header;
mod symbols;
mod tables;
#[cfg(all(test, feature = "alloc"))]
mod tests;
mod window;

use core::fmt;

use self::bits::{BitBuffer, Input};
use self::header::{Counts, Lengths};
use self::symbols::Codes;
use self::tables::Tables;
use self::window::{Match, Place};
use super::{DeflateError, Inflated, MAX_EMPTY, Refused, WindowBits};

#[cfg(feature = "alloc")]
pub(crate) use self::window::SLACK;

/// What comes next in the input.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The header of a block.
    BlockHeader,
    /// The length of a stored block.
    StoredLength,
    /// This many stored bytes.
    Stored(u16),
    /// The numbers of codes of a dynamic block.
    Counts,
    /// The lengths of its code length code.
    CodeLengths(Counts),
    /// The lengths of its other codes.
    Lengths(Lengths),
    /// Symbols of the fixed codes.
    Fixed,
    /// Symbols of the codes in the tables.
    Dynamic,
    /// Nothing: the input was refused.
    Failed(Refused),
}

/// Why decoding stopped without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// All of the input is used.
    Input,
    /// What comes next is output, and there is no room for it.
    Output,
}

/// Why the input is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Invalid(DeflateError),
    TooManyEmptyBlocks,
}

impl From<DeflateError> for Fault {
    fn from(error: DeflateError) -> Self {
        Self::Invalid(error)
    }
}

/// The decompressor of one direction of a connection, without the memory for its window.
///
/// If it is `SMALL` it has less code and no constant tables, and is slower.
pub(crate) struct Inflater<const SMALL: bool> {
    bits: BitBuffer,
    place: Place,
    state: State,
    /// The block is the last one of its stream.
    is_last: bool,
    /// The block has yielded nothing yet.
    is_empty: bool,
    pending: Match,
    /// How many bytes of the message's payload were taken.
    taken: u64,
    /// Where the last block ended that has yielded something, in bits of the message.
    filled: u64,
    tables: Tables,
}

impl<const SMALL: bool> Inflater<SMALL> {
    /// A decompressor with an empty window.
    pub(crate) const fn new(bits: WindowBits) -> Self {
        Self {
            bits: BitBuffer::EMPTY,
            place: Place::new(bits.size()),
            state: State::BlockHeader,
            is_last: false,
            is_empty: true,
            pending: Match::NONE,
            taken: 0,
            filled: 0,
            tables: Tables::EMPTY,
        }
    }

    /// Makes the window smaller; for a decompressor that has not begun.
    pub(crate) fn limit(&mut self, bits: WindowBits) {
        self.place.window = self.place.window.min(bits.size());
    }

    /// Decompresses some of `input` to up to `room` bytes: until all of it is taken, or there is no
    /// room, or a lap of the memory ends.
    ///
    /// `memory` must be what the last call left, and have as many bytes as the window, at least.
    ///
    /// # Errors
    ///
    /// [`Refused`], at each later call too. Output that comes before the error is given first.
    pub(crate) fn inflate(
        &mut self,
        memory: &mut [u8],
        input: &[u8],
        room: usize,
    ) -> Result<Inflated, Refused> {
        if let State::Failed(refused) = self.state {
            return Err(refused);
        }
        let start = self.place.at;
        let turn = self.place.turn(memory.len());
        let limit = start.saturating_add(room);
        let mut input = Input::new(input);
        let result = self.blocks(memory, turn, limit, &mut input);
        let consumed = input.consumed();
        self.taken += consumed as u64;
        let length = self.place.at - start;
        if self.place.at >= turn {
            self.place.lap = self.place.at;
            self.place.at = 0;
        }
        let more = match result {
            Ok(stop) => stop == Stop::Output,
            Err(fault) => {
                let refused = self.refuse(fault);
                if length == 0 {
                    return Err(refused);
                }
                // The next call gives the error.
                true
            }
        };
        Ok(Inflated { consumed, start, length, more })
    }

    /// Takes no more input: what comes next is wrong.
    #[cold]
    fn refuse(&mut self, fault: Fault) -> Refused {
        let refused = match fault {
            Fault::Invalid(reason) => Refused::Invalid { reason, offset: self.bit_position(0) / 8 },
            Fault::TooManyEmptyBlocks => Refused::EmptyBlocks,
        };
        self.state = State::Failed(refused);
        refused
    }

    /// How many bits of the message were decoded, if `consumed` bytes of the input were taken since
    /// `taken` was counted.
    fn bit_position(&self, consumed: usize) -> u64 {
        8 * (self.taken + consumed as u64) - u64::from(self.bits.count)
    }

    /// Whether the payload so far is all of a message, without the four bytes that the sender has
    /// left out [RFC 7692 §7.2.1].
    ///
    /// That is so if it ends before the length of a stored block, which these four bytes are, or
    /// if there is no payload. It is also so behind the last block of a stream, where nothing
    /// follows; RFC 7692 §7.2.3.4 wants a byte 00 there, which some senders leave out.
    pub(crate) fn is_complete(&self) -> bool {
        self.bits.count == 0
            && match self.state {
                State::StoredLength => true,
                State::BlockHeader => self.taken == 0 || self.is_last,
                _ => false,
            }
    }

    /// Ends a message whose payload was all taken, with the four bytes that the sender has left out
    /// unless it [is complete](Self::is_complete) without. With `takeover` the next message may
    /// refer to it.
    ///
    /// # Errors
    ///
    /// [`DeflateError::Truncated`] if the message ends within a block.
    pub(crate) fn end_message(&mut self, takeover: bool) -> Result<(), Refused> {
        let ends_block = matches!(self.state, State::BlockHeader) && self.bits.count == 0;
        if !ends_block && !self.is_complete() {
            return Err(self.refuse(DeflateError::Truncated.into()));
        }
        if !takeover {
            self.reset();
        }
        self.state = State::BlockHeader;
        self.is_last = false;
        self.taken = 0;
        self.filled = 0;
        Ok(())
    }

    /// Forgets all that was decompressed: the next message finds nothing of it.
    ///
    /// The memory need not be cleared, since nothing in it is older than the first lap.
    pub(crate) const fn reset(&mut self) {
        self.bits = BitBuffer::EMPTY;
        self.place = Place::new(self.place.window);
        self.state = State::BlockHeader;
        self.is_last = false;
        self.pending = Match::NONE;
        self.taken = 0;
        self.filled = 0;
    }

    /// Decodes blocks until the input ends, or there is output beyond `limit` or the end of the
    /// lap at `turn`.
    fn blocks(
        &mut self,
        memory: &mut [u8],
        turn: usize,
        limit: usize,
        input: &mut Input<'_>,
    ) -> Result<Stop, Fault> {
        loop {
            match self.state {
                State::BlockHeader => {
                    if !self.bits.has(3, input) {
                        return Ok(Stop::Input);
                    }
                    let header = self.bits.peek(3);
                    self.is_last = header & 1 != 0;
                    self.is_empty = true;
                    self.state = match header >> 1 {
                        0 => State::StoredLength,
                        1 => State::Fixed,
                        2 => State::Counts,
                        _ => return Err(DeflateError::BlockType.into()),
                    };
                    self.bits.skip(3);
                    if let State::StoredLength = self.state {
                        self.bits.align();
                    }
                }
                State::StoredLength => {
                    if !self.bits.has(32, input) {
                        return Ok(Stop::Input);
                    }
                    let (length, complement) = (self.bits.peek(16), self.bits.bits >> 16);
                    if length as u16 != !(complement as u16) {
                        return Err(DeflateError::StoredLength.into());
                    }
                    self.bits.skip(32);
                    self.is_empty = length == 0;
                    self.state = State::Stored(length as u16);
                }
                State::Stored(left) => {
                    let end = turn.min(limit);
                    let left = self.stored(left.into(), memory, end, input);
                    self.state = State::Stored(left as u16);
                    if left > 0 {
                        let is_full = self.place.at >= end;
                        return Ok(if is_full { Stop::Output } else { Stop::Input });
                    }
                    self.end_block(input)?;
                }
                State::Counts => match Counts::read(&mut self.bits, input)? {
                    Some(counts) => self.state = State::CodeLengths(counts),
                    None => return Ok(Stop::Input),
                },
                State::CodeLengths(mut counts) => {
                    let lengths = counts.read_code_lengths::<SMALL>(
                        &mut self.tables,
                        &mut self.bits,
                        input,
                    )?;
                    self.state = match lengths {
                        Some(lengths) => State::Lengths(lengths),
                        None => State::CodeLengths(counts),
                    };
                    if lengths.is_none() {
                        return Ok(Stop::Input);
                    }
                }
                State::Lengths(mut lengths) => {
                    if !lengths.read::<SMALL>(&mut self.tables, &mut self.bits, input)? {
                        self.state = State::Lengths(lengths);
                        return Ok(Stop::Input);
                    }
                    self.state = State::Dynamic;
                }
                State::Fixed | State::Dynamic => {
                    let codes = match self.state {
                        State::Fixed => Codes::Fixed,
                        _ => Codes::Dynamic,
                    };
                    let before = self.place.at;
                    let stop = self.symbols(codes, memory, turn, limit, input)?;
                    self.is_empty &= self.place.at == before;
                    if let Some(stop) = stop {
                        return Ok(stop);
                    }
                    self.end_block(input)?;
                }
                State::Failed(_) => return Ok(Stop::Input),
            }
        }
    }

    /// Ends a block.
    ///
    /// After the last block of a stream another may follow, from the next byte boundary on
    /// [RFC 7692 §7.2.3.4].
    fn end_block(&mut self, input: &Input<'_>) -> Result<(), Fault> {
        self.state = State::BlockHeader;
        if self.is_last {
            self.bits.align();
        }
        let position = self.bit_position(input.consumed());
        if !self.is_empty {
            self.filled = position;
        } else if position - self.filled > 8 * u64::from(MAX_EMPTY) {
            return Err(Fault::TooManyEmptyBlocks);
        }
        Ok(())
    }
}

impl<const SMALL: bool> fmt::Debug for Inflater<SMALL> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("window", &self.place.window)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

// The state is the memory of each connection on a microcontroller.
const _: () = assert!(size_of::<Inflater<true>>() <= 2304);
