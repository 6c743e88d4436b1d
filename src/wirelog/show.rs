//! Octets as text: how many, in hexadecimal digits, and as a string where they are one.

use core::fmt::{self, Display, Write as _};

/// A number of octets, in words.
pub(super) struct Amount(pub(super) u64);

impl Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(count) = self;
        write!(f, "{count} {}", if *count == 1 { "octet" } else { "octets" })
    }
}

/// Octets in hexadecimal digits with spaces between, and "…" where there are more.
pub(super) struct Hex<'a> {
    shown: &'a [u8],
    more: bool,
}

impl<'a> Hex<'a> {
    /// The first `limit` of the octets.
    pub(super) fn abbreviated(octets: &'a [u8], limit: usize) -> Self {
        let (shown, rest) = octets.split_at(limit.min(octets.len()));
        Self { shown, more: !rest.is_empty() }
    }
}

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for byte in self.shown {
            write!(f, "{between}{byte:02x}")?;
            between = " ";
        }
        if self.more { write!(f, "{between}…") } else { Ok(()) }
    }
}

/// The start of a payload: a string in quotes if it is text, with line breaks and tabs but no
/// other control characters, otherwise in hexadecimal digits; "…" where there is more.
pub(super) struct Payload<'a> {
    pub(super) start: &'a [u8],
    /// The length of the whole payload.
    pub(super) length: u64,
}

impl Payload<'_> {
    fn is_cut(&self) -> bool {
        self.length > self.start.len() as u64
    }

    /// The start as text; if the payload is cut, it may be so within a character.
    fn text(&self) -> Option<&str> {
        let text = match core::str::from_utf8(self.start) {
            Ok(text) => text,
            Err(error) if self.is_cut() && error.error_len().is_none() => {
                core::str::from_utf8(self.start.get(..error.valid_up_to())?).ok()?
            }
            Err(_) => return None,
        };
        let is_odd = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        (!text.is_empty() && !text.contains(is_odd)).then_some(text)
    }
}

impl Display for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.text() {
            Some(text) => {
                write!(f, "{text:?}")?;
                if self.is_cut() { f.write_char('…') } else { Ok(()) }
            }
            None => Hex { shown: self.start, more: self.is_cut() }.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(start: &[u8], length: u64) -> String {
        Payload { start, length }.to_string()
    }

    #[test]
    fn hex_is_abbreviated_beyond_the_limit_only() {
        assert_eq!(Hex::abbreviated(&[], 2).to_string(), "");
        assert_eq!(Hex::abbreviated(&[0, 0xFF], 2).to_string(), "00 ff");
        assert_eq!(Hex::abbreviated(&[0, 0xFF, 1], 2).to_string(), "00 ff …");
        assert_eq!(Hex::abbreviated(&[0], 0).to_string(), "…");
    }

    #[test]
    fn text_is_quoted_and_the_rest_is_hex() {
        assert_eq!(payload(b"a \"b\"\n", 6), r#""a \"b\"\n""#);
        assert_eq!(payload("né".as_bytes(), 3), r#""né""#);
        assert_eq!(payload(b"\x1b[2J", 4), "1b 5b 32 4a");
        assert_eq!(payload(b"a\xff", 2), "61 ff");
    }

    #[test]
    fn a_cut_within_a_character_leaves_text() {
        assert_eq!(payload(b"n\xc3", 2), "6e c3");
        assert_eq!(payload(b"n\xc3", 3), r#""n"…"#);
        assert_eq!(payload(b"\xc3", 2), "c3 …");
        assert_eq!(payload(b"", 2), "…");
    }

    #[test]
    fn what_would_turn_the_line_around_is_escaped() {
        assert_eq!(payload("\u{202e}a".as_bytes(), 4), r#""\u{202e}a""#);
    }
}
