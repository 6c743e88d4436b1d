//! Being tested by the fuzzing server of Autobahn|Testsuite (`wstest --mode fuzzingserver`).
//!
//! The server says how many cases it has, runs each of them on a connection of its own where this
//! side echoes all messages, and writes its report when asked to.

use core::time::Duration;
use std::io::{self, IsTerminal, Write};

use sansocket::{Config, Delivery, Event, Message};

use crate::Failure;
use crate::args::Test;
use crate::driver::{Driver, Handler, Options, Sender};
use crate::target::Target;

/// How long the server may take to answer: while it writes what came of a case, it does nothing
/// else.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs all cases that the server has.
pub(crate) fn run(
    server: &Target,
    test: &Test,
    config: Config,
    options: Options,
) -> Result<(), Failure> {
    let config = config.opening_timeout(BUSY_TIMEOUT);
    let count = case_count(server, config, options)?;
    let delivery = if test.streaming { Delivery::Streaming } else { Delivery::Whole };
    for case in 1..=count {
        show_progress(&format!("case {case} of {count}"));
        let query = [("case", &*case.to_string()), ("agent", &test.agent)];
        let case = resource(server, "/runCase", &query);
        match visit(&case, config.delivery(delivery), options, &mut Echo) {
            // In many cases the server breaks the protocol, and it is right to fail.
            Ok(()) | Err(Failure::Unclean(_)) => {}
            Err(failure) => {
                show_progress("");
                return Err(failure);
            }
        }
    }
    show_progress("");
    let update = resource(server, "/updateReports", &[("agent", &test.agent)]);
    visit(&update, config, options, &mut Echo)
}

/// Asks the server how many cases it has.
fn case_count(server: &Target, config: Config, options: Options) -> Result<u32, Failure> {
    let mut answer = Answer::default();
    visit(&resource(server, "/getCaseCount", &[]), config, options, &mut answer)?;
    let count = answer.text.as_deref().and_then(|text| text.parse().ok());
    count.ok_or_else(|| Failure::Other("/getCaseCount: the answer is not a number".to_owned()))
}

/// Another path and query on the same server.
fn resource(server: &Target, path: &str, query: &[(&str, &str)]) -> Target {
    let Target(mut url) = server.clone();
    url.set_path(path);
    url.set_query(None);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    Target(url)
}

/// Connects to a resource and stays until the connection has ended.
fn visit(
    resource: &Target,
    config: Config,
    options: Options,
    handler: &mut impl Handler,
) -> Result<(), Failure> {
    Driver::connect(resource, &resource.request(), config, options)?.run(handler)
}

/// Sends each message back, or each piece of it as a fragment.
struct Echo;

impl Handler for Echo {
    fn event(&mut self, event: Event<'_>, mut reply: Sender<'_>) -> Result<(), Failure> {
        match event {
            Event::Message(message) => reply.send(message)?,
            Event::Piece(piece) => reply.send_fragment(piece.fragment(), piece.data)?,
            _ => {}
        }
        Ok(())
    }
}

/// Keeps the text that the server sends.
#[derive(Default)]
struct Answer {
    text: Option<String>,
}

impl Handler for Answer {
    fn event(&mut self, event: Event<'_>, _: Sender<'_>) -> Result<(), Failure> {
        if let Event::Message(Message::Text(text)) = event {
            self.text = Some(text.to_owned());
        }
        Ok(())
    }
}

/// Replaces the progress line of a terminal.
fn show_progress(text: &str) {
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        // Progress that cannot be shown is no reason to stop.
        let _ = write!(terminal, "\r\x1b[K{text}");
    }
}
