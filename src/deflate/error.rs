//! Why a compressed message is refused.

use core::fmt;

/// What is wrong with the DEFLATE data of a message [RFC 1951, RFC 7692 §7.2.2].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DeflateError {
    /// A block has the reserved type 3 [RFC 1951 §3.2.3].
    BlockType,
    /// The length of a stored block is not the complement of its check value [RFC 1951 §3.2.4].
    StoredLength,
    /// A dynamic block declares more than 286 literal and length codes, or more than 30 distance
    /// codes [RFC 1951 §3.2.7].
    CodeCounts,
    /// The lengths of the code length code make no complete code.
    CodeLengthCode,
    /// A code length is repeated where there is none before it, or more often than there are codes.
    RepeatedLength,
    /// A dynamic block has no code for its end.
    MissingEndOfBlock,
    /// The lengths of the literal and length codes make no complete code.
    LiteralCode,
    /// The lengths of the distance codes make no complete code, and there is more than one of them.
    DistanceCode,
    /// Bits that are no literal, no length and no end of the block.
    InvalidLength,
    /// Bits that are no distance.
    InvalidDistance,
    /// A distance goes beyond the window that was agreed on, or before the first byte that it could
    /// refer to.
    DistanceTooFar,
    /// The message ends within a block.
    Truncated,
}

impl fmt::Display for DeflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BlockType => "reserved block type",
            Self::StoredLength => "length of a stored block without its complement",
            Self::CodeCounts => "too many codes in a block",
            Self::CodeLengthCode => "invalid code of code lengths",
            Self::RepeatedLength => "invalid repetition of a code length",
            Self::MissingEndOfBlock => "no code for the end of a block",
            Self::LiteralCode => "invalid code of literals and lengths",
            Self::DistanceCode => "invalid code of distances",
            Self::InvalidLength => "invalid literal or length",
            Self::InvalidDistance => "invalid distance",
            Self::DistanceTooFar => "distance too far back",
            Self::Truncated => "message ends within a block",
        })
    }
}

impl core::error::Error for DeflateError {}

/// The most bytes of consecutive blocks without content in one message.
///
/// Compressors that flush after every byte send up to 11 bytes of them in a row: a flush is an empty
/// stored block. An empty dynamic block takes less than 600.
pub(crate) const MAX_EMPTY: u16 = 4096;

/// Why a compressed message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "deflate"), allow(dead_code))]
pub enum Refused {
    /// It is not DEFLATE data, or refers to what is not in the window.
    Invalid {
        reason: DeflateError,
        /// The byte of the payload that the wrong part begins in, from 0.
        offset: u64,
    },
    /// It has too many blocks in a row that contain nothing.
    EmptyBlocks,
}
