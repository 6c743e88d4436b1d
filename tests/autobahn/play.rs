//! Plays a case: carries octets between the fuzzing peer and an implementation, in memory, and
//! passes the time of the conversation, which is as long as anyone waits.

use std::time::Duration;

use crate::case::{Case, RoundTrips};
use crate::chop::{Chop, Chopper};
use crate::fuzzer::Fuzzer;
use crate::outcome::Outcome;
use crate::subject::{Application, Subject};

/// What the implementation plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    Server,
    Client,
}

/// How many of the messages of a case that repeats itself are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// As many as have this many octets together, but at least three.
    Octets(usize),
    All,
}

/// A conversation in which the time is asked for so often is one that does not end.
const MAX_WAKES: usize = 10_000;

/// How a case is played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) role: Role,
    pub(crate) chop: Chop,
    pub(crate) effort: Effort,
    /// Whether the conversation is recorded.
    pub(crate) trace: bool,
}

/// Plays the case against the implementation.
pub(crate) fn play(
    case: &Case,
    terms: Terms,
    subject: &mut dyn Subject,
    application: &mut dyn Application,
) -> Outcome {
    let fuzzer = Fuzzer::new(case, terms.role, terms.effort, terms.trace);
    let mut play = Play { fuzzer, subject, application, out: vec![], is_connected: true };
    play.run(Chopper::new(terms.chop));
    let own_ending = play.subject.ending();
    Outcome { own_ending, ..play.fuzzer.outcome() }
}

struct Play<'p> {
    fuzzer: Fuzzer<'p>,
    subject: &'p mut dyn Subject,
    application: &'p mut dyn Application,
    out: Vec<u8>,
    /// TCP is there.
    is_connected: bool,
}

impl Play<'_> {
    fn run(&mut self, mut chopper: Chopper) {
        self.fuzzer.connected();
        self.subject.connected(&mut self.out);
        self.hand_over();
        let mut now = Duration::ZERO;
        for _ in 0..MAX_WAKES {
            self.deliver(&mut chopper);
            let timeouts = [self.fuzzer.next_timeout(), self.subject.next_timeout()];
            let Some(next) = timeouts.into_iter().flatten().min() else { return };
            if !self.is_connected {
                return;
            }
            now = now.max(next);
            self.fuzzer.tick(now);
            self.subject.tick(now, &mut self.out);
            self.hand_over();
        }
    }

    /// Carries octets to and fro until both sides have said what they have to.
    fn deliver(&mut self, chopper: &mut Chopper) {
        while self.is_connected
            && let Some(output) = self.fuzzer.take_output()
        {
            chopper.cut(output, |chunk| {
                self.fuzzer.note_sent(chunk);
                self.subject.receive(chunk, self.application, &mut self.out);
                self.hand_over();
                self.is_connected
            });
        }
    }

    /// Carries what the implementation has written, and tells each side that the other is gone.
    fn hand_over(&mut self) {
        if !self.is_connected {
            return;
        }
        if !self.out.is_empty() {
            self.fuzzer.receive(&self.out);
            self.out.clear();
        }
        if self.fuzzer.has_dropped() {
            self.subject.end_of_stream();
            self.is_connected = false;
        } else if self.subject.closes_tcp() {
            self.fuzzer.connection_lost();
            self.is_connected = false;
        }
    }
}

impl Effort {
    pub(crate) fn count(self, trips: &RoundTrips) -> usize {
        match self {
            Self::Octets(octets) => (octets / trips.length.max(1)).max(3).min(trips.count),
            Self::All => trips.count,
        }
    }
}
