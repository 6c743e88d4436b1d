//! A decompressor together with the memory for its window, and those of connections on the heap.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec};
use core::fmt;

#[cfg(feature = "alloc")]
use super::Decompress;
use super::inflate::Inflater;
#[cfg(feature = "alloc")]
use super::inflate::SLACK;
use super::{Inflated, Refused, WindowBits};

/// The decompressor of one direction, over memory for its window.
pub(crate) struct Decompressor<M, const SMALL: bool> {
    inflater: Inflater<SMALL>,
    memory: M,
}

impl<M: AsRef<[u8]> + AsMut<[u8]>, const SMALL: bool> Decompressor<M, SMALL> {
    /// A decompressor over memory with at least as many bytes as the window.
    pub(crate) fn over(memory: M, bits: WindowBits) -> Self {
        Self { inflater: Inflater::new(bits), memory }
    }

    /// Makes the window smaller; for a decompressor that has not begun.
    pub(crate) fn limit(&mut self, bits: WindowBits) {
        self.inflater.limit(bits);
    }

    #[inline]
    pub(crate) fn inflate(&mut self, input: &[u8], room: usize) -> Result<Inflated, Refused> {
        self.inflater.inflate(self.memory.as_mut(), input, room)
    }

    pub(crate) fn memory(&self) -> &[u8] {
        self.memory.as_ref()
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.inflater.is_complete()
    }

    pub(crate) fn end_message(&mut self, takeover: bool) -> Result<(), Refused> {
        self.inflater.end_message(takeover)
    }
}

impl<M, const SMALL: bool> fmt::Debug for Decompressor<M, SMALL> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inflater.fmt(f)
    }
}

/// A decompressor whose window is on the heap.
#[cfg(feature = "alloc")]
pub(crate) type HeapDecompressor = Decompressor<Box<[u8]>, false>;

#[cfg(feature = "alloc")]
impl HeapDecompressor {
    pub(crate) fn new(bits: WindowBits) -> Self {
        Self::over(vec![0; bits.size() + SLACK].into(), bits)
    }
}

/// A decompressor on the heap that is made on first use.
#[cfg(feature = "alloc")]
#[derive(Debug, Default)]
pub struct HeapDecompress(Option<Box<HeapDecompressor>>);

#[cfg(feature = "alloc")]
impl Decompress for HeapDecompress {
    const WINDOW: Option<WindowBits> = Some(WindowBits::MAX);

    fn inflate(
        &mut self,
        bits: WindowBits,
        input: &[u8],
        room: usize,
    ) -> Result<Inflated, Refused> {
        self.0.get_or_insert_with(|| Box::new(HeapDecompressor::new(bits))).inflate(input, room)
    }

    fn memory(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |decompressor| decompressor.memory())
    }

    fn is_complete(&self) -> bool {
        self.0.as_ref().is_none_or(|decompressor| decompressor.is_complete())
    }

    fn end_message(&mut self, takeover: bool) -> Result<(), Refused> {
        self.0.as_mut().map_or(Ok(()), |decompressor| decompressor.end_message(takeover))
    }

    fn release(&mut self) {
        self.0 = None;
    }
}
