//! Receiving frames [RFC 6455 §5, §6.2].
//!
//! ```text
//!   Header ──── complete ────► Payload ──── complete ────► Header
//!   (0 to 13 bytes are kept)    │ ▲  │
//!                               │ │  └─► Invalid: a byte that the text cannot contain;
//!                               ▼ │               the next step fails
//!                             Waiting ───── complete ────► Header
//!                             (in the caller's input; back only if the caller
//!                              passes another kind of chunk)
//! ```
//!
//! [`fast`] takes whole short messages and single bytes before anything else looks at them;
//! [`header`] reads headers; [`control`], [`whole`], [`pieces`] and [`compressed`] each take one
//! kind of payload.

mod compressed;
mod control;
pub(super) mod cursor;
pub(super) mod fast;
mod header;
mod pieces;
mod whole;

use super::Connection;
use super::closing::Halt;
use super::core::{Core, Phase};
use super::events::Step;
use crate::buffer::Buffer;
use crate::config::Delivery;
use crate::error::Error;
use crate::frame::{FrameHeader, MaskKey, Opcode};
use crate::message::MessageKind;
use crate::role::Role;
use crate::storage::{Bytes, Storage};
use crate::utf8::{self, Validator};
use cursor::Cursor;
use cursor::sealed::Lent as Chunk;

/// How far the receiving of frames has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming {
    frame: Frame,
    /// The kind of the message under way.
    message: Option<MessageKind>,
    /// Whether a piece of the message was handed out.
    started: bool,
    /// Whether the message is compressed.
    compressed: bool,
    /// How many bytes of the end that compressed messages are sent without were decompressed.
    tail: u8,
    /// How many bytes of the message were received, after decompression.
    length: u64,
    /// How many of them arrived in earlier frames; kept for compressed messages.
    before_frame: u64,
    text: Validator,
}

/// The frame under way.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// The first `length` bytes of its header.
    Header { bytes: [u8; FrameHeader::MAX_LEN], length: u8 },
    /// The rest of its payload.
    Payload(Payload),
    /// Its payload, of which as many bytes wait in the caller's input, unmasked, as the message has
    /// so far.
    Waiting(Payload),
    /// Its payload up to a byte that its text cannot contain; the next step is the error.
    Invalid { offset: u64 },
}

/// The rest of a payload.
#[derive(Clone, Copy, Debug)]
struct Payload {
    opcode: Opcode,
    fin: bool,
    /// The key for the next byte.
    key: Option<MaskKey>,
    /// How many bytes are still to be consumed.
    left: u64,
}

/// The place of the bytes of an event.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// In the chunk.
    Chunk { start: usize, length: usize },
    /// At the start of the message memory.
    Message { length: usize },
    /// The memory for control frames, all of it.
    Control,
    /// In the memory of the decompressor.
    Inflated { start: usize, length: usize },
}

/// The result of a part of a payload.
enum Flow {
    /// The chunk is used up.
    Starved,
    /// The frame is over, and there is no event.
    Next,
    Step(Step),
}

impl Source {
    /// The first `length` bytes of it.
    fn shortened(self, length: usize) -> Self {
        match self {
            Self::Chunk { start, .. } => Self::Chunk { start, length },
            Self::Message { .. } => Self::Message { length },
            Self::Control => Self::Control,
            Self::Inflated { start, .. } => Self::Inflated { start, length },
        }
    }
}

impl Frame {
    const NONE: Self = Self::Header { bytes: [0; FrameHeader::MAX_LEN], length: 0 };
}

impl Incoming {
    pub(super) const NONE: Self = Self {
        frame: Frame::NONE,
        message: None,
        started: false,
        compressed: false,
        tail: 0,
        length: 0,
        before_frame: 0,
        text: Validator::NONE,
    };

    /// Whether no payload is under way.
    pub(super) fn is_between_frames(&self) -> bool {
        matches!(self.frame, Frame::Header { .. })
    }

    /// Whether no message is under way.
    pub(super) fn is_between_messages(&self) -> bool {
        self.message.is_none()
    }

    /// The kind of the message under way.
    #[inline]
    fn kind(&self) -> MessageKind {
        // The payload of a data frame is never reached without: its header sets it.
        self.message.unwrap_or(MessageKind::Binary)
    }

    /// How many of the next bytes wait in the caller's input, unmasked.
    #[inline]
    fn waiting(&self) -> usize {
        match self.frame {
            Frame::Waiting(_) => usize::try_from(self.length).unwrap_or(usize::MAX),
            _ => 0,
        }
    }

