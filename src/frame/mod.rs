//! The base framing protocol [RFC 6455 §5.2]: opcodes and the frame header.
//!
//! The codec is stateless: it knows what a header may look like, not which header may come
//! next. Reserved bits and the mask's direction are left to the connection, which knows what
//! was negotiated and which side it is.

mod close;
mod mask;
#[cfg(feature = "alloc")]
mod raw;

use core::fmt;

pub(crate) use close::InvalidClose;
pub use close::{CloseCode, CloseFrame, MAX_CLOSE_REASON};
pub use mask::MaskKey;
#[cfg(feature = "alloc")]
pub(crate) use raw::RawHeader;

/// The longest payload of a control frame, in bytes [RFC 6455 §5.5].
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// What a frame carries [RFC 6455 §5.2, §11.8].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the message begun before.
    Continuation = 0x0,
    /// A text message, or its first fragment.
    Text = 0x1,
    /// A binary message, or its first fragment.
    Binary = 0x2,
    /// The closing handshake.
    Close = 0x8,
    /// Asks the peer for a pong.
    Ping = 0x9,
    /// Answers a ping, or comes unasked.
    Pong = 0xA,
}

impl Opcode {
    /// The opcode of these four bits, `None` where they are reserved or more than four.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// The four bits on the wire.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// Whether this is a control frame: close, ping or pong [RFC 6455 §5.5].
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.bits() & 0x8 != 0
    }
}

/// The three reserved bits of a frame [RFC 6455 §5.2].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rsv(u8);

impl Rsv {
    /// None of the bits is set.
    pub const NONE: Self = Self(0);
    /// RSV1, which permessage-deflate gives a meaning to [RFC 7692 §6].
    pub const RSV1: Self = Self(0b100);
    /// RSV2.
    pub const RSV2: Self = Self(0b010);
    /// RSV3.
    pub const RSV3: Self = Self(0b001);

    /// The bits in the order RSV1, RSV2, RSV3, RSV3 being the lowest; higher bits are ignored.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0b111)
    }

    /// RSV1, RSV2, RSV3, RSV3 being the lowest bit.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// The header of a frame: everything before its payload [RFC 6455 §5.2].
///
/// ```
/// use sansocket::frame::{FrameHeader, Opcode};
///
/// // The unmasked "Hello" of RFC 6455 §5.7.
/// let wire = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
/// let (header, length) = FrameHeader::parse(&wire).unwrap().expect("a whole header");
/// assert_eq!((header.opcode, header.fin, header.payload_len), (Opcode::Text, true, 5));
/// assert_eq!(&wire[length..], b"Hello");
/// assert_eq!(header.encode().as_ref(), &wire[..length]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FrameHeader {
    /// Whether this is the last fragment of its message.
    pub fin: bool,
    /// The reserved bits.
    pub rsv: Rsv,
    /// What the frame carries.
    pub opcode: Opcode,
    /// The masking key, on every frame from a client and on none from a server.
    pub mask: Option<MaskKey>,
    /// The length of the payload in bytes, below 2^63.
    pub payload_len: u64,
}

impl FrameHeader {
    /// The longest header on the wire, in bytes.
    pub const MAX_LEN: usize = 14;

