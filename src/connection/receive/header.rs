//! Frame headers [RFC 6455 §5.2], with the checks that depend on the state of the connection.

use super::{Core, Frame, Payload};
use crate::error::{Error, ProtocolError};
use crate::frame::{FrameHeader, Opcode, Rsv};
use crate::message::MessageKind;
use crate::role::Role;
use crate::slice;
use crate::storage::Storage;

impl<R: Role, S: Storage> Core<R, S> {
    /// Reads a header from the bytes at hand, or the rest of one that was cut.
    ///
    /// Returns how many bytes it took, and the payload that follows once the header is complete. The
    /// caller writes that back, unless it is complete at once.
    // A call costs a short frame a tenth of its time; without an allocator code has to be small.
    #[cfg_attr(feature = "alloc", inline(always))]
    #[cfg_attr(not(feature = "alloc"), inline)]
    pub(super) fn header(&mut self, rest: &[u8]) -> Result<(usize, Option<Payload>), Error> {
        let Frame::Header { mut bytes, length } = self.incoming.frame else {
            return Ok((0, None));
        };
        if length == 0 {
            if let Some((header, consumed)) = self.parse_header(rest)? {
                return Ok((consumed, Some(self.begin(&header))));
            }
        }
        let had = usize::from(length);
        let mut have = had;
        for (slot, byte) in bytes.iter_mut().skip(had).zip(rest) {
            *slot = *byte;
            have += 1;
        }
        if let Some((header, end)) = self.parse_header(slice::head(&bytes, have))? {
            return Ok((end.saturating_sub(had), Some(self.begin(&header))));
        }
        // At most 13, since 14 bytes are a complete header.
        let length = u8::try_from(have).unwrap_or(u8::MAX);
        self.incoming.frame = Frame::Header { bytes, length };
        Ok((have - had, None))
    }

    /// Parses a header with the checks that depend on the frames before it.
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

    /// Checks the length of a compressed frame. Its length after decompression, and that of the
    /// message, are known only when it is decompressed.
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
            self.count_activity();
        }
        Payload { opcode, fin, key: mask, left: payload_len }
    }
}

/// The longest payload of a compressed frame that decompresses to `length` bytes: stored blocks
/// add 5 bytes each to data that does not compress, and compressors make them as short as 127
/// bytes.
const fn longest_compressed(length: u64) -> u64 {
    length.saturating_add(length / 16).saturating_add(64)
}
