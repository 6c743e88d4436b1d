//! An output over a `Vec` with a limit, in every set of features; it counts what is done to it.

use sansocket::Buffer;

/// A buffer that grows up to a limit and watches over the promise that no more is appended than
/// there is room for.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    limit: usize,
    /// How often something was appended.
    pub(crate) appends: usize,
}

impl Output {
    pub(crate) fn unbounded() -> Self {
        Self::with_limit(isize::MAX.unsigned_abs())
    }

    /// An empty output for `limit` bytes.
    pub(crate) fn with_limit(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, appends: 0 }
    }

    /// Makes the room `room`, whatever is in it.
    pub(crate) fn set_room(&mut self, room: usize) {
        self.limit = self.bytes.len() + room;
    }

    /// The bytes appended since the last call.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.bytes)
    }
}

impl Buffer for Output {
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.bytes.len())
    }

    fn append(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room(), "{} bytes, room for {}", bytes.len(), self.room());
        self.bytes.extend_from_slice(bytes);
        self.appends += 1;
    }
}
