//! Limits, delivery and deadlines of a connection.

use core::time::Duration;

use crate::deflate::DeflateConfig;

/// How messages are handed to the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Delivery {
    /// Whole messages, as [`Event::Message`](crate::Event::Message).
    #[default]
    Whole,
    /// Pieces as they arrive, as [`Event::Piece`](crate::Event::Piece), so that a message can be
    /// larger than memory.
    Streaming,
}

/// The settings of a connection; a copy goes into each.
///
/// | setting | default |
/// |---|---|
/// | [`max_frame`](Self::max_frame), [`max_message`](Self::max_message) | 16 MiB |
/// | [`max_head`](Self::max_head), [`max_headers`](Self::max_headers) | 8 KiB, 64 |
/// | [`retain`](Self::retain) | 64 KiB |
/// | [`delivery`](Self::delivery) | whole messages |
/// | [`auto_pong`](Self::auto_pong), [`auto_close`](Self::auto_close) | on |
/// | [`plain_http`](Self::plain_http) | off |
/// | deadlines | none |
///
/// ```
/// use core::time::Duration;
/// use sansocket::{Config, Delivery};
///
/// const CONFIG: Config = Config::new()
///     .max_message(1 << 20)
///     .delivery(Delivery::Streaming)
///     .closing_timeout(Duration::from_secs(5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    pub(crate) max_frame: u64,
    pub(crate) max_message: u64,
    pub(crate) retain: u32,
    pub(crate) max_head: u32,
    pub(crate) max_headers: u16,
    pub(crate) delivery: Delivery,
    pub(crate) auto_pong: bool,
    pub(crate) auto_close: bool,
    pub(crate) plain_http: bool,
    pub(crate) deflate: Option<DeflateConfig>,
    pub(crate) opening: Millis,
    pub(crate) closing: Millis,
    pub(crate) server_drop: Millis,
    pub(crate) keep_alive: Millis,
    pub(crate) pong: Millis,
    pub(crate) idle: Millis,
}

/// A span of time in milliseconds, zero for none; small, as every connection holds six of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Millis(u32);

impl Millis {
    const NONE: Self = Self(0);

    const fn new(span: Duration) -> Self {
        let millis = span.as_nanos().div_ceil(1_000_000);
        // Checked: what does not fit is as good as for ever, 49 days.
        #[allow(clippy::cast_possible_truncation)]
        Self(if millis > u32::MAX as u128 { u32::MAX } else { millis as u32 })
    }

    /// When the span that began at `since` is over, in milliseconds; `None` if there is none.
    pub(crate) fn after(self, since: u64) -> Option<u64> {
        (self.0 != 0).then(|| since.saturating_add(u64::from(self.0)))
    }
}

