//! How a connection ends [RFC 6455 §7]: failure, the closing handshake, the end of TCP.

use super::send::FrameTicket;
use super::state::{Core, Phase};
use crate::buffer::{Buffer, write_whole};
use crate::close::{CloseCode, CloseFrame, CloseReport, State, TransportAction};
use crate::error::{Error, SendError, Timeout};
use crate::frame::{MAX_CONTROL_PAYLOAD, Opcode};
use crate::handshake::write_status;
use crate::role::Role;
use crate::storage::{Note, Storage};

impl<R: Role, S: Storage> Core<R, S> {
    /// Fails the connection [RFC 6455 §7.1.7] and gives the error to return: this one, or that
    /// its last words cannot be written yet.
    #[cold]
    pub(super) fn fail(&mut self, error: Error, out: &mut impl Buffer) -> Error {
        self.note_failure(error);
        match self.settle(out) {
            Ok(()) => error,
            Err(error) => error,
        }
    }

    fn note_failure(&mut self, error: Error) {
        self.failure = Some(error);
        self.farewell_due = match error {
            Error::Handshake(_) => R::SERVER,
            _ => {
                let open = matches!(self.phase, Phase::Open);
                open && !self.closing.sent && !self.closing.ended && error.close_code().is_some()
            }
        };
    }

    /// Gives the failure if there is one, once its last words are written.
    #[inline]
    pub(super) fn settle(&mut self, out: &mut impl Buffer) -> Result<(), Error> {
        match self.failure {
            None => Ok(()),
            Some(error) => Err(self.say_farewell(error, out)),
        }
    }

    #[cold]
    fn say_farewell(&mut self, error: Error, out: &mut impl Buffer) -> Error {
        if self.farewell_due {
            let written = match (error, error.close_code()) {
                (Error::Handshake(handshake), _) => write_whole(out, |out| {
                    write_status(handshake.status(), error.reason(), false, out);
                }),
                (_, Some(code)) => self.write_close(&CloseFrame::new(code, error.reason()), out),
                (_, None) => Ok(()),
            };
            if let Err(blocked) = written {
                return Error::Blocked(blocked);
            }
            self.farewell_due = false;
            self.closing.failing = self.closing.sent;
        }
        error
    }

    /// Starts the closing handshake, or answers the peer's close frame.
    pub(super) fn close(
        &mut self,
        frame: &CloseFrame<'_>,
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        self.check_open()?;
        self.write_close(frame, out)?;
        self.reason.set(frame.reason());
        Ok(())
    }

    /// Appends a close frame and takes note of it.
    pub(super) fn write_close(
        &mut self,
        frame: &CloseFrame<'_>,
        out: &mut impl Buffer,
    ) -> Result<(), SendError> {
        let mut bytes = [0; MAX_CONTROL_PAYLOAD];
        let payload = frame.payload(&mut bytes)?;
        self.append_frame(Opcode::Close, true, payload, out)?;
        self.closing.sent = true;
        self.closing.sent_code = frame.code();
        self.closing.by_me = !self.closing.received;
        self.timers.restart();
        Ok(())
    }

    /// Takes note of the peer's close frame.
    pub(super) fn receive_close(&mut self, frame: &CloseFrame<'_>) {
        self.closing.received = true;
        self.closing.received_code = frame.code();
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
        self.closing.sent = true;
        self.closing.sent_code = code;
        self.closing.automatic = true;
    }

    pub(super) fn end_of_stream(&mut self) -> Result<(), Error> {
        self.closing.dropped |= !self.closing.ended && self.transport() == TransportAction::Close;
        self.closing.ended = true;
        // There is nobody left to be told.
        self.farewell_due = false;
        if let Some(error) = self.failure {
            return Err(error);
        }
        let done = match self.phase {
            // A plain request may still be answered to a peer that has only stopped sending.
            Phase::Plain { .. } | Phase::Over => true,
            Phase::Body => self.role.body().is_none_or(|body| body.may_end()),
            Phase::Open => self.closing.sent && self.closing.received,
            Phase::Head { .. } | Phase::Request => false,
        };
        if !done {
            self.note_failure(Error::UnexpectedEnd);
            return Err(Error::UnexpectedEnd);
        }
        if matches!(self.phase, Phase::Body) {
            self.phase = Phase::Over;
        }
        Ok(())
    }

    pub(super) fn transport(&self) -> TransportAction {
        let closing = &self.closing;
        if self.farewell_due {
            // The next call appends what the peer has to be told.
            return TransportAction::Read;
        }
        if self.failure.is_some() || matches!(self.phase, Phase::Over) {
            return TransportAction::Close;
        }
        match (closing.sent && closing.received, R::SERVER || closing.ended) {
            (true, true) => TransportAction::Close,
            (true, false) => TransportAction::AwaitClose,
            (false, _) => TransportAction::Read,
        }
    }

    pub(super) fn state(&self) -> State {
        let closing = &self.closing;
        match self.phase {
            _ if self.farewell_due => State::Closing,
            _ if self.failure.is_some() => State::Closed,
            Phase::Over => State::Closed,
            Phase::Body => State::Closing,
            Phase::Open => match (closing.sent, closing.received) {
                (true, true) => State::Closed,
                (false, false) => State::Open,
                _ => State::Closing,
            },
            _ => State::Connecting,
        }
    }

    /// The report, with the peer's close frame.
    pub(super) fn report<'a>(&'a self, close_frame: &'a [u8]) -> CloseReport<'a> {
        let closing = &self.closing;
        let done = closing.sent && closing.received;
        let timeout = match self.failure {
            Some(Error::Timeout(timeout)) => Some(timeout),
            _ => None,
        };
        let failed_by_me = self.failure.is_some_and(|error| !matches!(error, Error::UnexpectedEnd));
        CloseReport {
            closed_by_me: closing.by_me,
            failed_by_me,
            dropped_by_me: closing.dropped
                || !closing.ended && self.transport() == TransportAction::Close,
            was_clean: done && self.failure.is_none(),
            not_clean_reason: match self.failure {
                Some(error) => Some(error.reason()),
                None if matches!(self.phase, Phase::Body | Phase::Over) => {
                    Some("upgrade not accepted")
                }
                None => None,
            },
            opening_timeout: timeout == Some(Timeout::Opening),
            closing_timeout: timeout == Some(Timeout::Closing),
            server_drop_timeout: timeout == Some(Timeout::ServerDrop),
            close_sent: closing.sent,
            close_received: closing.received,
            local_code: closing.sent_code,
            local_reason: match self.failure {
                _ if !closing.sent => None,
                _ if closing.automatic => Some(""),
                Some(error) if closing.failing => Some(error.reason()),
                _ => self.reason.get(),
            },
            remote_code: closing.received_code,
            remote_reason: closing
                .received
                .then(|| CloseFrame::parse(close_frame).unwrap_or_default().reason()),
        }
    }
}
