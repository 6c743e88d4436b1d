//! The negotiation of permessage-deflate [RFC 7692 §5, §7.1]: reading the header
//! `Sec-WebSocket-Extensions` [RFC 6455 §9.1], deciding, writing.
//!
//! ```text
//! client: offer ──► server: the first offer it can accept ──► client: checks what was agreed
//! ```

use super::Headers;
use crate::buffer::Buffer;
use crate::deflate::{DeflateConfig, DeflateParams, WindowBits};

const HEADER: &str = "Sec-WebSocket-Extensions";
const NAME: &[u8] = b"permessage-deflate";

/// Chooses the first offer that can be accepted on these terms, as a server; `None` to go without
/// compression.
pub(super) fn choose(headers: Headers<'_>, terms: &DeflateConfig) -> Option<Chosen> {
    headers.all(HEADER).flat_map(Elements).find_map(|element| match element {
        Element::Deflate(offer) => {
            let names_server_window = offer.server_max_window_bits.is_some();
            offer.accept(terms).map(|params| Chosen { params, names_server_window })
        }
        Element::Other | Element::Invalid => None,
    })
}

/// An offer that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) params: DeflateParams,
    /// The offer limits the server's window, which the response has to confirm, whatever the
    /// limit [RFC 7692 §7.1.2.1].
    names_server_window: bool,
}

/// What a server's response agrees on, to a client that has made one offer on these terms, or
/// none; an error if it is not what may be agreed on.
pub(super) fn check(
    headers: Headers<'_>,
    terms: Option<&DeflateConfig>,
) -> Result<Option<DeflateParams>, NotAgreed> {
    let Some(terms) = terms else {
        let is_empty = |byte: &u8| *byte == b',' || byte.is_ascii_whitespace();
        let named_any = headers.all(HEADER).flatten().any(|byte| !is_empty(byte));
        return if named_any { Err(NotAgreed) } else { Ok(None) };
    };
    let mut elements = headers.all(HEADER).flat_map(Elements);
    match (elements.next(), elements.next()) {
        (None, _) => Ok(None),
        (Some(Element::Deflate(agreed)), None) => agreed.confirm(terms).map(Some).ok_or(NotAgreed),
        _ => Err(NotAgreed),
    }
}

/// A response that does not fit the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotAgreed;

/// Writes the offer of a client.
pub(super) fn write_offer(terms: &DeflateConfig, out: &mut dyn Buffer) {
    Listed {
        server_no_context_takeover: !terms.incoming_takeover,
        client_no_context_takeover: !terms.outgoing_takeover,
        server_max_window_bits: below_max(terms.incoming),
        client_max_window_bits: Some(below_max(terms.outgoing)),
    }
    .write(out);
}

/// Writes the response of a server.
pub(super) fn write_agreed(chosen: &Chosen, out: &mut dyn Buffer) {
    let Chosen { params, names_server_window } = chosen;
    let server_window = params.server_max_window_bits;
    Listed {
        server_no_context_takeover: params.server_no_context_takeover,
        client_no_context_takeover: params.client_no_context_takeover,
        server_max_window_bits: below_max(server_window)
            .or_else(|| names_server_window.then_some(server_window)),
        client_max_window_bits: below_max(params.client_max_window_bits).map(Some),
    }
    .write(out);
}

/// The window if it has to be named, as the largest one goes without saying.
fn below_max(bits: WindowBits) -> Option<WindowBits> {
    Some(bits).filter(|&bits| bits < WindowBits::MAX)
}

/// An element of the header with its parameters, an offer or an answer to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Listed {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<WindowBits>,
    /// That it is there, and then its value, which an offer can leave open.
    client_max_window_bits: Option<Option<WindowBits>>,
}

