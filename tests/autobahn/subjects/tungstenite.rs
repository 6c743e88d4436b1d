//! Another implementation, the crate tungstenite, driven as its own programs for the testsuite
//! drive it. It reads and writes a stream, so it gets one in memory that would rather block than
//! end.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::rc::Rc;
use std::time::Duration;

use tungstenite::handshake::client::ClientHandshake;
use tungstenite::handshake::server::{NoCallback, ServerHandshake};
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

use crate::case::Kind;
use crate::play::Role;
use crate::subject::{Answer, Application, Subject};

/// More than any case sends.
const LIMIT: usize = 64 << 20;

/// A connection of tungstenite in this role.
pub(crate) fn tungstenite(role: Role) -> Box<dyn Subject> {
    let pipe = Pipe::default();
    let limits = WebSocketConfig::default().max_frame_size(Some(LIMIT));
    let config = Some(limits.max_message_size(Some(LIMIT)));
    let stage = match role {
        Role::Server => Stage::accepted(tungstenite::accept_with_config(pipe.clone(), config)),
        Role::Client => Stage::connected(tungstenite::client::client_with_config(
            "ws://127.0.0.1:9001/",
            pipe.clone(),
            config,
        )),
    };
    Box::new(Driver { pipe, stage })
}

struct Driver {
    pipe: Pipe,
    stage: Stage,
}

enum Stage {
    Accepting(MidHandshake<ServerHandshake<Pipe, NoCallback>>),
    Connecting(MidHandshake<ClientHandshake<Pipe>>),
    Open(WebSocket<Pipe>),
    Ended,
}

/// A stream that both sides hold.
#[derive(Clone, Debug, Default)]
struct Pipe(Rc<RefCell<Ends>>);

#[derive(Debug, Default)]
struct Ends {
    input: Vec<u8>,
    output: Vec<u8>,
    has_ended: bool,
}

impl Subject for Driver {
    fn connected(&mut self, out: &mut Vec<u8>) {
        self.pipe.take_output(out);
    }

    fn receive(&mut self, chunk: &mut [u8], application: &mut dyn Application, out: &mut Vec<u8>) {
        self.pipe.0.borrow_mut().input.extend_from_slice(chunk);
        self.advance(application);
        self.pipe.take_output(out);
    }

    fn end_of_stream(&mut self) {
        self.pipe.0.borrow_mut().has_ended = true;
    }

    fn tick(&mut self, _: Duration, _: &mut Vec<u8>) {}

    fn next_timeout(&self) -> Option<Duration> {
        None
    }

    fn closes_tcp(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }
}

impl Driver {
    fn advance(&mut self, application: &mut dyn Application) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Accepting(handshake) => Stage::accepted(handshake.handshake()),
            Stage::Connecting(handshake) => Stage::connected(handshake.handshake()),
            stage => stage,
        };
        if let Stage::Open(socket) = &mut self.stage
            && let Err(error) = echo(socket, application)
            && !would_block(&error)
        {
            self.stage = Stage::Ended;
        }
    }
}

/// Answers messages until there is no further one.
fn echo(socket: &mut WebSocket<Pipe>, application: &mut dyn Application) -> Result<(), Error> {
    loop {
        let message = socket.read()?;
        let kind = match &message {
            Message::Text(_) => Kind::Text,
            Message::Binary(_) => Kind::Binary,
            _ => continue,
        };
        match application.answer(kind, message_octets(&message)) {
            Answer::Echo => socket.send(message)?,
            Answer::Instead(Kind::Text, payload) => {
                socket.send(Message::text(String::from_utf8_lossy(&payload).into_owned()))?;
            }
            Answer::Instead(Kind::Binary, payload) => socket.send(Message::binary(payload))?,
            Answer::Nothing => {}
        }
    }
}

fn message_octets(message: &Message) -> &[u8] {
    match message {
        Message::Text(text) => text.as_bytes(),
        Message::Binary(octets) => octets,
        _ => &[],
    }
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

impl Stage {
    fn accepted(
        result: Result<WebSocket<Pipe>, HandshakeError<ServerHandshake<Pipe, NoCallback>>>,
    ) -> Self {
        match result {
            Ok(socket) => Self::Open(socket),
            Err(HandshakeError::Interrupted(handshake)) => Self::Accepting(handshake),
            Err(HandshakeError::Failure(_)) => Self::Ended,
        }
    }

    fn connected<T>(
        result: Result<(WebSocket<Pipe>, T), HandshakeError<ClientHandshake<Pipe>>>,
    ) -> Self {
        match result {
            Ok((socket, _)) => Self::Open(socket),
            Err(HandshakeError::Interrupted(handshake)) => Self::Connecting(handshake),
            Err(HandshakeError::Failure(_)) => Self::Ended,
        }
    }
}

impl Pipe {
    fn take_output(&self, out: &mut Vec<u8>) {
        out.append(&mut self.0.borrow_mut().output);
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ends = self.0.borrow_mut();
        if ends.input.is_empty() && !ends.has_ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = buffer.len().min(ends.input.len());
        for (to, from) in buffer.iter_mut().zip(ends.input.drain(..length)) {
            *to = from;
        }
        Ok(length)
    }
}

impl Write for Pipe {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().output.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
