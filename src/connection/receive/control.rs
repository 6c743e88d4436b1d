//! Control frames [RFC 6455 §5.5]: pings and close frames are answered as they are consumed.

use super::cursor::Cursor;
use super::cursor::sealed::Lent as Chunk;
use super::{Connection, Flow, Frame, Payload, Source};
use crate::buffer::Buffer;
use crate::connection::closing::Halt;
use crate::connection::events::Step;
use crate::error::Error;
use crate::frame::{CloseFrame, MAX_CONTROL_PAYLOAD, Opcode};
use crate::role::Role;
use crate::storage::{Bytes, Storage};

impl<R: Role, S: Storage> Connection<R, S> {
    /// Takes the payload of a control frame: it is collected if it arrives in parts.
    pub(super) fn control<C: Chunk, B: Buffer>(
        &mut self,
        payload: Payload,
        cursor: &mut Cursor<C>,
        out: &mut B,
    ) -> Result<Flow, Halt> {
        let (take, complete) = payload.available(cursor.rest().len());
        if !complete {
            self.collect_control(payload, cursor, take)?;
            return Ok(Flow::Starved);
        }

        // A frame whose answer does not fit the output is not consumed.
        let total = self.memory.control.as_slice().len() + take;
        let answer = match payload.opcode {
            Opcode::Ping if self.core.config.auto_pong => Some(total),
            Opcode::Close if self.core.config.auto_close && !self.core.closing.is_sent() => {
                Some(if total < 2 { 0 } else { 2 })
            }
            _ => None,
        };
        let ticket = match answer {
            Some(length) => match self.core.reserve_frame(length, out) {
                Ok(ticket) => Some(ticket),
                Err(unsent) => {
                    self.core.incoming.frame = Frame::Payload(payload);
                    return Err(unsent.into());
                }
            },
            None => None,
        };

        // A close frame is kept for the report.
        let keep = total != take || payload.opcode == Opcode::Close;
        let source = if !keep && Cursor::<C>::can_lend(payload.key) {
            cursor.lend(take, payload.key)
        } else {
            self.collect_control(payload, cursor, take)?;
            Source::Control
        };
        self.core.incoming.frame = Frame::NONE;
        let bytes = self.memory.bytes(source, cursor.bytes());
        Ok(Flow::Step(match payload.opcode {
            Opcode::Ping => {
                if let Some(ticket) = ticket {
                    ticket.write(Opcode::Pong, true, bytes, out);
                }
                Step::Ping(source)
            }
            Opcode::Pong => Step::Pong(source),
            _ => {
                let frame = CloseFrame::parse(bytes).map_err(Error::from)?;
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
}
