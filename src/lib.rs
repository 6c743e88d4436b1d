//! sansocket
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;

mod buffer;
mod close;
mod config;
mod connection;
mod error;
mod event;
mod frame;
mod handshake;
mod message;
mod role;
mod storage;
mod utf8;

pub use buffer::{Buffer, FixedBuffer, SliceBuffer};
pub use close::{CloseCode, CloseFrame, CloseReport, MAX_CLOSE_REASON, State, Transport};
pub use config::{Config, Delivery};
pub use connection::{Chunk, Connection, Events, Negotiated, PayloadMask, Reply};
pub use error::{Error, HandshakeError, ProtocolError, SendError, Timeout};
pub use event::Event;
pub use frame::{
    EncodedHeader, FrameError, FrameHeader, MAX_CONTROL_PAYLOAD, MaskKey, OpCode, Rsv,
};
pub use handshake::{Accept, Headers, Request, RequestHead, Response, ResponseHead};
pub use message::{Message, MessageKind, Piece};
#[cfg(feature = "getrandom")]
pub use role::SystemEntropy;
pub use role::{Client, Entropy, EntropyError, Role, Server};
#[cfg(feature = "alloc")]
pub use storage::Heap;
pub use storage::{Fixed, Storage};
