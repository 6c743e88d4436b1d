//! The closing handshake in every order [RFC 6455 §1.4, §5.5.1, §7]: events, bytes, the state, what
//! to do about TCP, and every field of the report.

mod wire;

use sansocket::{
    CloseCode, CloseFrame, CloseReport, Config, Connection, Delivery, Endpoint, Error, Event,
    Fragment, MessageKind, ProtocolError, Role, SendError, Server, State, Storage, TransportAction,
};
use wire::{
    Out, ScriptedClient, Seen, Side, close_body, feed, feed_with, from_peer, from_us, open,
};

/// A close frame: its code and its reason.
type Frame = (Option<u16>, String);

/// A report that owns its reasons, so that each test names all of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Report {
    sent: Option<Frame>,
    received: Option<Frame>,
    closed_first: Option<Endpoint>,
    dropped_by: Option<Endpoint>,
    failure: Option<Error>,
    was_clean: bool,
}

fn report<R: Role, S: Storage>(connection: &Connection<R, S>) -> Report {
    let report: CloseReport<'_> = connection.close_report();
    let owned = |frame: CloseFrame<'_>| (frame.code().map(CloseCode::get), frame.reason().into());
    Report {
        sent: report.sent.map(owned),
        received: report.received.map(owned),
        closed_first: report.closed_first,
        dropped_by: report.dropped_by,
        failure: report.failure,
        was_clean: report.was_clean(),
    }
}

/// A close frame with a code.
fn close(code: u16, reason: &str) -> Option<Frame> {
    Some((Some(code), reason.into()))
}

const LOCAL: Option<Endpoint> = Some(Endpoint::Local);
const REMOTE: Option<Endpoint> = Some(Endpoint::Remote);

/// Who drops TCP after a closing handshake: the server, which is this side or still has to.
fn dropped<R: Side>() -> Option<Endpoint> {
    if R::MASKS { None } else { LOCAL }
}

/// The state and the advice of a side that has closed cleanly: only the server drops TCP.
fn done<R: Side>() -> (State, TransportAction) {
    (State::Closed, if R::MASKS { TransportAction::AwaitClose } else { TransportAction::Close })
}

fn state<R: Role, S: Storage>(connection: &Connection<R, S>) -> (State, TransportAction) {
    (connection.state(), connection.transport())
}

/// A close frame of the peer.
fn peer_close<R: Side>(code: u16, reason: &str) -> Vec<u8> {
    from_peer::<R>(0x88, &close_body(code, reason))
}

fn seen_close(code: u16, reason: &str) -> Seen {
    Seen::Close(Some(code), reason.into())
}

/// The first fragment of a text.
const FIRST: Fragment = Fragment::First(MessageKind::Text);

/// Runs a test for both sides.
macro_rules! both_sides {
    ($($name:ident)*) => {
        $(
            mod $name {
                #[test]
                fn server() {
                    super::$name::<super::Server>();
                }

                #[test]
                fn client() {
                    super::$name::<super::ScriptedClient>();
                }
            }
        )*
    };
}

both_sides! {
    an_open_connection_reports_nothing
    we_close_first
    the_peer_closes_first
    both_close_at_once
    the_peer_closes_without_a_code
    the_peer_closes_while_a_message_is_under_way
    a_close_frame_may_be_answered_by_the_caller
    messages_may_be_sent_before_the_caller_answers
    pings_are_answered_until_the_peer_has_closed
    what_follows_a_close_frame_is_discarded
    answers_to_what_comes_after_our_close_frame_are_dropped
    a_failure_closes_and_drops
    a_failure_after_our_close_frame_sends_no_other
    a_close_frame_that_is_not_allowed_is_a_failure
    the_stream_ends_too_early
    a_close_frame_may_come_byte_by_byte
}

fn an_open_connection_reports_nothing<R: Side>() {
    let connection = open::<R>(Config::new());
    assert_eq!(report(&connection), Report::default());
    assert_eq!(state(&connection), (State::Open, TransportAction::Read));
}