    /// Reads a header from the start of `bytes`.
    ///
    /// Gives the header and its length in bytes, or `None` while `bytes` is the start of a
    /// header that is not all there yet; call again with more.
    ///
    /// # Errors
    ///
    /// As soon as the bytes allow it, a [`FrameError`] for a header that no frame may have,
    /// whatever was negotiated: a reserved opcode, a fragmented or long control frame, a length
    /// that is not minimal or has the top bit set.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, FrameError> {
        Self::parse_checked(bytes, |_, _| Ok(()), |_| Ok(()), |_, _, _| Ok(()))
    }

    /// [`parse`](Self::parse) with the caller's own checks: of the first byte, of whether there is
    /// a mask, and of the length.
    ///
    /// A check runs once its bytes are there, before anything that depends on a later byte, so the
    /// first violation in the order of the wire is the one reported however the bytes are cut.
    #[inline]
    pub(crate) fn parse_checked<E: From<FrameError>>(
        bytes: &[u8],
        first: impl FnOnce(Rsv, Opcode) -> Result<(), E>,
        masked: impl FnOnce(bool) -> Result<(), E>,
        length: impl FnOnce(Rsv, Opcode, u64) -> Result<(), E>,
    ) -> Result<Option<(Self, usize)>, E> {
        let Some((&byte, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        let fin = byte & 0x80 != 0;
        let rsv = Rsv::from_bits(byte >> 4);
        let Some(opcode) = Opcode::from_bits(byte & 0x0F) else {
            return Err(FrameError::ReservedOpcode(byte & 0x0F).into());
        };
        if opcode.is_control() && !fin {
            return Err(FrameError::FragmentedControl(opcode).into());
        }
        first(rsv, opcode)?;

        let Some((&byte, rest)) = rest.split_first() else {
            return Ok(None);
        };
        let has_mask = byte & 0x80 != 0;
        masked(has_mask)?;
        let short = byte & 0x7F;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL_PAYLOAD {
            return Err(FrameError::ControlLength(opcode).into());
        }
        let Some((payload_len, rest)) = payload_length(short, rest) else {
            return Ok(None);
        };
        if payload_len > i64::MAX as u64 {
            return Err(FrameError::LengthTopBit(payload_len).into());
        }
        if short > 125 && Self::encoded_len(payload_len, false) < bytes.len() - rest.len() {
            return Err(FrameError::LengthNotMinimal(payload_len).into());
        }
        length(rsv, opcode, payload_len)?;
        let Some((mask, rest)) = masking_key(has_mask, rest) else {
            return Ok(None);
        };
        let header = Self { fin, rsv, opcode, mask, payload_len };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    /// Writes the header as it stands on the wire, the length in its shortest form.
    ///
    /// Nothing is checked: a fragmented ping is encoded as such, so that a test can send it. Of a
    /// `payload_len` of 2^63 or more the top bit is left out.
    #[inline]
    #[must_use]
    pub fn encode(&self) -> EncodedHeader {
        let mut bytes = [0; Self::MAX_LEN];
        let mask_bit = if self.mask.is_some() { 0x80 } else { 0 };
        bytes[0] = self.first_byte();
        let length = self.payload_len & i64::MAX as u64;
        // Each arm's lengths fit what it casts to.
        #[allow(clippy::cast_possible_truncation)]
        let mut len = match length {
            0..=125 => {
                bytes[1] = mask_bit | length as u8;
                2
            }
            126..=0xFFFF => {
                bytes[1] = mask_bit | 126;
                bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = mask_bit | 127;
                bytes[2..10].copy_from_slice(&length.to_be_bytes());
                10
            }
        };
        if let Some(key) = self.mask {
            // `len` is 2, 4 or 10, and the array ends at 14.
            bytes[len..len + 4].copy_from_slice(&key.bytes());
            len += 4;
        }
        EncodedHeader { bytes, len }
    }

    /// The header of a payload that short: of a constant size, and then the key, if any.
    #[inline]
    pub(crate) fn encode_short(&self) -> Option<[u8; 2]> {
        let mask_bit = if self.mask.is_some() { 0x80 } else { 0 };
        match u8::try_from(self.payload_len) {
            Ok(length @ 0..=125) => Some([self.first_byte(), mask_bit | length]),
            _ => None,
        }
    }

    #[inline]
    fn first_byte(&self) -> u8 {
        u8::from(self.fin) << 7 | self.rsv.bits() << 4 | self.opcode.bits()
    }

    /// How many bytes [`encode`](Self::encode) gives for a payload of `payload_len` bytes.
    #[must_use]
    pub const fn encoded_len(payload_len: u64, masked: bool) -> usize {
        let mask = if masked { 4 } else { 0 };
        mask + match payload_len {
            0..=125 => 2,
            126..=0xFFFF => 4,
            _ => 10,
        }
    }
}

/// The length of the payload, from its seven bits and the `rest` of the header; with what follows
/// it, or `None` while it is not all there.
#[inline]
fn payload_length(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    Some(match short {
        126 => {
            let (&field, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(field)), rest)
        }
        127 => {
            let (&field, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(field), rest)
        }
        short => (u64::from(short), rest),
    })
}

/// The masking key, if there is one, at the start of the `rest` of the header; with what follows
/// it, or `None` while it is not all there.
#[inline]
fn masking_key(has_mask: bool, rest: &[u8]) -> Option<(Option<MaskKey>, &[u8])> {
    if !has_mask {
        return Some((None, rest));
    }
    let (&key, rest) = rest.split_first_chunk()?;
    Some((Some(MaskKey::new(key)), rest))
}

/// The bytes of a header, from [`FrameHeader::encode`].
#[derive(Clone, Copy)]
pub struct EncodedHeader {
    bytes: [u8; FrameHeader::MAX_LEN],
    len: usize,
}

impl AsRef<[u8]> for EncodedHeader {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len.min(FrameHeader::MAX_LEN)]
    }
}

impl fmt::Debug for EncodedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}", self.as_ref())
    }
}

