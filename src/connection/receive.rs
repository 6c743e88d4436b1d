//! Receiving frames [RFC 6455 §5, §6.2]: headers, then the payloads of control frames, whole
//! messages and pieces.

use super::Connection;
use super::chunk::{Chunk, Cursor, Source};
use super::events::Step;
use super::state::{Core, Frame, Incoming, Lent, Payload, Phase};
use crate::buffer::Buffer;
use crate::close::CloseFrame;
use crate::config::Delivery;
use crate::error::{Error, ProtocolError};
use crate::frame::{FrameHeader, MAX_CONTROL_PAYLOAD, MaskKey, Opcode, Rsv};
use crate::message::MessageKind;
use crate::role::Role;
use crate::storage::{Bytes, Storage};
use crate::utf8::{self, Validator};

/// How many bytes of a masked text are validated at a time; fewer where there are not so many, or
/// where memory is so small that the stack will be, too.
const BLOCK: usize = 2048;
const SHORT: usize = 128;

/// How a frame's payload went.
pub(super) enum Flow {
    /// The chunk is used up.
    Starved,
    /// The frame is over, and there is nothing to tell.
    Next,
    Step(Step),
}

impl<R: Role, S: Storage> Connection<R, S> {
    /// Consumes up to the next thing to tell.
    #[inline]
    pub(super) fn step<C: Chunk, B: Buffer>(
        &mut self,
        cursor: &mut Cursor<C>,
        out: &mut B,
    ) -> Result<Option<Step>, Error> {
        self.core.settle(out)?;
        self.forget_lent();
        match self.core.phase {
            Phase::Open => self.frames(cursor, out),
            _ => self.handshake(cursor, out),
        }
    }

    /// A short message that is at hand in one frame while nothing else is under way: what most
    /// traffic is made of.
    ///
    /// It takes nothing that [`frames`](Self::frames) would judge otherwise. Where it gives
    /// `None`, it has changed nothing; otherwise where the message is in the chunk.
    #[inline]
    pub(super) fn message_at_hand<C: Chunk>(
        &mut self,
        cursor: &mut Cursor<C>,
    ) -> Option<(MessageKind, usize, usize)> {
        if !C::IN_PLACE && R::SERVER || !self.core.is_at_ease() {
            return None;
        }
        let (&[first, second], rest) = cursor.rest().split_first_chunk()?;
        let kind = match first {
            0x81 => MessageKind::Text,
            0x82 => MessageKind::Binary,
            _ => return None,
        };
        let (length, rest, extended) = match second & 0x7F {
            126 => {
                let (&length, rest) = rest.split_first_chunk()?;
                (usize::from(u16::from_be_bytes(length)), rest, 2)
            }
            127 => return None,
            length => (usize::from(length), rest, 0),
        };
        let (key, rest, mask) = if R::SERVER {
            let (&key, rest) = rest.split_first_chunk()?;
            (Some(MaskKey::new(key)), rest, 4)
        } else {
            (None, rest, 0)
        };
        let limit = self.core.config.max_frame.min(self.core.config.max_message);
        let is_minimal = extended == 0 || length >= 126;
        let is_masked = second & 0x80 != 0;
        if length > rest.len() || length as u64 > limit || !is_minimal || is_masked != R::SERVER {
            return None;
        }
        self.core.timers.hear();
        self.core.note_received();
        cursor.advance(2 + extended + mask);
        let start = cursor.consumed();
        cursor.lend(length, key);
        Some((kind, start, length))
    }

