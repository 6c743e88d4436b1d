//! The connection: one type for both roles and every storage.

mod chunk;
mod close;
mod compressing;
mod events;
mod inflating;
mod opening;
mod receive;
mod send;
mod state;
mod timers;

use core::fmt;
use core::time::Duration;

use crate::buffer::{Buffer, check_room, measure};
use crate::close::{CloseFrame, CloseReport, State, TransportAction};
use crate::config::{Config, Delivery};
use crate::deflate::{Compress, Compression, Decompress, DeflateParams};
use crate::error::{Error, SendError};
use crate::frame::Opcode;
use crate::handshake::{Accept, ClientKey, Request, RequestHead, Response, Scan};
use crate::message::{Message, MessageKind};
use crate::role::{Client, Entropy, Role, Server};
#[cfg(feature = "alloc")]
use crate::storage::Heap;
use crate::storage::{Bytes, Storage};

pub use chunk::Chunk;
pub use events::Events;
pub use send::{PayloadMask, Reply};
use state::{Core, Frame, Lent, Memory, Phase};

/// One WebSocket connection without its transport [RFC 6455].
///
/// Feed what arrives to [`receive`](Self::receive), in any pieces, and write to the transport
/// what the calls append to `out`. Then ask [`transport`](Self::transport) whether to read on, and
/// tell [`end_of_stream`](Self::end_of_stream) when the peer has closed TCP. The
/// [crate documentation](crate) shows the whole loop.
///
/// `R` is the side, [`Server`] or [`Client`]; `S` is where memory comes from, `Heap` or
/// [`Fixed`](crate::Fixed).
pub struct Connection<R: Role, S: Storage> {
    core: Core<R, S>,
    memory: Memory<S>,
}

/// What the opening handshake agreed on, for one that was done elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Negotiated {
    /// permessage-deflate, if it was agreed on; a storage without a codec goes without, and one
    /// with a smaller window cannot read what reaches beyond it.
    pub deflate: Option<DeflateParams>,
}

impl Negotiated {
    /// No extension.
    #[must_use]
    pub const fn new() -> Self {
        Self { deflate: None }
    }

    /// permessage-deflate with these parameters.
    #[must_use]
    pub const fn deflate(mut self, params: DeflateParams) -> Self {
        self.deflate = Some(params);
        self
    }
}

#[cfg(feature = "alloc")]
impl Connection<Server, Heap> {
    /// A server on the heap that waits for the client's request.
    #[must_use]
    pub fn server(config: Config) -> Self {
        Self::server_in(Heap, config)
    }
}

#[cfg(feature = "alloc")]
impl<M: Entropy> Connection<Client<M>, Heap> {
    /// A client on the heap; appends the request to `out`.
    ///
    /// # Errors
    ///
    /// As [`client_in`](Connection::client_in).
    pub fn client(
        request: &Request<'_>,
        entropy: M,
        config: Config,
        out: &mut impl Buffer,
    ) -> Result<Self, SendError> {
        Self::client_in(Heap, request, entropy, config, out)
    }
}

#[cfg(feature = "alloc")]
impl<R: Role> Connection<R, Heap> {
    /// A connection on the heap whose opening handshake was done elsewhere: by an HTTP library,
    /// or over HTTP/2 or HTTP/3 [RFC 8441, RFC 9220].
    #[must_use]
    pub fn established(role: R, negotiated: Negotiated, config: Config) -> Self {
        Self::established_in(Heap, role, negotiated, config)
    }
}

impl<S: Storage> Connection<Server, S> {
    /// A server with this storage that waits for the client's request.
    ///
    /// ```
    /// use sansocket::{Config, Connection, Fixed};
    ///
    /// let connection = Connection::server_in(Fixed::<1024>, Config::new());
    /// ```
    #[must_use]
    pub fn server_in(storage: S, config: Config) -> Self {
        Self::new(storage, Server, config, Phase::Head { scan: Scan::default(), protocols: 0 })
    }

