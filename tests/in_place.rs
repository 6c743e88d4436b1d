//! Delivery in place: a message in one frame waits in the caller's buffer until it is whole, and is
//! lent from there, with no copy anywhere; what is missing is told.

mod common;

use core::time::Duration;

use common::output::Output;
use common::side::{Script, Side, established};
use common::wire::{self, BINARY, CONTINUATION, FIN, PING, TEXT};
use sansocket::{
    Client, Config, Connection, Delivery, Error, Event, Fixed, Server, Storage, Timeout,
};

fn in_place() -> Config {
    Config::new().delivery(Delivery::InPlace)
}

fn open<R: Side>(config: Config) -> Connection<R, Fixed<70_000>> {
    established(Fixed::<70_000>, config)
}

/// A message as it was lent: how far from the start of the buffer, if in it, and what it says.
type Lent = (Option<usize>, Vec<u8>);

/// What a caller has read and the connection has not consumed.
#[derive(Default)]
struct Waiting {
    buffer: Vec<u8>,
    wanted: u64,
}

impl Waiting {
    /// Reads these bytes behind what waits, and gives the messages.
    fn read<R: Side, S: Storage>(
        &mut self,
        connection: &mut Connection<R, S>,
        bytes: &[u8],
    ) -> Result<Vec<Lent>, Error> {
        self.buffer.extend_from_slice(bytes);
        let range = self.buffer.as_ptr_range();
        let mut out = Output::unbounded();
        let mut events = connection.receive(&mut self.buffer[..], &mut out);
        let mut seen = vec![];
        while let Some((event, _)) = events.next()? {
            if let Event::Message(message) = event {
                let bytes = message.as_bytes();
                let place = range.contains(&bytes.as_ptr());
                let place = place.then(|| bytes.as_ptr().addr() - range.start.addr());
                seen.push((place, bytes.to_vec()));
            }
        }
        self.wanted = events.wanted();
        let consumed = events.consumed();
        self.buffer.drain(..consumed);
        Ok(seen)
    }
}

