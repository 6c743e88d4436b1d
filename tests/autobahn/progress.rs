//! A line that tells how far it is, on a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::case::Id;

/// The line is written anew after so many steps.
const STRIDE: usize = 50;

pub(crate) struct Progress {
    done: AtomicUsize,
    total: usize,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new(total: usize) -> Self {
        Self { done: AtomicUsize::new(0), total, is_shown: io::stderr().is_terminal() }
    }

    /// One more is done.
    pub(crate) fn step(&self, id: Id) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.is_shown && done.is_multiple_of(STRIDE) {
            show(&format!("\r\x1b[Kautobahn: {done} of {}, case {id}", self.total));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            show("\r\x1b[K");
        }
    }
}

/// Not by a macro, whose output the test runner would keep back.
fn show(text: &str) {
    // Who closes the terminal does not want to know.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Writes to the standard output, which the test runner would otherwise keep back.
pub(crate) fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
