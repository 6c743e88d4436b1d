//! An application that feeds a connection in pieces, keeps a record of all it is told, and
//! answers in a way that can be foreseen.

use sansocket::{
    Buffer, Chunk, CloseFrame, Connection, Error, Event, MessageKind, Piece, Reply, State, Storage,
    TransportAction,
};

use super::output::Output;
use super::side::Side;

/// An event that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A request or a response, as `Debug` shows it, with all its headers.
    Head(String),
    /// What came of the body of a refusal, in as many pieces as it took.
    Body(Vec<u8>),
    Message(MessageKind, Vec<u8>),
    /// What came of one frame of a message, in as many pieces as it took.
    Frame {
        kind: MessageKind,
        data: Vec<u8>,
        start: bool,
        frame_end: bool,
        message_end: bool,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl Seen {
    pub(crate) fn new(event: &Event<'_>) -> Self {
        match *event {
            Event::Message(message) => Self::Message(message.kind(), message.as_bytes().to_vec()),
            Event::Piece(Piece { kind, data, start, frame_end, message_end, .. }) => {
                Self::Frame { kind, data: data.to_vec(), start, frame_end, message_end }
            }
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(frame) => {
                Self::Close(frame.code().map(|code| code.get()), frame.reason().to_owned())
            }
            Event::Body(piece) => Self::Body(piece.to_vec()),
            ref head => Self::Head(format!("{head:?}")),
        }
    }

    /// Goes on with a piece of the same frame or body; whether it was one.
    fn join(&mut self, next: &Self) -> bool {
        match (self, next) {
            (Self::Body(data), Self::Body(more)) => {
                data.extend_from_slice(more);
                true
            }
            (
                Self::Frame { kind, data, frame_end: frame_end @ false, message_end, .. },
                Self::Frame {
                    kind: next_kind,
                    data: more,
                    start: false,
                    frame_end: f,
                    message_end: m,
                },
            ) if kind == next_kind => {
                data.extend_from_slice(more);
                *frame_end = *f;
                *message_end = *m;
                true
            }
            _ => false,
        }
    }
}

/// All that can be seen of a connection from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) state: State,
    pub(crate) transport: TransportAction,
    pub(crate) report: String,
    pub(crate) next_timeout: Option<core::time::Duration>,
}

impl Snapshot {
    pub(crate) fn of<R: Side, S: Storage>(connection: &Connection<R, S>) -> Self {
        Self {
            state: connection.state(),
            transport: connection.transport(),
            report: format!("{:?}", connection.close_report()),
            next_timeout: connection.next_timeout(),
        }
    }
}

/// What an application does about what it is told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// Sends every message back, and a text at the end of one that came in pieces.
    pub(crate) echo: bool,
    /// Answers pings and close frames itself, as the connection is told not to.
    pub(crate) answer_controls: bool,
}

impl Manners {
    fn answer<R: Side, S: Storage, B: Buffer>(
        self,
        event: &Event<'_>,
        reply: &mut Reply<'_, R, S, B>,
    ) {
        R::open(event, reply);
        // After a close frame nothing can be sent, which is as good an answer.
        let _ = match *event {
            Event::Message(message) if self.echo => reply.send(message),
            Event::Piece(Piece { message_end: true, .. }) if self.echo => reply.send("got it"),
            Event::Ping(payload) if self.answer_controls => reply.pong(payload),
            Event::Close(frame) if self.answer_controls => {
                reply.close(frame.code().map_or(CloseFrame::EMPTY, CloseFrame::from))
            }
            _ => Ok(()),
        };
    }
}

/// A connection with its application.
pub(crate) struct Driver<R: Side, S: Storage> {
    pub(crate) connection: Connection<R, S>,
    pub(crate) out: Output,
    pub(crate) manners: Manners,
    pub(crate) seen: Vec<Seen>,
    pub(crate) error: Option<Error>,
    /// What was not consumed of each chunk.
    pub(crate) unread: Vec<u8>,
    /// How many bytes were consumed.
    pub(crate) consumed: usize,
    /// How many events there can be in a byte: one, if it is not compressed.
    pub(crate) events_per_byte: usize,
    /// What was not consumed, as the connection has left it, to be passed again in front of what
    /// comes next; `None` where that is not done.
    kept: Option<Vec<u8>>,
    scratch: Vec<u8>,
}

