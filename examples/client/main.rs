//! A WebSocket client on `sansocket` and non-blocking sockets.
//!
//! ```text
//! cargo run --example client -- ws://127.0.0.1:9001/chat
//! ```
//!
//! Lines from standard input are sent as text messages, and what the server does is printed. With
//! `--exchange` the client sends random messages to an echo server and compares what comes back.
//! With `--autobahn` it lets the fuzzing server of Autobahn|Testsuite put it to the test.
//!
//! | module | what it has |
//! |---|---|
//! | `driver` | the loop around a connection: all modes run in it |
//! | `outgoing` | the bytes that wait to be written |
//! | `log` | printing what goes over the wire |
//! | `target` | a `ws://` URL, and connecting to it |
//! | `talk` | the mode that talks with a server |
//! | `exchange` | the mode that tests an echo server |
//! | `autobahn` | the mode that is tested |
//! | `args` | the command line |
//! | `compression` | its options about permessage-deflate |

extern crate alloc;

mod args;
mod autobahn;
#[path = "../common/compression.rs"]
mod compression;
mod driver;
mod exchange;
mod log;
#[path = "../common/outgoing.rs"]
mod outgoing;
mod talk;
#[path = "../common/target.rs"]
mod target;

use core::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use sansocket::{Error, RequestError, SendError, Timeout};

use args::{Args, Mode, Parsed, USAGE};

/// Why the program does not end well, in words for its user.
#[derive(Debug)]
enum Failure {
    /// The command line cannot be followed.
    Usage(String),
    /// There was no connection to open or to use: the server cannot be reached, say.
    Other(String),
    /// The opening handshake failed.
    Opening(String),
    /// The connection was open, and did not end with a closing handshake.
    Unclean(String),
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            _ => ExitCode::from(1),
        }
    }

    /// Standard output cannot be written to; other I/O is that of the socket.
    fn output(error: io::Error) -> Self {
        Self::Other(format!("standard output: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => write!(f, "{message}\ntry `client --help`"),
            Self::Opening(message) => write!(f, "opening handshake: {message}"),
            Self::Unclean(message) | Self::Other(message) => f.write_str(message),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Handshake(error) => Self::Opening(error.to_string()),
            Error::Timeout(Timeout::Opening) => Self::Opening("no response in time".to_owned()),
            _ => Self::Unclean(error.to_string()),
        }
    }
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        Self::Other(format!("cannot send: {error}"))
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::Usage(format!("cannot send such a request: {error}"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Other(format!("socket: {error}"))
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // If not even this can be said, the exit status has to do.
            let _ = writeln!(io::stderr(), "client: {failure}");
            failure.exit_code()
        }
    }
}

fn run() -> Result<(), Failure> {
    match Args::parse()? {
        Parsed::Help => writeln!(io::stdout(), "{USAGE}").map_err(Failure::output),
        Parsed::Run(Args { target, options, compression, mode }) => {
            let config = compression.apply(driver::CONFIG);
            match mode {
                Mode::Talk(opening) => talk::run(&target, &opening, config, options),
                Mode::Exchange(exchange) => exchange::run(&target, &exchange, config, options),
                Mode::Autobahn(test) => autobahn::run(&target, &test, config, options),
            }
        }
    }
}
