//! The cases of Autobahn|Testsuite 25.10.1 as data: what the fuzzing peer sends, when, and what it
//! has to see then. One file a section, written in the words of `build`.

mod build;
mod closing;
mod compression;
mod fragmentation;
mod framing;
mod limits;
mod opcodes;
mod pings;
mod reserved_bits;
mod sequences;
#[cfg(test)]
mod tests;
mod utf8;

use crate::case::{Case, Id};

/// All cases, in the order of their numbers.
pub(crate) fn cases() -> Vec<Case> {
    [
        framing::cases(),
        pings::cases(),
        reserved_bits::cases(),
        opcodes::cases(),
        fragmentation::cases(),
        utf8::cases(),
        closing::cases(),
        limits::cases(),
        compression::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What the cases of a section are about.
pub(crate) fn section_name(id: Id) -> &'static str {
    match id.0 {
        1 => "Framing",
        2 => "Pings and pongs",
        3 => "Reserved bits",
        4 => "Reserved opcodes",
        5 => "Fragmentation",
        6 => "UTF-8",
        7 => "Closing",
        9 => "Limits and performance",
        10 => "Automatic fragmentation",
        12 => "Compression, by payload",
        13 => "Compression, by parameters",
        _ => "Other",
    }
}

/// What the cases of a subsection are about, where a section has any.
pub(crate) fn subsection_name(id: Id) -> Option<&'static str> {
    id.2?;
    Some(match (id.0, id.1) {
        (1, 1) => "text frames",
        (1, 2) => "binary frames",
        (4, 1) => "data opcodes",
        (4, 2) => "control opcodes",
        (6, 1) => "fragments without payload",
        (6, 2) => "valid text in fragments",
        (6, 3) => "invalid text in fragments",
        (6, 4) => "invalid text, failed fast",
        (6, second) => sequences::name(second)?,
        (7, 1) => "frames behind the close frame",
        (7, 3) => "length of the close frame",
        (7, 5) => "reason that is not UTF-8",
        (7, 7) => "valid codes",
        (7, 9) => "invalid codes",
        (7, 13) => "codes in no range",
        (9, 1) => "texts in one frame",
        (9, 2) => "binary messages in one frame",
        (9, 3) => "a text in fragments",
        (9, 4) => "a binary message in fragments",
        (9, 5) => "a text in chops",
        (9, 6) => "a binary message in chops",
        (9, 7) => "texts, back and forth",
        (9, 8) => "binary messages, back and forth",
        (10, 1) => "a text in fragments that do not divide it",
        (12, second) => compression::corpus_name(second)?,
        (13, second) => compression::parameters_name(second)?,
        _ => return None,
    })
}
