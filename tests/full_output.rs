//! Contract 7, a full output changes nothing: the call says how much room it needs, with less it
//! does nothing at all, and with just that it does what it does with room without end.

mod common;

use core::time::Duration;

use common::output::Output;
use common::record::{Seen, Snapshot};
use common::side::{Script, Side, established};
use common::wire::{self, CLOSE, CONTINUATION, FIN, PING, TEXT};
use sansocket::{
    Accept, Buffer, Client, CloseCode, CloseFrame, Config, Connection, Error, Event, Fixed,
    FixedBuffer, MessageKind, Request, Response, SendError, Server, SliceBuffer,
};

/// What stands in an output before the call.
const BEFORE: &[u8] = b"before";

/// The longest output that is tried at every length.
const MANY: usize = 700;

/// A connection, what it is still to be fed, and what it told.
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

    /// Passes what is pending; that the output is full is a result, any failure is kept.
    fn receive(&mut self, mut out: &mut dyn Buffer) -> Result<(), SendError> {
        let mut chunk = self.pending.clone();
        let mut events = self.connection.receive(&mut chunk[..], &mut out);
        let result = loop {
            match events.next() {
                Ok(Some((event, _))) => {
                    self.seen.push(Seen::new(&event));
                    assert!(self.seen.len() <= 2, "told again and again: {:?}", self.seen);
                }
                Ok(None) => break Ok(()),
                Err(Error::Blocked(full)) => break Err(full),
                Err(error) => {
                    self.error = Some(error);
                    break Ok(());
                }
            }
        };
        self.pending.drain(..events.consumed());
        result
    }

    /// Tells the time; as above.
    fn tick(&mut self, now: Duration, mut out: &mut dyn Buffer) -> Result<(), SendError> {
        match self.connection.tick(now, &mut out) {
            Err(Error::Blocked(full)) => return Err(full),
            Err(error) => self.error = Some(error),
            Ok(()) => {}
        }
        Ok(())
    }

    /// All that shows whether something has changed.
    fn look(&self) -> (Snapshot, Vec<u8>, Vec<Seen>, Option<Error>) {
        (Snapshot::of(&self.connection), self.pending.clone(), self.seen.clone(), self.error)
    }
}

/// What is to be known of a call beyond the bytes it writes.
#[derive(Clone, Copy, Default)]
struct Kind {
    /// It fails the connection: what cannot be told to the peer yet is already known here.
    fails: bool,
    /// It may consume what comes before the frame that has to be answered.
    receives: bool,
    /// It starts to wait for an answer, even if there is no room yet to ask for it.
    waits: bool,
}

const SENDS: Kind = Kind { fails: false, receives: false, waits: false };
const RECEIVES: Kind = Kind { fails: false, receives: true, waits: false };
const FAILS: Kind = Kind { fails: true, receives: true, waits: false };
const PINGS: Kind = Kind { waits: true, ..SENDS };

/// Tries a call with every room; it must be one that writes something.
#[track_caller]
fn check<R: Side>(
    kind: Kind,
    make: impl Fn() -> Subject<R>,
    call: impl Fn(&mut Subject<R>, &mut dyn Buffer) -> Result<(), SendError>,
) {
    let mut unbounded = Output::unbounded();
    let mut model = make();
    call(&mut model, &mut unbounded).expect("room without end");
    let expected = unbounded.bytes;
    let needed = expected.len();
    assert!(!expected.is_empty());

    let rooms: Vec<_> =
        if needed <= MANY { (0..needed).collect() } else { vec![0, 1, needed / 2, needed - 1] };
    for room in rooms {
        let mut subject = make();
        let untouched = subject.look();
        let full = Err(SendError::Full { needed, room });

        let mut memory = vec![0xEE; BEFORE.len() + room];
        let mut out = SliceBuffer::new(&mut memory);
        out.append(BEFORE);
        assert_eq!(call(&mut subject, &mut out), full);
        assert_eq!(out.written(), BEFORE);
        let mut blocked = subject.look();
        if kind.waits {
            blocked.0.next_timeout = untouched.0.next_timeout;
        }
        if kind.receives {
            assert_eq!(blocked.2, untouched.2, "events before the one that is blocked");
        } else {
            assert_eq!(blocked, untouched);
        }
        assert_eq!(blocked.0.transport, untouched.0.transport);
        if !kind.fails {
            assert_eq!(blocked.0, untouched.0, "state and report");
        }
        let blocked = subject.look();
        assert_eq!(call(&mut subject, &mut out), full, "once more");
        assert_eq!((out.written(), subject.look()), (BEFORE, blocked));
        assert!(memory[BEFORE.len()..].iter().all(|&byte| byte == 0xEE), "scribbled behind");

        let mut memory = vec![0xEE; needed];
        let mut out = SliceBuffer::new(&mut memory);
        assert_eq!(call(&mut subject, &mut out), Ok(()));
        assert_eq!(out.written(), expected);
        assert_eq!(subject.look(), model.look());
    }
    if needed <= MANY {
        check_fixed(&expected, needed, make(), call);
    }
}

/// The same in a buffer that is full of other bytes until the transport takes some.
fn check_fixed<R: Side>(
    expected: &[u8],
    needed: usize,
    mut subject: Subject<R>,
    call: impl Fn(&mut Subject<R>, &mut dyn Buffer) -> Result<(), SendError>,
) {
    let mut out = FixedBuffer::<MANY>::new();
    out.append(&[b'.'; MANY]);
    for room in 0..needed {
        assert_eq!(call(&mut subject, &mut out), Err(SendError::Full { needed, room }));
        assert_eq!(out.as_slice(), &vec![b'.'; MANY - room]);
        out.consume(1);
    }
    assert_eq!(call(&mut subject, &mut out), Ok(()));
    assert_eq!(&out.as_slice()[MANY - needed..], expected);
}

