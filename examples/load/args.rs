//! The command line.

use core::time::Duration;

use lexopt::Arg::{Long, Short};
use lexopt::{Parser, ValueExt};

use crate::target::Target;

pub(crate) const USAGE: &str = "\
usage: load --url ws://HOST:PORT/ [options]

Sends messages to an echo server over many connections at once, compares what
comes back, and prints how many messages that were in a second. An echo that is
not what was sent, or a connection that fails, is an error; with any the exit
status is 1.

  --connections N  how many connections (default: 1); each takes a file
                   descriptor (`ulimit -n`)
  --depth D        how many messages are under way on each (default: 1)
  --size BYTES     how long they are (default: 125; at most 16 MiB; the server of
                   `examples/echo` takes 8 MiB unless its --max-message says more)
  --seconds S      for how long to send (default: 2)
  --text           send text; otherwise messages are binary
  --deflate        offer to compress, and fail if the server does not agree
  --help           print this";

/// What most servers take at most.
pub(crate) const MAX_SIZE: usize = 16 << 20;

/// What the command line asks for.
pub(crate) enum Parsed {
    Help,
    Run(Args),
}

/// What to do to which server.
pub(crate) struct Args {
    pub(crate) target: Target,
    pub(crate) connections: usize,
    pub(crate) depth: u64,
    pub(crate) size: usize,
    pub(crate) time: Duration,
    pub(crate) text: bool,
    pub(crate) deflate: bool,
}

/// Parses the command line of this process.
pub(crate) fn parse() -> Result<Parsed, lexopt::Error> {
    let mut url = None;
    let (mut connections, mut depth, mut size) = (1, 1, 125);
    let mut time = Duration::from_secs(2);
    let (mut text, mut deflate) = (false, false);
    let mut parser = Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("url") => url = Some(parser.value()?.parse_with(Target::parse)?),
            Long("connections") => connections = parser.value()?.parse_with(positive)?,
            Long("depth") => depth = parser.value()?.parse_with(positive)? as u64,
            Long("size") => size = parser.value()?.parse_with(length)?,
            Long("seconds") => time = parser.value()?.parse_with(seconds)?,
            Long("text") => text = true,
            Long("deflate") => deflate = true,
            Long("help") | Short('h') => return Ok(Parsed::Help),
            _ => return Err(arg.unexpected()),
        }
    }
    let target = url.ok_or("no --url to connect to")?;
    Ok(Parsed::Run(Args { target, connections, depth, size, time, text, deflate }))
}

fn positive(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|&number| number > 0).ok_or("not a positive whole number")
}

fn length(text: &str) -> Result<usize, &'static str> {
    let length = text.parse().map_err(|_| "not a whole number")?;
    if length > MAX_SIZE { Err("more than 16 MiB") } else { Ok(length) }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| !time.is_zero()).ok_or("not a positive number")
}
