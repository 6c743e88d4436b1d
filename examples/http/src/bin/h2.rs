//! An echo server over HTTP/2: extended CONNECT [RFC 8441], many WebSockets on one TCP connection.
//!
//! There is no key and no accept value here. "Close TCP" means to end the stream, or to reset it
//! after a failure.

use std::io;

use bytes::Bytes;
use h2::ext::Protocol;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Method, Request, Response, StatusCode};
use http_examples::{receive, server};
use sansocket::handshake::check_extended_connect;
use sansocket::{Connection, DeflateConfig, Input, Server, TransportAction};
use tokio::net::{TcpListener, TcpStream};

const EXTENSIONS: &str = "sec-websocket-extensions";

/// Whether a request asks for a WebSocket.
fn is_websocket(request: &Request<RecvStream>) -> bool {
    let protocol = request.extensions().get::<Protocol>();
    request.method() == Method::CONNECT && protocol.is_some_and(|name| name.as_str() == "websocket")
}

/// Answers a request, and echoes on its stream.
async fn serve(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Result<(), h2::Error> {
    let headers = request.headers();
    let mut response = Response::new(());
    let checked = check_extended_connect(|name| headers.get_all(name));
    if !is_websocket(&request) || checked.is_err() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        respond.send_response(response, true)?;
        return Ok(());
    }
    let deflate = DeflateConfig::new().answer(headers.get_all(EXTENSIONS));
    if let Some(deflate) = &deflate {
        let value = deflate.value().as_str().parse().expect("it is visible ASCII");
        response.headers_mut().insert(EXTENSIONS, value);
    }
    let mut sender = respond.send_response(response, false)?;
    let mut connection = server(deflate.map(|deflate| deflate.params));
    match echo(&mut connection, request.into_body(), &mut sender).await {
        Ok(()) if connection.close_report().was_clean() => sender.send_data(Bytes::new(), true),
        // The peer has been told why, as far as it could be; the others on this TCP go on.
        _ => {
            sender.send_reset(Reason::CANCEL);
            Ok(())
        }
    }
}

async fn echo(
    connection: &mut Connection<Server>,
    mut body: RecvStream,
    sender: &mut SendStream<Bytes>,
) -> io::Result<()> {
    let (mut input, mut out) = (Input::new(), Vec::new());
    while connection.transport() != TransportAction::Close {
        let Some(data) = body.data().await else {
            break;
        };
        let data = data.map_err(io::Error::other)?;
        input.push(&data);
        body.flow_control().release_capacity(data.len()).map_err(io::Error::other)?;
        receive(connection, &mut input, &mut out)?;
        if !out.is_empty() {
            sender.send_data(std::mem::take(&mut out).into(), false).map_err(io::Error::other)?;
        }
    }
    Ok(connection.end_of_stream()?)
}

async fn accept(socket: TcpStream) -> Result<(), h2::Error> {
    let mut http = h2::server::Builder::new().enable_connect_protocol().handshake(socket).await?;
    while let Some(request) = http.accept().await {
        let (request, respond) = request?;
        tokio::spawn(serve(request, respond));
    }
    Ok(())
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(accept(socket));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sansocket::handshake::ClientOffer;
    use sansocket::{Client, CloseCode, Config, Event, Message, SystemEntropy};

    /// Sends a text on a stream of its own, and waits for its echo and the closing handshake.
    async fn talk(mut requests: h2::client::SendRequest<Bytes>, text: String) {
        let config = DeflateConfig::new();
        let mut request = Request::new(());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = "http://localhost/chat".parse().unwrap();
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        let offer = config.offer();
        for (name, value) in [("sec-websocket-version", "13"), (EXTENSIONS, offer.value().as_str())]
        {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let (response, mut sender) = requests.send_request(request, false).unwrap();
        let response = response.await.unwrap();
        let headers = response.headers();
        let offer = ClientOffer { protocols: &[], deflate: Some(&config) };
        let status = response.status().as_u16();
        let agreed = offer.check_connect_response(status, |name| headers.get_all(name)).unwrap();
        assert!(agreed.deflate.is_some());

        let role = Client::new(SystemEntropy::new());
        let config = Config::new().deflate(config);
        let mut client = Connection::established(role, agreed.deflate, config);
        let (mut input, mut out) = (Input::new(), Vec::new());
        client.sender(&mut out).send(&text).unwrap();
        let mut body = response.into_body();
        let mut echoes = 0;
        loop {
            if !out.is_empty() {
                sender.send_data(std::mem::take(&mut out).into(), false).unwrap();
            }
            let Some(data) = body.data().await else {
                break;
            };
            let data = data.unwrap();
            input.push(&data);
            body.flow_control().release_capacity(data.len()).unwrap();
            let mut events = client.receive(&mut input, &mut out);
            while let Some((event, mut reply)) = events.next().unwrap() {
                if let Event::Message(message) = event {
                    assert_eq!(message, Message::Text(&text));
                    echoes += 1;
                    reply.close(CloseCode::NORMAL).unwrap();
                }
            }
        }
        client.end_of_stream().unwrap();
        assert!(client.close_report().was_clean());
        assert_eq!(echoes, 1);
    }

    #[tokio::test]
    async fn streams_of_one_connection_echo() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            accept(socket).await.unwrap();
        });
        let socket = TcpStream::connect(address).await.unwrap();
        let (requests, connection) = h2::client::handshake(socket).await.unwrap();
        tokio::spawn(connection);
        let mut ready = requests.clone().ready().await.unwrap();
        // The server's settings have to arrive first.
        while !ready.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
            ready = ready.ready().await.unwrap();
        }
        let talks =
            (0..5).map(|n| tokio::spawn(talk(requests.clone(), format!("{n} ").repeat(500))));
        for talk in talks.collect::<Vec<_>>() {
            talk.await.unwrap();
        }
    }
}
