//! What every program has: the others are measured against it.
#![no_std]
#![no_main]

/// The linker's default entry point: what this reaches has to be linked.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let mut out = bare::Output::new();
    let mut buffer = [0; bare::N];
    loop {
        bare::read(&mut buffer);
        bare::write(&mut out);
        bare::now();
    }
}
