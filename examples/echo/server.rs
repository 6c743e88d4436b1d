//! The event loop: which connection has its turn when.
//!
//! `mio` reports a change once, so what a socket is ready for is remembered by its [`Peer`], and a
//! connection that has more to do stays in the queue until it has met the end of it. Each turn is
//! bounded, and the queue is served in order: nobody starves the others. When connections hold too
//! much memory, the one that holds most is closed.
//!
//! What is said on a connection is none of its business: `benches/sockets` runs the same loop around
//! another library.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::deadlines::Deadlines;
use crate::options::Options;
use crate::peer::{Next, Peer, Shared};

/// After so many new connections it is the turn of the old ones.
const ACCEPTS_PER_TURN: usize = 256;

/// How long to wait when there is no room for new connections.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The listening socket's token; those of the connections are their keys in the slab.
const LISTENER: Token = Token(usize::MAX);

/// The server and all its connections.
pub(crate) struct Server {
    poll: Poll,
    listener: TcpListener,
    accepting: Accepting,
    /// The lack of room was told, and did not end since.
    shortage_told: bool,
    /// Where the time that connections are told begins.
    start: Instant,
    peers: Slab<Peer>,
    /// The connections that wait for their turn, each once.
    queue: VecDeque<usize>,
    deadlines: Deadlines,
    shared: Shared,
}

/// Whether there are connections to accept.
#[derive(Clone, Copy)]
enum Accepting {
    /// Not before the listening socket says so.
    Idle,
    /// Perhaps.
    Ready,
    /// There are, and no room for them; to be tried again at this time.
    Paused(Duration),
}

