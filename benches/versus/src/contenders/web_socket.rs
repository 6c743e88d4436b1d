//! web-socket with a buffer for reading, as it reads header by header. Messages go out without one,
//! as it writes each at once.
//!
//! It does not check that texts are UTF-8, and hands over fragments; both are dealt with here.

use std::error::Error;
use std::mem;
use std::sync::Arc;

use tokio::io::BufReader;
use web_socket::{DataType, Event, Frame, Stream, WebSocket};

use super::run;
use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::payload::Payload;
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{READ, Side, Work};

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    entrant::enter::<Socket>(work)
}

struct Socket {
    socket: WebSocket<BufReader<Pipe>>,
    /// The fragments so far.
    message: Vec<u8>,
    payloads: Vec<Payload>,
}

impl Socket {
    /// Receives a message, and says whether it is text.
    async fn next(&mut self) -> Result<(bool, Box<[u8]>), Box<dyn Error>> {
        let (kind, data) = loop {
            match self.socket.recv_event().await? {
                Event::Data { ty: DataType::Complete(kind), data } => break (kind, data),
                Event::Data { ty: DataType::Stream(part), data } => {
                    self.message.extend_from_slice(&data);
                    if let Stream::End(kind) = part {
                        break (kind, mem::take(&mut self.message).into());
                    }
                }
                Event::Error(error) => return Err(error.into()),
                event => return Err(format!("{event:?} instead of data").into()),
            }
        };
        if kind.is_text() {
            simdutf8::basic::from_utf8(&data)?;
        }
        Ok((kind.is_text(), data))
    }
}

impl Driver for Socket {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        if work.row.deflate.is_some() {
            return None;
        }
        let stream = BufReader::with_capacity(READ, pipe);
        let socket = match work.row.side {
            Side::Server => WebSocket::server(stream),
            Side::Client => WebSocket::client(stream),
        };
        Some(Self { socket, message: Vec::new(), payloads: work.payloads.clone() })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        run(async {
            for _ in 0..count {
                let (text, data) = self.next().await?;
                sink.message(text, &data);
            }
            Ok(())
        })
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        run(async {
            for _ in 0..count {
                let (text, data) = self.next().await?;
                sink.message(text, &data);
                let opcode = if text { 1 } else { 2 };
                self.socket.send(Frame { fin: true, opcode, data: &data }).await?;
            }
            Ok(())
        })
    }

    fn send(&mut self, times: usize) -> Outcome {
        let Self { socket, payloads, .. } = self;
        run(async {
            for payload in payloads.iter() {
                for _ in 0..times {
                    match payload {
                        Payload::Text(text) => socket.send(&**text).await?,
                        Payload::Binary(bytes) => socket.send(&**bytes).await?,
                    }
                }
            }
            Ok(())
        })
    }
}
