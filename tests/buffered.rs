//! What `Connection::buffered` counts: the memory for the message under way.
#![cfg(feature = "alloc")]

use sansocket::{Config, Connection, Event, Fixed, Server};

/// The masked header of a binary frame of 100,000 bytes, with the mask 0.
const HEADER: [u8; 14] = [0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0x86, 0xA0, 0, 0, 0, 0];
const LENGTH: usize = 100_000;

#[test]
fn it_grows_with_what_arrives_and_shrinks_to_what_is_kept() {
    let config = Config::new().retain(1000);
    let mut connection = Connection::established(Server, None, config);
    let mut out = Vec::new();
    assert_eq!(connection.buffered(), 0);

    // A header that declares a length allocates nothing.
    assert!(connection.receive(&HEADER[..], &mut out).next().expect("valid").is_none());
    assert_eq!(connection.buffered(), 0);

    let mut arrived = 0;
    for chunk in [0; LENGTH].chunks(999) {
        let mut events = connection.receive(chunk, &mut out);
        arrived += chunk.len();
        match events.next().expect("valid") {
            Some((Event::Message(message), _)) => assert_eq!(message.as_bytes().len(), LENGTH),
            Some((event, _)) => panic!("{event:?}"),
            None => assert!(arrived < LENGTH),
        }
        let buffered = connection.buffered();
        assert!((arrived..=2 * arrived).contains(&buffered), "{buffered} bytes for {arrived}");
    }

    assert!(connection.receive(&[][..], &mut out).next().expect("valid").is_none());
    assert_eq!(connection.buffered(), 1000);
    connection.release();
    assert_eq!(connection.buffered(), 0);
}

#[test]
fn a_release_leaves_the_message_under_way() {
    let mut connection = Connection::established(Server, None, Config::new());
    let mut out = Vec::new();
    for chunk in [&HEADER[..], &[0; 500]] {
        assert!(connection.receive(chunk, &mut out).next().expect("valid").is_none());
    }
    connection.release();
    assert!(connection.buffered() >= 500);
}

#[cfg(feature = "deflate")]
#[test]
fn of_a_compressed_message_it_counts_the_bytes_that_come_out() {
    use sansocket::deflate::DeflateParams;

    // One literal 0 and 40 matches of 258 bytes at a distance of 1, in a block of fixed codes:
    // 10,321 bytes out of 71 or less.
    let mut bits = Vec::new();
    bits.extend([0, 1, 0]); // BFINAL, then BTYPE with its low bit first
    bits.extend([0, 0, 1, 1, 0, 0, 0, 0]); // the literal 0
    for _ in 0..40 {
        bits.extend([1, 1, 0, 0, 0, 1, 0, 1]); // the length 258: the code of 285
        bits.extend([0; 5]); // the distance 1
    }
    let payload: Vec<u8> =
        bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect();
    let negotiated = Some(DeflateParams::default());
    let mut connection = Connection::established(Server, negotiated, Config::new());
    let mut out = Vec::new();
    // Not the last frame.
    let mut wire = vec![0x42, 0x80 | u8::try_from(payload.len()).expect("short"), 0, 0, 0, 0];
    wire.extend(&payload);
    assert!(connection.receive(&wire[..], &mut out).next().expect("valid").is_none());
    assert!((10_000..=64 << 10).contains(&connection.buffered()), "{}", connection.buffered());
}

#[test]
fn memory_of_constant_size_is_always_there() {
    let fixed = Fixed::<256>;
    let connection = Connection::established_in(fixed, Server, None, Config::new());
    assert_eq!(connection.buffered(), 256);
}
