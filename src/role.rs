//! The two sides of a connection, as types: a server has no code or memory for masking, and there
//! is no client without a source of masking keys.

use core::fmt;

use sha1_smol::Sha1;

use crate::deflate::DeflateConfig;
use crate::event::Event;
use crate::frame::MaskKey;
use crate::handshake::{self, Body, ClientKey, HandshakeError, RequestHead, ResponseHead, Verdict};
use crate::misuse::SendError;

/// The side of a connection: [`Server`] or [`Client`].
///
/// This trait is sealed.
#[allow(private_bounds)]
pub trait Role: sealed::Role {}

pub(crate) mod sealed {
    use super::{
        Body, DeflateConfig, Event, HandshakeError, MaskKey, MaskKeys, SendError, Verdict,
    };

    pub trait Role {
        /// Whether this is the server.
        const SERVER: bool;

        /// The keys of several frames.
        type Keys: MaskKeys;

        /// The key of the next frame to be sent; a server has none.
        fn mask_key(&mut self) -> Result<Option<MaskKey>, SendError>;

        /// The keys of the next frames, up to so many, all of them before the first is written: if
        /// it fails nothing was sent, and what a compressor has seen cannot be sent in part.
        fn mask_keys(&mut self, frames: usize) -> Result<Self::Keys, SendError>;

        /// Judges the peer's head; a client has asked for these subprotocols, and for compression
        /// on these terms. A client keeps the body that follows a refusal.
        fn judge(
            &mut self,
            protocols: &[u8],
            head: &[u8],
            max_headers: u16,
            terms: Option<&DeflateConfig>,
        ) -> Result<Verdict, HandshakeError>;

        /// The body of a refusal, which only a client receives.
        fn body(&mut self) -> Option<&mut Body>;

        /// The event of a head that was judged: an upgrade, or something else.
        fn head_event(upgrade: bool, head: &[u8]) -> Event<'_>;
    }
}

/// The masking keys of the frames that one call writes.
pub trait MaskKeys {
    /// That of the next frame, if it has one.
    fn next(&mut self) -> Option<MaskKey>;
}

/// The side that was connected to.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Server;

impl Role for Server {}

impl MaskKeys for () {
    fn next(&mut self) -> Option<MaskKey> {
        None
    }
}

impl sealed::Role for Server {
    const SERVER: bool = true;

    type Keys = ();

    #[inline]
    fn mask_key(&mut self) -> Result<Option<MaskKey>, SendError> {
        Ok(None)
    }

    fn mask_keys(&mut self, _: usize) -> Result<(), SendError> {
        Ok(())
    }

    fn judge(
        &mut self,
        _: &[u8],
        head: &[u8],
        max_headers: u16,
        _: Option<&DeflateConfig>,
    ) -> Result<Verdict, HandshakeError> {
        handshake::judge_request(head, max_headers)
    }

    #[inline]
    fn body(&mut self) -> Option<&mut Body> {
        None
    }

    fn head_event(upgrade: bool, head: &[u8]) -> Event<'_> {
        let head = RequestHead::new(head);
        if upgrade { Event::Request(head) } else { Event::Http(head) }
    }
}

/// The side that connects, with its source of masking keys.
#[derive(Clone)]
pub struct Client<M> {
    entropy: M,
    opening: Opening,
}

/// What only the opening handshake needs.
#[derive(Clone)]
enum Opening {
    /// The request's key is made of this.
    Nonce([u8; 16]),
    /// The server has refused.
    Body(Body),
}

impl<M: Entropy> Client<M> {
    /// A client for [`Connection::established`](crate::Connection::established); one that does
    /// the opening handshake comes from [`Connection::client`](crate::Connection::client).
    #[must_use]
    pub fn new(entropy: M) -> Self {
        Self { entropy, opening: Opening::Nonce([0; 16]) }
    }

