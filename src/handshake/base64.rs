//! Base64 [RFC 4648 §4] of the two lengths that the opening handshake has: 16 and 20 bytes.

const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes `bytes`; `N` is how long that is, with padding.
pub(super) fn encode<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut encoded = [b'='; N];
    let mut slots = encoded.iter_mut();
    let mut put = |bits: u32| {
        if let Some(slot) = slots.next() {
            *slot = SYMBOLS[bits as usize % SYMBOLS.len()];
        }
    };
    // The lowest `count` bits are still to be encoded.
    let (mut bits, mut count) = (0, 0);
    for &byte in bytes {
        bits = bits << 8 | u32::from(byte);
        count += 8;
        while count >= 6 {
            count -= 6;
            put(bits >> count);
        }
    }
    if count > 0 {
        put(bits << (6 - count));
    }
    encoded
}

/// Whether this is 16 bytes in the only form that they have.
pub(super) fn is_of_16_bytes(encoded: &[u8]) -> bool {
    let Some((&[first @ .., last], b"==")) = encoded.split_first_chunk::<22>() else {
        return false;
    };
    // The last symbol has two bits of the last byte; the others are zero.
    first.iter().all(|byte| SYMBOLS.contains(byte)) && b"AQgw".contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64, Encoding};

    #[test]
    fn another_implementation_encodes_alike() {
        for seed in 0..=u8::MAX {
            let mut byte = seed;
            let bytes = [0; 20].map(|_: u8| {
                byte = byte.wrapping_mul(37).wrapping_add(11);
                byte
            });
            let (mut long, mut short) = ([0; 28], [0; 24]);
            Base64::encode(&bytes, &mut long).unwrap();
            Base64::encode(&bytes[..16], &mut short).unwrap();
            assert_eq!((encode(&bytes), encode(&bytes[..16])), (long, short));
        }
    }

    #[test]
    fn another_implementation_judges_alike() {
        let good: [u8; 24] = encode(b"the sample nonce");
        for at in 0..good.len() {
            for byte in 0..=u8::MAX {
                let mut key = good;
                key[at] = byte;
                let decoded = Base64::decode(key, &mut [0; 18]).map(<[u8]>::len);
                assert_eq!(is_of_16_bytes(&key), decoded == Ok(16), "{}", key.escape_ascii());
            }
        }
        for length in 0..good.len() {
            assert!(!is_of_16_bytes(&good[..length]));
        }
        assert!(!is_of_16_bytes(&[good, good].concat()));
    }
}
