//! What the peer gets for its mistakes in frames: the error, and the close code on the wire
//! [RFC 6455 §5, §7.4, §8.1]. Each row is tried whole and byte by byte, in both roles.

mod wire;

use sansocket::frame::{FrameError, Opcode, Rsv};
use sansocket::{
    CloseCode, CloseFrame, Config, Delivery, Error, ProtocolError, SendError, Server, State,
    TransportAction,
};
use wire::{
    Out, ScriptedClient, Seen, Side, close_body, feed, feed_shared, frame, from_peer, from_us, open,
};

const MAX_FRAME: u64 = 1000;
const MAX_MESSAGE: u64 = 1500;

fn config() -> Config {
    Config::new().max_frame(MAX_FRAME).max_message(MAX_MESSAGE)
}

/// A mistake: its name, what the peer sends, the error, and the code that it gets.
type Row = (&'static str, Vec<u8>, Error, u16);

/// The header of a frame from the peer of `R` up to its length, with these bits and this field.
fn header<R: Side>(first: u8, length: u8, field: &[u8]) -> Vec<u8> {
    let mask = if R::MASKS { 0 } else { 0x80 };
    [&[first, mask | length], field].concat()
}

/// Mistakes in the header of a single frame.
fn headers<R: Side>() -> Vec<Row> {
    let frame = |error| Error::Frame(error);
    let mut rows = vec![
        ("RSV1", vec![0xC1], Error::Protocol(ProtocolError::ReservedBits(Rsv::RSV1)), 1002),
        ("RSV2", vec![0xA2], Error::Protocol(ProtocolError::ReservedBits(Rsv::RSV2)), 1002),
        ("RSV3", vec![0x98], Error::Protocol(ProtocolError::ReservedBits(Rsv::RSV3)), 1002),
        (
            "all reserved bits",
            vec![0xF9],
            Error::Protocol(ProtocolError::ReservedBits(Rsv::from_bits(7))),
            1002,
        ),
        (
            "close in fragments",
            vec![0x08],
            frame(FrameError::FragmentedControl(Opcode::Close)),
            1002,
        ),
        ("ping in fragments", vec![0x09], frame(FrameError::FragmentedControl(Opcode::Ping)), 1002),
        ("pong in fragments", vec![0x0A], frame(FrameError::FragmentedControl(Opcode::Pong)), 1002),
        (
            "top bit of the length",
            header::<R>(0x82, 127, &(1u64 << 63 | 0x1_0000).to_be_bytes()),
            frame(FrameError::LengthTopBit(1 << 63 | 0x1_0000)),
            1002,
        ),
        (
            "longest length",
            header::<R>(0x82, 127, &[0xFF; 8]),
            frame(FrameError::LengthTopBit(u64::MAX)),
            1002,
        ),
        (
            "wrong direction of the mask",
            vec![0x81, if R::MASKS { 0x80 } else { 0 }],
            Error::Protocol(if R::MASKS { ProtocolError::Masked } else { ProtocolError::Unmasked }),
            1002,
        ),
        (
            "wrong direction of the mask on a close frame",
            vec![0x88, if R::MASKS { 0x82 } else { 2 }],
            Error::Protocol(if R::MASKS { ProtocolError::Masked } else { ProtocolError::Unmasked }),
            1002,
        ),
        (
            "frame over the limit",
            header::<R>(0x82, 126, &1001u16.to_be_bytes()),
            Error::FrameTooLong { length: 1001, limit: MAX_FRAME },
            1009,
        ),
        (
            "frame over any limit",
            header::<R>(0x81, 127, &(i64::MAX as u64).to_be_bytes()),
            Error::FrameTooLong { length: i64::MAX as u64, limit: MAX_FRAME },
            1009,
        ),
    ];
    for bits in [3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF] {
        rows.push(("opcode", vec![0x80 | bits], frame(FrameError::ReservedOpcode(bits)), 1002));
        rows.push(("opcode, no FIN", vec![bits], frame(FrameError::ReservedOpcode(bits)), 1002));
    }
    for (byte, opcode) in [(0x88, Opcode::Close), (0x89, Opcode::Ping), (0x8A, Opcode::Pong)] {
        for length in [126, 127] {
            let error = frame(FrameError::ControlLength(opcode));
            rows.push(("long control frame", header::<R>(byte, length, &[]), error, 1002));
        }
    }
    for length in [0u16, 125] {
        let error = frame(FrameError::LengthNotMinimal(length.into()));
        let wire = header::<R>(0x82, 126, &length.to_be_bytes());
        rows.push(("16-bit length too small", wire, error, 1002));
    }
    for length in [0u64, 125, 126, 0xFFFF] {
        let error = frame(FrameError::LengthNotMinimal(length));
        let wire = header::<R>(0x82, 127, &length.to_be_bytes());
        rows.push(("64-bit length too small", wire, error, 1002));
    }
    rows
}

/// A frame that stops short: its last bytes are not needed to see what is wrong.
fn without(count: usize, mut wire: Vec<u8>) -> Vec<u8> {
    wire.truncate(wire.len() - count);
    wire
}

/// Mistakes that come out over several frames or in a payload.
fn payloads<R: Side>() -> Vec<Row> {
    let protocol = Error::Protocol;
    let peer = from_peer::<R>;
    let close_reason = |reason: &[u8]| peer(0x88, &[&1000u16.to_be_bytes()[..], reason].concat());
    let invalid = |offset| Error::InvalidUtf8 { offset };
    vec![
        ("continuation first", vec![0x80], protocol(ProtocolError::UnexpectedContinuation), 1002),
        ("continuation, no FIN", vec![0x00], protocol(ProtocolError::UnexpectedContinuation), 1002),
        (
            "continuation of a whole message",
            [peer(0x82, b"x"), vec![0x80]].concat(),
            protocol(ProtocolError::UnexpectedContinuation),
            1002,
        ),
        (
            "continuation of a message that has ended",
            [peer(0x02, b"x"), peer(0x80, b"y"), vec![0x00]].concat(),
            protocol(ProtocolError::UnexpectedContinuation),
            1002,
        ),
        (
            "text inside a text",
            [peer(0x01, b"x"), vec![0x81]].concat(),
            protocol(ProtocolError::ExpectedContinuation(Opcode::Text)),
            1002,
        ),
        (
            "binary inside an empty text, behind a ping",
            [peer(0x01, b""), peer(0x89, b""), vec![0x02]].concat(),
            protocol(ProtocolError::ExpectedContinuation(Opcode::Binary)),
            1002,
        ),
        ("close of 1 byte", peer(0x88, b"\x03"), protocol(ProtocolError::CloseLength), 1002),
        (
            "reason that is not UTF-8",
            close_reason(b"so \xC3"),
            Error::InvalidCloseReason { offset: 3 },
            1007,
        ),
        (
            "reason with a surrogate",
            close_reason(b"\xED\xA0\x80"),
            Error::InvalidCloseReason { offset: 0 },
            1007,
        ),
        (
            "message over the limit",
            [peer(0x02, &[0; 1000]), header::<R>(0x80, 126, &501u16.to_be_bytes())].concat(),
            Error::MessageTooLong { length: 1501, limit: MAX_MESSAGE },
            1009,
        ),
        ("lone continuation byte", peer(0x81, b"ab\x80"), invalid(2), 1007),
        ("overlong encoding", without(1, peer(0x81, b"\xC0\xAF")), invalid(0), 1007),
        ("surrogate", without(1, peer(0x81, b"a\xED\xA0\x80")), invalid(1), 1007),
        ("beyond U+10FFFF", without(2, peer(0x81, b"\xF4\x90\x80\x80")), invalid(0), 1007),
        ("text that ends inside a character", peer(0x81, b"ok\xE2\x82"), invalid(2), 1007),
        (
            "character cut by a fragment and never ended",
            [peer(0x01, b"\xF0\x9F"), peer(0x80, b"\x92")].concat(),
            invalid(0),
            1007,
        ),
        (
            "character broken by the next fragment",
            [peer(0x01, b"a\xE2\x82"), peer(0x00, b""), peer(0x80, b"a")].concat(),
            invalid(1),
            1007,
        ),
    ]
}

/// The close frame that `R` has sent: its code, behind whatever else was sent.
fn close_code<R: Side>(sent: &[u8], error: Error) -> u16 {
    let code = error.close_code().expect("a violation has a code").get();
    let frame = from_us::<R>(0x88, &close_body(code, error.reason()));
    assert!(sent.ends_with(&frame), "{sent:02x?} does not end with the close frame of {error:?}");
    code
}

fn assert_rows<R: Side>(rows: impl Fn() -> Vec<Row>) {
    for delivery in [Delivery::Whole, Delivery::Streaming] {
        for (name, wire, error, code) in rows() {
            let name = format!("{name}: {wire:02x?}, {delivery:?}");
            for length in [wire.len(), 1] {
                let mut out = Out::default();
                let mut connection = open::<R>(config().delivery(delivery));
                let mut result = Ok(());
                for (index, part) in wire.chunks(length).enumerate() {
                    assert_eq!(result, Ok(()), "{name}: failed before byte {index}");
                    let fed = match index % 2 {
                        0 => feed(&mut connection, part, &mut out),
                        _ => feed_shared(&mut connection, part, &mut out),
                    };
                    result = fed.result;
                }
                assert_eq!(result, Err(error), "{name}");
                let sent = out.take();
                assert_eq!(close_code::<R>(&sent, error), code, "{name}");
                assert_eq!(connection.state(), State::Closed, "{name}");
                assert_eq!(connection.transport(), TransportAction::Close, "{name}");

                let again = feed(&mut connection, &from_peer::<R>(0x81, b"more"), &mut out);
                assert_eq!((again.seen, again.result), (vec![], Err(error)), "{name}");
                assert_eq!(connection.end_of_stream(), Err(error), "{name}");
                assert_eq!(connection.sender(&mut out).ping(b""), Err(SendError::Closed), "{name}");
                assert_eq!(out.take(), [], "{name}: more than one close frame");
            }
        }
    }
}

#[test]
fn each_bad_header_is_answered_at_the_first_byte_that_shows_it() {
    assert_rows::<Server>(headers::<Server>);
    assert_rows::<ScriptedClient>(headers::<ScriptedClient>);
}

#[test]
fn each_bad_payload_is_answered_at_the_first_byte_that_shows_it() {
    assert_rows::<Server>(payloads::<Server>);
    assert_rows::<ScriptedClient>(payloads::<ScriptedClient>);
}

#[test]
fn what_is_just_within_the_limits_is_taken() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(config());
        let wire = [
            from_peer::<R>(0x02, &[1; 1000]),
            from_peer::<R>(0x00, &[2; 500]),
            from_peer::<R>(0x80, &[]),
        ];
        let seen = feed(&mut connection, &wire.concat(), &mut out).all();
        assert!(matches!(&seen[..], [Seen::Binary(bytes)] if bytes.len() == 1500));
        // The limits are no limits of control frames.
        let mut connection = open::<R>(Config::new().max_frame(0).max_message(0));
        let wire = [from_peer::<R>(0x89, &[0; 125]), from_peer::<R>(0x81, b"")].concat();
        let seen = feed(&mut connection, &wire, &mut out).all();
        assert_eq!(seen, [Seen::Ping(vec![0; 125]), Seen::Text(String::new())]);
        let one = feed(&mut connection, &from_peer::<R>(0x81, b"x"), &mut out);
        assert_eq!(one.result, Err(Error::FrameTooLong { length: 1, limit: 0 }));
    }
    check::<Server>();
    check::<ScriptedClient>();
}

