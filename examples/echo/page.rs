//! Plain HTTP on the same port: a page to try the server with.

use sansocket::Response;
use sansocket::handshake::RequestHead;

const PAGE: &str = include_str!("page.html");

/// The answer to a request that is no upgrade.
pub(crate) fn response(request: &RequestHead<'_>) -> Response<'static> {
    if !matches!(request.method(), "GET" | "HEAD") {
        return Response::new(405)
            .headers(&[("Allow", "GET, HEAD"), ("Content-Type", "text/plain")])
            .body(b"only GET and HEAD\n");
    }
    let path = request.target().split('?').next();
    if path != Some("/") {
        return Response::new(404)
            .headers(&[("Content-Type", "text/plain")])
            .body(b"nothing here; the page is at /\n");
    }
    Response::new(200)
        .headers(&[("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-cache")])
        .body(PAGE.as_bytes())
}