    /// The source of masking keys.
    pub fn entropy(&mut self) -> &mut M {
        &mut self.entropy
    }

    /// The request's key, of a new nonce.
    pub(crate) fn renew_key(&mut self) -> Result<ClientKey, SendError> {
        let mut nonce = [0; 16];
        self.entropy.fill(&mut nonce).map_err(|EntropyError| SendError::Entropy)?;
        self.opening = Opening::Nonce(nonce);
        Ok(ClientKey::new(&nonce))
    }
}

impl<M: Entropy> Role for Client<M> {}

impl<M: Entropy> sealed::Role for Client<M> {
    const SERVER: bool = false;

    type Keys = ClientKeys;

    #[inline]
    fn mask_key(&mut self) -> Result<Option<MaskKey>, SendError> {
        let mut key = [0; 4];
        self.entropy.fill(&mut key).map_err(|EntropyError| SendError::Entropy)?;
        Ok(Some(MaskKey::new(key)))
    }

    fn mask_keys(&mut self, frames: usize) -> Result<ClientKeys, SendError> {
        if frames > 1 {
            let mut seed = [0; 16];
            self.entropy.fill(&mut seed).map_err(|EntropyError| SendError::Entropy)?;
            return Ok(ClientKeys::Many { seed, given: 0 });
        }
        Ok(ClientKeys::One(self.mask_key()?))
    }

    fn judge(
        &mut self,
        protocols: &[u8],
        head: &[u8],
        max_headers: u16,
        terms: Option<&DeflateConfig>,
    ) -> Result<Verdict, HandshakeError> {
        // Nothing is judged behind a refusal.
        let Opening::Nonce(nonce) = &self.opening else {
            return Err(HandshakeError::Malformed);
        };
        let key = ClientKey::new(nonce);
        let (verdict, body) = handshake::judge_response(head, protocols, &key, max_headers, terms)?;
        if let Some(body) = body {
            self.opening = Opening::Body(body);
        }
        Ok(verdict)
    }

    fn body(&mut self) -> Option<&mut Body> {
        match &mut self.opening {
            Opening::Nonce(_) => None,
            Opening::Body(body) => Some(body),
        }
    }

    fn head_event(upgrade: bool, head: &[u8]) -> Event<'_> {
        let head = ResponseHead::new(head);
        if upgrade { Event::Open(head) } else { Event::Refused(head) }
    }
}

/// The masking keys of a client's frames.
pub enum ClientKeys {
    /// Of one frame, as drawn.
    One(Option<MaskKey>),
    /// Of any number, from the hash of a seed and their index: who knows some of them cannot tell
    /// the next ones [RFC 6455 §10.3], however many there are for one draw.
    Many { seed: [u8; 16], given: u64 },
}

impl MaskKeys for ClientKeys {
    fn next(&mut self) -> Option<MaskKey> {
        match self {
            Self::One(key) => *key,
            Self::Many { seed, given } => {
                let mut hash = Sha1::from(*seed);
                hash.update(&given.to_le_bytes());
                *given += 1;
                hash.digest().bytes().first_chunk().copied().map(MaskKey::new)
            }
        }
    }
}

impl fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKeys")
    }
}

impl<M> fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

/// A source of unpredictable bytes, for masking keys and the handshake's nonce.
///
/// The keys protect the infrastructure between the peers from a hostile application, so they must
/// come from a strong source [RFC 6455 §5.3, §10.3]: the operating system (feature `getrandom`,
/// `SystemEntropy`), or a microcontroller's generator.
pub trait Entropy {
    /// Fills `bytes`.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] if no secure randomness is available. The call that needed it then returns
    /// [`SendError::Entropy`], and can be repeated.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

impl<M: Entropy + ?Sized> Entropy for &mut M {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        (**self).fill(bytes)
    }
}

/// The source of randomness failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EntropyError;

impl fmt::Display for EntropyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no secure randomness available")
    }
}

impl core::error::Error for EntropyError {}

