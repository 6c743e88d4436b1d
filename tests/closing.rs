//! The closing handshake in every order [RFC 6455 §1.4, §5.5.1, §7]: events, bytes, where the
//! connection stands, what to do about TCP, and every field of the report.

mod wire;

use sansocket::{
    CloseCode, CloseFrame, CloseReport, Config, Connection, Delivery, Error, Event, MessageKind,
    ProtocolError, Role, SendError, Server, State, Storage, TransportAction,
};
use wire::{
    Out, ScriptedClient, Seen, Side, close_body, feed, feed_with, from_peer, from_us, open,
};

/// A report in the order of its fields, so that each test names all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Report {
    closed_by_me: bool,
    failed_by_me: bool,
    dropped_by_me: bool,
    was_clean: bool,
    not_clean_reason: Option<String>,
    timeouts: [bool; 3],
    /// Of the close frames, ours and the peer's.
    frames: (bool, bool),
    local: (Option<u16>, Option<String>),
    remote: (Option<u16>, Option<String>),
}

fn report<R: Role, S: Storage>(connection: &Connection<R, S>) -> Report {
    let report: CloseReport<'_> = connection.close_report();
    let code = |code: Option<CloseCode>| code.map(CloseCode::get);
    let text = |text: Option<&str>| text.map(str::to_owned);
    Report {
        closed_by_me: report.closed_by_me,
        failed_by_me: report.failed_by_me,
        dropped_by_me: report.dropped_by_me,
        was_clean: report.was_clean,
        not_clean_reason: text(report.not_clean_reason),
        timeouts: [report.opening_timeout, report.closing_timeout, report.server_drop_timeout],
        frames: (report.close_sent, report.close_received),
        local: (code(report.local_code), text(report.local_reason)),
        remote: (code(report.remote_code), text(report.remote_reason)),
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.into())
}

/// The state and the advice of a side that has closed cleanly: only the server drops TCP.
fn done<R: Side>() -> (State, TransportAction) {
    (State::Closed, if R::MASKS { TransportAction::AwaitClose } else { TransportAction::Close })
}

fn standing<R: Role, S: Storage>(connection: &Connection<R, S>) -> (State, TransportAction) {
    (connection.state(), connection.transport())
}

/// A close frame of the peer.
fn peer_close<R: Side>(code: u16, reason: &str) -> Vec<u8> {
    from_peer::<R>(0x88, &close_body(code, reason))
}

fn seen_close(code: u16, reason: &str) -> Seen {
    Seen::Close(Some(code), reason.into())
}

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
    a_failure_closes_and_drops
    a_failure_after_our_close_frame_sends_no_other
    a_close_frame_that_is_not_allowed_is_a_failure
    the_stream_ends_too_early
    a_close_frame_may_come_byte_by_byte
}

fn an_open_connection_reports_nothing<R: Side>() {
    let connection = open::<R>(Config::new());
    assert_eq!(report(&connection), Report::default());
    assert_eq!(standing(&connection), (State::Open, TransportAction::Read));
}

fn we_close_first<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.close(CloseFrame::new(CloseCode::GOING_AWAY, "bye"), &mut out).unwrap();
    assert_eq!(out.take(), from_us::<R>(0x88, &close_body(1001, "bye")));
    assert_eq!(standing(&connection), (State::Closing, TransportAction::Read));
    let expected = Report {
        closed_by_me: true,
        frames: (true, false),
        local: (Some(1001), None),
        ..Report::default()
    };
    assert_eq!(report(&connection), expected);

    // Messages under way still arrive.
    let wire = [from_peer::<R>(0x81, b"late"), peer_close::<R>(1001, "")].concat();
    let seen = feed(&mut connection, &wire, &mut out).all();
    assert_eq!(seen, [Seen::Text("late".into()), seen_close(1001, "")]);
    assert_eq!(out.take(), []);
    assert_eq!(standing(&connection), done::<R>());
    let expected = Report {
        was_clean: true,
        dropped_by_me: !R::MASKS,
        frames: (true, true),
        remote: (Some(1001), some("")),
        ..expected
    };
    assert_eq!(report(&connection), expected);
    assert_eq!(connection.end_of_stream(), Ok(()));
    assert_eq!(standing(&connection), (State::Closed, TransportAction::Close));
    assert!(report(&connection).was_clean);
}

