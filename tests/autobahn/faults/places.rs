//! Cases that have something in common, by their numbers or those of their subsections.

/// A list of cases and subsections.
pub(super) type Places = &'static [&'static str];

/// All sections.
pub(super) const EVERYWHERE: Places = &["1", "2", "3", "4", "5", "6", "7", "9", "10", "12", "13"];

/// A text comes back before the fuzzing peer closes.
pub(super) const TEXTS: Places = &[
    "1.1", "5.3", "5.4", "5.5", "5.6", "5.7", "5.8", "5.19", "5.20", "6.1", "6.2", "6.5", "6.6",
    "6.7", "6.9", "6.11", "6.22", "6.23", "7.1.1", "9.1", "10.1",
];

/// A text that has a payload in more than one fragment comes back.
pub(super) const PIECES: Places = &[
    "5.3", "5.4", "5.5", "5.6", "5.7", "5.8", "5.19", "5.20", "6.1.3", "6.2.2", "6.2.3", "6.2.4",
    "10.1",
];

/// A text comes back before something that is wrong.
pub(super) const TEXTS_AND_FAILURE: Places =
    &["3.2", "3.3", "3.4", "4.1.3", "4.1.4", "4.1.5", "4.2.3", "4.2.4", "4.2.5", "5.15"];

/// A binary message comes back.
pub(super) const BINARIES: Places = &["1.2", "9.2"];

/// Texts go back and forth.
pub(super) const TEXT_TRIPS: Places = &["9.7"];

/// Binary messages go back and forth.
pub(super) const BINARY_TRIPS: Places = &["9.8"];

/// Compressed texts go back and forth.
pub(super) const COMPRESSED_TEXTS: Places = &["12.1", "12.4", "13"];

/// Compressed binary messages go back and forth.
pub(super) const COMPRESSED_BINARIES: Places = &["12.2", "12.3", "12.5"];

/// A message comes back.
pub(super) const ECHOES: &[Places] = &[
    TEXTS,
    TEXTS_AND_FAILURE,
    TEXT_TRIPS,
    BINARIES,
    BINARY_TRIPS,
    COMPRESSED_TEXTS,
    COMPRESSED_BINARIES,
];

/// The closing handshake is completed with a code.
pub(super) const CLOSED: &[Places] = &[
    TEXTS,
    BINARIES,
    TEXT_TRIPS,
    BINARY_TRIPS,
    COMPRESSED_TEXTS,
    COMPRESSED_BINARIES,
    PINGS,
    PONGS,
    CLOSES,
];

/// The closing handshake is completed, with a code or without.
pub(super) const ENDS: &[Places] = &[
    TEXTS,
    BINARIES,
    TEXT_TRIPS,
    BINARY_TRIPS,
    COMPRESSED_TEXTS,
    COMPRESSED_BINARIES,
    PINGS,
    PONGS,
    CLOSES,
    &["7.3.1"],
];

/// Pings are answered.
pub(super) const PINGS: Places = &[
    "2.1", "2.2", "2.3", "2.4", "2.6", "2.9", "2.10", "2.11", "5.6", "5.7", "5.8", "5.19", "5.20",
];

/// Pings come inside of a message.
pub(super) const PINGS_INSIDE: Places = &["5.6", "5.7", "5.8", "5.19", "5.20"];

/// Pongs come that nobody asked for.
pub(super) const PONGS: Places = &["2.7", "2.8", "2.9"];

/// The closing handshake is all that there is, and its code is 1000 or another that is valid.
pub(super) const CLOSES: Places =
    &["7.1.2", "7.1.3", "7.1.4", "7.1.5", "7.3.3", "7.3.4", "7.3.5", "7.7"];

/// Something that is wrong is answered with 1002, and not with 1007 either.
pub(super) const VIOLATIONS: Places = &[
    "2.5", "3", "4", "5.1", "5.2", "5.9", "5.10", "5.11", "5.12", "5.13", "5.14", "5.15", "5.16",
    "5.17", "5.18", "7.3.2", "7.3.6", "7.9",
];

/// Something that is no text is answered with 1007.
pub(super) const NO_TEXTS: Places = &[
    "6.3", "6.4", "6.6", "6.8", "6.10", "6.11.5", "6.12", "6.13", "6.14", "6.15", "6.16", "6.17",
    "6.18", "6.19", "6.20", "6.21",
];
