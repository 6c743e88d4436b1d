//! The fuzzing peer: it plays the script of a case, and judges what comes back [RFC 6455 §7].
//!
//! ```text
//! Connecting ── opening handshake ──► Open ── a close frame is sent ──► Closing ─┐
//!      └──────────── TCP is dropped, by it or by the implementation ◄────────────┘──► Closed
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use crate::case::{Case, CloseBody, Closing, Expected, Kind, Observed, Octets, Step};
use crate::chop::Output;
use crate::compression::Codec;
use crate::ending::Ending;
use crate::handshake;
use crate::outcome::{self, Echoes, Outcome, Seen, Traffic};
use crate::play::{Effort, Role};
use crate::random::Random;
use crate::round_trips::{Exchange, Next};
use crate::trace::Trace;
use crate::wire::{self, Reader, Received};

/// How long it waits for what the other side has to do.
const OPENING_TIMEOUT: Duration = Duration::from_secs(5);
const CLOSING_TIMEOUT: Duration = Duration::from_secs(1);
const SERVER_DROP_TIMEOUT: Duration = Duration::from_secs(1);

const NORMAL: u16 = 1000;
const GOING_AWAY: u16 = 1001;
const PROTOCOL_ERROR: u16 = 1002;
const INVALID_PAYLOAD: u16 = 1007;

/// The largest head that it reads.
const MAX_HEAD: usize = 16 << 10;

/// The fuzzing peer in one conversation.
#[derive(Debug)]
pub(crate) struct Fuzzer<'c> {
    case: &'c Case,
    /// What the implementation plays.
    role: Role,
    state: State,
    now: Duration,
    timers: Vec<(Duration, Timer)>,
    script: VecDeque<&'c Step>,
    exchange: Option<Exchange<'c>>,
    effort: Effort,
    echoes: Echoes,
    keys: Random,
    /// The key of the frame whose payload is sent in pieces, and how much of it was sent.
    piecemeal: (Option<[u8; 4]>, usize),
    output: Output,
    drop: Option<Drop>,
    request: Vec<u8>,
    response: Vec<u8>,
    reader: Reader,
    codec: Option<Codec>,
    /// The message that is being received: its kind, whether it is compressed, its octets.
    message: Option<(Kind, bool, Vec<u8>)>,
    observed: Vec<Observed>,
    ending: Ending,
    sent: Traffic,
    received: Traffic,
    trace: Option<Trace>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Open,
    Closing,
    Closed,
}

/// How it drops TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drop {
    /// What is written goes out first.
    AfterOutput,
    AtOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    Opening,
    Closing,
    ServerDrop,
    Close,
    Fail,
    Resume(Option<&'static str>),
}

impl<'c> Fuzzer<'c> {
    pub(crate) fn new(case: &'c Case, role: Role, effort: Effort, trace: bool) -> Self {
        Self {
            case,
            role,
            state: State::Connecting,
            now: Duration::ZERO,
            timers: vec![(OPENING_TIMEOUT, Timer::Opening)],
            script: case.script.iter().collect(),
            exchange: None,
            effort,
            echoes: Echoes::Some,
            keys: Random::new(0),
            piecemeal: (None, 0),
            output: Output::default(),
            drop: None,
            request: vec![],
            response: vec![],
            reader: Reader::default(),
            codec: None,
            message: None,
            observed: vec![],
            ending: Ending::default(),
            sent: Traffic::default(),
            received: Traffic::default(),
            trace: trace.then(Trace::default),
        }
    }

    /// TCP is there.
    pub(crate) fn connected(&mut self) {
        if self.role == Role::Server {
            let request = handshake::request(self.case.compression.as_ref());
            self.request = request.into_bytes();
            self.output.write_alone(&self.request);
        }
    }

    /// What it has written since, unless TCP is gone.
    pub(crate) fn take_output(&mut self) -> Option<Output> {
        (!self.output.is_empty()).then(|| std::mem::take(&mut self.output))
    }