fn sending<R: Side>() {
    let open = || Subject::<R>::open(Config::new());
    for length in [0, 1, 125, 126, 300, 70_000] {
        let payload = vec![b's'; length];
        check(SENDS, open, |subject, mut out| subject.connection.send(&payload[..], &mut out));
        check(SENDS, open, |subject, mut out| {
            subject.connection.send_fragment(MessageKind::Text, &payload, false, &mut out)
        });
        check(SENDS, open, |subject, mut out| {
            let length = payload.len() as u64;
            subject.connection.begin_frame(MessageKind::Text, length, false, &mut out).map(drop)
        });
    }
    for payload in [&b""[..], &[b'p'; 125]] {
        check(SENDS, open, |subject, mut out| subject.connection.ping(payload, &mut out));
        check(SENDS, open, |subject, mut out| subject.connection.pong(payload, &mut out));
    }
    let long = "r".repeat(123);
    for frame in [CloseFrame::EMPTY, CloseFrame::new(CloseCode::NORMAL, &long)] {
        check(SENDS, open, |subject, mut out| subject.connection.close(frame, &mut out));
    }
    // The last fragment of a message: what is under way stays under way.
    let begun = || {
        let mut subject = open();
        let mut out = Output::unbounded();
        subject.connection.send_fragment(MessageKind::Text, b"a", false, &mut out).unwrap();
        subject
    };
    check(SENDS, begun, |subject, mut out| {
        let changed = subject.connection.send_fragment(MessageKind::Binary, b"", true, &mut out);
        assert_eq!(changed, Err(SendError::Fragmented));
        subject.connection.send_fragment(MessageKind::Text, b"b", true, &mut out)
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

/// Frames that are answered as they come, behind a message that is told once.
fn answering<R: Side>() {
    let masks = R::PEER_MASKS;
    let behind_a_message = |first, payload: &[u8]| {
        let mut bytes = wire::frame(masks, FIN | TEXT, b"first");
        bytes.extend(wire::frame(masks, TEXT, b"under way"));
        bytes.extend(wire::frame(masks, first, payload));
        let mut subject = Subject::<R>::receiving(&bytes);
        // The message is told, whatever the room, before the answer is due.
        let _ = subject.receive(&mut Output::with_limit(0));
        assert_eq!(subject.seen.len(), 1);
        subject
    };
    let receive = |subject: &mut Subject<R>, out: &mut dyn Buffer| subject.receive(out);
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
        subject.receive(&mut Output::with_limit(0)).expect("nothing to answer yet");
        subject
    };
    check(SENDS, asked, |subject, mut out| {
        let accept = Accept::new().protocol("two").headers(&[("Set-Cookie", "a=b")]);
        subject.connection.accept(accept, &mut out)
    });
    check(SENDS, asked, |subject, mut out| {
        let response = Response::new(403).headers(&[("X-Why", "so")]).body(b"not for you");
        subject.connection.respond(&response, &mut out)
    });

    let receive = |subject: &mut Subject<Server>, out: &mut dyn Buffer| subject.receive(out);
    let plain = || {
        let mut subject = server(Server::HEADS[2], Config::new());
        let _ = subject.receive(&mut Output::with_limit(0));
        assert!(matches!(subject.seen[..], [Seen::Head(_)]));
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
    let client = |out: &mut dyn Buffer| {
        let mut out = out;
        Connection::client_in(Fixed::<8>, &request, Script::default(), Config::new(), &mut out)
            .map(drop)
    };
    let mut unbounded = Output::unbounded();
    client(&mut unbounded).unwrap();
    let needed = unbounded.bytes.len();
    let mut memory = vec![0xEE; needed];
    for room in 0..needed {
        let mut out = SliceBuffer::new(&mut memory[..room]);
        assert_eq!(client(&mut out), Err(SendError::Full { needed, room }));
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
        subject.tick(Duration::ZERO, &mut Output::unbounded()).unwrap();
        subject
    };
    let tick = |subject: &mut Subject<R>, out: &mut dyn Buffer| subject.tick(SECOND, out);
    let keep_alive = Config::new().keep_alive(SECOND, SECOND);
    check(PINGS, || started(keep_alive), tick);
    check(SENDS, || started(Config::new().idle_timeout(SECOND)), tick);
}

#[test]
fn what_is_due_at_a_servers_deadline() {
    due::<Server>();
}

#[test]
fn what_is_due_at_a_clients_deadline() {
    due::<Client<Script>>();
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
        let mut told = vec![];
        // Room for one answer and not for two.
        let mut out = FixedBuffer::<ROOM>::new();
        let full = SendError::Full { needed: overhead + 3, room: ROOM - overhead - 3 };
        let mut events = connection.receive(&mut chunk[..], &mut out);
        loop {
            match events.next() {
                Ok(Some((event, mut reply))) => {
                    told.push(Seen::new(&event));
                    if let Event::Message(message) = event {
                        assert_eq!(reply.send(message), Err(full));
                        sent.extend_from_slice(reply.out().as_slice());
                        reply.out().clear();
                        assert_eq!(reply.send(message), Ok(()));
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(error, Error::Blocked(full));
                    assert_eq!(events.next().err(), Some(error), "nothing has changed");
                    sent.extend_from_slice(events.out().as_slice());
                    events.out().clear();
                }
            }
        }
        sent.extend_from_slice(out.as_slice());
        let payloads: Vec<_> = wire::read_frames(&sent).into_iter().map(|f| f.payload).collect();
        assert_eq!(payloads, [b"one", b"two", b"six"]);
        assert_eq!(told.len(), 3);
    }
    check::<Server, 9>(2);
    check::<Client<Script>, 17>(6);
}