/// The operating system's randomness (feature `getrandom`), buffered so that one system call
/// serves many masking keys.
///
/// A connection holds 256 bytes for it. To share one among many connections of a thread, give
/// each a handle of your own that implements [`Entropy`] over it.
///
/// After `fork()` both processes have the same buffered bytes, and would use the same masking keys.
/// Call [`discard`](Self::discard) in one of them before it sends.
#[cfg(feature = "getrandom")]
pub struct SystemEntropy {
    bytes: [u8; Self::SIZE],
    used: usize,
}

#[cfg(feature = "getrandom")]
impl SystemEntropy {
    const SIZE: usize = 256;

    /// A source whose buffer is empty; the first use asks the system.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; Self::SIZE], used: Self::SIZE }
    }

    /// Drops the buffered bytes, as is necessary after `fork()`; the next use asks the system.
    pub fn discard(&mut self) {
        *self = Self::new();
    }
}

#[cfg(feature = "getrandom")]
impl Default for SystemEntropy {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "getrandom")]
impl Entropy for SystemEntropy {
    #[inline]
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if bytes.len() > Self::SIZE - self.used {
            if bytes.len() > Self::SIZE / 4 {
                return getrandom::fill(bytes).map_err(|_| EntropyError);
            }
            // If this fails, what is in the buffer is nothing to use.
            self.used = Self::SIZE;
            getrandom::fill(&mut self.bytes).map_err(|_| EntropyError)?;
            self.used = 0;
        }
        let end = self.used + bytes.len();
        if let Some(unused) = self.bytes.get_mut(self.used..end) {
            bytes.copy_from_slice(unused);
            // Wiped, so that what is still in memory says nothing about keys already used.
            unused.fill(0);
        }
        self.used = end;
        Ok(())
    }
}

#[cfg(feature = "getrandom")]
impl fmt::Debug for SystemEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemEntropy")
    }
}

#[cfg(test)]
mod tests {
    use super::sealed::Role as _;
    use super::*;
    use alloc::vec::Vec;

    /// It counts how often it is asked, and for how many bytes.
    #[derive(Default)]
    struct Counter(Vec<usize>);

    impl Entropy for Counter {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
            self.0.push(bytes.len());
            bytes.fill(self.0.len().to_le_bytes()[0]);
            Ok(())
        }
    }

    #[test]
    fn the_keys_of_many_frames_are_drawn_at_once_and_differ() {
        let mut client = Client::new(Counter::default());
        let mut keys = vec![];
        for _ in 0..2 {
            let mut drawn = client.mask_keys(100).expect("it does not fail");
            keys.extend((0..100).map(|_| drawn.next().expect("a client masks").bytes()));
        }
        let mut one = client.mask_keys(1).expect("it does not fail");
        assert_eq!(one.next(), Some(MaskKey::new([3; 4])));
        assert_eq!(client.entropy.0, [16, 16, 4]);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 200);
    }

    #[cfg(feature = "getrandom")]
    #[test]
    fn discarded_bytes_are_not_used() {
        let mut source = SystemEntropy::new();
        source.fill(&mut [0; 4]).unwrap();
        let buffered = source.bytes;
        source.discard();
        let mut next = [0; 16];
        source.fill(&mut next).unwrap();
        assert!(!buffered.windows(16).any(|bytes| bytes == next));
    }

    #[cfg(feature = "getrandom")]
    #[test]
    fn the_systems_bytes_are_given_out_once() {
        let mut source = SystemEntropy::new();
        let mut keys = vec![];
        for _ in 0..1000 {
            let mut key = [0; 8];
            source.fill(&mut key).unwrap();
            keys.push(key);
        }
        let mut long = [0; 1000];
        source.fill(&mut long).unwrap();
        assert!(long.iter().filter(|&&byte| byte == 0).count() < 100);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 1000, "64-bit keys repeat");
    }
}
