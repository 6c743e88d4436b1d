//! The bytes that wait to be written to the socket.

use sansocket::frame::MaskKey;
use sansocket::{Buffer, Growing};

/// A queue of bytes: the connection appends at the end, the socket takes from the front.
#[derive(Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    /// How many of the bytes are written.
    written: usize,
}

impl Outgoing {
    /// How many bytes wait.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that wait.
    pub(crate) fn waiting(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Forgets the first `count` of the bytes that wait, which are written.
    pub(crate) fn advance(&mut self, count: usize) {
        self.written += count;
        // Moving the rest to the front only when it is the smaller half takes linear time.
        if self.written > self.bytes.len() / 2 {
            self.bytes.drain(..self.written);
            self.written = 0;
        }
    }

    /// Forgets the bytes that nobody will read.
    pub(crate) fn discard(&mut self) {
        self.bytes.clear();
        self.written = 0;
    }
}

impl Buffer for Outgoing {
    type Room = Growing;

    fn room(&self) -> usize {
        self.bytes.room()
    }

    fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn append_masked(&mut self, bytes: &[u8], key: MaskKey) {
        self.bytes.append_masked(bytes, key);
    }
}
