//! An echo server behind hyper 1: hyper reads the request, the library checks and answers it.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderName, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode, Version};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sansocket::DeflateConfig;
use sansocket::deflate::DeflateParams;
use sansocket::handshake::{HandshakeError, check_request};
use tokio::net::{TcpListener, TcpStream};

const ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");
const EXTENSIONS: HeaderName = HeaderName::from_static("sec-websocket-extensions");

type Answer = Response<Empty<Bytes>>;

/// The response with status 101, and what was agreed on for compression.
fn upgrade(request: &Request<Incoming>) -> Result<(Answer, Option<DeflateParams>), HandshakeError> {
    let headers = request.headers();
    let minor_version = if request.version() == Version::HTTP_11 { 1 } else { 0 };
    let method = request.method().as_str();
    let accept = check_request(method, minor_version, |name| headers.get_all(name))?;
    let deflate = DeflateConfig::new().answer(headers.get_all(&EXTENSIONS));

    let value = |text: &str| HeaderValue::from_str(text).expect("it is visible ASCII");
    let mut response = Answer::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let answer = response.headers_mut();
    answer.insert(UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(ACCEPT, value(accept.as_str()));
    if let Some(deflate) = &deflate {
        answer.insert(EXTENSIONS, value(deflate.value().as_str()));
    }
    Ok((response, deflate.map(|deflate| deflate.params)))
}

async fn serve(request: Request<Incoming>) -> Result<Answer, Infallible> {
    Ok(match upgrade(&request) {
        Ok((response, deflate)) => {
            tokio::spawn(async move {
                let Ok(upgraded) = hyper::upgrade::on(request).await else {
                    return;
                };
                if let Err(error) = http_examples::echo(TokioIo::new(upgraded), deflate).await {
                    eprintln!("{error}");
                }
            });
            response
        }
        Err(error) => {
            let mut response = Answer::default();
            *response.status_mut() = StatusCode::from_u16(error.status()).expect("it is a status");
            response
        }
    })
}

async fn accept(socket: TcpStream) -> hyper::Result<()> {
    let http = hyper::server::conn::http1::Builder::new();
    http.serve_connection(TokioIo::new(socket), service_fn(serve)).with_upgrades().await
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
    use sansocket::{
        CloseCode, Config, Connection, Event, Input, Message, Request, SystemEntropy,
        TransportAction,
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_client_gets_its_compressed_messages_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            accept(socket).await.unwrap();
        });

        let mut socket = TcpStream::connect(address).await.unwrap();
        let host = address.to_string();
        let request = Request::new(&host, "/");
        let config = Config::new().deflate(DeflateConfig::new());
        let (mut input, mut out) = (Input::new(), Vec::new());
        let entropy = SystemEntropy::new();
        let mut client = Connection::client(&request, entropy, config, &mut out).unwrap();
        let text = "hello ".repeat(1000);
        let mut echoes = 0;
        while client.transport() != TransportAction::Close {
            socket.write_all(&out).await.unwrap();
            out.clear();
            let count = socket.read(input.space()).await.unwrap();
            if count == 0 {
                break;
            }
            input.fill(count);
            let mut events = client.receive(&mut input, &mut out);
            while let Some((event, mut reply)) = events.next().unwrap() {
                match event {
                    Event::Open(_) => reply.send(&text).unwrap(),
                    Event::Message(message) => {
                        assert_eq!(message, Message::Text(&text));
                        echoes += 1;
                        reply.close(CloseCode::NORMAL).unwrap();
                    }
                    _ => {}
                }
            }
        }
        client.end_of_stream().unwrap();
        assert!(client.deflate_params().is_some() && client.close_report().was_clean());
        assert_eq!(echoes, 1);
    }
}
