//! The options about permessage-deflate, which the echo server and the client have.

use sansocket::deflate::WindowBits;
use sansocket::{Config, DeflateConfig};

/// What the command line says about permessage-deflate.
#[derive(Clone, Copy, Default)]
pub(crate) struct Compression {
    /// `--no-deflate`
    pub(crate) off: bool,
    /// `--window`
    pub(crate) window: Option<WindowBits>,
    /// `--no-takeover`
    pub(crate) no_takeover: bool,
}

impl Compression {
    /// Makes sure that the options go together.
    pub(crate) fn check(self) -> Result<(), &'static str> {
        if self.off && (self.window.is_some() || self.no_takeover) {
            return Err("--window and --no-takeover go without --no-deflate");
        }
        Ok(())
    }

    /// The configuration with these settings for both directions.
    pub(crate) fn apply(self, config: Config) -> Config {
        if self.off {
            return config;
        }
        let window = self.window.unwrap_or_default();
        let deflate = DeflateConfig::new()
            .incoming_window(window)
            .outgoing_window(window)
            .incoming_takeover(!self.no_takeover)
            .outgoing_takeover(!self.no_takeover);
        config.deflate(deflate)
    }
}

/// The value of `--window`.
pub(crate) fn window(text: &str) -> Result<WindowBits, &'static str> {
    text.parse().ok().and_then(WindowBits::new).ok_or("not a whole number from 8 to 15")
}
