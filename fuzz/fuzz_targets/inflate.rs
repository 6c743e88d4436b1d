//! Compressed messages with any payloads: what they inflate to is bounded and no message is longer
//! than the limit; other chunks, of either kind, give the same events, output and end. With every
//! storage, delivery and chop, they are read and refused as by zlib with just that window.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| sansocket_fuzz::deflate::received(input));
