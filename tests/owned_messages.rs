//! Owned messages: moved out of a connection that has collected them on the heap, and copied once
//! where they are lent from elsewhere.
#![cfg(feature = "alloc")]

mod common;

use common::heap::{CountingHeap, Usage, measure};
use common::side::{Script, Side, established};
use common::wire::{self, BINARY, CONTINUATION, FIN, PING, TEXT};
use sansocket::{
    Client, Config, Connection, Event, Fixed, Heap, Input, Message, MessageKind, OwnedMessage,
    Server, State, Storage,
};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

const LENGTH: usize = 10_000;

/// A payload that is text as well.
fn payload() -> Vec<u8> {
    "é".repeat(LENGTH / 2).into_bytes()
}

fn owned(kind: MessageKind) -> OwnedMessage {
    match kind {
        MessageKind::Text => OwnedMessage::Text(String::from_utf8(payload()).expect("text")),
        MessageKind::Binary => OwnedMessage::Binary(payload()),
    }
}

/// Passes a slice in which there is nothing but a part of a message.
fn pass<R: Side, S: Storage>(connection: &mut Connection<R, S>, mut part: Vec<u8>) {
    let mut out = Vec::new();
    let message = connection.receive(&mut part[..], &mut out).next_message();
    assert_eq!((message, out.len()), (Ok(None), 0));
}

/// The last call, which returns the message.
fn last<R: Side, S: Storage>(
    connection: &mut Connection<R, S>,
    mut part: Vec<u8>,
    in_place: bool,
) -> (OwnedMessage, Usage) {
    let mut out = Vec::new();
    let (message, usage) = measure(|| {
        if in_place {
            connection.receive(&mut part[..], &mut out).next_message()
        } else {
            connection.receive(&part[..], &mut out).next_message()
        }
    });
    (message.expect("no error").expect("a message"), usage)
}

/// What was collected over several chunks or frames is moved: the last call allocates nothing, and
/// what the connection held is the message's now.
#[test]
fn a_message_that_was_collected_is_moved() {
    fn check<R: Side>(kind: MessageKind) {
        let masks = R::PEER_MASKS;
        let opcode = kind.opcode().bits();
        let payload = payload();
        let one_frame = wire::frame(masks, FIN | opcode, &payload);
        // So much that its memory has room for the rest, once it has doubled.
        let (most, rest) = payload.split_at(LENGTH / 4 * 3);
        let (frame, frame_rest) = one_frame.split_at(LENGTH / 4 * 3);
        let streams = [
            (frame.to_vec(), frame_rest.to_vec()),
            (wire::frame(masks, opcode, most), wire::frame(masks, FIN | CONTINUATION, rest)),
        ];
        for (start, end) in streams {
            for in_place in [true, false] {
                let mut connection = established::<R, _>(Heap, Config::new());
                for _ in 0..2 {
                    pass(&mut connection, start.clone());
                    let mut end = end.clone();
                    let byte = end.split_off(end.len() - 1);
                    pass(&mut connection, end);
                    let collected = connection.buffered();
                    assert!(collected > LENGTH);
                    let (message, usage) = last(&mut connection, byte, in_place);
                    assert_eq!(message, owned(kind));
                    assert_eq!((usage.calls, connection.buffered()), (0, 0));
                    assert_eq!(message.into_bytes().capacity(), collected);
                }
            }
        }
    }
    for kind in [MessageKind::Text, MessageKind::Binary] {
        check::<Server>(kind);
        check::<Client<Script>>(kind);
    }
}

