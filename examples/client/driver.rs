//! The loop around a connection: reads, writes and tells the time until the connection has ended.
//!
//! The connection says what the bytes mean, a [`Handler`] what to do about it. All that is left
//! for the [`Driver`] is to move bytes, and to end TCP as the connection wants it.

use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use sansocket::wirelog::Direction;
use sansocket::{
    Client, Config, Error, Event, Heap, Input, Request, SystemEntropy, TransportAction,
};

use crate::Failure;
use crate::log::Log;
use crate::outgoing::Outgoing;
use crate::target::Target;

/// Reading pauses while more than this waits to be written.
///
/// It is more than the longest message: some servers read nothing until everything that they write
/// is read, so a client that stops reading too early waits for ever.
const MAX_OUTGOING: usize = 32 << 20;

/// How long a server may take for its part of each handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may take to close TCP after the closing handshake.
const SERVER_DROP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long to wait for the end of the stream once this side has ended the connection.
const LINGER: Duration = Duration::from_secs(1);

pub(crate) type Connection = sansocket::Connection<Client<SystemEntropy>, Heap>;
pub(crate) type Sender<'a> = sansocket::Sender<'a, Client<SystemEntropy>, Heap, Outgoing>;

/// What to do about what happens on a connection.
pub(crate) trait Handler {
    /// The server has sent something.
    fn event(&mut self, event: Event<'_>, reply: Sender<'_>) -> Result<(), Failure>;

    /// Sends what there is to send; called on every turn of the loop.
    fn send(&mut self, _: Sender<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

/// What the command line says about all connections, apart from their configuration.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    /// The most bytes to read at a time, if there is such a limit.
    pub(crate) chop: Option<u64>,
    /// Print what goes over the wire.
    pub(crate) log: bool,
}

/// A connection with its socket.
pub(crate) struct Driver {
    connection: Connection,
    input: Input,
    outgoing: Outgoing,
    log: Log,
    socket: TcpStream,
    /// The most bytes to read at a time.
    chop: u64,
    poll: Poll,
    readiness: Events,
    started: Instant,
    /// The opening handshake is done.
    opened: bool,
    /// The status of a response other than 101.
    refusal: Option<u16>,
}

/// The deadlines of every connection; the rest is up to the command line and the mode.
pub(crate) const CONFIG: Config = Config::new()
    .opening_timeout(HANDSHAKE_TIMEOUT)
    .closing_timeout(HANDSHAKE_TIMEOUT)
    .server_drop_timeout(SERVER_DROP_TIMEOUT);

impl Driver {
    /// Connects to `target`; then [`run`](Self::run) does everything else.
    pub(crate) fn connect(
        target: &Target,
        request: &Request<'_>,
        config: Config,
        options: Options,
    ) -> Result<Self, Failure> {
        // The request comes first: if it cannot be sent, there is no need to connect.
        let mut outgoing = Outgoing::default();
        let connection = Connection::client(request, SystemEntropy::new(), config, &mut outgoing)?;
        let (poll, socket) = register(target.connect().map_err(Failure::Other)?)?;
        Ok(Self {
            connection,
            input: Input::new(),
            outgoing,
            log: Log::new(options.log),
            socket,
            chop: options.chop.unwrap_or(u64::MAX),
            poll,
            readiness: Events::with_capacity(4),
            started: Instant::now(),
            opened: false,
            refusal: None,
        })
    }

    /// What interrupts the loop when the handler has something to send.
    pub(crate) fn waker(&self) -> Result<Waker, Failure> {
        Ok(Waker::new(self.poll.registry(), Token(1))?)
    }

    /// The connection, to be asked how it has ended.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs the connection to its end, which is an error unless it is a clean one.
    pub(crate) fn run(&mut self, handler: &mut impl Handler) -> Result<(), Failure> {
        let result = self.run_to_end(handler);
        self.log.conclude();
        result
    }