    /// These octets are on the wire now.
    pub(crate) fn note_sent(&mut self, chunk: &[u8]) {
        if let Some(trace) = &mut self.trace {
            trace.sent(chunk);
        }
    }

    /// Whether it has closed TCP, and the implementation has to be told.
    pub(crate) fn has_dropped(&self) -> bool {
        match self.drop {
            Some(Drop::AtOnce) => true,
            Some(Drop::AfterOutput) => self.output.is_empty(),
            None => false,
        }
    }

    /// The implementation has closed TCP.
    pub(crate) fn connection_lost(&mut self) {
        self.note(|| "the implementation closes TCP".into());
        if self.state != State::Closed {
            self.state = State::Closed;
            if !self.ending.was_clean {
                let reason = "TCP was closed without a closing handshake";
                self.ending.not_clean_reason.get_or_insert_with(|| reason.into());
            }
        }
    }

    /// When it has to be told the time.
    pub(crate) fn next_timeout(&self) -> Option<Duration> {
        self.timers.iter().map(|&(at, _)| at).min()
    }

    /// It is so late now.
    pub(crate) fn tick(&mut self, now: Duration) {
        self.now = now;
        while let Some(due) = self.timers.iter().position(|&(at, _)| at <= now) {
            let (_, timer) = self.timers.remove(due);
            if self.state != State::Closed {
                self.run_timer(timer);
            }
        }
    }

