//! What is found on the wire: each thing with its values and with a line of text.

use core::fmt::{self, Display};

use super::Direction;
use super::show::{Amount, Hex, Payload};
use super::stream::{FoundFrame, MAX_HEAD, first_line};
use crate::frame::{FrameError, MAX_CONTROL_PAYLOAD, MaskKey, Opcode, Rsv};

/// The octets of a head's first line that are shown in text.
const SHOWN_LINE: usize = 256;

/// Something on the wire, lent by [`Entries::next`](super::Entries::next).
///
/// Its `Display` is one line without a line break; nothing in it can play tricks on a terminal.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// Which way it went.
    pub direction: Direction,
    /// Where in the stream of this direction it starts, in octets.
    pub offset: u64,
    /// What it is.
    pub what: What<'a>,
}

/// What an [`Entry`] is about.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum What<'a> {
    /// The octets of a chop, before what is found in them.
    Octets(Octets<'a>),
    /// A head of HTTP has ended.
    Head(Head<'a>),
    /// A frame has ended.
    Frame(Frame<'a>),
    /// It cannot be told what comes next; the chops to come have octets only.
    Lost(Lost),
}

/// The octets of a chop: what one read or write moved.
#[derive(Clone, Copy, Debug)]
pub struct Octets<'a> {
    pub(super) octets: &'a [u8],
    pub(super) preview: usize,
}

impl<'a> Octets<'a> {
    /// All of them.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.octets
    }

    /// Those that are [to be shown](super::WireLog::preview), in hexadecimal digits with spaces
    /// between, and "…" if there are more.
    #[must_use]
    pub fn hex(&self) -> impl Display + use<'a> {
        Hex::abbreviated(self.octets, self.preview)
    }
}

/// A head of HTTP, from its first line to its empty one.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    pub(super) octets: &'a [u8],
}

impl<'a> Head<'a> {
    /// The whole head, with the empty line.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.octets
    }

    /// The request line or the status line, without its end.
    #[must_use]
    pub fn first_line(&self) -> &'a [u8] {
        first_line(self.octets)
    }
}

/// A frame with what is kept of its payload.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub(super) found: FoundFrame,
    pub(super) missing: u64,
    pub(super) kept: &'a [u8],
    pub(super) preview: usize,
}

impl<'a> Frame<'a> {
    /// What the frame carries, `None` where the opcode is reserved.
    #[must_use]
    pub fn opcode(&self) -> Option<Opcode> {
        Opcode::from_bits(self.found.header.opcode)
    }

    /// The four bits of the opcode, reserved or not.
    #[must_use]
    pub fn opcode_bits(&self) -> u8 {
        self.found.header.opcode
    }

    /// Whether this is the last fragment of its message, as the FIN bit says.
    #[must_use]
    pub fn fin(&self) -> bool {
        self.found.header.fin
    }

    /// The reserved bits.
    #[must_use]
    pub fn rsv(&self) -> Rsv {
        self.found.header.rsv
    }

    /// The masking key, `None` of a frame that is not masked.
    #[must_use]
    pub fn mask(&self) -> Option<MaskKey> {
        self.found.header.mask
    }

    /// The length of the header, in octets.
    #[must_use]
    pub fn header_len(&self) -> usize {
        self.found.header_len
    }

    /// The length of the payload, in octets.
    #[must_use]
    pub fn payload_len(&self) -> u64 {
        self.found.header.payload_len
    }

