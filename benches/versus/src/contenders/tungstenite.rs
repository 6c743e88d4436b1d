//! tungstenite over a blocking stream: messages are written without a flush after each, as its
//! write buffer is there for.
//!
//! Its `handshake` feature is off, as nothing here shakes hands.

use std::sync::Arc;

use tungstenite::protocol::Role;
use tungstenite::{Bytes, Message, Utf8Bytes, WebSocket};

use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::payload::Payload;
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{Side, Work};

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    entrant::enter::<Tungstenite>(work)
}

struct Tungstenite {
    socket: WebSocket<Pipe>,
    /// Shared bytes, whose clones cost no copy.
    messages: Vec<Message>,
}

fn message(payload: &Payload) -> Message {
    match payload {
        Payload::Text(text) => Message::Text(Utf8Bytes::from(text.clone())),
        Payload::Binary(bytes) => Message::Binary(Bytes::from(bytes.clone())),
    }
}

impl Driver for Tungstenite {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        if work.row.deflate.is_some() {
            return None;
        }
        let role = match work.row.side {
            Side::Server => Role::Server,
            Side::Client => Role::Client,
        };
        let socket = WebSocket::from_raw_socket(pipe, role, None);
        Some(Self { socket, messages: work.payloads.iter().map(message).collect() })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        for _ in 0..count {
            show(&self.socket.read()?, sink);
        }
        Ok(())
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        for _ in 0..count {
            let message = self.socket.read()?;
            show(&message, sink);
            self.socket.write(message)?;
        }
        self.socket.flush()?;
        Ok(())
    }

    fn send(&mut self, times: usize) -> Outcome {
        for message in &self.messages {
            for _ in 0..times {
                self.socket.write(message.clone())?;
            }
        }
        self.socket.flush()?;
        Ok(())
    }
}

fn show(message: &Message, sink: &mut impl Sink) {
    match message {
        Message::Text(text) => sink.message(true, text.as_bytes()),
        Message::Binary(bytes) => sink.message(false, bytes),
        _ => {}
    }
}
