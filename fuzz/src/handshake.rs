//! Checks on the opening handshake: of what is received, and of what a caller asks to be written.

use std::borrow::Cow;

use base64ct::{Base64, Encoding};
use sansocket::handshake::RequestHead;
use sansocket::{
    Accept, Connection, Entropy, EntropyError, Error, Event, Heap, Request, Response,
    ResponseError, Server, State, TransportAction,
};

use crate::heads::{self, Head};
use crate::{Counted, KEY};

/// A source whose nonce is given.
struct Nonce([u8; 16]);

impl Entropy for Nonce {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.copy_from_slice(&self.0[..bytes.len()]);
        Ok(())
    }
}

/// Feeds a server: what it takes for an upgrade can be accepted, and the client that has sent the
/// request's key takes the answer.
pub fn received_request(bytes: &[u8]) {
    let mut server = Connection::server(Default::default());
    let mut out = Vec::new();
    let mut events = server.receive(bytes, &mut out);
    match events.next() {
        Ok(Some((Event::Request(head), mut reply))) => {
            let protocols: Vec<_> = head.protocols().filter(|one| is_token(one)).collect();
            let mut accept = Accept::new();
            if let Some(protocol) = protocols.last() {
                accept = accept.protocol(protocol);
            }
            reply.accept(accept).expect("an upgrade can be accepted");
            assert_eq!(reply.state(), State::Open);
            let answer = reply.out().clone();
            assert_client_takes(&answer, &head, &protocols);
        }
        Ok(None) => {
            if events.transport() != TransportAction::Close {
                assert!(out.is_empty());
                return;
            }
            match events.next() {
                // A request that is no upgrade.
                Ok(None) => assert_eq!(heads::response(&out).first.0, "426"),
                Err(Error::Handshake(error)) => {
                    assert_eq!(heads::response(&out).first.0, error.status().to_string());
                }
                other => panic!("{:?}", other.map(|event| event.is_some())),
            }
        }
        other => panic!("{:?}", other.map(|event| event.map(|(event, _)| format!("{event:?}")))),
    }
}

fn assert_client_takes(answer: &[u8], head: &RequestHead<'_>, protocols: &[&str]) {
    let key = head.header("Sec-WebSocket-Key").expect("an upgrade has a key");
    let mut nonce = [0; 16];
    Base64::decode(key, &mut nonce).expect("the key is the base64 of 16 bytes");
    let request = Request::new("a", "/").protocols(protocols);
    let config = sansocket::Config::new().plain_http(true).max_head(1 << 20);
    let mut client = Connection::client(&request, Nonce(nonce), config, &mut Vec::new())
        .expect("the subprotocols are tokens");
    let mut out = Vec::new();
    let mut events = client.receive(answer, &mut out);
    match events.next() {
        Ok(Some((Event::Open(head), _))) => assert_eq!(head.protocol(), protocols.last().copied()),
        other => panic!("{:?}", other.map(|event| event.map(|(event, _)| format!("{event:?}")))),
    }
    assert!(events.remaining().is_empty());
}

/// Feeds a client: it opens only with a 101 that has the accept value, and never answers.
pub fn received_response(bytes: &[u8]) {
    const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    let request = Request::new("example.com", "/").protocols(&["chat", "superchat"]);
    let client =
        Connection::client(&request, Counted::default(), Default::default(), &mut Vec::new());
    let mut client = client.expect("the request is valid");
    let mut out = Vec::new();
    let mut events = client.receive(bytes, &mut out);
    match events.next() {
        Ok(Some((Event::Open(head), reply))) => {
            assert_eq!((head.status(), reply.state()), (101, State::Open));
            assert!(head.headers().all("Sec-WebSocket-Accept").eq([ACCEPT]));
            assert!(head.protocol().is_none_or(|one| ["chat", "superchat"].contains(&one)));
        }
        Ok(Some((Event::Refused(head), reply))) => {
            assert!(!matches!(head.status(), 100..=199), "{head:?}");
            // A body may follow.
            assert!(matches!(reply.state(), State::Closed | State::Closing));
        }
        Ok(None) => assert_eq!(events.transport(), TransportAction::Read),
        Err(Error::Handshake(_)) => assert_eq!(events.transport(), TransportAction::Close),
        other => panic!("{:?}", other.map(|event| event.map(|(event, _)| format!("{event:?}")))),
    }
    assert!(out.is_empty(), "a client answers a response");
}

/// Strings of the input: some with a fixed place, then pairs, then single ones.
struct Strings<'s> {
    given: Vec<Cow<'s, str>>,
}

impl Strings<'_> {
    fn get(&self, index: usize) -> &str {
        self.given.get(index).map_or("", |string| string)
    }

    /// Headers from this index on: every other string pair, so that the rest are subprotocols.
    fn headers(&self, from: usize) -> Vec<(&str, &str)> {
        let rest = self.given.get(from..).unwrap_or_default();
        rest.chunks_exact(3).map(|three| (&*three[0], &*three[1])).collect()
    }

    /// Subprotocols from this index on.
    fn protocols(&self, from: usize) -> Vec<&str> {
        let rest = self.given.get(from..).unwrap_or_default();
        rest.chunks_exact(3).map(|three| &*three[2]).collect()
    }
}

