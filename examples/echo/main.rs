//! A WebSocket echo server: one thread, one `mio` event loop, thousands of connections.
//!
//! ```text
//! cargo run --release --example echo -- --port 9001
//! ```
//!
//! Then open <http://127.0.0.1:9001/> in a browser for a page to try it with, or connect any
//! WebSocket client to any path of the same port.
//!
//! What each file shows:
//!
//! - [`peer`]: one connection, from its bytes to its end: receiving, back-pressure, closing TCP.
//! - [`echo`]: what is said on it, in steps of bounded cost. This and `peer` are where the crate is
//!   used.
//! - [`server`]: the event loop around the connections: readiness, fairness, time, accepting.
//! - [`budget`]: how long one connection may work before it is the turn of the others.
//! - [`memory`]: how much all of them may hold together.
//! - [`backlog`]: bytes that wait, outgoing or incoming, as a `sansocket::Buffer`.
//! - [`deadlines`]: the next deadline of many connections.
//! - [`page`]: plain HTTP on the same port.
//! - [`options`]: the command line.
//! - [`compression`]: its options about permessage-deflate.
//!
//! A connection costs a file descriptor, so `ulimit -n` bounds how many there can be; when they
//! run out the server says so and lets new clients wait.

// The lints of the library ask for `core` and `alloc`; a program with an operating system has
// `std`.
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod backlog;
mod budget;
#[path = "../common/compression.rs"]
mod compression;
mod deadlines;
mod echo;
mod memory;
mod options;
mod page;
mod peer;
mod server;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io::{self, Write};
use std::process::ExitCode;

use options::{Command, HELP, Options};
use server::Server;

fn main() -> ExitCode {
    match options::parse() {
        Ok(Command::Help) => {
            // Who closes the pipe early has read enough.
            let _ = io::stdout().write_all(HELP.as_bytes());
            ExitCode::SUCCESS
        }
        Ok(Command::Serve(options)) => {
            let Err(error) = serve(&options);
            complain(1, &error)
        }
        Err(error) => complain(2, &format!("{error}\ntry `echo --help`")),
    }
}

/// Serves for ever, or says why it cannot.
fn serve(options: &Options) -> Result<Infallible, String> {
    let mut server = Server::bind(options)
        .map_err(|error| format!("cannot listen on {}: {error}", options.address))?;
    announce(&server).map_err(|error| format!("cannot say where it listens: {error}"))?;
    server.run().map_err(|error| format!("cannot wait for events: {error}"))
}

/// Says where the server listens, in the form that scripts wait for.
fn announce(server: &Server) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on ws://{}/", server.address()?)?;
    stdout.flush()
}

fn complain(status: u8, message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "echo: {message}");
    ExitCode::from(status)
}
