//! Messages with any choices, levels and windows: zlib and this crate read them as they were, with
//! a window of just the size agreed on, and none is longer than it would be plain.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| sansocket_fuzz::deflate::sent(input));
