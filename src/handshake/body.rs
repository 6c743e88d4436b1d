//! The body of a response that refuses the upgrade [RFC 9112 §6, §7.1]: where it ends, and which
//! of the bytes that arrive belong to it. Nothing of it is kept.
//!
//! ```text
//!  head ─┬─ 204, 304, Content-Length: 0 ────────────────────────────────────────► Done
//!        ├─ Content-Length ──────────► Sized ── all of it has arrived ──────────► Done
//!        ├─ neither ─────────────────► ToEnd ── until the stream ends
//!        ├─ malformed, or too long ──► Invalid
//!        └─ Transfer-Encoding: chunked
//!              │
//!              ▼  digits       ;            CR           LF, size 0
//!       ┌──► Size ────────► Extension ────────► SizeLf ─────────────► Trailers ─► Done
//!       │      │  blank ▲                ▲        │ LF                  until an empty line
//!       │      ├──► Blank ── CR ─────────┤        ▼
//!       │      └──────────── CR ─────────┘      Chunk
//!       │  LF               CR                    │ all of it has arrived
//!       └────── ChunkLf ◄────── ChunkCr ◄─────────┘
//! ```
//!
//! Chunk extensions and trailers are skipped. The body is limited by [`MAX_BODY`], the line of a
//! chunk's size by [`MAX_LINE`], the trailers by [`MAX_TRAILERS`].

use super::headers::Headers;
use super::values::only;
use super::{HandshakeError, Scan};

/// The longest body, in bytes.
pub(super) const MAX_BODY: u32 = 1 << 20;

/// The longest line of a chunk's size, in bytes, without CR LF.
const MAX_LINE: u16 = 256;

/// The longest trailer section, in bytes.
const MAX_TRAILERS: u32 = 8192;

/// How much of a body has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    stage: Stage,
    /// The bytes still to come of the body, the chunk or the trailers; in front of a chunk, its
    /// size as far as it was read.
    left: u32,
    /// How many more bytes the body may have.
    room: u32,
    /// What `room` was at first.
    limit: u32,
    /// The length of the line of a chunk's size as far as it was read.
    line: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A body of known length.
    Sized,
    /// A body that ends with the stream.
    ToEnd,
    /// The size of a chunk.
    Size,
    /// White space behind the size.
    Blank,
    /// Extensions behind the size.
    Extension,
    /// The LF behind the size.
    SizeLf,
    /// The bytes of a chunk.
    Chunk,
    /// The CR behind a chunk.
    ChunkCr,
    /// The LF behind a chunk.
    ChunkLf,
    /// The lines behind the last chunk, up to an empty one.
    Trailers(Scan),
    Done,
    /// The head does not say how long the body is.
    Invalid(HandshakeError),
}

/// What is at the front of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// How many bytes are not part of the content.
    pub(crate) skipped: usize,
    /// How many bytes of content follow them; none if all that is at hand was skipped.
    pub(crate) content: usize,
}

impl Body {
    /// The body of a response to GET with this head, of at most `limit` bytes [RFC 9112 §6.3].
    ///
    /// If the head does not say validly where it ends, that is the error of [`next`](Self::next).
    pub(crate) fn of_response(
        status: u16,
        minor_version: u8,
        headers: Headers<'_>,
        limit: u32,
    ) -> Self {
        let stage = Self::framing(status, minor_version, headers);
        let (stage, left) = match stage {
            Ok((Stage::Sized, 0)) => (Stage::Done, 0),
            Ok((Stage::Sized, length)) => match u32::try_from(length) {
                Ok(length) if length <= limit => (Stage::Sized, length),
                _ => (Stage::Invalid(HandshakeError::BodyTooLong { limit }), 0),
            },
            Ok((stage, _)) => (stage, 0),
            Err(error) => (Stage::Invalid(error), 0),
        };
        Self { stage, left, room: limit, limit, line: 0 }
    }

    fn framing(
        status: u16,
        minor_version: u8,
        headers: Headers<'_>,
    ) -> Result<(Stage, u64), HandshakeError> {
        if matches!(status, 204 | 304) {
            return Ok((Stage::Done, 0));
        }
        let has_length = headers.all("Content-Length").next().is_some();
        if headers.all("Transfer-Encoding").next().is_some() {
            let is_chunked = only(headers.all("Transfer-Encoding"))
                .is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
            // Both headers at once are as likely an attack as a mistake [RFC 9112 §6.1, §6.3].
            return if is_chunked && !has_length && minor_version >= 1 {
                Ok((Stage::Size, 0))
            } else {
                Err(HandshakeError::TransferEncoding)
            };
        }
        if !has_length {
            return Ok((Stage::ToEnd, 0));
        }
        let length = only(headers.all("Content-Length")).and_then(parse_length);
        Ok((Stage::Sized, length.ok_or(HandshakeError::ContentLength)?))
    }

