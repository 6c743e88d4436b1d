//! What was received: the caller's chunk, how far it is consumed, and the places that the bytes
//! of an event can be in.

use super::state::Memory;
use crate::deflate::Decompress;
use crate::frame::MaskKey;
use crate::storage::{Bytes, Storage};

/// What [`Connection::receive`](crate::Connection::receive) takes: `&mut [u8]`, which is unmasked
/// in place, or `&[u8]`.
///
/// This trait is sealed.
pub trait Chunk: sealed::Chunk {}

pub(super) mod sealed {
    pub trait Chunk {
        /// Whether the bytes may be changed.
        const IN_PLACE: bool;

        fn bytes(&self) -> &[u8];

        /// The bytes to be changed; empty if they may not be.
        fn bytes_mut(&mut self) -> &mut [u8];
    }
}

impl Chunk for &mut [u8] {}

impl sealed::Chunk for &mut [u8] {
    const IN_PLACE: bool = true;

    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Chunk for &[u8] {}

impl sealed::Chunk for &[u8] {
    const IN_PLACE: bool = false;

    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut []
    }
}

impl<const N: usize> Chunk for &mut [u8; N] {}

impl<const N: usize> sealed::Chunk for &mut [u8; N] {
    const IN_PLACE: bool = true;

    #[inline]
    fn bytes(&self) -> &[u8] {
        *self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        *self
    }
}

impl<const N: usize> Chunk for &[u8; N] {}

impl<const N: usize> sealed::Chunk for &[u8; N] {
    const IN_PLACE: bool = false;

    #[inline]
    fn bytes(&self) -> &[u8] {
        *self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut []
    }
}

/// A chunk and how many of its bytes are consumed.
pub(super) struct Cursor<C> {
    chunk: C,
    at: usize,
}

impl<C: Chunk> Cursor<C> {
    pub(super) fn new(chunk: C) -> Self {
        Self { chunk, at: 0 }
    }

    /// How many bytes are consumed.
    #[inline]
    pub(super) fn consumed(&self) -> usize {
        self.at
    }

    /// The bytes that are not consumed yet.
    #[inline]
    pub(super) fn rest(&self) -> &[u8] {
        self.chunk.bytes().get(self.at..).unwrap_or_default()
    }

    /// The next bytes, so many of them as there are.
    #[inline]
    pub(super) fn peek(&self, count: usize) -> &[u8] {
        let rest = self.rest();
        rest.get(..count).unwrap_or(rest)
    }

    /// Consumes bytes, of which there must be so many.
    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.rest().len(), "more bytes consumed than there are");
        self.at += count;
    }

    /// Consumes all that is left.
    pub(super) fn discard(&mut self) {
        self.at = self.chunk.bytes().len();
    }

    /// Whether a payload with this key can be lent from where it is.
    #[inline]
    pub(super) const fn can_lend(key: Option<MaskKey>) -> bool {
        key.is_none() || C::IN_PLACE
    }

    /// Bytes of the chunk, from an index, so many.
    #[inline]
    pub(super) fn part(&self, start: usize, length: usize) -> &[u8] {
        part(self.chunk.bytes(), start, length)
    }

    /// The next bytes from the index `from` to `to`, unmasked where they are; `key` is that at the
    /// index 0. Nothing is consumed.
    #[inline]
    pub(super) fn unmask(&mut self, from: usize, to: usize, key: Option<MaskKey>) -> &[u8] {
        let start = self.at.saturating_add(from);
        let length = to.saturating_sub(from);
        if let Some(key) = key {
            let rest = self.chunk.bytes_mut().get_mut(start..).unwrap_or_default();
            key.advanced(from).apply(rest.get_mut(..length).unwrap_or_default());
        }
        self.part(start, length)
    }

    /// Consumes the next bytes and leaves them, unmasked, where they are.
    #[inline]
    pub(super) fn lend(&mut self, count: usize, key: Option<MaskKey>) -> Source {
        let start = self.at;
        self.unmask(0, count, key);
        self.advance(count);
        Source::Chunk { start, length: count }
    }
}

/// Where the bytes of an event are, by value.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// In the chunk, from an index, so many.
    Chunk { start: usize, length: usize },
    /// At the start of the message memory, so many.
    Message { length: usize },
    /// All of the memory for control frames.
    Control,
    /// In the memory of the decompressor, from an index, so many.
    Inflated { start: usize, length: usize },
}

impl Source {
    /// The first `length` bytes of it.
    pub(super) fn shortened(self, length: usize) -> Self {
        match self {
            Self::Chunk { start, .. } => Self::Chunk { start, length },
            Self::Message { .. } => Self::Message { length },
            Self::Control => Self::Control,
            Self::Inflated { start, .. } => Self::Inflated { start, length },
        }
    }
}

impl<S: Storage> Memory<S> {
    /// The bytes of an event.
    #[inline]
    pub(super) fn bytes<'a, C: Chunk>(&'a self, source: Source, cursor: &'a Cursor<C>) -> &'a [u8] {
        match source {
            Source::Chunk { start, length } => cursor.part(start, length),
            Source::Inflated { start, length } => part(self.decompress.memory(), start, length),
            Source::Message { length } => self.message.as_slice().get(..length).unwrap_or_default(),
            Source::Control => self.control.as_slice(),
        }
    }
}

/// Bytes from an index, so many; none where there are not so many.
#[inline]
fn part(bytes: &[u8], start: usize, length: usize) -> &[u8] {
    bytes.get(start..).and_then(|rest| rest.get(..length)).unwrap_or_default()
}
