//! fastwebsockets with its `FragmentCollector`, which gives whole messages.
//!
//! It does not check the direction of masking: a server takes unmasked frames and a client keeps
//! masked ones as they are.

use std::sync::Arc;

use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload, Role, WebSocket};

use super::run;
use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{Side, Work};

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    entrant::enter::<FastWebsockets>(work)
}

struct FastWebsockets {
    socket: FragmentCollector<Pipe>,
    messages: Vec<(OpCode, Vec<u8>)>,
}

impl Driver for FastWebsockets {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        if work.row.deflate.is_some() {
            return None;
        }
        let role = match work.row.side {
            Side::Server => Role::Server,
            Side::Client => Role::Client,
        };
        let socket = FragmentCollector::new(WebSocket::after_handshake(pipe, role));
        let opcode = if work.row.is_text() { OpCode::Text } else { OpCode::Binary };
        let messages =
            work.payloads.iter().map(|payload| (opcode, payload.bytes().to_vec())).collect();
        Some(Self { socket, messages })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        run(async {
            for _ in 0..count {
                let frame = self.socket.read_frame().await?;
                sink.message(frame.opcode == OpCode::Text, &frame.payload);
            }
            Ok(())
        })
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        run(async {
            for _ in 0..count {
                let frame = self.socket.read_frame().await?;
                sink.message(frame.opcode == OpCode::Text, &frame.payload);
                self.socket.write_frame(frame).await?;
            }
            Ok(())
        })
    }

    fn send(&mut self, times: usize) -> Outcome {
        let Self { socket, messages } = self;
        run(async {
            for (opcode, payload) in messages {
                for _ in 0..times {
                    let frame = Frame::new(true, *opcode, None, Payload::Borrowed(payload));
                    socket.write_frame(frame).await?;
                }
            }
            Ok(())
        })
    }
}
