//! Streaming delivery: pieces and their marks, messages larger than the memory, text that is cut
//! or wrong, limits, and the way back by fragments.

mod wire;

use sansocket::{Config, Delivery, Error, Event, Fixed, MessageKind, SendError, Server, State};
use wire::{
    Fed, Marks, Out, ScriptedClient, Seen, Side, feed, feed_shared, feed_with, from_peer, from_us,
    open, open_in,
};

const TEXT: MessageKind = MessageKind::Text;
const BINARY: MessageKind = MessageKind::Binary;

fn streaming() -> Config {
    Config::new().delivery(Delivery::Streaming)
}

fn piece(kind: MessageKind, data: &[u8], start: bool, frame: bool, message: bool) -> Seen {
    Seen::Piece(kind, data.to_vec(), (start, frame, message))
}

/// The bytes of all pieces, and all marks in the order of the bytes: where a piece starts a
/// message, ends a frame, ends a message.
fn joined(seen: &[Seen]) -> (Vec<u8>, Vec<(usize, Marks)>) {
    let (mut bytes, mut marks) = (vec![], vec![]);
    for seen in seen {
        let Seen::Piece(_, data, (start, frame, message)) = seen else { panic!("{seen:?}") };
        if *start {
            marks.push((bytes.len(), (true, false, false)));
        }
        bytes.extend(data);
        if *frame || *message {
            marks.push((bytes.len(), (false, *frame, *message)));
        }
    }
    (bytes, marks)
}

