//! Sentences that look like German, from frequent words and made-up rare ones.

use super::corpora::{filled, index, pick};
use crate::random::Random;

const LENGTH: usize = 222_218;

const FREQUENT: &str = "der die das und ist nicht ich du er sie es wir ihr ein eine einen dem den \
    des zu mit von auf für über durch unter schon noch nur auch wie was wer wo wenn dann doch \
    so hier da nun mir dir mich dich sich war hat kann muss will soll wird sind haben werden";

/// Beginnings, middles and ends of words.
const SYLLABLES: [&[&str]; 3] = [
    &[
        "Ber", "Wal", "Him", "Feu", "Was", "Nach", "Mor", "Früh", "Som", "Win", "Lich", "Schat",
        "Strö", "Wol", "Gär", "Brü", "Tür", "Fens", "Stra", "Glo", "ge", "ver", "be", "ent", "er",
        "zer", "auf", "aus", "ein", "vor",
    ],
    &[
        "", "", "ten", "gel", "ter", "mel", "sel", "lun", "ling", "tig", "füh", "schlä", "grei",
        "hö", "lau", "trä", "sprin", "schrei", "wan", "spie", "glän", "dun", "sche", "zie", "we",
    ],
    &[
        "e", "en", "er", "ung", "heit", "keit", "lich", "bar", "te", "tet", "ß", "s", "schaft",
        "los",
    ],
];

const ENDS: [&str; 6] = [".", ".", ".", "!", "?", ";"];

pub(super) fn octets() -> Vec<u8> {
    let mut random = Random::new(4);
    let frequent: Vec<_> = FREQUENT.split_whitespace().collect();
    filled("", "\r\n", LENGTH, |_| sentence(&mut random, &frequent).into_bytes())
}

/// A line or so.
fn sentence(random: &mut Random, frequent: &[&str]) -> String {
    let count = 5 + index(random, 9);
    let words: Vec<_> = (0..count).map(|_| word(random, frequent)).collect();
    let end = pick(random, &ENDS);
    let space = if random.below(3) == 0 { " " } else { "\r\n" };
    format!("{}{end}{space}", words.join(" "))
}

/// One of the frequent words, the first most often, or a rare one.
fn word(random: &mut Random, frequent: &[&str]) -> String {
    if random.below(3) > 0 {
        let limit = 1 + index(random, frequent.len());
        return pick(random, &frequent[..limit]).to_owned();
    }
    SYLLABLES.map(|syllables| pick(random, syllables)).concat()
}