/// The record of a whole conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) seen: Vec<Seen>,
    pub(crate) out: Vec<u8>,
    pub(crate) error: Option<Error>,
    pub(crate) unread: Vec<u8>,
    pub(crate) before_end: Snapshot,
    pub(crate) end: Result<(), Error>,
    pub(crate) after_end: Snapshot,
}

impl<R: Side, S: Storage> Driver<R, S> {
    pub(crate) fn new(connection: Connection<R, S>, out: Output) -> Self {
        Self {
            connection,
            out,
            manners: Manners::default(),
            seen: vec![],
            error: None,
            unread: vec![],
            consumed: 0,
            events_per_byte: 1,
            kept: None,
            scratch: vec![],
        }
    }

    pub(crate) fn with_manners(mut self, manners: Manners) -> Self {
        self.manners = manners;
        self
    }

    /// Passes again from now on what was not consumed, as [`sansocket::Delivery::InPlace`] wants it.
    pub(crate) fn keeping(mut self) -> Self {
        self.kept = Some(vec![]);
        self
    }

    /// Passes one chunk, in place or shared, unless the connection has failed.
    pub(crate) fn feed(&mut self, bytes: &[u8], in_place: bool) {
        if self.error.is_some() {
            return;
        }
        if let Some(mut kept) = self.kept.take() {
            kept.extend_from_slice(bytes);
            let consumed = if in_place {
                self.take(&mut kept[..], None, usize::MAX)
            } else {
                self.take(&kept[..], None, usize::MAX)
            };
            kept.drain(..consumed);
            self.kept = Some(kept);
            return;
        }
        let consumed = self.feed_up_to(bytes, in_place, usize::MAX);
        // What is behind a failure is of no use, and how much of it there is depends on the chop.
        if self.error.is_none() {
            self.unread.extend_from_slice(&bytes[consumed..]);
        }
    }

    /// Passes one chunk and stops after so many events; gives how much of it was consumed.
    pub(crate) fn feed_up_to(&mut self, bytes: &[u8], in_place: bool, most: usize) -> usize {
        if !in_place {
            return self.take(bytes, Some(bytes), most);
        }
        let mut chunk = core::mem::take(&mut self.scratch);
        chunk.clear();
        chunk.extend_from_slice(bytes);
        let consumed = self.take(&mut chunk[..], Some(bytes), most);
        self.scratch = chunk;
        consumed
    }

    /// Takes the events in a chunk of these bytes, if it is known that those not consumed must not
    /// change.
    fn take<C: Chunk>(&mut self, chunk: C, bytes: Option<&[u8]>, most: usize) -> usize {
        let mut events = self.connection.receive(chunk, &mut self.out);
        let length = events.remaining().len();
        // Every event but the few of the opening handshake takes a byte of its own, or one of the
        // four that end a compressed message and are not on the wire.
        let bound = self.events_per_byte * (length + 4) + 3;
        for count in 0..most {
            assert!(count <= bound, "{count} events in {length} bytes");
            match events.next() {
                Ok(Some((event, mut reply))) => {
                    let seen = Seen::new(&event);
                    self.manners.answer(&event, &mut reply);
                    if !self.seen.last_mut().is_some_and(|last| last.join(&seen)) {
                        self.seen.push(seen);
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        let consumed = events.consumed();
        assert_eq!(events.remaining().len(), length - consumed);
        if let Some(bytes) = bytes {
            assert_eq!(events.remaining(), &bytes[consumed..], "changed before its turn");
        }
        self.consumed += consumed;
        consumed
    }

    /// Passes the bytes in chunks of these lengths and kinds, the last one as long as needed.
    pub(crate) fn feed_in(
        &mut self,
        mut bytes: &[u8],
        cuts: impl IntoIterator<Item = (usize, bool)>,
    ) {
        for (length, in_place) in cuts {
            if bytes.is_empty() {
                return;
            }
            let (chunk, rest) = bytes.split_at(length.min(bytes.len()));
            self.feed(chunk, in_place);
            bytes = rest;
        }
        self.feed(bytes, true);
    }

    /// Ends the stream and gives the record.
    pub(crate) fn finish(mut self) -> Transcript {
        let before_end = Snapshot::of(&self.connection);
        let end = self.connection.end_of_stream();
        let after_end = Snapshot::of(&self.connection);
        let Self { seen, out, error, unread, .. } = self;
        Transcript { seen, out: out.bytes, error, unread, before_end, end, after_end }
    }
}
