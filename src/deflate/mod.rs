//! permessage-deflate [RFC 7692]: the parameters that both sides agree on, and shared codecs.
//!
//! Compression is off unless [`Config::deflate`](crate::Config::deflate) asks for it.

#[cfg(feature = "deflate")]
mod bits;
mod codec;
// Beside zlib-rs, it is what the tests compare that with.
#[cfg(all(feature = "deflate", feature = "alloc", any(not(feature = "zlib-rs"), test)))]
#[cfg_attr(feature = "zlib-rs", allow(dead_code))]
mod compress;
mod config;
#[cfg(feature = "deflate")]
mod decompressor;
mod error;
#[cfg(feature = "deflate")]
mod fixed;
#[cfg(all(feature = "deflate", feature = "alloc"))]
mod heap;
#[cfg(feature = "deflate")]
mod inflate;
#[cfg(feature = "deflate")]
mod matches;
mod params;
#[cfg(all(feature = "deflate", feature = "alloc"))]
mod shared;
#[cfg(feature = "deflate")]
mod window;
#[cfg(feature = "zlib-rs")]
mod zlib;

#[cfg(all(feature = "deflate", feature = "alloc"))]
use alloc::vec::Vec;

// The compressor of storages on the heap.
#[cfg(all(feature = "deflate", feature = "alloc", not(feature = "zlib-rs")))]
use self::compress::Compressor;
#[cfg(feature = "zlib-rs")]
use self::zlib::Compressor;
#[cfg(feature = "deflate")]
use codec::TAIL;
#[cfg(all(feature = "deflate", feature = "alloc"))]
use codec::{Deflating, bound};

pub(crate) use codec::{Compress, Decompress, Inflated};
pub use config::{Compression, DeflateConfig};
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub(crate) use decompressor::HeapDecompress;
pub use error::DeflateError;
pub(crate) use error::{MAX_EMPTY, Refused};
#[cfg(feature = "deflate")]
pub(crate) use fixed::sealed::WindowSize as WindowCodecs;
#[cfg(feature = "deflate")]
pub use fixed::{Window, WindowSize};
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub(crate) use heap::HeapCompress;
pub(crate) use params::NAME;
pub use params::{
    ClientWindow, DeflateAnswer, DeflateOffer, DeflateParams, ExtensionValue, WindowBits,
};
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub use shared::{CodecPool, Codecs, Shared};
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub(crate) use shared::{SharedCompress, SharedDecompress};

/// Compresses a message without a context, if that makes it shorter.
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub(crate) fn compress_alone(message: &[u8], window: WindowBits, level: u8) -> Option<Vec<u8>> {
    if message.is_empty() {
        return None;
    }
    Compressor::new(window, level.clamp(1, 9)).compress_if_shorter(message).map(Into::into)
}
