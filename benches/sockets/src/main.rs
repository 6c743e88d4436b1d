//! The echo server of `examples/echo`, with tungstenite in place of the library.
//!
//! The event loop is the very same file; only what is said on a connection differs, [`peer`].

#[path = "../../../examples/echo/deadlines.rs"]
mod deadlines;
mod options;
mod peer;
#[path = "../../../examples/echo/server.rs"]
mod server;

use std::convert::Infallible;
use std::io::{self, Write};
use std::process::ExitCode;

use options::Options;
use server::Server;

fn main() -> ExitCode {
    let (status, error) = match options::parse() {
        Ok(options) => match serve(&options) {
            Err(error) => (1, error.to_string()),
        },
        Err(error) => (2, format!("{error}\n{}", options::USAGE)),
    };
    eprintln!("echo-tungstenite: {error}");
    ExitCode::from(status)
}

/// Serves for ever, or says why it cannot.
fn serve(options: &Options) -> io::Result<Infallible> {
    let mut server = Server::bind(options)?;
    let mut stdout = io::stdout();
    // In the form that scripts wait for.
    writeln!(stdout, "listening on ws://{}/", server.address()?)?;
    stdout.flush()?;
    server.run()
}
