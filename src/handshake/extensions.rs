//! The negotiation of permessage-deflate [RFC 7692 §5, §7.1]: reading the header
//! `Sec-WebSocket-Extensions` [RFC 6455 §9.1], deciding, writing.
//!
//! ```text
//! client: offer ──► server: the first offer it can accept ──► client: checks what was agreed
//! ```

use super::HandshakeError;
use super::headers::is_token_byte;
use crate::buffer::Buffer;
use crate::deflate::{ClientWindow, DeflateAnswer, DeflateConfig, DeflateOffer, DeflateParams};
use crate::deflate::{NAME, WindowBits};

pub(super) const HEADER: &str = "Sec-WebSocket-Extensions";

impl DeflateConfig {
    /// Returns the offer of a client with these settings.
    ///
    /// Send its [`value`](DeflateOffer::value) as Sec-WebSocket-Extensions in the request.
    #[must_use]
    pub fn offer(&self) -> DeflateOffer {
        let hint = match below_max(self.outgoing) {
            _ if !self.hints => ClientWindow::Absent,
            None => ClientWindow::Present,
            Some(bits) => ClientWindow::Bits(bits),
        };
        DeflateOffer {
            server_no_context_takeover: !self.incoming_takeover,
            client_no_context_takeover: !self.outgoing_takeover && self.hints,
            server_max_window_bits: below_max(self.incoming),
            client_max_window_bits: hint,
        }
    }

    /// Answers a client's offers as a server with these settings.
    ///
    /// `offers` are the values of all headers named Sec-WebSocket-Extensions in the request. The
    /// first offer that can be accepted is; the answer says how. If it is `None`, go on without
    /// compression and without that header in the response.
    ///
    /// ```
    /// use sansocket::deflate::DeflateConfig;
    ///
    /// let config = DeflateConfig::new().incoming_takeover(false);
    /// let answer = config.answer(["permessage-deflate; client_max_window_bits"]).unwrap();
    /// assert_eq!(answer.value().as_str(), "permessage-deflate; client_no_context_takeover");
    /// assert!(answer.params.client_no_context_takeover);
    /// assert_eq!(config.answer(["x-other"]), None);
    /// ```
    pub fn answer<'h, V: AsRef<[u8]> + ?Sized + 'h>(
        &self,
        offers: impl IntoIterator<Item = &'h V>,
    ) -> Option<DeflateAnswer> {
        DeflateOffer::read(offers).find_map(|offer| offer.accept(self))
    }

    /// Checks a server's answer as a client that has made the [`offer`](Self::offer) of these
    /// settings.
    ///
    /// `answers` are the values of all headers named Sec-WebSocket-Extensions in the response. The
    /// result is what was agreed on, or `None` without compression.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Extension`] if the answer names anything but one permessage-deflate, or
    /// has parameters that the offer does not allow [RFC 7692 §7.1].
    pub fn agree<'h, V: AsRef<[u8]> + ?Sized + 'h>(
        &self,
        answers: impl IntoIterator<Item = &'h V>,
    ) -> Result<Option<DeflateParams>, HandshakeError> {
        let mut elements = elements(answers);
        match (elements.next(), elements.next()) {
            (None, _) => Ok(None),
            (Some(Element::Deflate(agreed)), None) => {
                agreed.confirm(self).map(Some).ok_or(HandshakeError::Extension)
            }
            _ => Err(HandshakeError::Extension),
        }
    }
}

/// Checks a response to a client that has offered no extension.
pub(super) fn check_none<'h, V: AsRef<[u8]> + ?Sized + 'h>(
    answers: impl IntoIterator<Item = &'h V>,
) -> Result<(), HandshakeError> {
    let is_empty = |byte: &u8| *byte == b',' || byte.is_ascii_whitespace();
    let names_any = answers.into_iter().any(|value| !value.as_ref().iter().all(is_empty));
    if names_any { Err(HandshakeError::Extension) } else { Ok(()) }
}

