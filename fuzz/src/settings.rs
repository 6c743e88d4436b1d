//! The settings of a run, taken from the first bytes of the input; the rest is the wire.

use core::time::Duration;

use sansocket::{Config, Delivery};

/// How many bytes of the input are settings.
pub const LENGTH: usize = 8;

/// What the first bytes of an input choose.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The connection's own settings.
    pub config: Config,
    /// Start with the opening handshake rather than after it.
    pub handshake: bool,
    /// `Fixed<256>` rather than `Heap`.
    pub fixed: bool,
    /// Chunks as `&mut [u8]` rather than `&[u8]`.
    pub in_place: bool,
    /// The room of the output is only what the connection asks for.
    pub tight: bool,
    /// Leave the loop after each event, and come back with what was not consumed.
    pub early_exit: bool,
    /// Chunks go through an `Input`.
    pub waits: bool,
    /// Tell the time between chunks.
    pub ticks: bool,
    /// The lengths of the chunks, in turn; zero for all that is left.
    pub chunks: [u8; 3],
}

impl Settings {
    /// Splits an input into its settings and the wire; `None` of one that is too short.
    ///
    /// | byte | bits |
    /// |---|---|
    /// | 0 | 1 streaming, 2 no `auto_pong`, 4 no `auto_close`, 8 in place, 16 `Fixed`, 32 handshake, 64 tight output, 128 early exit |
    /// | 1 | low half: `max_frame`, high half: `max_message`, each 2^n, 15 for the default |
    /// | 2 | `max_head`, times 16; 0 for the default |
    /// | 3 | 1 ticks, 2 keep-alive, 4 idle, 8 opening, 16 closing, 32 server drop; 64 `retain(0)`, 128 `max_headers(4)` |
    /// | 4 | 128 chunks go through an `Input`; the rest is the target's, `chop` takes the side from 1 |
    /// | 5–7 | the lengths of the chunks |
    #[must_use]
    pub fn split(input: &[u8]) -> Option<(Self, &[u8])> {
        let (&[flags, limits, head, timers, target, a, b, c], wire) =
            input.split_first_chunk::<LENGTH>()?;
        let flag = |bit| flags & bit != 0;
        let waits = target & 128 != 0;
        let config = config(flags, limits, head, timers);
        let settings = Self {
            config,
            waits,
            handshake: flag(32),
            fixed: flag(16),
            in_place: flag(8),
            tight: flag(64),
            early_exit: flag(128),
            ticks: timers & 1 != 0,
            chunks: [a, b, c],
        };
        Some((settings, wire))
    }

    /// The same, with whole chunks or the other kind of them.
    #[must_use]
    pub fn whole(self, in_place: bool) -> Self {
        Self { chunks: [0; 3], in_place, ..self }
    }

    /// Cuts the wire into chunks.
    pub fn cut<'w>(&self, mut wire: &'w [u8]) -> impl Iterator<Item = &'w [u8]> + use<'w> {
        let mut lengths = self.chunks.into_iter().cycle();
        core::iter::from_fn(move || {
            if wire.is_empty() {
                return None;
            }
            let length = match lengths.next().map_or(0, usize::from) {
                0 => wire.len(),
                length => length.min(wire.len()),
            };
            let (chunk, rest) = wire.split_at(length);
            wire = rest;
            Some(chunk)
        })
    }
}

fn config(flags: u8, limits: u8, head: u8, timers: u8) -> Config {
    let mut config = Config::new()
        .auto_pong(flags & 2 == 0)
        .auto_close(flags & 4 == 0)
        .plain_http(head % 2 == 0);
    if flags & 1 != 0 {
        config = config.delivery(Delivery::Streaming);
    }
    if limits & 15 != 15 {
        config = config.max_frame(1 << (limits & 15));
    }
    if limits >> 4 != 15 {
        config = config.max_message(1 << (limits >> 4));
    }
    if head != 0 {
        config = config.max_head(u32::from(head) * 16);
    }
    let timer = |bit, millis| Duration::from_millis(if timers & bit != 0 { millis } else { 0 });
    config = config
        .keep_alive(timer(2, 30), timer(2, 20))
        .idle_timeout(timer(4, 100))
        .opening_timeout(timer(8, 50))
        .closing_timeout(timer(16, 40))
        .server_drop_timeout(timer(32, 10));
    if timers & 64 != 0 {
        config = config.retain(0);
    }
    if timers & 128 != 0 {
        config = config.max_headers(4);
    }
    config
}
