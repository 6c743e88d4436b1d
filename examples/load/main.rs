//! A load generator for echo servers: many connections on one thread, each with many messages under
//! way, and every byte that comes back is compared.
//!
//! ```text
//! cargo run --release --example echo &
//! cargo run --release --example load -- --url ws://127.0.0.1:9001/ --connections 1000 --depth 16
//! ```
//!
//! It prints how many messages came back in a second. `benches/sockets/run` runs it against two
//! servers in turn.
//!
//! | module | what it has |
//! |---|---|
//! | `run` | the loop around the connections: opening, loading, ending |
//! | `session` | one connection: sending, and comparing what comes back |
//! | `content` | the messages, each unlike all others |
//! | `args` | the command line |
//! | `outgoing`, `target` | bytes that wait, and the URL, as in the client |

extern crate alloc;

mod args;
mod content;
#[path = "../common/outgoing.rs"]
mod outgoing;
mod run;
mod session;
#[path = "../common/target.rs"]
mod target;

use std::io::{self, Write};
use std::process::ExitCode;

use args::{Parsed, USAGE};
use run::{Outcome, Run};

fn main() -> ExitCode {
    let printed = match args::parse() {
        Ok(Parsed::Help) => writeln!(io::stdout(), "{USAGE}").map(|()| ExitCode::SUCCESS),
        Ok(Parsed::Run(args)) => match Run::open(&args) {
            Ok(run) => print(&run.load(args.time), args.size),
            Err(message) => return complain(1, &message),
        },
        Err(error) => return complain(2, &format!("{error}\ntry `load --help`")),
    };
    printed.unwrap_or_else(|error| complain(1, &format!("standard output: {error}")))
}

/// Says what came of it, in the form that scripts read.
fn print(outcome: &Outcome, size: usize) -> io::Result<ExitCode> {
    let Outcome { echoes, time, all, errors } = *outcome;
    let seconds = time.as_secs_f64();
    let rate = echoes as f64 / seconds;
    let megabytes = rate * size as f64 / 1e6;
    let mut out = io::stdout();
    writeln!(
        out,
        "{echoes} messages in {seconds:.3} s: {rate:.0} messages/s, {megabytes:.1} MB/s"
    )?;
    writeln!(out, "{errors} errors in {all} messages")?;
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn complain(status: u8, message: &str) -> ExitCode {
    // If not even this can be said, the exit status has to do.
    let _ = writeln!(io::stderr(), "load: {message}");
    ExitCode::from(status)
}
