//! Plain HTTP on the same port: a page to try the server with, and how much stack it needs.

use core::fmt::Write as _;

use cortex_m3::network::TRANSMIT_ROOM;
use cortex_m3::stack::Stack;
use sansocket::{Buffer, FixedBuffer, Reply, RequestHead, Response, SendError, Server, Storage};

const PAGE: &[u8] = include_bytes!("page.html");

// A response is written whole, and with the page comes its head.
const _: () = assert!(PAGE.len() + 512 <= TRANSMIT_ROOM, "the page is too long for a socket");

const TEXT: (&str, &str) = ("Content-Type", "text/plain");
const HTML: (&str, &str) = ("Content-Type", "text/html; charset=utf-8");

/// Answers a request that is no upgrade.
pub(crate) fn answer<S: Storage, B: Buffer>(
    request: &RequestHead<'_>,
    reply: &mut Reply<'_, Server, S, B>,
) -> Result<(), SendError> {
    if !matches!(request.method(), "GET" | "HEAD") {
        let allow = ("Allow", "GET, HEAD");
        return reply.respond(&Response::new(405).headers(&[allow, TEXT]).body(b"only GET and HEAD\n"));
    }
    match request.target() {
        "/" => reply.respond(&Response::new(200).headers(&[HTML]).body(PAGE)),
        "/stack" => {
            let mut text = Text(FixedBuffer::new());
            let Stack { used, size } = Stack::measure();
            // It fits.
            let _ = writeln!(text, "{used} of {size} bytes");
            reply.respond(&Response::new(200).headers(&[TEXT]).body(text.0.as_slice()))
        }
        _ => reply.respond(&Response::new(404).headers(&[TEXT]).body(b"nothing here\n")),
    }
}

/// Memory to format a short text in.
struct Text(FixedBuffer<40>);

impl core::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        if self.0.room() < text.len() {
            return Err(core::fmt::Error);
        }
        self.0.append(text.as_bytes());
        Ok(())
    }
}
