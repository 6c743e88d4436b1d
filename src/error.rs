//! What went wrong: [`Error`] for what the peer did, [`SendError`] for what the caller did.

use core::fmt;

use crate::close::{CloseCode, MAX_CLOSE_REASON};
use crate::deflate::{DeflateError, MAX_EMPTY, Refused};
use crate::frame::{FrameError, MAX_CONTROL_PAYLOAD, Opcode, Rsv};
use crate::handshake::HandshakeError;
use crate::storage::NoRoom;

/// Why a connection failed, or, for [`Blocked`](Self::Blocked) alone, why it cannot go on yet.
///
/// Failure is sticky: after any other variant every later call gives the same error, and
/// [`Connection::transport`](crate::Connection::transport) says to close TCP once the output,
/// which ends with the right close frame or HTTP status, is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The opening handshake is not as it must be [RFC 6455 §4].
    ///
    /// A server answers with [`HandshakeError::status`], a client drops TCP.
    Handshake(HandshakeError),
    /// A frame header that no frame may have; close code 1002.
    Frame(FrameError),
    /// A frame that may not stand where it does; close code 1002.
    Protocol(ProtocolError),
    /// A text message is not UTF-8; close code 1007.
    InvalidUtf8 {
        /// Where in the message the bad sequence starts, in bytes.
        offset: u64,
    },
    /// The reason of a close frame is not UTF-8; close code 1007.
    InvalidCloseReason {
        /// Where in the reason the bad sequence starts, in bytes.
        offset: u8,
    },
    /// A compressed message is not DEFLATE data, or refers to what is not in the window; close code
    /// 1007.
    ///
    /// RFC 7692 leaves the code open, and other libraries choose others.
    InvalidDeflate {
        /// What is wrong.
        reason: DeflateError,
        /// The byte of the message's compressed payload, from 0, that the wrong part begins in; if
        /// the lengths of codes are wrong, the byte behind them. The four bytes that are left out
        /// at the end of a message count as well [RFC 7692 §7.2.2].
        offset: u64,
    },
    /// A compressed message has more than this many bytes of consecutive blocks that contain
    /// nothing; close code 1008.
    ///
    /// Such a message keeps the receiver busy without an end. Compressors that flush after each byte
    /// send 11 bytes of them in a row at most. A message in fragments reaches the limit with some
    /// 800 empty ones in a row, if each is flushed.
    EmptyBlocks {
        /// The limit, in bytes, which is 4,096.
        limit: u16,
    },
    /// A frame is longer than [`Config::max_frame`](crate::Config::max_frame); close code 1009.
    FrameTooLong {
        /// The length of the frame's payload, in bytes.
        length: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// A message is longer than [`Config::max_message`](crate::Config::max_message) or than its
    /// storage holds; close code 1009.
    MessageTooLong {
        /// The length of the message as far as its frames have come, in bytes.
        length: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The allocator gave no memory for a message within the limits; close code 1011.
    OutOfMemory {
        /// How many bytes were asked for.
        length: usize,
    },
    /// A deadline passed.
    Timeout(Timeout),
    /// The stream ended before the closing handshake was done; RFC 6455 calls it 1006.
    UnexpectedEnd,
    /// An answer that is due cannot be written; nothing is changed, and the same call goes on
    /// where it was once the cause is gone. Not sticky.
    ///
    /// After [`tick`](crate::Connection::tick), call that again once there is room.
    Blocked(SendError),
}

impl Error {
    /// The code of the close frame that tells the peer, `None` where none is sent.
    #[must_use]
    pub const fn close_code(&self) -> Option<CloseCode> {
        Some(match self {
            Self::Frame(_) | Self::Protocol(_) => CloseCode::PROTOCOL_ERROR,
            Self::InvalidUtf8 { .. }
            | Self::InvalidCloseReason { .. }
            | Self::InvalidDeflate { .. } => CloseCode::INVALID_PAYLOAD,
            Self::EmptyBlocks { .. } => CloseCode::POLICY_VIOLATION,
            Self::FrameTooLong { .. } | Self::MessageTooLong { .. } => CloseCode::TOO_BIG,
            Self::OutOfMemory { .. } | Self::Timeout(Timeout::Pong) => CloseCode::INTERNAL_ERROR,
            Self::Handshake(_) | Self::Timeout(_) | Self::UnexpectedEnd | Self::Blocked(_) => {
                return None;
            }
        })
    }

    /// The error in a few words without its values; the reason of the close frame.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Handshake(error) => error.reason(),
            Self::Frame(error) => match error {
                FrameError::ReservedOpcode(_) => "reserved opcode",
                FrameError::FragmentedControl(_) => "fragmented control frame",
                FrameError::ControlLength(_) => "control frame longer than 125 bytes",
                FrameError::LengthNotMinimal(_) => "length not in its shortest form",
                FrameError::LengthTopBit(_) => "top bit of the length set",
            },
            Self::Protocol(error) => match error {
                ProtocolError::ReservedBits(_) => "reserved bits set",
                ProtocolError::Unmasked => "frame from a client not masked",
                ProtocolError::Masked => "frame from a server masked",
                ProtocolError::UnexpectedContinuation => "continuation without a message",
                ProtocolError::ExpectedContinuation(_) => "new message inside a fragmented one",
                ProtocolError::CloseLength => "close frame of one byte",
                ProtocolError::CloseCode(_) => "close code not allowed",
            },
            Self::InvalidUtf8 { .. } => "text is not UTF-8",
            Self::InvalidCloseReason { .. } => "close reason is not UTF-8",
            Self::InvalidDeflate { .. } => "compressed message is not deflate data",
            Self::EmptyBlocks { .. } => "too many empty blocks in a compressed message",
            Self::FrameTooLong { .. } => "frame too long",
            Self::MessageTooLong { .. } => "message too long",
            Self::OutOfMemory { .. } => "out of memory",
            Self::Timeout(timeout) => timeout.reason(),
            Self::UnexpectedEnd => "stream ended before the closing handshake was done",
            Self::Blocked(_) => "an answer cannot be written yet",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(error) => write!(f, "opening handshake: {error}"),
            Self::Frame(error) => error.fmt(f),
            Self::Protocol(error) => error.fmt(f),
            Self::InvalidUtf8 { offset } => write!(f, "text is not UTF-8 at byte {offset}"),
            Self::InvalidCloseReason { offset } => {
                write!(f, "close reason is not UTF-8 at byte {offset}")
            }
            Self::FrameTooLong { length, limit } => {
                write!(f, "frame of {length} bytes, the limit is {limit}")
            }
            Self::MessageTooLong { length, limit } => {
                write!(f, "message of {length} bytes or more, the limit is {limit}")
            }
            Self::OutOfMemory { length } => write!(f, "no memory for {length} bytes"),
            Self::Blocked(error) => write!(f, "an answer cannot be written yet: {error}"),
            Self::InvalidDeflate { reason, offset } => {
                write!(f, "compressed message is invalid at byte {offset}: {reason}")
            }
            Self::EmptyBlocks { limit } => {
                write!(
                    f,
                    "more than {limit} bytes of empty blocks in a row in a compressed message"
                )
            }
            Self::Timeout(_) | Self::UnexpectedEnd => f.write_str(self.reason()),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Blocked(error) => Some(error),
            _ => None,
        }
    }
}