impl Config {
    /// The defaults, as in the table above.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_frame: 16 << 20,
            max_message: 16 << 20,
            retain: 64 << 10,
            max_head: 8 << 10,
            max_headers: 64,
            delivery: Delivery::Whole,
            auto_pong: true,
            auto_close: true,
            plain_http: false,
            deflate: None,
            opening: Millis::NONE,
            closing: Millis::NONE,
            server_drop: Millis::NONE,
            keep_alive: Millis::NONE,
            pong: Millis::NONE,
            idle: Millis::NONE,
        }
    }

    /// The longest payload of a received frame, in bytes.
    ///
    /// Of a compressed frame the decompressed bytes count. Its payload on the wire may be longer by
    /// a sixteenth and 64 bytes, since data that do not compress get longer: stored blocks add 5
    /// bytes each.
    #[must_use]
    pub const fn max_frame(mut self, bytes: u64) -> Self {
        self.max_frame = bytes;
        self
    }

    /// The longest received message, in bytes, over all its fragments, after decompression.
    ///
    /// The storage's own size is a limit too, except with [`Delivery::Streaming`].
    #[must_use]
    pub const fn max_message(mut self, bytes: u64) -> Self {
        self.max_message = bytes;
        self
    }

    /// The longest head of the peer's opening handshake, in bytes; the storage's own size is a
    /// limit too.
    #[must_use]
    pub const fn max_head(mut self, bytes: u32) -> Self {
        self.max_head = bytes;
        self
    }

    /// The largest number of headers in the peer's opening handshake.
    ///
    /// They also have to fit [`max_head`](Self::max_head).
    #[must_use]
    pub const fn max_headers(mut self, count: u16) -> Self {
        self.max_headers = count;
        self
    }

    /// How much memory to keep for the next message, in bytes, after one was handed out.
    ///
    /// Traffic of messages up to this size does not allocate once it has run for a while;
    /// [`Connection::release`](crate::Connection::release) gives the memory back.
    #[must_use]
    pub const fn retain(mut self, bytes: u32) -> Self {
        self.retain = bytes;
        self
    }

    /// Whole messages or pieces.
    #[must_use]
    pub const fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Whether each ping is answered at once [RFC 6455 §5.5.2].
    ///
    /// If not, the caller has to answer, with [`Sender::pong`](crate::Sender::pong).
    #[must_use]
    pub const fn auto_pong(mut self, on: bool) -> Self {
        self.auto_pong = on;
        self
    }

    /// Whether a close frame is answered at once, with its own code [RFC 6455 §5.5.1].
    ///
    /// If not, the caller has to answer, with [`Sender::close`](crate::Sender::close).
    #[must_use]
    pub const fn auto_close(mut self, on: bool) -> Self {
        self.auto_close = on;
        self
    }

    /// Whether a server reports requests that are no upgrade, as
    /// [`Event::Http`](crate::Event::Http), to be answered on the same port.
    ///
    /// If not, they are answered with status 426 automatically.
    #[must_use]
    pub const fn plain_http(mut self, on: bool) -> Self {
        self.plain_http = on;
        self
    }

    /// Offers permessage-deflate as a client, and accepts it as a server [RFC 7692], if the storage
    /// has a codec (feature `deflate`).
    #[must_use]
    pub const fn deflate(mut self, terms: DeflateConfig) -> Self {
        self.deflate = Some(terms);
        self
    }

    /// How long the opening handshake may take, with the time that a request waits for its answer.
    ///
    /// All deadlines work in milliseconds, up to 49 days, and run from the first
    /// [`Connection::tick`](crate::Connection::tick) on; `Duration::ZERO` sets none. When this one
    /// has passed nothing is sent, and TCP is to be closed.
    #[must_use]
    pub const fn opening_timeout(mut self, span: Duration) -> Self {
        self.opening = Millis::new(span);
        self
    }

    /// How long the peer may take to answer a close frame. Who sets any other deadline wants this
    /// one too: none of the others runs while it could.
    #[must_use]
    pub const fn closing_timeout(mut self, span: Duration) -> Self {
        self.closing = Millis::new(span);
        self
    }

    /// How long a client waits for the server to close TCP after the closing handshake.
    #[must_use]
    pub const fn server_drop_timeout(mut self, span: Duration) -> Self {
        self.server_drop = Millis::new(span);
        self
    }

    /// Sends an empty ping whenever nothing was received for `silence`, and fails the connection
    /// if nothing at all comes within `answer` after that; `Duration::ZERO` for `answer` waits for
    /// ever.
    #[must_use]
    pub const fn keep_alive(mut self, silence: Duration, answer: Duration) -> Self {
        self.keep_alive = Millis::new(silence);
        self.pong = Millis::new(answer);
        self
    }

    /// Closes with code 1001 when no part of a message was received or sent for this long; pings
    /// and pongs do not count.
    ///
    /// A message that still arrives after that is told, but an answer to it is
    /// [`SendError::Closed`](crate::SendError::Closed).
    #[must_use]
    pub const fn idle_timeout(mut self, span: Duration) -> Self {
        self.idle = Millis::new(span);
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
