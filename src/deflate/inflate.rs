//! Decompression of messages [RFC 7692 §7.2.2], by miniz_oxide over a ring that is the window.
//!
//! The ring has exactly the size that was agreed on, so a distance beyond it is refused.

#[cfg(all(feature = "alloc", any(not(feature = "zlib-rs"), test)))]
use alloc::{boxed::Box, vec};
use core::fmt;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::{Inflated, Inflating, InvalidDeflate, WindowBits};

/// The decompressor of one direction, over memory for its window.
pub(crate) struct Inflater<W> {
    state: DecompressorOxide,
    memory: W,
    /// How much of the memory is the window.
    size: usize,
    /// Where in the ring the next byte goes.
    at: usize,
    /// How much of the ring was ever written since it was last empty.
    written: usize,
    /// The input ended between two blocks.
    between_blocks: bool,
    /// What comes next is not deflate data.
    invalid: bool,
}

/// A decompressor whose window is on the heap.
#[cfg(all(feature = "alloc", any(not(feature = "zlib-rs"), test)))]
pub(crate) type HeapInflater = Inflater<Box<[u8]>>;

#[cfg(all(feature = "alloc", any(not(feature = "zlib-rs"), test)))]
impl HeapInflater {
    pub(crate) fn new(bits: WindowBits) -> Self {
        Self::over(vec![0; bits.size()].into())
    }
}

impl<W: AsRef<[u8]> + AsMut<[u8]>> Inflater<W> {
    /// A decompressor over memory that is all zeros, and a power of two.
    pub(crate) fn over(memory: W) -> Self {
        let size = memory.as_ref().len();
        Self {
            state: DecompressorOxide::new(),
            memory,
            size,
            at: 0,
            written: 0,
            between_blocks: true,
            invalid: false,
        }
    }

    /// Takes only so much of the memory for the window; for one that has not begun.
    pub(crate) fn limit(&mut self, bits: WindowBits) {
        self.size = self.size.min(bits.size());
    }
}

impl<W: AsRef<[u8]> + AsMut<[u8]>> Inflating for Inflater<W> {
    fn inflate(&mut self, input: &[u8]) -> Result<Inflated, InvalidDeflate> {
        const FLAGS: u32 = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        if self.invalid {
            return Err(InvalidDeflate);
        }
        let window = self.memory.as_mut().get_mut(..self.size).unwrap_or_default();
        let start = self.at;
        let mut end = start;
        let mut consumed = 0;
        // Block after block, as there may be many that are nearly empty.
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            let (status, taken, given) = decompress(&mut self.state, rest, window, end, FLAGS);
            consumed += taken;
            end += given;
            match status {
                TINFLStatus::BlockBoundary => self.between_blocks = true,
                // The last block of a stream is not that of the message, nor of those to come.
                TINFLStatus::Done => {
                    self.state.init();
                    self.between_blocks = true;
                }
                TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => {
                    self.between_blocks &= taken == 0 && given == 0;
                    break;
                }
                // What came before the mistake is given first, and the mistake when it is asked
                // again with the same input: so it makes no difference how the input was cut.
                _ if end > start => {
                    self.invalid = true;
                    consumed = 0;
                    break;
                }
                _ => return Err(InvalidDeflate),
            }
            if consumed == input.len() || end == self.size {
                break;
            }
        }
        self.written = self.written.max(end);
        self.at = if end == self.size { 0 } else { end };
        Ok(Inflated { consumed, start, length: end - start })
    }

    fn memory(&self) -> &[u8] {
        self.memory.as_ref()
    }

    fn is_between_blocks(&mut self) -> bool {
        self.between_blocks
    }

    /// A message that refers to what was before its start finds zeros there.
    fn reset(&mut self) {
        self.state.init();
        self.memory.as_mut().get_mut(..self.written).unwrap_or_default().fill(0);
        self.at = 0;
        self.written = 0;
        self.between_blocks = true;
        self.invalid = false;
    }
}

impl<W> fmt::Debug for Inflater<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inflater({} bytes of window)", self.size)
    }
}
