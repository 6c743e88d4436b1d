//! The connection: one type for both roles and every storage.

mod closing;
mod core;
mod events;
mod memory;
mod opening;
#[cfg(feature = "alloc")]
mod prepared;
mod receive;
mod send;
mod sender;
mod status;
mod timers;

use ::core::fmt;
use ::core::time::Duration;

use crate::buffer::{Buffer, Growing, Sent, check_room, measure};
use crate::config::{Config, Delivery};
use crate::deflate::{Compress, Decompress, DeflateParams};
use crate::error::Error;
use crate::event::Event;
use crate::handshake::{ClientKey, Request, RequestHead, Scan};
use crate::input::{Input, InputMemory};
#[cfg(feature = "alloc")]
use crate::message::OwnedMessage;
use crate::misuse::{self, RequestError, Unsent};
use crate::role::{Client, Entropy, Role, Server};
#[cfg(feature = "alloc")]
use crate::storage::Heap;
use crate::storage::{Bytes, Storage};

use self::core::{Core, Lent, Phase};
pub use events::Events;
use memory::Memory;
#[cfg(feature = "alloc")]
pub use prepared::Prepared;
pub use receive::cursor::Chunk;
pub use sender::{PayloadMask, Sender};
pub use status::{CloseReport, Endpoint, State, TransportAction};

macro_rules! connection {
    ($($default:tt)*) => {
        /// One WebSocket connection without its transport [RFC 6455].
        ///
        /// Pass what arrives to [`receive`](Self::receive), in any pieces, and write to the transport
        /// what the calls append to `out`. Then ask [`transport`](Self::transport) what to do next,
        /// and call [`end_of_stream`](Self::end_of_stream) when the peer has closed TCP. The
        /// [crate documentation](crate) shows the whole loop.
        ///
        /// `R` is the side, [`Server`] or [`Client`]; `S` is where memory comes from, `Heap` or
        /// [`Fixed`](crate::Fixed).
        pub struct Connection<R: Role, S: Storage $($default)*> {
            core: Core<R, S>,
            memory: Memory<S>,
        }
    };
}

#[cfg(feature = "alloc")]
connection!(= Heap);
#[cfg(not(feature = "alloc"))]
connection!();

/// Nothing in a connection refers to its own place.
impl<R: Role, S: Storage> Unpin for Connection<R, S> {}

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
    pub fn client<B: Buffer>(
        request: &Request<'_>,
        entropy: M,
        config: Config,
        out: &mut B,
    ) -> Result<Sent<B, Self>, RequestError> {
        Self::client_in(Heap, request, entropy, config, out)
    }
}

#[cfg(feature = "alloc")]
impl<R: Role> Connection<R, Heap> {
    /// A connection on the heap whose opening handshake was done elsewhere: by an HTTP library,
    /// or over HTTP/2 or HTTP/3 [RFC 8441, RFC 9220].
    ///
    /// `deflate` is what was agreed on for permessage-deflate, `None` without compression.
    #[must_use]
    pub fn established(role: R, deflate: Option<DeflateParams>, config: Config) -> Self {
        Self::established_in(Heap, role, deflate, config)
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

    /// The request that waits for [`Sender::accept`] or [`Sender::respond`], if any.
    #[must_use]
    pub fn request(&self) -> Option<RequestHead<'_>> {
        self.core.awaits_answer().then(|| RequestHead::new(self.memory.message.as_slice()))
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
    /// [`RequestError`], for what cannot be written in a request. Nothing is appended then; pass
    /// `&mut entropy` to keep it.
    pub fn client_in<B: Buffer>(
        storage: S,
        request: &Request<'_>,
        entropy: M,
        config: Config,
        out: &mut B,
    ) -> Result<Sent<B, Self>, RequestError> {
        misuse::apart::<B, _, _>(Self::request_in(storage, request, entropy, config, out))
    }

    fn request_in(
        storage: S,
        request: &Request<'_>,
        entropy: M,
        config: Config,
        out: &mut impl Buffer,
    ) -> Result<Self, Unsent<RequestError>> {
        request.check()?;
        let config = Self::adapt(config);
        let deflate = config.deflate;
        // The length is the same for every key.
        let key = ClientKey::placeholder();
        check_room(out, measure(|out| request.write(&key, deflate.as_ref(), out)))?;

        // The subprotocols that are asked for stand in the memory in front of the response, which
        // may only choose from them.
        let protocols = measure(|out| request.write_protocols(out));
        let front = u32::try_from(protocols).unwrap_or(u32::MAX);
        let limit = u32::try_from(S::Message::LIMIT).unwrap_or(u32::MAX);
        let too_long = RequestError::ProtocolsTooLong { length: front, limit };
        let phase = Phase::Head { scan: Scan::default(), protocols: front };
        let mut message = S::Message::default();
        let mut memory = Appender { memory: &mut message, fits: true };
        request.write_protocols(&mut memory);
        if !memory.fits {
            return Err(too_long.into());
        }
        let mut role = Client::new(entropy);
        let key = role.renew_key().map_err(|_| RequestError::Entropy)?;
        request.write(&key, deflate.as_ref(), out);
        // It is made at last, where it is returned, as it may be large.
        let mut connection = Self::new(storage, role, config, phase);
        connection.memory.message = message;
        Ok(connection)
    }
}

impl<M: Entropy, S: Storage> Connection<Client<M>, S> {
    /// The source of masking keys, for example to
    /// [`discard`](crate::SystemEntropy::discard) its buffer after `fork()`.
    pub fn entropy(&mut self) -> &mut M {
        self.core.role.entropy()
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
        Self { core: Core::new(role, config, phase, compress), memory: Memory::new(decompress) }
    }

