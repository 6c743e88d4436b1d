//! A WebSocket protocol core without I/O [RFC 6455, RFC 7692].
//!
//! Pass it the bytes of the stream, cut anywhere. It returns events, and appends the bytes to send to
//! your output. It has no sockets, no runtime, no threads, no clock and no hidden randomness, and it
//! works without an allocator. So it fits every event loop, runtime and microcontroller.
//!
//! An echo server for one connection, over anything that reads and writes:
//!
#![cfg_attr(feature = "std", doc = "```")]
#![cfg_attr(not(feature = "std"), doc = "```ignore")]
//! use std::io::{self, Read, Write};
//!
//! use sansocket::{Accept, Config, Connection, Event, Input, TransportAction};
//!
//! fn serve(mut socket: impl Read + Write) -> io::Result<()> {
//!     let mut connection = Connection::server(Config::new());
//!     let mut input = Input::new(); // received bytes wait here until they are consumed
//!     let mut out = Vec::new(); // the caller owns the output
//!
//!     while connection.transport() != TransportAction::Close && input.read_from(&mut socket)? > 0 {
//!         let mut events = connection.receive(&mut input, &mut out);
//!         while let Some((event, mut reply)) = events.next()? {
//!             match event {
//!                 Event::Request(_) => reply.accept(Accept::new())?,
//!                 Event::Message(message) => reply.send(message)?,
//!                 _ => {}
//!             }
//!         }
//!         socket.write_all(&out)?;
//!         out.clear();
//!     }
//!     Ok(connection.end_of_stream()?)
//! }
//! ```
//!
//! This is the whole loop. Pings, close frames and violations are answered automatically, and `?`
//! never drops the connection before the peer was told why.
//!
#![cfg_attr(
    all(doc, feature = "std", feature = "deflate"),
    doc = "The [guide](guide) explains it in short chapters: [the loop, with a client](guide::the_loop);\n\
           [in your own type](guide::in_your_own_type); [back-pressure](guide::back_pressure);\n\
           [deadlines](guide::deadlines); [closing](guide::closing);\n\
           [compression](guide::compression); [without an allocator](guide::without_an_allocator);\n\
           [handshakes that are done elsewhere](guide::handshake_elsewhere);\n\
           [fan-out](guide::fan_out); [randomness and `fork()`](guide::randomness)."
)]
//!
//! # What it does
//!
//! - The opening handshake of both sides, with subprotocols, further headers, rejections, and plain
//!   HTTP requests on the same port; or its [parts](handshake) for an HTTP library that does it.
//! - Whole messages, lent or [owned](OwnedMessage), or [pieces](Delivery::Streaming) as they arrive.
//! - [Sending](Sender) whole messages, fragments, or only the header of a payload that is written
//!   from where it is; one [prepared](Prepared) message for thousands of connections.
//! - Compression with permessage-deflate [RFC 7692] of whole messages and of fragments, on the heap,
//!   shared by many connections, or in memory of constant size.
//! - The closing handshake in every order, with advice about TCP and a [report](CloseReport).
//! - Strictness: an endpoint refuses what RFC 6455 tells it to refuse, and invalid UTF-8 at the first
//!   byte that cannot continue.
//!
//! # What it promises
//!
//! - **However the stream is cut**, and with every kind of chunk, the events, the bytes sent and the
//!   error are the same.
//! - **No byte is lost**: what is not consumed stays in the [`Input`], or in
//!   [`Events::remaining`].
//! - **Work is linear** in the bytes received, and **memory is bounded** by [`Config`]. Nothing is
//!   reserved because a header declares a length.
//! - **No panic** for any input and any order of calls, and no `unsafe` code in this crate.
//! - **Failure is final**: after a violation every call returns the same error.
//! - **A full output changes nothing**, and is not an error: see [`Sent`].
//! - **No allocation** in steady state with [`Heap`], none ever with [`Fixed`].
//!
//! # What it costs
//!
//! Per call and byte of payload. A "pass" reads the payload without copying it. Nothing allocates
//! with [`Fixed`].
//!
//! | call | copies | passes | allocates |
//! |---|---|---|---|
//! | [`Events::next`]: a message in one frame, whole in an [`Input`] or a `&mut [u8]`, or without a mask | none | unmasking; UTF-8 if text | no |
//! | …: a binary one of 4 KiB or more that arrives in several reads, with an [`Input`] | none | unmasking | the input grows by doubling |
//! | …: any other message | 1, unmasked on the way | UTF-8 if text, as it arrives; once more with [`Fixed`] | grows by doubling; [`Config::retain`] is kept |
//! | …: a piece, [`Delivery::Streaming`] | none in an [`Input`] or a `&mut [u8]`, or without a mask; else 1 | unmasking; UTF-8 if text | as above |
//! | …: a compressed message | 1, out of the decompressor's window; 1 more for masked input that must not be changed | UTF-8 if text | as above, and the decompressor with the first one |
//! | …: a ping, answered | 1, to the output; 1 more if it was cut | unmasking | 125 bytes, once, for that one more |
//! | …: a close frame | 1, kept for the report, and 1 to the output | | 125 bytes, once |
//! | …: the head of a handshake | 1 | one to find its end, a few over its lines | the head, until it is answered |
//! | [`Sender::send`], [`send_fragment`](Sender::send_fragment) | 1, masked on the way by a client | none | no |
//! | …, compressed | 1 to the compressor, 1 to the output | | the compressor, with the first one; grows with the message or fragment, [`Config::retain`] is kept |
//! | [`Sender::send_prepared`] | 1 | none | no |
//! | [`Sender::begin_frame`] | none: 2 to 14 bytes of header | none | no |
//! | [`Sender::ping`], [`pong`](Sender::pong), [`close`](Sender::close) | 1, of at most 125 bytes | none | a close: its reason, for the report |
//! | [`Sender::accept`], [`respond`](Sender::respond), [`Connection::client`] | the head, counted before it is written | a few over the request's lines | a client: the names of its subprotocols |
//! | [`Connection::tick`], [`next_timeout`](Connection::next_timeout), [`transport`](Connection::transport), [`state`](Connection::state), [`close_report`](Connection::close_report), [`buffered`](Connection::buffered), [`end_of_stream`](Connection::end_of_stream) | constant work | | a close for idleness: its reason |
//! | [`Connection::release`], [`Input::release`] | none | none | give back |
//!
//! # Features
//!
//! | feature | provides |
//! |---|---|
//! | `std` (default) | `alloc` and `getrandom`, conversions into `std::io::Error`, [`Input::read_from`] |
//! | `alloc` | [`Heap`], `Vec<u8>` as an input and an output, [`OwnedMessage`], [`Prepared`], and [`wirelog`] |
//! | `getrandom` | [`SystemEntropy`] |
//! | `deflate` (default) | permessage-deflate: [`Config::deflate`], [`Shared`], [`FixedDeflate`] |
//! | `zlib-rs` | zlib-rs as the compressor of [`Heap`] and [`Shared`]: faster, with more memory |
//! | `simd` | UTF-8 validation and, with `std`, masking with the SIMD instructions of the processor; Rust 1.89 |
//! | `defmt` | `defmt::Format` for events, errors and states |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The documentation is that of all features; without them some of its links lead nowhere.
#![cfg_attr(not(all(feature = "std", feature = "deflate")), allow(rustdoc::broken_intra_doc_links))]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;
#[cfg(all(feature = "std", not(test)))]
extern crate std;