impl Server {
    /// Listens, but accepts nothing before [`run`](Self::run).
    pub(crate) fn bind(options: &Options) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(options.address)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            accepting: Accepting::Idle,
            shortage_told: false,
            start: Instant::now(),
            peers: Slab::new(),
            queue: VecDeque::new(),
            deadlines: Deadlines::default(),
            shared: Shared::new(options),
        })
    }

    /// The address that it listens on.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether connections hold more memory than they may.
    #[cfg(test)]
    pub(crate) fn is_exhausted(&self) -> bool {
        self.shared.is_exhausted()
    }

    /// Serves until the poll itself fails.
    pub(crate) fn run(&mut self) -> io::Result<Infallible> {
        let mut events = Events::with_capacity(1024);
        loop {
            self.round(&mut events, self.patience())?;
        }
    }

    /// Waits for events up to `patience`, then gives a turn to each connection that has something to do.
    pub(crate) fn round(
        &mut self,
        events: &mut Events,
        patience: Option<Duration>,
    ) -> io::Result<()> {
        match self.poll.poll(events, patience) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        let now = self.start.elapsed();
        self.note(events);
        self.wake(now);
        self.accept(now);
        for _ in 0..self.queue.len() {
            // A turn can take milliseconds, so the time is not the same for all.
            self.turn(self.start.elapsed());
            self.shed();
        }
        Ok(())
    }

    /// Takes memory from the connections that hold most, until what is left is allowed.
    fn shed(&mut self) {
        while self.shared.is_exhausted() {
            let Some((key, peer)) = self.peers.iter_mut().max_by_key(|(_, peer)| peer.held())
            else {
                return;
            };
            peer.shed(&mut self.shared);
            enqueue(&mut self.queue, peer, key);
        }
    }

    /// How long to wait for events.
    pub(crate) fn patience(&self) -> Option<Duration> {
        if !self.queue.is_empty() || matches!(self.accepting, Accepting::Ready) {
            return Some(Duration::ZERO);
        }
        let retry = match self.accepting {
            Accepting::Paused(until) => Some(until),
            _ => None,
        };
        let next = self.deadlines.next().into_iter().chain(retry).min()?;
        Some(next.saturating_sub(self.start.elapsed()))
    }

    /// Takes note of what is ready.
    fn note(&mut self, events: &Events) {
        for event in events {
            let Token(key) = event.token();
            if event.token() == LISTENER {
                // While there is no room, trying more often is of no use.
                if let Accepting::Idle = self.accepting {
                    self.accepting = Accepting::Ready;
                }
            } else if let Some(peer) = self.peers.get_mut(key) {
                peer.note(event);
                enqueue(&mut self.queue, peer, key);
            }
        }
    }

    /// Gives a turn to those whose time has come.
    fn wake(&mut self, now: Duration) {
        while let Some((at, key)) = self.deadlines.pop(now) {
            // The connection may be gone, or have asked for an earlier time since.
            if let Some(peer) = self.peers.get_mut(key) {
                if peer.wake == Some(at) {
                    peer.wake = None;
                    enqueue(&mut self.queue, peer, key);
                }
            }
        }
    }

    /// Accepts the connections that wait.
    fn accept(&mut self, now: Duration) {
        match self.accepting {
            Accepting::Idle => return,
            Accepting::Paused(until) if now < until => return,
            Accepting::Paused(_) | Accepting::Ready => self.accepting = Accepting::Ready,
        }
        for _ in 0..ACCEPTS_PER_TURN {
            let accepted = self.listener.accept().and_then(|(socket, _)| self.admit(socket, now));
            match accepted {
                Ok(()) => {}
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => {
                        self.accepting = Accepting::Idle;
                        self.shortage_told = false;
                        return;
                    }
                    // The client has gone already, or a signal came.
                    ErrorKind::ConnectionAborted
                    | ErrorKind::ConnectionReset
                    | ErrorKind::Interrupted => {}
                    _ => {
                        self.accepting = Accepting::Paused(now + ACCEPT_PAUSE);
                        self.tell_shortage(&error);
                        return;
                    }
                },
            }
        }
    }

    /// Adds a connection and gives it its first turn, in which it learns the time.
    fn admit(&mut self, mut socket: TcpStream, now: Duration) -> io::Result<()> {
        // Output is written in large pieces, the rest of which should not wait. Should this fail,
        // they are just slower.
        let _ = socket.set_nodelay(true);
        let entry = self.peers.vacant_entry();
        let key = entry.key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(key), interest)?;
        let peer = entry.insert(Peer::new(socket, &self.shared, now));
        enqueue(&mut self.queue, peer, key);
        Ok(())
    }

    /// Says why new connections have to wait, once until they need not.
    fn tell_shortage(&mut self, error: &io::Error) {
        if !self.shortage_told {
            let open = self.peers.len();
            let _ = writeln!(
                io::stderr(),
                "echo: cannot accept more than {open} connections: {error}; others have to wait \
                 (`ulimit -n` sets how many files a process may have)"
            );
            self.shortage_told = true;
        }
    }

    /// Gives back the memory that was for many connections.
    ///
    /// Little as it is, it may lie above all that the connections had, and an allocator that gives
    /// memory back from its end on then gives none.
    fn release(&mut self) {
        self.peers = Slab::new();
        self.queue = VecDeque::new();
        self.deadlines = Deadlines::default();
        self.shared.release();
    }

    /// Gives a turn to the first in the queue.
    fn turn(&mut self, now: Duration) {
        let Some(key) = self.queue.pop_front() else {
            return;
        };
        let peer = &mut self.peers[key];
        peer.queued = false;
        match peer.turn(now, &mut self.shared) {
            Next::Turn => enqueue(&mut self.queue, peer, key),
            Next::Wait => {}
            Next::Drop => {
                self.peers.remove(key);
                if self.peers.is_empty() {
                    self.release();
                }
                return;
            }
        }
        // A deadline that has moved further away is found out when the earlier time is reached.
        if let Some(deadline) = peer.deadline() {
            if peer.wake.is_none_or(|wake| deadline < wake) {
                peer.wake = Some(deadline);
                self.deadlines.add(deadline, key);
            }
        }
    }
}

/// Puts a connection in the queue unless it is in it.
fn enqueue(queue: &mut VecDeque<usize>, peer: &mut Peer, key: usize) {
    if !peer.queued {
        peer.queued = true;
        queue.push_back(key);
    }
}
