//! Contract 2, nothing is lost: bytes behind a handshake, behind a frame, behind an early exit
//! from the events are all in `remaining()`, and each is consumed exactly once.
//!
//! What an `Input` keeps is in `input.rs`.

mod common;

use common::conversation::valid_conversation;
use common::output::Output;
use common::record::{Driver, Seen};
use common::side::{Script, Side, established, opened};
use common::wire::{self, BINARY, CLOSE, FIN, PING, TEXT};
use proptest::collection::vec;
use proptest::prelude::*;
use sansocket::{
    Accept, Client, Config, Connection, Delivery, Event, Fixed, MessageKind, Response, Server,
    State, Storage, TransportAction,
};

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/nothing_is_lost.txt");

/// Frames that may follow a head, and the events in them.
fn frames<R: Side>() -> (Vec<u8>, Vec<Seen>) {
    let masks = R::PEER_MASKS;
    let bytes = [
        wire::frame(masks, FIN | TEXT, b"one"),
        wire::frame(masks, FIN | PING, b"two"),
        wire::frame(masks, BINARY, b"thr"),
        wire::frame(masks, FIN | wire::CONTINUATION, b"ee"),
    ];
    let seen = vec![
        Seen::Message(MessageKind::Text, b"one".to_vec()),
        Seen::Ping(b"two".to_vec()),
        Seen::Message(MessageKind::Binary, b"three".to_vec()),
    ];
    (bytes.concat(), seen)
}

/// One step by hand: passes `bytes` in place, takes up to `most` events, and returns the number of
/// events and of the bytes consumed for them.
fn step<R: Side, S: Storage>(
    connection: &mut Connection<R, S>,
    bytes: &[u8],
    most: usize,
) -> (usize, usize) {
    let mut chunk = bytes.to_vec();
    let mut out = Output::unbounded();
    let mut events = connection.receive(&mut chunk[..], &mut out);
    let mut count = 0;
    while count < most && events.next().expect("a valid stream").is_some() {
        count += 1;
    }
    let consumed = events.consumed();
    assert_eq!(events.remaining(), &bytes[consumed..], "what remains is as it came");
    (count, consumed)
}