impl Listed {
    /// Accepts an offer as a server, if these terms can be kept.
    fn accept(self, terms: &DeflateConfig) -> Option<DeflateParams> {
        let client_max_window_bits = match self.client_max_window_bits {
            Some(hint) => terms.incoming.min(hint.unwrap_or_default()),
            // The client does not let its window be limited.
            None if terms.incoming < WindowBits::MAX => return None,
            None => WindowBits::MAX,
        };
        let asked = self.server_max_window_bits.unwrap_or_default();
        Some(DeflateParams {
            server_no_context_takeover: self.server_no_context_takeover || !terms.outgoing_takeover,
            client_no_context_takeover: self.client_no_context_takeover || !terms.incoming_takeover,
            server_max_window_bits: terms.outgoing.min(asked),
            client_max_window_bits,
        })
    }

    /// Takes the answer to the offer on these terms as a client, if it keeps them.
    fn confirm(self, terms: &DeflateConfig) -> Option<DeflateParams> {
        let incoming = match (self.server_max_window_bits, below_max(terms.incoming)) {
            (Some(agreed), Some(asked)) if agreed > asked => return None,
            (None, Some(_)) => return None,
            (agreed, _) => agreed.unwrap_or_default(),
        };
        let outgoing = match self.client_max_window_bits {
            // An answer has to name the value, and not a larger one than the offer's.
            Some(None) => return None,
            Some(Some(agreed)) if agreed > terms.outgoing => return None,
            Some(Some(agreed)) => agreed,
            None => terms.outgoing,
        };
        let takeover_kept = terms.incoming_takeover || self.server_no_context_takeover;
        takeover_kept.then_some(DeflateParams {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover || !terms.outgoing_takeover,
            server_max_window_bits: incoming,
            client_max_window_bits: outgoing,
        })
    }

    /// Sets a parameter; `None` if it is unknown, there already, or its value is not one.
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
                self.server_max_window_bits = Some(parse_bits(value?)?);
                Some(())
            }
            b"client_max_window_bits" if self.client_max_window_bits.is_none() => {
                self.client_max_window_bits = Some(match value {
                    Some(value) => Some(parse_bits(value)?),
                    None => None,
                });
                Some(())
            }
            _ => None,
        }
    }

    fn write(&self, out: &mut dyn Buffer) {
        out.append(HEADER.as_bytes());
        out.append(b": ");
        out.append(NAME);
        if self.server_no_context_takeover {
            out.append(b"; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            out.append(b"; client_no_context_takeover");
        }
        if let Some(bits) = self.server_max_window_bits {
            out.append(b"; server_max_window_bits=");
            out.append(digits(bits));
        }
        if let Some(bits) = self.client_max_window_bits {
            out.append(b"; client_max_window_bits");
            if let Some(bits) = bits {
                out.append(b"=");
                out.append(digits(bits));
            }
        }
        out.append(b"\r\n");
    }
}

/// The values there are, each in its only form.
const DIGITS: [&[u8]; 8] = [b"8", b"9", b"10", b"11", b"12", b"13", b"14", b"15"];

fn digits(bits: WindowBits) -> &'static [u8] {
    DIGITS.get(usize::from(bits.get() - WindowBits::MIN.get())).copied().unwrap_or_default()
}

fn parse_bits(value: &[u8]) -> Option<WindowBits> {
    let index = DIGITS.iter().position(|&digits| digits == value)?;
    WindowBits::new(u8::try_from(index).ok()? + WindowBits::MIN.get())
}

