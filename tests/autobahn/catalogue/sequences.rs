//! Sequences of octets at the borders of UTF-8, for the subsections of 6 from 6.5 on.

use super::utf8::GREEK;

/// The subsection of the first group.
pub(super) const FIRST: u8 = 5;

/// Sequences that have something in common.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) sequences: Vec<Vec<u8>>,
}

/// The first octets of sequences with the octets that follow on them, all but the last: of the
/// smallest and of the largest number that a sequence of 2 to 6 octets can hold.
const LAST_IS_MISSING: [&[u8]; 10] = [
    b"\xc0",
    b"\xe0\x80",
    b"\xf0\x80\x80",
    b"\xf8\x80\x80\x80",
    b"\xfc\x80\x80\x80\x80",
    b"\xdf",
    b"\xef\xbf",
    b"\xf7\xbf\xbf",
    b"\xfb\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf",
];

/// All groups, in order.
pub(super) fn groups() -> Vec<Group> {
    let mut groups = Vec::from(right_or_nearly());
    groups.extend(broken());
    groups.extend(overlong());
    groups.extend(special());
    groups
}

/// What is the subject of a subsection from [`FIRST`] on.
pub(super) fn name(second: u8) -> Option<&'static str> {
    let index = usize::from(second.checked_sub(FIRST)?);
    groups().get(index).map(|group| group.name)
}

/// 6.5 to 6.11.
fn right_or_nearly() -> [Group; 7] {
    let greek = GREEK.as_bytes();
    [
        texts("texts", &["hello$world", "hello¢world", "hello€world", "hello𤭢world", GREEK]),
        Group {
            name: "a text, cut off anywhere",
            sequences: (1..=greek.len()).map(|length| greek[..length].to_vec()).collect(),
        },
        texts("smallest code points of 1 to 4 octets", &["\0", "\u{80}", "\u{800}", "\u{10000}"]),
        group(
            "smallest numbers of 5 and 6 octets",
            &[b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"],
        ),
        texts(
            "largest code points of 1 to 4 octets",
            &["\x7f", "\u{7ff}", "\u{ffff}", "\u{10ffff}"],
        ),
        group(
            "largest numbers of 4 to 6 octets",
            &[b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"],
        ),
        group(
            "around the surrogates and the last code point",
            &[
                b"\xed\x9f\xbf",
                b"\xee\x80\x80",
                b"\xef\xbf\xbd",
                b"\xf4\x8f\xbf\xbf",
                b"\xf4\x90\x80\x80",
            ],
        ),
    ]
}

/// 6.12 to 6.16.
fn broken() -> [Group; 5] {
    // Of each range but its last octet.
    let first_octets = [0xc0..0xdf, 0xe0..0xef, 0xf0..0xf7, 0xf8..0xfb, 0xfc..0xfd];
    [
        Group { name: "continuation octets that continue nothing", sequences: continuations() },
        Group {
            name: "first octets, each with a space behind it",
            sequences: first_octets
                .map(|range| range.flat_map(|octet| [octet, b' ']).collect())
                .to_vec(),
        },
        group("sequences without their last octet", &LAST_IS_MISSING),
        group("all sequences without their last octet, joined", &[&LAST_IS_MISSING.concat()]),
        group("octets that UTF-8 never has", &[b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]),
    ]
}

/// The smallest and the largest, then the two by turns, and all but the largest in order.
fn continuations() -> Vec<Vec<u8>> {
    let by_turns = |length| [0x80, 0xbf].into_iter().cycle().take(length).collect();
    let mut sequences = vec![vec![0x80], vec![0xbf]];
    sequences.extend((2..=6).map(by_turns));
    sequences.push((0x80..0xbf).collect());
    sequences
}

/// 6.17 to 6.19.
fn overlong() -> [Group; 3] {
    [
        group(
            "a slash in more octets than it takes",
            &[
                b"\xc0\xaf",
                b"\xe0\x80\xaf",
                b"\xf0\x80\x80\xaf",
                b"\xf8\x80\x80\x80\xaf",
                b"\xfc\x80\x80\x80\x80\xaf",
            ],
        ),
        group(
            "the largest numbers that take fewer octets",
            &[
                b"\xc1\xbf",
                b"\xe0\x9f\xbf",
                b"\xf0\x8f\xbf\xbf",
                b"\xf8\x87\xbf\xbf\xbf",
                b"\xfc\x83\xbf\xbf\xbf\xbf",
            ],
        ),
        group(
            "NUL in more octets than it takes",
            &[
                b"\xc0\x80",
                b"\xe0\x80\x80",
                b"\xf0\x80\x80\x80",
                b"\xf8\x80\x80\x80\x80",
                b"\xfc\x80\x80\x80\x80\x80",
            ],
        ),
    ]
}

/// 6.20 to 6.23.
fn special() -> [Group; 4] {
    let high: [&[u8]; 4] = [b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf"];
    let low: [&[u8]; 3] = [b"\xed\xb0\x80", b"\xed\xbe\x80", b"\xed\xbf\xbf"];
    let pair = |high: &[u8]| [[high, low[0]].concat(), [high, low[2]].concat()];
    let last_two_of_planes =
        (0..=16).flat_map(|plane| [0xfffe, 0xffff].map(|last| plane << 16 | last));
    [
        group("surrogates", &[&high[..], &low[..]].concat()),
        Group { name: "pairs of surrogates", sequences: high.into_iter().flat_map(pair).collect() },
        Group {
            name: "code points that are no characters",
            sequences: last_two_of_planes.map(encoded).collect(),
        },
        Group {
            name: "the specials U+FFF9 to U+FFFF",
            sequences: (0xfff9..=0xffff).map(encoded).collect(),
        },
    ]
}

fn group(name: &'static str, sequences: &[&[u8]]) -> Group {
    Group { name, sequences: sequences.iter().map(|octets| octets.to_vec()).collect() }
}

fn texts(name: &'static str, texts: &[&str]) -> Group {
    Group { name, sequences: texts.iter().map(|text| text.as_bytes().to_vec()).collect() }
}

fn encoded(code_point: u32) -> Vec<u8> {
    char::from_u32(code_point).expect("no surrogates are listed").to_string().into_bytes()
}