mod buffer;
mod config;
mod connection;
pub mod deflate;
mod error;
mod event;
pub mod frame;
#[cfg(all(any(doc, doctest), feature = "std", feature = "deflate"))]
pub mod guide;
pub mod handshake;
mod input;
mod message;
mod misuse;
mod role;
mod slice;
mod storage;
mod utf8;
#[cfg(feature = "alloc")]
pub mod wirelog;

pub use buffer::{Bounded, Buffer, FixedBuffer, Full, Growing, Room, Sent, SliceBuffer};
pub use config::{Config, Delivery};
#[cfg(feature = "alloc")]
pub use connection::Prepared;
pub use connection::{
    Chunk, CloseReport, Connection, Endpoint, Events, PayloadMask, Sender, State, TransportAction,
};
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub use deflate::Shared;
pub use deflate::{Compression, DeflateConfig};
pub use error::{Error, ProtocolError, Timeout};
pub use event::Event;
pub use frame::{CloseCode, CloseFrame};
pub use handshake::{Accept, Request, Response};
pub use input::{Input, InputMemory};
#[cfg(feature = "alloc")]
pub use message::OwnedMessage;
pub use message::{AsMessage, Fragment, Message, MessageKind, Piece};
pub use misuse::{RequestError, ResponseError, SendError};
#[cfg(feature = "getrandom")]
pub use role::SystemEntropy;
pub use role::{Client, Entropy, EntropyError, Role, Server};
#[cfg(feature = "deflate")]
pub use storage::FixedDeflate;
#[cfg(feature = "alloc")]
pub use storage::Heap;
pub use storage::{Fixed, Storage};

/// The programs in the README are compiled.
#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct ReadMe;
