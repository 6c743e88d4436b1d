//! Where outgoing bytes go: the caller's own buffer, behind the [`Buffer`] trait.

#[cfg(any(feature = "alloc", test))]
use alloc::vec::Vec;
use core::fmt;

use crate::error::SendError;
use crate::frame::MaskKey;

/// A place that outgoing bytes are appended to.
///
/// The connection asks for [`room`](Self::room) first and appends whole frames only, so a buffer
/// of fixed size never holds half a frame. `Vec<u8>` is a buffer (feature `alloc`), as are
/// [`SliceBuffer`] over borrowed memory and [`FixedBuffer`] with its own; a network stack's
/// transmit ring can be one directly.
pub trait Buffer {
    /// How many more bytes can be appended now.
    fn room(&self) -> usize;

    /// Appends `bytes`, of which there are at most [`room`](Self::room).
    fn append(&mut self, bytes: &[u8]);

    /// Appends `bytes` masked with `key`.
    ///
    /// The provided method masks block by block on the stack; a buffer whose memory is
    /// contiguous can do it in place.
    fn append_masked(&mut self, bytes: &[u8], key: MaskKey) {
        // A multiple of four, so that the key stands at the same phase before every block.
        let mut block = [0; 128];
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = key.copy(rest, &mut block);
            self.append(block.get(..length).unwrap_or_default());
            rest = rest.get(length..).unwrap_or_default();
        }
    }
}

impl<B: Buffer + ?Sized> Buffer for &mut B {
    fn room(&self) -> usize {
        (**self).room()
    }

    fn append(&mut self, bytes: &[u8]) {
        (**self).append(bytes);
    }

    fn append_masked(&mut self, bytes: &[u8], key: MaskKey) {
        (**self).append_masked(bytes, key);
    }
}

#[cfg(any(feature = "alloc", test))]
impl Buffer for Vec<u8> {
    #[inline]
    fn room(&self) -> usize {
        isize::MAX as usize - self.len()
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn append_masked(&mut self, bytes: &[u8], key: MaskKey) {
        key.extend(self, bytes);
    }
}

/// A [`Buffer`] over borrowed memory: a transmit ring's free part, a static array.
///
/// ```
/// use sansocket::{Buffer, SliceBuffer};
///
/// let mut memory = [0; 8];
/// let mut out = SliceBuffer::new(&mut memory);
/// out.append(b"abc");
/// assert_eq!((out.written(), out.room()), (&b"abc"[..], 5));
/// ```
pub struct SliceBuffer<'a> {
    memory: &'a mut [u8],
    written: usize,
}

impl<'a> SliceBuffer<'a> {
    /// An empty buffer with the room of `memory`.
    #[must_use]
    pub fn new(memory: &'a mut [u8]) -> Self {
        Self { memory, written: 0 }
    }

    /// The bytes appended so far.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.memory.get(..self.written).unwrap_or_default()
    }

    /// How many bytes were appended so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.written
    }

    /// Whether nothing was appended yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// The part of the memory that the next `length` bytes go to, counted as written.
    fn take(&mut self, length: usize) -> &mut [u8] {
        let start = self.written;
        let end = start.saturating_add(length).min(self.memory.len());
        self.written = end;
        self.memory.get_mut(start..end).unwrap_or_default()
    }
}

impl Buffer for SliceBuffer<'_> {
    fn room(&self) -> usize {
        self.memory.len() - self.written
    }

    fn append(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.room(), "more bytes than room() allows");
        let target = self.take(bytes.len());
        // A copy that cannot panic, as the optimizer sees.
        for (slot, byte) in target.iter_mut().zip(bytes) {
            *slot = *byte;
        }
    }

    fn append_masked(&mut self, bytes: &[u8], key: MaskKey) {
        debug_assert!(bytes.len() <= self.room(), "more bytes than room() allows");
        key.copy(bytes, self.take(bytes.len()));
    }
}

impl fmt::Debug for SliceBuffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SliceBuffer({} of {} bytes)", self.written, self.memory.len())
    }
}

/// A [`Buffer`] of `N` bytes with its own memory and no allocator.
///
/// ```
/// use sansocket::{Buffer, FixedBuffer};
///
/// let mut out = FixedBuffer::<8>::new();
/// out.append(b"abcdef");
/// out.consume(4); // the transport took four bytes
/// assert_eq!((out.as_slice(), out.room()), (&b"ef"[..], 6));
/// ```
#[derive(Clone, Default)]
pub struct FixedBuffer<const N: usize>(heapless::Vec<u8, N>);

impl<const N: usize> FixedBuffer<N> {
    /// An empty buffer.
    #[must_use]
    pub const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    /// The bytes not consumed yet.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Drops the first `count` bytes, which the transport has taken, and moves the rest forward.
    pub fn consume(&mut self, count: usize) {
        let count = count.min(self.0.len());
        self.0.rotate_left(count);
        self.0.truncate(self.0.len() - count);
    }

    /// Drops all bytes.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<const N: usize> Buffer for FixedBuffer<N> {
    fn room(&self) -> usize {
        N - self.0.len()
    }

    fn append(&mut self, bytes: &[u8]) {
        let fitted = self.0.extend_from_slice(bytes);
        debug_assert!(fitted.is_ok(), "more bytes than room() allows");
    }
}

impl<const N: usize> fmt::Debug for FixedBuffer<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FixedBuffer({} of {N} bytes)", self.0.len())
    }
}

/// Writes all of it or nothing: `write` runs once to be counted, then for good.
pub(crate) fn write_whole(
    out: &mut dyn Buffer,
    write: impl Fn(&mut dyn Buffer),
) -> Result<(), SendError> {
    check_room(out, measure(&write))?;
    write(out);
    Ok(())
}

/// How many bytes `write` appends.
pub(crate) fn measure(write: impl Fn(&mut dyn Buffer)) -> usize {
    let mut counter = Counter::default();
    write(&mut counter);
    counter.0
}

/// Whether `needed` more bytes fit.
#[inline]
pub(crate) fn check_room(out: &(impl Buffer + ?Sized), needed: usize) -> Result<(), SendError> {
    let room = out.room();
    if needed <= room { Ok(()) } else { Err(SendError::Full { needed, room }) }
}

/// Counts what would be appended, to know the room that a call needs before it writes.
#[derive(Default)]
struct Counter(usize);

impl Buffer for Counter {
    fn room(&self) -> usize {
        usize::MAX - self.0
    }

    fn append(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_buffer_masks_the_same_way() {
        let payload: Vec<u8> = (0..=250).cycle().take(1000).collect();
        let key = MaskKey::new([1, 2, 3, 4]);
        let mut expected = payload.clone();
        key.apply(&mut expected);

        for length in [0, 1, 127, 128, 129, 1000] {
            let payload = &payload[..length];
            let mut vec = vec![];
            vec.append_masked(payload, key);
            let mut memory = [0; 1000];
            let mut slice = SliceBuffer::new(&mut memory);
            slice.append_masked(payload, key);
            let mut fixed = FixedBuffer::<1000>::new();
            fixed.append_masked(payload, key);
            assert_eq!(vec, expected[..length]);
            assert_eq!(slice.written(), &expected[..length]);
            assert_eq!(fixed.as_slice(), &expected[..length]);
            assert_eq!((slice.room(), fixed.room()), (1000 - length, 1000 - length));
        }
    }

    #[test]
    fn a_fixed_buffer_keeps_what_was_not_consumed() {
        let mut buffer = FixedBuffer::<4>::new();
        buffer.append(b"abcd");
        buffer.consume(9);
        assert!(buffer.as_slice().is_empty());
    }
}
