//! What the peer can do wrong in the opening handshake [RFC 6455 §4].

use core::fmt;

/// What is wrong with the peer's part of the opening handshake [RFC 6455 §4.1, §4.2].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HandshakeError {
    /// The head is longer than [`Config::max_head`](crate::Config::max_head), or than the memory for
    /// it.
    HeadTooLong {
        /// The limit, in bytes.
        limit: u32,
    },
    /// The head has more headers than [`Config::max_headers`](crate::Config::max_headers).
    TooManyHeaders {
        /// The limit.
        limit: u16,
    },
    /// The head is not HTTP.
    Malformed,
    /// The request asks for an upgrade with a method other than GET.
    Method,
    /// The version of HTTP is below 1.1.
    HttpVersion,
    /// There is no Host header, or more than one.
    Host,
    /// No Upgrade header names `websocket`.
    Upgrade,
    /// No Connection header names `Upgrade`.
    Connection,
    /// The request to upgrade has a body.
    Body,
    /// The request's Sec-WebSocket-Version is missing or there is more than one.
    VersionCount,
    /// The request's Sec-WebSocket-Version is not 13.
    Version,
    /// The request's Sec-WebSocket-Key is missing, there is more than one, or it is not the
    /// base64 of 16 bytes.
    Key,
    /// The response's Sec-WebSocket-Accept is missing, there is more than one, or it does not
    /// answer the request's key.
    Accept,
    /// The response chooses a subprotocol that was not asked for, or more than one.
    Protocol,
    /// The response chooses an extension that was not asked for.
    Extension,
    /// The Content-Length of a response that refuses the upgrade is not one decimal number.
    ContentLength,
    /// The Transfer-Encoding of a response that refuses the upgrade is not `chunked` alone, or the
    /// response is HTTP/1.0 or has a Content-Length too.
    TransferEncoding,
    /// The body of a response that refuses the upgrade has a malformed chunk, a chunk whose size
    /// takes more than 256 bytes with its extensions, or trailers of more than 8,192 bytes.
    Chunk,
    /// The body of a response that refuses the upgrade is too long.
    BodyTooLong {
        /// The limit, in bytes, which is 1 MiB.
        limit: u32,
    },
    /// A message of HTTP/2 or HTTP/3 has an Upgrade or a Connection header.
    ConnectionSpecific,
    /// The response has this status, which does not accept the request.
    ///
    /// A connection never fails with it: it reports such a response as
    /// [`Event::Refused`](crate::Event::Refused).
    Status(u16),
}

impl HandshakeError {
    /// The HTTP status that a server answers with.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::HeadTooLong { .. } | Self::TooManyHeaders { .. } => 431,
            Self::Method => 405,
            Self::Version => 426,
            _ => 400,
        }
    }

    /// The error in a few words without its values.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::HeadTooLong { .. } => "head too long",
            Self::TooManyHeaders { .. } => "too many headers",
            Self::Malformed => "head is not HTTP/1.1",
            Self::Method => "method is not GET",
            Self::HttpVersion => "version of HTTP is below 1.1",
            Self::Host => "there must be exactly one Host header",
            Self::Upgrade => "no Upgrade header names websocket",
            Self::Connection => "no Connection header names Upgrade",
            Self::Body => "request to upgrade has a body",
            Self::VersionCount => "there must be exactly one Sec-WebSocket-Version header",
            Self::Version => "Sec-WebSocket-Version is not 13",
            Self::Key => "there must be exactly one Sec-WebSocket-Key, the base64 of 16 bytes",
            Self::Accept => "Sec-WebSocket-Accept does not answer the key",
            Self::Protocol => "subprotocol chosen that was not asked for",
            Self::Extension => "extension chosen that was not asked for",
            Self::ContentLength => "Content-Length is not one decimal number",
            Self::TransferEncoding => "Transfer-Encoding is not chunked alone",
            Self::Chunk => "malformed chunk in the body of the response",
            Self::BodyTooLong { .. } => "body of the response too long",
            Self::ConnectionSpecific => "Upgrade or Connection header in HTTP/2 or HTTP/3",
            Self::Status(_) => "request not accepted",
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeadTooLong { limit } => {
                write!(f, "head longer than {limit} bytes, which is the limit")
            }
            Self::TooManyHeaders { limit } => {
                write!(f, "more than {limit} headers, which is the limit")
            }
            Self::BodyTooLong { limit } => {
                write!(f, "body of the response longer than {limit} bytes, which is the limit")
            }
            Self::Status(status) => write!(f, "request answered with status {status}"),
            _ => f.write_str(self.reason()),
        }
    }
}

impl core::error::Error for HandshakeError {}
