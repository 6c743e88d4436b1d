//! What the caller did wrong: sending, answering a request, making one.
//!
//! After each of these errors the connection and the output are unchanged.

use core::fmt;

use crate::buffer::{Buffer, Full, Room, Sent};
use crate::frame::{MAX_CLOSE_REASON, MAX_CONTROL_PAYLOAD};

/// Why a call of [`Sender`](crate::Sender) sent nothing. The connection and the output are
/// unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// The opening handshake is not done.
    NotOpen,
    /// A close frame was sent, TCP has ended, or the connection has failed.
    Closed,
    /// A fragmented message is under way, so another one cannot start.
    Fragmented,
    /// No fragmented message is under way that could go on.
    NotFragmented,
    /// A compressed message is under way, which cannot go on with a plain frame: one that the caller
    /// writes itself, or that is to be sent with
    /// [`Compression::Never`](crate::Compression::Never).
    Compressed,
    /// The payload of a ping or pong is longer than 125 bytes.
    ControlTooLong {
        /// The length of the payload, in bytes.
        length: usize,
    },
    /// The reason of a close frame is longer than 123 bytes.
    ReasonTooLong {
        /// The length of the reason, in bytes.
        length: usize,
    },
    /// A frame cannot express this length: it is 2^63 or more.
    FrameTooLong {
        /// The length of the payload, in bytes.
        length: u64,
    },
    /// A client's source of randomness failed. The same call can be repeated.
    Entropy,
    /// An output that grows has no room for this many bytes. An output that can be full returns
    /// [`Full`] instead, see [`Sent`](crate::Sent).
    CannotGrow(usize),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOpen => f.write_str("the opening handshake is not done"),
            Self::Closed => f.write_str("the connection is closing or closed"),
            Self::Fragmented => f.write_str("a fragmented message is under way"),
            Self::NotFragmented => f.write_str("no fragmented message is under way"),
            Self::Compressed => {
                f.write_str("a compressed message is under way, it cannot go on with a plain frame")
            }
            Self::ControlTooLong { length } => {
                write!(f, "control frame of {length} bytes, the limit is {MAX_CONTROL_PAYLOAD}")
            }
            Self::ReasonTooLong { length } => {
                write!(f, "close reason of {length} bytes, the limit is {MAX_CLOSE_REASON}")
            }
            Self::FrameTooLong { length } => {
                write!(f, "frame of {length} bytes, the limit is 2^63 - 1")
            }
            Self::Entropy => f.write_str("the source of randomness failed"),
            Self::CannotGrow(needed) => cannot_grow(*needed, f),
        }
    }
}

impl core::error::Error for SendError {}

/// Why a request was not answered: [`Sender::accept`](crate::Sender::accept),
/// [`Sender::respond`](crate::Sender::respond). The connection and the output are unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ResponseError {
    /// There is no request to answer.
    NoRequest,
    /// The request is not one to upgrade, so it cannot be accepted.
    NotAnUpgrade,
    /// The connection has failed.
    Closed,
    /// The client has not offered this subprotocol.
    ProtocolNotOffered,
    /// The header at this index has a name that is not a token or belongs to the handshake, or a
    /// value with control characters.
    InvalidHeader {
        /// The index in the list of headers.
        index: usize,
    },
    /// The HTTP status is not between 200 and 599.
    InvalidStatus(u16),
    /// An output that grows has no room for this many bytes. An output that can be full returns
    /// [`Full`] instead, see [`Sent`](crate::Sent).
    CannotGrow(usize),
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRequest => f.write_str("there is no request to answer"),
            Self::NotAnUpgrade => f.write_str("the request is not a WebSocket upgrade"),
            Self::Closed => f.write_str("the connection has failed"),
            Self::ProtocolNotOffered => f.write_str("the client has not offered this subprotocol"),
            Self::InvalidHeader { index } => invalid_header(*index, f),
            Self::InvalidStatus(status) => {
                write!(f, "HTTP status {status} is not between 200 and 599")
            }
            Self::CannotGrow(needed) => cannot_grow(*needed, f),
        }
    }
}

impl core::error::Error for ResponseError {}