fn we_close_first<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.sender(&mut out).close(CloseFrame::new(CloseCode::GOING_AWAY, "bye")).unwrap();
    assert_eq!(out.take(), from_us::<R>(0x88, &close_body(1001, "bye")));
    assert_eq!(state(&connection), (State::Closing, TransportAction::Read));
    // The memory of this connection does not keep the reason.
    let expected = Report { sent: close(1001, ""), closed_first: LOCAL, ..Report::default() };
    assert_eq!(report(&connection), expected);

    // Messages under way still arrive.
    let wire = [from_peer::<R>(0x81, b"late"), peer_close::<R>(1001, "")].concat();
    let seen = feed(&mut connection, &wire, &mut out).all();
    assert_eq!(seen, [Seen::Text("late".into()), seen_close(1001, "")]);
    assert_eq!(out.take(), []);
    assert_eq!(state(&connection), done::<R>());
    let expected = Report {
        received: close(1001, ""),
        dropped_by: dropped::<R>(),
        was_clean: true,
        ..expected
    };
    assert_eq!(report(&connection), expected);
    assert_eq!(connection.end_of_stream(), Ok(()));
    assert_eq!(state(&connection), (State::Closed, TransportAction::Close));
    let dropped_by = if R::MASKS { REMOTE } else { LOCAL };
    assert_eq!(report(&connection), Report { dropped_by, ..expected });
}

fn the_peer_closes_first<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    let wire = peer_close::<R>(4321, "enough");
    let fed = feed_with(&mut connection, &wire, &mut out, |event, reply| {
        assert!(matches!(event, Event::Close(_)));
        assert_eq!((reply.state(), reply.transport()), done::<R>());
        // It was answered, so this answer is dropped.
        assert_eq!(reply.close(CloseFrame::EMPTY), Ok(()));
    });
    assert_eq!(fed.all(), [seen_close(4321, "enough")]);
    // The code is sent back, without the reason.
    assert_eq!(out.take(), from_us::<R>(0x88, &4321u16.to_be_bytes()));
    assert_eq!(connection.sender(&mut out).close(CloseFrame::EMPTY), Err(SendError::Closed));
    assert_eq!(out.take(), []);
    assert_eq!(state(&connection), done::<R>());
    let expected = Report {
        sent: close(4321, ""),
        received: close(4321, "enough"),
        closed_first: REMOTE,
        dropped_by: dropped::<R>(),
        failure: None,
        was_clean: true,
    };
    assert_eq!(report(&connection), expected);
    assert_eq!(connection.end_of_stream(), Ok(()));
}

fn both_close_at_once<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.sender(&mut out).close(CloseCode::NORMAL).unwrap();
    out.take();
    let fed = feed(&mut connection, &peer_close::<R>(1001, "crossed"), &mut out);
    assert_eq!(fed.all(), [seen_close(1001, "crossed")]);
    assert_eq!(out.take(), [], "a second close frame");
    let expected = Report {
        sent: close(1000, ""),
        received: close(1001, "crossed"),
        closed_first: LOCAL,
        dropped_by: dropped::<R>(),
        failure: None,
        was_clean: true,
    };
    assert_eq!((report(&connection), state(&connection)), (expected, done::<R>()));
}

fn the_peer_closes_without_a_code<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    let fed = feed(&mut connection, &from_peer::<R>(0x88, b""), &mut out);
    assert_eq!(fed.all(), [Seen::Close(None, String::new())]);
    assert_eq!(out.take(), from_us::<R>(0x88, b""));
    let expected = Report {
        sent: Some((None, String::new())),
        received: Some((None, String::new())),
        closed_first: REMOTE,
        dropped_by: dropped::<R>(),
        failure: None,
        was_clean: true,
    };
    assert_eq!((report(&connection), state(&connection)), (expected, done::<R>()));
}

fn the_peer_closes_while_a_message_is_under_way<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.sender(&mut out).send_fragment(FIRST, b"cut").unwrap();
    out.take();
    let wire = [from_peer::<R>(0x01, b"cut"), peer_close::<R>(1000, "")].concat();
    assert_eq!(feed(&mut connection, &wire, &mut out).all(), [seen_close(1000, "")]);
    assert_eq!(out.take(), from_us::<R>(0x88, &1000u16.to_be_bytes()));
    assert!(report(&connection).was_clean);
}

