//! The compressor of connections on the heap, which is made on first use.

use alloc::boxed::Box;

use super::{Compress, Compressor, Deflating, WindowBits, bound};

/// A compressor that is made on first use.
#[derive(Debug, Default)]
pub struct HeapCompress(Option<Box<Compressor>>);

impl HeapCompress {
    fn codec(&mut self, bits: WindowBits, level: u8) -> &mut Compressor {
        self.0.get_or_insert_with(|| Box::new(Compressor::new(bits, level)))
    }
}

impl Compress for HeapCompress {
    const WINDOW: Option<WindowBits> = Some(WindowBits::MAX);

    /// A fragment is a frame, however long.
    const FRAME: usize = usize::MAX;

    fn deflate(&mut self, bits: WindowBits, level: u8, _: bool, message: &[u8]) -> Option<&[u8]> {
        self.codec(bits, level).compress_if_shorter(message)
    }

    fn fragment_bound(length: usize) -> usize {
        bound(length)
    }

    fn deflate_fragment(
        &mut self,
        bits: WindowBits,
        level: u8,
        fragment: &[u8],
        last: bool,
        mut frame: impl FnMut(&[u8], bool),
    ) {
        frame(self.codec(bits, level).compress_fragment(fragment, last), true);
    }

    fn end_message(&mut self, takeover: bool, retain: u32) {
        if let Some(compressor) = &mut self.0 {
            compressor.end_message(takeover, retain);
        }
    }

    fn release(&mut self) {
        self.0 = None;
    }
}
