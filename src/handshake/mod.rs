//! The opening handshake [RFC 6455 §4]: requests and responses, and the checks of both.
//!
//! A [`Connection`](crate::Connection) does all of it. If another HTTP library reads the request or
//! the response, use these parts, then
//! [`Connection::established`](crate::Connection::established):
//!
//! | | HTTP/1.1 | HTTP/2, HTTP/3 |
//! |---|---|---|
//! | server | [`is_upgrade`], [`check_request`] | [`check_extended_connect`] |
//! | | [`choose_protocol`], [`DeflateConfig::answer`](crate::DeflateConfig::answer) | the same |
//! | client | [`ClientKey`], [`DeflateConfig::offer`](crate::DeflateConfig::offer) | the offer alone |
//! | | [`ClientOffer::check_response`] | [`ClientOffer::check_connect_response`] |
//!
//! A [`Tunnel`] passes through an HTTP proxy.
//!
//! Here and in a tunnel, a head is collected until its empty line, then parsed once by `httparse`.
//! [`RequestHead`] and [`ResponseHead`] are views that split the bytes again, now known to be well
//! formed, so that no array of headers has to be kept.

mod body;
mod check;
mod error;
mod extensions;
mod headers;
mod key;
mod request;
mod response;
mod tunnel;
mod values;

use crate::deflate::DeflateParams;
pub(crate) use body::{Body, Part};
pub use check::{Agreed, ClientOffer, check_extended_connect, check_request, is_upgrade};
pub use error::HandshakeError;
pub use headers::Headers;
pub use key::{AcceptKey, ClientKey};
pub(crate) use request::judge_request;
pub use request::{Request, RequestHead};
pub use response::{Accept, Response, ResponseHead};
pub(crate) use response::{judge_response, write_status};
pub use tunnel::{Tunnel, TunnelAnswer, TunnelRequest};
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
    Refused {
        /// Whether a body follows.
        body: bool,
    },
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
    /// In front of a line that is not the first.
    pub(crate) const fn behind_a_line() -> Self {
        Self { matched: 2, lines: 0, begun: true }
    }

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

#[cfg(test)]
mod tests {
    use super::headers::Text;
    use super::*;

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
}
