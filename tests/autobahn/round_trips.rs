//! Messages that go back and forth: the next one goes when the echo of the one before is there.

use crate::case::{Kind, RoundTrips, Source};
use crate::outcome::Echoes;
use crate::play::Effort;

/// The messages of one conversation.
#[derive(Debug)]
pub(crate) struct Exchange<'c> {
    trips: &'c RoundTrips,
    /// So many messages are still to be sent.
    left: usize,
    /// Where the next message starts in its corpus.
    position: usize,
    /// The message whose echo is waited for.
    sent: Vec<u8>,
}

/// What comes after an echo.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Message,
    End(Echoes),
}

impl<'c> Exchange<'c> {
    pub(crate) fn new(trips: &'c RoundTrips, effort: Effort) -> Self {
        Self { trips, left: effort.count(trips), position: 0, sent: vec![] }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.trips.kind
    }

    pub(crate) fn fragment(&self) -> Option<usize> {
        self.trips.fragment
    }

    /// The message to be sent now.
    pub(crate) fn next_message(&mut self) -> Vec<u8> {
        self.left -= 1;
        self.sent = match self.trips.source {
            Source::Octet(octet) => vec![octet; self.trips.length],
            Source::Corpus(corpus) => {
                let message = corpus.stretch(self.position, self.trips.length, self.trips.kind);
                self.position = (self.position + message.len()) % corpus.octets.len();
                message
            }
        };
        self.sent.clone()
    }

    pub(crate) fn take_echo(&mut self, kind: Kind, message: &[u8]) -> Next {
        if kind != self.trips.kind || message != self.sent {
            Next::End(Echoes::Wrong)
        } else if self.left > 0 {
            Next::Message
        } else {
            Next::End(Echoes::All)
        }
    }
}
