//! The body of a response that refuses the upgrade: the same content and the same end however the
//! stream is cut, as a naive reading of the whole stream finds them.

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sansocket::handshake::HandshakeError;
use sansocket::{Config, Error, SendError, State, Timeout, TransportAction};

use super::client;
use super::wire::{Out, Seen, feed, feed_shared};

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/handshake_body.txt");

/// What came of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Received {
    status: Option<u16>,
    content: Vec<u8>,
    error: Option<Error>,
    /// Before the end of the stream.
    transport: TransportAction,
    end: Result<(), Error>,
    /// How many bytes were consumed, unless it has failed.
    consumed: Option<usize>,
}

/// Feeds a client these bytes, `step` at a time.
fn receive(config: Config, wire: &[u8], step: usize, in_place: bool) -> Received {
    let mut out = Out::default();
    let mut client = client(config, &mut out);
    out.take();
    let (mut status, mut content, mut error, mut consumed) = (None, vec![], None, 0);
    for chunk in wire.chunks(step) {
        let fed = if in_place {
            feed(&mut client, chunk, &mut out)
        } else {
            feed_shared(&mut client, chunk, &mut out)
        };
        consumed += chunk.len() - fed.left.len();
        for seen in fed.seen {
            match seen {
                Seen::Refused(this) => assert_eq!(status.replace(this), None),
                Seen::Body(piece) => {
                    assert!(!piece.is_empty() && status.is_some());
                    content.extend(piece);
                }
                other => panic!("{other:?}"),
            }
        }
        if let Err(failure) = fed.result {
            error = Some(failure);
            break;
        }
    }
    assert!(out.take().is_empty(), "a client answers a refusal");
    let transport = client.transport();
    let end = client.end_of_stream();
    assert_eq!((client.state(), client.transport()), (State::Closed, TransportAction::Close));
    assert_eq!(client.sender(&mut out).send("late"), Err(SendError::Closed));
    let consumed = error.is_none().then_some(consumed);
    Received { status, content, error, transport, end, consumed }
}

/// The same at every chop with every kind of chunk.
#[track_caller]
fn receive_chopped(config: Config, wire: &[u8]) -> Received {
    let whole = receive(config, wire, wire.len(), true);
    for step in (1..wire.len()).take(40) {
        for in_place in [true, false] {
            let chopped = receive(config, wire, step, in_place);
            assert_eq!(chopped, whole, "{step} bytes at a time: {}", wire.escape_ascii());
        }
    }
    whole
}

/// What a naive reader makes of chunks.
#[derive(Debug, PartialEq)]
enum Chunks {
    /// The content, and how long it is on the wire.
    Whole(Vec<u8>, usize),
    Cut(Vec<u8>),
    Malformed(Vec<u8>),
}

/// Reads chunks line by line, each of which has to be there with its end.
fn read_chunks(wire: &[u8]) -> Chunks {
    let mut content = vec![];
    let mut at = 0;
    let line = |at: &mut usize| {
        let rest = &wire[*at..];
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        *at += end + 2;
        Some(&rest[..end])
    };
    let is_text = |line: &[u8]| line.iter().all(|b| *b == b'\t' || !b.is_ascii_control());
    loop {
        let Some(size) = line(&mut at) else { return Chunks::Cut(content) };
        let digits = size.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, behind) = size.split_at(digits);
        let behind = behind.trim_ascii_start();
        let parsed =
            core::str::from_utf8(digits).ok().and_then(|n| u64::from_str_radix(n, 16).ok());
        let (Some(length), true) =
            (parsed, is_text(size) && (behind.is_empty() || behind[0] == b';'))
        else {
            return Chunks::Malformed(content);
        };
        if length == 0 {
            loop {
                match line(&mut at) {
                    None => return Chunks::Cut(content),
                    Some(b"") => return Chunks::Whole(content, at),
                    Some(line) if !is_text(line) => return Chunks::Malformed(content),
                    Some(_) => {}
                }
            }
        }
        let rest = &wire[at..];
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        content.extend(&rest[..rest.len().min(length)]);
        match rest.get(length..).unwrap_or_default() {
            [b'\r', b'\n', ..] => at += length + 2,
            [] | [b'\r'] => return Chunks::Cut(content),
            _ => return Chunks::Malformed(content),
        }
    }
}

