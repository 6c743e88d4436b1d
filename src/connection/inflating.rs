//! Receiving compressed messages [RFC 7692 §6.2, §7.2.2], for both deliveries.
//!
//! What comes out of the decompressor is lent as pieces, or joined to a whole message; the limit
//! is checked after each part of it. A message ends with four bytes that are not on the wire.

use super::Connection;
use super::chunk::{Chunk, Cursor, Source};
use super::events::Step;
use super::receive::Flow;
use super::state::{Frame, Incoming, Lent, Payload};
use crate::config::Delivery;
use crate::deflate::{Decompress, Inflated, InvalidDeflate, WindowBits};
use crate::error::Error;
use crate::frame::MaskKey;
use crate::message::MessageKind;
use crate::role::Role;
use crate::storage::{Bytes, Storage};
use crate::utf8;

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
        // Whole messages take all that is at hand, so it can be unmasked first. The payload keeps
        // its key, for what is not here yet.
        let mut unmasked = 0;
        let is_whole = self.core.config.delivery != Delivery::Streaming;
        if C::IN_PLACE && !S::Message::IS_INLINE && is_whole && payload.key.is_some() {
            (unmasked, _) = payload.available(cursor.rest().len());
            cursor.unmask(0, unmasked, payload.key);
        }
        let flow = self.compressed_payload(&mut payload, cursor, &mut unmasked);
        if flow.is_err() {
            // What is not consumed remains as it came.
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
        loop {
            let Some(inflated) = self.inflate(payload, cursor, unmasked)? else {
                return Ok(Flow::Starved);
            };
            let Inflated { start, length, consumed } = inflated;
            if length > 0 {
                if let Some(step) = self.inflated(start, length)? {
                    return Ok(Flow::Step(step));
                }
            } else if consumed == 0 {
                // A decompressor that takes none of the payload must not end its frame early.
                if payload.left > 0 {
                    return Err(Error::InvalidDeflate);
                }
                return self.end_compressed_frame(*payload);
            }
        }
    }

    /// Decompresses what comes next, the payload or the end of the message; `None` if there is
    /// nothing at hand. Nothing consumed and nothing given is the end of the frame.
    fn inflate<C: Chunk>(
        &mut self,
        payload: &mut Payload,
        cursor: &mut Cursor<C>,
        unmasked: &mut usize,
    ) -> Result<Option<Inflated>, Error> {
        let bits = self.core.incoming_window();
        let decompress = &mut self.decompress;
        let inflated;
        if payload.left > 0 {
            let (take, _) = payload.available(cursor.rest().len());
            // Where nothing came out, nothing can be left of what went in.
            if take == 0 && self.core.incoming.length == 0 {
                return Ok(None);
            }
            let input = cursor.peek(take);
            inflated = match payload.key.filter(|_| take > *unmasked) {
                None => decompress.inflate(bits, input)?,
                // The bytes stay masked: it is not known yet how many of them are consumed.
                Some(key) if take <= SHORT || S::Message::IS_INLINE => {
                    inflate_masked::<SHORT, _>(decompress, bits, key, input)?
                }
                Some(key) => inflate_masked::<BLOCK, _>(decompress, bits, key, input)?,
            };
            if take == 0 && inflated.length == 0 {
                return Ok(None);
            }
            cursor.advance(inflated.consumed);
            *unmasked = unmasked.saturating_sub(inflated.consumed);
            payload.advance(inflated.consumed);
            self.core.incoming.frame = Frame::Payload(*payload);
        } else {
            let tail = if payload.fin { &TAIL[..] } else { &[] };
            let tail = tail.get(usize::from(self.core.incoming.tail)..).unwrap_or_default();
            inflated = decompress.inflate(bits, tail)?;
            // At most four.
            self.core.incoming.tail += u8::try_from(inflated.consumed).unwrap_or(0);
        }
        Ok(Some(inflated))
    }

    /// Takes what was decompressed: a piece to tell, or a part of a whole message.
    fn inflated(&mut self, start: usize, length: usize) -> Result<Option<Step>, Error> {
        let incoming = &mut self.core.incoming;
        let bytes = self.decompress.memory().get(start..).unwrap_or_default();
        let bytes = bytes.get(..length).unwrap_or_default();
        let limit = self.core.config.max_message;
        let before = incoming.length;
        // Up to the limit the message counts, as it would had it come in bytes.
        let room = usize::try_from(limit.saturating_sub(before)).unwrap_or(usize::MAX);
        let too_long = length > room;
        let length = length.min(room);
        let bytes = bytes.get(..length).unwrap_or_default();
        let kind = incoming.kind();
        incoming.length += length as u64;
        if self.core.config.delivery != Delivery::Streaming {
            match kind {
                MessageKind::Text => {
                    let append = |text: &str| Ok(self.message.append_text(text, limit)?);
                    incoming.text.feed_to::<Error>(bytes, before, append)?;
                }
                MessageKind::Binary => self.message.append(bytes, limit)?,
            }
            return if too_long { Err(self.core.too_long()) } else { Ok(None) };
        }
        let valid = match kind {
            MessageKind::Text => incoming.text.feed(bytes, before),
            MessageKind::Binary => Ok(()),
        };
        if too_long && length == 0 {
            valid?;
            return Err(self.core.too_long());
        }
        if too_long {
            incoming.frame = Frame::TooLong;
        }
        let source = Source::Inflated { start, length };
        Ok(Some(self.core.incoming.piece(kind, source, valid)?))
    }

    /// Ends a frame of a compressed message, and the message with its last one.
    fn end_compressed_frame(&mut self, payload: Payload) -> Result<Flow, Error> {
        let incoming = &mut self.core.incoming;
        incoming.frame = Frame::NONE;
        let kind = incoming.kind();
        let start = !incoming.started;
        incoming.started = true;
        if payload.fin {
            incoming.text.end(incoming.length)?;
            *incoming = Incoming::NONE;
            let (takeover, _) = self.core.takeovers();
            self.decompress.end_message(takeover)?;
        }
        let source = match self.core.config.delivery {
            Delivery::Whole | Delivery::InPlace if !payload.fin => return Ok(Flow::Next),
            Delivery::Whole | Delivery::InPlace => {
                self.core.lent = Lent::Message;
                let length = self.message.as_slice().len();
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
) -> Result<Inflated, InvalidDeflate> {
    let mut block = [0; N];
    let length = key.copy(masked, &mut block);
    decompress.inflate(bits, block.get(..length).unwrap_or_default())
}

impl Incoming {
    /// A piece without the end of its frame, as far as its text is valid.
    fn piece(
        &mut self,
        kind: MessageKind,
        source: Source,
        valid: Result<(), utf8::Invalid>,
    ) -> Result<Step, Error> {
        let start = !self.started;
        self.started = true;
        let source = match valid {
            Ok(()) => source,
            Err(invalid) if invalid.at == 0 => return Err(invalid.into()),
            Err(invalid) => {
                self.frame = Frame::Invalid { offset: invalid.offset };
                source.shortened(invalid.at)
            }
        };
        Ok(Step::Piece { kind, source, start, frame_end: false, message_end: false })
    }
}

impl<R: Role> super::state::Core<R> {
    /// The error of a message that is decompressed beyond the limit.
    pub(super) fn too_long(&self) -> Error {
        let limit = self.config.max_message;
        Error::MessageTooLong { length: limit.saturating_add(1), limit }
    }

    /// The window of what is received.
    fn incoming_window(&self) -> WindowBits {
        let params = self.deflate.unwrap_or_default();
        if R::SERVER { params.client_max_window_bits } else { params.server_max_window_bits }
    }
}
