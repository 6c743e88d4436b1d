//! Receiving: what the bytes mean, one step at a time [RFC 6455 §5, §6.2].
//!
//! A step is decided by value ([`Step`], [`Source`]) while everything can change; only then is
//! the event borrowed from where its bytes are.

use core::fmt;

use super::{Connection, Core, Frame, Incoming, Lent, Payload, Phase, Reply};
use crate::buffer::{Buffer, write_whole};
use crate::close::{CloseFrame, State, Transport};
use crate::config::Delivery;
use crate::error::{Error, HandshakeError, ProtocolError};
use crate::event::Event;
use crate::frame::{FrameHeader, OpCode, Rsv};
use crate::handshake::{RequestHead, ResponseHead, Scan, Verdict, write_status};
use crate::message::{Message, MessageKind, Piece};
use crate::role::Role;
use crate::storage::{Bytes, NoRoom, Storage};
use crate::utf8;

/// What [`Connection::receive`] takes: `&mut [u8]`, unmasked in place, or `&[u8]`.
///
/// This trait is sealed.
pub trait Chunk: sealed::Chunk {}

mod sealed {
    pub trait Chunk {
        /// The bytes, if they may be changed.
        const IN_PLACE: bool;

        fn bytes(&self) -> &[u8];

        /// The bytes to be changed; empty if they may not be.
        fn bytes_mut(&mut self) -> &mut [u8];
    }
}

impl Chunk for &mut [u8] {}

impl sealed::Chunk for &mut [u8] {
    const IN_PLACE: bool = true;

    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl Chunk for &[u8] {}

impl sealed::Chunk for &[u8] {
    const IN_PLACE: bool = false;

    #[inline]
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut []
    }
}

impl<const N: usize> Chunk for &mut [u8; N] {}

impl<const N: usize> sealed::Chunk for &mut [u8; N] {
    const IN_PLACE: bool = true;

    fn bytes(&self) -> &[u8] {
        *self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        *self
    }
}

impl<const N: usize> Chunk for &[u8; N] {}

impl<const N: usize> sealed::Chunk for &[u8; N] {
    const IN_PLACE: bool = false;

    fn bytes(&self) -> &[u8] {
        *self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut []
    }
}

/// The events in a chunk, from [`Connection::receive`].
///
/// It is like an iterator whose items borrow from it: `while let Some((event, mut reply)) =
/// events.next()?`.
pub struct Events<'a, R: Role, S: Storage, C: Chunk, B: Buffer> {
    connection: &'a mut Connection<R, S>,
    chunk: C,
    /// How much of the chunk is consumed.
    at: usize,
    out: &'a mut B,
}

/// What happened, by value.
#[derive(Clone, Copy)]
enum Step {
    Request,
    Http,
    Open { head: usize },
    Refused { head: usize },
    Message(MessageKind, Source),
    Piece { kind: MessageKind, source: Source, start: bool, frame_end: bool, message_end: bool },
    Ping(Source),
    Pong(Source),
    Close,
}

/// Where the bytes of a step are.
#[derive(Clone, Copy)]
enum Source {
    /// In the chunk, from an index, so many.
    Chunk { start: usize, length: usize },
    /// At the start of the message memory, so many.
    Message { length: usize },
    /// In the memory for control frames.
    Control,
}

/// How a frame's payload went.
enum Flow {
    /// The chunk is used up.
    Starved,
    /// The frame is over, and there is nothing to tell.
    Next,
    Step(Step),
}

impl<'a, R: Role, S: Storage, C: Chunk, B: Buffer> Events<'a, R, S, C, B> {
    pub(super) fn new(connection: &'a mut Connection<R, S>, chunk: C, out: &'a mut B) -> Self {
        Self { connection, chunk, at: 0, out }
    }

