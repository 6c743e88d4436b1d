//! Codecs of constant size, for connections without an allocator.

use core::fmt;

use super::decompressor::Decompressor;
use super::window::{InlineMemory, WindowEncoder, buckets_for, bytes_for};
use super::{Compress, Decompress, Inflated, Refused, TAIL, WindowBits};

/// A window of 2^`BITS` bytes in one direction, as a type: 8 to 15.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window<const BITS: u8>;

/// The windows there are: [`Window<8>`](Window) to `Window<15>`.
///
/// This trait is sealed.
#[allow(private_bounds)]
pub trait WindowSize: sealed::WindowSize {}

pub(crate) mod sealed {
    use super::{Compress, Decompress};

    pub trait WindowSize {
        type Decompress: Decompress + Default;
        /// It compresses messages of up to `N` bytes, and fragments into frames of up to `N`.
        type Compress<const N: usize>: Compress + Default;
    }
}

macro_rules! windows {
    ($($bits:literal),*) => { $(
        impl WindowSize for Window<$bits> {}

        impl sealed::WindowSize for Window<$bits> {
            type Decompress = InlineDecompress<{ 1 << $bits }>;
            type Compress<const N: usize> =
                InlineCompress<$bits, { bytes_for($bits) }, { buckets_for($bits) }, N>;
        }
    )* };
}

windows!(8, 9, 10, 11, 12, 13, 14, 15);

/// Without an allocator the size of the code counts more than speed.
const SMALL: bool = !cfg!(feature = "alloc");

/// A decompressor with its window inside.
pub struct InlineDecompress<const WINDOW: usize>(Decompressor<[u8; WINDOW], SMALL>);

impl<const WINDOW: usize> Default for InlineDecompress<WINDOW> {
    fn default() -> Self {
        let bits = Self::WINDOW.unwrap_or(WindowBits::MIN);
        Self(Decompressor::over([0; WINDOW], bits))
    }
}

impl<const WINDOW: usize> Decompress for InlineDecompress<WINDOW> {
    const WINDOW: Option<WindowBits> = WindowBits::of_size(WINDOW);

    fn inflate(
        &mut self,
        bits: WindowBits,
        input: &[u8],
        room: usize,
    ) -> Result<Inflated, Refused> {
        self.0.limit(bits);
        self.0.inflate(input, room)
    }

    fn memory(&self) -> &[u8] {
        self.0.memory()
    }

    fn is_complete(&self) -> bool {
        self.0.is_complete()
    }

    fn end_message(&mut self, takeover: bool) -> Result<(), Refused> {
        self.0.end_message(takeover)
    }

    fn release(&mut self) {}
}

impl<const WINDOW: usize> fmt::Debug for InlineDecompress<WINDOW> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

type Encoder<const BYTES: usize, const BUCKETS: usize> =
    WindowEncoder<InlineMemory<BYTES, BUCKETS>>;

/// A compressor with its window of 2^`BITS` bytes and the last payload, of up to `N`, inside.
pub struct InlineCompress<const BITS: u8, const BYTES: usize, const BUCKETS: usize, const N: usize>
{
    encoder: Option<Encoder<BYTES, BUCKETS>>,
    output: heapless::Vec<u8, N>,
}

impl<const BITS: u8, const BYTES: usize, const BUCKETS: usize, const N: usize> Default
    for InlineCompress<BITS, BYTES, BUCKETS, N>
{
    fn default() -> Self {
        Self { encoder: None, output: heapless::Vec::new() }
    }
}

impl<const BITS: u8, const BYTES: usize, const BUCKETS: usize, const N: usize> Compress
    for InlineCompress<BITS, BYTES, BUCKETS, N>
{
    const WINDOW: Option<WindowBits> = WindowBits::new(BITS);

    const FRAME: usize = N;

    fn deflate(&mut self, bits: WindowBits, _: u8, _: bool, message: &[u8]) -> Option<&[u8]> {
        if message.len() > N {
            return None;
        }
        let Self { encoder, output } = self;
        let encoder = made(encoder, bits);
        output.clear();
        let mut fits = true;
        let mut put = |part: &[u8]| fits &= output.extend_from_slice(part).is_ok();
        encoder.write(message, &mut put);
        encoder.flush(&mut put);
        if fits && output.len() < message.len() {
            return Some(output);
        }
        // The peer will not see what the encoder has seen.
        encoder.reset();
        None
    }

    fn fragment_bound(length: usize) -> usize {
        Encoder::<BYTES, BUCKETS>::bound(length).saturating_add(TAIL.len())
    }

    fn deflate_fragment(
        &mut self,
        bits: WindowBits,
        _: u8,
        fragment: &[u8],
        last: bool,
        mut frame: impl FnMut(&[u8], bool),
    ) {
        let Self { encoder, output } = self;
        let encoder = made(encoder, bits);
        output.clear();
        let mut put = |mut part: &[u8]| {
            while !part.is_empty() {
                // Not before there is more: the last frame is not empty.
                if output.is_full() {
                    frame(output, false);
                    output.clear();
                }
                let (now, later) = part.split_at(part.len().min(N - output.len()));
                let fits = output.extend_from_slice(now);
                debug_assert!(fits.is_ok(), "no more than what is free");
                part = later;
            }
        };
        encoder.write(fragment, &mut put);
        encoder.flush(&mut put);
        if !last {
            put(&TAIL);
        }
        frame(output, true);
    }

    fn end_message(&mut self, takeover: bool, _: u32) {
        if let (Some(encoder), false) = (&mut self.encoder, takeover) {
            encoder.reset();
        }
    }

    fn release(&mut self) {
        // The memory stays, but not what it holds.
        self.end_message(false, 0);
    }
}

/// The encoder, which is made on first use.
fn made<const BYTES: usize, const BUCKETS: usize>(
    encoder: &mut Option<Encoder<BYTES, BUCKETS>>,
    bits: WindowBits,
) -> &mut Encoder<BYTES, BUCKETS> {
    encoder.get_or_insert_with(|| WindowEncoder::new(InlineMemory::new(), bits.get()))
}

impl<const BITS: u8, const BYTES: usize, const BUCKETS: usize, const N: usize> fmt::Debug
    for InlineCompress<BITS, BYTES, BUCKETS, N>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InlineCompress(window of 2^{BITS}, messages of {N} bytes)")
    }
}
