//! The loop around the connections.
//!
//! ```text
//! open() ── all are open ──► load() ── time is over ──► all has come back, all are closed
//! ```

use alloc::collections::VecDeque;
use core::time::Duration;
use std::io::{self, ErrorKind, Write};
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::args::Args;
use crate::session::{Next, Session, Stage, Work};

/// How long the opening of all connections may take from the last one on, and their ending.
const PATIENCE: Duration = Duration::from_secs(10);

/// After so many errors the others are only counted.
const ERRORS_TOLD: usize = 10;

/// All connections.
pub(crate) struct Run {
    poll: Poll,
    sessions: Slab<Session>,
    /// Those that wait for their turn, each once.
    queue: VecDeque<usize>,
    work: Work,
    errors: usize,
}

/// What came of it.
pub(crate) struct Outcome {
    /// How many messages came back while it sent.
    pub(crate) echoes: u64,
    /// For how long it sent.
    pub(crate) time: Duration,
    /// How many came back then or later.
    pub(crate) all: u64,
    pub(crate) errors: usize,
}

impl Run {
    /// Opens all connections.
    pub(crate) fn open(args: &Args) -> Result<Self, String> {
        let mut run = Self {
            poll: Poll::new().map_err(|error| format!("cannot wait for events: {error}"))?,
            sessions: Slab::with_capacity(args.connections.min(1 << 16)),
            queue: VecDeque::new(),
            work: Work::new(args),
            errors: 0,
        };
        for number in 0..args.connections {
            run.connect(number, args)
                .map_err(|error| format!("connection {number} of {}: {error}", args.connections))?;
        }
        run.turns(PATIENCE, |run| run.work.open == args.connections || run.errors > 0);
        if run.work.open < args.connections {
            return Err(format!("{} of {} connections opened", run.work.open, args.connections));
        }
        Ok(run)
    }

    /// Connects and writes the request, so that no server has to wait for it.
    fn connect(&mut self, number: usize, args: &Args) -> Result<(), String> {
        let socket = args.target.connect()?;
        let entry = self.sessions.vacant_entry();
        let key = entry.key();
        let socket = register(socket, &self.poll, Token(key))
            .map_err(|error| format!("cannot prepare the socket: {error}"))?;
        let session = Session::new(socket, number, args)
            .map_err(|error| format!("cannot send such a request: {error}"))?;
        entry.insert(session);
        self.turn(key);
        Ok(())
    }

    /// Sends for this long, then waits for what is missing, and closes.
    pub(crate) fn load(mut self, time: Duration) -> Outcome {
        let start = Instant::now();
        self.enter(Stage::Loading);
        self.turns(time, |run| run.sessions.is_empty());
        let (time, echoes) = (start.elapsed(), self.work.echoes);

        self.enter(Stage::Ending);
        self.turns(PATIENCE, |run| run.sessions.is_empty());
        for (number, session) in core::mem::take(&mut self.sessions) {
            let error = match session.under_way() {
                0 => "did not close in time".to_owned(),
                missing => format!("{missing} messages did not come back"),
            };
            self.fail(number, &error);
        }
        Outcome { echoes, time, all: self.work.echoes, errors: self.errors }
    }

    /// Begins a stage, in which each connection has something to do.
    fn enter(&mut self, stage: Stage) {
        self.work.stage = stage;
        for (key, session) in &mut self.sessions {
            enqueue(&mut self.queue, session, key);
        }
    }

    /// Gives turns until it is `done`, or for `limit`.
    fn turns(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + limit;
        let mut events = Events::with_capacity(1024);
        while !done(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let patience = if self.queue.is_empty() { left } else { Duration::ZERO };
            match self.poll.poll(&mut events, Some(patience)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    return self.tell(&format!("cannot wait for events: {error}"));
                }
                _ => {}
            }
            for event in &events {
                let Token(key) = event.token();
                if let Some(session) = self.sessions.get_mut(key) {
                    enqueue(&mut self.queue, session, key);
                }
            }
            for _ in 0..self.queue.len() {
                if let Some(key) = self.queue.pop_front() {
                    self.turn(key);
                }
            }
        }
    }

    /// Gives a connection its turn.
    fn turn(&mut self, key: usize) {
        let session = &mut self.sessions[key];
        session.queued = false;
        match session.turn(&mut self.work) {
            Ok(Next::Turn) => enqueue(&mut self.queue, session, key),
            Ok(Next::Wait) => {}
            Ok(Next::Drop) => {
                self.sessions.remove(key);
            }
            Err(error) => {
                self.sessions.remove(key);
                self.fail(key, &error.to_string());
            }
        }
    }

    /// Counts the error of a connection.
    fn fail(&mut self, number: usize, error: &str) {
        self.tell(&format!("connection {number}: {error}"));
    }

    /// Counts an error, and says what it is unless many were told.
    fn tell(&mut self, error: &str) {
        self.errors += 1;
        if self.errors <= ERRORS_TOLD {
            // They are counted, which has to do if they cannot be told.
            let _ = writeln!(io::stderr(), "load: {error}");
        }
    }
}

/// Makes a socket ready for the loop.
fn register(socket: std::net::TcpStream, poll: &Poll, token: Token) -> io::Result<TcpStream> {
    socket.set_nonblocking(true)?;
    // All that is due is written at once, and the rest of it should not wait.
    socket.set_nodelay(true)?;
    let mut socket = TcpStream::from_std(socket);
    poll.registry().register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(socket)
}

/// Puts a connection in the queue unless it is in it.
fn enqueue(queue: &mut VecDeque<usize>, session: &mut Session, key: usize) {
    if !session.queued {
        session.queued = true;
        queue.push_back(key);
    }
}
