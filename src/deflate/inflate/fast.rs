//! The loop that decodes most symbols: it stops where anything is near its end.

use super::bits::BitBuffer;
use super::tables::{
    DIST_SIZE, FAR, FIXED_DIST, FIXED_LIT, Far, LIT_BITS, LIT_SIZE, LITERAL, NO_DIST, SPECIAL, SUB,
    Tables,
};
use super::window::{OVERSHOOT, Place, ROOM};

/// The tables of a block's codes.
#[derive(Clone, Copy)]
pub(super) struct Lookup<'a> {
    lit: &'a [u16; LIT_SIZE],
    sub: &'a [u16],
    dist: &'a [u16; DIST_SIZE],
    far: &'a Far,
}

/// Those of the fixed codes, none of which needs a second lookup.
pub(super) const FIXED: Lookup<'static> =
    Lookup { lit: &FIXED_LIT, sub: &[], dist: &FIXED_DIST, far: &Far::NONE };

impl<'a> Lookup<'a> {
    pub(super) fn new(tables: &'a Tables) -> Self {
        Self { lit: &tables.lit, sub: &tables.sub, dist: &tables.dist, far: &tables.far }
    }
}

/// Decodes symbols while there are eight bytes of input and [`ROOM`] before `end`, which is not
/// beyond the memory's, and returns whether the block has ended.
///
/// It leaves errors, and matches across the end of a lap, to be decoded again. Copies write up to
/// [`OVERSHOOT`] bytes beyond their end.
#[inline(never)]
pub(super) fn symbols(
    lookup: Lookup<'_>,
    state: &mut BitBuffer,
    place: &mut Place,
    memory: &mut [u8],
    end: usize,
    input: &mut &[u8],
) -> bool {
    let Lookup { lit, sub, dist, far } = lookup;
    let BitBuffer { bits: mut buffer, mut count } = *state;
    let Place { mut at, lap, window } = *place;
    let mut rest = *input;
    let Some(limit) = end.checked_sub(ROOM) else { return false };

    // At least 56 bits, behind which there may be some of the next byte.
    macro_rules! refill {
        ($otherwise:expr) => {
            let Some(word) = rest.first_chunk() else { $otherwise };
            buffer |= u64::from_le_bytes(*word) << (count & 63);
            rest = rest.get(((63 - count) >> 3 & 7) as usize..).unwrap_or_default();
            count |= 56;
        };
    }
    macro_rules! skip {
        ($count:expr) => {
            buffer >>= $count & 63;
            count = count.wrapping_sub($count & 63);
        };
    }
    macro_rules! lit {
        () => {
            u32::from(lit[buffer as usize % LIT_SIZE])
        };
    }
    macro_rules! literal {
        ($entry:expr) => {
            if let Some(to) = memory.get_mut(at) {
                *to = ($entry >> 8) as u8;
            }
            at += 1;
        };
    }

    let ended = 'block: loop {
        if at > limit {
            break false;
        }
        refill!(break false);
        let mut entry = lit!();
        if entry & LITERAL != 0 {
            skip!(entry);
            literal!(entry);
            entry = lit!();
            if entry & LITERAL != 0 {
                skip!(entry);
                literal!(entry);
                entry = lit!();
                if entry & LITERAL != 0 {
                    skip!(entry);
                    literal!(entry);
                    continue;
                }
            }
            refill!(break false);
        }
        let before = (buffer, count);
        let mut extra = entry >> 4 & 7;
        if extra >= SPECIAL {
            if entry & 0xF0 == u32::from(SUB) {
                let index =
                    2 * (entry >> 8) as usize + (buffer >> LIT_BITS) as usize % (1 << (entry & 15));
                let Some(&found) = sub.get(index) else { break false };
                entry = u32::from(found);
                extra = entry >> 4 & 7;
                skip!(LIT_BITS as u32);
                if entry & LITERAL != 0 {
                    skip!(entry & 15);
                    literal!(entry);
                    continue;
                }
            }
            if extra >= SPECIAL {
                if entry >> 8 == 0 {
                    skip!(entry & 15);
                    break true;
                }
                (buffer, count) = before;
                break false;
            }
        }
        let total = entry & 15;
        let low = (buffer & ((1 << total) - 1)) >> (total.wrapping_sub(extra) & 63);
        let length = 3 + (entry >> 8) as usize + low as usize;
        skip!(total);

        let mut entry = u32::from(dist[buffer as usize % DIST_SIZE]);
        if entry & u32::from(NO_DIST | FAR) > 0x3FFF {
            if entry & u32::from(FAR) == 0 {
                (buffer, count) = before;
                break false;
            }
            entry = far.entry(buffer).into();
            if entry & u32::from(NO_DIST) > 0x3FFF {
                (buffer, count) = before;
                break false;
            }
        }
        let (total, extra, high) = (entry & 31, entry >> 8 & 15, entry >> 12 & 3);
        let low = (buffer & ((1 << total) - 1)) >> (total.wrapping_sub(extra) & 63);
        let distance = 1 + (high << extra) as usize + low as usize;
        skip!(total);

        if distance > window {
            (buffer, count) = before;
            break false;
        }
        let mut source = at.wrapping_sub(distance);
        if distance > at {
            source = source.wrapping_add(lap);
            if lap == 0 || source + length > lap {
                (buffer, count) = before;
                break false;
            }
        }
        let end = at + length;
        if distance >= OVERSHOOT {
            // The two do not overlap within a chunk, or the source is that far ahead.
            while at < end {
                let Some(&chunk) = memory.get(source..).and_then(|from| from.first_chunk::<32>())
                else {
                    break;
                };
                let Some(to) = memory.get_mut(at..).and_then(|to| to.first_chunk_mut()) else {
                    break;
                };
                *to = chunk;
                at += 32;
                source += 32;
            }
        } else if distance == 1 {
            let Some(&byte) = memory.get(source) else { break false };
            while at < end {
                let Some(to) = memory.get_mut(at..).and_then(|to| to.first_chunk_mut::<32>())
                else {
                    break 'block false;
                };
                *to = [byte; 32];
                at += 32;
            }
        } else {
            // Copies what repeats, which is twice as long each time.
            let mut period = distance;
            while at < end {
                let Some(&chunk) = memory.get(source..).and_then(|from| from.first_chunk::<16>())
                else {
                    break;
                };
                let Some(to) = memory.get_mut(at..).and_then(|to| to.first_chunk_mut()) else {
                    break 'block false;
                };
                *to = chunk;
                if period < 16 {
                    at += period;
                    period *= 2;
                } else {
                    at += 16;
                    source += 16;
                }
            }
        }
        at = end;
    };
    place.at = at;
    *input = rest;
    state.count = count & 63;
    state.bits = buffer & ((1 << (count & 63)) - 1);
    ended
}
