//! Deadlines by told time: the connection has no clock, its caller says what time it is.
//!
//! What happens is counted from the last time that was told. Times are kept in milliseconds.

use core::time::Duration;

use super::state::{Core, Phase};
use crate::buffer::Buffer;
use crate::close::{CloseCode, CloseFrame};
use crate::error::{Error, Timeout};
use crate::frame::Opcode;
use crate::role::Role;
use crate::storage::Storage;

/// When what happened that a deadline is counted from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timers {
    /// A time was told at all.
    told: bool,
    /// A keep-alive ping was due, and nothing came since.
    pinged: bool,
    /// It is still to be written.
    ping_owed: bool,
    now: u64,
    /// Something was last received, or the ping was sent.
    heard: u64,
    /// While messages can go both ways, a part of one was last received or sent; otherwise the
    /// handshake under way has last gone a step further.
    since: u64,
}

impl Timers {
    /// Something was received.
    #[inline]
    pub(super) fn hear(&mut self) {
        self.heard = self.now;
        self.pinged = false;
        self.ping_owed = false;
    }

    /// A part of a message was received or sent.
    #[inline]
    pub(super) fn note_data(&mut self) {
        self.since = self.now;
    }

    /// The handshakes have gone a step further.
    pub(super) fn restart(&mut self) {
        self.since = self.now;
        self.heard = self.now;
    }

    fn tell(&mut self, now: Duration) {
        let now = now.as_secs().saturating_mul(1000).saturating_add(now.subsec_millis().into());
        self.now = self.now.max(now);
        if !self.told {
            self.told = true;
            self.restart();
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
    pub(super) fn tick(&mut self, now: Duration, out: &mut impl Buffer) -> Result<(), Error> {
        self.timers.tell(now);
        self.settle(out)?;
        match self.next_deadline() {
            Some((deadline, due)) if deadline <= self.timers.now => match due {
                Due::Fail(timeout) => {
                    let error = Error::Timeout(timeout);
                    self.fail(error, out);
                    // A peer that takes nothing is not waited for once more.
                    self.farewell_due = false;
                    return Err(error);
                }
                Due::Ping => {
                    // The answer is waited for from now on, even if there is no room to ask: a
                    // peer that takes nothing must not live for ever.
                    self.timers.pinged = true;
                    self.timers.ping_owed = true;
                    self.timers.heard = self.timers.now;
                }
                Due::CloseIdle => {
                    let frame = CloseFrame::new(CloseCode::GOING_AWAY, "idle");
                    self.close(&frame, out).map_err(Error::Blocked)?;
                }
            },
            _ => {}
        }
        if self.timers.ping_owed && self.check_open().is_ok() {
            self.append_frame(Opcode::Ping, true, &[], out).map_err(Error::Blocked)?;
            self.timers.ping_owed = false;
        }
        Ok(())
    }

    pub(super) fn next_timeout(&self) -> Option<Duration> {
        self.next_deadline().map(|(deadline, _)| Duration::from_millis(deadline))
    }

    /// The next deadline that runs, in milliseconds.
    fn next_deadline(&self) -> Option<(u64, Due)> {
        let Timers { told, pinged, since, heard, .. } = self.timers;
        let (config, closing) = (&self.config, &self.closing);
        if !told || closing.ended || self.failure.is_some() {
            return None;
        }
        let fail = |deadline: Option<u64>, timeout| deadline.map(|at| (at, Due::Fail(timeout)));
        match self.phase {
            Phase::Over => None,
            Phase::Head { .. } | Phase::Request | Phase::Plain { .. } | Phase::Body => {
                fail(config.opening.after(since), Timeout::Opening)
            }
            Phase::Open => match (closing.sent, closing.received) {
                (true, true) if R::SERVER => None,
                (true, true) => fail(config.server_drop.after(since), Timeout::ServerDrop),
                (true, false) => fail(config.closing.after(since), Timeout::Closing),
                (false, true) => None,
                (false, false) => {
                    let answer = config.pong.after(heard).filter(|_| pinged);
                    let ping = config.keep_alive.after(heard).map(|at| (at, Due::Ping));
                    let alive = fail(answer, Timeout::Pong).or(ping);
                    let idle = config.idle.after(since).map(|at| (at, Due::CloseIdle));
                    alive.into_iter().chain(idle).min_by_key(|&(at, _)| at)
                }
            },
        }
    }
}
