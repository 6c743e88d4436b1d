//! A driver as an application would write it, which answers all it is told and checks on the way
//! what must hold for every input.

use core::time::Duration;

use sansocket::{
    Accept, Chunk, Client, CloseFrame, Connection, Error, Event, Events, Fragment, Full, Input,
    Message, Request, Response, Role, SendError, Sender, Server, Storage, TransportAction,
};

use crate::output::{Output, assert_frames};
use crate::record::{Record, Report};
use crate::settings::Settings;
use crate::{Counted, heads};

/// The subprotocols that every client asks for.
pub const PROTOCOLS: [&str; 2] = ["chat", "superchat"];

/// What came of an answer: a full output is no error.
pub type Answered = Result<Result<(), Full>, Error>;

/// Room for everything that is answered automatically.
const ROOM: usize = 256;

/// What differs between the sides.
pub trait Side: Role + Sized {
    /// Whether this side masks what it sends.
    const MASKS: bool;

    /// A connection at its beginning, or after an opening handshake done elsewhere.
    fn connect<S: Storage>(
        storage: S,
        settings: &Settings,
        out: &mut Output,
    ) -> Connection<Self, S>;

    /// Answers what only this side is asked.
    fn answer<S: Storage>(event: &Event<'_>, reply: &mut Sender<'_, Self, S, Output>) -> Answered;
}

impl Side for Server {
    const MASKS: bool = false;

    fn connect<S: Storage>(storage: S, settings: &Settings, _: &mut Output) -> Connection<Self, S> {
        if settings.handshake {
            return Connection::server_in(storage, settings.config);
        }
        Connection::established_in(storage, Self, Default::default(), settings.config)
    }

    fn answer<S: Storage>(event: &Event<'_>, reply: &mut Sender<'_, Self, S, Output>) -> Answered {
        match event {
            Event::Request(head) => {
                let accept = Accept::new().headers(&[("X-Served-By", "fuzz")]);
                Ok(match head.protocols().next() {
                    Some(protocol) => reply.accept(accept.protocol(protocol)),
                    None => reply.accept(accept),
                }?)
            }
            Event::Http(head) if head.target() != "/ignored" => {
                Ok(reply.respond(&Response::new(404).body(b"nothing here"))?)
            }
            _ => Ok(Ok(())),
        }
    }
}

impl Side for Client<Counted> {
    const MASKS: bool = true;

    fn connect<S: Storage>(
        storage: S,
        settings: &Settings,
        out: &mut Output,
    ) -> Connection<Self, S> {
        let entropy = Counted::default();
        if settings.handshake {
            let request = Request::new("example.com", "/chat").protocols(&PROTOCOLS);
            out.make_room(1024);
            return Connection::client_in(storage, &request, entropy, settings.config, out)
                .expect("the request is valid")
                .expect("there is room for it");
        }
        let client = Self::new(entropy);
        Connection::established_in(storage, client, Default::default(), settings.config)
    }

    fn answer<S: Storage>(_: &Event<'_>, _: &mut Sender<'_, Self, S, Output>) -> Answered {
        Ok(Ok(()))
    }
}

/// What the driver does with the pieces of a streamed message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pieces {
    /// Each is sent back as a fragment.
    Echo,
    /// Only the end of each frame is answered, which does not depend on the chop.
    CountFrames,
}

/// Drives a connection through the whole wire and the end of the stream.
pub fn run<R: Side, S: Storage>(
    storage: S,
    settings: &Settings,
    pieces: Pieces,
    wire: &[u8],
) -> Record {
    let mut out = Output::new(if settings.tight { 0 } else { 1 << 24 });
    let connection = R::connect(storage, settings, &mut out);
    let settings = *settings;
    let (input, record) = (Input::new(), Record::default());
    let mut run = Run { connection, settings, pieces, input, out, record };
    let failure = run.feed_all(wire).err();
    assert!(run.record.events <= wire.len(), "more events than bytes");
    run.note_end();

    let ended = run.connection.end_of_stream().err();
    assert!(failure.is_none() || ended == failure, "{ended:?} after {failure:?}");
    run.record.error = ended;
    run.note_end();
    if let Some(error) = ended {
        run.assert_sticky(error);
    }

    run.record.sent = run.out.bytes().to_vec();
    let frames = match settings.handshake {
        true => heads::after_own_head(&run.record.sent),
        false => &run.record.sent,
    };
    assert_frames(frames, R::MASKS);
    run.record
}

struct Run<R: Role, S: Storage> {
    connection: Connection<R, S>,
    settings: Settings,
    pieces: Pieces,
    input: Input,
    out: Output,
    record: Record,
}

/// Why a pass over a chunk ended.
enum End {
    /// There is no further event in it.
    Drained,
    /// The driver left after an event.
    Left,
    /// An answer does not fit the output.
    Blocked,
}

impl<R: Side, S: Storage> Run<R, S> {
    /// Feeds chunk by chunk, and sets the time between them.
    fn feed_all(&mut self, wire: &[u8]) -> Result<(), Error> {
        let mut consumed = 0;
        let mut now = Duration::from_millis(5);
        let mut buffer = Vec::new();
        for chunk in self.settings.cut(wire) {
            if self.settings.ticks {
                self.tick(now)?;
                now += Duration::from_millis(7);
            }
            buffer.clear();
            buffer.extend_from_slice(chunk);
            consumed += self.feed(&mut buffer)?;
        }
        // What waits in an input at the end depends on whether it can be lent.
        self.record.consumed = (!self.settings.waits).then_some(consumed);
        Ok(())
    }

    fn tick(&mut self, now: Duration) -> Result<(), Error> {
        self.connection.tick(now, &mut self.out)?;
        if self.connection.transport() == TransportAction::Write {
            self.out.make_room(ROOM);
            self.connection.tick(now, &mut self.out)?;
            assert_ne!(self.connection.transport(), TransportAction::Write, "blocked for ever");
        }
        Ok(())
    }

