//! The echo server: a thread for each connection.

use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use crate::echo;

/// Serves until it cannot any more.
pub(crate) fn run(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on ws://{}/", listener.local_addr()?)?;
    stdout.flush()?;
    loop {
        let (stream, _) = listener.accept()?;
        thread::spawn(|| serve(stream));
    }
}

fn serve(stream: TcpStream) {
    match tungstenite::accept_with_config(stream, Some(echo::config())) {
        Ok(socket) => echo::run(socket),
        Err(error) => eprintln!("no upgrade: {error}"),
    }
}