    /// A chunk that is one byte in the middle of a message, as of a peer that dribbles: takes it
    /// and gives true, or gives false for [`frames`](Self::frames) to judge.
    #[inline]
    pub(super) fn takes_byte<C: Chunk>(&mut self, cursor: &mut Cursor<C>) -> bool {
        let core = &mut self.core;
        let (&[byte], Frame::Payload(payload)) = (cursor.rest(), &mut core.incoming.frame) else {
            return false;
        };
        let is_simple = payload.left > 1
            && !payload.opcode.is_control()
            && !core.incoming.compressed
            && core.incoming.text.is_between_characters()
            && core.failure.is_none()
            && core.config.delivery == Delivery::Whole;
        let byte = payload.key.map_or(byte, |key| key.mask(byte));
        let kind = core.incoming.message.unwrap_or(MessageKind::Binary);
        if !is_simple || !self.memory.message.push(kind, byte) {
            return false;
        }
        payload.advance(1);
        core.incoming.length += 1;
        core.timers.hear();
        core.note_received();
        cursor.advance(1);
        true
    }

    /// Consumes frames up to the next thing to tell.
    #[inline]
    fn frames<C: Chunk, B: Buffer>(
        &mut self,
        cursor: &mut Cursor<C>,
        out: &mut B,
    ) -> Result<Option<Step>, Error> {
        loop {
            if self.core.closing.received {
                // What follows a close frame is nobody's [RFC 6455 §5.5.1].
                cursor.discard();
                return Ok(None);
            }
            let flow = match self.payload(cursor) {
                Ok(None) => return Ok(None),
                Ok(Some(payload)) if payload.opcode.is_control() => {
                    self.control(payload, cursor, out)
                }
                Ok(Some(payload)) => self.data(payload, cursor),
                Err(error) => Err(error),
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

    /// The rest of the payload under way, or that of the next frame once its header is whole.
    #[inline]
    fn payload<C: Chunk>(&mut self, cursor: &mut Cursor<C>) -> Result<Option<Payload>, Error> {
        match self.core.incoming.frame {
            Frame::Payload(payload) => return Ok(Some(payload)),
            Frame::Invalid { offset } => return Err(Error::InvalidUtf8 { offset }),
            Frame::Header { .. } => {}
        }
        let (consumed, payload) = self.core.header(cursor.rest())?;
        cursor.advance(consumed);
        if payload.is_some_and(|payload| payload.opcode.is_control()) {
            self.memory.control.truncate(0);
        }
        Ok(payload)
    }

    /// The payload of a control frame: collected if it comes in parts, then acted on.
    fn control<C: Chunk, B: Buffer>(
        &mut self,
        payload: Payload,
        cursor: &mut Cursor<C>,
        out: &mut B,
    ) -> Result<Flow, Error> {
        let (take, complete) = payload.available(cursor.rest().len());
        if !complete {
            self.collect_control(payload, cursor, take)?;
            return Ok(Flow::Starved);
        }

        // Whatever cannot be answered is not consumed either.
        let total = self.memory.control.as_slice().len() + take;
        let answer = match payload.opcode {
            Opcode::Ping if self.core.config.auto_pong => Some(total),
            Opcode::Close if self.core.config.auto_close && !self.core.closing.sent => {
                Some(if total < 2 { 0 } else { 2 })
            }
            _ => None,
        };
        let ticket = match answer {
            Some(length) => Some(self.core.reserve_frame(length, out).map_err(Error::Blocked)?),
            None => None,
        };

        // A close frame is kept, for the report.
        let keep = total != take || payload.opcode == Opcode::Close;
        let source = if !keep && Cursor::<C>::can_lend(payload.key) {
            cursor.lend(take, payload.key)
        } else {
            self.collect_control(payload, cursor, take)?;
            Source::Control
        };
        self.core.incoming.frame = Frame::NONE;
        let bytes = self.memory.bytes(source, cursor);
        Ok(Flow::Step(match payload.opcode {
            Opcode::Ping => {
                if let Some(ticket) = ticket {
                    ticket.write(Opcode::Pong, true, bytes, out);
                }
                Step::Ping(source)
            }
            Opcode::Pong => Step::Pong(source),
            _ => {
                let frame = CloseFrame::parse(bytes)?;
                self.core.receive_close(&frame);
                if let Some(ticket) = ticket {
                    self.core.answer_close(frame.code(), ticket, out);
                }
                Step::Close
            }
        }))
    }

    /// Moves `take` bytes of a control frame to its memory.
    fn collect_control<C: Chunk>(
        &mut self,
        mut payload: Payload,
        cursor: &mut Cursor<C>,
        take: usize,
    ) -> Result<(), Error> {
        let limit = MAX_CONTROL_PAYLOAD as u64;
        self.memory.control.append_unmasked(cursor.peek(take), payload.key, limit)?;
        cursor.advance(take);
        payload.advance(take);
        self.core.incoming.frame = Frame::Payload(payload);
        Ok(())
    }

    /// The payload of a data frame.
    #[inline]
    fn data<C: Chunk>(&mut self, payload: Payload, cursor: &mut Cursor<C>) -> Result<Flow, Error> {
        // An empty chunk says nothing, nor do bytes that were held; a header was noted when it was
        // whole.
        if !payload.held && !cursor.rest().is_empty() {
            self.core.note_received();
        }
        if S::DEFLATES && self.core.incoming.compressed {
            return self.compressed(payload, cursor);
        }
        match self.core.config.delivery {
            Delivery::Whole => self.whole(payload, cursor),
            Delivery::InPlace => self.in_place(payload, cursor),
            Delivery::Streaming => self.streaming(payload, cursor),
        }
    }

    /// The payload of a data frame, for whole messages that wait in the caller's buffer.
    #[inline(never)]
    fn in_place<C: Chunk>(
        &mut self,
        mut payload: Payload,
        cursor: &mut Cursor<C>,
    ) -> Result<Flow, Error> {
        let can_lend = Cursor::<C>::can_lend(payload.key);
        if payload.held && !can_lend {
            if (cursor.rest().len() as u64) < self.core.incoming.length {
                // What was unmasked must all be passed again before it can be collected.
                return Ok(Flow::Starved);
            }
            self.collect_held(&mut payload, cursor)?;
            if !cursor.rest().is_empty() {
                self.core.note_received();
            }
        }
        let is_alone = payload.fin && (payload.held || self.core.incoming.length == 0);
        if !is_alone || !can_lend {
            return self.whole(payload, cursor);
        }
        let incoming = &mut self.core.incoming;
        let (there, complete) = payload.available(cursor.rest().len());
        let done = usize::try_from(incoming.length).unwrap_or(usize::MAX);
        let fresh = cursor.unmask(done, there, payload.key);
        let kind = incoming.kind();
        if kind == MessageKind::Text && !complete && self.core.config.validate_held {
            incoming.text.feed(fresh, incoming.length)?;
        }
        let length = fresh.len() as u64;
        incoming.length += length;
        if length > 0 {
            self.core.timers.hear();
            self.core.note_received();
        }
        if complete {
            // A text is validated when it is lent.
            self.core.incoming = Incoming::NONE;
            return Ok(Flow::Step(Step::Message(kind, cursor.lend(there, None))));
        }
        payload.held = true;
        self.core.incoming.frame = Frame::Payload(payload);
        Ok(Flow::Starved)
    }

    /// Collects what was held in a chunk that could be unmasked, as this one can't.
    fn collect_held<C: Chunk>(
        &mut self,
        payload: &mut Payload,
        cursor: &mut Cursor<C>,
    ) -> Result<(), Error> {
        let incoming = &mut self.core.incoming;
        let done = usize::try_from(incoming.length).unwrap_or(usize::MAX);
        incoming.length = 0;
        incoming.text = Validator::NONE;
        payload.held = false;
        self.collect(None, cursor.peek(done))?;
        cursor.advance(done);
        payload.advance(done);
        self.core.incoming.frame = Frame::Payload(*payload);
        Ok(())
    }

    /// The payload of a data frame, for whole messages.
    #[inline]
    fn whole<C: Chunk>(
        &mut self,
        mut payload: Payload,
        cursor: &mut Cursor<C>,
    ) -> Result<Flow, Error> {
        let incoming = &mut self.core.incoming;
        let kind = incoming.kind();
        let (take, complete) = payload.available(cursor.rest().len());
        // The whole message is at hand; if it is a text, it is validated when it is lent.
        let alone = complete && payload.fin && incoming.length == 0;
        if alone && Cursor::<C>::can_lend(payload.key) {
            let source = cursor.lend(take, payload.key);
            *incoming = Incoming::NONE;
            return Ok(Flow::Step(Step::Message(kind, source)));
        }

        self.collect(payload.key, cursor.peek(take))?;
        cursor.advance(take);
        payload.advance(take);
        let incoming = &mut self.core.incoming;
        if !complete {
            incoming.frame = Frame::Payload(payload);
            return Ok(Flow::Starved);
        }
        incoming.frame = Frame::NONE;
        if !payload.fin {
            return Ok(Flow::Next);
        }
        incoming.text.end(incoming.length)?;
        *incoming = Incoming::NONE;
        self.core.lent = Lent::Message;
        let length = self.memory.message.as_slice().len();
        Ok(Flow::Step(Step::Message(kind, Source::Message { length })))
    }

    /// Appends the next bytes to the message, unmasked, and validated if it is a text.
    #[inline]
    fn collect(&mut self, key: Option<MaskKey>, bytes: &[u8]) -> Result<(), Error> {
        if self.core.incoming.kind() == MessageKind::Text {
            return self.collect_text(key, bytes);
        }
        self.memory.message.append_unmasked(bytes, key, self.core.config.max_message)?;
        self.core.incoming.length += bytes.len() as u64;
        Ok(())
    }

    /// Appends the next bytes of a text to the message, unmasked and validated.
    fn collect_text(&mut self, key: Option<MaskKey>, bytes: &[u8]) -> Result<(), Error> {
        match key {
            None => self.append_text(bytes),
            // A storage without an allocator goes with a small stack.
            Some(key) if bytes.len() <= SHORT || S::Message::IS_INLINE => {
                self.append_masked_text::<SHORT>(key, bytes)
            }
            Some(key) => self.append_masked_text::<BLOCK>(key, bytes),
        }
    }

    /// Block by block, so that what is validated and copied is near.
    fn append_masked_text<const N: usize>(
        &mut self,
        key: MaskKey,
        bytes: &[u8],
    ) -> Result<(), Error> {
        const { assert!(N % 4 == 0, "the key stands at the same phase before every block") };
        // All of it is at hand, so there is no need to grow block by block.
        self.memory.message.reserve(bytes.len(), self.core.config.max_message)?;
        let mut block = [0; N];
        for masked in bytes.chunks(N) {
            let length = key.copy(masked, &mut block);
            self.append_text(block.get(..length).unwrap_or_default())?;
        }
        Ok(())
    }

    fn append_text(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let limit = self.core.config.max_message;
        let incoming = &mut self.core.incoming;
        let append = |text: &str| Ok(self.memory.message.append_text(text, limit)?);
        incoming.text.feed_to::<Error>(bytes, incoming.length, append)?;
        incoming.length += bytes.len() as u64;
        Ok(())
    }

    /// The payload of a data frame, piece by piece.
    fn streaming<C: Chunk>(
        &mut self,
        mut payload: Payload,
        cursor: &mut Cursor<C>,
    ) -> Result<Flow, Error> {
        let incoming = &mut self.core.incoming;
        let can_lend = Cursor::<C>::can_lend(payload.key);
        let at_hand = cursor.rest().len();
        // A piece that has to be copied is as long as the memory for it at most.
        let at_hand = if can_lend { at_hand } else { at_hand.min(S::Message::LIMIT.max(1)) };
        let (take, complete) = payload.available(at_hand);
        if take == 0 && !complete {
            return Ok(Flow::Starved);
        }
        let source = if can_lend {
            cursor.lend(take, payload.key)
        } else {
            self.memory.message.append_unmasked(cursor.peek(take), payload.key, take as u64)?;
            self.core.lent = Lent::Message;
            cursor.advance(take);
            Source::Message { length: take }
        };
        payload.advance(take);
        incoming.frame = if complete { Frame::NONE } else { Frame::Payload(payload) };

        let kind = incoming.kind();
        let start = !incoming.started;
        incoming.started = true;
        let message_end = complete && payload.fin;
        let mut valid = Ok(());
        if kind == MessageKind::Text {
            let text = self.memory.bytes(source, cursor);
            valid = incoming.text.feed(text, incoming.length);
        }
        incoming.length += take as u64;
        if message_end && valid.is_ok() {
            valid = incoming.text.end(incoming.length).map_err(|end| end.at(take));
        }
        let piece = match valid {
            Ok(()) => Step::Piece { kind, source, start, frame_end: complete, message_end },
            Err(invalid) if invalid.at == 0 => return Err(invalid.into()),
            // Up to the bad byte the text is handed out, as it would be had it come in bytes.
            Err(invalid) => {
                let source = source.shortened(invalid.at);
                incoming.frame = Frame::Invalid { offset: invalid.offset };
                let piece =
                    Step::Piece { kind, source, start, frame_end: false, message_end: false };
                return Ok(Flow::Step(piece));
            }
        };
        if message_end {
            *incoming = Incoming::NONE;
        }
        Ok(Flow::Step(piece))
    }
}

impl<R: Role, S: Storage> Core<R, S> {
    /// A part of a message was received; it keeps nobody from closing.
    #[inline]
    pub(super) fn note_received(&mut self) {
        if !self.closing.sent {
            self.timers.note_data();
        }
    }

    /// How many bytes are missing behind the rest of a chunk, which was left to the caller, until
    /// there is something to do about it.
    pub(super) fn wanted(&self, rest: &[u8]) -> u64 {
        let waits = self.config.delivery == Delivery::InPlace
            && matches!(self.phase, Phase::Open)
            && !self.closing.received
            && self.failure.is_none();
        let needed = match self.incoming.frame {
            Frame::Payload(payload) if waits && payload.held => payload.left,
            Frame::Header { length: 0, .. } if waits => FrameHeader::wanted(rest),
            _ => 0,
        };
        needed.saturating_sub(rest.len() as u64)
    }

    /// Whether whole messages can come, and none is under way.
    #[inline]
    fn is_at_ease(&self) -> bool {
        matches!(self.phase, Phase::Open)
            && matches!(self.incoming.frame, Frame::Header { length: 0, bytes: [0, ..] })
            && self.incoming.message.is_none()
            && self.failure.is_none()
            && matches!(self.lent, Lent::Nothing)
            && !self.closing.received
            && self.config.delivery != Delivery::Streaming
    }

    /// Reads a header from the bytes at hand, or goes on with one that was cut.
    ///
    /// Gives how many bytes it took, and the payload that follows once the header is whole.
    // A call costs a short frame a tenth of its time; without an allocator code has to be small.
    #[cfg_attr(feature = "alloc", inline(always))]
    #[cfg_attr(not(feature = "alloc"), inline)]
    fn header(&mut self, rest: &[u8]) -> Result<(usize, Option<Payload>), Error> {
        let Frame::Header { mut bytes, length } = self.incoming.frame else {
            return Ok((0, None));
        };
        if length == 0 {
            if let Some((header, consumed)) = self.parse_header(rest)? {
                return Ok((consumed, Some(self.begin(&header))));
            }
            if self.config.delivery == Delivery::InPlace {
                // Whoever passes the same bytes again has not heard of the peer.
                let at_hand = u8::try_from(rest.len()).unwrap_or(u8::MAX);
                let [waiting, ..] = &mut bytes;
                if at_hand > *waiting {
                    *waiting = at_hand;
                    self.timers.hear();
                    self.incoming.frame = Frame::Header { bytes, length };
                }
                return Ok((0, None));
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
            return Ok((end.saturating_sub(had), Some(self.begin(&header))));
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
            |rsv, opcode| {
                let may_be_compressed =
                    self.deflate.is_some() && matches!(opcode, Opcode::Text | Opcode::Binary);
                if rsv != Rsv::NONE && !(rsv == Rsv::RSV1 && may_be_compressed) {
                    return Err(Error::Protocol(ProtocolError::ReservedBits(rsv)));
                }
                match (opcode, self.incoming.message) {
                    (Opcode::Continuation, None) => {
                        Err(Error::Protocol(ProtocolError::UnexpectedContinuation))
                    }
                    (Opcode::Text | Opcode::Binary, Some(_)) => {
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
            |rsv, opcode, length| self.check_length(rsv, opcode, length),
        )
    }

    /// Checks the length of a frame against the limits; a control frame is short anyway.
    #[inline]
    fn check_length(&self, rsv: Rsv, opcode: Opcode, payload_len: u64) -> Result<(), Error> {
        if opcode.is_control() {
            return Ok(());
        }
        if rsv == Rsv::RSV1 || self.incoming.compressed {
            return self.check_compressed_length(payload_len);
        }
        let limit = self.config.max_frame;
        if payload_len > limit {
            return Err(Error::FrameTooLong { length: payload_len, limit });
        }
        let length = self.incoming.length.saturating_add(payload_len);
        let limit = self.config.max_message;
        if length > limit {
            return Err(Error::MessageTooLong { length, limit });
        }
        Ok(())
    }

    /// Checks the length of a compressed frame. Its own length, and that of the message, show when
    /// it is decompressed.
    #[inline(never)]
    fn check_compressed_length(&self, length: u64) -> Result<(), Error> {
        let limit = longest_compressed(self.config.max_frame);
        if length > limit { Err(Error::FrameTooLong { length, limit }) } else { Ok(()) }
    }

    /// Begins the frame of a header.
    #[inline]
    fn begin(&mut self, header: &FrameHeader) -> Payload {
        let &FrameHeader { fin, rsv, opcode, mask, payload_len } = header;
        let kind = match opcode {
            Opcode::Text => Some(MessageKind::Text),
            Opcode::Binary => Some(MessageKind::Binary),
            _ => None,
        };
        if kind.is_some() {
            self.incoming.message = kind;
            self.incoming.compressed = rsv == Rsv::RSV1;
        }
        if !opcode.is_control() {
            self.note_received();
        }
        let payload = Payload { opcode, fin, key: mask, held: false, left: payload_len };
        self.incoming.frame = Frame::Payload(payload);
        payload
    }
}

/// How long the payload of a compressed frame may be for `length` bytes of its own: stored blocks
/// add 5 bytes each to what does not compress, and compressors make them as short as 127 bytes.
const fn longest_compressed(length: u64) -> u64 {
    length.saturating_add(length / 16).saturating_add(64)
}

impl Payload {
    /// How many of the bytes at hand belong to the payload, and whether that is all of it.
    #[inline]
    pub(super) fn available(&self, at_hand: usize) -> (usize, bool) {
        match usize::try_from(self.left) {
            Ok(left) if left <= at_hand => (left, true),
            _ => (at_hand, false),
        }
    }

    /// Goes on behind `count` bytes.
    #[inline]
    pub(super) fn advance(&mut self, count: usize) {
        self.left -= count as u64;
        self.key = self.key.map(|key| key.advanced(count));
    }
}

impl Incoming {
    /// The kind of the message under way.
    #[inline]
    pub(super) fn kind(&self) -> MessageKind {
        // A data frame's payload is never reached without: its header sets it.
        self.message.unwrap_or(MessageKind::Binary)
    }
}

impl utf8::Invalid {
    /// The same place, seen as an index in another slice.
    fn at(self, at: usize) -> Self {
        Self { at, ..self }
    }
}

impl From<utf8::Invalid> for Error {
    fn from(invalid: utf8::Invalid) -> Self {
        Self::InvalidUtf8 { offset: invalid.offset }
    }
}
