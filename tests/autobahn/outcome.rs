//! What came of a case: the facts that the fuzzing peer has seen, and the two verdicts on them.

use std::fmt;
use std::time::Duration;

use crate::case::{Case, Event, Expected, Kind, Observed};
use crate::ending::Ending;
use crate::play::Role;
use crate::trace::Trace;

/// So many octets of a payload are kept for the report.
const PREVIEW: usize = 60;

/// The verdict on what was seen before the closing handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Behavior {
    Ok,
    NonStrict,
    Informational,
    Unimplemented,
    Failed,
}

/// The verdict on how the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ClosingBehavior {
    Ok,
    Informational,
    WrongCode,
    /// The client was left to close TCP.
    FailedByClient,
    Unclean,
    Failed,
}

/// An event that was seen, with the start of its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `message`, `ping`, `pong` or `timeout`.
    pub(crate) name: &'static str,
    /// The payload's start as text, or in hex where it is none; the tag of a timeout.
    pub(crate) payload: String,
    /// Of a message.
    pub(crate) kind: Option<Kind>,
}

/// Octets and messages that went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Frames by opcode.
    pub(crate) frames: [u64; 16],
    /// Octets of messages as the application has them.
    pub(crate) message_octets: u64,
    /// Octets of the payloads that carried them.
    pub(crate) payload_octets: u64,
}

/// Everything that is known about a case that was played.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) behavior: Behavior,
    pub(crate) closing: ClosingBehavior,
    /// Why the verdicts are what they are.
    pub(crate) result: String,
    pub(crate) closing_result: String,
    pub(crate) observed: Vec<Seen>,
    /// As the fuzzing peer knows it.
    pub(crate) ending: Ending,
    /// As the implementation reports it, if it does.
    pub(crate) own_ending: Option<Ending>,
    /// In the time of the conversation, which is not ours.
    pub(crate) duration: Duration,
    pub(crate) request: String,
    pub(crate) response: String,
    /// From and to the fuzzing peer.
    pub(crate) sent: Traffic,
    pub(crate) received: Traffic,
    pub(crate) trace: Option<Trace>,
}

impl Outcome {
    /// The verdicts alone.
    pub(crate) fn verdict(&self) -> (Behavior, ClosingBehavior) {
        (self.behavior, self.closing)
    }

    /// Where the implementation reports another ending than the fuzzing peer has seen.
    pub(crate) fn contradictions(&self) -> Vec<String> {
        self.own_ending.as_ref().map_or(vec![], |own| self.ending.contradictions(own))
    }
}

/// Echoes of round trips that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echoes {
    All,
    /// The connection has no compression, which the case is about.
    NotCompressed,
    Some,
    /// One that differs.
    Wrong,
}

/// The verdict on the events, with its reason.
pub(crate) fn judge_events(
    case: &Case,
    observed: &[Observed],
    echoes: Echoes,
) -> (Behavior, String) {
    let matches = |expected: &[Event]| {
        expected.len() == observed.len() && expected.iter().zip(observed).all(|(e, o)| e.is(o))
    };
    let behavior = match &case.expected {
        Expected::Echoes => match echoes {
            Echoes::All => Behavior::Ok,
            Echoes::NotCompressed => Behavior::Unimplemented,
            Echoes::Some | Echoes::Wrong => Behavior::Failed,
        },
        Expected::Informational { .. } => Behavior::Informational,
        Expected::Events { ok, .. } if matches(ok) => Behavior::Ok,
        Expected::Events { non_strict: Some(events), .. } if matches(events) => Behavior::NonStrict,
        Expected::Events { .. } => Behavior::Failed,
    };
    let reason = match (&case.expected, behavior) {
        (Expected::Echoes, Behavior::Ok) => "All echoes came.",
        (Expected::Echoes, Behavior::Unimplemented) => "Compression was not agreed on.",
        (Expected::Echoes, _) if echoes == Echoes::Wrong => "An echo differs from what was sent.",
        (Expected::Echoes, _) => "Not all echoes came in time.",
        (Expected::Informational { ok, .. }, _) if matches(ok) => {
            "Nothing is required; the message was answered before the close frame."
        }
        (_, Behavior::Informational) => "Nothing is required.",
        (_, Behavior::Ok) => "The events are those expected.",
        (_, Behavior::NonStrict) => "The events are those of a lax implementation.",
        (..) => "The events differ from those expected.",
    };
    (behavior, reason.into())
}

