//! The codes of a dynamic block [RFC 1951 §3.2.7]: the code length code, then the lengths of all
//! other codes, which are written with it.

use super::bits::{BitBuffer, Input};
use super::tables::{BadCode, DIST_SIZE, DISTS, LITS, ORDER, Tables, build, build_codes, item};
use crate::deflate::DeflateError;

/// How many codes a header declares, and how many lengths of its code length code were read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    lits: u16,
    dists: u8,
    codes: u8,
    read: u8,
}

impl Counts {
    /// Reads the counts; `None` if the input ends before.
    pub(super) fn read(
        bits: &mut BitBuffer,
        input: &mut Input<'_>,
    ) -> Result<Option<Self>, DeflateError> {
        if !bits.has(14, input) {
            return Ok(None);
        }
        let counts = bits.peek(14);
        let (lits, dists) = (257 + (counts & 31), 1 + (counts >> 5 & 31));
        if lits as usize > LITS || dists as usize > DISTS {
            return Err(DeflateError::CodeCounts);
        }
        bits.skip(14);
        let codes = 4 + (counts >> 10) as u8;
        Ok(Some(Self { lits: lits as u16, dists: dists as u8, codes, read: 0 }))
    }

    /// Reads the lengths of the code length code; `None` if the input ends before.
    pub(super) fn read_code_lengths<const SMALL: bool>(
        &mut self,
        tables: &mut Tables,
        bits: &mut BitBuffer,
        input: &mut Input<'_>,
    ) -> Result<Option<Lengths>, DeflateError> {
        let lengths = &mut tables.sub;
        if self.read == 0 {
            lengths.iter_mut().take(ORDER.len()).for_each(|length| *length = 0);
        }
        while self.read < self.codes {
            if !bits.has(3, input) {
                return Ok(None);
            }
            let symbol = ORDER[usize::from(self.read) % ORDER.len()];
            lengths[usize::from(symbol) % ORDER.len()] = bits.take(3) as u16;
            self.read += 1;
        }
        build_codes::<SMALL>(lengths, &mut tables.dist)
            .map_err(|BadCode| DeflateError::CodeLengthCode)?;
        tables.counts = [0; 16];
        Ok(Some(Lengths { lits: self.lits, dists: self.dists, last: 0, read: 0, used: 0 }))
    }
}

/// How many code lengths a header has, and how many were read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    lits: u16,
    dists: u8,
    /// The last length that was read.
    last: u8,
    read: u16,
    /// How many of those that were read are not 0.
    used: u16,
}

impl Lengths {
    /// Reads code lengths and, if all are read, builds the tables. Returns whether that is so.
    pub(super) fn read<const SMALL: bool>(
        &mut self,
        tables: &mut Tables,
        bits: &mut BitBuffer,
        input: &mut Input<'_>,
    ) -> Result<bool, DeflateError> {
        if !self.read_all::<SMALL>(tables, bits, input)? {
            return Ok(false);
        }
        build::<SMALL>(tables, self.used.into(), self.lits)?;
        Ok(true)
    }

    /// Reads code lengths, by the table of the code length code. Returns whether all are read.
    fn read_all<const SMALL: bool>(
        &mut self,
        tables: &mut Tables,
        state: &mut BitBuffer,
        input: &mut Input<'_>,
    ) -> Result<bool, DeflateError> {
        let Tables { lit: items, dist: codes, counts, .. } = tables;
        let mut bits = *state;
        let (mut read, mut used) = (u32::from(self.read), u32::from(self.used));
        let mut last = u32::from(self.last);
        let all = u32::from(self.lits) + u32::from(self.dists);
        let result = 'all: {
            while read < all {
                bits.refill_for::<SMALL>(input);
                // That is enough for four, or all there is.
                for _ in 0..4 {
                    let entry = u32::from(codes[bits.bits as usize % DIST_SIZE]);
                    let (total, extra) = (entry & 15, entry >> 4 & 15);
                    if total > bits.count {
                        break 'all Ok(false);
                    }
                    let times = (entry >> 12) + (bits.peek(total) >> (total - extra));
                    let repeats = extra == 2;
                    if read + times > all || read == 0 && repeats {
                        break 'all Err(DeflateError::RepeatedLength);
                    }
                    bits.skip(total);
                    last = if repeats { last } else { entry >> 8 & 15 };
                    // A length that is not 0 occurs six times at most; there is room for all six.
                    let item = item(last as u16, read as u16);
                    let place = items.get_mut(used as usize..).and_then(|to| to.first_chunk_mut());
                    if let Some(place) = place {
                        *place = [item, item + 1, item + 2, item + 3, item + 4, item + 5];
                    }
                    used += if last != 0 { times } else { 0 };
                    counts[last as usize % 16] += times as u16;
                    read += times;
                    if read >= all {
                        break;
                    }
                }
            }
            Ok(true)
        };
        *state = bits;
        *self = Self { last: last as u8, read: read as u16, used: used as u16, ..*self };
        result
    }
}
