//! Deadlines on a clock that the caller sets: when each runs, when exactly it is reached, and what
//! happens then.

mod wire;

use core::time::Duration;

use sansocket::{
    Accept, CloseCode, Config, Connection, Endpoint, Error, Fixed, FixedBuffer, Request,
    ResponseError, Role, Server, State, Storage, Timeout, TransportAction,
};
use wire::{
    Memory, Out, Scripted, ScriptedClient, Seen, Side, close_body, feed, from_peer, from_us, open,
};

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sets the time where nothing must be due.
#[track_caller]
fn pass<R: Role, S: Storage>(connection: &mut Connection<R, S>, now: u64) {
    let mut out = Out::default();
    assert_eq!(connection.tick(ms(now), &mut out), Ok(()));
    assert_eq!(out.take(), [], "something was due at {now} ms");
}

/// Sets the last moment before a deadline, and then the deadline, at which something happens.
#[track_caller]
fn reach<R: Role, S: Storage>(
    connection: &mut Connection<R, S>,
    deadline: u64,
) -> (Result<(), Error>, Vec<u8>) {
    assert_eq!(connection.next_timeout(), Some(ms(deadline)));
    pass(connection, deadline - 1);
    assert_eq!(connection.next_timeout(), Some(ms(deadline)));
    let mut out = Out::default();
    let result = connection.tick(ms(deadline), &mut out);
    (result, out.take())
}

/// Checks a connection whose failure was returned by `tick`: it is in the report and final.
#[track_caller]
fn assert_failed<R: Role, S: Storage>(connection: &mut Connection<R, S>, timeout: Timeout) {
    let error = Error::Timeout(timeout);
    assert_eq!(
        (connection.state(), connection.transport()),
        (State::Closed, TransportAction::Close)
    );
    let report = connection.close_report();
    assert_eq!((report.failure, report.dropped_by), (Some(error), Some(Endpoint::Local)));

    let mut out = Out::default();
    assert_eq!(connection.next_timeout(), None);
    // `tick` returns a failure once, so that a timer that still runs does no harm.
    assert_eq!(connection.tick(Duration::MAX, &mut out), Ok(()));
    assert_eq!(feed(connection, b"late", &mut out).result, Err(error));
    assert_eq!(connection.end_of_stream(), Err(error));
    assert_eq!(out.take(), []);
}

fn client(config: Config) -> Connection<ScriptedClient, Memory> {
    let request = Request::new("a", "/");
    Connection::client_in(Fixed, &request, Scripted, config, &mut Out::default()).unwrap()
}

fn server(config: Config) -> Connection<Server, Memory> {
    Connection::server_in(Fixed, config)
}

// No deadline runs.

#[test]
fn none_set_none_runs() {
    fn check<R: Side>() {
        for zero in [Config::new(), Config::new().opening_timeout(ms(0)).idle_timeout(ms(0))] {
            let mut connection = open::<R>(zero.keep_alive(ms(0), ms(0)).closing_timeout(ms(0)));
            for now in [0, 1, u64::MAX] {
                pass(&mut connection, now);
                assert_eq!(connection.next_timeout(), None);
            }
            connection.sender(&mut Out::default()).close(CloseCode::NORMAL).unwrap();
            assert_eq!(connection.next_timeout(), None);
        }
    }
    check::<Server>();
    check::<ScriptedClient>();
    pass(&mut server(Config::new()), u64::MAX);
    pass(&mut client(Config::new()), u64::MAX);
}

#[test]
fn time_that_is_never_set_does_not_pass() {
    let all = Config::new()
        .opening_timeout(ms(1))
        .closing_timeout(ms(1))
        .server_drop_timeout(ms(1))
        .keep_alive(ms(1), ms(1))
        .idle_timeout(ms(1));
    let mut out = Out::default();
    let (server, mut client) = (server(all), client(all));
    assert_eq!((server.next_timeout(), client.next_timeout()), (None, None));
    assert_eq!(feed(&mut client, RESPONSE, &mut out).all(), [Seen::Open(None)]);
    assert_eq!(client.next_timeout(), None);
    client.sender(&mut out).close(CloseCode::NORMAL).unwrap();
    assert_eq!(client.next_timeout(), None);
}

// The opening handshake.

