//! What can be agreed on for permessage-deflate [RFC 7692 §7.1].

use core::fmt;

use crate::buffer::{Buffer, FixedBuffer};

/// The name of the extension.
pub(crate) const NAME: &[u8] = b"permessage-deflate";

/// The windows as parameters name them.
const DIGITS: [&[u8]; 8] = [b"8", b"9", b"10", b"11", b"12", b"13", b"14", b"15"];

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

    /// The window that a parameter's value names, in the only form there is of each.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let index = DIGITS.iter().position(|&digits| digits == value)?;
        Self::new(u8::try_from(index).ok()? + Self::MIN.0)
    }

    fn digits(self) -> &'static [u8] {
        DIGITS.get(usize::from(self.0 - Self::MIN.0)).copied().unwrap_or_default()
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

/// An offer of permessage-deflate, as a client makes it [RFC 7692 §7.1].
///
/// [`DeflateConfig::offer`](super::DeflateConfig::offer) returns that of a client's settings,
/// [`DeflateOffer::read`] those in a request.
///
/// ```
/// use sansocket::deflate::DeflateConfig;
///
/// let offer = DeflateConfig::new().outgoing_takeover(false).offer();
/// assert_eq!(
///     offer.value().as_str(),
///     "permessage-deflate; client_no_context_takeover; client_max_window_bits"
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeflateOffer {
    /// The server must start each message with an empty window [RFC 7692 §7.1.1.1].
    pub server_no_context_takeover: bool,
    /// The client will start each message with an empty window [RFC 7692 §7.1.1.2].
    pub client_no_context_takeover: bool,
    /// The largest window that the server may compress with, if limited [RFC 7692 §7.1.2.1].
    pub server_max_window_bits: Option<WindowBits>,
    /// Whether and how far the client limits its own window [RFC 7692 §7.1.2.2].
    pub client_max_window_bits: ClientWindow,
}

/// The parameter `client_max_window_bits` of an offer [RFC 7692 §7.1.2.2].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ClientWindow {
    /// It is not there: the server cannot limit the client's window.
    #[default]
    Absent,
    /// It has no value: the server may limit the client's window.
    Present,
    /// The client's window is at most this large, and the server may limit it further.
    Bits(WindowBits),
}

impl DeflateOffer {
    /// The value of the header Sec-WebSocket-Extensions.
    #[must_use]
    pub fn value(&self) -> ExtensionValue {
        let mut value = FixedBuffer::new();
        self.write(&mut value);
        ExtensionValue(value)
    }

    pub(crate) fn write(&self, out: &mut dyn Buffer) {
        out.append(NAME);
        if self.server_no_context_takeover {
            out.append(b"; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            out.append(b"; client_no_context_takeover");
        }
        if let Some(bits) = self.server_max_window_bits {
            out.append(b"; server_max_window_bits=");
            out.append(bits.digits());
        }
        match self.client_max_window_bits {
            ClientWindow::Absent => {}
            ClientWindow::Present => out.append(b"; client_max_window_bits"),
            ClientWindow::Bits(bits) => {
                out.append(b"; client_max_window_bits=");
                out.append(bits.digits());
            }
        }
    }
}

impl fmt::Display for DeflateOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.value().as_str())
    }
}

/// A server's answer to an offer of permessage-deflate, from
/// [`DeflateConfig::answer`](super::DeflateConfig::answer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct DeflateAnswer {
    /// What both sides have agreed on with it.
    pub params: DeflateParams,
    /// The offer limits the server's window. The response has to confirm that, whatever the limit
    /// [RFC 7692 §7.1.2.1].
    pub(crate) names_server_window: bool,
}

impl DeflateAnswer {
    /// The value of the header Sec-WebSocket-Extensions.
    #[must_use]
    pub fn value(&self) -> ExtensionValue {
        self.element().value()
    }

    /// The answer in the form of an offer, as which it is written.
    pub(crate) fn element(&self) -> DeflateOffer {
        let Self { params, names_server_window } = self;
        let (server, client) = (params.server_max_window_bits, params.client_max_window_bits);
        DeflateOffer {
            server_no_context_takeover: params.server_no_context_takeover,
            client_no_context_takeover: params.client_no_context_takeover,
            server_max_window_bits: (server < WindowBits::MAX || *names_server_window)
                .then_some(server),
            client_max_window_bits: if client < WindowBits::MAX {
                ClientWindow::Bits(client)
            } else {
                ClientWindow::Absent
            },
        }
    }
}

impl fmt::Display for DeflateAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.value().as_str())
    }
}

/// The longest value: all four parameters, with windows of two digits.
const LONGEST: usize = 128;

/// The value of a header Sec-WebSocket-Extensions, at most 128 bytes of ASCII.
#[derive(Clone)]
pub struct ExtensionValue(FixedBuffer<LONGEST>);

impl ExtensionValue {
    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Every part of it is ASCII.
        core::str::from_utf8(self.0.as_slice()).unwrap_or_default()
    }
}

impl fmt::Display for ExtensionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ExtensionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtensionValue({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_longest_value_fits() {
        let longest = DeflateOffer {
            server_no_context_takeover: true,
            client_no_context_takeover: true,
            server_max_window_bits: Some(WindowBits::MAX),
            client_max_window_bits: ClientWindow::Bits(WindowBits::MAX),
        };
        let mut written = vec![];
        longest.write(&mut written);
        assert_eq!(written.len(), LONGEST);
        assert_eq!(longest.value().as_str().as_bytes(), written);
        assert_eq!(longest.to_string().as_bytes(), written);
    }
}
