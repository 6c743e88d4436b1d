//! A WebSocket protocol core without I/O [RFC 6455, RFC 7692]: feed it bytes, however the stream is cut, and
//! it gives events and the bytes to send. It has no sockets, no runtime, no threads, no clock and
//! no hidden randomness, works without an allocator, and leaves to its caller where bytes come
//! from and where they go.
//!
//! # The loop
//!
//! Whatever drives a connection, an event loop, an async runtime, a thread or a network stack on
//! a microcontroller, does this:
//!
//! 1. Make a [`Connection`]: [`Connection::server`] for a socket that was accepted,
//!    [`Connection::client`] for one that was connected, which writes its request to `out` at once.
//! 2. Write `out` to the transport and clear it. `out` is the caller's, a `Vec<u8>` or any other
//!    [`Buffer`]; whatever calls have to say to the peer is appended there.
//! 3. Read from the transport and pass what came to [`Connection::receive`]. Take the events in it
//!    with [`Events::next`] until there is none, and answer through the [`Reply`] beside each, or
//!    later with the methods of the connection. Keep what is left in [`Events::remaining`], as
//!    when a request has to be answered first, and pass it again before what is read next.
//! 4. Ask [`Connection::transport`]: [`Read`](TransportAction::Read) and
//!    [`AwaitClose`](TransportAction::AwaitClose) mean to go on with step 2,
//!    [`Close`](TransportAction::Close) to write `out` and close TCP, best as is said there.
//! 5. When the peer closes TCP, tell [`Connection::end_of_stream`]. Then, or after step 4,
//!    [`Connection::close_report`] says how it ended.
//!
//! Pings, close frames and violations are answered into `out` without the caller's doing.
//!
//! Who wants deadlines sets them in [`Config`] and tells the time with [`Connection::tick`]: once
//! after step 1, as none runs before, then before each `receive`, and when
//! [`Connection::next_timeout`] is reached. That is a time on the same scale: it is waited for by
//! `next_timeout.saturating_sub(now)`, which a blocking driver passes to `set_read_timeout`, unless
//! it is zero, when it is time to `tick` at once.
//!
//! ## A server
//!
//! An echo server on blocking sockets, a thread a connection:
//!
#![cfg_attr(feature = "std", doc = "```no_run")]
#![cfg_attr(not(feature = "std"), doc = "```ignore")]
//! use std::io::{self, Read, Write};
//! use std::net::{TcpListener, TcpStream};
//!
//! use sansocket::{Accept, Config, Connection, Event, TransportAction};
//!
//! fn serve(mut socket: TcpStream) -> io::Result<()> {
//!     let mut connection = Connection::server(Config::new());
//!     let mut buffer = [0; 16 * 1024];
//!     let mut out = Vec::new();
//!     while connection.transport() != TransportAction::Close {
//!         let length = socket.read(&mut buffer)?;
//!         if length == 0 {
//!             return connection.end_of_stream().map_err(io::Error::other);
//!         }
//!         let mut events = connection.receive(&mut buffer[..length], &mut out);
//!         loop {
//!             match events.next() {
//!                 Ok(Some((Event::Request(_), mut reply))) => {
//!                     reply.accept(Accept::new()).map_err(io::Error::other)?;
//!                 }
//!                 Ok(Some((Event::Message(message), mut reply))) => {
//!                     reply.send(message).map_err(io::Error::other)?;
//!                 }
//!                 Ok(Some((event, _))) => println!("{event:?}"),
//!                 Ok(None) => break,
//!                 // The peer has broken the protocol: `out` ends with what it has to be told.
//!                 Err(error) => {
//!                     eprintln!("{error}");
//!                     break;
//!                 }
//!             }
//!         }
//!         socket.write_all(&out)?;
//!         out.clear();
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> io::Result<()> {
//!     for socket in TcpListener::bind("127.0.0.1:9001")?.incoming() {
//!         let socket = socket?;
//!         std::thread::spawn(|| serve(socket));
//!     }
//!     Ok(())
//! }
//! ```
//!
//! ## A client
//!
//! It says hello, waits for an answer and closes. It needs a source of masking keys, here that of
//! the operating system.
//!
#![cfg_attr(feature = "std", doc = "```no_run")]
#![cfg_attr(not(feature = "std"), doc = "```ignore")]
//! use std::error::Error;
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use sansocket::{CloseCode, Config, Connection, Event, Request, SystemEntropy, TransportAction};
//!
//! fn main() -> Result<(), Box<dyn Error>> {
//!     let mut socket = TcpStream::connect("127.0.0.1:9001")?;
//!     let mut out = Vec::new();
//!     let request = Request::new("127.0.0.1:9001", "/");
//!     let entropy = SystemEntropy::new();
//!     let mut connection = Connection::client(&request, entropy, Config::new(), &mut out)?;
//!     let mut buffer = [0; 16 * 1024];
//!     loop {
//!         socket.write_all(&out)?;
//!         out.clear();
//!         if connection.transport() == TransportAction::Close {
//!             break;
//!         }
//!         let length = socket.read(&mut buffer)?;
//!         if length == 0 {
//!             // The server closes TCP after the closing handshake; before it, this is an error.
//!             connection.end_of_stream()?;
//!             break;
//!         }
//!         let mut events = connection.receive(&mut buffer[..length], &mut out);
//!         loop {
//!             match events.next() {
//!                 Ok(Some((Event::Open(_), mut reply))) => reply.send("hello")?,
//!                 Ok(Some((Event::Message(message), mut reply))) => {
//!                     println!("{message:?}");
//!                     reply.close(CloseCode::NORMAL)?;
//!                 }
//!                 Ok(Some((event, _))) => println!("{event:?}"),
//!                 Ok(None) => break,
//!                 Err(error) => {
//!                     eprintln!("{error}");
//!                     break;
//!                 }
//!             }
//!         }
//!     }
//!     println!("{:?}", connection.close_report());
//!     Ok(())
//! }
//! ```
//!
//! ## Without an allocator
//!
//! The same loop with memory of constant size, for both what is received and what is sent:
//!
//! ```
//! use sansocket::{Buffer, Config, Connection, Event, Fixed, FixedBuffer, Negotiated, Server};
//!
//! // A connection whose opening handshake is done, for messages of up to 256 bytes.
//! let mut connection =
//!     Connection::established_in(Fixed::<256>, Server, Negotiated::default(), Config::new());
//! let mut out = FixedBuffer::<300>::new();
//!
//! // A masked "Hello" [RFC 6455 §5.7], as it might come in two pieces.
//! let mut wire = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
//! let (first, second) = wire.split_at_mut(8);
//! for chunk in [first, second] {
//!     let mut events = connection.receive(chunk, &mut out);
//!     while let Some((event, mut reply)) = events.next()? {
//!         if let Event::Message(message) = event {
//!             reply.send(message).expect("an echo of up to 256 bytes fits");
//!         }
//!     }
//! }
//! assert_eq!(out.as_slice(), b"\x81\x05Hello");
//! # Ok::<(), sansocket::Error>(())
//! ```
//!
//! A buffer of constant size can be full. Then a call changes nothing and says how much room it
//! needs ([`SendError::Full`], or [`Error::Blocked`] where something had to be answered); once the
//! transport has taken some bytes, the same call succeeds. With 256 bytes there is room for
//! everything but the caller's own messages and headers.
//!
//! An event that was lent is gone with the next call, so make sure of the room for its answer
//! before: stop the loop while `events.out()` has less of it than the longest answer, keep
//! [`Events::remaining`], and pass that again once the transport has taken some, even if it is
//! empty: of compressed bytes that are consumed, pieces can still be to come. Or let the transport
//! take some while the event is lent, from [`Reply::out`], and repeat the call.
//!
//! # What it does
//!
//! - The opening handshake of both sides with subprotocols and further headers, plain HTTP
//!   requests on the same port, rejections with their bodies, tunnels through HTTP proxies; or only
//!   the checks ([`handshake`]), for one done elsewhere ([`Connection::established`]).
//! - Whole messages or, with [`Delivery::Streaming`], pieces as they arrive; sending whole, in
//!   fragments, or only the header for a payload that is written from where it is
//!   ([`Connection::begin_frame`]).
//! - Chunks as `&mut [u8]`, unmasked in place and lent without a copy where a frame is whole, or
//!   as `&[u8]`; with [`Delivery::InPlace`] frames wait in the caller's buffer until they are whole,
//!   and no message in one frame is ever copied.
//! - Compression with permessage-deflate [RFC 7692] of whole messages and of fragments, on the heap,
//!   shared by many connections, or in memory of constant size ([`DeflateConfig`]).
//! - The closing handshake in every order, with what to do about TCP and a [`CloseReport`].
//! - Strictness: everything that RFC 6455 tells an endpoint to refuse is refused, and invalid
//!   UTF-8 at its first byte that cannot continue.
//!
//! # What it promises
//!
//! - **However the stream is cut**, the events, the bytes sent and the error are the same.
//! - **No byte is lost**: what a call did not consume is in [`Events::remaining`].
//! - **Work is linear** in the bytes received, and **memory is bounded** by [`Config`]; nothing is
//!   reserved because a header declares a length.
//! - **No panic** for any input and any order of calls, and no `unsafe` code in this crate.
//! - **Failure sticks**: after the first violation every call gives the same error.
//! - **No allocation** in steady state with [`Heap`], none ever with [`Fixed`].
//!
//! # What it costs
//!
//! Per call and byte of payload; "pass" is a reading of the payload that is no copy. Nothing
//! allocates with [`Fixed`]. What a [`Buffer`] does to grow is its own.
//!
//! | call | copies | passes | allocates |
//! |---|---|---|---|
//! | [`Events::next`]: a message in one frame, whole in a `&mut [u8]` or without a mask | none | unmasking, UTF-8 if text | no |
//! | …: one in a `&[u8]`, masked, or in several chunks or frames | 1, unmasked on the way; what is masked also by way of the stack, if it is text or with [`Fixed`] | UTF-8 if text, as it comes; once more when lent with [`Fixed`] | grows by doubling; [`Config::retain`] is kept |
//! | …: a message in one frame, [`Delivery::InPlace`] | none in a `&mut [u8]` or without a mask | unmasking; UTF-8 if text, twice for what came before its last chunk unless [`Config::validate_held`] says once | no |
//! | …: a piece, [`Delivery::Streaming`] | none in a `&mut [u8]` or without a mask, else 1 | unmasking, UTF-8 if text | as above |
//! | …: a compressed message | out of the decompressor's window 1; masked input in blocks of 512 bytes 1 | UTF-8 if text | as above, and the decompressor with the first one |
//! | …: a ping, answered | 1, to the output; 1 more if it was cut, or masked in a `&[u8]` | unmasking | 125 bytes, once, for that one more |
//! | …: a close frame | 1, kept for the report, and 1 to the output | | 125 bytes, once |
//! | …: the head of a handshake | 1 | one to find its end, a few over its lines | the head, until it is answered |
//! | [`send`](Connection::send), [`send_fragment`](Connection::send_fragment) | 1, masked on the way by a client | none | no |
//! | …, compressed | 1 to the compressor, 1 to the output | | the compressor, with the first one; grows with the message or fragment, [`Config::retain`] is kept |
//! | [`begin_frame`](Connection::begin_frame) | none: 2 to 14 bytes of header | none | no |
//! | [`ping`](Connection::ping), [`pong`](Connection::pong), [`close`](Connection::close) | 1, of at most 125 bytes | none | a close: its reason, to be reported |
//! | [`accept`](Connection::accept), [`respond`](Connection::respond), [`client`](Connection::client) | the head, counted before it is written | a few over the request's lines | a client: the names of its subprotocols |
//! | [`tick`](Connection::tick), [`next_timeout`](Connection::next_timeout), [`transport`](Connection::transport), [`state`](Connection::state), [`close_report`](Connection::close_report), [`buffered`](Connection::buffered), [`end_of_stream`](Connection::end_of_stream) | constant work | | a close for idleness: its reason |
//! | [`release`](Connection::release) | none | none | gives back |
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | `std` (default) | `alloc` and `getrandom` |
//! | `alloc` | [`Heap`], `Vec<u8>` as a [`Buffer`], and [`wirelog`] |
//! | `getrandom` | [`SystemEntropy`] |
//! | `deflate` (default) | permessage-deflate: [`Config::deflate`], [`Shared`], [`FixedDeflate`] |
//! | `zlib-rs` | zlib-rs as the compressor of [`Heap`] and [`Shared`]: faster, with more memory |
//! | `simd` | UTF-8 validation and, with `std`, masking by the SIMD instructions that the processor has; Rust 1.89 |
//! | `defmt` | `defmt::Format` on events, errors and states |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(docsrs, feature(doc_cfg))]
// The documentation is that of all features; without them some of its links lead nowhere.
#![cfg_attr(not(all(feature = "std", feature = "deflate")), allow(rustdoc::broken_intra_doc_links))]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;

mod buffer;
mod close;
mod config;
mod connection;
pub mod deflate;
mod error;
mod event;
pub mod frame;
pub mod handshake;
mod message;
mod role;
mod storage;
mod utf8;
#[cfg(feature = "alloc")]
pub mod wirelog;

pub use buffer::{Buffer, FixedBuffer, SliceBuffer};
pub use close::{CloseCode, CloseFrame, CloseReport, MAX_CLOSE_REASON, State, TransportAction};
pub use config::{Config, Delivery};
pub use connection::{Chunk, Connection, Events, Negotiated, PayloadMask, Reply};
#[cfg(all(feature = "deflate", feature = "alloc"))]
pub use deflate::Shared;
pub use deflate::{Compression, DeflateConfig};
pub use error::{Error, ProtocolError, SendError, Timeout};
pub use event::Event;
pub use handshake::{Accept, Request, Response};
pub use message::{Message, MessageKind, Piece};
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