/// Why a client's request was not made: [`Connection::client`](crate::Connection::client). The
/// output is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// The host is empty or has characters that a Host header cannot have.
    InvalidHost,
    /// The target is neither a path, which starts with `/`, nor a URL with `http` or `https` and the
    /// same host; or it has spaces, a `#`, or characters outside ASCII.
    InvalidTarget,
    /// The origin has control characters.
    InvalidOrigin,
    /// The subprotocol at this index is not an HTTP token, or is there twice.
    InvalidProtocol {
        /// The index in the list of subprotocols.
        index: usize,
    },
    /// The header at this index has a name that is not a token or belongs to the handshake, or a
    /// value with control characters.
    InvalidHeader {
        /// The index in the list of headers.
        index: usize,
    },
    /// The subprotocols do not fit the storage, which has to remember them.
    ProtocolsTooLong {
        /// Their length with separators, in bytes.
        length: u32,
        /// What the storage holds, in bytes.
        limit: u32,
    },
    /// The source of randomness failed. The same call can be repeated.
    Entropy,
    /// An output that grows has no room for this many bytes. An output that can be full returns
    /// [`Full`] instead, see [`Sent`](crate::Sent).
    CannotGrow(usize),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidHost => f.write_str("the host is empty or not fit for a Host header"),
            Self::InvalidTarget => f.write_str(
                "the target must be a path or a URL on the host, in printable ASCII without #",
            ),
            Self::InvalidOrigin => f.write_str("the origin has control characters"),
            Self::InvalidProtocol { index } => {
                write!(f, "subprotocol {index} is not an HTTP token, or repeated")
            }
            Self::InvalidHeader { index } => invalid_header(*index, f),
            Self::ProtocolsTooLong { length, limit } => {
                write!(f, "subprotocols of {length} bytes, the storage holds {limit}")
            }
            Self::Entropy => f.write_str("the source of randomness failed"),
            Self::CannotGrow(needed) => cannot_grow(*needed, f),
        }
    }
}

impl core::error::Error for RequestError {}

fn invalid_header(index: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "header {index} has an invalid name or value, or belongs to the handshake")
}

fn cannot_grow(needed: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "the output cannot grow by {needed} bytes")
}

/// Why a call has written nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent<E> {
    /// The output is full for now.
    Full(Full),
    /// The caller did something wrong.
    Misuse(E),
}

impl<E> From<Full> for Unsent<E> {
    fn from(full: Full) -> Self {
        Self::Full(full)
    }
}

/// An error of a call that writes.
pub(crate) trait Misuse {
    fn cannot_grow(needed: usize) -> Self;
}

macro_rules! misuse {
    ($($error:ident),*) => { $(
        impl From<$error> for Unsent<$error> {
            fn from(error: $error) -> Self {
                Self::Misuse(error)
            }
        }

        impl Misuse for $error {
            fn cannot_grow(needed: usize) -> Self {
                Self::CannotGrow(needed)
            }
        }
    )* };
}

misuse!(SendError, ResponseError, RequestError);

/// Keeps a full output apart from the caller's mistakes.
#[inline]
pub(crate) fn apart<B: Buffer, T, E: Misuse>(
    result: Result<T, Unsent<E>>,
) -> Result<Sent<B, T>, E> {
    match result {
        Ok(sent) => Ok(B::Room::sent(sent)),
        Err(Unsent::Full(full)) => {
            B::Room::full(full).map_err(|Full { needed, .. }| E::cannot_grow(needed))
        }
        Err(Unsent::Misuse(error)) => Err(error),
    }
}

#[cfg(feature = "std")]
mod io {
    use std::io::{Error, ErrorKind};

    use super::{RequestError, ResponseError, SendError};

    impl From<SendError> for Error {
        fn from(error: SendError) -> Self {
            let kind = match error {
                SendError::Closed => ErrorKind::BrokenPipe,
                SendError::NotOpen => ErrorKind::NotConnected,
                SendError::Entropy => ErrorKind::Other,
                SendError::CannotGrow(_) => ErrorKind::OutOfMemory,
                _ => ErrorKind::InvalidInput,
            };
            Self::new(kind, error)
        }
    }

    impl From<ResponseError> for Error {
        fn from(error: ResponseError) -> Self {
            let kind = match error {
                ResponseError::Closed => ErrorKind::BrokenPipe,
                ResponseError::CannotGrow(_) => ErrorKind::OutOfMemory,
                _ => ErrorKind::InvalidInput,
            };
            Self::new(kind, error)
        }
    }

    impl From<RequestError> for Error {
        fn from(error: RequestError) -> Self {
            let kind = match error {
                RequestError::Entropy => ErrorKind::Other,
                RequestError::CannotGrow(_) => ErrorKind::OutOfMemory,
                _ => ErrorKind::InvalidInput,
            };
            Self::new(kind, error)
        }
    }
}
