//! What a storage needs of a codec: to decompress what is received, and to compress what is sent.

use super::{DeflateError, Refused, WindowBits};

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
pub(super) const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// The most bytes that `length` bytes can come to on the heap, flushed.
///
/// A backend chooses the best kind of each block, so none takes more than nine bits for a byte, as
/// the fixed codes may, beside its header. That has up to 300 bytes in a block of miniz_oxide that
/// it cannot store any more, which is one of more than 31 KiB; in any other it is a few, and
/// blocks are that long, but for those of zlib-rs, of 16 Ki symbols, and of [`window`](super::window), whose
/// bound is lower. What is left is for the last block and the flush.
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub(super) const fn bound(length: usize) -> usize {
    length.saturating_add(length / 8).saturating_add(length / 64).saturating_add(24)
}

/// A compressor with memory for its output, whoever has written it.
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub(crate) trait Deflating {
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

    /// Gives its memory back, as far as it can, and forgets what it has seen.
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
