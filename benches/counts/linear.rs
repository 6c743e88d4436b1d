//! Work that must grow no faster than what is received, at two sizes each.
//!
//! These paths are called `WHAT x COUNT`. From the smallest to the largest count of the same
//! `WHAT`, `run` lets the instructions for each of them grow by a twentieth at most: that is room
//! for memory that doubles, and none for bytes that are looked at again. The connections are new,
//! so that the growth of their memory is counted.

use sansocket::{Config, Connection, Event, Message, Request, Server};

use crate::Path;
use crate::data::{Counter, Side, fragments, receive, wire};

pub(crate) fn paths() -> Vec<Path> {
    let mut paths = Vec::new();
    paths.extend([10_000, 100_000].map(bytes));
    paths.extend([10_000, 100_000].map(empty_fragments));
    paths.extend([16_000, 160_000].map(tiny_messages));
    paths.extend([800, 8_000].map(head));
    paths
}

/// One text, a byte a read.
fn bytes(count: usize) -> Path {
    let wire = wire::<Server>([Message::Text(&"x".repeat(count))]);
    receiving("bytes of a text in 1-byte reads", count, wire, 1, count)
}

/// The fragments of an empty message, all in one read.
fn empty_fragments(count: usize) -> Path {
    let wire = fragments::<Server>(count, b"");
    receiving("empty fragments in one read", count, wire, usize::MAX, 0)
}

/// Messages of one byte, all in one read.
fn tiny_messages(count: usize) -> Path {
    let wire = wire::<Server>((0..count).map(|_| Message::Binary(b"x")));
    receiving("messages of 1 B in one read", count, wire, usize::MAX, count)
}

fn receiving(what: &str, count: usize, wire: Vec<u8>, read: usize, length: usize) -> Path {
    Path::new(format!("{what} x {count}"), move || {
        let mut server = Server::established();
        let mut out = Vec::new();
        let mut wire = wire.clone();
        move || receive(&mut server, &mut wire, read, &mut out) == length
    })
}

/// A request of `length` bytes, most of them in headers, a byte a read.
fn head(length: usize) -> Path {
    let request = request(length);
    Path::new(format!("bytes of a request in 1-byte reads x {length}"), move || {
        let mut server = Connection::server(Config::new());
        let mut out = Vec::new();
        let mut request = request.clone();
        move || {
            let mut done = false;
            for chunk in request.chunks_mut(1) {
                let mut events = server.receive(chunk, &mut out);
                while let Some((event, _)) = events.next().expect("the request is valid") {
                    done |= matches!(event, Event::Request(_));
                }
            }
            done
        }
    })
}

fn request(length: usize) -> Vec<u8> {
    const LINE: usize = 160;
    let mut head = Vec::new();
    Connection::client(&Request::new("example.com", "/"), Counter::new(), Config::new(), &mut head)
        .expect("a valid request");
    let end = head.split_off(head.len() - 2);
    while head.len() + LINE < length {
        let filled = "v".repeat(LINE - "Padding: \r\n".len());
        head.extend(format!("Padding: {filled}\r\n").bytes());
    }
    let filled = "v".repeat(length - head.len() - end.len() - "P: \r\n".len());
    head.extend(format!("P: {filled}\r\n").bytes());
    head.extend(end);
    assert_eq!(head.len(), length);
    head
}
