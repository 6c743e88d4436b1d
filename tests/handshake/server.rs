//! What a server answers to each kind of request [RFC 6455 §4.2], upgrade or plain.

use sansocket::handshake::HandshakeError;
use sansocket::{
    Accept, Config, Endpoint, Error, Event, Response, ResponseError, SendError, State,
    TransportAction,
};

use super::wire::{Out, Seen, feed, feed_with, frame};
use super::{REQUEST, RESPONSE, fed, server};

#[test]
fn the_example_of_the_rfc_is_answered_byte_for_byte() {
    let (mut server, mut out) = (server(Config::new()), Out::default());
    let fed = feed_with(&mut server, REQUEST.as_bytes(), &mut out, |event, reply| {
        let Event::Request(head) = event else { panic!("{event:?}") };
        assert_eq!((head.method(), head.host()), ("GET", Some("server.example.com")));
        assert_eq!(head.origin(), Some("http://example.com"));
        assert!(head.protocols().eq(["chat", "superchat"]));
        reply.accept(Accept::new().protocol("chat")).unwrap();
        assert_eq!(reply.state(), State::Open);
    });
    assert_eq!(fed.all(), [Seen::Request("/chat".into())]);
    assert_eq!(String::from_utf8(out.take()).unwrap(), RESPONSE);
    assert_eq!((server.state(), server.transport()), (State::Open, TransportAction::Read));
}

#[test]
fn frames_behind_the_request_are_received_once_it_is_accepted() {
    let (mut server, mut out) = (server(Config::new()), Out::default());
    let wire = [REQUEST.as_bytes(), &frame(0x81, b"Hello", true)].concat();
    let fed = feed_with(&mut server, &wire, &mut out, |event, reply| {
        if let Event::Request(_) = event {
            reply.accept(Accept::default()).unwrap();
        }
    });
    assert_eq!(fed.all(), [Seen::Request("/chat".into()), Seen::Text("Hello".into())]);
}

#[test]
fn each_flaw_has_its_status_and_then_tcp_is_closed() {
    use HandshakeError as E;
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let host = "Host: server.example.com\r\n";
    let flaws = [
        ("GET", "POST", 405, E::Method),
        ("GET", "HEAD", 405, E::Method),
        ("HTTP/1.1", "HTTP/1.0", 400, E::HttpVersion),
        ("HTTP/1.1", "HTTP/3.0", 400, E::Malformed),
        ("GET /chat", "GET", 400, E::Malformed),
        (host, "", 400, E::Host),
        (host, "Host: a\r\nHost: a\r\n", 400, E::Host),
        (host, "Host : a\r\n", 400, E::Malformed),
        (host, "Host: a\r\n folded\r\n", 400, E::Malformed),
        (host, "Host: a\n", 400, E::Malformed),
        (host, "Host\r\n", 400, E::Malformed),
        ("Upgrade: websocket\r\n", "", 400, E::Upgrade),
        ("Upgrade: websocket", "Upgrade: websocket2", 400, E::Upgrade),
        ("Connection: Upgrade\r\n", "", 400, E::Connection),
        ("Connection: Upgrade", "Connection: keep-alive", 400, E::Connection),
        (key, "", 400, E::Key),
        (key, &key.repeat(2), 400, E::Key),
        ("b25jZQ==", "b25jZQ=", 400, E::Key),
        ("b25jZQ==", "b25jZR==", 400, E::Key),
        ("b25jZQ==", "b25jZWVl", 400, E::Key),
        (version, "", 400, E::VersionCount),
        (version, &version.repeat(2), 400, E::VersionCount),
        ("Version: 13", "Version: 8", 426, E::Version),
        ("Version: 13", "Version: 013", 426, E::Version),
    ];
    for (good, bad, status, error) in flaws {
        assert!(REQUEST.contains(good));
        let (mut server, fed, answer) = fed(Config::new(), &REQUEST.replacen(good, bad, 1));
        let name = format!("{good:?} -> {bad:?}");
        assert_eq!((fed.seen, fed.result), (vec![], Err(Error::Handshake(error))), "{name}");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{name}: {answer}");
        assert_eq!(answer.contains("\r\nAllow: GET\r\n"), status == 405, "{name}: {answer}");
        let says_version = answer.contains("\r\nSec-WebSocket-Version: 13\r\n");
        assert_eq!(says_version, status == 426, "{name}: {answer}");
        assert_eq!((server.state(), server.transport()), (State::Closed, TransportAction::Close));
        let report = server.close_report();
        assert_eq!(report.failure, Some(Error::Handshake(error)), "{name}");
        assert_eq!(report.dropped_by, Some(Endpoint::Local), "{name}");
        assert_eq!((report.sent, report.received, report.closed_first), (None, None, None));

        let mut out = Out::default();
        let again = feed(&mut server, REQUEST.as_bytes(), &mut out);
        assert_eq!((again.result, out.take()), (Err(Error::Handshake(error)), vec![]), "{name}");
    }
}

