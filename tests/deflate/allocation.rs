//! Contract 8, no allocation in steady state, and contract 4, what is held: with compressed
//! messages, both ways.

use sansocket::{
    Chunk, Client, Compression, Config, Connection, Delivery, Event, Events, Fragment, Heap, Input,
    Server,
};

use crate::common::heap::{Usage, measure};
use crate::common::side::{Script, Side};
use crate::common::wire::{self, CLOSE, CONTINUATION, FIN, PING};
use crate::peer::{Content, DELIVERIES, RSV1, Terms, compressed, connection, opcode};
use crate::zlib::Deflate;

/// What a message that came in pieces is answered with.
const ANSWER: &str = "taken, taken, and taken again";

/// Passes slices, echoes whole messages and answers others, compressed, and returns the number of
/// events.
fn echo<R: Side>(
    connection: &mut Connection<R, Heap>,
    bytes: &[u8],
    step: usize,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> usize {
    let mut count = 0;
    for chunk in bytes.chunks(step) {
        scratch.clear();
        scratch.extend_from_slice(chunk);
        count += answer(connection.receive(&mut scratch[..], out));
        out.clear();
    }
    count
}

/// The same through an input.
fn echo_input<R: Side>(
    connection: &mut Connection<R, Heap>,
    bytes: &[u8],
    step: usize,
    input: &mut Input,
    out: &mut Vec<u8>,
) -> usize {
    let mut count = 0;
    for chunk in bytes.chunks(step) {
        assert_eq!(input.push(chunk), chunk.len());
        count += answer(connection.receive(&mut *input, out));
        out.clear();
    }
    count
}

/// Answers all events, and returns their number.
fn answer<R: Side, C: Chunk>(mut events: Events<'_, R, Heap, C, Vec<u8>>) -> usize {
    let mut count = 0;
    while let Some((event, reply)) = events.next().expect("a valid stream") {
        count += 1;
        let mut reply = reply.compression(Compression::Always);
        match event {
            Event::Message(message) => reply.send(message),
            Event::Piece(piece) if piece.message_end => reply.send(ANSWER),
            _ => Ok(()),
        }
        .expect("room without end");
    }
    count
}

/// Compressed messages of all kinds, one in fragments, each round the same.
fn traffic<R: Side>(terms: Terms) -> Vec<u8> {
    let mut bytes = vec![];
    for (content, length) in
        [(Content::Json, 5000), (Content::Text, 300), (Content::Random, 900), (Content::Runs, 6000)]
    {
        // Each alone, as the rounds follow each other.
        let payload = Deflate::new(terms.bits, 6).message(&content.bytes(length, 1));
        bytes.extend(compressed::<R>(content.kind(), &payload));
        let (first, second) = payload.split_at(payload.len() / 2);
        bytes.extend(wire::frame(R::PEER_MASKS, RSV1 | opcode(content.kind()), first));
        bytes.extend(wire::frame(R::PEER_MASKS, FIN | PING, b"between"));
        bytes.extend(wire::frame(R::PEER_MASKS, FIN | CONTINUATION, second));
    }
    bytes
}

const ROUNDS: usize = 5;

fn steady_state<R: Side>() {
    for terms in
        [Terms::DEFAULT, Terms { bits: 15, takeover: false }, Terms { bits: 10, takeover: true }]
    {
        let bytes = traffic::<R>(terms);
        for delivery in DELIVERIES {
            for step in [1, 500, usize::MAX] {
                for through_input in [false, true] {
                    let mut connection = connection::<R>(terms, Config::new().delivery(delivery));
                    let mut scratch = Vec::with_capacity(bytes.len());
                    let (mut input, mut out) = (Input::new(), Vec::with_capacity(64 << 10));
                    let mut round = || match through_input {
                        true => echo_input(&mut connection, &bytes, step, &mut input, &mut out),
                        false => echo(&mut connection, &bytes, step, &mut scratch, &mut out),
                    };
                    round();
                    round();
                    let (events, usage) = measure(|| (0..ROUNDS).map(|_| round()).sum::<usize>());
                    assert!(events >= 12 * ROUNDS, "{events} events");
                    let name = format!("{terms:?}, {delivery:?}, chunks of {step}");
                    assert_eq!(
                        usage,
                        Usage::default(),
                        "{name}, through an input: {through_input}"
                    );
                }
            }
        }
    }
}

#[test]
fn steady_traffic_of_a_server() {
    steady_state::<Server>();
}

#[test]
fn steady_traffic_of_a_client() {
    steady_state::<Client<Script>>();
}

/// A message that is sent in fragments, round by round, keeps what the settings say of its output,
/// also while it is under way.
#[test]
fn fragments_that_are_sent() {
    let fragment = Content::Json.bytes(100_000, 3);
    let mut out = Vec::with_capacity(4 << 20);
    let held = [0u32, 10_000, 200_000].map(|retain| {
        let config = Config::new().retain(retain);
        let mut connection = connection::<Server>(Terms::DEFAULT, config);
        let mut round = || {
            for place in [Fragment::First(Content::Json.kind()), Fragment::Middle, Fragment::Last] {
                connection.sender(&mut out).send_fragment(place, &fragment).expect("room");
            }
            out.clear();
        };
        let ((), first) = measure(&mut round);
        let ((), steady) = measure(&mut round);
        assert_eq!(steady.held, 0, "{retain} bytes retained");
        assert_eq!(steady.calls == 0, retain == 200_000, "{retain} bytes retained");
        let ((), middle) = measure(|| {
            let first = Fragment::First(Content::Json.kind());
            connection.sender(&mut out).send_fragment(first, &fragment).expect("room");
        });
        out.clear();
        first.held + middle.held
    });
    assert!((0..=10_000).contains(&(held[1] - held[0])), "{held:?}");
}

/// Codecs are made when there is something to compress or to decompress, not before.
#[test]
fn a_codec_is_made_on_first_use() {
    let mut out = Vec::with_capacity(1000);
    let (mut connection, usage) = measure(|| connection::<Server>(Terms::DEFAULT, Config::new()));
    assert_eq!(usage, Usage::default());
    let plain = wire::frame(true, FIN | wire::TEXT, b"plain");
    let ((), usage) = measure(|| {
        let mut chunk = [0; 11];
        chunk.copy_from_slice(&plain);
        let mut events = connection.receive(&mut chunk[..], &mut out);
        while events.next().expect("a valid message").is_some() {}
        connection.sender(&mut out).send("short").expect("room");
        connection
            .sender(&mut out)
            .compression(Compression::Never)
            .send(&[b'x'; 500][..])
            .expect("room");
    });
    assert_eq!(usage, Usage::default());
}

/// What [`Connection::release`] leaves: the windows that the next messages need, and nothing of a
/// connection that is closed or has none to take over.
#[test]
fn release_gives_back_what_is_not_needed() {
    fn held<R: Side>(terms: Terms, close: bool) -> i64 {
        let mut bytes = traffic::<R>(terms);
        if close {
            bytes.extend(wire::frame(R::PEER_MASKS, FIN | CLOSE, &wire::close_payload(1000, "")));
        }
        let (mut scratch, mut out) =
            (Vec::with_capacity(bytes.len()), Vec::with_capacity(64 << 10));
        let (mut connection, used) = measure(|| {
            let mut connection = connection::<R>(terms, Config::new());
            echo(&mut connection, &bytes, 700, &mut scratch, &mut out);
            if close {
                connection.end_of_stream().expect("a clean end");
            }
            connection
        });
        let ((), released) = measure(|| connection.release());
        used.held + released.held
    }
    fn check<R: Side>() {
        let without = Terms { bits: 15, takeover: false };
        assert_eq!(held::<R>(without, false), 0, "no takeover");
        let small = Terms { bits: 9, takeover: true };
        assert!(held::<R>(small, false) > 0);
        // The frame that has closed it is in the report.
        for terms in [without, small, Terms::DEFAULT] {
            let held = held::<R>(terms, true);
            assert!(held <= 256, "{held} bytes held once it is closed");
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// The memory that is kept for messages is that of the settings, whatever was compressed.
#[test]
fn what_is_retained_is_bounded() {
    let message = Content::Text.bytes(1 << 20, 5);
    let wire = compressed::<Server>(Content::Text.kind(), &Deflate::new(15, 6).message(&message));
    let (mut scratch, mut out) = (Vec::with_capacity(8 << 10), Vec::with_capacity(4 << 20));
    let held = [0u32, 10_000].map(|retain| {
        let config = Config::new().retain(retain).delivery(Delivery::Whole);
        let mut connection = connection::<Server>(Terms::DEFAULT, config);
        let mut run = |bytes: &[u8]| echo(&mut connection, bytes, 8 << 10, &mut scratch, &mut out);
        let ping = wire::frame(true, FIN | PING, b"");
        let (events, usage) = measure(|| run(&wire) + run(&ping));
        assert_eq!(events, 2);
        assert!(usage.peak > 1 << 20, "{usage:?}");
        usage.held
    });
    // Of each direction at most so many bytes more than with nothing retained.
    assert!((0..=20_000).contains(&(held[1] - held[0])), "{held:?}");
}
