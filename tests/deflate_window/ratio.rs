//! How well it compresses, compared with zlib at the same window.
//!
//! `cargo test --release --test deflate_window ratio -- --nocapture` prints the table.

use crate::corpus;
use crate::window::{HeapMemory, WindowEncoder, buckets_for, bytes_for};
use crate::zlib::Deflate;
use crate::{ALL_BITS, compress, encoder, matches::Bucket};

/// Bytes before and after, over all messages with context takeover.
fn ratio(messages: &[Vec<u8>], mut compressed: impl FnMut(&[u8]) -> usize) -> f64 {
    let before: usize = messages.iter().map(Vec::len).sum();
    let after: usize = messages.iter().map(|message| compressed(message)).sum();
    before as f64 / after as f64
}

/// What the ratios of messages that are made here must not fall below, for each window.
const JSON: [f64; 8] = [1.72, 2.28, 3.08, 3.58, 3.90, 4.10, 4.21, 4.30];
const BINARY: [f64; 8] = [2.33, 2.51, 2.61, 2.67, 2.70, 2.73, 2.75, 2.76];

#[test]
fn ratios_are_near_those_of_zlib() {
    // The text changes with the repository; it has to stay near what zlib makes of it, which for
    // the smallest windows was between 0.75 and 0.76 so far.
    let corpora = [
        ("JSON", corpus::json(), JSON),
        ("text", corpus::text(), [0.0; 8]),
        ("binary", corpus::binary(), BINARY),
    ];
    println!("| messages | window | ratio | zlib level 1 | zlib level 6 | memory |");
    println!("|---|---|---|---|---|---|");
    for (name, messages, floors) in corpora {
        for (bits, floor) in ALL_BITS.zip(floors) {
            // For 2^8, zlib takes 2^9, of which it uses 250 bytes.
            let mut zlib = [1, 6].map(|level| Deflate::new(level, bits.max(9)));
            let [zlib_1, zlib_6] =
                zlib.each_mut().map(|zlib| ratio(&messages, |message| zlib.message(message).len()));
            let mut ours = encoder(bits);
            let ours = ratio(&messages, |message| compress(&mut ours, [message]).len());
            let memory = size_of::<WindowEncoder<HeapMemory>>() - size_of::<HeapMemory>()
                + bytes_for(bits)
                + buckets_for(bits) * size_of::<Bucket>();
            println!("| {name} | 2^{bits} | {ours:.2} | {zlib_1:.2} | {zlib_6:.2} | {memory} |");
            assert!(ours >= floor, "{name}, {bits} bits: {ours}");
            assert!(ours >= 0.7 * zlib_6, "{name}, {bits} bits: {ours} and {zlib_6}");
        }
    }
}
