//! The handle that sends, with an event or at any other time.

use core::fmt;

use super::core::{Core, Phase};
use super::memory::Memory;
#[cfg(feature = "alloc")]
use super::prepared::Prepared;
use super::status::{State, TransportAction};
use crate::buffer::{Buffer, Room, Sent};
use crate::deflate::Compression;
use crate::frame::{CloseFrame, MaskKey, Opcode};
use crate::handshake::{Accept, Response};
use crate::message::{AsMessage, Fragment};
use crate::misuse::{ResponseError, SendError, Unsent, apart};
use crate::role::{Role, Server};
use crate::storage::Storage;

/// Sends: with each event, to the output that was passed to
/// [`receive`](crate::Connection::receive), and at any time from
/// [`Connection::sender`](crate::Connection::sender).
///
/// Each call appends whole frames to the output, or nothing. What it returns depends on the type of
/// the output, see [`Sent`]: for a `Vec<u8>` it is `()`, and for an output that can be full it is a
/// `Result` with [`Full`](crate::Full).
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use sansocket::{Compression, Config, Connection, Fragment, MessageKind, Server};
///
/// let mut server = Connection::established(Server, None, Config::new());
/// let mut out = Vec::new();
/// server.sender(&mut out).send("tick")?;
/// server.sender(&mut out).compression(Compression::Never).send(b"\x00\x01")?;
///
/// let mut sender = server.sender(&mut out);
/// sender.send_fragment(Fragment::First(MessageKind::Text), b"Hel")?;
/// sender.ping(b"")?;
/// sender.send_fragment(Fragment::Last, b"lo")?;
/// assert_eq!(out, b"\x81\x04tick\x82\x02\x00\x01\x01\x03Hel\x89\x00\x80\x02lo");
/// # }
/// # Ok::<(), sansocket::SendError>(())
/// ```
///
/// # Answers after a close frame
///
/// Messages are still received after this side has sent a close frame, and an answer to them can
/// no longer be sent. A handle that comes with an event drops such an answer and returns success,
/// so that `?` does not abort the closing handshake. A handle from
/// [`Connection::sender`](crate::Connection::sender) returns [`SendError::Closed`].
pub struct Sender<'a, R: Role, S: Storage, B> {
    core: &'a mut Core<R, S>,
    memory: &'a Memory<S>,
    out: &'a mut B,
    compression: Compression,
    /// It comes with an event.
    answers: bool,
}

impl<'a, R: Role, S: Storage, B> Sender<'a, R, S, B> {
    /// The handle that comes with an event.
    #[inline]
    pub(super) fn beside(core: &'a mut Core<R, S>, memory: &'a Memory<S>, out: &'a mut B) -> Self {
        Self { core, memory, out, compression: Compression::Automatic, answers: true }
    }

    /// The handle for any other time.
    #[inline]
    pub(super) fn alone(core: &'a mut Core<R, S>, memory: &'a Memory<S>, out: &'a mut B) -> Self {
        Self { core, memory, out, compression: Compression::Automatic, answers: false }
    }

    /// Sets whether this handle compresses what it sends, where compression was agreed on.
    ///
    /// A message that compression would not make shorter is sent plain in any case.
    #[inline]
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Borrows this handle, to set options for some calls only.
    #[inline]
    pub fn by_ref(&mut self) -> Sender<'_, R, S, B> {
        let (compression, answers) = (self.compression, self.answers);
        Sender { core: self.core, memory: self.memory, out: self.out, compression, answers }
    }

    #[cfg(feature = "alloc")]
    pub(super) fn parts(&mut self) -> (&mut Core<R, S>, Compression) {
        (self.core, self.compression)
    }

    /// The output, with all that was appended to it.
    pub fn out(&mut self) -> &mut B {
        self.out
    }

    /// What to do about the transport now.
    #[must_use]
    pub fn transport(&self) -> TransportAction {
        self.core.transport()
    }

    /// The state of the connection.
    #[must_use]
    pub fn state(&self) -> State {
        self.core.state()
    }
}

