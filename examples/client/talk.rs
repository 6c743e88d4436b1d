//! Talking with a server: standard input is sent to it line by line, what it does is printed.

use alloc::sync::Arc;
use core::fmt::Display;
use std::io::{self, StdoutLock, Write};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use mio::Waker;
use sansocket::handshake::ResponseHead;
use sansocket::{CloseCode, CloseFrame, CloseReport, Config, Event, Message, State};

use crate::Failure;
use crate::args::Opening;
use crate::driver::{Driver, Handler, Options, Sender};
use crate::target::Target;

/// No more lines are taken while this many bytes wait to be written.
const ENOUGH_OUTGOING: usize = 64 * 1024;

/// How many lines may wait to be taken.
const LINES: usize = 64;

/// How much is kept of the body of a refusal.
const MAX_BODY: usize = 64 * 1024;

type Line = io::Result<String>;

/// Connects and talks until either side ends the connection.
pub(crate) fn run(
    target: &Target,
    opening: &Opening,
    config: Config,
    options: Options,
) -> Result<(), Failure> {
    let headers: Vec<_> =
        opening.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let protocols: Vec<_> = opening.protocols.iter().map(String::as_str).collect();
    let mut request = target.request().headers(&headers).protocols(&protocols);
    if let Some(origin) = &opening.origin {
        request = request.origin(origin);
    }

    let mut driver = Driver::connect(target, &request, config, options)?;
    let (sender, lines) = sync_channel(LINES);
    // Shared, as a waker that is closed when the lines end takes its last call back.
    let waker = Arc::new(driver.waker()?);
    thread::spawn({
        let waker = Arc::clone(&waker);
        move || read_lines(sender, &waker)
    });

    let mut talk = Talk {
        lines,
        input: Input::Open,
        out: io::stdout().lock(),
        refused: false,
        body: Vec::new(),
    };
    let result = driver.run(&mut talk);
    talk.conclude(&result, driver.connection().close_report()).map_err(Failure::output)?;
    match talk.input {
        Input::Failed(error) => result.and(Err(Failure::Other(format!("standard input: {error}")))),
        Input::Open | Input::Ended => result,
    }
}

/// Passes the lines of standard input on until they end; the sender's end says so.
fn read_lines(lines: SyncSender<Line>, waker: &Waker) {
    for line in io::stdin().lines() {
        let last = line.is_err();
        // Without a receiver, or without a loop to wake, the program is about to end.
        if lines.send(line).is_err() || waker.wake().is_err() || last {
            break;
        }
    }
    drop(lines);
    let _ = waker.wake();
}

/// Where standard input stands.
enum Input {
    Open,
    Ended,
    Failed(io::Error),
}

struct Talk {
    lines: Receiver<Line>,
    input: Input,
    out: StdoutLock<'static>,
    /// The server has refused the upgrade.
    refused: bool,
    /// The body of its response.
    body: Vec<u8>,
}

impl Handler for Talk {
    fn event(&mut self, event: Event<'_>, _: Sender<'_>) -> Result<(), Failure> {
        self.print(&event).map_err(Failure::output)
    }

    fn send(&mut self, mut sender: Sender<'_>) -> Result<(), Failure> {
        if sender.state() != State::Open {
            return Ok(());
        }
        while matches!(self.input, Input::Open) && sender.out().len() < ENOUGH_OUTGOING {
            match self.lines.try_recv() {
                Ok(Ok(line)) => sender.send(line)?,
                Ok(Err(error)) => self.input = Input::Failed(error),
                Err(TryRecvError::Disconnected) => self.input = Input::Ended,
                Err(TryRecvError::Empty) => break,
            }
        }
        // The closing handshake has a deadline, which shall not run while a slow server still
        // reads the messages. What it sends before its own close frame is printed as ever.
        if !matches!(self.input, Input::Open) && sender.out().is_empty() {
            sender.close(CloseCode::NORMAL)?;
        }
        Ok(())
    }
}

impl Talk {
    /// Prints an event in one line, or a refusal in as many as its head has.
    fn print(&mut self, event: &Event<'_>) -> io::Result<()> {
        let out = &mut self.out;
        match event {
            Event::Open(response) => match response.protocol() {
                Some(protocol) => writeln!(out, "open: subprotocol {protocol}"),
                None => writeln!(out, "open"),
            },
            Event::Refused(response) => {
                self.refused = true;
                print_head(out, response)
            }
            Event::Body(part) => {
                let room = MAX_BODY - self.body.len();
                self.body.extend_from_slice(&part[..part.len().min(room)]);
                Ok(())
            }
            Event::Message(Message::Text(text)) => writeln!(out, "text: {text:?}"),
            Event::Message(Message::Binary(bytes)) => {
                writeln!(out, "binary: \"{}\"", bytes.escape_ascii())
            }
            Event::Ping(payload) => writeln!(out, "ping: \"{}\"", payload.escape_ascii()),
            Event::Pong(payload) => writeln!(out, "pong: \"{}\"", payload.escape_ascii()),
            Event::Close(frame) => {
                writeln!(out, "close: {}", words(Some(*frame)))
            }
            // A client that asks for whole messages gets no other events today.
            other => writeln!(out, "{other:?}"),
        }
    }

    /// Prints what can only be said at the end.
    fn conclude(
        &mut self,
        result: &Result<(), Failure>,
        report: CloseReport<'_>,
    ) -> io::Result<()> {
        if self.refused {
            return print_body(&mut self.out, &self.body);
        }
        let how = match result {
            Ok(()) => "closed cleanly",
            Err(Failure::Unclean(_)) => "not closed cleanly",
            Err(_) => return Ok(()),
        };
        let sent = words(report.sent);
        let received = words(report.received);
        writeln!(self.out, "{how}: sent {sent}, received {received}")
    }
}

/// What a close frame says, if there is one.
fn words(frame: Option<CloseFrame<'_>>) -> String {
    match frame.map(|frame| (frame.code(), frame.reason())) {
        None => "no close frame".to_owned(),
        Some((None, _)) => "no code".to_owned(),
        Some((Some(code), "")) => code.to_string(),
        Some((Some(code), reason)) => format!("{code} {reason:?}"),
    }
}

fn print_head(out: &mut impl Write, response: &ResponseHead<'_>) -> io::Result<()> {
    writeln!(out, "refused: status {}", response.status())?;
    for (name, value) in response.headers() {
        writeln!(out, "  {name}: {}", printable(value))?;
    }
    Ok(())
}

fn print_body(out: &mut impl Write, body: &[u8]) -> io::Result<()> {
    if body.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for line in body.strip_suffix(b"\n").unwrap_or(body).split(|&byte| byte == b'\n') {
        writeln!(out, "  {}", printable(line.strip_suffix(b"\r").unwrap_or(line)))?;
    }
    Ok(())
}

/// The text in `bytes` without what could play tricks on a terminal.
fn printable(bytes: &[u8]) -> impl Display {
    let is_unsafe = |c: char| c.is_control() && c != '\t';
    String::from_utf8_lossy(bytes).replace(is_unsafe, "\u{fffd}")
}
