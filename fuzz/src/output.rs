//! The output of a run, with a limit that can be raised, and a reader of what was sent.

use sansocket::frame::{FrameHeader, Opcode};
use sansocket::{Bounded, Buffer};

/// An output that is full at `limit` bytes.
#[derive(Debug)]
pub struct Output {
    bytes: Vec<u8>,
    limit: usize,
}

impl Output {
    /// An empty output.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// All that was appended.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Makes room for exactly `room` more bytes.
    pub fn make_room(&mut self, room: usize) {
        self.limit = self.bytes.len() + room;
    }
}

impl Buffer for Output {
    type Room = Bounded;

    fn room(&self) -> usize {
        self.limit - self.bytes.len()
    }

    fn append(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room(), "more is written than there is room for");
        self.bytes.extend_from_slice(bytes);
    }
}

/// Checks that `sent` is whole frames, masked or not, as one side may send them: fragments in
/// order, at most one close frame, and no data behind it.
pub fn assert_frames(mut sent: &[u8], masked: bool) {
    let mut closed = false;
    let mut fragmented = false;
    while !sent.is_empty() {
        let (header, length) =
            FrameHeader::parse(sent).expect("a header that may be sent").expect("a whole header");
        assert_eq!(header.mask.is_some(), masked, "{header:?}");
        assert_eq!(header.rsv.bits(), 0, "{header:?}");
        let end = length + usize::try_from(header.payload_len).expect("a payload in memory");
        assert!(end <= sent.len(), "half a frame: {header:?}");
        match header.opcode {
            Opcode::Close => {
                assert!(!closed, "a second close frame");
                closed = true;
            }
            Opcode::Ping | Opcode::Pong => {}
            Opcode::Continuation => {
                assert!(fragmented && !closed, "{header:?}");
                fragmented = !header.fin;
            }
            Opcode::Text | Opcode::Binary => {
                assert!(!fragmented && !closed, "{header:?}");
                fragmented = !header.fin;
            }
        }
        sent = &sent[end..];
    }
}