fn the_peer_closes_first<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    let wire = peer_close::<R>(4321, "enough");
    let fed = feed_with(&mut connection, &wire, &mut out, |event, reply| {
        assert!(matches!(event, Event::Close(_)));
        assert_eq!((reply.state(), reply.transport()), done::<R>());
        assert_eq!(reply.close(CloseFrame::EMPTY), Err(SendError::Closed));
    });
    assert_eq!(fed.all(), [seen_close(4321, "enough")]);
    // The code is sent back, without the reason.
    assert_eq!(out.take(), from_us::<R>(0x88, &4321u16.to_be_bytes()));
    assert_eq!(standing(&connection), done::<R>());
    let expected = Report {
        was_clean: true,
        dropped_by_me: !R::MASKS,
        frames: (true, true),
        local: (Some(4321), some("")),
        remote: (Some(4321), some("enough")),
        ..Report::default()
    };
    assert_eq!(report(&connection), expected);
    assert_eq!(connection.end_of_stream(), Ok(()));
}

fn both_close_at_once<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.close(CloseCode::NORMAL, &mut out).unwrap();
    out.take();
    let fed = feed(&mut connection, &peer_close::<R>(1001, "crossed"), &mut out);
    assert_eq!(fed.all(), [seen_close(1001, "crossed")]);
    assert_eq!(out.take(), [], "a second close frame");
    let expected = Report {
        closed_by_me: true,
        was_clean: true,
        dropped_by_me: !R::MASKS,
        frames: (true, true),
        local: (Some(1000), None),
        remote: (Some(1001), some("crossed")),
        ..Report::default()
    };
    assert_eq!((report(&connection), standing(&connection)), (expected, done::<R>()));
}

fn the_peer_closes_without_a_code<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    let fed = feed(&mut connection, &from_peer::<R>(0x88, b""), &mut out);
    assert_eq!(fed.all(), [Seen::Close(None, String::new())]);
    assert_eq!(out.take(), from_us::<R>(0x88, b""));
    let expected = Report {
        was_clean: true,
        dropped_by_me: !R::MASKS,
        frames: (true, true),
        local: (None, some("")),
        remote: (None, some("")),
        ..Report::default()
    };
    assert_eq!((report(&connection), standing(&connection)), (expected, done::<R>()));
}

fn the_peer_closes_while_a_message_is_under_way<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.send_fragment(MessageKind::Text, b"cut", false, &mut out).unwrap();
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
    assert!(report(&connection).was_clean && !report(&connection).closed_by_me);

    let mut connection = connect();
    assert_eq!(feed(&mut connection, &wire, &mut out).all(), [seen_close(1000, "done?")]);
    assert_eq!(
        (out.take(), standing(&connection)),
        (vec![], (State::Closing, TransportAction::Read))
    );
    assert_eq!(
        report(&connection),
        Report { frames: (false, true), remote: (Some(1000), some("done?")), ..Report::default() }
    );
    connection.close(CloseFrame::EMPTY, &mut out).unwrap();
    assert_eq!((out.take(), standing(&connection)), (from_us::<R>(0x88, b""), done::<R>()));
    let expected = Report {
        was_clean: true,
        dropped_by_me: !R::MASKS,
        frames: (true, true),
        remote: (Some(1000), some("done?")),
        ..Report::default()
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
    connection.send_fragment(MessageKind::Text, b"a", false, &mut out).unwrap();
    feed(&mut connection, &peer_close::<R>(1000, ""), &mut out).all();
    out.take();
    // An endpoint may end its message before it answers [RFC 6455 §5.5.1].
    connection.send_fragment(MessageKind::Text, b"b", true, &mut out).unwrap();
    connection.close(CloseCode::NORMAL, &mut out).unwrap();
    let expected = [from_us::<R>(0x80, b"b"), from_us::<R>(0x88, &close_body(1000, ""))];
    assert_eq!(out.take(), expected.concat());
}

fn pings_are_answered_until_the_peer_has_closed<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.close(CloseCode::NORMAL, &mut out).unwrap();
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
        assert!(!report(&connection).failed_by_me);
    }
}