/// So it is where an input does not keep it: a text that arrives in parts, and a fragmented message.
#[test]
fn a_message_that_was_collected_from_an_input_is_moved() {
    let text = wire::frame(true, FIN | TEXT, &payload());
    let fragments = [
        wire::frame(true, BINARY, &payload()[..LENGTH - 1]),
        wire::frame(true, FIN | CONTINUATION, &payload()[LENGTH - 1..]),
    ];
    for (bytes, kind) in [(text, MessageKind::Text), (fragments.concat(), MessageKind::Binary)] {
        let mut connection = established::<Server, _>(Heap, Config::new());
        let (mut input, mut out) = (Input::new(), Vec::new());
        input.push(&bytes[..bytes.len() - 1]);
        assert_eq!(connection.next_message(&mut input, &mut out), Ok(None));
        let collected = connection.buffered();
        input.push(&bytes[bytes.len() - 1..]);
        let (message, usage) = measure(|| connection.next_message(&mut input, &mut out));
        let message = message.expect("no error").expect("a message");
        assert_eq!((&message, usage.calls), (&owned(kind), u64::from(collected < LENGTH)));
        assert!(message.into_bytes().capacity() >= collected);
        assert_eq!(connection.buffered(), 0);
    }
}

/// What is whole in the chunk, or in the input, is copied once, into memory of just its length.
#[test]
fn a_message_that_is_lent_from_elsewhere_is_copied_once() {
    fn is_one_copy(usage: Usage) -> bool {
        let length = i64::try_from(LENGTH).expect("a length in a test");
        let Usage { calls, asked, moved, held, .. } = usage;
        (calls, asked, moved, held) == (1, LENGTH as u64, 0, length)
    }
    for kind in [MessageKind::Text, MessageKind::Binary] {
        let frame = wire::frame(true, FIN | kind.opcode().bits(), &payload());
        let mut connection = established::<Server, _>(Heap, Config::new());
        let (message, usage) = last(&mut connection, frame.clone(), true);
        assert_eq!(message, owned(kind));
        assert!(is_one_copy(usage), "{usage:?}");
        assert_eq!(connection.buffered(), 0);

        // From an input: in one read, and a binary message in two.
        for cut in [0, LENGTH / 2] {
            if kind == MessageKind::Text && cut > 0 {
                continue;
            }
            let (mut input, mut out) = (Input::with([0; LENGTH + 20]), Vec::new());
            input.push(&frame[..cut]);
            assert_eq!(connection.next_message(&mut input, &mut out), Ok(None));
            input.push(&frame[cut..]);
            let (message, usage) = measure(|| connection.next_message(&mut input, &mut out));
            assert_eq!(message, Ok(Some(owned(kind))));
            assert!(is_one_copy(usage), "{usage:?}");
        }

        // A storage of constant size keeps its memory.
        let mut connection = established::<Server, _>(Fixed::<LENGTH>, Config::new());
        for _ in 0..2 {
            pass(&mut connection, frame[..LENGTH / 2].to_vec());
            let (message, usage) = last(&mut connection, frame[LENGTH / 2..].to_vec(), false);
            assert_eq!(message, owned(kind));
            assert!(is_one_copy(usage), "{usage:?}");
        }
    }
}

/// A message of another kind than the one before, and an empty one, have their own kind.
#[test]
fn kinds_do_not_mix() {
    let mut connection = established::<Server, _>(Heap, Config::new());
    let mut out = Vec::new();
    for first in [TEXT, BINARY] {
        for second in [TEXT, BINARY] {
            for payload in [&b""[..], b"a", "é€".as_bytes()] {
                for opcode in [first, second] {
                    // In two fragments, so that it is collected.
                    let bytes = [
                        wire::frame(true, opcode, payload),
                        wire::frame(true, FIN | CONTINUATION, payload),
                    ]
                    .concat();
                    let message = connection.receive(&bytes[..], &mut out).next_message();
                    let both = payload.repeat(2);
                    let expected = match opcode {
                        TEXT => OwnedMessage::Text(String::from_utf8(both).expect("text")),
                        _ => OwnedMessage::Binary(both),
                    };
                    assert_eq!(message, Ok(Some(expected)));
                }
            }
        }
    }
}

