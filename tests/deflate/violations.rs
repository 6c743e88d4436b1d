//! What a peer may not send once messages can be compressed [RFC 7692 §6, §7.2.2], and the close
//! code that it is told; limits at their exact edge.

use sansocket::deflate::DeflateError;
use sansocket::frame::Rsv;
use sansocket::{
    Client, Config, Delivery, Error, Event, Input, MessageKind, ProtocolError, Server, State,
    TransportAction,
};

use crate::common::output::Output;
use crate::common::record::{Driver, Seen};
use crate::common::side::{Script, Side, established};
use crate::common::wire::{self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};
use crate::peer::{Content, DELIVERIES, RSV1, Terms, compressed, connection, driver, messages};
use crate::zlib::Deflate;

/// "Hello", compressed.
const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

/// Feeds frames of a peer and gives the error, which has to stick and to be told to the peer.
#[track_caller]
fn fails<R: Side>(config: Config, frames: &[(u8, &[u8])]) -> (Vec<Seen>, Error) {
    let mut driver = driver::<R>(Terms::DEFAULT, config);
    for (first, payload) in frames {
        driver.feed(&wire::frame(R::PEER_MASKS, *first, payload), true);
    }
    let Some(error) = driver.error else { panic!("no failure, but {:?}", driver.seen) };
    let last = wire::read_frames(&driver.out.bytes).pop().expect("a close frame");
    let code = error.close_code().expect("a code").get();
    assert_eq!(last.first, FIN | CLOSE);
    assert_eq!(last.payload, wire::close_payload(code, error.reason()));
    assert_sticks(&mut driver, error);
    (driver.seen, error)
}

fn assert_sticks<R: Side>(driver: &mut Driver<R, sansocket::Heap>, error: Error) {
    let Driver { connection, out, .. } = driver;
    let sent = out.bytes.len();
    let hello = compressed::<R>(MessageKind::Text, HELLO);
    assert_eq!(connection.receive(&hello[..], out).next().map(drop), Err(error));
    assert_eq!(connection.end_of_stream(), Err(error));
    assert_eq!(
        connection.sender(out).send("a".repeat(100).as_str()).err(),
        Some(sansocket::SendError::Closed)
    );
    assert_eq!(out.bytes.len(), sent);
    assert_eq!(
        (connection.state(), connection.transport()),
        (State::Closed, TransportAction::Close)
    );
}

/// As `fails`, for both sides in both deliveries.
#[track_caller]
fn fail(config: Config, frames: &[(u8, &[u8])]) -> Error {
    let errors = DELIVERIES.map(|delivery| {
        let config = config.delivery(delivery);
        let (_, server) = fails::<Server>(config, frames);
        let (_, client) = fails::<Client<Script>>(config, frames);
        assert_eq!(server, client);
        server
    });
    assert_eq!(errors[0], errors[1]);
    errors[0]
}

fn reserved(bits: u8) -> Error {
    Error::Protocol(ProtocolError::ReservedBits(Rsv::from_bits(bits)))
}

#[test]
fn rsv1_stands_on_the_first_frame_of_a_message_only() {
    let config = Config::new();
    let error = reserved(0b100);
    for opcode in [PING, PONG, CLOSE] {
        assert_eq!(fail(config, &[(FIN | RSV1 | opcode, b"")]), error);
    }
    for first in [RSV1 | TEXT, TEXT] {
        for fin in [0, FIN] {
            let frames = [(first, &b""[..]), (fin | RSV1 | CONTINUATION, HELLO)];
            assert_eq!(fail(config, &frames), error);
        }
    }
    assert_eq!(error.close_code().map(|code| code.get()), Some(1002));
}

#[test]
fn rsv1_is_for_those_who_have_agreed_on_it() {
    fn check<R: Side>() {
        let config = Config::new().deflate(sansocket::DeflateConfig::new());
        let connection = established::<R, _>(sansocket::Heap, config);
        let mut driver = Driver::new(connection, Output::unbounded());
        driver.feed(&compressed::<R>(MessageKind::Text, HELLO), true);
        assert_eq!(driver.error, Some(reserved(0b100)));
    }
    check::<Server>();
    check::<Client<Script>>();
}

