//! sansocket with the loop of its README: an [`Input`], in which long binary frames wait until they
//! are whole, and one output, which the transport takes after each read. A server sends a long payload
//! from where it is. A client's masking keys come from the thread's generator of the crate rand, as
//! those of other contenders do.

use std::sync::Arc;

use rand::RngCore;

use super::library::deflate::DeflateParams;
use super::library::{
    Client, Config, Connection, Entropy, EntropyError, Event, Fragment, Heap, Input, MessageKind,
    Role, Server,
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
        let deflate = work.row.deflate.map(|deflate| {
            let alone = deflate == Deflate::Alone;
            DeflateParams {
                server_no_context_takeover: alone,
                client_no_context_takeover: alone,
                ..DeflateParams::default()
            }
        });
        // Memory is kept for messages as long as those that come again and again.
        let retain = work.row.length.max(64 * 1024);
        let config = Config::new().retain(u32::try_from(retain).ok()?);
        Some(Self {
            connection: Connection::established(R::role(), deflate, config),
            pipe,
            // With the space for the longest read.
            input: Input::with(vec![0; READ]).retain(retain),
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
            read(&mut self.pipe, &mut self.input);
            let mut events = self.connection.receive(&mut self.input, &mut self.out);
            while let Some((event, _)) = events.next()? {
                if let Event::Message(message) = event {
                    sink.message(message.kind() == MessageKind::Text, message.as_bytes());
                    seen += 1;
                }
            }
            flush(&self.pipe, &mut self.out);
        }
        Ok(())
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        let mut seen = 0;
        while seen < count {
            read(&mut self.pipe, &mut self.input);
            let mut events = self.connection.receive(&mut self.input, &mut self.out);
            while let Some((event, mut reply)) = events.next()? {
                if let Event::Message(message) = event {
                    sink.message(message.kind() == MessageKind::Text, message.as_bytes());
                    reply.send(message)?;
                    seen += 1;
                }
            }
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
                    let _ = connection
                        .sender(out)
                        .begin_frame(Fragment::Only(kind(payload)), length)?;
                    flush(pipe, out);
                    pipe.output().write(payload.bytes());
                    continue;
                }
                match payload {
                    Payload::Text(text) => connection.sender(out).send(text)?,
                    Payload::Binary(bytes) => connection.sender(out).send(bytes)?,
                }
                flush(pipe, out);
            }
        }
        Ok(())
    }
}

fn read(pipe: &mut Pipe, input: &mut Input) {
    let space = input.space();
    let length = space.len().min(READ);
    let count = pipe.fill(&mut space[..length]);
    input.fill(count);
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
