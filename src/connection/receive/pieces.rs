//! Messages piece by piece as they arrive, with [`Delivery::Streaming`](crate::Delivery::Streaming).

use super::cursor::Cursor;
use super::cursor::sealed::Lent as Chunk;
use super::{Connection, Flow, Frame, Incoming, Payload, Source};
use crate::connection::core::Lent;
use crate::connection::events::Step;
use crate::error::Error;
use crate::message::MessageKind;
use crate::role::Role;
use crate::storage::{Bytes, Storage};
use crate::utf8::Invalid;

impl<R: Role, S: Storage> Connection<R, S> {
    /// Takes what is at hand of the payload of a data frame as a piece.
    pub(super) fn streaming<C: Chunk>(
        &mut self,
        mut payload: Payload,
        cursor: &mut Cursor<C>,
    ) -> Result<Flow, Error> {
        let can_lend = Cursor::<C>::can_lend(payload.key);
        let at_hand = cursor.rest().len();
        // A piece that has to be copied is at most as long as the memory for it.
        let at_hand = if can_lend { at_hand } else { at_hand.min(S::Message::LIMIT.max(1)) };
        let (take, complete) = payload.available(at_hand);
        if take == 0 && !complete {
            self.core.incoming.frame = Frame::Payload(payload);
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
        let incoming = &mut self.core.incoming;
        incoming.frame = if complete { Frame::NONE } else { Frame::Payload(payload) };

        let kind = incoming.kind();
        let message_end = complete && payload.fin;
        let mut valid = Ok(());
        if kind == MessageKind::Text {
            let text = self.memory.bytes(source, cursor.bytes());
            valid = incoming.text.feed(text, incoming.length);
        }
        incoming.length += take as u64;
        if message_end && valid.is_ok() {
            valid = incoming.text.end(incoming.length).map_err(|end| end.at(take));
        }
        let piece = incoming.piece(source, valid, complete, message_end)?;
        if message_end && valid.is_ok() {
            *incoming = Incoming::NONE;
        }
        Ok(Flow::Step(piece))
    }
}

impl Incoming {
    /// A piece, up to the first byte that its text cannot contain: that much would have been
    /// handed out had it arrived byte by byte.
    pub(super) fn piece(
        &mut self,
        source: Source,
        valid: Result<(), Invalid>,
        frame_end: bool,
        message_end: bool,
    ) -> Result<Step, Error> {
        let kind = self.kind();
        let start = !self.started;
        self.started = true;
        match valid {
            Ok(()) => Ok(Step::Piece { kind, source, start, frame_end, message_end }),
            Err(invalid) if invalid.at == 0 => Err(invalid.into()),
            Err(invalid) => {
                self.frame = Frame::Invalid { offset: invalid.offset };
                let source = source.shortened(invalid.at);
                Ok(Step::Piece { kind, source, start, frame_end: false, message_end: false })
            }
        }
    }
}