/// Writes the header with this offer, or answer.
pub(super) fn write_header(offer: &DeflateOffer, out: &mut dyn Buffer) {
    out.append(HEADER.as_bytes());
    out.append(b": ");
    offer.write(out);
    out.append(b"\r\n");
}

/// The window if it has to be named. The largest one is the default.
fn below_max(bits: WindowBits) -> Option<WindowBits> {
    Some(bits).filter(|&bits| bits < WindowBits::MAX)
}

impl DeflateOffer {
    /// Returns the valid offers of permessage-deflate in header values, in order.
    ///
    /// `values` are those of all headers named Sec-WebSocket-Extensions in a request. Other
    /// extensions, and offers with parameters that are unknown, repeated or invalid, are left out
    /// [RFC 7692 §7.1].
    ///
    /// ```
    /// use sansocket::deflate::DeflateOffer;
    ///
    /// let value = "permessage-deflate; mystery, permessage-deflate; server_max_window_bits=10";
    /// let offers: Vec<_> = DeflateOffer::read([value]).collect();
    /// assert_eq!(offers.len(), 1);
    /// assert_eq!(offers[0].server_max_window_bits.unwrap().get(), 10);
    /// ```
    pub fn read<'h, V: AsRef<[u8]> + ?Sized + 'h>(
        values: impl IntoIterator<Item = &'h V>,
    ) -> impl Iterator<Item = Self> {
        elements(values).filter_map(|element| match element {
            Element::Deflate(offer) => Some(offer),
            Element::Other | Element::Invalid => None,
        })
    }

    /// Accepts an offer as a server with these settings, if they can be kept.
    fn accept(self, config: &DeflateConfig) -> Option<DeflateAnswer> {
        let client_max_window_bits = match self.client_max_window_bits {
            ClientWindow::Bits(bits) => config.incoming.min(bits),
            ClientWindow::Present => config.incoming,
            // The client does not let its window be limited.
            ClientWindow::Absent if config.incoming < WindowBits::MAX => return None,
            ClientWindow::Absent => WindowBits::MAX,
        };
        let asked = self.server_max_window_bits.unwrap_or_default();
        let params = DeflateParams {
            server_no_context_takeover: self.server_no_context_takeover
                || !config.outgoing_takeover,
            client_no_context_takeover: self.client_no_context_takeover
                || !config.incoming_takeover,
            server_max_window_bits: config.outgoing.min(asked),
            client_max_window_bits,
        };
        Some(DeflateAnswer { params, names_server_window: self.server_max_window_bits.is_some() })
    }

    /// Takes the answer to the offer of these settings as a client, if it keeps them.
    fn confirm(self, config: &DeflateConfig) -> Option<DeflateParams> {
        let incoming = match (self.server_max_window_bits, below_max(config.incoming)) {
            (Some(agreed), Some(asked)) if agreed > asked => return None,
            (None, Some(_)) => return None,
            (agreed, _) => agreed.unwrap_or_default(),
        };
        let outgoing = match self.client_max_window_bits {
            ClientWindow::Absent => config.outgoing,
            // It may only answer a hint [RFC 7692 §7.1.2.2].
            _ if !config.hints => return None,
            // An answer has to name the value, and not a larger one than the offer's.
            ClientWindow::Present => return None,
            ClientWindow::Bits(agreed) if agreed > config.outgoing => return None,
            ClientWindow::Bits(agreed) => agreed,
        };
        let takeover_kept = config.incoming_takeover || self.server_no_context_takeover;
        takeover_kept.then_some(DeflateParams {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover
                || !config.outgoing_takeover,
            server_max_window_bits: incoming,
            client_max_window_bits: outgoing,
        })
    }