    /// The next event, with a handle that can send while the event is borrowed; `None` when the
    /// rest of the chunk, if any, holds no further one for now.
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
        let Self { connection, chunk, at, out } = self;
        let Some(step) = connection.step(chunk, at, *out)? else {
            return Ok(None);
        };
        let Connection { core, message, control, note } = &mut **connection;
        let (message, control) = (message.as_slice(), control.as_slice());
        let bytes = |source| match source {
            Source::Chunk { start, length } => {
                chunk.bytes().get(start..).and_then(|rest| rest.get(..length)).unwrap_or_default()
            }
            Source::Message { length } => message.get(..length).unwrap_or_default(),
            Source::Control => control,
        };
        let event = match step {
            Step::Message(MessageKind::Binary, source) => {
                Event::Message(Message::Binary(bytes(source)))
            }
            Step::Message(MessageKind::Text, source) => match utf8::whole(bytes(source)) {
                Ok(text) => Event::Message(Message::Text(text)),
                Err(invalid) => {
                    let error = Error::InvalidUtf8 { offset: invalid.offset };
                    return Err(core.fail(error, *out));
                }
            },
            Step::Piece { kind, source, start, frame_end, message_end } => {
                let data = bytes(source);
                Event::Piece(Piece { kind, data, start, frame_end, message_end })
            }
            Step::Ping(source) => Event::Ping(bytes(source)),
            Step::Pong(source) => Event::Pong(bytes(source)),
            Step::Close => Event::Close(CloseFrame::parse(control).unwrap_or_default()),
            Step::Request => Event::Request(RequestHead::new(message)),
            Step::Http => Event::Http(RequestHead::new(message)),
            Step::Open { head } => {
                Event::Open(ResponseHead::new(message.get(head..).unwrap_or_default()))
            }
            Step::Refused { head } => {
                Event::Refused(ResponseHead::new(message.get(head..).unwrap_or_default()))
            }
        };
        Ok(Some((event, Reply { core, note, out: *out })))
    }

    /// The bytes of the chunk that are not consumed yet.
    ///
    /// After [`next`](Self::next) has given `None` that is nothing, unless a request has to be
    /// answered first or the opening handshake has ended without a connection, when they belong
    /// to the body of the HTTP message. Those of a connection that has failed are of no use.
    #[must_use]
    pub fn remaining(&self) -> &[u8] {
        self.chunk.bytes().get(self.at..).unwrap_or_default()
    }

    /// How many bytes of the chunk are consumed.
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.at
    }

    /// The output, with all that was appended to it.
    pub fn out(&mut self) -> &mut B {
        self.out
    }

    /// What to do about the transport now.
    #[must_use]
    pub fn transport(&self) -> Transport {
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
            .field("consumed", &self.at)
            .field("remaining", &self.remaining().len())
            .finish_non_exhaustive()
    }
}

impl<R: Role, S: Storage> Connection<R, S> {
    /// Consumes up to the next thing to tell.
    #[inline]
    fn step<C: Chunk, B: Buffer>(
        &mut self,
        chunk: &mut C,
        at: &mut usize,
        out: &mut B,
    ) -> Result<Option<Step>, Error> {
        self.core.settle(out)?;
        self.forget_lent();
        match self.core.phase {
            Phase::Open => self.frames(chunk, at, out),
            _ => self.handshake(chunk, at, out),
        }
    }

    /// A step of the opening handshake.
    #[inline(never)]
    fn handshake<C: Chunk, B: Buffer>(
        &mut self,
        chunk: &mut C,
        at: &mut usize,
        out: &mut B,
    ) -> Result<Option<Step>, Error> {
        match self.core.phase {
            Phase::Head { .. } => match self.head(chunk, at) {
                Ok(step) => Ok(step),
                Err(error) => Err(self.core.fail(error, out)),
            },
            Phase::Plain { deferred: false, .. } => {
                write_whole(out, |out| write_status(426, "WebSocket upgrade required", out))
                    .map_err(Error::Blocked)?;
                self.core.phase = Phase::Over;
                Ok(None)
            }
            Phase::Plain { .. } | Phase::Request | Phase::Over | Phase::Open => Ok(None),
        }
    }

