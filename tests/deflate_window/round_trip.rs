//! What comes out is what went in, and the window is that of the peer to the byte.

use proptest::prelude::*;

use crate::corpus::{self, Random, mixed};
use crate::window::{HeapMemory, InlineMemory, WindowEncoder, buckets_for, bytes_for};
use crate::zlib::Inflate;
use crate::{ALL_BITS, compress, encoder};

#[test]
fn the_examples_of_the_rfc() {
    // RFC 7692 §7.2.3.1 and §7.2.3.6.
    let mut encoder = encoder(15);
    assert_eq!(compress(&mut encoder, [&b"Hello"[..]]), b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    assert_eq!(compress(&mut encoder, []), b"\x00");
    // In §7.2.3.2 the second "Hello" takes five bytes, an H and a copy of the rest; with a copy of
    // all of it, it takes four.
    assert_eq!(compress(&mut encoder, [&b"Hello"[..]]), b"\x02\x13\x00\x00");
    encoder.reset();
    assert_eq!(compress(&mut encoder, [&b"Hello"[..]]), b"\xf2\x48\xcd\xc9\xc9\x07\x00");
}

#[test]
fn inline_memory_gives_what_memory_on_the_heap_gives() {
    type Memory = InlineMemory<{ bytes_for(9) }, { buckets_for(9) }>;
    let mut inline = WindowEncoder::new(Memory::new(), 9);
    let mut heap = encoder(9);
    for message in corpus::json() {
        let parts = [&message[..]];
        assert_eq!(compress(&mut inline, parts), compress(&mut heap, parts));
    }
}

#[test]
fn a_copy_from_exactly_the_window_back_is_taken_and_one_more_is_not() {
    let marker = Random::new(3).bytes(60);
    for bits in ALL_BITS {
        // Zeros, the marker and zeros, and then how long the marker is a second time.
        let size_at = |before: usize, distance: usize| {
            let mut encoder = encoder(bits);
            let mut inflate = Inflate::new(bits);
            let mut send = |message: &[u8]| {
                let compressed = compress(&mut encoder, [message]);
                assert_eq!(inflate.message(&compressed).as_deref(), Ok(message), "{bits} bits");
                compressed.len()
            };
            send(&[&vec![0; before], &marker[..], &vec![0; distance - marker.len()]].concat());
            send(&marker)
        };
        let window = 1 << bits;
        assert!(size_at(0, window) < 10, "{bits} bits");
        assert!(size_at(0, window + 1) > 60, "{bits} bits");
        // The same when the buffer is full and the history has to move.
        let before = bytes_for(bits) - window;
        assert_eq!(size_at(before, window), size_at(0, window), "{bits} bits");
    }
}

#[test]
fn zlib_refuses_a_distance_of_one_more_than_its_window() {
    let marker = Random::new(4).bytes(60);
    for bits in 8..15 {
        let refused = |distance: usize| {
            let data = [&marker[..], &vec![0; distance - marker.len()], &marker].concat();
            let compressed = compress(&mut encoder(bits + 1), [&data[..]]);
            assert_eq!(Inflate::new(bits + 1).message(&compressed).as_ref(), Ok(&data));
            Inflate::new(bits).message(&compressed).is_err()
        };
        assert!(!refused(1 << bits), "{bits} bits");
        assert!(refused((1 << bits) + 1), "{bits} bits");
    }
}

#[test]
fn positions_may_wrap_around_many_times() {
    for (bits, length) in [(8, 1_500_000), (9, 500_000), (12, 500_000), (15, 1_500_000)] {
        let data = mixed(bits.into(), length, 1 << bits);
        // One message in small and in large writes, then many small messages.
        let small = compress(&mut encoder(bits), data.chunks(61));
        assert!(small == compress(&mut encoder(bits), data.chunks(100_000)), "{bits} bits");
        assert!(Inflate::new(bits).message(&small).as_ref() == Ok(&data), "{bits} bits");

        let mut encoder = encoder(bits);
        let mut inflate = Inflate::new(bits);
        for message in data.chunks(331) {
            let compressed = compress(&mut encoder, [message]);
            assert_eq!(inflate.message(&compressed).as_deref(), Ok(message), "{bits} bits");
        }
    }
}

#[test]
fn after_a_reset_a_new_peer_understands() {
    for bits in ALL_BITS {
        let mut encoder = encoder(bits);
        for seed in 0..20 {
            let message = mixed(seed, 2000, 1 << bits);
            let compressed = compress(&mut encoder, [&message[..]]);
            assert_eq!(Inflate::new(bits).message(&compressed), Ok(message), "{bits} bits");
            // In the middle of a message, with bits that remained.
            encoder.write(&mixed(seed, 50_001, 1 << bits), &mut |_| {});
            encoder.reset();
        }
    }
}

/// A message, how it is cut, and whether the context ends before it.
#[derive(Clone, Debug)]
struct Step {
    seed: u64,
    length: usize,
    cuts: Vec<prop::sample::Index>,
    reset: bool,
}

fn step(longest: usize) -> impl Strategy<Value = Step> {
    let length = prop_oneof![0..20_usize, 0..400_usize, 0..=longest];
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..6);
    (any::<u64>(), length, cuts, prop::bool::weighted(0.2))
        .prop_map(|(seed, length, cuts, reset)| Step { seed, length, cuts, reset })
}

/// The parts between the cuts, some of which may be empty.
fn cut<'a>(message: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(message.len() + 1)).collect();
    cuts.sort_unstable();
    let mut parts = Vec::new();
    let mut start = 0;
    for cut in cuts.into_iter().chain([message.len()]) {
        parts.push(&message[start..cut]);
        start = cut;
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any messages in any parts, with memory that is right, too large or too small.
    #[test]
    fn zlib_with_the_same_window_gives_the_messages_back(
        bits in ALL_BITS,
        memory in ALL_BITS,
        steps in prop::collection::vec(step(20_000), 1..8),
    ) {
        let mut whole = WindowEncoder::new(HeapMemory::new(memory), bits);
        let mut parted = WindowEncoder::new(HeapMemory::new(memory), bits);
        let mut inflate = Inflate::new(bits);
        for step in steps {
            if step.reset {
                whole.reset();
                parted.reset();
                inflate = Inflate::new(bits);
            }
            let message = mixed(step.seed, step.length, 1 << bits);
            let compressed = compress(&mut whole, [&message[..]]);
            prop_assert_eq!(inflate.message(&compressed), Ok(message.clone()));
            prop_assert_eq!(compress(&mut parted, cut(&message, &step.cuts)), compressed);
        }
    }
}
