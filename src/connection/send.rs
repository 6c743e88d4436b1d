//! Sending: messages, fragments and control frames [RFC 6455 §5, §6.1].

use core::fmt;
use core::marker::PhantomData;

use super::state::{Core, Memory, Phase, Sending};
use crate::buffer::{Buffer, check_room};
use crate::close::{CloseFrame, State, TransportAction};
use crate::deflate::{Compress, Compression};
use crate::error::SendError;
use crate::frame::{FrameHeader, MAX_CONTROL_PAYLOAD, MaskKey, Opcode, Rsv};
use crate::handshake::{Accept, Response};
use crate::message::{Message, MessageKind};
use crate::role::{Role, Server};
use crate::storage::Storage;

/// Sends while an event is lent.
///
/// Each method is that of [`Connection`](crate::Connection) with the same name, with the output
/// that was given to [`receive`](crate::Connection::receive).
pub struct Reply<'a, R: Role, S: Storage, B> {
    pub(super) core: &'a mut Core<R, S>,
    pub(super) memory: &'a Memory<S>,
    pub(super) out: &'a mut B,
}

impl<S: Storage, B: Buffer> Reply<'_, Server, S, B> {
    /// Accepts a request, that of [`Event::Request`](crate::Event::Request).
    ///
    /// # Errors
    ///
    /// As [`Connection::accept`](crate::Connection::accept).
    pub fn accept(&mut self, accept: Accept<'_>) -> Result<(), SendError> {
        self.core.accept(self.memory, &accept, self.out)
    }

    /// Rejects a request, or answers a plain one.
    ///
    /// # Errors
    ///
    /// As [`Connection::respond`](crate::Connection::respond).
    pub fn respond(&mut self, response: &Response<'_>) -> Result<(), SendError> {
        self.core.respond(response, self.out)
    }

    /// Leaves a plain request, that of [`Event::Http`](crate::Event::Http), to be answered later
    /// by [`Connection::respond`](crate::Connection::respond).
    pub fn defer(&mut self) {
        self.core.defer();
    }
}

impl<R: Role, S: Storage, B: Buffer> Reply<'_, R, S, B> {
    /// Sends a whole message.
    ///
    /// # Errors
    ///
    /// As [`Connection::send`](crate::Connection::send).
    #[inline]
    pub fn send<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<(), SendError> {
        self.send_with(message, Compression::Automatic)
    }

    /// Sends a whole message with a choice of whether to compress it.
    ///
    /// # Errors
    ///
    /// As [`Connection::send_with`](crate::Connection::send_with).
    #[inline]
    pub fn send_with<'m>(
        &mut self,
        message: impl Into<Message<'m>>,
        compression: Compression,
    ) -> Result<(), SendError> {
        self.core.send(message.into(), compression, self.out)
    }

    /// Sends a fragment of a message.
    ///
    /// # Errors
    ///
    /// As [`Connection::send_fragment`](crate::Connection::send_fragment).
    pub fn send_fragment(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        fin: bool,
    ) -> Result<(), SendError> {
        self.send_fragment_with(kind, payload, fin, Compression::Automatic)
    }

    /// Sends a fragment of a message with a choice of whether to compress that.
    ///
    /// # Errors
    ///
    /// As [`Connection::send_fragment_with`](crate::Connection::send_fragment_with).
    pub fn send_fragment_with(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        fin: bool,
        compression: Compression,
    ) -> Result<(), SendError> {
        self.core.send_fragment(kind, payload, fin, compression, self.out)
    }

    /// Sends only the header of a data frame.
    ///
    /// # Errors
    ///
    /// As [`Connection::begin_frame`](crate::Connection::begin_frame).
    pub fn begin_frame(
        &mut self,
        kind: MessageKind,
        payload_len: u64,
        fin: bool,
    ) -> Result<PayloadMask, SendError> {
        self.core.begin_frame(kind, payload_len, fin, self.out)
    }

    /// Sends a ping.
    ///
    /// # Errors
    ///
    /// As [`Connection::ping`](crate::Connection::ping).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.core.send_control(Opcode::Ping, payload, self.out)
    }

    /// Sends a pong.
    ///
    /// # Errors
    ///
    /// As [`Connection::pong`](crate::Connection::pong).
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.core.send_control(Opcode::Pong, payload, self.out)
    }

    /// Starts the closing handshake, or answers the peer's close frame.
    ///
    /// # Errors
    ///
    /// As [`Connection::close`](crate::Connection::close).
    pub fn close<'f>(&mut self, frame: impl Into<CloseFrame<'f>>) -> Result<(), SendError> {
        self.core.close(&frame.into(), self.out)
    }

    /// The output, with all that was appended to it.
    pub fn out(&mut self) -> &mut B {
        self.out
    }

    /// What to do about the transport now.
    #[must_use]
    pub fn transport(&self) -> TransportAction {
        self.core.transport()
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.core.state()
    }
}

