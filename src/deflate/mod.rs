//! permessage-deflate [RFC 7692]: the parameters of the extension, and the codec behind it.

#[cfg(feature = "deflate")]
mod bits;
// Beside zlib-rs, it is what the tests compare that with.
#[cfg(all(feature = "deflate", feature = "alloc", any(not(feature = "zlib-rs"), test)))]
#[cfg_attr(feature = "zlib-rs", allow(dead_code))]
mod compress;
#[cfg(feature = "deflate")]
mod decompressor;
mod error;
#[cfg(feature = "deflate")]
mod fixed;
#[cfg(all(feature = "deflate", feature = "alloc"))]
mod heap;
#[cfg(feature = "deflate")]
mod inflate;
#[cfg(feature = "deflate")]
mod matches;
#[cfg(all(feature = "deflate", feature = "alloc"))]
mod shared;
#[cfg(feature = "deflate")]
mod window;
#[cfg(feature = "zlib-rs")]
mod zlib;

use core::fmt;

// The compressor of storages on the heap.
#[cfg(all(feature = "deflate", feature = "alloc", not(feature = "zlib-rs")))]
use self::compress::Compressor;
#[cfg(feature = "zlib-rs")]
use self::zlib::Compressor;

#[cfg(all(feature = "deflate", feature = "alloc"))]
pub(crate) use decompressor::HeapDecompress;
pub use error::DeflateError;
pub(crate) use error::{MAX_EMPTY, Refused};
#[cfg(feature = "deflate")]
pub use fixed::{Window, WindowSize};
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub(crate) use heap::HeapCompress;
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub use shared::{CodecPool, Codecs, Shared};
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub(crate) use shared::{SharedCompress, SharedDecompress};

/// The size of an LZ77 window as a power of two: 8 to 15 [RFC 7692 §7.1.2].
///
/// ```
/// use sansocket::WindowBits;
///
/// assert_eq!(WindowBits::new(9).map(WindowBits::size), Some(512));
/// assert_eq!(WindowBits::new(16), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes, the smallest window.
    pub const MIN: Self = Self(8);
    /// 32 KiB, the largest window, which is the default of the protocol.
    pub const MAX: Self = Self(15);

    /// The window of 2^`bits` bytes, `None` unless `bits` is 8 to 15.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The window of this size, if there is one.
    #[cfg(feature = "deflate")]
    pub(crate) const fn of_size(size: usize) -> Option<Self> {
        match size {
            0x100..=0x8000 if size.is_power_of_two() => Some(Self(size.ilog2().to_le_bytes()[0])),
            _ => None,
        }
    }

    /// The power of two.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The size of the window, in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        1 << self.0
    }
}

impl Default for WindowBits {
    fn default() -> Self {
        Self::MAX
    }
}

impl fmt::Debug for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WindowBits({})", self.0)
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What both sides agreed on for permessage-deflate [RFC 7692 §7.1].
///
/// The default is that of the protocol: context takeover and a window of 32 KiB in both
/// directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeflateParams {
    /// The server starts each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client starts each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The largest window that the server compresses with.
    pub server_max_window_bits: WindowBits,
    /// The largest window that the client compresses with.
    pub client_max_window_bits: WindowBits,
}

/// What one side wants of permessage-deflate, for [`Config::deflate`](crate::Config::deflate).
///
/// `incoming` is what the peer compresses, `outgoing` what this side does. The default asks for
/// nothing that costs ratio: context takeover and windows of 32 KiB both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Deflate {
    pub(crate) incoming: WindowBits,
    pub(crate) outgoing: WindowBits,
    pub(crate) incoming_takeover: bool,
    pub(crate) outgoing_takeover: bool,
    pub(crate) level: u8,
    pub(crate) threshold: u16,
}

