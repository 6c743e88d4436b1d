//! A WebSocket echo server on a microcontroller, with a page to try it with.
//!
//! - [`session`]: one connection after the other on a socket. This is where sansocket is used.
//! - [`page`]: plain HTTP on the same port.
#![no_std]
#![no_main]

mod page;
mod session;

use cortex_m_rt::entry;
use cortex_m3::board::Board;
use cortex_m3::clock;
use cortex_m3::ethernet::Frames;
use cortex_m3::host::HostEntropy;
use cortex_m3::network::{Network, Rings, SEGMENT};
use smoltcp::iface::SocketStorage;

use session::{PORT, Session};

/// How many connections there can be at once.
const CONNECTIONS: usize = if cfg!(feature = "deflate") { 2 } else { 4 };

#[entry]
fn main() -> ! {
    static mut FRAMES: Frames = Frames::new();
    static mut NETWORK: Option<Network> = None;
    static mut SOCKETS: [SocketStorage<'static>; CONNECTIONS] = [SocketStorage::EMPTY; _];
    static mut RINGS: [Rings; CONNECTIONS] = [const { Rings::new() }; _];
    static mut SESSIONS: [Session; CONNECTIONS] = [const { Session::new() }; _];
    static mut CHUNK: [u8; SEGMENT] = [0; _];

    let board = Board::start(FRAMES);
    let mut entropy = HostEntropy::open().expect("the host has /dev/urandom");
    let seed = entropy.number().expect("the host's /dev/urandom has bytes");
    let network = Network::start(NETWORK, board.ethernet, SOCKETS, seed);
    let sockets = RINGS.each_mut().map(|rings| network.add(rings));
    defmt::info!("listening on port {=u16}, for {=usize} connections", PORT, CONNECTIONS);
    loop {
        let now = clock::now();
        network.poll(now);
        for (session, &socket) in SESSIONS.iter_mut().zip(&sockets) {
            session.turn(network.socket(socket), CHUNK, now);
        }
        network.wait(SESSIONS.iter().filter_map(Session::deadline).min());
    }
}
