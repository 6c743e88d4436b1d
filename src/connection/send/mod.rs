//! Sending: messages, fragments and control frames [RFC 6455 §5, §6.1].

mod compressed;

use core::marker::PhantomData;

use super::core::Core;
use super::sender::PayloadMask;
use crate::buffer::{Buffer, check_room};
use crate::deflate::{Compress, Compression};
use crate::frame::{FrameHeader, MAX_CONTROL_PAYLOAD, MaskKey, Opcode, Rsv};
use crate::message::{Fragment, Message};
use crate::misuse::{SendError, Unsent};
use crate::role::Role;
use crate::storage::Storage;

/// How far the sending of messages has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outgoing {
    /// Whether the message that is being sent in fragments, if there is one, is compressed.
    message: Option<IsCompressed>,
    /// The peer's window ends with a message that the compressor has not seen.
    compressor_is_behind: bool,
}

/// Whether a message is compressed, as its first frame has said [RFC 7692 §6].
type IsCompressed = bool;

impl Outgoing {
    /// Whether a message is being sent in fragments.
    pub(super) fn is_between_messages(&self) -> bool {
        self.message.is_none()
    }

    /// Whether the compressor has what the rest of a message, or the next one, refers to.
    pub(super) fn needs_compressor(&self, takeover: bool) -> bool {
        self.message == Some(true) || takeover && !self.compressor_is_behind
    }

    /// The compressor was given back.
    pub(super) fn forget_compressor(&mut self) {
        self.compressor_is_behind = false;
    }

    /// The peer's window has moved on without the compressor.
    #[cfg(feature = "alloc")]
    pub(super) fn leave_compressor_behind(&mut self) {
        self.compressor_is_behind = true;
    }
}

impl<R: Role, S: Storage> Core<R, S> {
    // A call costs a short message a tenth of its time; without an allocator code has to be small.
    #[cfg_attr(feature = "alloc", inline(always))]
    #[cfg_attr(not(feature = "alloc"), inline)]
    pub(super) fn send(
        &mut self,
        message: Message<'_>,
        compression: Compression,
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<SendError>> {
        self.check_open()?;
        if !self.outgoing.is_between_messages() {
            return Err(SendError::Fragmented.into());
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
                self.timers.touch_data();
                Ok(())
            }
        }
    }

    #[inline]
    pub(super) fn send_fragment(
        &mut self,
        fragment: Fragment,
        payload: &[u8],
        compression: Compression,
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<SendError>> {
        let opcode = self.next_opcode(fragment)?;
        let fin = fragment.is_last();
        match self.terms_of_fragment(payload, fin, compression)? {
            Some(params) if S::Compress::FRAME > 0 => {
                return match fragment {
                    Fragment::Only(kind) if payload.len() <= S::Compress::FRAME => {
                        self.send_compressed(kind, payload, params, out)
                    }
                    _ => self.send_compressed_fragment(opcode, payload, fin, params, out),
                };
            }
            _ => {}
        }
        self.append_frame(opcode, fin, payload, out)?;
        self.sent_fragment(false, fin);
        Ok(())
    }

    pub(super) fn begin_frame(
        &mut self,
        fragment: Fragment,
        payload_len: u64,
        out: &mut impl Buffer,
    ) -> Result<PayloadMask, Unsent<SendError>> {
        let opcode = self.next_opcode(fragment)?;
        if self.outgoing.message == Some(true) {
            return Err(SendError::Compressed.into());
        }
        if payload_len > i64::MAX as u64 {
            return Err(SendError::FrameTooLong { length: payload_len }.into());
        }
        check_room(out, FrameHeader::encoded_len(payload_len, !R::SERVER))?;
        let mask = self.role.mask_key()?;
        let fin = fragment.is_last();
        let header = FrameHeader { fin, rsv: Rsv::NONE, opcode, mask, payload_len };
        out.append(header.encode().as_ref());
        self.sent_fragment(false, fin);
        Ok(PayloadMask::new(mask))
    }

    pub(super) fn send_control(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<SendError>> {
        if payload.len() > MAX_CONTROL_PAYLOAD {
            return Err(SendError::ControlTooLong { length: payload.len() }.into());
        }
        match self.check_open() {
            // A ping has to be answered until the peer's close frame comes [RFC 6455 §5.5.2].
            Err(SendError::Closed) if opcode == Opcode::Pong && self.awaits_close() => {}
            checked => checked?,
        }
        self.append_frame(opcode, true, payload, out)
    }

    /// Whether this side has sent its close frame, and that of the peer is still to be received.
    fn awaits_close(&self) -> bool {
        let closing = &self.closing;
        self.failure.is_none() && closing.is_sent() && !closing.is_received() && !closing.is_ended()
    }

    /// The opcode of the next frame of a message.
    #[inline]
    fn next_opcode(&self, fragment: Fragment) -> Result<Opcode, SendError> {
        self.check_open()?;
        match (fragment.kind(), self.outgoing.message) {
            (Some(kind), None) => Ok(kind.opcode()),
            (None, Some(_)) => Ok(Opcode::Continuation),
            (Some(_), Some(_)) => Err(SendError::Fragmented),
            (None, None) => Err(SendError::NotFragmented),
        }
    }

    /// A frame of a message was sent.
    #[inline]
    fn sent_fragment(&mut self, compressed: IsCompressed, fin: bool) {
        self.outgoing.message = if fin { None } else { Some(compressed) };
        self.timers.touch_data();
    }

    /// Appends a whole frame, or nothing.
    #[inline]
    pub(super) fn append_frame(
        &mut self,
        opcode: Opcode,
        fin: bool,
        payload: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<SendError>> {
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
    ) -> Result<FrameTicket<R>, Unsent<SendError>> {
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
