//! What a case is: data that says what the fuzzing peer does, and what it wants to see.

use std::fmt;
use std::time::Duration;

use crate::payload::Payload;

/// A case of the suite.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) id: Id,
    /// What the fuzzing peer does.
    pub(crate) description: String,
    /// What a conforming implementation does about it.
    pub(crate) expectation: String,
    /// The compression that the case is about, if it is.
    pub(crate) compression: Option<Compression>,
    pub(crate) script: Vec<Step>,
    pub(crate) expected: Expected,
    pub(crate) closing: Closing,
}

/// The number of a case, such as 5.20 or 12.1.3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub(crate) u8, pub(crate) u8, pub(crate) Option<u8>);

/// A thing that the fuzzing peer does once the connection is open; each follows on the one before.
#[derive(Debug)]
pub(crate) enum Step {
    /// Sends one frame.
    Frame(Frame),
    /// Sends octets as they are: a part of a frame, mostly.
    Octets(Octets),
    /// Sends a message in frames of at most `fragment` octets; in one where that is `None`. Where
    /// the fragment divides a message that is longer, a last frame without payload ends it.
    Message { kind: Kind, payload: Payload, fragment: Option<usize> },
    /// Waits. If the connection is still open then, notes it as the event [`Observed::Timeout`]
    /// under the tag, if there is one; otherwise the script is over.
    Wait { time: Duration, tag: Option<&'static str> },
    /// Starts the closing handshake, once; later frames of the script are sent nevertheless.
    Close(CloseBody),
    /// After so long, if the connection is still there, starts the closing handshake with a close
    /// frame without a body. The script goes on at once.
    CloseAfter(Duration),
    /// After so long, if the connection is still there, fails it: with a close frame, or by
    /// dropping TCP if a closing handshake is under way. The script goes on at once.
    FailAfter(Duration),
    /// Sends messages, each when the echo of the one before is there and is right, and then closes
    /// with 1000.
    RoundTrips(RoundTrips),
}

/// One frame, right or wrong.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) fin: bool,
    /// The reserved bits: RSV1 is 4, RSV3 is 1.
    pub(crate) rsv: u8,
    pub(crate) payload: Payload,
    /// Its octets are written to TCP in chops of this size.
    pub(crate) chop: Option<usize>,
    /// Its octets are written to TCP on their own.
    pub(crate) sync: bool,
}

/// A stretch of octets of an open frame.
#[derive(Debug)]
pub(crate) enum Octets {
    /// The header of a frame whose payload comes in pieces.
    Header { opcode: u8, fin: bool, length: usize },
    /// A piece of the payload, masked if the frame is.
    Payload(Vec<u8>),
}

/// What stands in the fuzzing peer's close frame: a code, not necessarily a valid one, and octets
/// behind it, not necessarily UTF-8.
#[derive(Clone, Debug, Default)]
pub(crate) struct CloseBody {
    pub(crate) code: Option<u16>,
    pub(crate) reason: Vec<u8>,
}

/// Messages that go back and forth.
#[derive(Debug)]
pub(crate) struct RoundTrips {
    pub(crate) kind: Kind,
    pub(crate) count: usize,
    /// Octets of a message (characters of a text).
    pub(crate) length: usize,
    pub(crate) source: Source,
    /// The largest payload of a frame.
    pub(crate) fragment: Option<usize>,
    /// Time for all of them.
    pub(crate) limit: Duration,
}

/// Where the payloads of [`RoundTrips`] come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The same octet all over.
    Octet(u8),
    /// Stretches of a corpus, one after another, from its start again at its end.
    Corpus(&'static crate::payload::Corpus),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Binary,
}

/// How the fuzzing peer negotiates permessage-deflate [RFC 7692 §7.1].
#[derive(Debug)]
pub(crate) struct Compression {
    /// As a client it offers these, in this order.
    pub(crate) offers: Vec<Offer>,
    /// As a server it answers with the first of these that it can to an offer.
    pub(crate) answers: Vec<Answer>,
}

/// An offer of a client that can do without context takeover, and keep to any window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) server_max_window_bits: Option<u8>,
}

/// What the server wants of the client that made an offer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) client_no_context_takeover: bool,
    pub(crate) client_max_window_bits: Option<u8>,
}

/// What has to be seen for which verdict.
#[derive(Debug)]
pub(crate) enum Expected {
    /// Exactly these events, in this order. `then_close`: as soon as the events are there, the
    /// fuzzing peer closes with the first of the codes in [`Closing`].
    Events { ok: Vec<Event>, non_strict: Option<Vec<Event>>, then_close: bool },
    /// The same, but whatever is seen, both verdicts are informational.
    Informational { ok: Vec<Event>, non_strict: Option<Vec<Event>> },
    /// All echoes of [`RoundTrips`], with compression if the case is about it.
    Echoes,
}

/// An event that is expected.
#[derive(Debug)]
pub(crate) enum Event {
    Message(Kind, Payload),
    Pong(Payload),
    /// The connection was still open at the end of [`Step::Wait`] with this tag.
    Timeout(&'static str),
}

/// An event that the fuzzing peer has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observed {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Timeout(&'static str),
}

/// How the connection has to end.
#[derive(Debug)]
pub(crate) struct Closing {
    /// It is the fuzzing peer that closes or fails the connection, and not the implementation.
    pub(crate) by_fuzzer: bool,
    /// One of these codes comes from the implementation, or none.
    pub(crate) codes: Vec<u16>,
    /// The closing handshake is completed.
    pub(crate) clean: bool,
    /// If the wrong side closes, the behavior is failed as well.
    pub(crate) side_matters: bool,
    /// If the code is wrong, the behavior is failed as well.
    pub(crate) code_matters: bool,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)?;
        self.2.map_or(Ok(()), |third| write!(f, ".{third}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Binary => "binary",
        })
    }
}

impl Kind {
    pub(crate) fn opcode(self) -> u8 {
        match self {
            Self::Text => 1,
            Self::Binary => 2,
        }
    }
}

impl Event {
    /// Whether this is what was seen.
    pub(crate) fn is(&self, observed: &Observed) -> bool {
        match (self, observed) {
            (Self::Message(kind, payload), Observed::Message(seen, octets)) => {
                kind == seen && payload.is(octets)
            }
            (Self::Pong(payload), Observed::Pong(octets)) => payload.is(octets),
            (Self::Timeout(tag), Observed::Timeout(seen)) => tag == seen,
            _ => false,
        }
    }
}
