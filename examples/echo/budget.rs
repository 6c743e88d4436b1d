//! How long a connection may work before it is the turn of the others.

use std::time::{Duration, Instant};

/// After this time a turn ends with the step that is under way.
///
/// A step takes a few milliseconds at most; [`echo`](crate::echo) lists those of receiving.
const TURN: Duration = Duration::from_millis(1);

/// What is left of a turn.
pub(crate) struct Budget<C = fn() -> Instant> {
    clock: C,
    end: Instant,
}

impl Budget {
    /// That of a turn which begins now.
    pub(crate) fn new() -> Self {
        Self::by(Instant::now)
    }
}

impl<C: Fn() -> Instant> Budget<C> {
    /// That of a turn which begins now by this clock.
    pub(crate) fn by(clock: C) -> Self {
        let end = clock() + TURN;
        Self { clock, end }
    }

    /// Whether the turn is over. Ask after a step, never before the first, so that each turn does
    /// something however slow the machine is.
    pub(crate) fn is_spent(&self) -> bool {
        (self.clock)() >= self.end
    }
}