fn a_failure_closes_and_drops<R: Side>() {
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    let error = Error::Protocol(ProtocolError::UnexpectedContinuation);
    let reason = error.reason();
    assert_eq!(feed(&mut connection, &[0x80], &mut out).result, Err(error));
    assert_eq!(out.take(), from_us::<R>(0x88, &close_body(1002, reason)));
    assert_eq!(standing(&connection), (State::Closed, TransportAction::Close));
    let expected = Report {
        closed_by_me: true,
        failed_by_me: true,
        dropped_by_me: true,
        not_clean_reason: some(reason),
        frames: (true, false),
        local: (Some(1002), some(reason)),
        ..Report::default()
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
    connection.close(CloseCode::NORMAL, &mut out).unwrap();
    out.take();
    let error = Error::Protocol(ProtocolError::UnexpectedContinuation);
    assert_eq!(feed(&mut connection, &[0x80], &mut out).result, Err(error));
    assert_eq!(out.take(), [], "a second close frame");
    assert_eq!(standing(&connection), (State::Closed, TransportAction::Close));
    let now = report(&connection);
    assert!(now.closed_by_me && now.failed_by_me && now.dropped_by_me && !now.was_clean);
    assert_eq!(now.not_clean_reason, some(error.reason()));
    assert_eq!(now.local.0, Some(1000));
    assert_eq!(now.remote, (None, None));
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
                closed_by_me: true,
                failed_by_me: true,
                dropped_by_me: true,
                not_clean_reason: some(error.reason()),
                frames: (true, false),
                local: (Some(code), some(error.reason())),
                ..Report::default()
            };
            assert_eq!(report(&connection), expected);
        }
    }
}

fn the_stream_ends_too_early<R: Side>() {
    let not_clean =
        Report { not_clean_reason: some(Error::UnexpectedEnd.reason()), ..Report::default() };
    let starts: [&[u8]; 4] = [b"", &[0x81], &from_peer::<R>(0x81, b"cut")[..4], &[]];
    for start in starts {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new());
        feed(&mut connection, start, &mut out).all();
        assert_eq!(connection.end_of_stream(), Err(Error::UnexpectedEnd));
        assert_eq!(standing(&connection), (State::Closed, TransportAction::Close));
        assert_eq!(report(&connection), not_clean);
        let again = feed(&mut connection, &peer_close::<R>(1000, ""), &mut out);
        assert_eq!((again.result, out.take()), (Err(Error::UnexpectedEnd), vec![]));
        assert_eq!(connection.send("late", &mut out), Err(SendError::Closed));
    }

    // After our close frame, which was not answered.
    let mut out = Out::default();
    let mut connection = open::<R>(Config::new());
    connection.close(CloseCode::NORMAL, &mut out).unwrap();
    assert_eq!(connection.end_of_stream(), Err(Error::UnexpectedEnd));
    let now = report(&connection);
    assert!(now.closed_by_me && !now.was_clean && !now.failed_by_me && !now.dropped_by_me);
    assert_eq!((now.local.0, now.remote.0), (Some(1000), None));
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
        assert_eq!(report(&connection).remote, (Some(1000), Some(reason)));
    }
}

/// The heap keeps the reason that was sent, which the fixed memory does not.
#[cfg(feature = "alloc")]
#[test]
fn the_reason_that_was_sent_is_reported_from_the_heap() {
    let mut out = Out::default();
    let mut connection = wire::open_in::<Server, _>(sansocket::Heap, Config::new());
    connection.close(CloseFrame::new(CloseCode::NORMAL, "bye"), &mut out).unwrap();
    assert_eq!(report(&connection).local, (Some(1000), some("bye")));
    let fixed = open::<Server>(Config::new());
    assert_eq!(report(&fixed).local, (None, None));
}

#[test]
fn a_server_that_has_dropped_tcp_still_says_so_at_its_end() {
    let mut out = Out::default();
    let mut server = open::<Server>(Config::new());
    feed(&mut server, &peer_close::<Server>(1000, ""), &mut out).all();
    assert!(report(&server).dropped_by_me);
    // The driver shuts its side down and reads to the end, as `TransportAction::Close` advises.
    assert_eq!(server.end_of_stream(), Ok(()));
    assert!(report(&server).dropped_by_me);
}
