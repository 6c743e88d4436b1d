//! Messages that compression makes no shorter, among others that it does: with each level, window
//! and storage on the heap they are sent, and C zlib reads what was sent with just the window
//! agreed on.
//!
//! The number of messages is small unless it is set. A million of them, in a few minutes, with
//! either backend:
//!
//! ```text
//! INCOMPRESSIBLE_SENDS=1000000 cargo test --release --test deflate incompressible
//! INCOMPRESSIBLE_SENDS=1000000 cargo test --release --test deflate incompressible --features zlib-rs
//! ```

use alloc::rc::Rc;
use core::cell::RefCell;
use std::env;

use sansocket::deflate::Codecs;
use sansocket::{
    Compression, Config, Connection, DeflateConfig, Heap, MessageKind, Server, Shared, Storage,
};

use crate::common::output::Output;
use crate::fragments::connection;
use crate::peer::{Content, Random, Terms, place, read};
use crate::zlib::Inflate;

/// How many messages are sent if nothing else is set.
const SENDS: usize = 4_000;

/// How many messages of each connection are read; of every eighth connection, all.
const READ: usize = 100;

/// The longest message.
const LONGEST: usize = 70_000;

/// A sender, and a peer that reads the first messages.
struct Pair<S: Storage> {
    sender: Connection<Server, S>,
    inflate: Inflate,
    takeover: bool,
    to_read: usize,
}

impl<S: Storage> Pair<S> {
    fn new(storage: S, terms: Terms, level: u8, to_read: usize) -> Self {
        let config = Config::new().deflate(DeflateConfig::new().level(level)).retain(1000);
        Self {
            sender: connection(storage, terms, config),
            inflate: Inflate::new(terms.bits),
            takeover: terms.takeover,
            to_read,
        }
    }

    /// Sends a message in fragments of up to `length` bytes, whole if it has no more.
    fn send(&mut self, message: &[u8], length: usize) {
        const KIND: MessageKind = MessageKind::Binary;
        const ALWAYS: Compression = Compression::Always;
        let mut out = Output::unbounded();
        if message.len() <= length {
            self.sender
                .sender(&mut out)
                .compression(ALWAYS)
                .send(message)
                .expect("room without end");
            assert!(out.bytes.len() <= message.len() + 10, "{} bytes", out.bytes.len());
        } else {
            let last = message.len().div_ceil(length) - 1;
            for (index, fragment) in message.chunks(length).enumerate() {
                let mut sender = self.sender.sender(&mut out).compression(ALWAYS);
                let place = place(KIND, index, index == last);
                sender.send_fragment(place, fragment).expect("room without end");
            }
        }
        if self.to_read > 0 {
            self.to_read -= 1;
            let read = read(&mut self.inflate, self.takeover, &out.bytes);
            assert!(read == [message], "{} bytes are read as something else", message.len());
        }
    }
}

/// Each level and window, with takeover and without.
fn all_terms() -> impl Iterator<Item = (Terms, u8)> {
    Terms::all().flat_map(|terms| (1..=9).map(move |level| (terms, level)))
}

fn pool() -> Rc<RefCell<Codecs>> {
    Rc::new(RefCell::new(Codecs::new(4)))
}

/// A length of 1 to [`LONGEST`], mostly short.
fn length(random: &mut Random) -> usize {
    let most = [100, 1_000, 1_000, 10_000, 10_000, LONGEST][random.below(6)];
    1 + random.below(most)
}

#[test]
fn any_messages_arrive() {
    let sends = env::var("INCOMPRESSIBLE_SENDS")
        .map_or(SENDS, |sends| sends.parse().expect("a number of messages"));
    let mut random = Random(0);
    let codecs = pool();
    let noise = Content::Random.bytes(4 * LONGEST, 1);
    let each = sends.div_ceil(all_terms().count());
    for (index, (terms, level)) in all_terms().enumerate() {
        let to_read = if index % 8 == 0 { usize::MAX } else { READ };
        let mut heap = Pair::new(Heap, terms, level, to_read);
        // Without takeover, one of these goes on with the compressor of the other.
        let mut shared =
            [(); 2].map(|()| Pair::new(Shared::new(codecs.clone()), terms, level, to_read));
        for _ in 0..each {
            let length = length(&mut random);
            let content = Content::ALL[random.below(4)];
            let compressible;
            // Three of four cannot be compressed, and some of them are the same again.
            let message = if random.below(4) > 0 {
                let starts = [noise.len() - length, 100][random.below(2)];
                let start = random.below(starts);
                &noise[start..start + length]
            } else {
                compressible = content.bytes(length, random.next());
                &compressible
            };
            let parts = 1 + random.below(4);
            let fragment = [usize::MAX, 1 + length / parts][random.below(2)];
            match random.below(4) {
                0 | 1 => heap.send(message, fragment),
                which => shared[which - 2].send(message, fragment),
            }
        }
    }
}

/// Messages that get no shorter, one after the other through the same compressor: zlib-rs 0.6.8
/// could stand 64 KiB of them.
#[test]
fn one_after_the_other() {
    fn send_all<S: Storage>(storage: impl Fn() -> S) {
        let noise = Content::Random.bytes(200_000, 2);
        for (terms, level) in all_terms().filter(|(terms, _)| [8, 12, 15].contains(&terms.bits)) {
            for (length, count) in [(64, 1100), (16_000, 6), (LONGEST, 3)] {
                let mut pair = Pair::new(storage(), terms, level, 2);
                for message in noise.windows(length).step_by(61).take(count) {
                    pair.send(message, usize::MAX);
                }
                // The compressor still works.
                pair.to_read = 1;
                pair.send(&Content::Json.bytes(3_000, 3), usize::MAX);
                pair.to_read = 1;
                pair.send(&Content::Json.bytes(3_000, 3), 700);
            }
        }
    }
    send_all(|| Heap);
    let codecs = pool();
    send_all(|| Shared::new(codecs.clone()));
}