impl<S: Storage, B: Buffer> Sender<'_, Server, S, B> {
    /// Accepts the request of [`Event::Request`](crate::Event::Request): appends the response with
    /// status 101, from which on messages can be sent.
    ///
    /// To accept later, for example after authentication, leave the event loop and call
    /// `connection.sender(&mut out).accept(..)`; then go on with
    /// [`receive`](crate::Connection::receive), first with the bytes that were left.
    ///
    /// # Errors
    ///
    /// [`ResponseError::NoRequest`], [`NotAnUpgrade`](ResponseError::NotAnUpgrade),
    /// [`ProtocolNotOffered`](ResponseError::ProtocolNotOffered),
    /// [`InvalidHeader`](ResponseError::InvalidHeader) or [`Closed`](ResponseError::Closed).
    /// The request is still waiting then.
    pub fn accept(&mut self, accept: Accept<'_>) -> Result<Sent<B>, ResponseError> {
        apart::<B, _, _>(self.core.accept(self.memory, &accept, self.out))
    }

    /// Rejects a request, or answers a plain one. TCP is to be closed afterwards.
    ///
    /// # Errors
    ///
    /// [`ResponseError::NoRequest`], [`InvalidStatus`](ResponseError::InvalidStatus),
    /// [`InvalidHeader`](ResponseError::InvalidHeader) or [`Closed`](ResponseError::Closed).
    /// The request is still waiting then.
    pub fn respond(&mut self, response: &Response<'_>) -> Result<Sent<B>, ResponseError> {
        apart::<B, _, _>(self.core.respond(response, self.out))
    }
}

