//! The server's side of the opening handshake [RFC 6455 §4.2.2]: judging a response, writing one.

use core::fmt;

use super::body::MAX_BODY;
use super::check::{VERSION, check_choices, check_switch};
use super::headers::{Extra, Text, write_header};
use super::request::RequestHead;
use super::{AcceptKey, Body, ClientKey, HandshakeError, Headers, Verdict, extensions};
use crate::buffer::Buffer;
use crate::deflate::{DeflateAnswer, DeflateConfig};
use crate::misuse::ResponseError;

/// Headers of the response that belong to the handshake, or that no 101 may have
/// [RFC 9110 §8.6, RFC 9112 §6.1].
const OWN_HEADERS: [&str; 7] = [
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Accept",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Content-Length",
    "Transfer-Encoding",
];

/// Headers of a response without upgrade that are written for the caller.
const OWN_PLAIN_HEADERS: [&str; 3] = ["Connection", "Content-Length", "Transfer-Encoding"];

/// Judges a whole head of the response to the request with `key`, which asked for `protocols`, a
/// list with commas; returns what it means, and the body of a refusal.
pub(crate) fn judge_response(
    head: &[u8],
    protocols: &[u8],
    key: &ClientKey,
    max_headers: u16,
    deflate: Option<&DeflateConfig>,
) -> Result<(Verdict, Option<Body>), HandshakeError> {
    let (line, headers) = Headers::check(head, max_headers)?;
    let (minor_version, status) = parse_status_line(line)?;
    match status {
        101 => {}
        100..=199 => return Ok((Verdict::Interim, None)),
        _ => {
            let body = Body::of_response(status, minor_version, headers, MAX_BODY);
            return Ok((Verdict::Refused { body: !body.is_done() }, Some(body)));
        }
    }
    if minor_version < 1 {
        return Err(HandshakeError::HttpVersion);
    }
    let values = |name| headers.all(name);
    check_switch(values, key)?;
    let was_offered = |chosen: &str| {
        protocols.split(|&byte| byte == b',').any(|one| one.trim_ascii() == chosen.as_bytes())
    };
    let agreed = check_choices(values, was_offered, deflate)?;
    Ok((Verdict::Switched(agreed.deflate), None))
}

/// The minor version of HTTP/1 and the status in the first line of a response.
pub(super) fn parse_status_line(line: &[u8]) -> Result<(u8, u16), HandshakeError> {
    let mut response = httparse::Response::new(&mut []);
    // Without headers the line alone is not a whole head, but it is parsed.
    let parsed = response.parse(line).ok();
    parsed.and(response.version.zip(response.code)).ok_or(HandshakeError::Malformed)
}

/// The head of the response that a client received.
///
/// It is well formed HTTP; lent with [`Event::Open`](crate::Event::Open) it is a valid 101 that
/// answers the request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    status: u16,
    reason: &'a [u8],
    headers: Headers<'a>,
}

impl<'a> ResponseHead<'a> {
    /// Splits a head that [`judge_response`] has found well formed.
    pub(crate) fn new(head: &'a [u8]) -> Self {
        let (line, headers) = Headers::split(head);
        let mut words = line.splitn(3, |&byte| byte == b' ');
        let status = words.nth(1).and_then(|word| core::str::from_utf8(word).ok()?.parse().ok());
        let reason = words.next().unwrap_or_default();
        Self { status: status.unwrap_or_default(), reason, headers }
    }

    /// The status; 101 of an accepted upgrade.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase behind the status, as `Unauthorized`.
    ///
    /// It may be empty, and need not be UTF-8 [RFC 9112 §4].
    #[must_use]
    pub const fn reason(&self) -> &'a [u8] {
        self.reason
    }

    /// All headers, in order.
    #[must_use]
    pub const fn headers(&self) -> Headers<'a> {
        self.headers
    }

    /// The value of the first header with this name, in any case of letters, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)
    }

    /// The subprotocol that the server chose, if any.
    #[must_use]
    pub fn protocol(&self) -> Option<&'a str> {
        self.header("Sec-WebSocket-Protocol")
    }
}

impl fmt::Debug for ResponseHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHead")
            .field("status", &self.status)
            .field("reason", &Text(self.reason))
            .field("headers", &self.headers)
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for ResponseHead<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=u16} {=[u8]:a} {}", self.status, self.reason, self.headers);
    }
}

