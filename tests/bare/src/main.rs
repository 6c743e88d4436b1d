//! Shows that the library links with neither std nor an allocator: an echo server that gets its
//! bytes from nowhere.
//!
//! It is built and linked, by `tests/no_std`, but never run.
#![no_std]
#![no_main]

use core::hint::black_box;

use sansocket::{Accept, Config, Connection, Event, Fixed, FixedBuffer};

/// The linker's default entry point: what this reaches has to be linked.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let mut connection = Connection::server_in(Fixed::<512>, Config::new());
    let mut out = FixedBuffer::<640>::new();
    loop {
        // Opaque to the optimizer, which would otherwise know that nothing ever comes.
        let mut chunk = black_box([0; 64]);
        let mut events = connection.receive(&mut chunk, &mut out);
        while let Ok(Some((event, mut reply))) = events.next() {
            let _ = match event {
                Event::Request(request) => reply.accept(&request, Accept::new()),
                Event::Message(message) => reply.send(message),
                _ => Ok(()),
            };
        }
        black_box(out.as_slice());
        out.clear();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
