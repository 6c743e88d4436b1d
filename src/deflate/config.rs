//! What one side wants of permessage-deflate.

use super::WindowBits;

/// What one side wants of permessage-deflate, for [`Config::deflate`](crate::Config::deflate).
///
/// `incoming` is what the peer compresses, `outgoing` what this side does. The default asks for
/// nothing that costs ratio: context takeover and windows of 32 KiB both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DeflateConfig {
    pub(crate) incoming: WindowBits,
    pub(crate) outgoing: WindowBits,
    pub(crate) incoming_takeover: bool,
    pub(crate) outgoing_takeover: bool,
    pub(crate) hints: bool,
    pub(crate) level: u8,
    pub(crate) threshold: u16,
}

impl DeflateConfig {
    /// Context takeover and the largest windows, both ways.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            incoming: WindowBits::MAX,
            outgoing: WindowBits::MAX,
            incoming_takeover: true,
            outgoing_takeover: true,
            hints: true,
            level: 6,
            threshold: 64,
        }
    }

    /// The largest window of messages that are received; the storage may set a lower bound.
    ///
    /// A server accepts only offers of clients that let their window be limited so.
    #[must_use]
    pub const fn incoming_window(mut self, bits: WindowBits) -> Self {
        self.incoming = bits;
        self
    }

    /// The largest window of messages that are sent; the storage may set a lower bound.
    #[must_use]
    pub const fn outgoing_window(mut self, bits: WindowBits) -> Self {
        self.outgoing = bits;
        self
    }

    /// Whether messages that are received may refer to those before; if not, no memory is needed
    /// for them between messages.
    #[must_use]
    pub const fn incoming_takeover(mut self, on: bool) -> Self {
        self.incoming_takeover = on;
        self
    }

    /// How hard to try with the largest window, from 1 to 9; smaller ones have one level.
    #[must_use]
    pub const fn level(mut self, level: u8) -> Self {
        self.level = match level {
            0 => 1,
            1..=9 => level,
            _ => 9,
        };
        self
    }

    /// From how many bytes on a message is compressed, unless the choice is made for it by
    /// [`Compression`]; of one that is sent in fragments, the first counts.
    #[must_use]
    pub const fn threshold(mut self, bytes: u16) -> Self {
        self.threshold = bytes;
        self
    }

    /// Whether messages that are sent refer to those before, where the peer lets them.
    #[must_use]
    pub const fn outgoing_takeover(mut self, on: bool) -> Self {
        self.outgoing_takeover = on;
        self
    }

    /// Whether a client's offer says what the client itself does or allows, which is the default.
    ///
    /// These are the parameters `client_max_window_bits` and `client_no_context_takeover`
    /// [RFC 7692 §7.1.1.2, §7.1.2.2]. Without them, and with the default for received messages, the
    /// offer is `permessage-deflate` without a parameter: some servers accept no other. Then a
    /// server cannot limit the client's window, and its answer must not try to.
    ///
    /// A storage with a smaller window for received messages still has to ask for that.
    #[must_use]
    pub const fn hints(mut self, on: bool) -> Self {
        self.hints = on;
        self
    }
}

impl Default for DeflateConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether to compress a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Compression {
    /// If it was negotiated, and the message, or the first of its fragments, is as long as
    /// [`DeflateConfig::threshold`].
    #[default]
    Automatic,
    /// If it was negotiated.
    Always,
    /// In no case: for what is compressed already, or what must not share a window with secrets.
    Never,
}
