//! Contract 7, a full output changes nothing: with less room than needed a call does nothing at
//! all, and with exactly that it does what it does with unlimited room.
//!
//! A call that sends returns how much room it needs. `next` and `tick` return as if nothing were
//! left to do, and `transport` asks to write.

mod common;

use core::time::Duration;

use common::output::Output;
use common::record::{Seen, Snapshot};
use common::side::{Script, Side, established};
use common::wire::{self, CLOSE, CONTINUATION, FIN, PING, TEXT};
use sansocket::{
    Accept, Buffer, Client, CloseCode, CloseFrame, Config, Connection, Error, Event, Fixed,
    FixedBuffer, Fragment, Full, MessageKind, Request, RequestError, Response, ResponseError,
    SendError, Sender, Server, SliceBuffer, TransportAction,
};

/// The content of an output before the call.
const BEFORE: &[u8] = b"before";

/// The longest output that is tried at every length.
const MANY: usize = 700;

/// An output of any type, which counts as one that can be full.
type Out<'a> = &'a mut dyn Buffer;

/// What a call has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    /// Nothing, as it has returned.
    Full(Full),
    /// Less than it could with more room, as `transport` says.
    Blocked,
}

impl From<Result<(), Full>> for Outcome {
    fn from(sent: Result<(), Full>) -> Self {
        sent.map_or_else(Self::Full, |()| Self::Done)
    }
}

/// A connection, the bytes that it has still to receive, and what it reported.
struct Subject<R: Side> {
    connection: Connection<R, Fixed<400>>,
    pending: Vec<u8>,
    seen: Vec<Seen>,
    error: Option<Error>,
}

impl<R: Side> Subject<R> {
    fn open(config: Config) -> Self {
        Self::new(established(Fixed, config), b"")
    }

    fn receiving(pending: &[u8]) -> Self {
        Self::new(established(Fixed, Config::new()), pending)
    }

    fn new(connection: Connection<R, Fixed<400>>, pending: &[u8]) -> Self {
        Self { connection, pending: pending.to_vec(), seen: vec![], error: None }
    }

    /// Sends something that the connection can send.
    fn send<E: core::fmt::Debug>(
        &mut self,
        mut out: Out<'_>,
        send: impl FnOnce(&mut Sender<'_, R, Fixed<400>, Out<'_>>) -> Result<Result<(), Full>, E>,
    ) -> Outcome {
        send(&mut self.connection.sender(&mut out)).expect("nothing is wrong with it").into()
    }

    /// Passes what is pending; keeps the error of a failure.
    fn receive(&mut self, mut out: Out<'_>) -> Outcome {
        let mut chunk = self.pending.clone();
        let mut events = self.connection.receive(&mut chunk[..], &mut out);
        let outcome = loop {
            match events.next() {
                Ok(Some((event, _))) => {
                    self.seen.push(Seen::new(&event));
                    assert!(self.seen.len() <= 2, "reported again and again: {:?}", self.seen);
                }
                Ok(None) => {
                    break match events.transport() {
                        TransportAction::Write => Outcome::Blocked,
                        _ => Outcome::Done,
                    };
                }
                Err(error) => {
                    self.error = Some(error);
                    break Outcome::Done;
                }
            }
        };
        self.pending.drain(..events.consumed());
        outcome
    }

    /// Sets the time; as above.
    fn tick(&mut self, now: Duration, mut out: Out<'_>) -> Outcome {
        match self.connection.tick(now, &mut out) {
            Ok(()) if self.connection.transport() == TransportAction::Write => {
                return Outcome::Blocked;
            }
            Ok(()) => {}
            Err(error) => self.error = Some(error),
        }
        Outcome::Done
    }

    /// All that shows whether something has changed.
    fn look(&self) -> (Snapshot, Vec<u8>, Vec<Seen>, Option<Error>) {
        (Snapshot::of(&self.connection), self.pending.clone(), self.seen.clone(), self.error)
    }
}

/// What a call does besides writing.
#[derive(Clone, Copy, Default)]
struct Kind {
    /// Whether it returns how much room it needs.
    sends: bool,
    /// It fails the connection: the failure is in the report before the close frame is written.
    fails: bool,
    /// It may consume the bytes before the frame that has to be answered.
    receives: bool,
    /// It starts to wait for an answer, even if there is no room yet to ask for it.
    waits: bool,
}

