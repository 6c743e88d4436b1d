//! What the fuzz targets share: settings taken from the input, an output with a limit, a source
//! of predictable keys, a driver with its record of what happened, and a reader of what was sent.

pub mod deflate;
pub mod driver;
pub mod handshake;
pub mod heads;
mod judged;
pub mod output;
pub mod record;
pub mod settings;
#[path = "../../tests/deflate/zlib.rs"]
#[allow(dead_code)]
mod zlib;

use sansocket::{Entropy, EntropyError};

/// The nonce of every client, that of RFC 6455 §1.3.
pub const NONCE: [u8; 16] = *b"the sample nonce";

/// The request key of that nonce.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A source of keys that are the same in each run: the nonce first, then a count.
#[derive(Debug, Default)]
pub struct Counted {
    keys: u32,
}

impl Entropy for Counted {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        if bytes.len() == NONCE.len() {
            bytes.copy_from_slice(&NONCE);
            return Ok(());
        }
        self.keys += 1;
        let key = self.keys.wrapping_mul(0x9E37_79B9).to_be_bytes();
        bytes.copy_from_slice(&key);
        Ok(())
    }
}
