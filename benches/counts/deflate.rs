//! permessage-deflate: 1 KiB of JSON behind a message that is much like it.

use core::hint::black_box;

use sansocket::deflate::{DeflateParams, WindowBits};
use sansocket::{Client, Config, Connection, DeflateConfig, Heap, Server};

use crate::Path;
use crate::data::{Counter, Side, json, receive};

const LENGTH: usize = 1024;

pub(crate) fn paths() -> Vec<Path> {
    vec![
        decoding(15),
        // The smaller windows have an encoder of their own.
        encoding(15),
        encoding(12),
    ]
}

/// A connection with context takeover and windows of so many bits.
fn established<R: Side>(bits: u8) -> Connection<R, Heap> {
    let bits = WindowBits::new(bits).expect("8 to 15");
    let params = DeflateParams {
        server_max_window_bits: bits,
        client_max_window_bits: bits,
        ..DeflateParams::default()
    };
    let deflate = DeflateConfig::new().incoming_window(bits).outgoing_window(bits);
    R::established_with(Some(params), Config::new().deflate(deflate))
}

fn decoding(bits: u8) -> Path {
    Path::new(format!("server inflates 1 KiB of JSON, window 2^{bits}"), move || {
        let mut client = established::<Client<Counter>>(bits);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for (seed, wire) in [(1, &mut first), (2, &mut second)] {
            client.sender(wire).send(&json(LENGTH, seed)[..]).expect("the connection is open");
        }
        assert!(second.len() < LENGTH, "the message goes compressed");
        let mut server = established::<Server>(bits);
        let mut out = Vec::new();
        receive(&mut server, &mut first, usize::MAX, &mut out);
        move || receive(&mut server, &mut second, usize::MAX, &mut out) == LENGTH
    })
}

fn encoding(bits: u8) -> Path {
    Path::new(format!("server deflates 1 KiB of JSON, window 2^{bits}"), move || {
        let mut server = established::<Server>(bits);
        let mut out = Vec::with_capacity(2 * LENGTH);
        server.sender(&mut out).send(&json(LENGTH, 1)[..]).expect("the connection is open");
        let message = json(LENGTH, 2);
        move || {
            out.clear();
            let sent = server.sender(&mut out).send(black_box(&message[..]));
            sent.is_ok() && black_box(&out).len() < LENGTH
        }
    })
}
