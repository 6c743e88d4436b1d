//! One connection: a socket, the protocol, and the bytes that wait between them.
//!
//! ```text
//! Open ── transport() says Close ──► Flushing ── all is written ──► Lingering ──► dropped
//!   └── shed() ─────────────────────────┴─────────────────────────────────┘
//! ```

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::event::Event as Readiness;
use mio::net::TcpStream;
use sansocket::{CloseCode, Config, Connection, Heap, Server, TransportAction};

use crate::backlog::Backlog;
use crate::budget::Budget;
use crate::echo::{self, HIGH_WATER};
use crate::memory::{Memory, Share};
use crate::options::Options;

/// The most bytes to read at a time.
const CHUNK: usize = 64 << 10;

/// The most bytes to write at a time: a socket can take megabytes in one call.
const WRITE: usize = 256 << 10;

/// A peer that stands in the way of output takes some of it within this time, or is dropped.
const STALL: Duration = Duration::from_secs(30);

/// How long to read on after the last byte was written.
const LINGER: Duration = Duration::from_secs(1);

/// A connection that has received nothing for so long gives its memory back.
const QUIET: Duration = Duration::from_secs(1);

/// What does not depend on the command line.
const CONFIG: Config = Config::new()
    .plain_http(true)
    .opening_timeout(Duration::from_secs(10))
    .closing_timeout(Duration::from_secs(5))
    .keep_alive(Duration::from_secs(30), Duration::from_secs(20));

/// A connection and its socket.
pub(crate) struct Peer {
    socket: TcpStream,
    connection: Connection<Server, Heap>,
    stage: Stage,
    /// What the socket has not taken yet.
    output: Backlog,
    /// What the connection has not consumed yet, because the turn was over or there is too much
    /// output.
    input: Backlog,
    /// What all this holds, for the limit over all connections.
    share: Share,
    /// The socket may have bytes, or the end of the stream: it has not said that it would block.
    readable: bool,
    /// The socket may take bytes.
    writable: bool,
    /// The peer has closed its side of TCP.
    ended: bool,
    /// When the socket last took output, or there was none for it.
    unstalled: Duration,
    /// When to give memory back, if there may be some.
    quiet: Option<Duration>,
    /// It waits for its turn. This and the next are notes of the event loop.
    pub(crate) queued: bool,
    /// The time at which it is woken.
    pub(crate) wake: Option<Duration>,
}

/// How far the life of the socket has come.
#[derive(Clone, Copy)]
enum Stage {
    /// It serves the connection.
    Open,
    /// The last bytes are being written.
    Flushing,
    /// They are written; what still comes is read and thrown away until this time.
    Lingering { until: Duration },
}

/// What a connection needs after its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another turn.
    Turn,
    /// A turn when its socket is ready or its deadline is reached.
    Wait,
    /// To be dropped.
    Drop,
}

/// What all connections of the thread share.
pub(crate) struct Shared {
    config: Config,
    memory: Memory,
    /// What is read goes here first.
    input: Box<[u8]>,
    /// Lent to the output of the connection whose turn it is.
    output: Vec<u8>,
}

impl Shared {
    pub(crate) fn new(options: &Options) -> Self {
        let chunk = options.chop.map_or(CHUNK, |chop| chop.get().min(CHUNK));
        let longest = options.max_message as u64;
        let config = CONFIG.max_frame(longest).max_message(longest).delivery(options.delivery);
        Self {
            config: options.compression.apply(config),
            memory: Memory::new(options.max_memory),
            input: vec![0; chunk].into_boxed_slice(),
            output: Vec::new(),
        }
    }

    /// Gives back the memory that is lent to outputs.
    pub(crate) fn release(&mut self) {
        self.output = Vec::new();
    }

    /// Whether connections hold too much memory, and some have to be [shed](Peer::shed).
    pub(crate) fn is_exhausted(&self) -> bool {
        self.memory.is_exceeded()
    }
}

