//! Frames both ways, byte for byte [RFC 6455 §5.2 to §5.7], and what the caller cannot send.

mod wire;

use core::cell::Cell;
use core::time::Duration;

use sansocket::frame::MaskKey;
use sansocket::{
    Client, CloseCode, CloseFrame, Config, Connection, Delivery, Entropy, EntropyError, Error,
    Event, Fixed, FixedBuffer, Fragment, Full, Message, MessageKind, ProtocolError, SendError,
    Server, SliceBuffer, State, TransportAction,
};
use wire::{
    KEY, Memory, Out, ScriptedClient, Seen, Side, feed, feed_with, from_peer, from_us, open,
    open_in,
};

/// The first fragment of a text, and a text that is not fragmented.
const FIRST: Fragment = Fragment::First(MessageKind::Text);
const TEXT: Fragment = Fragment::Only(MessageKind::Text);

/// `Hello` masked with the key of RFC 6455 §5.7.
const MASKED_HELLO: [u8; 5] = [0x7f, 0x9f, 0x4d, 0x51, 0x58];

#[test]
fn the_examples_of_the_rfc_are_received() {
    let mut out = Out::default();
    let mut server = open::<Server>(Config::new());
    let masked = [&[0x81, 0x85], &KEY[..], &MASKED_HELLO].concat();
    assert_eq!(feed(&mut server, &masked, &mut out).all(), [Seen::Text("Hello".into())]);

    let mut client = open::<ScriptedClient>(Config::new());
    let examples: [(Vec<u8>, Seen); 5] = [
        (b"\x81\x05Hello".to_vec(), Seen::Text("Hello".into())),
        (b"\x01\x03Hel\x80\x02lo".to_vec(), Seen::Text("Hello".into())),
        (b"\x89\x05Hello".to_vec(), Seen::Ping(b"Hello".to_vec())),
        ([&[0x82, 0x7E, 0x01, 0x00], &[7; 256][..]].concat(), Seen::Binary(vec![7; 256])),
        (b"\x8a\x05Hello".to_vec(), Seen::Pong(b"Hello".to_vec())),
    ];
    for (wire, seen) in examples {
        assert_eq!(feed(&mut client, &wire, &mut out).all(), [seen]);
    }
    // The answer to the ping is the RFC's masked pong.
    assert_eq!(out.take(), [&[0x8a, 0x85], &KEY[..], &MASKED_HELLO].concat());
}

#[test]
fn the_example_of_64_kibibytes_is_received() {
    let mut client =
        open_in::<ScriptedClient, _>(Fixed::<0>, Config::new().delivery(Delivery::Streaming));
    let wire = [&[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0], &[7; 65536][..]].concat();
    let seen = feed(&mut client, &wire, &mut Out::default()).all();
    assert_eq!(seen, [Seen::Piece(MessageKind::Binary, vec![7; 65536], (true, true, true))]);
}

#[test]
fn the_examples_of_the_rfc_are_sent() {
    let mut out = Out::default();
    let mut server = open::<Server>(Config::new());
    server.sender(&mut out).send("Hello").unwrap();
    assert_eq!(out.take(), b"\x81\x05Hello");
    server.sender(&mut out).send_fragment(FIRST, b"Hel").unwrap();
    server.sender(&mut out).send_fragment(Fragment::Last, b"lo").unwrap();
    assert_eq!(out.take(), b"\x01\x03Hel\x80\x02lo");
    server.sender(&mut out).ping(b"Hello").unwrap();
    assert_eq!(out.take(), b"\x89\x05Hello");
    server.sender(&mut out).send(&[7; 256][..]).unwrap();
    assert_eq!(out.take(), [&[0x82, 0x7E, 0x01, 0x00], &[7; 256][..]].concat());
    server.sender(&mut out).send(&[7; 65536][..]).unwrap();
    let header = [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0];
    assert_eq!(out.take(), [&header, &[7; 65536][..]].concat());

    let mut client = open::<ScriptedClient>(Config::new());
    client.sender(&mut out).send("Hello").unwrap();
    assert_eq!(out.take(), [&[0x81, 0x85], &KEY[..], &MASKED_HELLO].concat());
    client.sender(&mut out).pong(b"Hello").unwrap();
    assert_eq!(out.take(), [&[0x8a, 0x85], &KEY[..], &MASKED_HELLO].concat());
}

/// The length of a frame's header without the mask.
fn header_len(length: usize) -> usize {
    match length {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    }
}

