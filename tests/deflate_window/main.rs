//! The encoder for small windows [RFC 7692 §7.2.1], held against zlib, which refuses a distance
//! that is farther than the window it was opened with.
#![cfg(feature = "alloc")]
// Samples are made of whatever numbers there are.
#![allow(clippy::cast_possible_truncation)]

extern crate alloc;

// The encoder is private to the library.
#[path = "../../src/deflate/bits.rs"]
mod bits;
#[path = "../../src/deflate/matches.rs"]
mod matches;
#[path = "../../src/slice.rs"]
#[allow(dead_code)]
mod slice;
#[path = "../../src/deflate/window.rs"]
mod window;

mod corpus;
mod limits;
mod ratio;
mod round_trip;
mod zlib;

use window::{HeapMemory, Memory, WindowEncoder};

const ALL_BITS: core::ops::RangeInclusive<u8> = 8..=15;

/// An encoder whose memory is made for its window.
fn encoder(bits: u8) -> WindowEncoder<HeapMemory> {
    WindowEncoder::new(HeapMemory::new(bits), bits)
}

/// Compresses a message that comes in parts.
fn compress<'a, M: Memory>(
    encoder: &mut WindowEncoder<M>,
    parts: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let mut compressed = Vec::new();
    for part in parts {
        encoder.write(part, &mut |bytes| compressed.extend_from_slice(bytes));
    }
    encoder.flush(&mut |bytes| compressed.extend_from_slice(bytes));
    compressed
}
