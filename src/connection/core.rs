//! The state of a connection: the phase it is in, and the state of each part of the protocol.
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
//!   │  frames, until a close frame was received; then bytes are discarded
//!   ▼
//!  closing handshake done: the server closes TCP, the client waits for that
//! ```
//!
//! Each part owns its state and its verbs: [`Incoming`] in `receive`, [`Outgoing`] in `send`,
//! [`Closing`] and [`Told`] in `closing`, [`Timers`] in `timers`. A failure can occur in every
//! phase. It is kept apart from the phase and is final.

use super::closing::{Closing, Told};
use super::receive::Incoming;
use super::send::Outgoing;
use super::timers::{KeepAlive, Timers};
use crate::config::Config;
use crate::deflate::DeflateParams;
use crate::error::Error;
use crate::handshake::Scan;
use crate::role::Role;
use crate::storage::Storage;

/// All that may change while an event is lent.
pub(super) struct Core<R: Role, S: Storage> {
    pub(super) role: R,
    pub(super) config: Config,
    /// The parameters of permessage-deflate, if both sides agreed on it.
    pub(super) deflate: Option<DeflateParams>,
    pub(super) phase: Phase,
    pub(super) lent: Lent,
    /// Why the connection has failed.
    pub(super) failure: Option<Error>,
    pub(super) told: Told,
    pub(super) blocked: Blocked,
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
    pub(super) closing: Closing,
    pub(super) timers: Timers,
    pub(super) keep_alive: KeepAlive,
    /// The compressor of messages that are sent.
    pub(super) compress: S::Compress,
    /// The reason of the close frame that the caller has sent.
    pub(super) close_reason: S::Note,
}

/// What the previous event was lent from, if that can be emptied before the next one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lent {
    Nothing,
    /// The head of the opening handshake, which no other head follows.
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
    /// A plain request has to be answered: by a server's caller, or automatically with status 426.
    Plain { to_head: bool },
    /// The opening handshake is done.
    Open,
    /// The server has refused, and the body of its response is received.
    Body,
    /// The handshake ended without a connection.
    Over,
}

/// Which calls left something undone because the output was full.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocked {
    /// An answer to what was received, or the close frame of a failure.
    pub(super) receive: bool,
    /// A ping or a close frame that a deadline asks for.
    pub(super) tick: bool,
}

impl<R: Role, S: Storage> Core<R, S> {
    pub(super) fn new(role: R, config: Config, phase: Phase, compress: S::Compress) -> Self {
        Self {
            role,
            config,
            deflate: None,
            phase,
            lent: Lent::Nothing,
            failure: None,
            told: Told::default(),
            blocked: Blocked::default(),
            incoming: Incoming::NONE,
            outgoing: Outgoing::default(),
            closing: Closing::default(),
            timers: Timers::default(),
            keep_alive: KeepAlive::default(),
            compress,
            close_reason: S::Note::default(),
        }
    }

    /// Whether messages that are received, and those that are sent, refer to earlier ones.
    pub(super) fn takeovers(&self) -> (bool, bool) {
        let params = self.deflate.unwrap_or_default();
        let client = !params.client_no_context_takeover;
        let server = !params.server_no_context_takeover;
        if R::SERVER { (client, server) } else { (server, client) }
    }
}