    /// Sets a parameter; `None` if it is unknown, set already, or its value is invalid.
    fn set(&mut self, name: &[u8], value: Option<&[u8]>) -> Option<()> {
        let flag = |slot: &mut bool| {
            let fits = value.is_none() && !*slot;
            *slot = true;
            fits.then_some(())
        };
        match name {
            b"server_no_context_takeover" => flag(&mut self.server_no_context_takeover),
            b"client_no_context_takeover" => flag(&mut self.client_no_context_takeover),
            b"server_max_window_bits" if self.server_max_window_bits.is_none() => {
                self.server_max_window_bits = Some(WindowBits::parse(value?)?);
                Some(())
            }
            b"client_max_window_bits" if self.client_max_window_bits == ClientWindow::Absent => {
                self.client_max_window_bits = match value {
                    Some(value) => ClientWindow::Bits(WindowBits::parse(value)?),
                    None => ClientWindow::Present,
                };
                Some(())
            }
            _ => None,
        }
    }
}

/// An element of the header's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    /// permessage-deflate with valid parameters.
    Deflate(DeflateOffer),
    /// Another extension.
    Other,
    /// permessage-deflate with parameters that are not valid, or no extension at all.
    Invalid,
}

/// The elements of the lists in all values of the header.
fn elements<'h, V: AsRef<[u8]> + ?Sized + 'h>(
    values: impl IntoIterator<Item = &'h V>,
) -> impl Iterator<Item = Element> {
    values.into_iter().flat_map(|value| Elements(value.as_ref()))
}

/// The elements of a value of the header.
struct Elements<'a>(&'a [u8]);

impl Iterator for Elements<'_> {
    type Item = Element;

    fn next(&mut self) -> Option<Element> {
        // Empty elements do not count [RFC 9110 §5.6.1].
        while let Some(rest) = self.symbol(b',') {
            self.0 = rest;
        }
        if self.0.trim_ascii_start().is_empty() {
            return None;
        }
        let element = self.element();
        if element.is_none() || !self.at_end_of_element() {
            self.skip_element();
            return Some(Element::Invalid);
        }
        element
    }
}

impl<'a> Elements<'a> {
    /// An extension with its parameters; `None` where it stops being one.
    fn element(&mut self) -> Option<Element> {
        let is_deflate = self.token()? == NAME;
        let mut listed = DeflateOffer::default();
        let mut valid = true;
        while let Some(rest) = self.symbol(b';') {
            self.0 = rest;
            let name = self.token()?;
            let mut unquoted = Unquoted::default();
            let value = match self.symbol(b'=') {
                Some(rest) => {
                    self.0 = rest;
                    Some(self.value(&mut unquoted)?)
                }
                None => None,
            };
            valid &= listed.set(name, value).is_some();
        }
        Some(match (is_deflate, valid) {
            (true, true) => Element::Deflate(listed),
            (true, false) => Element::Invalid,
            (false, _) => Element::Other,
        })
    }

    /// What is left behind this symbol, if it comes next.
    fn symbol(&self, symbol: u8) -> Option<&'a [u8]> {
        self.0.trim_ascii_start().strip_prefix(&[symbol])
    }

    fn at_end_of_element(&self) -> bool {
        self.0.trim_ascii_start().is_empty() || self.symbol(b',').is_some()
    }

    fn token(&mut self) -> Option<&'a [u8]> {
        let rest = self.0.trim_ascii_start();
        let end = rest.iter().position(|&b| !is_token_byte(b)).unwrap_or(rest.len());
        let (token, rest) = rest.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A token, or a quoted string, which has to be a token once it is unquoted.
    fn value<'b>(&mut self, unquoted: &'b mut Unquoted) -> Option<&'b [u8]>
    where
        'a: 'b,
    {
        let Some(mut rest) = self.symbol(b'"') else {
            return self.token();
        };
        loop {
            let (&byte, tail) = rest.split_first()?;
            rest = tail;
            match byte {
                b'"' => break,
                b'\\' => {
                    let (&byte, tail) = rest.split_first()?;
                    rest = tail;
                    unquoted.push(byte);
                }
                byte => unquoted.push(byte),
            }
        }
        self.0 = rest;
        Some(unquoted.as_slice())
    }

    /// Goes on behind the next comma that is not quoted.
    fn skip_element(&mut self) {
        let mut quoted = false;
        let mut escaped = false;
        let end = self.0.iter().position(|&byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                b',' if !quoted => return true,
                _ => {}
            }
            false
        });
        self.0 = end.and_then(|end| self.0.get(end..)).unwrap_or_default();
    }
}

