//! Literals and matches, one by one [RFC 1951 §3.2.3, §3.2.5]: the edges of the input, of the
//! memory and of the room are here, and every error. Most symbols go through [`fast`](super::fast).

use super::bits::Input;
use super::fast;
use super::tables::{
    DIST_SIZE, FAR, FIXED_DIST, FIXED_LIT, LIT_BITS, LIT_SIZE, LITERAL, NO_DIST, NO_LIT, SPECIAL,
    SUB, Tables, fixed_dist, fixed_lit,
};
use super::window::{Match, ROOM};
use super::{Fault, Inflater, Stop};
use crate::deflate::DeflateError;

/// The codes of a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Codes {
    Fixed,
    Dynamic,
}

impl Codes {
    /// The entry of the literal, length or end of the block that the next bits begin with.
    #[inline(always)]
    fn lit<const SMALL: bool>(self, tables: &Tables, bits: u64) -> u32 {
        let at = bits as usize % LIT_SIZE;
        u32::from(match self {
            Self::Dynamic => tables.lit[at],
            Self::Fixed if SMALL => fixed_lit(at as u16),
            Self::Fixed => FIXED_LIT[at],
        })
    }

    /// The entry of the distance that the next bits begin with.
    #[inline(always)]
    fn dist<const SMALL: bool>(self, tables: &Tables, bits: u64) -> u32 {
        let at = bits as usize % DIST_SIZE;
        let entry = match self {
            Self::Dynamic => tables.dist[at],
            Self::Fixed if SMALL => fixed_dist(at as u16 & 31),
            Self::Fixed => FIXED_DIST[at],
        };
        u32::from(if entry & FAR == 0 { entry } else { tables.far.entry(bits) })
    }
}

impl<const SMALL: bool> Inflater<SMALL> {
    /// Decodes symbols until the block ends, which gives `None`, or something else does.
    pub(super) fn symbols(
        &mut self,
        codes: Codes,
        memory: &mut [u8],
        turn: usize,
        limit: usize,
        input: &mut Input<'_>,
    ) -> Result<Option<Stop>, Fault> {
        let end = limit.min(memory.len());
        let full = limit.min(turn);
        // Otherwise a copy that goes beyond its end overwrites a part of the window.
        let has_slack = !SMALL && turn < memory.len();
        let tables = &self.tables;
        let (state, place) = (&mut self.bits, &mut self.place);
        loop {
            if self.pending.length > 0 {
                self.pending.copy(memory, place, end);
                if self.pending.length > 0 {
                    return Ok(Some(Stop::Output));
                }
            }
            let is_fast = has_slack && input.rest.len() >= 8;
            if is_fast && place.at < full && place.at + ROOM <= end {
                let tables = match codes {
                    Codes::Fixed => fast::FIXED,
                    Codes::Dynamic => fast::Lookup::new(tables),
                };
                if fast::symbols(tables, state, place, memory, end, &mut input.rest) {
                    return Ok(None);
                }
            }
            // One symbol, if all of it is there.
            state.refill_for::<SMALL>(input);
            let mut bits = *state;
            let mut entry = codes.lit::<SMALL>(tables, bits.bits);
            if entry & 0xF0 == u32::from(SUB) {
                bits.skip(LIT_BITS as u32);
                let index = 2 * (entry >> 8) + bits.peek(entry & 15);
                entry = tables.sub.get(index as usize).copied().unwrap_or(NO_LIT).into();
            }
            let total = entry & 15;
            let value = entry >> 8;
            // If the nine bits were not all there, the count has wrapped around.
            let lacks = |count: u32, total: u32| (count as i32) < total as i32;
            if lacks(bits.count, total) {
                return Ok(Some(Stop::Input));
            }
            if entry & LITERAL != 0 {
                if place.at >= full {
                    return Ok(Some(Stop::Output));
                }
                if let Some(to) = memory.get_mut(place.at) {
                    *to = value as u8;
                }
                place.at += 1;
                bits.skip(total);
                *state = bits;
                continue;
            }
            let extra = entry >> 4 & 7;
            if extra >= SPECIAL {
                if value != 0 {
                    return Err(DeflateError::InvalidLength.into());
                }
                bits.skip(total);
                *state = bits;
                return Ok(None);
            }
            let length = 3 + value + (bits.peek(total) >> (total - extra));
            bits.skip(total);
            let entry = codes.dist::<SMALL>(tables, bits.bits);
            let (total, extra, high) = (entry & 31, entry >> 8 & 15, entry >> 12 & 3);
            if lacks(bits.count, total) {
                return Ok(Some(Stop::Input));
            }
            if entry >= u32::from(NO_DIST) & !1 {
                return Err(DeflateError::InvalidDistance.into());
            }
            let distance = 1 + (high << extra) + (bits.peek(total) >> (total - extra));
            if place.source(distance as usize).is_none() {
                return Err(DeflateError::DistanceTooFar.into());
            }
            if place.at >= full {
                return Ok(Some(Stop::Output));
            }
            bits.skip(total);
            *state = bits;
            self.pending = Match { length: length as u16, distance: distance as u16 };
        }
    }

    /// Copies stored bytes up to `end`, and returns how many are left.
    pub(super) fn stored(
        &mut self,
        mut left: usize,
        memory: &mut [u8],
        end: usize,
        input: &mut Input<'_>,
    ) -> usize {
        let at = &mut self.place.at;
        // Bytes that were taken from the input already come first.
        while left > 0 && self.bits.count >= 8 && *at < end {
            if let Some(place) = memory.get_mut(*at) {
                *place = self.bits.take(8) as u8;
            }
            *at += 1;
            left -= 1;
        }
        if self.bits.count >= 8 {
            return left;
        }
        let count = left.min(input.rest.len()).min(end.saturating_sub(*at));
        if let (Some((from, rest)), Some(to)) =
            (input.rest.split_at_checked(count), memory.get_mut(*at..*at + count))
        {
            // A copy whose lengths the compiler cannot see to be equal could panic.
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            input.rest = rest;
            *at += count;
            left -= count;
        }
        left
    }
}
