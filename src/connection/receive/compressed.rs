//! Receiving compressed messages [RFC 7692 §6.2, §7.2.2], for both deliveries.
//!
//! What comes out of the decompressor is lent as pieces, or joined to a whole message; the limit
//! is checked after each part of it. A message ends with four bytes that are not on the wire.

use super::cursor::Cursor;
use super::cursor::sealed::Lent as Chunk;
use super::{Connection, Core, Flow, Frame, Incoming, Payload, Source};
use crate::config::Delivery;
use crate::connection::core::Lent;
use crate::connection::events::Step;
use crate::deflate::{Decompress, Inflated, Refused, WindowBits};
use crate::error::Error;
use crate::frame::MaskKey;
use crate::message::MessageKind;
use crate::role::Role;
use crate::slice;
use crate::storage::{Bytes, Storage};

/// What a sender has left out at the end of a message.
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// How many masked bytes are decompressed at a time; fewer where there are not so many, or where
/// memory is so small that the stack will be, too.
const BLOCK: usize = 4096;
const SHORT: usize = 256;

impl<R: Role, S: Storage> Connection<R, S> {
    /// The payload of a frame of a compressed message.
    ///
    /// Its block is not to be on the stack of whatever else is received.
    #[inline(never)]
    pub(super) fn compressed<C: Chunk>(
        &mut self,
        mut payload: Payload,
        cursor: &mut Cursor<C>,
    ) -> Result<Flow, Error> {
        self.core.incoming.frame = Frame::Payload(payload);
        // Whole messages take all that is at hand, so it can be unmasked first. The payload keeps
        // its key, for what is not here yet.
        let mut unmasked = 0;
        let is_whole = self.core.config.delivery != Delivery::Streaming;
        if C::IN_PLACE && !S::Message::IS_INLINE && is_whole && payload.key.is_some() {
            (unmasked, _) = payload.available(cursor.rest().len());
            cursor.unmask(0, unmasked, payload.key);
        }
        let flow = self.compressed_payload(&mut payload, cursor, &mut unmasked);
        if flow.is_err() && unmasked > 0 {
            // Bytes that are not consumed remain as they came.
            cursor.unmask(0, unmasked, payload.key);
        }
        flow
    }

    /// The payload of a frame of a compressed message, of which the next bytes may be unmasked: all
    /// that are at hand, or none.
    fn compressed_payload<C: Chunk>(
        &mut self,
        payload: &mut Payload,
        cursor: &mut Cursor<C>,
        unmasked: &mut usize,
    ) -> Result<Flow, Error> {
        // Whether all output of what was taken is out.
        let mut drained = false;
        loop {
            let room = self.core.room();
            let Inflated { start, length, more, .. } = if payload.left > 0 {
                let (take, _) = payload.available(cursor.rest().len());
                // Where nothing came out, nothing can be left of what went in.
                if take == 0 && self.core.incoming.length == 0 {
                    return Ok(Flow::Starved);
                }
                self.inflate(payload, cursor, take, unmasked, room)?
            } else {
                self.inflate_tail(payload, room, drained)?
            };
            drained = !more;
            if length > 0 {
                if let Some(step) = self.inflated(start, length)? {
                    return Ok(Flow::Step(step));
                }
            } else if more {
                return Err(self.core.too_long());
            }
            if more {
                continue;
            }
            if payload.left == 0 && (!payload.fin || self.has_tail()) {
                return self.end_compressed_frame(*payload);
            }
            if payload.left > 0 && cursor.rest().is_empty() {
                return Ok(Flow::Starved);
            }
        }
    }

    /// Decompresses some of the next `take` bytes of the payload.
    fn inflate<C: Chunk>(
        &mut self,
        payload: &mut Payload,
        cursor: &mut Cursor<C>,
        take: usize,
        unmasked: &mut usize,
        room: usize,
    ) -> Result<Inflated, Error> {
        let bits = self.core.incoming_window();
        let decompress = &mut self.memory.decompress;
        let input = cursor.peek(take);
        let inflated = match payload.key.filter(|_| take > *unmasked) {
            None => decompress.inflate(bits, input, room)?,
            // The bytes stay masked: it is not known yet how many of them are consumed.
            Some(key) if take <= SHORT || S::Message::IS_INLINE => {
                inflate_masked::<SHORT, _>(decompress, bits, key, input, room)?
            }
            Some(key) => inflate_masked::<BLOCK, _>(decompress, bits, key, input, room)?,
        };
        cursor.advance(inflated.consumed);
        *unmasked = unmasked.saturating_sub(inflated.consumed);
        payload.advance(inflated.consumed);
        self.core.incoming.frame = Frame::Payload(*payload);
        Ok(inflated)
    }

