//! Payloads, short ones as they are and long ones as their rule, and the corpora that the cases of
//! compression send.

mod bitmap;
pub(crate) mod corpora;
mod html;
mod json;
mod pdf;
mod prose;

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use crate::case::Kind;

/// The payload of a frame or a message.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    Octets(Vec<u8>),
    /// A pattern over and over, cut off at the length.
    Repeat {
        pattern: &'static [u8],
        length: usize,
    },
}

/// Something typical to compress, the same in every run.
pub(crate) struct Corpus {
    /// What it is, such as "a table in JSON".
    pub(crate) name: &'static str,
    pub(crate) octets: LazyLock<Vec<u8>>,
}

impl Payload {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Octets(octets) => octets.len(),
            Self::Repeat { length, .. } => *length,
        }
    }

    pub(crate) fn octets(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Octets(octets) => Cow::Borrowed(octets),
            Self::Repeat { pattern, length } => {
                let mut octets = pattern.repeat(length.div_ceil(pattern.len().max(1)));
                octets.truncate(*length);
                Cow::Owned(octets)
            }
        }
    }

    pub(crate) fn is(&self, octets: &[u8]) -> bool {
        match self {
            Self::Octets(own) => own == octets,
            Self::Repeat { pattern, length } => {
                octets.len() == *length
                    && octets.chunks(pattern.len().max(1)).all(|chunk| pattern.starts_with(chunk))
            }
        }
    }
}

impl From<&[u8]> for Payload {
    fn from(octets: &[u8]) -> Self {
        Self::Octets(octets.to_vec())
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self::Octets(text.as_bytes().to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Payload {
    fn from(octets: &[u8; N]) -> Self {
        Self::Octets(octets.to_vec())
    }
}

impl Corpus {
    /// So many octets from the position on, and from the start again behind the end; of a text so
    /// many characters, the first of which stands at the position.
    pub(crate) fn stretch(&self, position: usize, length: usize, kind: Kind) -> Vec<u8> {
        let mut stretch = Vec::with_capacity(length);
        let mut rest = &self.octets[position..];
        let mut left = length;
        while left > 0 {
            let (piece, units) = first(rest, left, kind);
            stretch.extend_from_slice(piece);
            left -= units;
            rest = &self.octets;
        }
        stretch
    }
}

impl fmt::Debug for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// As many octets as there are up to a limit, or characters, and their count.
fn first(octets: &[u8], limit: usize, kind: Kind) -> (&[u8], usize) {
    if kind == Kind::Binary {
        let count = limit.min(octets.len());
        return (&octets[..count], count);
    }
    let mut starts = (0..octets.len()).filter(|&index| octets[index] & 0xc0 != 0x80);
    let count = starts.by_ref().take(limit).count();
    let end = starts.next().unwrap_or(octets.len());
    (&octets[..end], count)
}

#[cfg(test)]
mod tests {
    use super::corpora::{BITMAP, HTML, JSON, PDF, PROSE};
    use super::*;

    #[test]
    fn the_corpora_are_as_long_as_those_of_the_suite() {
        let lengths = [&JSON, &BITMAP, &PROSE, &HTML, &PDF].map(|corpus| corpus.octets.len());
        assert_eq!(lengths, [194_056, 263_222, 222_218, 263_647, 1_042_328]);
    }

    #[test]
    fn the_texts_have_more_octets_than_characters() {
        for corpus in [&JSON, &PROSE, &HTML] {
            let text = str::from_utf8(&corpus.octets).expect("the corpus is a text");
            assert!(text.chars().count() < text.len(), "{}", corpus.name);
        }
    }

    #[test]
    fn a_stretch_of_text_ends_between_characters() {
        let length = 131_072;
        let stretch = JSON.stretch(0, length, Kind::Text);
        let text = String::from_utf8(stretch).expect("no character is cut");
        assert_eq!(text.chars().count(), length);
        assert!(text.len() > length);
        assert!(JSON.octets.starts_with(text.as_bytes()));
    }

    #[test]
    fn a_stretch_goes_on_at_the_start() {
        let end = JSON.octets.len();
        for kind in [Kind::Text, Kind::Binary] {
            let stretch = JSON.stretch(end - 2, 5, kind);
            assert_eq!(stretch, [&JSON.octets[end - 2..], &JSON.octets[..3]].concat());
            assert_eq!(JSON.stretch(0, 2 * end, Kind::Binary), JSON.octets.repeat(2));
        }
    }
}