const SENDS: Kind = Kind { sends: true, fails: false, receives: false, waits: false };
const RECEIVES: Kind = Kind { sends: false, receives: true, ..SENDS };
const FAILS: Kind = Kind { fails: true, ..RECEIVES };
const TICKS: Kind = Kind { sends: false, ..SENDS };
const PINGS: Kind = Kind { waits: true, ..TICKS };

/// The error and the advice of the call that tells the peer.
const CLOSE_FIRST: (Option<Error>, TransportAction) = (None, TransportAction::Close);

impl Kind {
    /// The outcome of a call with too little room.
    fn outcome(self, needed: usize, room: usize) -> Outcome {
        if self.sends { Outcome::Full(Full { needed, room }) } else { Outcome::Blocked }
    }
}

/// Tries a call with every room; it must be one that writes something.
#[track_caller]
fn check<R: Side>(
    kind: Kind,
    make: impl Fn() -> Subject<R>,
    call: impl Fn(&mut Subject<R>, Out<'_>) -> Outcome,
) {
    let mut unbounded = Output::unbounded();
    let mut model = make();
    assert_eq!(call(&mut model, &mut unbounded), Outcome::Done, "with unlimited room");
    let expected = unbounded.bytes;
    let needed = expected.len();
    assert!(!expected.is_empty());

    let rooms: Vec<_> =
        if needed <= MANY { (0..needed).collect() } else { vec![0, 1, needed / 2, needed - 1] };
    for room in rooms {
        let mut subject = make();
        let untouched = subject.look();
        let full = kind.outcome(needed, room);

        let mut memory = vec![0xEE; BEFORE.len() + room];
        let mut out = SliceBuffer::new(&mut memory);
        out.append(BEFORE);
        assert_eq!(call(&mut subject, &mut out), full);
        assert_eq!(out.written(), BEFORE);
        let mut blocked = subject.look();
        if !kind.sends {
            assert_eq!(blocked.0.transport, TransportAction::Write);
            blocked.0.transport = untouched.0.transport;
        }
        if kind.waits {
            blocked.0.next_timeout = untouched.0.next_timeout;
        }
        assert_eq!(blocked.2, untouched.2, "events before the one that is blocked");
        assert_eq!(blocked.3, None, "an error before the close frame is written");
        if !kind.fails {
            assert_eq!(blocked.0, untouched.0, "state and report");
        }
        if !kind.receives {
            assert_eq!(blocked, untouched);
        }
        let blocked = subject.look();
        assert_eq!(call(&mut subject, &mut out), full, "once more");
        assert_eq!((out.written(), subject.look()), (BEFORE, blocked));
        assert!(memory[BEFORE.len()..].iter().all(|&byte| byte == 0xEE), "scribbled behind");

        let mut memory = vec![0xEE; needed];
        let mut out = SliceBuffer::new(&mut memory);
        assert_eq!(call(&mut subject, &mut out), Outcome::Done);
        assert_eq!(out.written(), expected);
        assert_eq!(subject.look(), model.look());
        if kind.fails {
            // The error is returned by the next call, now that the close frame is written.
            assert_eq!((subject.error, subject.connection.transport()), CLOSE_FIRST);
            let mut none = SliceBuffer::new(&mut []);
            assert_eq!(call(&mut subject, &mut none), Outcome::Done);
            assert_eq!(subject.error, subject.connection.close_report().failure);
            assert!(subject.error.is_some());
        }
    }
    if needed <= MANY {
        check_fixed(kind, &expected, make(), call);
    }
}

/// The same in a buffer that is full of other bytes until the transport takes some.
fn check_fixed<R: Side>(
    kind: Kind,
    expected: &[u8],
    mut subject: Subject<R>,
    call: impl Fn(&mut Subject<R>, Out<'_>) -> Outcome,
) {
    let needed = expected.len();
    let mut out = FixedBuffer::<MANY>::new();
    out.append(&[b'.'; MANY]);
    for room in 0..needed {
        assert_eq!(call(&mut subject, &mut out), kind.outcome(needed, room));
        assert_eq!(out.as_slice(), &vec![b'.'; MANY - room]);
        out.consume(1);
    }
    assert_eq!(call(&mut subject, &mut out), Outcome::Done);
    assert_eq!(&out.as_slice()[MANY - needed..], expected);
}

fn sending<R: Side>() {
    const FIRST: Fragment = Fragment::First(MessageKind::Text);
    let open = || Subject::<R>::open(Config::new());
    for length in [0, 1, 125, 126, 300, 70_000] {
        let payload = &vec![b's'; length][..];
        check(SENDS, open, |subject, out| subject.send(out, |to| to.send(payload)));
        check(SENDS, open, |subject, out| subject.send(out, |to| to.send_fragment(FIRST, payload)));
        check(SENDS, open, |subject, out| {
            subject
                .send(out, |to| Ok::<_, SendError>(to.begin_frame(FIRST, length as u64)?.map(drop)))
        });
    }
    for payload in [&b""[..], &[b'p'; 125]] {
        check(SENDS, open, |subject, out| subject.send(out, |to| to.ping(payload)));
        check(SENDS, open, |subject, out| subject.send(out, |to| to.pong(payload)));
    }
    let long = "r".repeat(123);
    for frame in [CloseFrame::EMPTY, CloseFrame::new(CloseCode::NORMAL, &long)] {
        check(SENDS, open, |subject, out| subject.send(out, |to| to.close(frame)));
    }
    // The last fragment of a message: what is under way stays under way.
    let begun = || {
        let mut subject = open();
        let sent = subject.send(&mut Output::unbounded(), |to| to.send_fragment(FIRST, b"a"));
        assert_eq!(sent, Outcome::Done);
        subject
    };
    check(SENDS, begun, |subject, out| {
        subject.send(out, |to| {
            let another = Fragment::Only(MessageKind::Binary);
            assert_eq!(to.send_fragment(another, b""), Err(SendError::Fragmented));
            to.send_fragment(Fragment::Last, b"b")
        })
    });
}

#[test]
fn what_a_server_sends() {
    sending::<Server>();
}

#[test]
fn what_a_client_sends() {
    sending::<Client<Script>>();
}

/// Frames that are answered as they come, behind a message that is reported once.
fn answering<R: Side>() {
    let masks = R::PEER_MASKS;
    let behind_a_message = |first, payload: &[u8]| {
        let mut bytes = wire::frame(masks, FIN | TEXT, b"first");
        bytes.extend(wire::frame(masks, TEXT, b"under way"));
        bytes.extend(wire::frame(masks, first, payload));
        let mut subject = Subject::<R>::receiving(&bytes);
        // The message is reported, whatever the room, before the answer is due.
        assert_eq!(subject.receive(&mut Output::with_limit(0)), Outcome::Blocked);
        assert_eq!(subject.seen.len(), 1);
        subject
    };
    let receive = |subject: &mut Subject<R>, out: Out<'_>| subject.receive(out);
    for payload in [&b""[..], b"ping", &[b'p'; 125]] {
        check(RECEIVES, || behind_a_message(FIN | PING, payload), receive);
    }
    let close = wire::close_payload(1001, "gone");
    check(RECEIVES, || behind_a_message(FIN | CLOSE, &close), receive);
    check(RECEIVES, || behind_a_message(FIN | CLOSE, b""), receive);

    // Failures, at the header and in a payload.
    check(FAILS, || behind_a_message(FIN | TEXT, b"no continuation"), receive);
    check(FAILS, || behind_a_message(FIN | CONTINUATION, b"\xFF"), receive);
    check(FAILS, || Subject::<R>::receiving(&wire::frame(masks, FIN | TEXT, b"\xFF")), receive);
}

#[test]
fn what_a_server_answers() {
    answering::<Server>();
}

#[test]
fn what_a_client_answers() {
    answering::<Client<Script>>();
}

#[test]
fn the_servers_opening_handshake() {
    fn server(head: &str, config: Config) -> Subject<Server> {
        let bytes = [head.as_bytes(), b"behind"].concat();
        Subject::new(Connection::server_in(Fixed, config), &bytes)
    }
    let upgrade = Server::HEADS[1];
    let asked = || {
        let mut subject = server(upgrade, Config::new());
        let nothing_to_answer = subject.receive(&mut Output::with_limit(0));
        assert_eq!(nothing_to_answer, Outcome::Done);
        subject
    };
    check(SENDS, asked, |subject, out| {
        let accept = Accept::new().protocol("two").headers(&[("Set-Cookie", "a=b")]);
        subject.send(out, |to| to.accept(accept))
    });
    check(SENDS, asked, |subject, out| {
        let response = Response::new(403).headers(&[("X-Why", "so")]).body(b"not for you");
        subject.send(out, |to| to.respond(&response))
    });

    let receive = |subject: &mut Subject<Server>, out: Out<'_>| subject.receive(out);
    let plain = || {
        let mut subject = server(Server::HEADS[2], Config::new());
        assert_eq!(subject.receive(&mut Output::with_limit(0)), Outcome::Blocked);
        assert!(subject.seen.is_empty(), "answered automatically");
        subject
    };
    check(RECEIVES, plain, receive);
    // One head for each status, the last one for the limit.
    for head in &Server::HEADS[4..] {
        check(FAILS, || server(head, Config::new()), receive);
    }
    check(FAILS, || server(upgrade, Config::new().max_head(20)), receive);
}

/// A client that cannot write its request is none, and can be made again.
#[test]
fn the_clients_request() {
    let request = Request::new("example.com", "/chat").protocols(&["one"]).headers(&[("a", "b")]);
    let client = |mut out: Out<'_>| {
        Connection::client_in(Fixed::<8>, &request, Script::default(), Config::new(), &mut out)
            .expect("a valid request")
            .map(drop)
    };
    let mut unbounded = Output::unbounded();
    client(&mut unbounded).unwrap();
    let needed = unbounded.bytes.len();
    let mut memory = vec![0xEE; needed];
    for room in 0..needed {
        let mut out = SliceBuffer::new(&mut memory[..room]);
        assert_eq!(client(&mut out), Err(Full { needed, room }));
        assert!(out.is_empty());
    }
    assert!(memory.iter().all(|&byte| byte == 0xEE));
    let mut out = SliceBuffer::new(&mut memory);
    assert_eq!(client(&mut out), Ok(()));
    assert_eq!(out.written(), unbounded.bytes);
}

fn due<R: Side>() {
    const SECOND: Duration = Duration::from_secs(1);
    let started = |config| {
        let mut subject = Subject::<R>::open(config);
        assert_eq!(subject.tick(Duration::ZERO, &mut Output::unbounded()), Outcome::Done);
        subject
    };
    let tick = |subject: &mut Subject<R>, out: Out<'_>| subject.tick(SECOND, out);
    let keep_alive = Config::new().keep_alive(SECOND, SECOND);
    check(PINGS, || started(keep_alive), tick);
    check(TICKS, || started(Config::new().idle_timeout(SECOND)), tick);
}

#[test]
fn what_is_due_at_a_servers_deadline() {
    due::<Server>();
}

#[test]
fn what_is_due_at_a_clients_deadline() {
    due::<Client<Script>>();
}

/// What `receive` left undone and what `tick` left undone are two things: the advice to write stays
/// until both calls were repeated.
#[test]
fn each_call_that_is_blocked_has_to_be_repeated() {
    fn check<R: Side>() {
        const SECOND: Duration = Duration::from_secs(1);
        let config = Config::new().keep_alive(SECOND, SECOND);
        let ping = wire::frame(R::PEER_MASKS, FIN | PING, b"?");
        for tick_first in [true, false] {
            let mut subject = Subject::<R>::new(established(Fixed, config), &ping);
            let mut none = Output::with_limit(0);
            assert_eq!(subject.tick(Duration::ZERO, &mut none), Outcome::Done);
            assert_eq!(subject.tick(SECOND, &mut none), Outcome::Blocked);
            assert_eq!(subject.receive(&mut none), Outcome::Blocked);
            let mut out = Output::unbounded();
            if tick_first {
                let _ = subject.tick(SECOND, &mut out);
                assert_eq!(subject.connection.transport(), TransportAction::Write);
                let _ = subject.receive(&mut out);
            } else {
                let _ = subject.receive(&mut out);
                assert_eq!(subject.connection.transport(), TransportAction::Write);
                let _ = subject.tick(SECOND, &mut out);
            }
            assert_eq!(subject.connection.transport(), TransportAction::Read);
            assert_eq!((subject.seen.len(), subject.pending.len()), (1, 0));
            assert_eq!(none.bytes, b"");
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// The call can be repeated on the same events, once their output was emptied.
#[test]
fn the_same_events_go_on() {
    fn check<R: Side, const ROOM: usize>(overhead: usize) {
        let masks = R::PEER_MASKS;
        let mut chunk = [
            wire::frame(masks, FIN | PING, b"one"),
            wire::frame(masks, FIN | TEXT, b"two"),
            wire::frame(masks, FIN | PING, b"six"),
        ]
        .concat();
        let mut connection = established::<R, _>(Fixed::<400>, Config::new());
        let mut sent = vec![];
        let mut seen = vec![];
        let mut blocked = 0;
        // Room for one answer and not for two.
        let mut out = FixedBuffer::<ROOM>::new();
        let full = Full { needed: overhead + 3, room: ROOM - overhead - 3 };
        let mut events = connection.receive(&mut chunk[..], &mut out);
        loop {
            match events.next().expect("a valid stream") {
                Some((event, mut reply)) => {
                    seen.push(Seen::new(&event));
                    if let Event::Message(message) = event {
                        assert_eq!(reply.send(message), Ok(Err(full)));
                        sent.extend_from_slice(reply.out().as_slice());
                        reply.out().clear();
                        assert_eq!(reply.send(message), Ok(Ok(())));
                    }
                }
                None => {
                    if events.transport() != TransportAction::Write {
                        break;
                    }
                    let remaining = events.remaining().to_vec();
                    assert!(events.next().expect("still valid").is_none());
                    assert_eq!(events.transport(), TransportAction::Write);
                    assert_eq!(events.remaining(), remaining, "nothing has changed");
                    sent.extend_from_slice(events.out().as_slice());
                    events.out().clear();
                    blocked += 1;
                }
            }
        }
        assert_eq!(events.transport(), TransportAction::Read);
        assert_eq!(blocked, 1);
        sent.extend_from_slice(out.as_slice());
        let payloads: Vec<_> = wire::read_frames(&sent).into_iter().map(|f| f.payload).collect();
        assert_eq!(payloads, [b"one", b"two", b"six"]);
        assert_eq!(seen.len(), 3);
    }
    check::<Server, 9>(2);
    check::<Client<Script>, 17>(6);
}

/// An output that grows is full only if it cannot grow. That is an error of the calls that send, as
/// their result has no other place for it.
#[test]
fn an_output_that_cannot_grow_is_an_error() {
    let out = &mut Output::growing_up_to(1);
    let mut server = established::<Server, _>(Fixed::<400>, Config::new());
    assert_eq!(server.sender(out).send("Hello"), Err(SendError::CannotGrow(7)));
    assert_eq!(server.sender(out).close(CloseFrame::EMPTY), Err(SendError::CannotGrow(2)));

    let mut server = Connection::server_in(Fixed::<400>, Config::new());
    let mut events = server.receive(Server::HEADS[0].as_bytes(), out);
    assert!(matches!(events.next(), Ok(Some((Event::Request(_), _)))));
    let accepted = server.sender(out).accept(Accept::new());
    assert!(matches!(accepted, Err(ResponseError::CannotGrow(100..))), "{accepted:?}");

    let request = Request::new("example.com", "/");
    let client = Connection::client_in(Fixed::<8>, &request, Script::default(), Config::new(), out);
    assert!(matches!(client, Err(RequestError::CannotGrow(100..))), "{client:?}");
    assert_eq!(out.bytes, b"");

    // Of the calls that receive it is not one: they go on once there is room.
    let mut server = established::<Server, _>(Fixed::<400>, Config::new());
    let ping = wire::frame(true, FIN | PING, b"?");
    let mut events = server.receive(&ping[..], out);
    assert!(events.next().expect("no error").is_none());
    assert_eq!(events.transport(), TransportAction::Write);
    let rest = events.remaining().to_vec();
    assert!(matches!(
        server.receive(&rest[..], &mut Output::unbounded()).next(),
        Ok(Some((Event::Ping(b"?"), _)))
    ));
}