#[test]
fn lengths_at_the_edges_of_their_forms_go_both_ways() {
    fn check<R: Side>() {
        for length in [0, 1, 124, 125, 126, 127, 0xFFFF, 0x1_0000, 0x1_0001] {
            let payload: Vec<u8> = (0..=250).cycle().take(length).collect();
            let mut out = Out::default();
            let mut connection = open_in::<R, _>(Fixed::<0x1_0001>, Config::new());
            connection.sender(&mut out).send(&payload[..]).unwrap();
            let sent = out.take();
            let mask = if R::MASKS { 4 } else { 0 };
            assert_eq!(sent.len(), header_len(length) + mask + length);
            assert!(sent == from_us::<R>(0x82, &payload), "{length} bytes sent");
            let seen = feed(&mut connection, &from_peer::<R>(0x82, &payload), &mut out).all();
            assert!(seen == [Seen::Binary(payload)], "{length} bytes received");
        }
    }
    // The memory is inline, and these are larger than the stack of a test allows by default.
    let check = || {
        check::<Server>();
        check::<ScriptedClient>();
    };
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(check).unwrap();
    thread.join().unwrap();
}

#[test]
fn every_kind_of_output_is_sent_the_same() {
    fn check<R: Side>() {
        let payload: Vec<u8> = (0..=255).collect();
        let expected = [from_us::<R>(0x82, &payload), from_us::<R>(0x89, b"ping")].concat();
        let mut memory = [0; 300];
        let mut slice = SliceBuffer::new(&mut memory);
        let mut fixed = FixedBuffer::<300>::new();
        let mut connection = open::<R>(Config::new());
        assert_eq!(connection.sender(&mut slice).send(&payload[..]), Ok(Ok(())));
        assert_eq!(connection.sender(&mut slice).ping(b"ping"), Ok(Ok(())));
        assert_eq!(connection.sender(&mut fixed).send(&payload[..]), Ok(Ok(())));
        assert_eq!(connection.sender(&mut fixed).ping(b"ping"), Ok(Ok(())));
        assert_eq!(slice.written(), expected);
        assert_eq!(fixed.as_slice(), expected);
        #[cfg(feature = "alloc")]
        {
            let mut vec = Vec::new();
            connection.sender(&mut vec).send(&payload[..]).unwrap();
            connection.sender(&mut vec).ping(b"ping").unwrap();
            assert_eq!(vec, expected);
        }
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn a_payload_that_the_caller_writes_itself_is_what_send_writes() {
    fn check<R: Side>() {
        for payload in [&b""[..], b"Hello", &[0xAA; 1000]] {
            let length = payload.len() as u64;
            for part in [1, 3, 4, 7, 2000] {
                let (mut sent, mut begun) = (Out::default(), Out::default());
                let mut connection = open::<R>(Config::new());
                connection.sender(&mut sent).send(payload).unwrap();
                let fragment = Fragment::Only(MessageKind::Binary);
                let mut mask = connection.sender(&mut begun).begin_frame(fragment, length).unwrap();
                assert_eq!(mask.key(), R::MASKS.then_some(MaskKey::new(KEY)));
                for part in payload.to_vec().chunks_mut(part) {
                    mask.apply(part);
                    begun.0.extend_from_slice(part);
                }
                assert_eq!(begun.take(), sent.take(), "parts of {part}");
            }
        }
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn a_frame_may_be_begun_as_a_fragment() {
    let mut out = Out::default();
    let mut server = open::<Server>(Config::new());
    let _ = server.sender(&mut out).begin_frame(FIRST, 126).unwrap();
    assert_eq!(out.take(), [0x01, 126, 0, 126]);
    let another = server.sender(&mut out).begin_frame(Fragment::Only(MessageKind::Binary), 1);
    assert_eq!(another, Err(SendError::Fragmented));
    let _ = server.sender(&mut out).begin_frame(Fragment::Middle, 0).unwrap();
    assert_eq!(out.take(), [0x00, 0]);
    let _ = server.sender(&mut out).begin_frame(Fragment::Last, i64::MAX as u64).unwrap();
    assert_eq!(out.take(), [0x80, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    let length = 1 << 63;
    let long = server.sender(&mut out).begin_frame(TEXT, length);
    assert_eq!(long, Err(SendError::FrameTooLong { length }));
    let none = server.sender(&mut out).begin_frame(Fragment::Last, 1);
    assert_eq!(none, Err(SendError::NotFragmented));
    assert_eq!(out.take(), []);
    assert_eq!(server.sender(&mut out).send("not inside a message"), Ok(()));
}

#[test]
fn control_frames_go_between_fragments_both_ways() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new());
        connection.sender(&mut out).send_fragment(FIRST, b"Hel").unwrap();
        connection.sender(&mut out).ping(b"1").unwrap();
        connection.sender(&mut out).send_fragment(Fragment::Middle, b"").unwrap();
        connection.sender(&mut out).pong(b"2").unwrap();
        connection.sender(&mut out).send_fragment(Fragment::Last, b"lo").unwrap();
        connection.sender(&mut out).send("next").unwrap();
        let us = from_us::<R>;
        let expected = [
            us(0x01, b"Hel"),
            us(0x89, b"1"),
            us(0x00, b""),
            us(0x8A, b"2"),
            us(0x80, b"lo"),
            us(0x81, b"next"),
        ];
        assert_eq!(out.take(), expected.concat());

        let peer = from_peer::<R>;
        let wire = [
            peer(0x01, b"Hel"),
            peer(0x89, b"1"),
            peer(0x00, b""),
            peer(0x8A, b"2"),
            peer(0x80, b"lo"),
        ];
        let seen = feed(&mut connection, &wire.concat(), &mut out).all();
        let expected =
            [Seen::Ping(b"1".to_vec()), Seen::Pong(b"2".to_vec()), Seen::Text("Hello".into())];
        assert_eq!(seen, expected);
        assert_eq!(out.take(), us(0x8A, b"1"));
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn a_message_is_echoed_while_it_is_lent() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new());
        let wire = [from_peer::<R>(0x81, "wörd".as_bytes()), from_peer::<R>(0x82, &[0; 200])];
        let fed = feed_with(&mut connection, &wire.concat(), &mut out, |event, reply| {
            let Event::Message(message) = event else { panic!("{event:?}") };
            reply.send(*message).unwrap();
        });
        assert_eq!(fed.all().len(), 2);
        let echo = [from_us::<R>(0x81, "wörd".as_bytes()), from_us::<R>(0x82, &[0; 200])];
        assert_eq!(out.take(), echo.concat());
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn pings_are_left_to_the_caller_on_request() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new().auto_pong(false));
        let ping = from_peer::<R>(0x89, b"are you there?");
        feed(&mut connection, &ping, &mut out).all();
        assert_eq!(out.take(), []);
        feed_with(&mut connection, &ping, &mut out, |event, reply| {
            let Event::Ping(payload) = event else { panic!("{event:?}") };
            reply.pong(payload).unwrap();
        });
        assert_eq!(out.take(), from_us::<R>(0x8A, b"are you there?"));
    }
    check::<Server>();
    check::<ScriptedClient>();
}

// Misuse.

#[test]
fn what_cannot_be_sent_changes_nothing() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new());
        let long = SendError::ControlTooLong { length: 126 };
        assert_eq!(connection.sender(&mut out).ping(&[0; 126]), Err(long));
        assert_eq!(connection.sender(&mut out).pong(&[0; 126]), Err(long));
        assert_eq!(connection.sender(&mut out).ping(&[0; 125]), Ok(()));
        out.take();

        // No message is under way that could go on, neither before nor after one.
        let first = Fragment::First(MessageKind::Binary);
        for _ in 0..2 {
            for fragment in [Fragment::Middle, Fragment::Last] {
                let none = connection.sender(&mut out).send_fragment(fragment, b"b");
                assert_eq!(none, Err(SendError::NotFragmented));
            }
            assert_eq!(out.take(), []);
            connection.sender(&mut out).send_fragment(first, b"a").unwrap();
            out.take();
            assert_eq!(connection.sender(&mut out).send("b"), Err(SendError::Fragmented));
            for another in [TEXT, FIRST, first, Fragment::Only(MessageKind::Binary)] {
                let another = connection.sender(&mut out).send_fragment(another, b"b");
                assert_eq!(another, Err(SendError::Fragmented));
            }
            assert_eq!(out.take(), []);
            connection.sender(&mut out).send_fragment(Fragment::Last, b"b").unwrap();
            assert_eq!(out.take(), from_us::<R>(0x80, b"b"));
        }
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn nothing_but_pongs_is_sent_behind_a_close_frame() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new());
        connection.sender(&mut out).send_fragment(FIRST, b"cut off").unwrap();
        connection.sender(&mut out).close(CloseCode::GOING_AWAY).unwrap();
        out.take();
        assert_eq!(connection.sender(&mut out).ping(b""), Err(SendError::Closed));
        assert_eq!(connection.sender(&mut out).close(CloseFrame::EMPTY), Err(SendError::Closed));
        let fragment = connection.sender(&mut out).send_fragment(Fragment::Last, b"");
        assert_eq!(fragment, Err(SendError::Closed));
        let frame = connection.sender(&mut out).begin_frame(Fragment::Last, 1);
        assert_eq!(frame, Err(SendError::Closed));
        assert_eq!(connection.sender(&mut out).send("late"), Err(SendError::Closed));
        assert_eq!(out.take(), []);
        // Except that a ping can be answered until the peer has closed, too.
        assert_eq!(connection.sender(&mut out).pong(b""), Ok(()));
        assert_eq!(out.take(), from_us::<R>(0x8A, b""));
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn a_full_output_says_how_much_room_it_takes() {
    fn check<R: Side>() {
        let mut connection = open::<R>(Config::new());
        let mask = if R::MASKS { 4 } else { 0 };
        let frame = from_us::<R>(0x81, b"Hello");
        for room in 0..frame.len() {
            let mut memory = vec![0; room];
            let mut small = SliceBuffer::new(&mut memory);
            let full = Ok(Err(Full { needed: frame.len(), room }));
            assert_eq!(connection.sender(&mut small).send("Hello"), full);
            let full = Ok(Err(Full { needed: 2 + mask, room }));
            if room < 2 + mask {
                let begun = connection.sender(&mut small).begin_frame(TEXT, 5);
                assert_eq!(begun.map(|begun| begun.map(drop)), full);
                assert_eq!(connection.sender(&mut small).close(CloseFrame::EMPTY), full);
                assert_eq!(connection.sender(&mut small).ping(b""), full);
            }
            assert!(small.is_empty());
        }
        let mut memory = vec![0; frame.len()];
        let mut enough = SliceBuffer::new(&mut memory);
        assert_eq!(connection.sender(&mut enough).send("Hello"), Ok(Ok(())));
        assert_eq!(enough.written(), frame);
        assert_eq!(connection.state(), State::Open);
    }
    check::<Server>();
    check::<ScriptedClient>();
}

