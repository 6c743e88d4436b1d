//! Client-to-server masking [RFC 6455 §5.3]: the payload xor a key of four bytes, repeated.
//!
//! All forms go word by word, which the compiler turns into vector instructions; the tests hold
//! them equal to the byte loop of the RFC.

#[cfg(any(feature = "alloc", test))]
use alloc::vec::Vec;
use core::fmt;

/// Bytes that one step takes.
const WORD: usize = 8;

/// From which length on it matters where cache lines begin, and which vectors there are.
const LONG: usize = 4096;
const LINE: usize = 64;

/// Bytes that are appended at a time, to what is short and to what is long.
#[cfg(any(feature = "alloc", test))]
const BLOCK: usize = 64;
#[cfg(any(feature = "alloc", test))]
const LONG_BLOCK: usize = 256;

/// The masking key of a frame [RFC 6455 §5.3].
///
/// The key is a value: it always stands for the phase it was taken at. To go on in the middle of
/// a payload, take [`advanced`](Self::advanced).
///
/// ```
/// use sansocket::frame::MaskKey;
///
/// let key = MaskKey::new([0x37, 0xfa, 0x21, 0x3d]);
/// let mut payload = *b"Hello";
/// key.apply(&mut payload[..2]);
/// key.advanced(2).apply(&mut payload[2..]);
/// assert_eq!(payload, [0x7f, 0x9f, 0x4d, 0x51, 0x58]); // RFC 6455 §5.7
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct MaskKey([u8; 4]);

impl MaskKey {
    /// The key of these bytes, in the order of the wire.
    #[must_use]
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The bytes of the key, in the order of the wire.
    #[must_use]
    pub const fn bytes(self) -> [u8; 4] {
        self.0
    }

    /// The key as it stands after `count` bytes of payload.
    #[inline]
    #[must_use]
    pub const fn advanced(self, count: usize) -> Self {
        let [a, b, c, d] = self.0;
        Self(match count % 4 {
            0 => [a, b, c, d],
            1 => [b, c, d, a],
            2 => [c, d, a, b],
            _ => [d, a, b, c],
        })
    }

    /// Masks or unmasks `payload` in place; to do it twice changes nothing.
    #[inline]
    pub fn apply(self, payload: &mut [u8]) {
        if payload.len() < LONG {
            self.apply_here(payload);
        } else {
            self.apply_long(payload);
        }
    }

    #[inline(never)]
    fn apply_long(self, payload: &mut [u8]) {
        // A vector that is stored across the border of a cache line costs twice.
        let lead = payload.as_ptr().align_offset(LINE).min(LINE);
        let (lead, lines) = payload.split_at_mut(lead);
        self.apply_here(lead);
        let key = self.advanced(lead.len());
        vectorized(
            #[inline(always)]
            || key.apply_here(lines),
        );
    }

    /// Masks or unmasks in place, whatever the alignment.
    #[inline(always)]
    fn apply_here(self, payload: &mut [u8]) {
        let mut words = payload.chunks_exact_mut(WORD);
        for word in &mut words {
            self.xor_word(word);
        }
        self.xor_rest(words.into_remainder());
    }

    /// Masks or unmasks the next byte.
    #[inline]
    pub(crate) const fn mask(self, byte: u8) -> u8 {
        byte ^ self.0[0]
    }

    /// Copies `source` into `target`, masking or unmasking on the way.
    ///
    /// The shorter of the two lengths is copied, and returned; nothing behind it is touched.
    #[inline]
    pub fn copy(self, source: &[u8], target: &mut [u8]) -> usize {
        let length = source.len().min(target.len());
        let (from, _) = source.split_at(length);
        let (to, _) = target.split_at_mut(length);
        let mut from = from.chunks_exact(WORD);
        let mut to = to.chunks_exact_mut(WORD);
        for (input, output) in (&mut from).zip(&mut to) {
            if let (Ok(input), Ok(output)) = (input.try_into(), <&mut [u8; WORD]>::try_from(output))
            {
                *output = self.masked_word(input);
            }
        }
        let rest = to.into_remainder();
        for (output, input) in rest.iter_mut().zip(from.remainder()) {
            *output = *input;
        }
        self.xor_rest(rest);
        length
    }

    /// Appends `source`, masked or unmasked on the way.
    #[cfg(any(feature = "alloc", test))]
    #[inline]
    pub(crate) fn extend(self, target: &mut Vec<u8>, source: &[u8]) {
        target.reserve(source.len());
        match source.len() {
            0..WORD => target.extend(source.iter().zip(self.0.iter().cycle()).map(|(b, k)| b ^ k)),
            WORD..BLOCK => self.extend_by::<WORD>(target, source),
            BLOCK..LONG => self.extend_by::<BLOCK>(target, source),
            _ => self.extend_long(target, source),
        }
    }

    #[cfg(any(feature = "alloc", test))]
    #[inline(never)]
    fn extend_long(self, target: &mut Vec<u8>, source: &[u8]) {
        vectorized(
            #[inline(always)]
            || self.extend_by::<LONG_BLOCK>(target, source),
        );
    }

