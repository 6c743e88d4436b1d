//! Where received bytes wait until they are consumed.

#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};
use core::fmt;

use crate::slice;

/// The size of the memory that is allocated first.
#[cfg(feature = "alloc")]
const FIRST: usize = 16 << 10;

/// The least space for a read where memory can grow.
#[cfg(feature = "alloc")]
const LEAST: usize = 4 << 10;

/// The least space for a read where memory cannot grow, before bytes are moved.
#[cfg(not(feature = "alloc"))]
const LEAST: usize = 1;

/// How much memory is kept between messages by default.
const RETAIN: usize = 64 << 10;

macro_rules! input {
    ($($default:tt)*) => {
        /// Received bytes, and the space for more.
        ///
        /// ```text
        ///  consumed │ unread() │ space()
        /// ```
        ///
        /// Read into [`space`](Self::space), call [`fill`](Self::fill) with the number of bytes that
        /// were read, and pass the input to [`Connection::receive`](crate::Connection::receive).
        /// Bytes that are not consumed stay here, also if the [`Events`](crate::Events) are dropped
        /// early. Pass the same input to the same connection as long as bytes are unread.
        ///
        /// `M` is the memory: `Vec<u8>`, which grows, `&mut [u8]` or `[u8; N]`.
        ///
        /// - The first allocation is 16 KiB. Memory grows with the bytes that have arrived, to at
        ///   most twice their number and 4 KiB, and never because a header declares a length.
        /// - A long binary message in one frame waits here until it is whole and is lent from here
        ///   without a copy, if it fits the memory. So `Vec<u8>` grows up to
        ///   [`Config::max_frame`](crate::Config::max_frame).
        /// - Unread bytes are moved at most once for each time that the memory is filled, so the
        ///   work is linear however the stream is cut.
        /// - While nothing is unread, [`retain`](Self::retain) bounds the memory that is kept, and
        ///   [`release`](Self::release) gives all of it back.
        pub struct Input<M $($default)*> {
            memory: M,
            end: usize,
            retain: usize,
            marks: Marks,
        }
    };
}

#[cfg(feature = "alloc")]
input!(= Vec<u8>);
#[cfg(not(feature = "alloc"))]
input!();

/// What a connection writes down about the bytes while they are lent.
#[derive(Debug)]
pub(crate) struct Marks {
    /// The index of the first byte that is not consumed.
    pub(crate) start: usize,
    /// How many bytes the frame that waits still needs.
    pub(crate) wanted: usize,
    /// The longest payload that can wait.
    pub(crate) limit: u64,
}

/// The memory of an [`Input`]: `Vec<u8>`, `&mut [u8]` or `[u8; N]`.
///
/// This trait is sealed.
pub trait InputMemory: sealed::Memory {}

pub(crate) mod sealed {
    pub trait Memory {
        fn bytes(&self) -> &[u8];

        fn bytes_mut(&mut self) -> &mut [u8];

        /// The longest payload that can wait here.
        fn limit(&self) -> u64 {
            self.bytes().len() as u64
        }

        /// Changes the length, with the bytes from `start` to `end` at the front; returns false and
        /// changes nothing if the length is constant.
        fn resize(&mut self, _start: usize, _end: usize, _length: usize) -> bool {
            false
        }
    }
}

#[cfg(feature = "alloc")]
impl InputMemory for Vec<u8> {}

#[cfg(feature = "alloc")]
impl sealed::Memory for Vec<u8> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    #[inline]
    fn limit(&self) -> u64 {
        u64::MAX
    }

    fn resize(&mut self, start: usize, end: usize, length: usize) -> bool {
        // Zeroed memory from the allocator costs little, also where it is long.
        let mut resized = if length == 0 { Self::new() } else { vec![0; length] };
        let kept = slice::part(self, start, end - start);
        slice::copy(kept, &mut resized);
        *self = resized;
        true
    }
}

impl InputMemory for &mut [u8] {}

