//! What a connection sends and receives does not depend on what the codecs of its pool were used
//! for before: however other connections ended, it behaves to the byte as over a new pool.

use alloc::rc::Rc;
use core::cell::RefCell;

use sansocket::deflate::Codecs;
use sansocket::{
    Client, Compression, Config, Connection, DeflateConfig, Delivery, Error, Fragment, Heap,
    MessageKind, Server, Shared, Storage,
};

use crate::common::output::Output;
use crate::common::record::{Driver, Seen};
use crate::common::side::{Script, Side};
use crate::common::wire::{self, BINARY, FIN};
use crate::fragments::{connection, fragments};
use crate::peer::{Content, DELIVERIES, RSV1, Random, Terms, compressed, place};

const KIND: MessageKind = MessageKind::Binary;

type Pool = Rc<RefCell<Codecs>>;

/// What the connections before do with the codecs, in both directions if nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// A message, completed.
    Completed,
    /// Several messages, whole and in fragments.
    Several,
    /// What is received is not deflate data.
    Invalid,
    /// What is received is longer than it may be.
    TooLong,
    /// The connection is dropped in the middle of a message that it receives.
    CutReceiving,
    /// The connection is dropped in the middle of a message that it sends.
    CutSending,
    /// Several messages with context takeover.
    Takeover,
    /// Several messages, with a release between two of them, and one in the middle of both.
    Released,
}

impl Use {
    const ALL: [Self; 8] = [
        Self::Completed,
        Self::Several,
        Self::Invalid,
        Self::TooLong,
        Self::CutReceiving,
        Self::CutSending,
        Self::Takeover,
        Self::Released,
    ];

    /// How many codecs of each kind a new pool has afterwards: those that completed their messages.
    fn leaves(self) -> (usize, usize) {
        match self {
            Self::Completed | Self::Several => (1, 1),
            _ => (0, 0),
        }
    }
}

/// What a connection agreed on.
#[derive(Clone, Copy, Debug)]
struct Setting {
    terms: Terms,
    level: u8,
    delivery: Delivery,
}

impl Setting {
    fn config(self) -> Config {
        Config::new().deflate(DeflateConfig::new().level(self.level)).delivery(self.delivery)
    }

    fn over<R: Side>(self, pool: &Pool, config: Config) -> Driver<R, Shared<Pool>> {
        let storage = Shared::new(pool.clone());
        let connection = connection::<R, _>(storage, self.terms, config);
        let mut driver = Driver::new(connection, Output::unbounded());
        driver.events_per_byte = 6;
        driver
    }
}

/// Lengths of messages, many of which have little to hash.
const LENGTHS: [usize; 9] = [300, 1, 2, 3, 5, 6_000, 2, 700, 4_000];

/// Lengths of messages and fragments of few letters, which repeat what was before everywhere.
const LETTERS: [usize; 10] = [90, 2, 1, 2, 300, 2, 3, 60, 2, 200];

/// Lengths of messages that fit into the windows: all of the longest is in the memory at once.
const COPIES: [usize; 4] = [200, 400, 600, 3_000];

/// Sends messages, whole and in fragments.
fn send_all<R: Side, S: Storage>(connection: &mut Connection<R, S>, seed: u64, out: &mut Output) {
    const ALWAYS: Compression = Compression::Always;
    for length in COPIES {
        connection.sender(out).compression(ALWAYS).send(&copies(length, seed)[..]).expect("room");
    }
    // First, where the connections before have left something in the window, and last, to leave
    // something there.
    send_letters(connection, seed, out);
    for (content, seed) in [Content::Json, Content::Text, Content::Random].into_iter().zip(seed..) {
        for length in LENGTHS {
            let message = content.bytes(length, seed);
            connection.sender(out).compression(ALWAYS).send(&message[..]).expect("room");
        }
        for (index, fragment) in fragments(content, &[700, 2, 1, 0, 900]).iter().enumerate() {
            connection
                .sender(out)
                .compression(ALWAYS)
                .send_fragment(place(KIND, index, index == 4), fragment)
                .expect("room");
        }
    }
    send_letters(connection, seed + 1, out);
    for length in COPIES.into_iter().rev() {
        connection.sender(out).compression(ALWAYS).send(&copies(length, seed)[..]).expect("room");
    }
}

