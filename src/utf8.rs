//! UTF-8 as text messages need it [RFC 6455 §8.1]: whole, or piece by piece with an error at the
//! first byte that cannot continue.

use crate::slice;

/// The bytes as text.
///
/// # Errors
///
/// Where the first bad sequence starts, and where its first byte that cannot continue stands.
#[inline]
pub(crate) fn whole(bytes: &[u8]) -> Result<&str, Invalid> {
    #[cfg(feature = "simd")]
    if bytes.len() >= SIMD_LENGTH {
        if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            return Ok(text);
        }
    }
    core::str::from_utf8(bytes).map_err(|error| Invalid::new(bytes, error))
}

/// From this length on SIMD instructions are faster.
#[cfg(feature = "simd")]
const SIMD_LENGTH: usize = 192;

/// How much of the bytes is not the start of a sequence that goes on behind them.
fn complete_part(bytes: &[u8]) -> usize {
    for (back, &byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xBF => continue,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xFF => 4,
            _ => 1,
        };
        let has = back + 1;
        return if has < length { bytes.len() - has } else { bytes.len() };
    }
    bytes.len()
}

/// A place in a slice that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    /// Where the bad sequence starts, which may have been before the slice.
    pub(crate) offset: u64,
    /// The index in the slice of the first byte that cannot continue; the length of the slice
    /// when it just ends too early.
    pub(crate) at: usize,
}

impl Invalid {
    fn new(bytes: &[u8], error: core::str::Utf8Error) -> Self {
        let start = error.valid_up_to();
        let at = match error.error_len() {
            // A valid lead stands at `start`: what follows it is what cannot stand there.
            Some(length) if matches!(bytes.get(start), Some(0xC2..=0xF4)) => start + length,
            Some(_) => start,
            None => bytes.len(),
        };
        Self { offset: start as u64, at }
    }

    /// The same place, seen from the start of a piece that it is so far behind in, and from the
    /// start of the text.
    fn behind(self, before: u64, ahead: usize) -> Self {
        Self { offset: before + ahead as u64 + self.offset, at: ahead + self.at }
    }
}

/// A validator that keeps the start of a sequence from one piece to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validator {
    pending: [u8; 3],
    length: u8,
}

impl Validator {
    /// A validator at the start of a text.
    pub(crate) const NONE: Self = Self { pending: [0; 3], length: 0 };

    /// Validates the next piece of a text; `before` bytes of it were fed earlier.
    ///
    /// # Errors
    ///
    /// The first place that is not UTF-8: its `offset` counts from the start of the text.
    #[inline]
    pub(crate) fn feed(&mut self, piece: &[u8], before: u64) -> Result<(), Invalid> {
        self.feed_to(piece, before, |_| Ok(()))
    }

    /// [`feed`](Self::feed), and hands on the text up to the last sequence that is complete.
    #[inline]
    pub(crate) fn feed_to<E: From<Invalid>>(
        &mut self,
        piece: &[u8],
        before: u64,
        mut sink: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let consumed = if self.length == 0 { 0 } else { self.complete(piece, before, &mut sink)? };
        let rest = slice::tail(piece, consumed);
        let (whole, start) = rest.split_at_checked(complete_part(rest)).unwrap_or_default();
        match (self::whole(whole), core::str::from_utf8(start)) {
            (Ok(text), Ok(_)) => sink(text),
            (Ok(text), Err(error)) if error.error_len().is_none() => {
                self.keep(start);
                sink(text)
            }
            (Ok(_), Err(error)) => {
                let invalid = Invalid::new(start, error);
                Err(invalid.behind(before, consumed + whole.len()).into())
            }
            (Err(invalid), _) => Err(invalid.behind(before, consumed).into()),
        }
    }

    /// Ends a text of `length` bytes.
    ///
    /// # Errors
    ///
    /// A sequence that has begun but not ended; its `at` is 0.
    #[inline]
    pub(crate) fn end(&self, length: u64) -> Result<(), Invalid> {
        match self.length {
            0 => Ok(()),
            pending => Err(Invalid { offset: length - u64::from(pending), at: 0 }),
        }
    }

