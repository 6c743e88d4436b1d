//! The crate tungstenite as a program for Autobahn|Testsuite to test.
//!
//! It takes the options of the library's own examples that `tests/interop/autobahn` gives them:
//! as a server those of `echo`, as a client those of `client`. It never compresses, as
//! tungstenite cannot.

mod client;
mod echo;
mod server;

use std::process::ExitCode;

use lexopt::prelude::*;

const USAGE: &str = "\
usage: tungstenite-peer --port P
       tungstenite-peer --autobahn URL --agent NAME

The first form is an echo server on a port of 127.0.0.1; 0 picks a free one.
The second form runs all cases of a fuzzing server of Autobahn|Testsuite.
Both take --no-deflate, which changes nothing: nothing is compressed anyway.";

enum Role {
    Server { port: u16 },
    Client { url: String, agent: String },
}

fn main() -> ExitCode {
    let role = match parse() {
        Ok(role) => role,
        Err(error) => {
            eprintln!("tungstenite-peer: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let ended = match role {
        Role::Server { port } => server::run(port).map_err(|error| error.to_string()),
        Role::Client { url, agent } => client::run(&url, &agent),
    };
    if let Err(error) = ended {
        eprintln!("tungstenite-peer: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn parse() -> Result<Role, lexopt::Error> {
    let (mut port, mut url, mut agent) = (None, None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => port = Some(parser.value()?.parse()?),
            Long("autobahn") => url = Some(parser.value()?.string()?),
            Long("agent") => agent = Some(parser.value()?.string()?),
            Long("no-deflate") => {}
            _ => return Err(argument.unexpected()),
        }
    }
    match (port, url, agent) {
        (Some(port), None, None) => Ok(Role::Server { port }),
        (None, Some(url), Some(agent)) => Ok(Role::Client { url, agent }),
        _ => Err("either --port, or --autobahn and --agent".into()),
    }
}
