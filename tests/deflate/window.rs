//! The windows [RFC 7692 §7.1.2, §7.2]: with each size, both sides keep to it in what they send,
//! and use all of it in what they receive. The C zlib is the judge.

use sansocket::{
    Client, Compression, Config, DeflateConfig, Delivery, Message, MessageKind, Server,
};

use crate::common::output::Output;
use crate::common::side::{Script, Side};
use crate::peer::{
    Content, DELIVERIES, RSV1, Terms, compressed, connection, driver, messages, read,
};
use crate::zlib::{self, Inflate};

/// Messages of a length that has several windows, and of some short ones.
fn lengths(bits: u8) -> [usize; 5] {
    let window = 1 << bits;
    [4 * window + 77, 100, window - 1, 2 * window + 1, 300]
}

fn message(content: Content, bytes: &[u8]) -> Message<'_> {
    match content.kind() {
        MessageKind::Text => Message::Text(core::str::from_utf8(bytes).expect("ASCII")),
        MessageKind::Binary => Message::Binary(bytes),
    }
}

/// All that a side sends on these terms is accepted by zlib with just that window.
fn keeps_to_its_window<R: Side>(terms: Terms, level: u8) {
    let config = Config::new().deflate(DeflateConfig::new().level(level));
    for content in Content::ALL {
        let mut connection = connection::<R>(terms, config);
        let mut inflate = Inflate::new(terms.bits);
        for (seed, length) in (0..).zip(lengths(terms.bits)) {
            let bytes = content.bytes(length, seed);
            let mut out = Output::unbounded();
            connection
                .sender(&mut out)
                .compression(Compression::Always)
                .send(message(content, &bytes))
                .expect("room without end");
            let shrinks = out.bytes[0] & RSV1 != 0;
            assert_eq!(shrinks, content != Content::Random, "{terms:?}, {content:?}");
            let read = read(&mut inflate, terms.takeover, &out.bytes);
            assert!(read == [bytes], "{terms:?}, {content:?}, {length} bytes");
        }
    }
}

#[test]
fn what_a_server_sends() {
    Terms::all().for_each(|terms| keeps_to_its_window::<Server>(terms, 6));
}

#[test]
fn what_a_client_sends() {
    Terms::all().for_each(|terms| keeps_to_its_window::<Client<Script>>(terms, 6));
}

#[test]
fn every_level() {
    for level in 1..=9 {
        keeps_to_its_window::<Server>(Terms::DEFAULT, level);
        keeps_to_its_window::<Server>(Terms { bits: 10, takeover: true }, level);
    }
}

/// What zlib sends on these terms is received.
fn receives<R: Side>(terms: Terms, level: u8, delivery: Delivery) {
    for (content, through_input) in Content::ALL.into_iter().flat_map(|c| [(c, false), (c, true)]) {
        let mut deflate = zlib::Deflate::new(terms.bits, level);
        let mut driver = driver::<R>(terms, Config::new().delivery(delivery));
        if through_input {
            driver = driver.with_input();
        }
        let mut sent = vec![];
        for (seed, length) in (0..).zip(lengths(terms.bits)) {
            let bytes = content.bytes(length, seed);
            let wire = compressed::<R>(content.kind(), &deflate.message(&bytes));
            driver.feed_in(&wire, [(1, true), (700, false), (1, false), (5, true)]);
            sent.push(bytes);
            if !terms.takeover {
                deflate.reset();
            }
        }
        assert_eq!(driver.error, None, "{terms:?}, level {level}, {content:?}, {delivery:?}");
        let same = messages(&driver.seen) == sent;
        assert!(same, "{terms:?}, level {level}, {content:?}, {delivery:?}");
    }
}

/// With the windows that zlib can compress with.
fn receives_all<R: Side>() {
    for terms in Terms::all().filter(|terms| terms.bits >= 9) {
        for level in [1, 6, 9] {
            for delivery in DELIVERIES {
                receives::<R>(terms, level, delivery);
            }
        }
    }
}

#[test]
fn what_a_server_receives() {
    receives_all::<Server>();
}

#[test]
fn what_a_client_receives() {
    receives_all::<Client<Script>>();
}

/// What one side sends the other receives: the smallest window too, with which zlib does not
/// compress.
#[test]
fn what_goes_to_and_fro() {
    for terms in Terms::all() {
        let mut server = driver::<Server>(terms, Config::new());
        let mut client = driver::<Client<Script>>(terms, Config::new());
        for content in Content::ALL {
            let bytes = content.bytes(3 << terms.bits, 5);
            server.connection.sender(&mut server.out).send(message(content, &bytes)).expect("room");
            let wire = server.out.take();
            client.feed_in(&wire, [(3, true), (1000, false)]);
            client.connection.sender(&mut client.out).send(message(content, &bytes)).expect("room");
            let wire = client.out.take();
            server.feed_in(&wire, [(3, false), (1000, true)]);
            for seen in [&mut client.seen, &mut server.seen] {
                assert!(messages(seen) == [&bytes[..]], "{terms:?}, {content:?}");
                seen.clear();
            }
        }
    }
}

/// A text that comes twice, the second time so many bytes behind the first.
fn echo_at(distance: usize) -> Vec<u8> {
    let text = Content::Random.bytes(distance.min(200), 1);
    let between = Content::Random.bytes(distance - text.len(), 2);
    [&text[..], &between, &text].concat()
}

/// The judge judges: the whole window is allowed, one byte more is not. Neither is it to us.
#[test]
fn the_window_is_measured_to_the_byte() {
    // With the largest window zlib reaches back any of these distances.
    for bits in 8..=14 {
        let window = 1 << bits;
        for (distance, allowed) in [(window, true), (window + 1, false)] {
            let bytes = echo_at(distance);
            let payload = zlib::Deflate::new(15, 9).message(&bytes);
            assert!(payload.len() < bytes.len(), "the copy is found");
            let judged = Inflate::new(bits).message(&payload);
            assert_eq!(judged.is_ok_and(|read| read == bytes), allowed, "zlib, {distance}");
            let terms = Terms { bits, takeover: true };
            let mut driver = driver::<Server>(terms, Config::new());
            driver.feed(&compressed::<Server>(MessageKind::Binary, &payload), true);
            let received = driver.error.is_none() && messages(&driver.seen) == [&bytes[..]];
            assert_eq!(received, allowed, "{bits} bits, {distance} bytes back");
        }
    }
}

/// Without takeover no message refers to the one before, with it the second one is a copy.
#[test]
fn takeover_shows_in_the_length() {
    for terms in Terms::all() {
        let mut connection = connection::<Server>(terms, Config::new());
        let bytes = Content::Random.bytes(100, 7);
        let text = [&bytes[..], b"0123456789".repeat(10).as_slice()].concat();
        let lengths = [(); 3].map(|()| {
            let mut out = Output::unbounded();
            connection
                .sender(&mut out)
                .compression(Compression::Always)
                .send(&text[..])
                .expect("room");
            assert_eq!(out.bytes[0], 0xC2);
            out.bytes.len()
        });
        let [first, second, third] = lengths;
        assert_eq!((first, second) == (second, third), !terms.takeover, "{terms:?} {lengths:?}");
        assert_eq!(second < first, terms.takeover, "{terms:?} {lengths:?}");
    }
}
