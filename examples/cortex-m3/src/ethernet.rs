//! The driver of the Stellaris Ethernet controller, for `smoltcp`.
//!
//! The controller has one FIFO each way, behind the same register, that the processor fills and
//! drains a word at a time. In front of a frame is a half-word with a length, so that what comes
//! behind the 14 bytes of the frame's header is aligned:
//!
//! ```text
//! received   length | frame | CRC    the length counts all three
//! to be sent length | frame          the length counts what is behind the frame's header
//! ```

use core::fmt;

use cortex_m::asm;
use cortex_m::interrupt;
use cortex_m::peripheral::NVIC;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use vcell::VolatileCell;

use crate::board::Interrupt;

/// The longest frame without its CRC.
const MAX_FRAME: usize = 1514;
const LENGTH_FIELD: usize = 2;
const HEADER: usize = 14;
const CRC: usize = 4;
const WORD: usize = 4;

/// A frame as it is in a FIFO; a whole number of words.
type Frame = [u8; (LENGTH_FIELD + MAX_FRAME + CRC).next_multiple_of(WORD)];

/// The memory for the frame that was received last and the one that is to be sent next.
#[derive(Debug)]
pub struct Frames {
    received: Frame,
    sent: Frame,
}

impl Frames {
    /// Two empty frames.
    #[must_use]
    #[allow(clippy::new_without_default)] // Made by constants only.
    pub const fn new() -> Self {
        Self { received: [0; _], sent: [0; _] }
    }
}

/// The Ethernet controller.
pub struct Ethernet {
    registers: &'static Registers,
    frames: &'static mut Frames,
    mac_address: [u8; 6],
}

impl Ethernet {
    /// Starts the controller. Its clocks must run already.
    pub(crate) fn start(mac_address: [u8; 6], frames: &'static mut Frames) -> Self {
        // SAFETY: the address is that of the controller's registers, whose clock runs. The cells
        // in them are read and written as a whole, and by this driver only: the board is started
        // once.
        let registers = unsafe { &*Registers::ADDRESS };
        let [a, b, c, d, e, f] = mac_address;
        registers.address_0.set(u32::from_le_bytes([a, b, c, d]));
        registers.address_1.set(u32::from_le_bytes([e, f, 0, 0]));
        registers.receive_control.set(RECEIVE_RESET_FIFO);
        registers.receive_control.set(RECEIVE_ON | RECEIVE_DROP_BAD_CRC);
        registers.transmit_control.set(TRANSMIT_ON | TRANSMIT_PAD | TRANSMIT_CRC | TRANSMIT_DUPLEX);
        registers.interrupts.set(INTERRUPTS_ALL);
        registers.interrupt_mask.set(INTERRUPT_RECEIVED);
        Self { registers, frames, mac_address }
    }

    /// The address of this end of the cable.
    #[must_use]
    pub fn mac_address(&self) -> [u8; 6] {
        self.mac_address
    }

    /// Whether a frame waits to be received.
    #[must_use]
    pub fn has_received(&self) -> bool {
        self.registers.frames_received.get() & FRAMES_RECEIVED_MASK != 0
    }

    /// Sleeps until a frame has come, a millisecond has passed, or for no reason.
    pub fn sleep(&mut self) {
        // With interrupts disabled none is taken between looking and sleeping, but any that is
        // pending ends the sleep.
        interrupt::free(|_| {
            self.registers.interrupts.set(INTERRUPTS_ALL);
            NVIC::unpend(Interrupt::Ethernet);
            if !self.has_received() {
                // SAFETY: no critical section relies on this interrupt being masked; its handler
                // does nothing but mask it.
                unsafe { NVIC::unmask(Interrupt::Ethernet) };
                asm::wfi();
            }
        });
    }

    /// Takes the next frame out of the FIFO; gives its length in the memory for it.
    fn read_frame(&mut self) -> usize {
        let data = &self.registers.data;
        let first = data.get();
        let [low, high, ..] = first.to_le_bytes();
        let length = usize::from(u16::from_le_bytes([low, high]));
        let mut places = self.frames.received.chunks_exact_mut(WORD);
        for number in 0..length.div_ceil(WORD) {
            let word = if number == 0 { first } else { data.get() };
            // All of the frame has to be taken, even if it is longer than any should be.
            if let Some(place) = places.next() {
                place.copy_from_slice(&word.to_le_bytes());
            }
        }
        length
    }
}

impl fmt::Debug for Ethernet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ethernet")
    }
}

impl Device for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Transmission<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Transmission<'_>)> {
        if !self.has_received() {
            return None;
        }
        let length = self.read_frame();
        let Frames { received, sent } = &mut *self.frames;
        let frame = received.get(LENGTH_FIELD..length.saturating_sub(CRC)).unwrap_or_default();
        Some((Received(frame), Transmission { registers: self.registers, frame: sent }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Transmission<'_>> {
        Some(Transmission { registers: self.registers, frame: &mut self.frames.sent })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MAX_FRAME;
        capabilities
    }
}

/// A frame that was received.
#[derive(Debug)]
pub struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

/// The right to send a frame.
pub struct Transmission<'a> {
    registers: &'a Registers,
    frame: &'a mut Frame,
}

impl TxToken for Transmission<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let Self { registers, frame } = self;
        let (field, content) = frame.split_at_mut(LENGTH_FIELD);
        let data_length = u16::try_from(length - HEADER).expect("no frame is longer than the MTU");
        field.copy_from_slice(&data_length.to_le_bytes());
        let result = f(&mut content[..length]);

        // The FIFO holds one frame; that before this one takes 120 microseconds at most.
        while registers.transmission.get() & TRANSMISSION_BEGIN != 0 {}
        let length = (LENGTH_FIELD + length).next_multiple_of(WORD);
        let (words, _) = frame[..length].as_chunks::<WORD>();
        for word in words {
            registers.data.set(u32::from_le_bytes(*word));
        }
        registers.transmission.set(TRANSMISSION_BEGIN);
        result
    }
}

impl fmt::Debug for Transmission<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transmission")
    }
}

/// The registers of the controller.
#[repr(C)]
struct Registers {
    /// MACRIS; MACIACK when it is written
    interrupts: VolatileCell<u32>,
    /// MACIM
    interrupt_mask: VolatileCell<u32>,
    /// MACRCTL
    receive_control: VolatileCell<u32>,
    /// MACTCTL
    transmit_control: VolatileCell<u32>,
    /// MACDATA
    data: VolatileCell<u32>,
    /// MACIA0, MACIA1
    address_0: VolatileCell<u32>,
    address_1: VolatileCell<u32>,
    /// MACTHR, and those that talk to the PHY, which needs nothing
    _threshold_and_management: [u32; 6],
    /// MACNP
    frames_received: VolatileCell<u32>,
    /// MACTR
    transmission: VolatileCell<u32>,
}

impl Registers {
    const ADDRESS: *const Self = 0x4004_8000 as *const Self;
}

const INTERRUPT_RECEIVED: u32 = 1;
const INTERRUPTS_ALL: u32 = 0x7f;
const RECEIVE_ON: u32 = 1;
const RECEIVE_DROP_BAD_CRC: u32 = 1 << 3;
const RECEIVE_RESET_FIFO: u32 = 1 << 4;
const TRANSMIT_ON: u32 = 1;
const TRANSMIT_PAD: u32 = 1 << 1;
const TRANSMIT_CRC: u32 = 1 << 2;
const TRANSMIT_DUPLEX: u32 = 1 << 4;
const FRAMES_RECEIVED_MASK: u32 = 0x3f;
const TRANSMISSION_BEGIN: u32 = 1;
