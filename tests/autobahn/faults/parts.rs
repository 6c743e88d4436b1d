//! A stream taken apart as it passes, in either direction: the head of the opening handshake, and
//! then header and payload of frame after frame [RFC 6455 §5.2].

use crate::case::Kind;
use crate::wire;

/// The header of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) opcode: u8,
    pub(super) fin: bool,
    pub(super) rsv: u8,
    pub(super) key: Option<[u8; 4]>,
    pub(super) length: usize,
    /// The kind of the message that this is a fragment of, if it is.
    pub(super) message: Option<Kind>,
    /// That message is compressed.
    pub(super) is_compressed: bool,
    /// A message was under way when the frame came.
    pub(super) is_inside: bool,
}

/// A whole frame, unmasked.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) header: Header,
    pub(super) payload: Vec<u8>,
}

/// A part of a stream.
#[derive(Debug)]
pub(super) enum Part {
    /// The request or the response, with the empty line.
    Head(Vec<u8>),
    Header(Header),
    /// Octets of the payload, unmasked, that start at this position in it; of a payload that is
    /// empty, one piece that is.
    Payload {
        header: Header,
        at: usize,
        octets: Vec<u8>,
    },
}

/// Takes a stream apart; holds back no more than an incomplete head or header.
#[derive(Debug)]
pub(super) struct Splitter {
    /// An extension gives RSV1 a meaning.
    compresses: bool,
    is_open: bool,
    head: Vec<u8>,
    /// The frame whose payload is passing, and how much of it has.
    frame: Option<(Header, usize)>,
    /// The message that is under way.
    message: Option<(Option<Kind>, bool)>,
}

impl Header {
    pub(super) fn is_control(&self) -> bool {
        self.opcode >= 8
    }

    /// Whether the payload is a piece of text as it is.
    pub(super) fn is_plain_text(&self) -> bool {
        self.message == Some(Kind::Text) && !self.is_compressed
    }

    fn first(&self) -> u8 {
        u8::from(self.fin) << 7 | self.rsv << 4 | self.opcode
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        wire::write_header(out, self.first(), self.key, self.length);
    }
}

impl Frame {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        wire::write_frame(out, self.header.first(), self.header.key, &self.payload);
    }

    /// The same in two fragments.
    pub(super) fn in_two(mut self) -> [Self; 2] {
        let payload = self.payload.split_off(self.payload.len() / 2);
        let header = Header { opcode: 0, rsv: 0, ..self.header };
        self.header.fin = false;
        [self, Self { header, payload }]
    }
}

impl Splitter {
    pub(super) fn new(compresses: bool) -> Self {
        Self { compresses, is_open: false, head: vec![], frame: None, message: None }
    }

    /// The head of the opening handshake is behind.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// The next part, as far as it is there; takes it from `octets`.
    pub(super) fn next(&mut self, octets: &mut &[u8]) -> Option<Part> {
        if let Some((header, at)) = self.frame.take() {
            if octets.is_empty() && header.length > 0 {
                self.frame = Some((header, at));
                return None;
            }
            let length = (header.length - at).min(octets.len());
            let mut octets = octets.split_off(..length).expect("so many are there").to_vec();
            if let Some(key) = header.key {
                wire::mask(&mut octets, key, at);
            }
            if at + length < header.length {
                self.frame = Some((header, at + length));
            }
            return Some(Part::Payload { header, at, octets });
        }
        while !self.is_open {
            self.head.push(*octets.split_off_first()?);
            if self.head.ends_with(b"\r\n\r\n") {
                self.is_open = true;
                return Some(Part::Head(std::mem::take(&mut self.head)));
            }
        }
        loop {
            if let Some(header) = self.header() {
                self.head.clear();
                self.frame = Some((header, 0));
                return Some(Part::Header(header));
            }
            self.head.push(*octets.split_off_first()?);
        }
    }

    /// The header that has been collected, if it is complete.
    fn header(&mut self) -> Option<Header> {
        let (&[first, second], rest) = self.head.split_first_chunk()?;
        let (length, rest) = match second & 0x7F {
            126 => rest.split_first_chunk().map(|(n, rest)| (u16::from_be_bytes(*n).into(), rest)),
            127 => rest.split_first_chunk().map(|(n, rest)| (u64::from_be_bytes(*n), rest)),
            short => Some((short.into(), rest)),
        }?;
        let key = match second & 0x80 {
            0 => None,
            _ => Some(*rest.first_chunk()?),
        };
        let (opcode, fin, rsv) = (first & 0x0F, first & 0x80 != 0, first >> 4 & 7);
        let is_inside = self.message.is_some();
        let (message, is_compressed) = match opcode {
            0 => self.message.unwrap_or_default(),
            1 => (Some(Kind::Text), self.compresses && rsv & 4 != 0),
            2 => (Some(Kind::Binary), self.compresses && rsv & 4 != 0),
            _ => (None, false),
        };
        if opcode < 8 {
            self.message = (!fin).then_some((message, is_compressed));
        }
        let length = usize::try_from(length).expect("no case has so long a frame");
        Some(Header { opcode, fin, rsv, key, length, message, is_compressed, is_inside })
    }
}