fn a_close_frame_may_be_answered_by_the_caller<R: Side>() {
    let mut out = Out::default();
    let connect = || open::<R>(Config::new().auto_close(false));
    let wire = peer_close::<R>(1000, "done?");

    let mut connection = connect();
    feed_with(&mut connection, &wire, &mut out, |_, reply| {
        assert_eq!((reply.state(), reply.transport()), (State::Closing, TransportAction::Read));
        reply.close(CloseFrame::new(CloseCode::NORMAL, "done")).unwrap();
        assert_eq!((reply.state(), reply.transport()), done::<R>());
    });
    assert_eq!(out.take(), from_us::<R>(0x88, &close_body(1000, "done")));
    let now = report(&connection);
    assert_eq!((now.was_clean, now.closed_first), (true, REMOTE));

    let mut connection = connect();
    assert_eq!(feed(&mut connection, &wire, &mut out).all(), [seen_close(1000, "done?")]);
    assert_eq!((out.take(), state(&connection)), (vec![], (State::Closing, TransportAction::Read)));
    let expected =
        Report { received: close(1000, "done?"), closed_first: REMOTE, ..Report::default() };
    assert_eq!(report(&connection), expected);
    connection.sender(&mut out).close(CloseFrame::EMPTY).unwrap();
    assert_eq!((out.take(), state(&connection)), (from_us::<R>(0x88, b""), done::<R>()));
    let expected = Report {
        sent: Some((None, String::new())),
        dropped_by: dropped::<R>(),
        was_clean: true,
        ..expected
    };
    assert_eq!(report(&connection), expected);

    // Without an answer it does not count as done.
    let mut connection = connect();
    feed(&mut connection, &wire, &mut out).all();
    assert_eq!(connection.end_of_stream(), Err(Error::UnexpectedEnd));
    assert!(!report(&connection).was_clean);
}

fn messages_may_be_sent_before_the_caller_answers<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new().auto_close(false));
    connection.sender(&mut out).send_fragment(FIRST, b"a").unwrap();
    feed(&mut connection, &peer_close::<R>(1000, ""), &mut out).all();
    out.take();
    // An endpoint may end its message before it answers [RFC 6455 §5.5.1].
    connection.sender(&mut out).send_fragment(Fragment::Last, b"b").unwrap();
    connection.sender(&mut out).close(CloseCode::NORMAL).unwrap();
    let expected = [from_us::<R>(0x80, b"b"), from_us::<R>(0x88, &close_body(1000, ""))];
    assert_eq!(out.take(), expected.concat());
}

fn pings_are_answered_until_the_peer_has_closed<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.sender(&mut out).close(CloseCode::NORMAL).unwrap();
    out.take();
    // A ping must be answered unless a close frame was received already [RFC 6455 §5.5.2].
    let ping = from_peer::<R>(0x89, b"?");
    assert_eq!(feed(&mut connection, &ping, &mut out).all(), [Seen::Ping(b"?".to_vec())]);
    assert_eq!(out.take(), from_us::<R>(0x8A, b"?"));
    feed(&mut connection, &peer_close::<R>(1000, ""), &mut out).all();
    assert_eq!((feed(&mut connection, &ping, &mut out).all(), out.take()), (vec![], vec![]));
}

fn what_follows_a_close_frame_is_discarded<R: Side>() {
    for auto_close in [true, false] {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new().auto_close(auto_close));
        let violation = vec![0xFF; 20];
        let wire = [peer_close::<R>(1000, ""), from_peer::<R>(0x81, b"x"), violation.clone()];
        assert_eq!(feed(&mut connection, &wire.concat(), &mut out).all(), [seen_close(1000, "")]);
        assert_eq!(feed(&mut connection, &violation, &mut out).all(), []);
        let answer = from_us::<R>(0x88, &1000u16.to_be_bytes());
        assert_eq!(out.take(), if auto_close { answer } else { vec![] });
        assert_eq!(report(&connection).failure, None);
    }
}

