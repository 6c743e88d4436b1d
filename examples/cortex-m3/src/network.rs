//! TCP/IP by `smoltcp`: addresses, sockets, waiting; and a socket's transmit buffer as the output
//! of a connection.

use core::fmt;
use core::num::NonZeroU16;
use core::time::Duration;

use sansocket::{Bounded, Buffer};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, Ipv4Address};

use crate::clock;
use crate::ethernet::Ethernet;

/// The address of this machine in the network of the emulator.
const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 2, 15);
const PREFIX_LENGTH: u8 = 24;
/// The emulator, and behind it its host.
pub const GATEWAY: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// The port that connections to the host come from: the first of those that are nobody's.
const LOCAL_PORT: u16 = 49152;

/// A peer that acknowledges nothing for so long is taken to be gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// The longest segment of TCP on Ethernet.
pub const SEGMENT: usize = 1460;

/// The bytes that can wait in each direction of a TCP connection.
const RING: usize = 4096;

/// The room in the transmit buffer of a socket that has just been connected.
pub const TRANSMIT_ROOM: usize = RING;

/// The memory of a socket.
#[derive(Debug)]
pub struct Rings {
    receive: [u8; RING],
    transmit: [u8; RING],
}

impl Rings {
    /// Two empty rings.
    #[must_use]
    #[allow(clippy::new_without_default)] // Made by constants only.
    pub const fn new() -> Self {
        Self { receive: [0; _], transmit: [0; _] }
    }
}

/// The network as this machine sees it.
pub struct Network {
    ethernet: Ethernet,
    interface: Interface,
    sockets: SocketSet<'static>,
}

impl Network {
    /// Brings up the interface, in `place`: what there is as long as the program is not to be on
    /// the stack. `sockets` is memory for as many sockets as will be added; from `seed` come the
    /// numbers that make TCP connections hard to guess.
    #[inline(never)]
    pub fn start(
        place: &'static mut Option<Self>,
        mut ethernet: Ethernet,
        sockets: &'static mut [SocketStorage<'static>],
        seed: u64,
    ) -> &'static mut Self {
        let address = EthernetAddress(ethernet.mac_address());
        let mut config = Config::new(address.into());
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut ethernet, instant(clock::now()));
        interface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(ADDRESS.into(), PREFIX_LENGTH))
                .expect("there is room for the first address");
        });
        interface
            .routes_mut()
            .add_default_ipv4_route(GATEWAY)
            .expect("there is room for the first route");
        place.insert(Self { ethernet, interface, sockets: SocketSet::new(sockets) })
    }

    /// Adds a TCP socket.
    #[inline(never)]
    pub fn add(&mut self, rings: &'static mut Rings) -> SocketHandle {
        let receive = tcp::SocketBuffer::new(&mut rings.receive[..]);
        let transmit = tcp::SocketBuffer::new(&mut rings.transmit[..]);
        let mut socket = tcp::Socket::new(receive, transmit);
        // What is written is whole frames, whose last segment should not wait.
        socket.set_nagle_enabled(false);
        socket.set_timeout(Some(PATIENCE.into()));
        self.sockets.add(socket)
    }

    /// The socket.
    pub fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Begins to connect a new socket to a port of the emulator's host.
    pub fn connect(&mut self, handle: SocketHandle, port: NonZeroU16) {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
        socket
            .connect(self.interface.context(), (GATEWAY, port.get()), LOCAL_PORT)
            .expect("the socket is new, and neither port is 0");
    }

    /// Takes all frames that have come, and sends those that are due.
    #[inline(never)]
    pub fn poll(&mut self, now: Duration) {
        self.interface.poll(instant(now), &mut self.ethernet, &mut self.sockets);
    }

    /// Sleeps until a frame comes, TCP/IP has something to do, or it is `until`.
    pub fn wait(&mut self, until: Option<Duration>) {
        let of_sockets = self.interface.poll_at(instant(clock::now()), &self.sockets);
        let of_sockets =
            of_sockets.map(|at| Duration::from_micros(at.total_micros().cast_unsigned()));
        let deadline = of_sockets.into_iter().chain(until).min();
        while !self.ethernet.has_received()
            && deadline.is_none_or(|deadline| clock::now() < deadline)
        {
            self.ethernet.sleep();
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

fn instant(time: Duration) -> Instant {
    Instant::ZERO + time.into()
}

/// What a socket still takes, as the output of a connection: frames are encoded straight into the
/// socket's transmit buffer.
#[derive(Debug)]
pub struct Transmit<'a>(pub &'a mut tcp::Socket<'static>);

impl Buffer for Transmit<'_> {
    type Room = Bounded;

    fn room(&self) -> usize {
        if self.0.may_send() { self.0.send_capacity() - self.0.send_queue() } else { 0 }
    }

    fn append(&mut self, bytes: &[u8]) {
        let taken = self.0.send_slice(bytes);
        debug_assert_eq!(taken, Ok(bytes.len()), "more bytes than room() allows");
    }
}

/// Copies what a socket has received, as far as there is room, and leaves it there.
///
/// A socket lends its receive buffer or its transmit buffer, and a connection needs both at once.
/// So the bytes are copied out, which also joins those at the end of the ring with those at its
/// beginning; what the connection then does not consume stays in the socket, and its window
/// closes.
pub fn peek<'a>(socket: &mut tcp::Socket<'_>, chunk: &'a mut [u8]) -> &'a mut [u8] {
    // An error says that nothing will come any more, as does `may_recv`.
    let length = socket.peek_slice(chunk).unwrap_or(0);
    &mut chunk[..length]
}

/// Takes bytes out of the socket, of which it has so many.
pub fn consume(socket: &mut tcp::Socket<'_>, mut count: usize) {
    // Twice if they are on both sides of the ring's end.
    while count > 0 {
        let taken = socket.recv(|bytes| {
            let length = bytes.len().min(count);
            (length, length)
        });
        match taken {
            Ok(taken) if taken > 0 => count -= taken,
            _ => return,
        }
    }
}