impl Peer {
    pub(crate) fn new(socket: TcpStream, shared: &Shared, now: Duration) -> Self {
        Self {
            socket,
            connection: Connection::server(shared.config),
            stage: Stage::Open,
            output: Backlog::default(),
            input: Backlog::default(),
            share: Share::default(),
            readable: false,
            writable: true,
            ended: false,
            unstalled: now,
            quiet: None,
            queued: false,
            wake: None,
        }
    }

    /// Takes note of what the socket is ready for.
    pub(crate) fn note(&mut self, readiness: &Readiness) {
        // What ends the connection is met by reading or writing.
        let error = readiness.is_error();
        self.readable |= readiness.is_readable() || readiness.is_read_closed() || error;
        self.writable |= readiness.is_writable() || readiness.is_write_closed() || error;
    }

    /// Does what can be done now, in bounded time.
    pub(crate) fn turn(&mut self, now: Duration, shared: &mut Shared) -> Next {
        self.output.borrow(&mut shared.output);
        // The ways in which TCP breaks are all the same to an echo server.
        let next = self.advance(now, &mut shared.input, &Budget::new()).unwrap_or(Next::Drop);
        self.output.give_back(&mut shared.output);
        if next == Next::Drop {
            shared.memory.count(&mut self.share, 0);
        } else {
            self.count(shared);
        }
        next
    }

    /// How much memory it holds, in bytes.
    pub(crate) fn held(&self) -> usize {
        self.share.bytes()
    }

    /// Gives memory back because connections hold too much of it: what it does not need, or if
    /// that is nothing, all of it, with the end of the connection. Then it needs a turn.
    pub(crate) fn shed(&mut self, shared: &mut Shared) {
        let before = self.held();
        self.connection.release();
        self.count(shared);
        if self.held() < before {
            return;
        }
        // Not 1009: the message is not too long, it is the server that is short of memory.
        let reason = (CloseCode::TRY_AGAIN_LATER, "the server is out of memory");
        // Behind output that a client does not take, it would not see a close frame.
        let can_tell = self.output.is_empty()
            && matches!(self.stage, Stage::Open)
            && self.connection.sender(&mut self.output).close(reason).is_ok();
        self.stage = if can_tell {
            Stage::Flushing
        } else {
            self.output = Backlog::default();
            Stage::Lingering { until: Duration::ZERO }
        };
        self.input = Backlog::default();
        // The message under way is gone with the connection.
        self.connection = Connection::server(shared.config);
        self.count(shared);
    }

    /// Counts what it holds.
    fn count(&mut self, shared: &mut Shared) {
        let bytes = self.connection.buffered() + self.input.capacity() + self.output.capacity();
        shared.memory.count(&mut self.share, bytes);
    }

