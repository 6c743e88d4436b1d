//! The next deadline of many connections, without looking at all of them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Times at which to look at connections again, earliest first.
///
/// A time that has become obsolete stays until it is reached and wakes its connection in vain:
/// cheaper than to look for it, and rare, as deadlines mostly move further away.
#[derive(Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Duration, usize)>>,
}

impl Deadlines {
    /// Adds a time for the connection with this key.
    pub(crate) fn add(&mut self, at: Duration, key: usize) {
        self.heap.push(Reverse((at, key)));
    }

    /// The earliest time.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|&Reverse((at, _))| at)
    }

    /// Takes the earliest time out if it is reached.
    pub(crate) fn pop(&mut self, now: Duration) -> Option<(Duration, usize)> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