/// Asks for a request with any strings: host, target, origin, then name, value and subprotocol in
/// turn. It is refused, or it is one head with just these parts that a server takes.
pub fn request(given: Vec<Cow<'_, str>>) {
    let strings = Strings { given };
    let (headers, protocols) = (strings.headers(3), strings.protocols(3));
    let request = Request::new(strings.get(0), strings.get(1))
        .origin(strings.get(2))
        .headers(&headers)
        .protocols(&protocols);
    let mut out = Vec::new();
    let config = Default::default();
    let Ok(_) = Connection::client(&request, Counted::default(), config, &mut out) else {
        assert!(out.is_empty(), "refused, but it wrote");
        return;
    };
    let head = heads::request(&out);
    assert!(head.body.is_empty(), "{head:?}");
    assert_eq!(head.first, ("GET".into(), strings.get(1).into()));
    assert_eq!(head.all("Host"), [strings.get(0).as_bytes()]);
    assert_eq!(head.all("Origin"), [trimmed(strings.get(2))]);
    assert_eq!(head.all("Sec-WebSocket-Key"), [KEY.as_bytes()]);
    let own = if protocols.is_empty() { 6 } else { 7 };
    assert_written(&head, &headers, own);
    if head.headers.len() <= 200 && out.len() < 1 << 20 {
        assert_server_takes(&out, &protocols);
    }
}

fn assert_server_takes(bytes: &[u8], protocols: &[&str]) {
    let config = sansocket::Config::new().plain_http(true).max_head(1 << 20).max_headers(u16::MAX);
    let mut server: Connection<Server, Heap> = Connection::server(config);
    let mut out = Vec::new();
    match server.receive(bytes, &mut out).next() {
        Ok(Some((Event::Request(head), _))) => {
            assert!(head.protocols().eq(protocols.iter().copied()), "{head:?}");
        }
        other => panic!("{:?}", other.map(|event| event.map(|(event, _)| format!("{event:?}")))),
    };
}

/// Accepts a good request with any strings: a subprotocol, then name, value and another string in
/// turn. It is refused, or it is one head with just these parts.
pub fn accept(given: Vec<Cow<'_, str>>) {
    let strings = Strings { given };
    let headers = strings.headers(1);
    let mut accept = Accept::new().headers(&headers);
    if !strings.get(0).is_empty() {
        accept = accept.protocol(strings.get(0));
    }
    let (answer, done) = answered(|server, out| server.sender(out).accept(accept));
    if done.is_err() {
        assert!(answer.is_empty(), "refused, but it wrote");
        return;
    }
    let head = heads::response(&answer);
    assert!(head.body.is_empty(), "{head:?}");
    assert_eq!(head.first.0, "101");
    assert_written(&head, &headers, if strings.get(0).is_empty() { 3 } else { 4 });
}

/// Rejects a good request with any strings: the status, the body, then name, value and another
/// string in turn. It is refused, or it is one response with just these parts.
pub fn response(given: Vec<Cow<'_, str>>) {
    let strings = Strings { given };
    let headers = strings.headers(2);
    let status = strings.get(0).parse().unwrap_or(403);
    let body = strings.get(1).as_bytes();
    let response = Response::new(status).headers(&headers).body(body);
    let (answer, done) = answered(|server, out| server.sender(out).respond(&response));
    if done.is_err() {
        assert!(answer.is_empty(), "refused, but it wrote");
        return;
    }
    let head = heads::response(&answer);
    assert_eq!(head.first.0, status.to_string());
    let has_body = !matches!(status, 204 | 304);
    assert_eq!(head.body, if has_body { body } else { b"" });
    assert_written(&head, &headers, if has_body { 2 } else { 1 });
}

/// What a server that got a good request writes in a call.
fn answered(
    call: impl FnOnce(&mut Connection<Server, Heap>, &mut Vec<u8>) -> Result<(), ResponseError>,
) -> (Vec<u8>, Result<(), ResponseError>) {
    let request = format!(
        "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Protocol: chat, superchat\r\n\r\n"
    );
    let mut server = Connection::server(Default::default());
    let mut out = Vec::new();
    let event = server.receive(request.as_bytes(), &mut out).next().map(|event| event.is_some());
    assert_eq!(event, Ok(true));
    let done = call(&mut server, &mut out);
    (out, done)
}

/// The head has `own` headers, and those of the caller in their order.
fn assert_written(head: &Head, headers: &[(&str, &str)], own: usize) {
    assert_eq!(head.headers.len(), own + headers.len(), "{head:?}");
    for (name, _) in headers {
        let same = |other: &&(&str, &str)| other.0.eq_ignore_ascii_case(name);
        let given: Vec<_> = headers.iter().filter(same).map(|(_, value)| trimmed(value)).collect();
        assert_eq!(head.all(name), given, "{name:?}");
    }
}

/// A value as it is read: white space around it is no part of it.
fn trimmed(value: &str) -> &[u8] {
    value.trim_matches([' ', '\t']).as_bytes()
}

fn is_token(text: &str) -> bool {
    let is_tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(is_tchar)
}