    /// How many octets of the payload have not come: 0 but for an
    /// [unfinished](super::WireLog::unfinished) frame.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The start of the payload, unmasked, as far as it is
    /// [to be shown](super::WireLog::preview).
    #[must_use]
    pub fn preview(&self) -> &'a [u8] {
        self.kept.get(..self.preview).unwrap_or(self.kept)
    }

    /// The status code in a close frame, allowed there or not; `None` of any other frame, and of
    /// one without a code [RFC 6455 §5.5.1].
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        self.close().map(|(code, _)| code)
    }

    /// The reason in a close frame, UTF-8 or not, as far as the 125 octets of a control frame go;
    /// `None` where there is no [`close_code`](Self::close_code).
    #[must_use]
    pub fn close_reason(&self) -> Option<&'a [u8]> {
        self.close().map(|(_, reason)| reason)
    }

    /// What is wrong with the header, the first thing in the order of the wire: for this, an
    /// endpoint fails the connection whatever was negotiated.
    #[must_use]
    pub fn remark(&self) -> Option<FrameError> {
        self.found.remark
    }

    fn close(&self) -> Option<(u16, &'a [u8])> {
        let kept = self.kept.get(..MAX_CONTROL_PAYLOAD).unwrap_or(self.kept);
        match (self.opcode(), kept) {
            (Some(Opcode::Close), &[high, low, ref reason @ ..]) => {
                Some((u16::from_be_bytes([high, low]), reason))
            }
            _ => None,
        }
    }
}

/// Why it cannot be told what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// This is not the head of a request or response: it has a control character other than a
    /// tab, or a line that does not end with CR LF.
    NotHttp,
    /// A head is longer than [`MAX_HEAD`].
    HeadTooLong,
    /// The 64-bit length of a frame, given here, has its top bit set, so that no stream holds the
    /// frame's end.
    LengthTopBit(u64),
}

impl Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = self.offset;
        match &self.what {
            What::Octets(octets) => write!(f, "{} {octets}", self.direction),
            What::Head(head) => write!(f, "{} head at {offset}: {head}", self.direction),
            What::Frame(frame) => write!(f, "{} frame at {offset}: {frame}", self.direction),
            What::Lost(lost) => write!(f, "{} lost at {offset}: {lost}", self.direction),
        }
    }
}

impl Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent => ">",
            Self::Received => "<",
        })
    }
}

impl Display for Octets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Amount(self.octets.len() as u64), self.hex())
    }
}

impl Display for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.first_line();
        let shown = line.get(..SHOWN_LINE).unwrap_or(line);
        let more = if shown.len() < line.len() { "…" } else { "" };
        write!(f, "{}, {}{more}", Amount(self.octets.len() as u64), shown.escape_ascii())
    }
}

impl Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.opcode() {
            Some(opcode) => f.write_str(name(opcode))?,
            None => write!(f, "opcode {:#x}", self.opcode_bits())?,
        }
        if self.fin() {
            f.write_str(" FIN")?;
        }
        for (bit, name) in [(Rsv::RSV1, "RSV1"), (Rsv::RSV2, "RSV2"), (Rsv::RSV3, "RSV3")] {
            if self.rsv().bits() & bit.bits() != 0 {
                write!(f, " {name}")?;
            }
        }
        if let Some(key) = self.mask() {
            write!(f, ", key {:08x}", u32::from_be_bytes(key.bytes()))?;
        }
        f.write_str(", ")?;
        if self.missing > 0 {
            write!(f, "{} of ", self.payload_len().saturating_sub(self.missing))?;
        }
        write!(f, "{}", Amount(self.payload_len()))?;
        self.fmt_payload(f)?;
        match self.remark() {
            Some(remark) => write!(f, " ({remark})"),
            None => Ok(()),
        }
    }
}

impl Frame<'_> {
    fn fmt_payload(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let come = self.payload_len().saturating_sub(self.missing);
        match self.close() {
            Some((code, [])) => write!(f, ": {code}"),
            Some((code, reason)) => {
                write!(f, ": {code} {}", Payload { start: reason, length: come.saturating_sub(2) })
            }
            None if come == 0 => Ok(()),
            None => write!(f, ": {}", Payload { start: self.preview(), length: come }),
        }
    }
}

impl Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotHttp => f.write_str("not a head of HTTP"),
            Self::HeadTooLong => write!(f, "head is longer than {MAX_HEAD} octets"),
            Self::LengthTopBit(length) => FrameError::LengthTopBit(length).fmt(f),
        }
    }
}

/// The opcode in a word.
pub(super) fn name(opcode: Opcode) -> &'static str {
    match opcode {
        Opcode::Continuation => "continuation",
        Opcode::Text => "text",
        Opcode::Binary => "binary",
        Opcode::Close => "close",
        Opcode::Ping => "ping",
        Opcode::Pong => "pong",
    }
}