    /// By blocks that fit registers, so that nothing is stored twice, but for what the last block
    /// has in common with the one before.
    #[cfg(any(feature = "alloc", test))]
    #[inline(always)]
    fn extend_by<const N: usize>(self, target: &mut Vec<u8>, source: &[u8]) {
        let end = target.len() + source.len();
        for block in source.chunks_exact(N) {
            target.extend_from_slice(&self.masked::<N>(block));
        }
        if let Some((before, last)) = source.split_last_chunk::<N>() {
            target.truncate(end - N);
            target.extend_from_slice(&self.advanced(before.len()).masked::<N>(last));
        }
    }

    /// A block, masked.
    #[cfg(any(feature = "alloc", test))]
    #[inline(always)]
    fn masked<const N: usize>(self, block: &[u8]) -> [u8; N] {
        let mut block = <[u8; N]>::try_from(block).unwrap_or([0; N]);
        self.apply_here(&mut block);
        block
    }

    /// One word, which a loop over them turns into whole vectors.
    #[inline(always)]
    fn xor_word(self, word: &mut [u8]) {
        if let Ok(word) = <&mut [u8; WORD]>::try_from(word) {
            *word = self.masked_word(*word);
        }
    }

    #[inline(always)]
    const fn masked_word(self, word: [u8; WORD]) -> [u8; WORD] {
        (u64::from_ne_bytes(word) ^ self.word()).to_ne_bytes()
    }

    /// The key over a whole word.
    #[inline(always)]
    const fn word(self) -> u64 {
        let [a, b, c, d] = self.0;
        u64::from_ne_bytes([a, b, c, d, a, b, c, d])
    }

    /// What is left behind the last word.
    #[inline(always)]
    fn xor_rest(self, rest: &mut [u8]) {
        let rest = match rest.split_first_chunk_mut() {
            Some((half, rest)) => {
                *half = (u32::from_ne_bytes(*half) ^ u32::from_ne_bytes(self.0)).to_ne_bytes();
                rest
            }
            None => rest,
        };
        for (byte, key) in rest.iter_mut().zip(self.0) {
            *byte ^= key;
        }
    }
}

/// Does the work with the widest vectors that the processor has.
#[cfg(all(feature = "simd", feature = "std"))]
fn vectorized(work: impl FnOnce()) {
    use fearless_simd::{Level, Simd, dispatch};
    dispatch!(Level::new(), simd => simd.vectorize(work));
}

/// Does the work with what the crate is compiled for.
#[cfg(not(all(feature = "simd", feature = "std")))]
#[inline(always)]
fn vectorized(work: impl FnOnce()) {
    work();
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "MaskKey({a:02x}{b:02x}{c:02x}{d:02x})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The transformation as the RFC writes it.
    fn slow(key: [u8; 4], payload: &[u8]) -> Vec<u8> {
        payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect()
    }

    #[test]
    fn every_form_equals_the_byte_loop_at_every_length_and_alignment() {
        let data: Vec<u8> = (0..=250).cycle().take(LONG + 100).collect();
        let bytes = [0x37, 0xfa, 0x21, 0x3d];
        let key = MaskKey::new(bytes);
        for start in 0..9 {
            for length in 0..=data.len() - start {
                let payload = &data[start..start + length];
                let expected = slow(bytes, payload);

                let mut in_place = data.clone();
                key.apply(&mut in_place[start..start + length]);
                assert_eq!(&in_place[start..start + length], expected);
                assert_eq!(in_place[..start], data[..start], "bytes before the payload changed");
                assert_eq!(in_place[start + length..], data[start + length..]);

                let mut copy = vec![0; length];
                assert_eq!(key.copy(payload, &mut copy), length);
                assert_eq!(copy, expected);

                let mut longer = data[..start].to_vec();
                key.extend(&mut longer, payload);
                assert_eq!(longer[..start], data[..start], "bytes before the payload changed");
                assert_eq!(&longer[start..], expected);
            }
        }
    }

    #[test]
    fn a_payload_may_be_masked_in_parts() {
        let data: Vec<u8> = (0..100).collect();
        let bytes = [9, 8, 7, 6];
        for cut in 0..=data.len() {
            let mut parts = data.clone();
            MaskKey::new(bytes).apply(&mut parts[..cut]);
            MaskKey::new(bytes).advanced(cut).apply(&mut parts[cut..]);
            assert_eq!(parts, slow(bytes, &data), "cut at {cut}");
        }
    }

    #[test]
    fn a_copy_takes_the_shorter_length() {
        let key = MaskKey::new([1; 4]);
        let mut target = [0; 4];
        assert_eq!(key.copy(&[0; 2], &mut target), 2);
        assert_eq!(target, [1, 1, 0, 0]);
        assert_eq!(key.copy(&[0; 9], &mut target), 4);
        assert_eq!(target, [1; 4]);
    }
}
