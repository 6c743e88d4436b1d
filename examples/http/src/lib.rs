//! What both examples share: the echo over a stream that is a WebSocket already.

use std::io;

use sansocket::deflate::DeflateParams;
use sansocket::{Config, Connection, DeflateConfig, Event, Input, Server, TransportAction};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A server whose opening handshake is done.
pub fn server(deflate: Option<DeflateParams>) -> Connection<Server> {
    Connection::established(Server, deflate, Config::new().deflate(DeflateConfig::new()))
}

/// Takes the events that have arrived, and answers each message with itself.
pub fn receive(
    connection: &mut Connection<Server>,
    input: &mut Input,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let mut events = connection.receive(input, out);
    while let Some((event, mut reply)) = events.next()? {
        if let Event::Message(message) = event {
            reply.send(message)?;
        }
    }
    Ok(())
}

/// Echoes until the connection is closed.
pub async fn echo(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    deflate: Option<DeflateParams>,
) -> io::Result<()> {
    let mut connection = server(deflate);
    let (mut input, mut out) = (Input::new(), Vec::new());
    while connection.transport() != TransportAction::Close {
        let count = stream.read(input.space()).await?;
        if count == 0 {
            break;
        }
        input.fill(count);
        receive(&mut connection, &mut input, &mut out)?;
        stream.write_all(&out).await?;
        out.clear();
    }
    stream.shutdown().await?;
    Ok(connection.end_of_stream()?)
}
