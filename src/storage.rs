//! Where a connection keeps what it cannot hand out yet, chosen by type: on the heap, or inline
//! with a constant size.

#[cfg(feature = "alloc")]
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
#[cfg(feature = "alloc")]
use core::mem;

use crate::close::MAX_CLOSE_REASON;
use crate::config::Config;
#[cfg(all(feature = "alloc", feature = "deflate"))]
use crate::deflate::{CodecPool, Shared, SharedCompress, SharedDecompress};
use crate::deflate::{Compress, Decompress, DeflateConfig};
#[cfg(feature = "deflate")]
use crate::deflate::{Window, WindowCodecs, WindowSize};
use crate::frame::{MAX_CONTROL_PAYLOAD, MaskKey};
use crate::message::MessageKind;

/// The memory of a connection: [`Heap`] or [`Fixed`].
///
/// This trait is sealed.
#[allow(private_bounds)]
pub trait Storage: sealed::Storage {}

pub(crate) mod sealed {
    use super::{Compress as _, Decompress as _};

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

        /// Whether there are codecs. Where there are none, neither is the code to agree on them.
        const DEFLATES: bool =
            Self::Decompress::WINDOW.is_some() && Self::Compress::WINDOW.is_some();

        /// The codecs of a new connection.
        fn codecs(self) -> (Self::Decompress, Self::Compress);

        /// These settings as far as the codecs can keep them; `None` if there are no codecs.
        fn adapt_deflate(config: super::DeflateConfig) -> Option<super::DeflateConfig> {
            let (incoming, outgoing) = (Self::Decompress::WINDOW?, Self::Compress::WINDOW?);
            Some(super::DeflateConfig {
                incoming: config.incoming.min(incoming),
                outgoing: config.outgoing.min(outgoing),
                ..config
            })
        }

        /// What to agree on with the peer, if there are codecs.
        fn terms(config: &super::Config) -> Option<&super::DeflateConfig> {
            if Self::DEFLATES { config.deflate.as_ref() } else { None }
        }
    }
}

/// Bytes that grow up to a limit.
pub trait Bytes: Default {
    /// The most bytes that this can hold.
    const LIMIT: usize;

    /// Whether the memory is inside the connection.
    const IS_INLINE: bool = false;

    fn as_slice(&self) -> &[u8];

    /// How many bytes there is memory for, with those that it holds.
    fn capacity(&self) -> usize {
        Self::LIMIT
    }

    /// Appends bytes; `limit` is how long the whole can get, for the growth to stop there.
    fn append(&mut self, bytes: &[u8], limit: u64) -> Result<(), NoRoom>;

    /// Makes room for so many more bytes at once, where room is made.
    fn reserve(&mut self, _more: usize, _limit: u64) -> Result<(), NoRoom> {
        Ok(())
    }

    /// Appends text. What is text from the start can remain known to be so.
    fn append_text(&mut self, text: &str, limit: u64) -> Result<(), NoRoom> {
        self.append(text.as_bytes(), limit)
    }

    /// Appends one byte where that takes no thought: there is room, and it is a character of a
    /// text. Otherwise nothing is changed, and it gives false.
    #[inline]
    fn push(&mut self, _kind: MessageKind, _byte: u8) -> bool {
        false
    }

    /// All of it, if it is known to be text.
    fn as_text(&self) -> Option<&str> {
        None
    }

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
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut block = [0; 128];
            let length = key.copy(rest, &mut block);
            self.append(block.get(..length).unwrap_or_default(), limit)?;
            rest = rest.get(length..).unwrap_or_default();
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
    type Message = Memory;
    type Control = Option<Box<Inline<MAX_CONTROL_PAYLOAD>>>;
    type Note = Option<Box<Box<str>>>;
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

/// Memory on the heap, of bytes or of a text: what went in as text is not validated again.
#[cfg(feature = "alloc")]
#[derive(Debug)]
pub enum Memory {
    /// Any bytes.
    Bytes(Vec<u8>),
    /// Text from the start.
    Text(String),
}

#[cfg(feature = "alloc")]
impl Default for Memory {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

#[cfg(feature = "alloc")]
impl Memory {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.into_bytes(),
        }
    }