    /// Collects the head up to its end and judges it.
    fn head<C: Chunk>(&mut self, chunk: &C, at: &mut usize) -> Result<Option<Step>, Error> {
        let max_headers = self.core.config.max_headers;
        let max_head = self.core.config.max_head;
        while let Phase::Head { scan, protocols } = &mut self.core.phase {
            let protocols = *protocols;
            let rest = chunk.bytes().get(*at..).unwrap_or_default();
            // As many bytes as the limit leaves room for, so that a head is judged alike however
            // much comes with it.
            let limit = (max_head as usize).saturating_add(protocols).min(S::Message::LIMIT);
            let room = limit.saturating_sub(self.message.as_slice().len());
            let rest = rest.get(..room).unwrap_or(rest);
            let end = scan.feed(rest, max_headers).map_err(Error::Handshake)?;
            let part = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            self.message
                .append(part, limit as u64)
                .map_err(|NoRoom(length)| Error::OutOfMemory { length })?;
            *at += part.len();
            if end.is_none() {
                if part.len() == room {
                    return Err(Error::Handshake(HandshakeError::HeadTooLong { limit: max_head }));
                }
                return Ok(None);
            }

            let (asked, head) = self.message.as_slice().split_at(protocols);
            let verdict =
                self.core.role.judge(asked, head, max_headers).map_err(Error::Handshake)?;
            self.core.lent = Lent::Head;
            return Ok(Some(match verdict {
                Verdict::Upgrade => {
                    self.core.phase = Phase::Request;
                    Step::Request
                }
                Verdict::Plain { head } => {
                    self.core.phase = Phase::Plain { to_head: head, deferred: false };
                    Step::Http
                }
                Verdict::Switched => {
                    self.core.open();
                    Step::Open { head: protocols }
                }
                Verdict::Refused => {
                    self.core.phase = Phase::Over;
                    Step::Refused { head: protocols }
                }
                Verdict::Interim => {
                    self.core.lent = Lent::Nothing;
                    self.core.phase = Phase::Head { scan: Scan::default(), protocols };
                    self.message.truncate(protocols);
                    continue;
                }
            }));
        }
        Ok(None)
    }

    /// Consumes frames up to the next thing to tell.
    #[inline]
    fn frames<C: Chunk, B: Buffer>(
        &mut self,
        chunk: &mut C,
        at: &mut usize,
        out: &mut B,
    ) -> Result<Option<Step>, Error> {
        loop {
            if self.core.closing.received {
                // What follows a close frame is nobody's [RFC 6455 §5.5.1].
                *at = chunk.bytes().len();
                return Ok(None);
            }
            let payload = match self.core.incoming.frame {
                Frame::Payload(payload) => payload,
                Frame::Header { .. } => {
                    let rest = chunk.bytes().get(*at..).unwrap_or_default();
                    match self.core.header(rest) {
                        Ok((consumed, payload)) => {
                            *at += consumed;
                            let Some(payload) = payload else {
                                return Ok(None);
                            };
                            if payload.opcode.is_control() {
                                self.control.truncate(0);
                            }
                            payload
                        }
                        Err(error) => return Err(self.core.fail(error, out)),
                    }
                }
            };
            let flow = if payload.opcode.is_control() {
                self.control_payload(payload, chunk, at, out)
            } else {
                match self.core.config.delivery {
                    Delivery::Whole => self.whole(payload, chunk, at),
                    Delivery::Streaming => self.streaming(payload, chunk, at),
                }
            };
            match flow {
                Ok(Flow::Step(step)) => return Ok(Some(step)),
                Ok(Flow::Next) => {}
                Ok(Flow::Starved) => return Ok(None),
                Err(error @ Error::Blocked(_)) => return Err(error),
                Err(error) => return Err(self.core.fail(error, out)),
            }
        }
    }

