//! The host of the emulator, reached by semihosting: the log goes there, arguments and random
//! bytes come from there, and the program can end.
//!
//! A product has none of this. It would log over a debug probe, and have its random bytes from a
//! generator in the chip or a secure element: this chip has neither.

use core::num::NonZeroU16;
use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, exception};
use defmt_semihosting as _;
use sansocket::{Entropy, EntropyError};
use semihosting::experimental::env;
use semihosting::fs::File;
use semihosting::io::Read as _;
use semihosting::process;

/// Random bytes of the host, from its `/dev/urandom`.
///
/// They are fetched in blocks, as each call stops the processor for a while.
#[derive(Debug)]
pub struct HostEntropy {
    source: File,
    bytes: [u8; Self::BLOCK],
    used: usize,
}

impl HostEntropy {
    const BLOCK: usize = 64;

    /// Opens the source, or gives `None` if there is no such file on the host.
    #[must_use]
    pub fn open() -> Option<Self> {
        let source = File::open(c"/dev/urandom").ok()?;
        Some(Self { source, bytes: [0; _], used: Self::BLOCK })
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] if the host gives no bytes.
    pub fn number(&mut self) -> Result<u64, EntropyError> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

impl Entropy for HostEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        for byte in bytes {
            if self.used == Self::BLOCK {
                self.source.read_exact(&mut self.bytes).map_err(|_| EntropyError)?;
                self.used = 0;
            }
            *byte = self.bytes[self.used];
            self.used += 1;
        }
        Ok(())
    }
}

/// The first argument after the name of the program, if it is the number of a port.
#[must_use]
pub fn port() -> Option<NonZeroU16> {
    let arguments = env::args::<64>().ok()?;
    let port = (&arguments).nth(1)?;
    port.ok()?.parse().ok()
}

/// Ends the emulator.
pub fn exit(success: bool) -> ! {
    process::exit(i32::from(!success))
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    defmt::error!("{}", defmt::Display2Format(info));
    exit(false)
}

// SAFETY: it does not return.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    defmt::error!("hard fault at {=u32:#x}", frame.pc());
    exit(false)
}
