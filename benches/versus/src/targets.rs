//! What sansocket sets itself as targets, and whether it meets them.

use std::fmt;

use crate::report::Line;
use crate::works::{Content, READ, Side, Task};

/// A target of one row.
pub struct Verdict {
    /// What sansocket is compared with.
    with: String,
    /// Its figure by that of the other, or where there is no other, in nanoseconds.
    value: f64,
    limit: f64,
}

impl Verdict {
    pub fn is_met(&self) -> bool {
        self.value <= self.limit
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let met = if self.is_met() { "met" } else { "**missed**" };
        write!(f, "{met}: {:.3} ≤ {} {}", self.value, self.limit, self.with)
    }
}

/// The targets of a row, as far as what they compare with was measured.
pub fn verdicts(line: &Line<'_>) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let Some(ours) = line.ours() else {
        return verdicts;
    };
    let mut compare = |with: String, other: f64, limit: f64| {
        verdicts.push(Verdict { with, value: ours / other, limit });
    };
    if let Some((best, time)) = line.best_peer() {
        compare(best.name.to_owned(), time, 1.0);
    }
    if is_about_overhead(line)
        && let Some((best, time)) = line.best_checking_peer()
    {
        compare(format!("{}, which checks all", best.name), time, 0.5);
    }
    if is_about_bytes(line)
        && let Some(floor) = line.floor()
    {
        compare("the floor".to_owned(), floor, 1.1);
    }
    if is_about_headers(line) {
        verdicts.push(Verdict { with: "ns".to_owned(), value: ours, limit: 30.0 });
    }
    verdicts
}

/// Whether the work is in the frames rather than in what they carry.
fn is_about_overhead(line: &Line<'_>) -> bool {
    let row = &line.row;
    match row.task {
        Task::Echo => true,
        Task::Decode => row.length <= 125 && (row.read == READ || row.read == 1),
        Task::Send => false,
    }
}

/// Whether there is nothing to do but headers, as payloads can be taken from where they are.
fn is_about_headers(line: &Line<'_>) -> bool {
    let row = &line.row;
    row.task == Task::Send
        && row.side == Side::Server
        && row.length >= 64 * 1024
        && row.deflate.is_none()
}

/// Whether the work is in what the frames carry.
fn is_about_bytes(line: &Line<'_>) -> bool {
    let row = &line.row;
    row.task == Task::Decode
        && row.length >= 64 * 1024
        && row.fragment.is_none()
        && row.content != Content::Json
}
