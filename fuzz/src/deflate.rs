//! Checks on compression: of what is received as compressed, and of what is sent, against the C
//! zlib with a window of exactly the size agreed on.

use sansocket::deflate::{DeflateParams, WindowBits};
use sansocket::frame::{FrameHeader, Opcode, Rsv};
use sansocket::{
    Chunk, Client, Compression, Config, Connection, DeflateConfig, Delivery, Error, Event,
    FixedDeflate, Fragment, Full, Heap, Message, MessageKind, Role, SendError, Server, Storage,
    TransportAction,
};

use crate::Counted;
use crate::judged;
use crate::output::Output;
use crate::record::Record;
use crate::settings::Settings;
use crate::zlib;

/// The most bytes that one byte inflates to: four copies of 258, with two bits each.
const EXPANSION: usize = 4 * 258;

/// The parameters in a byte: 1–4 the window, 8 no context takeover.
fn params(byte: u8) -> DeflateParams {
    let bits = WindowBits::new(8 + (byte & 7)).expect("8 to 15");
    DeflateParams {
        server_no_context_takeover: byte & 8 != 0,
        client_no_context_takeover: byte & 8 != 0,
        server_max_window_bits: bits,
        client_max_window_bits: bits,
    }
}

/// Receives the input as the payloads of frames, and compares the ways of cutting the stream; then
/// as compressed messages, and compares them with what zlib reads.
///
/// The target's byte of the settings has the parameters, and 16 for a client. Of each frame there
/// is a first byte without RSV2 and RSV3, the length of the payload, and the payload.
pub fn received(input: &[u8]) {
    let Some((settings, payloads)) = Settings::split(input) else { return };
    let is_server = input[4] & 16 == 0;
    if is_server {
        receive::<Server>(|| Server, input[4], &settings, &frames(payloads, true));
    } else {
        let role = || Client::new(Counted::default());
        receive::<Client<Counted>>(role, input[4], &settings, &frames(payloads, false));
    }
    judged::compare(is_server, params(input[4]), &settings, &messages(payloads));
}

/// The payloads as those of compressed messages, each with the next first byte that has FIN.
fn messages(payloads: &[u8]) -> Vec<judged::Message<'_>> {
    let (mut messages, mut message) = (vec![], vec![]);
    for (first, payload) in split(payloads) {
        message.push(payload);
        if first & 0x80 != 0 {
            messages.push(core::mem::take(&mut message));
        }
    }
    if !message.is_empty() {
        messages.push(message);
    }
    messages
}

/// The first bytes of frames and their payloads.
fn split(mut input: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    core::iter::from_fn(move || {
        let [first, length, rest @ ..] = input else { return None };
        let (payload, rest) = rest.split_at(usize::from(length & 0x7F).min(rest.len()));
        input = rest;
        Some((*first, payload))
    })
}

/// Frames with a mask of zeros, or without one.
fn frames(payloads: &[u8], masked: bool) -> Vec<u8> {
    let mut wire = vec![];
    for (first, payload) in split(payloads) {
        let mask = if masked { 0x80 } else { 0 };
        wire.push(first & !0x30);
        match u8::try_from(payload.len()).expect("at most 127") {
            length @ 0..=125 => wire.push(mask | length),
            length => wire.extend([mask | 126, 0, length]),
        }
        if masked {
            wire.extend([0; 4]);
        }
        wire.extend(payload);
    }
    wire
}

fn receive<R: Role>(role: impl Fn() -> R, byte: u8, settings: &Settings, wire: &[u8]) {
    let chopped = record(role(), byte, settings, wire);
    for in_place in [false, true] {
        let whole = record(role(), byte, &settings.whole(in_place), wire);
        assert_eq!(whole, chopped, "in place: {in_place}");
    }
}

/// What is told of a stream; it is bounded, and so is each message.
fn record<R: Role>(role: R, byte: u8, settings: &Settings, wire: &[u8]) -> Record {
    let negotiated = Some(params(byte));
    let mut connection = Connection::established(role, negotiated, settings.config);
    let mut record = Record::default();
    let mut out = vec![];
    let mut told = 0;
    let mut buffer = vec![];
    for chunk in settings.cut(wire) {
        buffer.extend_from_slice(chunk);
        let result = if settings.in_place {
            take(&mut connection, &mut buffer[..], &mut out, &mut record, &mut told)
        } else {
            take(&mut connection, &buffer[..], &mut out, &mut record, &mut told)
        };
        assert!(told <= EXPANSION * wire.len(), "{told} bytes from {}", wire.len());
        match result {
            Ok(consumed) => {
                assert_eq!(consumed, buffer.len());
                buffer.clear();
            }
            Err(error) => {
                let again = connection.receive(&b"\xC1\x00"[..], &mut out).next().map(drop);
                assert_eq!(again, Err(error));
                record.error = Some(error);
                break;
            }
        }
    }
    record.sent = out;
    record.without_count()
}

