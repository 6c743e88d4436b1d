//! What the peer did wrong: [`Error`].

use core::fmt;

use crate::deflate::{DeflateError, MAX_EMPTY, Refused};
use crate::frame::{CloseCode, FrameError, InvalidClose, Opcode, Rsv};
use crate::handshake::HandshakeError;
use crate::misuse::{RequestError, ResponseError, SendError};
use crate::storage::NoRoom;

/// Why a connection failed: what the peer did wrong, or did not do in time.
///
/// Failure is final. When it occurs, the output ends with the right close frame or HTTP status,
/// [`Connection::transport`](crate::Connection::transport) is
/// [`TransportAction::Close`](crate::TransportAction::Close), and from then on
/// [`Events::next`](crate::Events::next) and
/// [`Connection::end_of_stream`](crate::Connection::end_of_stream) return the same error.
///
/// Three variants are different: [`Send`](Self::Send), [`Response`](Self::Response) and
/// [`Request`](Self::Request) are mistakes of the caller, after which nothing is changed. They are
/// here so that one function can pass on all errors with `?`. With the feature `std` each error also
/// converts into `std::io::Error`.
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
    /// A message could not be sent, or an answer is due and a client's source of randomness failed.
    /// Nothing is changed.
    Send(SendError),
    /// A request could not be answered. Nothing is changed.
    Response(ResponseError),
    /// A client's request could not be made.
    Request(RequestError),
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
            Self::Handshake(_)
            | Self::Timeout(_)
            | Self::UnexpectedEnd
            | Self::Send(_)
            | Self::Response(_)
            | Self::Request(_) => return None,
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
            Self::Send(_) => "message not sent",
            Self::Response(_) => "request not answered",
            Self::Request(_) => "request not made",
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
            Self::Send(error) => error.fmt(f),
            Self::Response(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
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

impl core::error::Error for Error {}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        Self::Send(error)
    }
}

impl From<ResponseError> for Error {
    fn from(error: ResponseError) -> Self {
        Self::Response(error)
    }
}

impl From<RequestError> for Error {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<InvalidClose> for Error {
    fn from(invalid: InvalidClose) -> Self {
        match invalid {
            InvalidClose::Length => Self::Protocol(ProtocolError::CloseLength),
            InvalidClose::Code(code) => Self::Protocol(ProtocolError::CloseCode(code)),
            InvalidClose::Reason { offset } => Self::InvalidCloseReason { offset },
        }
    }
}

/// [`TimedOut`](std::io::ErrorKind::TimedOut), [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof),
/// [`OutOfMemory`](std::io::ErrorKind::OutOfMemory), those of the caller's errors, and
/// [`InvalidData`](std::io::ErrorKind::InvalidData) for everything else.
#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error {
            Error::Timeout(_) => ErrorKind::TimedOut,
            Error::UnexpectedEnd => ErrorKind::UnexpectedEof,
            Error::OutOfMemory { .. } => ErrorKind::OutOfMemory,
            Error::Send(error) => return error.into(),
            Error::Response(error) => return error.into(),
            Error::Request(error) => return error.into(),
            _ => ErrorKind::InvalidData,
        };
        Self::new(kind, error)
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
