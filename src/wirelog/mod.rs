//! A log of the wire: what was sent and received, chop by chop, as octets and as frames.
//!
//! A [`WireLog`] is beside a connection, not in it: whoever moves the octets shows them to the log
//! too, one call for each write and each read, which is a *chop*. It decodes the frames of both
//! directions without judging them [RFC 6455 §5.2] and gives an [`Entry`] for each thing found,
//! with a line of text and the values in it, and [`Statistics`] of all chops and frames.
//!
//! ```
//! use sansocket::wirelog::{Direction, WireLog};
//!
//! let mut log = WireLog::established();
//! let mut text = String::new();
//! let ping = [0x89, 0x82, 0x37, 0xfa, 0x21, 0x3d, 0x5f, 0x93];
//! let pong = [0x8a, 0x02, b'h', b'i'];
//! for (direction, chop) in [(Direction::Sent, &ping[..]), (Direction::Received, &pong)] {
//!     let mut entries = log.chop(direction, chop);
//!     while let Some(entry) = entries.next() {
//!         text += &format!("{entry}\n");
//!     }
//! }
//! assert_eq!(text, "\
//! > 8 octets: 89 82 37 fa 21 3d 5f 93
//! > frame at 0: ping FIN, key 37fa213d, 2 octets: \"hi\"
//! < 4 octets: 8a 02 68 69
//! < frame at 0: pong FIN, 2 octets: \"hi\"
//! ");
//! ```
//!
//! # What it follows, and where it gets lost
//!
//! From the first octet of TCP, a direction begins with heads of HTTP up to their empty lines, then
//! come frames. After a final response other than 101 neither direction is followed any further:
//! what comes is plain HTTP. A log of a connection that is [established](WireLog::established)
//! begins with frames.
//!
//! A header that no frame may have is decoded as well where its end can still be told: a reserved
//! opcode, a fragmented or long control frame, a length in a longer form than needed. The
//! [`Frame::remark`] says what is wrong. Reserved bits are shown, and payloads are unmasked but not
//! decompressed. Whether a frame may stand where it does is not looked at.
//!
//! Where it cannot be told what comes next, there is one [`Lost`] that says why; from there on
//! the log has octets only.
//!
//! # Cost
//!
//! Work is linear in the octets, however they are chopped. For each direction a log keeps what is
//! [to be shown](WireLog::preview) of one payload, the opening handshake's head until it is over
//! ([`MAX_HEAD`]), and counts ([`MAX_CHOP_SIZES`]).

mod entry;
mod show;
mod statistics;
mod stream;

pub use entry::{Entry, Frame, Head, Lost, Octets, What};
pub use statistics::{Count, MAX_CHOP_SIZES, Statistics, Traffic};
pub use stream::MAX_HEAD;

use stream::{Found, Stream};

/// Which way octets went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From this side to the peer: `>` in text.
    Sent,
    /// From the peer to this side: `<` in text.
    Received,
}

/// Follows both directions of a connection.
///
/// Show it each chop with [`chop`](Self::chop), and ask for [`statistics`](Self::statistics) at
/// any time.
#[derive(Clone, Debug)]
pub struct WireLog {
    preview: usize,
    sent: Stream,
    received: Stream,
    statistics: Statistics,
}

impl WireLog {
    /// The octets of a payload, and of a chop, that are shown unless told otherwise.
    pub const PREVIEW: usize = 64;

    /// A log from the first octet of TCP, so that heads of HTTP come first.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Stream::heads())
    }

    /// A log of a connection whose opening handshake is done.
    #[must_use]
    pub fn established() -> Self {
        Self::with(Stream::frames())
    }

    fn with(stream: Stream) -> Self {
        Self {
            preview: Self::PREVIEW,
            sent: stream.clone(),
            received: stream,
            statistics: Statistics::default(),
        }
    }

    /// Shows at most this many octets of a payload and of a chop, 0 for none.
    ///
    /// For a close frame 125 octets are kept in any case, the longest it may have: its code and
    /// reason are always there.
    #[must_use]
    pub fn preview(mut self, octets: usize) -> Self {
        self.preview = octets;
        self
    }

    /// Logs what one read or write moved, and gives what is found in it, the octets first.
    ///
    /// An empty chop is no chop: it is not counted, and gives nothing. Entries that are not taken
    /// are dropped.
    pub fn chop<'a>(&'a mut self, direction: Direction, octets: &'a [u8]) -> Entries<'a> {
        if !octets.is_empty() {
            self.statistics.traffic_mut(direction).count_chop(octets.len());
        }
        Entries { log: self, direction, octets, rest: octets, begun: false }
    }

    /// The frame of which only a part has come, as when the stream ends within its payload.
    ///
    /// Its [`Frame::missing`] says how much has not; it is not counted in the statistics.
    #[must_use]
    pub fn unfinished(&self, direction: Direction) -> Option<Entry<'_>> {
        let stream = match direction {
            Direction::Sent => &self.sent,
            Direction::Received => &self.received,
        };
        let (found, missing) = stream.unfinished()?;
        let frame = Frame { found, missing, kept: stream.payload(), preview: self.preview };
        Some(Entry { direction, offset: stream.start(), what: What::Frame(frame) })
    }

    /// What was counted up to now.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    fn streams(&mut self, direction: Direction) -> (&mut Stream, &mut Stream) {
        match direction {
            Direction::Sent => (&mut self.sent, &mut self.received),
            Direction::Received => (&mut self.received, &mut self.sent),
        }
    }
}

impl Default for WireLog {
    fn default() -> Self {
        Self::new()
    }
}

/// What is found in a chop, from [`WireLog::chop`].
#[derive(Debug)]
pub struct Entries<'a> {
    log: &'a mut WireLog,
    direction: Direction,
    octets: &'a [u8],
    /// What is not decoded yet.
    rest: &'a [u8],
    /// The entry of the octets was given.
    begun: bool,
}

impl Entries<'_> {
    /// The next thing in the chop, lent until the call after; `None` at the end.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Entry<'_>> {
        let direction = self.direction;
        let preview = self.log.preview;
        if !self.begun && !self.octets.is_empty() {
            self.begun = true;
            let (stream, _) = self.log.streams(direction);
            let octets = Octets { octets: self.octets, preview };
            return Some(Entry { direction, offset: stream.offset(), what: What::Octets(octets) });
        }
        let found = self.advance()?;
        let (stream, _) = self.log.streams(direction);
        let what = match found {
            Found::Head { .. } => What::Head(Head { octets: stream.head() }),
            Found::Frame(found) => {
                What::Frame(Frame { found, missing: 0, kept: stream.payload(), preview })
            }
            Found::Lost(lost) => What::Lost(lost),
        };
        Some(Entry { direction, offset: stream.start(), what })
    }

    /// Decodes up to the next thing and counts it.
    fn advance(&mut self) -> Option<Found> {
        let preview = self.log.preview;
        let (stream, other) = self.log.streams(self.direction);
        let found = stream.step(&mut self.rest, preview)?;
        match &found {
            Found::Head { refused: true } => other.give_up(),
            Found::Frame(found) => {
                self.log.statistics.traffic_mut(self.direction).count_frame(&found.header);
            }
            Found::Head { .. } | Found::Lost(_) => {}
        }
        Some(found)
    }
}

/// The octets whose entries were not taken are decoded all the same, so that the next chop is
/// understood.
impl Drop for Entries<'_> {
    fn drop(&mut self) {
        while self.advance().is_some() {}
    }
}
