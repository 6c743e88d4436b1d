//! The opening handshake over the wire [RFC 6455 §4]: what a server answers to each kind of
//! request, what a client makes of each kind of response, and the limits at their exact edge.

#[path = "../wire/mod.rs"]
mod wire;

mod body;
mod client;
mod limits;
#[cfg(all(feature = "alloc", feature = "deflate"))]
mod pieces;
mod proxy;
mod server;

use sansocket::{
    Accept, Client, Config, Connection, Error, Fixed, Request, ResponseError, Server,
    TransportAction,
};
use wire::{Fed, Memory, Out, Scripted, feed};
#[cfg(feature = "alloc")]
use {
    sansocket::{Event, State},
    wire::Seen,
};

/// How properties are tested: as in the other tests, failing cases are kept in this file.
fn settings(file: &'static str) -> proptest::test_runner::Config {
    use proptest::test_runner::{Config, FileFailurePersistence};
    let persistence = FileFailurePersistence::Direct(file);
    Config { failure_persistence: Some(Box::new(persistence)), ..Config::default() }
}

/// The request of RFC 6455 §1.3.
const REQUEST: &str = "GET /chat HTTP/1.1\r\n\
    Host: server.example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\n\
    Sec-WebSocket-Protocol: chat, superchat\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// The response of RFC 6455 §1.3.
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: chat\r\n\r\n";

fn server(config: Config) -> Connection<Server, Memory> {
    Connection::server_in(Fixed, config)
}

/// The client whose request is that of the RFC, as far as the order of headers goes.
fn client(config: Config, out: &mut Out) -> Connection<Client<Scripted>, Memory> {
    let request = Request::new("server.example.com", "/chat")
        .origin("http://example.com")
        .protocols(&["chat", "superchat"]);
    Connection::client_in(Fixed, &request, Scripted, config, out).unwrap()
}

/// A server that was fed a request and did not answer, with what it has written.
fn fed(config: Config, request: &str) -> (Connection<Server, Memory>, Fed, String) {
    let (mut server, mut out) = (server(config), Out::default());
    let fed = feed(&mut server, request.as_bytes(), &mut out);
    (server, fed, String::from_utf8(out.take()).unwrap())
}

#[test]
fn the_stream_may_end_before_the_handshake_is_done() {
    let (mut server, _, _) = fed(Config::new(), &REQUEST[..50]);
    let (mut waiting, _, _) = fed(Config::new(), REQUEST);
    let mut client = client(Config::new(), &mut Out::default());
    assert_eq!(server.end_of_stream(), Err(Error::UnexpectedEnd));
    assert_eq!(waiting.end_of_stream(), Err(Error::UnexpectedEnd));
    assert_eq!(client.end_of_stream(), Err(Error::UnexpectedEnd));
    let refused = waiting.sender(&mut Out::default()).accept(Accept::new());
    assert_eq!(refused, Err(ResponseError::Closed));
    assert_eq!(server.transport(), TransportAction::Close);
}

/// The connections on the heap, as most programs make them.
#[cfg(feature = "alloc")]
#[test]
fn a_client_and_a_server_on_the_heap_agree() {
    let mut wire = Vec::new();
    let request = Request::new("a", "/").protocols(&["chat"]);
    let mut client = Connection::client(&request, Scripted, Config::new(), &mut wire).unwrap();
    let mut server = Connection::server(Config::new());
    let mut answer = Vec::new();
    let mut events = server.receive(&wire[..], &mut answer);
    let (event, mut reply) = events.next().unwrap().unwrap();
    let Event::Request(_) = event else { panic!("{event:?}") };
    reply.accept(Accept::new().protocol("chat")).unwrap();

    let mut nothing = Vec::new();
    let mut events = client.receive(&answer[..], &mut nothing);
    let (event, _) = events.next().unwrap().unwrap();
    assert_eq!(Seen::new(&event), Seen::Open(Some("chat".into())));
    assert_eq!(server.state(), State::Open);
}
