//! Requests through HTTP proxies: a tunnel with CONNECT, at every chop of the response, and a
//! request with the whole URL as its target.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sansocket::handshake::{HandshakeError, Tunnel, TunnelAnswer, TunnelRequest};
use sansocket::{Config, Connection, Event, Fixed, Full, Request, RequestError, SliceBuffer};

use super::server;
use super::wire::{Memory, Out, Scripted, Seen, feed_with};

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/handshake_proxy.txt");

/// What came of a response: how many bytes were consumed, and the status of a refusal with a header
/// of it, or that the tunnel is open, if any of them; or the error.
type Outcome = Result<(usize, Option<Option<(u16, Option<String>)>>), HandshakeError>;

fn receive(wire: &[u8], memory: usize, step: usize) -> Outcome {
    let (mut memory, mut out) = (vec![0; memory], Out::default());
    let request = TunnelRequest::new("example.com:443");
    let mut tunnel = Tunnel::connect(&request, &mut memory, &mut out).unwrap();
    let mut total = 0;
    for chunk in wire.chunks(step) {
        let (consumed, answer) = match tunnel.receive(chunk) {
            Ok(received) => received,
            Err(error) => {
                assert_eq!(tunnel.receive(b"HTTP/1.1 200 \r\n\r\n"), Err(error), "it is sticky");
                return Err(error);
            }
        };
        total += consumed;
        let Some(answer) = answer else {
            assert_eq!(consumed, chunk.len(), "nothing is left without an answer");
            continue;
        };
        let outcome = match answer {
            TunnelAnswer::Open => None,
            TunnelAnswer::Refused(head) => {
                Some((head.status(), head.header("proxy-authenticate").map(str::to_owned)))
            }
        };
        let again = tunnel.receive(&chunk[consumed..]).unwrap();
        assert_eq!((again.0, again.1.is_some()), (0, true), "the rest is the caller's");
        return Ok((total, Some(outcome)));
    }
    Ok((total, None))
}

/// The same at every chop.
#[track_caller]
fn receive_chopped(wire: &[u8], memory: usize) -> Outcome {
    let whole = receive(wire, memory, wire.len());
    for step in 1..wire.len() {
        let chopped = receive(wire, memory, step);
        assert_eq!(chopped, whole, "{step} bytes at a time: {}", wire.escape_ascii());
    }
    whole
}

#[test]
fn a_tunnel_opens_and_the_bytes_behind_the_head_belong_to_it() {
    for head in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\nVia: proxy\r\n\r\n",
        "HTTP/1.1 299\r\n\r\n",
        // No 2xx to CONNECT has a body [RFC 9110 §9.3.6].
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let wire = [head.as_bytes(), b"\x16\x03\x01\r\n\r\n"].concat();
        assert_eq!(receive_chopped(&wire, 100), Ok((head.len(), Some(None))), "{head:?}");
        let cut = &wire[..head.len() - 1];
        assert_eq!(receive_chopped(cut, 100), Ok((cut.len(), None)), "{head:?}");
    }
}

#[test]
fn a_refusal_is_handed_over_with_its_head() {
    let head = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
    let refused = Ok((head.len(), Some(Some((407, Some("Basic".to_owned()))))));
    assert_eq!(receive_chopped(format!("{head}body").as_bytes(), 100), refused);
    let head = "HTTP/1.0 302 \r\n\r\n";
    assert_eq!(receive_chopped(head.as_bytes(), 100), Ok((head.len(), Some(Some((302, None))))));
}

#[test]
fn what_is_no_answer_is_refused() {
    for wire in [
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 200 OK\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    ] {
        let received = receive_chopped(wire.as_bytes(), 100);
        assert_eq!(received, Err(HandshakeError::Malformed), "{wire:?}");
    }
}

#[test]
fn the_memory_is_the_limit_of_the_head() {
    let wire = b"HTTP/1.1 200 OK\r\n\r\nmore";
    assert_eq!(receive_chopped(wire, 19), Ok((19, Some(None))));
    for memory in [0, 1, 18] {
        let limit = u32::try_from(memory).unwrap();
        let too_long = Err(HandshakeError::HeadTooLong { limit });
        assert_eq!(receive_chopped(wire, memory), too_long);
    }
    // Each interim response has all of it.
    let interim = [&b"HTTP/1.1 100 \r\n\r\n".repeat(9), &wire[..]].concat();
    assert_eq!(receive_chopped(&interim, 19), Ok((interim.len() - 4, Some(None))));
}

