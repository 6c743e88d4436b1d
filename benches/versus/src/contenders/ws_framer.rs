//! ws-framer in buffers that are as short as the work lets them be, since it moves what is behind a
//! frame to the front of its buffer.
//!
//! It does not check the direction of masking.

use std::sync::Arc;

use ws_framer::{WsFrame, WsRxFramer, WsTxFramer};

use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::payload::Payload;
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{READ, Side, Work};

/// More than any header.
const HEADER: usize = 16;

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    entrant::enter::<Framer>(work)
}

struct Framer {
    pipe: Pipe,
    receiver: WsRxFramer<'static>,
    sender: WsTxFramer<'static>,
    /// How much is read at once.
    read: usize,
    payloads: Vec<Payload>,
}

/// Memory for a framer, which borrows it; never given back, as the process is short-lived.
fn memory(length: usize) -> &'static mut [u8] {
    vec![0; length].leak()
}

impl Framer {
    /// Reads and hands over messages until there were so many.
    fn each(
        &mut self,
        count: usize,
        mut take: impl FnMut(WsFrame<'_>, &mut WsTxFramer<'static>, &Pipe) -> Outcome,
    ) -> Outcome {
        let Self { pipe, receiver, sender, read, .. } = self;
        let mut seen = 0;
        while seen < count {
            let buffer = receiver.read_buf();
            let length = buffer.len().min(*read);
            let length = pipe.fill(&mut buffer[..length]);
            receiver.advance(length);
            while let Some(frame) = receiver.next_frame() {
                take(frame?, sender, pipe)?;
                seen += 1;
            }
        }
        Ok(())
    }
}

fn show(frame: &WsFrame<'_>, sink: &mut impl Sink) {
    sink.message(matches!(frame, WsFrame::Text(_)), frame.data());
}

impl Driver for Framer {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        if work.row.deflate.is_some() {
            return None;
        }
        let frame = work.row.fragment.unwrap_or(work.row.length) + HEADER;
        let read = (2 * frame).clamp(256, READ);
        let room = work.row.length + HEADER;
        let masks = work.row.side == Side::Client;
        Some(Self {
            pipe,
            receiver: WsRxFramer::new(memory(if work.row.receives() { room + read } else { 0 })),
            sender: WsTxFramer::new(masks, memory(if work.row.sends() { room } else { 0 })),
            read,
            payloads: work.payloads.clone(),
        })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        self.each(count, |frame, _, _| {
            show(&frame, sink);
            Ok(())
        })
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        self.each(count, |frame, sender, pipe| {
            show(&frame, sink);
            pipe.output().write(sender.frame(frame).ok_or("the buffer is too small")?);
            Ok(())
        })
    }

    fn send(&mut self, times: usize) -> Outcome {
        let Self { pipe, sender, payloads, .. } = self;
        for payload in payloads {
            for _ in 0..times {
                let frame = match payload {
                    Payload::Text(text) => sender.text(text),
                    Payload::Binary(bytes) => sender.binary(bytes),
                };
                pipe.output().write(frame.ok_or("the buffer is too small")?);
            }
        }
        Ok(())
    }
}
