//! One connection: a socket, the protocol, and the bytes that wait between them.
//!
//! ```text
//! Open ── transport() says Close ──► Flushing ── all is written ──► Lingering ──► dropped
//! ```

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use mio::event::Event as Readiness;
use mio::net::TcpStream;
use sansocket::{Accept, Config, Connection, Event, Heap, Reply, SendError, Server, Transport};

use crate::backlog::Backlog;
use crate::options::Options;
use crate::page;

/// The most bytes to read at a time.
const CHUNK: usize = 64 << 10;

/// So many bytes may wait to be written before receiving stops. The echo of one more message can
/// come on top of that.
const HIGH_WATER: usize = 1 << 20;

/// After so many reads it is the turn of the others.
const READS_PER_TURN: usize = 8;

/// A peer that stands in the way of output takes some of it within this time, or is dropped.
const STALL: Duration = Duration::from_secs(30);

/// How long to read on after the last byte was written.
const LINGER: Duration = Duration::from_secs(1);

/// A connection that has received nothing for so long gives its memory back.
const QUIET: Duration = Duration::from_secs(1);

/// The limits are the defaults: 16 MiB for frames and messages.
const CONFIG: Config = Config::new()
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
    /// What the connection has not consumed yet because there is too much output.
    input: Backlog,
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
    /// What is read goes here first.
    input: Box<[u8]>,
    /// Lent to the output of the connection whose turn it is.
    output: Vec<u8>,
}

impl Shared {
    pub(crate) fn new(options: &Options) -> Self {
        let chunk = options.chop.map_or(CHUNK, |chop| chop.get().min(CHUNK));
        Self {
            config: options.compression.apply(CONFIG.delivery(options.delivery)),
            input: vec![0; chunk].into_boxed_slice(),
            output: Vec::new(),
        }
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
        let next = self.advance(now, &mut shared.input).unwrap_or(Next::Drop);
        self.output.give_back(&mut shared.output);
        next
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

    fn advance(&mut self, now: Duration, buffer: &mut [u8]) -> io::Result<Next> {
        // While nothing is received, time stands still for the connection: the answer to its
        // keep-alive ping may have come, unread. So what is received after a jam counts first.
        let keeps_time = self.limit().is_none();
        self.flush(now)?;
        if keeps_time {
            self.tick(now);
        } else if self.limit().is_some_and(|limit| limit <= now) {
            return Ok(Next::Drop);
        }

        if let Stage::Open = self.stage {
            self.receive(now, buffer)?;
            self.flush(now)?;
            if self.connection.transport() != Transport::Close {
                let more = self.readable || !self.input.is_empty();
                return Ok(if more && !self.is_congested() { Next::Turn } else { Next::Wait });
            }
            self.input = Backlog::default();
            self.stage = Stage::Flushing;
        }
        if let Stage::Flushing = self.stage {
            if !self.output.is_empty() {
                return Ok(Next::Wait);
            }
            self.socket.shutdown(Shutdown::Write)?;
            self.stage = Stage::Lingering { until: now + LINGER };
        }
        self.linger(buffer)
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
    fn receive(&mut self, now: Duration, buffer: &mut [u8]) -> io::Result<()> {
        for _ in 0..READS_PER_TURN {
            if self.is_congested() || self.connection.transport() == Transport::Close {
                break;
            }
            if !self.input.is_empty() {
                self.receive_rest()?;
                continue;
            }
            match self.read(buffer)? {
                None => break,
                Some(0) => {
                    self.ended = true;
                    // Whether that was too early is for the report; no one reads it here.
                    let _ = self.connection.end_of_stream();
                }
                Some(count) => {
                    let chunk = &mut buffer[..count];
                    let consumed = echo(&mut self.connection, chunk, &mut self.output)?;
                    self.input = Backlog::from_slice(&chunk[consumed..]);
                    self.quiet = Some(now + QUIET);
                }
            }
        }
        if self.is_congested() {
            // The message just echoed, which can be large, would be kept until the next call.
            self.connection.release();
        }
        Ok(())
    }

    /// Receives what was left of an earlier chunk.
    fn receive_rest(&mut self) -> io::Result<()> {
        let rest = self.input.as_mut_slice();
        let consumed = echo(&mut self.connection, rest, &mut self.output)?;
        self.input.take(consumed);
        if self.input.is_empty() {
            self.input = Backlog::default();
        }
        Ok(())
    }

    /// Writes as much of the output as the socket takes.
    fn flush(&mut self, now: Duration) -> io::Result<()> {
        while self.writable && !self.output.is_empty() {
            match self.socket.write(self.output.as_slice()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.output.take(count);
                    self.unstalled = now;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
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
    fn linger(&mut self, buffer: &mut [u8]) -> io::Result<Next> {
        for _ in 0..READS_PER_TURN {
            if self.ended {
                return Ok(Next::Drop);
            }
            match self.read(buffer)? {
                Some(count) => self.ended = count == 0,
                // After its close frame a peer has nothing more to send, and it waits for the
                // server to close TCP.
                None if self.connection.close_report().was_clean => return Ok(Next::Drop),
                None => return Ok(Next::Wait),
            }
        }
        Ok(Next::Turn)
    }
}

/// Receives a chunk and answers what is in it; gives how much of it is consumed, which is all
/// unless the output has become too long on the way, or TCP is to be closed.
fn echo(
    connection: &mut Connection<Server, Heap>,
    chunk: &mut [u8],
    output: &mut Backlog,
) -> io::Result<usize> {
    let mut events = connection.receive(chunk, output);
    // A failure ends the loop too; what the peer is told about it is in the output by then.
    while let Ok(Some((event, mut reply))) = events.next() {
        answer(event, &mut reply).map_err(io::Error::other)?;
        // Not at the end of the chunk, where only an error can still be to tell.
        if events.out().len() >= HIGH_WATER && !events.remaining().is_empty() {
            break;
        }
    }
    Ok(events.consumed())
}

/// What an echo server does.
fn answer(event: Event<'_>, reply: &mut Reply<'_, Server, Heap, Backlog>) -> Result<(), SendError> {
    match event {
        Event::Request(request) => reply.accept(&request, Accept::new()),
        Event::Http(request) => reply.respond(&page::response(&request)),
        Event::Message(message) => reply.send(message),
        // A piece without bytes would be a fragment without bytes; only the last one must be sent.
        Event::Piece(piece) if piece.data.is_empty() && !piece.message_end => Ok(()),
        Event::Piece(piece) => reply.send_fragment(piece.kind, piece.data, piece.message_end),
        // Pings and close frames are answered by the connection itself.
        _ => Ok(()),
    }
}
