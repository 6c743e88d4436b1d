//! An application that feeds a connection in pieces, records everything that it reports, and
//! answers in a predictable way.

use core::time::Duration;

use sansocket::{
    Buffer, Chunk, CloseFrame, Connection, Error, Event, Input, InputMemory, MessageKind, Piece,
    Sender, State, Storage, TransportAction,
};

use super::output::{Output, flat};
use super::side::Side;

/// The memory of an input: more than the longest message of the conversations.
const INPUT: usize = 80_000;

/// An event that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A request or a response, as `Debug` shows it, with all its headers.
    Head(String),
    /// What came of the body of a refusal, in as many pieces as it took.
    Body(Vec<u8>),
    Message(MessageKind, Vec<u8>),
    /// The pieces of one frame of a message, joined.
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

/// Keeps one more event, or goes on with the last one.
fn keep(all: &mut Vec<Seen>, seen: Seen) {
    if !all.last_mut().is_some_and(|last| last.join(&seen)) {
        all.push(seen);
    }
}

/// All that can be seen of a connection from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) state: State,
    pub(crate) transport: TransportAction,
    pub(crate) report: String,
    pub(crate) next_timeout: Option<Duration>,
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

/// How an application answers events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners {
    /// Sends every message back, and a text at the end of one that came in pieces.
    pub(crate) echo: bool,
    /// Answers pings and close frames, for a connection that does not do so automatically.
    pub(crate) answer_controls: bool,
}

