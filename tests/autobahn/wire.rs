//! Frames as the fuzzing peer writes and reads them [RFC 6455 §5.2]: on its own, so that a mistake
//! of the implementation is not made here again.

/// Appends a frame: its first octet, and its payload, masked if there is a key.
pub(crate) fn write_frame(out: &mut Vec<u8>, first: u8, key: Option<[u8; 4]>, payload: &[u8]) {
    write_header(out, first, key, payload.len());
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = key {
        mask(&mut out[start..], key, 0);
    }
}

pub(crate) fn write_header(out: &mut Vec<u8>, first: u8, key: Option<[u8; 4]>, length: usize) {
    out.push(first);
    let masked = if key.is_some() { 0x80 } else { 0 };
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => out.push(masked | short),
        (_, Ok(medium)) => {
            out.push(masked | 126);
            out.extend(medium.to_be_bytes());
        }
        _ => {
            out.push(masked | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(key.into_iter().flatten());
}

/// Masks or unmasks octets of a payload that start at this position in it.
pub(crate) fn mask(octets: &mut [u8], key: [u8; 4], position: usize) {
    let mut key = key;
    key.rotate_left(position % 4);
    let (groups, rest) = octets.as_chunks_mut::<4>();
    for group in groups {
        *group = (u32::from_ne_bytes(*group) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (octet, key) in rest.iter_mut().zip(key) {
        *octet ^= key;
    }
}

/// A frame that was received, unmasked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) opcode: u8,
    pub(crate) fin: bool,
    pub(crate) rsv: u8,
    pub(crate) masked: bool,
    /// Its length is in the shortest form.
    pub(crate) minimal: bool,
    pub(crate) payload: Vec<u8>,
}

/// Takes frames from a stream.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    header: Vec<u8>,
    payload: Vec<u8>,
}

impl Reader {
    /// The next frame that is complete; takes what it needs of it from `octets`.
    pub(crate) fn next(&mut self, octets: &mut &[u8]) -> Option<Received> {
        while self.header.len() < self.header_length() {
            self.header.push(*octets.split_off_first()?);
        }
        let missing = self.payload_length() - self.payload.len();
        let piece = octets.split_off(..missing.min(octets.len())).expect("not more than there is");
        self.payload.extend_from_slice(piece);
        if piece.len() < missing {
            return None;
        }
        let first = self.header[0];
        let mut frame = Received {
            opcode: first & 0x0F,
            fin: first & 0x80 != 0,
            rsv: (first >> 4) & 7,
            masked: self.is_masked(),
            minimal: self.is_minimal(),
            payload: std::mem::take(&mut self.payload),
        };
        if frame.masked {
            let key = self.header.last_chunk().expect("a key at the end of the header");
            mask(&mut frame.payload, *key, 0);
        }
        self.header.clear();
        Some(frame)
    }

    fn is_masked(&self) -> bool {
        self.header[1] & 0x80 != 0
    }

    /// How long the header is, as far as that can be told.
    fn header_length(&self) -> usize {
        let Some(second) = self.header.get(1) else { return 2 };
        let extended = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        2 + extended + if second & 0x80 != 0 { 4 } else { 0 }
    }

    /// Whether the length could not have been in a shorter form.
    fn is_minimal(&self) -> bool {
        match self.header[1] & 0x7F {
            126 => self.payload_length() > 125,
            127 => self.payload_length() > 0xFFFF,
            _ => true,
        }
    }

    fn payload_length(&self) -> usize {
        let big_endian =
            |octets: &[u8]| octets.iter().fold(0, |sum, &octet| sum << 8 | usize::from(octet));
        match self.header[1] & 0x7F {
            126 => big_endian(&self.header[2..4]),
            127 => big_endian(&self.header[2..10]),
            short => short.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            for key in [None, Some([1, 2, 3, 4])] {
                let payload: Vec<u8> = (0..length).map(|index| index as u8).collect();
                let mut wire = vec![];
                write_frame(&mut wire, 0xC2, key, &payload);
                let mut reader = Reader::default();
                let (last, before) = wire.split_last().expect("a header at least");
                assert_eq!(reader.next(&mut &*before), None);
                let frame = reader.next(&mut &[*last, 9][..]).expect("a frame");
                assert_eq!((frame.opcode, frame.fin, frame.rsv), (2, true, 4));
                assert_eq!(frame.masked, key.is_some());
                assert_eq!(frame.payload, payload);
            }
        }
    }

    #[test]
    fn hello_of_the_rfc() {
        let mut wire = vec![];
        write_frame(&mut wire, 0x81, Some([0x37, 0xfa, 0x21, 0x3d]), b"Hello");
        assert_eq!(wire, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    }

    #[test]
    fn masking_goes_on_where_it_was() {
        let mut octets = *b"0123456789";
        let (first, second) = octets.split_at_mut(3);
        mask(first, [1, 2, 3, 4], 0);
        mask(second, [1, 2, 3, 4], 3);
        mask(&mut octets, [1, 2, 3, 4], 0);
        assert_eq!(&octets, b"0123456789");
    }
}