#[test]
fn a_message_in_one_frame_is_lent_from_the_callers_buffer_however_it_is_cut() {
    fn check<R: Side>() {
        let payload = "é€ 😀".repeat(50);
        let frame = wire::frame(R::PEER_MASKS, FIN | TEXT, payload.as_bytes());
        let header = frame.len() - payload.len();
        for first in 0..=frame.len() {
            for second in [first, first + 1, first + 2, frame.len() - 1] {
                let second = second.clamp(first, frame.len());
                let mut connection = open::<R>(in_place());
                let mut waiting = Waiting::default();
                let mut seen = vec![];
                for part in [&frame[..first], &frame[first..second], &frame[second..]] {
                    assert_eq!(seen, [], "cut at {first} and {second}");
                    // The header is consumed as soon as it is whole.
                    let waits = waiting.buffer.len() + part.len();
                    seen = waiting.read(&mut connection, part).unwrap();
                    let place = if waits == frame.len() { header } else { 0 };
                    if !seen.is_empty() {
                        assert_eq!(seen, [(Some(place), payload.clone().into_bytes())]);
                        assert!(waiting.buffer.is_empty());
                    }
                    if second == frame.len() && !seen.is_empty() {
                        break;
                    }
                }
                assert_eq!(seen.len(), 1, "cut at {first} and {second}");
            }
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

#[test]
fn what_is_wanted_is_what_is_missing() {
    fn check<R: Side>(length: usize) {
        let frame = wire::frame(R::PEER_MASKS, FIN | BINARY, &vec![7; length]);
        let header = frame.len() - length;
        let mut connection = open::<R>(in_place());
        let mut waiting = Waiting::default();
        for (end, byte) in (1..).zip(&frame) {
            let seen = waiting.read(&mut connection, &[*byte]).unwrap();
            assert_eq!(seen.len(), usize::from(end == frame.len()));
            let known = match (end, length) {
                (1, _) => 2,
                // A short frame is known whole by its second byte.
                (_, 0..126) => frame.len(),
                _ if end < header => header,
                _ => frame.len(),
            };
            assert_eq!(waiting.wanted, (known - end) as u64, "{end} of {length}");
        }
    }
    for length in [0, 1, 100, 125, 126, 300, 65_535, 65_536] {
        check::<Server>(length);
        check::<Client<Script>>(length);
    }
}

#[test]
fn nothing_is_wanted_where_nothing_waits() {
    let payload = wire::frame(true, FIN | TEXT, b"hello");
    for delivery in [Delivery::Whole, Delivery::Streaming] {
        let mut connection = open::<Server>(Config::new().delivery(delivery));
        let mut waiting = Waiting::default();
        for byte in &payload {
            waiting.read(&mut connection, &[*byte]).unwrap();
            assert_eq!((waiting.wanted, waiting.buffer.len()), (0, 0));
        }
    }
    let mut connection = open::<Server>(in_place());
    let mut waiting = Waiting::default();
    let error = waiting.read(&mut connection, b"\x81\x01").unwrap_err();
    let mut out = Output::unbounded();
    let events = connection.receive(b"\x81", &mut out);
    assert_eq!((events.wanted(), events.remaining()), (0, &b"\x81"[..]), "after {error}");
}

#[test]
fn fragments_are_collected_and_control_frames_pass_between_them() {
    let mut connection = open::<Server>(in_place());
    let mut waiting = Waiting::default();
    let frames = [
        wire::frame(true, TEXT, b"one "),
        wire::frame(true, FIN | PING, b"?"),
        wire::frame(true, CONTINUATION, b"two "),
        wire::frame(true, FIN | CONTINUATION, b"three"),
    ];
    let mut seen = vec![];
    for byte in &frames.concat() {
        seen.extend(waiting.read(&mut connection, &[*byte]).unwrap());
    }
    assert_eq!(seen, [(None, b"one two three".to_vec())]);
}

#[test]
fn bad_text_is_refused_at_its_first_byte_or_when_its_frame_is_whole() {
    let frame = wire::frame(true, FIN | TEXT, b"ok \xE2\x82\x28 more");
    let header = frame.len() - 11;
    let refused_at = |config| {
        let mut connection = open::<Server>(config);
        let mut waiting = Waiting::default();
        (0..frame.len()).find_map(|at| {
            let error = waiting.read(&mut connection, &frame[at..=at]).err()?;
            Some((at, error))
        })
    };
    let error = Error::InvalidUtf8 { offset: 3 };
    assert_eq!(refused_at(in_place()), Some((header + 5, error)));
    let late = in_place().validate_held(false);
    assert_eq!(refused_at(late), Some((frame.len() - 1, error)));
}

#[test]
fn a_frame_over_the_limit_is_refused_by_its_header() {
    let mut connection = open::<Server>(in_place().max_frame(1000));
    let header = wire::header(true, FIN | BINARY, 1001);
    let error = Waiting::default().read(&mut connection, &header[..4]).unwrap_err();
    assert_eq!(error, Error::FrameTooLong { length: 1001, limit: 1000 });
}

/// What was unmasked where it waits may go on in a chunk that cannot be changed.
#[test]
fn a_message_that_waits_can_be_collected_instead() {
    for (kind, payload) in [(TEXT, "a€b😀c".as_bytes()), (BINARY, &[0xFF, 0, 1, 2, 3, 4, 5, 6])]
    {
        let frame = wire::frame(true, FIN | kind, payload);
        for cut in 6..frame.len() {
            let mut connection = open::<Server>(in_place());
            let mut waiting = Waiting::default();
            assert_eq!(waiting.read(&mut connection, &frame[..cut]), Ok(vec![]));
            waiting.buffer.extend_from_slice(&frame[cut..]);
            let mut out = Output::unbounded();
            let mut events = connection.receive(&waiting.buffer[..], &mut out);
            let (event, _) = events.next().unwrap().expect("the message");
            let Event::Message(message) = event else { panic!("{event:?}") };
            assert_eq!(message.as_bytes(), payload, "cut at {cut}");
            assert_eq!(events.remaining(), b"");
        }
    }
}

/// Bytes that wait are heard when they come, and not again when they are passed again.
#[test]
fn a_peer_is_heard_by_bytes_that_are_new() {
    let ms = Duration::from_millis;
    let frame = wire::frame(true, FIN | BINARY, &[7; 50]);
    let config = in_place().keep_alive(ms(100), ms(10));
    let mut connection = open::<Server>(config);
    let mut out = Output::unbounded();
    let mut waiting = Waiting::default();
    connection.tick(ms(0), &mut out).unwrap();
    waiting.read(&mut connection, &frame[..20]).unwrap();
    for now in [90, 180] {
        connection.tick(ms(now), &mut out).unwrap();
        waiting.read(&mut connection, &[0]).unwrap();
    }
    assert_eq!(connection.next_timeout(), Some(ms(280)));
    connection.tick(ms(270), &mut out).unwrap();
    waiting.read(&mut connection, &[]).unwrap();
    assert_eq!(connection.next_timeout(), Some(ms(280)));
    connection.tick(ms(280), &mut out).unwrap();
    assert_eq!(out.take()[0], FIN | PING);
    let error = connection.tick(ms(300), &mut out).unwrap_err();
    assert_eq!(error, Error::Timeout(Timeout::Pong));
}

/// So are those of a header, each of which may be the last for long.
#[test]
fn a_peer_is_heard_by_each_byte_of_a_header() {
    let ms = Duration::from_millis;
    let header = &wire::frame(true, FIN | BINARY, &[7; 70_000])[..13];
    let mut connection = open::<Server>(in_place().keep_alive(ms(100), ms(10)));
    let mut out = Output::unbounded();
    let mut waiting = Waiting::default();
    connection.tick(ms(0), &mut out).unwrap();
    for (byte, now) in header.iter().zip((0..).map(|step| 90 * step)) {
        connection.tick(ms(now), &mut out).unwrap();
        assert_eq!(out.take(), [], "a ping at {now} ms");
        waiting.read(&mut connection, &[*byte]).unwrap();
        assert_eq!(connection.next_timeout(), Some(ms(now + 100)));
        connection.tick(ms(now + 50), &mut out).unwrap();
        waiting.read(&mut connection, &[]).unwrap();
        assert_eq!(connection.next_timeout(), Some(ms(now + 100)), "no byte at {now} ms");
    }
    assert_eq!(waiting.buffer.len(), 13);
}

/// A chunk that lacks some of the bytes that wait changes nothing, of either kind: so an empty one
/// can be passed at any time.
#[test]
fn fewer_bytes_than_wait_change_nothing() {
    for (kind, payload) in [(TEXT, "a€b😀c".as_bytes()), (BINARY, &[0xFF, 0, 1, 2, 3, 4, 5, 6])]
    {
        let frame = wire::frame(true, FIN | kind, payload);
        for cut in 6..frame.len() {
            for fewer in 0..cut - 6 {
                let mut connection = open::<Server>(in_place());
                let mut waiting = Waiting::default();
                assert_eq!(waiting.read(&mut connection, &frame[..cut]), Ok(vec![]));
                let mut out = Output::unbounded();
                let mut events = connection.receive(&waiting.buffer[..fewer], &mut out);
                assert!(events.next().unwrap().is_none());
                assert_eq!((events.consumed(), events.remaining().len()), (0, fewer));
                assert_eq!(events.wanted(), (payload.len() - fewer) as u64);
                let mut events = connection.receive(&mut waiting.buffer[..fewer], &mut out);
                assert!(events.next().unwrap().is_none());
                assert_eq!((events.consumed(), events.remaining().len()), (0, fewer));
                let seen = waiting.read(&mut connection, &frame[cut..]).unwrap();
                assert_eq!(seen, [(Some(0), payload.to_vec())], "{fewer} of {cut} bytes");
            }
        }
    }
}

/// Nor does the idle deadline forget new bytes because they came in a chunk that cannot be changed.
#[test]
fn new_bytes_behind_those_that_wait_are_noted_in_either_kind_of_chunk() {
    let ms = Duration::from_millis;
    let frame = wire::frame(true, FIN | BINARY, &[7; 50]);
    for end in [21, frame.len()] {
        let mut connection = open::<Server>(in_place().idle_timeout(ms(100)));
        let mut out = Output::unbounded();
        let mut waiting = Waiting::default();
        connection.tick(ms(0), &mut out).unwrap();
        waiting.read(&mut connection, &frame[..20]).unwrap();
        connection.tick(ms(90), &mut out).unwrap();
        waiting.buffer.extend_from_slice(&frame[20..end]);
        let mut events = connection.receive(&waiting.buffer[..], &mut out);
        assert_eq!(events.next().unwrap().is_some(), end == frame.len());
        assert_eq!(connection.next_timeout(), Some(ms(190)), "up to {end}");
    }
}

#[test]
fn nothing_is_wanted_behind_a_close_frame() {
    let mut bytes = wire::frame(true, FIN | wire::CLOSE, &wire::close_payload(1000, ""));
    bytes.push(FIN | TEXT);
    let mut connection = open::<Server>(in_place());
    let mut out = Output::unbounded();
    let mut events = connection.receive(&mut bytes[..], &mut out);
    let closed = matches!(events.next(), Ok(Some((Event::Close(_), _))));
    assert_eq!((closed, events.remaining(), events.wanted()), (true, &[FIN | TEXT][..], 0));
}
