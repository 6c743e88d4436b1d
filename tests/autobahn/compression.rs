//! The fuzzing peer's permessage-deflate [RFC 7692 §7.2], by libraries that are not the crate's own
//! choice for windows that small, and that refuse what goes beyond the window.

use flate2::{Compress, Compression as Level, FlushCompress};

use crate::play::Role;

/// The C zlib, which keeps no more of what it has decompressed than the window holds.
#[path = "../deflate/zlib.rs"]
#[allow(dead_code, reason = "the tests of compression need more of it")]
mod zlib;

/// What a sync flush ends with, and a message does not.
const TAIL: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// What was agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) client_no_context_takeover: bool,
    pub(crate) server_max_window_bits: Option<u8>,
    pub(crate) client_max_window_bits: Option<u8>,
}

/// Both directions' state.
pub(crate) struct Codec {
    compress: Compress,
    decompress: zlib::Inflate,
    /// The window is forgotten after each message.
    forgets_sent: bool,
    forgets_received: bool,
}

impl Codec {
    /// For a peer of the subject that plays this role.
    pub(crate) fn new(params: Params, subject: Role) -> Self {
        // zlib has no window of 2^8 for this; that of 2^9 reads all that it could hold.
        let bits = |bits: Option<u8>| bits.unwrap_or(15).max(9);
        let server = (bits(params.server_max_window_bits), params.server_no_context_takeover);
        let client = (bits(params.client_max_window_bits), params.client_no_context_takeover);
        let (received, sent) = match subject {
            Role::Server => (server, client),
            Role::Client => (client, server),
        };
        Self {
            compress: Compress::new_with_window_bits(Level::fast(), false, sent.0),
            decompress: zlib::Inflate::new(received.0),
            forgets_sent: sent.1,
            forgets_received: received.1,
        }
    }

    pub(crate) fn compress(&mut self, message: &[u8]) -> Vec<u8> {
        let mut output = Vec::with_capacity(message.len() + 64);
        let start = self.compress.total_in();
        loop {
            let taken = (self.compress.total_in() - start) as usize;
            self.compress
                .compress_vec(&message[taken..], &mut output, FlushCompress::Sync)
                .expect("deflate takes everything");
            if output.len() < output.capacity() {
                break;
            }
            output.reserve(4096);
        }
        output.truncate(output.len() - TAIL.len());
        if self.forgets_sent {
            self.compress.reset();
        }
        output
    }

    /// The message of a payload; `None` if there is none of it.
    pub(crate) fn decompress(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let message = self.decompress.message(payload).ok()?;
        if self.forgets_received {
            self.decompress.reset();
        }
        Some(message)
    }
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Codec")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reference back into the message itself, by more octets than the window has.
    #[test]
    fn the_window_is_kept_to() {
        let mut random = crate::random::Random::new(1);
        let noise: Vec<u8> = (0..600).map(|_| random.next() as u8).collect();
        let params = |bits| Params { server_max_window_bits: Some(bits), ..Params::default() };
        for (bits, is_read) in [(15, true), (10, true), (9, false)] {
            let payload = Codec::new(params(15), Role::Client).compress(&noise.repeat(2));
            let message = Codec::new(params(bits), Role::Server).decompress(&payload);
            assert_eq!(message.is_some(), is_read, "{bits} bits");
        }
    }

    #[test]
    fn messages_come_back() {
        for bits in [None, Some(9), Some(15)] {
            for takeover in [true, false] {
                let params = Params {
                    server_no_context_takeover: !takeover,
                    client_no_context_takeover: !takeover,
                    server_max_window_bits: bits,
                    client_max_window_bits: bits,
                };
                let mut one = Codec::new(params, Role::Server);
                let mut other = Codec::new(params, Role::Client);
                for message in [vec![], b"Hello".to_vec(), b"Hello".repeat(20_000)] {
                    let payload = one.compress(&message);
                    assert_eq!(other.decompress(&payload), Some(message));
                }
            }
        }
    }
}
