//! A WebSocket client on a microcontroller: it connects to an echo server on the emulator's host,
//! checks what comes back, and ends the emulator with status 0 if all is as it should be.
//!
//! - [`session`]: the connection and its socket. This is where sansocket is used.
//! - [`exchange`]: the messages.
#![no_std]
#![no_main]

mod exchange;
mod session;

use core::time::Duration;

use cortex_m_rt::entry;
use cortex_m3::board::Board;
use cortex_m3::clock;
use cortex_m3::ethernet::Frames;
use cortex_m3::host::{self, HostEntropy};
use cortex_m3::network::{Network, Rings, SEGMENT};
use cortex_m3::stack::Stack;
use smoltcp::iface::SocketStorage;

use session::Session;

/// All has to be over by then.
const PATIENCE: Duration = Duration::from_secs(60);

#[entry]
fn main() -> ! {
    static mut FRAMES: Frames = Frames::new();
    static mut NETWORK: Option<Network> = None;
    static mut SOCKETS: [SocketStorage<'static>; 1] = [SocketStorage::EMPTY];
    static mut RINGS: Rings = Rings::new();
    static mut SESSION: Session = Session::new();
    static mut CHUNK: [u8; SEGMENT] = [0; _];

    let Some(port) = host::port() else {
        defmt::error!("the argument has to be the port of an echo server on the host");
        host::exit(false);
    };
    let board = Board::start(FRAMES);
    let mut entropy = HostEntropy::open().expect("the host has /dev/urandom");
    let seed = entropy.number().expect("the host's /dev/urandom has bytes");
    let network = Network::start(NETWORK, board.ethernet, SOCKETS, seed);
    let socket = network.add(RINGS);
    network.connect(socket, port);
    SESSION.connect(port, entropy);
    loop {
        let now = clock::now();
        network.poll(now);
        let outcome = SESSION.turn(network.socket(socket), CHUNK, now);
        if let Some(success) = outcome.or((now >= PATIENCE).then_some(false)) {
            let Stack { used, size } = Stack::measure();
            defmt::info!(
                "success: {=bool}; stack: {=usize} of {=usize} bytes",
                success,
                used,
                size
            );
            host::exit(success);
        }
        network.wait(SESSION.deadline().into_iter().chain([PATIENCE]).min());
    }
}
