//! A caller without any discipline: every public method in any order, with any arguments.

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use sansocket::{
    Accept, Buffer, Chunk, Client, CloseCode, CloseFrame, Config, Connection, Delivery, Error,
    Message, MessageKind, Reply, Response, SendError, Server, Storage,
};

use super::conversation::any_config;
use super::output::Output;
use super::side::{Script, Side};

/// A call on the connection.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// So many of the next bytes of the stream; each event is answered with the next of these
    /// while there are any, after which the rest is dropped or passed again.
    Receive {
        length: usize,
        in_place: bool,
        answers: Vec<Answer>,
        again: bool,
    },
    Say(Answer),
    Tick(Duration),
    EndOfStream,
    Release,
    /// The output has this room from here on.
    Room(usize),
    /// All that can be asked.
    Ask,
}

/// A call on the connection or on the handle that comes with an event.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Nothing,
    Send(MessageKind, usize),
    Fragment(MessageKind, usize, bool),
    Begin(MessageKind, u64, bool),
    Ping(usize),
    Pong(usize),
    Close(u16, usize),
    Accept { protocol: bool, header: &'static str },
    Respond { status: u16, body: usize, header: &'static str },
    Defer,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Received { events: usize, error: Option<Error> },
    Checked(Result<(), Error>),
    Said(Result<(), SendError>),
    Done,
}

/// A connection, and what its caller has at hand.
pub(crate) struct Caller<R: Calls, S: Storage> {
    pub(crate) connection: Connection<R, S>,
    pub(crate) out: Output,
    /// What the peer is still to send.
    stream: Vec<u8>,
}

/// The calls that only one of the sides has.
pub(crate) trait Calls: Side {
    fn say<S: Storage>(
        connection: &mut Connection<Self, S>,
        answer: &Answer,
        out: &mut Output,
    ) -> Result<(), SendError>;

    fn reply<S: Storage, B: Buffer>(
        reply: &mut Reply<'_, Self, S, B>,
        event: &sansocket::Event<'_>,
        answer: &Answer,
    ) -> Result<(), SendError>;
}

impl<R: Calls, S: Storage> Caller<R, S> {
    pub(crate) fn new(connection: Connection<R, S>, out: Output, stream: Vec<u8>) -> Self {
        Self { connection, out, stream }
    }

    pub(crate) fn perform(&mut self, call: &Call) -> Outcome {
        match *call {
            Call::Receive { length, in_place, ref answers, again } => {
                let mut chunk = self.stream.clone();
                chunk.truncate(length);
                let (consumed, outcome) = if in_place {
                    self.receive(&mut chunk[..], answers)
                } else {
                    self.receive(&chunk[..], answers)
                };
                self.stream.drain(..if again { consumed } else { chunk.len() });
                outcome
            }
            Call::Say(ref answer) => {
                Outcome::Said(R::say(&mut self.connection, answer, &mut self.out))
            }
            Call::Tick(now) => Outcome::Checked(self.connection.tick(now, &mut self.out)),
            Call::EndOfStream => Outcome::Checked(self.connection.end_of_stream()),
            Call::Release => {
                self.connection.release();
                Outcome::Done
            }
            Call::Room(room) => {
                self.out.set_room(room);
                Outcome::Done
            }
            Call::Ask => {
                let connection = &self.connection;
                let asked = (connection.state(), connection.transport(), connection.next_timeout());
                let shown = format!("{asked:?} {:?} {connection:?}", connection.close_report());
                assert!(shown.contains("Connection"));
                Outcome::Done
            }
        }
    }

    fn receive(&mut self, chunk: impl Chunk, answers: &[Answer]) -> (usize, Outcome) {
        let mut answers = answers.iter();
        let mut events = self.connection.receive(chunk, &mut self.out);
        // Every event but the few of the opening handshake takes a byte of its own.
        let most = events.remaining().len() + 3;
        let (mut count, mut error) = (0, None);
        loop {
            match events.next() {
                Ok(Some((event, mut reply))) => {
                    count += 1;
                    assert!(count <= most, "{count} events, at most {most} can be");
                    let Some(answer) = answers.next() else {
                        break;
                    };
                    // What cannot be done now is refused, which is all that is asked here.
                    let _ = R::reply(&mut reply, &event, answer);
                    assert!(!format!("{event:?} {reply:?}").is_empty());
                }
                Ok(None) => break,
                Err(first) => {
                    assert_eq!(events.next().err(), Some(first), "asked again");
                    error = Some(first);
                    break;
                }
            }
        }
        (events.consumed(), Outcome::Received { events: count, error })
    }
}

/// The calls that both sides have, on a connection with an output or on a handle that has one.
macro_rules! say {
    ($to:expr, $answer:expr $(, $out:expr)?) => {
        match *$answer {
            Answer::Send(kind, length) => {
                let payload = "x".repeat(length);
                let message = match kind {
                    MessageKind::Text => Message::Text(&payload),
                    MessageKind::Binary => Message::Binary(payload.as_bytes()),
                };
                $to.send(message $(, $out)?)
            }
            Answer::Fragment(kind, length, fin) => {
                $to.send_fragment(kind, &vec![b'f'; length], fin $(, $out)?)
            }
            Answer::Begin(kind, length, fin) => {
                $to.begin_frame(kind, length, fin $(, $out)?).map(|mut mask| mask.apply(&mut [7; 9]))
            }
            Answer::Ping(length) => $to.ping(&vec![b'i'; length] $(, $out)?),
            Answer::Pong(length) => $to.pong(&vec![b'o'; length] $(, $out)?),
            Answer::Close(code, length) => {
                let reason = "r".repeat(length);
                let frame = CloseCode::new(code).map(|code| CloseFrame::new(code, &reason));
                $to.close(frame.unwrap_or_default() $(, $out)?)
            }
            _ => Ok(()),
        }
    };
}

/// The one header of an answer.
fn headers(value: &'static str) -> [(&'static str, &'static str); 1] {
    [("X-Answer", value)]
}

impl Calls for Server {
    fn say<S: Storage>(
        connection: &mut Connection<Self, S>,
        answer: &Answer,
        out: &mut Output,
    ) -> Result<(), SendError> {
        match *answer {
            Answer::Accept { protocol, header } => {
                let headers = headers(header);
                let accept = Accept::new().headers(&headers);
                connection.accept(if protocol { accept.protocol("two") } else { accept }, out)
            }
            Answer::Respond { status, body, header } => {
                let (headers, body) = (headers(header), vec![b'b'; body]);
                connection.respond(&Response::new(status).headers(&headers).body(&body), out)
            }
            _ => say!(connection, answer, out),
        }
    }

    fn reply<S: Storage, B: Buffer>(
        reply: &mut Reply<'_, Self, S, B>,
        event: &sansocket::Event<'_>,
        answer: &Answer,
    ) -> Result<(), SendError> {
        match *answer {
            Answer::Accept { protocol, header } => {
                let headers = headers(header);
                let accept = Accept::new().headers(&headers);
                let accept = if protocol { accept.protocol("two") } else { accept };
                match event {
                    sansocket::Event::Request(_) | sansocket::Event::Http(_) => {
                        reply.accept(accept)
                    }
                    _ => Ok(()),
                }
            }
            Answer::Respond { status, body, header } => {
                let (headers, body) = (headers(header), vec![b'b'; body]);
                reply.respond(&Response::new(status).headers(&headers).body(&body))
            }
            Answer::Defer => {
                reply.defer();
                Ok(())
            }
            _ => say!(reply, answer),
        }
    }
}

impl Calls for Client<Script> {
    fn say<S: Storage>(
        connection: &mut Connection<Self, S>,
        answer: &Answer,
        out: &mut Output,
    ) -> Result<(), SendError> {
        say!(connection, answer, out)
    }

    fn reply<S: Storage, B: Buffer>(
        reply: &mut Reply<'_, Self, S, B>,
        _: &sansocket::Event<'_>,
        answer: &Answer,
    ) -> Result<(), SendError> {
        say!(reply, answer)
    }
}

/// Any calls; where a request waits, accepting it is likely.
pub(crate) fn any_calls() -> impl Strategy<Value = Vec<Call>> {
    let length = prop_oneof![0..4usize, 0..300usize, Just(usize::MAX)];
    let receive = (length, any::<bool>(), vec(any_answer(), 0..5), any::<bool>()).prop_map(
        |(length, in_place, answers, again)| Call::Receive { length, in_place, answers, again },
    );
    let call = prop_oneof![
        12 => receive,
        6 => any_answer().prop_map(Call::Say),
        2 => any_time().prop_map(Call::Tick),
        1 => Just(Call::EndOfStream),
        1 => Just(Call::Release),
        1 => Just(Call::Ask),
        2 => prop_oneof![0..10usize, 0..400usize].prop_map(Call::Room),
        4 => Just(Call::Room(1 << 30)),
    ];
    vec(call, 1..30)
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let kind = || prop::sample::select(&[MessageKind::Text, MessageKind::Binary][..]);
    let length = || prop_oneof![0..4usize, 100..130usize, Just(70_000usize)];
    let long = prop_oneof![0..200u64, 65_000..66_000u64, any::<u64>()];
    let header = || prop::sample::select(&["", "value", "bad\r\nvalue"][..]);
    let status = prop_oneof![Just(403u16), any::<u16>()];
    let accept = (prop::bool::weighted(0.2), header());
    let respond = (status, length(), header());
    prop_oneof![
        1 => Just(Answer::Nothing),
        1 => Just(Answer::Defer),
        1 => (kind(), length()).prop_map(|(kind, length)| Answer::Send(kind, length)),
        1 => (kind(), length(), any::<bool>()).prop_map(|(k, l, fin)| Answer::Fragment(k, l, fin)),
        1 => (kind(), long, any::<bool>()).prop_map(|(k, l, fin)| Answer::Begin(k, l, fin)),
        1 => length().prop_map(Answer::Ping),
        1 => length().prop_map(Answer::Pong),
        1 => (990..1020u16, length()).prop_map(|(code, length)| Answer::Close(code, length)),
        5 => accept.prop_map(|(protocol, header)| Answer::Accept { protocol, header }),
        1 => respond.prop_map(|(status, body, header)| Answer::Respond { status, body, header }),
    ]
}

/// Times near each other, and at the ends.
fn any_time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        4 => (0..100_000u64).prop_map(Duration::from_millis),
        1 => prop::sample::select(vec![Duration::ZERO, Duration::from_nanos(1), Duration::MAX]),
    ]
}

/// Settings with any deadlines.
pub(crate) fn any_timed_config() -> impl Strategy<Value = Config> {
    let spans = (any_time(), any_time(), any_time(), any_time(), any_time(), any_time());
    let in_place = (prop::bool::weighted(0.3), any::<bool>());
    let config = (any_config(), in_place).prop_map(|(config, (in_place, validate))| {
        let config = config.validate_held(validate);
        if in_place { config.delivery(Delivery::InPlace) } else { config }
    });
    (config, prop::option::of(spans)).prop_map(|(config, spans)| match spans {
        Some((opening, closing, drop, silence, answer, idle)) => config
            .opening_timeout(opening)
            .closing_timeout(closing)
            .server_drop_timeout(drop)
            .keep_alive(silence, answer)
            .idle_timeout(idle),
        None => config,
    })
}