/// A program that answers messages goes on while the closing handshake does: its answers are
/// dropped, so that `?` behind them does not end it.
fn answers_to_what_comes_after_our_close_frame_are_dropped<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new().auto_close(false));
    connection.sender(&mut out).close(CloseCode::NORMAL).unwrap();
    out.take();
    let messages = [from_peer::<R>(0x81, b"late"), from_peer::<R>(0x89, b"?")].concat();
    let fed = feed_with(&mut connection, &messages, &mut out, |event, reply| {
        if let Event::Message(message) = event {
            assert_eq!(reply.send(*message), Ok(()));
            assert_eq!(reply.send_fragment(FIRST, b"x"), Ok(()));
            assert_eq!(reply.ping(b""), Ok(()));
            assert_eq!(reply.close(CloseCode::GOING_AWAY), Ok(()));
            assert_eq!(reply.begin_frame(FIRST, 1).map(drop), Err(SendError::Closed));
        }
    });
    assert_eq!(fed.all().len(), 2);
    // All that is sent is the pong that the connection itself owes.
    assert_eq!(out.take(), from_us::<R>(0x8A, b"?"));
    let peer_close = peer_close::<R>(1000, "");
    let fed = feed_with(&mut connection, &peer_close, &mut out, |_, reply| {
        assert_eq!(reply.close(CloseFrame::EMPTY), Ok(()));
        assert_eq!(reply.pong(b""), Ok(()));
    });
    assert_eq!(fed.all(), [seen_close(1000, "")]);
    assert_eq!((out.take(), state(&connection)), (vec![], done::<R>()));
    // A call without an event is not an answer.
    assert_eq!(connection.sender(&mut out).send("late"), Err(SendError::Closed));
    assert_eq!(connection.sender(&mut out).close(CloseFrame::EMPTY), Err(SendError::Closed));
    assert!(report(&connection).was_clean);
}

fn a_failure_closes_and_drops<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    let error = Error::Protocol(ProtocolError::UnexpectedContinuation);
    let reason = error.reason();
    assert_eq!(feed(&mut connection, &[0x80], &mut out).result, Err(error));
    assert_eq!(out.take(), from_us::<R>(0x88, &close_body(1002, reason)));
    assert_eq!(state(&connection), (State::Closed, TransportAction::Close));
    let expected = Report {
        sent: close(1002, reason),
        received: None,
        closed_first: LOCAL,
        dropped_by: LOCAL,
        failure: Some(error),
        was_clean: false,
    };
    assert_eq!(report(&connection), expected);
    // The peer's answer is not read any more.
    let fed = feed(&mut connection, &peer_close::<R>(1002, ""), &mut out);
    assert_eq!((fed.result, out.take()), (Err(error), vec![]));
    assert_eq!(report(&connection), expected);
}

fn a_failure_after_our_close_frame_sends_no_other<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.sender(&mut out).close(CloseCode::NORMAL).unwrap();
    out.take();
    let error = Error::Protocol(ProtocolError::UnexpectedContinuation);
    assert_eq!(feed(&mut connection, &[0x80], &mut out).result, Err(error));
    assert_eq!(out.take(), [], "a second close frame");
    assert_eq!(state(&connection), (State::Closed, TransportAction::Close));
    let expected = Report {
        sent: close(1000, ""),
        received: None,
        closed_first: LOCAL,
        dropped_by: LOCAL,
        failure: Some(error),
        was_clean: false,
    };
    assert_eq!(report(&connection), expected);
}

