//! Contract 6, failure is sticky and well described: the first violation appends the right close
//! frame or HTTP status once, the next call returns the error and so does every later one, and the
//! error names the value and the limit. Text that is not UTF-8 is reported at the first byte that
//! cannot continue.

mod common;

use core::time::Duration;

use common::caller::{Call, Caller, Calls, Outcome, any_calls, any_timed_config};
use common::conversation::any_conversation;
use common::output::Output;
use common::record::{Driver, Seen};
use common::side::{Script, Side, established, opened};
use common::wire::{
    self, BINARY, CLOSE, CONTINUATION, FIN, Frame, PING, TEXT, frame, header_to_length,
};
use proptest::prelude::*;
use sansocket::frame::{FrameError, Opcode, Rsv};
use sansocket::handshake::HandshakeError;
use sansocket::{
    Buffer, Client, CloseCode, CloseFrame, Config, Delivery, Error, Fixed, Fragment, MessageKind,
    ProtocolError, SendError, Server, State, Storage, Timeout, TransportAction,
};

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/failure_is_sticky.txt");

/// A violation by a peer that has done the opening handshake.
struct Violation {
    /// What is fine before it.
    before: Vec<u8>,
    /// The bytes up to the one that shows it.
    bytes: Vec<u8>,
    error: Error,
    code: u16,
    /// What the message of the error says.
    words: &'static str,
}

