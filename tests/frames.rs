//! Frames both ways, byte for byte [RFC 6455 §5.2 to §5.7], and what the caller cannot send.

mod wire;

use sansocket::frame::MaskKey;
use sansocket::{
    Client, CloseCode, CloseFrame, Config, Connection, Delivery, Entropy, EntropyError, Event,
    Fixed, FixedBuffer, Message, MessageKind, Negotiated, SendError, Server, SliceBuffer, State,
};
use wire::{
    KEY, Memory, Out, ScriptedClient, Seen, Side, feed, feed_with, from_peer, from_us, open,
    open_in,
};

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
    server.send("Hello", &mut out).unwrap();
    assert_eq!(out.take(), b"\x81\x05Hello");
    server.send_fragment(MessageKind::Text, b"Hel", false, &mut out).unwrap();
    server.send_fragment(MessageKind::Text, b"lo", true, &mut out).unwrap();
    assert_eq!(out.take(), b"\x01\x03Hel\x80\x02lo");
    server.ping(b"Hello", &mut out).unwrap();
    assert_eq!(out.take(), b"\x89\x05Hello");
    server.send(&[7; 256][..], &mut out).unwrap();
    assert_eq!(out.take(), [&[0x82, 0x7E, 0x01, 0x00], &[7; 256][..]].concat());
    server.send(&[7; 65536][..], &mut out).unwrap();
    let header = [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0];
    assert_eq!(out.take(), [&header, &[7; 65536][..]].concat());

    let mut client = open::<ScriptedClient>(Config::new());
    client.send("Hello", &mut out).unwrap();
    assert_eq!(out.take(), [&[0x81, 0x85], &KEY[..], &MASKED_HELLO].concat());
    client.pong(b"Hello", &mut out).unwrap();
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
            connection.send(&payload[..], &mut out).unwrap();
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
        connection.send(&payload[..], &mut slice).unwrap();
        connection.ping(b"ping", &mut slice).unwrap();
        connection.send(&payload[..], &mut fixed).unwrap();
        connection.ping(b"ping", &mut fixed).unwrap();
        assert_eq!(slice.written(), expected);
        assert_eq!(fixed.as_slice(), expected);
        #[cfg(feature = "alloc")]
        {
            let mut vec = Vec::new();
            connection.send(&payload[..], &mut vec).unwrap();
            connection.ping(b"ping", &mut vec).unwrap();
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
                connection.send(payload, &mut sent).unwrap();
                let kind = MessageKind::Binary;
                let mut mask = connection.begin_frame(kind, length, true, &mut begun).unwrap();
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
    let text = MessageKind::Text;
    let _ = server.begin_frame(text, 126, false, &mut out).unwrap();
    assert_eq!(out.take(), [0x01, 126, 0, 126]);
    let binary = server.begin_frame(MessageKind::Binary, 1, true, &mut out);
    assert_eq!(binary, Err(SendError::Fragmented));
    let _ = server.begin_frame(text, i64::MAX as u64, true, &mut out).unwrap();
    assert_eq!(out.take(), [0x80, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    let length = 1 << 63;
    let long = server.begin_frame(text, length, true, &mut out);
    assert_eq!(long, Err(SendError::FrameTooLong { length }));
    assert_eq!(server.send("not inside a message", &mut out), Ok(()));
}

#[test]
fn control_frames_go_between_fragments_both_ways() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new());
        let text = MessageKind::Text;
        connection.send_fragment(text, b"Hel", false, &mut out).unwrap();
        connection.ping(b"1", &mut out).unwrap();
        connection.send_fragment(text, b"", false, &mut out).unwrap();
        connection.pong(b"2", &mut out).unwrap();
        connection.send_fragment(text, b"lo", true, &mut out).unwrap();
        connection.send("next", &mut out).unwrap();
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
fn pings_are_left_to_the_caller_who_wants_that() {
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
        assert_eq!(connection.ping(&[0; 126], &mut out), Err(long));
        assert_eq!(connection.pong(&[0; 126], &mut out), Err(long));
        assert_eq!(connection.ping(&[0; 125], &mut out), Ok(()));
        out.take();

        let binary = MessageKind::Binary;
        connection.send_fragment(binary, b"a", false, &mut out).unwrap();
        out.take();
        assert_eq!(connection.send("b", &mut out), Err(SendError::Fragmented));
        let text = connection.send_fragment(MessageKind::Text, b"b", true, &mut out);
        assert_eq!(text, Err(SendError::Fragmented));
        assert_eq!(out.take(), []);
        connection.send_fragment(binary, b"b", true, &mut out).unwrap();
        assert_eq!(out.take(), from_us::<R>(0x80, b"b"));
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn nothing_but_pongs_is_sent_behind_a_close_frame() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(Config::new());
        connection.send_fragment(MessageKind::Text, b"cut off", false, &mut out).unwrap();
        connection.close(CloseCode::GOING_AWAY, &mut out).unwrap();
        out.take();
        assert_eq!(connection.ping(b"", &mut out), Err(SendError::Closed));
        assert_eq!(connection.close(CloseFrame::EMPTY, &mut out), Err(SendError::Closed));
        let fragment = connection.send_fragment(MessageKind::Text, b"", true, &mut out);
        assert_eq!(fragment, Err(SendError::Closed));
        let frame = connection.begin_frame(MessageKind::Text, 1, true, &mut out);
        assert_eq!(frame, Err(SendError::Closed));
        assert_eq!(connection.send("late", &mut out), Err(SendError::Closed));
        assert_eq!(out.take(), []);
        // Save that a ping can be answered until the peer has closed, too.
        assert_eq!(connection.pong(b"", &mut out), Ok(()));
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
            let full = Err(SendError::Full { needed: frame.len(), room });
            assert_eq!(connection.send("Hello", &mut small), full);
            let full = Err(SendError::Full { needed: 2 + mask, room });
            if room < 2 + mask {
                let begun = connection.begin_frame(MessageKind::Text, 5, true, &mut small);
                assert_eq!(begun.map(drop), full);
                assert_eq!(connection.close(CloseFrame::EMPTY, &mut small), full);
                assert_eq!(connection.ping(b"", &mut small), full);
            }
            assert!(small.is_empty());
        }
        let mut memory = vec![0; frame.len()];
        let mut enough = SliceBuffer::new(&mut memory);
        assert_eq!(connection.send("Hello", &mut enough), Ok(()));
        assert_eq!(enough.written(), frame);
        assert_eq!(connection.state(), State::Open);
    }
    check::<Server>();
    check::<ScriptedClient>();
}

