//! Where a connection keeps what it cannot hand out yet, chosen by type: on the heap, or inline
//! with a constant size.

mod fixed;
#[cfg(feature = "alloc")]
mod heap;

use crate::config::Config;
use crate::deflate::{Compress, Decompress, DeflateConfig};
use crate::frame::MaskKey;
use crate::message::MessageKind;
#[cfg(feature = "alloc")]
use crate::message::OwnedMessage;
use crate::slice;

pub use fixed::Fixed;
#[cfg(feature = "deflate")]
pub use fixed::FixedDeflate;
#[cfg(feature = "alloc")]
pub use heap::Heap;

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

    /// Moves the message out, if it is on the heap.
    #[cfg(feature = "alloc")]
    fn take(&mut self, _kind: MessageKind) -> Option<OwnedMessage> {
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
            self.append(slice::head(&block, length), limit)?;
            rest = slice::tail(rest, length);
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
