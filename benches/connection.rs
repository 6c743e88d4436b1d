//! What a connection costs from memory to memory: `cargo bench`.
//!
//! The wire is made once, outside the measurement; a server gets it in reads of 64 KiB, which are
//! copied to the read buffer first, as a socket would.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use sansocket::{Client, Config, Connection, Entropy, EntropyError, Event, Heap, Message, Server};

/// How many bytes one read gives.
const READ: usize = 64 * 1024;

fn main() {
    divan::main();
}

/// Keys that are different from each other; how they are made is not measured here.
struct Counter(u32);

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        self.0 = self.0.wrapping_mul(0x9E37_79B9).wrapping_add(1);
        for (byte, key) in bytes.iter_mut().zip(self.0.to_le_bytes().iter().cycle()) {
            *byte = *key;
        }
        Ok(())
    }
}

fn server() -> Connection<Server, Heap> {
    Connection::established(Server, None, Config::new())
}

fn client() -> Connection<Client<Counter>, Heap> {
    let role = Client::new(Counter(1));
    Connection::established(role, None, Config::new())
}

/// `count` masked messages on the wire.
fn masked(message: Message<'_>, count: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut client = client();
    for _ in 0..count {
        client.sender(&mut wire).send(message).expect("the connection is open");
    }
    wire
}

/// Receives the whole wire in reads of so many bytes, and counts the bytes of messages.
fn drain(
    connection: &mut Connection<Server, Heap>,
    wire: &[u8],
    read: usize,
    out: &mut Vec<u8>,
) -> usize {
    let mut buffer = [0; READ];
    let mut total = 0;
    for part in wire.chunks(read) {
        let chunk = &mut buffer[..part.len()];
        chunk.copy_from_slice(part);
        let mut events = connection.receive(chunk, out);
        while let Some((event, _)) = events.next().expect("the wire is valid") {
            if let Event::Message(message) = event {
                total += black_box(message.as_bytes()).len();
            }
        }
    }
    total
}

/// Receiving text of these lengths.
#[divan::bench(args = [16, 125, 1024, 64 * 1024])]
fn receive_text(bencher: Bencher<'_, '_>, length: usize) {
    let text = "x".repeat(length);
    receive(bencher, Message::Text(&text), READ);
}

/// Receiving binary messages of these lengths.
#[divan::bench(args = [125, 64 * 1024, 1024 * 1024])]
fn receive_binary(bencher: Bencher<'_, '_>, length: usize) {
    receive(bencher, Message::Binary(&vec![0x5A; length]), READ);
}

/// Receiving text of 125 bytes in reads of so many bytes.
#[divan::bench(args = [1, 7, 1460])]
fn receive_chopped(bencher: Bencher<'_, '_>, read: usize) {
    receive(bencher, Message::Text(&"x".repeat(125)), read);
}

fn receive(bencher: Bencher<'_, '_>, message: Message<'_>, read: usize) {
    let length = message.as_bytes().len();
    let count = (256 * 1024 / length).max(1);
    let wire = masked(message, count);
    let mut connection = server();
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(count)).counter(BytesCount::new(wire.len())).bench_local(
        || {
            let total = drain(&mut connection, &wire, read, &mut out);
            assert_eq!(total, count * length);
        },
    );
}

/// Sending binary messages of these lengths as a server.
#[divan::bench(args = [125, 64 * 1024])]
fn send_as_server(bencher: Bencher<'_, '_>, length: usize) {
    let payload = vec![0x5A; length];
    let mut connection = server();
    let mut out = Vec::new();
    bencher.counter(BytesCount::new(length)).bench_local(|| {
        out.clear();
        connection.sender(&mut out).send(black_box(&payload[..]))
    });
}

/// Sending binary messages of these lengths as a client, masked.
#[divan::bench(args = [125, 64 * 1024])]
fn send_as_client(bencher: Bencher<'_, '_>, length: usize) {
    let payload = vec![0x5A; length];
    let mut connection = client();
    let mut out = Vec::new();
    bencher.counter(BytesCount::new(length)).bench_local(|| {
        out.clear();
        connection.sender(&mut out).send(black_box(&payload[..]))
    });
}
