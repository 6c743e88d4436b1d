//! What the peer has done: the events that a connection returns.

use crate::frame::CloseFrame;
use crate::handshake::{RequestHead, ResponseHead};
use crate::message::{Message, Piece};

/// Something that the peer has done, lent until the next call.
///
/// It borrows from the chunk that was received or from the connection's memory. What has to outlive
/// it is copied, or moved out with
/// [`Connection::next_message`](crate::Connection::next_message).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<'a> {
    /// Server: a valid request to upgrade [RFC 6455 §4.2.1].
    ///
    /// Answer it with [`Sender::accept`](crate::Sender::accept) or
    /// [`Sender::respond`](crate::Sender::respond), at once or later through
    /// [`Connection::sender`](crate::Connection::sender). Until then nothing behind the head is
    /// consumed.
    Request(RequestHead<'a>),
    /// Server: a request that is no upgrade, with [`Config::plain_http`](crate::Config::plain_http).
    ///
    /// Answer it with [`Sender::respond`](crate::Sender::respond), at once or later. Until then
    /// nothing behind the head is consumed; a body, if any, is in
    /// [`Events::remaining`](crate::Events::remaining).
    Http(RequestHead<'a>),
    /// Client: the server has accepted. Messages can be sent and received.
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
    /// A part of a message, with [`Delivery::Streaming`](crate::Delivery::Streaming). It is at most as
    /// long as the chunk that it arrived in or, if the message is compressed, as the window.
    Piece(Piece<'a>),
    /// A ping, with its payload. It is answered already, unless
    /// [`Config::auto_pong`](crate::Config::auto_pong) is off.
    Ping(&'a [u8]),
    /// A pong, with its payload.
    Pong(&'a [u8]),
    /// The peer's close frame. It is answered already, unless
    /// [`Config::auto_close`](crate::Config::auto_close) is off. Nothing more is received.
    Close(CloseFrame<'a>),
}
