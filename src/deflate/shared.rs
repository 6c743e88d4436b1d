//! Codecs that many connections share: one is borrowed for the time of a message, so a connection
//! that has agreed on no context takeover holds none while it is idle.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use super::decompressor::HeapDecompressor;
use super::{Compress, Compressor, Decompress, Deflating, Inflated, Refused, WindowBits, bound};

/// Codecs that are not in use.
///
/// At most so many of each kind are kept as were given to [`new`](Self::new); what is given back
/// beyond that is dropped. A codec with another window than is needed is not taken but made.
///
/// What a connection sends and receives does not depend on what its codecs were used for before.
/// With the feature `zlib-rs`, therefore, a compressor is made for each connection with context
/// takeover and for each message that is sent in fragments; the pool serves the other messages.
pub struct Codecs {
    decompressors: Vec<(WindowBits, Box<HeapDecompressor>)>,
    compressors: Vec<(WindowBits, u8, Box<Compressor>)>,
    limit: usize,
}

impl Codecs {
    /// No codecs yet; later up to `limit` for each direction.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { decompressors: Vec::new(), compressors: Vec::new(), limit }
    }

    fn take_decompressor(&mut self, bits: WindowBits) -> Box<HeapDecompressor> {
        match self.decompressors.iter().position(|&(window, _)| window == bits) {
            Some(fitting) => self.decompressors.swap_remove(fitting).1,
            None => Box::new(HeapDecompressor::new(bits)),
        }
    }

    /// A compressor for a stream of one part, or of several.
    ///
    /// It compresses as a new one does, whatever it was used for. So for several parts it is a new
    /// one, unless a compressor can be made like new.
    fn take_compressor(&mut self, bits: WindowBits, level: u8, several: bool) -> Box<Compressor> {
        let fits = |&(window, its, _): &(_, _, _)| (window, its) == (bits, level);
        let fitting = if several && !Compressor::IS_NEW_AFTER_RESET {
            None
        } else {
            self.compressors.iter().position(fits)
        };
        match fitting {
            Some(fitting) => self.compressors.swap_remove(fitting).2,
            None => Box::new(Compressor::new(bits, level)),
        }
    }

    fn give_decompressor(&mut self, bits: WindowBits, codec: Box<HeapDecompressor>) {
        if self.decompressors.len() < self.limit {
            self.decompressors.push((bits, codec));
        }
    }

    fn give_compressor(&mut self, bits: WindowBits, level: u8, codec: Box<Compressor>) {
        if self.compressors.len() < self.limit {
            self.compressors.push((bits, level, codec));
        }
    }
}

impl fmt::Debug for Codecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codecs")
            .field("decompressors", &self.decompressors.len())
            .field("compressors", &self.compressors.len())
            .finish_non_exhaustive()
    }
}

/// A place that connections find shared [`Codecs`] in.
///
/// `Rc<RefCell<Codecs>>` is one for the connections of a thread, and with the feature `std`
/// `Arc<Mutex<Codecs>>` is one for those of several threads. Over another lock, implement it
/// yourself.
pub trait CodecPool {
    /// Calls `with` on the codecs. That returns quickly, and does not call back.
    fn with<R>(&self, with: impl FnOnce(&mut Codecs) -> R) -> R;
}

impl CodecPool for Rc<RefCell<Codecs>> {
    fn with<R>(&self, with: impl FnOnce(&mut Codecs) -> R) -> R {
        match self.try_borrow_mut() {
            Ok(mut codecs) => with(&mut codecs),
            // In use higher up the stack: go without.
            Err(_) => with(&mut Codecs::new(0)),
        }
    }
}

