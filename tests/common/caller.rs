//! A caller without any discipline: every public method in any order, with any arguments.

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use sansocket::{
    Accept, Bounded, Buffer, Chunk, Client, CloseCode, CloseFrame, Config, Connection, Error,
    Event, Fragment, Full, Input, InputMemory, Message, MessageKind, Response, ResponseError,
    SendError, Sender, Server, Storage, TransportAction,
};

use super::conversation::any_config;
use super::output::{Output, Unsent, flat};
use super::side::{Script, Side};

/// The memory of an input of constant size: more than a frame that waits there needs.
const INPUT: usize = 5000;

/// A call on the connection.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// So many of the next bytes of the stream, passed like this; each event is answered with the
    /// next of these while there are any. The rest is dropped, or kept for the next call.
    Receive {
        length: usize,
        kind: Kind,
        taking: Taking,
        answers: Vec<Answer>,
        again: bool,
    },
    /// Any bytes at all are in one of the inputs from here on, as many as that has space for.
    Fill(Kind, usize),
    /// Releases the memory of the inputs.
    ReleaseInputs,
    Limits(u64, u64),
    Say(Answer),
    Tick(Duration),
    EndOfStream,
    Release,
    /// The output has this room from here on.
    Room(usize),
    /// All that can be asked.
    Ask,
}

/// What a connection receives from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Shared,
    InPlace,
    /// An input of constant size.
    Fixed,
    /// An input that grows; of constant size as well where there is no allocator.
    Growing,
}

/// How events are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taking {
    /// From what `receive` returns.
    Events,
    /// From what `receive` returns, which is never dropped.
    Forget,
    /// One by one from the connection, if there is an input.
    NextEvent,
    /// Only the messages, with copies of their own.
    NextMessage,
}

/// A call on the connection or on the handle that comes with an event.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Nothing,
    Send(MessageKind, usize),
    Fragment(Fragment, usize),
    Begin(Fragment, u64),
    Ping(usize),
    Pong(usize),
    Close(u16, usize),
    Accept { protocol: bool, header: &'static str },
    Respond { status: u16, body: usize, header: &'static str },
}

/// Why a call did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full(Full),
    Send(SendError),
    Response(ResponseError),
}

impl From<Unsent<SendError>> for Refusal {
    fn from(unsent: Unsent<SendError>) -> Self {
        match unsent {
            Unsent::Full(full) => Self::Full(full),
            Unsent::Error(error) => Self::Send(error),
        }
    }
}

impl From<Unsent<ResponseError>> for Refusal {
    fn from(unsent: Unsent<ResponseError>) -> Self {
        match unsent {
            Unsent::Full(full) => Self::Full(full),
            Unsent::Error(error) => Self::Response(error),
        }
    }
}

/// The outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Received { events: usize, error: Option<Error> },
    Checked(Result<(), Error>),
    Said(Result<(), Refusal>),
    Done,
}

/// A connection, and what its caller has at hand.
pub(crate) struct Caller<R: Calls, S: Storage> {
    pub(crate) connection: Connection<R, S>,
    pub(crate) out: Output<Bounded>,
    /// What the peer is still to send.
    stream: Vec<u8>,
    fixed: Box<Input<[u8; INPUT]>>,
    #[cfg(feature = "alloc")]
    growing: Input,
}

/// The calls that only one of the sides has, and those of both.
pub(crate) trait Calls: Side {
    fn say<S: Storage, B: Buffer>(
        to: &mut Sender<'_, Self, S, B>,
        answer: &Answer,
    ) -> Result<(), Refusal>;
}

impl<R: Calls, S: Storage> Caller<R, S> {
    pub(crate) fn new(connection: Connection<R, S>, out: Output<Bounded>, stream: Vec<u8>) -> Self {
        Self {
            connection,
            out,
            stream,
            fixed: new_fixed(),
            #[cfg(feature = "alloc")]
            growing: Input::new(),
        }
    }

