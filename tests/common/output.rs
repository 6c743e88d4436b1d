//! An output over a `Vec` with a limit, in every set of features; it counts what is done to it.

use core::marker::PhantomData;

use sansocket::{Bounded, Buffer, Full, Growing, Room};

/// A buffer that grows, or with [`Bounded`] grows up to a limit. It checks that no more is appended
/// than there is room for.
#[derive(Debug)]
pub(crate) struct Output<R = Growing> {
    pub(crate) bytes: Vec<u8>,
    limit: usize,
    /// How often something was appended.
    pub(crate) appends: usize,
    room: PhantomData<R>,
}

impl<R> Clone for Output<R> {
    fn clone(&self) -> Self {
        let Self { ref bytes, limit, appends, room } = *self;
        Self { bytes: bytes.clone(), limit, appends, room }
    }
}

impl Output {
    pub(crate) fn unbounded() -> Self {
        Self::new(isize::MAX.unsigned_abs())
    }

    /// An output that has no room beyond `limit` bytes, though its type says that it grows.
    pub(crate) fn growing_up_to(limit: usize) -> Self {
        Self::new(limit)
    }
}

impl Output<Bounded> {
    /// An empty output for `limit` bytes.
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self::new(limit)
    }

    /// Makes the room `room`, whatever is in it.
    pub(crate) fn set_room(&mut self, room: usize) {
        self.limit = self.bytes.len() + room;
    }
}

impl<R> Output<R> {
    fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, appends: 0, room: PhantomData }
    }

    /// The bytes appended since the last call.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bytes)
    }
}

impl<R: Room> Buffer for Output<R> {
    type Room = R;

    fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes.len())
    }

    fn append(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room(), "{} bytes, room for {}", bytes.len(), self.room());
        self.bytes.extend_from_slice(bytes);
        self.appends += 1;
    }
}

/// Why a call sent nothing, with a full output among the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent<E> {
    Full(Full),
    Error(E),
}

/// The result of a call for any kind of output.
pub(crate) fn flat<B: Buffer, T, E>(
    result: Result<sansocket::Sent<B, T>, E>,
) -> Result<T, Unsent<E>> {
    B::Room::result(result.map_err(Unsent::Error)?).map_err(Unsent::Full)
}
