//! An echo server without compression.
#![no_std]
#![no_main]

use bare::{N, serve};
use sansocket::{Compression, Config, Fixed};

/// The linker's default entry point: what this reaches has to be linked.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    loop {
        serve(Fixed::<N>, Config::new(), Compression::Never);
    }
}