/// A quoted value without its quotes; no valid one is longer than two bytes.
#[derive(Default)]
struct Unquoted {
    bytes: [u8; 3],
    length: usize,
}

impl Unquoted {
    /// Appends a byte; those that make the value too long to be valid are dropped.
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn bits(bits: u8) -> WindowBits {
        WindowBits::new(bits).unwrap()
    }

    /// The elements of a header with this value.
    fn read(value: &str) -> Vec<Element> {
        Elements(value.as_bytes()).collect()
    }

    fn accepted(lines: &[&str], config: &DeflateConfig) -> Option<DeflateParams> {
        config.answer(lines.iter().copied()).map(|answer| answer.params)
    }

    #[test]
    fn every_valid_form_is_read() {
        let full = DeflateOffer {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: Some(bits(10)),
            client_max_window_bits: ClientWindow::Bits(bits(8)),
        };
        for value in [
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=10; client_max_window_bits=8",
            "permessage-deflate;client_max_window_bits=\"8\";server_max_window_bits=\"1\\0\";\
             client_no_context_takeover;server_no_context_takeover",
            " , ,permessage-deflate ; server_max_window_bits = \"10\" ;client_no_context_takeover\
             \t; server_no_context_takeover ; client_max_window_bits= 8 ,",
        ] {
            assert_eq!(read(value), [Element::Deflate(full)], "{value}");
        }
        let open = DeflateOffer {
            client_max_window_bits: ClientWindow::Present,
            ..DeflateOffer::default()
        };
        assert_eq!(read("permessage-deflate; client_max_window_bits"), [Element::Deflate(open)]);
        assert_eq!(read("a, b;c=d;e=\"f,g\", permessage-deflate").len(), 3);
    }

    #[test]
    fn every_invalid_form_is_told_from_a_valid_one() {
        for parameter in [
            "server_no_context_takeover=1",
            "client_no_context_takeover=\"\"",
            "server_no_context_takeover; server_no_context_takeover",
            "client_no_context_takeover; client_no_context_takeover",
            "server_max_window_bits",
            "server_max_window_bits=",
            "server_max_window_bits=7",
            "server_max_window_bits=16",
            "server_max_window_bits=08",
            "server_max_window_bits=\"010\"",
            "server_max_window_bits=1 0",
            "server_max_window_bits=10; server_max_window_bits=10",
            "client_max_window_bits=0",
            "client_max_window_bits=-9",
            "client_max_window_bits=\"10",
            "client_max_window_bits; client_max_window_bits=9",
            "client_max_window_bits=15x",
            "unknown",
            "Server_no_context_takeover",
            "",
            "=8",
            "a b",
        ] {
            let value = alloc::format!("permessage-deflate; {parameter}");
            assert_eq!(read(&value), [Element::Invalid], "{value}");
        }
        // The next element is found behind an invalid one.
        let deflate = Element::Deflate(DeflateOffer::default());
        let value = "permessage-deflate; x=\"a,\\\"b\" c, permessage-deflate, /, x-deflate";
        assert_eq!(read(value), [Element::Invalid, deflate, Element::Invalid, Element::Other]);
    }

    #[test]
    fn a_server_takes_the_first_offer_that_it_can_keep() {
        let small = DeflateConfig::new().incoming_window(bits(10)).outgoing_window(bits(9));
        let deflate = DeflateParams {
            server_max_window_bits: bits(9),
            client_max_window_bits: bits(10),
            ..DeflateParams::default()
        };
        let first = "permessage-deflate";
        let second = "foo, permessage-deflate; client_max_window_bits=x, \
                      permessage-deflate; client_max_window_bits";
        assert_eq!(accepted(&[first], &small), None, "the window cannot be limited");
        assert_eq!(accepted(&[first, second], &small), Some(deflate));
        assert_eq!(accepted(&[], &small), None);
        assert_eq!(accepted(&[first], &DeflateConfig::new()), Some(DeflateParams::default()));
        let hints = "permessage-deflate; client_max_window_bits=8; server_max_window_bits=8; \
                     client_no_context_takeover; server_no_context_takeover";
        let all = DeflateParams {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: bits(8),
            client_max_window_bits: bits(8),
        };
        assert_eq!(accepted(&[hints], &small), Some(all));
    }