#[test]
fn an_error_is_answered_with_a_whole_response() {
    let (_, _, answer) = fed(Config::new(), &REQUEST.replace(": 13", ": 12"));
    assert_eq!(
        answer,
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Content-Length: 30\r\nConnection: close\r\n\r\nSec-WebSocket-Version is not 13"
            .replace("30", &"Sec-WebSocket-Version is not 13".len().to_string())
    );
}

#[test]
fn what_cannot_become_http_is_refused_at_its_first_bad_byte() {
    for (start, bad) in [("", "\x16\x03\x01"), ("GET", "\0"), ("GET / HTTP/1.1", "\n")] {
        let (mut server, mut out) = (server(Config::new()), Out::default());
        assert_eq!(feed(&mut server, start.as_bytes(), &mut out).all(), []);
        let fed = feed(&mut server, bad.as_bytes(), &mut out);
        assert_eq!(fed.result, Err(Error::Handshake(HandshakeError::Malformed)), "{bad:?}");
        assert!(out.take().starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
    }
}

#[test]
fn tokens_and_names_are_compared_in_any_case_and_found_in_lists_over_several_lines() {
    let variants = [
        ("Upgrade: websocket", "UPGRADE:WebSocket"),
        ("Upgrade: websocket", "upgrade: h2c,\t websocket ,"),
        ("Upgrade: websocket", "Upgrade: h2c\r\nUpgrade: websocket"),
        ("Connection: Upgrade", "connection:   keep-alive, UPGRADE  "),
        ("Connection: Upgrade", "Connection: close\r\nConnection: , upgrade"),
        ("Sec-WebSocket-Key: ", "sec-websocket-key:"),
        ("Sec-WebSocket-Version: 13", "SEC-WEBSOCKET-VERSION: \t13 "),
        ("GET /chat", "\r\nGET /chat"),
        ("GET /chat", "GET http://server.example.com/chat"),
    ];
    for (good, variant) in variants {
        assert!(REQUEST.contains(good));
        let (_, fed, answer) = fed(Config::new(), &REQUEST.replacen(good, variant, 1));
        assert!(matches!(fed.all()[..], [Seen::Request(_)]), "{variant:?}: {answer}");
    }
    let lines = "Sec-WebSocket-Protocol: chat\r\nsec-websocket-protocol: a ,b\r\n";
    let request = REQUEST.replace("Sec-WebSocket-Protocol: chat, superchat\r\n", lines);
    let (server, _, _) = fed(Config::new(), &request);
    assert!(server.request().unwrap().protocols().eq(["chat", "a", "b"]));
}

#[test]
fn an_answer_may_be_corrected_until_it_is_right() {
    let (mut server, _, _) = fed(Config::new(), REQUEST);
    let mut out = Out::default();
    let mut accept = |accept: Accept<'_>| server.sender(&mut out).accept(accept);
    let new = Accept::new;
    assert_eq!(accept(new().protocol("mqtt")), Err(ResponseError::ProtocolNotOffered));
    assert_eq!(accept(new().protocol("CHAT")), Err(ResponseError::ProtocolNotOffered));
    for header in [("Upgrade", "x"), ("sec-websocket-accept", "x"), ("a b", "c"), ("a", "b\r\nc")] {
        let refused = accept(new().headers(&[("X", "fine"), header]));
        assert_eq!(refused, Err(ResponseError::InvalidHeader { index: 1 }), "{header:?}");
    }
    assert_eq!(accept(new().protocol("superchat").headers(&[("X-A", "1"), ("X-B", "2")])), Ok(()));
    let answer = String::from_utf8(out.take()).unwrap();
    let end = "Sec-WebSocket-Protocol: superchat\r\nX-A: 1\r\nX-B: 2\r\n\r\n";
    assert!(answer.ends_with(end), "{answer}");
    assert_eq!(server.sender(&mut out).accept(new()), Err(ResponseError::NoRequest));
    let response = Response::new(403);
    assert_eq!(server.sender(&mut out).respond(&response), Err(ResponseError::NoRequest));
    assert!(out.take().is_empty());
}

#[test]
fn headers_of_an_answer_need_not_be_utf8() {
    let raw: &[(&str, &[u8])] = &[("X-B", b"\xe9")];
    let (mut server, _, _) = fed(Config::new(), REQUEST);
    let mut out = Out::default();
    let accept = Accept::new().headers(&[("X-A", "a")]).raw_headers(raw);
    server.sender(&mut out).accept(accept).unwrap();
    assert!(out.take().ends_with(b"\r\nX-A: a\r\nX-B: \xe9\r\n\r\n"));

    let (mut server, _, _) = fed(Config::new(), REQUEST);
    let mut out = Out::default();
    let bad = Response::new(403).raw_headers(&[("Content-Length", b"1")]);
    let refused = server.sender(&mut out).respond(&bad);
    assert_eq!(refused, Err(ResponseError::InvalidHeader { index: 0 }));
    server.sender(&mut out).respond(&Response::new(403).raw_headers(raw)).unwrap();
    let answer = out.take();
    assert!(answer.starts_with(b"HTTP/1.1 403 Forbidden\r\nX-B: \xe9\r\nContent-Length: 0\r\n"));
}

#[test]
fn a_request_may_be_accepted_later_and_nothing_behind_it_is_consumed_until_then() {
    let hello = frame(0x81, b"Hello", true);
    let (mut server, mut out) = (server(Config::new()), Out::default());
    let fed = feed(&mut server, &[REQUEST.as_bytes(), &hello].concat(), &mut out);
    assert_eq!(fed.seen, [Seen::Request("/chat".into())]);
    assert_eq!((fed.result, &fed.left), (Ok(()), &hello));
    let again = feed(&mut server, &hello, &mut out);
    assert_eq!((again.seen, again.left), (vec![], hello.clone()));
    assert_eq!((server.state(), server.transport()), (State::Connecting, TransportAction::Read));
    assert_eq!(server.sender(&mut out).send("early"), Err(SendError::NotOpen));
    assert_eq!(server.request().map(|head| head.target()), Some("/chat"));
    assert!(out.take().is_empty());

    server.sender(&mut out).accept(Accept::new().protocol("chat")).unwrap();
    assert_eq!(out.take(), RESPONSE.as_bytes());
    assert_eq!(server.request(), None);
    assert_eq!(feed(&mut server, &hello, &mut out).all(), [Seen::Text("Hello".into())]);
}

#[test]
fn a_request_may_be_rejected_at_once_or_later() {
    let response =
        Response::new(401).headers(&[("WWW-Authenticate", "Basic")]).body(b"who are you?");
    let expected = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\
        Content-Length: 12\r\nConnection: close\r\n\r\nwho are you?";
    for later in [false, true] {
        let (mut server, mut out) = (server(Config::new()), Out::default());
        let fed = feed_with(&mut server, REQUEST.as_bytes(), &mut out, |_, reply| {
            if !later {
                reply.respond(&response).unwrap();
            }
        });
        assert_eq!(fed.all(), [Seen::Request("/chat".into())]);
        if later {
            server.sender(&mut out).respond(&response).unwrap();
        }
        assert_eq!(String::from_utf8(out.take()).unwrap(), expected);
        assert_eq!((server.state(), server.transport()), (State::Closed, TransportAction::Close));
        assert_eq!(server.sender(&mut out).send("late"), Err(SendError::Closed));
        assert_eq!(server.end_of_stream(), Ok(()));
    }
}

#[test]
fn a_response_that_no_client_could_read_is_refused() {
    let (mut server, _, _) = fed(Config::new(), REQUEST);
    let mut out = Out::default();
    for status in [0, 101, 199, 600, u16::MAX] {
        let refused = server.sender(&mut out).respond(&Response::new(status));
        assert_eq!(refused, Err(ResponseError::InvalidStatus(status)));
    }
    for header in [("Content-Length", "1"), ("connection", "close"), ("a", "b\nc: d"), ("", "")] {
        let headers = [header];
        let refused = server.sender(&mut out).respond(&Response::new(200).headers(&headers));
        assert_eq!(refused, Err(ResponseError::InvalidHeader { index: 0 }), "{header:?}");
    }
    assert!(out.take().is_empty());
    assert_eq!(server.sender(&mut out).respond(&Response::new(599)), Ok(()));
}

// Plain HTTP on the same port.

const PLAIN: &str = "GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_plain_request_is_handed_over_and_answered() {
    for method in ["GET", "HEAD", "POST"] {
        let (mut server, mut out) = (server(Config::new().plain_http(true)), Out::default());
        let request = format!("{}body", PLAIN.replace("GET", method));
        let fed = feed_with(&mut server, request.as_bytes(), &mut out, |event, reply| {
            let Event::Http(_) = event else { panic!("{event:?}") };
            assert_eq!(reply.accept(Accept::new()), Err(ResponseError::NotAnUpgrade));
            reply.respond(&Response::new(200).body(b"<html>")).unwrap();
        });
        assert_eq!(fed.seen, [Seen::Http(method.into(), "/index.html".into())]);
        assert_eq!((fed.result, &fed.left[..]), (Ok(()), &b"body"[..]));
        let body = if method == "HEAD" { "" } else { "<html>" };
        let expected =
            format!("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n{body}");
        assert_eq!(String::from_utf8(out.take()).unwrap(), expected);
        assert_eq!((server.state(), server.transport()), (State::Closed, TransportAction::Close));
    }
}

