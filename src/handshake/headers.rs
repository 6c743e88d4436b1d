//! The headers of a message of HTTP/1.1 [RFC 9112 §5]: those of a head that was received, and those
//! that a caller adds to one that is sent.

use core::fmt;

use super::HandshakeError;
use crate::buffer::Buffer;

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
    pub(super) fn check(
        head: &'a [u8],
        max_headers: u16,
    ) -> Result<(&'a [u8], Self), HandshakeError> {
        let (_, headers) = Self::split(head);
        let line_len = head.len().saturating_sub(headers.lines.len());
        let (line, lines) = head.split_at_checked(line_len).unwrap_or_default();
        check_headers(lines, max_headers)?;
        Ok((line, headers))
    }

    /// Splits a head into its first line and its headers.
    pub(super) fn split(head: &'a [u8]) -> (&'a [u8], Self) {
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
pub(super) struct Text<'a>(pub(super) &'a [u8]);

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
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Whether a token of HTTP can have this byte.
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether this can be a header's value: it has no control character but tabs.
pub(super) fn is_value(value: &[u8]) -> bool {
    value.iter().all(|&byte| byte == b'\t' || !byte.is_ascii_control())
}

/// Headers that a caller adds to a message, their names and values.
#[derive(Clone, Copy, Default)]
pub(super) struct Extra<'a> {
    pub(super) text: &'a [(&'a str, &'a str)],
    /// Those whose values need not be UTF-8, written behind the others.
    pub(super) raw: &'a [(&'a str, &'a [u8])],
}

impl<'a> Extra<'a> {
    pub(super) const NONE: Self = Self { text: &[], raw: &[] };

    /// Checks that all of them can be written: a name is a token and not among `own`, those that
    /// are written without the caller, and a value has no control character but tabs. The error is
    /// the index of the first that cannot.
    pub(super) fn check(self, own: &[&str]) -> Result<(), usize> {
        let text = self.text.iter().position(|(name, value)| !is_free(name, value.as_bytes(), own));
        let raw = || self.raw.iter().position(|(name, value)| !is_free(name, value, own));
        match text.or_else(|| raw().map(|index| self.text.len() + index)) {
            Some(index) => Err(index),
            None => Ok(()),
        }
    }

    pub(super) fn write(self, out: &mut dyn Buffer) {
        for (name, value) in self.text {
            write_header(out, name, value.as_bytes());
        }
        for (name, value) in self.raw {
            write_header(out, name, value);
        }
    }
}

/// Whether a caller may set this header.
#[inline(never)]
fn is_free(name: &str, value: &[u8], own: &[&str]) -> bool {
    is_token(name) && !own.iter().any(|own| own.eq_ignore_ascii_case(name)) && is_value(value)
}

impl fmt::Debug for Extra<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text.iter().map(|(name, value)| (name, Text(value.as_bytes())));
        let raw = self.raw.iter().map(|(name, value)| (name, Text(value)));
        f.debug_map().entries(text).entries(raw).finish()
    }
}

#[inline(never)]
pub(super) fn write_header(out: &mut dyn Buffer, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.append(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
