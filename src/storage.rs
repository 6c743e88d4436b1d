//! Where a connection keeps what it cannot hand out yet, chosen by type: on the heap, or inline
//! with a constant size.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, vec::Vec};
use core::fmt;
#[cfg(feature = "deflate")]
use core::marker::PhantomData;

use crate::close::MAX_CLOSE_REASON;
#[cfg(feature = "deflate")]
use crate::deflate::WindowSize;
#[cfg(all(feature = "alloc", feature = "deflate"))]
use crate::deflate::{CodecPool, Shared, SharedCompress, SharedDecompress};
use crate::deflate::{Compress, Decompress};
use crate::frame::{MAX_CONTROL_PAYLOAD, MaskKey};

/// The memory of a connection: [`Heap`] or [`Fixed`].
///
/// This trait is sealed.
#[allow(private_bounds)]
pub trait Storage: sealed::Storage {}

pub(crate) mod sealed {
    /// The parts of the memory, apart so that they can be borrowed apart.
    pub trait Storage {
        /// The head of the opening handshake, then one message after the other.
        type Message: super::Bytes;
        /// A control frame that came in parts, in the end the close frame.
        type Control: super::Bytes;
        /// The reason of the close frame that was sent.
        type Note: super::Note;
        /// What received messages are decompressed with.
        type Decompress: super::Decompress;
        /// What messages to be sent are compressed with.
        type Compress: super::Compress;

        /// The codecs of a new connection.
        fn codecs(self) -> (Self::Decompress, Self::Compress);
    }
}

/// Bytes that grow up to a limit.
pub trait Bytes: Default {
    /// The most bytes that this can hold.
    const LIMIT: usize;

    fn as_slice(&self) -> &[u8];

    fn as_mut_slice(&mut self) -> &mut [u8];

    /// Appends bytes; `limit` is how long the whole can get, for the growth to stop there.
    fn append(&mut self, bytes: &[u8], limit: u64) -> Result<(), NoRoom>;

    /// Drops what is behind the first `length` bytes.
    fn truncate(&mut self, length: usize);

    /// Empties it and keeps memory for at most `retain` bytes.
    fn clear(&mut self, retain: u32);

    /// Appends bytes that are unmasked on the way, if there is a key.
    fn append_unmasked(
        &mut self,
        bytes: &[u8],
        key: Option<MaskKey>,
        limit: u64,
    ) -> Result<(), NoRoom> {
        let Some(key) = key else {
            return self.append(bytes, limit);
        };
        // Blocks that stay in the first-level cache between the copy and the mask; a multiple of
        // four, so that the key stands at the same phase before every block.
        for block in bytes.chunks(8 * 1024) {
            let start = self.as_slice().len();
            self.append(block, limit)?;
            key.apply(self.as_mut_slice().get_mut(start..).unwrap_or_default());
        }
        Ok(())
    }
}

/// What could not be had: memory for this many bytes.
#[derive(Debug)]
pub struct NoRoom(pub(crate) usize);

/// A text that may be kept or not.
pub trait Note: Default {
    fn set(&mut self, text: &str);
    fn get(&self) -> Option<&str>;
}

/// Memory from the allocator (feature `alloc`); none is held while the connection is idle and
/// [released](crate::Connection::release).
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

#[cfg(feature = "alloc")]
impl Storage for Heap {}

#[cfg(feature = "alloc")]
impl sealed::Storage for Heap {
    type Message = Vec<u8>;
    type Control = Option<Box<Inline<MAX_CONTROL_PAYLOAD>>>;
    type Note = Option<Box<str>>;
    #[cfg(feature = "deflate")]
    type Decompress = crate::deflate::HeapDecompress;
    #[cfg(not(feature = "deflate"))]
    type Decompress = ();
    #[cfg(feature = "deflate")]
    type Compress = crate::deflate::HeapCompress;
    #[cfg(not(feature = "deflate"))]
    type Compress = ();

    fn codecs(self) -> (Self::Decompress, Self::Compress) {
        Default::default()
    }
}

#[cfg(all(feature = "alloc", feature = "deflate"))]
impl<P: CodecPool + Clone> Storage for Shared<P> {}

#[cfg(all(feature = "alloc", feature = "deflate"))]
impl<P: CodecPool + Clone> sealed::Storage for Shared<P> {
    type Message = <Heap as sealed::Storage>::Message;
    type Control = <Heap as sealed::Storage>::Control;
    type Note = <Heap as sealed::Storage>::Note;
    type Decompress = SharedDecompress<P>;
    type Compress = SharedCompress<P>;

    fn codecs(self) -> (Self::Decompress, Self::Compress) {
        (SharedDecompress::new(self.pool.clone()), SharedCompress::new(self.pool))
    }
}

#[cfg(feature = "alloc")]
impl Bytes for Vec<u8> {
    const LIMIT: usize = isize::MAX as usize;

    fn as_slice(&self) -> &[u8] {
        self
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        self
    }

    #[inline]
    fn append(&mut self, bytes: &[u8], limit: u64) -> Result<(), NoRoom> {
        if self.capacity() - self.len() < bytes.len() {
            let needed = self.len().checked_add(bytes.len()).ok_or(NoRoom(usize::MAX))?;
            // Twice as much each time keeps the work linear; never more than the limit allows.
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let target = self.capacity().saturating_mul(2).max(64).min(limit).max(needed);
            self.try_reserve_exact(target - self.len()).map_err(|_| NoRoom(target))?;
        }
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, length: usize) {
        Self::truncate(self, length);
    }