/// Copies of what was before, and of copies, with a byte between them.
fn copies(length: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = b"ab".to_vec();
    while bytes.len() < length {
        let (start, length) = (random.below(bytes.len()), 3 + random.below(40));
        bytes.extend_from_within(start..(start + length).min(bytes.len()));
        bytes.push(b"abcdefgh"[random.below(8)]);
    }
    bytes.truncate(length);
    bytes
}

/// Sends letters in no order, in short messages and fragments.
fn send_letters<R: Side, S: Storage>(
    connection: &mut Connection<R, S>,
    seed: u64,
    out: &mut Output,
) {
    const ALWAYS: Compression = Compression::Always;
    let mut random = Random(seed);
    let mut letters = |length| (0..length).map(|_| b"abc"[random.below(3)]).collect::<Vec<u8>>();
    for _ in 0..2 {
        for length in LETTERS {
            connection.sender(out).compression(ALWAYS).send(&letters(length)[..]).expect("room");
        }
        for (index, length) in LETTERS.into_iter().enumerate() {
            let place = place(KIND, index, index == LETTERS.len() - 1);
            let mut sender = connection.sender(out).compression(ALWAYS);
            sender.send_fragment(place, &letters(length)).expect("room");
        }
    }
}

/// What a peer sends that does the same.
fn from_peer<P: Side>(terms: Terms, seed: u64) -> Vec<u8> {
    let mut peer = connection::<P, _>(Heap, terms, Config::new());
    let mut out = Output::unbounded();
    send_all(&mut peer, seed, &mut out);
    out.bytes
}

/// A message of a peer.
fn one_from_peer<P: Side>(terms: Terms, length: usize) -> Vec<u8> {
    let mut peer = connection::<P, _>(Heap, terms, Config::new());
    let mut out = Output::unbounded();
    let message = Content::Json.bytes(length, 1);
    peer.sender(&mut out).compression(Compression::Always).send(&message[..]).expect("room");
    out.bytes
}

/// Sends the beginning of a message.
fn begin<R: Side>(driver: &mut Driver<R, Shared<Pool>>) {
    let Driver { connection, out, .. } = driver;
    for (place, seed) in [(Fragment::First(KIND), 1), (Fragment::Middle, 2)] {
        let fragment = Content::Json.bytes(2_000, seed);
        let mut sender = connection.sender(out).compression(Compression::Always);
        sender.send_fragment(place, &fragment).expect("room");
    }
}

/// Uses the codecs of a pool, in connections that are gone afterwards.
fn use_codecs<R: Side, P: Side>(pool: &Pool, setting: Setting, how: Use) {
    let terms = Terms { takeover: how == Use::Takeover, ..setting.terms };
    let setting = Setting { terms, ..setting };
    let mut driver = setting.over::<R>(pool, setting.config());
    match how {
        Use::Completed => {
            driver.feed(&one_from_peer::<P>(terms, 5_000), true);
            let message = Content::Json.bytes(5_000, 1);
            let Driver { connection, out, .. } = &mut driver;
            connection
                .sender(out)
                .compression(Compression::Always)
                .send(&message[..])
                .expect("room");
        }
        Use::Several | Use::Takeover => {
            driver.feed(&from_peer::<P>(terms, 1), true);
            let Driver { connection, out, .. } = &mut driver;
            send_all(connection, 1, out);
        }
        Use::Invalid => {
            // A stored block that is valid, then one of a type that there is not.
            let stored = Content::Json.bytes(200, 1);
            let payload = [&[0, 200, 0, !200, 0xFF][..], &stored, &[0b111]].concat();
            driver.feed(&compressed::<R>(KIND, &payload), true);
            assert!(driver.error.is_some());
        }
        Use::TooLong => {
            driver = setting.over::<R>(pool, setting.config().max_message(3_000));
            driver.feed(&one_from_peer::<P>(terms, 5_000), true);
            assert!(driver.error.is_some());
        }
        Use::CutReceiving => {
            let message = one_from_peer::<P>(terms, 5_000);
            driver.feed(&message[..message.len() * 3 / 4], true);
        }
        Use::CutSending => begin(&mut driver),
        Use::Released => {
            let terms = Terms { takeover: true, ..terms };
            for setting in [setting, Setting { terms, ..setting }] {
                let message = one_from_peer::<P>(setting.terms, 5_000);
                driver = setting.over::<R>(pool, setting.config());
                driver.connection.release();
                driver.feed(&message[..message.len() * 3 / 4], true);
                begin(&mut driver);
                driver.connection.release();
            }
        }
    }
    if !matches!(how, Use::Invalid | Use::TooLong) {
        assert_eq!(driver.error, None);
    }
}