    #[test]
    fn a_client_takes_what_keeps_its_offer_and_nothing_else() {
        let plain = DeflateConfig::new();
        let small = DeflateConfig::new().incoming_window(bits(10)).outgoing_window(bits(9));
        let strict = DeflateConfig::new().incoming_takeover(false);
        let agreed = plain.agree(["permessage-deflate; client_max_window_bits=12"]);
        assert_eq!(agreed.unwrap().unwrap().client_max_window_bits, bits(12));
        let agreed = small.agree(["permessage-deflate; server_max_window_bits=9"]).unwrap();
        assert_eq!(agreed.unwrap().server_max_window_bits, bits(9));
        assert_eq!(agreed.unwrap().client_max_window_bits, bits(9));
        assert_eq!(check_none(["", " , "]), Ok(()));

        for (answer, terms) in [
            ("permessage-deflate; client_max_window_bits", &plain),
            ("permessage-deflate, permessage-deflate", &plain),
            ("permessage-deflate; unknown", &plain),
            ("x-webkit-deflate-frame", &plain),
            ("permessage-deflate", &small),
            ("permessage-deflate; server_max_window_bits=11", &small),
            ("permessage-deflate; server_max_window_bits=9; client_max_window_bits=10", &small),
            ("permessage-deflate", &strict),
        ] {
            assert_eq!(terms.agree([answer]), Err(HandshakeError::Extension), "{answer}");
        }
        assert_eq!(check_none(["permessage-deflate"]), Err(HandshakeError::Extension));
    }

    #[test]
    fn without_hints_an_answer_must_not_limit_the_clients_window() {
        let bare = DeflateConfig::new().hints(false).outgoing_takeover(false);
        assert_eq!(bare.offer(), DeflateOffer::default());
        let small = bare.outgoing_window(bits(9));
        assert_eq!(small.offer().value().as_str(), "permessage-deflate");
        for config in [bare, small] {
            let answer = "permessage-deflate; client_max_window_bits=9";
            assert_eq!(config.agree([answer]), Err(HandshakeError::Extension));
            let answer = "permessage-deflate; client_no_context_takeover";
            assert!(config.agree([answer]).unwrap().unwrap().client_no_context_takeover);
        }
        let agreed = small.agree(["permessage-deflate"]).unwrap().unwrap();
        // What the client does for itself, it does whatever was said.
        assert!(agreed.client_no_context_takeover);
        assert_eq!(agreed.client_max_window_bits, bits(9));
    }

    #[test]
    fn what_is_offered_is_accepted_and_the_answer_confirmed() {
        for incoming in 8..=15 {
            for outgoing in 8..=15 {
                for takeover in [true, false] {
                    let client = DeflateConfig::new()
                        .incoming_window(bits(incoming))
                        .outgoing_window(bits(outgoing))
                        .outgoing_takeover(takeover);
                    let offer = client.offer().value();
                    let answer = DeflateConfig::new().answer([offer.as_str()]).unwrap();
                    let confirmed = client.agree([answer.value().as_str()]);
                    assert_eq!(confirmed, Ok(Some(answer.params)));
                }
            }
        }
    }

    #[test]
    fn a_limit_of_the_servers_window_is_confirmed_even_if_it_is_none() {
        let offer = "permessage-deflate; server_max_window_bits=15";
        let answer = DeflateConfig::new().answer([offer]).unwrap();
        assert_eq!(answer.value().as_str(), offer);
    }
}
