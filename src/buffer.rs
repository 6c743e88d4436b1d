//! Where outgoing bytes go: the caller's own buffer, behind the [`Buffer`] trait.

#[cfg(any(feature = "alloc", test))]
use alloc::vec::Vec;
use core::fmt;

use crate::frame::MaskKey;
use crate::slice;

/// A place that outgoing bytes are appended to.
///
/// The connection asks for [`room`](Self::room) first and appends whole frames only, so a buffer
/// of constant size never contains half a frame. `Vec<u8>` is a buffer (feature `alloc`), as are
/// [`SliceBuffer`] over borrowed memory and [`FixedBuffer`] with its own. The transmit ring of a
/// network stack can be one directly.
pub trait Buffer {
    /// Whether the buffer can be full: [`Growing`] or [`Bounded`].
    ///
    /// This decides what a call returns that sends, see [`Sent`].
    type Room: Room
    where
        Self: Sized;

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
            self.append(slice::head(&block, length));
            rest = slice::tail(rest, length);
        }
    }
}

/// Whether a [`Buffer`] can be full: [`Growing`] or [`Bounded`].
///
/// This trait is sealed.
pub trait Room: sealed::Room {
    /// What a call returns that has written `T`: that, or `Result<T, Full>`.
    type Sent<T>;

    /// What a call has returned, as a `Result`, for code that is generic over the output.
    ///
    /// # Errors
    ///
    /// [`Full`], never for [`Growing`].
    fn result<T>(sent: Self::Sent<T>) -> Result<T, Full>;

    #[doc(hidden)]
    fn sent<T>(sent: T) -> Self::Sent<T>;

    #[doc(hidden)]
    fn full<T>(full: Full) -> Result<Self::Sent<T>, Full>;
}

mod sealed {
    pub trait Room {}
}

/// The [`Room`] of a buffer that grows as needed, such as `Vec<u8>`.
#[derive(Clone, Copy, Debug)]
pub enum Growing {}

impl sealed::Room for Growing {}

impl Room for Growing {
    type Sent<T> = T;

    #[inline]
    fn result<T>(sent: T) -> Result<T, Full> {
        Ok(sent)
    }

    #[inline]
    fn sent<T>(sent: T) -> T {
        sent
    }

    #[cold]
    fn full<T>(full: Full) -> Result<T, Full> {
        Err(full)
    }
}

/// The [`Room`] of a buffer that can be full.
#[derive(Clone, Copy, Debug)]
pub enum Bounded {}

impl sealed::Room for Bounded {}

impl Room for Bounded {
    type Sent<T> = Result<T, Full>;

    #[inline]
    fn result<T>(sent: Result<T, Full>) -> Result<T, Full> {
        sent
    }

    #[inline]
    fn sent<T>(sent: T) -> Result<T, Full> {
        Ok(sent)
    }

    #[cold]
    fn full<T>(full: Full) -> Result<Result<T, Full>, Full> {
        Ok(Err(full))
    }
}

/// What a call returns that has written `T` to the output `B`: `T` for an output that grows, and
/// `Result<T, Full>` for one that can be full.
///
/// A full output is no error: nothing is changed, and the same call succeeds once there is room.
/// So it is not among the errors that `?` passes on, and has to be looked at:
///
/// ```
/// use sansocket::{Config, Connection, Fixed, FixedBuffer, Full, Server};
///
/// let mut server = Connection::established_in(Fixed::<64>, Server, None, Config::new());
/// let mut out = FixedBuffer::<8>::new();
/// assert_eq!(server.sender(&mut out).send("Hello")?, Ok(()));
/// assert_eq!(server.sender(&mut out).send("Hello")?, Err(Full { needed: 7, room: 1 }));
/// out.consume(7); // the transport has taken the first frame
/// assert_eq!(server.sender(&mut out).send("Hello")?, Ok(()));
/// # Ok::<(), sansocket::SendError>(())
/// ```
pub type Sent<B, T = ()> = <<B as Buffer>::Room as Room>::Sent<T>;

/// The output does not have enough room. Nothing is changed, and the same call succeeds once it has.
///
/// 256 bytes are enough for everything except the caller's own messages, headers and bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Full {
    /// How much room the call needs, in bytes.
    pub needed: usize,
    /// How much there was, in bytes.
    pub room: usize,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes to write, the output has room for {}", self.needed, self.room)
    }
}

impl core::error::Error for Full {}

impl<B: Buffer> Buffer for &mut B {
    type Room = B::Room;

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

/// An output whose type is not known: it counts as one that can be full.
impl Buffer for &mut (dyn Buffer + '_) {
    type Room = Bounded;

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
    type Room = Growing;

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
        slice::head(self.memory, self.written)
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
    type Room = Bounded;

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
    type Room = Bounded;

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
) -> Result<(), Full> {
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
pub(crate) fn check_room(out: &(impl Buffer + ?Sized), needed: usize) -> Result<(), Full> {
    let room = out.room();
    if needed <= room { Ok(()) } else { Err(Full { needed, room }) }
}

/// Counts what would be appended, to know the room that a call needs before it writes.
#[derive(Default)]
struct Counter(usize);

impl Buffer for Counter {
    type Room = Growing;

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