impl From<NoRoom> for Error {
    fn from(NoRoom(length): NoRoom) -> Self {
        Self::OutOfMemory { length }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Invalid { reason, offset } => Self::InvalidDeflate { reason, offset },
            Refused::EmptyBlocks => Self::EmptyBlocks { limit: MAX_EMPTY },
        }
    }
}

impl From<FrameError> for Error {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

/// A frame that may not stand where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ProtocolError {
    /// Reserved bits, given here, that no negotiated extension uses [RFC 6455 §5.2].
    ReservedBits(Rsv),
    /// A frame from a client is not masked [RFC 6455 §5.1].
    Unmasked,
    /// A frame from a server is masked [RFC 6455 §5.1].
    Masked,
    /// A continuation frame while no message is under way [RFC 6455 §5.4].
    UnexpectedContinuation,
    /// A text or binary frame inside a fragmented message [RFC 6455 §5.4].
    ExpectedContinuation(Opcode),
    /// A close frame with a payload of one byte [RFC 6455 §5.5.1].
    CloseLength,
    /// A close frame with a code, given here, that no close frame may carry [RFC 6455 §7.4].
    CloseCode(u16),
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits(rsv) => write!(f, "reserved bits {:#05b} are set", rsv.bits()),
            Self::Unmasked => f.write_str("frame from a client is not masked"),
            Self::Masked => f.write_str("frame from a server is masked"),
            Self::UnexpectedContinuation => f.write_str("continuation without a message"),
            Self::ExpectedContinuation(opcode) => {
                write!(f, "{opcode:?} frame inside a fragmented message")
            }
            Self::CloseLength => f.write_str("close frame with a payload of 1 byte"),
            Self::CloseCode(code) => write!(f, "close code {code} is not allowed on the wire"),
        }
    }
}

impl core::error::Error for ProtocolError {}

