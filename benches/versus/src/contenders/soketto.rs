//! soketto between buffers for reading and writing, as in its examples, and with one memory for all
//! messages.
//!
//! It does not check that texts are UTF-8, which is done here, and not the direction of masking.
//! Its compression is left out: it asks for C zlib, which every other user of flate2 in this build
//! would get with it.

use std::sync::Arc;

use futures_util::io::{BufReader, BufWriter};
use soketto::connection::{Builder, Mode};
use soketto::{Receiver, Sender};

use super::run;
use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::payload::Payload;
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{READ, Side, Work};

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    entrant::enter::<Soketto>(work)
}

type Stream = BufReader<BufWriter<Pipe>>;

struct Soketto {
    sender: Sender<Stream>,
    receiver: Receiver<Stream>,
    message: Vec<u8>,
    payloads: Vec<Payload>,
}

impl Driver for Soketto {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        if work.row.deflate.is_some() {
            return None;
        }
        let mode = match work.row.side {
            Side::Server => Mode::Server,
            Side::Client => Mode::Client,
        };
        let stream = BufReader::with_capacity(READ, BufWriter::with_capacity(READ, pipe));
        let (sender, receiver) = Builder::new(stream, mode).finish();
        Some(Self { sender, receiver, message: Vec::new(), payloads: work.payloads.clone() })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        let Self { receiver, message, .. } = self;
        run(async {
            for _ in 0..count {
                message.clear();
                let data = receiver.receive_data(message).await?;
                if data.is_text() {
                    simdutf8::basic::from_utf8(message)?;
                }
                sink.message(data.is_text(), message);
            }
            Ok(())
        })
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        let Self { receiver, sender, message, .. } = self;
        run(async {
            for _ in 0..count {
                message.clear();
                let data = receiver.receive_data(message).await?;
                sink.message(data.is_text(), message);
                if data.is_text() {
                    sender.send_text(simdutf8::basic::from_utf8(message)?).await?;
                } else {
                    sender.send_binary(&message).await?;
                }
            }
            sender.flush().await?;
            Ok(())
        })
    }

    fn send(&mut self, times: usize) -> Outcome {
        let Self { sender, payloads, .. } = self;
        run(async {
            for payload in payloads.iter() {
                for _ in 0..times {
                    match payload {
                        Payload::Text(text) => sender.send_text(text).await?,
                        Payload::Binary(bytes) => sender.send_binary(bytes).await?,
                    }
                }
            }
            sender.flush().await?;
            Ok(())
        })
    }
}
