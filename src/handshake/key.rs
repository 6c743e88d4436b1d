//! The key of a request and the accept value that answers it [RFC 6455 §1.3, §4.2.2].

use core::fmt;

use base64ct::{Base64, Encoding};
use sha1_smol::Sha1;

use super::HandshakeError;

/// What the key is joined with before it is hashed.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The length of the base64 of 16 bytes.
const KEY_LEN: usize = 24;

/// The length of the base64 of a SHA-1 digest.
const ACCEPT_LEN: usize = 28;

/// The value of Sec-WebSocket-Key in a client's request [RFC 6455 §4.1].
///
/// ```
/// use sansocket::handshake::ClientKey;
///
/// let key = ClientKey::new(b"the sample nonce"); // use 16 random bytes
/// assert_eq!(key.as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(key.accept_key().as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClientKey([u8; KEY_LEN]);

impl ClientKey {
    /// Encodes 16 bytes, which must be random and new for each request [RFC 6455 §4.1].
    #[must_use]
    pub fn new(nonce: &[u8; 16]) -> Self {
        Self(encode_base64(nonce))
    }

    /// A key for measuring a request: every key has its length.
    pub(crate) const fn placeholder() -> Self {
        Self([b'='; KEY_LEN])
    }

    /// The value of the header, 24 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Base64 is ASCII.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The accept value that a server must answer this key with.
    #[must_use]
    pub fn accept_key(&self) -> AcceptKey {
        AcceptKey::hash(&self.0)
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKey({self})")
    }
}

/// The value of Sec-WebSocket-Accept in a server's response [RFC 6455 §4.2.2].
///
/// ```
/// use sansocket::handshake::AcceptKey;
///
/// let accept = AcceptKey::answering(b"dGhlIHNhbXBsZSBub25jZQ==")?;
/// assert_eq!(accept.as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// # Ok::<(), sansocket::handshake::HandshakeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AcceptKey([u8; ACCEPT_LEN]);

impl AcceptKey {
    /// Computes the answer to the value of a request's Sec-WebSocket-Key.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::Key`] if `key` is not the base64 of 16 bytes [RFC 6455 §4.2.1].
    pub fn answering(key: &[u8]) -> Result<Self, HandshakeError> {
        if is_valid(key) { Ok(Self::hash(key)) } else { Err(HandshakeError::Key) }
    }

    /// Computes the answer to a key that is known to be valid.
    pub(super) fn hash(key: &[u8]) -> Self {
        let mut hash = Sha1::new();
        hash.update(key);
        hash.update(GUID);
        Self(encode_base64(&hash.digest().bytes()))
    }

    /// The value of the header, 28 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Base64 is ASCII.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The value of the header as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for AcceptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AcceptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AcceptKey({self})")
    }
}

/// Whether this is the base64 of 16 bytes.
pub(super) fn is_valid(key: &[u8]) -> bool {
    let mut nonce = [0; 16];
    key.len() == KEY_LEN && Base64::decode(key, &mut nonce).is_ok_and(|bytes| bytes.len() == 16)
}

/// The base64 of bytes, of which there must be as many as `N` characters represent.
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
        let key = ClientKey::new(b"the sample nonce");
        assert_eq!(key.as_str(), "dGhlIHNhbXBsZSBub25jZQ==");
        let accept = AcceptKey::answering(key.as_str().as_bytes()).unwrap();
        assert_eq!(accept.as_str(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accept, key.accept_key());
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
            let answer = AcceptKey::answering(key);
            assert_eq!(answer, Err(HandshakeError::Key), "{}", key.escape_ascii());
        }
    }
}