impl sealed::Memory for &mut [u8] {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl<const N: usize> InputMemory for [u8; N] {}

impl<const N: usize> sealed::Memory for [u8; N] {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

#[cfg(feature = "alloc")]
impl Input {
    /// An empty input, which allocates when [`space`](Self::space) is called.
    #[must_use]
    pub const fn new() -> Self {
        Self::with(Vec::new())
    }
}

#[cfg(feature = "alloc")]
impl Default for Input {
    fn default() -> Self {
        Self::new()
    }
}

impl<M> Input<M> {
    /// An empty input with this memory. All of it is space; of a `Vec<u8>` this is its length, not
    /// its capacity.
    ///
    /// ```
    /// use sansocket::Input;
    ///
    /// let mut input = Input::with([0; 512]);
    /// assert_eq!(input.space().len(), 512);
    /// ```
    #[must_use]
    pub const fn with(memory: M) -> Self {
        Self { memory, end: 0, retain: RETAIN, marks: Marks { start: 0, wanted: 0, limit: 0 } }
    }

    /// Sets how much memory to keep while nothing is unread, in bytes; the default is 64 KiB.
    ///
    /// Memory of up to twice this size is left alone, so that it does not shrink and grow in turn.
    /// Memory of constant size is not affected.
    #[must_use]
    pub fn retain(mut self, bytes: usize) -> Self {
        self.retain = bytes;
        self
    }
}

impl<M: InputMemory> Input<M> {
    /// The space to read into. A `Vec<u8>` has at least 4 KiB of it, and more if a long frame waits.
    ///
    /// Memory of constant size has no space if all of it is unread. Then a call of
    /// [`receive`](crate::Connection::receive) is due first: to take the events that are there, to
    /// answer a request, or to go on after the output was full.
    pub fn space(&mut self) -> &mut [u8] {
        if self.marks.start == self.end {
            (self.marks.start, self.end) = (0, 0);
        }
        let all = self.memory.bytes().len();
        let is_short = all - self.end < LEAST.max(self.marks.wanted);
        if is_short || self.end == 0 && all > self.retain.saturating_mul(2) {
            self.make_space();
        }
        slice::tail_mut(self.memory.bytes_mut(), self.end)
    }

    /// Moves the unread bytes to the front, or to more memory.
    ///
    /// Each move is paid for: as many bytes were consumed before, or the whole frame that waits
    /// fits afterwards, or the memory doubles.
    #[cold]
    fn make_space(&mut self) {
        let all = self.memory.bytes().len();
        let unread = self.end - self.marks.start;
        #[cfg(feature = "alloc")]
        if unread == 0 && (all < FIRST || all > self.retain.saturating_mul(2)) {
            let length = FIRST.max(self.retain.min(all));
            if length == all || self.memory.resize(0, 0, length) {
                return;
            }
        }
        let wanted = self.marks.wanted;
        let whole_fits = wanted > 0 && unread.saturating_add(wanted) <= all;
        let is_paid = self.marks.start >= unread || whole_fits && all - self.end < wanted;
        if self.marks.start > 0 && is_paid {
            self.move_to_front();
        }
        let free = all - self.end;
        let (enough, more) = match wanted {
            // Then as many bytes are consumed before the next move.
            0 => (LEAST, unread.saturating_add(LEAST)),
            _ => (wanted.min(LEAST), wanted.min(unread).max(LEAST)),
        };
        if free >= enough {
            return;
        }
        // By no more than has arrived already: what a header declares may never come. By no less
        // either, unless the frame is whole then, so that growing is linear.
        let length = unread.saturating_add(more);
        if self.memory.resize(self.marks.start, self.end, length) {
            (self.marks.start, self.end) = (0, unread);
        } else if free == 0 && self.marks.start > 0 {
            self.move_to_front();
        }
    }

    fn move_to_front(&mut self) {
        slice::move_to_front(self.memory.bytes_mut(), self.marks.start, self.end);
        (self.marks.start, self.end) = (0, self.end - self.marks.start);
    }

    /// Adds the first `count` bytes of [`space`](Self::space) to the unread bytes.
    ///
    /// A `count` beyond the space counts as all of it.
    #[inline]
    pub fn fill(&mut self, count: usize) {
        let all = self.memory.bytes().len();
        debug_assert!(count <= all - self.end, "filled with {count} bytes, more than the space");
        self.end = self.end.saturating_add(count).min(all);
        self.marks.wanted = self.marks.wanted.saturating_sub(count);
    }

