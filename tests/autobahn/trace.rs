//! What happened in a conversation, in order: the octets on the wire and the fuzzing peer's doings.

use std::time::Duration;

/// A conversation with more octets than this is not kept whole.
const LIMIT: usize = 128 << 10;

/// The record of a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    pub(crate) entries: Vec<Entry>,
    octets: usize,
    /// Some of it is missing at the end, as it grew too long.
    pub(crate) is_cut: bool,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// The fuzzing peer wrote these octets at once.
    Sent(Vec<u8>),
    /// It read these.
    Received(Vec<u8>),
    /// It did or met something, at this time.
    Note(Duration, String),
}

impl Trace {
    pub(crate) fn sent(&mut self, octets: &[u8]) {
        if self.has_room(octets) {
            self.entries.push(Entry::Sent(octets.to_vec()));
        }
    }

    pub(crate) fn received(&mut self, octets: &[u8]) {
        if !octets.is_empty() && self.has_room(octets) {
            self.entries.push(Entry::Received(octets.to_vec()));
        }
    }

    pub(crate) fn note(&mut self, now: Duration, text: String) {
        self.entries.push(Entry::Note(now, text));
    }

    fn has_room(&mut self, octets: &[u8]) -> bool {
        self.octets = self.octets.saturating_add(octets.len());
        self.is_cut |= self.octets > LIMIT;
        !self.is_cut
    }
}
