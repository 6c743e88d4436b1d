//! wtx with payloads lent from its network buffer where they can be.
//!
//! Its masking keys as a client come from its Xorshift64, which is no strong source. It masks in
//! place what it is given, so a client's payload is copied before, which spares that of the others.
//! Its compression has no context takeover.

use std::sync::Arc;

use wtx::collection::Vector;
use wtx::rng::Xorshift64;
use wtx::stream::{StreamReader, StreamWriter};
use wtx::web_socket::compression::{Flate2, NegotiatedCompression, NegotiatedFlate2, WindowBits};
use wtx::web_socket::{
    Compression, CompressionLevel, DeflateConfig, Frame, OpCode, WebSocketBuffer, WebSocketOwned,
    WebSocketPayloadOrigin,
};

use super::run;
use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{Deflate, READ, Side, Work};

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    match (work.row.side, work.row.deflate) {
        (Side::Server, None) => entrant::enter::<Wtx<(), false>>(work),
        (Side::Client, None) => entrant::enter::<Wtx<(), true>>(work),
        (Side::Server, Some(_)) => entrant::enter::<Wtx<Option<NegotiatedFlate2>, false>>(work),
        (Side::Client, Some(_)) => entrant::enter::<Wtx<Option<NegotiatedFlate2>, true>>(work),
    }
}

struct Wtx<C, const IS_CLIENT: bool> {
    socket: WebSocketOwned<C, Xorshift64, Pipe, IS_CLIENT>,
    buffer: Vector<u8>,
    payloads: Vec<(OpCode, Vec<u8>)>,
    /// Where a client's payload is masked.
    scratch: Vec<u8>,
}

impl StreamReader for Pipe {
    async fn read(&mut self, bytes: &mut [u8]) -> wtx::Result<usize> {
        Ok(self.fill(bytes))
    }
}

impl StreamWriter for Pipe {
    async fn write_all(&mut self, bytes: &[u8]) -> wtx::Result<()> {
        self.output().write(bytes);
        Ok(())
    }

    async fn write_all_vectored(&mut self, parts: &[&[u8]]) -> wtx::Result<()> {
        parts.iter().for_each(|part| self.output().write(part));
        Ok(())
    }
}

/// Compression, or none, as a handshake would have agreed on it.
trait Negotiate: NegotiatedCompression + Sized {
    fn negotiate<const IS_CLIENT: bool>(work: &Work) -> Option<Self>;
}

impl Negotiate for () {
    fn negotiate<const IS_CLIENT: bool>(_: &Work) -> Option<Self> {
        Some(())
    }
}

impl Negotiate for Option<NegotiatedFlate2> {
    fn negotiate<const IS_CLIENT: bool>(work: &Work) -> Option<Self> {
        if work.row.deflate != Some(Deflate::Alone) {
            return None;
        }
        let config = DeflateConfig {
            client_max_window_bits: WindowBits::Fifteen,
            compression_level: CompressionLevel::Six,
            server_max_window_bits: WindowBits::Fifteen,
        };
        let agreed: &[u8] =
            b"permessage-deflate; server_no_context_takeover; client_no_context_takeover";
        let header = [b"sec-websocket-extensions".as_slice(), agreed];
        let flate2 = Flate2::from(config);
        <Flate2 as Compression<IS_CLIENT>>::negotiate(flate2, [header].iter()).ok()
    }
}

impl<C: Negotiate + 'static, const IS_CLIENT: bool> Driver for Wtx<C, IS_CLIENT> {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        let compression = C::negotiate::<IS_CLIENT>(work)?;
        let buffers = WebSocketBuffer::with_capacity(READ, 0, 0).ok()?;
        let random = Xorshift64::new(1);
        let opcode = if work.row.is_text() { OpCode::Text } else { OpCode::Binary };
        let payloads = work.payloads.iter().map(|one| (opcode, one.bytes().to_vec())).collect();
        Some(Self {
            socket: WebSocketOwned::new(compression, false, random, pipe, buffers),
            buffer: Vector::new(),
            payloads,
            scratch: Vec::new(),
        })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        let Self { socket, buffer, .. } = self;
        run(async {
            for _ in 0..count {
                let frame = socket.read_frame(buffer, WebSocketPayloadOrigin::Adaptive).await?;
                sink.message(frame.op_code() == OpCode::Text, frame.payload());
            }
            Ok(())
        })
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        let Self { socket, buffer, .. } = self;
        let (mut common, mut reader, mut writer) = socket.split_mut();
        run(async {
            for _ in 0..count {
                let mut frame = reader
                    .read_frame(buffer, &mut common, WebSocketPayloadOrigin::Adaptive)
                    .await?;
                sink.message(frame.op_code() == OpCode::Text, frame.payload());
                writer.write_frame(&mut common, &mut frame).await?;
            }
            Ok(())
        })
    }

    fn send(&mut self, times: usize) -> Outcome {
        let Self { socket, payloads, scratch, .. } = self;
        run(async {
            for (opcode, payload) in payloads {
                for _ in 0..times {
                    let payload = if IS_CLIENT {
                        scratch.clear();
                        scratch.extend_from_slice(payload);
                        &mut scratch[..]
                    } else {
                        &mut payload[..]
                    };
                    socket.write_frame(&mut Frame::new_fin(*opcode, payload)).await?;
                }
            }
            Ok(())
        })
    }
}
