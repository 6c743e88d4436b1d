//! Messages received, sent and echoed, and pings answered, on connections that have been open for
//! a while: their memory has its size.

use core::hint::black_box;

use sansocket::{Client, Event, Message, Server};

use crate::Path;
use crate::data::{Counter, Side, fragments, receive, receive_chunk, wire};

const KIB: usize = 1024;

/// A read that takes everything there is.
const WHOLE: usize = usize::MAX;

pub(crate) fn paths() -> Vec<Path> {
    let mut paths = receiving::<Server>();
    paths.extend(receiving::<Client<Counter>>());
    paths.extend([
        sending::<Server>("125 B", 125),
        sending::<Client<Counter>>("125 B", 125),
        sending::<Client<Counter>>("64 KiB", 64 * KIB),
        echo(),
    ]);
    paths
}

fn receiving<R: Side>() -> Vec<Path> {
    let text = |length| wire::<R>([Message::Text(&"x".repeat(length))]);
    vec![
        receiving_one::<R>("16 B of text", text(16), 16, WHOLE),
        receiving_one::<R>("125 B of text", text(125), 125, WHOLE),
        receiving_one::<R>("125 B of text in 1-byte reads", text(125), 125, 1),
        receiving_one::<R>("1 KiB of text", text(KIB), KIB, WHOLE),
        receiving_shared::<R>("1 KiB of text from a shared chunk", text(KIB), KIB),
        receiving_one::<R>("1 KiB of Greek text", greek::<R>(KIB), KIB, WHOLE),
        receiving_one::<R>("64 KiB of text", text(64 * KIB), 64 * KIB, WHOLE),
        receiving_one::<R>("64 KiB of binary", binary::<R>(64 * KIB), 64 * KIB, WHOLE),
        receiving_one::<R>(
            "1 MiB in fragments of 1 KiB",
            fragments::<R>(KIB, &[0x5A; KIB]),
            KIB * KIB,
            64 * KIB,
        ),
        answering_ping::<R>(),
    ]
}

/// Receiving a message of `length` bytes that is on the `wire`, in reads of so many bytes.
fn receiving_one<R: Side>(name: &str, wire: Vec<u8>, length: usize, read: usize) -> Path {
    Path::new(format!("{} receives {name}", R::NAME), move || {
        let mut connection = R::established();
        let mut out = Vec::new();
        receive(&mut connection, &mut wire.clone(), read, &mut out);
        let mut wire = wire.clone();
        move || receive(&mut connection, &mut wire, read, &mut out) == length
    })
}

/// The same from a chunk that the library must not change.
fn receiving_shared<R: Side>(name: &str, wire: Vec<u8>, length: usize) -> Path {
    Path::new(format!("{} receives {name}", R::NAME), move || {
        let mut connection = R::established();
        let wire = wire.clone();
        let mut out = Vec::new();
        let mut work = move || receive_chunk(&mut connection, &wire[..], &mut out) == length;
        work();
        work
    })
}

fn greek<R: Side>(length: usize) -> Vec<u8> {
    wire::<R>([Message::Text(&"λ".repeat(length / 2))])
}

fn binary<R: Side>(length: usize) -> Vec<u8> {
    wire::<R>([Message::Binary(&vec![0x5A; length])])
}

/// Receiving a ping of 16 bytes, which is answered on the way.
fn answering_ping<R: Side>() -> Path {
    let mut wire = Vec::new();
    R::Peer::established().sender(&mut wire).ping(&[0x5A; 16]).expect("the connection is open");
    Path::new(format!("{} answers a ping of 16 B", R::NAME), move || {
        let mut connection = R::established();
        let mut out = Vec::new();
        receive(&mut connection, &mut wire.clone(), WHOLE, &mut out);
        out.clear();
        let mut wire = wire.clone();
        move || {
            receive(&mut connection, &mut wire, WHOLE, &mut out);
            black_box(&out).len() > 16
        }
    })
}

fn sending<R: Side>(name: &str, length: usize) -> Path {
    Path::new(format!("{} sends {name} of binary", R::NAME), move || {
        let payload = vec![0x5A; length];
        let mut connection = R::established();
        let mut out = Vec::new();
        let mut work = move || {
            out.clear();
            connection.sender(&mut out).send(black_box(&payload[..])).is_ok()
                && black_box(&out).len() > length
        };
        work();
        work
    })
}

/// Receiving a text and sending it back while it is lent.
fn echo() -> Path {
    let wire = wire::<Server>([Message::Text(&"x".repeat(125))]);
    Path::new("server echoes 125 B of text", move || {
        let mut connection = Server::established();
        let mut out = Vec::new();
        let mut echo = move |wire: &mut [u8]| {
            out.clear();
            let mut events = connection.receive(wire, &mut out);
            while let Some((event, mut reply)) = events.next().expect("the wire is valid") {
                if let Event::Message(message) = event {
                    reply.send(message).expect("the connection is open");
                }
            }
            black_box(&out).len() == 2 + 125
        };
        echo(&mut wire.clone());
        let mut wire = wire.clone();
        move || echo(&mut wire)
    })
}
