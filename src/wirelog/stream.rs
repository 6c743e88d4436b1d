//! One direction: heads of HTTP [RFC 6455 §4], then frames [RFC 6455 §5.2], however chopped.

use alloc::vec::Vec;
use core::mem;

use super::entry::Lost;
use crate::frame::{FrameError, FrameHeader, MAX_CONTROL_PAYLOAD, Opcode, RawHeader};
use crate::handshake::Scan;
use crate::slice;

/// The longest head that is followed, in octets.
pub const MAX_HEAD: usize = 64 * 1024;

/// What was found, by value: what it has to lend is kept in the stream.
#[derive(Debug)]
pub(super) enum Found {
    /// A head, of a response that refuses to switch protocols or of any other kind.
    Head {
        refused: bool,
    },
    Frame(FoundFrame),
    Lost(Lost),
}

/// A frame that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundFrame {
    pub(super) header: RawHeader,
    /// The length of the header, in octets.
    pub(super) header_len: usize,
    /// What is wrong with the header.
    pub(super) remark: Option<FrameError>,
}

/// Where a direction stands.
#[derive(Clone, Debug)]
enum Stage {
    /// In a head, or where one is due.
    Head(Scan),
    /// In the header of a frame, or where one is due.
    Header(PartialHeader),
    /// In the payload of a frame, with this much to come.
    Payload(FoundFrame, u64),
    /// Nothing is decoded any more.
    Opaque,
}

/// The start of a header.
#[derive(Clone, Debug, Default)]
struct PartialHeader {
    bytes: [u8; FrameHeader::MAX_LEN],
    length: usize,
}

/// What is decoded of one direction.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    stage: Stage,
    /// How many octets came before.
    offset: u64,
    /// Where the head or frame started that is decoded, or that was found last.
    start: u64,
    /// The head as far as it has come.
    head: Vec<u8>,
    /// The head was found, and may be forgotten.
    head_over: bool,
    /// The start of the payload, unmasked.
    payload: Vec<u8>,
}

impl Stream {
    /// A direction from its first octet.
    pub(super) fn heads() -> Self {
        Self::at(Stage::Head(Scan::default()))
    }

    /// A direction after its opening handshake.
    pub(super) fn frames() -> Self {
        Self::at(Stage::Header(PartialHeader::default()))
    }

    fn at(stage: Stage) -> Self {
        Self { stage, offset: 0, start: 0, head: Vec::new(), head_over: false, payload: Vec::new() }
    }

    /// How many octets were decoded.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Where what was found last starts.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The head that was found last.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// What is kept of the payload of the frame that was found last, or that has begun.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The frame whose payload has not ended yet, and how many octets of it are to come.
    pub(super) fn unfinished(&self) -> Option<(FoundFrame, u64)> {
        match self.stage {
            Stage::Payload(frame, left) => Some((frame, left)),
            _ => None,
        }
    }

    /// Decodes nothing any more.
    pub(super) fn give_up(&mut self) {
        self.stage = Stage::Opaque;
        self.head = Vec::new();
    }

