//! The events in a chunk, lent one at a time.
//!
//! A step is decided by value ([`Step`], [`Source`]) while everything can change; only then is
//! the event borrowed from where its bytes are.

use core::fmt;

use super::chunk::{Chunk, Cursor, Source};
use super::{Connection, Reply};
use crate::buffer::Buffer;
use crate::close::{CloseFrame, State, TransportAction};
use crate::error::Error;
use crate::event::Event;
use crate::message::{Message, MessageKind, Piece};
use crate::role::Role;
use crate::storage::{Bytes, Storage};
use crate::utf8;

/// The events in a chunk, from [`Connection::receive`].
///
/// It is like an iterator whose items borrow from it: `while let Some((event, mut reply)) =
/// events.next()?`.
pub struct Events<'a, R: Role, S: Storage, C: Chunk, B: Buffer> {
    connection: &'a mut Connection<R, S>,
    cursor: Cursor<C>,
    out: &'a mut B,
}

/// What happened, by value.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// The peer's head, behind so many bytes of the message memory; whether it is an upgrade.
    Head {
        upgrade: bool,
        front: usize,
    },
    /// A piece of the body of a response that is not an upgrade.
    Body(Source),
    Message(MessageKind, Source),
    Piece {
        kind: MessageKind,
        source: Source,
        start: bool,
        frame_end: bool,
        message_end: bool,
    },
    Ping(Source),
    Pong(Source),
    Close,
}

impl<'a, R: Role, S: Storage, C: Chunk, B: Buffer> Events<'a, R, S, C, B> {
    pub(super) fn new(connection: &'a mut Connection<R, S>, chunk: C, out: &'a mut B) -> Self {
        Self { connection, cursor: Cursor::new(chunk), out }
    }

