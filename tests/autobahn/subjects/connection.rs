//! This crate's [`Connection`], in both roles, with every storage and delivery.

use std::time::Duration;

use sansocket::{
    Accept, Client, Config, Connection, DeflateConfig, Delivery, Entropy, EntropyError, Event,
    Fixed, FixedDeflate, Heap, Message, MessageKind, Reply, Request, SendError, Server, Storage,
    TransportAction,
};

use crate::case::{Case, Kind};
use crate::play::Role;
use crate::random::Random;
use crate::subject::{Answer, Application, Subject};

/// The longest message that [`Variant::FixedWhole`] has memory for: 64 Ki characters, some of them
/// of more than an octet.
const FIXED: usize = 96 << 10;
/// The memory of [`Variant::FixedStreaming`], through which messages of any length pass.
const SMALL: usize = 1024;

const LARGEST: u64 = 16 << 20;

/// How a connection is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Variant {
    HeapWhole,
    HeapInPlace,
    HeapStreaming,
    FixedWhole,
    FixedStreaming,
}

/// A connection in this role.
pub(crate) fn subject(role: Role, variant: Variant, case: &Case) -> Box<dyn Subject> {
    type Compressing<const N: usize> = FixedDeflate<N, 15, 15>;
    let delivery = match variant {
        Variant::HeapWhole | Variant::FixedWhole => Delivery::Whole,
        Variant::HeapInPlace => Delivery::InPlace,
        Variant::HeapStreaming | Variant::FixedStreaming => Delivery::Streaming,
    };
    let config = Config::new()
        .delivery(delivery)
        .max_frame(LARGEST)
        .max_message(LARGEST)
        .opening_timeout(Duration::from_secs(10))
        .closing_timeout(Duration::from_secs(10))
        .server_drop_timeout(Duration::from_secs(10));
    let compresses = case.compression.is_some();
    match variant {
        Variant::HeapWhole | Variant::HeapInPlace | Variant::HeapStreaming => {
            endpoint(role, Heap, config.deflate(DeflateConfig::new()))
        }
        Variant::FixedWhole if compresses => {
            endpoint(role, Compressing::<FIXED>::default(), config.deflate(DeflateConfig::new()))
        }
        Variant::FixedStreaming if compresses => {
            endpoint(role, Compressing::<SMALL>::default(), config.deflate(DeflateConfig::new()))
        }
        Variant::FixedWhole => endpoint(role, Fixed::<FIXED>, config),
        Variant::FixedStreaming => endpoint(role, Fixed::<SMALL>, config),
    }
}

/// A connection with this storage.
fn endpoint<S: Storage + 'static>(role: Role, storage: S, config: Config) -> Box<dyn Subject> {
    match role {
        Role::Server => {
            let connection = Connection::server_in(storage, config);
            Box::new(Endpoint { connection, request: vec![], waiting: vec![] })
        }
        Role::Client => {
            let mut request = vec![];
            let connection = Connection::client_in(
                storage,
                &Request::new("127.0.0.1:9001", "/"),
                Keys(Random::new(1)),
                config,
                &mut request,
            );
            let connection = connection.expect("a request is written");
            Box::new(Endpoint { connection, request, waiting: vec![] })
        }
    }
}

struct Endpoint<R: sansocket::Role, S: Storage> {
    connection: Connection<R, S>,
    /// The request of a client.
    request: Vec<u8>,
    /// What was received and not consumed: a frame that is not whole yet.
    waiting: Vec<u8>,
}

/// Masking keys that are the same in every run.
struct Keys(Random);

impl Entropy for Keys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        bytes.iter_mut().for_each(|byte| *byte = self.0.next() as u8);
        Ok(())
    }
}

/// What the roles do differently when the connection opens.
trait Opens: sansocket::Role + Sized {
    fn open<S: Storage>(event: &Event<'_>, reply: &mut Reply<'_, Self, S, Vec<u8>>);
}

