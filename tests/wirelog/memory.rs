//! What a log keeps is bounded whatever comes, and its work is linear.

use proptest::prelude::*;
use sansocket::wirelog::{MAX_CHOP_SIZES, MAX_HEAD};

use super::common::heap::measure;
use super::common::wire::{self, BINARY, FIN};
use super::*;

/// What a map of all sizes takes at most: a map's nodes are at least a third full, and an entry is
/// a size and a count.
const SIZES: usize = MAX_CHOP_SIZES * 16 * 4;

/// Logs chops of one size; gives the heap that was used.
fn log_all(log: &mut WireLog, octets: &[u8], size: usize) -> common::heap::Usage {
    let run = || {
        for chop in octets.chunks(size) {
            let mut entries = log.chop(Received, chop);
            while entries.next().is_some() {}
        }
    };
    measure(run).1
}

#[test]
fn a_payload_takes_no_more_than_the_preview() {
    let wire = wire::frame(true, FIN | BINARY, &[7; 1 << 20]);
    for preview in [0, 64, 1000] {
        let mut log = WireLog::established().preview(preview);
        let usage = log_all(&mut log, &wire, 777);
        // A vector may have twice the room it needs, and a few sizes are counted.
        assert!(usage.peak <= 2 * preview as i64 + 1024, "{preview} octets: {usage:?}");
    }
}

#[test]
fn a_head_is_kept_until_it_is_over_and_no_longer() {
    let head = [b"GET / HTTP/1.1\r\nA: ", &[b'a'; 50_000][..], b"\r\n\r\n\x81\x00"].concat();
    for size in [1, 100, head.len()] {
        let mut log = WireLog::new();
        let usage = log_all(&mut log, &head, size);
        assert!(usage.held <= 1024, "chops of {size}: {usage:?}");
        assert!(usage.peak <= 3 * MAX_HEAD as i64, "chops of {size}: {usage:?}");
        // A vector that doubles moves each octet about once.
        assert!(usage.moved <= 2 * MAX_HEAD as u64, "chops of {size}: {usage:?}");
    }
}

#[test]
fn a_head_without_an_end_is_given_up() {
    let mut log = WireLog::new();
    let usage = log_all(&mut log, &vec![b'a'; 1 << 20], 1000);
    assert!(usage.peak <= 3 * MAX_HEAD as i64 + 1024, "{usage:?}");
    assert!(usage.held <= 1024, "{usage:?}");
}

#[test]
fn frames_allocate_nothing_once_the_preview_is_there() {
    let frame = wire::frame(true, FIN | BINARY, &[7; 100]);
    let mut log = WireLog::established();
    log_all(&mut log, &frame, frame.len());
    let usage = log_all(&mut log, &frame.repeat(100), frame.len());
    assert_eq!(usage.calls, 0, "{usage:?}");
}

#[test]
fn sizes_of_chops_are_kept_up_to_their_bound() {
    let octets = vec![0; 10 * MAX_CHOP_SIZES];
    let mut log = WireLog::established();
    let run = || {
        for size in 1..=octets.len() {
            log.chop(Received, &octets[..size]);
        }
    };
    let (_, usage) = measure(run);
    assert!(usage.peak <= SIZES as i64, "{usage:?}");
}

proptest! {
    #![proptest_config(common::settings(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/proptest-regressions/wirelog_memory.txt"
    )))]

    #[test]
    fn memory_is_bounded_for_any_octets(
        octets in proptest::collection::vec(any::<u8>(), 0..5000),
        sizes in proptest::collection::vec(1..300usize, 1..50),
    ) {
        for mut log in [WireLog::new(), WireLog::established()] {
            let run = || {
                let mut rest = &octets[..];
                for size in sizes.iter().cycle() {
                    let (chop, later) = rest.split_at(rest.len().min(*size));
                    let mut entries = log.chop(Received, chop);
                    while entries.next().is_some() {}
                    rest = later;
                    if rest.is_empty() {
                        break;
                    }
                }
            };
            let (_, usage) = measure(run);
            // A head of all the octets, in a vector that grows, and counts of fifty sizes.
            prop_assert!(usage.peak <= 3 * 5000 + 4096, "{usage:?}");
        }
    }
}
