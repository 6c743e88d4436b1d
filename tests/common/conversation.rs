//! Random conversations: what a peer may send, with its mistakes, as bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sansocket::{Config, Delivery};

use super::side::Side;
use super::wire::{self, BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, TEXT};

/// What the peer sends.
#[derive(Clone, Debug)]
pub(crate) struct Conversation {
    /// Which of the heads it opens with; `None` if the handshake was done elsewhere.
    pub(crate) head: Option<Index>,
    items: Vec<Item>,
    damages: Vec<Damage>,
}

/// A part of a conversation.
#[derive(Clone, Debug)]
enum Item {
    /// A message in fragments of at most these lengths, with control frames between them.
    Message {
        text: bool,
        payload: Payload,
        fragments: Vec<(usize, Option<Control>)>,
    },
    Control(Control),
    /// Any first byte, any form of the length.
    Odd {
        first: u8,
        masked: bool,
        form: Form,
        payload: Vec<u8>,
    },
    Noise(Vec<u8>),
}

/// A payload of this length that repeats a text, so that a failing case can be read.
#[derive(Clone, Copy, Debug)]
struct Payload {
    length: usize,
    valid: bool,
}

#[derive(Clone, Debug)]
enum Control {
    Ping(usize),
    Pong(usize),
    Close(Option<(u16, String)>),
}

/// How a length is written.
#[derive(Clone, Copy, Debug)]
enum Form {
    Right,
    Sixteen(u16),
    SixtyFour(u64),
}

/// What happens to the bytes on the way.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index),
}

impl Conversation {
    /// The bytes, for a connection of this side.
    pub(crate) fn bytes<R: Side>(&self) -> Vec<u8> {
        let mut bytes = vec![];
        if let Some(head) = self.head {
            // Half of them valid, else most would end there.
            let head = head.index(2 * R::HEADS.len());
            bytes.extend_from_slice(R::HEADS.get(head).unwrap_or(&R::HEADS[0]).as_bytes());
        }
        for item in &self.items {
            item.write(R::PEER_MASKS, &mut bytes);
        }
        for damage in &self.damages {
            damage.apply(&mut bytes);
        }
        bytes
    }
}

impl Item {
    fn write(&self, masks: bool, bytes: &mut Vec<u8>) {
        match self {
            Self::Message { text, payload, fragments } => {
                let payload = payload.bytes();
                let mut rest = &payload[..];
                let mut opcode = if *text { TEXT } else { BINARY };
                for (length, control) in fragments {
                    let (fragment, behind) = rest.split_at(rest.len().min(*length));
                    bytes.extend(wire::frame(masks, opcode, fragment));
                    if let Some(control) = control {
                        control.write(masks, bytes);
                    }
                    (opcode, rest) = (CONTINUATION, behind);
                }
                bytes.extend(wire::frame(masks, FIN | opcode, rest));
            }
            Self::Control(control) => control.write(masks, bytes),
            Self::Odd { first, masked, form, payload } => {
                let header = match form {
                    Form::Right => wire::header(*masked, *first, payload.len() as u64),
                    Form::Sixteen(length) => {
                        wire::header_in_form(*masked, *first, 126, &length.to_be_bytes())
                    }
                    Form::SixtyFour(length) => {
                        wire::header_in_form(*masked, *first, 127, &length.to_be_bytes())
                    }
                };
                bytes.extend(header);
                bytes.extend(payload);
            }
            Self::Noise(noise) => bytes.extend(noise),
        }
    }
}

impl Control {
    fn write(&self, masks: bool, bytes: &mut Vec<u8>) {
        let (opcode, payload) = match self {
            Self::Ping(length) => (PING, vec![b'i'; *length]),
            Self::Pong(length) => (PONG, vec![b'o'; *length]),
            Self::Close(None) => (CLOSE, vec![]),
            Self::Close(Some((code, reason))) => (CLOSE, wire::close_payload(*code, reason)),
        };
        bytes.extend(wire::frame(masks, FIN | opcode, &payload));
    }
}

impl Payload {
    /// Characters of all lengths, then as many of one byte as are missing; one that is not valid
    /// has a byte in the middle that is not UTF-8.
    fn bytes(self) -> Vec<u8> {
        let cycle = "aé€😀".as_bytes();
        let mut bytes = cycle.repeat(self.length / cycle.len());
        bytes.resize(self.length, b'z');
        if let (false, Some(byte)) = (self.valid, bytes.get_mut(self.length / 2)) {
            *byte = 0xC0;
        }
        bytes
    }
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        match self {
            Self::Flip(at, bits) => {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Remove(at) => {
                bytes.remove(at.index(bytes.len()));
            }
        }
    }
}