/// What stands between the commas of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    /// permessage-deflate with valid parameters.
    Deflate(Listed),
    /// Another extension.
    Other,
    /// permessage-deflate with parameters that are not valid, or no extension at all.
    Invalid,
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
        let mut listed = Listed::default();
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
        let end = rest.iter().position(|&b| !super::is_token_byte(b)).unwrap_or(rest.len());
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
    use alloc::string::String;
    use alloc::vec::Vec;

    fn bits(bits: u8) -> WindowBits {
        WindowBits::new(bits).unwrap()
    }

    /// The elements of a header with this value.
    fn elements(value: &str) -> Vec<Element> {
        Elements(value.as_bytes()).collect()
    }

    fn with_headers<R>(lines: &[&str], test: impl FnOnce(Headers<'_>) -> R) -> R {
        let mut head = String::from("GET / HTTP/1.1\r\n");
        for line in lines {
            head += &alloc::format!("sec-websocket-extensions: {line}\r\n");
        }
        head += "\r\n";
        test(Headers::split(head.as_bytes()).1)
    }

    fn accepted(lines: &[&str], terms: &DeflateConfig) -> Option<DeflateParams> {
        with_headers(lines, |headers| choose(headers, terms)).map(|chosen| chosen.params)
    }

    fn confirmed(line: &str, terms: &DeflateConfig) -> Result<Option<DeflateParams>, NotAgreed> {
        with_headers(&[line], |headers| check(headers, Some(terms)))
    }

    #[test]
    fn every_valid_form_is_read() {
        let full = Listed {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: Some(bits(10)),
            client_max_window_bits: Some(Some(bits(8))),
        };
        for value in [
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=10; client_max_window_bits=8",
            "permessage-deflate;client_max_window_bits=\"8\";server_max_window_bits=\"1\\0\";\
             client_no_context_takeover;server_no_context_takeover",
            " , ,permessage-deflate ; server_max_window_bits = \"10\" ;client_no_context_takeover\
             \t; server_no_context_takeover ; client_max_window_bits= 8 ,",
        ] {
            assert_eq!(elements(value), [Element::Deflate(full)], "{value}");
        }
        let open = Listed { client_max_window_bits: Some(None), ..Listed::default() };
        assert_eq!(
            elements("permessage-deflate; client_max_window_bits"),
            [Element::Deflate(open)]
        );
        assert_eq!(elements("a, b;c=d;e=\"f,g\", permessage-deflate").len(), 3);
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
            assert_eq!(elements(&value), [Element::Invalid], "{value}");
        }
        // The next element is found behind an invalid one.
        let deflate = Element::Deflate(Listed::default());
        let value = "permessage-deflate; x=\"a,\\\"b\" c, permessage-deflate, /, x-deflate";
        assert_eq!(elements(value), [Element::Invalid, deflate, Element::Invalid, Element::Other]);
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
        let agreed = confirmed("permessage-deflate; client_max_window_bits=12", &plain);
        assert_eq!(agreed.unwrap().unwrap().client_max_window_bits, bits(12));
        let agreed = confirmed("permessage-deflate; server_max_window_bits=9", &small).unwrap();
        assert_eq!(agreed.unwrap().server_max_window_bits, bits(9));
        assert_eq!(agreed.unwrap().client_max_window_bits, bits(9));
        assert_eq!(with_headers(&[], |headers| check(headers, None)), Ok(None));

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
            assert_eq!(confirmed(answer, terms), Err(NotAgreed), "{answer}");
        }
        let unasked = with_headers(&["permessage-deflate"], |headers| check(headers, None));
        assert_eq!(unasked, Err(NotAgreed));
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
                    let mut offer = Vec::new();
                    write_offer(&client, &mut offer);
                    let mut answer = Vec::new();
                    let agreed =
                        with_line(&offer, |headers| choose(headers, &DeflateConfig::new()));
                    write_agreed(&agreed.unwrap(), &mut answer);
                    let confirmed = with_line(&answer, |headers| check(headers, Some(&client)));
                    assert_eq!(confirmed, Ok(agreed.map(|chosen| chosen.params)));
                }
            }
        }
    }

    #[test]
    fn a_limit_of_the_servers_window_is_confirmed_even_if_it_is_none() {
        let offer = b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=15\r\n";
        let mut answer = Vec::new();
        let chosen = with_line(offer, |headers| choose(headers, &DeflateConfig::new()));
        write_agreed(&chosen.unwrap(), &mut answer);
        assert_eq!(answer, offer);
    }

    fn with_line<R>(line: &[u8], test: impl FnOnce(Headers<'_>) -> R) -> R {
        let head = [b"HTTP/1.1 101 \r\n", line, b"\r\n"].concat();
        test(Headers::split(&head).1)
    }
}
