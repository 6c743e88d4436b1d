//! What the programs have in common: a device that bytes come from and go to, the loop of a
//! server and of a client over it, and the end of a panic.
//!
//! They are built and linked, but never run. What the optimizer must not see through goes through
//! `black_box`: otherwise it would know that nothing ever comes.
#![no_std]

use core::hint::black_box;
use core::time::Duration;

use sansocket::{
    Accept, Client, CloseCode, Compression, Config, Connection, Entropy, EntropyError, Event,
    FixedBuffer, Request, Server, Storage, TransportAction,
};

/// The length of messages, and of all other memory of a connection but its state.
pub const N: usize = 512;

/// What a connection has to say, with room for an echo.
pub type Output = FixedBuffer<{ N + 128 }>;

/// Reads some bytes from the device.
#[inline(never)]
pub fn read(buffer: &mut [u8]) -> usize {
    black_box(buffer).first().map_or(0, |&length| length.into())
}

/// Writes some bytes to the device, which takes them all.
#[inline(never)]
pub fn write(out: &mut Output) {
    black_box(out.as_slice());
    out.clear();
}

/// The device's clock.
pub fn now() -> Duration {
    Duration::from_secs(black_box(0))
}

/// The device's generator of random numbers.
#[derive(Debug)]
pub struct Random;

impl Entropy for Random {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        black_box(bytes);
        black_box(Ok(()))
    }
}

/// A server that sends every message back, compressed or not.
#[inline(always)]
pub fn serve<S: Storage>(storage: S, config: Config, compression: Compression) {
    let mut connection = Connection::<Server, S>::server_in(storage, config);
    let mut out = Output::new();
    let mut buffer = [0; N];
    while connection.transport() != TransportAction::Close {
        if connection.tick(now(), &mut out).is_ok() {
            let length = read(&mut buffer).min(N);
            let Some(chunk) = buffer.get_mut(..length) else { continue };
            let mut events = connection.receive(chunk, &mut out);
            while let Ok(Some((event, reply))) = events.next() {
                let mut reply = reply.compression(compression);
                let _ = match event {
                    Event::Request(_) => {
                        let _ = reply.accept(Accept::new());
                        continue;
                    }
                    Event::Message(message) => reply.send(message),
                    Event::Piece(piece) => reply.send_fragment(piece.fragment(), piece.data),
                    _ => continue,
                };
            }
        }
        write(&mut out);
    }
}

/// A client that sends every message back, and closes after a ping.
#[inline(always)]
pub fn connect<S: Storage>(storage: S, config: Config) {
    let mut out = Output::new();
    let request = Request::new("device.example", "/");
    let connection =
        Connection::<Client<Random>, S>::client_in(storage, &request, Random, config, &mut out);
    let Ok(Ok(mut connection)) = connection else { return };
    let mut buffer = [0; N];
    while connection.transport() != TransportAction::Close {
        write(&mut out);
        if connection.tick(now(), &mut out).is_ok() {
            let length = read(&mut buffer).min(N);
            let Some(chunk) = buffer.get_mut(..length) else { continue };
            let mut events = connection.receive(chunk, &mut out);
            while let Ok(Some((event, mut reply))) = events.next() {
                let _ = match event {
                    Event::Open(_) => reply.send("hello"),
                    Event::Message(message) => reply.send(message),
                    Event::Ping(_) => reply.close(CloseCode::NORMAL),
                    _ => continue,
                };
            }
        }
    }
}

/// What firmware does here is its own; with the feature `places` it looks at the place.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    #[cfg(feature = "places")]
    black_box(_info.location());
    loop {
        core::hint::spin_loop();
    }
}
