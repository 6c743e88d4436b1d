//! The chip, a Stellaris LM3S6965: its clocks, its interrupts, its address on the network.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use cortex_m_rt::exception;
use vcell::VolatileCell;

use crate::clock;
use crate::ethernet::{Ethernet, Frames};

/// The frequency that the processor runs at.
pub(crate) const CORE_HZ: u32 = 50_000_000;

/// What the programs use of the board.
#[derive(Debug)]
pub struct Board {
    /// The Ethernet controller, ready to send and receive.
    pub ethernet: Ethernet,
}

impl Board {
    /// Starts the clocks and the Ethernet controller, which works in `frames`.
    ///
    /// # Panics
    ///
    /// When it is called a second time.
    #[must_use]
    pub fn start(frames: &'static mut Frames) -> Self {
        let mut core = cortex_m::Peripherals::take().expect("the board is started once");
        // SAFETY: the address is that of the system control registers, which are always there,
        // and as the core's peripherals were taken, nobody else has a reference to them.
        let control = unsafe { &*SystemControl::ADDRESS };
        control.start_pll();
        control
            .clocks_2
            .set(control.clocks_2.get() | CLOCKS_2_ETHERNET_MAC | CLOCKS_2_ETHERNET_PHY);
        clock::start(&mut core.SYST);
        Self { ethernet: Ethernet::start(control.mac_address(), frames) }
    }
}

/// The interrupts that are in use.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interrupt {
    Ethernet,
}

// SAFETY: the number is the one of the chip's vector table.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        match self {
            Self::Ethernet => 42,
        }
    }
}

/// Interrupts only wake the processor. What has happened is found out by looking, so one that
/// was taken is masked until the program sleeps again.
// SAFETY: it changes nothing that the code which it interrupts relies on.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    if number == Interrupt::Ethernet.number().cast_signed() {
        NVIC::mask(Interrupt::Ethernet);
    } else {
        panic!("unexpected interrupt {number}");
    }
}

/// The system control registers that are in use.
#[repr(C)]
struct SystemControl {
    _before_raw_interrupts: [u32; 0x50 / 4],
    /// RIS
    raw_interrupts: VolatileCell<u32>,
    _before_run_mode_clock: [u32; 0x0c / 4],
    /// RCC
    run_mode_clock: VolatileCell<u32>,
    _before_clocks_2: [u32; 0xa4 / 4],
    /// RCGC2
    clocks_2: VolatileCell<u32>,
    _before_user: [u32; 0xd4 / 4],
    /// USER_REG0 and USER_REG1: the maker of the board leaves its MAC address there.
    user: [VolatileCell<u32>; 2],
}

const RAW_PLL_LOCKED: u32 = 1 << 6;

const CLOCK_DIVISOR_SHIFT: u32 = 23;
const CLOCK_DIVISOR_MASK: u32 = 0xf << CLOCK_DIVISOR_SHIFT;
const CLOCK_USE_DIVISOR: u32 = 1 << 22;
const CLOCK_PLL_OFF: u32 = 1 << 13;
const CLOCK_BYPASS_PLL: u32 = 1 << 11;
const CLOCK_CRYSTAL_MASK: u32 = 0xf << 6;
const CLOCK_CRYSTAL_8_MHZ: u32 = 0xe << 6;
const CLOCK_SOURCE_MASK: u32 = 3 << 4;
const CLOCK_NO_MAIN_OSCILLATOR: u32 = 1;

const CLOCKS_2_ETHERNET_PHY: u32 = 1 << 30;
const CLOCKS_2_ETHERNET_MAC: u32 = 1 << 28;

/// What the divisor divides: half of the PLL's 400 MHz.
const PLL_HZ: u32 = 200_000_000;

impl SystemControl {
    const ADDRESS: *const Self = 0x400f_e000 as *const Self;

    /// Goes from the internal oscillator to the PLL and the crystal, step by step as the data
    /// sheet has it.
    fn start_pll(&self) {
        let clock = &self.run_mode_clock;
        clock.set((clock.get() | CLOCK_BYPASS_PLL) & !CLOCK_USE_DIVISOR);
        let off = CLOCK_CRYSTAL_MASK | CLOCK_SOURCE_MASK | CLOCK_PLL_OFF | CLOCK_NO_MAIN_OSCILLATOR;
        clock.set(clock.get() & !off | CLOCK_CRYSTAL_8_MHZ);
        let divisor = (PLL_HZ / CORE_HZ - 1) << CLOCK_DIVISOR_SHIFT;
        clock.set(clock.get() & !CLOCK_DIVISOR_MASK | divisor | CLOCK_USE_DIVISOR);
        while self.raw_interrupts.get() & RAW_PLL_LOCKED == 0 {}
        clock.set(clock.get() & !CLOCK_BYPASS_PLL);
    }

    fn mac_address(&self) -> [u8; 6] {
        let [first, second] = &self.user;
        let ([a, b, c, _], [d, e, f, _]) = (first.get().to_le_bytes(), second.get().to_le_bytes());
        [a, b, c, d, e, f]
    }
}
