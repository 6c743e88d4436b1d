//! The checks of an opening handshake by themselves, for one that another HTTP library does
//! [RFC 6455 §4.1, §4.2], or that runs over HTTP/2 or HTTP/3 [RFC 8441, RFC 9220].
//!
//! A connection runs the same code over the heads that it receives. Headers are given as a closure
//! that returns the values of all headers with a name, in order. The name may be compared in any
//! case of letters.

use super::values::{has_token, only};
use super::{AcceptKey, ClientKey, HandshakeError};
use super::{extensions, key};
use crate::deflate::{DeflateConfig, DeflateParams};

/// The one version of the protocol.
pub(super) const VERSION: &str = "13";

fn demand(met: bool, error: HandshakeError) -> Result<(), HandshakeError> {
    if met { Ok(()) } else { Err(error) }
}

/// Returns whether an HTTP/1.1 request asks for a WebSocket, validly or not.
///
/// If not, it is any other request. If so, [`check_request`] says whether to accept it.
pub fn is_upgrade<'h, I, V>(headers: impl Fn(&'static str) -> I) -> bool
where
    I: IntoIterator<Item = &'h V>,
    V: AsRef<[u8]> + ?Sized + 'h,
{
    let has = |name| headers(name).into_iter().next().is_some();
    has_token(headers("Upgrade"), "websocket")
        || has("Sec-WebSocket-Key")
        || has("Sec-WebSocket-Version")
}

/// Checks an HTTP/1.1 request for a WebSocket, as a server [RFC 6455 §4.2.1].
///
/// `minor_version` is 1 for HTTP/1.1. `headers` returns the values of all headers with a name, in
/// order. For the `HeaderMap` of the crate `http` it is `|name| headers.get_all(name)`.
///
/// If the request is valid, answer with status 101, `Upgrade: websocket`, `Connection: Upgrade` and
/// the returned value as Sec-WebSocket-Accept. Add Sec-WebSocket-Protocol with what
/// [`choose_protocol`](super::choose_protocol) returns, and Sec-WebSocket-Extensions with the value
/// of [`DeflateConfig::answer`]. Then make a
/// [`Connection::established`](crate::Connection::established) for the upgraded stream.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use sansocket::DeflateConfig;
/// use sansocket::deflate::DeflateParams;
/// use sansocket::handshake::{HandshakeError, check_request, choose_protocol};
///
/// /// Returns the headers of the response with status 101, and the parameters of compression.
/// fn upgrade(
///     method: &str,
///     headers: &HeaderMap,
/// ) -> Result<(HeaderMap, Option<DeflateParams>), HandshakeError> {
///     let accept = check_request(method, 1, |name| headers.get_all(name))?;
///     let value = |text: &str| HeaderValue::from_str(text).expect("it is a valid value");
///     let mut response = HeaderMap::new();
///     response.insert("upgrade", value("websocket"));
///     response.insert("connection", value("Upgrade"));
///     response.insert("sec-websocket-accept", value(accept.as_str()));
///     let offered = headers.get_all("sec-websocket-protocol");
///     if let Some(protocol) = choose_protocol(&["chat"], offered) {
///         response.insert("sec-websocket-protocol", value(protocol));
///     }
///     let deflate = DeflateConfig::new().answer(headers.get_all("sec-websocket-extensions"));
///     if let Some(answer) = &deflate {
///         response.insert("sec-websocket-extensions", value(answer.value().as_str()));
///     }
///     Ok((response, deflate.map(|answer| answer.params)))
/// }
///
/// # let mut headers = HeaderMap::new();
/// # for (name, value) in [
/// #     ("host", "example.com"),
/// #     ("upgrade", "websocket"),
/// #     ("connection", "keep-alive, Upgrade"),
/// #     ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
/// #     ("sec-websocket-version", "13"),
/// #     ("sec-websocket-protocol", "superchat, chat"),
/// #     ("sec-websocket-extensions", "permessage-deflate; server_max_window_bits=10"),
/// # ] {
/// #     headers.append(name, HeaderValue::from_static(value));
/// # }
/// let (response, deflate) = upgrade("GET", &headers)?;
/// assert_eq!(response["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// assert_eq!(response["sec-websocket-protocol"], "chat");
/// assert_eq!(
///     response["sec-websocket-extensions"],
///     "permessage-deflate; server_max_window_bits=10"
/// );
/// assert!(deflate.is_some());
/// # Ok::<(), HandshakeError>(())
/// ```
///
/// # Errors
///
/// The first thing that is wrong, as a [`HandshakeError`]. Answer with its
/// [`status`](HandshakeError::status); with 405 name `Allow: GET`, with 426 name
/// `Sec-WebSocket-Version: 13`.
pub fn check_request<'h, I, V>(
    method: &str,
    minor_version: u8,
    headers: impl Fn(&'static str) -> I,
) -> Result<AcceptKey, HandshakeError>
where
    I: IntoIterator<Item = &'h V>,
    V: AsRef<[u8]> + ?Sized + 'h,
{
    check_upgrade(method, minor_version, headers).map(AcceptKey::hash)
}