    /// The request that waits for [`accept`](Self::accept) or [`respond`](Self::respond), if any.
    #[must_use]
    pub fn request(&self) -> Option<RequestHead<'_>> {
        self.core.awaits_answer().then(|| RequestHead::new(self.memory.message.as_slice()))
    }

    /// Accepts the request of an earlier [`Event::Request`](crate::Event::Request): appends the
    /// response with status 101, from which on messages can be sent.
    ///
    /// Then go on with [`receive`](Self::receive), first with what was left of the last chunk. A
    /// subprotocol is chosen from the caller's own list, as the request is borrowed from here.
    ///
    /// # Errors
    ///
    /// [`SendError::NoRequest`], [`NotAnUpgrade`](SendError::NotAnUpgrade),
    /// [`ProtocolNotOffered`](SendError::ProtocolNotOffered),
    /// [`InvalidHeader`](SendError::InvalidHeader) or [`Full`](SendError::Full); the request is
    /// still waiting then.
    pub fn accept(&mut self, accept: Accept<'_>, out: &mut impl Buffer) -> Result<(), SendError> {
        self.core.accept(&self.memory, &accept, out)?;
        self.forget_lent();
        Ok(())
    }

    /// Rejects the request of an earlier [`Event::Request`](crate::Event::Request), or answers
    /// that of a deferred [`Event::Http`](crate::Event::Http); TCP is to be closed afterwards.
    ///
    /// # Errors
    ///
    /// [`SendError::NoRequest`], [`InvalidStatus`](SendError::InvalidStatus),
    /// [`InvalidHeader`](SendError::InvalidHeader) or [`Full`](SendError::Full); the request is
    /// still waiting then.
    pub fn respond(
        &mut self,
        response: &Response<'_>,
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        self.core.respond(response, out)?;
        self.forget_lent();
        Ok(())
    }
}

impl<M: Entropy, S: Storage> Connection<Client<M>, S> {
    /// A client with this storage; appends the request to `out`.
    ///
    /// Write `out` to the server, then [`receive`](Self::receive) until
    /// [`Event::Open`](crate::Event::Open) or [`Event::Refused`](crate::Event::Refused).
    ///
    /// # Errors
    ///
    /// What cannot stand in a request: [`SendError::InvalidHost`],
    /// [`InvalidTarget`](SendError::InvalidTarget), [`InvalidOrigin`](SendError::InvalidOrigin),
    /// [`InvalidProtocol`](SendError::InvalidProtocol),
    /// [`InvalidHeader`](SendError::InvalidHeader); or
    /// [`ProtocolsTooLong`](SendError::ProtocolsTooLong), [`Entropy`](SendError::Entropy),
    /// [`Full`](SendError::Full). Nothing is written then; `entropy` can be lent to keep it.
    pub fn client_in(
        storage: S,
        request: &Request<'_>,
        entropy: M,
        config: Config,
        out: &mut impl Buffer,
    ) -> Result<Self, SendError> {
        request.check()?;
        let config = Self::adapt(config);
        let deflate = config.deflate;
        // Whatever the key is, the length is the same.
        check_room(
            out,
            measure(|out| request.write(&ClientKey::placeholder(), deflate.as_ref(), out)),
        )?;

        // What was asked for stands in the memory in front of the response, which may only choose
        // from it.
        let protocols = measure(|out| request.write_protocols(out));
        let limit = S::Message::LIMIT;
        let too_long = SendError::ProtocolsTooLong { length: protocols, limit };
        let front = u32::try_from(protocols).map_err(|_| too_long)?;
        let phase = Phase::Head { scan: Scan::default(), protocols: front };
        let mut message = S::Message::default();
        let mut memory = Appender { memory: &mut message, fits: true };
        request.write_protocols(&mut memory);
        if !memory.fits {
            return Err(too_long);
        }
        let mut role = Client::new(entropy);
        let key = role.renew_key()?;
        request.write(&key, deflate.as_ref(), out);
        // It is made at last, where it is returned, as it may be large.
        let mut connection = Self::new(storage, role, config, phase);
        connection.memory.message = message;
        Ok(connection)
    }
}

impl<R: Role, S: Storage> Connection<R, S> {
    /// The settings as far as the storage can keep to them.
    fn adapt(mut config: Config) -> Config {
        config.max_head = config.max_head.min(u32::try_from(S::Message::LIMIT).unwrap_or(u32::MAX));
        if config.delivery != Delivery::Streaming {
            config.max_message = config.max_message.min(S::Message::LIMIT as u64);
        }
        config.deflate = config.deflate.and_then(S::adapt_deflate);
        config
    }