impl<R: Role, S: Storage, B: Buffer> Sender<'_, R, S, B> {
    /// Sends a whole message in one frame [RFC 6455 §6.1].
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`], [`Closed`](SendError::Closed),
    /// [`Fragmented`](SendError::Fragmented) or [`Entropy`](SendError::Entropy). Nothing is changed
    /// then.
    #[inline]
    pub fn send(&mut self, message: impl AsMessage) -> Result<Sent<B>, SendError> {
        let sent = self.core.send(message.as_message(), self.compression, self.out);
        self.sent(sent)
    }

    /// Sends a message that was prepared for many connections.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[cfg(feature = "alloc")]
    pub fn send_prepared(&mut self, message: &Prepared) -> Result<Sent<B>, SendError> {
        let sent = self.core.send_prepared(message, self.compression, self.out);
        self.sent(sent)
    }

    /// Sends a fragment of a message [RFC 6455 §5.4].
    ///
    /// Fragments of a text may be cut anywhere; it is up to the caller that together they are
    /// UTF-8. Pings, pongs and a close frame may be sent between fragments, but no other message.
    ///
    /// The first fragment decides whether the message is compressed, by
    /// [`compression`](Self::compression) and
    /// [`DeflateConfig::threshold`](crate::DeflateConfig::threshold), as only its frame can say so
    /// [RFC 7692 §6]. The peer can decompress each fragment as soon as it has arrived, which costs
    /// some bytes for each, and a fragment that does not get shorter cannot be sent plain. So compress
    /// long fragments, and few: those of a few bytes get longer.
    ///
    /// For a fragment of a compressed message an output that can be full needs room for the longest
    /// that it can become, since it must be sent once the compressor has seen it: its length and an
    /// eighth, a 64th and 24 bytes more on the heap; with [`FixedDeflate`](crate::FixedDeflate) 5
    /// bytes more for each 256 or part of them, and 7; and the headers.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); [`SendError::NotFragmented`] for [`Fragment::Middle`] or
    /// [`Fragment::Last`] while no message is under way; [`SendError::Compressed`] for
    /// [`Compression::Never`] in a message whose first fragment was compressed.
    pub fn send_fragment(
        &mut self,
        fragment: Fragment,
        payload: &[u8],
    ) -> Result<Sent<B>, SendError> {
        let sent = self.core.send_fragment(fragment, payload, self.compression, self.out);
        self.sent(sent)
    }

    /// Sends only the header of a data frame, for a payload that the caller writes itself, for
    /// example with a vectored write.
    ///
    /// The next `payload_len` bytes on the wire behind the output must be the payload, passed
    /// through [`PayloadMask::apply`] first; a server's mask changes nothing. Nothing else may be
    /// appended before: in the event loop, stop taking events, write the output and the payload,
    /// then go on. As a client, have the payload ready, and do not change it once the header is
    /// written, which shows its key [RFC 6455 §10.3]. The frame is plain, and so is the message.
    ///
    /// # Errors
    ///
    /// As [`send_fragment`](Self::send_fragment); [`SendError::FrameTooLong`] from 2^63 on,
    /// [`SendError::Compressed`] in a message whose first fragment was compressed. Also
    /// [`SendError::Closed`] with an event.
    pub fn begin_frame(
        &mut self,
        fragment: Fragment,
        payload_len: u64,
    ) -> Result<Sent<B, PayloadMask>, SendError> {
        apart::<B, _, _>(self.core.begin_frame(fragment, payload_len, self.out))
    }

    /// Sends a ping with a payload of at most 125 bytes [RFC 6455 §5.5.2].
    ///
    /// # Errors
    ///
    /// [`SendError::ControlTooLong`], [`NotOpen`](SendError::NotOpen),
    /// [`Closed`](SendError::Closed) or [`Entropy`](SendError::Entropy). Nothing is changed then.
    pub fn ping(&mut self, payload: &[u8]) -> Result<Sent<B>, SendError> {
        let sent = self.core.send_control(Opcode::Ping, payload, self.out);
        self.sent(sent)
    }

    /// Sends a pong with a payload of at most 125 bytes, also without a ping [RFC 6455 §5.5.3].
    ///
    /// It can be sent after a close frame, too, until that of the peer is received.
    ///
    /// # Errors
    ///
    /// As [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8]) -> Result<Sent<B>, SendError> {
        let sent = self.core.send_control(Opcode::Pong, payload, self.out);
        self.sent(sent)
    }

    /// Sends a close frame: starts the closing handshake, or answers the peer's close frame
    /// [RFC 6455 §7.1.2].
    ///
    /// `frame` is a [`CloseCode`](crate::CloseCode), a code with a reason as in
    /// `(CloseCode::NORMAL, "bye")`, or a [`CloseFrame`]. Nothing more can be sent afterwards.
    /// Messages are still received until the peer's close frame arrives.
    ///
    /// # Errors
    ///
    /// [`SendError::ReasonTooLong`], [`NotOpen`](SendError::NotOpen),
    /// [`Closed`](SendError::Closed) or [`Entropy`](SendError::Entropy). Nothing is changed then.
    pub fn close<'f>(&mut self, frame: impl Into<CloseFrame<'f>>) -> Result<Sent<B>, SendError> {
        let sent = self.core.close(&frame.into(), self.out);
        self.sent(sent)
    }

    /// The result of a call. What comes too late as an answer is dropped, as the caller could not
    /// know.
    #[inline]
    fn sent(&self, result: Result<(), Unsent<SendError>>) -> Result<Sent<B>, SendError> {
        match result {
            Err(Unsent::Misuse(SendError::Closed)) if self.answers => Ok(B::Room::sent(())),
            result => apart::<B, _, _>(result),
        }
    }
}

impl<R: Role, S: Storage, B> fmt::Debug for Sender<'_, R, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("state", &self.core.state()).finish_non_exhaustive()
    }
}

/// The mask of a payload that the caller writes itself, from [`Sender::begin_frame`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "a client's payload must be masked"]
pub struct PayloadMask(Option<MaskKey>);

impl PayloadMask {
    pub(super) const fn new(key: Option<MaskKey>) -> Self {
        Self(key)
    }

    /// Masks the next part of the payload in place; for a server it changes nothing.
    pub fn apply(&mut self, part: &mut [u8]) {
        if let Some(key) = self.0 {
            key.apply(part);
            self.0 = Some(key.advanced(part.len()));
        }
    }

    /// The key for the next byte; `None` for a server, whose payload can be written from where it
    /// is.
    #[must_use]
    pub const fn key(&self) -> Option<MaskKey> {
        self.0
    }
}

impl<R: Role, S: Storage> Core<R, S> {
    /// Whether frames can be sent.
    #[inline]
    pub(super) fn check_open(&self) -> Result<(), SendError> {
        match self.phase {
            _ if self.failure.is_some() => Err(SendError::Closed),
            Phase::Open if self.closing.is_sent() || self.closing.is_ended() => {
                Err(SendError::Closed)
            }
            Phase::Open => Ok(()),
            Phase::Body | Phase::Over => Err(SendError::Closed),
            _ => Err(SendError::NotOpen),
        }
    }
}
