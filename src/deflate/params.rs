//! What can be agreed on for permessage-deflate [RFC 7692 §7.1].

use core::fmt;

/// The size of an LZ77 window as a power of two: 8 to 15 [RFC 7692 §7.1.2].
///
/// ```
/// use sansocket::deflate::WindowBits;
///
/// assert_eq!(WindowBits::new(9).map(WindowBits::size), Some(512));
/// assert_eq!(WindowBits::new(16), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WindowBits(u8);

impl WindowBits {
    /// 256 bytes, the smallest window.
    pub const MIN: Self = Self(8);
    /// 32 KiB, the largest window, which is the default of the protocol.
    pub const MAX: Self = Self(15);

    /// The window of 2^`bits` bytes, `None` unless `bits` is 8 to 15.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The window of this size, if there is one.
    #[cfg(feature = "deflate")]
    pub(crate) const fn of_size(size: usize) -> Option<Self> {
        match size {
            0x100..=0x8000 if size.is_power_of_two() => Some(Self(size.ilog2().to_le_bytes()[0])),
            _ => None,
        }
    }

    /// The power of two.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The size of the window, in bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        1 << self.0
    }
}

impl Default for WindowBits {
    fn default() -> Self {
        Self::MAX
    }
}

impl fmt::Debug for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WindowBits({})", self.0)
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What both sides agreed on for permessage-deflate [RFC 7692 §7.1].
///
/// The default is that of the protocol: context takeover and a window of 32 KiB in both
/// directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeflateParams {
    /// The server starts each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client starts each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The largest window that the server compresses with.
    pub server_max_window_bits: WindowBits,
    /// The largest window that the client compresses with.
    pub client_max_window_bits: WindowBits,
}
