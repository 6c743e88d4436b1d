//! How much comes out at most, and how much work it is.

use proptest::prelude::*;

use crate::corpus::{Random, mixed};
use crate::matches::STEPS;
use crate::window::{HeapMemory, WindowEncoder};
use crate::{ALL_BITS, compress, encoder};

const fn bound(length: usize) -> usize {
    WindowEncoder::<HeapMemory>::bound(length)
}

#[test]
fn noise_grows_by_two_percent() {
    assert_eq!((bound(0), bound(1), bound(256), bound(257)), (3, 9, 264, 270));
    assert_eq!(bound(usize::MAX), usize::MAX);
    for bits in ALL_BITS {
        for length in [1, 10, 100, 255, 256, 257, 1000, 100_000] {
            let noise = Random::new(length as u64).bytes(length);
            let compressed = compress(&mut encoder(bits), [&noise[..]]).len();
            assert!(compressed <= bound(length), "{bits} bits, {length} bytes");
            assert!(length < 1000 || compressed > length, "that was no noise");
        }
    }
}

/// Chunks in which any number of bytes takes nine bits and none can be matched, on either side of
/// where it is better to store them.
#[test]
fn chunks_that_are_just_not_worth_storing_keep_to_the_bound() {
    for nines in 0..=256 {
        let mut random = Random::new(10);
        let byte = |index: usize| {
            let (low, high) = (random.below(144), 144 + random.below(112));
            if index % 256 < nines { high as u8 } else { low as u8 }
        };
        let mut message: Vec<u8> = (0..256 * 40).map(byte).collect();
        // A chunk of eight bits a byte first, after which a block with the fixed codes is open.
        message.iter_mut().take(256).for_each(|byte| *byte %= 144);
        let compressed = compress(&mut encoder(8), [&message[..]]).len();
        assert!(compressed <= bound(message.len()), "{nines} of 256 bytes");
    }
}

/// Bytes in which stored chunks and matches take turns at many lengths, and of which the literals
/// take nine bits.
fn awkward() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..600),
        prop::collection::vec(144_u8.., 0..40),
        (any::<u8>(), 0..600_usize).prop_map(|(byte, count)| vec![byte; count]),
        (any::<u64>(), 0..600_usize).prop_map(|(seed, count)| mixed(seed, count, 256)),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// At every write: what comes from there on to the end of the message.
    #[test]
    fn what_comes_out_is_never_more_than_the_bound(
        bits in 8..13_u8,
        messages in prop::collection::vec(awkward(), 1..6),
        part in 1..2000_usize,
    ) {
        let mut encoder = encoder(bits);
        for message in messages {
            let (mut given, mut left) = (0, message.len());
            let mut before = vec![(0, bound(left))];
            for part in message.chunks(part) {
                encoder.write(part, &mut |bytes| given += bytes.len());
                left -= part.len();
                before.push((given, bound(left + encoder.pending())));
            }
            encoder.flush(&mut |bytes| given += bytes.len());
            prop_assert_eq!(encoder.pending(), 0);
            for (before, bound) in before {
                prop_assert!(given - before <= bound, "{} of {bound}", given - before);
            }
        }
    }
}

/// Inputs that make much work: buckets full of candidates, each a little better than the one that
/// is looked at before it, or of no use at all.
fn laborious(length: usize) -> Vec<(&'static str, Vec<u8>)> {
    let mut random = Random::new(9);
    let text = random.bytes(64);
    let faulty = |random: &mut Random, faults: usize| -> Vec<u8> {
        (0..length).map(|_| u8::from(random.below(faults) == 0)).collect()
    };
    // Starts of one text, from the longest to the shortest, and from the shortest to the longest.
    let stair = |round: usize| [&text[..63 - round % 60], &[round as u8]].concat();
    let rising = |round: usize| [&text[..3 + round % 60], &[round as u8]].concat();
    // Ends of the same text.
    let ends = |round: usize| [&text[63 - round % 60..], &[round as u8]].concat();
    vec![
        ("zeros", vec![0; length]),
        ("period of 2", [1, 2].into_iter().cycle().take(length).collect()),
        ("a fault each 8", faulty(&mut random, 8)),
        ("a fault each 30", faulty(&mut random, 30)),
        ("a fault each 300", faulty(&mut random, 300)),
        ("falling starts", (0..).flat_map(stair).take(length).collect()),
        ("rising starts", (0..).flat_map(rising).take(length).collect()),
        ("rising ends", (0..).flat_map(ends).take(length).collect()),
        ("noise", random.bytes(length)),
        ("mixed", mixed(8, length, 4096)),
    ]
}

/// Every position is searched once at most, with eight candidates; a candidate, a byte that is
/// compared and a word that is moved are a step each.
#[test]
fn work_is_linear_in_the_input() {
    const LENGTH: usize = 200_000;
    for bits in ALL_BITS {
        for (name, data) in laborious(LENGTH) {
            STEPS.set(0);
            compress(&mut encoder(bits), [&data[..]]);
            let steps = STEPS.get();
            assert!(steps > LENGTH / 2, "nothing was counted");
            assert!(steps <= 16 * LENGTH, "{bits} bits, {name}: {steps}");
        }
    }
}
