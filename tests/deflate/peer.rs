//! What these tests share: connections that compress, frames of compressed messages, contents.

use sansocket::deflate::{DeflateParams, WindowBits};
use sansocket::{Config, Connection, Delivery, Fragment, Heap, MessageKind, Storage};

use crate::common::output::Output;
use crate::common::record::{Driver, Seen};
use crate::common::side::Side;
use crate::common::wire::{self, BINARY, FIN, TEXT};
use crate::zlib::Inflate;

/// The bit of a message that is compressed.
pub(crate) const RSV1: u8 = 0x40;

/// Both deliveries.
pub(crate) const DELIVERIES: [Delivery; 2] = [Delivery::Whole, Delivery::Streaming];

/// What received bytes are passed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChunkKind {
    /// Slices that can be changed.
    Mutable,
    /// Slices that cannot.
    Shared,
    /// An [`Input`](sansocket::Input).
    Input,
}

impl ChunkKind {
    pub(crate) const ALL: [Self; 3] = [Self::Mutable, Self::Shared, Self::Input];

    /// Makes a driver pass its bytes in such chunks, if it is fed with [`cut`](Self::cut).
    pub(crate) fn prepare<R: Side, S: Storage>(self, driver: Driver<R, S>) -> Driver<R, S> {
        match self {
            Self::Mutable | Self::Shared => driver,
            Self::Input => driver.with_input(),
        }
    }

    /// A chunk of this length, as an argument of a driver.
    pub(crate) fn cut(self, length: usize) -> (usize, bool) {
        (length, self == Self::Mutable)
    }
}

/// What is agreed on for one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) bits: u8,
    pub(crate) takeover: bool,
}

impl Terms {
    /// Those that go without saying.
    pub(crate) const DEFAULT: Self = Self { bits: 15, takeover: true };

    /// Each size of window, with takeover and without.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (8..=15).flat_map(|bits| [true, false].map(|takeover| Self { bits, takeover }))
    }
}

pub(crate) fn bits(bits: u8) -> WindowBits {
    WindowBits::new(bits).expect("8 to 15")
}

/// The parameters with which a side of this role receives and sends on these terms.
pub(crate) fn params<R: Side>(incoming: Terms, outgoing: Terms) -> DeflateParams {
    let is_server = R::PEER_MASKS;
    let (server, client) = if is_server { (outgoing, incoming) } else { (incoming, outgoing) };
    DeflateParams {
        server_no_context_takeover: !server.takeover,
        client_no_context_takeover: !client.takeover,
        server_max_window_bits: bits(server.bits),
        client_max_window_bits: bits(client.bits),
    }
}

/// A connection with the same terms both ways, whose opening handshake was done elsewhere.
pub(crate) fn connection<R: Side>(terms: Terms, config: Config) -> Connection<R, Heap> {
    let negotiated = Some(params::<R>(terms, terms));
    Connection::established(R::role(), negotiated, config)
}

/// The same with somebody who records what it tells.
pub(crate) fn driver<R: Side>(terms: Terms, config: Config) -> Driver<R, Heap> {
    let mut driver = Driver::new(connection(terms, config), Output::unbounded());
    // Four copies of 258 bytes, two bits each, fill the smallest window, and one is under way.
    driver.events_per_byte = 6;
    driver
}

/// A compressed message in one frame, as the peer of `R` sends it.
pub(crate) fn compressed<R: Side>(kind: MessageKind, payload: &[u8]) -> Vec<u8> {
    wire::frame(R::PEER_MASKS, FIN | RSV1 | opcode(kind), payload)
}

pub(crate) fn opcode(kind: MessageKind) -> u8 {
    match kind {
        MessageKind::Text => TEXT,
        MessageKind::Binary => BINARY,
    }
}