    /// Makes room for `more` bytes: twice as much each time, which keeps the work linear, but
    /// never more than the limit allows.
    #[inline]
    fn make_room(&mut self, more: usize, limit: u64) -> Result<(), NoRoom> {
        if self.capacity() - self.as_slice().len() >= more {
            return Ok(());
        }
        self.grow(more, limit)
    }

    #[cold]
    fn grow(&mut self, more: usize, limit: u64) -> Result<(), NoRoom> {
        let length = self.as_slice().len();
        let needed = length.checked_add(more).ok_or(NoRoom(usize::MAX))?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let target = self.capacity().saturating_mul(2).max(64).min(limit).max(needed);
        let grown = match self {
            Self::Bytes(bytes) => bytes.try_reserve_exact(target - length),
            Self::Text(text) => text.try_reserve_exact(target - length),
        };
        grown.map_err(|_| NoRoom(target))
    }

    /// Appends what `write` gives it, where it is memory of bytes.
    #[inline]
    fn extend(
        &mut self,
        more: usize,
        limit: u64,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), NoRoom> {
        if let Self::Text(_) = self {
            *self = Self::Bytes(mem::take(self).into_bytes());
        }
        self.make_room(more, limit)?;
        if let Self::Bytes(bytes) = self {
            write(bytes);
        }
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl Bytes for Memory {
    const LIMIT: usize = isize::MAX as usize;

    #[inline]
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
        }
    }

