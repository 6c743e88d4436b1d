//! The words that the catalogue is written in: frames, timers, and ways for a case to end.

use std::time::Duration;

use crate::case::{Case, CloseBody, Closing, Event, Expected, Frame, Id, Kind, RoundTrips, Step};
use crate::payload::Payload;

pub(super) const NORMAL: u16 = 1000;
pub(super) const PROTOCOL_ERROR: u16 = 1002;
pub(super) const INVALID_PAYLOAD: u16 = 1007;

/// A script: frames and other steps, one after another.
macro_rules! script {
    ($($step:expr),* $(,)?) => { vec![$($crate::case::Step::from($step)),*] };
}
pub(super) use script;

/// A frame with FIN, without reserved bits, and unmarked as to how it is written to TCP.
pub(super) fn frame(opcode: u8, payload: impl Into<Payload>) -> Frame {
    Frame { opcode, fin: true, rsv: 0, payload: payload.into(), chop: None, sync: false }
}

pub(super) fn continuation(payload: impl Into<Payload>) -> Frame {
    frame(0, payload)
}

pub(super) fn text(payload: impl Into<Payload>) -> Frame {
    frame(1, payload)
}

pub(super) fn binary(payload: impl Into<Payload>) -> Frame {
    frame(2, payload)
}

pub(super) fn ping(payload: impl Into<Payload>) -> Frame {
    frame(9, payload)
}

pub(super) fn pong(payload: impl Into<Payload>) -> Frame {
    frame(10, payload)
}

impl Frame {
    /// Without FIN: more frames of the message are to follow.
    pub(super) fn more(self) -> Self {
        Self { fin: false, ..self }
    }

    pub(super) fn rsv(self, rsv: u8) -> Self {
        Self { rsv, ..self }
    }

    pub(super) fn chop(self, octets: impl Into<Option<usize>>) -> Self {
        Self { chop: octets.into(), ..self }
    }

    pub(super) fn sync(self) -> Self {
        Self { sync: true, ..self }
    }
}

impl From<Frame> for Step {
    fn from(frame: Frame) -> Self {
        Self::Frame(frame)
    }
}

pub(super) fn repeat(pattern: &'static [u8], length: usize) -> Payload {
    Payload::Repeat { pattern, length }
}

pub(super) fn wait(seconds: u64, tag: impl Into<Option<&'static str>>) -> Step {
    Step::Wait { time: Duration::from_secs(seconds), tag: tag.into() }
}

pub(super) fn close_after(seconds: u64) -> Step {
    Step::CloseAfter(Duration::from_secs(seconds))
}

pub(super) fn fail_after(seconds: u64) -> Step {
    Step::FailAfter(Duration::from_secs(seconds))
}

/// The start of the closing handshake, with this code or without one.
pub(super) fn close(code: impl Into<Option<u16>>) -> Step {
    close_with(code, "")
}

pub(super) fn close_with(code: impl Into<Option<u16>>, reason: impl AsRef<[u8]>) -> Step {
    Step::Close(CloseBody { code: code.into(), reason: reason.as_ref().to_vec() })
}

/// The event that a text message comes back.
pub(super) fn echoed(payload: impl Into<Payload>) -> Event {
    Event::Message(Kind::Text, payload.into())
}

/// The event that a ping is answered.
pub(super) fn ponged(payload: impl Into<Payload>) -> Event {
    Event::Pong(payload.into())
}

/// The beginning of a case: which it is and what the fuzzing peer does.
pub(super) struct Opening {
    id: Id,
    description: String,
    script: Vec<Step>,
}

/// Begins a case; one of the methods of [`Opening`] says how it has to end.
pub(super) fn case(
    id: impl Into<Id>,
    description: impl Into<String>,
    script: Vec<Step>,
) -> Opening {
    Opening { id: id.into(), description: description.into(), script }
}

impl Opening {
    /// These events are seen, and then the fuzzing peer closes with 1000.
    pub(super) fn answered(self, expectation: &str, ok: Vec<Event>) -> Case {
        let expected = Expected::Events { ok, non_strict: None, then_close: true };
        self.ends(expectation, expected, closed(&[NORMAL], true))
    }

    /// Nothing is seen, and the closing handshake, which the script starts, is completed with one
    /// of these codes, or without any.
    pub(super) fn closed(self, expectation: &str, codes: &[u16]) -> Case {
        self.ends(expectation, nothing(), closed(codes, true))
    }

    /// As [`Self::closed`], but TCP may be dropped instead.
    pub(super) fn closed_or_dropped(self, expectation: &str, codes: &[u16]) -> Case {
        self.ends(expectation, nothing(), closed(codes, false))
    }

    /// These events are seen, or none by an implementation that fails the connection too early to
    /// answer, and then the implementation fails the connection with 1002.
    pub(super) fn violates(self, expectation: &str, ok: Vec<Event>) -> Case {
        let non_strict = (!ok.is_empty()).then(Vec::new);
        let expected = Expected::Events { ok, non_strict, then_close: false };
        self.ends(expectation, expected, failed(PROTOCOL_ERROR))
    }

    /// These events are seen, and then the implementation, and never the fuzzing peer, fails the
    /// connection with 1007, because of a text.
    pub(super) fn not_utf8(
        self,
        expectation: &str,
        ok: Vec<Event>,
        non_strict: Option<Vec<Event>>,
    ) -> Case {
        let expected = Expected::Events { ok, non_strict, then_close: false };
        let closing = Closing { side_matters: true, ..failed(INVALID_PAYLOAD) };
        self.ends(expectation, expected, closing)
    }

    /// It is of interest what is seen, and whether the connection is closed so, but no more.
    pub(super) fn informs(
        self,
        expectation: &str,
        ok: Vec<Event>,
        non_strict: Option<Vec<Event>>,
        codes: &[u16],
        clean: bool,
    ) -> Case {
        let expected = Expected::Informational { ok, non_strict };
        self.ends(expectation, expected, closed(codes, clean))
    }

    fn ends(self, expectation: &str, expected: Expected, closing: Closing) -> Case {
        let Self { id, description, script } = self;
        let expectation = expectation.to_owned();
        Case { id, description, expectation, compression: None, script, expected, closing }
    }
}

/// A case of messages that go back and forth.
pub(super) fn round_trips(
    id: impl Into<Id>,
    description: String,
    expectation: String,
    trips: RoundTrips,
) -> Case {
    case(id, description, vec![Step::RoundTrips(trips)]).ends(
        &expectation,
        Expected::Echoes,
        closed(&[NORMAL], true),
    )
}

impl Case {
    /// A wrong code in the close frame is a failure of the behavior too.
    pub(super) fn code_matters(mut self) -> Self {
        self.closing.code_matters = true;
        self
    }
}

fn nothing() -> Expected {
    Expected::Events { ok: Vec::new(), non_strict: None, then_close: false }
}

fn closed(codes: &[u16], clean: bool) -> Closing {
    let codes = codes.to_vec();
    Closing { by_fuzzer: true, codes, clean, side_matters: false, code_matters: false }
}

fn failed(code: u16) -> Closing {
    Closing { by_fuzzer: false, ..closed(&[code], false) }
}

impl From<(u8, u8)> for Id {
    fn from((first, second): (u8, u8)) -> Self {
        Self(first, second, None)
    }
}

impl From<(u8, u8, u8)> for Id {
    fn from((first, second, third): (u8, u8, u8)) -> Self {
        Self(first, second, Some(third))
    }
}