/// All of them, under limits of 1000 bytes a frame and 1500 a message.
fn violations(masks: bool) -> Vec<Violation> {
    use Error as E;
    use ProtocolError as P;
    let violation = |before: &[u8], bytes: &[u8], error, code, words| Violation {
        before: before.to_vec(),
        bytes: bytes.to_vec(),
        error,
        code,
        words,
    };
    let protocol =
        |bytes: &[u8], error, words| violation(b"", bytes, E::Protocol(error), 1002, words);
    let framing = |bytes: &[u8], error, words| violation(b"", bytes, E::Frame(error), 1002, words);
    let mask = if masks { 0x80 } else { 0 };
    let text = frame(masks, TEXT, b"a");
    let (wrong_mask, wrong_words) = if masks {
        (P::Unmasked, "frame from a client is not masked")
    } else {
        (P::Masked, "frame from a server is masked")
    };
    let thousand = frame(masks, BINARY, &[0; 1000]);
    let close = |payload: &[u8]| frame(masks, FIN | CLOSE, payload);
    vec![
        protocol(&[0xC1], P::ReservedBits(Rsv::RSV1), "0b100"),
        protocol(&[0xB1], P::ReservedBits(Rsv::from_bits(3)), "0b011"),
        framing(&[0x83], FrameError::ReservedOpcode(3), "0x3"),
        framing(&[0x8F], FrameError::ReservedOpcode(15), "0xf"),
        framing(&[0x09], FrameError::FragmentedControl(Opcode::Ping), "Ping"),
        framing(&[0x88, mask | 126], FrameError::ControlLength(Opcode::Close), "125"),
        framing(&[0x82, mask | 126, 0, 125], FrameError::LengthNotMinimal(125), "125"),
        framing(
            &[0x82, mask | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
            FrameError::LengthNotMinimal(65_535),
            "65535",
        ),
        framing(
            &[0x82, mask | 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
            FrameError::LengthTopBit(1 << 63),
            "0x8000000000000000",
        ),
        protocol(&[0x81, mask ^ 0x80], wrong_mask, wrong_words),
        protocol(&[0x80], P::UnexpectedContinuation, "continuation without a message"),
        violation(
            &text,
            &[0x82],
            E::Protocol(P::ExpectedContinuation(Opcode::Binary)),
            1002,
            "Binary frame inside a fragmented message",
        ),
        protocol(&close(&[3]), P::CloseLength, "1 byte"),
        protocol(&close(&wire::close_payload(1005, "")), P::CloseCode(1005), "1005"),
        violation(
            b"",
            &close(b"\x03\xE8ok\xFF"),
            E::InvalidCloseReason { offset: 2 },
            1007,
            "byte 2",
        ),
        violation(
            b"",
            &frame(masks, FIN | TEXT, b"abc\xFF"),
            E::InvalidUtf8 { offset: 3 },
            1007,
            "byte 3",
        ),
        violation(
            b"",
            &header_to_length(masks, FIN | BINARY, 1001),
            E::FrameTooLong { length: 1001, limit: 1000 },
            1009,
            "frame of 1001 bytes, the limit is 1000",
        ),
        violation(
            &thousand,
            &header_to_length(masks, FIN | CONTINUATION, 501),
            E::MessageTooLong { length: 1501, limit: 1500 },
            1009,
            "message of 1501 bytes or more, the limit is 1500",
        ),
    ]
}

/// Later calls do nothing: those that receive return the error, those that send are refused, and
/// `tick` has returned the failure already, or another call has.
fn assert_stuck<R: Calls, S: Storage>(driver: &mut Driver<R, S>, error: Error) {
    let out = driver.out.bytes.len();
    let (connection, output) = (&mut driver.connection, &mut driver.out);
    for _ in 0..2 {
        for chunk in [&b""[..], b"\x81", &frame(R::PEER_MASKS, FIN | PING, b"x")] {
            assert_eq!(connection.receive(chunk, output).next().err(), Some(error));
            assert_eq!(
                connection.receive(&mut chunk.to_vec()[..], output).next().err(),
                Some(error)
            );
        }
        let mut sender = connection.sender(output);
        let sent = [
            sender.send("late"),
            sender.send_fragment(Fragment::First(MessageKind::Text), b"late"),
            sender.send_fragment(Fragment::Last, b"late"),
            sender.begin_frame(Fragment::Only(MessageKind::Binary), 4).map(drop),
            sender.ping(b"late"),
            sender.pong(b"late"),
            sender.close(CloseFrame::EMPTY),
        ];
        assert_eq!(sent, [Err(SendError::Closed); 7]);
        assert_eq!(connection.tick(Duration::from_secs(1000), output), Ok(()));
        assert_eq!(connection.next_timeout(), None);
        assert_eq!(connection.state(), State::Closed);
        assert_eq!(connection.transport(), TransportAction::Close);
        let report = connection.close_report();
        assert_eq!((report.failure, report.was_clean()), (Some(error), false));
        // The second time everything holds after the end of the stream too.
        assert_eq!(connection.end_of_stream(), Err(error));
    }
    assert_eq!(output.bytes.len(), out, "nothing more is sent");
}

fn check_violations<R: Calls, S: Storage + Copy>(storage: S) {
    for Violation { before, bytes, error, code, words } in violations(R::PEER_MASKS) {
        assert!(error.to_string().contains(words), "{error} does not say {words}");
        let stream = [&bytes[..], &frame(R::PEER_MASKS, FIN | PING, b"never")].concat();
        for delivery in [Delivery::Whole, Delivery::Streaming] {
            for cut in 0..=stream.len() {
                let config = Config::new().max_frame(1000).max_message(1500).delivery(delivery);
                let connection = opened::<R, S>(storage, config);
                let mut driver = Driver::new(connection, Output::unbounded());
                driver.feed(&before, true);
                assert_eq!(driver.error, None);
                driver.feed(&stream[..cut], cut % 2 == 0);
                // Not before the byte that shows it, and not after.
                assert_eq!(driver.error.is_some(), cut >= bytes.len(), "{error:?} at {cut}");
                driver.feed(&stream[cut..], cut % 2 == 1);
                assert_eq!(driver.error, Some(error));

                let payload = wire::close_payload(code, error.reason());
                let close = Frame { first: FIN | CLOSE, payload };
                assert_eq!(wire::read_frames(&driver.out.bytes), [close], "{error:?}");
                let report = driver.connection.close_report();
                let close = CloseCode::new(code).map(|code| CloseFrame::new(code, error.reason()));
                assert_eq!((report.sent, report.received), (close, None));
                assert_stuck(&mut driver, error);
            }
        }
    }
}

#[test]
fn every_violation_is_answered_once_and_for_all() {
    #[cfg(feature = "alloc")]
    check_violations::<Server, _>(sansocket::Heap);
    #[cfg(feature = "alloc")]
    check_violations::<Client<Script>, _>(sansocket::Heap);
    check_violations::<Server, _>(Fixed::<1500>);
    check_violations::<Client<Script>, _>(Fixed::<1500>);
}

/// The call that finds a violation ends as if there were no more events, with the close frame in the
/// output and the advice to close. The next call returns the error.
#[test]
fn the_close_frame_is_in_the_output_before_the_error_is_returned() {
    fn check<R: Calls>() {
        for Violation { before, bytes, error, code, .. } in violations(R::PEER_MASKS) {
            for ticks_first in [false, true] {
                let config = Config::new().max_frame(1000).max_message(1500);
                let mut connection = established::<R, _>(Fixed::<1500>, config);
                let mut out = Output::unbounded();
                let stream = [before.clone(), bytes.clone()].concat();
                let mut events = connection.receive(&stream[..], &mut out);
                while events.next().expect("no error yet").is_some() {}
                assert_eq!(events.transport(), TransportAction::Close, "{error:?}");
                assert_eq!(events.state(), State::Closed);
                let frames = wire::read_frames(&events.out().take());
                assert_eq!(frames.len(), 1, "{frames:?}");
                assert_eq!(frames[0].payload[..2], code.to_be_bytes());

                // From now on it is returned: by each call that receives, and once by `tick`, if no
                // other call was first. Its first call only makes sure that `out` can be written.
                if ticks_first {
                    assert_eq!(connection.tick(Duration::ZERO, &mut out), Ok(()));
                    assert_eq!(connection.tick(Duration::ZERO, &mut out), Err(error));
                }
                for _ in 0..2 {
                    let mut events = connection.receive(b"", &mut out);
                    assert_eq!(events.next().err(), Some(error));
                    assert_eq!(events.next().err(), Some(error));
                    assert_eq!(connection.tick(Duration::ZERO, &mut out), Ok(()));
                }
                assert_eq!(out.bytes, b"");
            }
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// After a close frame of ours no second one follows, whatever the peer does.
#[test]
fn a_failure_while_closing_sends_nothing_more() {
    fn check<R: Calls>() {
        let connection = opened::<R, _>(Fixed::<400>, Config::new());
        let mut driver = Driver::new(connection, Output::unbounded());
        let Driver { connection, out, .. } = &mut driver;
        // A message that is under way stays unfinished.
        let first = Fragment::First(MessageKind::Binary);
        connection.sender(out).send_fragment(first, b"never").unwrap();
        connection.sender(out).close(CloseCode::NORMAL).unwrap();
        let sent = driver.out.bytes.len();
        driver.feed(&[0xFF], true);
        let error = Error::Frame(FrameError::ReservedOpcode(15));
        assert_eq!((driver.error, driver.out.bytes.len()), (Some(error), sent));
        let report = driver.connection.close_report();
        assert_eq!(report.sent.and_then(|frame| frame.code()), Some(CloseCode::NORMAL));
        assert_stuck(&mut driver, error);
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// A server answers a head that is wrong once; a client sends nothing.
#[test]
fn a_failed_handshake_is_answered_with_its_status() {
    use HandshakeError as H;
    let cases = [
        (4, H::Method, "405", "\r\nAllow: GET\r\n"),
        (5, H::Version, "426", "\r\nSec-WebSocket-Version: 13\r\n"),
        (6, H::Key, "400", "Sec-WebSocket-Key"),
        (7, H::Host, "400", "Host"),
        (8, H::Malformed, "400", "not HTTP/1.1"),
    ];
    for (head, error, status, words) in cases {
        for step in [1, usize::MAX] {
            let connection = Server::connect(Fixed::<400>, Config::new(), &mut Output::unbounded());
            let mut driver = Driver::new(connection, Output::unbounded());
            driver.feed_in(Server::HEADS[head].as_bytes(), core::iter::repeat((step, true)));
            let error = Error::Handshake(error);
            assert_eq!(driver.error, Some(error));
            let answer = String::from_utf8(driver.out.bytes.clone()).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.contains(words), "{answer}");
            assert_eq!(answer.matches("HTTP/1.1 4").count(), 1);
            assert_stuck(&mut driver, error);
        }
    }
    for (head, error) in [(4, H::Accept), (5, H::Upgrade), (6, H::Protocol), (7, H::Extension)] {
        let mut out = Output::unbounded();
        let connection = Client::<Script>::connect(Fixed::<400>, Config::new(), &mut out);
        let mut driver = Driver::new(connection, Output::unbounded());
        driver.feed(Client::<Script>::HEADS[head].as_bytes(), true);
        let error = Error::Handshake(error);
        assert_eq!((driver.error, &driver.out.bytes[..]), (Some(error), &b""[..]));
        assert_stuck(&mut driver, error);
    }
}

#[test]
fn limits_of_the_head_are_named() {
    let long = Error::Handshake(HandshakeError::HeadTooLong { limit: 50 });
    let many = Error::Handshake(HandshakeError::TooManyHeaders { limit: 2 });
    assert!(long.to_string().contains("longer than 50 bytes"));
    assert!(many.to_string().contains("more than 2 headers"));
    for (config, error) in
        [(Config::new().max_head(50), long), (Config::new().max_headers(2), many)]
    {
        let connection = Server::connect(Fixed::<400>, config, &mut Output::unbounded());
        let mut driver = Driver::new(connection, Output::unbounded());
        driver.feed(Server::HEADS[0].as_bytes(), true);
        assert_eq!(driver.error, Some(error));
        assert!(driver.out.bytes.starts_with(b"HTTP/1.1 431 "));
        assert_stuck(&mut driver, error);
    }
}

/// Deadlines fail a connection like anything else; only a missing pong is followed by a close frame.
#[test]
fn a_deadline_that_passed_is_sticky() {
    let second = Duration::from_secs(1);
    let config = Config::new().keep_alive(second, second).closing_timeout(second);
    for (closes, timeout, code) in [(false, Timeout::Pong, 1011), (true, Timeout::Closing, 1000)] {
        let connection = established::<Server, _>(Fixed::<8>, config);
        let mut driver = Driver::new(connection, Output::unbounded());
        let Driver { connection, out, .. } = &mut driver;
        connection.tick(Duration::ZERO, out).unwrap();
        if closes {
            connection.sender(out).close(CloseCode::NORMAL).unwrap();
        } else {
            connection.tick(second, out).unwrap();
        }
        let error = Error::Timeout(timeout);
        if !closes {
            // The close frame first, then the error.
            assert_eq!(connection.tick(2 * second, out), Ok(()));
            assert_eq!(connection.transport(), TransportAction::Close);
        }
        assert_eq!(connection.tick(2 * second, out), Err(error));
        let frames = wire::read_frames(&out.bytes);
        let closes: Vec<_> = frames.iter().filter(|frame| frame.first == FIN | CLOSE).collect();
        assert_eq!(closes.len(), 1);
        assert_eq!(closes[0].payload[..2], u16::to_be_bytes(code));
        assert_stuck(&mut driver, error);
    }
}

/// Where a text stops being UTF-8, found the slow way: the sequence starts behind the longest
/// part that is text, and the bad byte ends the shortest part that no text starts with.
fn where_it_breaks(text: &[u8]) -> Option<(u64, usize)> {
    let breaks = |end: &usize| {
        core::str::from_utf8(&text[..*end]).is_err_and(|error| error.error_len().is_some())
    };
    let end = (1..=text.len()).find(breaks)?;
    let start = (0..end).rev().find(|&start| core::str::from_utf8(&text[..start]).is_ok())?;
    Some((start as u64, end - 1))
}

/// In the middle of a frame, at its end, in the next one and byte by byte: the error comes with
/// the first byte that cannot continue, and everything before it is handed out in pieces.
#[test]
fn text_fails_at_the_first_byte_that_cannot_continue() {
    const TEXTS: [&[u8]; 7] = [
        b"ab\xFFcd",
        b"caf\xC3\x28",
        b"\xED\xA0\x80edited",
        b"\xF4\x90\x80\x80",
        b"\xE2\x82\xAC\xE2\x82z",
        b"\xF0\x9F\x98\xF0\x9F\x98\x80",
        b"\xC0\xAF",
    ];
    fn check<R: Calls, S: Storage + Copy>(storage: S) {
        for text in TEXTS {
            let (offset, at) = where_it_breaks(text).expect("not UTF-8");
            let error = Error::InvalidUtf8 { offset };
            // A first frame of `split` bytes, then one that claims more than ever comes.
            for split in 0..=at {
                for delivery in [Delivery::Whole, Delivery::Streaming] {
                    let config = Config::new().delivery(delivery);
                    let connection = established::<R, S>(storage, config);
                    let mut driver = Driver::new(connection, Output::unbounded());
                    let mut bytes = frame(R::PEER_MASKS, TEXT, &text[..split]);
                    let rest = frame(
                        R::PEER_MASKS,
                        FIN | CONTINUATION,
                        &[&text[split..], &[b'.'; 90]].concat(),
                    );
                    let header = rest.len() - text[split..].len() - 90;
                    bytes.extend(&rest[..header + at - split]);
                    driver.feed_in(&bytes, core::iter::repeat((1 + split, split % 2 == 0)));
                    assert_eq!(driver.error, None, "{text:02x?}: {at} bytes are fine");
                    driver.feed(&rest[header + at - split..][..1], true);
                    assert_eq!(driver.error, Some(error), "{text:02x?} at {at}");
                    if delivery == Delivery::Streaming {
                        let pieces = driver.seen.iter().flat_map(data).copied();
                        assert_eq!(pieces.collect::<Vec<u8>>(), text[..at]);
                    }
                    assert_stuck(&mut driver, error);
                }
            }
        }
    }
    fn data(seen: &Seen) -> &[u8] {
        match seen {
            Seen::Frame { data, .. } => data,
            other => panic!("{other:?}"),
        }
    }
    #[cfg(feature = "alloc")]
    check::<Server, _>(sansocket::Heap);
    check::<Server, _>(Fixed::<200>);
    check::<Client<Script>, _>(Fixed::<200>);
}

proptest! {
    #![proptest_config(common::settings(REGRESSIONS))]

    /// Whatever is called after whatever failure: the same error, nothing sent, no event.
    #[test]
    fn no_order_of_calls_gets_past_a_failure(
        config in any_timed_config(),
        conversation in any_conversation(),
        calls in any_calls(),
    ) {
        let mut out = Output::unbounded();
        let connection = match conversation.head {
            Some(_) => Client::<Script>::connect(Fixed::<300>, config, &mut out),
            None => established(Fixed::<300>, config),
        };
        let out = Output::with_limit(out.room());
        let mut caller = Caller::new(connection, out, conversation.bytes::<Client<Script>>());
        let mut failure = None;
        for call in &calls {
            let sent = caller.out.bytes.len();
            let outcome = caller.perform(call);
            let Some(failure) = failure else {
                failure = match outcome {
                    Outcome::Received { error, .. } => error,
                    Outcome::Checked(result) => result.err(),
                    Outcome::Said(_) | Outcome::Done => None,
                };
                continue;
            };
            prop_assert_eq!(caller.out.bytes.len(), sent);
            prop_assert_eq!(caller.connection.transport(), TransportAction::Close);
            prop_assert_eq!(caller.connection.close_report().failure, Some(failure));
            match outcome {
                Outcome::Received { events, error } => {
                    prop_assert_eq!((events, error), (0, Some(failure)));
                }
                // Another call has returned it.
                Outcome::Checked(result) if matches!(call, Call::Tick(_)) => {
                    prop_assert_eq!(result, Ok(()));
                }
                Outcome::Checked(result) => prop_assert_eq!(result, Err(failure)),
                Outcome::Said(_) | Outcome::Done => {}
            }
        }
    }
}
