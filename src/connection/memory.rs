//! The memory that events are lent from.

use super::events::Step;
use super::receive::Source;
use crate::deflate::Decompress;
use crate::event::Event;
use crate::frame::CloseFrame;
use crate::message::{Message, MessageKind, Piece};
use crate::role::Role;
use crate::slice;
use crate::storage::{Bytes, Storage};
use crate::utf8::{self, Invalid};

/// What events are lent from, apart from the caller's chunk.
pub(super) struct Memory<S: Storage> {
    /// The head of the opening handshake, then one message after the other.
    pub(super) message: S::Message,
    /// A control frame that arrived in parts, in the end the peer's close frame.
    pub(super) control: S::Control,
    /// The decompressor of received messages, with its window.
    pub(super) decompress: S::Decompress,
}

impl<S: Storage> Memory<S> {
    pub(super) fn new(decompress: S::Decompress) -> Self {
        Self { message: S::Message::default(), control: S::Control::default(), decompress }
    }

    /// The bytes of an event; `chunk` is all of the caller's chunk.
    #[inline]
    pub(super) fn bytes<'a>(&'a self, source: Source, chunk: &'a [u8]) -> &'a [u8] {
        match source {
            Source::Chunk { start, length } => slice::part(chunk, start, length),
            Source::Inflated { start, length } => {
                slice::part(self.decompress.memory(), start, length)
            }
            Source::Message { length } => slice::head(self.message.as_slice(), length),
            Source::Control => self.control.as_slice(),
        }
    }

    /// The event of a step; a text that was not validated as it arrived is validated here.
    #[inline]
    pub(super) fn lend<'a, R: Role>(
        &'a self,
        step: Step,
        chunk: &'a [u8],
    ) -> Result<Event<'a>, Invalid> {
        let bytes = |source: Source| self.bytes(source, chunk);
        Ok(match step {
            Step::Message(MessageKind::Binary, source) => {
                Event::Message(Message::Binary(bytes(source)))
            }
            Step::Message(MessageKind::Text, source) => {
                let known = match source {
                    Source::Message { .. } => self.message.as_text(),
                    _ => None,
                };
                Event::Message(Message::Text(known.map_or_else(|| utf8::whole(bytes(source)), Ok)?))
            }
            Step::Piece { kind, source, start, frame_end, message_end } => {
                let data = bytes(source);
                Event::Piece(Piece { kind, data, start, frame_end, message_end })
            }
            Step::Body(source) => Event::Body(bytes(source)),
            Step::Ping(source) => Event::Ping(bytes(source)),
            Step::Pong(source) => Event::Pong(bytes(source)),
            Step::Close => {
                Event::Close(CloseFrame::parse(self.control.as_slice()).unwrap_or_default())
            }
            Step::Head { upgrade, front } => {
                R::head_event(upgrade, slice::tail(self.message.as_slice(), front))
            }
        })
    }
}