/// How a server accepts an upgrade; the default chooses no subprotocol and adds no header.
///
/// ```
/// use sansocket::Accept;
///
/// let accept = Accept::new().protocol("v2.chat").headers(&[("Set-Cookie", "session=1")]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Accept<'a> {
    protocol: Option<&'a str>,
    headers: Extra<'a>,
    deflate: Option<Option<DeflateConfig>>,
}

impl<'a> Accept<'a> {
    /// No subprotocol, no further headers, compression as [`Config`](crate::Config) says.
    #[must_use]
    pub const fn new() -> Self {
        Self { protocol: None, headers: Extra::NONE, deflate: None }
    }

    /// Chooses a subprotocol, which must be one of those that the client asked for.
    #[must_use]
    pub const fn protocol(mut self, protocol: &'a str) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Sets the headers to add, names and values, none of which the handshake uses itself.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers.text = headers;
        self
    }

    /// Sets headers to add whose values are bytes, for those that are not UTF-8.
    ///
    /// They are written behind those of [`headers`](Self::headers), and counted on from these in
    /// an error.
    #[must_use]
    pub const fn raw_headers(mut self, headers: &'a [(&'a str, &'a [u8])]) -> Self {
        self.headers.raw = headers;
        self
    }

    /// Sets the terms of compression for this connection, in place of
    /// [`Config::deflate`](crate::Config::deflate).
    ///
    /// `None` declines compression, as for a client that announces it and gets it wrong. A storage
    /// without a codec declines it in any case, and one with a smaller window lowers the windows.
    #[must_use]
    pub const fn deflate(mut self, config: Option<DeflateConfig>) -> Self {
        self.deflate = Some(config);
        self
    }

    /// The terms of compression, where `default` are those of the connection.
    pub(crate) fn deflate_or(&self, default: Option<DeflateConfig>) -> Option<DeflateConfig> {
        self.deflate.unwrap_or(default)
    }

    /// Whether everything in it can be written as the answer to `request`.
    pub(crate) fn check(&self, request: &RequestHead<'_>) -> Result<(), ResponseError> {
        if let Some(protocol) = self.protocol {
            if !request.protocols().any(|offered| offered == protocol) {
                return Err(ResponseError::ProtocolNotOffered);
            }
        }
        self.headers.check(&OWN_HEADERS).map_err(|index| ResponseError::InvalidHeader { index })
    }

    /// Writes the response to the request that `key` answers.
    pub(crate) fn write(
        &self,
        key: &AcceptKey,
        deflate: Option<&DeflateAnswer>,
        out: &mut dyn Buffer,
    ) {
        out.append(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n");
        out.append(b"Connection: Upgrade\r\nSec-WebSocket-Accept: ");
        out.append(key.as_bytes());
        out.append(b"\r\n");
        if let Some(protocol) = self.protocol {
            write_header(out, "Sec-WebSocket-Protocol", protocol.as_bytes());
        }
        if let Some(answer) = deflate {
            extensions::write_header(&answer.element(), out);
        }
        self.headers.write(out);
        out.append(b"\r\n");
    }
}

/// A response without upgrade: how a server rejects one, or answers a plain request.
///
/// `Content-Length` and `Connection: close` are added to it.
///
/// ```
/// use sansocket::Response;
///
/// let response = Response::new(403)
///     .headers(&[("Content-Type", "text/plain")])
///     .body(b"this origin may not connect\n");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    status: u16,
    headers: Extra<'a>,
    body: &'a [u8],
}