impl Manners {
    fn answer<R: Side, S: Storage, B: Buffer>(
        self,
        event: &Event<'_>,
        reply: &mut Sender<'_, R, S, B>,
    ) {
        R::open(event, reply);
        let sent = match *event {
            Event::Message(message) if self.echo => reply.send(message),
            Event::Piece(Piece { message_end: true, .. }) if self.echo => reply.send("got it"),
            Event::Ping(payload) if self.answer_controls => reply.pong(payload),
            Event::Close(frame) if self.answer_controls => {
                reply.close(frame.code().map_or(CloseFrame::EMPTY, CloseFrame::from))
            }
            _ => return,
        };
        flat::<B, _, _>(sent).expect("an output without a limit");
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
    /// Whether what lends the events is never dropped.
    pub(crate) forgets: bool,
    /// The input that bytes are received through, if they are not passed as slices.
    input: Option<Box<Input<[u8; INPUT]>>>,
    clock: Option<Clock>,
    scratch: Vec<u8>,
}

/// A clock that is set at fixed places of the stream, however that is cut.
#[derive(Debug)]
struct Clock {
    /// How many bytes were received.
    received: usize,
    /// How many bytes are received before each time that is still to be set, in order.
    places: Vec<usize>,
    /// The next deadline before each time that was set.
    timeouts: Vec<Option<Duration>>,
}

/// The record of a whole conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) seen: Vec<Seen>,
    pub(crate) out: Vec<u8>,
    pub(crate) error: Option<Error>,
    pub(crate) unread: Vec<u8>,
    /// The next deadline before each time that was set.
    pub(crate) timeouts: Vec<Option<Duration>>,
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
            forgets: false,
            input: None,
            clock: None,
            scratch: vec![],
        }
    }

    pub(crate) fn with_manners(mut self, manners: Manners) -> Self {
        self.manners = manners;
        self
    }

    /// Passes bytes through an input from now on.
    pub(crate) fn with_input(mut self) -> Self {
        self.input = Some(Box::new(Input::with([0; INPUT])));
        self
    }

    /// Sets the time now, and again a second later each time that [`feed_in`](Self::feed_in) has
    /// passed as many bytes as one of these places says.
    ///
    /// No deadline may be reached by that.
    pub(crate) fn with_clock(mut self, places: &[usize]) -> Self {
        let mut places = places.to_vec();
        places.sort_unstable();
        self.clock = Some(Clock { received: 0, places, timeouts: vec![] });
        self.set_time();
        self
    }

    /// Sets the next time.
    fn set_time(&mut self) {
        let clock = self.clock.as_mut().expect("a clock");
        let now = Duration::from_secs(clock.timeouts.len() as u64);
        clock.timeouts.push(self.connection.next_timeout());
        let sent = self.out.bytes.len();
        assert_eq!(self.connection.tick(now, &mut self.out), Ok(()));
        assert_eq!(self.out.bytes.len(), sent, "a deadline has passed");
    }

    /// Passes one chunk, in place or shared, unless the connection has failed.
    pub(crate) fn feed(&mut self, bytes: &[u8], in_place: bool) {
        if self.error.is_some() {
            return;
        }
        if let Some(mut input) = self.input.take() {
            let mut rest = bytes;
            loop {
                rest = &rest[input.push(rest)..];
                let before = input.unread().len();
                self.take(&mut *input, None, usize::MAX);
                if rest.is_empty() || self.error.is_some() || input.unread().len() == before {
                    break;
                }
            }
            self.input = Some(input);
            // No further byte is consumed, so these do not go through the input.
            if self.error.is_none() {
                self.unread.extend_from_slice(rest);
            }
            return;
        }
        let consumed = self.feed_up_to(bytes, in_place, usize::MAX);
        // What is behind a failure is of no use, and how much of it there is depends on the chop.
        if self.error.is_none() {
            self.unread.extend_from_slice(&bytes[consumed..]);
        }
    }

    /// Passes one chunk, stops after `most` events, and returns the number of bytes consumed.
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
        let start = events.consumed();
        let mut asked_again = false;
        for count in 0..most {
            assert!(count <= bound + 1, "{count} events in {length} bytes");
            match events.next() {
                Ok(Some((event, mut reply))) => {
                    let seen = Seen::new(&event);
                    self.manners.answer(&event, &mut reply);
                    keep(&mut self.seen, seen);
                }
                // An error is returned after its close frame was appended.
                Ok(None) => {
                    if asked_again || events.transport() != TransportAction::Close {
                        break;
                    }
                    asked_again = true;
                }
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        let consumed = events.consumed() - start;
        assert_eq!(events.remaining().len(), length - consumed);
        if let Some(bytes) = bytes {
            assert_eq!(events.remaining(), &bytes[consumed..], "changed before its turn");
        }
        if self.forgets {
            core::mem::forget(events);
        }
        self.consumed += consumed;
        consumed
    }

    /// Takes up to this many events from an input, and asks no more than that.
    pub(crate) fn take_from<M: InputMemory>(&mut self, input: &mut Input<M>, most: usize) {
        self.take(input, None, most);
    }

    /// Takes one event from an input by `next_event`, and returns whether there was one.
    pub(crate) fn next_from<M: InputMemory>(&mut self, input: &mut Input<M>) -> bool {
        let unread = input.unread().len();
        let seen = match self.connection.next_event(input, &mut self.out) {
            Ok(Some((event, mut reply))) => {
                let seen = Seen::new(&event);
                self.manners.answer(&event, &mut reply);
                Some(seen)
            }
            Ok(None) => None,
            Err(error) => {
                self.error = Some(error);
                None
            }
        };
        self.consumed += unread - input.unread().len();
        let is_some = seen.is_some();
        if let Some(seen) = seen {
            keep(&mut self.seen, seen);
        }
        is_some
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
            self.feed_by_the_clock(chunk, in_place);
            bytes = rest;
        }
        self.feed_by_the_clock(bytes, true);
    }

    /// Passes one chunk, or several if the time is to be set in between.
    fn feed_by_the_clock(&mut self, mut bytes: &[u8], in_place: bool) {
        while let Some(clock) = &mut self.clock {
            let Some(&place) = clock.places.first() else {
                break;
            };
            let Some((now, later)) = bytes.split_at_checked(place - clock.received) else {
                clock.received += bytes.len();
                break;
            };
            clock.places.remove(0);
            clock.received = place;
            self.feed(now, in_place);
            self.set_time();
            bytes = later;
        }
        self.feed(bytes, in_place);
    }

    /// Ends the stream and returns the record.
    pub(crate) fn finish(mut self) -> Transcript {
        let before_end = Snapshot::of(&self.connection);
        let end = self.connection.end_of_stream();
        let after_end = Snapshot::of(&self.connection);
        let Self { seen, out, error, mut unread, input, clock, .. } = self;
        // While frames are received, it is a frame that waits in an input: not all of it is here.
        let frames = matches!(before_end.state, State::Open | State::Closing);
        if let (Some(input), None, false) = (input, error, frames) {
            unread.splice(..0, input.unread().iter().copied());
        }
        let timeouts = clock.map_or_else(Vec::new, |clock| clock.timeouts);
        Transcript { seen, out: out.bytes, error, unread, timeouts, before_end, end, after_end }
    }
}