    /// The payload of a control frame: collected if it comes in parts, then acted on.
    fn control_payload<C: Chunk, B: Buffer>(
        &mut self,
        payload: Payload,
        chunk: &mut C,
        at: &mut usize,
        out: &mut B,
    ) -> Result<Flow, Error> {
        let available = chunk.bytes().len() - *at;
        // At most 125, as the header was checked.
        let left = usize::try_from(payload.left).unwrap_or(usize::MAX);
        if available < left {
            self.collect_control(payload, chunk, at, available)?;
            return Ok(Flow::Starved);
        }

        // Whatever cannot be answered is not consumed either.
        let total = self.control.as_slice().len() + left;
        let answer = match payload.opcode {
            OpCode::Ping if self.core.config.auto_pong => Some(total),
            OpCode::Close if self.core.config.auto_close && !self.core.closing.sent => Some(2),
            _ => None,
        };
        let ticket = match answer {
            Some(length) => Some(self.core.reserve_frame(length, out).map_err(Error::Blocked)?),
            None => None,
        };

        let mut source = Source::Control;
        let keep = payload.opcode == OpCode::Close || total != left;
        if keep || (payload.key.is_some() && !C::IN_PLACE) {
            self.collect_control(payload, chunk, at, left)?;
        } else {
            source = unmask_in_place(payload, chunk, at, left);
        }
        self.core.incoming.frame = Frame::NONE;
        let bytes = match source {
            Source::Chunk { start, length } => {
                chunk.bytes().get(start..start + length).unwrap_or_default()
            }
            _ => self.control.as_slice(),
        };
        Ok(Flow::Step(match payload.opcode {
            OpCode::Ping => {
                if let Some(ticket) = ticket {
                    ticket.write(OpCode::Pong, true, bytes, out);
                }
                Step::Ping(source)
            }
            OpCode::Pong => Step::Pong(source),
            _ => {
                let frame = CloseFrame::parse(bytes)?;
                let closing = &mut self.core.closing;
                closing.received = true;
                closing.received_code = frame.code();
                if let Some(ticket) = ticket {
                    let code = frame.code().map(|code| code.get().to_be_bytes());
                    let code = code.as_ref().map_or(&[][..], |code| code);
                    ticket.write(OpCode::Close, true, code, out);
                    closing.sent = true;
                    closing.sent_code = frame.code();
                }
                self.core.timers.restart();
                Step::Close
            }
        }))
    }

    /// Moves `take` bytes of a control frame to its memory.
    fn collect_control<C: Chunk>(
        &mut self,
        mut payload: Payload,
        chunk: &C,
        at: &mut usize,
        take: usize,
    ) -> Result<(), Error> {
        let part = chunk.bytes().get(*at..).and_then(|rest| rest.get(..take)).unwrap_or_default();
        self.control
            .append_unmasked(part, payload.key, crate::frame::MAX_CONTROL_PAYLOAD as u64)
            .map_err(|NoRoom(length)| Error::OutOfMemory { length })?;
        *at += take;
        payload.advance(take);
        self.core.incoming.frame = Frame::Payload(payload);
        Ok(())
    }

    /// The payload of a data frame, for whole messages.
    #[inline]
    fn whole<C: Chunk>(
        &mut self,
        mut payload: Payload,
        chunk: &mut C,
        at: &mut usize,
    ) -> Result<Flow, Error> {
        let incoming = &mut self.core.incoming;
        let kind = incoming.kind();
        let (take, complete) = payload.available(chunk.bytes().len() - *at);
        let alone = complete && payload.fin && incoming.length == 0;
        self.core.timers.note_data();
        if alone && (payload.key.is_none() || C::IN_PLACE) {
            let source = unmask_in_place(payload, chunk, at, take);
            *incoming = Incoming::NONE;
            return Ok(Flow::Step(Step::Message(kind, source)));
        }

        let part = chunk.bytes().get(*at..).and_then(|rest| rest.get(..take)).unwrap_or_default();
        let start = self.message.as_slice().len();
        self.message
            .append_unmasked(part, payload.key, self.core.config.max_message)
            .map_err(|NoRoom(length)| Error::OutOfMemory { length })?;
        *at += take;
        // A message that is alone is validated when it is borrowed.
        if kind == MessageKind::Text && !alone {
            let text = self.message.as_slice().get(start..).unwrap_or_default();
            incoming.feed_text(text).map_err(|invalid| invalid.error())?;
        }
        incoming.length += take as u64;
        payload.advance(take);
        if !complete {
            incoming.frame = Frame::Payload(payload);
            return Ok(Flow::Starved);
        }
        incoming.frame = Frame::NONE;
        if !payload.fin {
            return Ok(Flow::Next);
        }
        if let Some(offset) = incoming.text.unfinished(incoming.length) {
            return Err(Error::InvalidUtf8 { offset });
        }
        *incoming = Incoming::NONE;
        self.core.lent = Lent::Message;
        let length = self.message.as_slice().len();
        Ok(Flow::Step(Step::Message(kind, Source::Message { length })))
    }