/// Why no frame may have this header [RFC 6455 §5.2, §5.5].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FrameError {
    /// The opcode, given here, is one of the reserved ones.
    ReservedOpcode(u8),
    /// A control frame without the FIN bit.
    FragmentedControl(Opcode),
    /// A control frame whose length field asks for more than 125 bytes.
    ControlLength(Opcode),
    /// The length, given here, would have fitted a shorter form.
    LengthNotMinimal(u64),
    /// The 64-bit length, given here, has its top bit set.
    LengthTopBit(u64),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedOpcode(bits) => write!(f, "opcode {bits:#x} is reserved"),
            Self::FragmentedControl(opcode) => write!(f, "{opcode:?} frame is fragmented"),
            Self::ControlLength(opcode) => {
                write!(f, "{opcode:?} frame is longer than {MAX_CONTROL_PAYLOAD} bytes")
            }
            Self::LengthNotMinimal(length) => {
                write!(f, "length {length} is not in its shortest form")
            }
            Self::LengthTopBit(length) => write!(f, "length {length:#x} has the top bit set"),
        }
    }
}

impl core::error::Error for FrameError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(opcode: Opcode, payload_len: u64, mask: Option<[u8; 4]>) -> FrameHeader {
        FrameHeader { fin: true, rsv: Rsv::NONE, opcode, mask: mask.map(MaskKey::new), payload_len }
    }

    #[test]
    fn each_length_is_encoded_in_its_shortest_form_and_read_back() {
        let lengths = [0, 1, 125, 126, 127, 0xFFFF, 0x1_0000, 0x1_0000_0000, i64::MAX as u64];
        for length in lengths {
            for mask in [None, Some([1, 2, 3, 4])] {
                let header = header(Opcode::Binary, length, mask);
                let wire = header.encode();
                let wire = wire.as_ref();
                assert_eq!(wire.len(), FrameHeader::encoded_len(length, mask.is_some()));
                assert_eq!(FrameHeader::parse(wire), Ok(Some((header, wire.len()))));
                for cut in 0..wire.len() {
                    assert_eq!(FrameHeader::parse(&wire[..cut]), Ok(None), "{length} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn longer_forms_than_needed_are_refused_as_soon_as_the_length_is_there() {
        for length in [0u64, 1, 125] {
            let [.., high, low] = length.to_be_bytes();
            assert_eq!(
                FrameHeader::parse(&[0x82, 0xFE, high, low]),
                Err(FrameError::LengthNotMinimal(length))
            );
        }
        for length in [0u64, 125, 126, 0xFFFF] {
            let mut wire = vec![0x82, 0x7F];
            wire.extend(length.to_be_bytes());
            assert_eq!(FrameHeader::parse(&wire), Err(FrameError::LengthNotMinimal(length)));
        }
    }

    #[test]
    fn the_top_bit_of_a_64_bit_length_is_refused() {
        let wire = [0x82, 0x7F, 0x80, 0, 0, 0, 0, 1, 0, 0];
        assert_eq!(FrameHeader::parse(&wire), Err(FrameError::LengthTopBit((1 << 63) + 0x1_0000)));
    }

    #[test]
    fn every_reserved_opcode_is_refused_at_its_first_byte() {
        for bits in 0..=0xF {
            let parsed = FrameHeader::parse(&[0x80 | bits]);
            match Opcode::from_bits(bits) {
                Some(opcode) => {
                    assert_eq!(opcode.bits(), bits);
                    assert_eq!(parsed, Ok(None));
                }
                None => assert_eq!(parsed, Err(FrameError::ReservedOpcode(bits))),
            }
        }
    }

    #[test]
    fn control_frames_are_whole_and_short() {
        for opcode in [Opcode::Close, Opcode::Ping, Opcode::Pong] {
            assert_eq!(
                FrameHeader::parse(&[opcode.bits()]),
                Err(FrameError::FragmentedControl(opcode))
            );
            assert_eq!(
                FrameHeader::parse(&[0x80 | opcode.bits(), 126]),
                Err(FrameError::ControlLength(opcode))
            );
            let longest = FrameHeader::parse(&[0x80 | opcode.bits(), 125]);
            assert_eq!(longest, Ok(Some((header(opcode, 125, None), 2))));
        }
    }

    #[test]
    fn the_reserved_bits_are_told_apart() {
        for (byte, rsv) in [(0xC1, Rsv::RSV1), (0xA1, Rsv::RSV2), (0x91, Rsv::RSV3)] {
            let (header, _) = FrameHeader::parse(&[byte, 0]).unwrap().unwrap();
            assert_eq!(header.rsv, rsv);
            assert_eq!(header.encode().as_ref(), [byte, 0]);
        }
    }
}
