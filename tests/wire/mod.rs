//! What the tests of the wire share: both sides under one name, frames encoded apart from the
//! library's own codec, an output that needs no allocator of the library, and events to compare.

// Each test is a crate of its own, and uses a part of it.
#![allow(dead_code, unreachable_pub)]

use sansocket::{
    Buffer, Chunk, Client, Config, Connection, Entropy, EntropyError, Error, Event, Events, Fixed,
    Growing, MessageKind, Role, Sender, Server, Storage, TransportAction,
};

/// The memory of most connections here, so that the tests run without an allocator too.
pub type Memory = Fixed<4096>;

/// The masking key of RFC 6455 §5.7, with which everything here is masked.
pub const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The nonce of RFC 6455 §1.3.
pub const NONCE: [u8; 16] = *b"the sample nonce";

/// An output without a limit.
#[derive(Debug, Default)]
pub struct Out(pub Vec<u8>);

impl Out {
    /// What was appended since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.0)
    }
}

impl Buffer for Out {
    type Room = Growing;

    fn room(&self) -> usize {
        1 << 30
    }

    fn append(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// A source that returns the nonce and the key of the RFC's examples.
#[derive(Clone, Copy, Debug)]
pub struct Scripted;

impl Entropy for Scripted {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        match bytes.len() {
            16 => bytes.copy_from_slice(&NONCE),
            _ => bytes.copy_from_slice(&KEY),
        }
        Ok(())
    }
}

/// What differs between the sides.
pub trait Side: Role + Sized {
    /// Whether this side masks what it sends, which its peer then does not.
    const MASKS: bool;

    fn side() -> Self;
}

impl Side for Server {
    const MASKS: bool = false;

    fn side() -> Self {
        Self
    }
}

impl Side for Client<Scripted> {
    const MASKS: bool = true;

    fn side() -> Self {
        Self::new(Scripted)
    }
}

/// The client of these tests.
pub type ScriptedClient = Client<Scripted>;

/// A connection after its opening handshake.
pub fn open<R: Side>(config: Config) -> Connection<R, Memory> {
    open_in(Fixed, config)
}

/// A connection after its opening handshake, in this memory.
pub fn open_in<R: Side, S: Storage>(storage: S, config: Config) -> Connection<R, S> {
    Connection::established_in(storage, R::side(), None, config)
}

/// A frame with this first byte, masked with the key of the RFC or not.
pub fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut wire = vec![first];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => wire.push(mask | length.to_be_bytes()[1]),
        Ok(length) => {
            wire.push(mask | 126);
            wire.extend(length.to_be_bytes());
        }
        Err(_) => {
            wire.push(mask | 127);
            wire.extend((payload.len() as u64).to_be_bytes());
        }
    }
    if masked {
        wire.extend(KEY);
        wire.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        wire.extend(payload);
    }
    wire
}

/// A frame as the peer of `R` sends it.
pub fn from_peer<R: Side>(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, payload, !R::MASKS)
}

/// A frame as `R` sends it.
pub fn from_us<R: Side>(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, payload, R::MASKS)
}

/// The payload of a close frame.
pub fn close_body(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes()[..], reason.as_bytes()].concat()
}

/// An event without its borrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The target of a request to upgrade.
    Request(String),
    /// The method and the target of a plain request.
    Http(String, String),
    /// The subprotocol that was chosen.
    Open(Option<String>),
    /// The status.
    Refused(u16),
    /// A piece of the body of a refusal.
    Body(Vec<u8>),
    Text(String),
    Binary(Vec<u8>),
    Piece(MessageKind, Vec<u8>, Marks),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

/// The marks of a piece: `start`, `frame_end`, `message_end`.
pub type Marks = (bool, bool, bool);

impl Seen {
    pub fn new(event: &Event<'_>) -> Self {
        match *event {
            Event::Request(head) => Self::Request(head.target().into()),
            Event::Http(head) => Self::Http(head.method().into(), head.target().into()),
            Event::Open(head) => Self::Open(head.protocol().map(Into::into)),
            Event::Refused(head) => Self::Refused(head.status()),
            Event::Body(piece) => Self::Body(piece.into()),
            Event::Message(sansocket::Message::Text(text)) => Self::Text(text.into()),
            Event::Message(message) => Self::Binary(message.as_bytes().into()),
            Event::Piece(piece) => {
                let marks = (piece.start, piece.frame_end, piece.message_end);
                Self::Piece(piece.kind, piece.data.into(), marks)
            }
            Event::Ping(payload) => Self::Ping(payload.into()),
            Event::Pong(payload) => Self::Pong(payload.into()),
            Event::Close(frame) => {
                Self::Close(frame.code().map(|code| code.get()), frame.reason().into())
            }
            ref other => panic!("an event that the tests do not know: {other:?}"),
        }
    }
}

/// The result of feeding some bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Fed {
    pub seen: Vec<Seen>,
    pub result: Result<(), Error>,
    /// What was not consumed.
    pub left: Vec<u8>,
}

impl Fed {
    /// The events of bytes that must all be consumed without an error.
    #[track_caller]
    pub fn all(self) -> Vec<Seen> {
        assert_eq!((self.result, &self.left[..]), (Ok(()), &[][..]), "after {:?}", self.seen);
        self.seen
    }
}

/// Feeds bytes in place and answers nothing.
pub fn feed<R: Role, S: Storage>(
    connection: &mut Connection<R, S>,
    bytes: &[u8],
    out: &mut Out,
) -> Fed {
    feed_with(connection, bytes, out, |_, _| {})
}

/// Feeds bytes in place; `answer` runs at each event.
pub fn feed_with<R: Role, S: Storage>(
    connection: &mut Connection<R, S>,
    bytes: &[u8],
    out: &mut Out,
    answer: impl FnMut(&Event<'_>, &mut Sender<'_, R, S, Out>),
) -> Fed {
    drain(connection.receive(&mut bytes.to_vec()[..], out), answer)
}

/// Feeds bytes that may not be changed, and answers nothing.
pub fn feed_shared<R: Role, S: Storage>(
    connection: &mut Connection<R, S>,
    bytes: &[u8],
    out: &mut Out,
) -> Fed {
    drain(connection.receive(bytes, out), |_, _| {})
}

fn drain<R: Role, S: Storage, C: Chunk>(
    mut events: Events<'_, R, S, C, Out>,
    mut answer: impl FnMut(&Event<'_>, &mut Sender<'_, R, S, Out>),
) -> Fed {
    let mut seen = vec![];
    let mut asked_again = false;
    let result = loop {
        match events.next() {
            Ok(Some((event, mut reply))) => {
                seen.push(Seen::new(&event));
                answer(&event, &mut reply);
            }
            // An error is returned after its close frame was appended.
            Ok(None) => {
                if asked_again || events.transport() != TransportAction::Close {
                    break Ok(());
                }
                asked_again = true;
            }
            Err(error) => break Err(error),
        }
    };
    Fed { seen, result, left: events.remaining().to_vec() }
}