impl Deflate {
    /// Context takeover and the largest windows, both ways.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            incoming: WindowBits::MAX,
            outgoing: WindowBits::MAX,
            incoming_takeover: true,
            outgoing_takeover: true,
            level: 6,
            threshold: 64,
        }
    }

    /// The largest window of messages that are received; the storage may set a lower bound.
    ///
    /// A server accepts only offers of clients that let their window be limited so.
    #[must_use]
    pub const fn incoming_window(mut self, bits: WindowBits) -> Self {
        self.incoming = bits;
        self
    }

    /// The largest window of messages that are sent; the storage may set a lower bound.
    #[must_use]
    pub const fn outgoing_window(mut self, bits: WindowBits) -> Self {
        self.outgoing = bits;
        self
    }

    /// Whether messages that are received may refer to those before; if not, no memory is needed
    /// for them between messages.
    #[must_use]
    pub const fn incoming_takeover(mut self, on: bool) -> Self {
        self.incoming_takeover = on;
        self
    }

    /// How hard to try with the largest window, from 1 to 9; smaller ones have one level.
    #[must_use]
    pub const fn level(mut self, level: u8) -> Self {
        self.level = match level {
            0 => 1,
            1..=9 => level,
            _ => 9,
        };
        self
    }

    /// From how many bytes on a message is compressed, unless the choice is made for it by
    /// [`Compression`]; of one that is sent in fragments, the first counts.
    #[must_use]
    pub const fn threshold(mut self, bytes: u16) -> Self {
        self.threshold = bytes;
        self
    }

    /// Whether messages that are sent refer to those before, where the peer lets them.
    #[must_use]
    pub const fn outgoing_takeover(mut self, on: bool) -> Self {
        self.outgoing_takeover = on;
        self
    }
}

impl Default for Deflate {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether to compress a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Compression {
    /// If it was negotiated, and the message, or the first of its fragments, is as long as
    /// [`Deflate::threshold`].
    #[default]
    Automatic,
    /// If it was negotiated.
    Always,
    /// In no case: for what is compressed already, or what must not share a window with secrets.
    Never,
}

/// How far a step of decompression has come.
#[derive(Clone, Copy, Debug)]
pub struct Inflated {
    /// How many bytes of the input it took.
    pub(crate) consumed: usize,
    /// Where in the memory its output starts.
    pub(crate) start: usize,
    /// How long its output is.
    pub(crate) length: usize,
    /// Whether it stopped before the end of the input: for lack of room, or at an error, which the
    /// next step gives.
    pub(crate) more: bool,
}

/// What a flush ends with; what is sent of a message goes without it at its end, not before
/// [RFC 7692 §7.2.1].
#[cfg(feature = "deflate")]
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// The most bytes that `length` bytes can come to on the heap, flushed.
///
/// A backend chooses the best kind of each block, so none takes more than nine bits for a byte, as
/// the fixed codes may, beside its header. That has up to 300 bytes in a block of miniz_oxide that
/// it cannot store any more, which is one of more than 31 KiB; in any other it is a few, and
/// blocks are that long, but for those of zlib-rs, of 16 Ki symbols, and of [`window`], whose
/// bound is lower. What is left is for the last block and the flush.
#[cfg(all(feature = "deflate", feature = "alloc"))]
const fn bound(length: usize) -> usize {
    length.saturating_add(length / 8).saturating_add(length / 64).saturating_add(24)
}

/// A compressor with memory for its output, whoever has written it.
#[cfg(all(feature = "deflate", feature = "alloc"))]
trait Deflating {
    /// Whether a compressor that was [`reset`](Self::reset) compresses every part as a new one
    /// does; if not, only the first.
    const IS_NEW_AFTER_RESET: bool;

    /// Compresses a part of a message that is not empty and flushes it, and returns whether that
    /// took no more than `limit` bytes and [`TAIL`].
    ///
    /// The output is complete in any case. If it is not sent, call [`reset`](Self::reset) before
    /// the next message.
    fn compress(&mut self, part: &[u8], limit: usize) -> bool;

    /// The last part, compressed, with [`TAIL`].
    fn output(&self) -> &[u8];

    /// Forgets the messages so far: the next one refers to none of them.
    fn reset(&mut self);

    /// Keeps memory for at most so many bytes of output.
    fn shrink(&mut self, retain: usize);

    /// Compresses a message that is not empty; if that makes it no shorter it is forgotten, since
    /// the peer will not see what the compressor has seen.
    fn compress_if_shorter(&mut self, message: &[u8]) -> Option<&[u8]> {
        if self.compress(message, message.len().saturating_sub(1)) {
            return self.output().strip_suffix(&TAIL);
        }
        self.reset();
        None
    }

