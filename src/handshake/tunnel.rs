//! A tunnel through an HTTP proxy, in front of a TLS or WebSocket handshake [RFC 9110 §9.3.6].
//!
//! ```text
//!  connect ──► Head ─┬─ 1xx ────► Head
//!              │     ├─ 2xx ────► Open: the bytes behind the head belong to the tunnel
//!              │     └─ other ──► Refused
//!              └─ malformed, or longer than the memory ──► Failed
//! ```

use core::fmt;

use super::headers::{Extra, Headers};
use super::request::is_host;
use super::response::parse_status_line;
use super::{HandshakeError, ResponseHead, Scan};
use crate::buffer::{Buffer, Sent, write_whole};
use crate::misuse::{RequestError, Unsent, apart};

/// Headers of the request that are written without the caller, or would give it a body.
const OWN_HEADERS: [&str; 3] = ["Host", "Content-Length", "Transfer-Encoding"];

/// A request to an HTTP proxy to connect to a host [RFC 9110 §9.3.6].
///
/// ```
/// use sansocket::handshake::TunnelRequest;
///
/// let request = TunnelRequest::new("example.com:443")
///     .headers(&[("Proxy-Authorization", "Basic dXNlcjpwYXNz")]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TunnelRequest<'a> {
    authority: &'a str,
    headers: Extra<'a>,
}

impl<'a> TunnelRequest<'a> {
    /// Creates a request for `authority`, a host with its port, as in `example.com:443`.
    #[must_use]
    pub const fn new(authority: &'a str) -> Self {
        Self { authority, headers: Extra::NONE }
    }

    /// Sets the headers to add, names and values.
    #[must_use]
    pub const fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers.text = headers;
        self
    }

    /// Sets headers to add whose values are bytes, for those that are not UTF-8.
    ///
    /// They are written behind those of [`headers`](Self::headers), and counted on from these in
    /// an error.
    #[must_use]
    pub const fn raw_headers(mut self, headers: &'a [(&'a str, &'a [u8])]) -> Self {
        self.headers.raw = headers;
        self
    }

    fn check(&self) -> Result<(), RequestError> {
        let port = self.authority.rsplit_once(':').map(|(_, port)| port);
        let has_port = port.is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse().is_ok_and(|n: u16| n > 0)
        });
        if !has_port || !is_host(self.authority) || self.authority.starts_with(':') {
            return Err(RequestError::InvalidHost);
        }
        self.headers.check(&OWN_HEADERS).map_err(|index| RequestError::InvalidHeader { index })
    }

    fn write(&self, out: &mut dyn Buffer) {
        for part in ["CONNECT ", self.authority, " HTTP/1.1\r\nHost: ", self.authority, "\r\n"] {
            out.append(part.as_bytes());
        }
        self.headers.write(out);
        out.append(b"\r\n");
    }
}

/// A tunnel through an HTTP proxy, until it is open or refused.
///
/// It uses memory of the caller for the head of the proxy's response, whose length is the limit of
/// the head.
///
/// ```
/// use sansocket::handshake::{Tunnel, TunnelAnswer, TunnelRequest};
///
/// let (mut memory, mut out) = ([0; 512], sansocket::FixedBuffer::<512>::new());
/// let request = TunnelRequest::new("example.com:443");
/// let mut tunnel = Tunnel::connect(&request, &mut memory, &mut out)?.expect("the request fits");
/// // Write `out` to the proxy, then read from it.
/// assert_eq!(
///     out.as_slice(),
///     b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n"
/// );
/// for read in [&b"HTTP/1.1 200 Connection est"[..], b"ablished\r\n\r\n\x16\x03"] {
///     let (consumed, answer) = tunnel.receive(read).expect("a valid response");
///     match answer {
///         None => {} // read on
///         Some(TunnelAnswer::Open) => {
///             // Start TLS, first with the rest of what was read.
///             assert_eq!(&read[consumed..], b"\x16\x03");
///         }
///         Some(TunnelAnswer::Refused(head)) => panic!("status {}", head.status()),
///     }
/// }
/// # Ok::<(), sansocket::RequestError>(())
/// ```
pub struct Tunnel<'m> {
    memory: &'m mut [u8],
    /// How much of the memory is used.
    length: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Head(Scan),
    Open,
    Refused,
    Failed(HandshakeError),
}