/// The codes that may stand in a close frame [RFC 6455 §7.4, and the registry of its §11.7].
fn is_allowed(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[test]
fn every_close_code_is_taken_or_refused() {
    fn check<R: Side>() {
        for code in 0..=u16::MAX {
            let mut out = Out::default();
            let mut connection = open::<R>(Config::new());
            let fed = feed(&mut connection, &from_peer::<R>(0x88, &code.to_be_bytes()), &mut out);
            let sent = out.take();
            if is_allowed(code) {
                assert_eq!(fed.all(), [Seen::Close(Some(code), String::new())]);
                assert_eq!(sent, from_us::<R>(0x88, &code.to_be_bytes()));
            } else {
                let error = Error::Protocol(ProtocolError::CloseCode(code));
                assert_eq!((fed.seen, fed.result), (vec![], Err(error)));
                assert_eq!(close_code::<R>(&sent, error), 1002);
            }
        }
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn no_other_close_code_can_be_sent() {
    for code in 0..=u16::MAX {
        assert_eq!(CloseCode::new(code).is_some(), is_allowed(code), "{code}");
        let Some(close_code) = CloseCode::new(code) else { continue };
        let mut out = Out::default();
        open::<Server>(Config::new()).sender(&mut out).close(close_code).unwrap();
        assert_eq!(out.take(), frame(0x88, &code.to_be_bytes(), false));
    }
}

#[test]
fn no_longer_reason_can_be_sent_than_a_control_frame_holds() {
    let mut connection = open::<Server>(Config::new());
    let mut out = Out::default();
    let long = "r".repeat(124);
    let refused = connection.sender(&mut out).close(CloseFrame::new(CloseCode::NORMAL, &long));
    assert_eq!(refused, Err(SendError::ReasonTooLong { length: 124 }));
    assert_eq!((out.take(), connection.state()), (vec![], State::Open));
    let longest = &long[..123];
    connection.sender(&mut out).close(CloseFrame::new(CloseCode::NORMAL, longest)).unwrap();
    assert_eq!(out.take(), frame(0x88, &close_body(1000, longest), false));
}
