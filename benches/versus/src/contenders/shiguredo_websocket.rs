//! shiguredo_websocket, which has no I/O either. It is fed as much at once as the work suggests,
//! since it moves all that is behind a frame to the front of its buffer.
//!
//! Its masking keys as a client come from rand's generator of the thread.

use std::sync::Arc;

use shiguredo_websocket::{
    ClientConnectionOptions, ConnectionEvent, ConnectionOutput, Error, PerMessageDeflateConfig,
    RandomSource, ServerConnectionOptions, Timestamp, WebSocketClientConnection,
    WebSocketServerConnection,
};

use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::payload::Payload;
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::works::{Deflate, READ, Side, Work};

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    entrant::enter::<Shiguredo>(work)
}

struct Shiguredo {
    socket: Socket,
    pipe: Pipe,
    /// How much it is fed at once.
    read: usize,
    payloads: Vec<Payload>,
}

enum Socket {
    Server(WebSocketServerConnection),
    Client(WebSocketClientConnection<Keys>),
}

struct Keys;

impl RandomSource for Keys {
    fn masking_key(&mut self) -> [u8; 4] {
        rand::random()
    }

    fn nonce(&mut self) -> [u8; 16] {
        rand::random()
    }
}

impl Socket {
    /// A connection whose opening handshake was done with the other side of the same library.
    fn open(side: Side, deflate: Option<Deflate>) -> Result<Self, Error> {
        let mut server_options = ServerConnectionOptions::new();
        let mut client_options = ClientConnectionOptions::new("localhost", "/");
        if let Some(deflate) = deflate {
            let mut config = PerMessageDeflateConfig::new();
            config.server_no_context_takeover = deflate == Deflate::Alone;
            config.client_no_context_takeover = deflate == Deflate::Alone;
            server_options = server_options.deflate(config.clone());
            client_options = client_options.deflate(config);
        }
        let mut server = WebSocketServerConnection::new(server_options);
        let mut client = WebSocketClientConnection::new(client_options, Keys);
        client.connect()?;
        while let Some(output) = client.poll_output() {
            if let ConnectionOutput::SendData(request) = output {
                server.feed_recv_buf(&request)?;
            }
        }
        server.accept_handshake_auto()?;
        while let Some(output) = server.poll_output() {
            if let ConnectionOutput::SendData(response) = output {
                client.feed_recv_buf(&response, Timestamp::from_millis(0))?;
            }
        }
        Ok(match side {
            Side::Server => Self::Server(server),
            Side::Client => Self::Client(client),
        })
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Server(server) => server.feed_recv_buf(bytes),
            Self::Client(client) => client.feed_recv_buf(bytes, Timestamp::from_millis(0)),
        }
    }

    fn poll_event(&mut self) -> Option<ConnectionEvent> {
        match self {
            Self::Server(server) => server.poll_event(),
            Self::Client(client) => client.poll_event(),
        }
    }

    /// Sends a message, and gives the transport what there is for it.
    fn send(&mut self, payload: &Payload, pipe: &Pipe) -> Result<(), Error> {
        match (&mut *self, payload) {
            (Self::Server(server), Payload::Text(text)) => server.send_text(text)?,
            (Self::Server(server), Payload::Binary(bytes)) => server.send_binary(bytes)?,
            (Self::Client(client), Payload::Text(text)) => client.send_text(text)?,
            (Self::Client(client), Payload::Binary(bytes)) => client.send_binary(bytes)?,
        }
        self.flush(pipe);
        Ok(())
    }

    fn flush(&mut self, pipe: &Pipe) {
        loop {
            let output = match self {
                Self::Server(server) => server.poll_output(),
                Self::Client(client) => client.poll_output(),
            };
            match output {
                Some(ConnectionOutput::SendData(bytes)) => pipe.output().write(&bytes),
                // Of timers, as there are none here.
                Some(_) => {}
                None => return,
            }
        }
    }
}

impl Shiguredo {
    /// Reads and hands over messages until there were so many.
    fn each(
        &mut self,
        count: usize,
        mut take: impl FnMut(Payload, &mut Socket, &Pipe) -> Outcome,
    ) -> Outcome {
        let mut seen = 0;
        while seen < count {
            self.socket.feed(self.pipe.next(self.read))?;
            while let Some(event) = self.socket.poll_event() {
                let message = match event {
                    ConnectionEvent::TextMessage(text) => Payload::Text(text),
                    ConnectionEvent::BinaryMessage(bytes) => Payload::Binary(bytes),
                    _ => continue,
                };
                take(message, &mut self.socket, &self.pipe)?;
                seen += 1;
            }
        }
        Ok(())
    }
}

impl Driver for Shiguredo {
    fn new(work: &Work, pipe: Pipe) -> Option<Self> {
        let mut socket = Socket::open(work.row.side, work.row.deflate).ok()?;
        socket.flush(&pipe);
        pipe.output().take_length();
        let frame = work.row.fragment.unwrap_or(work.row.length);
        let read = (2 * frame).clamp(256, READ);
        Some(Self { socket, pipe, read, payloads: work.payloads.clone() })
    }

    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        self.each(count, |message, _, _| {
            sink.message(message.is_text(), message.bytes());
            Ok(())
        })
    }

    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome {
        self.each(count, |message, socket, pipe| {
            sink.message(message.is_text(), message.bytes());
            socket.send(&message, pipe)?;
            Ok(())
        })
    }

    fn send(&mut self, times: usize) -> Outcome {
        let Self { socket, pipe, payloads, .. } = self;
        for payload in payloads.iter() {
            for _ in 0..times {
                socket.send(payload, pipe)?;
            }
        }
        Ok(())
    }
}
