//! The key of a request and the accept value that answers it [RFC 6455 §1.3, §4.2.2].

use base64ct::{Base64, Encoding};
use sha1_smol::Sha1;

/// What the key is joined with before it is hashed.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The base64 of 16 bytes.
pub(super) const KEY_LEN: usize = 24;

/// The base64 of a SHA-1 digest.
pub(super) const ACCEPT_LEN: usize = 28;

/// A key, as it stands in the request.
pub(crate) type Key = [u8; KEY_LEN];

/// The key for a nonce.
pub(crate) fn encode(nonce: &[u8; 16]) -> Key {
    encode_base64(nonce)
}

/// Whether this is the base64 of 16 bytes.
pub(super) fn is_valid(key: &[u8]) -> bool {
    let mut nonce = [0; 16];
    key.len() == KEY_LEN && Base64::decode(key, &mut nonce).is_ok_and(|bytes| bytes.len() == 16)
}

/// The accept value for a key.
pub(super) fn accept(key: &Key) -> [u8; ACCEPT_LEN] {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    encode_base64(&hash.digest().bytes())
}

/// The base64 of bytes, of which there must be as many as `N` characters stand for.
fn encode_base64<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut text = [0; N];
    let encoded = Base64::encode(bytes, &mut text);
    debug_assert!(encoded.is_ok(), "{} bytes are not {N} in base64", bytes.len());
    text
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