/// How a proxy has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TunnelAnswer<'a> {
    /// The tunnel is open: everything behind the head belongs to it.
    Open,
    /// The proxy has answered with this head, as with status 407 to a request without credentials.
    ///
    /// A body may follow. Close TCP to the proxy.
    Refused(ResponseHead<'a>),
}

impl<'m> Tunnel<'m> {
    /// Appends the request to `out`, and returns the tunnel that waits for the response.
    ///
    /// Write `out` to the proxy, then call [`receive`](Self::receive) with what it sends.
    ///
    /// # Errors
    ///
    /// [`RequestError::InvalidHost`] if the authority is not a host with a port from 1 to 65,535,
    /// or [`InvalidHeader`](RequestError::InvalidHeader). Nothing is written then.
    pub fn connect<B: Buffer>(
        request: &TunnelRequest<'_>,
        memory: &'m mut [u8],
        out: &mut B,
    ) -> Result<Sent<B, Self>, RequestError> {
        request.check()?;
        let written = write_whole(out, |out| request.write(out));
        let tunnel = Self { memory, length: 0, stage: Stage::Head(Scan::default()) };
        apart::<B, _, _>(written.map(|()| tunnel).map_err(Unsent::Full))
    }

    /// Takes the next bytes from the proxy, in pieces of any length.
    ///
    /// Returns how many of them were consumed, and the answer once its head is complete. Until then
    /// all bytes are consumed. After it, none are, and the answer is returned again.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::HeadTooLong`] if the head does not fit the memory,
    /// [`Malformed`](HandshakeError::Malformed) if it is not HTTP/1, or a response that switches
    /// protocols. Every later call returns the same error; close TCP.
    pub fn receive(
        &mut self,
        bytes: &[u8],
    ) -> Result<(usize, Option<TunnelAnswer<'_>>), HandshakeError> {
        let consumed = match self.head(bytes) {
            Ok(consumed) => consumed,
            Err(error) => {
                self.stage = Stage::Failed(error);
                return Err(error);
            }
        };
        let answer = match self.stage {
            Stage::Head(_) | Stage::Failed(_) => None,
            Stage::Open => Some(TunnelAnswer::Open),
            Stage::Refused => {
                let head = self.memory.get(..self.length).unwrap_or_default();
                Some(TunnelAnswer::Refused(ResponseHead::new(head)))
            }
        };
        Ok((consumed, answer))
    }

    /// Collects a head up to its end, and goes on with the next if it was interim.
    fn head(&mut self, bytes: &[u8]) -> Result<usize, HandshakeError> {
        let mut consumed = 0;
        loop {
            let mut scan = match self.stage {
                Stage::Head(scan) => scan,
                Stage::Open | Stage::Refused => return Ok(consumed),
                Stage::Failed(error) => return Err(error),
            };
            let rest = bytes.get(consumed..).unwrap_or_default();
            let room = self.memory.get_mut(self.length..).unwrap_or_default();
            // No more than fits, so that a head is judged alike however much comes with it.
            let part = rest.get(..room.len()).unwrap_or(rest);
            let end = scan.feed(part, u16::MAX)?;
            let part = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
            for (slot, byte) in room.iter_mut().zip(part) {
                *slot = *byte;
            }
            let is_full = part.len() == room.len();
            self.length += part.len();
            consumed += part.len();
            if end.is_none() {
                if is_full {
                    let limit = u32::try_from(self.memory.len()).unwrap_or(u32::MAX);
                    return Err(HandshakeError::HeadTooLong { limit });
                }
                self.stage = Stage::Head(scan);
                return Ok(consumed);
            }
            let head = self.memory.get(..self.length).unwrap_or_default();
            let (line, _) = Headers::check(head, u16::MAX)?;
            self.stage = match parse_status_line(line)?.1 {
                101 => return Err(HandshakeError::Malformed),
                100..=199 => {
                    self.length = 0;
                    Stage::Head(Scan::default())
                }
                200..=299 => Stage::Open,
                _ => Stage::Refused,
            };
        }
    }
}

impl fmt::Debug for Tunnel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel")
            .field("stage", &self.stage)
            .field("received", &self.length)
            .field("limit", &self.memory.len())
            .finish()
    }
}