    /// The next event, with a handle that can send while the event is borrowed; `None` when the
    /// rest of the chunk, if any, holds no further one for now.
    ///
    /// Call it until it gives `None`, also when [`remaining`](Self::remaining) is empty already:
    /// an error, or the last thing to be answered, may still be due.
    ///
    /// # Errors
    ///
    /// The failure of the connection, now and at every later call, what has to be sent about it
    /// being in the output; or [`Error::Blocked`] when an answer does not fit the output: nothing
    /// is lost, and the call can be repeated, on these events or with
    /// [`remaining`](Self::remaining) on new ones.
    #[allow(clippy::should_implement_trait, clippy::type_complexity)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<(Event<'_>, Reply<'_, R, S, B>)>, Error> {
        let Some((kind, start, length)) = self.connection.message_at_hand(&mut self.cursor) else {
            if self.connection.takes_byte(&mut self.cursor) {
                return Ok(None);
            }
            return self.next_step();
        };
        let Self { connection, cursor, out } = self;
        let Connection { core, memory } = &mut **connection;
        let bytes = cursor.part(start, length);
        let message = match kind {
            MessageKind::Binary => Message::Binary(bytes),
            MessageKind::Text => match utf8::whole(bytes) {
                Ok(text) => Message::Text(text),
                Err(invalid) => return Err(core.fail(invalid.into(), *out)),
            },
        };
        Ok(Some((Event::Message(message), Reply { core, memory, out: *out })))
    }

    /// The next event, whatever it is.
    #[allow(clippy::type_complexity)]
    #[inline(never)]
    fn next_step(&mut self) -> Result<Option<(Event<'_>, Reply<'_, R, S, B>)>, Error> {
        let Self { connection, cursor, out } = self;
        let before = cursor.consumed();
        let step = connection.step(cursor, *out);
        if cursor.consumed() != before {
            connection.core.timers.hear();
        }
        let Some(step) = step? else {
            return Ok(None);
        };
        let Connection { core, memory } = &mut **connection;
        let memory = &*memory;
        let bytes = |source: Source| memory.bytes(source, cursor);
        let event = match step {
            Step::Message(MessageKind::Binary, source) => {
                Event::Message(Message::Binary(bytes(source)))
            }
            Step::Message(MessageKind::Text, source) => {
                let known = match source {
                    Source::Message { .. } => memory.message.as_text(),
                    _ => None,
                };
                match known.map_or_else(|| utf8::whole(bytes(source)), Ok) {
                    Ok(text) => Event::Message(Message::Text(text)),
                    Err(invalid) => return Err(core.fail(invalid.into(), *out)),
                }
            }
            Step::Piece { kind, source, start, frame_end, message_end } => {
                let data = bytes(source);
                Event::Piece(Piece { kind, data, start, frame_end, message_end })
            }
            Step::Body(source) => Event::Body(bytes(source)),
            Step::Ping(source) => Event::Ping(bytes(source)),
            Step::Pong(source) => Event::Pong(bytes(source)),
            Step::Close => {
                Event::Close(CloseFrame::parse(memory.control.as_slice()).unwrap_or_default())
            }
            Step::Head { upgrade, front } => {
                R::head_event(upgrade, memory.message.as_slice().get(front..).unwrap_or_default())
            }
        };
        Ok(Some((event, Reply { core, memory, out: *out })))
    }

    /// The bytes of the chunk that are not consumed yet.
    ///
    /// After [`next`](Self::next) has given `None` that is nothing, unless a frame waits with
    /// [`Delivery::InPlace`](crate::Delivery::InPlace), a request has to be answered first, or the
    /// opening handshake has ended without a connection: then they belong to the body of a request,
    /// or to nothing. Those of a connection that has failed are of no use.
    #[must_use]
    pub fn remaining(&self) -> &[u8] {
        self.cursor.rest()
    }

    /// How many bytes are missing behind [`remaining`](Self::remaining) until there is something to
    /// do about it; 0 if nothing waits there, as always but with
    /// [`Delivery::InPlace`](crate::Delivery::InPlace).
    ///
    /// It goes by the header as far as it has come: up to a frame of
    /// [`Config::max_frame`](crate::Config::max_frame), of which not a byte may ever come, so let a
    /// buffer grow with what has come. Fewer bytes can be passed all the same, as those are whom a
    /// peer that is slow is heard by ([`Config::idle_timeout`](crate::Config::idle_timeout)) and
    /// a text validated.
    ///
    #[cfg_attr(feature = "alloc", doc = "```")]
    #[cfg_attr(not(feature = "alloc"), doc = "```ignore")]
    /// use sansocket::{Config, Connection, Delivery, Event, Negotiated, Server};
    ///
    /// let config = Config::new().delivery(Delivery::InPlace);
    /// let mut connection = Connection::established(Server, Negotiated::new(), config);
    /// let (mut buffer, mut out) = (Vec::new(), Vec::new());
    /// // A masked "Hello" [RFC 6455 §5.7], as it might come in three reads.
    /// for (read, wanted) in [
    ///     (&[0x81][..], 1),
    ///     (&[0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f], 4),
    ///     (&[0x9f, 0x4d, 0x51, 0x58], 0),
    /// ] {
    ///     buffer.extend_from_slice(read);
    ///     let mut events = connection.receive(&mut buffer[..], &mut out);
    ///     while let Some((event, mut reply)) = events.next()? {
    ///         if let Event::Message(message) = event {
    ///             reply.send(message).expect("the output grows");
    ///         }
    ///     }
    ///     assert_eq!(events.wanted(), wanted);
    ///     let consumed = events.consumed();
    ///     buffer.drain(..consumed);
    /// }
    /// assert_eq!(out, b"\x81\x05Hello");
    /// # Ok::<(), sansocket::Error>(())
    /// ```
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.connection.core.wanted(self.remaining())
    }

    /// How many bytes of the chunk are consumed.
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.cursor.consumed()
    }

    /// The output, with all that was appended to it.
    pub fn out(&mut self) -> &mut B {
        self.out
    }

    /// What to do about the transport now.
    #[must_use]
    pub fn transport(&self) -> TransportAction {
        self.connection.core.transport()
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.connection.core.state()
    }
}

impl<R: Role, S: Storage, C: Chunk, B: Buffer> fmt::Debug for Events<'_, R, S, C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("connection", &*self.connection)
            .field("consumed", &self.consumed())
            .field("remaining", &self.remaining().len())
            .finish_non_exhaustive()
    }
}
