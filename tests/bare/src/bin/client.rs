//! A client without compression.
#![no_std]
#![no_main]

use bare::{N, connect};
use sansocket::{Config, Fixed};

/// The linker's default entry point: what this reaches has to be linked.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    loop {
        connect(Fixed::<N>, Config::new());
    }
}