impl<R: Role, S: Storage, B> fmt::Debug for Reply<'_, R, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("state", &self.core.state()).finish_non_exhaustive()
    }
}

/// The mask of a payload that the caller writes itself, from
/// [`Connection::begin_frame`](crate::Connection::begin_frame).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a client's payload must be masked"]
pub struct PayloadMask(Option<MaskKey>);

impl PayloadMask {
    /// Masks the next part of the payload in place; for a server it changes nothing.
    pub fn apply(&mut self, part: &mut [u8]) {
        if let Some(key) = self.0 {
            key.apply(part);
            self.0 = Some(key.advanced(part.len()));
        }
    }

    /// The key as it stands at the next byte; a server has none, and its payload can be written
    /// from where it is.
    #[must_use]
    pub const fn key(&self) -> Option<MaskKey> {
        self.0
    }
}

impl<R: Role, S: Storage> Core<R, S> {
    /// Whether frames can be sent.
    #[inline]
    pub(super) fn check_open(&self) -> Result<(), SendError> {
        match self.phase {
            _ if self.failure.is_some() => Err(SendError::Closed),
            Phase::Open if self.closing.sent || self.closing.ended => Err(SendError::Closed),
            Phase::Open => Ok(()),
            Phase::Body | Phase::Over => Err(SendError::Closed),
            _ => Err(SendError::NotOpen),
        }
    }

    #[inline]
    pub(super) fn send(
        &mut self,
        message: Message<'_>,
        compression: Compression,
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        self.check_open()?;
        if self.sending.is_some() {
            return Err(SendError::Fragmented);
        }
        match self.deflate {
            Some(params)
                if S::Compress::WINDOW.is_some()
                    && self.is_to_compress(message.as_bytes(), true, compression) =>
            {
                self.send_compressed(message.kind(), message.as_bytes(), params, out)
            }
            _ => {
                self.append_frame(message.kind().opcode(), true, message.as_bytes(), out)?;
                self.timers.note_data();
                Ok(())
            }
        }
    }

    /// Whether what is received, and what is sent, refers to earlier messages.
    pub(super) fn takeovers(&self) -> (bool, bool) {
        let params = self.deflate.unwrap_or_default();
        let client = !params.client_no_context_takeover;
        let server = !params.server_no_context_takeover;
        if R::SERVER { (client, server) } else { (server, client) }
    }

    #[inline]
    pub(super) fn send_fragment(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        fin: bool,
        compression: Compression,
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        let opcode = self.next_opcode(kind)?;
        match self.terms_of_fragment(payload, fin, compression)? {
            Some(params) if S::Compress::FRAME > 0 => {
                let whole = fin && self.sending.is_none() && payload.len() <= S::Compress::FRAME;
                return if whole {
                    self.send_compressed(kind, payload, params, out)
                } else {
                    self.send_compressed_fragment(kind, payload, fin, params, out)
                };
            }
            _ => {}
        }
        self.append_frame(opcode, fin, payload, out)?;
        self.sent_fragment(Sending { kind, compressed: false }, fin);
        Ok(())
    }