#[test]
fn a_whole_frame_is_one_piece_with_all_marks() {
    fn check<R: Side>() {
        let mut connection = open::<R>(streaming());
        let wire = [from_peer::<R>(0x81, b"Hello"), from_peer::<R>(0x82, b"")].concat();
        let seen = feed(&mut connection, &wire, &mut Out::default()).all();
        let expected =
            [piece(TEXT, b"Hello", true, true, true), piece(BINARY, b"", true, true, true)];
        assert_eq!(seen, expected);
        assert_eq!(feed_shared(&mut connection, &wire, &mut Out::default()).all(), expected);
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn fragments_keep_their_marks_with_control_frames_between_them() {
    fn check<R: Side>() {
        let mut out = Out::default();
        let mut connection = open::<R>(streaming());
        let peer = from_peer::<R>;
        let wire = [
            peer(0x01, b"Hel"),
            peer(0x89, b"?"),
            peer(0x00, b""),
            peer(0x8A, b"!"),
            peer(0x80, b"lo"),
            peer(0x02, b""),
            peer(0x80, b""),
        ];
        let expected = [
            piece(TEXT, b"Hel", true, true, false),
            Seen::Ping(b"?".to_vec()),
            piece(TEXT, b"", false, true, false),
            Seen::Pong(b"!".to_vec()),
            piece(TEXT, b"lo", false, true, true),
            piece(BINARY, b"", true, true, false),
            piece(BINARY, b"", false, true, true),
        ];
        assert_eq!(feed(&mut connection, &wire.concat(), &mut out).all(), expected);
        assert_eq!(out.take(), from_us::<R>(0x8A, b"?"));
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn pieces_come_as_the_bytes_do() {
    fn check<R: Side>() {
        let mut connection = open::<R>(streaming());
        let wire = from_peer::<R>(0x82, b"abcdef");
        let (header, payload) = wire.split_at(wire.len() - 6);
        let mut fed = |bytes: &[u8]| feed(&mut connection, bytes, &mut Out::default()).all();
        assert_eq!(fed(header), []);
        assert_eq!(fed(&payload[..1]), [piece(BINARY, b"a", true, false, false)]);
        assert_eq!(fed(&[]), []);
        assert_eq!(fed(&payload[1..4]), [piece(BINARY, b"bcd", false, false, false)]);
        assert_eq!(fed(&payload[4..]), [piece(BINARY, b"ef", false, true, true)]);
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn every_chop_gives_the_same_bytes_and_marks() {
    fn check<R: Side>() {
        let wire = [
            from_peer::<R>(0x01, "wör".as_bytes()),
            from_peer::<R>(0x00, b""),
            from_peer::<R>(0x80, "d€".as_bytes()),
            from_peer::<R>(0x82, &[7; 130]),
        ]
        .concat();
        let pieces = |length: usize, shared: bool| {
            let mut connection = open_in::<R, _>(Fixed::<16>, streaming());
            let mut seen = vec![];
            for part in wire.chunks(length) {
                let out = &mut Out::default();
                let fed = match shared {
                    true => feed_shared(&mut connection, part, out),
                    false => feed(&mut connection, part, out),
                };
                seen.extend(fed.all());
            }
            joined(&seen)
        };
        let whole = pieces(wire.len(), false);
        assert_eq!(whole.0, ["wörd€".as_bytes(), &[7; 130]].concat());
        let (start, frame, end) = ((true, false, false), (false, true, false), (false, true, true));
        let marks = [(0, start), (4, frame), (4, frame), (8, end), (8, start), (138, end)];
        assert_eq!(whole.1, marks);
        for length in 1..=wire.len() {
            assert_eq!(pieces(length, false), whole, "parts of {length} in place");
            assert_eq!(pieces(length, true), whole, "parts of {length}");
        }
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn a_message_larger_than_the_memory_passes() {
    fn check<R: Side>() {
        const SIZE: usize = 64;
        let payload: Vec<u8> = (0..=250).cycle().take(10_000).collect();
        let wire = from_peer::<R>(0x82, &payload);
        let connect = || open_in::<R, _>(Fixed::<SIZE>, streaming());

        let seen = feed(&mut connect(), &wire, &mut Out::default()).all();
        assert_eq!(seen, [piece(BINARY, &payload, true, true, true)]);

        let seen = feed_shared(&mut connect(), &wire, &mut Out::default()).all();
        assert_eq!(joined(&seen).0, payload);
        // Only what has to be unmasked goes through the memory.
        let pieces = if R::MASKS { 1 } else { payload.len().div_ceil(SIZE) };
        assert_eq!(seen.len(), pieces);
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn a_character_may_be_cut_anywhere() {
    fn check<R: Side>() {
        let text = "aé€😀".as_bytes();
        for cut in 0..=text.len() {
            let mut connection = open::<R>(streaming());
            let (first, last) = text.split_at(cut);
            let wire = [from_peer::<R>(0x01, first), from_peer::<R>(0x80, last)].concat();
            let seen = feed(&mut connection, &wire, &mut Out::default()).all();
            let expected =
                [piece(TEXT, first, true, true, false), piece(TEXT, last, false, true, true)];
            assert_eq!(seen, expected, "cut at {cut}");
        }
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn a_bad_text_is_handed_out_up_to_its_first_bad_byte() {
    fn check<R: Side>() {
        // What is sent, the part that is good, and where the bad sequence starts.
        let rows: [(&[u8], &[u8], u64); 5] = [
            (b"ok \xFF more", b"ok ", 3),
            (b"ok \xE2\x82\x41", b"ok \xE2\x82", 3),
            (b"ok \xED\xA0\x80", b"ok \xED", 3),
            (b"\x80", b"", 0),
            (b"ok \xF0\x9F\x98", b"ok \xF0\x9F\x98", 3),
        ];
        for (text, good, offset) in rows {
            let wire = from_peer::<R>(0x81, text);
            let expected = match good {
                [] => vec![],
                _ => vec![piece(TEXT, good, true, false, false)],
            };
            let error = Error::InvalidUtf8 { offset };
            for feed in [feed::<R, _>, feed_shared::<R, _>] {
                let mut out = Out::default();
                let mut connection = open::<R>(streaming());
                let Fed { seen, result, .. } = feed(&mut connection, &wire, &mut out);
                assert_eq!((seen, result), (expected.clone(), Err(error)), "{text:02x?}");
                let sent = out.take();
                assert!(sent.starts_with(&[0x88]), "{sent:02x?}");
            }
            let mut connection = open::<R>(streaming());
            let mut bytes = vec![];
            let result = wire.iter().try_for_each(|byte| {
                let fed = feed(&mut connection, &[*byte], &mut Out::default());
                bytes.extend(joined(&fed.seen).0);
                fed.result
            });
            assert_eq!((&bytes[..], result), (good, Err(error)), "{text:02x?} byte by byte");
        }
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn what_is_answered_to_a_bad_text_does_not_depend_on_the_chop() {
    fn check<R: Side>() {
        let wire = from_peer::<R>(0x81, b"ok \xFF");
        let answered = |length: usize| {
            let mut out = Out::default();
            let mut connection = open::<R>(streaming());
            let mut answers = vec![];
            for part in wire.chunks(length) {
                let fed = feed_with(&mut connection, part, &mut out, |event, reply| {
                    if let Event::Piece(piece) = event
                        && piece.start
                    {
                        answers.push((reply.state(), reply.ping(b"started")));
                    }
                });
                if fed.result.is_err() {
                    break;
                }
            }
            (answers, out.take())
        };
        let chopped = answered(1);
        assert_eq!(chopped.0, [(State::Open, Ok::<_, SendError>(()))]);
        assert_eq!(answered(wire.len()), chopped);
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn limits_hold_before_the_payload_comes() {
    fn check<R: Side>() {
        let mut connection = open::<R>(streaming().max_message(10).max_frame(8));
        let wire = [from_peer::<R>(0x02, &[1; 8]), from_peer::<R>(0x80, &[2; 3])].concat();
        // Nothing of the payload that is too long.
        let fed = feed(&mut connection, &wire[..wire.len() - 3], &mut Out::default());
        assert_eq!(fed.seen, [piece(BINARY, &[1; 8], true, true, false)]);
        assert_eq!(fed.result, Err(Error::MessageTooLong { length: 11, limit: 10 }));

        let mut connection = open::<R>(streaming().max_message(10).max_frame(8));
        let fed = feed(&mut connection, &from_peer::<R>(0x02, &[1; 9]), &mut Out::default());
        assert_eq!(
            (fed.seen, fed.result),
            (vec![], Err(Error::FrameTooLong { length: 9, limit: 8 }))
        );

        let mut connection = open::<R>(streaming().max_message(10).max_frame(8));
        let wire = [from_peer::<R>(0x02, &[1; 8]), from_peer::<R>(0x80, &[2; 2])].concat();
        assert_eq!(feed(&mut connection, &wire, &mut Out::default()).all().len(), 2);
    }
    check::<Server>();
    check::<ScriptedClient>();
}

#[test]
fn an_echo_by_fragments_gives_back_the_same_messages() {
    let text = "Grüße, 世界 😀 ".repeat(20);
    let mut wire = vec![];
    for (index, part) in text.as_bytes().chunks(33).enumerate() {
        let first = if index == 0 { 0x01 } else { 0x00 };
        wire.extend(from_peer::<Server>(first, part));
    }
    wire.extend(from_peer::<Server>(0x80, b""));
    wire.extend(from_peer::<Server>(0x82, &[9; 300]));
    for length in [1, 2, 7, 64, wire.len()] {
        let mut server = open_in::<Server, _>(Fixed::<8>, streaming());
        let mut echo = Out::default();
        for part in wire.chunks(length) {
            let fed = feed_with(&mut server, part, &mut echo, |event, reply| {
                let Event::Piece(piece) = event else { panic!("{event:?}") };
                reply.send_fragment(piece.fragment(), piece.data).unwrap();
            });
            fed.all();
        }
        let mut client = open::<ScriptedClient>(Config::new());
        let seen = feed(&mut client, &echo.take(), &mut Out::default()).all();
        assert_eq!(seen, [Seen::Text(text.clone()), Seen::Binary(vec![9; 300])], "{length}");
    }
}

/// The heap, whose pieces are as long as the chunk.
#[cfg(feature = "alloc")]
#[test]
fn pieces_on_the_heap_are_as_long_as_their_chunks() {
    let mut server = open_in::<Server, _>(sansocket::Heap, streaming());
    let wire = from_peer::<Server>(0x82, &[3; 1000]);
    for feed in [feed::<Server, _>, feed_shared::<Server, _>] {
        let seen = feed(&mut server, &wire, &mut Out::default()).all();
        assert_eq!(seen, [piece(BINARY, &[3; 1000], true, true, true)]);
    }
}
