//! The command line.

use std::net::{Ipv4Addr, SocketAddr};

use lexopt::prelude::*;

pub(crate) const USAGE: &str = "\
usage: echo-tungstenite --port P [--read-buffer BYTES]

  --port P             listen on this port of 127.0.0.1; 0 picks a free one
  --read-buffer BYTES  tungstenite's `read_buffer_size` (default: its own, 128 KiB)";

/// How to serve.
pub(crate) struct Options {
    pub(crate) address: SocketAddr,
    pub(crate) read_buffer: Option<usize>,
}

/// Parses the command line of this process.
pub(crate) fn parse() -> Result<Options, lexopt::Error> {
    let (mut port, mut read_buffer) = (None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => port = Some(parser.value()?.parse()?),
            Long("read-buffer") => read_buffer = Some(parser.value()?.parse()?),
            _ => return Err(argument.unexpected()),
        }
    }
    let port: u16 = port.ok_or("no --port to listen on")?;
    Ok(Options { address: (Ipv4Addr::LOCALHOST, port).into(), read_buffer })
}
