//! Compression of messages [RFC 7692 §7.2.1]: by miniz_oxide with the largest window, by our own
//! encoder with every smaller one, which miniz_oxide does not keep to.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, compress_to_output, create_comp_flags_from_zip_params,
};

use super::window::{HeapMemory, WindowEncoder};
use super::{Deflating, TAIL, WindowBits};

/// The compressor of one direction, with the last part of a message that it has compressed.
pub(crate) struct Compressor {
    encoder: Encoder,
    output: Vec<u8>,
}

enum Encoder {
    Large(Box<CompressorOxide>),
    Small(WindowEncoder<HeapMemory>),
}

impl Compressor {
    pub(crate) fn new(bits: WindowBits, level: u8) -> Self {
        let encoder = if bits == WindowBits::MAX {
            let flags = create_comp_flags_from_zip_params(level.into(), -15, 0);
            Encoder::Large(Box::new(CompressorOxide::new(flags)))
        } else {
            Encoder::Small(WindowEncoder::new(HeapMemory::new(bits.get()), bits.get()))
        };
        Self { encoder, output: Vec::new() }
    }
}

impl Deflating for Compressor {
    /// `CompressorOxide::reset` clears all that later output depends on: the window, the chains of
    /// the hash table, the codes and the bits that wait [miniz_oxide 0.9.1].
    const IS_NEW_AFTER_RESET: bool = true;

    fn compress(&mut self, part: &[u8], limit: usize) -> bool {
        let output = &mut self.output;
        output.clear();
        match &mut self.encoder {
            Encoder::Large(encoder) => {
                // This cannot panic [miniz_oxide 0.9.1]. A block is written to a buffer of its own
                // before the closure gets it, and is complete before 64 KiB of codes are full. That
                // is less than the buffer holds: literals take up to 9 bits for 9 bits of codes,
                // matches up to 31 for 25. The indices are masked, and the closure never refuses
                // anything, so no call finds the stream in a state that it cannot go on from.
                compress_to_output(encoder, part, TDEFLFlush::Sync, |bytes| {
                    output.extend_from_slice(bytes);
                    true
                });
            }
            Encoder::Small(encoder) => {
                encoder.write(part, &mut |bytes| output.extend_from_slice(bytes));
                encoder.flush(&mut |bytes| output.extend_from_slice(bytes));
                output.extend_from_slice(&TAIL);
            }
        }
        output.strip_suffix(&TAIL).is_some_and(|compressed| compressed.len() <= limit)
    }

    fn output(&self) -> &[u8] {
        &self.output
    }

    fn reset(&mut self) {
        match &mut self.encoder {
            Encoder::Large(encoder) => encoder.reset(),
            Encoder::Small(encoder) => encoder.reset(),
        }
    }

    fn shrink(&mut self, retain: usize) {
        self.output.clear();
        self.output.shrink_to(retain);
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.encoder {
            Encoder::Large(_) => "Compressor(large window)",
            Encoder::Small(_) => "Compressor(small window)",
        })
    }
}
