//! Where output goes, and where matches come from: memory that the caller owns, filled from its
//! start to its end, lap by lap. It is the window as well:
//!
//! ```text
//!  0              at                      lap        the end
//!  | this lap     | last lap              |          |
//! ```
//!
//! With exactly as many bytes as the window this is a ring. With [`SLACK`] more bytes, copies may
//! write beyond their end, which makes them faster, and a lap ends where a match still has room.

/// How many bytes a copy may write beyond its end.
pub(super) const OVERSHOOT: usize = 32;
/// The room that a step of the fast loop needs: three literals, a match, and the overshoot.
pub(super) const ROOM: usize = 3 + 258 + OVERSHOOT;
/// The bytes of memory beside the window that make copies fast.
pub(crate) const SLACK: usize = OVERSHOOT + ROOM;

/// The place of the next output.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The index in the memory of the next byte.
    pub(super) at: usize,
    /// The index that the last lap ended at; 0 in the first lap.
    pub(super) lap: usize,
    /// The size of the window: the largest distance.
    pub(super) window: usize,
}

impl Place {
    pub(super) const fn new(window: usize) -> Self {
        Self { at: 0, lap: 0, window }
    }

    /// The index of the byte that is `distance` back, if it is in the window and was ever written.
    #[inline(always)]
    pub(super) fn source(&self, distance: usize) -> Option<usize> {
        if distance > self.window {
            return None;
        }
        match self.at.checked_sub(distance) {
            Some(source) => Some(source),
            None => (self.lap + self.at).checked_sub(distance).filter(|_| self.lap != 0),
        }
    }

    /// The index that a lap ends at.
    ///
    /// Without slack, each byte of the memory is part of the window. With slack, the last lap
    /// reaches [`OVERSHOOT`] bytes farther back than the window, so no copy overwrites a part of it
    /// that a match can refer to.
    pub(super) fn turn(&self, memory: usize) -> usize {
        match memory.checked_sub(self.window) {
            Some(SLACK..) => memory - ROOM,
            _ => memory,
        }
    }
}

/// The part of a match that is still to be copied; nothing if the length is 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) length: u16,
    pub(super) distance: u16,
}

impl Match {
    pub(super) const NONE: Self = Self { length: 0, distance: 0 };

    /// Copies as much of the match as fits before `end`, and writes nothing beyond that.
    #[inline(always)]
    pub(super) fn copy(&mut self, memory: &mut [u8], place: &mut Place, end: usize) {
        // Checked when the match was decoded: it is in the window.
        let Some(mut source) = place.source(self.distance.into()) else { return };
        while self.length > 0 && place.at < end {
            let byte = memory.get(source).copied().unwrap_or_default();
            if let Some(to) = memory.get_mut(place.at) {
                *to = byte;
            }
            place.at += 1;
            self.length -= 1;
            source += 1;
            if source == place.lap && source > place.at {
                // From the last lap to this one.
                source = 0;
            }
        }
    }
}