/// The verdict on how it ended, with its reason.
pub(crate) fn judge_ending(case: &Case, role: Role, ending: &Ending) -> (ClosingBehavior, String) {
    let expected = &case.closing;
    if matches!(case.expected, Expected::Informational { .. }) {
        return (ClosingBehavior::Informational, "Nothing is required.".into());
    }
    let (closing, reason) = if !ending.was_open {
        (ClosingBehavior::Failed, "The opening handshake was not completed.")
    } else if expected.by_fuzzer != ending.closed_by_me {
        (ClosingBehavior::Failed, "The wrong side closed the connection.")
    } else if expected.clean && !ending.was_clean {
        (ClosingBehavior::Unclean, "The closing handshake was not completed.")
    } else if ending.remote_code.is_some_and(|code| !expected.codes.contains(&code)) {
        let codes: Vec<String> = expected.codes.iter().map(u16::to_string).collect();
        let reason = format!("The close code is none of {} and not absent.", codes.join(", "));
        return (ClosingBehavior::WrongCode, reason);
    } else if role == Role::Server && ending.dropped_by_me {
        (ClosingBehavior::FailedByClient, "The server has left it to the client to close TCP.")
    } else {
        (ClosingBehavior::Ok, "The connection was closed as it should be.")
    };
    (closing, reason.into())
}

/// The verdict on the events in the light of that on the ending.
pub(crate) fn settle(
    case: &Case,
    behavior: Behavior,
    closing: ClosingBehavior,
    ending: &Ending,
) -> Behavior {
    let wrong_side = case.closing.by_fuzzer != ending.closed_by_me;
    let fatal = case.closing.side_matters && ending.was_open && wrong_side
        || case.closing.code_matters && closing == ClosingBehavior::WrongCode;
    if fatal { Behavior::Failed } else { behavior }
}

impl Seen {
    pub(crate) fn new(observed: &Observed) -> Self {
        let (name, payload, kind) = match observed {
            Observed::Message(kind, payload) => ("message", preview(payload), Some(*kind)),
            Observed::Ping(payload) => ("ping", preview(payload), None),
            Observed::Pong(payload) => ("pong", preview(payload), None),
            Observed::Timeout(tag) => ("timeout", (*tag).into(), None),
        };
        Self { name, payload, kind }
    }

    pub(crate) fn expected(event: &Event) -> Self {
        match event {
            Event::Message(kind, payload) => {
                Self { name: "message", payload: preview(&payload.octets()), kind: Some(*kind) }
            }
            Event::Pong(payload) => {
                Self { name: "pong", payload: preview(&payload.octets()), kind: None }
            }
            Event::Timeout(tag) => Self { name: "timeout", payload: (*tag).into(), kind: None },
        }
    }
}

/// The start of a payload: as text, or in hex where it is none.
fn preview(payload: &[u8]) -> String {
    let shown = &payload[..payload.len().min(PREVIEW)];
    let more = if shown.len() < payload.len() { " …" } else { "" };
    let text = match str::from_utf8(shown) {
        Ok(text) => Some(text),
        // A character that was cut in two.
        Err(error) if error.error_len().is_none() && !more.is_empty() => {
            str::from_utf8(&shown[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    match text {
        Some(text) => format!("{text}{more}"),
        None => format!("0x{}{more}", hex(shown)),
    }
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => {
                let binary = kind == Kind::Binary;
                write!(f, "({}, {:?}, binary = {binary})", self.name, self.payload)
            }
            None => write!(f, "({}, {:?})", self.name, self.payload),
        }
    }
}

/// The words of Autobahn|Testsuite's reports.
impl fmt::Display for Behavior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::NonStrict => "NON-STRICT",
            Self::Informational => "INFORMATIONAL",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Failed => "FAILED",
        })
    }
}

impl fmt::Display for ClosingBehavior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Informational => "INFORMATIONAL",
            Self::WrongCode => "WRONG CODE",
            Self::FailedByClient => "FAILED BY CLIENT",
            Self::Unclean => "UNCLEAN",
            Self::Failed => "FAILED",
        })
    }
}