    #[inline]
    fn capacity(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.capacity(),
            Self::Text(text) => text.capacity(),
        }
    }

    #[inline]
    fn append(&mut self, bytes: &[u8], limit: u64) -> Result<(), NoRoom> {
        self.extend(bytes.len(), limit, |memory| memory.extend_from_slice(bytes))
    }

    #[inline]
    fn append_unmasked(
        &mut self,
        bytes: &[u8],
        key: Option<MaskKey>,
        limit: u64,
    ) -> Result<(), NoRoom> {
        self.extend(bytes.len(), limit, |memory| match key {
            Some(key) => key.extend(memory, bytes),
            None => memory.extend_from_slice(bytes),
        })
    }

    #[inline]
    fn reserve(&mut self, more: usize, limit: u64) -> Result<(), NoRoom> {
        self.make_room(more, limit)
    }

    #[inline]
    fn append_text(&mut self, text: &str, limit: u64) -> Result<(), NoRoom> {
        if let Self::Bytes(bytes) = self {
            if !bytes.is_empty() {
                return self.append(text.as_bytes(), limit);
            }
            // Of no bytes this takes no time, and keeps the memory.
            *self = Self::Text(String::from_utf8(mem::take(bytes)).unwrap_or_default());
        }
        self.make_room(text.len(), limit)?;
        if let Self::Text(memory) = self {
            memory.push_str(text);
        }
        Ok(())
    }

    #[inline]
    fn push(&mut self, kind: MessageKind, byte: u8) -> bool {
        match (self, kind) {
            (Self::Text(text), MessageKind::Text)
                if byte.is_ascii() && text.len() < text.capacity() =>
            {
                text.push(char::from(byte));
                true
            }
            (Self::Bytes(bytes), MessageKind::Binary) if bytes.len() < bytes.capacity() => {
                bytes.push(byte);
                true
            }
            _ => false,
        }
    }

    #[inline]
    fn as_text(&self) -> Option<&str> {
        match self {
            Self::Bytes(_) => None,
            Self::Text(text) => Some(text),
        }
    }

    fn truncate(&mut self, length: usize) {
        let mut bytes = mem::take(self).into_bytes();
        bytes.truncate(length);
        *self = Self::Bytes(bytes);
    }

    fn clear(&mut self, retain: u32) {
        let retain = usize::try_from(retain).unwrap_or(usize::MAX);
        match self {
            Self::Bytes(bytes) => {
                bytes.clear();
                if bytes.capacity() > retain {
                    bytes.shrink_to(retain);
                }
            }
            Self::Text(text) => {
                text.clear();
                if text.capacity() > retain {
                    text.shrink_to(retain);
                }
            }
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

    fn capacity(&self) -> usize {
        self.as_ref().map_or(0, |_| N)
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

/// In a box of its own, so that a connection that is not closing has only a pointer.
#[cfg(feature = "alloc")]
impl Note for Option<Box<Box<str>>> {
    fn set(&mut self, text: &str) {
        *self = Some(Box::new(text.into()));
    }

    fn get(&self) -> Option<&str> {
        self.as_ref().map(|text| &***text)
    }
}

/// Memory inside the connection itself: `N` bytes for the head of the opening handshake and for
/// messages, and 125 for control frames. There is no allocator, and nothing grows.
///
/// With [`Delivery::Whole`](crate::Delivery::Whole) a message can be `N` bytes long, and with
/// [`Delivery::InPlace`](crate::Delivery::InPlace), too, as it may have to be collected; with
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
/// what is sent, `OUT`, each as a power of two from 8 to 15.
///
/// No larger window is agreed on. There are another `N` bytes of memory for what is compressed:
/// messages of up to `N` bytes are, longer ones are sent plain by
/// [`send`](crate::Connection::send). Fragments can have any length: what a call of
/// [`send_fragment`](crate::Connection::send_fragment) compresses to is sent in as many frames of
/// `N` bytes as it takes.
///
/// ```
/// use sansocket::{Config, Connection, DeflateConfig, FixedDeflate};
/// use sansocket::deflate::Window;
///
/// type Small = FixedDeflate<512, 9, 9>;
///
/// let config = Config::new().deflate(DeflateConfig::new());
/// let connection = Connection::server_in(Small::new(), config);
/// ```
///
/// A message of 8 KiB that is made as it is sent, with memory for 512 bytes:
///
/// ```
/// # use sansocket::{Config, Connection, FixedDeflate, Negotiated, Server};
/// # use sansocket::deflate::{DeflateParams, Window};
/// # use sansocket::{FixedBuffer, MessageKind};
/// # type Small = FixedDeflate<512, 9, 9>;
/// # let negotiated = Negotiated::new().deflate(DeflateParams::default());
/// # let mut connection =
/// #     Connection::established_in(Small::new(), Server, negotiated, Config::new());
/// # let mut out = FixedBuffer::<2048>::new();
/// let reading = "{\"sensor\":\"outside\",\"celsius\":-12.5,\"humidity\":61.25,\"volt\":3.30}";
/// for _ in 0..128 {
///     connection.send_fragment(MessageKind::Text, reading.as_bytes(), false, &mut out)?;
/// }
/// connection.send_fragment(MessageKind::Text, b"", true, &mut out)?;
/// assert!(out.as_slice().len() < 2000);
/// # Ok::<(), sansocket::SendError>(())
/// ```
#[cfg(feature = "deflate")]
#[derive(Clone, Copy, Default)]
pub struct FixedDeflate<const N: usize, const IN: u8, const OUT: u8>(());

#[cfg(feature = "deflate")]
impl<const N: usize, const IN: u8, const OUT: u8> FixedDeflate<N, IN, OUT> {
    /// The storage itself, which is nothing but its type.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

#[cfg(feature = "deflate")]
impl<const N: usize, const IN: u8, const OUT: u8> fmt::Debug for FixedDeflate<N, IN, OUT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FixedDeflate<{N}, {IN}, {OUT}>")
    }
}

#[cfg(feature = "deflate")]
impl<const N: usize, const IN: u8, const OUT: u8> Storage for FixedDeflate<N, IN, OUT>
where
    Window<IN>: WindowSize,
    Window<OUT>: WindowSize,
{
}

#[cfg(feature = "deflate")]
impl<const N: usize, const IN: u8, const OUT: u8> sealed::Storage for FixedDeflate<N, IN, OUT>
where
    Window<IN>: WindowSize,
    Window<OUT>: WindowSize,
{
    type Message = Inline<N>;
    type Control = Inline<MAX_CONTROL_PAYLOAD>;
    type Note = ();
    type Decompress = <Window<IN> as WindowCodecs>::Decompress;
    type Compress = <Window<OUT> as WindowCodecs>::Compress<N>;

    fn codecs(self) -> (Self::Decompress, Self::Compress) {
        Default::default()
    }
}

/// Bytes with a constant capacity.
#[derive(Default)]
pub struct Inline<const N: usize>(heapless::Vec<u8, N>);

impl<const N: usize> Bytes for Inline<N> {
    const LIMIT: usize = N;
    const IS_INLINE: bool = true;

    fn as_slice(&self) -> &[u8] {
        &self.0
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