/// The place of the fragment with this index in a message.
pub(crate) fn place(kind: MessageKind, index: usize, is_last: bool) -> Fragment {
    match (index, is_last) {
        (0, true) => Fragment::Only(kind),
        (0, false) => Fragment::First(kind),
        (_, false) => Fragment::Middle,
        (_, true) => Fragment::Last,
    }
}

/// The messages in what was told, those that came in frames or pieces put together.
pub(crate) fn messages(seen: &[Seen]) -> Vec<Vec<u8>> {
    let mut messages = vec![];
    for seen in seen {
        match seen {
            Seen::Message(_, message) => messages.push(message.clone()),
            Seen::Frame { data, start, .. } => {
                if *start {
                    messages.push(vec![]);
                }
                messages.last_mut().expect("a message that has started").extend(data);
            }
            _ => {}
        }
    }
    messages
}

/// The messages that a connection has sent, read with a window of just the size agreed on; control
/// frames among them are passed over.
#[track_caller]
pub(crate) fn read(inflate: &mut Inflate, takeover: bool, sent: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = vec![];
    let mut compressed = false;
    let frames = wire::read_frames(sent);
    for frame in frames.iter().filter(|frame| frame.first & 0x8 == 0) {
        if frame.first & 0xF != wire::CONTINUATION {
            compressed = frame.first & RSV1 != 0;
            messages.push(vec![]);
        }
        let message = messages.last_mut().expect("a message that has started");
        if !compressed {
            message.extend(&frame.payload);
            continue;
        }
        assert!(frame.first & 0xF != wire::CONTINUATION || frame.first & RSV1 == 0);
        inflate.part(&frame.payload, message).expect("what zlib can decompress");
        if frame.first & FIN != 0 {
            inflate.end(message).expect("the end of a message");
            if !takeover {
                inflate.reset();
            }
        }
    }
    messages
}

/// Contents of every kind of compressibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Objects of a feed: repetitions near and far, with differences.
    Json,
    /// Words in no order.
    Text,
    /// What cannot be compressed.
    Random,
    /// Long runs of a few bytes.
    Runs,
}

impl Content {
    pub(crate) const ALL: [Self; 4] = [Self::Json, Self::Text, Self::Random, Self::Runs];

    /// `length` bytes of it, ASCII unless random.
    pub(crate) fn bytes(self, length: usize, seed: u64) -> Vec<u8> {
        let mut random = Random(seed);
        let mut bytes = Vec::with_capacity(length + 200);
        while bytes.len() < length {
            match self {
                Self::Json => {
                    let (id, price) = (random.below(1 << 20), random.below(100_000));
                    let side = ["buy", "sell"][random.below(2)];
                    bytes.extend(
                        format!(r#"{{"id":{id},"side":"{side}","price":{price},"tags":[]}},"#)
                            .into_bytes(),
                    );
                }
                Self::Text => {
                    let word = WORDS[random.below(WORDS.len())];
                    bytes.extend_from_slice(word.as_bytes());
                    bytes.push(b' ');
                }
                Self::Random => bytes.extend(random.next().to_le_bytes()),
                Self::Runs => {
                    let byte = b"ab "[random.below(3)];
                    let longest = 1 << random.below(11);
                    bytes.extend(core::iter::repeat_n(byte, 1 + random.below(longest)));
                }
            }
        }
        bytes.truncate(length);
        bytes
    }

    /// As a message of the kind that it can be.
    pub(crate) fn kind(self) -> MessageKind {
        if self == Self::Random { MessageKind::Binary } else { MessageKind::Text }
    }
}

const WORDS: [&str; 24] = [
    "window",
    "the",
    "of",
    "and",
    "message",
    "distance",
    "a",
    "literal",
    "to",
    "in",
    "block",
    "frame",
    "is",
    "that",
    "which",
    "compression",
    "takeover",
    "it",
    "server",
    "client",
    "for",
    "octets",
    "as",
    "be",
];

/// Numbers from a seed (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("less than a usize")
    }
}