const CHUNKED: &[u8] = b"HTTP/1.1 503 \r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunks() -> impl Strategy<Value = Vec<u8>> {
    let extension = select(&["", "", ";a", " ;a=\"b\"", "\t", ";\u{e9}"][..]);
    let chunk = (vec(any::<u8>(), 1..40), extension, any::<bool>(), 0..3usize).prop_map(
        |(content, extension, upper, zeros)| {
            let size = content.len();
            let size = if upper { format!("{size:X}") } else { format!("{size:x}") };
            let line = format!("{}{size}{extension}\r\n", "0".repeat(zeros));
            [line.as_bytes(), &content, b"\r\n"].concat()
        },
    );
    let trailers = select(&["", "X: y\r\n", "A:\r\nB: c\r\n"][..]);
    (vec(chunk, 0..5), trailers).prop_map(|(chunks, trailers)| {
        [&chunks.concat()[..], b"0\r\n", trailers.as_bytes(), b"\r\n"].concat()
    })
}

proptest! {
    #![proptest_config(super::settings(REGRESSIONS))]

    #[test]
    fn chunks_are_read_as_a_naive_reader_does(
        chunks in chunks(),
        damage in prop::option::of((any::<Index>(), any::<u8>())),
        cut in prop::option::weighted(0.3, any::<Index>()),
        behind in vec(any::<u8>(), 0..5),
    ) {
        let mut body = [chunks, behind].concat();
        if let Some((at, byte)) = damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len()));
        }
        let wire = [CHUNKED, &body].concat();
        let received = receive_chopped(Config::new(), &wire);
        prop_assert_eq!(received.status, Some(503));
        match read_chunks(&body) {
            Chunks::Whole(content, length) => {
                prop_assert_eq!(received.error, None);
                prop_assert_eq!(received.content, content);
                prop_assert_eq!((received.transport, received.end), (TransportAction::Close, Ok(())));
                prop_assert_eq!(received.consumed, Some(CHUNKED.len() + length));
            }
            // What is wrong may show before the end of its line.
            Chunks::Cut(content) => {
                prop_assert_eq!(received.content, content);
                prop_assert!(received.end.is_err());
            }
            Chunks::Malformed(content) => {
                prop_assert_eq!(received.content, content);
                prop_assert!(matches!(received.error, Some(Error::Handshake(
                    HandshakeError::Chunk | HandshakeError::BodyTooLong { .. }
                ))), "{:?}", received.error);
            }
        }
    }

    #[test]
    fn a_length_says_where_the_body_ends(
        content in vec(any::<u8>(), 0..60),
        length in 0..60usize,
    ) {
        let head = format!("HTTP/1.1 403 No\r\nContent-Length: {length}\r\n\r\n");
        let wire = [head.as_bytes(), &content].concat();
        let received = receive_chopped(Config::new(), &wire);
        let is_whole = content.len() >= length;
        prop_assert_eq!(&received.content, &content[..content.len().min(length)]);
        prop_assert_eq!(received.error, None);
        let consumed = head.len() + received.content.len();
        prop_assert_eq!(received.consumed, Some(consumed));
        let expected = if is_whole {
            (TransportAction::Close, Ok(()))
        } else {
            (TransportAction::Read, Err(Error::UnexpectedEnd))
        };
        prop_assert_eq!((received.transport, received.end), expected);
    }
}

