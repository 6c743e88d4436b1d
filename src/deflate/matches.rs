//! Finds earlier copies of the bytes at a position, for [`WindowEncoder`](super::window), in a
//! table of constant size and a bounded number of steps a position.
//!
//! The table has buckets of [`WAYS`] positions, a bucket for all byte triples of the same hash.
//! Positions are those of the stream modulo 2^16, and nothing is ever taken out or renumbered:
//! what an entry points to is looked at before it is believed, so an old or a wrong one costs a
//! comparison and nothing else.

use super::bits::{MAX_MATCH, MIN_MATCH, copy_bits};
use crate::slice;

/// How many positions a bucket holds, and so how many are looked at in a search.
pub(crate) const WAYS: usize = 8;

/// Positions whose first three bytes have the same hash, the latest first.
pub(crate) type Bucket = [u16; WAYS];

/// An earlier copy of the bytes at a position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) length: u16,
    pub(super) distance: u16,
    /// How many bits it saves, compared with literals of eight bits.
    pub(super) gain: u32,
}

impl Match {
    pub(super) const NONE: Self = Self { length: 0, distance: 0, gain: 0 };
}

/// The window and its table while a piece of the input is encoded.
pub(super) struct Finder<'a> {
    /// The history, and behind it the input.
    pub(super) bytes: &'a [u8],
    pub(super) table: &'a mut [Bucket],
    /// The position in the stream of the first byte, modulo 2^16.
    pub(super) base: u16,
    /// The farthest that a copy may be back.
    pub(super) window: usize,
    /// The index of the first byte that is not in the table.
    pub(super) inserted: usize,
}

impl Finder<'_> {
    /// The match at `at` that saves most, if any saves something.
    ///
    /// Everything before `at` gets into the table first.
    #[inline]
    pub(super) fn find(&mut self, at: usize) -> Match {
        self.insert(at, 0);
        let mut best = Match::NONE;
        let Some(bucket) = self.bucket(at) else { return best };
        let candidates = *bucket;
        let here = slice::tail(self.bytes, at);
        let here = here.get(..MAX_MATCH.into()).unwrap_or(here);
        let mut longest = usize::from(MIN_MATCH) - 1;
        for candidate in candidates {
            count_steps(1);
            let distance = self.position(at).wrapping_sub(candidate);
            let Some(there) = self.back(at, distance) else { continue };
            // Most candidates fail here, at the byte that a longer match has to have.
            if there.get(longest) != here.get(longest) {
                continue;
            }
            let common = common_len(here, there);
            if common <= longest {
                continue;
            }
            #[allow(clippy::cast_possible_truncation)] // It is the longest match at most.
            let length = common as u16;
            let gain = (8 * u32::from(length)).saturating_sub(copy_bits(length, distance));
            if gain > best.gain {
                longest = common;
                best = Match { length, distance, gain };
            }
        }
        best
    }

    /// Puts what stands before `end` into the table, as far as it is not there.
    ///
    /// If it was matched `distance` back, each position takes the place of the one it is a copy
    /// of, so that a bucket keeps positions that differ in what follows. A `distance` of 0 stands
    /// for no match: the oldest of the bucket goes.
    #[inline]
    pub(super) fn insert(&mut self, end: usize, distance: u16) {
        while self.inserted < end {
            let mut next = self.position(self.inserted);
            let copied = next.wrapping_sub(distance);
            let Some(bucket) = self.bucket(self.inserted) else { return };
            for entry in bucket {
                next = core::mem::replace(entry, next);
                if next == copied {
                    break;
                }
            }
            self.inserted += 1;
        }
    }

    /// The bytes from `distance` before `at` on, if they are in the window.
    #[inline]
    fn back(&self, at: usize, distance: u16) -> Option<&[u8]> {
        let distance = usize::from(distance);
        if distance == 0 || distance > self.window {
            return None;
        }
        self.bytes.get(at.checked_sub(distance)?..)
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // Modulo 2^16 is what is wanted.
    fn position(&self, at: usize) -> u16 {
        self.base.wrapping_add(at as u16)
    }

    /// The bucket of the three bytes at `at`, if there are three.
    #[inline]
    fn bucket(&mut self, at: usize) -> Option<&mut Bucket> {
        let &[a, b, c] = self.bytes.get(at..)?.first_chunk()?;
        // 2^32 divided by the golden ratio spreads the triples evenly over the high bits.
        let hash = u32::from_le_bytes([a, b, c, 0]).wrapping_mul(0x9e37_79b1) >> 16;
        let index = (hash as usize * self.table.len()) >> 16;
        self.table.get_mut(index)
    }
}

/// How many bytes at the start of both are the same.
#[inline]
fn common_len(here: &[u8], there: &[u8]) -> usize {
    const WORD: usize = size_of::<usize>();
    let mut length = 0;
    for (a, b) in here.chunks_exact(WORD).zip(there.chunks_exact(WORD)) {
        let (Ok(a), Ok(b)) = (a.try_into(), b.try_into()) else { break };
        let difference = usize::from_le_bytes(a) ^ usize::from_le_bytes(b);
        if difference != 0 {
            length += difference.trailing_zeros() as usize / 8;
            count_steps(length + 1);
            return length;
        }
        length += WORD;
    }
    let rest = here.iter().zip(there).skip(length);
    length += rest.take_while(|(a, b)| a == b).count();
    count_steps(length + 1);
    length
}

/// Counts the work, for the test that bounds it: the candidates looked at, the bytes compared, the
/// words moved.
#[inline]
pub(super) fn count_steps(_steps: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + _steps);
}

#[cfg(test)]
std::thread_local! {
    pub(crate) static STEPS: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}