    /// Decompresses what is left of the frame's output, and of the message's end after its last
    /// frame.
    ///
    /// Whether the message needs that end shows when nothing else is left.
    fn inflate_tail(
        &mut self,
        payload: &Payload,
        room: usize,
        drained: bool,
    ) -> Result<Inflated, Error> {
        let incoming = &self.core.incoming;
        let drained = drained || incoming.length == 0 || incoming.tail > 0;
        let tail = if payload.fin && drained && !self.has_tail() { &TAIL[..] } else { &[] };
        let tail = tail.get(usize::from(self.core.incoming.tail)..).unwrap_or_default();
        if tail.is_empty() && self.core.incoming.length == 0 {
            return Ok(Inflated { consumed: 0, start: 0, length: 0, more: false });
        }
        let inflated = self.memory.decompress.inflate(self.core.incoming_window(), tail, room)?;
        // At most four.
        self.core.incoming.tail += u8::try_from(inflated.consumed).unwrap_or(0);
        Ok(inflated)
    }

    /// Whether the end of the message, which is not on the wire, was decompressed or is not needed.
    fn has_tail(&self) -> bool {
        match self.core.incoming.tail {
            0 => self.memory.decompress.is_complete(),
            tail => usize::from(tail) == TAIL.len(),
        }
    }

    /// Takes what was decompressed: a piece to hand out, or a part of a whole message.
    fn inflated(&mut self, start: usize, length: usize) -> Result<Option<Step>, Error> {
        let incoming = &mut self.core.incoming;
        let bytes = slice::part(self.memory.decompress.memory(), start, length);
        let before = incoming.length;
        let kind = incoming.kind();
        incoming.length += length as u64;
        if self.core.config.delivery != Delivery::Streaming {
            let limit = self.core.config.max_message;
            match kind {
                MessageKind::Text => {
                    let append = |text: &str| Ok(self.memory.message.append_text(text, limit)?);
                    incoming.text.feed_to::<Error>(bytes, before, append)?;
                }
                MessageKind::Binary => self.memory.message.append(bytes, limit)?,
            }
            return Ok(None);
        }
        let valid = match kind {
            MessageKind::Text => incoming.text.feed(bytes, before),
            MessageKind::Binary => Ok(()),
        };
        let source = Source::Inflated { start, length };
        Ok(Some(self.core.incoming.piece(source, valid, false, false)?))
    }

    /// Ends a frame of a compressed message, and the message with its last one.
    fn end_compressed_frame(&mut self, payload: Payload) -> Result<Flow, Error> {
        let incoming = &mut self.core.incoming;
        incoming.frame = Frame::NONE;
        let kind = incoming.kind();
        let start = !incoming.started;
        incoming.started = true;
        incoming.before_frame = incoming.length;
        if payload.fin {
            incoming.text.end(incoming.length)?;
            *incoming = Incoming::NONE;
            let (takeover, _) = self.core.takeovers();
            self.memory.decompress.end_message(takeover)?;
        }
        let source = match self.core.config.delivery {
            Delivery::Whole if !payload.fin => return Ok(Flow::Next),
            Delivery::Whole => {
                self.core.lent = Lent::Message;
                let length = self.memory.message.as_slice().len();
                return Ok(Flow::Step(Step::Message(kind, Source::Message { length })));
            }
            Delivery::Streaming => Source::Inflated { start: 0, length: 0 },
        };
        let message_end = payload.fin;
        Ok(Flow::Step(Step::Piece { kind, source, start, frame_end: true, message_end }))
    }
}

/// Decompresses the first `N` bytes of a masked payload, or as many as there are.
#[inline]
fn inflate_masked<const N: usize, D: Decompress>(
    decompress: &mut D,
    bits: WindowBits,
    key: MaskKey,
    masked: &[u8],
    room: usize,
) -> Result<Inflated, Refused> {
    let mut block = [0; N];
    let length = key.copy(masked, &mut block);
    decompress.inflate(bits, slice::head(&block, length), room)
}

impl<R: Role, S: Storage> Core<R, S> {
    /// How many more bytes the frame under way, and its message, may be decompressed to.
    fn room(&self) -> usize {
        let length = self.incoming.length;
        let message = self.config.max_message.saturating_sub(length);
        let frame = self.config.max_frame.saturating_sub(length - self.incoming.before_frame);
        usize::try_from(message.min(frame)).unwrap_or(usize::MAX)
    }

    /// The error of a message, or a frame, that is decompressed beyond its limit.
    fn too_long(&self) -> Error {
        let limit = self.config.max_message;
        if self.incoming.length >= limit {
            return Error::MessageTooLong { length: limit.saturating_add(1), limit };
        }
        let limit = self.config.max_frame;
        Error::FrameTooLong { length: limit.saturating_add(1), limit }
    }

    /// The window of what is received.
    fn incoming_window(&self) -> WindowBits {
        let params = self.deflate.unwrap_or_default();
        if R::SERVER { params.client_max_window_bits } else { params.server_max_window_bits }
    }
}
