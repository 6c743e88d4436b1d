//! Sending compressed messages, whole or in fragments [RFC 7692 §6.1, §7.2.1].
//!
//! What a compressor has seen is in its window, and later messages refer to it: so all of it must
//! be sent, or the compressor forgets everything. That is why the room for the longest that can
//! come out, and the masking keys, are there before it sees anything.

use super::FrameTicket;
use crate::buffer::{Buffer, check_room};
use crate::connection::core::Core;
use crate::deflate::{Compress, Compression, DeflateParams, WindowBits};
use crate::frame::{FrameHeader, Opcode, Rsv};
use crate::message::MessageKind;
use crate::misuse::{SendError, Unsent};
use crate::role::{MaskKeys, Role};
use crate::storage::Storage;

/// The header bits of a block without compression. Behind the end of another block, and without
/// the four bytes that are not sent, they are all that the end of a message needs
/// [RFC 7692 §7.2.3.6].
const EMPTY_BLOCK: [u8; 1] = [0];

impl<R: Role, S: Storage> Core<R, S> {
    /// Whether a message is to be compressed, where that was agreed on; this is its first
    /// fragment, or all of it if `fin`.
    pub(super) fn is_to_compress(
        &self,
        payload: &[u8],
        fin: bool,
        compression: Compression,
    ) -> bool {
        let threshold = self.config.deflate.unwrap_or_default().threshold;
        // An empty message cannot get shorter.
        let least = usize::from(fin);
        payload.len()
            >= match compression {
                Compression::Automatic => usize::from(threshold).max(least),
                Compression::Always => least,
                Compression::Never => return false,
            }
    }

    /// On which terms a fragment is to be compressed, if at all: the first one decides.
    #[inline]
    pub(super) fn terms_of_fragment(
        &self,
        payload: &[u8],
        fin: bool,
        compression: Compression,
    ) -> Result<Option<DeflateParams>, Unsent<SendError>> {
        match self.outgoing.message {
            None => Ok(self.deflate.filter(|_| self.is_to_compress(payload, fin, compression))),
            Some(false) => Ok(None),
            Some(true) if compression == Compression::Never => Err(SendError::Compressed.into()),
            Some(true) => Ok(self.deflate),
        }
    }

    /// Sends a message compressed, or plain where that is not longer.
    ///
    /// The room is that of the plain one: what the compressor has seen is sent, or it forgets it.
    #[inline(never)]
    pub(super) fn send_compressed(
        &mut self,
        kind: MessageKind,
        plain: &[u8],
        params: DeflateParams,
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<SendError>> {
        let ticket = self.reserve_frame(plain.len(), out)?;
        let (bits, takeover) = self.outgoing_window(params);
        let level = self.level();
        self.catch_up();
        match self.compress.deflate(bits, level, takeover, plain) {
            Some(payload) => ticket.write_with(kind.opcode(), true, Rsv::RSV1, payload, out),
            None => ticket.write(kind.opcode(), true, plain, out),
        }
        self.compress.end_message(takeover, self.config.retain);
        self.sent_fragment(true, true);
        Ok(())
    }

    /// Sends a fragment of a compressed message, in as many frames as the compressor needs.
    ///
    /// It ends at a byte boundary, for the peer to decompress all of it at once. The bytes that a
    /// flush ends with stay in what is sent, but at the end of the message [RFC 7692 §7.2.1].
    #[inline(never)]
    pub(super) fn send_compressed_fragment(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        fin: bool,
        params: DeflateParams,
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<SendError>> {
        let most = match (payload, fin) {
            ([], false) => 0,
            ([], true) => EMPTY_BLOCK.len(),
            _ => S::Compress::fragment_bound(payload.len()),
        };
        let mut frames = self.reserve_frames(opcode, most, S::Compress::FRAME, out)?;
        let (bits, takeover) = self.outgoing_window(params);
        let level = self.level();
        self.catch_up();
        match (payload, fin) {
            ([], false) => frames.write(false, &[], out),
            ([], true) => frames.write(true, &EMPTY_BLOCK, out),
            _ => self.compress.deflate_fragment(bits, level, payload, fin, |part, last| {
                frames.write(fin && last, part, out);
            }),
        }
        self.compress.end_message(takeover || !fin, self.config.retain);
        self.sent_fragment(true, fin);
        Ok(())
    }

    /// Makes sure that `length` bytes of a compressed message can be written, in frames of up to
    /// `most`.
    fn reserve_frames(
        &mut self,
        opcode: Opcode,
        length: usize,
        most: usize,
        out: &impl Buffer,
    ) -> Result<FrameTickets<R>, Unsent<SendError>> {
        let frames = length.div_ceil(most).max(1);
        let header = FrameHeader::encoded_len(length.min(most) as u64, !R::SERVER);
        check_room(out, frames.saturating_mul(header).saturating_add(length))?;
        let keys = self.role.mask_keys(frames)?;
        let rsv = if opcode == Opcode::Continuation { Rsv::NONE } else { Rsv::RSV1 };
        Ok(FrameTickets { keys, opcode, rsv })
    }

    /// The window that this side compresses with, and whether messages refer to earlier ones.
    pub(in crate::connection) fn outgoing_window(
        &self,
        params: DeflateParams,
    ) -> (WindowBits, bool) {
        if R::SERVER {
            (params.server_max_window_bits, !params.server_no_context_takeover)
        } else {
            (params.client_max_window_bits, !params.client_no_context_takeover)
        }
    }

    /// Makes the compressor forget what the peer's window no longer ends with.
    #[inline]
    fn catch_up(&mut self) {
        if self.outgoing.compressor_is_behind {
            self.compress.end_message(false, self.config.retain);
            self.outgoing.compressor_is_behind = false;
        }
    }

    fn level(&self) -> u8 {
        self.config.deflate.unwrap_or_default().level
    }
}

/// The right to write the next frames of a message to an output that was seen to have the room.
struct FrameTickets<R: Role> {
    keys: R::Keys,
    /// That of the next frame.
    opcode: Opcode,
    /// Those of the next frame: only the first of a message says that it is compressed
    /// [RFC 7692 §6].
    rsv: Rsv,
}

impl<R: Role> FrameTickets<R> {
    fn write(&mut self, fin: bool, payload: &[u8], out: &mut impl Buffer) {
        let ticket = FrameTicket::<R>::new(self.keys.next());
        ticket.write_with(self.opcode, fin, self.rsv, payload, out);
        self.opcode = Opcode::Continuation;
        self.rsv = Rsv::NONE;
    }
}