/// Any conversation: most of them valid for a while.
pub(crate) fn any_conversation() -> impl Strategy<Value = Conversation> {
    let damages = prop_oneof![3 => Just(vec![]), 2 => vec(damage(), 1..3)];
    (any::<Option<Index>>(), vec(item(), 0..7), damages)
        .prop_map(|(head, items, damages)| Conversation { head, items, damages })
}

/// Conversations without a mistake, which a close frame may end.
pub(crate) fn valid_conversation() -> impl Strategy<Value = Conversation> {
    let items = prop_oneof![3 => message(Just(true)), 2 => control().prop_map(Item::Control)];
    vec(items, 0..7).prop_map(|items| Conversation { head: None, items, damages: vec![] })
}

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        8 => message(prop::bool::weighted(0.95)),
        4 => control().prop_map(Item::Control),
        1 => bad_close().prop_map(Item::Control),
        1 => odd(),
        1 => vec(any::<u8>(), 0..40).prop_map(Item::Noise),
    ]
}

fn message(valid: impl Strategy<Value = bool>) -> impl Strategy<Value = Item> {
    let fragment = (prop_oneof![Just(0usize), 1..6usize, 0..300usize], prop::option::of(control()));
    let fragments = prop_oneof![Just(vec![]), vec(fragment, 0..4)];
    (any::<bool>(), length(), valid, fragments).prop_map(|(text, length, valid, fragments)| {
        Item::Message { text, payload: Payload { length, valid: valid || !text }, fragments }
    })
}

/// Lengths of messages: those where the form of the header changes, those from which a frame waits
/// in an input, and any.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        20 => prop::sample::select(&[0usize, 1, 125, 126, 127][..]),
        20 => 0..20usize,
        10 => 0..1000usize,
        2 => prop::sample::select(&[4095usize, 4096, 5000][..]),
        1 => prop::sample::select(&[65_535usize, 65_536][..]),
    ]
}

fn control() -> impl Strategy<Value = Control> {
    let length = || prop::sample::select(&[0usize, 1, 2, 5, 124, 125][..]);
    let code = prop::sample::select(&[1000u16, 1001, 1003, 1011, 3000, 4999][..]);
    let reason = prop::sample::select(&["", "bye", "adiós 😀"][..]).prop_map(str::to_owned);
    prop_oneof![
        4 => length().prop_map(Control::Ping),
        2 => length().prop_map(Control::Pong),
        1 => prop::option::of((code, reason)).prop_map(Control::Close),
    ]
}

fn bad_close() -> impl Strategy<Value = Control> {
    prop::sample::select(&[0u16, 999, 1004, 1005, 1006, 1015, 2999, 5000][..])
        .prop_map(|code| Control::Close(Some((code, "why".to_owned()))))
}

fn odd() -> impl Strategy<Value = Item> {
    let form = prop_oneof![
        2 => Just(Form::Right),
        1 => any::<u16>().prop_map(Form::Sixteen),
        1 => (0..200u16).prop_map(Form::Sixteen),
        1 => any::<u64>().prop_map(Form::SixtyFour),
        1 => (0..70_000u64).prop_map(Form::SixtyFour),
    ];
    (any::<u8>(), any::<bool>(), form, vec(any::<u8>(), 0..20))
        .prop_map(|(first, masked, form, payload)| Item::Odd { first, masked, form, payload })
}

fn damage() -> impl Strategy<Value = Damage> {
    let bit = (0..8u32).prop_map(|bit| 1u8 << bit);
    prop_oneof![
        4 => (any::<Index>(), prop_oneof![bit, 1..=255u8]).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        2 => any::<Index>().prop_map(Damage::Cut),
        1 => (any::<Index>(), vec(any::<u8>(), 1..4)).prop_map(|(at, more)| Damage::Insert(at, more)),
        1 => any::<Index>().prop_map(Damage::Remove),
    ]
}

/// Settings with limits that conversations reach.
pub(crate) fn any_config() -> impl Strategy<Value = Config> {
    let frame = prop::sample::select(&[u64::MAX, 1000, 126, 20][..]);
    let message = prop::sample::select(&[u64::MAX, 70_000, 500, 19][..]);
    let head = prop::sample::select(&[8192u32, 8192, 250, 60][..]);
    let headers = prop::sample::select(&[64u16, 64, 5, 1][..]);
    let retain = prop::sample::select(&[0u32, 100, 65_536][..]);
    let on = || prop::bool::weighted(0.7);
    (frame, message, head, headers, retain, any::<bool>(), on(), on(), on()).prop_map(
        |(frame, message, head, headers, retain, streaming, auto_pong, auto_close, plain)| {
            let delivery = if streaming { Delivery::Streaming } else { Delivery::Whole };
            Config::new()
                .max_frame(frame)
                .max_message(message)
                .max_head(head)
                .max_headers(headers)
                .retain(retain)
                .delivery(delivery)
                .auto_pong(auto_pong)
                .auto_close(auto_close)
                .plain_http(plain)
        },
    )
}