    /// Feeds one chunk, in as many passes as it takes, and gives how much was consumed.
    fn feed(&mut self, chunk: &mut [u8]) -> Result<usize, Error> {
        if self.settings.waits {
            assert_eq!(self.input.push(chunk), chunk.len(), "an input on the heap grows");
        }
        let mut start = 0;
        let mut blocked = 0;
        loop {
            let events = self.record.events;
            let (consumed, end) = self.pass(&mut chunk[start..]);
            start += consumed;
            if self.record.events > events {
                blocked = 0;
            }
            match end? {
                End::Drained => return Ok(start),
                End::Left => {}
                End::Blocked => {
                    // Twice at most: for the answer to a frame, and for a failure found in it.
                    blocked += 1;
                    assert!(blocked <= 2, "blocked for ever");
                    self.out.make_room(ROOM);
                }
            }
        }
    }

    fn pass(&mut self, rest: &mut [u8]) -> (usize, Result<End, Error>) {
        let Self { connection, settings, pieces, input, out, record } = self;
        if settings.waits {
            let (_, end) = handle(connection.receive(input, out), settings, *pieces, record);
            (0, end)
        } else if settings.in_place {
            handle(connection.receive(rest, out), settings, *pieces, record)
        } else {
            handle(connection.receive(&*rest, out), settings, *pieces, record)
        }
    }

    /// Each further call must give the same error and write nothing.
    fn assert_sticky(&mut self, error: Error) {
        let sent = self.out.bytes().len();
        self.out.make_room(1024);
        let again = self.connection.receive(b"\x81\x00", &mut self.out).next().map(drop);
        assert_eq!(again, Err(error));
        let Self { connection, out, .. } = self;
        assert_eq!(connection.receive(b"", out).next().map(drop), Err(error));
        assert_eq!(connection.tick(Duration::MAX, out), Ok(()), "a failure is returned once there");
        assert_eq!(connection.end_of_stream(), Err(error));
        assert_eq!(connection.next_timeout(), None);
        let fragment = Fragment::Last;
        assert_eq!(connection.sender(out).send_fragment(fragment, b""), Err(SendError::Closed));
        assert_eq!(connection.sender(out).ping(b""), Err(SendError::Closed));
        assert_eq!(connection.sender(out).close(CloseFrame::EMPTY), Err(SendError::Closed));
        assert_eq!(out.bytes().len(), sent, "something is written after the failure");
    }

    fn note_end(&mut self) {
        let connection = &self.connection;
        let report = Report::new(&connection.close_report());
        self.record.end.push((connection.state(), connection.transport(), report));
    }
}

/// Takes the events of one chunk until there are no more, or the driver leaves early.
fn handle<R: Side, S: Storage, C: Chunk>(
    mut events: Events<'_, R, S, C, Output>,
    settings: &Settings,
    pieces: Pieces,
    record: &mut Record,
) -> (usize, Result<End, Error>) {
    let (start, length) = (events.consumed(), events.remaining().len());
    let mut asked_again = false;
    let end = loop {
        let before = (events.consumed(), events.out().bytes().len());
        match events.next() {
            Ok(Some((event, mut reply))) => {
                record.push(&event);
                answer(&event, &mut reply, pieces);
            }
            Ok(None) => match events.transport() {
                TransportAction::Write => {
                    assert_eq!(events.out().bytes().len(), before.1, "blocked, but it wrote");
                    break Ok(End::Blocked);
                }
                // An error is returned once what the peer is told is in the output.
                TransportAction::Close if !asked_again => {
                    asked_again = true;
                    continue;
                }
                _ => break Ok(End::Drained),
            },
            Err(error) => break Err(error),
        }
        assert!(events.consumed() >= before.0);
        assert_eq!(events.consumed() - start + events.remaining().len(), length);
        if settings.early_exit {
            break Ok(End::Left);
        }
    };
    (events.consumed() - start, end)
}

/// Answers an event: an echo, and what the settings leave to the caller.
fn answer<R: Side, S: Storage>(
    event: &Event<'_>,
    reply: &mut Sender<'_, R, S, Output>,
    pieces: Pieces,
) {
    with_room(reply, |reply| match event {
        Event::Message(Message::Text(text)) if text.starts_with("close") => {
            Ok(reply.close(CloseFrame::EMPTY)?)
        }
        Event::Message(message) => Ok(reply.send(message)?),
        Event::Piece(piece) if pieces == Pieces::Echo => {
            Ok(reply.send_fragment(piece.fragment(), piece.data)?)
        }
        Event::Piece(piece) if piece.frame_end => Ok(reply.ping(b"frame")?),
        Event::Close(frame) => Ok(reply.close(frame.code().map_or(CloseFrame::EMPTY, Into::into))?),
        _ => R::answer(event, reply),
    });
}

/// Runs a call that may find the output full: then it must succeed with the room it asks for.
fn with_room<R: Role, S: Storage>(
    reply: &mut Sender<'_, R, S, Output>,
    call: impl Fn(&mut Sender<'_, R, S, Output>) -> Answered,
) {
    let before = reply.out().bytes().len();
    let mut done = call(reply);
    if let Ok(Err(Full { needed, room })) = done {
        assert!(needed > room, "{needed} bytes do not fit {room}");
        assert_eq!(reply.out().bytes().len(), before, "full, but it wrote");
        reply.out().make_room(needed);
        done = call(reply);
        assert!(!matches!(done, Ok(Err(_))), "full with the room it asked for");
    }
    assert_eq!(done, Ok(Ok(())), "an answer that comes too late is dropped");
}