#[test]
fn the_opening_handshake_has_its_time_from_the_first_that_is_set() {
    let config = Config::new().opening_timeout(ms(50));
    let (mut server, mut client) = (server(config), client(config));
    pass(&mut server, 10);
    pass(&mut client, 10);
    // Bytes of a head that does not end do not extend the deadline.
    feed(&mut server, &REQUEST[..20], &mut Out::default()).all();
    pass(&mut server, 40);
    feed(&mut server, &REQUEST[20..40], &mut Out::default()).all();
    let error = Error::Timeout(Timeout::Opening);
    assert_eq!(reach(&mut server, 60), (Err(error), vec![]));
    assert_failed(&mut server, Timeout::Opening);
    assert_eq!(reach(&mut client, 60), (Err(error), vec![]));
    assert_failed(&mut client, Timeout::Opening);
}

#[test]
fn a_request_that_waits_for_its_answer_is_part_of_the_opening_handshake() {
    let config = Config::new().opening_timeout(ms(50)).idle_timeout(ms(500));
    let mut accepted = server(config);
    let mut late = server(config);
    for server in [&mut accepted, &mut late] {
        pass(server, 0);
        assert_eq!(feed(server, REQUEST, &mut Out::default()).all(), [Seen::Request("/".into())]);
        pass(server, 30);
        assert_eq!(server.next_timeout(), Some(ms(50)));
    }
    accepted.sender(&mut Out::default()).accept(Accept::new()).unwrap();
    assert_eq!(accepted.next_timeout(), Some(ms(530)));
    assert_eq!(reach(&mut late, 50).0, Err(Error::Timeout(Timeout::Opening)));
    let refused = late.sender(&mut Out::default()).accept(Accept::new());
    assert_eq!(refused, Err(ResponseError::Closed));

    let mut client = client(config);
    pass(&mut client, 0);
    pass(&mut client, 49);
    feed(&mut client, RESPONSE, &mut Out::default()).all();
    assert_eq!(client.next_timeout(), Some(ms(549)));
}

// The closing handshake, and the end of TCP.

