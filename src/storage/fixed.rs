//! Memory of constant size inside the connection.

use core::fmt;

use super::{Bytes, NoRoom, Note, Storage, sealed};
#[cfg(feature = "deflate")]
use crate::deflate::{Window, WindowCodecs, WindowSize};
use crate::frame::{MAX_CLOSE_REASON, MAX_CONTROL_PAYLOAD};

/// Memory inside the connection itself: `N` bytes for the head of the opening handshake and for
/// messages, and 125 for control frames. There is no allocator, and nothing grows.
///
/// With [`Delivery::Whole`](crate::Delivery::Whole) a message can be `N` bytes long. With
/// [`Delivery::Streaming`](crate::Delivery::Streaming) the length of messages does not depend on
/// `N`, which must not be zero. The head of the peer's opening handshake has to fit in any case.
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
/// messages of up to `N` bytes are compressed, longer ones are sent plain by
/// [`Sender::send`](crate::Sender::send). Fragments can have any length: what a call of
/// [`Sender::send_fragment`](crate::Sender::send_fragment) compresses to is sent in frames of up to
/// `N` bytes.
///
/// ```
/// use sansocket::{Config, Connection, DeflateConfig, FixedDeflate};
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
/// # use sansocket::deflate::DeflateParams;
/// # use sansocket::{Config, Connection, FixedBuffer, FixedDeflate, Fragment, MessageKind, Server};
/// # let deflate = Some(DeflateParams::default());
/// # let storage = FixedDeflate::<512, 9, 9>::new();
/// # let mut connection = Connection::established_in(storage, Server, deflate, Config::new());
/// # let mut out = FixedBuffer::<2048>::new();
/// let reading = "{\"sensor\":\"outside\",\"celsius\":-12.5,\"humidity\":61.25,\"volt\":3.30}";
/// let mut fragment = Fragment::First(MessageKind::Text);
/// for _ in 0..128 {
///     let sent = connection.sender(&mut out).send_fragment(fragment, reading.as_bytes())?;
///     assert_eq!(sent, Ok(()), "the output has room");
///     fragment = Fragment::Middle;
/// }
/// assert_eq!(connection.sender(&mut out).send_fragment(Fragment::Last, b"")?, Ok(()));
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
