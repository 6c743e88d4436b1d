//! The opening handshake as a connection goes through it [RFC 6455 §4]: collecting the peer's
//! head, and on a server the caller's answer to it.

use super::Connection;
use super::closing::Halt;
use super::core::{Core, Lent, Phase};
use super::events::Step;
use super::memory::Memory;
use super::receive::cursor::Cursor;
use super::receive::cursor::sealed::Lent as Chunk;
use crate::buffer::{Buffer, write_whole};
use crate::error::Error;
use crate::handshake::{
    Accept, HandshakeError, Part, RequestHead, Response, Scan, Verdict, write_status,
};
use crate::misuse::{ResponseError, Unsent};
use crate::role::{Role, Server};
use crate::storage::{Bytes, Storage};

impl<R: Role, S: Storage> Connection<R, S> {
    /// A step of the opening handshake.
    #[inline(never)]
    pub(super) fn handshake<C: Chunk, B: Buffer>(
        &mut self,
        cursor: &mut Cursor<C>,
        out: &mut B,
    ) -> Result<Option<Step>, Halt> {
        if let Phase::Head { scan, protocols } = self.core.phase {
            if let Some(step) = self.head(scan, protocols, cursor)? {
                return Ok(Some(step));
            }
        }
        match self.core.phase {
            Phase::Plain { to_head } if R::SERVER && !self.core.config.plain_http => {
                let write = |out: &mut dyn Buffer| {
                    write_status(426, "WebSocket upgrade required", to_head, out);
                };
                write_whole(out, write).map_err(|_| Halt::Full)?;
                self.core.phase = Phase::Over;
                Ok(None)
            }
            Phase::Body if !R::SERVER => Ok(self.core.body(cursor).map_err(Error::Handshake)?),
            _ => Ok(None),
        }
    }

    /// Collects a head up to its end and judges it, and goes on with the next if it was interim.
    fn head<C: Chunk>(
        &mut self,
        mut scan: Scan,
        protocols: u32,
        cursor: &mut Cursor<C>,
    ) -> Result<Option<Step>, Error> {
        let config = self.core.config;
        let max_head = config.max_head;
        let front = protocols as usize;
        loop {
            // As many bytes as the limit leaves room for, so that a head is judged alike however
            // much comes with it.
            let limit = front.saturating_add(max_head as usize).min(S::Message::LIMIT);
            let room = limit.saturating_sub(self.memory.message.as_slice().len());
            let part = cursor.peek(room);
            let end = scan.feed(part, config.max_headers).map_err(Error::Handshake)?;
            let part = cursor.peek(end.unwrap_or(part.len()));
            self.memory.message.append(part, limit as u64)?;
            let taken = part.len();
            cursor.advance(taken);
            if end.is_none() {
                if taken == room {
                    // A client's memory holds what it asked for, too.
                    let limit = max_head.min(u32::try_from(limit - front).unwrap_or(u32::MAX));
                    return Err(Error::Handshake(HandshakeError::HeadTooLong { limit }));
                }
                self.core.phase = Phase::Head { scan, protocols };
                return Ok(None);
            }

            let (asked, head) =
                self.memory.message.as_slice().split_at_checked(front).unwrap_or_default();
            let terms = S::terms(&config);
            let verdict = self.core.role.judge(asked, head, config.max_headers, terms);
            let verdict = verdict.map_err(Error::Handshake)?;
            if verdict == Verdict::Interim {
                self.memory.message.truncate(front);
                scan = Scan::default();
                continue;
            }
            self.core.lent = Lent::Head;
            return Ok(self.core.judged(verdict, front));
        }
    }
}

impl<R: Role, S: Storage> Core<R, S> {
    /// Goes on as a head, which starts at `front` of the message memory, was judged.
    fn judged(&mut self, verdict: Verdict, front: usize) -> Option<Step> {
        let upgrade = matches!(verdict, Verdict::Upgrade | Verdict::Switched(_));
        match verdict {
            Verdict::Upgrade => self.phase = Phase::Request,
            Verdict::Plain { head } => {
                self.phase = Phase::Plain { to_head: head };
                if !self.config.plain_http {
                    return None;
                }
            }
            Verdict::Switched(deflate) => {
                self.deflate = deflate;
                self.open();
            }
            Verdict::Refused { body: true } => self.phase = Phase::Body,
            Verdict::Refused { body: false } | Verdict::Interim => self.phase = Phase::Over,
        }
        Some(Step::Head { upgrade, front })
    }

    /// Lends the next piece of a refusal's body.
    fn body<C: Chunk>(&mut self, cursor: &mut Cursor<C>) -> Result<Option<Step>, HandshakeError> {
        let Some(body) = self.role.body() else {
            return Ok(None);
        };
        let Part { skipped, content } = body.next(cursor.rest())?;
        cursor.advance(skipped);
        if body.is_done() {
            self.phase = Phase::Over;
        }
        Ok((content > 0).then(|| Step::Body(cursor.lend(content, None))))
    }

    /// The opening handshake is done.
    fn open(&mut self) {
        self.phase = Phase::Open;
        self.timers.restart();
    }

    /// Whether a server's caller has yet to answer a request, whose head is kept until then.
    pub(super) fn awaits_answer(&self) -> bool {
        self.failure.is_none()
            && match self.phase {
                Phase::Request => true,
                Phase::Plain { .. } => self.config.plain_http,
                _ => false,
            }
    }
}

impl<S: Storage> Core<Server, S> {
    /// Accepts a request, on terms that a storage can keep.
    pub(super) fn accept(
        &mut self,
        memory: &Memory<S>,
        accept: &Accept<'_>,
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<ResponseError>> {
        match self.phase {
            _ if self.failure.is_some() => return Err(ResponseError::Closed.into()),
            Phase::Request => {}
            Phase::Plain { .. } if self.config.plain_http => {
                return Err(ResponseError::NotAnUpgrade.into());
            }
            _ => return Err(ResponseError::NoRequest.into()),
        }
        let request = RequestHead::new(memory.message.as_slice());
        let key = request.accept_key().ok_or(ResponseError::NotAnUpgrade)?;
        accept.check(&request)?;
        let config = accept.deflate_or(self.config.deflate).and_then(S::adapt_deflate);
        let answer = config.and_then(|config| request.answer_deflate(&config));
        write_whole(out, |out| accept.write(&key, answer.as_ref(), out))?;
        self.config.deflate = config;
        self.deflate = answer.map(|answer| answer.params);
        self.open();
        Ok(())
    }

    pub(super) fn respond(
        &mut self,
        response: &Response<'_>,
        out: &mut impl Buffer,
    ) -> Result<(), Unsent<ResponseError>> {
        let to_head = match self.phase {
            _ if self.failure.is_some() => return Err(ResponseError::Closed.into()),
            Phase::Request => false,
            Phase::Plain { to_head } if self.config.plain_http => to_head,
            _ => return Err(ResponseError::NoRequest.into()),
        };
        response.check()?;
        write_whole(out, |out| response.write(to_head, out))?;
        self.phase = Phase::Over;
        Ok(())
    }
}