fn take<R: Role>(
    connection: &mut Connection<R, Heap>,
    chunk: impl Chunk,
    out: &mut Vec<u8>,
    record: &mut Record,
    told: &mut usize,
) -> Result<usize, Error> {
    let mut events = connection.receive(chunk, out);
    while let Some((event, _)) = events.next()? {
        *told += match event {
            Event::Message(message) => message.as_bytes().len(),
            Event::Piece(piece) => piece.data.len(),
            _ => 0,
        };
        record.push(&event);
    }
    // An error is returned once what the peer is told is in the output.
    if events.transport() == TransportAction::Close {
        events.next()?;
    }
    Ok(events.consumed())
}

/// Sends the input as messages with any choices, and reads them with zlib and with this crate.
///
/// The first byte has the parameters, 16 for a client, 32 for messages in fragments, 64 for memory
/// of constant size; the second one the level. Of each message there is a byte with the choice,
/// how often it is repeated and its length, then its bytes.
pub fn sent(input: &[u8]) {
    let [byte, level, messages @ ..] = input else { return };
    if byte & 64 == 0 {
        send_in(Heap, *byte, *level, messages);
    } else {
        send_in(FixedDeflate::<24, 8, 12>::new(), *byte, *level, messages);
    }
}

fn send_in<S: Storage>(storage: S, byte: u8, level: u8, messages: &[u8]) {
    let client = || Client::new(Counted::default());
    let config = Config::new().deflate(DeflateConfig::new().level(level % 9 + 1).threshold(16));
    let negotiated = Some(params(byte));
    if byte & 16 == 0 {
        let sender = Connection::established_in(storage, Server, negotiated, config);
        send(sender, client(), byte, messages);
    } else {
        let sender = Connection::established_in(storage, client(), negotiated, config);
        send(sender, Server, byte, messages);
    }
}

fn send<R: Role, S: Storage>(
    mut sender: Connection<R, S>,
    to: impl Role,
    byte: u8,
    mut messages: &[u8],
) {
    let params = params(byte);
    let config = Config::new().delivery(Delivery::Whole);
    let mut receiver = Connection::established(to, Some(params), config);
    let mut inflate = zlib::Inflate::new(params.server_max_window_bits.get());
    while let [choice, rest @ ..] = messages {
        let (part, rest) = rest.split_at(usize::from(choice & 31).min(rest.len()));
        messages = rest;
        let message = part.repeat(1 << (choice >> 5));
        let compression = match part.first().map_or(0, |byte| byte % 3) {
            0 => Compression::Always,
            1 => Compression::Automatic,
            _ => Compression::Never,
        };
        let mut out = Output::new(0);
        if byte & 32 == 0 {
            in_just_the_room(&mut out, |out| {
                sender.sender(out).compression(compression).send(&message[..])
            });
        } else {
            // Of four lengths, and an empty one.
            let length = message.len() >> (choice & 3);
            let fragments = message.chunks(length.max(1)).chain([&[][..]]);
            for (index, fragment) in fragments.enumerate() {
                let place = match (index == 0, fragment.is_empty()) {
                    (true, true) => Fragment::Only(MessageKind::Binary),
                    (true, false) => Fragment::First(MessageKind::Binary),
                    (false, false) => Fragment::Middle,
                    (false, true) => Fragment::Last,
                };
                in_just_the_room(&mut out, |out| {
                    sender.sender(out).compression(compression).send_fragment(place, fragment)
                });
            }
        }

        let mut wire = out.bytes().to_vec();
        let (compressed, payload) = payload(&wire);
        assert!(byte & 32 != 0 || payload.len() <= message.len(), "longer than plain");
        if compressed {
            let read = inflate.message(&payload).expect("what zlib can decompress");
            assert!(read == message, "zlib reads something else");
            if params.server_no_context_takeover {
                inflate.reset();
            }
        } else {
            assert_eq!(payload, message);
        }
        let mut answers = vec![];
        let mut events = receiver.receive(&mut wire[..], &mut answers);
        let Ok(Some((Event::Message(Message::Binary(read)), _))) = events.next() else {
            panic!("not received");
        };
        assert!(read == message, "received as something else");
    }
}

/// Calls it with no room, and then with the room that it asks for.
fn in_just_the_room(
    out: &mut Output,
    mut call: impl FnMut(&mut Output) -> Result<Result<(), Full>, SendError>,
) {
    out.make_room(0);
    let refused = call(out);
    let Ok(Err(Full { needed, room: 0 })) = refused else { panic!("{refused:?}") };
    out.make_room(needed);
    assert_eq!(call(out), Ok(Ok(())));
}

/// Whether a message is compressed, and the payloads of its frames.
fn payload(mut wire: &[u8]) -> (bool, Vec<u8>) {
    let (mut compressed, mut payload) = (false, vec![]);
    let mut expected = Opcode::Binary;
    while !wire.is_empty() {
        let (header, length) = FrameHeader::parse(wire).expect("valid").expect("whole");
        let end = length + usize::try_from(header.payload_len).expect("a payload in memory");
        assert_eq!((header.opcode, header.fin), (expected, end == wire.len()));
        if header.rsv != Rsv::NONE {
            assert_eq!((header.rsv, expected), (Rsv::RSV1, Opcode::Binary));
            compressed = true;
        }
        let start = payload.len();
        payload.extend(&wire[length..end]);
        if let Some(key) = header.mask {
            key.apply(&mut payload[start..]);
        }
        expected = Opcode::Continuation;
        wire = &wire[end..];
    }
    (compressed, payload)
}