    fn new(storage: S, role: R, config: Config, phase: Phase) -> Self {
        let config = Self::adapt(config);
        let (decompress, compress) = storage.codecs();
        Self {
            core: Core::new(role, config, phase, compress),
            memory: Memory {
                message: S::Message::default(),
                control: S::Control::default(),
                decompress,
            },
        }
    }

    /// A connection with this storage whose opening handshake was done elsewhere.
    #[must_use]
    pub fn established_in(storage: S, role: R, negotiated: Negotiated, config: Config) -> Self {
        let mut connection = Self::new(storage, role, config, Phase::Open);
        connection.core.deflate = negotiated.deflate.filter(|_| S::DEFLATES);
        connection
    }

    /// What was agreed on for compression, `None` if messages are not compressed.
    #[must_use]
    pub fn deflate_params(&self) -> Option<DeflateParams> {
        self.core.deflate
    }

    /// Takes the next bytes of the stream, in any pieces, and gives the events in them.
    ///
    /// `chunk` is `&mut [u8]`, whose payloads are unmasked in place and lent without a copy where
    /// a frame is whole, or `&[u8]`, which is not changed. What has to be answered at once, a
    /// ping, a close frame or a violation, is answered into `out` as its frame is consumed. Call
    /// [`Events::next`] until it gives `None`; what was not consumed, because the caller stopped
    /// early or a frame waits with [`Delivery::InPlace`], is [`Events::remaining`] and must be
    /// passed again first.
    pub fn receive<'a, C: Chunk, B: Buffer>(
        &'a mut self,
        chunk: C,
        out: &'a mut B,
    ) -> Events<'a, R, S, C, B> {
        Events::new(self, chunk, out)
    }

    /// Says that the peer has closed TCP: no more bytes will be received.
    ///
    /// A plain request that was deferred can still be answered, as to a peer that has only stopped
    /// sending; do not read on until it is.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedEnd`] if the closing handshake was not done, or the failure that the
    /// connection had before.
    pub fn end_of_stream(&mut self) -> Result<(), Error> {
        self.core.end_of_stream()
    }

    /// What to do about the transport now.
    #[must_use]
    pub fn transport(&self) -> TransportAction {
        self.core.transport()
    }

    /// Where the connection stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.core.state()
    }

    /// How the connection ended, or how far its end has come.
    #[must_use]
    pub fn close_report(&self) -> CloseReport<'_> {
        self.core.report(self.memory.control.as_slice())
    }

    /// Appends a whole message in one frame [RFC 6455 §6.1].
    ///
    /// # Errors
    ///
    /// [`SendError::NotOpen`], [`Closed`](SendError::Closed),
    /// [`Fragmented`](SendError::Fragmented), [`Full`](SendError::Full) or
    /// [`Entropy`](SendError::Entropy); nothing is changed then.
    pub fn send<'m>(
        &mut self,
        message: impl Into<Message<'m>>,
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        self.send_with(message, Compression::Automatic, out)
    }

    /// [`send`](Self::send) with a choice of whether to compress the message.
    ///
    /// A message that compression would not make shorter goes plain, whatever the choice.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); [`SendError::Full`] asks for the room of the plain message.
    pub fn send_with<'m>(
        &mut self,
        message: impl Into<Message<'m>>,
        compression: Compression,
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        self.core.send(message.into(), compression, out)
    }

    /// Appends a fragment of a message, the last one if `fin` [RFC 6455 §5.4].
    ///
    /// The first call starts the message, and all must name the same `kind`. Fragments of a text
    /// may be cut anywhere; that they are UTF-8 together is up to the caller. Pings, pongs and a
    /// close frame may be sent between fragments.
    ///
    /// Where compression was agreed on, a message is compressed if its first fragment is as long
    /// as [`DeflateConfig::threshold`](crate::DeflateConfig::threshold);
    /// [`send_fragment_with`](Self::send_fragment_with) chooses. A first
    /// fragment that is also the last is a whole message, as for [`send`](Self::send).
    ///
    /// ```
    /// use sansocket::{Config, Connection, Fixed, FixedBuffer, MessageKind, Negotiated, Server};
    ///
    /// let mut connection =
    ///     Connection::established_in(Fixed::<64>, Server, Negotiated::default(), Config::new());
    /// let mut out = FixedBuffer::<64>::new();
    /// connection.send_fragment(MessageKind::Text, b"Hel", false, &mut out)?;
    /// connection.send_fragment(MessageKind::Text, b"lo", true, &mut out)?;
    /// assert_eq!(out.as_slice(), b"\x01\x03Hel\x80\x02lo"); // [RFC 6455 §5.7]
    /// # Ok::<(), sansocket::SendError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); [`SendError::Fragmented`] if the kind changes inside a message.
    ///
    /// For a fragment of a compressed message [`SendError::Full`] asks for the most room that it
    /// may take, so that it can be written once the compressor has seen it. Beside its length and
    /// the header that is an eighth, a 64th and 24 bytes on the heap; with
    /// [`FixedDeflate`](crate::FixedDeflate) 5 bytes for each 256 or part of them, 7 bytes, and a
    /// header for each frame.
    pub fn send_fragment(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        fin: bool,
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        self.send_fragment_with(kind, payload, fin, Compression::Automatic, out)
    }

    /// [`send_fragment`](Self::send_fragment) with a choice of whether to compress the message.
    ///
    /// It is made with the first fragment and holds for the whole message, as only its first frame
    /// tells the peer [RFC 7692 §6]. What the others are sent with makes no difference, except
    /// that one with [`Compression::Never`] is not sent in a message that is compressed.
    ///
    /// A compressed fragment can be decompressed as soon as it has arrived, which costs some bytes
    /// for each; and one that does not get shorter cannot be sent plain in its place. So it is
    /// best to compress long fragments, and few: those of a few bytes get longer.
    ///
    /// # Errors
    ///
    /// As [`send_fragment`](Self::send_fragment), and [`SendError::Compressed`] for
    /// [`Compression::Never`] in the middle of a compressed message; nothing is changed then.
    pub fn send_fragment_with(
        &mut self,
        kind: MessageKind,
        payload: &[u8],
        fin: bool,
        compression: Compression,
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        self.core.send_fragment(kind, payload, fin, compression, out)
    }

    /// Appends only the header of a data frame, for a payload that the caller writes itself, say
    /// with a vectored write.
    ///
    /// The next `payload_len` bytes on the wire behind `out` must be the payload, passed through
    /// [`PayloadMask::apply`] first, which changes nothing for a server; it can drop the mask.
    /// Until they are written, nothing else may be appended: inside the event loop, stop taking
    /// events, write `out` and the payload, then go on with
    /// [`remaining`](Events::remaining). As a client, have the payload ready and do not change it
    /// once the header is written, which shows its key [RFC 6455 §10.3]. `kind` and `fin` are those
    /// of [`send_fragment`](Self::send_fragment): `true` without a fragment before it is a whole
    /// message. The frame is plain, and so is the whole message that it begins.
    ///
    /// # Errors
    ///
    /// As [`send_fragment`](Self::send_fragment); [`SendError::FrameTooLong`] from 2^63 on,
    /// [`SendError::Compressed`] in a message whose first fragment was compressed.
    pub fn begin_frame(
        &mut self,
        kind: MessageKind,
        payload_len: u64,
        fin: bool,
        out: &mut impl Buffer,
    ) -> Result<PayloadMask, SendError> {
        self.core.begin_frame(kind, payload_len, fin, out)
    }

    /// Appends a ping with a payload of at most 125 bytes [RFC 6455 §5.5.2].
    ///
    /// # Errors
    ///
    /// [`SendError::ControlTooLong`], [`NotOpen`](SendError::NotOpen),
    /// [`Closed`](SendError::Closed), [`Full`](SendError::Full) or
    /// [`Entropy`](SendError::Entropy); nothing is changed then.
    pub fn ping(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), SendError> {
        self.core.send_control(Opcode::Ping, payload, out)
    }

    /// Appends a pong with a payload of at most 125 bytes, asked for or not [RFC 6455 §5.5.3].
    /// It can be sent behind a close frame, too, until that of the peer has come.
    ///
    /// # Errors
    ///
    /// As [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), SendError> {
        self.core.send_control(Opcode::Pong, payload, out)
    }

    /// Appends a close frame: starts the closing handshake, or answers the peer's close frame
    /// [RFC 6455 §7.1.2].
    ///
    /// Messages are still received until the peer's close frame comes; nothing more can be sent,
    /// so an answer to them is [`SendError::Closed`], which can be ignored.
    ///
    /// `frame` is a [`CloseCode`](crate::CloseCode), one with a reason as in
    /// `(CloseCode::NORMAL, "bye")`, or a [`CloseFrame`].
    ///
    /// # Errors
    ///
    /// [`SendError::ReasonTooLong`], [`NotOpen`](SendError::NotOpen),
    /// [`Closed`](SendError::Closed), [`Full`](SendError::Full) or
    /// [`Entropy`](SendError::Entropy); nothing is changed then.
    pub fn close<'f>(
        &mut self,
        frame: impl Into<CloseFrame<'f>>,
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        self.core.close(&frame.into(), out)
    }

    /// Tells the time, as the span since any fixed origin, and does what is due: a keep-alive
    /// ping, or the start of the closing handshake with an idle peer.
    ///
    /// Call it once when the connection is made, since no deadline runs before; then when
    /// [`next_timeout`](Self::next_timeout) is reached and before each [`receive`](Self::receive):
    /// what happens is counted from the last time that was told. A time before the last one counts
    /// as that. Who has set no deadline need not call it.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when a deadline has passed, with which the connection fails;
    /// [`Error::Blocked`] when something is due that does not fit `out`; or the failure that the
    /// connection had before.
    pub fn tick(&mut self, now: Duration, out: &mut impl Buffer) -> Result<(), Error> {
        self.core.tick(now, out)
    }

    /// When to call [`tick`](Self::tick) at the latest, on its scale; `None` while no deadline
    /// runs, as before the first `tick`. It may change with every other call.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        self.core.next_timeout()
    }

    /// The memory allocated for the message under way, in bytes.
    ///
    /// On the heap this is up to twice the length of what has arrived of the message, decompressed,
    /// as memory grows by doubling. Between messages it is what was kept for the next one
    /// ([`Config::retain`]), which [`release`](Self::release) gives back. With
    /// [`Fixed`](crate::Fixed) it is always the size of the storage. During the opening handshake it
    /// is the memory for the head. The windows of compression are not included.
    ///
    /// [`receive`](Self::receive) allocates as it goes, up to [`Config::max_message`]. To limit the
    /// memory of many connections together, pass short pieces and call this after each: a
    /// compressed byte becomes up to 1,032 bytes of the message.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.memory.message.capacity()
    }

    /// Gives back all memory that no message under way needs.
    ///
    /// For connections that are idle for a while: the next message allocates again.
    pub fn release(&mut self) {
        self.forget_lent();
        if self.memory.message.as_slice().is_empty() || self.state() == State::Closed {
            self.memory.message.clear(0);
        }
        let between_frames = matches!(self.core.incoming.frame, Frame::Header { .. });
        if between_frames && !self.core.closing.received {
            self.memory.control.clear(0);
        }
        let (incoming, outgoing) = self.core.takeovers();
        let closed = self.state() == State::Closed;
        if closed || (!incoming && self.core.incoming.message.is_none()) {
            self.memory.decompress.release();
        }
        let compressing = self.core.sending.is_some_and(|sending| sending.compressed);
        if closed || (!outgoing && !compressing) {
            self.core.compress.release();
        }
    }

    /// Empties the message memory once what was lent from it is not needed any more.
    #[inline]
    fn forget_lent(&mut self) {
        match self.core.lent {
            Lent::Nothing => return,
            Lent::Head if self.core.awaits_answer() => return,
            Lent::Head => self.memory.message.clear(0),
            Lent::Message => self.memory.message.clear(self.core.config.retain),
        }
        self.core.lent = Lent::Nothing;
    }
}

impl<R: Role, S: Storage> fmt::Debug for Connection<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("role", &if R::SERVER { "server" } else { "client" })
            .field("state", &self.state())
            .field("failure", &self.core.failure)
            .finish_non_exhaustive()
    }
}

/// The message memory as a buffer to write to.
struct Appender<'a, T> {
    memory: &'a mut T,
    fits: bool,
}

impl<T: Bytes> Buffer for Appender<'_, T> {
    fn room(&self) -> usize {
        T::LIMIT - self.memory.as_slice().len()
    }

    fn append(&mut self, bytes: &[u8]) {
        self.fits &= self.memory.append(bytes, T::LIMIT as u64).is_ok();
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    #[test]
    fn an_idle_server_is_small() {
        let size = size_of::<Connection<Server, Heap>>();
        assert!(size <= 256, "{size} bytes");
    }
}
