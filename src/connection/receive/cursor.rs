//! The bytes that were received, and how many of them are consumed.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use super::Source;
use crate::frame::MaskKey;
use crate::input::{Input, InputMemory, Marks};
use crate::slice;

/// What [`Connection::receive`](crate::Connection::receive) takes.
///
/// | chunk | what is not a whole message | payloads |
/// |---|---|---|
/// | `&mut Input` | long binary frames wait in the input, the rest is collected by the connection | unmasked in place and lent |
/// | `&mut [u8]`, `&mut [u8; N]`, `&mut Vec<u8>` | is collected by the connection | unmasked in place and lent |
/// | `&[u8]`, `&[u8; N]` | is collected by the connection | copied if they are masked |
///
/// The events, the bytes sent and the errors are the same for each. This trait is sealed.
pub trait Chunk: sealed::Chunk {
    #[doc(hidden)]
    type Lent: sealed::Lent;

    #[doc(hidden)]
    fn lend(self) -> Self::Lent;
}

/// What [`Events`](crate::Events) borrow of an [`Input`].
#[derive(Debug)]
pub struct InputChunk<'a> {
    bytes: &'a mut [u8],
    marks: &'a mut Marks,
}

pub(crate) mod sealed {
    pub trait Chunk {}

    /// Bytes that were received.
    pub trait Lent {
        /// Whether the bytes may be changed.
        const IN_PLACE: bool;

        /// Whether bytes that are not consumed stay for the next call.
        const WAITS: bool = false;

        fn bytes(&self) -> &[u8];

        /// The bytes to be changed; empty if they may not be.
        fn bytes_mut(&mut self) -> &mut [u8];

        /// The index of the first byte that is not consumed.
        #[inline]
        fn start(&self) -> usize {
            0
        }

        /// All bytes before the index `at` are consumed.
        #[inline]
        fn consume_to(&mut self, _at: usize) {}

        /// The frame that waits needs this many more bytes.
        #[inline]
        fn want(&mut self, _more: u64) {}

        /// Whether a payload of this length can wait.
        #[inline]
        fn can_hold(&self, _length: u64) -> bool {
            false
        }
    }
}

impl<M: InputMemory> sealed::Chunk for &mut Input<M> {}

impl<'a, M: InputMemory> Chunk for &'a mut Input<M> {
    type Lent = InputChunk<'a>;

    #[inline]
    fn lend(self) -> InputChunk<'a> {
        let (bytes, marks) = self.parts();
        InputChunk { bytes, marks }
    }
}

impl<'a> InputChunk<'a> {
    /// All of the bytes, for as long as they are lent.
    #[inline]
    pub(in crate::connection) fn into_bytes(self) -> &'a [u8] {
        self.bytes
    }
}

impl sealed::Lent for InputChunk<'_> {
    const IN_PLACE: bool = true;
    const WAITS: bool = true;

    #[inline]
    fn bytes(&self) -> &[u8] {
        self.bytes
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes
    }

    #[inline]
    fn start(&self) -> usize {
        self.marks.start
    }

    #[inline]
    fn consume_to(&mut self, at: usize) {
        self.marks.start = at;
    }

    #[inline]
    fn want(&mut self, more: u64) {
        self.marks.wanted = usize::try_from(more).unwrap_or(usize::MAX);
    }

    #[inline]
    fn can_hold(&self, length: u64) -> bool {
        length <= self.marks.limit
    }
}

impl sealed::Lent for &mut [u8] {
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

impl sealed::Lent for &[u8] {
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

macro_rules! slices {
    ($($(#[$attribute:meta])* [$($generic:tt)*] $chunk:ty => $lent:ty;)*) => { $(
        $(#[$attribute])*
        impl<'a, $($generic)*> sealed::Chunk for $chunk {}

        $(#[$attribute])*
        impl<'a, $($generic)*> Chunk for $chunk {
            type Lent = $lent;

            #[inline]
            fn lend(self) -> $lent {
                self
            }
        }
    )* };
}

slices! {
    [] &'a mut [u8] => &'a mut [u8];
    [] &'a [u8] => &'a [u8];
    [const N: usize] &'a mut [u8; N] => &'a mut [u8];
    [const N: usize] &'a [u8; N] => &'a [u8];
    #[cfg(feature = "alloc")]
    [] &'a mut Vec<u8> => &'a mut [u8];
    #[cfg(feature = "alloc")]
    [] &'a Vec<u8> => &'a [u8];
}

/// Received bytes and how many of them are consumed.
pub(in crate::connection) struct Cursor<C> {
    chunk: C,
    at: usize,
}

impl<C: sealed::Lent> Cursor<C> {
    #[inline]
    pub(in crate::connection) fn new(chunk: C) -> Self {
        let at = chunk.start();
        Self { chunk, at }
    }

    /// The bytes themselves, with those that are consumed.
    #[inline]
    pub(in crate::connection) fn bytes(&self) -> &[u8] {
        self.chunk.bytes()
    }

    #[inline]
    pub(in crate::connection) fn into_chunk(self) -> C {
        self.chunk
    }

    /// The index of the first byte that is not consumed.
    #[inline]
    pub(in crate::connection) fn at(&self) -> usize {
        self.at
    }

    /// The bytes that are not consumed yet.
    #[inline]
    pub(in crate::connection) fn rest(&self) -> &[u8] {
        slice::tail(self.chunk.bytes(), self.at)
    }

    /// The next `count` bytes, or all that there are.
    #[inline]
    pub(in crate::connection) fn peek(&self, count: usize) -> &[u8] {
        let rest = self.rest();
        rest.get(..count).unwrap_or(rest)
    }

    /// Consumes the next `count` bytes, which must be there.
    #[inline]
    pub(in crate::connection) fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.rest().len(), "more bytes consumed than there are");
        self.at += count;
        self.chunk.consume_to(self.at);
    }

    /// Consumes all that is left.
    pub(in crate::connection) fn discard(&mut self) {
        self.advance(self.rest().len());
    }

    /// Whether a payload with this key can be lent from where it is.
    #[inline]
    pub(super) const fn can_lend(key: Option<MaskKey>) -> bool {
        key.is_none() || C::IN_PLACE
    }

    /// Whether a payload of this length can wait where it is.
    #[inline]
    pub(super) fn can_hold(&self, length: u64) -> bool {
        self.chunk.can_hold(length)
    }

    /// The frame that waits needs this many more bytes.
    #[inline]
    pub(in crate::connection) fn want(&mut self, more: u64) {
        self.chunk.want(more);
    }

    /// The next bytes from the index `from` to `to`, unmasked where they are; `key` is the one for
    /// the index 0. Nothing is consumed.
    #[inline]
    pub(super) fn unmask(&mut self, from: usize, to: usize, key: Option<MaskKey>) -> &[u8] {
        let start = self.at + from;
        let length = to.saturating_sub(from);
        if let Some(key) = key {
            let bytes = slice::part_mut(self.chunk.bytes_mut(), start, length);
            key.advanced(from).apply(bytes);
        }
        slice::part(self.chunk.bytes(), start, length)
    }

    /// Consumes the next `count` bytes and leaves them, unmasked, where they are.
    #[inline]
    pub(in crate::connection) fn lend(&mut self, count: usize, key: Option<MaskKey>) -> Source {
        let start = self.at;
        self.unmask(0, count, key);
        self.advance(count);
        Source::Chunk { start, length: count }
    }
}