fn a_close_frame_that_is_not_allowed_is_a_failure<R: Side>() {
    let rows = [
        (b"\x03".to_vec(), Error::Protocol(ProtocolError::CloseLength), 1002),
        (close_body(1005, ""), Error::Protocol(ProtocolError::CloseCode(1005)), 1002),
        (b"\x03\xE8ok\xFF".to_vec(), Error::InvalidCloseReason { offset: 2 }, 1007),
    ];
    for (body, error, code) in rows {
        for auto_close in [true, false] {
            let mut out = Out::default();
            let mut connection = open::<R>(Config::new().auto_close(auto_close));
            let fed = feed(&mut connection, &from_peer::<R>(0x88, &body), &mut out);
            assert_eq!((fed.seen, fed.result), (vec![], Err(error)));
            assert_eq!(out.take(), from_us::<R>(0x88, &close_body(code, error.reason())));
            let expected = Report {
                sent: close(code, error.reason()),
                received: None,
                closed_first: LOCAL,
                dropped_by: LOCAL,
                failure: Some(error),
                was_clean: false,
            };
            assert_eq!(report(&connection), expected);
        }
    }
}

fn the_stream_ends_too_early<R: Side>() {
    let not_clean =
        Report { dropped_by: REMOTE, failure: Some(Error::UnexpectedEnd), ..Report::default() };
    let starts: [&[u8]; 4] = [b"", &[0x81], &from_peer::<R>(0x81, b"cut")[..4], &[]];
    for start in starts {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new());
        feed(&mut connection, start, &mut out).all();
        assert_eq!(connection.end_of_stream(), Err(Error::UnexpectedEnd));
        assert_eq!(state(&connection), (State::Closed, TransportAction::Close));
        assert_eq!(report(&connection), not_clean);
        let again = feed(&mut connection, &peer_close::<R>(1000, ""), &mut out);
        assert_eq!((again.result, out.take()), (Err(Error::UnexpectedEnd), vec![]));
        assert_eq!(connection.sender(&mut out).send("late"), Err(SendError::Closed));
    }

    // After our close frame, which was not answered.
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.sender(&mut out).close(CloseCode::NORMAL).unwrap();
    assert_eq!(connection.end_of_stream(), Err(Error::UnexpectedEnd));
    let expected = Report { sent: close(1000, ""), closed_first: LOCAL, ..not_clean };
    assert_eq!(report(&connection), expected);
}

fn a_close_frame_may_come_byte_by_byte<R: Side>() {
    for delivery in [Delivery::Whole, Delivery::Streaming] {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new().delivery(delivery));
        let reason = "r".repeat(123);
        let wire = peer_close::<R>(1000, &reason);
        let (last, start) = wire.split_last().unwrap();
        for byte in start {
            assert_eq!(feed(&mut connection, &[*byte], &mut out).all(), []);
            assert_eq!((connection.state(), out.take()), (State::Open, vec![]));
        }
        let fed = feed(&mut connection, &[*last], &mut out);
        assert_eq!(fed.all(), [seen_close(1000, &reason)]);
        assert_eq!(out.take(), from_us::<R>(0x88, &1000u16.to_be_bytes()));
        assert_eq!(report(&connection).received, close(1000, &reason));
    }
}

/// The heap keeps the reason that was sent, which the fixed memory does not.
#[cfg(feature = "alloc")]
#[test]
fn the_reason_that_was_sent_is_reported_from_the_heap() {
    let mut out = Out::default();
    let mut connection = wire::open_in::<Server, _>(sansocket::Heap, Config::new());
    connection.sender(&mut out).close(CloseFrame::new(CloseCode::NORMAL, "bye")).unwrap();
    assert_eq!(report(&connection).sent, close(1000, "bye"));
    let mut fixed = open::<Server>(Config::new());
    fixed.sender(&mut out).close((CloseCode::NORMAL, "bye")).unwrap();
    assert_eq!(report(&fixed).sent, close(1000, ""));
}

#[test]
fn a_server_that_has_dropped_tcp_still_says_so_at_its_end() {
    let mut out = Out::default();
    let mut server = open::<Server>(Config::new());
    feed(&mut server, &peer_close::<Server>(1000, ""), &mut out).all();
    assert_eq!(report(&server).dropped_by, LOCAL);
    // The driver shuts its side down and reads to the end, as `TransportAction::Close` advises.
    assert_eq!(server.end_of_stream(), Ok(()));
    assert_eq!(report(&server).dropped_by, LOCAL);
}