/// All that can be seen of a connection: its events, its failure, what it sends.
type Record = (Vec<Seen>, Option<Error>, Vec<u8>);

/// A connection that receives and sends messages, with seed 1 those of the connections before.
fn exchange<R: Side, P: Side>(pool: &Pool, setting: Setting, seed: u64) -> Record {
    let mut driver = setting.over::<R>(pool, setting.config());
    let bytes = from_peer::<P>(setting.terms, seed);
    driver.feed_in(&bytes, [(1000, true), (1, true), (77, false)]);
    let Driver { connection, out, seen, error, .. } = &mut driver;
    send_all(connection, seed, out);
    (core::mem::take(seen), *error, out.take())
}

/// A connection that is sent copies of what was before the first message, so far back.
fn look_back<R: Side>(pool: &Pool, setting: Setting, distance: u16) -> Record {
    // "Hello" again in a block with the fixed codes, of RFC 7692 §7.2.3.2, 5 back; or 1 back.
    let payload: &[u8] = match distance {
        5 => &[0xf2, 0x00, 0x11, 0x00, 0x00],
        _ => &[0x03, 0x02, 0x00, 0x00],
    };
    let mut driver = setting.over::<R>(pool, setting.config());
    driver.feed(&wire::frame(R::PEER_MASKS, FIN | RSV1 | BINARY, payload), true);
    (driver.seen, driver.error, driver.out.bytes)
}

/// How many codecs of each kind are in a pool: for what is received, for what is sent.
fn counts(pool: &Pool) -> (usize, usize) {
    let shown = format!("{:?}", pool.borrow());
    let count = |name| {
        let (_, behind) = shown.split_once(name).expect("a field");
        behind
            .chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
            .parse()
            .expect("a count")
    };
    (count("decompressors: "), count(" compressors: "))
}

fn check<R: Side, P: Side>(delivery: Delivery) {
    let new_pool = || Rc::new(RefCell::new(Codecs::new(1)));
    for (bits, level) in [(8, 6), (9, 1), (9, 9), (12, 6), (15, 1), (15, 2), (15, 6), (15, 9)] {
        for takeover in [false, true] {
            let setting = Setting { terms: Terms { bits, takeover }, level, delivery };
            let probes: [&dyn Fn(&Pool) -> Record; 4] = [
                &|pool| exchange::<R, P>(pool, setting, 1),
                &|pool| exchange::<R, P>(pool, setting, 2),
                &|pool| look_back::<R>(pool, setting, 5),
                &|pool| look_back::<R>(pool, setting, 1),
            ];
            let expected = probes.map(|probe| probe(&new_pool()));
            assert_eq!(expected[0].1, None);
            for how in Use::ALL {
                for (probe, expected) in probes.into_iter().zip(&expected) {
                    let pool = new_pool();
                    use_codecs::<R, P>(&pool, setting, how);
                    assert_eq!(counts(&pool), how.leaves(), "{how:?}, {setting:?}");
                    assert!(probe(&pool) == *expected, "after {how:?}, {setting:?}");
                    // With codecs that were given back before, which are used or lost.
                    let pool = new_pool();
                    use_codecs::<R, P>(&pool, setting, Use::Several);
                    use_codecs::<R, P>(&pool, setting, how);
                    assert!(probe(&pool) == *expected, "after several, {how:?}, {setting:?}");
                }
            }
        }
    }
}

#[test]
fn a_server_over_a_used_pool() {
    check::<Server, Client<Script>>(DELIVERIES[0]);
}

#[test]
fn a_client_over_a_used_pool() {
    check::<Client<Script>, Server>(DELIVERIES[1]);
}
