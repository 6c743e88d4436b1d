//! sansocket with one buffer for what is read, where frames wait until they are whole and are
//! unmasked, and one output, which the transport takes whenever a chunk is done. A text that waits
//! is validated once it is whole, as most others do it. A server sends a long payload from where it is. A
//! client's masking keys come from the thread's generator of the crate rand, as those of other
//! contenders do.

use std::sync::Arc;

use rand::RngCore;

use super::library::{
    Client, Config, Connection, DeflateParams, Delivery, Entropy, EntropyError, Event, Heap,
    MessageKind, Negotiated, Role, Server,
};
use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::payload::Payload;
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{Deflate, READ, Side, Task, Work};

pub(in super::super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    match work.row.side {
        Side::Server => entrant::enter::<Sansocket<Server>>(work),
        Side::Client => entrant::enter::<Sansocket<Client<Keys>>>(work),
    }
}

/// From so many bytes on a payload that is not masked is worth a write of its own.
const LONG: usize = 4 * 1024;

trait End: Role + Sized + 'static {
    const MASKS: bool;

    fn role() -> Self;
}

impl End for Server {
    const MASKS: bool = false;

    fn role() -> Self {
        Self
    }
}

impl End for Client<Keys> {
    const MASKS: bool = true;

    fn role() -> Self {
        Self::new(Keys(rand::thread_rng()))
    }
}

struct Keys(rand::rngs::ThreadRng);

impl Entropy for Keys {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        match <&mut [u8; 4]>::try_from(&mut *bytes) {
            Ok(key) => *key = self.0.next_u32().to_ne_bytes(),
            Err(_) => self.0.fill_bytes(bytes),
        }
        Ok(())
    }
}

struct Sansocket<R: Role> {
    connection: Connection<R, Heap>,
    pipe: Pipe,
    input: Input,
    out: Vec<u8>,
    payloads: Vec<Payload>,
    header_only: bool,
}

impl<R: End> Driver for Sansocket<R> {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        let mut negotiated = Negotiated::new();
        if let Some(deflate) = work.row.deflate {
            let alone = deflate == Deflate::Alone;
            negotiated = negotiated.deflate(DeflateParams {
                server_no_context_takeover: alone,
                client_no_context_takeover: alone,
                ..DeflateParams::default()
            });
        }
        // Memory is kept for messages as long as those that come again and again.
        let config = Config::new()
            .delivery(Delivery::InPlace)
            .validate_held(false)
            .retain(u32::try_from(work.row.length).ok()?.max(64 * 1024));
        Some(Self {
            connection: Connection::established(R::role(), negotiated, config),
            pipe,
            input: Input::new(),
            out: Vec::new(),
            payloads: work.payloads.clone(),
            header_only: work.row.task == Task::Send
                && !R::MASKS
                && work.row.length >= LONG
                && work.row.deflate.is_none(),
        })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        let mut seen = 0;
        while seen < count {
            let chunk = self.input.read(&mut self.pipe);
            let mut events = self.connection.receive(chunk, &mut self.out);
            while let Some((event, _)) = events.next()? {
                if let Event::Message(message) = event {
                    sink.message(message.kind() == MessageKind::Text, message.as_bytes());
                    seen += 1;
                }
            }
            let (kept, wanted) = (events.remaining().len(), events.wanted());
            self.input.keep(kept, wanted);
            flush(&self.pipe, &mut self.out);
        }
        Ok(())
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        let mut seen = 0;
        while seen < count {
            let chunk = self.input.read(&mut self.pipe);
            let mut events = self.connection.receive(chunk, &mut self.out);
            while let Some((event, mut reply)) = events.next()? {
                if let Event::Message(message) = event {
                    sink.message(message.kind() == MessageKind::Text, message.as_bytes());
                    reply.send(message)?;
                    seen += 1;
                }
            }
            let (kept, wanted) = (events.remaining().len(), events.wanted());
            self.input.keep(kept, wanted);
            flush(&self.pipe, &mut self.out);
        }
        Ok(())
    }

    fn send(&mut self, times: usize) -> Outcome {
        let Self { connection, pipe, out, payloads, header_only, .. } = self;
        for payload in payloads.iter() {
            for _ in 0..times {
                if *header_only {
                    let length = payload.bytes().len() as u64;
                    // A server has nothing to mask.
                    let _ = connection.begin_frame(kind(payload), length, true, out)?;
                    flush(pipe, out);
                    pipe.output().write(payload.bytes());
                    continue;
                }
                match payload {
                    Payload::Text(text) => connection.send(text, out)?,
                    Payload::Binary(bytes) => connection.send(bytes, out)?,
                }
                flush(pipe, out);
            }
        }
        Ok(())
    }
}

/// What was read and not consumed: the frame that is not whole yet, wherever it stands.
struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    wanted: usize,
}

impl Input {
    fn new() -> Self {
        Self { buffer: vec![0; 2 * READ], start: 0, end: 0, wanted: 0 }
    }

    /// Reads behind what is kept until there is enough of it, and gives all.
    fn read(&mut self, pipe: &mut Pipe) -> &mut [u8] {
        loop {
            self.make_room();
            // Up to the end of a long frame and no further, so that nothing long has to be moved.
            let is_long = self.end - self.start >= LONG;
            let room = if is_long { READ.min(self.wanted) } else { READ };
            let length = pipe.fill(&mut self.buffer[self.end..][..room]);
            self.end += length;
            self.wanted = self.wanted.saturating_sub(length);
            if self.wanted == 0 {
                return &mut self.buffer[self.start..self.end];
            }
        }
    }

    /// Makes room for a read.
    fn make_room(&mut self) {
        if self.buffer.len() - self.end >= READ {
            return;
        }
        let kept = self.end - self.start;
        if kept <= self.start {
            // It is moved by as much as was consumed, at least.
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, kept);
        } else {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
    }

    /// Keeps the last bytes of what was given.
    fn keep(&mut self, length: usize, wanted: u64) {
        self.wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        self.start = self.end - length;
        if length == 0 {
            (self.start, self.end) = (0, 0);
        }
    }
}

fn kind(payload: &Payload) -> MessageKind {
    if payload.is_text() { MessageKind::Text } else { MessageKind::Binary }
}

/// The transport takes what there is to send.
fn flush(pipe: &Pipe, out: &mut Vec<u8>) {
    if !out.is_empty() {
        pipe.output().write(out);
        out.clear();
    }
}