    /// When to give it a turn at the latest.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let of_connection = || self.connection.next_timeout().into_iter().chain(self.quiet).min();
        self.limit().or_else(of_connection)
    }

    /// When to drop it, if that is not up to the connection now.
    fn limit(&self) -> Option<Duration> {
        match self.stage {
            Stage::Open if !self.is_congested() => None,
            Stage::Open | Stage::Flushing => Some(self.unstalled + STALL),
            Stage::Lingering { until } => Some(until),
        }
    }

    fn advance(&mut self, now: Duration, buffer: &mut [u8], budget: &Budget) -> io::Result<Next> {
        // While nothing is received, time stands still for the connection: the answer to its
        // keep-alive ping may have come, unread. So what is received after a jam counts first.
        let keeps_time = self.limit().is_none();
        self.flush(now, budget)?;
        if keeps_time {
            self.tick(now);
        } else if self.limit().is_some_and(|limit| limit <= now) {
            return Ok(Next::Drop);
        }

        if let Stage::Open = self.stage {
            self.receive(now, buffer, budget)?;
            self.flush(now, budget)?;
            if self.connection.transport() != TransportAction::Close {
                let input = self.readable || !self.input.is_empty();
                let more = input && !self.is_congested() || self.can_write();
                return Ok(if more { Next::Turn } else { Next::Wait });
            }
            self.input = Backlog::default();
            self.stage = Stage::Flushing;
        }
        if let Stage::Flushing = self.stage {
            if !self.output.is_empty() {
                return Ok(if self.can_write() { Next::Turn } else { Next::Wait });
            }
            self.socket.shutdown(Shutdown::Write)?;
            self.stage = Stage::Lingering { until: now + LINGER };
        }
        self.linger(buffer, budget)
    }

    /// Does what is due.
    fn tick(&mut self, now: Duration) {
        // Whether that was a failure, `transport` tells.
        let _ = self.connection.tick(now, &mut self.output);
        if self.quiet.is_some_and(|quiet| quiet <= now) {
            self.connection.release();
            self.quiet = None;
        }
    }

    /// Whether so much output waits that nothing may be received.
    fn is_congested(&self) -> bool {
        self.output.len() >= HIGH_WATER
    }

    /// Receives what there is, up to the limits of a turn and of the output.
    fn receive(&mut self, now: Duration, buffer: &mut [u8], budget: &Budget) -> io::Result<()> {
        while !self.is_congested() && self.connection.transport() != TransportAction::Close {
            if !self.input.is_empty() {
                self.receive_rest(budget)?;
            } else if let Some(count) = self.read(buffer)? {
                self.receive_chunk(now, &mut buffer[..count], budget)?;
            } else {
                break;
            }
            if budget.is_spent() {
                break;
            }
        }
        if self.is_congested() {
            // The message just echoed, which can be large, would be kept until the next call.
            self.connection.release();
        }
        Ok(())
    }

    /// Receives what was read; nothing is the end of the stream.
    fn receive_chunk(
        &mut self,
        now: Duration,
        chunk: &mut [u8],
        budget: &Budget,
    ) -> io::Result<()> {
        if chunk.is_empty() {
            self.ended = true;
            // Whether that was too early is for the report; no one reads it here.
            let _ = self.connection.end_of_stream();
            return Ok(());
        }
        let consumed = echo::receive(&mut self.connection, chunk, &mut self.output, budget)?;
        self.input = Backlog::from_slice(&chunk[consumed..]);
        self.quiet = Some(now + QUIET);
        Ok(())
    }

    /// Receives what was left of an earlier chunk.
    fn receive_rest(&mut self, budget: &Budget) -> io::Result<()> {
        let rest = self.input.as_mut_slice();
        let consumed = echo::receive(&mut self.connection, rest, &mut self.output, budget)?;
        self.input.take(consumed);
        if self.input.is_empty() {
            self.input = Backlog::default();
        }
        Ok(())
    }

    /// Whether there is output that the socket may take.
    fn can_write(&self) -> bool {
        self.writable && !self.output.is_empty()
    }

    /// Writes as much of the output as the socket takes, up to the limit of a turn.
    fn flush(&mut self, now: Duration, budget: &Budget) -> io::Result<()> {
        while self.can_write() {
            let output = self.output.as_slice();
            match self.socket.write(&output[..output.len().min(WRITE)]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.output.take(count);
                    self.unstalled = now;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.can_write() && budget.is_spent() {
                break;
            }
        }
        if self.output.is_empty() {
            self.unstalled = now;
        }
        Ok(())
    }

    /// Reads once; `None` if the socket has nothing now, zero at the end of the stream.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        while self.readable {
            match self.socket.read(buffer) {
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Throws away what still comes, for closing a socket with unread bytes resets the
    /// connection, and the peer might never see the last ones that it was sent.
    fn linger(&mut self, buffer: &mut [u8], budget: &Budget) -> io::Result<Next> {
        while !self.ended {
            match self.read(buffer)? {
                Some(count) => self.ended = count == 0,
                // After its close frame a peer has nothing more to send, and it waits for the
                // server to close TCP.
                None if self.connection.close_report().was_clean() => return Ok(Next::Drop),
                None => return Ok(Next::Wait),
            }
            if budget.is_spent() {
                return Ok(Next::Turn);
            }
        }
        Ok(Next::Drop)
    }
}