    fn run_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Opening if self.state == State::Connecting => {
                self.ending.opening_timeout = true;
                self.give_up("the opening handshake was not completed in time");
            }
            Timer::Opening => {}
            Timer::Closing => {
                self.ending.closing_timeout = true;
                self.give_up("the close frame was not answered in time");
            }
            Timer::ServerDrop => {
                self.ending.server_drop_timeout = true;
                self.give_up("the server did not close TCP in time");
            }
            Timer::Close => {
                self.note(|| "time is up: closes".into());
                self.close(&CloseBody::default(), true);
            }
            Timer::Fail => {
                self.note(|| "time is up: fails the connection".into());
                self.fail(GOING_AWAY);
            }
            Timer::Resume(tag) => self.resume(tag),
        }
    }

    // --- The script ----------------------------------------------------------

    fn open(&mut self) {
        self.state = State::Open;
        self.ending.was_open = true;
        self.timers.retain(|&(_, timer)| timer != Timer::Opening);
        if self.case.compression.is_some() && self.codec.is_none() {
            self.echoes = Echoes::NotCompressed;
            self.script.clear();
            self.close_normally();
        }
        self.go_on();
    }

    /// Plays the script up to where it has to wait.
    fn go_on(&mut self) {
        while self.state != State::Closed
            && self.exchange.is_none()
            && let Some(step) = self.script.pop_front()
        {
            match step {
                Step::Frame(frame) => {
                    let first = u8::from(frame.fin) << 7 | frame.rsv << 4 | frame.opcode;
                    self.send(first, &frame.payload.octets(), frame.chop, frame.sync);
                }
                Step::Octets(octets) => self.send_octets(octets),
                Step::Message { kind, payload, fragment } => {
                    self.send_message(*kind, &payload.octets(), *fragment);
                }
                &Step::Wait { time, tag } => {
                    self.note(|| format!("waits for {time:?}"));
                    self.set(time, Timer::Resume(tag));
                    return;
                }
                Step::Close(body) => self.close(body, true),
                &Step::CloseAfter(time) => {
                    self.note(|| format!("will close after {time:?}"));
                    self.set(time, Timer::Close);
                }
                &Step::FailAfter(time) => {
                    self.note(|| format!("will fail the connection after {time:?}"));
                    self.set(time, Timer::Fail);
                }
                Step::RoundTrips(trips) => {
                    self.set(trips.limit, Timer::Close);
                    self.exchange = Some(Exchange::new(trips, self.effort));
                    self.send_next();
                }
            }
        }
    }

    fn resume(&mut self, tag: Option<&'static str>) {
        if let Some(tag) = tag {
            if self.state != State::Open {
                return self.script.clear();
            }
            self.observe(Observed::Timeout(tag));
        }
        self.note(|| "goes on".into());
        self.go_on();
    }

    /// Sends the next message of an exchange.
    fn send_next(&mut self) {
        let Some(exchange) = &mut self.exchange else { return };
        let kind = exchange.kind();
        let fragment = exchange.fragment();
        let payload = exchange.next_message();
        self.send_message(kind, &payload, fragment);
    }

    fn set(&mut self, time: Duration, timer: Timer) {
        self.timers.push((self.now + time, timer));
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.note(self.now, text());
        }
    }

    // --- Sending -------------------------------------------------------------

    fn next_key(&mut self) -> Option<[u8; 4]> {
        let key = (self.keys.next() as u32).to_ne_bytes();
        (self.role == Role::Server).then_some(key)
    }

    fn send(&mut self, first: u8, payload: &[u8], chop: Option<usize>, sync: bool) {
        let key = self.next_key();
        let mut octets = Vec::with_capacity(payload.len() + 14);
        wire::write_frame(&mut octets, first, key, payload);
        self.sent.frames[usize::from(first & 0x0F)] += 1;
        match chop {
            Some(size) => self.output.write_chopped(&octets, size),
            None if sync => self.output.write_alone(&octets),
            None => self.output.write(&octets),
        }
    }

    fn send_octets(&mut self, octets: &Octets) {
        let mut written = vec![];
        match octets {
            &Octets::Header { opcode, fin, length } => {
                self.piecemeal = (self.next_key(), 0);
                let first = u8::from(fin) << 7 | opcode;
                wire::write_header(&mut written, first, self.piecemeal.0, length);
                self.sent.frames[usize::from(opcode)] += 1;
            }
            Octets::Payload(payload) => {
                written.extend_from_slice(payload);
                let (key, position) = self.piecemeal;
                if let Some(key) = key {
                    wire::mask(&mut written, key, position);
                }
                self.piecemeal.1 += payload.len();
            }
        }
        self.output.write(&written);
    }

    fn send_message(&mut self, kind: Kind, payload: &[u8], fragment: Option<usize>) {
        self.sent.message_octets += payload.len() as u64;
        let (rsv, payload) = match &mut self.codec {
            Some(codec) => (0x40, codec.compress(payload).into()),
            None => (0, std::borrow::Cow::Borrowed(payload)),
        };
        self.sent.payload_octets += payload.len() as u64;
        let size = fragment.filter(|&size| payload.len() > size).unwrap_or(usize::MAX);
        let mut rest = &*payload;
        let mut first = rsv | kind.opcode();
        // A fragment that ends where the message ends is not the last one.
        while rest.len() >= size {
            let (piece, behind) = rest.split_at(size);
            self.send(first, piece, None, false);
            (rest, first) = (behind, 0);
        }
        self.send(0x80 | first, rest, None, false);
    }

    fn close_normally(&mut self) {
        self.close(&CloseBody { code: Some(NORMAL), reason: vec![] }, true);
    }

    fn close(&mut self, body: &CloseBody, by_me: bool) {
        if self.state != State::Open {
            return;
        }
        let mut payload = body.code.map_or(vec![], |code| code.to_be_bytes().to_vec());
        payload.extend_from_slice(&body.reason);
        self.send(0x88, &payload, None, false);
        self.state = State::Closing;
        self.ending.closed_by_me = by_me;
        self.ending.local_code = body.code;
        if !body.reason.is_empty() {
            self.ending.local_reason = Some(match str::from_utf8(&body.reason) {
                Ok(reason) => reason.into(),
                Err(_) => format!("0x{}", outcome::hex(&body.reason)),
            });
        }
        if by_me {
            self.set(CLOSING_TIMEOUT, Timer::Closing);
        }
    }

    /// Fails the connection: with a close frame, or if there was one, by dropping TCP.
    fn fail(&mut self, code: u16) {
        self.ending.failed_by_me = true;
        if self.state == State::Closing {
            self.drop_connection(Drop::AfterOutput);
        } else {
            self.close(&CloseBody { code: Some(code), reason: vec![] }, true);
        }
    }

    fn give_up(&mut self, reason: &str) {
        self.ending.was_clean = false;
        self.ending.not_clean_reason = Some(reason.into());
        self.drop_connection(Drop::AtOnce);
    }

    fn drop_connection(&mut self, how: Drop) {
        if self.state == State::Closed {
            return;
        }
        self.note(|| "closes TCP".into());
        self.ending.dropped_by_me = true;
        self.state = State::Closed;
        self.drop = Some(how);
        if how == Drop::AtOnce {
            self.output.clear();
        }
    }

    // --- Receiving -----------------------------------------------------------

    /// Takes what the implementation has written.
    pub(crate) fn receive(&mut self, mut octets: &[u8]) {
        if let Some(trace) = &mut self.trace {
            trace.received(octets);
        }
        if self.state == State::Connecting {
            self.receive_head(&mut octets);
        }
        while !matches!(self.state, State::Connecting | State::Closed) {
            let Some(frame) = self.reader.next(&mut octets) else { return };
            self.received.frames[usize::from(frame.opcode)] += 1;
            if let Err(code) = self.receive_frame(frame) {
                self.note(|| format!("fails the connection with {code}"));
                self.fail(code);
            }
        }
    }

    fn receive_head(&mut self, octets: &mut &[u8]) {
        let head = match self.role {
            Role::Server => &mut self.response,
            Role::Client => &mut self.request,
        };
        while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD {
            let Some(octet) = octets.split_off_first() else { return };
            head.push(*octet);
        }
        let head = String::from_utf8_lossy(head);
        let compression = self.case.compression.as_ref();
        let agreed = match self.role {
            Role::Server => handshake::check_response(&head),
            Role::Client => handshake::respond(&head, compression).map(|(response, agreed)| {
                self.output.write_alone(response.as_bytes());
                self.response = response.into_bytes();
                agreed
            }),
        };
        match agreed {
            Ok(params) => {
                let role = self.role;
                self.codec = params.map(|params| Codec::new(params, role));
                self.open();
            }
            Err(reason) => self.give_up(&reason),
        }
    }

    /// Takes a frame; the code of the violation if it is one.
    fn receive_frame(&mut self, frame: Received) -> Result<(), u16> {
        let is_masked = self.role == Role::Client;
        let may_be_compressed = self.codec.is_some() && matches!(frame.opcode, 1 | 2);
        let is_valid = frame.masked == is_masked
            && frame.minimal
            && (frame.rsv == 0 || frame.rsv == 4 && may_be_compressed)
            && (frame.opcode < 8 || frame.fin && frame.payload.len() <= 125);
        if !is_valid {
            return Err(PROTOCOL_ERROR);
        }
        match frame.opcode {
            0..=2 => self.receive_fragment(frame),
            8 => self.receive_close(&frame.payload),
            9 => {
                self.observe(Observed::Ping(frame.payload));
                Ok(())
            }
            10 => {
                self.observe(Observed::Pong(frame.payload));
                Ok(())
            }
            _ => Err(PROTOCOL_ERROR),
        }
    }

    fn receive_fragment(&mut self, frame: Received) -> Result<(), u16> {
        self.received.payload_octets += frame.payload.len() as u64;
        let (kind, compressed, payload) = match (self.message.take(), frame.opcode) {
            (None, 1) => (Kind::Text, frame.rsv == 4, frame.payload),
            (None, 2) => (Kind::Binary, frame.rsv == 4, frame.payload),
            (Some((kind, compressed, mut octets)), 0) => {
                octets.extend_from_slice(&frame.payload);
                (kind, compressed, octets)
            }
            _ => return Err(PROTOCOL_ERROR),
        };
        if !frame.fin {
            self.message = Some((kind, compressed, payload));
            return Ok(());
        }
        let message = match &mut self.codec {
            Some(codec) if compressed => codec.decompress(&payload).ok_or(INVALID_PAYLOAD)?,
            _ => payload,
        };
        if kind == Kind::Text && str::from_utf8(&message).is_err() {
            return Err(INVALID_PAYLOAD);
        }
        self.receive_message(kind, message);
        Ok(())
    }

    fn receive_message(&mut self, kind: Kind, message: Vec<u8>) {
        self.received.message_octets += message.len() as u64;
        if self.ending.failed_by_me {
            return;
        }
        let Some(exchange) = &mut self.exchange else {
            return self.observe(Observed::Message(kind, message));
        };
        match exchange.take_echo(kind, &message) {
            Next::Message => self.send_next(),
            Next::End(echoes) => {
                self.exchange = None;
                self.echoes = echoes;
                self.close_normally();
            }
        }
    }

    fn receive_close(&mut self, payload: &[u8]) -> Result<(), u16> {
        let (code, reason) = match payload {
            [] => (None, &[][..]),
            [high, low, reason @ ..] => (Some(u16::from_be_bytes([*high, *low])), reason),
            [_] => return Err(PROTOCOL_ERROR),
        };
        self.ending.remote_code = code;
        if code.is_some_and(|code| !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)) {
            return Err(PROTOCOL_ERROR);
        }
        let reason = str::from_utf8(reason).map_err(|_| INVALID_PAYLOAD)?;
        self.ending.remote_reason = (!reason.is_empty()).then(|| reason.into());
        self.ending.was_clean = true;
        if self.state == State::Closing {
            self.timers.retain(|&(_, timer)| timer != Timer::Closing);
            match self.role {
                Role::Server => self.set(SERVER_DROP_TIMEOUT, Timer::ServerDrop),
                Role::Client => self.drop_connection(Drop::AtOnce),
            }
        } else {
            self.close(&CloseBody { code: Some(NORMAL), reason: vec![] }, false);
            if self.role == Role::Client {
                self.drop_connection(Drop::AfterOutput);
            }
        }
        Ok(())
    }

    fn observe(&mut self, observed: Observed) {
        self.observed.push(observed);
        if let Expected::Events { ok, non_strict: None, then_close: true } = &self.case.expected
            && ok.len() == self.observed.len()
            && ok.iter().zip(&self.observed).all(|(event, observed)| event.is(observed))
        {
            let Closing { codes, .. } = &self.case.closing;
            self.close(&CloseBody { code: codes.first().copied(), reason: vec![] }, true);
        }
    }

    // --- The end -------------------------------------------------------------

    /// The verdicts, once TCP is gone or nothing more will happen.
    pub(crate) fn outcome(mut self) -> Outcome {
        if self.state != State::Closed {
            self.give_up("nothing more happened");
        }
        let (behavior, mut result) = outcome::judge_events(self.case, &self.observed, self.echoes);
        let (closing, closing_result) = outcome::judge_ending(self.case, self.role, &self.ending);
        let settled = outcome::settle(self.case, behavior, closing, &self.ending);
        if settled != behavior {
            result.clone_from(&closing_result);
        }
        Outcome {
            behavior: settled,
            closing,
            result,
            closing_result,
            observed: self.observed.iter().map(Seen::new).collect(),
            ending: self.ending,
            own_ending: None,
            duration: self.now,
            request: String::from_utf8_lossy(&self.request).into_owned(),
            response: String::from_utf8_lossy(&self.response).into_owned(),
            sent: self.sent,
            received: self.received,
            trace: self.trace,
        }
    }
}
