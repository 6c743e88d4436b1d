//! Contract 7, a full output changes nothing, for messages that would be compressed: the call asks
//! for the room of the plain one, and the compressor has seen nothing before there is that.

use sansocket::deflate::DeflateError;
use sansocket::{Client, Compression, Config, Error, MessageKind, SendError, Server};

use crate::common::output::Output;
use crate::common::record::{Seen, Snapshot};
use crate::common::side::{Script, Side};
use crate::common::wire::{self, FIN, PING};
use crate::peer::{Content, RSV1, Terms, compressed, connection, driver, read};
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
                let sent = connection.send_with(&message[..], Compression::Always, &mut out);
                assert_eq!(sent, Err(SendError::Full { needed, room }));
                assert_eq!((&out.bytes[..], Snapshot::of(&connection)), (&[][..], before));
            }
            let mut out = Output::with_limit(needed);
            connection.send_with(&message[..], Compression::Always, &mut out).expect("room");
            // As if nothing had been tried: the mask of a client and the window are the same.
            let mut expected = Output::unbounded();
            model.send_with(&message[..], Compression::Always, &mut expected).expect("room");
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

        let mut driver = driver::<R>(Terms::DEFAULT, Config::new());
        let needed = plain_length::<R>(6);
        let mut rest = &bytes[..];
        for room in 0..needed {
            driver.out.set_room(room);
            driver.error = None;
            let consumed = driver.feed_up_to(rest, true, usize::MAX);
            rest = &rest[consumed..];
            let full = SendError::Full { needed, room };
            assert_eq!(driver.error, Some(Error::Blocked(full)));
            assert!(bytes.len() - rest.len() <= blocked_at);
            assert_eq!((&driver.seen[..], driver.out.bytes.len()), (&[][..], 0));
        }
        driver.out.set_room(needed);
        driver.error = None;
        driver.feed(rest, true);
        let text = Seen::Message(MessageKind::Text, message);
        assert_eq!((driver.error, driver.seen), (None, vec![Seen::Ping(b"there?".to_vec()), text]));
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// That deflate data are invalid is told once there is room for it, and sticks until then.
#[test]
fn a_failure_that_has_no_room() {
    fn check<R: Side>() {
        let mut driver = driver::<R>(Terms::DEFAULT, Config::new());
        driver.out.set_room(3);
        let invalid = compressed::<R>(MessageKind::Binary, &[0x06, 0x00]);
        let consumed = driver.feed_up_to(&invalid, true, usize::MAX);
        assert!(matches!(driver.error, Some(Error::Blocked(SendError::Full { .. }))));
        assert!(driver.out.bytes.is_empty());
        driver.out.set_room(200);
        driver.error = None;
        driver.feed(&invalid[consumed..], true);
        let error = Error::InvalidDeflate { reason: DeflateError::BlockType, offset: 0 };
        assert_eq!(driver.error, Some(error));
        let frames = wire::read_frames(&driver.out.bytes);
        let payload = wire::close_payload(1007, error.reason());
        assert_eq!((frames.len(), &frames[0].payload), (1, &payload));
    }
    check::<Server>();
    check::<Client<Script>>();
}