/// Lent and owned messages can be taken in turn.
#[test]
fn a_lent_message_and_an_owned_one_can_follow_each_other() {
    let frame = |payload: &[u8]| {
        [wire::frame(true, TEXT, payload), wire::frame(true, FIN | CONTINUATION, payload)].concat()
    };
    let bytes = [frame(b"a"), frame(b"bc"), frame(b"d"), frame(b"ef")].concat();
    let mut connection = established::<Server, _>(Heap, Config::new());
    let mut out = Vec::new();
    let mut events = connection.receive(&bytes[..], &mut out);
    for (lent, owned) in [("aa", "bcbc"), ("dd", "efef")] {
        let (event, _) = events.next().unwrap().expect("a message");
        assert!(matches!(event, Event::Message(Message::Text(text)) if text == lent), "{event:?}");
        assert_eq!(events.next_message(), Ok(Some(OwnedMessage::Text(owned.to_owned()))));
    }
    assert_eq!(events.next_message(), Ok(None));
}

/// Other events are skipped, and answered as always; a request waits for its answer.
#[test]
fn other_events_are_skipped() {
    let mut connection = Connection::server(Config::new());
    let (mut input, mut out) = (Input::new(), Vec::new());
    let frames = [
        wire::frame(true, FIN | PING, b"?"),
        wire::frame(true, FIN | wire::PONG, b""),
        wire::frame(true, FIN | TEXT, b"Hello"),
    ];
    input.push(Server::HEADS[0].as_bytes());
    input.push(&frames.concat());
    for _ in 0..2 {
        assert_eq!(connection.next_message(&mut input, &mut out), Ok(None));
        assert_eq!((connection.state(), out.len()), (State::Connecting, 0));
    }
    assert_eq!(connection.request().map(|request| request.target()), Some("/chat"));
    connection.sender(&mut out).accept(sansocket::Accept::new()).unwrap();
    out.clear();
    let message = connection.next_message(&mut input, &mut out);
    assert_eq!(message, Ok(Some(OwnedMessage::Text("Hello".to_owned()))));
    assert_eq!(out, wire::frame(false, FIN | wire::PONG, b"?"));

    // What was owned is sent like anything else.
    out.clear();
    connection.sender(&mut out).send(message.unwrap().unwrap()).unwrap();
    assert_eq!(out, wire::frame(false, FIN | TEXT, b"Hello"));
}

/// The bytes of an owned message are its own: nothing is copied to get at them.
#[test]
fn the_bytes_of_an_owned_message_are_not_copied() {
    for message in [owned(MessageKind::Text), owned(MessageKind::Binary)] {
        let place = message.as_message().as_bytes().as_ptr();
        let (bytes, usage) = measure(|| message.into_bytes());
        assert_eq!((bytes.as_ptr(), usage), (place, Usage::default()));
    }
}

#[cfg(feature = "deflate")]
mod compressed {
    use sansocket::DeflateConfig;
    use sansocket::deflate::DeflateParams;

    use super::*;

    /// A message that was decompressed is collected, so it is moved, too.
    #[test]
    fn a_compressed_message_is_moved() {
        let deflate = Some(DeflateParams::default());
        // More than the window, so that the memory doubles.
        let text = "é".repeat(2 * LENGTH);
        let mut client = Connection::established(
            Client::new(Script::default()),
            deflate,
            Config::new().deflate(DeflateConfig::new()),
        );
        let mut server = Connection::established(Server, deflate, Config::new());
        for _ in 0..2 {
            let (mut wire, mut out) = (Vec::new(), Vec::new());
            client.sender(&mut wire).send(text.as_str()).unwrap();
            assert!(wire.len() < 1000, "{} bytes", wire.len());
            let message = server.receive(&mut wire, &mut out).next_message();
            let message = message.expect("no error").expect("a message");
            assert_eq!((message.as_message(), server.buffered()), (Message::Text(&text), 0));
            // A copy would have memory of just its length.
            assert!(message.into_bytes().capacity() > text.len());
        }
    }
}
