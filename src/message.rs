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

/// What [`Sender::send`](crate::Sender::send) takes: texts and bytes, lent or owned.
///
/// `str` and `String` are text messages; `[u8]`, `[u8; N]` and `Vec<u8>` are binary ones; so are
/// references to them.
pub trait AsMessage {
    /// The message.
    fn as_message(&self) -> Message<'_>;
}

impl<T: AsMessage + ?Sized> AsMessage for &T {
    #[inline]
    fn as_message(&self) -> Message<'_> {
        (**self).as_message()
    }
}

impl<T: AsMessage + ?Sized> AsMessage for &mut T {
    #[inline]
    fn as_message(&self) -> Message<'_> {
        (**self).as_message()
    }
}

impl AsMessage for Message<'_> {
    #[inline]
    fn as_message(&self) -> Message<'_> {
        *self
    }
}

impl AsMessage for str {
    #[inline]
    fn as_message(&self) -> Message<'_> {
        Message::Text(self)
    }
}

impl AsMessage for [u8] {
    #[inline]
    fn as_message(&self) -> Message<'_> {
        Message::Binary(self)
    }
}

impl<const N: usize> AsMessage for [u8; N] {
    #[inline]
    fn as_message(&self) -> Message<'_> {
        Message::Binary(self)
    }
}

#[cfg(feature = "alloc")]
impl AsMessage for String {
    #[inline]
    fn as_message(&self) -> Message<'_> {
        Message::Text(self)
    }
}

#[cfg(feature = "alloc")]
impl AsMessage for Vec<u8> {
    #[inline]
    fn as_message(&self) -> Message<'_> {
        Message::Binary(self)
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

/// A whole message that is owned, to be kept or sent to another task.
///
/// [`Events::next_message`](crate::Events::next_message) and
/// [`Connection::next_message`](crate::Connection::next_message) move it out of the connection
/// where they can.
///
/// ```
/// use sansocket::{Message, OwnedMessage};
///
/// let owned = OwnedMessage::from(Message::Text("hello"));
/// assert_eq!(owned.as_message(), Message::Text("hello"));
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OwnedMessage {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

#[cfg(feature = "alloc")]
impl OwnedMessage {
    /// The message as a lent one.
    #[must_use]
    pub fn as_message(&self) -> Message<'_> {
        match self {
            Self::Text(text) => Message::Text(text),
            Self::Binary(bytes) => Message::Binary(bytes),
        }
    }

    /// The payload; the bytes of the UTF-8 for a text. Nothing is copied.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

#[cfg(feature = "alloc")]
impl AsMessage for OwnedMessage {
    fn as_message(&self) -> Message<'_> {
        self.as_message()
    }
}

#[cfg(feature = "alloc")]
impl From<Message<'_>> for OwnedMessage {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.into()),
            Message::Binary(bytes) => Self::Binary(bytes.into()),
        }
    }
}

#[cfg(feature = "alloc")]
impl From<String> for OwnedMessage {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

#[cfg(feature = "alloc")]
impl From<Vec<u8>> for OwnedMessage {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

/// The place of a frame in its message [RFC 6455 §5.4].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fragment {
    /// The only frame of a message, which is not fragmented.
    Only(MessageKind),
    /// The first fragment of a message that has more of them.
    First(MessageKind),
    /// A fragment between the first and the last.
    Middle,
    /// The last fragment.
    Last,
}

impl Fragment {
    /// The kind of the message that starts with this frame.
    #[must_use]
    pub const fn kind(self) -> Option<MessageKind> {
        match self {
            Self::Only(kind) | Self::First(kind) => Some(kind),
            Self::Middle | Self::Last => None,
        }
    }

    /// Whether the message ends with this frame, which then has the FIN bit.
    #[must_use]
    pub const fn is_last(self) -> bool {
        matches!(self, Self::Only(_) | Self::Last)
    }
}

/// A part of a message, as it arrives with [`Delivery::Streaming`](crate::Delivery::Streaming).
///
/// Where the pieces are cut depends on the chunks; their concatenation and the order of the marks
/// do not. A piece may be empty when it only carries a mark. The text of a message is known to be
/// UTF-8 up to the end of the piece, except that the last character may continue in the next one.
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

impl Piece<'_> {
    /// The place that a frame with this piece has in a message that is made of the pieces.
    ///
    /// An echo or a proxy sends each piece as a fragment. A [`Fragment::Middle`] without data can be
    /// left out.
    #[must_use]
    pub const fn fragment(&self) -> Fragment {
        match (self.start, self.message_end) {
            (true, true) => Fragment::Only(self.kind),
            (true, false) => Fragment::First(self.kind),
            (false, false) => Fragment::Middle,
            (false, true) => Fragment::Last,
        }
    }
}