/// A source that can run dry.
struct Source<'a> {
    dry: &'a Cell<bool>,
    keys: u8,
}

impl Entropy for Source<'_> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if self.dry.get() {
            return Err(EntropyError);
        }
        self.keys += 1;
        bytes.fill(self.keys);
        Ok(())
    }
}

fn connect(dry: &Cell<bool>, config: Config) -> Connection<Client<Source<'_>>, Memory> {
    Connection::established_in(Fixed, Client::new(Source { dry, keys: 0 }), None, config)
}

#[test]
fn each_frame_has_a_new_key() {
    let mut out = Out::default();
    let dry = Cell::new(false);
    let mut client = connect(&dry, Config::new());
    client.sender(&mut out).send("a").unwrap();
    client.sender(&mut out).send_fragment(FIRST, b"b").unwrap();
    client.sender(&mut out).ping(b"").unwrap();
    let expected = [
        &[0x81, 0x81, 1, 1, 1, 1, b'a' ^ 1][..],
        &[0x01, 0x81, 2, 2, 2, 2, b'b' ^ 2],
        &[0x89, 0x80, 3, 3, 3, 3],
    ];
    assert_eq!(out.take(), expected.concat());
}

#[test]
fn without_a_key_nothing_is_sent_and_the_call_can_be_repeated() {
    let mut out = Out::default();
    let dry = Cell::new(true);
    let second = Duration::from_secs(1);
    let mut client = connect(&dry, Config::new().keep_alive(second, second));
    client.tick(Duration::ZERO, &mut out).unwrap();
    assert_eq!(client.sender(&mut out).send(Message::Text("a")), Err(SendError::Entropy));
    assert_eq!(client.sender(&mut out).close(CloseFrame::EMPTY), Err(SendError::Entropy));
    let begun = client.sender(&mut out).begin_frame(TEXT, 1);
    assert_eq!(begun, Err(SendError::Entropy));
    let dry_error = Err(Error::Send(SendError::Entropy));
    assert_eq!(client.tick(second, &mut out), dry_error);
    let fed = feed(&mut client, b"\x89\x01x", &mut out);
    assert_eq!(fed.result, dry_error);
    assert_eq!((&fed.left[..], out.take(), client.state()), (&b"x"[..], vec![], State::Open));
    assert_eq!(client.close_report().failure, None);

    dry.set(false);
    assert_eq!(client.tick(second, &mut out), Ok(()));
    let fed = feed(&mut client, &fed.left, &mut out);
    assert_eq!(fed.all(), [Seen::Ping(b"x".to_vec())]);
    client.sender(&mut out).send("a").unwrap();
    let expected = [&[0x8A, 0x81, 1, 1, 1, 1, b'x' ^ 1][..], &[0x81, 0x81, 2, 2, 2, 2, b'a' ^ 2]];
    assert_eq!(out.take(), expected.concat());
}

/// If no close frame can be sent, the error is not delayed for it.
#[test]
fn without_a_key_a_violation_is_returned_at_once() {
    let mut out = Out::default();
    let dry = Cell::new(true);
    let mut client = connect(&dry, Config::new());
    let violation = Error::Protocol(ProtocolError::UnexpectedContinuation);
    let mut events = client.receive(b"\x80", &mut out);
    assert_eq!(events.next().err(), Some(violation));
    assert_eq!(events.transport(), TransportAction::Close);
    dry.set(false);
    assert_eq!(feed(&mut client, b"", &mut out).result, Err(violation));
    assert_eq!(out.take(), []);
}