    fn run_to_end(&mut self, handler: &mut impl Handler) -> Result<(), Failure> {
        let mut result = Ok(());
        while result.is_ok() && self.connection.transport() != TransportAction::Close {
            result = self.turn(handler);
        }
        if let Err(Failure::Other(_) | Failure::Usage(_)) = result {
            return result;
        }
        self.end_transport()?;
        if let Some(status) = self.refusal {
            return Err(Failure::Opening(format!("refused with status {status}")));
        }
        result?;
        // If the server broke the protocol, the close frame about it is written by now.
        match self.connection.close_report().failure {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Does what can be done now, then waits until there is more to do.
    ///
    /// Reading and writing take turns, so neither has to wait for the other: that would be a
    /// deadlock with a server that reads only after all it wrote was read.
    fn turn(&mut self, handler: &mut impl Handler) -> Result<(), Failure> {
        let now = self.started.elapsed();
        self.connection.tick(now, &mut self.outgoing)?;

        let wrote = self.write();
        let waiting = self.outgoing.len();
        handler.send(self.connection.sender(&mut self.outgoing))?;
        let sent = self.outgoing.len() != waiting;
        let received = self.outgoing.len() < MAX_OUTGOING && self.receive(handler)?;

        // The poll reports a change of readiness once, so wait for it only after the socket would
        // have blocked.
        if sent || wrote || received {
            return Ok(());
        }
        let deadline = self.connection.next_timeout();
        self.wait(deadline.map(|deadline| deadline.saturating_sub(now)))
    }

    /// Writes some of what waits, and returns whether it could.
    fn write(&mut self) -> bool {
        if self.outgoing.is_empty() {
            return false;
        }
        let waiting = self.outgoing.waiting();
        match (&self.socket).write(waiting) {
            Ok(count) => {
                self.log.chop(Direction::Sent, &waiting[..count]);
                self.outgoing.advance(count);
                true
            }
            Err(error) if is_temporary(&error) => false,
            Err(_) => {
                // The server reads no more. Reading goes on: the server may have said why, and
                // then the stream ends.
                self.outgoing.discard();
                true
            }
        }
    }

    /// Reads once and lets the handler act on what was received; returns whether anything was.
    fn receive(&mut self, handler: &mut impl Handler) -> Result<bool, Failure> {
        let end = match self.input.read_from(&mut (&self.socket).take(self.chop)) {
            Ok(0) => None,
            Ok(count) => {
                // Before the connection unmasks the bytes where they are.
                let unread = self.input.unread();
                self.log.chop(Direction::Received, &unread[unread.len() - count..]);
                self.take_events(handler)?;
                return Ok(true);
            }
            Err(error) if is_temporary(&error) => return Ok(false),
            Err(error) => Some(error),
        };
        // After the closing handshake it makes no difference if the server has reset TCP.
        match (self.connection.end_of_stream(), end) {
            (Ok(()), _) => Ok(true),
            (Err(_), Some(error)) if self.opened => Err(Failure::Unclean(error.to_string())),
            (Err(_), Some(error)) => Err(Failure::Opening(error.to_string())),
            (Err(Error::UnexpectedEnd), None) if !self.opened => {
                Err(Failure::Opening("the server closed the connection".to_owned()))
            }
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Passes the events in the input to the handler.
    fn take_events(&mut self, handler: &mut impl Handler) -> Result<(), Failure> {
        let Self { connection, input, outgoing, .. } = self;
        while let Some((event, reply)) = connection.next_event(input, outgoing)? {
            match event {
                Event::Open(_) => self.opened = true,
                Event::Refused(response) => self.refusal = Some(response.status()),
                _ => {}
            }
            handler.event(event, reply)?;
        }
        Ok(())
    }

    /// Ends TCP so that the server gets what was written last: closes the writing side, then
    /// reads to the end of the stream, all within a bound of time.
    fn end_transport(&mut self) -> Result<(), Failure> {
        let deadline = self.started.elapsed() + LINGER;
        let mut ended = false;
        let mut shut = false;
        loop {
            let mut progress = self.write();
            if !shut && self.outgoing.is_empty() {
                shut = true;
                // It fails if the server was faster, and then there is nothing to do.
                let _ = self.socket.shutdown(Shutdown::Write);
            }
            // The connection takes nothing more, so the input is not filled.
            let space = self.input.space();
            match (&self.socket).take(self.chop).read(space) {
                Err(error) if is_temporary(&error) => {}
                Ok(0) | Err(_) => ended = true,
                Ok(count) => {
                    progress = true;
                    self.log.chop(Direction::Received, &space[..count]);
                }
            }
            let left = deadline.saturating_sub(self.started.elapsed());
            if left.is_zero() || (ended && self.outgoing.is_empty()) {
                return Ok(());
            }
            if !progress {
                self.wait(Some(left))?;
            }
        }
    }

    /// Waits until the socket or the waker has something, for at most `timeout`.
    fn wait(&mut self, timeout: Option<Duration>) -> Result<(), Failure> {
        match self.poll.poll(&mut self.readiness, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Makes a socket ready for the loop.
fn register(socket: std::net::TcpStream) -> io::Result<(Poll, TcpStream)> {
    socket.set_nonblocking(true)?;
    // Frames are written as they are due, and a small one shall not wait for the next.
    socket.set_nodelay(true)?;
    let mut socket = TcpStream::from_std(socket);
    let poll = Poll::new()?;
    poll.registry().register(&mut socket, Token(0), Interest::READABLE | Interest::WRITABLE)?;
    Ok((poll, socket))
}

/// Whether the same call may succeed later.
fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