    /// Goes on with `bytes`, up to the end of the first content in them.
    ///
    /// Call it again with what is behind that content, until there is none.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::ContentLength`], [`TransferEncoding`](HandshakeError::TransferEncoding),
    /// [`Chunk`](HandshakeError::Chunk) or [`BodyTooLong`](HandshakeError::BodyTooLong).
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Part, HandshakeError> {
        let mut rest = bytes.iter();
        loop {
            let at_hand = rest.as_slice();
            let skipped = bytes.len() - at_hand.len();
            let content = match self.stage {
                Stage::Sized => self.take(at_hand, Stage::Done),
                Stage::Chunk => self.take(at_hand, Stage::ChunkCr),
                Stage::ToEnd => {
                    let content = at_hand.len().min(self.room as usize);
                    if content == 0 && !at_hand.is_empty() {
                        return Err(HandshakeError::BodyTooLong { limit: self.limit });
                    }
                    self.room -= count(content);
                    content
                }
                Stage::Done => 0,
                Stage::Invalid(error) => return Err(error),
                _ => match rest.next() {
                    Some(&byte) => {
                        self.stage = self.line(byte)?;
                        continue;
                    }
                    None => 0,
                },
            };
            return Ok(Part { skipped, content });
        }
    }

    /// Takes content up to the end of the body or the chunk, behind which `then` comes.
    fn take(&mut self, at_hand: &[u8], then: Stage) -> usize {
        let content = at_hand.len().min(self.left as usize);
        self.left -= count(content);
        if self.left == 0 {
            self.stage = then;
        }
        content
    }

    /// The stage behind a byte that is not content [RFC 9112 §7.1].
    fn line(&mut self, byte: u8) -> Result<Stage, HandshakeError> {
        if matches!(self.stage, Stage::Size | Stage::Blank | Stage::Extension) && byte != b'\r' {
            self.line += 1;
            if self.line > MAX_LINE {
                return Err(HandshakeError::Chunk);
            }
        }
        Ok(match (self.stage, byte) {
            (Stage::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                let size = u64::from(self.left) * 16 + u64::from(digit);
                self.left = match u32::try_from(size) {
                    Ok(size) if size <= self.room => size,
                    _ => return Err(HandshakeError::BodyTooLong { limit: self.limit }),
                };
                Stage::Size
            }
            (Stage::Size | Stage::Blank | Stage::Extension, b'\r') if self.line > 0 => {
                Stage::SizeLf
            }
            // There has to be a digit in front of them.
            (Stage::Size | Stage::Blank, b' ' | b'\t') if self.line > 1 => Stage::Blank,
            (Stage::Size | Stage::Blank, b';') if self.line > 1 => Stage::Extension,
            (Stage::Extension, b'\t' | b' '..=b'~' | 0x80..) => Stage::Extension,
            (Stage::SizeLf, b'\n') if self.left == 0 => {
                self.left = MAX_TRAILERS;
                Stage::Trailers(Scan::behind_a_line())
            }
            (Stage::SizeLf, b'\n') => {
                self.room -= self.left;
                Stage::Chunk
            }
            (Stage::ChunkCr, b'\r') => Stage::ChunkLf,
            (Stage::ChunkLf, b'\n') => {
                self.line = 0;
                Stage::Size
            }
            (Stage::Trailers(mut scan), _) => {
                self.left = self.left.checked_sub(1).ok_or(HandshakeError::Chunk)?;
                match scan.feed(&[byte], u16::MAX) {
                    Ok(None) => Stage::Trailers(scan),
                    Ok(Some(_)) => Stage::Done,
                    Err(_) => return Err(HandshakeError::Chunk),
                }
            }
            _ => return Err(HandshakeError::Chunk),
        })
    }

    /// Whether all of it has arrived.
    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Whether the stream may end here.
    pub(crate) fn may_end(&self) -> bool {
        matches!(self.stage, Stage::Done | Stage::ToEnd)
    }
}

/// A Content-Length, which is digits only [RFC 9110 §8.6]; one that is too large for the type is
/// the largest value.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0, |length: u64, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(length.saturating_mul(10).saturating_add(digit))
    })
}