    pub(super) fn begin_frame(
        &mut self,
        kind: MessageKind,
        payload_len: u64,
        fin: bool,
        out: &mut impl Buffer,
    ) -> Result<PayloadMask, SendError> {
        let opcode = self.next_opcode(kind)?;
        if self.sending.is_some_and(|sending| sending.compressed) {
            return Err(SendError::Compressed);
        }
        if payload_len > i64::MAX as u64 {
            return Err(SendError::FrameTooLong { length: payload_len });
        }
        check_room(out, FrameHeader::encoded_len(payload_len, !R::SERVER))?;
        let mask = self.role.mask_key()?;
        let header = FrameHeader { fin, rsv: Rsv::NONE, opcode, mask, payload_len };
        out.append(header.encode().as_ref());
        self.sent_fragment(Sending { kind, compressed: false }, fin);
        Ok(PayloadMask(mask))
    }

    pub(super) fn send_control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(SendError::ControlTooLong { length: payload.len() });
        }
        match self.check_open() {
            // A ping has to be answered until the peer's close frame comes [RFC 6455 §5.5.2].
            Err(SendError::Closed) if opcode == Opcode::Pong && self.awaits_close() => {}
            checked => checked?,
        }
        self.append_frame(opcode, true, payload, out)
    }

    /// Whether this side has sent its close frame, and that of the peer is still to come.
    fn awaits_close(&self) -> bool {
        let closing = &self.closing;
        self.failure.is_none() && closing.sent && !closing.received && !closing.ended
    }

    /// The opcode of the next frame of a message of this kind.
    #[inline]
    fn next_opcode(&self, kind: MessageKind) -> Result<Opcode, SendError> {
        self.check_open()?;
        match self.sending {
            None => Ok(kind.opcode()),
            Some(sending) if sending.kind == kind => Ok(Opcode::Continuation),
            Some(_) => Err(SendError::Fragmented),
        }
    }

    #[inline]
    pub(super) fn sent_fragment(&mut self, fragment_of: Sending, fin: bool) {
        self.sending = if fin { None } else { Some(fragment_of) };
        self.timers.note_data();
    }

    /// Appends a whole frame, or nothing.
    #[inline]
    pub(super) fn append_frame(
        &mut self,
        opcode: Opcode,
        fin: bool,
        payload: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        let ticket = self.reserve_frame(payload.len(), out)?;
        ticket.write(opcode, fin, payload, out);
        Ok(())
    }

    /// Makes sure that a frame with a payload of up to `length` bytes can be written.
    #[inline]
    pub(super) fn reserve_frame(
        &mut self,
        length: usize,
        out: &impl Buffer,
    ) -> Result<FrameTicket<R>, SendError> {
        let header = FrameHeader::encoded_len(length as u64, !R::SERVER);
        check_room(out, header.saturating_add(length))?;
        Ok(FrameTicket::new(self.role.mask_key()?))
    }
}

/// The right to write one frame, with its mask, to an output that was seen to have the room.
pub(super) struct FrameTicket<R> {
    key: Option<MaskKey>,
    /// By the type it is known that a server masks nothing, and need not be able to.
    role: PhantomData<R>,
}

impl<R: Role> FrameTicket<R> {
    #[inline]
    pub(super) fn new(key: Option<MaskKey>) -> Self {
        Self { key, role: PhantomData }
    }

    #[inline]
    pub(super) fn write(self, opcode: Opcode, fin: bool, payload: &[u8], out: &mut impl Buffer) {
        self.write_with(opcode, fin, Rsv::NONE, payload, out);
    }

    #[inline]
    pub(super) fn write_with(
        self,
        opcode: Opcode,
        fin: bool,
        rsv: Rsv,
        payload: &[u8],
        out: &mut impl Buffer,
    ) {
        let payload_len = payload.len() as u64;
        let mask = self.key.filter(|_| !R::SERVER);
        let header = FrameHeader { fin, rsv, opcode, mask, payload_len };
        // What has a constant size is written without a call.
        match (header.encode_short(), mask) {
            (Some([first, second]), None) => out.append(&[first, second]),
            (Some([first, second]), Some(key)) => {
                let [a, b, c, d] = key.bytes();
                out.append(&[first, second, a, b, c, d]);
            }
            (None, _) => out.append(header.encode().as_ref()),
        }
        match mask {
            Some(key) => out.append_masked(payload, key),
            None => out.append(payload),
        }
    }
}
