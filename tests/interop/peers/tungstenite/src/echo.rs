//! Echoing on one connection, as tungstenite's own programs for the testsuite do it.

use std::io::{Read, Write};

use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Error, Message, WebSocket};

/// More than any case sends: a frame of 16 MiB.
const LIMIT: usize = 64 << 20;

pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default().max_frame_size(Some(LIMIT)).max_message_size(Some(LIMIT))
}

/// Sends each message back until the connection has ended, and drops the stream then.
///
/// tungstenite sends no close frame after an error, so that the peer sees TCP end.
pub(crate) fn run<S: Read + Write>(mut socket: WebSocket<S>) {
    match echo(&mut socket) {
        // It ended as it should, or the testsuite broke the protocol.
        Error::ConnectionClosed | Error::Protocol(_) | Error::Utf8(_) => {}
        error => eprintln!("a connection ended: {error}"),
    }
}

/// Returns what ended the connection.
fn echo<S: Read + Write>(socket: &mut WebSocket<S>) -> Error {
    loop {
        let sent = match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message),
            // tungstenite answers pings and close frames by itself, at the next read.
            Ok(_) => Ok(()),
            Err(error) => return error,
        };
        if let Err(error) = sent {
            return error;
        }
    }
}