/// A number of bytes that is at most a `u32`, since it was limited by one.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    fn body(line: &str, headers: &str, limit: u32) -> Body {
        let head = alloc::format!("HTTP/1.1 {line}\r\n{headers}\r\n");
        let (_, headers) = Headers::split(head.as_bytes());
        Body::of_response(line[..3].parse().unwrap(), 1, headers, limit)
    }

    /// The content of these bytes, and the first error.
    fn read(mut body: Body, mut bytes: &[u8]) -> (Vec<u8>, Result<Body, HandshakeError>) {
        let mut content = vec![];
        loop {
            let part = match body.next(bytes) {
                Ok(part) => part,
                Err(error) => return (content, Err(error)),
            };
            bytes = &bytes[part.skipped..];
            let (first, rest) = bytes.split_at(part.content);
            content.extend_from_slice(first);
            bytes = rest;
            if part.content == 0 {
                return (content, Ok(body));
            }
        }
    }

    const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

    #[test]
    fn the_head_says_where_the_body_ends() {
        use HandshakeError as E;
        let stages = [
            ("204 ", "Content-Length: 5\r\n", Stage::Done),
            ("304 ", CHUNKED, Stage::Done),
            ("401 ", "", Stage::ToEnd),
            ("401 ", "content-length: 5\r\n", Stage::Sized),
            ("401 ", "content-length: 007\r\n", Stage::Sized),
            ("401 ", "content-length: 0\r\n", Stage::Done),
            (
                "401 ",
                "Content-Length: 5\r\nContent-Length: 5\r\n",
                Stage::Invalid(E::ContentLength),
            ),
            ("401 ", "Content-Length: 5, 5\r\n", Stage::Invalid(E::ContentLength)),
            ("401 ", "Content-Length: +5\r\n", Stage::Invalid(E::ContentLength)),
            ("401 ", "Content-Length: 0x5\r\n", Stage::Invalid(E::ContentLength)),
            ("401 ", "Content-Length:\r\n", Stage::Invalid(E::ContentLength)),
            ("401 ", "Content-Length: 1001\r\n", Stage::Invalid(E::BodyTooLong { limit: 1000 })),
            (
                "401 ",
                "Content-Length: 99999999999999999999999\r\n",
                Stage::Invalid(E::BodyTooLong { limit: 1000 }),
            ),
            ("401 ", "transfer-encoding: CHUNKED\r\n", Stage::Size),
            ("401 ", "Transfer-Encoding: gzip, chunked\r\n", Stage::Invalid(E::TransferEncoding)),
            ("401 ", "Transfer-Encoding: gzip\r\n", Stage::Invalid(E::TransferEncoding)),
            ("401 ", "Transfer-Encoding:\r\n", Stage::Invalid(E::TransferEncoding)),
            ("401 ", &CHUNKED.repeat(2), Stage::Invalid(E::TransferEncoding)),
            (
                "401 ",
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                Stage::Invalid(E::TransferEncoding),
            ),
        ];
        for (line, headers, stage) in stages {
            assert_eq!(body(line, headers, 1000).stage, stage, "{headers:?}");
        }
        let (_, headers) = Headers::split(b"HTTP/1.0 401 \r\nTransfer-Encoding: chunked\r\n\r\n");
        let old = Body::of_response(401, 0, headers, 1000);
        assert_eq!(old.stage, Stage::Invalid(E::TransferEncoding));
    }

    #[test]
    fn chunks_are_joined_and_what_is_around_them_is_skipped() {
        for wire in [
            "5\r\nhello\r\n0\r\n\r\n",
            "1\r\nh\r\n0004\r\nello\r\n000\r\n\r\n",
            "5;a=b;c=\"d\"\r\nhello\r\n0;e\r\nTrailer: x\r\nY:\r\n\r\n",
            "5 \t\r\nhello\r\n0 ;\r\n\r\n",
            "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\nmore",
        ] {
            let (content, end) = read(body("401 ", CHUNKED, 5), wire.as_bytes());
            assert_eq!(content, b"hello", "{wire:?}");
            assert!(end.unwrap().is_done(), "{wire:?}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for wire in [
            "\r\n",
            ";\r\n",
            " 5\r\n",
            "-5\r\n",
            "0x5\r\n",
            "5\n",
            "5\rh",
            "5;\n",
            "5;\0",
            "5 a",
            "5\r\nhelloX",
            "5\r\nhello\rX",
            "0\r\n\n",
            "0\r\na\0\r\n",
            &"0".repeat(257),
            &alloc::format!("5;{}\r\n", "x".repeat(255)),
            &alloc::format!("0\r\nX: {}", "x".repeat(8192)),
        ] {
            let (_, end) = read(body("401 ", CHUNKED, 1000), wire.as_bytes());
            assert_eq!(end, Err(HandshakeError::Chunk), "{wire:?}");
        }
        let longest: [String; 3] = [
            "0".repeat(256),
            alloc::format!("5;{}\r\n", "x".repeat(254)),
            alloc::format!("0\r\nX: {}", "x".repeat(8189)),
        ];
        for wire in longest {
            assert!(read(body("401 ", CHUNKED, 1000), wire.as_bytes()).1.is_ok(), "{wire:?}");
        }
    }

    #[test]
    fn no_body_is_longer_than_the_limit() {
        let limit = 10;
        let too_long = Err(HandshakeError::BodyTooLong { limit });
        for (wire, expected) in [
            ("b", ""),
            ("fffffffffffffffff", ""),
            ("5\r\nhello\r\n6", "hello"),
            ("a\r\n0123456789\r\n1", "0123456789"),
        ] {
            let (content, end) = read(body("401 ", CHUNKED, limit), wire.as_bytes());
            assert_eq!((content, end), (expected.as_bytes().to_vec(), too_long), "{wire:?}");
        }
        let (content, end) = read(body("401 ", "", limit), b"0123456789a");
        assert_eq!((content, end), (b"0123456789".to_vec(), too_long));
        let (content, end) = read(body("401 ", "", limit), b"0123456789");
        assert!(content.len() == 10 && end.unwrap().may_end());
        let length = "Content-Length: 10\r\n".to_string();
        let (content, end) = read(body("401 ", &length, limit), b"0123456789a");
        assert!(content.len() == 10 && end.unwrap().is_done());
    }
}
