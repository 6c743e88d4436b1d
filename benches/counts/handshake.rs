//! The opening handshake of both sides, from a new connection to an open one.

use core::hint::black_box;

use sansocket::{Accept, Client, Config, Connection, Event, Heap, Request, Server, State};

use crate::Path;
use crate::data::{Counter, receive};

pub(crate) fn paths() -> Vec<Path> {
    vec![serving(), connecting()]
}

/// A request with about as much in it as one of a browser.
fn connect(out: &mut Vec<u8>) -> Connection<Client<Counter>, Heap> {
    let headers = [
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("Accept-Language", "en-GB,en;q=0.8,fr;q=0.5,*;q=0.3"),
        ("Cache-Control", "no-cache"),
        ("Cookie", "session=5d41402abc4b2a76b9719d911017c592; theme=dark"),
    ];
    let request = Request::new("chat.example.com", "/rooms/main?since=1200")
        .origin("https://chat.example.com")
        .protocols(&["chat.v2", "chat.v1"])
        .headers(&headers);
    Connection::client(&request, Counter::new(), Config::new(), out).expect("a valid request")
}

/// A new server that takes the request, and accepts it.
fn serve(request: &mut [u8], out: &mut Vec<u8>) -> Connection<Server, Heap> {
    let mut connection = Connection::server(Config::new());
    let mut events = connection.receive(request, out);
    while let Some((event, mut reply)) = events.next().expect("the request is valid") {
        if let Event::Request(_) = event {
            let accept = Accept::new().protocol("chat.v2");
            reply.accept(accept).expect("the request can be accepted");
        }
    }
    connection
}

fn serving() -> Path {
    Path::new("server opens: request, accept", || {
        let mut request = Vec::new();
        connect(&mut request);
        let mut out = Vec::with_capacity(1024);
        // Outside of the work, so that the connection is not dropped inside of it.
        let mut server = None;
        move || {
            let server = server.insert(serve(&mut request, &mut out));
            server.state() == State::Open && black_box(&out).ends_with(b"\r\n\r\n")
        }
    })
}

fn connecting() -> Path {
    Path::new("client opens: request, response", || {
        let (mut request, mut response) = (Vec::new(), Vec::new());
        // The nonce is the same each time, so the response fits the next client too.
        connect(&mut request);
        serve(&mut request, &mut response);
        let mut out = Vec::with_capacity(1024);
        let mut client = None;
        move || {
            let client = client.insert(connect(&mut out));
            receive(client, &mut response, usize::MAX, &mut out);
            client.state() == State::Open && black_box(&out).ends_with(b"\r\n\r\n")
        }
    })
}
