//! embedded-websocket without its framer, which only wraps what is called here: payloads go from a
//! read buffer of 64 KiB to the memory of the message.
//!
//! It does not check that texts are UTF-8, which is done here, nor reserved bits, the direction of
//! masking and much else.

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use embedded_websocket::{
    Client, EmptyRng, Error as SocketError, Server, WebSocket, WebSocketClient,
    WebSocketReceiveMessageType as Received, WebSocketSendMessageType as Sent, WebSocketServer,
    WebSocketState, WebSocketType,
};
use rand::RngCore;
use rand::rngs::ThreadRng;

use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::payload::Payload;
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{READ, Side, Work};

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    match work.row.side {
        Side::Server => entrant::enter::<Embedded<EmptyRng, Server>>(work),
        Side::Client => entrant::enter::<Embedded<ThreadRng, Client>>(work),
    }
}

struct Embedded<T: RngCore, S: WebSocketType> {
    socket: WebSocket<T, S>,
    pipe: Pipe,
    /// What was read, of which this part is still to be handled.
    buffer: Box<[u8]>,
    unread: Range<usize>,
    message: Vec<u8>,
    out: Vec<u8>,
    payloads: Vec<Payload>,
}

/// A connection past its opening handshake.
trait Open {
    fn open() -> Self;
}

impl Open for WebSocketServer {
    fn open() -> Self {
        let mut socket = Self::new_server();
        socket.state = WebSocketState::Open;
        socket
    }
}

impl Open for WebSocketClient<ThreadRng> {
    fn open() -> Self {
        let mut socket = Self::new_client(rand::thread_rng());
        socket.state = WebSocketState::Open;
        socket
    }
}

impl<T: RngCore, S: WebSocketType> Embedded<T, S> {
    /// Receives a message into its memory; gives its length and whether it is text.
    fn next(&mut self) -> Result<(usize, bool), Box<dyn Error>> {
        let mut length = 0;
        loop {
            // Within a payload it takes nothing for something, over and over.
            if self.unread.is_empty() {
                self.read();
            }
            let from = &self.buffer[self.unread.clone()];
            match self.socket.read(from, &mut self.message[length..]) {
                Ok(read) => {
                    self.unread.start += read.len_from;
                    length += read.len_to;
                    if !read.end_of_message {
                        continue;
                    }
                    let text = matches!(read.message_type, Received::Text);
                    if text {
                        simdutf8::basic::from_utf8(&self.message[..length])?;
                    }
                    return Ok((length, text));
                }
                Err(SocketError::ReadFrameIncomplete) => self.read(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads on behind what is left.
    fn read(&mut self) {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        let length = self.pipe.fill(&mut self.buffer[self.unread.end..]);
        self.unread.end += length;
    }

    fn write(&mut self, text: bool, length: usize) -> Outcome {
        let kind = if text { Sent::Text } else { Sent::Binary };
        let length = self.socket.write(kind, true, &self.message[..length], &mut self.out)?;
        self.pipe.output().write(&self.out[..length]);
        Ok(())
    }
}

impl<T: RngCore + 'static, S: WebSocketType + 'static> Driver for Embedded<T, S>
where
    WebSocket<T, S>: Open,
{
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        // A fragment that comes in two reads is never over for it, unless it is the last.
        if work.row.deflate.is_some() || work.row.fragment.is_some() {
            return None;
        }
        Some(Self {
            socket: WebSocket::open(),
            pipe,
            buffer: vec![0; READ].into(),
            unread: 0..0,
            message: vec![0; work.row.length],
            out: vec![0; work.row.length + 16],
            payloads: work.payloads.clone(),
        })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        for _ in 0..count {
            let (length, text) = self.next()?;
            sink.message(text, &self.message[..length]);
        }
        Ok(())
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        for _ in 0..count {
            let (length, text) = self.next()?;
            sink.message(text, &self.message[..length]);
            self.write(text, length)?;
        }
        Ok(())
    }

    fn send(&mut self, times: usize) -> Outcome {
        let Self { socket, pipe, out, payloads, .. } = self;
        for payload in payloads.iter() {
            let kind = if payload.is_text() { Sent::Text } else { Sent::Binary };
            for _ in 0..times {
                let length = socket.write(kind, true, payload.bytes(), out)?;
                pipe.output().write(&out[..length]);
            }
        }
        Ok(())
    }
}