/// Checks a request as [`check_request`] does, and returns its key.
pub(super) fn check_upgrade<'h, I, V>(
    method: &str,
    minor_version: u8,
    headers: impl Fn(&'static str) -> I,
) -> Result<&'h [u8], HandshakeError>
where
    I: IntoIterator<Item = &'h V>,
    V: AsRef<[u8]> + ?Sized + 'h,
{
    demand(method == "GET", HandshakeError::Method)?;
    demand(minor_version >= 1, HandshakeError::HttpVersion)?;
    demand(only(headers("Host")).is_some(), HandshakeError::Host)?;
    demand(has_token(headers("Upgrade"), "websocket"), HandshakeError::Upgrade)?;
    demand(has_token(headers("Connection"), "Upgrade"), HandshakeError::Connection)?;
    // What follows the head would be a body to an intermediary, and frames to this server.
    let has_body = headers("Transfer-Encoding").into_iter().next().is_some()
        || headers("Content-Length").into_iter().any(|length| length.as_ref() != b"0");
    demand(!has_body, HandshakeError::Body)?;
    check_version(&headers)?;
    only(headers("Sec-WebSocket-Key")).filter(|key| key::is_valid(key)).ok_or(HandshakeError::Key)
}

fn check_version<'h, I, V>(headers: impl Fn(&'static str) -> I) -> Result<(), HandshakeError>
where
    I: IntoIterator<Item = &'h V>,
    V: AsRef<[u8]> + ?Sized + 'h,
{
    let version = only(headers("Sec-WebSocket-Version")).ok_or(HandshakeError::VersionCount)?;
    demand(version == VERSION.as_bytes(), HandshakeError::Version)
}

/// Checks an extended CONNECT request for a WebSocket over HTTP/2 or HTTP/3, as a server
/// [RFC 8441 §5, RFC 9220 §3].
///
/// Call it for a request with `:method` CONNECT and `:protocol` `websocket`. There is no key and no
/// accept value, and no Upgrade, Connection or Host header. `headers` is as for [`check_request`].
///
/// If the request is valid, answer with status 200, and with the subprotocol and the extension as
/// for [`check_request`]. Then make a
/// [`Connection::established`](crate::Connection::established) for the data of the stream. "Close
/// TCP" means to close that stream, not the connection that it runs on: end it (END_STREAM, or FIN
/// in HTTP/3) after a closing handshake, and reset it with the code CANCEL after a failure
/// (RST_STREAM, or RESET_STREAM with H3_REQUEST_CANCELLED in HTTP/3) [RFC 8441 §5].
///
/// ```
/// use sansocket::DeflateConfig;
/// use sansocket::handshake::check_extended_connect;
///
/// // The headers of a request as an HTTP/2 library has decoded them.
/// let request = [
///     (":method", "CONNECT"),
///     (":protocol", "websocket"),
///     (":scheme", "https"),
///     (":path", "/chat"),
///     (":authority", "server.example.com"),
///     ("sec-websocket-version", "13"),
///     ("sec-websocket-extensions", "permessage-deflate"),
/// ];
/// let values = |wanted: &'static str| {
///     request
///         .iter()
///         .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
///         .map(|(_, value)| *value)
/// };
/// check_extended_connect(values)?;
/// let answer = DeflateConfig::new().answer(values("sec-websocket-extensions"));
/// if let Some(answer) = &answer {
///     // It goes to the response's header sec-websocket-extensions.
///     assert_eq!(answer.value().as_str(), "permessage-deflate");
/// }
/// let deflate = answer.map(|answer| answer.params);
#[cfg_attr(feature = "alloc", doc = "use sansocket::{Config, Connection, Server};")]
#[cfg_attr(
    feature = "alloc",
    doc = "let connection = Connection::established(Server, deflate, Config::new());"
)]
/// # Ok::<(), sansocket::handshake::HandshakeError>(())
/// ```
///
/// # Errors
///
/// [`HandshakeError::ConnectionSpecific`] if there is an Upgrade or a Connection header,
/// [`VersionCount`](HandshakeError::VersionCount) or [`Version`](HandshakeError::Version).
pub fn check_extended_connect<'h, I, V>(
    headers: impl Fn(&'static str) -> I,
) -> Result<(), HandshakeError>
where
    I: IntoIterator<Item = &'h V>,
    V: AsRef<[u8]> + ?Sized + 'h,
{
    check_no_connection_headers(&headers)?;
    check_version(headers)
}

fn check_no_connection_headers<'h, I, V>(
    headers: impl Fn(&'static str) -> I,
) -> Result<(), HandshakeError>
where
    I: IntoIterator<Item = &'h V>,
    V: AsRef<[u8]> + ?Sized + 'h,
{
    let has = |name| headers(name).into_iter().next().is_some();
    demand(!has("Upgrade") && !has("Connection"), HandshakeError::ConnectionSpecific)
}

