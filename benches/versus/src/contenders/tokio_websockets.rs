//! tokio-websockets as in its own echo server: no limit on frames, so that a message is one.
//!
//! Its masking keys as a client come from fastrand, the cheapest of the sources it offers and not
//! a strong one. The SIMD instructions that it takes on a stable compiler are those that the target
//! is compiled for, besides simdutf8's own choice.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio_websockets::{ClientBuilder, Config, Limits, Message, ServerBuilder, WebSocketStream};

use super::run;
use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::payload::Payload;
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{Side, Work};

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    entrant::enter::<TokioWebsockets>(work)
}

struct TokioWebsockets {
    socket: WebSocketStream<Pipe>,
    /// Shared bytes, whose clones cost no copy.
    messages: Vec<Message>,
}

impl Driver for TokioWebsockets {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        if work.row.deflate.is_some() {
            return None;
        }
        let config = Config::default().frame_size(usize::MAX);
        let limits = Limits::unlimited();
        let socket = match work.row.side {
            Side::Server => ServerBuilder::new().config(config).limits(limits).serve(pipe),
            Side::Client => ClientBuilder::new().config(config).limits(limits).take_over(pipe),
        };
        let message = |payload: &Payload| match payload {
            Payload::Text(text) => Message::text(text.clone()),
            Payload::Binary(bytes) => Message::binary(bytes.clone()),
        };
        Some(Self { socket, messages: work.payloads.iter().map(message).collect() })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        run(async {
            for _ in 0..count {
                let message = self.socket.next().await.ok_or("the stream has ended")??;
                sink.message(message.is_text(), message.as_payload());
            }
            Ok(())
        })
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        run(async {
            for _ in 0..count {
                let message = self.socket.next().await.ok_or("the stream has ended")??;
                sink.message(message.is_text(), message.as_payload());
                self.socket.feed(message).await?;
            }
            self.socket.flush().await?;
            Ok(())
        })
    }

    fn send(&mut self, times: usize) -> Outcome {
        let Self { socket, messages } = self;
        run(async {
            for message in messages {
                for _ in 0..times {
                    socket.feed(message.clone()).await?;
                }
            }
            socket.flush().await?;
            Ok(())
        })
    }
}
