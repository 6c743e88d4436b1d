//! The client's side of the opening handshake [RFC 6455 §4.1]: judging a request, writing one.

use core::fmt;

use super::check::{VERSION, check_upgrade, is_upgrade};
use super::headers::{Extra, is_token, is_value};
use super::{
    AcceptKey, ClientKey, HandshakeError, Headers, Verdict, extensions, offered_protocols,
};
use crate::buffer::Buffer;
use crate::deflate::{DeflateAnswer, DeflateConfig};
use crate::misuse::RequestError;

/// Headers of the request that belong to the handshake, or would give it a body.
const OWN_HEADERS: [&str; 10] = [
    "Host",
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Origin",
    "Content-Length",
    "Transfer-Encoding",
];

/// Judges a whole head of a request.
pub(crate) fn judge_request(head: &[u8], max_headers: u16) -> Result<Verdict, HandshakeError> {
    let (line, headers) = Headers::check(head, max_headers)?;
    let mut request = httparse::Request::new(&mut []);
    let parsed = request.parse(line).ok().and(request.version);
    let version = parsed.ok_or(HandshakeError::Malformed)?;
    let values = |name| headers.all(name);
    if !is_upgrade(values) {
        return Ok(Verdict::Plain { head: request.method == Some("HEAD") });
    }
    check_upgrade(request.method.unwrap_or_default(), version, values)?;
    Ok(Verdict::Upgrade)
}

/// The head of a request that a server received.
///
/// It is well formed HTTP/1.1; lent with [`Event::Request`](crate::Event::Request) it is a valid
/// upgrade too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestHead<'a> {
    method: &'a str,
    target: &'a str,
    headers: Headers<'a>,
}

impl<'a> RequestHead<'a> {
    /// Splits a head that [`judge_request`] has found well formed.
    pub(crate) fn new(head: &'a [u8]) -> Self {
        let (line, headers) = Headers::split(head);
        let mut words = line.split(|&byte| byte == b' ');
        let mut word =
            || core::str::from_utf8(words.next().unwrap_or_default()).unwrap_or_default();
        Self { method: word(), target: word(), headers }
    }

    /// The method; `GET` of every upgrade.
    #[must_use]
    pub const fn method(&self) -> &'a str {
        self.method
    }

    /// The target, as `/chat?room=1`.
    #[must_use]
    pub const fn target(&self) -> &'a str {
        self.target
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

    /// The Host header.
    #[must_use]
    pub fn host(&self) -> Option<&'a str> {
        self.header("Host")
    }

    /// The Origin header, which every browser sends.
    ///
    /// A server that trusts its users' cookies has to reject foreign origins [RFC 6455 §10.2].
    #[must_use]
    pub fn origin(&self) -> Option<&'a str> {
        self.header("Origin")
    }

    /// The subprotocols that the client asks for, in its order of preference [RFC 6455 §4.1].
    pub fn protocols(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        offered_protocols(self.headers.all("Sec-WebSocket-Protocol"))
    }

    /// How to answer the client's offers of compression with these settings.
    pub(crate) fn answer_deflate(&self, config: &DeflateConfig) -> Option<DeflateAnswer> {
        config.answer(self.headers.all(extensions::HEADER))
    }

    /// The value that accepts this request, if it is one to upgrade.
    pub(crate) fn accept_key(&self) -> Option<AcceptKey> {
        self.header("Sec-WebSocket-Key").map(|key| AcceptKey::hash(key.as_bytes()))
    }
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("headers", &self.headers)
            .finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for RequestHead<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str} {=str} {}", self.method, self.target, self.headers);
    }
}

/// The request that a client opens a connection with [RFC 6455 §4.1].
///
/// ```
/// use sansocket::Request;
///
/// let request = Request::new("example.com:8080", "/chat?room=1")
///     .protocols(&["v2.chat", "v1.chat"])
///     .headers(&[("Cookie", "session=1")]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    host: &'a str,
    target: &'a str,
    origin: Option<&'a str>,
    protocols: &'a [&'a str],
    headers: Extra<'a>,
}

impl<'a> Request<'a> {
    /// Creates a request to `host`, with its port unless it is the default one, for `target`.
    ///
    /// `target` is the path and query of the URL, as in `/chat?room=1`. In a request to an HTTP
    /// proxy that forwards it, it is the whole URL, as in `http://example.com/chat?room=1`
    /// [RFC 9112 §3.2.2]; `host` is still that of the URL. Most proxies only let a
    /// [`Tunnel`](crate::handshake::Tunnel) through.
    #[must_use]
    pub const fn new(host: &'a str, target: &'a str) -> Self {
        Self { host, target, origin: None, protocols: &[], headers: Extra::NONE }
    }

