//! Time: the milliseconds since the start, counted by the system timer.

use core::cell::Cell;
use core::time::Duration;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use critical_section::Mutex;

use crate::board::CORE_HZ;

const TICKS_PER_SECOND: u32 = 1000;

static MILLIS: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

defmt::timestamp!("{=u64:ms}", millis());

/// Starts to count.
pub(crate) fn start(timer: &mut SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(CORE_HZ / TICKS_PER_SECOND - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}

/// The time since the start.
#[must_use]
pub fn now() -> Duration {
    Duration::from_millis(millis())
}

fn millis() -> u64 {
    critical_section::with(|section| MILLIS.borrow(section).get())
}

#[exception]
fn SysTick() {
    critical_section::with(|section| {
        let millis = MILLIS.borrow(section);
        millis.set(millis.get() + 1);
    });
}
