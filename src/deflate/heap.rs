//! The codecs of connections on the heap: made on first use, one for each direction.

use alloc::boxed::Box;

use super::{
    Compress, Compressor, Decompress, Deflating, Inflated, Inflater, Inflating, InvalidDeflate,
    WindowBits, bound,
};

/// A decompressor that is made on first use.
#[derive(Debug, Default)]
pub struct HeapDecompress(Option<Box<Inflater>>);

impl Decompress for HeapDecompress {
    const WINDOW: Option<WindowBits> = Some(WindowBits::MAX);

    fn inflate(&mut self, bits: WindowBits, input: &[u8]) -> Result<Inflated, InvalidDeflate> {
        self.0.get_or_insert_with(|| Box::new(Inflater::new(bits))).inflate(input)
    }

    fn memory(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |inflater| inflater.memory())
    }

    fn end_message(&mut self, takeover: bool) -> Result<(), InvalidDeflate> {
        self.0.as_mut().map_or(Ok(()), |inflater| inflater.end_message(takeover))
    }

    fn release(&mut self) {
        self.0 = None;
    }
}

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
