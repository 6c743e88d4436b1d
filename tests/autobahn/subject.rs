//! What is tested: anything that speaks WebSocket without doing I/O itself.

use std::time::Duration;

use crate::case::Kind;
use crate::ending::Ending;

/// An implementation, connected to the fuzzing peer.
pub(crate) trait Subject {
    /// The connection is there: a client says its request.
    fn connected(&mut self, out: &mut Vec<u8>);

    /// Takes a chunk of what was sent to it, shows the application each message or piece of one,
    /// and appends to `out` what it has to say.
    fn receive(&mut self, chunk: &mut [u8], application: &mut dyn Application, out: &mut Vec<u8>);

    /// The peer has closed its side of TCP.
    fn end_of_stream(&mut self);

    /// It is so late now.
    fn tick(&mut self, now: Duration, out: &mut Vec<u8>);

    /// When it wants to be told the time, at the latest.
    fn next_timeout(&self) -> Option<Duration>;

    /// Whether it wants its side of TCP closed, once `out` is written.
    fn closes_tcp(&self) -> bool;

    /// How the connection ended as it reports that, if it does.
    fn ending(&self) -> Option<Ending> {
        None
    }
}

/// What sits on top of an implementation.
pub(crate) trait Application {
    /// Answers a message, or a piece of one.
    fn answer(&mut self, kind: Kind, payload: &[u8]) -> Answer;
}

/// An application's answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The same back.
    Echo,
    /// This instead.
    Instead(Kind, Vec<u8>),
    /// Nothing.
    Nothing,
}

/// The application that the suite asks for.
#[derive(Debug)]
pub(crate) struct Echo;

impl Application for Echo {
    fn answer(&mut self, _: Kind, _: &[u8]) -> Answer {
        Answer::Echo
    }
}
