//! What most traffic is made of, ahead of the general path: a short message that is whole in the
//! chunk, and single bytes of a peer that dribbles.
//!
//! Nothing is taken here that the general path would judge otherwise.

use super::cursor::Cursor;
use super::cursor::sealed::Lent as Chunk;
use super::{Core, Frame};
use crate::config::Delivery;
use crate::connection::Connection;
use crate::connection::core::Phase;
use crate::frame::MaskKey;
use crate::message::MessageKind;
use crate::role::Role;
use crate::storage::{Bytes, Storage};

/// Without an allocator the size of the code counts more than speed.
const IS_LEFT_OUT: bool = !cfg!(feature = "alloc");

/// What is at the front of a chunk.
pub(in crate::connection) enum AtHand {
    /// A message in one frame, with its place in the chunk. It is consumed.
    Message { kind: MessageKind, start: usize, length: usize },
    /// No bytes, and nothing is under way.
    Nothing,
    /// Anything else.
    Other,
}

impl<R: Role, S: Storage> Connection<R, S> {
    /// Takes a message in one short frame that is whole in the chunk, if nothing else is under way.
    #[inline]
    pub(in crate::connection) fn at_hand<C: Chunk>(&mut self, cursor: &mut Cursor<C>) -> AtHand {
        if IS_LEFT_OUT || !self.core.is_at_ease() {
            return AtHand::Other;
        }
        self.forget_lent();
        if cursor.rest().is_empty() {
            return AtHand::Nothing;
        }
        if !C::IN_PLACE && R::SERVER {
            return AtHand::Other;
        }
        match self.short_message(cursor) {
            Some((kind, start, length)) => AtHand::Message { kind, start, length },
            None => AtHand::Other,
        }
    }

    #[inline]
    fn short_message<C: Chunk>(
        &mut self,
        cursor: &mut Cursor<C>,
    ) -> Option<(MessageKind, usize, usize)> {
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
        self.core.touch();
        self.core.count_activity();
        cursor.advance(2 + extended + mask);
        let start = cursor.at();
        cursor.lend(length, key);
        Some((kind, start, length))
    }

    /// Takes a chunk that is one byte in the middle of a message, and returns whether it did.
    #[inline]
    pub(in crate::connection) fn takes_byte<C: Chunk>(&mut self, cursor: &mut Cursor<C>) -> bool {
        if IS_LEFT_OUT {
            return false;
        }
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
        core.touch();
        core.count_activity();
        cursor.advance(1);
        true
    }
}

impl<R: Role, S: Storage> Core<R, S> {
    /// Whether whole messages can arrive, and none is under way.
    #[inline]
    fn is_at_ease(&self) -> bool {
        matches!(self.phase, Phase::Open)
            && matches!(self.incoming.frame, Frame::Header { length: 0, .. })
            && self.incoming.message.is_none()
            && self.failure.is_none()
            && !self.closing.is_received()
            && self.config.delivery != Delivery::Streaming
    }
}
