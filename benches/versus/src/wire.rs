//! Frames as bytes, by code that shares nothing with any contender: what is received is encoded
//! here, and what was sent is decoded here to be compared.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::payload::Payload;
use crate::random::Random;
use crate::works::Deflate;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// The end of a sync flush, which is not sent [RFC 7692 §7.2.1].
const MARKER: [u8; 4] = [0, 0, 0xFF, 0xFF];

/// Appends a frame, masked if there is a key.
pub fn encode(wire: &mut Vec<u8>, first: u8, payload: &[u8], key: Option<[u8; 4]>) {
    let masked = if key.is_some() { 0x80 } else { 0 };
    wire.push(first);
    match payload.len() {
        length @ 0..=125 => wire.push(masked | length as u8),
        length @ 126..=0xFFFF => {
            wire.push(masked | 126);
            wire.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            wire.push(masked | 127);
            wire.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    match key {
        None => wire.extend_from_slice(payload),
        Some(key) => {
            wire.extend_from_slice(&key);
            wire.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        }
    }
}

/// Appends a message, compressed if there is a deflater, in fragments of at most so many bytes, and
/// masked if there is a source of keys.
pub fn encode_message(
    wire: &mut Vec<u8>,
    payload: &Payload,
    fragment: usize,
    deflater: Option<&mut Deflater>,
    mut keys: Option<&mut Random>,
) {
    let rsv1 = if deflater.is_some() { RSV1 } else { 0 };
    let compressed = deflater.map(|deflater| deflater.deflate(payload.bytes()));
    let bytes = compressed.as_deref().unwrap_or(payload.bytes());
    let fragments = bytes.chunks(fragment);
    let last = fragments.len() - 1;
    for (index, part) in fragments.enumerate() {
        let opcode = match (index, payload.is_text()) {
            (0, true) => TEXT | rsv1,
            (0, false) => BINARY | rsv1,
            _ => CONTINUATION,
        };
        let fin = if index == last { FIN } else { 0 };
        encode(wire, fin | opcode, part, keys.as_mut().map(|keys| keys.key()));
    }
}

/// One side's compressor, by zlib-rs at level 6 [RFC 7692 §7.2.1].
pub struct Deflater {
    zlib: Compress,
    terms: Deflate,
}

impl Deflater {
    pub fn new(terms: Deflate) -> Self {
        Self { zlib: Compress::new(Compression::new(6), false), terms }
    }

    fn deflate(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut output = Vec::with_capacity(payload.len() + 64);
        if self.terms == Deflate::Alone {
            self.zlib.reset();
        }
        let before = self.zlib.total_in();
        self.zlib
            .compress_vec(payload, &mut output, FlushCompress::Sync)
            .expect("compression does not fail");
        assert_eq!(self.zlib.total_in() - before, payload.len() as u64, "it fits the output");
        assert!(output.ends_with(&MARKER), "the block is whole");
        output.truncate(output.len() - MARKER.len());
        output
    }
}

/// What was sent, message by message, for comparison.
pub struct Received {
    inflater: Decompress,
}

impl Received {
    pub fn new() -> Self {
        Self { inflater: Decompress::new(false) }
    }

    /// Takes the first message off the wire: what it says, or what is wrong with it.
    pub fn message(&mut self, wire: &mut &[u8], masked: bool) -> Result<Payload, String> {
        let mut bytes = Vec::new();
        let mut first = None;
        loop {
            let frame = decode(wire).ok_or("what was sent ends within a frame")?;
            if frame.key.is_some() != masked {
                return Err("a frame is masked by a server or unmasked by a client".to_owned());
            }
            let first = *first.get_or_insert(frame.first);
            bytes.extend(frame.unmasked());
            if !frame.is_last() {
                continue;
            }
            if first & RSV1 != 0 {
                bytes = self.inflate(bytes)?;
            }
            return match first & 0x0F {
                TEXT => String::from_utf8(bytes)
                    .map(Payload::Text)
                    .map_err(|error| format!("a text is sent that is none: {error}")),
                BINARY => Ok(Payload::Binary(bytes)),
                opcode => Err(format!("a frame with opcode {opcode} is sent")),
            };
        }
    }

    fn inflate(&mut self, mut input: Vec<u8>) -> Result<Vec<u8>, String> {
        input.extend_from_slice(&MARKER);
        let mut output = Vec::new();
        let mut rest = &input[..];
        while !rest.is_empty() {
            output.reserve(rest.len().max(1024));
            let before = self.inflater.total_in();
            self.inflater
                .decompress_vec(rest, &mut output, FlushDecompress::Sync)
                .map_err(|error| format!("what was sent does not inflate: {error}"))?;
            rest = &rest[(self.inflater.total_in() - before) as usize..];
        }
        Ok(output)
    }
}

/// A frame found on the wire.
pub struct Frame<'w> {
    pub first: u8,
    pub key: Option<[u8; 4]>,
    pub payload: &'w [u8],
}

impl Frame<'_> {
    /// Whether it is the last of a message.
    pub fn is_last(&self) -> bool {
        self.first & FIN != 0
    }

    fn unmasked(&self) -> Vec<u8> {
        match self.key {
            None => self.payload.to_vec(),
            Some(key) => {
                self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
            }
        }
    }
}