    /// Names the origin, as a browser does.
    #[must_use]
    pub const fn origin(mut self, origin: &'a str) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Asks for one of these subprotocols, the preferred one first.
    #[must_use]
    pub const fn protocols(mut self, protocols: &'a [&'a str]) -> Self {
        self.protocols = protocols;
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
    ///
    /// ```
    /// use sansocket::Request;
    ///
    /// // "Jürgen" in Latin-1.
    /// let request = Request::new("a", "/").raw_headers(&[("X-Name", b"J\xfcrgen")]);
    /// ```
    #[must_use]
    pub const fn raw_headers(mut self, headers: &'a [(&'a str, &'a [u8])]) -> Self {
        self.headers.raw = headers;
        self
    }

    /// Whether everything in it can be written.
    pub(crate) fn check(&self) -> Result<(), RequestError> {
        if !is_host(self.host) {
            return Err(RequestError::InvalidHost);
        }
        if !is_target(self.target, self.host) {
            return Err(RequestError::InvalidTarget);
        }
        for (index, protocol) in self.protocols.iter().enumerate() {
            if !is_token(protocol) || self.protocols.iter().take(index).any(|one| one == protocol) {
                return Err(RequestError::InvalidProtocol { index });
            }
        }
        if !self.origin.is_none_or(|origin| is_value(origin.as_bytes())) {
            return Err(RequestError::InvalidOrigin);
        }
        self.headers.check(&OWN_HEADERS).map_err(|index| RequestError::InvalidHeader { index })
    }

    /// Writes the request with this key.
    pub(crate) fn write(
        &self,
        key: &ClientKey,
        deflate: Option<&DeflateConfig>,
        out: &mut dyn Buffer,
    ) {
        let mut line = |parts: &[&str]| {
            for part in parts {
                out.append(part.as_bytes());
            }
            out.append(b"\r\n");
        };
        line(&["GET ", self.target, " HTTP/1.1"]);
        line(&["Host: ", self.host]);
        line(&["Upgrade: websocket"]);
        line(&["Connection: Upgrade"]);
        line(&["Sec-WebSocket-Key: ", key.as_str()]);
        line(&["Sec-WebSocket-Version: ", VERSION]);
        if let Some(origin) = self.origin {
            line(&["Origin: ", origin]);
        }
        self.headers.write(out);
        if !self.protocols.is_empty() {
            out.append(b"Sec-WebSocket-Protocol: ");
            self.write_protocols(out);
            out.append(b"\r\n");
        }
        if let Some(terms) = deflate {
            extensions::write_header(&terms.offer(), out);
        }
        out.append(b"\r\n");
    }

    /// Writes the list of subprotocols, as it stands in the request.
    pub(crate) fn write_protocols(&self, out: &mut dyn Buffer) {
        for (index, protocol) in self.protocols.iter().enumerate() {
            out.append(if index == 0 { b"" } else { b", " });
            out.append(protocol.as_bytes());
        }
    }
}

/// Whether this can be a Host header: a host with or without a port.
pub(super) fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && !b"/?#@\\".contains(&b))
}

/// Whether this is a path, or the URL of one on this host [RFC 9112 §3.2.1, §3.2.2].
fn is_target(target: &str, host: &str) -> bool {
    let is_printable = target.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    is_printable && (target.starts_with('/') || is_url(target.as_bytes(), host.as_bytes()))
}