    /// A connection with this storage whose opening handshake was done elsewhere.
    ///
    /// `deflate` is what was agreed on for permessage-deflate. A storage without codecs goes without
    /// compression, and one with a smaller window cannot read what refers beyond it.
    #[must_use]
    pub fn established_in(
        storage: S,
        role: R,
        deflate: Option<DeflateParams>,
        config: Config,
    ) -> Self {
        let mut connection = Self::new(storage, role, config, Phase::Open);
        connection.core.deflate = deflate.filter(|_| S::DEFLATES);
        connection
    }

    /// The agreed parameters of permessage-deflate, `None` if messages are not compressed.
    #[must_use]
    pub fn deflate_params(&self) -> Option<DeflateParams> {
        self.core.deflate
    }

    /// Receives the next bytes of the stream, cut anywhere, and returns the events in them.
    ///
    /// `chunk` is `&mut Input`, `&mut [u8]` or `&[u8]`; see [`Chunk`] for what each costs. Call
    /// [`Events::next`] until it returns `None`. Pings, close frames and violations are answered
    /// automatically: the answer is appended to `out` as the frame is consumed.
    ///
    /// If you stop before `None`, an [`Input`] keeps the rest. Of a slice,
    /// [`Events::remaining`] is to be passed again first.
    #[inline]
    pub fn receive<'a, C: Chunk, B: Buffer>(
        &'a mut self,
        chunk: C,
        out: &'a mut B,
    ) -> Events<'a, R, S, C, B> {
        Events::new(self, chunk, out)
    }

    /// Returns the next event in an input, with a handle that sends to `out`; `None` when it is
    /// time to write `out` and to read on.
    ///
    /// This is [`receive`](Self::receive) with one call of [`Events::next`]. There is no value
    /// between the calls that borrows, so a method of your own type can return the event.
    ///
    /// # Errors
    ///
    /// As [`Events::next`].
    #[allow(clippy::type_complexity)]
    #[inline]
    pub fn next_event<'a, M: InputMemory, B: Buffer>(
        &'a mut self,
        input: &'a mut Input<M>,
        out: &'a mut B,
    ) -> Result<Option<(Event<'a>, Sender<'a, R, S, B>)>, Error> {
        Events::new(self, input, out).into_next()
    }

    /// Returns the next message in an input as an owned one, see [`Events::next_message`]; `None`
    /// when it is time to write `out` and to read on.
    ///
    /// # Errors
    ///
    /// As [`Events::next`].
    #[cfg(feature = "alloc")]
    pub fn next_message<M: InputMemory, B: Buffer>(
        &mut self,
        input: &mut Input<M>,
        out: &mut B,
    ) -> Result<Option<OwnedMessage>, Error> {
        Events::new(self, input, out).next_message()
    }

    /// A handle that sends to `out`. The same kind of handle comes with each event.
    #[inline]
    pub fn sender<'a, B: Buffer>(&'a mut self, out: &'a mut B) -> Sender<'a, R, S, B> {
        Sender::alone(&mut self.core, &self.memory, out)
    }

    /// Call this when the peer has closed TCP: no more bytes will be received.
    ///
    /// A plain request that was deferred can still be answered, as to a peer that has only shut down
    /// its writing side; do not read until it is.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedEnd`] if the closing handshake was not done, or the error that the
    /// connection has failed with.
    pub fn end_of_stream(&mut self) -> Result<(), Error> {
        self.core.end_of_stream()
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

    /// How the connection ended, or how far its end has come.
    #[must_use]
    pub fn close_report(&self) -> CloseReport<'_> {
        self.core.report(self.memory.control.as_slice())
    }

    /// Sets the time, as the span since any fixed origin, and does what is due: fails the
    /// connection at a deadline, sends a keep-alive ping, or starts the closing handshake with an
    /// idle peer.
    ///
    /// Deadlines are opt-in, see [`Config`]. Call this once when the connection is made, since no
    /// deadline runs before, then before each [`receive`](Self::receive) and when
    /// [`next_timeout`](Self::next_timeout) is reached. Spans are counted from the last time that
    /// was set. A time before that counts as the same time.
    ///
    /// If something is due that does not fit `out`, [`transport`](Self::transport) is
    /// [`TransportAction::Write`]: write some of `out`, then call this again.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] when a deadline has passed. If a close frame about it is appended to
    /// `out`, this call succeeds, [`transport`](Self::transport) is [`TransportAction::Close`], and
    /// the next call returns the error. So does a call after a failure that
    /// [`Events::next`](Events::next) has reported to the peer. A failure is returned once; later
    /// calls return `Ok`.
    pub fn tick<B: Buffer>(&mut self, now: Duration, out: &mut B) -> Result<(), Error> {
        self.core.tick(now, out)
    }

    /// When to call [`tick`](Self::tick) at the latest, on its scale; `None` while no deadline
    /// runs, as before the first `tick`. It may change with every other call.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        self.core.next_timeout()
    }

    /// Changes the limits of received frames and messages, in bytes, for example after a login.
    ///
    /// They apply to the next header that is received and to the rest of the message under way. The
    /// size of the storage is a limit too, except with [`Delivery::Streaming`].
    pub fn set_limits(&mut self, max_frame: u64, max_message: u64) {
        let config = self.core.config.max_frame(max_frame).max_message(max_message);
        self.core.config = Self::adapt(config);
    }

    /// The memory allocated for the message under way, in bytes.
    ///
    /// On the heap this is up to twice the length of what has arrived of the message, decompressed,
    /// as memory grows by doubling. Between messages it is what was kept for the next one
    /// ([`Config::retain`]), which [`release`](Self::release) gives back. With
    /// [`Fixed`](crate::Fixed) it is always the size of the storage. During the opening handshake it
    /// is the memory for the head. Not included are the windows of compression and the bytes that
    /// wait in an [`Input`], see [`Input::capacity`].
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
        let Self { core, memory } = self;
        let closed = core.state() == State::Closed;
        if memory.message.as_slice().is_empty() || closed {
            memory.message.clear(0);
        }
        if core.incoming.is_between_frames() && !core.closing.is_received() {
            memory.control.clear(0);
        }
        let (incoming, outgoing) = core.takeovers();
        if closed || (!incoming && core.incoming.is_between_messages()) {
            memory.decompress.release();
        }
        if closed || !core.outgoing.needs_compressor(outgoing) {
            core.compress.release();
            core.outgoing.forget_compressor();
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
            .field("failure", &self.close_report().failure)
            .finish_non_exhaustive()
    }
}

/// The message memory as a buffer to write to.
struct Appender<'a, T> {
    memory: &'a mut T,
    fits: bool,
}

impl<T: Bytes> Buffer for Appender<'_, T> {
    type Room = Growing;

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

    /// A connection can move between threads, and into a pinned future.
    #[test]
    fn a_connection_is_send_and_unpin() {
        fn check<T: Send + Unpin>() {}
        check::<Connection<Server, Heap>>();
        check::<Connection<Client<NoEntropy>, Heap>>();
        #[cfg(all(feature = "std", feature = "deflate"))]
        check::<Connection<Server, crate::Shared<Pool>>>();
    }

    #[cfg(all(feature = "std", feature = "deflate"))]
    type Pool = alloc::sync::Arc<std::sync::Mutex<crate::deflate::Codecs>>;

    struct NoEntropy;

    impl Entropy for NoEntropy {
        fn fill(&mut self, _: &mut [u8]) -> Result<(), crate::EntropyError> {
            Err(crate::EntropyError)
        }
    }

    #[test]
    fn an_error_is_three_words() {
        assert!(size_of::<Error>() <= 24, "{} bytes", size_of::<Error>());
    }
}
