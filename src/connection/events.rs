//! The events in a chunk, lent one at a time.
//!
//! A step is decided by value ([`Step`], [`Source`]) while everything can change; only then is
//! the event borrowed from the place of its bytes.

use core::fmt;

use super::Connection;
use super::closing::Halt;
use super::receive::Source;
use super::receive::cursor::{Chunk, Cursor, sealed::Lent};
use super::receive::fast::AtHand;
use super::sender::Sender;
use super::status::{State, TransportAction};
use crate::buffer::Buffer;
use crate::error::Error;
use crate::event::Event;
use crate::input::{Input, InputMemory};
#[cfg(feature = "alloc")]
use crate::message::OwnedMessage;
use crate::message::{Message, MessageKind};
use crate::role::Role;
use crate::slice;
#[cfg(feature = "alloc")]
use crate::storage::Bytes;
use crate::storage::Storage;
use crate::utf8;

/// The events in a chunk, from [`Connection::receive`].
///
/// It is like an iterator whose items borrow from it: `while let Some((event, mut reply)) =
/// events.next()?`.
pub struct Events<'a, R: Role, S: Storage, C: Chunk, B: Buffer> {
    connection: &'a mut Connection<R, S>,
    cursor: Cursor<C::Lent>,
    out: &'a mut B,
}

/// An event, by value.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// The peer's head, which starts at `front` of the message memory; whether it is an upgrade.
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
    #[inline]
    pub(super) fn new(connection: &'a mut Connection<R, S>, chunk: C, out: &'a mut B) -> Self {
        Self { connection, cursor: Cursor::new(chunk.lend()), out }
    }

    /// Returns the next event, with a handle that can send while the event is borrowed.
    ///
    /// `None` means that the chunk contains no further event. Call this until then, also if
    /// [`remaining`](Self::remaining) is empty. Then write the output and follow
    /// [`Connection::transport`].
    ///
    /// `None` is also returned if the output is full ([`TransportAction::Write`]), and when the peer
    /// has broken the protocol and the output now ends with the close frame about it, or may still
    /// contain the one that was sent before ([`TransportAction::Close`]). So `?` behind this call never
    /// drops a connection before its last bytes could be written.
    ///
    /// # Errors
    ///
    /// The [`Error`] that the connection has failed with, once the output has what the peer is
    /// told about it. Every later call returns the same error.
    ///
    /// [`Error::Send`] if a client's source of randomness failed while an answer was due: nothing
    /// is changed, and the call can be repeated.
    #[allow(clippy::should_implement_trait, clippy::type_complexity)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<(Event<'_>, Sender<'_, R, S, B>)>, Error> {
        if self.connection.takes_byte(&mut self.cursor) {
            return Ok(None);
        }
        let (kind, start, length) = match self.connection.at_hand(&mut self.cursor) {
            AtHand::Message { kind, start, length } => (kind, start, length),
            AtHand::Nothing => return Ok(None),
            AtHand::Other => return self.next_step(),
        };
        let Self { connection, cursor, out } = self;
        let Connection { core, memory } = &mut **connection;
        match short_message(kind, slice::part(cursor.bytes(), start, length)) {
            Ok(event) => Ok(Some((event, Sender::beside(core, memory, *out)))),
            Err(invalid) => core.halted(Halt::Error(invalid.into()), *out),
        }
    }

    /// The next event of any kind.
    #[allow(clippy::type_complexity)]
    #[inline(never)]
    fn next_step(&mut self) -> Result<Option<(Event<'_>, Sender<'_, R, S, B>)>, Error> {
        let Some(step) = self.advance()? else {
            return Ok(None);
        };
        let Connection { core, memory } = &mut *self.connection;
        match memory.lend::<R>(step, self.cursor.bytes()) {
            Ok(event) => Ok(Some((event, Sender::beside(core, memory, self.out)))),
            Err(invalid) => core.halted(Halt::Error(invalid.into()), self.out),
        }
    }

    /// The next step.
    #[inline(always)]
    fn advance(&mut self) -> Result<Option<Step>, Error> {
        let Self { connection, cursor, out } = self;
        connection.core.blocked.receive = false;
        let before = cursor.at();
        let step = connection.step(cursor, *out);
        if cursor.at() != before {
            connection.core.touch();
        }
        match step {
            Ok(None) if C::Lent::WAITS => {
                let wanted = connection.core.wanted(cursor.rest().len());
                cursor.want(wanted);
                Ok(None)
            }
            Ok(step) => Ok(step),
            Err(halt) => connection.core.halted(halt, *out),
        }
    }

    /// Returns the next message as an owned one. It is moved if the connection has collected it on
    /// the heap, and copied if it is in the chunk. Other events are skipped.
    ///
    /// A request is skipped too, and waits for its answer: see
    /// [`Connection::request`](crate::Connection::request).
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    #[cfg(feature = "alloc")]
    pub fn next_message(&mut self) -> Result<Option<OwnedMessage>, Error> {
        loop {
            let step = match self.connection.at_hand(&mut self.cursor) {
                AtHand::Message { kind, start, length } => {
                    Step::Message(kind, Source::Chunk { start, length })
                }
                AtHand::Nothing => return Ok(None),
                AtHand::Other => match self.advance()? {
                    Some(step) => step,
                    None => return Ok(None),
                },
            };
            let Connection { core, memory } = &mut *self.connection;
            if let Step::Message(kind, Source::Message { .. }) = step {
                if let Some(message) = memory.message.take(kind) {
                    return Ok(Some(message));
                }
            }
            match memory.lend::<R>(step, self.cursor.bytes()) {
                Ok(Event::Message(message)) => return Ok(Some(message.into())),
                Ok(_) => {}
                Err(invalid) => return core.halted(Halt::Error(invalid.into()), self.out),
            }
        }
    }

    /// The bytes of the chunk that are not consumed yet. An [`Input`](crate::Input) keeps them; of a
    /// slice, pass them again before the bytes that are read next.
    ///
    /// After [`next`](Self::next) has returned `None` there are none, except in four cases: a request
    /// has to be answered first; the output is full; the opening handshake has ended without a
    /// connection, and they are the start of an HTTP body; the connection has failed, and they are
    /// of no use. In an [`Input`](crate::Input) a frame may wait as well.
    #[must_use]
    pub fn remaining(&self) -> &[u8] {
        self.cursor.rest()
    }

    /// The number of bytes that the connection has consumed of the chunk, or of an
    /// [`Input`](crate::Input), of its memory.
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.cursor.at()
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

    /// The state of the connection.
    #[must_use]
    pub fn state(&self) -> State {
        self.connection.core.state()
    }
}