impl<'a> Response<'a> {
    /// A response with this HTTP status, between 200 and 599, and an empty body.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        Self { status, headers: Extra::NONE, body: &[] }
    }

    /// Sets the headers to add, names and values.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers.text = headers;
        self
    }

    /// Sets headers to add whose values are bytes, for those that are not UTF-8.
    ///
    /// They are written behind those of [`headers`](Self::headers), and counted on from these in
    /// an error.
    #[must_use]
    pub const fn raw_headers(mut self, headers: &'a [(&'a str, &'a [u8])]) -> Self {
        self.headers.raw = headers;
        self
    }

    /// Sets the body; it is left out in the answer to HEAD and with the statuses 204 and 304.
    #[must_use]
    pub const fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    /// Whether everything in it can be written.
    pub(crate) fn check(&self) -> Result<(), ResponseError> {
        if !matches!(self.status, 200..=599) {
            return Err(ResponseError::InvalidStatus(self.status));
        }
        let checked = self.headers.check(&OWN_PLAIN_HEADERS);
        checked.map_err(|index| ResponseError::InvalidHeader { index })
    }

    /// Writes the response; without the body if it answers HEAD.
    pub(crate) fn write(&self, to_head: bool, out: &mut dyn Buffer) {
        out.append(b"HTTP/1.1 ");
        out.append(Decimal::new(self.status.into()).as_bytes());
        out.append(b" ");
        out.append(reason_phrase(self.status).as_bytes());
        out.append(b"\r\n");
        self.headers.write(out);
        let has_body = !matches!(self.status, 204 | 304);
        if has_body {
            out.append(b"Content-Length: ");
            out.append(Decimal::new(self.body.len()).as_bytes());
            out.append(b"\r\n");
        }
        out.append(b"Connection: close\r\n\r\n");
        if has_body && !to_head {
            out.append(self.body);
        }
    }
}

/// Writes the response to a request that cannot be accepted, with what the client needs to know.
pub(crate) fn write_status(status: u16, reason: &str, to_head: bool, out: &mut dyn Buffer) {
    let response = Response::new(status);
    let response = match status {
        // The method may be HEAD, whose answer has no body.
        405 => response.headers(&[("Allow", "GET")]),
        426 => response
            .headers(&[("Upgrade", "websocket"), ("Sec-WebSocket-Version", VERSION)])
            .body(reason.as_bytes()),
        _ => response.body(reason.as_bytes()),
    };
    response.write(to_head, out);
}

/// The phrase that goes with a status [RFC 9110 §15]; it may be empty, and is for the rare ones.
const fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

