//! Compressed messages of any bytes, and what C zlib says of them with exactly the window that was
//! agreed on.

use sansocket::deflate::{DeflateError, DeflateParams};
use sansocket::{
    Client, Config, Connection, Delivery, Error, Event, FixedDeflate, Heap, Role, Server, Storage,
    TransportAction,
};

use crate::Counted;
use crate::settings::Settings;
use crate::zlib::{Judge, Verdict};

/// The most bytes of a message. zlib takes its time, since its output is a byte at a time.
const LIMIT: usize = 1 << 15;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const BINARY: u8 = 0x02;

/// The payloads of the frames of a message.
pub(crate) type Message<'a> = Vec<&'a [u8]>;

/// Compares all storages, deliveries and chops with the verdicts of zlib, for a server or a client.
pub(crate) fn compare(
    is_server: bool,
    params: DeflateParams,
    settings: &Settings,
    messages: &[Message<'_>],
) {
    let verdicts = verdicts(params, messages);
    if is_server {
        check(|| Server, true, params, settings, messages, &verdicts);
    } else {
        let role = || Client::new(Counted::default());
        check(role, false, params, settings, messages, &verdicts);
    }
}

/// What zlib says, up to the first mistake or message that is too long.
fn verdicts(params: DeflateParams, messages: &[Message<'_>]) -> Vec<Verdict> {
    let bits = params.server_max_window_bits.get();
    let mut judges = [Judge::new(bits), Judge::new(bits)];
    let mut verdicts = vec![];
    for message in messages {
        let payload = message.concat();
        let [bytewise, whole] = &mut judges;
        let verdict = bytewise.message(&payload, 1, LIMIT);
        let other = whole.message(&payload, payload.len().max(1), LIMIT);
        assert_eq!(verdict.message, other.message, "zlib, byte by byte and whole");
        assert_eq!(verdict.refused_after.is_some(), other.refused_after.is_some());
        let ends = verdict.refused_after.is_some() || verdict.message.len() > LIMIT;
        verdicts.push(verdict);
        if ends {
            break;
        }
        if params.server_no_context_takeover {
            judges.iter_mut().for_each(Judge::reset);
        }
    }
    verdicts
}

fn check<R: Role>(
    role: impl Fn() -> R,
    masked: bool,
    params: DeflateParams,
    settings: &Settings,
    messages: &[Message<'_>],
    verdicts: &[Verdict],
) {
    let whole = [settings.whole(true), settings.whole(false)];
    let bytewise = Settings { chunks: [1; 3], ..*settings };
    for settings in [&whole[0], &whole[1], &bytewise, settings] {
        let chop = Chop { masked, settings, messages };
        for delivery in [Delivery::Whole, Delivery::Streaming] {
            let told = chop.run(Heap, role(), params, delivery);
            told.compare(messages, verdicts, delivery, settings);
        }
        let delivery = Delivery::Streaming;
        // With a window that has more memory than needed, and with just as much.
        let large = FixedDeflate::<64, 15, 8>::new();
        let told = chop.run(large, role(), params, delivery);
        told.compare(messages, verdicts, delivery, settings);
        if params.server_max_window_bits.get() == 8 {
            let exact = FixedDeflate::<64, 8, 8>::new();
            let told = chop.run(exact, role(), params, delivery);
            told.compare(messages, verdicts, delivery, settings);
        }
    }
}

/// Messages, and how their bytes are cut.
struct Chop<'a> {
    masked: bool,
    settings: &'a Settings,
    messages: &'a [Message<'a>],
}

impl Chop<'_> {
    fn run<R: Role, S: Storage>(
        &self,
        storage: S,
        role: R,
        params: DeflateParams,
        delivery: Delivery,
    ) -> Told {
        let config = Config::new().max_message(LIMIT as u64).delivery(delivery);
        let negotiated = Some(params);
        let mut connection = Connection::established_in(storage, role, negotiated, config);
        let mut told = Told::default();
        let mut wire = vec![];
        for message in self.messages {
            for (index, payload) in message.iter().enumerate() {
                let first = if index == 0 { RSV1 | BINARY } else { 0 };
                let fin = if index + 1 == message.len() { FIN } else { 0 };
                let mask = if self.masked { FIN } else { 0 };
                wire.push(first | fin);
                wire.push(mask | 126);
                let length = u16::try_from(payload.len()).expect("a short payload");
                if length < 126 {
                    wire.pop();
                    wire.push(mask | length.to_be_bytes()[1]);
                } else {
                    wire.extend(length.to_be_bytes());
                }
                if self.masked {
                    wire.extend([0; 4]);
                }
                wire.extend(*payload);
            }
        }
        let mut out = vec![];
        let mut chunk = vec![];
        for part in self.settings.cut(&wire) {
            told.taken += part.len();
            chunk.clear();
            chunk.extend_from_slice(part);
            let result = if self.settings.in_place {
                told.take(&mut connection, &mut chunk[..], &mut out)
            } else {
                told.take(&mut connection, &chunk[..], &mut out)
            };
            if let Err(error) = result {
                told.error = Some(error);
                break;
            }
        }
        told.wire = wire;
        told
    }
}

