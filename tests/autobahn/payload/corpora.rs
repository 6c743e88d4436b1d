//! The corpora: what programs send to each other, made up, but compressed much as the real thing.

use std::sync::LazyLock;

use super::{Corpus, bitmap, html, json, pdf, prose};
use crate::random::Random;

pub(crate) static JSON: Corpus =
    Corpus { name: "records in JSON", octets: LazyLock::new(json::octets) };

pub(crate) static BITMAP: Corpus =
    Corpus { name: "a grey bitmap", octets: LazyLock::new(bitmap::octets) };

pub(crate) static PROSE: Corpus =
    Corpus { name: "German prose", octets: LazyLock::new(prose::octets) };

pub(crate) static HTML: Corpus =
    Corpus { name: "a page of HTML", octets: LazyLock::new(html::octets) };

pub(crate) static PDF: Corpus =
    Corpus { name: "a PDF document", octets: LazyLock::new(pdf::octets) };

/// As many pieces as there is room for, with spaces between the last and the end.
pub(super) fn filled(
    start: &str,
    end: &str,
    length: usize,
    mut piece: impl FnMut(usize) -> Vec<u8>,
) -> Vec<u8> {
    let mut octets = start.as_bytes().to_vec();
    for index in 0.. {
        let piece = piece(index);
        if octets.len() + piece.len() + end.len() > length {
            break;
        }
        octets.extend(piece);
    }
    octets.resize(length - end.len(), b' ');
    octets.extend_from_slice(end.as_bytes());
    octets
}

pub(super) fn pick<'a>(random: &mut Random, words: &[&'a str]) -> &'a str {
    words[index(random, words.len())]
}

/// An index into so many.
pub(super) fn index(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.below(count as u64)).expect("a number below a usize")
}
