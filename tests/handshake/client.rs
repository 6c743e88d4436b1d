//! What a client writes, and what it makes of each kind of response [RFC 6455 §4.1].

use sansocket::handshake::HandshakeError;
use sansocket::{
    Config, Connection, Endpoint, Error, Event, Fixed, Request, RequestError, SendError, State,
    TransportAction,
};

use super::wire::{Memory, Out, Scripted, Seen, feed, feed_with, frame};
use super::{REQUEST, RESPONSE, client};

/// The lines of a head, in an order that does not matter.
fn lines(head: &[u8]) -> Vec<&str> {
    let mut lines: Vec<_> = core::str::from_utf8(head).unwrap().split("\r\n").collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_client_writes_the_request_of_the_rfc_and_takes_its_response() {
    let mut out = Out::default();
    let mut client = client(Config::new(), &mut out);
    let request = out.take();
    assert!(request.starts_with(b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\n"));
    assert!(request.ends_with(b"\r\n\r\n"));
    assert_eq!(lines(&request), lines(REQUEST.as_bytes()));
    assert_eq!((client.state(), client.transport()), (State::Connecting, TransportAction::Read));
    assert_eq!(client.sender(&mut out).send("early"), Err(SendError::NotOpen));

    let wire = [RESPONSE.as_bytes(), &frame(0x81, b"Hello", false)].concat();
    let fed = feed(&mut client, &wire, &mut out);
    assert_eq!(fed.all(), [Seen::Open(Some("chat".into())), Seen::Text("Hello".into())]);
    assert_eq!((client.state(), out.take()), (State::Open, vec![]));
}

#[test]
fn the_response_may_be_written_in_other_ways() {
    let variants = [
        ("Upgrade: websocket", "upgrade: WEBSOCKET"),
        ("Connection: Upgrade", "CONNECTION: keep-alive, upgrade"),
        ("Sec-WebSocket-Accept: ", "sec-websocket-accept:\t"),
        ("Switching Protocols", ""),
        (" Switching Protocols", ""),
        ("Sec-WebSocket-Protocol: chat\r\n", ""),
        ("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat"),
        ("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: \r\nX-A: b"),
    ];
    for (good, variant) in variants {
        assert!(RESPONSE.contains(good));
        let mut client = client(Config::new(), &mut Out::default());
        let response = RESPONSE.replace(good, variant);
        let fed = feed(&mut client, response.as_bytes(), &mut Out::default());
        assert!(matches!(fed.all()[..], [Seen::Open(_)]), "{variant:?}");
    }
}

#[test]
fn each_flaw_of_a_response_fails_without_a_close_frame() {
    use HandshakeError as E;
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let protocol = "Sec-WebSocket-Protocol: chat\r\n";
    let flaws = [
        ("HTTP/1.1", "HTTP/1.0", E::HttpVersion),
        ("HTTP/1.1", "ICY", E::Malformed),
        ("Upgrade: websocket\r\n", "", E::Upgrade),
        ("Upgrade: websocket", "Upgrade: h2c", E::Upgrade),
        ("Connection: Upgrade\r\n", "", E::Connection),
        ("Connection: Upgrade", "Connection: close", E::Connection),
        (accept, "", E::Accept),
        (accept, &accept.repeat(2), E::Accept),
        ("s3pPLM", "S3pPLM", E::Accept),
        ("xOo=", "xOo=x", E::Accept),
        ("Protocol: chat", "Protocol: mqtt", E::Protocol),
        ("Protocol: chat", "Protocol: Chat", E::Protocol),
        ("Protocol: chat", "Protocol: chat, superchat", E::Protocol),
        ("Protocol: chat", "Protocol: ", E::Protocol),
        (protocol, &protocol.repeat(2), E::Protocol),
        (protocol, "Sec-WebSocket-Extensions: permessage-deflate\r\n", E::Extension),
    ];
    for (good, bad, error) in flaws {
        assert!(RESPONSE.contains(good));
        let mut client = client(Config::new(), &mut Out::default());
        let mut out = Out::default();
        let wire = [RESPONSE.replacen(good, bad, 1).as_bytes(), &frame(0x81, b"x", false)].concat();
        let fed = feed(&mut client, &wire, &mut out);
        let name = format!("{good:?} -> {bad:?}");
        assert_eq!((fed.seen, fed.result), (vec![], Err(Error::Handshake(error))), "{name}");
        assert!(out.take().is_empty(), "{name}");
        assert_eq!((client.state(), client.transport()), (State::Closed, TransportAction::Close));
        let report = client.close_report();
        assert_eq!(report.failure, Some(Error::Handshake(error)), "{name}");
        assert_eq!(report.dropped_by, Some(Endpoint::Local), "{name}");
        assert_eq!((report.sent, report.received, report.closed_first), (None, None, None));
        assert_eq!(client.sender(&mut out).send("late"), Err(SendError::Closed));
    }
}

#[test]
fn no_subprotocol_may_be_chosen_where_none_was_asked_for() {
    let request = Request::new("a", "/");
    let mut client: Connection<_, Memory> =
        Connection::client_in(Fixed, &request, Scripted, Config::new(), &mut Out::default())
            .unwrap();
    let fed = feed(&mut client, RESPONSE.as_bytes(), &mut Out::default());
    assert_eq!(fed.result, Err(Error::Handshake(HandshakeError::Protocol)));
}

#[test]
fn a_refusal_is_handed_over_with_its_headers() {
    let refusals = [
        ("HTTP/1.1 401 Unauthorized", 401),
        ("HTTP/1.0 503 ", 503),
        ("HTTP/1.1 302 Found", 302),
        ("HTTP/1.1 200", 200),
    ];
    for (line, status) in refusals {
        let mut client = client(Config::new(), &mut Out::default());
        let mut out = Out::default();
        let response = format!("{line}\r\nX-Why: because\r\nContent-Length: 2\r\n\r\nnomore");
        let fed = feed_with(&mut client, response.as_bytes(), &mut out, |event, reply| {
            if let Event::Refused(head) = event {
                assert_eq!(head.header("x-why"), Some("because"));
                assert_eq!(reply.transport(), TransportAction::Read);
                assert_eq!(reply.state(), State::Closing);
            }
        });
        assert_eq!(fed.seen, [Seen::Refused(status), Seen::Body(b"no".into())]);
        assert_eq!((fed.result, &fed.left[..], out.take()), (Ok(()), &b"more"[..], vec![]));
        assert_eq!((client.state(), client.transport()), (State::Closed, TransportAction::Close));
        let report = client.close_report();
        assert_eq!((report.failure, report.was_clean()), (None, false));
        assert_eq!(report.dropped_by, Some(Endpoint::Local));
        assert_eq!(client.end_of_stream(), Ok(()));
    }
}

#[test]
fn a_phrase_that_is_not_utf8_does_not_hide_the_status() {
    // obs-text may stand in a reason phrase [RFC 9112 §4].
    let mut client = client(Config::new(), &mut Out::default());
    let wire = b"HTTP/1.1 401 Nicht autorisiert, M\xfcller\r\n\r\n";
    let fed = feed_with(&mut client, wire, &mut Out::default(), |event, _| {
        let Event::Refused(head) = event else { panic!("{event:?}") };
        assert_eq!(head.reason(), b"Nicht autorisiert, M\xfcller");
    });
    assert_eq!(fed.all(), [Seen::Refused(401)]);
}

#[test]
fn a_phrase_may_be_empty_or_missing() {
    for line in ["HTTP/1.1 401", "HTTP/1.1 401 "] {
        let mut client = client(Config::new(), &mut Out::default());
        let wire = format!("{line}\r\n\r\n");
        let fed = feed_with(&mut client, wire.as_bytes(), &mut Out::default(), |event, _| {
            let Event::Refused(head) = event else { panic!("{event:?}") };
            assert_eq!(head.reason(), b"", "{line:?}");
        });
        assert_eq!(fed.all(), [Seen::Refused(401)]);
    }
}

#[test]
fn a_header_need_not_be_utf8() {
    let mut out = Out::default();
    let request = Request::new("a", "/")
        .headers(&[("X-A", "\u{fc}")])
        .raw_headers(&[("X-B", b"J\xfcrgen"), ("X-C", b"")]);
    let client: Result<Connection<_, Memory>, _> =
        Connection::client_in(Fixed, &request, Scripted, Config::new(), &mut out);
    assert!(client.is_ok());
    let written = out.take();
    let lines: &[u8] = b"\r\nX-A: \xc3\xbc\r\nX-B: J\xfcrgen\r\nX-C: \r\n";
    assert!(written.windows(lines.len()).any(|part| part == lines), "{}", written.escape_ascii());

    // Both lists are counted as one.
    let bad: [(&str, &[u8]); 4] =
        [("X", b"a\r\nb: c"), ("X", b"\0"), ("a b", b"c"), ("upgrade", b"a")];
    for header in bad {
        let raw = [("X", &b"\xff"[..]), header];
        let request = Request::new("a", "/").headers(&[("X-A", "b")]).raw_headers(&raw);
        let client: Result<Connection<_, Memory>, _> =
            Connection::client_in(Fixed, &request, Scripted, Config::new(), &mut out);
        assert_eq!(client.err(), Some(RequestError::InvalidHeader { index: 2 }), "{header:?}");
    }
}

#[test]
fn interim_responses_are_skipped_however_many() {
    let mut client = client(Config::new(), &mut Out::default());
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let wire = [interim.repeat(200).as_bytes(), RESPONSE.as_bytes()].concat();
    for part in wire.chunks(7).take(wire.len() / 7) {
        let fed = feed(&mut client, part, &mut Out::default());
        assert_eq!(fed.all(), []);
    }
    let last = wire.chunks(7).last().unwrap();
    let fed = feed(&mut client, last, &mut Out::default());
    assert_eq!(fed.all(), [Seen::Open(Some("chat".into()))]);
}

#[test]
fn what_cannot_stand_in_a_request_is_not_written() {
    let mut out = Out::default();
    let mut connect = |request: Request<'_>| {
        let client: Result<Connection<_, Memory>, _> =
            Connection::client_in(Fixed, &request, Scripted, Config::new(), &mut out);
        let error = client.err();
        assert_eq!(out.0.is_empty(), error.is_some());
        out.take();
        error
    };
    let good = Request::new("a", "/");
    assert_eq!(connect(good), None);
    for host in ["", "a b", "a\r\nX: b", "a/b", "u@a", "\u{e9}"] {
        assert_eq!(connect(Request::new(host, "/")), Some(RequestError::InvalidHost), "{host:?}");
    }
    for target in ["", "chat", "/ HTTP/1.1\r\nX: b", "/#a", "/\u{e9}"] {
        let error = connect(Request::new("a", target));
        assert_eq!(error, Some(RequestError::InvalidTarget), "{target:?}");
    }
    for protocol in ["", "a,b", "a b", "a\r\n"] {
        let error = connect(good.protocols(&["ok", protocol]));
        assert_eq!(error, Some(RequestError::InvalidProtocol { index: 1 }), "{protocol:?}");
    }
    for header in [("host", "b"), ("Origin", "b"), ("a\r\n", "b"), ("a", "b\r\nc: d"), ("a", "\0")]
    {
        let error = connect(good.headers(&[("ok", "\u{e9}"), header]));
        assert_eq!(error, Some(RequestError::InvalidHeader { index: 1 }), "{header:?}");
    }
    assert_eq!(connect(good.origin("a\r\nb: c")), Some(RequestError::InvalidOrigin));
    assert_eq!(connect(good.origin("null")), None);
    let long = "p".repeat(4097);
    let limit = 4096;
    let error = RequestError::ProtocolsTooLong { length: 4097, limit };
    assert_eq!(connect(good.protocols(&[&long])), Some(error));
}
