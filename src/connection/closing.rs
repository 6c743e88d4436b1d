//! How a connection ends [RFC 6455 §7]: the closing handshake, failure, the end of TCP.
//!
//! ```text
//!  closing handshake:   sent ──────► both: the server closes TCP first
//!                         ▲            ▲
//!            neither ─────┴─► received ┘
//!
//!  failure:   Nobody ──► Peer (a close frame, an HTTP status, or nothing to send) ──► Caller
//! ```
//!
//! A failure is returned to the caller only after the output ends with what the peer is told. Each of
//! the calls that may return it, `tick` and `next`, succeeds once without it before. So a loop that
//! ends at an error has written the output before, in whatever order it has these three.

use core::mem;

use super::core::{Blocked, Core, Phase};
use super::send::FrameTicket;
use super::status::{CloseReport, Endpoint, State, TransportAction};
use crate::buffer::{Buffer, Full, write_whole};
use crate::error::{Error, Timeout};
use crate::frame::{CloseCode, CloseFrame, MAX_CONTROL_PAYLOAD, Opcode};
use crate::handshake::write_status;
use crate::misuse::{SendError, Unsent};
use crate::role::Role;
use crate::storage::{Note, Storage};

/// How far the closing handshake and the end of TCP have come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Closing {
    sent: Option<SentClose>,
    /// The code of the peer's close frame, which may have none.
    received: Option<Option<CloseCode>>,
    tcp: Tcp,
}

/// The close frame that was sent.
#[derive(Clone, Copy, Debug)]
struct SentClose {
    code: Option<CloseCode>,
    reason: Reason,
    /// It was sent before the peer's was received.
    is_first: bool,
}

/// The reason in the close frame that was sent.
#[derive(Clone, Copy, Debug)]
enum Reason {
    /// None, as in an automatic answer.
    Empty,
    /// The caller's, as far as the storage keeps it.
    Caller,
    /// That of the failure.
    Failure,
}

/// The connection below, as far as the caller has reported it.
#[derive(Clone, Copy, Debug, Default)]
enum Tcp {
    #[default]
    Open,
    /// The peer has closed it.
    Ended {
        /// This side was to close it before that.
        by_us: bool,
    },
}

/// Who knows of the failure of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Told {
    /// The close frame or HTTP status about it is still to be appended to the output.
    #[default]
    Nobody,
    /// The peer, as far as there is something to send. The output may still contain that: each of
    /// the two calls that return a failure succeeds once without it, and may then return it.
    Peer { tick: bool, receive: bool },
    /// The caller, too: a call has returned it.
    Caller,
}

/// The calls that return a failure.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Tick,
    Receive,
}