#[cfg(feature = "std")]
impl CodecPool for alloc::sync::Arc<std::sync::Mutex<Codecs>> {
    fn with<R>(&self, with: impl FnOnce(&mut Codecs) -> R) -> R {
        // A panic while it was locked leaves codecs that are complete.
        with(&mut self.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// [`Heap`](crate::Heap) whose codecs are those of a pool.
///
/// With context takeover a codec belongs to its connection from the first message on; without, it
/// goes back to the pool after each message.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
///
/// use sansocket::{Config, Connection, DeflateConfig, Shared};
/// use sansocket::deflate::Codecs;
///
/// let codecs = Rc::new(RefCell::new(Codecs::new(4)));
/// let terms = DeflateConfig::new().incoming_takeover(false).outgoing_takeover(false);
/// let config = Config::new().deflate(terms);
/// let connection = Connection::server_in(Shared::new(codecs.clone()), config);
/// ```
#[derive(Clone, Debug)]
pub struct Shared<P> {
    pub(crate) pool: P,
}

impl<P: CodecPool> Shared<P> {
    /// The storage whose codecs are in `pool`, of which each connection holds a handle.
    #[must_use]
    pub const fn new(pool: P) -> Self {
        Self { pool }
    }
}

/// A decompressor that is borrowed from a pool.
#[derive(Debug)]
pub struct SharedDecompress<P> {
    pool: P,
    codec: Option<(WindowBits, Box<HeapDecompressor>)>,
}

impl<P> SharedDecompress<P> {
    pub(crate) const fn new(pool: P) -> Self {
        Self { pool, codec: None }
    }
}

impl<P: CodecPool> Decompress for SharedDecompress<P> {
    const WINDOW: Option<WindowBits> = Some(WindowBits::MAX);

    fn inflate(
        &mut self,
        bits: WindowBits,
        input: &[u8],
        room: usize,
    ) -> Result<Inflated, Refused> {
        let pool = &self.pool;
        let borrow = || (bits, pool.with(|codecs| codecs.take_decompressor(bits)));
        let (_, codec) = self.codec.get_or_insert_with(borrow);
        codec.inflate(input, room)
    }

    fn memory(&self) -> &[u8] {
        self.codec.as_ref().map_or(&[], |(_, codec)| codec.memory())
    }

    fn is_complete(&self) -> bool {
        self.codec.as_ref().is_none_or(|(_, codec)| codec.is_complete())
    }

    fn end_message(&mut self, takeover: bool) -> Result<(), Refused> {
        if let Some((_, codec)) = &mut self.codec {
            codec.end_message(takeover)?;
        }
        if !takeover {
            if let Some((bits, codec)) = self.codec.take() {
                self.pool.with(|codecs| codecs.give_decompressor(bits, codec));
            }
        }
        Ok(())
    }

    fn release(&mut self) {
        self.codec = None;
    }
}

/// A compressor that is borrowed from a pool.
#[derive(Debug)]
pub struct SharedCompress<P> {
    pool: P,
    codec: Option<(WindowBits, u8, Box<Compressor>)>,
}

impl<P> SharedCompress<P> {
    pub(crate) const fn new(pool: P) -> Self {
        Self { pool, codec: None }
    }
}

impl<P: CodecPool> SharedCompress<P> {
    /// The compressor, which is taken for a stream of one part, or of several.
    fn codec(&mut self, bits: WindowBits, level: u8, several: bool) -> &mut Compressor {
        let pool = &self.pool;
        let borrow =
            || (bits, level, pool.with(|codecs| codecs.take_compressor(bits, level, several)));
        let (_, _, codec) = self.codec.get_or_insert_with(borrow);
        codec
    }
}

impl<P: CodecPool> Compress for SharedCompress<P> {
    const WINDOW: Option<WindowBits> = Some(WindowBits::MAX);

    /// A fragment is a frame, however long.
    const FRAME: usize = usize::MAX;

    fn deflate(
        &mut self,
        bits: WindowBits,
        level: u8,
        takeover: bool,
        message: &[u8],
    ) -> Option<&[u8]> {
        self.codec(bits, level, takeover).compress_if_shorter(message)
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
        // A message that is sent in fragments has several parts, nearly always.
        frame(self.codec(bits, level, true).compress_fragment(fragment, last), true);
    }

    fn end_message(&mut self, takeover: bool, retain: u32) {
        if let Some((_, _, codec)) = &mut self.codec {
            codec.end_message(takeover, retain);
        }
        if !takeover {
            if let Some((bits, level, codec)) = self.codec.take() {
                self.pool.with(|codecs| codecs.give_compressor(bits, level, codec));
            }
        }
    }

    fn release(&mut self) {
        self.codec = None;
    }
}
