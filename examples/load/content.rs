//! The messages: one content for all, with a stamp at its front that tells them apart.
//!
//! So an echo is known to be that of the right message of the right connection, and neither side
//! of the comparison has to be kept while the message is under way.

use sansocket::{Message, MessageKind};

/// What the content repeats, as servers of prices and places send it.
const RECORD: &[u8] = br#"{"channel":"ticker","pair":"EUR/USD","bid":"1.08423","ask":"1.08425"},"#;

/// The digits of a stamp; so many as there are bits in a number, four a digit.
const STAMP: usize = 16;

/// How many bits of a stamp tell the message; the others tell the connection.
const MESSAGE_BITS: u32 = 44;

/// The messages of all connections.
pub(crate) struct Content {
    kind: MessageKind,
    bytes: Vec<u8>,
}

impl Content {
    /// Messages of `size` bytes.
    pub(crate) fn new(size: usize, text: bool) -> Self {
        let kind = if text { MessageKind::Text } else { MessageKind::Binary };
        Self { kind, bytes: RECORD.iter().copied().cycle().take(size).collect() }
    }

    /// The message with this number of a connection, to be sent.
    pub(crate) fn message(&mut self, connection: usize, number: u64) -> Message<'_> {
        self.stamp(connection, number);
        match self.kind {
            MessageKind::Text => Message::Text(
                core::str::from_utf8(&self.bytes).expect("the content and its stamp are ASCII"),
            ),
            MessageKind::Binary => Message::Binary(&self.bytes),
        }
    }

    /// Whether `echo` is the message with this number of a connection.
    pub(crate) fn is(&mut self, echo: Message<'_>, connection: usize, number: u64) -> bool {
        self.stamp(connection, number);
        echo.kind() == self.kind && echo.as_bytes() == self.bytes
    }

    /// Makes the content that of one message. The digits that differ most come first, in case it
    /// has no place for all.
    fn stamp(&mut self, connection: usize, number: u64) {
        let mut rest = number ^ ((connection as u64) << MESSAGE_BITS);
        for byte in self.bytes.iter_mut().take(STAMP) {
            *byte = b"0123456789abcdef"[(rest % 16) as usize];
            rest /= 16;
        }
    }
}