/// Why a call stops receiving.
pub(super) enum Halt {
    /// An answer does not fit the output. Nothing was consumed that has to be answered.
    Full,
    /// The peer broke the protocol or a limit; or, for [`Error::Send`] alone, this side cannot
    /// answer yet.
    Error(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Unsent<SendError>> for Halt {
    fn from(unsent: Unsent<SendError>) -> Self {
        match unsent {
            Unsent::Full(_) => Self::Full,
            Unsent::Misuse(error) => Self::Error(Error::Send(error)),
        }
    }
}

impl Closing {
    #[inline]
    pub(super) fn is_sent(&self) -> bool {
        self.sent.is_some()
    }

    #[inline]
    pub(super) fn is_received(&self) -> bool {
        self.received.is_some()
    }

    /// Whether both close frames were exchanged.
    pub(super) fn is_done(&self) -> bool {
        self.is_sent() && self.is_received()
    }

    /// Whether the peer has closed TCP.
    #[inline]
    pub(super) fn is_ended(&self) -> bool {
        matches!(self.tcp, Tcp::Ended { .. })
    }
}

impl<R: Role, S: Storage> Core<R, S> {
    /// The result of a call that stopped receiving.
    #[cold]
    pub(super) fn halted<T>(
        &mut self,
        halt: Halt,
        out: &mut impl Buffer,
    ) -> Result<Option<T>, Error> {
        match halt {
            Halt::Full => {
                self.blocked.receive = true;
                Ok(None)
            }
            Halt::Error(error @ Error::Send(_)) => Err(error),
            Halt::Error(error) => {
                self.fail(error);
                match self.tell_failure(Call::Receive, out) {
                    Err(Full { .. }) => {
                        self.blocked.receive = true;
                        Ok(None)
                    }
                    Ok(told) => told.map(|()| None),
                }
            }
        }
    }

    /// Fails the connection [RFC 6455 §7.1.7], unless it has failed already.
    pub(super) fn fail(&mut self, error: Error) {
        if self.failure.is_some() {
            return;
        }
        let tells = match error {
            Error::Handshake(_) => R::SERVER,
            _ => {
                let can_send = matches!(self.phase, Phase::Open)
                    && !self.closing.is_sent()
                    && !self.closing.is_ended();
                can_send && error.close_code().is_some()
            }
        };
        // A close frame that was sent before may still be in the output, unless there was time.
        let is_written = !matches!(self.phase, Phase::Open)
            || !self.closing.is_sent()
            || self.closing.is_ended()
            || matches!(error, Error::Timeout(_));
        self.failure = Some(error);
        self.told = match tells {
            true => Told::Nobody,
            false => Told::Peer { tick: is_written, receive: is_written },
        };
    }

    /// Tells the peer about a failure, then the caller: returns the error only to a call that has
    /// succeeded since the output contains what the peer is told.
    #[cold]
    pub(super) fn tell_failure(
        &mut self,
        call: Call,
        out: &mut impl Buffer,
    ) -> Result<Result<(), Error>, Full> {
        let Some(error) = self.failure else {
            return Ok(Ok(()));
        };
        if self.told == Told::Nobody {
            let mut appended = false;
            match (error, error.close_code()) {
                // A client has nothing to answer, and does not contain the code.
                (Error::Handshake(handshake), _) if R::SERVER => {
                    write_whole(out, |out| {
                        write_status(handshake.status(), error.reason(), false, out);
                    })?;
                    appended = true;
                }
                (_, Some(code)) => {
                    let frame = CloseFrame::new(code, error.reason());
                    match self.write_close(&frame, Reason::Failure, out) {
                        Ok(()) => appended = true,
                        Err(Unsent::Full(full)) => return Err(full),
                        // Without a masking key there is nothing to be sent.
                        Err(_) => {}
                    }
                }
                (_, None) => {}
            }
            self.told = Told::Peer { tick: !appended, receive: !appended };
        }
        // Whatever else did not fit is not sent any more.
        self.blocked = Blocked::default();
        let may_return = match (&mut self.told, call) {
            (Told::Peer { tick, .. }, Call::Tick) => tick,
            (Told::Peer { receive, .. }, Call::Receive) => receive,
            (Told::Nobody | Told::Caller, _) => return Ok(Err(error)),
        };
        if !mem::replace(may_return, true) {
            return Ok(Ok(()));
        }
        self.told = Told::Caller;
        Ok(Err(error))
    }

    /// Whether a failure is still to be returned, or the peer to be told about it.
    pub(super) fn has_news(&self) -> bool {
        self.failure.is_some() && self.told != Told::Caller
    }

    /// Starts the closing handshake, or answers the peer's close frame.
    pub(super) fn close(
        &mut self,
        frame: &CloseFrame<'_>,
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<SendError>> {
        self.check_open()?;
        self.write_close(frame, Reason::Caller, out)?;
        self.close_reason.set(frame.reason());
        Ok(())
    }

    /// Appends a close frame and remembers it.
    fn write_close(
        &mut self,
        frame: &CloseFrame<'_>,
        reason: Reason,
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<SendError>> {
        let mut bytes = [0; MAX_CONTROL_PAYLOAD];
        let too_long = |length| SendError::ReasonTooLong { length };
        let payload = frame.payload(&mut bytes).map_err(too_long)?;
        self.append_frame(Opcode::Close, true, payload, out)?;
        self.sent_close(frame.code(), reason);
        self.timers.restart();
        Ok(())
    }

    fn sent_close(&mut self, code: Option<CloseCode>, reason: Reason) {
        let is_first = !self.closing.is_received();
        self.closing.sent = Some(SentClose { code, reason, is_first });
    }

    /// Remembers the peer's close frame.
    pub(super) fn receive_close(&mut self, frame: &CloseFrame<'_>) {
        self.closing.received = Some(frame.code());
        self.timers.restart();
    }

    /// Answers the peer's close frame with its own code [RFC 6455 §5.5.1].
    pub(super) fn answer_close(
        &mut self,
        code: Option<CloseCode>,
        ticket: FrameTicket<R>,
        out: &mut impl Buffer,
    ) {
        let bytes = code.map(|code| code.get().to_be_bytes());
        ticket.write(Opcode::Close, true, bytes.as_ref().map_or(&[], |bytes| bytes), out);
        self.sent_close(code, Reason::Empty);
    }

    pub(super) fn end_of_stream(&mut self) -> Result<(), Error> {
        if let Tcp::Open = self.closing.tcp {
            let by_us = self.transport() == TransportAction::Close;
            self.closing.tcp = Tcp::Ended { by_us };
        }
        self.blocked = Blocked::default();
        let done = match self.phase {
            // A plain request may still be answered to a peer that has only stopped sending.
            Phase::Plain { .. } | Phase::Over => true,
            Phase::Body => self.role.body().is_none_or(|body| body.may_end()),
            Phase::Open => self.closing.is_done(),
            Phase::Head { .. } | Phase::Request => false,
        };
        if !done {
            self.fail(Error::UnexpectedEnd);
        } else if matches!(self.phase, Phase::Body) {
            self.phase = Phase::Over;
        }
        // No peer is left to be told.
        self.told = Told::Caller;
        self.failure.map_or(Ok(()), Err)
    }

    pub(super) fn transport(&self) -> TransportAction {
        let closing = &self.closing;
        if self.blocked.receive || self.blocked.tick {
            return TransportAction::Write;
        }
        if self.failure.is_some() || matches!(self.phase, Phase::Over) {
            return TransportAction::Close;
        }
        match (closing.is_done(), R::SERVER || closing.is_ended()) {
            (true, true) => TransportAction::Close,
            (true, false) => TransportAction::AwaitClose,
            (false, _) => TransportAction::Read,
        }
    }

    pub(super) fn state(&self) -> State {
        let closing = &self.closing;
        match (self.failure, self.phase) {
            (Some(_), _) if self.told == Told::Nobody => State::Closing,
            (Some(_), _) | (None, Phase::Over) => State::Closed,
            (None, Phase::Body) => State::Closing,
            (None, Phase::Open) => match (closing.is_sent(), closing.is_received()) {
                (true, true) => State::Closed,
                (false, false) => State::Open,
                _ => State::Closing,
            },
            _ => State::Connecting,
        }
    }

    /// The report; `received` is the body of the peer's close frame.
    pub(super) fn report<'a>(&'a self, received: &'a [u8]) -> CloseReport<'a> {
        let Closing { sent, received: is_received, tcp } = self.closing;
        let reason = |reason| match (reason, self.failure) {
            (Reason::Failure, Some(error)) => error.reason(),
            (Reason::Caller, _) => self.close_reason.get().unwrap_or_default(),
            _ => "",
        };
        let frame = |sent: SentClose| match sent.code {
            Some(code) => CloseFrame::new(code, reason(sent.reason)),
            None => CloseFrame::EMPTY,
        };
        CloseReport {
            sent: sent.map(frame),
            received: is_received.map(|_| CloseFrame::parse(received).unwrap_or_default()),
            closed_first: match (sent, is_received) {
                (Some(SentClose { is_first: true, .. }), _) => Some(Endpoint::Local),
                (_, Some(_)) => Some(Endpoint::Remote),
                _ => None,
            },
            dropped_by: match tcp {
                Tcp::Ended { by_us: false } => Some(Endpoint::Remote),
                Tcp::Ended { by_us: true } => Some(Endpoint::Local),
                Tcp::Open if self.transport() == TransportAction::Close => Some(Endpoint::Local),
                Tcp::Open => None,
            },
            failure: self.failure,
        }
    }

    /// Fails the connection as a deadline has passed.
    pub(super) fn fail_by_deadline(
        &mut self,
        timeout: Timeout,
        out: &mut impl Buffer,
    ) -> Result<(), Error> {
        self.fail(Error::Timeout(timeout));
        match self.tell_failure(Call::Tick, out) {
            Ok(told) => told,
            Err(Full { .. }) => {
                // A peer that takes nothing is not waited for once more.
                self.told = Told::Caller;
                self.blocked = Blocked::default();
                Err(Error::Timeout(timeout))
            }
        }
    }
}