    fn clear(&mut self, retain: u32) {
        Self::clear(self);
        let retain = usize::try_from(retain).unwrap_or(usize::MAX);
        if self.capacity() > retain {
            self.shrink_to(retain);
        }
    }
}

/// A box that is made on first use.
#[cfg(feature = "alloc")]
impl<const N: usize> Bytes for Option<Box<Inline<N>>> {
    const LIMIT: usize = N;

    fn as_slice(&self) -> &[u8] {
        self.as_ref().map_or(&[], |memory| memory.as_slice())
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        self.as_mut().map_or(&mut [], |memory| memory.as_mut_slice())
    }

    fn append(&mut self, bytes: &[u8], limit: u64) -> Result<(), NoRoom> {
        self.get_or_insert_default().append(bytes, limit)
    }

    fn truncate(&mut self, length: usize) {
        if let Some(memory) = self {
            memory.truncate(length);
        }
    }

    fn clear(&mut self, retain: u32) {
        if retain == 0 {
            *self = None;
        } else {
            self.truncate(0);
        }
    }
}

#[cfg(feature = "alloc")]
impl Note for Option<Box<str>> {
    fn set(&mut self, text: &str) {
        *self = Some(text.into());
    }

    fn get(&self) -> Option<&str> {
        self.as_deref()
    }
}

/// Memory inside the connection itself: `N` bytes for the head of the opening handshake and for
/// messages, and 125 for control frames. There is no allocator, and nothing grows.
///
/// With [`Delivery::Whole`](crate::Delivery::Whole) a message can be `N` bytes long; with
/// [`Delivery::Streaming`](crate::Delivery::Streaming) the length of messages has nothing to do
/// with `N`, which must not be zero. The head of the peer's opening handshake has to fit in any
/// case.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fixed<const N: usize>;

impl<const N: usize> Storage for Fixed<N> {}

impl<const N: usize> sealed::Storage for Fixed<N> {
    type Message = Inline<N>;
    type Control = Inline<MAX_CONTROL_PAYLOAD>;
    type Note = ();
    type Decompress = ();
    type Compress = ();

    fn codecs(self) -> (Self::Decompress, Self::Compress) {
        ((), ())
    }
}

/// [`Fixed`] with permessage-deflate: windows of constant size for what is received, `IN`, and for
/// what is sent, `OUT`, such as [`Window<9>`](crate::Window).
///
/// No larger window is agreed on. Messages of up to `N` bytes are compressed, longer ones sent
/// plain; there are another `N` bytes of memory for that.
///
/// ```
/// use sansocket::{Config, Connection, Deflate, FixedDeflate, Window};
///
/// type Small = FixedDeflate<512, Window<9>, Window<9>>;
///
/// let config = Config::new().deflate(Deflate::new());
/// let connection = Connection::server_in(Small::new(), config);
/// ```
#[cfg(feature = "deflate")]
pub struct FixedDeflate<const N: usize, IN, OUT>(PhantomData<(IN, OUT)>);

#[cfg(feature = "deflate")]
impl<const N: usize, IN: WindowSize, OUT: WindowSize> FixedDeflate<N, IN, OUT> {
    /// The storage itself, which is nothing but its type.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

#[cfg(feature = "deflate")]
impl<const N: usize, IN: WindowSize, OUT: WindowSize> Default for FixedDeflate<N, IN, OUT> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "deflate")]
impl<const N: usize, IN, OUT> Clone for FixedDeflate<N, IN, OUT> {
    fn clone(&self) -> Self {
        *self
    }
}

#[cfg(feature = "deflate")]
impl<const N: usize, IN, OUT> Copy for FixedDeflate<N, IN, OUT> {}

#[cfg(feature = "deflate")]
impl<const N: usize, IN, OUT> fmt::Debug for FixedDeflate<N, IN, OUT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FixedDeflate<{N}>")
    }
}

#[cfg(feature = "deflate")]
impl<const N: usize, IN: WindowSize, OUT: WindowSize> Storage for FixedDeflate<N, IN, OUT> {}

#[cfg(feature = "deflate")]
impl<const N: usize, IN: WindowSize, OUT: WindowSize> sealed::Storage for FixedDeflate<N, IN, OUT> {
    type Message = Inline<N>;
    type Control = Inline<MAX_CONTROL_PAYLOAD>;
    type Note = ();
    type Decompress = IN::Decompress;
    type Compress = OUT::Compress<N>;

    fn codecs(self) -> (Self::Decompress, Self::Compress) {
        Default::default()
    }
}

/// Bytes with a constant capacity.
#[derive(Default)]
pub struct Inline<const N: usize>(heapless::Vec<u8, N>);

impl<const N: usize> Bytes for Inline<N> {
    const LIMIT: usize = N;

    fn as_slice(&self) -> &[u8] {
        &self.0
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.0
    }

    fn append(&mut self, bytes: &[u8], _limit: u64) -> Result<(), NoRoom> {
        self.0.extend_from_slice(bytes).map_err(|_| NoRoom(self.0.len() + bytes.len()))
    }

    fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    fn clear(&mut self, _retain: u32) {
        self.0.clear();
    }
}

impl Note for () {
    fn set(&mut self, _text: &str) {}

    fn get(&self) -> Option<&str> {
        None
    }
}

// The longest reason fits a control frame's memory, which is where the peer's is kept.
const _: () = assert!(MAX_CLOSE_REASON <= MAX_CONTROL_PAYLOAD);

impl<const N: usize> fmt::Debug for Inline<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {N} bytes", self.0.len())
    }
}
