//! The key of a request and the accept value that answers it [RFC 6455 §1.3, §4.2.2].

use super::base64;
use crate::sha1;

/// What the key is joined with before it is hashed.
const GUID: &[u8; 36] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The base64 of 16 bytes.
pub(super) const KEY_LEN: usize = 24;

/// The base64 of a SHA-1 digest.
pub(super) const ACCEPT_LEN: usize = 28;

/// A key, as it stands in the request.
pub(crate) type Key = [u8; KEY_LEN];

/// The key for a nonce.
pub(crate) fn encode(nonce: &[u8; 16]) -> Key {
    base64::encode(nonce)
}

/// Whether this is the base64 of 16 bytes.
pub(super) fn is_valid(key: &[u8]) -> bool {
    base64::is_of_16_bytes(key)
}

/// The accept value for a key.
pub(super) fn accept(key: &Key) -> [u8; ACCEPT_LEN] {
    let mut joined = [0; KEY_LEN + GUID.len()];
    for (slot, byte) in joined.iter_mut().zip(key.iter().chain(GUID)) {
        *slot = *byte;
    }
    base64::encode(&sha1::digest(&joined))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 6455 §1.3
        let key = encode(b"the sample nonce");
        assert_eq!(&key, b"dGhlIHNhbXBsZSBub25jZQ==");
        assert!(is_valid(&key));
        assert_eq!(&accept(&key), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_the_base64_of_16_bytes() {
        let bad: [&[u8]; 6] = [
            b"",
            b"dGhlIHNhbXBsZSBub25jZQ=",
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZWQ=",
            b"dGhlIHNhbXBsZSBub25jZ!==",
            b"dGhlIHNhbXBsZSBub25jZWVl",
        ];
        for key in bad {
            assert!(!is_valid(key), "{}", key.escape_ascii());
        }
    }
}
