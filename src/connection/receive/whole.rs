//! Whole messages: lent from the chunk where they are whole in it, otherwise collected, or left
//! to wait in the caller's input.

use super::cursor::Cursor;
use super::cursor::sealed::Lent as Chunk;
use super::{Connection, Flow, Frame, Incoming, Payload, Source};
use crate::connection::core::Lent;
use crate::connection::events::Step;
use crate::error::Error;
use crate::frame::MaskKey;
use crate::message::MessageKind;
use crate::role::Role;
use crate::slice;
use crate::storage::{Bytes, Storage};

/// The shortest binary payload that waits in the caller's input; a copy of a shorter one costs
/// less than to look at it again.
const WAITS_FROM: u64 = 4096;

/// How many bytes of a text are unmasked where they are, validated and copied at a time.
const IN_PLACE_BLOCK: usize = 8 << 10;

/// How many bytes of a text that must not be changed are unmasked on the stack at a time: fewer
/// where the text is short, or where memory is so small that the stack is, too.
const BLOCK: usize = 2048;
const SHORT: usize = 128;

impl<R: Role, S: Storage> Connection<R, S> {
    /// Takes what is at hand of the payload of a data frame.
    #[inline]
    pub(super) fn whole<C: Chunk>(
        &mut self,
        payload: Payload,
        cursor: &mut Cursor<C>,
    ) -> Result<Flow, Error> {
        let incoming = &mut self.core.incoming;
        let kind = incoming.kind();
        let (take, complete) = payload.available(cursor.rest().len());
        let waiting = incoming.waiting();
        let alone = payload.fin && incoming.length == waiting as u64;
        if alone && Cursor::<C>::can_lend(payload.key) {
            if complete {
                // All of the message is at hand; a text is validated when it is lent.
                cursor.unmask(waiting, take, payload.key);
                let source = cursor.lend(take, None);
                *incoming = Incoming::NONE;
                return Ok(Flow::Step(Step::Message(kind, source)));
            }
            let may_wait = C::WAITS && kind == MessageKind::Binary && payload.left >= WAITS_FROM;
            if may_wait && cursor.can_hold(payload.left) {
                self.wait(payload, cursor, take);
                return Ok(Flow::Starved);
            }
        }
        if take < waiting {
            // Another chunk than the one that they wait in, which lacks some of them: an empty one
            // may be passed at any time.
            return Ok(Flow::Starved);
        }
        self.collect(&payload, cursor, take)?;
        let incoming = &mut self.core.incoming;
        if !complete {
            incoming.frame = Frame::Payload(payload.behind(take));
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

    /// Leaves the next `there` bytes, which are all at hand, to wait where they are, unmasked.
    fn wait<C: Chunk>(&mut self, payload: Payload, cursor: &mut Cursor<C>, there: usize) {
        let incoming = &mut self.core.incoming;
        let waiting = incoming.waiting();
        incoming.frame = Frame::Waiting(payload);
        if there > waiting {
            cursor.unmask(waiting, there, payload.key);
            incoming.length = there as u64;
            self.core.touch();
        }
    }

    /// Moves the next `take` bytes to the message, unmasked, and validated if it is a text.
    // A call costs a short fragment a tenth of its time; without an allocator code has to be small.
    #[cfg_attr(feature = "alloc", inline(always))]
    #[cfg_attr(not(feature = "alloc"), inline)]
    fn collect<C: Chunk>(
        &mut self,
        payload: &Payload,
        cursor: &mut Cursor<C>,
        take: usize,
    ) -> Result<(), Error> {
        if let Frame::Waiting(_) = self.core.incoming.frame {
            return self.collect_waiting(payload, cursor, take);
        }
        if self.core.incoming.kind() == MessageKind::Text {
            self.collect_text(payload.key, cursor, take)?;
        } else {
            let limit = self.core.config.max_message;
            self.memory.message.append_unmasked(cursor.peek(take), payload.key, limit)?;
            self.core.incoming.length += take as u64;
        }
        cursor.advance(take);
        Ok(())
    }

    /// [`collect`](Self::collect) where bytes waited in an input, and the caller now passes them in
    /// another kind of chunk, unmasked.
    #[cold]
    fn collect_waiting<C: Chunk>(
        &mut self,
        payload: &Payload,
        cursor: &mut Cursor<C>,
        take: usize,
    ) -> Result<(), Error> {
        let unmasked = self.core.incoming.waiting().min(take);
        let key = payload.key.map(|key| key.advanced(unmasked));
        for (count, key) in [(unmasked, None), (take - unmasked, key)] {
            let limit = self.core.config.max_message;
            self.memory.message.append_unmasked(cursor.peek(count), key, limit)?;
            cursor.advance(count);
        }
        self.core.incoming.length = take as u64;
        Ok(())
    }

    /// Appends the next bytes of a text to the message, unmasked and validated. Nothing is consumed.
    #[inline(never)]
    fn collect_text<C: Chunk>(
        &mut self,
        key: Option<MaskKey>,
        cursor: &mut Cursor<C>,
        take: usize,
    ) -> Result<(), Error> {
        match key {
            None => self.append_text(cursor.peek(take)),
            Some(key) if C::IN_PLACE && take > SHORT => {
                self.memory.message.reserve(take, self.core.config.max_message)?;
                let mut from = 0;
                while from < take {
                    let to = take.min(from + IN_PLACE_BLOCK);
                    if let Err(error) = self.append_text(cursor.unmask(from, to, Some(key))) {
                        // Bytes that are not consumed remain as they came.
                        cursor.unmask(0, to, Some(key));
                        return Err(error);
                    }
                    from = to;
                }
                Ok(())
            }
            // A storage without an allocator comes with a small stack.
            Some(key) if take <= SHORT || S::Message::IS_INLINE => {
                self.append_masked_text::<SHORT>(key, cursor.peek(take))
            }
            Some(key) => self.append_masked_text::<BLOCK>(key, cursor.peek(take)),
        }
    }

    /// Appends masked text block by block, so that it is copied while it is in the cache.
    fn append_masked_text<const N: usize>(
        &mut self,
        key: MaskKey,
        bytes: &[u8],
    ) -> Result<(), Error> {
        const { assert!(N % 4 == 0, "the key has the same phase before every block") };
        // All of it is at hand, so there is no need to grow block by block.
        self.memory.message.reserve(bytes.len(), self.core.config.max_message)?;
        let mut block = [0; N];
        for masked in bytes.chunks(N) {
            let length = key.copy(masked, &mut block);
            self.append_text(slice::head(&block, length))?;
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
}