    /// The payload of a data frame, piece by piece.
    fn streaming<C: Chunk>(
        &mut self,
        mut payload: Payload,
        chunk: &mut C,
        at: &mut usize,
    ) -> Result<Flow, Error> {
        let incoming = &mut self.core.incoming;
        let kind = incoming.kind();
        let in_place = payload.key.is_none() || C::IN_PLACE;
        let mut available = chunk.bytes().len() - *at;
        if !in_place {
            available = available.min(S::Message::LIMIT.max(1));
        }
        let (take, complete) = payload.available(available);
        if take == 0 && !complete {
            return Ok(Flow::Starved);
        }
        self.core.timers.note_data();
        let source = if in_place {
            unmask_in_place(payload, chunk, at, take)
        } else {
            let rest = chunk.bytes().get(*at..).unwrap_or_default();
            self.message
                .append_unmasked(rest.get(..take).unwrap_or_default(), payload.key, take as u64)
                .map_err(|NoRoom(length)| Error::OutOfMemory { length })?;
            self.core.lent = Lent::Message;
            *at += take;
            Source::Message { length: take }
        };

        let mut invalid = None;
        if kind == MessageKind::Text {
            let text = match source {
                Source::Chunk { start, length } => {
                    chunk.bytes().get(start..start + length).unwrap_or_default()
                }
                _ => self.message.as_slice(),
            };
            invalid = incoming.feed_text(text).err();
        }
        incoming.length += take as u64;
        payload.advance(take);
        incoming.frame = if complete { Frame::NONE } else { Frame::Payload(payload) };
        let message_end = complete && payload.fin;
        if message_end && invalid.is_none() {
            let unfinished = incoming.text.unfinished(incoming.length);
            invalid = unfinished.map(|offset| utf8::Invalid { offset, at: take });
        }
        let start = !incoming.started;
        let Some(invalid) = invalid else {
            incoming.started = true;
            if message_end {
                *incoming = Incoming::NONE;
            }
            let piece = Step::Piece { kind, source, start, frame_end: complete, message_end };
            return Ok(Flow::Step(piece));
        };
        // Up to the bad byte the text is handed out, as it would be had it come byte by byte.
        if invalid.at == 0 {
            return Err(invalid.error());
        }
        self.core.fail_later(invalid.error());
        let source = source.shortened(invalid.at);
        let piece = Step::Piece { kind, source, start, frame_end: false, message_end: false };
        Ok(Flow::Step(piece))
    }
}

/// Consumes `take` bytes of a payload where they are.
#[inline]
fn unmask_in_place<C: Chunk>(
    payload: Payload,
    chunk: &mut C,
    at: &mut usize,
    take: usize,
) -> Source {
    let start = *at;
    if let Some(key) = payload.key {
        let rest = chunk.bytes_mut().get_mut(start..).unwrap_or_default();
        key.apply(rest.get_mut(..take).unwrap_or_default());
    }
    *at += take;
    Source::Chunk { start, length: take }
}

impl Source {
    /// The first `length` bytes of it.
    fn shortened(self, length: usize) -> Self {
        match self {
            Self::Chunk { start, .. } => Self::Chunk { start, length },
            Self::Message { .. } => Self::Message { length },
            Self::Control => Self::Control,
        }
    }
}

impl Payload {
    /// How many of the bytes at hand belong to the payload, and whether that is all of it.
    #[inline]
    fn available(&self, at_hand: usize) -> (usize, bool) {
        match usize::try_from(self.left) {
            Ok(left) if left <= at_hand => (left, true),
            _ => (at_hand, false),
        }
    }

