//! Being tested by the testsuite's fuzzing server (`wstest --mode fuzzingserver`).
//!
//! The server tells how many cases it has, runs each of them on a connection of its own, and
//! writes its report when asked to.

use std::net::TcpStream;

use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use crate::echo;

/// Runs all cases that the server has.
pub(crate) fn run(server: &str, agent: &str) -> Result<(), String> {
    let server = server.trim_end_matches('/');
    for case in 1..=case_count(server)? {
        echo::run(connect(&format!("{server}/runCase?case={case}&agent={agent}"))?);
    }
    // The server closes this one when the report is written.
    echo::run(connect(&format!("{server}/updateReports?agent={agent}"))?);
    Ok(())
}

fn case_count(server: &str) -> Result<u32, String> {
    let mut socket = connect(&format!("{server}/getCaseCount"))?;
    let answer = match socket.read() {
        Ok(Message::Text(answer)) => answer,
        Ok(other) => return Err(format!("/getCaseCount: {other:?} instead of a number")),
        Err(error) => return Err(format!("/getCaseCount: {error}")),
    };
    echo::run(socket);
    answer.parse().map_err(|_| format!("/getCaseCount: not a number: '{answer}'"))
}

fn connect(url: &str) -> Result<WebSocket<MaybeTlsStream<TcpStream>>, String> {
    match tungstenite::client::connect_with_config(url, Some(echo::config()), 0) {
        Ok((socket, _)) => Ok(socket),
        Err(error) => Err(format!("{url}: {error}")),
    }
}
