//! The wire log: any octets in chops of any size give what they give in one.
//!
//! The first byte has the octets to show of a payload and, in its highest bit, whether the
//! connection is established; then comes the size of the chops, and how many octets are sent; the
//! rest is received.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sansocket::wirelog::{Count, Direction, What, WireLog};

fuzz_target!(|input: &[u8]| {
    let &[choice, size, sent, ref wire @ ..] = input else { return };
    let (sent, received) = wire.split_at(wire.len().min(sent.into()));
    let found = |size| {
        let log = if choice & 0x80 == 0 { WireLog::new() } else { WireLog::established() };
        let mut log = log.preview(usize::from(choice & 0x7F));
        let mut text = log_all(&mut log, Direction::Sent, sent, size);
        text += &log_all(&mut log, Direction::Received, received, size);
        let frames: Vec<(u8, Count)> = log.statistics().received.frames_by_opcode().collect();
        (text, frames)
    };
    assert_eq!(found(usize::from(size).max(1)), found(wire.len().max(1)));
});

/// What is found apart from the octets, in lines.
fn log_all(log: &mut WireLog, direction: Direction, octets: &[u8], size: usize) -> String {
    let mut text = String::new();
    for chop in octets.chunks(size) {
        let mut entries = log.chop(direction, chop);
        while let Some(entry) = entries.next() {
            if !matches!(entry.what, What::Octets(_)) {
                text += &format!("{entry}\n");
            }
        }
    }
    let unfinished = log.unfinished(direction);
    text + &unfinished.map(|entry| entry.to_string()).unwrap_or_default()
}
