//! A contender at work: what it has to implement, and the check of what it has done.

use std::error::Error;
use std::sync::Arc;

use crate::sink::{Comparison, Sink, Tally};
use crate::transport::{Output, Pipe};
use crate::wire::Received;
use crate::works::{Row, Side, Task, Work};

/// Whether it worked, or the contender's own error.
pub type Outcome = Result<(), Box<dyn Error>>;

/// What a contender does, each as its authors would: with the fastest of its public ways, and
/// texts checked to be UTF-8.
pub trait Driver: Sized + 'static {
    /// A connection whose opening handshake is done; `None` if the contender has no way to do the
    /// work. What is to be sent is put into the form that its sending takes.
    fn new(work: &Work, pipe: Pipe) -> Option<Self>;

    /// Receives so many messages.
    fn receive(&mut self, count: usize, sink: &mut impl Sink) -> Outcome;

    /// Receives so many messages and sends each back.
    fn echo(&mut self, count: usize, sink: &mut impl Sink) -> Outcome;

    /// Sends each message of the work so many times.
    fn send(&mut self, times: usize) -> Outcome;
}

/// A contender with a work.
pub trait Entrant {
    /// Does the whole work once, and checks it as far as that costs next to nothing.
    fn pass(&mut self) -> Outcome;

    /// Does the whole work once, and compares every byte. Only before the first
    /// [`pass`](Self::pass), as what is compressed refers to what was sent before.
    /// Gives the number of bytes sent.
    fn verify(&mut self) -> Result<usize, Box<dyn Error>>;

    /// Whether it finds something wrong before the first message of the wire.
    fn refuses(&mut self) -> bool;
}

/// Gives the work to a contender, if it can do it.
pub fn enter<D: Driver>(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    let output = Output::default();
    let pipe = Pipe::new(Arc::clone(&work.wire), work.row.read, output.clone());
    let driver = D::new(work, pipe)?;
    let expected = Expected::of(work);
    Some(Box::new(Run {
        work: Arc::clone(work),
        driver,
        output,
        expected,
        received: Received::new(),
    }))
}

struct Run<D> {
    work: Arc<Work>,
    driver: D,
    output: Output,
    expected: Expected,
    /// Goes on from pass to pass, as a compressor does that refers to what it sent before.
    received: Received,
}

/// What a pass has to come to.
struct Expected {
    received: Tally,
    /// How many bytes are sent, or at most where they are compressed.
    sent: usize,
}

impl Expected {
    fn of(work: &Work) -> Self {
        let Row { side, task, .. } = work.row;
        let received =
            if work.row.receives() { Tally::of(&work.payloads) } else { Tally::default() };
        let mut sent = 0;
        if task != Task::Decode {
            for payload in &work.payloads {
                let length = payload.bytes().len();
                let header = match length {
                    0..=125 => 2,
                    126..=0xFFFF => 4,
                    _ => 10,
                };
                let mask = if side == Side::Client { 4 } else { 0 };
                sent += (header + mask + length) * work.times;
            }
        }
        Self { received, sent }
    }
}

impl<D: Driver> Run<D> {
    fn work(&mut self, sink: &mut impl Sink) -> Outcome {
        match self.work.row.task {
            Task::Decode => self.driver.receive(self.work.count(), sink),
            Task::Echo => self.driver.echo(self.work.count(), sink),
            Task::Send => self.driver.send(self.work.times),
        }
    }

    fn check_sent(&mut self, sent: &[u8]) -> Result<(), String> {
        if self.work.row.task == Task::Decode {
            return if sent.is_empty() { Ok(()) } else { Err("something is sent".to_owned()) };
        }
        let masked = self.work.row.side == Side::Client;
        let mut wire = sent;
        for index in 0..self.work.count() {
            let expected = &self.work.payloads[index / self.work.times];
            if self.received.message(&mut wire, masked)? != *expected {
                return Err(format!("message {index} sent is not the one given"));
            }
        }
        if wire.is_empty() { Ok(()) } else { Err("too much is sent".to_owned()) }
    }
}

impl<D: Driver> Entrant for Run<D> {
    fn pass(&mut self) -> Outcome {
        let mut tally = Tally::default();
        self.work(&mut tally)?;
        let sent = self.output.take_length();
        let is_sent = match self.work.row.deflate {
            None => sent == self.expected.sent,
            // How well it compresses is the contender's own.
            Some(_) => sent <= self.expected.sent && (sent == 0) == (self.expected.sent == 0),
        };
        if tally != self.expected.received {
            return Err(format!("{tally:?} instead of {:?}", self.expected.received).into());
        }
        if !is_sent {
            return Err(format!("{sent} bytes sent instead of {}", self.expected.sent).into());
        }
        Ok(())
    }

    fn verify(&mut self) -> Result<usize, Box<dyn Error>> {
        let work = Arc::clone(&self.work);
        let mut comparison =
            Comparison::with(if work.row.receives() { &work.payloads } else { &[] });
        self.output.keep();
        self.work(&mut comparison)?;
        let sent = self.output.take_length();
        comparison.result()?;
        self.check_sent(&self.output.take_kept())?;
        Ok(sent)
    }

    fn refuses(&mut self) -> bool {
        self.driver.receive(1, &mut Tally::default()).is_err()
    }
}
