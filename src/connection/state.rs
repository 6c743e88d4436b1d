//! The state of a connection: which phase it is in, and how far each part of the protocol has
//! come in it.
//!
//! ```text
//!            server                                client
//!  Head ──── judge ────┬─► fail (HTTP 4xx)        Head ── judge ──┬─► fail
//!   │        no upgrade└─► Plain ── respond ─► Over               └─► Body ─► Over (refused)
//!   ▼                                               │ 101
//!  Request ── respond ─► Over                       │
//!   │ accept                                        │
//!   ▼                                               ▼
//!  Open ◄──────────────────────────────────────── Open
//!   │  frames, until a close frame was received; then what comes is discarded
//!   ▼
//!  closing handshake done: the server closes TCP, the client waits for that
//! ```
//!
//! A failure can come in every phase; it is kept beside the phase and sticks.

use super::timers::Timers;
use crate::close::CloseCode;
use crate::config::Config;
use crate::deflate::DeflateParams;
use crate::error::Error;
use crate::frame::{FrameHeader, MaskKey, Opcode};
use crate::handshake::Scan;
use crate::message::MessageKind;
use crate::role::Role;
use crate::storage::Storage;
use crate::utf8::Validator;

/// The state of a connection without its memory, so that it can change while the memory is lent.
pub(super) struct Core<R: Role, S: Storage> {
    pub(super) role: R,
    pub(super) config: Config,
    /// What was agreed on for compression.
    pub(super) deflate: Option<DeflateParams>,
    pub(super) phase: Phase,
    pub(super) failure: Option<Error>,
    /// The failure's close frame or HTTP status is still to be written.
    pub(super) farewell_due: bool,
    pub(super) lent: Lent,
    pub(super) incoming: Incoming,
    /// How much of a compressed message came before the frame under way, after decompression.
    pub(super) before_frame: u64,
    /// The message that is being sent in fragments.
    pub(super) sending: Option<Sending>,
    pub(super) closing: Closing,
    pub(super) timers: Timers,
    /// What messages to be sent are compressed with.
    pub(super) compress: S::Compress,
    /// The reason of the close frame that was sent.
    pub(super) reason: S::Note,
}

/// What events are lent from.
pub(super) struct Memory<S: Storage> {
    /// The head of the opening handshake, then one message after the other.
    pub(super) message: S::Message,
    /// A control frame that came in parts, in the end the close frame.
    pub(super) control: S::Control,
    /// What received messages are decompressed with, and its window.
    pub(super) decompress: S::Decompress,
}

/// What was lent from the message memory, which can be emptied before the next step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lent {
    Nothing,
    /// The head of the handshake, which no other follows.
    Head,
    /// A message or a piece, which others follow.
    Message,
}

/// How far the opening handshake has come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    /// The peer's head is being collected, behind the subprotocols that a client asked for.
    Head { scan: Scan, protocols: u32 },
    /// A server's caller has to accept a request or to respond.
    Request,
    /// A server's caller has to respond to a plain request; not deferred, it is answered 426.
    Plain { to_head: bool, deferred: bool },
    /// The opening handshake is done.
    Open,
    /// The server has refused, and the body of its response is received.
    Body,
    /// The handshake ended without a connection.
    Over,
}

/// How far the receiving of frames has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming {
    pub(super) frame: Frame,
    /// The kind of the message under way.
    pub(super) message: Option<MessageKind>,
    /// Whether a piece of it was handed out.
    pub(super) started: bool,
    /// Whether it is compressed.
    pub(super) compressed: bool,
    /// How much of what ends a compressed message was decompressed.
    pub(super) tail: u8,
    /// How many bytes of it were received, after decompression.
    pub(super) length: u64,
    pub(super) text: Validator,
}

/// The frame under way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Frame {
    /// Its header, as far as it has come. Where that waits in the caller's buffer the length is
    /// zero, and the first byte says how many there are.
    Header { bytes: [u8; FrameHeader::MAX_LEN], length: u8 },
    /// Its payload.
    Payload(Payload),
    /// Its payload up to a byte that its text cannot continue with; what comes next is the error
    /// with this offset.
    Invalid { offset: u64 },
}

/// The rest of a payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    /// The key as it stands at the next byte.
    pub(super) key: Option<MaskKey>,
    /// What has come is left in the caller's buffer, unmasked and validated as far as the
    /// message's length says.
    pub(super) held: bool,
    /// How many bytes are still to be consumed.
    pub(super) left: u64,
}

/// A message that is being sent in fragments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    pub(super) kind: MessageKind,
    /// Whether it is compressed, as its first frame has said [RFC 7692 §6].
    pub(super) compressed: bool,
}

/// How far the closing handshake has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Closing {
    pub(super) sent: bool,
    pub(super) received: bool,
    pub(super) sent_code: Option<CloseCode>,
    pub(super) received_code: Option<CloseCode>,
    /// The close frame that was sent is an automatic answer, without a reason.
    pub(super) automatic: bool,
    /// The close frame that was sent says why this side failed the connection.
    pub(super) failing: bool,
    /// This side sent its close frame first.
    pub(super) by_me: bool,
    /// The peer has closed TCP.
    pub(super) ended: bool,
    /// This side had closed TCP, or was to, before the peer did.
    pub(super) dropped: bool,
}

impl Frame {
    pub(super) const NONE: Self = Self::Header { bytes: [0; FrameHeader::MAX_LEN], length: 0 };
}

impl Incoming {
    pub(super) const NONE: Self = Self {
        frame: Frame::NONE,
        message: None,
        started: false,
        compressed: false,
        tail: 0,
        length: 0,
        text: Validator::NONE,
    };
}

impl<R: Role, S: Storage> Core<R, S> {
    pub(super) fn new(role: R, config: Config, phase: Phase, compress: S::Compress) -> Self {
        Self {
            role,
            config,
            deflate: None,
            phase,
            failure: None,
            farewell_due: false,
            lent: Lent::Nothing,
            incoming: Incoming::NONE,
            before_frame: 0,
            sending: None,
            closing: Closing::default(),
            timers: Timers::default(),
            compress,
            reason: S::Note::default(),
        }
    }
}
