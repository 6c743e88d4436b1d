//! Deadlines. The connection has no clock: its caller sets the time.
//!
//! Spans are counted from the last time that was set. Times are kept in milliseconds.

use core::time::Duration;

use super::closing::{Call, Halt};
use super::core::{Core, Phase};
use crate::buffer::Buffer;
use crate::error::{Error, Timeout};
use crate::frame::{CloseCode, CloseFrame, Opcode};
use crate::role::Role;
use crate::storage::Storage;

/// The times that deadlines are counted from, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timers {
    /// The last time that the caller has set; [`UNSET`](Self::UNSET) before the first one.
    now: u64,
    /// When bytes were last received, or the keep-alive ping was due.
    touched: u64,
    /// In the open state, when a part of a message was last received or sent; otherwise, when the
    /// handshake under way last made progress.
    since: u64,
}

/// The keep-alive ping. It is kept apart from the times, where it would take eight bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum KeepAlive {
    /// None was due since bytes were last received.
    #[default]
    Quiet,
    /// It was due and is still to be written.
    Owed,
    /// It was written.
    Pinged,
}

impl Default for Timers {
    fn default() -> Self {
        Self { now: Self::UNSET, touched: 0, since: 0 }
    }
}

impl Timers {
    const UNSET: u64 = u64::MAX;

    /// A part of a message was received or sent.
    #[inline]
    pub(super) fn touch_data(&mut self) {
        self.since = self.now;
    }

    /// A handshake has made progress.
    pub(super) fn restart(&mut self) {
        self.since = self.now;
        self.touched = self.now;
    }

    fn set(&mut self, now: Duration) {
        let now = now.as_secs().saturating_mul(1000).saturating_add(now.subsec_millis().into());
        let now = now.min(Self::UNSET - 1);
        if self.now == Self::UNSET {
            self.now = now;
            self.restart();
        } else {
            self.now = self.now.max(now);
        }
    }
}

/// What to do when a deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Fail(Timeout),
    Ping,
    CloseIdle,
}

impl<R: Role, S: Storage> Core<R, S> {
    /// Bytes were received.
    #[inline]
    pub(super) fn touch(&mut self) {
        self.timers.touched = self.timers.now;
        self.keep_alive = KeepAlive::Quiet;
    }

    pub(super) fn tick(&mut self, now: Duration, out: &mut impl Buffer) -> Result<(), Error> {
        self.timers.set(now);
        self.blocked.tick = false;
        match self.do_what_is_due(out) {
            Ok(()) => Ok(()),
            Err(Halt::Full) => {
                self.blocked.tick = true;
                Ok(())
            }
            Err(Halt::Error(error)) => Err(error),
        }
    }

    fn do_what_is_due(&mut self, out: &mut impl Buffer) -> Result<(), Halt> {
        if self.failure.is_some() {
            if self.has_news() {
                self.tell_failure(Call::Tick, out).map_err(|_| Halt::Full)??;
            }
            return Ok(());
        }
        match self.next_deadline() {
            Some((deadline, due)) if deadline <= self.timers.now => match due {
                Due::Fail(timeout) => self.fail_by_deadline(timeout, out)?,
                Due::Ping => {
                    // The answer is waited for from now on, even if there is no room to ask: a
                    // peer that takes nothing must not live for ever.
                    self.keep_alive = KeepAlive::Owed;
                    self.timers.touched = self.timers.now;
                }
                Due::CloseIdle => {
                    self.close(&CloseFrame::new(CloseCode::GOING_AWAY, "idle"), out)?;
                }
            },
            _ => {}
        }
        if self.keep_alive == KeepAlive::Owed && self.check_open().is_ok() {
            self.append_frame(Opcode::Ping, true, &[], out)?;
            self.keep_alive = KeepAlive::Pinged;
        }
        Ok(())
    }

    pub(super) fn next_timeout(&self) -> Option<Duration> {
        self.next_deadline().map(|(deadline, _)| Duration::from_millis(deadline))
    }

    /// The next deadline that runs, in milliseconds.
    fn next_deadline(&self) -> Option<(u64, Due)> {
        let Timers { now, since, touched } = self.timers;
        let (config, closing) = (&self.config, &self.closing);
        if now == Timers::UNSET || closing.is_ended() || self.failure.is_some() {
            return None;
        }
        let fail = |deadline: Option<u64>, timeout| deadline.map(|at| (at, Due::Fail(timeout)));
        match self.phase {
            Phase::Over => None,
            Phase::Head { .. } | Phase::Request | Phase::Plain { .. } | Phase::Body => {
                fail(config.opening.after(since), Timeout::Opening)
            }
            Phase::Open => match (closing.is_sent(), closing.is_received()) {
                (true, true) if R::SERVER => None,
                (true, true) => fail(config.server_drop.after(since), Timeout::ServerDrop),
                (true, false) => fail(config.closing.after(since), Timeout::Closing),
                (false, true) => None,
                (false, false) => {
                    let answer =
                        config.pong.after(touched).filter(|_| self.keep_alive != KeepAlive::Quiet);
                    let ping = config.keep_alive.after(touched).map(|at| (at, Due::Ping));
                    let alive = fail(answer, Timeout::Pong).or(ping);
                    let idle = config.idle.after(since).map(|at| (at, Due::CloseIdle));
                    alive.into_iter().chain(idle).min_by_key(|&(at, _)| at)
                }
            },
        }
    }
}