proptest! {
    #![proptest_config(super::settings(REGRESSIONS))]

    /// The oracle looks for the first head that is not interim in the whole stream.
    #[test]
    fn any_response_is_read_as_a_naive_reader_does(
        statuses in vec(select(&[100u16, 103, 200, 204, 301, 407, 503][..]), 1..4),
        headers in vec("[A-Z]{1,4}: ?[ -~]{0,20}", 0..3),
        behind in vec(any::<u8>(), 0..9),
        cut in any::<prop::sample::Index>(),
    ) {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let heads: Vec<_> =
            statuses.iter().map(|status| format!("HTTP/1.1 {status} x\r\n{headers}\r\n")).collect();
        let mut wire = [heads.concat().as_bytes(), &behind].concat();
        wire.truncate(cut.index(wire.len()) + 1);

        let mut end = 0;
        let mut expected = Ok((wire.len(), None));
        let mut found = false;
        for (status, head) in statuses.iter().zip(&heads) {
            end += head.len();
            if *status >= 200 {
                found = true;
                if end <= wire.len() {
                    let refusal = (!(200..300).contains(status)).then_some((*status, None));
                    expected = Ok((end, Some(refusal)));
                }
                break;
            }
        }
        // What follows interim responses only need not be HTTP.
        prop_assume!(found || wire.len() <= end);
        prop_assert_eq!(receive_chopped(&wire, 200), expected);
    }
}

#[test]
fn the_request_names_the_authority_twice_and_further_headers() {
    let mut out = Out::default();
    let request = TunnelRequest::new("[::1]:8443")
        .headers(&[("Proxy-Authorization", "Basic eA==")])
        .raw_headers(&[("X", b"\xff")]);
    Tunnel::connect(&request, &mut [], &mut out).unwrap();
    assert_eq!(
        out.take(),
        b"CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n\
          Proxy-Authorization: Basic eA==\r\nX: \xff\r\n\r\n"
    );
}

#[test]
fn what_cannot_stand_in_the_request_is_not_written() {
    let mut out = Out::default();
    let mut connect = |request: TunnelRequest<'_>| {
        let error = Tunnel::connect(&request, &mut [0; 9], &mut out).err();
        assert_eq!(out.0.is_empty(), error.is_some());
        out.take();
        error
    };
    let hosts =
        ["", "a", ":80", "a:", "a:0", "a:65536", "a:+1", "a:1x", "a b:80", "a/b:80", "a\r\n:80"];
    for host in hosts {
        assert_eq!(connect(TunnelRequest::new(host)), Some(RequestError::InvalidHost), "{host:?}");
    }
    let good = TunnelRequest::new("a:65535");
    assert_eq!(connect(good), None);
    for header in [("host", "b"), ("Content-Length", "0"), ("a b", ""), ("a", "b\r\nc: d")] {
        let headers = [("ok", ""), header];
        let error = connect(good.headers(&headers));
        assert_eq!(error, Some(RequestError::InvalidHeader { index: 1 }), "{header:?}");
    }
    let mut short = [0; 10];
    let mut short = SliceBuffer::new(&mut short);
    let full = Tunnel::connect(&good, &mut [], &mut short).unwrap().err();
    assert_eq!(full, Some(Full { needed: 43, room: 10 }));
    assert!(short.is_empty());
}

#[test]
fn a_target_can_be_the_whole_url() {
    let mut out = Out::default();
    let target = "http://example.com:8080/chat?room=1";
    let request = Request::new("example.com:8080", target);
    let client: Result<Connection<_, Memory>, _> =
        Connection::client_in(Fixed, &request, Scripted, Config::new(), &mut out);
    assert!(client.is_ok());
    let written = out.take();
    let start = format!("GET {target} HTTP/1.1\r\nHost: example.com:8080\r\n");
    assert!(written.starts_with(start.as_bytes()), "{}", written.escape_ascii());
    let fed = feed_with(&mut server(Config::new()), &written, &mut out, |event, _| {
        let Event::Request(head) = event else { panic!("{event:?}") };
        assert_eq!(head.host(), Some("example.com:8080"));
    });
    assert_eq!(fed.seen, [Seen::Request(target.into())]);

    // The Host header has to be the URL's.
    for host in ["example.com", "example.org:8080"] {
        let request = Request::new(host, target);
        let client: Result<Connection<_, Memory>, _> =
            Connection::client_in(Fixed, &request, Scripted, Config::new(), &mut out);
        assert_eq!(client.err(), Some(RequestError::InvalidTarget), "{host:?}");
    }
}