    /// Copies `bytes` to the unread ones and returns how many fit: all of them in a `Vec<u8>`.
    ///
    /// For bytes that were read elsewhere. To read without this copy, read into
    /// [`space`](Self::space).
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            let space = self.space();
            let (now, later) = rest.split_at(rest.len().min(space.len()));
            if now.is_empty() {
                break;
            }
            slice::copy(now, space);
            self.fill(now.len());
            rest = later;
        }
        bytes.len() - rest.len()
    }

    /// Reads once from `source` into [`space`](Self::space) and returns the number of bytes; 0 is
    /// the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of `source`, and [`StorageFull`](std::io::ErrorKind::StorageFull) if memory of constant
    /// size has no space, which is not the end of the stream.
    #[cfg(feature = "std")]
    pub fn read_from(&mut self, source: &mut impl std::io::Read) -> std::io::Result<usize> {
        let space = self.space();
        if space.is_empty() {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let count = source.read(space)?;
        self.fill(count);
        Ok(count)
    }

    /// The bytes that are not consumed yet.
    ///
    /// The payload of a frame under way may be unmasked already, so these bytes are of use only to
    /// the connection that left them here. Two cases are different: after an opening handshake
    /// that ended without a connection, they are the start of an HTTP body, and before the first
    /// call of [`receive`](crate::Connection::receive) they are what was filled.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        slice::part(self.memory.bytes(), self.marks.start, self.end - self.marks.start)
    }

    /// The size of the memory, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.memory.bytes().len()
    }

    /// Gives back all memory that holds no unread bytes.
    ///
    /// Call it on a connection that is idle for a while; [`space`](Self::space) allocates again.
    /// Memory of constant size is not affected.
    pub fn release(&mut self) {
        let unread = self.end - self.marks.start;
        if self.memory.resize(self.marks.start, self.end, unread) {
            (self.marks.start, self.end) = (0, unread);
        }
    }

    /// The bytes up to the space, and what a connection writes down about them.
    #[inline]
    pub(crate) fn parts(&mut self) -> (&mut [u8], &mut Marks) {
        self.marks.limit = self.memory.limit();
        (slice::head_mut(self.memory.bytes_mut(), self.end), &mut self.marks)
    }
}

impl<M: InputMemory> fmt::Debug for Input<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("unread", &(self.end - self.marks.start))
            .field("capacity", &self.capacity())
            .finish()
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    #[test]
    fn small_frames_are_not_moved_at_each_read() {
        let mut input = Input::with(vec![0; 64 << 10]);
        let mut moved = 0;
        for _ in 0..10_000 {
            let end = input.end;
            input.space();
            moved += usize::from(input.end != end && input.end != 0);
            input.fill(1000);
            input.marks.start = input.end - 7; // a part of a frame is left
        }
        assert!(moved <= 10_000 / 55, "{moved} moves");
    }

    #[test]
    fn memory_grows_with_what_arrived_not_with_what_was_declared() {
        let mut input = Input::new();
        let (mut total, mut most) = (0, 0);
        while total < 1 << 20 {
            let space = input.space().len();
            assert!(total + space <= FIRST.max(2 * total), "{space} of space after {total}");
            let count = space.min(1000);
            input.fill(count);
            total += count;
            most = most.max(input.capacity());
            input.marks.wanted = 1 << 40;
        }
        assert!(most <= 2 << 20, "{most}");
        input.marks.start = input.end;
        input.marks.wanted = 0;
        input.space();
        assert_eq!(input.capacity(), 64 << 10);
        input.release();
        assert_eq!((input.capacity(), input.memory.capacity()), (0, 0));
    }

    #[test]
    fn constant_memory_has_its_free_bytes_as_space() {
        let mut input = Input::with([0; 16]);
        assert_eq!(input.push(&[7; 20]), 16);
        assert!(input.space().is_empty());
        input.marks.start = 10;
        assert_eq!(input.space().len(), 10);
        assert_eq!(input.unread(), [7; 6]);
    }

    #[test]
    fn short_memory_of_a_vec_still_has_space() {
        for length in [0, 1, 4096, 16_384] {
            let mut input = Input::with(vec![0; length]).retain(0);
            assert!(input.space().len() >= LEAST);
            assert_eq!(input.push(&vec![1; 100_000]), 100_000);
            assert_eq!(input.unread(), vec![1; 100_000]);
        }
    }
}
