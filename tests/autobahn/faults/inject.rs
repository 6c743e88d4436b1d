//! Where a fault can be: hooks around an implementation, and the wrapper that calls them.

use std::time::Duration;

use super::parts::{Frame, Header, Part, Splitter};
use crate::case::Kind;
use crate::ending::Ending;
use crate::subject::{Answer, Application, Subject};

/// A fault at work in one conversation. What is not overridden changes nothing.
pub(super) trait Inject {
    /// The opening handshake's head on its way to the implementation.
    fn head_in(&mut self, _head: &mut String) {}

    /// The header of a frame on its way to the implementation.
    fn header_in(&mut self, _header: &mut Header) -> Fate {
        Fate::Passes
    }

    /// Octets of its payload, from this position in it.
    fn payload_in(&mut self, _header: &Header, _at: usize, _octets: &mut Vec<u8>) {}

    /// A frame that was held back: now it is complete.
    fn frame_in(&mut self, frame: Frame, to: &mut Vec<u8>) {
        frame.write(to);
    }

    /// A chunk on its way to the implementation, behind all else that concerns it.
    fn chunk_in(&mut self, _chunk: &mut Vec<u8>) {}

    /// The opening handshake's head on its way from the implementation.
    fn head_out(&mut self, _head: &mut String) {}

    /// A frame on its way from the implementation.
    fn frame_out(&mut self, frame: Frame, out: &mut Vec<u8>) {
        frame.write(out);
    }

    /// Behind all that the implementation says to a chunk.
    fn behind(&mut self, _out: &mut Vec<u8>) {}

    /// Whether what the implementation says is sent by now, and not later: when it is told the
    /// time, `is_ticking`.
    fn sends(&mut self, _is_ticking: bool) -> bool {
        true
    }

    /// The application's answer.
    fn answer(&mut self, kind: Kind, payload: &[u8], application: &mut dyn Application) -> Answer {
        application.answer(kind, payload)
    }

    /// Whether the implementation closes TCP, if it wants to.
    fn closes_tcp(&self) -> bool {
        true
    }
}

/// What becomes of a frame on its way to the implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on as it comes.
    Passes,
    /// It is collected for [`Inject::frame_in`].
    Held,
    Dropped,
}

/// An implementation with a fault.
pub(super) struct Faulty {
    subject: Box<dyn Subject>,
    fault: Box<dyn Inject>,
    incoming: Splitter,
    outgoing: Splitter,
    /// What becomes of the frame that is coming in, and the frame as it is to be.
    fate: Fate,
    held: Option<Frame>,
    /// The frame that is going out.
    frame: Option<Frame>,
    /// Octets to be sent.
    ready: Vec<u8>,
}

impl Faulty {
    pub(super) fn new(subject: Box<dyn Subject>, fault: Box<dyn Inject>, compresses: bool) -> Self {
        Self {
            subject,
            fault,
            incoming: Splitter::new(compresses),
            outgoing: Splitter::new(compresses),
            fate: Fate::Passes,
            held: None,
            frame: None,
            ready: vec![],
        }
    }

    /// What the implementation gets instead of this chunk.
    fn rewrite_in(&mut self, mut chunk: &[u8]) -> Vec<u8> {
        let mut to = vec![];
        while let Some(part) = self.incoming.next(&mut chunk) {
            match part {
                Part::Head(head) => to.extend(rewrite_head(head, |head| self.fault.head_in(head))),
                Part::Header(mut header) => {
                    self.fate = self.fault.header_in(&mut header);
                    match self.fate {
                        Fate::Passes => header.write(&mut to),
                        Fate::Held => self.held = Some(Frame { header, payload: vec![] }),
                        Fate::Dropped => {}
                    }
                }
                Part::Payload { header, at, octets } => self.payload(header, at, octets, &mut to),
            }
        }
        self.fault.chunk_in(&mut to);
        to
    }

    fn payload(&mut self, header: Header, at: usize, mut octets: Vec<u8>, to: &mut Vec<u8>) {
        let is_end = at + octets.len() == header.length;
        match self.fate {
            Fate::Passes => {
                self.fault.payload_in(&header, at, &mut octets);
                if let Some(key) = header.key {
                    crate::wire::mask(&mut octets, key, at);
                }
                to.append(&mut octets);
            }
            Fate::Held => {
                let frame = self.held.as_mut().expect("a frame that is held");
                frame.payload.append(&mut octets);
                if is_end && let Some(frame) = self.held.take() {
                    self.fault.frame_in(frame, to);
                }
            }
            Fate::Dropped => {}
        }
    }

    /// What is sent instead of these octets of the implementation.
    fn rewrite_out(&mut self, mut octets: &[u8]) {
        while let Some(part) = self.outgoing.next(&mut octets) {
            match part {
                Part::Head(head) => {
                    let head = rewrite_head(head, |head| self.fault.head_out(head));
                    self.ready.extend(head);
                }
                Part::Header(header) => self.frame = Some(Frame { header, payload: vec![] }),
                Part::Payload { header, at, mut octets } => {
                    let is_end = at + octets.len() == header.length;
                    let frame = self.frame.as_mut().expect("a header before the payload");
                    frame.payload.append(&mut octets);
                    if is_end && let Some(frame) = self.frame.take() {
                        self.fault.frame_out(frame, &mut self.ready);
                    }
                }
            }
        }
    }

    fn send(&mut self, is_ticking: bool, out: &mut Vec<u8>) {
        if self.fault.sends(is_ticking) {
            out.append(&mut self.ready);
        }
    }
}

fn rewrite_head(head: Vec<u8>, rewrite: impl FnOnce(&mut String)) -> Vec<u8> {
    let mut head = String::from_utf8(head).expect("both sides write heads in ASCII");
    rewrite(&mut head);
    head.into_bytes()
}

impl Subject for Faulty {
    fn connected(&mut self, out: &mut Vec<u8>) {
        let mut said = vec![];
        self.subject.connected(&mut said);
        self.rewrite_out(&said);
        out.append(&mut self.ready);
    }

    fn receive(&mut self, chunk: &mut [u8], application: &mut dyn Application, out: &mut Vec<u8>) {
        let is_opening = !self.outgoing.is_open();
        let mut chunk = self.rewrite_in(chunk);
        let mut said = vec![];
        let mut application = Between { application, fault: &mut *self.fault };
        self.subject.receive(&mut chunk, &mut application, &mut said);
        self.rewrite_out(&said);
        self.fault.behind(&mut self.ready);
        if is_opening {
            out.append(&mut self.ready);
        }
        self.send(false, out);
    }

    fn end_of_stream(&mut self) {
        self.subject.end_of_stream();
    }

    fn tick(&mut self, now: Duration, out: &mut Vec<u8>) {
        let mut said = vec![];
        self.subject.tick(now, &mut said);
        self.rewrite_out(&said);
        self.send(true, out);
    }

    fn next_timeout(&self) -> Option<Duration> {
        self.subject.next_timeout()
    }

    fn closes_tcp(&self) -> bool {
        self.subject.closes_tcp() && self.fault.closes_tcp()
    }

    fn ending(&self) -> Option<Ending> {
        self.subject.ending()
    }
}

/// Stands between an implementation and its application.
struct Between<'f> {
    application: &'f mut dyn Application,
    fault: &'f mut dyn Inject,
}

impl Application for Between<'_> {
    fn answer(&mut self, kind: Kind, payload: &[u8]) -> Answer {
        self.fault.answer(kind, payload, self.application)
    }
}
