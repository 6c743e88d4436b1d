//! The command line.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::str::FromStr;

use lexopt::prelude::*;
use sansocket::Delivery;

use crate::compression::{self, Compression};

/// What `--help` prints.
pub(crate) const HELP: &str = "\
A WebSocket echo server, with a page to try it with at http://127.0.0.1:9001/

usage: echo [options]

  --port P           listen on this port (default: 9001); 0 picks a free one
  --host ADDR        listen on this IP address (default: 127.0.0.1)
  --max-message MIB  the longest message and the longest frame (default: 8); while
                     a message of 8 MiB is copied to be sent back, for 4 to 8 ms,
                     all other connections wait
  --max-memory MIB   when all connections together hold more than this for messages
                     under way and bytes that wait, close the one that holds most
                     (default: 256); compression takes up to 350 KB more for each
  --chop N           read at most N bytes at a time, to try how messages are put
                     together
  --streaming        echo each piece of a message as it arrives, as a fragment
  --no-deflate       do not compress, whatever the client offers
  --window BITS      compress with windows of 2^BITS bytes at most, both ways: 8 to
                     15 (default: 15); clients that cannot limit theirs go
                     uncompressed
  --no-takeover      compress each message by itself, both ways
  --help             print this

It prints one line once it listens: `listening on ws://127.0.0.1:9001/`.
Each connection takes a file descriptor; `ulimit -n` sets how many there can be.
";

/// What the command line asks for.
pub(crate) enum Command {
    Help,
    Serve(Options),
}

/// The defaults of `--max-message` and `--max-memory`, in bytes.
const MAX_MESSAGE: usize = 8 * MIB;
const MAX_MEMORY: usize = 256 * MIB;

const MIB: usize = 1 << 20;

/// How to serve.
pub(crate) struct Options {
    pub(crate) address: SocketAddr,
    /// The longest message and the longest frame, in bytes.
    pub(crate) max_message: usize,
    /// The most memory that connections may hold together, in bytes.
    pub(crate) max_memory: usize,
    /// The most bytes to read at a time.
    pub(crate) chop: Option<NonZeroUsize>,
    pub(crate) delivery: Delivery,
    pub(crate) compression: Compression,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9001),
            max_message: MAX_MESSAGE,
            max_memory: MAX_MEMORY,
            chop: None,
            delivery: Delivery::Whole,
            compression: Compression::default(),
        }
    }
}

/// Parses the command line of this process.
pub(crate) fn parse() -> Result<Command, lexopt::Error> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => options.address.set_port(value("--port", &mut parser)?),
            Long("host") => options.address.set_ip(value("--host", &mut parser)?),
            Long("max-message") => options.max_message = mebibytes("--max-message", &mut parser)?,
            Long("max-memory") => options.max_memory = mebibytes("--max-memory", &mut parser)?,
            Long("chop") => options.chop = Some(value("--chop", &mut parser)?),
            Long("streaming") => options.delivery = Delivery::Streaming,
            Long("no-deflate") => options.compression.off = true,
            Long("window") => {
                let window = parser.value()?.parse_with(compression::window)?;
                options.compression.window = Some(window);
            }
            Long("no-takeover") => options.compression.no_takeover = true,
            Long("help") | Short('h') => return Ok(Command::Help),
            _ => return Err(argument.unexpected()),
        }
    }
    options.compression.check()?;
    Ok(Command::Serve(options))
}

/// The value of the option that was just met, in MiB, as bytes.
fn mebibytes(option: &str, parser: &mut lexopt::Parser) -> Result<usize, lexopt::Error> {
    value(option, parser).map(|count: usize| count.saturating_mul(MIB))
}

/// The value of the option that was just met.
fn value<T>(option: &str, parser: &mut lexopt::Parser) -> Result<T, lexopt::Error>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    parser.value()?.parse().map_err(|error| format!("{option}: {error}").into())
}