#[test]
fn the_other_bits_stay_reserved() {
    for bits in [0b001, 0b010, 0b011, 0b101, 0b110, 0b111] {
        for opcode in [TEXT, BINARY, PING] {
            let frame = (FIN | bits << 4 | opcode, HELLO);
            assert_eq!(fail(Config::new(), &[frame]), reserved(bits));
        }
        let frames = [(RSV1 | TEXT, &b""[..]), (FIN | bits << 4 | CONTINUATION, HELLO)];
        assert_eq!(fail(Config::new(), &frames), reserved(bits));
    }
}

#[test]
fn what_is_not_deflate_data() {
    for payload in [
        // A block of the type that there is not, a stored block whose length is not its own.
        &[0x06, 0x00][..],
        &[0x00, 0x05, 0x00, 0xfb, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        // The symbol 286, a distance symbol of 30.
        &[0xf2, 0x48, 0xcd, 0xc9, 0x19, 0x03, 0x00],
        &[0xf2, 0x00, 0x7c, 0x00, 0x00],
        // Codes that are no code.
        &[0x04, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ] {
        let error = fail(Config::new(), &[(FIN | RSV1 | BINARY, payload)]);
        assert!(matches!(error, Error::InvalidDeflate { .. }), "{payload:x?}: {error}");
        assert_eq!(error.close_code().map(|code| code.get()), Some(1007));
        // After one that is.
        let frames = [(FIN | RSV1 | BINARY, HELLO), (FIN | RSV1 | BINARY, payload)];
        assert!(matches!(fail(Config::new(), &frames), Error::InvalidDeflate { .. }));
    }
}

/// A message has to end between two blocks, whichever byte is missing and however it is split.
#[test]
fn a_message_without_its_end() {
    let long = Deflate::new(15, 9).message(&Content::Json.bytes(5000, 3));
    // Three bytes only: the end that is put behind the payload could be four of a stored block.
    let stored = [0x00, 0x03, 0x00, 0xfc, 0xff, 0x48, 0x65, 0x6c, 0x00];
    let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    for payload in [HELLO, &stored, &last, &long] {
        let step = payload.len() / 50 + 1;
        for length in (0..payload.len()).step_by(step).chain([payload.len() - 1]) {
            let cut = &payload[..length];
            if cut.is_empty() || cut == [0x00] || cut == &last[..7] {
                // An empty message, or one that ends with the last block of a stream.
                continue;
            }
            let error = fail(Config::new(), &[(FIN | RSV1 | BINARY, cut)]);
            let is_invalid = matches!(error, Error::InvalidDeflate { .. });
            assert!(is_invalid, "{length} of {}: {error}", payload.len());
            let frames = [(RSV1 | BINARY, cut), (FIN | CONTINUATION, &[])];
            assert_eq!(fail(Config::new(), &frames), error);
        }
    }
}

/// In streaming delivery what comes before a mistake is told.
#[test]
fn pieces_before_a_mistake() {
    let payload = [0xf2, 0x48, 0xcd, 0xc9, 0x19, 0x03, 0x00];
    let config = Config::new().delivery(Delivery::Streaming);
    let (seen, error) = fails::<Server>(config, &[(FIN | RSV1 | TEXT, &payload)]);
    let invalid = Error::InvalidDeflate { reason: DeflateError::InvalidLength, offset: 4 };
    assert_eq!((messages(&seen), error), (vec![b"Hell".to_vec()], invalid));

    let text = Deflate::new(15, 6).message(b"up to here\xFFand no further");
    let (seen, error) = fails::<Server>(config, &[(FIN | RSV1 | TEXT, &text)]);
    let invalid = Error::InvalidUtf8 { offset: 10 };
    assert_eq!((messages(&seen), error), (vec![b"up to here".to_vec()], invalid));

    let limited = config.max_message(4);
    let (seen, error) = fails::<Server>(limited, &[(FIN | RSV1 | TEXT, HELLO)]);
    let too_long = Error::MessageTooLong { length: 5, limit: 4 };
    assert_eq!((messages(&seen), error), (vec![b"Hell".to_vec()], too_long));
}

#[test]
fn text_is_validated_after_inflation() {
    let mut before = "é".repeat(300).into_bytes();
    let offset = before.len() as u64;
    before.extend(b"\xE2\x82");
    for (text, offset) in [
        (&before[..], offset),
        (b"\xC0\x80", 0),
        (b"fine \xED\xA0\x80", 5),
        (b"\xF4\x90\x80\x80", 0),
        (&[&before[..], b"x"].concat(), offset),
    ] {
        let payload = Deflate::new(15, 6).message(text);
        let error = fail(Config::new(), &[(FIN | RSV1 | TEXT, &payload)]);
        assert_eq!(error, Error::InvalidUtf8 { offset });
        assert_eq!(error.close_code().map(|code| code.get()), Some(1007));
        // What it is compressed to is anything.
        let (first, second) = payload.split_at(payload.len() / 2);
        let frames = [(RSV1 | TEXT, first), (FIN | CONTINUATION, second)];
        assert_eq!(fail(Config::new(), &frames), error);
    }
}

/// Characters are cut across what inflates at a time: by chunks, by frames, by the ends of blocks
/// and by the window's end.
#[test]
fn characters_across_pieces() {
    fn check<R: Side>() {
        let text = "aé€😀".repeat(1000);
        for bits in [8, 15] {
            let mut deflate = Deflate::new(9, 0);
            // Stored, with a flush behind every seven bytes.
            let payload = deflate.message_in_parts(text.as_bytes().chunks(7));
            for delivery in DELIVERIES {
                for step in [1, 2, 5, 100, usize::MAX] {
                    let terms = Terms { bits, takeover: true };
                    let mut driver = driver::<R>(terms, Config::new().delivery(delivery));
                    let wire = compressed::<R>(MessageKind::Text, &payload);
                    wire.chunks(step).for_each(|chunk| driver.feed(chunk, true));
                    assert_eq!(driver.error, None);
                    assert!(messages(&driver.seen) == [text.as_bytes()]);
                }
            }
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

#[test]
fn the_limit_is_that_of_the_inflated_message() {
    for length in [0u64, 1, 100, 255, 256, 257, 32_767, 32_768, 32_769, 100_000] {
        let message = vec![b'm'; usize::try_from(length).unwrap()];
        let payload = Deflate::new(15, 6).message(&message);
        for delivery in DELIVERIES {
            let config = Config::new().max_message(length).delivery(delivery);
            let mut driver = driver::<Server>(Terms::DEFAULT, config);
            driver.feed(&compressed::<Server>(MessageKind::Text, &payload), true);
            assert_eq!((driver.error, messages(&driver.seen)), (None, vec![message.clone()]));
        }
        if let Some(limit) = length.checked_sub(1) {
            let error = fail(Config::new().max_message(limit), &[(FIN | RSV1 | TEXT, &payload)]);
            assert_eq!(error, Error::MessageTooLong { length, limit });
            assert_eq!(error.close_code().map(|code| code.get()), Some(1009));
        }
    }
    // So is that of frames.
    let payload = Deflate::new(15, 6).message(&[b'm'; 10_000]);
    let mut driver = driver::<Server>(Terms::DEFAULT, Config::new().max_frame(10_000));
    driver.feed(&compressed::<Server>(MessageKind::Text, &payload), true);
    assert_eq!((driver.error, messages(&driver.seen)[0].len()), (None, 10_000));
    let error = fail(Config::new().max_frame(9_999), &[(FIN | RSV1 | TEXT, &payload)]);
    assert_eq!(error, Error::FrameTooLong { length: 10_000, limit: 9_999 });
}

/// A caller that leaves the loop after each event finds the next one where it was.
#[test]
fn leaving_after_each_event() {
    fn check<R: Side>(delivery: Delivery) {
        let mut deflate = Deflate::new(15, 6);
        let sent = [&b"first"[..], &[b'z'; 100_000], b"", b"first"].map(<[u8]>::to_vec);
        let mut bytes: Vec<u8> = vec![];
        for message in &sent {
            bytes.extend(compressed::<R>(MessageKind::Binary, &deflate.message(message)));
        }
        bytes.extend(wire::frame(R::PEER_MASKS, FIN | PING, b"last"));
        let mut driver = driver::<R>(Terms::DEFAULT, Config::new().delivery(delivery));
        let mut rest = &bytes[..];
        // Pieces of what inflates from bytes that were consumed come one by one.
        for turn in 0.. {
            let told = driver.seen.len();
            let consumed = driver.feed_up_to(rest, turn % 2 == 0, 1);
            rest = &rest[consumed..];
            assert_eq!(driver.error, None);
            let pinged = matches!(driver.seen.last(), Some(Seen::Ping(_)));
            if pinged {
                break;
            }
            assert!(turn < 50, "{told} events, and no end");
        }
        assert!(messages(&driver.seen) == sent);
    }
    for delivery in DELIVERIES {
        check::<Server>(delivery);
        check::<Client<Script>>(delivery);
    }
}

/// The same for one event at a time from an input, which keeps what is behind it.
#[test]
fn one_event_at_a_time_from_an_input() {
    fn check<R: Side>(delivery: Delivery) {
        let mut deflate = Deflate::new(15, 6);
        let sent = [&b"first"[..], &[b'z'; 100_000], b"", b"first"].map(<[u8]>::to_vec);
        let mut bytes: Vec<u8> = vec![];
        for message in &sent {
            bytes.extend(compressed::<R>(MessageKind::Binary, &deflate.message(message)));
        }
        bytes.extend(wire::frame(R::PEER_MASKS, FIN | PING, b"last"));
        for step in [1, 10, usize::MAX] {
            let config = Config::new().delivery(delivery);
            let mut connection = connection::<R>(Terms::DEFAULT, config);
            let (mut input, mut out) = (Input::new(), Output::unbounded());
            let mut seen = vec![];
            for chunk in bytes.chunks(step) {
                input.push(chunk);
                while let Some((event, _)) = connection.next_event(&mut input, &mut out).unwrap() {
                    seen.push(Seen::new(&event));
                }
            }
            assert_eq!(input.unread(), []);
            assert_eq!(seen.pop(), Some(Seen::Ping(b"last".to_vec())));
            assert!(messages(&seen) == sent, "{delivery:?}, chunks of {step}");
        }
    }
    for delivery in DELIVERIES {
        check::<Server>(delivery);
        check::<Client<Script>>(delivery);
    }
}

/// The same for pieces that are still to be told when their chunk is used up.
#[test]
fn pieces_that_wait_are_told_with_the_next_chunk() {
    let message = [b'z'; 100_000];
    let payload = Deflate::new(15, 6).message(&message);
    let bytes = compressed::<Server>(MessageKind::Binary, &payload);
    let config = Config::new().delivery(Delivery::Streaming);
    let mut driver = driver::<Server>(Terms::DEFAULT, config);
    let mut rest = &bytes[..];
    let mut length = 0;
    loop {
        let mut events = driver.connection.receive(rest, &mut driver.out);
        let Some((Event::Piece(piece), _)) = events.next().expect("a valid message") else {
            panic!("{length} bytes are told, and the rest is lost");
        };
        length += piece.data.len();
        let ended = piece.message_end;
        rest = &rest[events.consumed()..];
        if ended {
            break;
        }
    }
    assert_eq!((length, rest), (message.len(), &[][..]));
}
