//! sockudo-ws: its protocols, which need no stream, for all but plain messages to be sent, where its
//! stream is faster, as it writes a server's long payloads from where they are.
//!
//! Its masking keys as a client come from fastrand, its default and not a strong source.

use std::iter::repeat_n;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use sockudo_ws::protocol::Protocol;
use sockudo_ws::{CompressedProtocol, Config, DeflateConfig, Message, Role, WebSocketStream};

use super::run;
use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::payload::Payload;
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{Deflate, READ, Side, Work};

const MAX: usize = 64 << 20;

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    entrant::enter::<Sockudo>(work)
}

struct Sockudo {
    means: Means,
    buffer: BytesMut,
    received: Vec<Message>,
    out: BytesMut,
    /// Shared bytes, whose clones cost no copy.
    messages: Vec<Message>,
}

enum Means {
    Plain(Protocol, Pipe),
    Compressed(Box<CompressedProtocol>, Pipe),
    Stream(Box<WebSocketStream<Pipe>>),
}

impl Means {
    fn new(work: &Work, pipe: Pipe) -> Self {
        let role = match work.row.side {
            Side::Server => Role::Server,
            Side::Client => Role::Client,
        };
        if let Some(deflate) = work.row.deflate {
            let config = DeflateConfig {
                server_no_context_takeover: deflate == Deflate::Alone,
                client_no_context_takeover: deflate == Deflate::Alone,
                ..DeflateConfig::default()
            };
            let protocol = match role {
                Role::Server => CompressedProtocol::server(MAX, MAX, config),
                Role::Client => CompressedProtocol::client(MAX, MAX, config),
            };
            Self::Compressed(Box::new(protocol), pipe)
        } else if work.row.receives() {
            Self::Plain(Protocol::new(role, MAX, MAX), pipe)
        } else {
            // Without deadlines, as their clock is that of a runtime.
            let config = Config::builder().idle_timeout(0).auto_ping(false).build();
            Self::Stream(Box::new(WebSocketStream::from_raw(pipe, role, config)))
        }
    }

    /// Reads, and gives the messages that are whole then.
    fn read(&mut self, buffer: &mut BytesMut, received: &mut Vec<Message>) -> Outcome {
        match self {
            Self::Plain(protocol, pipe) => {
                buffer.extend_from_slice(pipe.next(READ));
                protocol.process_into(buffer, received)?;
            }
            Self::Compressed(protocol, pipe) => {
                buffer.extend_from_slice(pipe.next(READ));
                protocol.process_into(buffer, received)?;
            }
            Self::Stream(_) => unreachable!("it only sends"),
        }
        Ok(())
    }

    /// Sends what the protocol makes of the messages.
    fn write<'m>(
        &mut self,
        messages: impl Iterator<Item = &'m Message>,
        out: &mut BytesMut,
    ) -> Outcome {
        for message in messages {
            match self {
                Self::Plain(protocol, _) => protocol.encode_message(message, out)?,
                Self::Compressed(protocol, _) => protocol.encode_message(message, out)?,
                Self::Stream(stream) => run(stream.feed(message.clone()))?,
            }
        }
        match self {
            Self::Plain(_, pipe) | Self::Compressed(_, pipe) => pipe.output().write(out),
            Self::Stream(stream) => run(stream.flush())?,
        }
        out.clear();
        Ok(())
    }
}

impl Driver for Sockudo {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        let message = |payload: &Payload| match payload {
            Payload::Text(text) => Message::Text(Bytes::from(text.clone())),
            Payload::Binary(bytes) => Message::Binary(Bytes::from(bytes.clone())),
        };
        Some(Self {
            means: Means::new(work, pipe),
            buffer: BytesMut::with_capacity(READ),
            received: Vec::new(),
            out: BytesMut::new(),
            messages: work.payloads.iter().map(message).collect(),
        })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        let mut seen = 0;
        while seen < count {
            self.means.read(&mut self.buffer, &mut self.received)?;
            self.received.iter().for_each(|message| show(message, sink));
            seen += self.received.len();
        }
        Ok(())
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        let mut seen = 0;
        while seen < count {
            self.means.read(&mut self.buffer, &mut self.received)?;
            self.received.iter().for_each(|message| show(message, sink));
            seen += self.received.len();
            self.means.write(self.received.iter(), &mut self.out)?;
        }
        Ok(())
    }

    fn send(&mut self, times: usize) -> Outcome {
        let messages = self.messages.iter().flat_map(|message| repeat_n(message, times));
        self.means.write(messages, &mut self.out)
    }
}

fn show(message: &Message, sink: &mut impl Sink) {
    sink.message(message.is_text(), message.as_bytes());
}