#[test]
fn a_plain_request_may_be_answered_later() {
    let (mut server, mut out) = (server(Config::new().plain_http(true)), Out::default());
    let fed = feed(&mut server, PLAIN.as_bytes(), &mut out);
    assert_eq!(fed.all(), [Seen::Http("GET".into(), "/index.html".into())]);
    let more = feed(&mut server, b"more", &mut out);
    assert_eq!((more.seen, &more.left[..], out.take()), (vec![], &b"more"[..], vec![]));
    assert_eq!(server.request().map(|head| head.target()), Some("/index.html"));
    assert_eq!((server.state(), server.transport()), (State::Connecting, TransportAction::Read));
    // A client may stop sending once it has asked.
    assert_eq!(server.end_of_stream(), Ok(()));
    assert_eq!(server.sender(&mut out).accept(Accept::new()), Err(ResponseError::NotAnUpgrade));
    assert_eq!(server.sender(&mut out).respond(&Response::new(404)), Ok(()));
    assert!(out.take().starts_with(b"HTTP/1.1 404 Not Found\r\n"));
    assert_eq!(server.transport(), TransportAction::Close);
}

#[test]
fn a_plain_request_is_answered_426_unless_the_caller_wants_it() {
    for method in ["GET", "HEAD"] {
        let (server, fed, answer) = fed(Config::new(), &PLAIN.replace("GET", method));
        assert_eq!(fed.all(), []);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{head}");
        assert!(head.contains("\r\nUpgrade: websocket"), "{head}");
        assert!(head.contains("\r\nSec-WebSocket-Version: 13"), "{head}");
        assert_eq!((server.state(), server.transport()), (State::Closed, TransportAction::Close));
        // The answer to HEAD has no body [RFC 9110 §9.3.2].
        assert_eq!(body.is_empty(), method == "HEAD", "{method}: {body:?}");
    }
}
