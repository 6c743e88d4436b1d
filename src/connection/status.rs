//! What a caller can ask about a connection: its state, what to do about TCP, how it ended.

use crate::error::Error;
use crate::frame::CloseFrame;

/// What to do about the transport [RFC 6455 §7.1.1].
///
/// The connection has no transport, so this is advice: to follow it is up to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TransportAction {
    /// Write the output, then read.
    Read,
    /// The output is full: write some of it, then repeat the call that left something undone,
    /// [`receive`](crate::Connection::receive) or [`tick`](crate::Connection::tick), before reading.
    ///
    /// An output that grows, such as a `Vec<u8>`, is never full.
    Write,
    /// Write the output, then read until the server closes TCP: the closing handshake is done, and
    /// a client does not close TCP first.
    AwaitClose,
    /// Write the output, then close TCP.
    ///
    /// Closing with unread bytes makes TCP reset the connection, and the peer may lose what was
    /// written. To be sure that it reads the last frame, shut down the writing side first and read
    /// until the end of the stream, for a bounded time.
    Close,
}

/// The state of a connection [RFC 6455 §4.1, §7.1].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum State {
    /// The opening handshake is not done.
    Connecting,
    /// Messages can be sent and received.
    Open,
    /// A close frame was sent or received, but not both; or the connection has failed, and the
    /// peer is still to be told; or the server has refused, and the body of its response is
    /// received.
    Closing,
    /// Nothing more will be received or sent.
    Closed,
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Endpoint {
    /// This side.
    Local,
    /// The peer.
    Remote,
}

/// How a connection ended, or how far its end has come.
///
/// ```
/// # #[cfg(feature = "alloc")] {
/// use sansocket::{CloseCode, Config, Connection, Endpoint, Server};
///
/// let mut server = Connection::established(Server, None, Config::new());
/// let mut out = Vec::new();
/// server.sender(&mut out).close((CloseCode::NORMAL, "bye"))?;
/// let report = server.close_report();
/// assert_eq!(report.closed_first, Some(Endpoint::Local));
/// assert_eq!(report.sent.map(|frame| frame.reason()), Some("bye"));
/// assert!(!report.was_clean(), "the peer has not answered yet");
/// # }
/// # Ok::<(), sansocket::SendError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct CloseReport<'a> {
    /// The close frame that was sent. A storage without an allocator does not keep the reason that
    /// the caller gave; it is empty then.
    pub sent: Option<CloseFrame<'a>>,
    /// The close frame that was received.
    pub received: Option<CloseFrame<'a>>,
    /// The endpoint whose close frame came first.
    pub closed_first: Option<Endpoint>,
    /// The endpoint that closed TCP first. It is [`Local`](Endpoint::Local) as soon as
    /// [`TransportAction::Close`] is due.
    pub dropped_by: Option<Endpoint>,
    /// Why the connection failed, if it did.
    pub failure: Option<Error>,
}

impl CloseReport<'_> {
    /// Whether the closing handshake was completed [RFC 6455 §7.1.4].
    ///
    /// A server that does not close TCP in time afterwards does not change that.
    #[must_use]
    pub const fn was_clean(&self) -> bool {
        self.sent.is_some() && self.received.is_some()
    }
}