/// What a connection tells.
#[derive(Default)]
struct Told {
    messages: Vec<Vec<u8>>,
    /// What there is of the last message, without its end.
    partial: Vec<u8>,
    error: Option<Error>,
    /// How many bytes it takes until the error.
    taken: usize,
    wire: Vec<u8>,
}

impl Told {
    fn take<R: Role, S: Storage>(
        &mut self,
        connection: &mut Connection<R, S>,
        chunk: impl sansocket::Chunk,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut events = connection.receive(chunk, out);
        while let Some((event, _)) = events.next()? {
            match event {
                Event::Message(message) => self.messages.push(message.as_bytes().to_vec()),
                Event::Piece(piece) => {
                    self.partial.extend_from_slice(piece.data);
                    if piece.message_end {
                        self.messages.push(core::mem::take(&mut self.partial));
                    }
                }
                event => panic!("{event:?}"),
            }
        }
        // An error is returned once what the peer is told is in the output.
        if events.transport() == TransportAction::Close {
            events.next()?;
        }
        Ok(())
    }

    fn compare(
        &self,
        messages: &[Message<'_>],
        verdicts: &[Verdict],
        delivery: Delivery,
        settings: &Settings,
    ) {
        if let Some(Error::EmptyBlocks { limit }) = self.error {
            // zlib has no such limit.
            let longest = messages.iter().map(|message| message.concat().len()).max();
            assert!(longest > Some(limit.into()), "{longest:?} bytes");
            return;
        }
        let (last, before) = match verdicts.split_last() {
            Some((last, before)) if last.refused_after.is_some() || last.message.len() > LIMIT => {
                (Some(last), before)
            }
            _ => (None, verdicts),
        };
        assert_eq!(self.messages.len(), before.len(), "{:?}, {last:?}", self.error);
        for (message, verdict) in self.messages.iter().zip(before) {
            assert!(*message == verdict.message, "zlib reads something else");
        }
        let Some(last) = last else {
            assert_eq!(self.error, None);
            return;
        };
        let expected = last.message.get(..LIMIT).unwrap_or(&last.message);
        if delivery == Delivery::Streaming {
            assert!(self.partial == expected, "other output before the mistake");
        }
        let limit = LIMIT as u64;
        if last.message.len() > LIMIT {
            assert_eq!(self.error, Some(Error::MessageTooLong { length: limit + 1, limit }));
            return;
        }
        let Some(Error::InvalidDeflate { reason, offset }) = self.error else {
            panic!("zlib refuses it after {:?} bytes, not {:?}", last.refused_after, self.error);
        };
        let message = &messages[before.len()];
        let length = message.concat().len();
        assert!(offset <= length as u64 + 4, "{offset} of {length} bytes");
        if settings.chunks == [1; 3] {
            let after = last.refused_after.expect("a message that is refused");
            let theirs = self.wire_length(messages, before.len(), after);
            // zlib reads on where the code length code has no code.
            let later = reason == DeflateError::CodeLengthCode && theirs >= self.taken;
            assert!(later || theirs == self.taken, "{reason:?}: {theirs}, {}", self.taken);
        }
    }

    /// How many bytes of the wire it takes until so many of the payload of a message are there.
    ///
    /// The four that are not sent are there with the end of the last frame.
    fn wire_length(&self, messages: &[Message<'_>], index: usize, mut payload: usize) -> usize {
        let masked = self.wire[1] & FIN != 0;
        let header =
            |part: &[u8]| 2 + if part.len() < 126 { 0 } else { 2 } + if masked { 4 } else { 0 };
        let before = messages[..index].iter().flatten();
        let mut wire = before.map(|part| header(part) + part.len()).sum();
        for part in &messages[index] {
            wire += header(part) + payload.min(part.len());
            if payload <= part.len() {
                break;
            }
            payload -= part.len();
        }
        wire
    }
}