impl<'a, R: Role, S: Storage, M: InputMemory, B: Buffer> Events<'a, R, S, &'a mut Input<M>, B> {
    /// The next event, for as long as everything is borrowed.
    #[allow(clippy::type_complexity)]
    #[inline]
    pub(super) fn into_next(mut self) -> Result<Option<(Event<'a>, Sender<'a, R, S, B>)>, Error> {
        if self.connection.takes_byte(&mut self.cursor) {
            return Ok(None);
        }
        let (kind, start, length) = match self.connection.at_hand(&mut self.cursor) {
            AtHand::Message { kind, start, length } => (kind, start, length),
            AtHand::Nothing => return Ok(None),
            AtHand::Other => return self.into_next_step(),
        };
        let Connection { core, memory } = self.connection;
        match short_message(kind, slice::part(self.cursor.into_chunk().into_bytes(), start, length))
        {
            Ok(event) => Ok(Some((event, Sender::beside(core, memory, self.out)))),
            Err(invalid) => core.halted(Halt::Error(invalid.into()), self.out),
        }
    }

    #[allow(clippy::type_complexity)]
    #[inline(never)]
    fn into_next_step(mut self) -> Result<Option<(Event<'a>, Sender<'a, R, S, B>)>, Error> {
        let Some(step) = self.advance()? else {
            return Ok(None);
        };
        let Connection { core, memory } = self.connection;
        match memory.lend::<R>(step, self.cursor.into_chunk().into_bytes()) {
            Ok(event) => Ok(Some((event, Sender::beside(core, memory, self.out)))),
            Err(invalid) => core.halted(Halt::Error(invalid.into()), self.out),
        }
    }
}

/// The event of a message whose text is not validated yet.
#[inline]
fn short_message(kind: MessageKind, bytes: &[u8]) -> Result<Event<'_>, utf8::Invalid> {
    Ok(Event::Message(match kind {
        MessageKind::Binary => Message::Binary(bytes),
        MessageKind::Text => Message::Text(utf8::whole(bytes)?),
    }))
}

impl<R: Role, S: Storage, C: Chunk, B: Buffer> fmt::Debug for Events<'_, R, S, C, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("connection", &*self.connection)
            .field("remaining", &self.remaining().len())
            .finish_non_exhaustive()
    }
}
