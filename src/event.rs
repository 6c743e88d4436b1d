//! What a connection tells its caller.

use crate::close::CloseFrame;
use crate::handshake::{RequestHead, ResponseHead};
use crate::message::{Message, Piece};

/// Something that the peer has done, lent until the next call.
///
/// It borrows from the chunk that was received or from the connection's own memory, so it stays in
/// the function that calls [`receive`](crate::Connection::receive); what has to leave it is copied
/// or answered there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<'a> {
    /// Server: a valid request to upgrade [RFC 6455 §4.2.1].
    ///
    /// Answer it with [`Reply::accept`](crate::Reply::accept) or
    /// [`Reply::respond`](crate::Reply::respond), or later with the connection's methods of the
    /// same names. Until then nothing behind the head is consumed.
    Request(RequestHead<'a>),
    /// Server: a request on the same port that is no upgrade.
    ///
    /// Answer it with [`Reply::respond`](crate::Reply::respond), or call
    /// [`Reply::defer`](crate::Reply::defer) to answer it later; otherwise it is answered with
    /// status 426. A body, if any, is left in [`Events::remaining`](crate::Events::remaining).
    Http(RequestHead<'a>),
    /// Client: the server has accepted; messages can go both ways.
    Open(ResponseHead<'a>),
    /// Client: the server has answered with a status other than 101.
    ///
    /// Its body, if any, follows as [`Body`](Self::Body). Go on receiving until
    /// [`Connection::transport`](crate::Connection::transport) returns
    /// [`Close`](crate::TransportAction::Close), or close TCP at once without the body.
    Refused(ResponseHead<'a>),
    /// Client: a piece of the body of a response other than 101, never empty.
    ///
    /// The pieces together are the body, without the framing of chunks. It is complete when
    /// [`Connection::transport`](crate::Connection::transport) returns
    /// [`Close`](crate::TransportAction::Close). If the response does not say how long the body is,
    /// it is complete when the server closes TCP. More than 1 MiB is an error
    /// ([`HandshakeError::BodyTooLong`](crate::handshake::HandshakeError::BodyTooLong)).
    Body(&'a [u8]),
    /// A whole message, with [`Delivery::Whole`](crate::Delivery::Whole).
    Message(Message<'a>),
    /// A part of a message, with [`Delivery::Streaming`](crate::Delivery::Streaming); never longer
    /// than the chunk that it came in, or if it is compressed, than its window.
    Piece(Piece<'a>),
    /// A ping, with its payload; already answered unless
    /// [`Config::auto_pong`](crate::Config::auto_pong) is off.
    Ping(&'a [u8]),
    /// A pong, with its payload.
    Pong(&'a [u8]),
    /// The peer's close frame; already answered unless
    /// [`Config::auto_close`](crate::Config::auto_close) is off. Nothing more is received.
    Close(CloseFrame<'a>),
}
