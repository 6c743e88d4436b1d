//! Contract 7, a full output changes nothing, for messages that would be compressed: the call asks
//! for the room of the plain one, and the compressor has seen nothing before there is that.

use sansocket::deflate::DeflateError;
use sansocket::{
    Bounded, Client, Compression, Config, Connection, Error, Full, Heap, MessageKind, Server,
    State, TransportAction,
};

use crate::common::output::Output;
use crate::common::record::{Seen, Snapshot};
use crate::common::side::{Script, Side};
use crate::common::wire::{self, CLOSE, FIN, PING, PONG};
use crate::peer::{Content, RSV1, Terms, compressed, connection, read};
use crate::zlib::{Deflate, Inflate};

/// How long a frame is that a side sends plain.
fn plain_length<R: Side>(length: usize) -> usize {
    wire::header(!R::PEER_MASKS, 0, length as u64).len() + length
}

/// Sends messages, each tried first with every room that is too small.
fn every_room<R: Side>(terms: Terms) {
    let mut connection = connection::<R>(terms, Config::new());
    let mut model = self::connection::<R>(terms, Config::new());
    let mut inflate = Inflate::new(terms.bits);
    for (length, seed) in [(1, 0), (100, 1), (126, 1), (700, 2), (700, 2), (100, 1)] {
        for content in [Content::Json, Content::Random] {
            let message = content.bytes(length, seed);
            let needed = plain_length::<R>(length);
            for room in 0..needed {
                let before = Snapshot::of(&connection);
                let mut out = Output::with_limit(room);
                let mut sender = connection.sender(&mut out).compression(Compression::Always);
                assert_eq!(sender.send(&message[..]), Ok(Err(Full { needed, room })));
                assert_eq!((&out.bytes[..], Snapshot::of(&connection)), (&[][..], before));
            }
            let mut out = Output::with_limit(needed);
            let mut sender = connection.sender(&mut out).compression(Compression::Always);
            assert_eq!(sender.send(&message[..]), Ok(Ok(())));
            // As if nothing had been tried: the mask of a client and the window are the same.
            let mut expected = Output::unbounded();
            model
                .sender(&mut expected)
                .compression(Compression::Always)
                .send(&message[..])
                .expect("room");
            assert_eq!(out.bytes, expected.bytes);
            assert!(read(&mut inflate, terms.takeover, &out.bytes) == [message]);
        }
    }
}

#[test]
fn what_is_sent_with_every_room() {
    for terms in [Terms::DEFAULT, Terms { bits: 9, takeover: true }] {
        every_room::<Server>(terms);
        every_room::<Client<Script>>(terms);
    }
}

/// Takes events until `None`, and returns the number of bytes that were consumed.
fn take<R: Side>(
    connection: &mut Connection<R, Heap>,
    bytes: &[u8],
    out: &mut Output<Bounded>,
    seen: &mut Vec<Seen>,
) -> usize {
    let mut chunk = bytes.to_vec();
    let mut events = connection.receive(&mut chunk, out);
    while let Some((event, _)) = events.next().expect("no failure that is returned yet") {
        seen.push(Seen::new(&event));
    }
    assert_eq!(events.remaining(), &bytes[events.consumed()..], "changed before its turn");
    events.consumed()
}

/// A ping inside a compressed message is answered once there is room, and the message goes on.
#[test]
fn what_is_answered_inside_a_message() {
    fn check<R: Side>() {
        let message = Content::Json.bytes(2000, 4);
        let payload = Deflate::new(15, 6).message(&message);
        let (first, second) = payload.split_at(payload.len() / 2);
        let mut bytes = wire::frame(R::PEER_MASKS, RSV1 | wire::TEXT, first);
        bytes.extend(wire::frame(R::PEER_MASKS, FIN | PING, b"there?"));
        let blocked_at = bytes.len();
        bytes.extend(wire::frame(R::PEER_MASKS, FIN | wire::CONTINUATION, second));

        let mut connection = connection::<R>(Terms::DEFAULT, Config::new());
        let (mut out, mut seen) = (Output::with_limit(0), vec![]);
        let needed = plain_length::<R>(6);
        let mut rest = &bytes[..];
        for room in 0..needed {
            out.set_room(room);
            let consumed = take(&mut connection, rest, &mut out, &mut seen);
            rest = &rest[consumed..];
            assert_eq!(connection.transport(), TransportAction::Write);
            assert!(bytes.len() - rest.len() < blocked_at);
            assert_eq!((&seen[..], out.bytes.len()), (&[][..], 0));
        }
        out.set_room(needed);
        assert_eq!(take(&mut connection, rest, &mut out, &mut seen), rest.len());
        let text = Seen::Message(MessageKind::Text, message);
        assert_eq!(seen, [Seen::Ping(b"there?".to_vec()), text]);
        assert_eq!(connection.transport(), TransportAction::Read);
        let pong = wire::read_frames(&out.bytes).remove(0);
        assert_eq!((pong.first, &pong.payload[..]), (FIN | PONG, &b"there?"[..]));
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// Invalid deflate data are reported to the peer once there is room for the close frame, and to the
/// caller after that; until then the failure sticks.
#[test]
fn a_failure_that_has_no_room() {
    fn check<R: Side>() {
        let mut connection = connection::<R>(Terms::DEFAULT, Config::new());
        let invalid = compressed::<R>(MessageKind::Binary, &[0x06, 0x00]);
        let error = Error::InvalidDeflate { reason: DeflateError::BlockType, offset: 0 };
        let payload = wire::close_payload(1007, error.reason());
        let needed = plain_length::<R>(payload.len());
        let (mut out, mut seen) = (Output::with_limit(0), vec![]);
        let mut rest = &invalid[..];
        for room in 0..needed {
            out.set_room(room);
            let consumed = take(&mut connection, rest, &mut out, &mut seen);
            rest = &rest[consumed..];
            let asked = (connection.transport(), connection.state());
            assert_eq!(asked, (TransportAction::Write, State::Closing));
            assert!(out.bytes.is_empty());
        }
        out.set_room(needed);
        take(&mut connection, rest, &mut out, &mut seen);
        let asked = (connection.transport(), connection.state());
        assert_eq!(asked, (TransportAction::Close, State::Closed));
        assert_eq!(connection.receive(rest, &mut out).next().map(drop), Err(error));
        assert_eq!(seen, []);
        let frames = wire::read_frames(&out.bytes);
        assert_eq!((frames.len(), frames[0].first, &frames[0].payload), (1, FIN | CLOSE, &payload));
    }
    check::<Server>();
    check::<Client<Script>>();
}