#[test]
fn frames_behind_the_handshake_in_the_same_chunk() {
    fn check<R: Side>() {
        let (frames, expected) = frames::<R>();
        // The interim responses of the second head end in the same chunk too.
        for head in &R::HEADS[..2] {
            let bytes = [head.as_bytes(), &frames].concat();
            for cut in 0..=bytes.len() {
                for in_place in [true, false] {
                    let mut out = Output::unbounded();
                    let connection = R::connect(Fixed::<400>, Config::new(), &mut out);
                    let mut driver = Driver::new(connection, out);
                    driver.feed_in(&bytes, [(cut, in_place), (bytes.len(), in_place)]);
                    assert_eq!(driver.consumed, bytes.len());
                    assert!(driver.unread.is_empty());
                    assert!(matches!(driver.seen[0], Seen::Head(_)));
                    assert_eq!(driver.seen[1..], expected);
                }
            }
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

#[test]
fn a_late_answer_finds_everything_behind_the_head() {
    let (frames, expected) = frames::<Server>();
    let head = Server::HEADS[0].as_bytes();
    for here in 0..=frames.len() {
        let mut connection = Connection::server_in(Fixed::<400>, Config::new());
        let first = [head, &frames[..here]].concat();
        assert_eq!(step(&mut connection, &first, 1), (1, head.len()));

        // Neither what is left nor more of it is consumed until there is an answer.
        let rest = &frames[..];
        for _ in 0..3 {
            assert_eq!(step(&mut connection, &frames[..here], usize::MAX), (0, 0));
            assert_eq!(step(&mut connection, rest, usize::MAX), (0, 0));
        }
        let request = connection.request().expect("it waits");
        assert_eq!((request.target(), request.host()), ("/chat", Some("example.com")));

        connection.sender(&mut Output::unbounded()).accept(Accept::new()).unwrap();
        assert!(connection.request().is_none());
        let mut driver = Driver::new(connection, Output::unbounded());
        driver.feed_in(rest, [(here, true), (rest.len(), true)]);
        assert_eq!((driver.consumed, &driver.seen), (frames.len(), &expected));
    }
}

#[test]
fn an_answer_in_the_loop_is_followed_by_the_rest_of_the_chunk() {
    let (frames, expected) = frames::<Server>();
    let bytes = [Server::HEADS[0].as_bytes(), &frames].concat();
    let mut connection = Connection::server_in(Fixed::<400>, Config::new());
    let mut out = Output::unbounded();
    let mut chunk = bytes.clone();
    let mut events = connection.receive(&mut chunk[..], &mut out);
    let Some((Event::Request(_), mut reply)) = events.next().unwrap() else {
        panic!("no request");
    };
    reply.accept(Accept::new()).unwrap();
    for _ in &expected {
        assert!(events.next().unwrap().is_some());
    }
    assert!(events.next().unwrap().is_none());
    assert_eq!((events.consumed(), events.remaining()), (bytes.len(), &[][..]));
}

/// The body of a plain request that is answered automatically is not consumed, nor is what is behind
/// a refusal and its body.
#[test]
fn what_is_behind_an_http_message_remains() {
    const BEHIND: &[u8] = b"user=me\x81\x00\r\n\r\n";
    fn check<R: Side>(message: &str, events: usize) {
        let bytes = [message.as_bytes(), BEHIND].concat();
        for cut in 0..=bytes.len() {
            let connection = R::connect(Fixed::<400>, Config::new(), &mut Output::unbounded());
            let mut driver = Driver::new(connection, Output::unbounded());
            driver.feed_in(&bytes, [(cut, true), (bytes.len(), false)]);
            assert_eq!((driver.consumed, &driver.unread[..]), (message.len(), BEHIND));
            assert_eq!(driver.seen.len(), events);
            assert_eq!(driver.connection.state(), State::Closed);
            assert_eq!(driver.connection.transport(), TransportAction::Close);
        }
    }
    check::<Server>("POST /login HTTP/1.1\r\nHost: a\r\n\r\n", 0);
    check::<Server>("HEAD / HTTP/1.1\r\n\r\n", 0);
    check::<Client<Script>>("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 1);
    check::<Client<Script>>("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", 2);
    check::<Client<Script>>("HTTP/1.1 103 \r\n\r\nHTTP/1.1 204 \r\n\r\n", 1);
}

#[test]
fn what_is_behind_a_request_remains_whatever_the_answer() {
    const BEHIND: &[u8] = b"\x81\x85abc";
    let upgrade = Server::HEADS[0];
    let plain = "POST / HTTP/1.1\r\nHost: a\r\n\r\n";
    for head in [upgrade, plain] {
        let bytes = [head.as_bytes(), BEHIND].concat();
        let mut connection = Connection::server_in(Fixed::<400>, Config::new().plain_http(true));
        let mut out = Output::unbounded();
        let mut events = connection.receive(&bytes[..], &mut out);
        assert!(events.next().unwrap().is_some(), "a request");
        assert!(events.next().unwrap().is_none());
        assert_eq!(events.remaining(), BEHIND);
        assert!(events.next().unwrap().is_none(), "still none");
        assert_eq!(out.bytes, b"", "no answer yet");

        connection.sender(&mut out).respond(&Response::new(403)).unwrap();
        assert!(out.take().starts_with(b"HTTP/1.1 403 "));
        assert_eq!(step(&mut connection, BEHIND, usize::MAX), (0, 0));
        assert_eq!(connection.transport(), TransportAction::Close);
    }
}

/// What follows a close frame is consumed, so that a driver is not left with it.
#[test]
fn what_follows_a_close_frame_is_discarded() {
    fn check<R: Side>() {
        let close = wire::frame(R::PEER_MASKS, FIN | CLOSE, &wire::close_payload(1000, ""));
        let bytes = [&close[..], b"anything"].concat();
        for cut in 0..=bytes.len() {
            let mut driver =
                Driver::new(opened::<R, _>(Fixed::<400>, Config::new()), Output::unbounded());
            driver.feed_in(&bytes, [(cut, true), (bytes.len(), false)]);
            assert_eq!((driver.consumed, driver.seen.len()), (bytes.len(), 1));
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// In turn, reads some bytes and takes some events, as `stops` says. What remained is passed again,
/// before the bytes that were read since.
fn stop_and_go<R: Side>(
    bytes: &[u8],
    stops: &[(usize, usize)],
    config: Config,
) -> Driver<R, Fixed<70_000>> {
    let mut driver = Driver::new(established::<R, _>(Fixed::<70_000>, config), Output::unbounded());
    // A round of stops takes an event at least, and so a byte.
    let most = stops.len() * (bytes.len() + 1);
    let (mut pending, mut arrived) = (vec![], 0);
    for &(length, events) in stops.iter().cycle().take(most) {
        if arrived == bytes.len() && pending.is_empty() {
            break;
        }
        let more = length.min(bytes.len() - arrived);
        pending.extend_from_slice(&bytes[arrived..arrived + more]);
        arrived += more;
        let consumed = driver.feed_up_to(&pending, length % 2 == 0, events);
        pending.drain(..consumed);
    }
    driver
}

fn early_exits<R: Side>(
    bytes: &[u8],
    stops: &[(usize, usize)],
    config: Config,
) -> Result<(), TestCaseError> {
    let mut whole = Driver::new(established::<R, _>(Fixed::<70_000>, config), Output::unbounded());
    whole.feed(bytes, true);
    prop_assert_eq!((whole.consumed, whole.error), (bytes.len(), None));
    let stopped = stop_and_go::<R>(bytes, stops, config);
    prop_assert_eq!(stopped.consumed, bytes.len(), "each byte once");
    prop_assert_eq!(stopped.finish(), whole.finish());
    Ok(())
}

proptest! {
    #![proptest_config(common::settings(REGRESSIONS))]

    #[test]
    fn early_exits_lose_nothing(
        conversation in valid_conversation(),
        streaming in any::<bool>(),
        stops in vec((1..300usize, 0..4usize), 1..6),
    ) {
        let delivery =
            if streaming { Delivery::Streaming } else { Delivery::Whole };
        let config = Config::new().delivery(delivery);
        // A stop after no event is one before the first; some have to come.
        let stops: Vec<_> = stops.into_iter().chain([(1, 1)]).collect();
        early_exits::<Server>(&conversation.bytes::<Server>(), &stops, config)?;
        early_exits::<Client<Script>>(&conversation.bytes::<Client<Script>>(), &stops, config)?;
    }
}
