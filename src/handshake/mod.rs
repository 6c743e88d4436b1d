//! The opening handshake [RFC 6455 §4]: finding the end of the peer's head however it is cut,
//! judging it, and writing ours.
//!
//! A head is collected until its empty line ([`Scan`]), then parsed once by `httparse`. What the
//! caller sees of it ([`RequestHead`], [`ResponseHead`]) are views that split the bytes again, now
//! known to be well formed, so that no array of headers has to be kept.

mod check;
mod error;
mod extensions;
mod key;
mod request;
mod response;
mod values;

use core::fmt;

use crate::deflate::DeflateParams;
pub use check::{Agreed, ClientOffer, check_extended_connect, check_request, is_upgrade};
pub use error::HandshakeError;
pub use key::{AcceptKey, ClientKey};
pub(crate) use request::judge_request;
pub use request::{Request, RequestHead};
pub use response::{Accept, Response, ResponseHead};
pub(crate) use response::{judge_response, write_status};
pub use values::{choose_protocol, offered_protocols};

/// What a well-formed head means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A request to upgrade.
    Upgrade,
    /// A request that is no upgrade.
    Plain {
        /// Whether its method is HEAD, so that the response has no body.
        head: bool,
    },
    /// The server has switched protocols, and agreed to compression or not.
    Switched(Option<DeflateParams>),
    /// An interim response, which another one follows.
    Interim,
    /// A final response other than 101.
    Refused,
}

/// Looks for the end of a head byte by byte, as the bytes come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Scan {
    /// How many bytes of CR LF CR LF the head now ends with.
    matched: u8,
    /// How many lines have ended.
    lines: u16,
    /// Something else than an empty line has come.
    begun: bool,
}

impl Scan {
    /// Goes on with `bytes`; gives how many of them belong to the head if it ends there.
    ///
    /// A line must end with CR LF, and no other control character than a tab may stand in it: so
    /// what can never become HTTP is refused at once.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        max_headers: u16,
    ) -> Result<Option<usize>, HandshakeError> {
        for (index, &byte) in bytes.iter().enumerate() {
            self.matched = match (self.matched, byte) {
                (0, b'\r') => 1,
                (1, b'\n') => {
                    self.lines = self.lines.saturating_add(self.begun.into());
                    // The first line is not a header.
                    if self.lines > max_headers.saturating_add(1) {
                        return Err(HandshakeError::TooManyHeaders { limit: max_headers });
                    }
                    2
                }
                (2, b'\r') => 3,
                (3, b'\n') => return Ok(Some(index + 1)),
                (0 | 2, b'\t' | b' '..=b'~' | 0x80..) => {
                    self.begun = true;
                    0
                }
                _ => return Err(HandshakeError::Malformed),
            };
        }
        Ok(None)
    }
}

/// How many headers are parsed at once: what is found in them is on the stack.
const BATCH: usize = 8;

/// Checks that header lines, with the empty one behind them, are well formed.
///
/// What `httparse` finds in them is not kept, so it is given a few at a time: however many there
/// are, they take as little of the stack.
fn check_headers(mut lines: &[u8], max_headers: u16) -> Result<(), HandshakeError> {
    let mut count = 0;
    loop {
        let (batch, rest) = split_lines(lines, BATCH);
        let mut slots = [httparse::EMPTY_HEADER; BATCH];
        let is_last = rest.is_empty();
        count += match httparse::parse_headers(batch, &mut slots) {
            Ok(httparse::Status::Complete((length, headers)))
                if is_last && length == batch.len() =>
            {
                headers.len()
            }
            Ok(httparse::Status::Partial) if !is_last => BATCH,
            _ => return Err(HandshakeError::Malformed),
        };
        if count > usize::from(max_headers) {
            return Err(HandshakeError::TooManyHeaders { limit: max_headers });
        }
        if is_last {
            return Ok(());
        }
        lines = rest;
    }
}

/// The headers of a head that is known to be well formed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    /// The lines behind the first, up to and with the empty one.
    lines: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Splits a head that can be malformed: gives the first line with its end, and the headers if
    /// they are well formed and not too many.
    fn check(head: &'a [u8], max_headers: u16) -> Result<(&'a [u8], Self), HandshakeError> {
        let (_, headers) = Self::split(head);
        let line_len = head.len().saturating_sub(headers.lines.len());
        let (line, lines) = head.split_at_checked(line_len).unwrap_or_default();
        check_headers(lines, max_headers)?;
        Ok((line, headers))
    }

    /// Splits a head into its first line and its headers.
    fn split(head: &'a [u8]) -> (&'a [u8], Self) {
        let (first, lines) = split_line(head);
        // An empty line may stand before a request [RFC 9112 §2.2].
        let (first, lines) = if first.is_empty() { split_line(lines) } else { (first, lines) };
        (first, Self { lines })
    }

    /// The values of the headers with this name, in any case of letters, in order.
    pub fn all(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.filter(move |(this, _)| this.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the first header with this name, in any case of letters, if it is text.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.all(name).next().and_then(|value| core::str::from_utf8(value).ok())
    }
}

