//! What both programs stand on: the chip, its Ethernet controller, time, TCP/IP, and the host of
//! the emulator.
//!
//! - [`board`]: the chip comes up, its clocks and interrupts.
//! - [`ethernet`]: the driver of the Ethernet controller, a `smoltcp` device.
//! - [`clock`]: the time since then.
//! - [`network`]: addresses, TCP sockets, waiting; where sansocket meets `smoltcp`.
//! - [`stack`]: how much of the stack was ever used.
//! - [`text`]: texts without an allocator.
//! - [`host`]: arguments, random bytes and the way out; what a panic does.
#![no_std]

pub mod board;
pub mod clock;
pub mod ethernet;
pub mod host;
pub mod network;
pub mod stack;
pub mod text;