/// A source that may be dry.
struct Dry {
    dry: bool,
    keys: u8,
}

impl Entropy for Dry {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if self.dry {
            return Err(EntropyError);
        }
        self.keys += 1;
        bytes.fill(self.keys);
        Ok(())
    }
}

fn connect(source: &mut Dry) -> Connection<Client<&mut Dry>, Memory> {
    Connection::established_in(Fixed, Client::new(source), Negotiated::default(), Config::new())
}

#[test]
fn each_frame_has_a_new_key_and_without_one_nothing_is_sent() {
    let mut source = Dry { dry: false, keys: 0 };
    let mut out = Out::default();
    let mut client = connect(&mut source);
    client.send("a", &mut out).unwrap();
    client.send_fragment(MessageKind::Text, b"b", false, &mut out).unwrap();
    client.ping(b"", &mut out).unwrap();
    let expected = [
        &[0x81, 0x81, 1, 1, 1, 1, b'a' ^ 1][..],
        &[0x01, 0x81, 2, 2, 2, 2, b'b' ^ 2],
        &[0x89, 0x80, 3, 3, 3, 3],
    ];
    assert_eq!(out.take(), expected.concat());

    source.dry = true;
    let mut client = connect(&mut source);
    assert_eq!(client.send(Message::Text("a"), &mut out), Err(SendError::Entropy));
    assert_eq!(client.close(CloseFrame::EMPTY, &mut out), Err(SendError::Entropy));
    let begun = client.begin_frame(MessageKind::Text, 1, true, &mut out);
    assert_eq!(begun, Err(SendError::Entropy));
    let fed = feed(&mut client, b"\x89\x01x", &mut out);
    assert_eq!(fed.result, Err(sansocket::Error::Blocked(SendError::Entropy)));
    assert_eq!((fed.left, out.take(), client.state()), (b"x".to_vec(), vec![], State::Open));
}
