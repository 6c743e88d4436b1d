//! Messages and their pieces [RFC 6455 §5.4, §5.6].

#[cfg(feature = "alloc")]
use alloc::{string::String, vec::Vec};

use crate::frame::Opcode;

/// Whether a message is text or binary [RFC 6455 §5.6].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Bytes whose meaning is the application's.
    Binary,
}

impl MessageKind {
    /// The opcode of the first frame of such a message.
    #[must_use]
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

/// A whole message, received or to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Message<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Whether it is text or binary.
    #[must_use]
    pub const fn kind(self) -> MessageKind {
        match self {
            Self::Text(_) => MessageKind::Text,
            Self::Binary(_) => MessageKind::Binary,
        }
    }

    /// The payload; the bytes of the UTF-8 for a text.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Message<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Binary(bytes)
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

#[cfg(feature = "alloc")]
impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

/// A part of a message, as it arrives with [`Delivery::Streaming`](crate::Delivery::Streaming).
///
/// Where the pieces are cut depends on the chunks; their concatenation and the order of the marks
/// do not. A piece may be empty when it only carries a mark. The text of a message is known to be
/// UTF-8 up to the end of the piece, save that the last character may go on in the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Piece<'a> {
    /// Whether the message is text or binary.
    pub kind: MessageKind,
    /// The bytes.
    pub data: &'a [u8],
    /// The message starts with this piece.
    pub start: bool,
    /// The frame ends with this piece.
    pub frame_end: bool,
    /// The message ends with this piece, and so does the frame.
    pub message_end: bool,
}