    /// Compresses a fragment that is not empty, up to a byte boundary, to [`bound`] bytes at most.
    fn compress_fragment(&mut self, fragment: &[u8], last: bool) -> &[u8] {
        let fits = self.compress(fragment, bound(fragment.len()) - TAIL.len());
        debug_assert!(fits, "the bound holds for every input");
        let output = self.output();
        match output.strip_suffix(&TAIL) {
            Some(payload) if last => payload,
            _ => output,
        }
    }

    /// Ends a message; with `takeover` the next one may refer to it.
    fn end_message(&mut self, takeover: bool, retain: u32) {
        self.shrink(usize::try_from(retain).unwrap_or(usize::MAX));
        if !takeover {
            self.reset();
        }
    }
}

/// The decompressor of a storage.
pub trait Decompress {
    /// The largest window it can have, `None` if there is no decompressor.
    const WINDOW: Option<WindowBits>;

    /// Decompresses some of `input` to up to `room` bytes, with a window that is the same in every
    /// call. If it does not take all of the input, [`Inflated::more`] is set.
    fn inflate(&mut self, bits: WindowBits, input: &[u8], room: usize)
    -> Result<Inflated, Refused>;

    /// The memory that [`Inflated`] refers to.
    fn memory(&self) -> &[u8];

    /// Whether the message may end here without the bytes that its sender has left out.
    fn is_complete(&self) -> bool;

    /// Ends a message; with `takeover` the next one may refer to it.
    fn end_message(&mut self, takeover: bool) -> Result<(), Refused>;

    /// Gives its memory back.
    fn release(&mut self);
}

/// The compressor of a storage.
pub trait Compress {
    /// The largest window it can have, `None` if there is no compressor.
    const WINDOW: Option<WindowBits>;

    /// The most bytes that it puts into one frame of a fragmented message; 0 if it compresses
    /// none.
    const FRAME: usize;

    /// Compresses a message that is not empty with a window, level and takeover that are the same
    /// in every call; `None` if that made it no shorter.
    ///
    /// With `takeover`, later messages may refer to it.
    fn deflate(
        &mut self,
        bits: WindowBits,
        level: u8,
        takeover: bool,
        message: &[u8],
    ) -> Option<&[u8]>;

    /// The most bytes that a fragment of `length` bytes can come to, in all of its frames.
    fn fragment_bound(length: usize) -> usize;

    /// Compresses a fragment that is not empty, with the window and level of every call, to up to
    /// [`fragment_bound`](Self::fragment_bound) bytes.
    ///
    /// The payloads of its frames go to `frame`, with `true` for the last. Each has
    /// [`FRAME`](Self::FRAME) bytes, but for that, which may have fewer, and ends where what was
    /// compressed so far can be decompressed. Not to be called where `FRAME` is 0.
    fn deflate_fragment(
        &mut self,
        bits: WindowBits,
        level: u8,
        fragment: &[u8],
        last: bool,
        frame: impl FnMut(&[u8], bool),
    );

    /// Ends a message, or a fragment of one with `takeover`; with that, what comes next may refer
    /// to it.
    fn end_message(&mut self, takeover: bool, retain: u32);

    /// Gives its memory back.
    fn release(&mut self);
}

impl Decompress for () {
    const WINDOW: Option<WindowBits> = None;

    fn inflate(&mut self, _: WindowBits, _: &[u8], _: usize) -> Result<Inflated, Refused> {
        Err(Refused::Invalid { reason: DeflateError::BlockType, offset: 0 })
    }

    fn memory(&self) -> &[u8] {
        &[]
    }

    fn is_complete(&self) -> bool {
        true
    }

    fn end_message(&mut self, _: bool) -> Result<(), Refused> {
        Ok(())
    }

    fn release(&mut self) {}
}

impl Compress for () {
    const WINDOW: Option<WindowBits> = None;

    const FRAME: usize = 0;

    fn deflate(&mut self, _: WindowBits, _: u8, _: bool, _: &[u8]) -> Option<&[u8]> {
        None
    }

    fn fragment_bound(_: usize) -> usize {
        0
    }

    fn deflate_fragment(
        &mut self,
        _: WindowBits,
        _: u8,
        _: &[u8],
        _: bool,
        _: impl FnMut(&[u8], bool),
    ) {
    }

    fn end_message(&mut self, _: bool, _: u32) {}

    fn release(&mut self) {}
}
