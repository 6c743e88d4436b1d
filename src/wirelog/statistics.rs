//! Counts of chops by size and of frames by opcode.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use core::fmt;
use core::ops::AddAssign;

use super::Direction;
use super::entry::name;
use crate::frame::{Opcode, RawHeader};

/// How many sizes of chops are counted each by itself, for each direction; what comes in further
/// sizes is counted together.
pub const MAX_CHOP_SIZES: usize = 1024;

/// How many opcodes there are, with the reserved ones.
const OPCODES: usize = 16;

/// How many there were, of how many octets together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// How many.
    pub count: u64,
    /// Their octets together.
    pub octets: u64,
}

impl Count {
    const fn one(octets: u64) -> Self {
        Self { count: 1, octets }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.octets = self.octets.saturating_add(other.octets);
    }
}

/// What was counted in both directions.
///
/// Its `Display` is a table in lines of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// From this side to the peer.
    pub sent: Traffic,
    /// From the peer to this side.
    pub received: Traffic,
}

/// What was counted in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    sizes: BTreeMap<usize, u64>,
    other_sizes: Count,
    chops: Count,
    opcodes: [Count; OPCODES],
}

impl Statistics {
    /// What was counted in this direction.
    #[must_use]
    pub fn traffic(&self, direction: Direction) -> &Traffic {
        match direction {
            Direction::Sent => &self.sent,
            Direction::Received => &self.received,
        }
    }

    pub(super) fn traffic_mut(&mut self, direction: Direction) -> &mut Traffic {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }
}

impl Traffic {
    /// All chops, with all octets of the direction.
    #[must_use]
    pub fn chops(&self) -> Count {
        self.chops
    }

    /// The chops by their size in octets, the smallest first: of each size how many, with the
    /// octets of these together.
    ///
    /// At most [`MAX_CHOP_SIZES`] sizes, those that came first.
    pub fn chops_by_size(&self) -> impl Iterator<Item = (usize, Count)> + '_ {
        self.sizes.keys().map(|&size| (size, self.chops_of(size)))
    }

    /// The chops of all sizes that were too many to be counted by themselves.
    #[must_use]
    pub fn chops_of_other_sizes(&self) -> Count {
        self.other_sizes
    }

    /// All frames that have ended, with the octets of their payloads.
    #[must_use]
    pub fn frames(&self) -> Count {
        let mut all = Count::default();
        for &count in &self.opcodes {
            all += count;
        }
        all
    }

    /// The frames by the four bits of their opcode, the lowest first, without those that did not
    /// come: of each opcode how many, with the octets of their payloads.
    pub fn frames_by_opcode(&self) -> impl Iterator<Item = (u8, Count)> + '_ {
        (0..).zip(self.opcodes).filter(|(_, count)| count.count > 0)
    }

    fn chops_of(&self, size: usize) -> Count {
        let count = self.sizes.get(&size).copied().unwrap_or_default();
        Count { count, octets: count.saturating_mul(size as u64) }
    }

    fn frames_of(&self, opcode: u8) -> Count {
        self.opcodes.get(usize::from(opcode)).copied().unwrap_or_default()
    }

    pub(super) fn count_chop(&mut self, size: usize) {
        let chop = Count::one(size as u64);
        self.chops += chop;
        if self.sizes.len() < MAX_CHOP_SIZES || self.sizes.contains_key(&size) {
            let count = self.sizes.entry(size).or_default();
            *count = count.saturating_add(1);
        } else {
            self.other_sizes += chop;
        }
    }

    pub(super) fn count_frame(&mut self, header: &RawHeader) {
        if let Some(count) = self.opcodes.get_mut(usize::from(header.opcode)) {
            *count += Count::one(header.payload_len);
        }
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let both = [&self.sent, &self.received];
        writeln!(f, "{:<16}{:>10}{:>14}{:>12}{:>14}", "", "sent", "octets", "received", "octets")?;

        let sizes: BTreeSet<usize> = both.iter().flat_map(|t| t.sizes.keys().copied()).collect();
        for size in sizes {
            row(f, &format!("chops of {size}"), both.map(|traffic| traffic.chops_of(size)))?;
        }
        let others = both.map(Traffic::chops_of_other_sizes);
        if others != [Count::default(); 2] {
            row(f, "of other sizes", others)?;
        }
        row(f, "all chops", both.map(Traffic::chops))?;

        for (opcode, sent) in (0..).zip(self.sent.opcodes) {
            let counts = [sent, self.received.frames_of(opcode)];
            if counts == [Count::default(); 2] {
                continue;
            }
            match Opcode::from_bits(opcode) {
                Some(opcode) => row(f, name(opcode), counts)?,
                None => row(f, &format!("opcode {opcode:#x}"), counts)?,
            }
        }
        row(f, "all frames", both.map(Traffic::frames))
    }
}

fn row(f: &mut fmt::Formatter<'_>, title: &str, [sent, received]: [Count; 2]) -> fmt::Result {
    writeln!(
        f,
        "{title:<16}{:>10}{:>14}{:>12}{:>14}",
        sent.count, sent.octets, received.count, received.octets
    )
}
