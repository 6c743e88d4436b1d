//! Plain HTTP on the same port: a page to try the server with, and how much stack it needs.

use cortex_m3::network::TRANSMIT_ROOM;
use cortex_m3::stack::Stack;
use cortex_m3::text::Text;
use sansocket::handshake::RequestHead;
use sansocket::{Buffer, Response, ResponseError, Sender, Sent, Server, Storage};

const PAGE: &[u8] = include_bytes!("page.html");

// A response is written whole, and with the page comes its head.
const _: () = assert!(PAGE.len() + 512 <= TRANSMIT_ROOM, "the page is too long for a socket");

const TEXT: (&str, &str) = ("Content-Type", "text/plain");
const HTML: (&str, &str) = ("Content-Type", "text/html; charset=utf-8");

/// Answers a request that is no upgrade.
pub(crate) fn answer<S: Storage, B: Buffer>(
    request: &RequestHead<'_>,
    reply: &mut Sender<'_, Server, S, B>,
) -> Result<Sent<B>, ResponseError> {
    if !matches!(request.method(), "GET" | "HEAD") {
        let allow = ("Allow", "GET, HEAD");
        return reply
            .respond(&Response::new(405).headers(&[allow, TEXT]).body(b"only GET and HEAD\n"));
    }
    match request.target() {
        "/" => reply.respond(&Response::new(200).headers(&[HTML]).body(PAGE)),
        "/stack" => {
            let Stack { used, size } = Stack::measure();
            let text = Text::<40>::format(format_args!("{used} of {size} bytes\n"));
            reply.respond(&Response::new(200).headers(&[TEXT]).body(text.as_str().as_bytes()))
        }
        _ => reply.respond(&Response::new(404).headers(&[TEXT]).body(b"nothing here\n")),
    }
}