/// Gives the names and the values, without the white space around them, in order.
impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (line, rest) = split_line(self.lines);
        self.lines = rest;
        let colon = line.iter().position(|&byte| byte == b':')?;
        let (name, value) = line.split_at(colon);
        let value = value.get(1..)?.trim_ascii();
        Some((core::str::from_utf8(name).ok()?, value))
    }
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.map(|(name, value)| (name, Text(value)))).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Headers<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        for (name, value) in *self {
            defmt::write!(f, "{=str}: {=[u8]:a} ", name, value);
        }
    }
}

/// Bytes that are mostly text.
struct Text<'a>(&'a [u8]);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// The bytes up to the next CR LF, and those behind it.
fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n").unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at_checked(end).unwrap_or_default();
    (line, rest.get(2..).unwrap_or_default())
}

/// The first `count` lines, with their ends, and those behind them.
fn split_lines(bytes: &[u8], count: usize) -> (&[u8], &[u8]) {
    let mut rest = bytes;
    for _ in 0..count {
        (_, rest) = split_line(rest);
    }
    bytes.split_at_checked(bytes.len().saturating_sub(rest.len())).unwrap_or_default()
}

/// Whether this is a token of HTTP [RFC 9110 §5.6.2].
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Whether a token of HTTP can have this byte.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether a caller may set this header: its name is a token that the handshake does not use
/// itself, and its value has no control character but tabs.
fn is_free_header(&(name, value): &(&str, &str), own: &[&str]) -> bool {
    let reserved = own.iter().any(|own| own.eq_ignore_ascii_case(name));
    is_token(name)
        && !reserved
        && value.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(bytes: &[u8]) -> Result<Option<usize>, HandshakeError> {
        Scan::default().feed(bytes, 3)
    }

    #[test]
    fn a_head_ends_with_its_empty_line() {
        let wire = b"GET / HTTP/1.1\r\na: b\r\n\r\nrest";
        let end = wire.len() - 4;
        assert_eq!(scan(wire), Ok(Some(end)));
        for cut in 0..end {
            let mut scan = Scan::default();
            assert_eq!(scan.feed(&wire[..cut], 3), Ok(None));
            assert_eq!(scan.feed(&wire[cut..], 3), Ok(Some(end - cut)));
        }
    }

    #[test]
    fn what_cannot_be_http_is_refused_at_once() {
        let bare_ends: [&[u8]; 4] = [b"a\n", b"a\rb", b"a\r\n\rb", b"a\r\r"];
        for wire in bare_ends.into_iter().chain([&b"\x16\x03\x01"[..], b"a\0", b"a\x7f"]) {
            assert_eq!(scan(wire), Err(HandshakeError::Malformed), "{:?}", Text(wire));
        }
        let four = scan(b"GET\r\n1:\r\n2:\r\n3:\r\n4:\r\n");
        assert_eq!(four, Err(HandshakeError::TooManyHeaders { limit: 3 }));
        assert!(scan(b"GET\r\n1:\r\n2:\r\n3:\r\n\r\n").unwrap().is_some());
    }

    proptest! {
        /// What `Headers` splits is what `httparse` parses.
        #[test]
        fn headers_are_those_of_the_parser(
            headers in prop::collection::vec(("[!#-'*+.^-z|~0-9A-Z-]{1,8}", "[\t -~\u{80}-\u{ff}]{0,12}"), 0..20),
            empty_line in any::<bool>(),
        ) {
            let mut head = if empty_line { "\r\n".to_owned() } else { String::new() };
            head += "GET /chat HTTP/1.1\r\n";
            for (name, value) in &headers {
                head += &format!("{name}:{value}\r\n");
            }
            head += "\r\n";
            let (first, split) = Headers::split(head.as_bytes());
            prop_assert_eq!(first, b"GET /chat HTTP/1.1");
            let mut slots = [httparse::EMPTY_HEADER; 20];
            let mut parsed = httparse::Request::new(&mut slots);
            parsed.parse(head.as_bytes()).unwrap();
            let parsed: Vec<_> = parsed.headers.iter().map(|h| (h.name, h.value)).collect();
            prop_assert_eq!(split.collect::<Vec<_>>(), parsed);
        }

        #[test]
        fn the_parser_judges_headers_in_batches_as_it_does_at_once(
            lines in prop::collection::vec(
                prop_oneof![9 => "[a-z-]{1,8}: ?[!-~]{0,12}", 1 => "[\t -~\u{80}-\u{ff}]{1,12}"],
                0..4 * BATCH,
            ),
        ) {
            let head: String = lines.iter().flat_map(|line| [line, "\r\n"]).chain(["\r\n"]).collect();
            let mut slots = [httparse::EMPTY_HEADER; 4 * BATCH];
            let at_once = httparse::parse_headers(head.as_bytes(), &mut slots);
            let checked = check_headers(head.as_bytes(), u16::MAX);
            prop_assert_eq!(checked, at_once.map(drop).map_err(|_| HandshakeError::Malformed));
        }
    }
}
