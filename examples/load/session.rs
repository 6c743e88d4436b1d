//! One connection of the load: it keeps messages under way, and compares what comes back.

use core::error::Error;
use std::io::{ErrorKind, Read, Write};

use mio::net::TcpStream;
use sansocket::handshake::ResponseHead;
use sansocket::{
    Client, CloseCode, Config, Connection, DeflateConfig, Event, Heap, RequestError, SendError,
    State, SystemEntropy, TransportAction,
};

use crate::args::{Args, MAX_SIZE};
use crate::content::Content;
use crate::outgoing::Outgoing;

/// How much to read at a time.
const CHUNK: usize = 64 << 10;

/// After so many reads it is the turn of the others.
const READS_PER_TURN: usize = 8;

/// No more messages are sent while this many bytes wait to be written.
const ENOUGH_OUTGOING: usize = 256 << 10;

/// Nothing is read while this many bytes wait to be written.
///
/// Messages alone do not come to that: the longest is half of it. A server may read nothing until
/// all that it has to say is read, and then who waits for it as well waits for ever.
const MAX_OUTGOING: usize = 2 * MAX_SIZE;

/// What the connections are to do, and have done together.
pub(crate) struct Work {
    pub(crate) stage: Stage,
    /// How many connections are open.
    pub(crate) open: usize,
    /// How many messages came back as they were.
    pub(crate) echoes: u64,
    /// How many messages are to be under way on each connection.
    depth: u64,
    content: Content,
    /// What is read goes here first.
    chunk: Box<[u8]>,
}

/// How far the run has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Connections do the opening handshake and then wait for the others.
    Opening,
    /// They send.
    Loading,
    /// They do the closing handshake once all that they have sent came back.
    Ending,
}

impl Work {
    pub(crate) fn new(args: &Args) -> Self {
        Self {
            stage: Stage::Opening,
            open: 0,
            echoes: 0,
            depth: args.depth,
            content: Content::new(args.size, args.text),
            chunk: vec![0; CHUNK].into(),
        }
    }
}

/// What a connection needs after its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another turn.
    Turn,
    /// A turn when its socket is ready.
    Wait,
    /// To be dropped: it is closed.
    Drop,
}

/// A connection and its socket.
pub(crate) struct Session {
    socket: TcpStream,
    connection: Connection<Client<SystemEntropy>, Heap>,
    outgoing: Outgoing,
    /// What tells it from the others.
    number: usize,
    deflate: bool,
    sent: u64,
    received: u64,
    /// It waits for its turn: a note of the loop.
    pub(crate) queued: bool,
}

impl Session {
    /// A connection over `socket`, whose request waits to be written.
    pub(crate) fn new(socket: TcpStream, number: usize, args: &Args) -> Result<Self, RequestError> {
        let config =
            if args.deflate { Config::new().deflate(DeflateConfig::new()) } else { Config::new() };
        let mut outgoing = Outgoing::default();
        let request = args.target.request();
        let connection = Connection::client(&request, SystemEntropy::new(), config, &mut outgoing)?;
        let deflate = args.deflate;
        Ok(Self {
            socket,
            connection,
            outgoing,
            number,
            deflate,
            sent: 0,
            received: 0,
            queued: false,
        })
    }

    /// How many messages are under way.
    pub(crate) fn under_way(&self) -> u64 {
        self.sent - self.received
    }

    /// Does what can be done now, in bounded time; the error says how the connection has failed.
    ///
    /// What comes back at once is answered with as many messages in one write.
    pub(crate) fn turn(&mut self, work: &mut Work) -> Result<Next, Box<dyn Error>> {
        self.write();
        let more = self.receive(work)?;
        self.send(work)?;
        self.write();
        Ok(match (self.connection.transport(), self.connection.close_report().failure) {
            // The server broke the protocol, and the close frame about it is written.
            (TransportAction::Close, Some(error)) => return Err(error.into()),
            (TransportAction::Close, None) => Next::Drop,
            _ if more && self.outgoing.len() < MAX_OUTGOING => Next::Turn,
            // To be read from again when the socket has taken some of the output.
            _ => Next::Wait,
        })
    }

    /// Sends what is due.
    fn send(&mut self, work: &mut Work) -> Result<(), SendError> {
        if self.connection.state() != State::Open {
            return Ok(());
        }
        match work.stage {
            Stage::Opening => Ok(()),
            Stage::Loading => self.load(work),
            Stage::Ending if self.under_way() > 0 => Ok(()),
            Stage::Ending => self.connection.sender(&mut self.outgoing).close(CloseCode::NORMAL),
        }
    }

    /// Sends until enough messages are under way.
    fn load(&mut self, work: &mut Work) -> Result<(), SendError> {
        while self.under_way() < work.depth && self.outgoing.len() < ENOUGH_OUTGOING {
            let message = work.content.message(self.number, self.sent);
            self.connection.sender(&mut self.outgoing).send(message)?;
            self.sent += 1;
        }
        Ok(())
    }

    /// Receives what there is, up to the limits of a turn and of the output; returns whether there
    /// may be more.
    fn receive(&mut self, work: &mut Work) -> Result<bool, Box<dyn Error>> {
        for _ in 0..READS_PER_TURN {
            if self.outgoing.len() >= MAX_OUTGOING
                || self.connection.transport() == TransportAction::Close
            {
                break;
            }
            match self.socket.read(&mut work.chunk) {
                Ok(0) => {
                    self.connection.end_of_stream()?;
                    break;
                }
                Ok(count) => self.take(count, work)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("cannot read: {error}").into()),
            }
        }
        Ok(true)
    }

    /// Receives the first `count` bytes of the chunk.
    fn take(&mut self, count: usize, work: &mut Work) -> Result<(), Box<dyn Error>> {
        let mut events = self.connection.receive(&mut work.chunk[..count], &mut self.outgoing);
        while let Some((event, _)) = events.next()? {
            match event {
                Event::Open(response) => {
                    agree(&response, self.deflate)?;
                    work.open += 1;
                }
                Event::Refused(response) => {
                    return Err(format!("refused with status {}", response.status()).into());
                }
                Event::Message(echo) => {
                    let number = self.received;
                    if number == self.sent {
                        return Err(format!("message {number} comes back before it is sent").into());
                    }
                    if !work.content.is(echo, self.number, number) {
                        return Err(format!("message {number} comes back changed").into());
                    }
                    self.received += 1;
                    work.echoes += 1;
                }
                Event::Close(frame) if work.stage != Stage::Ending => {
                    let code = frame.code().map_or("no code".into(), |code| code.to_string());
                    return Err(format!("closed by the server: {code} {:?}", frame.reason()).into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes as much of the output as the socket takes.
    fn write(&mut self) {
        while !self.outgoing.is_empty() {
            match self.socket.write(self.outgoing.waiting()) {
                Ok(count) if count > 0 => self.outgoing.advance(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The server reads no more. Reading goes on, as it tells why.
                _ => self.outgoing.discard(),
            }
        }
    }
}

/// Makes sure that the server compresses if it has to.
fn agree(response: &ResponseHead<'_>, deflate: bool) -> Result<(), &'static str> {
    if deflate && response.header("Sec-WebSocket-Extensions").is_none() {
        return Err("the server does not agree to compress");
    }
    Ok(())
}
