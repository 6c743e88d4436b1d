//! What the work is done with: connections whose handshake is done, payloads and wires.

use core::hint::black_box;

use sansocket::deflate::DeflateParams;
use sansocket::{
    Chunk, Client, Config, Connection, Entropy, EntropyError, Event, Fragment, Heap, Message,
    MessageKind, Role, Server,
};

/// Keys that are different from each other and the same in every run; a real source would be
/// counted as well.
pub(crate) struct Counter(u32);

impl Counter {
    pub(crate) fn new() -> Self {
        Self(1)
    }
}

impl Entropy for Counter {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        for part in bytes.chunks_mut(4) {
            self.0 = self.0.wrapping_mul(0x9E37_79B9).wrapping_add(1);
            part.copy_from_slice(&self.0.to_le_bytes()[..part.len()]);
        }
        Ok(())
    }
}

/// The two roles, so that what is the same for both is said once.
pub(crate) trait Side: Role + Sized + 'static {
    /// What the names of its paths begin with.
    const NAME: &'static str;

    type Peer: Side;

    fn role() -> Self;

    fn established() -> Connection<Self, Heap> {
        Self::established_with(None, Config::new())
    }

    fn established_with(deflate: Option<DeflateParams>, config: Config) -> Connection<Self, Heap> {
        Connection::established(Self::role(), deflate, config)
    }
}

impl Side for Server {
    const NAME: &'static str = "server";

    type Peer = Client<Counter>;

    fn role() -> Self {
        Self
    }
}

impl Side for Client<Counter> {
    const NAME: &'static str = "client";

    type Peer = Server;

    fn role() -> Self {
        Self::new(Counter::new())
    }
}

/// The messages on the wire, as the peer of `R` sends them.
pub(crate) fn wire<'a, R: Side>(messages: impl IntoIterator<Item = Message<'a>>) -> Vec<u8> {
    let mut peer = R::Peer::established();
    let mut wire = Vec::new();
    for message in messages {
        peer.sender(&mut wire).send(message).expect("the connection is open");
    }
    wire
}

/// A binary message in `count` fragments of these bytes, as the peer of `R` sends it.
pub(crate) fn fragments<R: Side>(count: usize, fragment: &[u8]) -> Vec<u8> {
    let mut peer = R::Peer::established();
    let mut wire = Vec::new();
    for index in 0..count {
        let place = match index {
            0 => Fragment::First(MessageKind::Binary),
            _ if index + 1 == count => Fragment::Last,
            _ => Fragment::Middle,
        };
        peer.sender(&mut wire).send_fragment(place, fragment).expect("the connection is open");
    }
    wire
}

/// Passes the wire in reads of so many bytes, and counts the bytes of messages.
pub(crate) fn receive<R: Role>(
    connection: &mut Connection<R, Heap>,
    wire: &mut [u8],
    read: usize,
    out: &mut Vec<u8>,
) -> usize {
    wire.chunks_mut(read).map(|chunk| receive_chunk(connection, chunk, out)).sum()
}

/// Passes one chunk, and counts the bytes of messages in it.
pub(crate) fn receive_chunk<R: Role>(
    connection: &mut Connection<R, Heap>,
    chunk: impl Chunk,
    out: &mut Vec<u8>,
) -> usize {
    let mut total = 0;
    let mut events = connection.receive(chunk, out);
    while let Some((event, _)) = events.next().expect("the wire is valid") {
        if let Event::Message(message) = event {
            total += black_box(message.as_bytes()).len();
        }
    }
    total
}

/// A message of JSON of exactly so many bytes, different for each `seed`: the keys and words that
/// such messages have in common, and numbers that differ.
pub(crate) fn json(length: usize, seed: u32) -> String {
    const STATES: [&str; 4] = ["open", "partly filled", "filled", "cancelled"];
    let mut number = seed;
    let mut next = |below: u32| {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (number >> 8) % below
    };
    let mut text = format!(r#"{{"sequence":{seed},"orders":["#);
    while text.len() < length {
        let (id, price, amount) = (next(1_000_000), next(100_000), next(500));
        let state = STATES[next(4) as usize];
        text += &format!(r#"{{"id":{id},"state":"{state}","price":{price},"amount":{amount}}},"#);
    }
    text.truncate(length - 2);
    text + "]}"
}