/// Which deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Timeout {
    /// The opening handshake was not done in time.
    Opening,
    /// The peer did not answer a close frame in time.
    Closing,
    /// The server did not close TCP in time after the closing handshake.
    ServerDrop,
    /// Nothing came in time after a keep-alive ping; close code 1011, if there is room for it.
    Pong,
}

impl Timeout {
    const fn reason(self) -> &'static str {
        match self {
            Self::Opening => "opening handshake not done in time",
            Self::Closing => "close frame not answered in time",
            Self::ServerDrop => "TCP not closed by the server in time",
            Self::Pong => "keep-alive ping not answered in time",
        }
    }
}

/// Why a call by the caller did nothing: after any of these the connection and the output are as
/// they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SendError {
    /// The output has not enough room; the same call succeeds once it has.
    ///
    /// Never, if `needed` is more than the output can hold at all: 256 bytes are enough for
    /// everything but the caller's own messages, headers and bodies.
    Full {
        /// How much room the call needs, in bytes.
        needed: usize,
        /// How much there was, in bytes.
        room: usize,
    },
    /// The source of randomness failed.
    Entropy,
    /// The opening handshake is not done.
    NotOpen,
    /// A close frame was sent or received, or the connection failed.
    Closed,
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
    /// A fragmented message is under way, so a new one cannot start, nor its kind change.
    Fragmented,
    /// A compressed message is under way, which cannot go on with a frame that is not: one that
    /// the caller writes itself, or is to be sent with
    /// [`Compression::Never`](crate::Compression::Never).
    Compressed,
    /// A frame of this length, in bytes, cannot be expressed.
    FrameTooLong {
        /// The length of the payload.
        length: u64,
    },
    /// There is no request to accept or to respond to.
    NoRequest,
    /// The request is not one to upgrade, so it cannot be accepted.
    NotAnUpgrade,
    /// The subprotocol is not among those that the client asked for.
    ProtocolNotOffered,
    /// A subprotocol, at this index, is not an HTTP token, or stands there twice.
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
    /// The origin has control characters.
    InvalidOrigin,
    /// The host is empty or has characters that a Host header cannot have.
    InvalidHost,
    /// The target is neither a path, which starts with `/`, nor a URL with `http` or `https` and the
    /// same host; or it has spaces, a `#`, or characters outside ASCII.
    InvalidTarget,
    /// No response can have this HTTP status: it is not between 200 and 599.
    InvalidStatus(u16),
    /// The subprotocols to ask for do not fit the storage, which has to remember them.
    ProtocolsTooLong {
        /// Their length with separators, in bytes.
        length: usize,
        /// What the storage holds, in bytes.
        limit: usize,
    },
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { needed, room } => {
                write!(f, "{needed} bytes to write, the output has room for {room}")
            }
            Self::Entropy => f.write_str("the source of randomness failed"),
            Self::NotOpen => f.write_str("the opening handshake is not done"),
            Self::Closed => f.write_str("the connection is closing or closed"),
            Self::ControlTooLong { length } => {
                write!(f, "control frame of {length} bytes, the limit is {MAX_CONTROL_PAYLOAD}")
            }
            Self::ReasonTooLong { length } => {
                write!(f, "close reason of {length} bytes, the limit is {MAX_CLOSE_REASON}")
            }
            Self::Fragmented => f.write_str("a fragmented message is under way"),
            Self::Compressed => {
                f.write_str("a compressed message is under way, it cannot go on with a plain frame")
            }
            Self::FrameTooLong { length } => {
                write!(f, "frame of {length} bytes, the limit is 2^63 - 1")
            }
            Self::NoRequest => f.write_str("there is no request to answer"),
            Self::NotAnUpgrade => f.write_str("the request is not a WebSocket upgrade"),
            Self::ProtocolNotOffered => f.write_str("the client did not ask for this subprotocol"),
            Self::InvalidProtocol { index } => {
                write!(f, "subprotocol {index} is not an HTTP token, or repeated")
            }
            Self::InvalidHeader { index } => write!(
                f,
                "header {index} has an invalid name or value, or belongs to the handshake"
            ),
            Self::InvalidOrigin => f.write_str("the origin has control characters"),
            Self::InvalidHost => f.write_str("the host is empty or not fit for a Host header"),
            Self::InvalidTarget => f.write_str(
                "the target must be a path or a URL on the host, in printable ASCII without #",
            ),
            Self::InvalidStatus(status) => {
                write!(f, "HTTP status {status} is not between 200 and 599")
            }
            Self::ProtocolsTooLong { length, limit } => {
                write!(f, "subprotocols of {length} bytes, the storage holds {limit}")
            }
        }
    }
}

impl core::error::Error for SendError {}
