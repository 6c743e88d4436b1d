//! A header as its bits say it, whether or not a frame may have it: for who only watches
//! [RFC 6455 §5.2].

use super::{MaskKey, Rsv, masking_key, payload_length};

/// The fields of a header, unjudged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawHeader {
    /// The FIN bit.
    pub(crate) fin: bool,
    /// The reserved bits.
    pub(crate) rsv: Rsv,
    /// The four bits of the opcode, reserved or not.
    pub(crate) opcode: u8,
    /// The masking key.
    pub(crate) mask: Option<MaskKey>,
    /// The length of the payload in bytes, in whatever form it came, with its top bit.
    pub(crate) payload_len: u64,
}

impl RawHeader {
    /// Reads a header from the start of `bytes`, and gives its length in bytes with it; `None`
    /// while it is not all there.
    pub(crate) fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let (payload_len, rest) = payload_length(second & 0x7F, rest)?;
        let (mask, rest) = masking_key(second & 0x80 != 0, rest)?;
        let header = Self {
            fin: first & 0x80 != 0,
            rsv: Rsv::from_bits(first >> 4),
            opcode: first & 0x0F,
            mask,
            payload_len,
        };
        Some((header, bytes.len() - rest.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FrameHeader, Opcode};
    use super::*;

    #[test]
    fn a_header_that_a_frame_may_have_is_read_the_same() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                let mut wire = [1; FrameHeader::MAX_LEN];
                [wire[0], wire[1]] = [first, second];
                let (raw, length) = RawHeader::parse(&wire).unwrap();
                if let Ok(judged) = FrameHeader::parse(&wire) {
                    let header = FrameHeader {
                        fin: raw.fin,
                        rsv: raw.rsv,
                        opcode: Opcode::from_bits(raw.opcode).unwrap(),
                        mask: raw.mask,
                        payload_len: raw.payload_len,
                    };
                    assert_eq!(judged, Some((header, length)));
                }
                for end in 0..length {
                    assert_eq!(RawHeader::parse(&wire[..end]), None);
                }
            }
        }
    }

    #[test]
    fn a_header_that_no_frame_may_have_is_read_as_well() {
        let (raw, length) = RawHeader::parse(&[0x7B, 0xFE, 0, 5, 1, 2, 3, 4, 9]).unwrap();
        assert_eq!((raw.fin, raw.rsv.bits(), raw.opcode), (false, 7, 0xB));
        assert_eq!((raw.payload_len, raw.mask, length), (5, Some(MaskKey::new([1, 2, 3, 4])), 8));
        let (raw, length) = RawHeader::parse(&[0x82, 0x7F, 0xFF, 0, 0, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!((raw.payload_len, length), ((0xFF << 56) + 1, 10));
    }
}