impl Opens for Server {
    fn open<S: Storage>(event: &Event<'_>, reply: &mut Reply<'_, Self, S, Vec<u8>>) {
        if let Event::Request(_) = event {
            reply.accept(Accept::new()).expect("a valid answer");
        }
    }
}

impl Opens for Client<Keys> {
    fn open<S: Storage>(_: &Event<'_>, _: &mut Reply<'_, Self, S, Vec<u8>>) {}
}

impl<R: Opens, S: Storage> Endpoint<R, S> {
    /// Takes the events in a chunk, and gives how much of it was consumed.
    fn take(
        &mut self,
        chunk: &mut [u8],
        application: &mut dyn Application,
        out: &mut Vec<u8>,
    ) -> usize {
        let mut events = self.connection.receive(chunk, out);
        // A failure is said to the peer in `out`, and by `transport` here.
        while let Ok(Some((event, mut reply))) = events.next() {
            R::open(&event, &mut reply);
            // An answer that cannot be sent any more is one that nobody waits for.
            let _ = answer(&event, &mut reply, application);
        }
        events.consumed()
    }
}

impl<R: Opens, S: Storage> Subject for Endpoint<R, S> {
    fn connected(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.request);
        self.connection.tick(Duration::ZERO, out).expect("no deadline is over");
    }

    fn receive(&mut self, chunk: &mut [u8], application: &mut dyn Application, out: &mut Vec<u8>) {
        if self.waiting.is_empty() {
            let consumed = self.take(chunk, application, out);
            self.waiting.extend_from_slice(&chunk[consumed..]);
        } else {
            let mut waiting = std::mem::take(&mut self.waiting);
            waiting.extend_from_slice(chunk);
            let consumed = self.take(&mut waiting, application, out);
            waiting.drain(..consumed);
            self.waiting = waiting;
        }
    }

    fn end_of_stream(&mut self) {
        // Whether that was too early is the fuzzing peer's to judge.
        let _ = self.connection.end_of_stream();
    }

    fn tick(&mut self, now: Duration, out: &mut Vec<u8>) {
        // What came of it, `transport` tells.
        let _ = self.connection.tick(now, out);
    }

    fn next_timeout(&self) -> Option<Duration> {
        self.connection.next_timeout()
    }

    fn closes_tcp(&self) -> bool {
        self.connection.transport() == TransportAction::Close
    }
}

fn answer<R: sansocket::Role, S: Storage>(
    event: &Event<'_>,
    reply: &mut Reply<'_, R, S, Vec<u8>>,
    application: &mut dyn Application,
) -> Result<(), SendError> {
    match *event {
        Event::Message(message) => {
            match application.answer(kind(message.kind()), message.as_bytes()) {
                Answer::Echo => reply.send(message),
                Answer::Instead(kind, payload) => reply.send(as_message(kind, &payload)),
                Answer::Nothing => Ok(()),
            }
        }
        // A piece that is a mark only, and not that of the end, would be a fragment of nothing.
        Event::Piece(piece) if piece.data.is_empty() && !piece.message_end => Ok(()),
        Event::Piece(piece) => match application.answer(kind(piece.kind), piece.data) {
            Answer::Echo => reply.send_fragment(piece.kind, piece.data, piece.message_end),
            Answer::Instead(kind, payload) => {
                reply.send_fragment(message_kind(kind), &payload, piece.message_end)
            }
            Answer::Nothing => Ok(()),
        },
        _ => Ok(()),
    }
}

fn as_message(kind: Kind, payload: &[u8]) -> Message<'_> {
    match (kind, str::from_utf8(payload)) {
        (Kind::Text, Ok(text)) => Message::Text(text),
        _ => Message::Binary(payload),
    }
}

fn kind(kind: MessageKind) -> Kind {
    match kind {
        MessageKind::Text => Kind::Text,
        MessageKind::Binary => Kind::Binary,
    }
}

fn message_kind(kind: Kind) -> MessageKind {
    match kind {
        Kind::Text => MessageKind::Text,
        Kind::Binary => MessageKind::Binary,
    }
}
