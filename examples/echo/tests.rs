//! The server with clients on loopback, all on one thread: it is given rounds, which are counted.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use mio::Events;

use crate::options::Options;
use crate::server::Server;

/// More rounds than any test needs.
const ROUNDS: usize = 10_000;

const ACCEPTED: &[u8] = b"HTTP/1.1 101 ";

/// The answer to a ping without payload.
const PONG: &[u8] = &[0x8A, 0];

/// The close code 1013.
const CODE: [u8; 2] = [0x03, 0xF5];

/// A server on a free port.
struct Fixture {
    server: Server,
    events: Events,
}

impl Fixture {
    fn new(max_memory: usize) -> Self {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let options = Options { address, max_memory, ..Options::default() };
        let server = Server::bind(&options).expect("a free port");
        Self { server, events: Events::with_capacity(1024) }
    }

    /// Gives the server rounds until `done`, and returns how many.
    fn rounds_until(&mut self, mut done: impl FnMut() -> bool) -> usize {
        for round in 0..ROUNDS {
            if done() {
                return round;
            }
            self.round();
        }
        panic!("not done after {ROUNDS} rounds");
    }

    fn round(&mut self) {
        // What was sent over loopback is there already.
        self.server.round(&mut self.events, Some(Duration::ZERO)).expect("events");
        assert!(!self.server.is_exhausted(), "connections hold more than they may");
    }

    /// A client whose opening handshake is done.
    fn connect(&mut self) -> Client {
        let socket = TcpStream::connect(self.server.address().expect("it listens"));
        let mut client = Client { socket: socket.expect("it listens"), received: Vec::new() };
        client.socket.set_nonblocking(true).expect("a socket");
        client.send(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
              Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
        );
        self.rounds_until(|| client.receive().ends_with(b"\r\n\r\n"));
        assert!(client.received.starts_with(ACCEPTED));
        client.received.clear();
        client
    }
}

/// A frame with the mask 0.
fn ping(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a control frame is short");
    [&[0x89, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// Compressed payload of 4,006 bytes a part: empty blocks, then a stored block of one byte, since
/// more empty blocks in a row are refused.
pub(crate) fn nearly_empty_blocks(parts: usize) -> Vec<u8> {
    let empty = [0x02, 0x08, 0x20, 0x80, 0x00].repeat(800);
    let stored = [0x00, 0x01, 0x00, 0xFE, 0xFF, b'x'];
    [&empty[..], &stored].concat().repeat(parts)
}

struct Client {
    socket: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// Sends what fits the buffers of the kernel.
    fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).expect("few bytes");
    }

    /// All that was received since the opening handshake.
    fn receive(&mut self) -> &[u8] {
        let mut chunk = [0; 4096];
        loop {
            match self.socket.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => self.received.extend(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{error}"),
            }
        }
        &self.received
    }
}

#[test]
fn expensive_input_delays_others_by_a_round_and_is_not_lost() {
    let mut fixture = Fixture::new(1 << 20);
    let (mut attacker, mut other) = (fixture.connect(), fixture.connect());
    // Some 50,000 compressed bytes, then a ping.
    let blocks = nearly_empty_blocks(12);
    let [high, low] = u16::try_from(blocks.len()).expect("less than 64 KiB").to_be_bytes();
    let header = [0x42, 0xFE, high, low, 0, 0, 0, 0];
    attacker.send(&[&header[..], &blocks, &ping(b"done")].concat());
    other.send(&ping(b"hi"));
    let rounds = fixture.rounds_until(|| other.receive() == b"\x8A\x02hi");
    // Its readiness may be noted after the attacker's.
    assert!(rounds <= 2, "{rounds} rounds");
    fixture.rounds_until(|| attacker.receive() == b"\x8A\x04done");
    // The attacker has one more turn, to find that there is nothing more to read.
    fixture.round();
    assert_ne!(fixture.server.patience(), Some(Duration::ZERO), "it does not wait");
}

#[test]
fn the_connections_that_hold_most_are_closed() {
    const CLIENTS: usize = 30;
    let mut fixture = Fixture::new(1 << 20);
    let mut small = fixture.connect();
    // The first fragment of a message, and a ping that is answered once the server has it.
    small.send(&[b"\x02\x84\0\0\0\0tiny", &ping(b"")[..]].concat());
    fixture.rounds_until(|| small.receive() == PONG);

    let fragment = [b"\x02\xFE\xC3\x50\0\0\0\0", &[0; 50_000][..]].concat();
    let mut large: Vec<_> = (0..CLIENTS).map(|_| fixture.connect()).collect();
    for client in &mut large {
        client.send(&[&fragment, &ping(b"")[..]].concat());
        fixture.rounds_until(|| !client.receive().is_empty());
    }
    let mut closed = 0;
    for client in &mut large {
        // What was closed before the pong could be sent has only the close frame.
        let received = client.receive();
        let frames = received.strip_prefix(PONG).unwrap_or(received);
        if !frames.is_empty() {
            assert!(frames.starts_with(b"\x88") && frames[2..4] == CODE, "{frames:?}");
            closed += 1;
        }
    }
    // The memory for 50,000 bytes is at most twice as much.
    assert!((CLIENTS - (1 << 20) / 50_000..=CLIENTS - 10).contains(&closed), "{closed} closed");

    small.send(b"\x80\x80\0\0\0\0");
    fixture.rounds_until(|| small.receive().len() > PONG.len());
    assert_eq!(small.received[PONG.len()..], *b"\x82\x04tiny");
}
