//! Messages, whole or in fragments, with any choices, levels and windows: zlib and this crate read
//! them as they were, with a window of just the size agreed on; a whole one is no longer than it
//! would be plain, and all is written in the room that was asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| sansocket_fuzz::deflate::sent(input));