    /// Goes on behind `count` bytes.
    #[inline]
    fn advance(&mut self, count: usize) {
        self.left -= count as u64;
        self.key = self.key.map(|key| key.advanced(count));
    }
}

impl utf8::Invalid {
    fn error(self) -> Error {
        Error::InvalidUtf8 { offset: self.offset }
    }
}

impl Incoming {
    /// The kind of the message under way.
    #[inline]
    fn kind(&self) -> MessageKind {
        // A data frame's payload is never reached without: its header sets it.
        self.message.unwrap_or(MessageKind::Binary)
    }

    /// Validates the next bytes of a text message.
    #[inline]
    fn feed_text(&mut self, text: &[u8]) -> Result<(), utf8::Invalid> {
        self.text.feed(text, self.length)
    }
}

impl<R: Role> Core<R> {
    /// Reads a header from the bytes at hand, or goes on with one that was cut.
    ///
    /// Gives how many bytes it took, and the payload that follows once the header is whole.
    #[inline]
    fn header(&mut self, rest: &[u8]) -> Result<(usize, Option<Payload>), Error> {
        let Frame::Header { mut bytes, length } = self.incoming.frame else {
            return Ok((0, None));
        };
        if length == 0 {
            if let Some((header, consumed)) = self.parse_header(rest)? {
                return Ok((consumed, Some(self.begin(&header)?)));
            }
        }
        let had = usize::from(length);
        let mut have = had;
        for (slot, byte) in bytes.iter_mut().skip(had).zip(rest) {
            *slot = *byte;
            have += 1;
        }
        let head = bytes.get(..have).unwrap_or_default();
        if let Some((header, end)) = self.parse_header(head)? {
            return Ok((end.saturating_sub(had), Some(self.begin(&header)?)));
        }
        // At most 13, since 14 bytes are a whole header.
        let length = u8::try_from(have).unwrap_or(u8::MAX);
        self.incoming.frame = Frame::Header { bytes, length };
        Ok((have - had, None))
    }

    /// Parses a header with the checks that depend on what came before it.
    #[inline]
    fn parse_header(&self, bytes: &[u8]) -> Result<Option<(FrameHeader, usize)>, Error> {
        FrameHeader::parse_checked(
            bytes,
            |_, rsv, opcode| {
                if rsv != Rsv::NONE {
                    return Err(Error::Protocol(ProtocolError::ReservedBits(rsv)));
                }
                match (opcode, self.incoming.message) {
                    (OpCode::Continuation, None) => {
                        Err(Error::Protocol(ProtocolError::UnexpectedContinuation))
                    }
                    (OpCode::Text | OpCode::Binary, Some(_)) => {
                        Err(Error::Protocol(ProtocolError::ExpectedContinuation(opcode)))
                    }
                    _ => Ok(()),
                }
            },
            |masked| match masked {
                _ if masked == R::SERVER => Ok(()),
                true => Err(Error::Protocol(ProtocolError::Masked)),
                false => Err(Error::Protocol(ProtocolError::Unmasked)),
            },
        )
    }

    /// Begins a frame: checks its length against the limits.
    #[inline]
    fn begin(&mut self, header: &FrameHeader) -> Result<Payload, Error> {
        let &FrameHeader { fin, opcode, mask, payload_len, .. } = header;
        let payload = Payload { opcode, fin, key: mask, left: payload_len };
        if !opcode.is_control() {
            let limit = self.config.max_frame;
            if payload_len > limit {
                return Err(Error::FrameTooLong { length: payload_len, limit });
            }
            let length = self.incoming.length.saturating_add(payload_len);
            let limit = self.config.max_message;
            if length > limit {
                return Err(Error::MessageTooLong { length, limit });
            }
            match opcode {
                OpCode::Text => self.incoming.message = Some(MessageKind::Text),
                OpCode::Binary => self.incoming.message = Some(MessageKind::Binary),
                _ => {}
            }
        }
        self.incoming.frame = Frame::Payload(payload);
        Ok(payload)
    }
}