    pub(crate) fn perform(&mut self, call: &Call) -> Outcome {
        match *call {
            Call::Receive { length, kind, taking, ref answers, again } => {
                self.receive(length, kind, taking, answers, again)
            }
            Call::Fill(kind, length) => {
                match kind {
                    #[cfg(feature = "alloc")]
                    Kind::Growing => fill(&mut self.growing, length),
                    _ => fill(&mut self.fixed, length),
                }
                Outcome::Done
            }
            Call::ReleaseInputs => {
                self.fixed.release();
                #[cfg(feature = "alloc")]
                self.growing.release();
                Outcome::Done
            }
            Call::Limits(frame, message) => {
                self.connection.set_limits(frame, message);
                Outcome::Done
            }
            Call::Say(ref answer) => {
                Outcome::Said(R::say(&mut self.connection.sender(&mut self.out), answer))
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

    fn receive(
        &mut self,
        length: usize,
        kind: Kind,
        taking: Taking,
        answers: &[Answer],
        again: bool,
    ) -> Outcome {
        let Self { connection, out, stream, .. } = self;
        let length = length.min(stream.len());
        if let Kind::Shared | Kind::InPlace = kind {
            let mut chunk = stream[..length].to_vec();
            let (consumed, outcome) = match kind {
                Kind::InPlace => receive(connection, &mut chunk[..], out, taking, answers),
                _ => receive(connection, &chunk[..], out, taking, answers),
            };
            stream.drain(..if again { consumed } else { length });
            return outcome;
        }
        #[cfg(feature = "alloc")]
        if kind == Kind::Growing {
            stream.drain(..self.growing.push(&stream[..length]));
            let outcome = receive_from(connection, &mut self.growing, out, taking, answers);
            if !again {
                self.growing = Input::with(vec![0; length]).retain(length);
            }
            return outcome;
        }
        stream.drain(..self.fixed.push(&stream[..length]));
        let outcome = receive_from(connection, &mut *self.fixed, out, taking, answers);
        if !again {
            self.fixed = new_fixed();
        }
        outcome
    }
}

fn new_fixed() -> Box<Input<[u8; INPUT]>> {
    Box::new(Input::with([0; INPUT]))
}

fn fill(input: &mut Input<impl InputMemory>, length: usize) {
    let length = input.space().len().min(length);
    input.fill(length);
}

/// Receives from an input.
fn receive_from<R: Calls, S: Storage, M: InputMemory>(
    connection: &mut Connection<R, S>,
    input: &mut Input<M>,
    out: &mut Output<Bounded>,
    taking: Taking,
    answers: &[Answer],
) -> Outcome {
    if taking != Taking::NextEvent {
        let unread = input.unread().len();
        let (consumed, outcome) = receive(connection, &mut *input, out, taking, answers);
        assert_eq!(input.unread().len(), unread - consumed, "the input has not kept the rest");
        return outcome;
    }
    let mut answering = Answering::new(answers, input.unread().len());
    loop {
        match connection.next_event(input, out) {
            Ok(Some((event, mut reply))) => {
                if !answering.answer(&event, &mut reply) {
                    break;
                }
            }
            Ok(None) => {
                if !answering.goes_on(connection.transport()) {
                    break;
                }
            }
            Err(first) => {
                assert_eq!(connection.next_event(input, out).err(), Some(first), "asked again");
                answering.error = Some(first);
                break;
            }
        }
    }
    answering.outcome()
}

/// Receives a chunk and returns how much of it was consumed.
fn receive<R: Calls, S: Storage>(
    connection: &mut Connection<R, S>,
    chunk: impl Chunk,
    out: &mut Output<Bounded>,
    taking: Taking,
    answers: &[Answer],
) -> (usize, Outcome) {
    let mut events = connection.receive(chunk, out);
    let (start, length) = (events.consumed(), events.remaining().len());
    let mut answering = Answering::new(answers, length);
    loop {
        #[cfg(feature = "alloc")]
        if taking == Taking::NextMessage {
            match events.next_message() {
                Ok(Some(message)) => {
                    assert!(!format!("{message:?}").is_empty());
                    if !answering.count() {
                        break;
                    }
                }
                Ok(None) => {
                    if !answering.goes_on(events.transport()) {
                        break;
                    }
                }
                Err(first) => {
                    assert_eq!(events.next_message(), Err(first), "asked again");
                    answering.error = Some(first);
                    break;
                }
            }
            continue;
        }
        match events.next() {
            Ok(Some((event, mut reply))) => {
                if !answering.answer(&event, &mut reply) {
                    break;
                }
            }
            Ok(None) => {
                if !answering.goes_on(events.transport()) {
                    break;
                }
            }
            Err(first) => {
                assert_eq!(events.next().err(), Some(first), "asked again");
                answering.error = Some(first);
                break;
            }
        }
    }
    let consumed = events.consumed() - start;
    assert_eq!(events.remaining().len(), length - consumed);
    if taking == Taking::Forget {
        core::mem::forget(events);
    }
    (consumed, answering.outcome())
}

/// Answers events while there are answers, and counts them.
struct Answering<'a> {
    answers: core::slice::Iter<'a, Answer>,
    /// The most events that there can be: each takes a byte of its own, except the few of the
    /// opening handshake.
    most: usize,
    events: usize,
    asked_again: bool,
    error: Option<Error>,
}

impl<'a> Answering<'a> {
    fn new(answers: &'a [Answer], unread: usize) -> Self {
        let (answers, most) = (answers.iter(), unread + 3);
        Self { answers, most, events: 0, asked_again: false, error: None }
    }

    /// Answers an event, or returns false if there is no answer left.
    fn answer<R: Calls, S: Storage, B: Buffer>(
        &mut self,
        event: &Event<'_>,
        reply: &mut Sender<'_, R, S, B>,
    ) -> bool {
        let Some(answer) = self.next() else {
            return false;
        };
        // What cannot be done now is refused, which is all that is asked here.
        let _ = R::say(reply, answer);
        assert!(!format!("{event:?} {reply:?}").is_empty());
        true
    }

    /// Counts an event, and returns false if there is no answer left.
    fn count(&mut self) -> bool {
        self.next().is_some()
    }

    fn next(&mut self) -> Option<&'a Answer> {
        self.events += 1;
        assert!(self.events <= self.most, "{} events, at most {} can be", self.events, self.most);
        self.answers.next()
    }

    /// Whether to ask once more where there was no event: a failure is returned after its close
    /// frame.
    fn goes_on(&mut self, transport: TransportAction) -> bool {
        transport == TransportAction::Close && !core::mem::replace(&mut self.asked_again, true)
    }

    fn outcome(&self) -> Outcome {
        Outcome::Received { events: self.events, error: self.error }
    }
}

/// The calls that both sides have.
fn say<R: Side, S: Storage, B: Buffer>(
    to: &mut Sender<'_, R, S, B>,
    answer: &Answer,
) -> Result<(), Refusal> {
    let sent = match *answer {
        Answer::Send(kind, length) => {
            let payload = "x".repeat(length);
            to.send(match kind {
                MessageKind::Text => Message::Text(&payload),
                MessageKind::Binary => Message::Binary(payload.as_bytes()),
            })
        }
        Answer::Fragment(fragment, length) => to.send_fragment(fragment, &vec![b'f'; length]),
        Answer::Begin(fragment, length) => {
            flat::<B, _, _>(to.begin_frame(fragment, length))?.apply(&mut [7; 9]);
            return Ok(());
        }
        Answer::Ping(length) => to.ping(&vec![b'i'; length]),
        Answer::Pong(length) => to.pong(&vec![b'o'; length]),
        Answer::Close(code, length) => {
            let reason = "r".repeat(length);
            let frame = CloseCode::new(code).map(|code| CloseFrame::new(code, &reason));
            to.close(frame.unwrap_or_default())
        }
        _ => return Ok(()),
    };
    Ok(flat::<B, _, _>(sent)?)
}

/// The one header of an answer.
fn headers(value: &'static str) -> [(&'static str, &'static str); 1] {
    [("X-Answer", value)]
}

impl Calls for Server {
    fn say<S: Storage, B: Buffer>(
        to: &mut Sender<'_, Self, S, B>,
        answer: &Answer,
    ) -> Result<(), Refusal> {
        let answered = match *answer {
            Answer::Accept { protocol, header } => {
                let headers = headers(header);
                let accept = Accept::new().headers(&headers);
                to.accept(if protocol { accept.protocol("two") } else { accept })
            }
            Answer::Respond { status, body, header } => {
                let (headers, body) = (headers(header), vec![b'b'; body]);
                to.respond(&Response::new(status).headers(&headers).body(&body))
            }
            _ => return say(to, answer),
        };
        Ok(flat::<B, _, _>(answered)?)
    }
}

impl Calls for Client<Script> {
    fn say<S: Storage, B: Buffer>(
        to: &mut Sender<'_, Self, S, B>,
        answer: &Answer,
    ) -> Result<(), Refusal> {
        say(to, answer)
    }
}

/// Any calls; where a request waits, accepting it is likely.
pub(crate) fn any_calls() -> impl Strategy<Value = Vec<Call>> {
    let length = prop_oneof![0..4usize, 0..300usize, Just(usize::MAX)];
    let receive = (length, any_kind(), any_taking(), vec(any_answer(), 0..5), any::<bool>());
    let receive = receive.prop_map(|(length, kind, taking, answers, again)| Call::Receive {
        length,
        kind,
        taking,
        answers,
        again,
    });
    let limit = || prop::sample::select(&[0, 20, 200, 5000, u64::MAX][..]);
    let call = prop_oneof![
        12 => receive,
        1 => (any_kind(), 0..6000usize).prop_map(|(kind, length)| Call::Fill(kind, length)),
        1 => Just(Call::ReleaseInputs),
        1 => (limit(), limit()).prop_map(|(frame, message)| Call::Limits(frame, message)),
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

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(&[Kind::Shared, Kind::InPlace, Kind::Fixed, Kind::Growing][..])
}

fn any_taking() -> impl Strategy<Value = Taking> {
    use Taking::{Events, Forget, NextEvent, NextMessage};
    prop::sample::select(&[Events, Events, Forget, NextEvent, NextEvent, NextMessage][..])
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
        1 => (kind(), length()).prop_map(|(kind, length)| Answer::Send(kind, length)),
        1 => (any_fragment(), length()).prop_map(|(place, length)| Answer::Fragment(place, length)),
        1 => (any_fragment(), long).prop_map(|(place, length)| Answer::Begin(place, length)),
        1 => length().prop_map(Answer::Ping),
        1 => length().prop_map(Answer::Pong),
        1 => (990..1020u16, length()).prop_map(|(code, length)| Answer::Close(code, length)),
        5 => accept.prop_map(|(protocol, header)| Answer::Accept { protocol, header }),
        1 => respond.prop_map(|(status, body, header)| Answer::Respond { status, body, header }),
    ]
}

fn any_fragment() -> impl Strategy<Value = Fragment> {
    let kind = || prop::sample::select(&[MessageKind::Text, MessageKind::Binary][..]);
    prop_oneof![
        kind().prop_map(Fragment::Only),
        kind().prop_map(Fragment::First),
        Just(Fragment::Middle),
        Just(Fragment::Last),
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
    (any_config(), prop::option::of(spans)).prop_map(|(config, spans)| match spans {
        Some((opening, closing, drop, silence, answer, idle)) => config
            .opening_timeout(opening)
            .closing_timeout(closing)
            .server_drop_timeout(drop)
            .keep_alive(silence, answer)
            .idle_timeout(idle),
        None => config,
    })
}
