//! This crate's [`Connection`], in both roles, with every storage and delivery.

use std::time::Duration;

use sansocket::{
    Accept, Chunk, Client, Config, Connection, DeflateConfig, Delivery, Entropy, EntropyError,
    Event, Fixed, FixedDeflate, Fragment, Heap, Input, Message, MessageKind, Request, SendError,
    Sender, Server, Storage, TransportAction,
};

use crate::case::{Case, Kind};
use crate::ending::Ending;
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
    HeapStreaming,
    /// Bytes are received through an [`Input`], where frames can wait until they are whole.
    HeapInputWhole,
    HeapInputStreaming,
    FixedWhole,
    FixedStreaming,
}

/// A connection in this role.
pub(crate) fn subject(role: Role, variant: Variant, case: &Case) -> Box<dyn Subject> {
    type Compressing<const N: usize> = FixedDeflate<N, 15, 15>;
    let delivery = match variant {
        Variant::HeapWhole | Variant::HeapInputWhole | Variant::FixedWhole => Delivery::Whole,
        Variant::HeapStreaming | Variant::HeapInputStreaming | Variant::FixedStreaming => {
            Delivery::Streaming
        }
    };
    let input = match variant {
        Variant::HeapInputWhole | Variant::HeapInputStreaming => Some(Input::new()),
        _ => None,
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
        Variant::FixedWhole if compresses => {
            let storage = Compressing::<FIXED>::default();
            endpoint(role, storage, input, config.deflate(DeflateConfig::new()))
        }
        Variant::FixedStreaming if compresses => {
            let storage = Compressing::<SMALL>::default();
            endpoint(role, storage, input, config.deflate(DeflateConfig::new()))
        }
        Variant::FixedWhole => endpoint(role, Fixed::<FIXED>, input, config),
        Variant::FixedStreaming => endpoint(role, Fixed::<SMALL>, input, config),
        _ => endpoint(role, Heap, input, config.deflate(DeflateConfig::new())),
    }
}

/// A connection with this storage.
fn endpoint<S: Storage + 'static>(
    role: Role,
    storage: S,
    input: Option<Input>,
    config: Config,
) -> Box<dyn Subject> {
    match role {
        Role::Server => {
            let connection = Connection::server_in(storage, config);
            Box::new(Endpoint { connection, request: vec![], input, was_open: false })
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
            Box::new(Endpoint { connection, request, input, was_open: false })
        }
    }
}

struct Endpoint<R: sansocket::Role, S: Storage> {
    connection: Connection<R, S>,
    /// The request of a client.
    request: Vec<u8>,
    /// The input that bytes are received through, if they are not received as slices.
    input: Option<Input>,
    /// The opening handshake was completed.
    was_open: bool,
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
    fn open<S: Storage>(event: &Event<'_>, reply: &mut Sender<'_, Self, S, Vec<u8>>);
}

impl Opens for Server {
    fn open<S: Storage>(event: &Event<'_>, reply: &mut Sender<'_, Self, S, Vec<u8>>) {
        if let Event::Request(_) = event {
            reply.accept(Accept::new()).expect("a valid answer");
        }
    }
}

impl Opens for Client<Keys> {
    fn open<S: Storage>(_: &Event<'_>, _: &mut Sender<'_, Self, S, Vec<u8>>) {}
}

impl<R: Opens, S: Storage> Endpoint<R, S> {
    /// Takes the events in a chunk.
    fn take(&mut self, chunk: impl Chunk, application: &mut dyn Application, out: &mut Vec<u8>) {
        let mut events = self.connection.receive(chunk, out);
        // A failure is reported to the peer in `out`, and here by `transport`.
        while let Ok(Some((event, mut reply))) = events.next() {
            self.was_open |= matches!(event, Event::Request(_) | Event::Open(_));
            R::open(&event, &mut reply);
            answer(&event, &mut reply, application).expect("it is sent, or dropped if too late");
        }
    }
}

impl<R: Opens, S: Storage> Subject for Endpoint<R, S> {
    fn connected(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.request);
        self.connection.tick(Duration::ZERO, out).expect("no deadline is over");
    }

    fn receive(&mut self, chunk: &mut [u8], application: &mut dyn Application, out: &mut Vec<u8>) {
        match self.input.take() {
            Some(mut input) => {
                input.push(chunk);
                self.take(&mut input, application, out);
                self.input = Some(input);
            }
            None => self.take(chunk, application, out),
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

    fn ending(&self) -> Option<Ending> {
        Some(Ending::of(&self.connection.close_report(), self.was_open))
    }
}

fn answer<R: sansocket::Role, S: Storage>(
    event: &Event<'_>,
    reply: &mut Sender<'_, R, S, Vec<u8>>,
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
        // It would be a fragment of nothing.
        Event::Piece(piece) if piece.data.is_empty() && piece.fragment() == Fragment::Middle => {
            Ok(())
        }
        Event::Piece(piece) => match application.answer(kind(piece.kind), piece.data) {
            Answer::Echo => reply.send_fragment(piece.fragment(), piece.data),
            Answer::Instead(kind, payload) => {
                let place = match piece.fragment() {
                    Fragment::Only(_) => Fragment::Only(message_kind(kind)),
                    Fragment::First(_) => Fragment::First(message_kind(kind)),
                    place => place,
                };
                reply.send_fragment(place, &payload)
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