#[test]
fn without_a_length_the_body_goes_to_the_end_of_the_stream() {
    let wire = b"HTTP/1.0 404 Not Found\r\n\r\n<html>\0\xff\r\n\r\n";
    let received = receive_chopped(Config::new(), wire);
    assert_eq!(received.content, b"<html>\0\xff\r\n\r\n");
    assert_eq!((received.error, received.transport), (None, TransportAction::Read));
    assert_eq!((received.end, received.consumed), (Ok(()), Some(wire.len())));
    // It may be empty.
    let received = receive_chopped(Config::new(), b"HTTP/1.0 404 Not Found\r\n\r\n");
    assert_eq!((received.transport, received.end), (TransportAction::Read, Ok(())));
}

#[test]
fn some_responses_have_no_body() {
    for head in [
        "HTTP/1.1 204 \r\n\r\n",
        "HTTP/1.1 204 \r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 304 \r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 401 \r\nContent-Length: 0\r\n\r\n",
    ] {
        let received = receive_chopped(Config::new(), format!("{head}more").as_bytes());
        assert_eq!((received.transport, received.end), (TransportAction::Close, Ok(())));
        assert_eq!((received.content, received.consumed), (vec![], Some(head.len())), "{head:?}");
    }
}

#[test]
fn the_head_is_reported_even_if_the_body_is_malformed() {
    use HandshakeError as E;
    let limit = 1 << 20;
    for (headers, error) in [
        ("Content-Length: -1\r\n", E::ContentLength),
        ("Content-Length: 1\r\nContent-Length: 1\r\n", E::ContentLength),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", E::TransferEncoding),
        ("Transfer-Encoding: br\r\n", E::TransferEncoding),
        ("Content-Length: 1048577\r\n", E::BodyTooLong { limit }),
    ] {
        let wire = format!("HTTP/1.1 401 No\r\n{headers}\r\nhello");
        let received = receive_chopped(Config::new(), wire.as_bytes());
        assert_eq!((received.status, received.content), (Some(401), vec![]), "{headers:?}");
        assert_eq!(received.error, Some(Error::Handshake(error)), "{headers:?}");
        assert_eq!(received.end, Err(Error::Handshake(error)));
    }
}

#[test]
fn the_body_is_limited_to_the_byte() {
    let limit = 1 << 20;
    let too_long = Error::Handshake(HandshakeError::BodyTooLong { limit });
    let content = "x".repeat(1 << 20);
    let chunked = format!("{:x}\r\n{content}\r\n", content.len());
    for (head, full, more) in
        [("", &content, "a"), ("Transfer-Encoding: chunked\r\n", &chunked, "1\r\na\r\n")]
    {
        let full = format!("HTTP/1.1 401 No\r\n{head}\r\n{full}");
        for (wire, error) in [(full.clone(), None), (full + more, Some(too_long))] {
            for step in [wire.len(), wire.len() - 1, 1000] {
                let received = receive(Config::new(), wire.as_bytes(), step, true);
                assert_eq!((received.content.len(), received.error), (1 << 20, error));
            }
        }
    }
    assert_eq!(
        too_long.to_string(),
        "opening handshake: body of the response longer than 1048576 bytes, which is the limit"
    );
}

#[test]
fn the_deadline_of_the_opening_handshake_covers_the_body() {
    let config = Config::new().opening_timeout(Duration::from_secs(5));
    let mut client = client(config, &mut Out::default());
    let mut out = Out::default();
    client.tick(Duration::ZERO, &mut out).unwrap();
    let wire = b"HTTP/1.1 401 No\r\nContent-Length: 5\r\n\r\nhe";
    assert_eq!(feed(&mut client, wire, &mut out).all().len(), 2);
    client.tick(Duration::from_secs(3), &mut out).unwrap();
    assert_eq!(feed(&mut client, b"l", &mut out).all(), [Seen::Body(b"l".into())]);
    assert_eq!(client.next_timeout(), Some(Duration::from_secs(5)));
    let timeout = Error::Timeout(Timeout::Opening);
    assert_eq!(client.tick(Duration::from_secs(5), &mut out), Err(timeout));
    assert_eq!(feed(&mut client, b"lo", &mut out).result, Err(timeout));
}