/// What a client's request has offered, to check the response against.
///
/// ```
/// use sansocket::DeflateConfig;
/// use sansocket::handshake::{ClientKey, ClientOffer};
///
/// let key = ClientKey::new(b"the sample nonce"); // use 16 random bytes
/// let config = DeflateConfig::new();
/// let offer = ClientOffer { protocols: &["chat"], deflate: Some(&config) };
/// // Send `key`, the subprotocols and `config.offer()` with the request. Then check the response:
/// let response = [
///     ("upgrade", "websocket"),
///     ("connection", "upgrade"),
///     ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
///     ("sec-websocket-protocol", "chat"),
/// ];
/// let headers = |wanted: &'static str| {
///     response
///         .iter()
///         .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
///         .map(|(_, value)| *value)
/// };
/// let agreed = offer.check_response(101, headers, &key)?;
/// assert_eq!((agreed.protocol, agreed.deflate), (Some("chat"), None));
/// # Ok::<(), sansocket::handshake::HandshakeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ClientOffer<'a> {
    /// The subprotocols that the client has asked for.
    pub protocols: &'a [&'a str],
    /// The settings whose [`offer`](DeflateConfig::offer) the client has made, if any.
    pub deflate: Option<&'a DeflateConfig>,
}

/// What a server has chosen, to the client that offered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed<'h> {
    /// The subprotocol, if any.
    pub protocol: Option<&'h str>,
    /// The parameters of permessage-deflate, if it was accepted.
    pub deflate: Option<DeflateParams>,
}

impl ClientOffer<'_> {
    /// Checks the response to an HTTP/1.1 request, as a client [RFC 6455 §4.1].
    ///
    /// `key` is the key of the request, `headers` as for [`check_request`].
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, as a [`HandshakeError`]: with any status but 101 that is
    /// [`Status`](HandshakeError::Status).
    pub fn check_response<'h, I, V>(
        &self,
        status: u16,
        headers: impl Fn(&'static str) -> I,
        key: &ClientKey,
    ) -> Result<Agreed<'h>, HandshakeError>
    where
        I: IntoIterator<Item = &'h V>,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        demand(status == 101, HandshakeError::Status(status))?;
        check_switch(&headers, key)?;
        self.check_choices(headers)
    }

    /// Checks the response to an extended CONNECT request over HTTP/2 or HTTP/3, as a client
    /// [RFC 8441 §5, RFC 9220 §3].
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Status`] with a status that is not 2xx,
    /// [`ConnectionSpecific`](HandshakeError::ConnectionSpecific),
    /// [`Protocol`](HandshakeError::Protocol) or [`Extension`](HandshakeError::Extension).
    pub fn check_connect_response<'h, I, V>(
        &self,
        status: u16,
        headers: impl Fn(&'static str) -> I,
    ) -> Result<Agreed<'h>, HandshakeError>
    where
        I: IntoIterator<Item = &'h V>,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        demand(matches!(status, 200..=299), HandshakeError::Status(status))?;
        check_no_connection_headers(&headers)?;
        self.check_choices(headers)
    }

    fn check_choices<'h, I, V>(
        &self,
        headers: impl Fn(&'static str) -> I,
    ) -> Result<Agreed<'h>, HandshakeError>
    where
        I: IntoIterator<Item = &'h V>,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        let was_offered = |chosen: &str| self.protocols.contains(&chosen);
        check_choices(headers, was_offered, self.deflate)
    }
}

/// Checks what the headers of a 101 must say whatever was offered [RFC 6455 §4.1].
pub(super) fn check_switch<'h, I, V>(
    headers: impl Fn(&'static str) -> I,
    key: &ClientKey,
) -> Result<(), HandshakeError>
where
    I: IntoIterator<Item = &'h V>,
    V: AsRef<[u8]> + ?Sized + 'h,
{
    // One value, where a request has a list.
    let upgrade = only(headers("Upgrade"));
    let is_websocket = upgrade.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"));
    demand(is_websocket, HandshakeError::Upgrade)?;
    demand(has_token(headers("Connection"), "Upgrade"), HandshakeError::Connection)?;
    let accept = only(headers("Sec-WebSocket-Accept"));
    demand(accept == Some(key.accept_key().as_bytes()), HandshakeError::Accept)
}

/// Checks that a server has chosen from what was offered.
pub(super) fn check_choices<'h, I, V>(
    headers: impl Fn(&'static str) -> I,
    was_offered: impl Fn(&str) -> bool,
    deflate: Option<&DeflateConfig>,
) -> Result<Agreed<'h>, HandshakeError>
where
    I: IntoIterator<Item = &'h V>,
    V: AsRef<[u8]> + ?Sized + 'h,
{
    let mut chosen = headers("Sec-WebSocket-Protocol").into_iter();
    let protocol = match (chosen.next(), chosen.next()) {
        (None, _) => None,
        (Some(value), None) => {
            let protocol = core::str::from_utf8(value.as_ref()).ok();
            let offered = protocol.filter(|one| !one.is_empty() && was_offered(one));
            Some(offered.ok_or(HandshakeError::Protocol)?)
        }
        _ => return Err(HandshakeError::Protocol),
    };
    let answers = headers(extensions::HEADER);
    let deflate = match deflate {
        Some(config) => config.agree(answers)?,
        None => extensions::check_none(answers).map(|()| None)?,
    };
    Ok(Agreed { protocol, deflate })
}
