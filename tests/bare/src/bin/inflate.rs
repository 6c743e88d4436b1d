//! An echo server that decompresses what it receives, and sends messages as they are.
#![no_std]
#![no_main]

use bare::{N, serve};
use sansocket::{Compression, Config, DeflateConfig, FixedDeflate};

/// The linker's default entry point: what this reaches has to be linked.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let storage = FixedDeflate::<N, 9, 8>::new();
    loop {
        serve(storage, Config::new().deflate(DeflateConfig::new()), Compression::Never);
    }
}
