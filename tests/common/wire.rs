//! A peer that writes and reads frames byte by byte after RFC 6455 §5.2, with none of the
//! library's code, so that it can also write what no peer may.

/// The key that the peer masks with.
pub(crate) const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) const CONTINUATION: u8 = 0x0;
pub(crate) const TEXT: u8 = 0x1;
pub(crate) const BINARY: u8 = 0x2;
pub(crate) const CLOSE: u8 = 0x8;
pub(crate) const PING: u8 = 0x9;
pub(crate) const PONG: u8 = 0xA;
pub(crate) const FIN: u8 = 0x80;

/// A frame of a peer that masks (a client) or does not (a server); `first` is its first byte.
pub(crate) fn frame(masked: bool, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = header(masked, first, payload.len() as u64);
    let start = frame.len();
    frame.extend_from_slice(payload);
    if masked {
        mask(&mut frame[start..]);
    }
    frame
}

/// The header of a frame that claims a payload of `length` bytes.
pub(crate) fn header(masked: bool, first: u8, length: u64) -> Vec<u8> {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => header_in_form(masked, first, short, &[]),
        (_, Ok(length)) => header_in_form(masked, first, 126, &length.to_be_bytes()),
        _ => header_in_form(masked, first, 127, &length.to_be_bytes()),
    }
}

/// The same up to its length, where a key would follow: what has to be known to judge it.
pub(crate) fn header_to_length(masked: bool, first: u8, length: u64) -> Vec<u8> {
    let mut header = header(masked, first, length);
    header.truncate(header.len() - if masked { KEY.len() } else { 0 });
    header
}

/// A header with these seven bits of length and this extended length, right or wrong.
pub(crate) fn header_in_form(masked: bool, first: u8, seven: u8, extended: &[u8]) -> Vec<u8> {
    let mut header = vec![first, seven | if masked { 0x80 } else { 0 }];
    header.extend_from_slice(extended);
    if masked {
        header.extend_from_slice(&KEY);
    }
    header
}

/// The payload of a close frame.
pub(crate) fn close_payload(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

/// Masks a payload from its start with [`KEY`].
pub(crate) fn mask(payload: &mut [u8]) {
    for (byte, key) in payload.iter_mut().zip(KEY.iter().cycle()) {
        *byte ^= key;
    }
}

/// A frame as it was read: its first byte and its payload, unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

/// Reads what consists of whole frames.
pub(crate) fn read_frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = vec![];
    while !bytes.is_empty() {
        let (first, masked, seven) = (bytes[0], bytes[1] & 0x80 != 0, bytes[1] & 0x7F);
        bytes = &bytes[2..];
        let mut take = |count: usize| {
            let (taken, rest) = bytes.split_at(count);
            bytes = rest;
            taken
        };
        let length = match seven {
            126 => take(2).iter().fold(0, |length, &byte| length << 8 | usize::from(byte)),
            127 => take(8).iter().fold(0, |length, &byte| length << 8 | usize::from(byte)),
            short => usize::from(short),
        };
        let key = if masked { take(4) } else { &[0; 4] };
        let payload = take(length).iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
        let payload = payload.collect();
        frames.push(Frame { first, payload });
    }
    frames
}
