//! Bytes that wait: outgoing ones for the socket, incoming ones for the connection.

use std::mem;

use sansocket::{Buffer, Growing};

/// The most memory that [`Backlog::give_back`] keeps for others, in bytes.
const SPARE_LIMIT: usize = 1 << 20;

/// A queue of bytes, added at its end and taken from its front.
#[derive(Default)]
pub(crate) struct Backlog {
    bytes: Vec<u8>,
    /// How many bytes at the front are taken already.
    taken: usize,
}

impl Backlog {
    pub(crate) fn from_slice(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), taken: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much memory it has, in bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes[self.taken..]
    }

    /// Takes `count` bytes from the front.
    pub(crate) fn take(&mut self, count: usize) {
        self.taken += count;
        if self.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        }
    }

    /// Works with the memory of `spare` from now on, if it has none of its own.
    ///
    /// So that connections whose output the socket takes at once share one piece of memory.
    pub(crate) fn borrow(&mut self, spare: &mut Vec<u8>) {
        if self.bytes.capacity() == 0 {
            mem::swap(&mut self.bytes, spare);
        }
    }

    /// Gives memory that it does not need back to `spare`.
    pub(crate) fn give_back(&mut self, spare: &mut Vec<u8>) {
        // To copy half of some megabytes would take too long.
        if self.len() > self.bytes.capacity() / 4 {
            return;
        }
        let rest = self.as_slice().to_vec();
        let mut memory = mem::replace(&mut self.bytes, rest);
        self.taken = 0;
        if memory.capacity() <= SPARE_LIMIT && memory.capacity() > spare.capacity() {
            memory.clear();
            *spare = memory;
        }
    }
}

/// The output of a connection. It grows as needed, so its users have to keep it bounded.
impl Buffer for Backlog {
    type Room = Growing;

    fn room(&self) -> usize {
        self.bytes.room()
    }

    fn append(&mut self, bytes: &[u8]) {
        // Taken bytes are removed only once they are the greater part, so that the moving of the
        // others stays in proportion.
        if self.taken > self.bytes.len() / 2 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }
}
