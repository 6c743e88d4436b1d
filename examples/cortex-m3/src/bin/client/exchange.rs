//! The messages that the client sends, one at a time, and compares with what comes back.
//!
//! None of them is ever in memory as a whole: each is a pattern as long as it is told.

use sansocket::{Bounded, Buffer, Fragment, MessageKind, Piece, Role, SendError, Sender, Storage};

/// What is sent, in this order.
const MESSAGES: [(MessageKind, usize); 7] = [
    (MessageKind::Text, 0),
    (MessageKind::Text, TEXT.len()),
    (MessageKind::Binary, 125),
    (MessageKind::Binary, 126),
    (MessageKind::Binary, 4000),
    // Longer than all memory.
    (MessageKind::Binary, 200_000),
    (MessageKind::Text, 5000 * TEXT.len()),
];

/// Characters of every length in UTF-8, which fragments cut anywhere.
const TEXT: &[u8] = "zß水🍌 ".as_bytes();

/// The longest fragment; what fits in one is sent in one frame.
const FRAGMENT: usize = 512;
/// The longest header of such a frame, with its mask.
const HEADER: usize = 8;

/// How far the exchange is.
pub(crate) struct Exchange {
    /// The number of the message.
    current: usize,
    sent: usize,
    /// The last fragment was sent.
    all_sent: bool,
    received: usize,
}

impl Exchange {
    /// At the first message.
    pub(crate) const fn new() -> Self {
        Self::at(0)
    }

    const fn at(current: usize) -> Self {
        Self { current, sent: 0, all_sent: false, received: 0 }
    }

    /// Whether all messages came back.
    pub(crate) fn is_done(&self) -> bool {
        self.current == MESSAGES.len()
    }

    /// Sends as many fragments as there is room for, with `reserve` left.
    // What is received needs no stack for the block.
    #[inline(never)]
    pub(crate) fn send<R: Role, S: Storage, B: Buffer<Room = Bounded>>(
        &mut self,
        mut sender: Sender<'_, R, S, B>,
        reserve: usize,
    ) -> Result<(), SendError> {
        let Some(&(kind, length)) = MESSAGES.get(self.current) else {
            return Ok(());
        };
        while !self.all_sent && sender.out().room() >= HEADER + FRAGMENT + reserve {
            let mut block = [0; FRAGMENT];
            let block = &mut block[..FRAGMENT.min(length - self.sent)];
            for (position, byte) in (self.sent..).zip(block.iter_mut()) {
                *byte = pattern(kind, position);
            }
            let last = self.sent + block.len() == length;
            let fragment = match (self.sent, last) {
                (0, true) => Fragment::Only(kind),
                (0, false) => Fragment::First(kind),
                (_, false) => Fragment::Middle,
                (_, true) => Fragment::Last,
            };
            if sender.send_fragment(fragment, block)?.is_ok() {
                self.sent += block.len();
                self.all_sent = last;
            }
        }
        Ok(())
    }

    /// Compares a piece of the echo; if it is wrong, gives the number of the message.
    pub(crate) fn compare(&mut self, piece: &Piece<'_>) -> Result<(), usize> {
        let &(kind, length) = MESSAGES.get(self.current).ok_or(self.current)?;
        let start = self.received;
        self.received += piece.data.len();
        let same = piece.data.iter().zip(start..).all(|(&byte, at)| byte == pattern(kind, at));
        // The end may come in a fragment of its own.
        let length_fits =
            self.received <= length && (!piece.message_end || self.received == length);
        if piece.kind != kind || !same || !length_fits {
            return Err(self.current);
        }
        if piece.message_end {
            *self = Self::at(self.current + 1);
        }
        Ok(())
    }
}

/// The byte of a message at this position.
fn pattern(kind: MessageKind, position: usize) -> u8 {
    match kind {
        MessageKind::Text => TEXT[position % TEXT.len()],
        // 251 is prime: the pattern does not repeat with the lengths of buffers.
        MessageKind::Binary => (position % 251).to_le_bytes()[0],
    }
}
