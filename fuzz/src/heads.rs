//! Heads of HTTP as the parser `httparse` sees them, which is how a peer would.

/// A head, with the values as they stand without white space around them.
#[derive(Debug)]
pub struct Head {
    /// The method and the target of a request; the number and the phrase of a status.
    pub first: (String, String),
    pub headers: Vec<(String, Vec<u8>)>,
    /// What is behind the head.
    pub body: Vec<u8>,
}

impl Head {
    /// The values of the headers with this name.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        let same = |header: &&(String, Vec<u8>)| header.0.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, value)| &value[..]).collect()
    }
}

/// Reads a request that must be whole and well formed.
#[must_use]
pub fn request(bytes: &[u8]) -> Head {
    let mut slots = [httparse::EMPTY_HEADER; 512];
    let mut head = httparse::Request::new(&mut slots);
    let length = head.parse(bytes).expect("a well-formed request").unwrap();
    assert_eq!(head.version, Some(1));
    let first = (head.method.unwrap_or_default(), head.path.unwrap_or_default());
    new(first, head.headers, &bytes[length..])
}

/// Reads a response that must be whole and well formed.
#[must_use]
pub fn response(bytes: &[u8]) -> Head {
    let mut slots = [httparse::EMPTY_HEADER; 512];
    let mut head = httparse::Response::new(&mut slots);
    let length = head.parse(bytes).expect("a well-formed response").unwrap();
    assert_eq!(head.version, Some(1));
    let code = head.code.unwrap_or_default().to_string();
    new((&code, head.reason.unwrap_or_default()), head.headers, &bytes[length..])
}

fn new(first: (&str, &str), headers: &[httparse::Header<'_>], body: &[u8]) -> Head {
    Head {
        first: (first.0.to_owned(), first.1.to_owned()),
        headers: headers.iter().map(|h| (h.name.to_owned(), h.value.to_vec())).collect(),
        body: body.to_vec(),
    }
}

/// What was sent behind the own part of the opening handshake: frames, if there can be any.
#[must_use]
pub fn after_own_head(sent: &[u8]) -> &[u8] {
    if sent.is_empty() {
        return sent;
    }
    let end = sent.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a whole head") + 4;
    let (head, rest) = sent.split_at(end);
    if head.starts_with(b"GET ") || head.starts_with(b"HTTP/1.1 101 ") {
        return rest;
    }
    // The answer to HEAD has the length of a body that is left out.
    let length = response(sent).all("Content-Length").concat();
    let is_whole = rest.is_empty() || length == rest.len().to_string().as_bytes();
    assert!(is_whole, "{} bytes of a body", rest.len());
    &[]
}
