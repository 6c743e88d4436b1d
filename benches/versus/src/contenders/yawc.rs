//! yawc with its UTF-8 check on, buffers as long as the reads and a write buffer that is flushed
//! when it is full.
//!
//! It does not check whether a server masks: a client keeps masked frames as they are.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::SinkExt;
use yawc::frame::{Frame, OpCode};
use yawc::{CompressionLevel, Options, Role, WebSocket};

use super::run;
use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::payload::Payload;
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{Deflate, READ, Side, Work};

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    entrant::enter::<Yawc>(work)
}

struct Yawc {
    socket: WebSocket<Pipe>,
    /// Shared bytes, whose clones cost no copy.
    messages: Vec<Frame>,
}

impl Driver for Yawc {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        let role = match work.row.side {
            Side::Server => Role::Server,
            Side::Client => Role::Client,
        };
        let options = Options::default()
            .with_utf8()
            .with_limits(64 << 20, 64 << 20)
            .with_read_buffer_capacity(READ)
            .with_write_buffer_capacity(READ)
            .with_backpressure_boundary(READ);
        let socket = match work.row.deflate {
            None => WebSocket::from_stream(pipe, role, options),
            Some(deflate) => {
                let agreed = match deflate {
                    Deflate::Takeover => "permessage-deflate",
                    Deflate::Alone => {
                        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
                    }
                };
                let options = options.with_compression_level(CompressionLevel::new(6));
                WebSocket::from_stream_with_extensions(pipe, role, Some(agreed), options)
            }
        };
        let message = |payload: &Payload| match payload {
            Payload::Text(text) => Frame::text(Bytes::from(text.clone())),
            Payload::Binary(bytes) => Frame::binary(Bytes::from(bytes.clone())),
        };
        Some(Self { socket: socket.ok()?, messages: work.payloads.iter().map(message).collect() })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        run(async {
            for _ in 0..count {
                let frame = self.socket.next_frame().await?;
                sink.message(frame.opcode() == OpCode::Text, frame.payload());
            }
            Ok(())
        })
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        run(async {
            for _ in 0..count {
                let frame = self.socket.next_frame().await?;
                let text = frame.opcode() == OpCode::Text;
                sink.message(text, frame.payload());
                // A new frame, as the one received has the other side's mask.
                let payload = frame.into_payload();
                let reply = if text { Frame::text(payload) } else { Frame::binary(payload) };
                self.socket.feed(reply).await?;
            }
            self.socket.flush().await?;
            Ok(())
        })
    }

    fn send(&mut self, times: usize) -> Outcome {
        let Self { socket, messages } = self;
        run(async {
            for message in messages.iter() {
                for _ in 0..times {
                    socket.feed(message.clone()).await?;
                }
            }
            socket.flush().await?;
            Ok(())
        })
    }
}
