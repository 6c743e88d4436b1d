//! Memory on the heap.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::mem;

use super::fixed::Inline;
use super::{Bytes, NoRoom, Note, Storage, sealed};
#[cfg(feature = "deflate")]
use crate::deflate::{CodecPool, Shared, SharedCompress, SharedDecompress};
use crate::frame::{MAX_CONTROL_PAYLOAD, MaskKey};
use crate::message::{MessageKind, OwnedMessage};

/// Memory from the allocator (feature `alloc`); none is held while the connection is idle and
/// [released](crate::Connection::release).
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

impl Storage for Heap {}

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

#[cfg(feature = "deflate")]
impl<P: CodecPool + Clone> Storage for Shared<P> {}

#[cfg(feature = "deflate")]
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
#[derive(Debug)]
pub enum Memory {
    /// Any bytes.
    Bytes(Vec<u8>),
    /// Text from the start.
    Text(String),
}

impl Default for Memory {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

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

    fn take(&mut self, kind: MessageKind) -> Option<OwnedMessage> {
        match (mem::take(self), kind) {
            (Self::Text(text), MessageKind::Text) => Some(OwnedMessage::Text(text)),
            (memory, MessageKind::Binary) => Some(OwnedMessage::Binary(memory.into_bytes())),
            // An empty text, or one behind bytes, which does not occur.
            (Self::Bytes(bytes), MessageKind::Text) => {
                String::from_utf8(bytes).ok().map(OwnedMessage::Text)
            }
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
impl Note for Option<Box<Box<str>>> {
    fn set(&mut self, text: &str) {
        *self = Some(Box::new(text.into()));
    }

    fn get(&self) -> Option<&str> {
        self.as_ref().map(|text| &***text)
    }
}