    /// Whether no sequence has begun that has not ended.
    #[inline]
    pub(crate) const fn is_between_characters(&self) -> bool {
        self.length == 0
    }

    /// Feeds the pending sequence until it ends, and gives how many bytes of `piece` it took.
    fn complete<E: From<Invalid>>(
        &mut self,
        piece: &[u8],
        before: u64,
        sink: &mut impl FnMut(&str) -> Result<(), E>,
    ) -> Result<usize, E> {
        let offset = before - u64::from(self.length);
        for (index, &byte) in piece.iter().enumerate() {
            let mut sequence = [0; 4];
            let mut length = 0;
            let pending = self.pending.iter().take(usize::from(self.length));
            for (slot, byte) in sequence.iter_mut().zip(pending.chain([&byte])) {
                *slot = *byte;
                length += 1;
            }
            let sequence = slice::head(&sequence, length);
            match core::str::from_utf8(sequence) {
                Ok(text) => {
                    self.length = 0;
                    sink(text)?;
                    return Ok(index + 1);
                }
                Err(error) if error.error_len().is_none() => self.keep(sequence),
                Err(_) => return Err(Invalid { offset, at: index }.into()),
            }
        }
        Ok(piece.len())
    }

    /// Keeps the start of a sequence, of at most three bytes.
    fn keep(&mut self, sequence: &[u8]) {
        self.length = 0;
        for (slot, byte) in self.pending.iter_mut().zip(sequence) {
            *slot = *byte;
            self.length += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sequence of up to `length` bytes over bytes that matter to UTF-8.
    fn texts(length: u32) -> impl Iterator<Item = Vec<u8>> {
        const BYTES: [u8; 15] = [
            b'a', 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xED, 0xEE, 0xF0, 0xF4,
            0xF5,
        ];
        (0..BYTES.len().pow(length)).map(move |mut index| {
            (0..length)
                .map(|_| {
                    let byte = BYTES[index % BYTES.len()];
                    index /= BYTES.len();
                    byte
                })
                .collect()
        })
    }

    /// Whether some text starts with these bytes.
    fn can_continue(bytes: &[u8]) -> bool {
        match core::str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none(),
        }
    }

    #[test]
    fn every_chop_gives_the_verdict_of_the_whole_at_the_first_byte_that_cannot_continue() {
        for text in texts(4).chain(texts(3)) {
            let bad = (1..=text.len()).find(|&end| !can_continue(&text[..end])).map(|end| end - 1);
            for cut in 0..=text.len() {
                let mut validator = Validator::default();
                let (head, tail) = text.split_at(cut);
                let verdict = validator.feed(head, 0).and_then(|()| {
                    let tail = validator.feed(tail, cut as u64);
                    tail.map_err(|invalid| Invalid { at: cut + invalid.at, ..invalid })
                });
                let start = core::str::from_utf8(&text).map_or_else(|e| e.valid_up_to(), str::len);
                match bad {
                    Some(at) => {
                        let expected = Invalid { offset: start as u64, at };
                        assert_eq!(verdict, Err(expected), "{text:02x?} cut at {cut}");
                    }
                    None => {
                        assert_eq!(verdict, Ok(()), "{text:02x?} cut at {cut}");
                        let open = validator.end(text.len() as u64).err();
                        let expected = (start < text.len()).then_some(start as u64);
                        assert_eq!(open.map(|invalid| invalid.offset), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn the_whole_is_judged_as_core_does() {
        for text in texts(4) {
            match core::str::from_utf8(&text) {
                Ok(expected) => assert_eq!(whole(&text), Ok(expected)),
                Err(error) => {
                    let invalid = whole(&text).unwrap_err();
                    assert_eq!(invalid.offset, error.valid_up_to() as u64);
                    assert!(can_continue(&text[..invalid.at]));
                    assert!(
                        !can_continue(&text[..=invalid.at.min(text.len() - 1)])
                            || invalid.at == text.len()
                    );
                }
            }
        }
    }
}
