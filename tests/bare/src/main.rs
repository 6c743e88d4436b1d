//! Shows that the library links with neither std nor an allocator.
//!
//! It is built and linked, by `tests/no_std`, but never run.
#![no_std]
#![no_main]

use sansocket as _;

/// The linker's default entry point: what this reaches has to be linked.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
