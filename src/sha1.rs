//! SHA-1 [RFC 3174], of short messages with a length that is known: of what answers the key of an
//! opening handshake [RFC 6455 §1.3], and of a seed of masking keys.
//!
//! It protects nothing in the handshake, and of masking keys no more than that they cannot be
//! foretold. It is written to be small.

/// Two blocks.
const ROOM: usize = 128;

/// The digest of a message.
pub(crate) fn digest<const N: usize>(message: &[u8; N]) -> [u8; 20] {
    const { assert!(N + 9 <= ROOM, "behind the message stand a mark and its length") };
    let mut padded = [0; ROOM];
    for (slot, byte) in padded.iter_mut().zip(message) {
        *slot = *byte;
    }
    padded[N] = 0x80;
    let mut rest = &padded[..];
    let mut state = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    for left in (0..(N + 9).div_ceil(64)).rev() {
        let mut block = [0; 16];
        for word in &mut block {
            if let Some((bytes, later)) = rest.split_first_chunk() {
                *word = u32::from_be_bytes(*bytes);
                rest = later;
            }
        }
        if left == 0 {
            // Asserted to be short.
            #[allow(clippy::cast_possible_truncation)]
            let bits = 8 * N as u32;
            block[15] = bits;
        }
        state = joined(state, &block);
    }
    let mut digest = [0; 20];
    for (slot, byte) in digest.iter_mut().zip(state.into_iter().flat_map(u32::to_be_bytes)) {
        *slot = byte;
    }
    digest
}

/// Takes a block into the state.
#[inline(never)]
fn joined(state: [u32; 5], block: &[u32; 16]) -> [u32; 5] {
    let mut words = [0; 80];
    for (word, given) in words.iter_mut().zip(block) {
        *word = *given;
    }
    for t in block.len()..words.len() {
        words[t] = (words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16]).rotate_left(1);
    }
    let mut joined = state;
    rounds::<0>(&mut joined, &words, |b, c, d| (d ^ (b & (c ^ d))).wrapping_add(0x5A82_7999));
    rounds::<20>(&mut joined, &words, |b, c, d| (b ^ c ^ d).wrapping_add(0x6ED9_EBA1));
    rounds::<40>(&mut joined, &words, |b, c, d| {
        ((b & c) | (d & (b | c))).wrapping_add(0x8F1B_BCDC)
    });
    rounds::<60>(&mut joined, &words, |b, c, d| (b ^ c ^ d).wrapping_add(0xCA62_C1D6));
    for (word, add) in joined.iter_mut().zip(state) {
        *word = word.wrapping_add(add);
    }
    joined
}

/// Twenty of the eighty rounds.
#[inline]
fn rounds<const FIRST: usize>(
    state: &mut [u32; 5],
    words: &[u32; 80],
    mix: impl Fn(u32, u32, u32) -> u32,
) {
    let [mut a, mut b, mut c, mut d, mut e] = *state;
    for &word in words.iter().skip(FIRST).take(20) {
        let next = a.rotate_left(5).wrapping_add(e).wrapping_add(word);
        (a, b, c, d, e) = (next.wrapping_add(mix(b, c, d)), a, b.rotate_left(30), c, d);
    }
    *state = [a, b, c, d, e];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees<const N: usize>() {
        for seed in 0..=u8::MAX {
            let mut byte = seed;
            let message = [0; N].map(|_: u8| {
                byte = byte.wrapping_mul(37).wrapping_add(11);
                byte
            });
            assert_eq!(digest(&message), sha1_smol::Sha1::from(message).digest().bytes());
        }
    }

    #[test]
    fn another_implementation_gives_the_same() {
        agrees::<0>();
        agrees::<24>();
        agrees::<55>();
        agrees::<56>();
        agrees::<60>();
        agrees::<64>();
        agrees::<119>();
    }
}
