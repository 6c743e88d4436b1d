//! The opening handshake from all sides; the first byte chooses which.
//!
//! For the last three the rest of the input is a list of strings, separated by the byte FF, which
//! no UTF-8 contains.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sansocket_fuzz::handshake::{accept, received_request, received_response, request, response};

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    let strings = || rest.split(|&byte| byte == 0xFF).map(String::from_utf8_lossy).collect();
    match choice {
        b'q' => received_request(rest),
        b's' => received_response(rest),
        b'Q' => request(strings()),
        b'A' => accept(strings()),
        b'S' => response(strings()),
        _ => {}
    }
});
