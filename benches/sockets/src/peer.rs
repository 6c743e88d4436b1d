//! One connection: a socket, and tungstenite on it, as its documentation has it for sockets that do
//! not block.
//!
//! Answers gather in tungstenite's own write buffer and are flushed at the end of a turn, so one
//! write takes all that one turn answers. tungstenite does not know about time, so what is done
//! about it here is the least that keeps dead connections from staying: the loop wakes up for them
//! as it does in `examples/echo`.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use mio::event::Event as Readiness;
use mio::net::TcpStream;
use tungstenite::handshake::server::{NoCallback, ServerHandshake};
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

use crate::options::Options;

/// After so many bytes read it is the turn of the others: eight chunks of 64 KiB, as in
/// `examples/echo`, whatever the size of the read buffer.
const BYTES_PER_TURN: usize = 512 << 10;

/// The longest frame and the longest message, as in `examples/echo`.
const LIMIT: usize = 8 << 20;

/// A connection that nothing was received on for so long is dropped; `examples/echo` does that 20 s
/// after a ping, which it sends after 30 s.
const SILENCE: Duration = Duration::from_secs(50);

/// A connection and its socket.
pub(crate) struct Peer {
    stage: Stage,
    /// When something was last received.
    heard: Duration,
    /// It waits for its turn. This and the next are notes of the event loop.
    pub(crate) queued: bool,
    /// The time at which it is woken.
    pub(crate) wake: Option<Duration>,
}

/// How far the life of the connection has come.
enum Stage {
    Opening(MidHandshake<ServerHandshake<Socket, NoCallback>>),
    Open(WebSocket<Socket>),
    Closed,
}

/// What a connection needs after its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another turn.
    Turn,
    /// A turn when its socket is ready.
    Wait,
    /// To be dropped.
    Drop,
}

/// What all connections of the thread share.
pub(crate) struct Shared {
    config: WebSocketConfig,
}

impl Shared {
    pub(crate) fn new(options: &Options) -> Self {
        let config = WebSocketConfig::default();
        let read_buffer = options.read_buffer.unwrap_or(config.read_buffer_size);
        Self {
            config: config
                .read_buffer_size(read_buffer)
                .max_frame_size(Some(LIMIT))
                .max_message_size(Some(LIMIT)),
        }
    }

    /// Connections share no memory here.
    pub(crate) fn release(&mut self) {}

    /// There is no limit over all connections here.
    pub(crate) fn is_exhausted(&self) -> bool {
        false
    }
}

impl Peer {
    pub(crate) fn new(stream: TcpStream, shared: &Shared, now: Duration) -> Self {
        let socket = Socket { stream, readable: false, writable: true, budget: 0 };
        let opening = ServerHandshake::start(socket, NoCallback, Some(shared.config));
        Self { stage: Stage::Opening(opening), heard: now, queued: false, wake: None }
    }

    /// Takes note of what the socket is ready for.
    pub(crate) fn note(&mut self, readiness: &Readiness) {
        let Some(socket) = self.socket() else { return };
        let error = readiness.is_error();
        socket.readable |= readiness.is_readable() || readiness.is_read_closed() || error;
        socket.writable |= readiness.is_writable() || readiness.is_write_closed() || error;
    }

    /// Does what can be done now, in bounded time.
    pub(crate) fn turn(&mut self, now: Duration, _: &mut Shared) -> Next {
        if let Some(socket) = self.socket() {
            socket.budget = BYTES_PER_TURN;
        }
        if let Stage::Opening(_) = self.stage {
            self.open();
        }
        if let Stage::Open(connection) = &mut self.stage {
            // The ways in which it ends are all the same to an echo server.
            if !is_temporary(echo(connection)) || !is_temporary(connection.flush()) {
                return Next::Drop;
            }
        }
        if self.socket().is_some_and(|socket| socket.budget < BYTES_PER_TURN) {
            self.heard = now;
        } else if self.heard + SILENCE <= now {
            return Next::Drop;
        }
        match self.socket() {
            // While the socket takes no output, nothing is received.
            Some(socket) if socket.readable && socket.writable => Next::Turn,
            Some(_) => Next::Wait,
            None => Next::Drop,
        }
    }

    /// This and the next are for a limit that there is not.
    pub(crate) fn held(&self) -> usize {
        0
    }

    pub(crate) fn shed(&mut self, _: &mut Shared) {}

    /// When to give it a turn at the latest.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        Some(self.heard + SILENCE)
    }

    /// Goes on with the opening handshake.
    fn open(&mut self) {
        let Stage::Opening(opening) = std::mem::replace(&mut self.stage, Stage::Closed) else {
            return;
        };
        self.stage = match opening.handshake() {
            Ok(connection) => Stage::Open(connection),
            Err(HandshakeError::Interrupted(opening)) => Stage::Opening(opening),
            Err(HandshakeError::Failure(_)) => Stage::Closed,
        };
    }

    fn socket(&mut self) -> Option<&mut Socket> {
        match &mut self.stage {
            Stage::Opening(opening) => Some(opening.get_mut().get_mut()),
            Stage::Open(connection) => Some(connection.get_mut()),
            Stage::Closed => None,
        }
    }
}

/// Sends each message back until there is none, or the socket takes no more.
///
/// What it does not take stays in the write buffer, with the frame that met the end of it.
fn echo(connection: &mut WebSocket<Socket>) -> Result<(), Error> {
    connection.flush()?;
    loop {
        // Pings and close frames are answered by tungstenite itself.
        if let message @ (Message::Text(_) | Message::Binary(_)) = connection.read()? {
            connection.write(message)?;
        }
    }
}

/// Whether the same call may succeed later, or has succeeded.
fn is_temporary(result: Result<(), Error>) -> bool {
    match result {
        Ok(()) => true,
        Err(Error::Io(error)) => error.kind() == ErrorKind::WouldBlock,
        Err(_) => false,
    }
}

/// A socket that remembers what it is ready for, and gives no more than is allowed in a turn.
struct Socket {
    stream: TcpStream,
    /// It may have bytes, or the end of the stream: it has not said that it would block.
    readable: bool,
    /// It may take bytes.
    writable: bool,
    /// How many bytes may still be read in this turn.
    budget: usize,
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.readable || self.budget == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let read = again(|| self.stream.read(buffer));
        match &read {
            Ok(count) => self.budget = self.budget.saturating_sub(*count),
            Err(error) => self.readable = error.kind() != ErrorKind::WouldBlock,
        }
        read
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.writable {
            return Err(ErrorKind::WouldBlock.into());
        }
        let written = again(|| self.stream.write(bytes));
        if let Err(error) = &written {
            self.writable = error.kind() != ErrorKind::WouldBlock;
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Calls until no signal interrupts it.
fn again(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