/// A number in decimal digits, without the machinery of formatting.
struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    fn new(mut number: usize) -> Self {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        for slot in digits.iter_mut().rev() {
            *slot = b'0' + (number % 10).to_le_bytes()[0];
            number /= 10;
            start -= 1;
            if number == 0 {
                break;
            }
        }
        Self { digits, start }
    }

    fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &[u8; 16] = b"the sample nonce";
    const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\
        Connection: upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
        Sec-WebSocket-Protocol: chat\r\nX-Served-By: a b\r\n\r\n";

    fn judge(head: &str) -> Result<Verdict, HandshakeError> {
        let key = ClientKey::new(NONCE);
        let judged = judge_response(head.as_bytes(), b"other, chat", &key, 64, None);
        judged.map(|(verdict, _)| verdict)
    }

    #[test]
    fn a_good_response_switches_protocols_and_can_be_read() {
        assert_eq!(judge(GOOD), Ok(Verdict::Switched(None)));
        let response = ResponseHead::new(GOOD.as_bytes());
        assert_eq!(response.status(), 101);
        assert_eq!(response.protocol(), Some("chat"));
        assert_eq!(response.header("x-served-by"), Some("a b"));
    }

    #[test]
    fn each_flaw_has_its_error() {
        use HandshakeError as E;
        let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        let flaws: [(&str, &str, E); 15] = [
            ("HTTP/1.1", "HTTP/1.0", E::HttpVersion),
            ("HTTP/1.1", "HTTP/9", E::Malformed),
            ("Upgrade: WebSocket\r\n", "", E::Upgrade),
            ("Upgrade: WebSocket", "Upgrade: websockets", E::Upgrade),
            ("Upgrade: WebSocket", "Upgrade: h2c, websocket", E::Upgrade),
            ("X-Served-By: a b", "Upgrade: websocket", E::Upgrade),
            ("Connection: upgrade", "Connection: close", E::Connection),
            (accept, "", E::Accept),
            (accept, &accept.repeat(2), E::Accept),
            ("s3pP", "S3pP", E::Accept),
            ("Protocol: chat", "Protocol: Chat", E::Protocol),
            ("Protocol: chat", "Protocol: other, chat", E::Protocol),
            ("Protocol: chat", "Protocol:", E::Protocol),
            ("X-Served-By: a b", "Sec-WebSocket-Protocol: other", E::Protocol),
            ("X-Served-By", "Sec-WebSocket-Extensions", E::Extension),
        ];
        for (good, bad, error) in flaws {
            assert!(GOOD.contains(good));
            assert_eq!(judge(&GOOD.replace(good, bad)), Err(error), "{good:?} -> {bad:?}");
        }
        let none_asked = judge_response(GOOD.as_bytes(), b"", &ClientKey::new(NONCE), 64, None);
        assert_eq!(none_asked.map(|(verdict, _)| verdict), Err(E::Protocol));
    }

    #[test]
    fn other_statuses_are_no_errors() {
        assert_eq!(judge("HTTP/1.1 103 Early Hints\r\n\r\n"), Ok(Verdict::Interim));
        let refused = judge("HTTP/1.0 401 \r\nWWW-Authenticate: Basic\r\n\r\n");
        assert_eq!(refused, Ok(Verdict::Refused { body: true }));
        assert_eq!(ResponseHead::new(b"HTTP/1.1 302 Found\r\n\r\n").status(), 302);
    }

    #[test]
    fn what_a_server_accepts_with_is_a_response_that_a_client_takes() {
        let mut out = vec![];
        Request::write(&mut out);
        let request = RequestHead::new(&out);
        let accept = Accept::new().protocol("chat").headers(&[("Set-Cookie", "a=b")]);
        assert_eq!(accept.check(&request), Ok(()));
        let mut response = vec![];
        accept.write(&request.accept_key().unwrap(), None, &mut response);
        assert_eq!(judge(core::str::from_utf8(&response).unwrap()), Ok(Verdict::Switched(None)));
        assert_eq!(ResponseHead::new(&response).header("set-cookie"), Some("a=b"));

        let unasked = Accept::new().protocol("mqtt").check(&request);
        assert_eq!(unasked, Err(ResponseError::ProtocolNotOffered));
        for own in ["upgrade", "Content-Length", "Transfer-Encoding"] {
            let own = Accept::new().headers(&[("a", "b"), (own, "0")]).check(&request);
            assert_eq!(own, Err(ResponseError::InvalidHeader { index: 1 }));
        }
        let plain = RequestHead::new(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(plain.accept_key(), None);
    }

    /// A request with the nonce of the tests.
    struct Request;

    impl Request {
        fn write(out: &mut Vec<u8>) {
            crate::Request::new("a", "/").protocols(&["other", "chat"]).write(
                &ClientKey::new(NONCE),
                None,
                out,
            );
        }
    }

    #[test]
    fn a_plain_response_carries_its_length() {
        let written = |response: Response<'_>, to_head| {
            let mut out = vec![];
            response.write(to_head, &mut out);
            String::from_utf8(out).unwrap()
        };
        let response = Response::new(404).headers(&[("A", "b")]).body(b"none here");
        let head =
            "HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 9\r\nConnection: close\r\n\r\n";
        assert_eq!(written(response, false), format!("{head}none here"));
        assert_eq!(written(response, true), head);
        assert_eq!(
            written(Response::new(204).body(b"x"), false),
            "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(Response::new(101).check(), Err(ResponseError::InvalidStatus(101)));
        assert_eq!(Response::new(600).check(), Err(ResponseError::InvalidStatus(600)));
        let length = Response::new(200).headers(&[("content-length", "1")]);
        assert_eq!(length.check(), Err(ResponseError::InvalidHeader { index: 0 }));
    }

    #[test]
    fn what_is_written_unasked_fits_256_bytes() {
        use HandshakeError as E;
        let (limit, count) = (u32::MAX, u16::MAX);
        let errors = [
            E::HeadTooLong { limit },
            E::TooManyHeaders { limit: count },
            E::Malformed,
            E::Method,
            E::HttpVersion,
            E::Host,
            E::Upgrade,
            E::Connection,
            E::VersionCount,
            E::Version,
            E::Key,
        ];
        for error in errors {
            let mut out = vec![];
            let reason = crate::Error::Handshake(error).reason();
            write_status(error.status(), reason, false, &mut out);
            assert!(out.len() <= 256, "{error:?}: {} bytes", out.len());
        }
        let mut request = vec![];
        crate::Request::new("a", "/").write(&ClientKey::new(NONCE), None, &mut request);
        let mut response = vec![];
        let value = RequestHead::new(&request).accept_key().unwrap();
        Accept::new().write(&value, None, &mut response);
        assert!(request.len() <= 256 && response.len() <= 256);
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 1, 9, 10, 101, 65_535, usize::MAX] {
            assert_eq!(Decimal::new(number).as_bytes(), number.to_string().as_bytes());
        }
    }
}
