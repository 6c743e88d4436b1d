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

  --port P       listen on this port (default: 9001); 0 picks a free one
  --host ADDR    listen on this IP address (default: 127.0.0.1)
  --chop N       read at most N bytes at a time, to try how messages are put together
  --streaming    echo each piece of a message as it arrives, as a fragment
  --no-deflate   do not compress, whatever the client offers
  --window BITS  compress with windows of 2^BITS bytes at most, both ways: 8 to 15
                 (default: 15); clients that cannot limit theirs go uncompressed
  --no-takeover  compress each message by itself, both ways
  --help         print this

It prints one line once it listens: `listening on ws://127.0.0.1:9001/`.
Each connection takes a file descriptor; `ulimit -n` sets how many there can be.
";

/// What the command line asks for.
pub(crate) enum Command {
    Help,
    Serve(Options),
}

/// How to serve.
pub(crate) struct Options {
    pub(crate) address: SocketAddr,
    /// The most bytes to read at a time.
    pub(crate) chop: Option<NonZeroUsize>,
    pub(crate) delivery: Delivery,
    pub(crate) compression: Compression,
}

/// Parses the command line of this process.
pub(crate) fn parse() -> Result<Command, lexopt::Error> {
    let mut options = Options {
        address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9001),
        chop: None,
        delivery: Delivery::Whole,
        compression: Compression::default(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => options.address.set_port(value("--port", &mut parser)?),
            Long("host") => options.address.set_ip(value("--host", &mut parser)?),
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

/// The value of the option that was just met.
fn value<T>(option: &str, parser: &mut lexopt::Parser) -> Result<T, lexopt::Error>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    parser.value()?.parse().map_err(|error| format!("{option}: {error}").into())
}