/// Takes the first frame off the wire, `None` if it is not whole.
pub fn decode<'w>(wire: &mut &'w [u8]) -> Option<Frame<'w>> {
    let (&[first, second], rest) = wire.split_first_chunk()?;
    let (length, rest) = match second & 0x7F {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*length), rest)
        }
        length => (u64::from(length), rest),
    };
    let (key, rest) = if second & 0x80 == 0 {
        (None, rest)
    } else {
        let (key, rest) = rest.split_first_chunk()?;
        (Some(*key), rest)
    };
    let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *wire = rest;
    Some(Frame { first, key, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of [RFC 6455 §5.7].
    #[test]
    fn frames_are_those_of_the_rfc() {
        let mut wire = Vec::new();
        encode(&mut wire, 0x81, b"Hello", Some([0x37, 0xFA, 0x21, 0x3D]));
        assert_eq!(wire, [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]);
        for (length, header) in
            [(256, &[0x82, 0x7E, 0x01, 0x00][..]), (65536, &[0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0])]
        {
            let payload = vec![7; length];
            let mut wire = Vec::new();
            encode(&mut wire, 0x82, &payload, None);
            assert_eq!(wire, [header, &payload].concat());
            let mut rest = &wire[..];
            assert_eq!(decode(&mut rest).map(|frame| frame.unmasked()), Some(payload));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn what_is_encoded_is_received_again() {
        let payloads = [
            Payload::json(300, &mut Random::new(1)),
            Payload::json(300, &mut Random::new(2)),
            Payload::binary(70_000, &mut Random::new(3)),
        ];
        for terms in [None, Some(Deflate::Takeover), Some(Deflate::Alone)] {
            for masked in [false, true] {
                let mut wire = Vec::new();
                let mut deflater = terms.map(Deflater::new);
                let mut random = Random::new(4);
                for payload in &payloads {
                    let keys = masked.then_some(&mut random);
                    encode_message(&mut wire, payload, 1000, deflater.as_mut(), keys);
                }
                let (mut rest, mut received) = (&wire[..], Received::new());
                for payload in &payloads {
                    assert!(received.message(&mut rest, masked).as_ref() == Ok(payload));
                }
                assert!(rest.is_empty());
            }
        }
    }

    #[test]
    fn a_wrong_mask_direction_is_seen() {
        let mut wire = Vec::new();
        encode(&mut wire, 0x81, b"Hello", None);
        assert!(Received::new().message(&mut &wire[..], true).is_err());
    }
}