    /// Takes octets from `input` until something is found, or to its end.
    ///
    /// Of each payload at most `preview` octets are kept.
    pub(super) fn step(&mut self, input: &mut &[u8], preview: usize) -> Option<Found> {
        if mem::take(&mut self.head_over) {
            self.head = Vec::new();
        }
        // A frame without a payload is found without a further octet.
        while !input.is_empty() || matches!(self.stage, Stage::Payload(_, 0)) {
            let found = match &self.stage {
                Stage::Head(_) => self.take_head(input),
                Stage::Header(_) => self.take_header(input),
                Stage::Payload(..) => self.take_payload(input, preview),
                Stage::Opaque => {
                    self.take(input, usize::MAX);
                    None
                }
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    fn take_head(&mut self, input: &mut &[u8]) -> Option<Found> {
        let Stage::Head(scan) = &mut self.stage else { return None };
        if self.head.is_empty() {
            self.start = self.offset;
        }
        let room = MAX_HEAD - self.head.len().min(MAX_HEAD);
        let (part, _) = input.split_at(room.min(input.len()));
        let end = match scan.feed(part, u16::MAX) {
            Ok(None) if part.len() < input.len() => return Some(self.lose(Lost::HeadTooLong)),
            Ok(end) => end,
            Err(_) => return Some(self.lose(Lost::NotHttp)),
        };
        let part = self.take(input, end.unwrap_or(part.len()));
        self.head.extend_from_slice(part);
        end?;
        self.head_over = true;
        let kind = head_kind(&self.head);
        self.stage = match kind {
            HeadKind::Request | HeadKind::Switched => Stage::Header(PartialHeader::default()),
            HeadKind::Interim => Stage::Head(Scan::default()),
            HeadKind::Refused => Stage::Opaque,
        };
        Some(Found::Head { refused: matches!(kind, HeadKind::Refused) })
    }

    fn take_header(&mut self, input: &mut &[u8]) -> Option<Found> {
        let Stage::Header(partial) = &mut self.stage else { return None };
        let before = partial.length;
        if before == 0 {
            self.start = self.offset;
        }
        let taken = partial.fill(input);
        let Some((header, header_len)) = RawHeader::parse(partial.bytes()) else {
            self.take(input, taken);
            return None;
        };
        let remark = FrameHeader::parse(partial.bytes()).err();
        if header.payload_len > i64::MAX as u64 {
            return Some(self.lose(Lost::LengthTopBit(header.payload_len)));
        }
        self.take(input, header_len.saturating_sub(before));
        self.payload.clear();
        let frame = FoundFrame { header, header_len, remark };
        self.stage = Stage::Payload(frame, header.payload_len);
        None
    }

    fn take_payload(&mut self, input: &mut &[u8], preview: usize) -> Option<Found> {
        let Stage::Payload(frame, left) = &mut self.stage else { return None };
        let frame = *frame;
        let at = frame.header.payload_len - *left;
        let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
        *left -= count as u64;
        let ended = *left == 0;
        let part = self.take(input, count);
        // Behind a part that was not kept, as the preview was shorter then, none is.
        if at == self.payload.len() as u64 {
            self.keep(&frame.header, part, preview);
        }
        if !ended {
            return None;
        }
        self.stage = Stage::Header(PartialHeader::default());
        Some(Found::Frame(frame))
    }

    /// Keeps what is to be shown of this part of the payload.
    fn keep(&mut self, header: &RawHeader, part: &[u8], preview: usize) {
        let is_close = header.opcode == Opcode::Close.bits();
        let limit = if is_close { preview.max(MAX_CONTROL_PAYLOAD) } else { preview };
        let kept = self.payload.len();
        let (part, _) = part.split_at(limit.saturating_sub(kept).min(part.len()));
        self.payload.extend_from_slice(part);
        if let (Some(key), Some(new)) = (header.mask, self.payload.get_mut(kept..)) {
            key.advanced(kept).apply(new);
        }
    }

    /// Takes up to `count` octets from the front of the input.
    fn take<'i>(&mut self, input: &mut &'i [u8], count: usize) -> &'i [u8] {
        let (taken, rest) = input.split_at(count.min(input.len()));
        *input = rest;
        self.offset += taken.len() as u64;
        taken
    }

    fn lose(&mut self, lost: Lost) -> Found {
        self.give_up();
        Found::Lost(lost)
    }
}

impl PartialHeader {
    /// Adds the start of the input as far as a header can need it; gives how much that is.
    fn fill(&mut self, input: &[u8]) -> usize {
        let mut count = 0;
        for (slot, byte) in self.bytes.iter_mut().skip(self.length).zip(input) {
            *slot = *byte;
            count += 1;
        }
        self.length += count;
        count
    }

    fn bytes(&self) -> &[u8] {
        slice::head(&self.bytes, self.length)
    }
}

/// What follows a head.
enum HeadKind {
    /// Of a client, and if it is to have any, frames follow.
    Request,
    /// A response with the status 101: frames follow.
    Switched,
    /// Another response with a status below 200: a further one follows.
    Interim,
    /// Any other response.
    Refused,
}

fn head_kind(head: &[u8]) -> HeadKind {
    let line = first_line(head);
    if !line.starts_with(b"HTTP/") {
        return HeadKind::Request;
    }
    match line.split(|&byte| byte == b' ').nth(1) {
        Some(b"101") => HeadKind::Switched,
        Some([b'1', _, _]) => HeadKind::Interim,
        _ => HeadKind::Refused,
    }
}

/// The first line of a head that is not empty, without its end.
pub(super) fn first_line(head: &[u8]) -> &[u8] {
    let mut lines = head.split(|&byte| byte == b'\n').map(|line| line.trim_ascii_end());
    lines.find(|line| !line.is_empty()).unwrap_or_default()
}
