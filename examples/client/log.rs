//! What goes over the wire, printed to standard error as it goes.

use core::fmt::Write as _;
use std::io::{self, Write as _};

use sansocket::wirelog::{Direction, WireLog};

/// The log of a connection, if it is asked for.
pub(crate) struct Log {
    wire: Option<WireLog>,
    /// What is to be printed: whole lines at a time, as standard error has no buffer.
    text: String,
}

impl Log {
    pub(crate) fn new(wanted: bool) -> Self {
        Self { wire: wanted.then(WireLog::new), text: String::new() }
    }

    /// Prints what one write or read has moved.
    pub(crate) fn chop(&mut self, direction: Direction, octets: &[u8]) {
        let Some(wire) = &mut self.wire else { return };
        let mut entries = wire.chop(direction, octets);
        while let Some(entry) = entries.next() {
            // Writing to a string does not fail.
            let _ = writeln!(self.text, "{entry}");
        }
        drop(entries);
        self.print();
    }

    /// Prints the frames that are not whole, and the statistics.
    pub(crate) fn conclude(&mut self) {
        let Some(wire) = &self.wire else { return };
        for direction in [Direction::Sent, Direction::Received] {
            if let Some(entry) = wire.unfinished(direction) {
                let _ = writeln!(self.text, "{entry}");
            }
        }
        let _ = write!(self.text, "{}", wire.statistics());
        self.print();
    }

    fn print(&mut self) {
        // A log that cannot be printed is no reason to stop.
        let _ = io::stderr().write_all(self.text.as_bytes());
        self.text.clear();
    }
}