    /// How many bytes the frame that waits in the input still needs.
    fn wanted(&self, at_hand: usize) -> u64 {
        match self.frame {
            Frame::Waiting(payload) => payload.left.saturating_sub(at_hand as u64),
            _ => 0,
        }
    }
}

impl Payload {
    /// How many of the bytes at hand belong to the payload, and whether it ends with them.
    #[inline]
    fn available(&self, at_hand: usize) -> (usize, bool) {
        match usize::try_from(self.left) {
            Ok(left) if left <= at_hand => (left, true),
            _ => (at_hand, false),
        }
    }

    /// The payload behind the next `count` bytes.
    #[inline]
    fn behind(mut self, count: usize) -> Self {
        self.advance(count);
        self
    }

    /// Goes on behind `count` bytes.
    #[inline]
    fn advance(&mut self, count: usize) {
        self.left -= count as u64;
        self.key = self.key.map(|key| key.advanced(count));
    }
}

impl<R: Role, S: Storage> Connection<R, S> {
    /// Consumes bytes up to the next event.
    #[inline]
    pub(super) fn step<C: Chunk, B: Buffer>(
        &mut self,
        cursor: &mut Cursor<C>,
        out: &mut B,
    ) -> Result<Option<Step>, Halt> {
        if let Some(error) = self.core.failure {
            return Err(Halt::Error(error));
        }
        self.forget_lent();
        match self.core.phase {
            Phase::Open => self.frames(cursor, out),
            _ => self.handshake(cursor, out),
        }
    }

    /// Consumes frames up to the next event.
    #[inline]
    fn frames<C: Chunk, B: Buffer>(
        &mut self,
        cursor: &mut Cursor<C>,
        out: &mut B,
    ) -> Result<Option<Step>, Halt> {
        loop {
            if self.core.closing.is_received() {
                // Nothing that follows a close frame is read [RFC 6455 §5.5.1].
                cursor.discard();
                return Ok(None);
            }
            let flow = match self.payload(cursor)? {
                None => return Ok(None),
                Some(payload) if payload.opcode.is_control() => {
                    self.control(payload, cursor, out)?
                }
                Some(payload) => self.data(payload, cursor)?,
            };
            match flow {
                Flow::Step(step) => return Ok(Some(step)),
                Flow::Next => {}
                Flow::Starved => return Ok(None),
            }
        }
    }

    /// The payload under way, or that of the next frame once its header is complete.
    #[inline]
    fn payload<C: Chunk>(&mut self, cursor: &mut Cursor<C>) -> Result<Option<Payload>, Error> {
        match self.core.incoming.frame {
            Frame::Payload(payload) | Frame::Waiting(payload) => return Ok(Some(payload)),
            Frame::Invalid { offset } => return Err(Error::InvalidUtf8 { offset }),
            Frame::Header { .. } => {}
        }
        let (consumed, payload) = self.core.header(cursor.rest())?;
        cursor.advance(consumed);
        if payload.is_some_and(|payload| payload.opcode.is_control()) {
            self.memory.control.truncate(0);
        }
        Ok(payload)
    }

    /// Takes what is at hand of the payload of a data frame.
    #[inline]
    fn data<C: Chunk>(&mut self, payload: Payload, cursor: &mut Cursor<C>) -> Result<Flow, Error> {
        // Neither an empty chunk nor bytes that waited already are activity; a header was counted
        // when it was complete.
        let waiting = if C::WAITS { self.core.incoming.waiting() } else { 0 };
        if cursor.rest().len() > waiting {
            self.core.count_activity();
        }
        if S::DEFLATES && self.core.incoming.compressed {
            return self.compressed(payload, cursor);
        }
        match self.core.config.delivery {
            Delivery::Whole => self.whole(payload, cursor),
            Delivery::Streaming => self.streaming(payload, cursor),
        }
    }
}

impl<R: Role, S: Storage> Core<R, S> {
    /// A part of a message was received. It does not delay the end of a closing handshake.
    #[inline]
    fn count_activity(&mut self) {
        if !self.closing.is_sent() {
            self.timers.touch_data();
        }
    }

    /// How many bytes the frame that waits in the input still needs; 0 if none waits.
    pub(super) fn wanted(&self, at_hand: usize) -> u64 {
        match self.failure {
            None => self.incoming.wanted(at_hand),
            Some(_) => 0,
        }
    }
}

impl utf8::Invalid {
    /// The same place as an index in another slice.
    fn at(self, at: usize) -> Self {
        Self { at, ..self }
    }
}

impl From<utf8::Invalid> for Error {
    fn from(invalid: utf8::Invalid) -> Self {
        Self::InvalidUtf8 { offset: invalid.offset }
    }
}