/// Whether this starts as a URL of HTTP with exactly this host: the Host header has to be the same
/// [RFC 9112 §3.2.2].
// On bytes, as a search for text is much code without an allocator.
fn is_url(target: &[u8], host: &[u8]) -> bool {
    let starts = |bytes: &[u8], prefix: &[u8]| {
        bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let scheme = [&b"http://"[..], b"https://"].into_iter().find(|scheme| starts(target, scheme));
    scheme.is_some_and(|scheme| {
        let rest = target.get(scheme.len()..).unwrap_or_default();
        starts(rest, host) && matches!(rest.get(host.len()), None | Some(b'/' | b'?'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
        Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
        Origin: http://example.com\r\nsec-websocket-protocol:  third \r\n\r\n";

    fn judge(head: &str) -> Result<Verdict, HandshakeError> {
        judge_request(head.as_bytes(), 64)
    }

    #[test]
    fn a_good_request_is_an_upgrade_and_can_be_read() {
        assert_eq!(judge(GOOD), Ok(Verdict::Upgrade));
        let request = RequestHead::new(GOOD.as_bytes());
        assert_eq!((request.method(), request.target()), ("GET", "/chat"));
        assert_eq!(request.host(), Some("server.example.com"));
        assert_eq!(request.origin(), Some("http://example.com"));
        assert!(request.protocols().eq(["chat", "superchat", "third"]));
        assert_eq!(request.accept_key().unwrap().as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn each_flaw_has_its_error() {
        use HandshakeError as E;
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let version = "Sec-WebSocket-Version: 13\r\n";
        let twice = |line: &str| line.repeat(2);
        let flaws: [(&str, &str, E); 18] = [
            ("GET ", "POST ", E::Method),
            ("HTTP/1.1", "HTTP/1.0", E::HttpVersion),
            ("HTTP/1.1", "HTTP/2.0", E::Malformed),
            ("Host: server.example.com\r\n", "", E::Host),
            ("Host: server.example.com\r\n", "Host: a\r\nHost: a\r\n", E::Host),
            ("Upgrade: websocket", "Upgrade: h2c", E::Upgrade),
            ("Upgrade: websocket\r\n", "", E::Upgrade),
            ("keep-alive, Upgrade", "keep-alive", E::Connection),
            (version, "", E::VersionCount),
            (version, &twice(version), E::VersionCount),
            ("Version: 13", "Version: 8", E::Version),
            (key, "", E::Key),
            (key, &twice(key), E::Key),
            ("b25jZQ==", "b25jZQ=", E::Key),
            ("Origin:", "Content-Length: 5\r\nOrigin:", E::Body),
            ("Origin:", "Transfer-Encoding: chunked\r\nOrigin:", E::Body),
            ("Origin:", "Origin :", E::Malformed),
            ("GET /chat", "GET  /chat", E::Malformed),
        ];
        for (good, bad, error) in flaws {
            assert!(GOOD.contains(good));
            assert_eq!(judge(&GOOD.replace(good, bad)), Err(error), "{good:?} -> {bad:?}");
        }
        let no_body = GOOD.replace("Origin:", "Content-Length: 0\r\nOrigin:");
        assert_eq!(judge(&no_body), Ok(Verdict::Upgrade));
        assert_eq!(judge_request(GOOD.as_bytes(), 7), Err(E::TooManyHeaders { limit: 7 }));
        assert_eq!(judge_request(GOOD.as_bytes(), 8), Ok(Verdict::Upgrade));
    }

    #[test]
    fn a_request_that_asks_for_no_upgrade_is_plain() {
        for (head, is_head) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("HEAD / HTTP/1.0\r\n\r\n", true),
            ("POST /x HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", false),
        ] {
            assert_eq!(judge(head), Ok(Verdict::Plain { head: is_head }), "{head:?}");
        }
    }

    #[test]
    fn what_a_client_writes_is_a_request_that_a_server_accepts() {
        let request = Request::new("example.com:80", "/a?b=c")
            .origin("https://example.com")
            .protocols(&["one", "two"])
            .headers(&[("Cookie", "a=b"), ("X-Empty", "")]);
        assert_eq!(request.check(), Ok(()));
        let mut out = vec![];
        request.write(&ClientKey::new(b"the sample nonce"), None, &mut out);
        assert_eq!(judge_request(&out, 64), Ok(Verdict::Upgrade));
        let head = RequestHead::new(&out);
        assert_eq!(head.target(), "/a?b=c");
        assert!(head.protocols().eq(["one", "two"]));
        assert_eq!(head.header("cookie"), Some("a=b"));
        assert_eq!(head.header("x-empty"), Some(""));
        assert_eq!(head.header("Sec-WebSocket-Key"), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    }

    #[test]
    fn what_would_break_the_head_is_refused() {
        for host in ["", "a b", "a\r\nb", "a/b", "user@host", "é"] {
            assert_eq!(Request::new(host, "/").check(), Err(RequestError::InvalidHost), "{host:?}");
        }
        for target in [
            "",
            "chat",
            "/a b",
            "/a#b",
            "/\r\n",
            "/é",
            "*",
            "a:80",
            "ftp://a/",
            "ws://a/",
            "http:/a/",
            "http://b/",
            "http://a:80/",
            "http://u@a/",
            "http:///",
            "://a/",
            "http://a#b",
            "http://a/ b",
        ] {
            let checked = Request::new("a", target).check();
            assert_eq!(checked, Err(RequestError::InvalidTarget), "{target:?}");
        }
        for target in ["/", "/?", "/http://b/", "http://a", "http://A/b?c", "HTTPS://a?b=/"] {
            assert_eq!(Request::new("a", target).check(), Ok(()), "{target:?}");
        }
        for protocol in ["", "a b", "a,b", "a\r\nb", "é"] {
            let checked = Request::new("a", "/").protocols(&["ok", protocol]).check();
            assert_eq!(checked, Err(RequestError::InvalidProtocol { index: 1 }), "{protocol:?}");
        }
        let twice = Request::new("a", "/").protocols(&["one", "two", "one"]).check();
        assert_eq!(twice, Err(RequestError::InvalidProtocol { index: 2 }));
        for header in [
            ("", "a"),
            ("content-length", "0"),
            ("transfer-encoding", "chunked"),
            ("a b", "c"),
            ("a", "b\r\nc: d"),
            ("HOST", "a"),
            ("a", "\0"),
        ] {
            let headers = [("ok", "fine\t\u{e9}"), header];
            let checked = Request::new("a", "/").headers(&headers).check();
            assert_eq!(checked, Err(RequestError::InvalidHeader { index: 1 }), "{header:?}");
        }
        let origin = Request::new("a", "/").origin("http://a\r\nb: c");
        assert_eq!(origin.check(), Err(RequestError::InvalidOrigin));
    }
}