#[test]
fn a_close_frame_must_be_answered_in_time() {
    fn check<R: Side>() {
        let mut connection =
            open::<R>(Config::new().closing_timeout(ms(40)).keep_alive(ms(5), ms(5)));
        pass(&mut connection, 0);
        pass(&mut connection, 3);
        connection.sender(&mut Out::default()).close(CloseCode::NORMAL).unwrap();
        pass(&mut connection, 30);
        // A peer that only goes on sending has no more time.
        feed(&mut connection, &from_peer::<R>(0x81, b"more"), &mut Out::default()).all();
        let failed = reach(&mut connection, 43);
        assert_eq!(failed, (Err(Error::Timeout(Timeout::Closing)), vec![]));
        assert_failed(&mut connection, Timeout::Closing);
        assert_eq!(connection.close_report().closed_first, Some(Endpoint::Local));
        assert!(!connection.close_report().was_clean());
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn only_a_client_waits_for_the_end_of_tcp() {
    let config = Config::new().closing_timeout(ms(40)).server_drop_timeout(ms(10));
    let close = close_body(1000, "");
    let mut out = Out::default();

    let mut server = open::<Server>(config);
    pass(&mut server, 0);
    feed(&mut server, &from_peer::<Server>(0x88, &close), &mut out).all();
    assert_eq!(server.next_timeout(), None);
    pass(&mut server, 1000);

    let [mut dropped, mut lingering] = [(); 2].map(|()| {
        let mut client = open::<ScriptedClient>(config);
        pass(&mut client, 0);
        client.sender(&mut Out::default()).close(CloseCode::NORMAL).unwrap();
        assert_eq!(client.next_timeout(), Some(ms(40)));
        pass(&mut client, 39);
        feed(&mut client, &from_peer::<ScriptedClient>(0x88, &close), &mut Out::default()).all();
        assert_eq!(client.transport(), TransportAction::AwaitClose);
        assert_eq!(client.next_timeout(), Some(ms(49)));
        client
    });
    assert_eq!(dropped.end_of_stream(), Ok(()));
    assert_eq!(dropped.next_timeout(), None);
    pass(&mut dropped, 1000);
    assert!(dropped.close_report().was_clean());

    let failed = reach(&mut lingering, 49);
    assert_eq!(failed, (Err(Error::Timeout(Timeout::ServerDrop)), vec![]));
    assert_failed(&mut lingering, Timeout::ServerDrop);
    // The closing handshake was completed all the same.
    assert!(lingering.close_report().was_clean());
}

// Keep-alive.

#[test]
fn silence_is_answered_with_a_ping_and_more_silence_with_failure() {
    fn check<R: Side>() {
        let mut connection = open::<R>(Config::new().keep_alive(ms(30), ms(20)));
        pass(&mut connection, 100);
        let ping = from_us::<R>(0x89, b"");
        assert_eq!(reach(&mut connection, 130), (Ok(()), ping));
        let error = Error::Timeout(Timeout::Pong);
        let close = from_us::<R>(0x88, &close_body(1011, error.reason()));
        // The close frame first, then the error.
        assert_eq!(reach(&mut connection, 150), (Ok(()), close));
        assert_eq!(
            (connection.state(), connection.transport(), connection.next_timeout()),
            (State::Closed, TransportAction::Close, None)
        );
        assert_eq!(connection.tick(ms(150), &mut Out::default()), Err(error));
        assert_failed(&mut connection, Timeout::Pong);
        let report = connection.close_report();
        assert_eq!(report.sent.and_then(|frame| frame.code()), Some(CloseCode::INTERNAL_ERROR));
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn any_byte_is_a_sign_of_life_and_nothing_else() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new().keep_alive(ms(30), ms(20)));
        pass(&mut connection, 0);
        assert_eq!(reach(&mut connection, 30).0, Ok(()));
        pass(&mut connection, 45);
        // What is sent, and a chunk of nothing, say nothing about the peer.
        connection.sender(&mut out).send("are you there?").unwrap();
        feed(&mut connection, b"", &mut out).all();
        assert_eq!(connection.next_timeout(), Some(ms(50)));
        // The first byte of a frame does.
        feed(&mut connection, &[0x81], &mut out).all();
        let (result, ping) = reach(&mut connection, 75);
        assert_eq!((result, ping), (Ok(()), from_us::<R>(0x89, b"")));
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn a_ping_that_is_sent_late_leaves_the_peer_its_whole_time() {
    let mut server = open::<Server>(Config::new().keep_alive(ms(30), ms(20)));
    let mut out = Out::default();
    pass(&mut server, 0);
    assert_eq!(server.tick(ms(1000), &mut out), Ok(()));
    assert_eq!(out.take(), from_us::<Server>(0x89, b""));
    assert_eq!(server.next_timeout(), Some(ms(1020)));
}

#[test]
fn a_ping_that_does_not_fit_the_output_stays_due() {
    fn check<R: Side>() {
        let mut connection = open::<R>(Config::new().keep_alive(ms(30), ms(20)));
        pass(&mut connection, 0);
        let ping = from_us::<R>(0x89, b"");
        let mut full = FixedBuffer::<1>::new();
        for now in [30, 40] {
            assert_eq!(connection.tick(ms(now), &mut full), Ok(()));
            assert_eq!(connection.transport(), TransportAction::Write);
            assert_eq!(full.as_slice(), b"");
            // The peer has its time from when the ping was due.
            assert_eq!(
                (connection.state(), connection.next_timeout()),
                (State::Open, Some(ms(50)))
            );
        }
        let mut out = Out::default();
        assert_eq!(connection.tick(ms(45), &mut out), Ok(()));
        assert_eq!((out.take(), connection.next_timeout()), (ping, Some(ms(50))));
        assert_eq!(connection.transport(), TransportAction::Read);
        pass(&mut connection, 46);
        // A sign of life, and all is as before.
        feed(&mut connection, &from_peer::<R>(0x8A, b""), &mut out);
        assert_eq!(connection.next_timeout(), Some(ms(76)));
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn a_peer_that_takes_nothing_does_not_live_for_ever() {
    let mut server = open::<Server>(Config::new().keep_alive(ms(30), ms(20)));
    pass(&mut server, 0);
    let mut full = FixedBuffer::<0>::new();
    assert_eq!(server.tick(ms(30), &mut full), Ok(()));
    assert_eq!(server.transport(), TransportAction::Write);
    // Neither does one whose bytes cannot be consumed: they were there before.
    let ping = from_peer::<Server>(0x89, b"?");
    let mut blocked = |server: &mut Connection<Server, Memory>, bytes: &[u8]| {
        let mut events = server.receive(bytes, &mut full);
        assert!(events.next().expect("no failure").is_none());
        assert_eq!(events.transport(), TransportAction::Write);
        assert_eq!(events.remaining(), &ping[6..], "the payload waits");
    };
    blocked(&mut server, &ping);
    blocked(&mut server, &ping[6..]);
    assert_eq!(server.next_timeout(), Some(ms(60)), "the header was a sign of life");
    assert_eq!(server.tick(ms(60), &mut FixedBuffer::<0>::new()), Ok(()));
    assert_eq!(server.transport(), TransportAction::Write);
    blocked(&mut server, &ping[6..]);
    assert_eq!(server.next_timeout(), Some(ms(80)));
    // There is no point in waiting for room for the close frame.
    let failed = server.tick(ms(80), &mut FixedBuffer::<0>::new());
    assert_eq!(failed, Err(Error::Timeout(Timeout::Pong)));
    assert_failed(&mut server, Timeout::Pong);
}

// Idleness.

#[test]
fn only_messages_keep_a_connection_from_being_idle() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new().idle_timeout(ms(100)).closing_timeout(ms(40)));
        pass(&mut connection, 0);
        pass(&mut connection, 10);
        feed(&mut connection, &from_peer::<R>(0x81, b"a"), &mut out).all();
        assert_eq!(connection.next_timeout(), Some(ms(110)));
        pass(&mut connection, 20);
        connection.sender(&mut out).send("b").unwrap();
        assert_eq!(connection.next_timeout(), Some(ms(120)));
        pass(&mut connection, 30);
        // A part of a message counts.
        let wire = from_peer::<R>(0x02, b"cd");
        feed(&mut connection, &wire[..wire.len() - 1], &mut out).all();
        assert_eq!(connection.next_timeout(), Some(ms(130)));
        pass(&mut connection, 40);
        // Nothing is not a part of one.
        feed(&mut connection, &[], &mut out).all();
        assert_eq!(connection.next_timeout(), Some(ms(130)));
        // Pings and pongs do not.
        feed(&mut connection, &wire[wire.len() - 1..], &mut out).all();
        pass(&mut connection, 50);
        let control = [from_peer::<R>(0x89, b""), from_peer::<R>(0x8A, b"")].concat();
        feed(&mut connection, &control, &mut out).all();
        connection.sender(&mut out).ping(b"").unwrap();
        let idle = from_us::<R>(0x88, &close_body(1001, "idle"));
        assert_eq!(reach(&mut connection, 140), (Ok(()), idle));

        // It is a closing handshake like any other.
        assert_eq!(connection.state(), State::Closing);
        let report = connection.close_report();
        assert_eq!((report.closed_first, report.failure), (Some(Endpoint::Local), None));
        assert_eq!(report.sent.and_then(|frame| frame.code()), Some(CloseCode::GOING_AWAY));
        assert_eq!(connection.next_timeout(), Some(ms(180)));
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn what_is_due_first_is_done_first_and_the_rest_is_still_due() {
    let config = Config::new().keep_alive(ms(30), ms(20)).idle_timeout(ms(100));
    let mut server = open::<Server>(config);
    let mut out = Out::default();
    pass(&mut server, 0);
    server.tick(ms(500), &mut out).unwrap();
    assert_eq!(out.take(), from_us::<Server>(0x89, b""));
    assert_eq!(server.next_timeout(), Some(ms(100)));
    server.tick(ms(500), &mut out).unwrap();
    assert_eq!(out.take(), from_us::<Server>(0x88, &close_body(1001, "idle")));
    assert_eq!(server.next_timeout(), None);
}

// Strange times.

#[test]
fn a_time_before_the_last_counts_as_the_last() {
    let mut server = open::<Server>(Config::new().keep_alive(ms(30), ms(20)));
    pass(&mut server, 100);
    for earlier in [0, 99, 100] {
        pass(&mut server, earlier);
        assert_eq!(server.next_timeout(), Some(ms(130)));
    }
    pass(&mut server, 120);
    pass(&mut server, 1);
    feed(&mut server, &from_peer::<Server>(0x8A, b""), &mut Out::default()).all();
    assert_eq!(server.next_timeout(), Some(ms(150)));
}

#[test]
fn spans_are_rounded_up_and_end_at_49_days() {
    let next = |span, now| {
        let mut connection = server(Config::new().opening_timeout(span));
        pass(&mut connection, now);
        connection.next_timeout()
    };
    assert_eq!(next(Duration::from_nanos(1), 0), Some(ms(1)));
    assert_eq!(next(Duration::from_nanos(1_000_001), 0), Some(ms(2)));
    let longest = u64::from(u32::MAX);
    for span in [ms(longest), ms(longest + 1), Duration::MAX] {
        assert_eq!(next(span, 7), Some(ms(longest + 7)));
    }
    // Near the last time that can be set nothing overflows.
    assert_eq!(next(Duration::MAX, u64::MAX - 1), Some(ms(u64::MAX)));
}

#[test]
fn the_last_time_that_can_be_set_is_past_every_deadline() {
    let mut server = server(Config::new().opening_timeout(Duration::MAX));
    pass(&mut server, 0);
    let error = Error::Timeout(Timeout::Opening);
    assert_eq!(server.tick(Duration::MAX, &mut Out::default()), Err(error));
    assert_failed(&mut server, Timeout::Opening);
}
