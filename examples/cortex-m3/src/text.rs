//! Short texts, put together without an allocator.

use core::fmt::{self, Write};

use sansocket::{Buffer, FixedBuffer};

/// A text of at most `N` bytes to write to.
#[derive(Debug, Default)]
pub struct Text<const N: usize>(FixedBuffer<N>);

impl<const N: usize> Text<N> {
    /// What is formatted, as far as it fits.
    #[must_use]
    pub fn format(arguments: fmt::Arguments<'_>) -> Self {
        let mut text = Self::default();
        // What does not fit is cut off.
        let _ = text.write_fmt(arguments);
        text
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.0.as_slice()).expect("only whole texts were appended")
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.0.room() {
            return Err(fmt::Error);
        }
        self.0.append(text.as_bytes());
        Ok(())
    }
}
