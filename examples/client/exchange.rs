//! Testing an echo server: random messages are sent, and what comes back is compared with them.

use alloc::collections::VecDeque;
use std::io::{self, Write};

use sansocket::deflate::DeflateParams;
use sansocket::{CloseCode, Compression, Config, Event, OwnedMessage, State};

use crate::Failure;
use crate::args::Exchange;
use crate::driver::{Driver, Handler, Options, Sender};
use crate::target::Target;

/// No more messages are sent while this many bytes wait to be written.
const ENOUGH_OUTGOING: usize = 64 * 1024;

/// The longest message, in bytes.
const MAX_LENGTH: u64 = 100_000;

/// What messages that compress well are made of.
const WORDS: &[&str] = &[
    "Rhein",
    "Düssel",
    "Straße",
    "brücke",
    "αβγδ",
    "水",
    "🌊",
    "echo",
    "echo echo",
    " ",
    " ",
    "{",
    "\"id\":",
    "0",
    "1",
    "2",
    ",\n",
    "the quick brown fox jumps over the lazy dog",
];

/// Sends the messages, compares the answers with them, closes, and says what came of it.
pub(crate) fn run(
    target: &Target,
    exchange: &Exchange,
    config: Config,
    options: Options,
) -> Result<(), Failure> {
    let mut driver = Driver::connect(target, &target.request(), config, options)?;
    let mut comparison = Comparison {
        random: Random(exchange.seed),
        unsent: exchange.count,
        unanswered: VecDeque::new(),
        equal: 0,
        bytes: 0,
    };
    driver.run(&mut comparison)?;
    let Comparison { equal, bytes, .. } = comparison;
    if equal != exchange.count {
        return Err(Failure::Other(format!("closed after {equal} of {} messages", exchange.count)));
    }
    let mut out = io::stdout();
    writeln!(out, "{}", words(driver.connection().deflate_params()))
        .and_then(|()| writeln!(out, "{equal} messages, {bytes} bytes, all equal"))
        .map_err(Failure::output)
}

/// What was negotiated, in the form of the header.
fn words(params: Option<DeflateParams>) -> String {
    let Some(params) = params else {
        return "no compression".to_owned();
    };
    let mut words = format!(
        "permessage-deflate; server_max_window_bits={}; client_max_window_bits={}",
        params.server_max_window_bits, params.client_max_window_bits
    );
    if params.server_no_context_takeover {
        words += "; server_no_context_takeover";
    }
    if params.client_no_context_takeover {
        words += "; client_no_context_takeover";
    }
    words
}

struct Comparison {
    random: Random,
    /// How many messages are still to be sent.
    unsent: u64,
    /// The messages that have not come back, the oldest first.
    unanswered: VecDeque<OwnedMessage>,
    /// How many have come back as they were.
    equal: u64,
    /// How long those were together.
    bytes: u64,
}

impl Handler for Comparison {
    fn event(&mut self, event: Event<'_>, _: Sender<'_>) -> Result<(), Failure> {
        let Event::Message(message) = event else {
            return Ok(());
        };
        let number = self.equal + 1;
        let Some(sent) = self.unanswered.pop_front() else {
            return Err(Failure::Other(format!("message {number} came back before it was sent")));
        };
        if sent.as_message() != message {
            return Err(Failure::Other(format!("message {number} came back changed")));
        }
        self.equal = number;
        self.bytes += message.as_bytes().len() as u64;
        Ok(())
    }

    fn send(&mut self, mut sender: Sender<'_>) -> Result<(), Failure> {
        if sender.state() != State::Open {
            return Ok(());
        }
        while self.unsent > 0 && sender.out().len() < ENOUGH_OUTGOING {
            let message = self.random.message();
            // Plain messages in between must not confuse the windows of either side.
            let plain = self.random.below(4) == 0;
            let compression = if plain { Compression::Never } else { Compression::Always };
            sender.by_ref().compression(compression).send(&message)?;
            self.unanswered.push_back(message);
            self.unsent -= 1;
        }
        if self.unsent == 0 && self.unanswered.is_empty() {
            sender.close(CloseCode::NORMAL)?;
        }
        Ok(())
    }
}

/// A generator of random numbers: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from zero up to but not including `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// The next message: text or binary, one that compresses well or not at all.
    fn message(&mut self) -> OwnedMessage {
        // Each length is as likely as its double, so most messages are short.
        let magnitude = self.below(18);
        let length = self.below(1 << magnitude).min(MAX_LENGTH);
        match self.below(4) {
            0 => OwnedMessage::Text(self.words(length)),
            1 => OwnedMessage::Text((0..length / 4).map(|_| self.character()).collect()),
            2 => OwnedMessage::Binary(self.words(length).into_bytes()),
            _ => OwnedMessage::Binary((0..length).map(|_| self.next().to_le_bytes()[0]).collect()),
        }
    }

    /// Words of `length` bytes together, but for what the last one has to be cut by.
    fn words(&mut self, length: u64) -> String {
        let mut text = String::new();
        while (text.len() as u64) < length {
            let index = self.below(WORDS.len() as u64);
            text += usize::try_from(index).map_or("", |index| WORDS[index]);
        }
        text
    }

    /// Any character at all.
    fn character(&mut self) -> char {
        loop {
            let number = u32::try_from(self.below(0x11_0000)).ok();
            if let Some(character) = number.and_then(char::from_u32) {
                return character;
            }
        }
    }
}
