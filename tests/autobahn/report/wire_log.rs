//! What was on the wire: the trace of a conversation, decoded by the crate's own wire log.

use std::time::Duration;

use sansocket::wirelog::{self, Direction, Statistics, What};

use crate::trace::{Entry, Trace};

/// More rows than these are counted only.
const MAX_ROWS: usize = 250;
/// The chops that are kept of a row.
const MAX_CHOPS: usize = 256;
/// The octets that are kept of a chop or a payload.
const PREVIEW: usize = 64;

/// The wire log of a conversation.
#[derive(Debug, Default)]
pub(super) struct WireLog {
    pub(super) rows: Vec<Row>,
    /// So many rows are missing at the end.
    pub(super) left_out: u64,
    /// Of everything that was traced.
    pub(super) statistics: Statistics,
    /// The conversation has more octets than were traced.
    pub(super) is_cut: bool,
}

/// Something that was written, read, or met.
#[derive(Debug)]
pub(super) enum Row {
    /// Chops without anything between them: what one write or read moved, each.
    Chops(Direction, Chops),
    Head(Direction, String),
    Frame(Direction, Frame),
    /// It cannot be told what comes next.
    Lost(Direction, String),
    Note(Duration, String),
}

#[derive(Debug, Default)]
pub(super) struct Chops {
    pub(super) count: u64,
    pub(super) octets: u64,
    /// The first of them.
    pub(super) first: Vec<Chop>,
}

#[derive(Debug)]
pub(super) struct Chop {
    pub(super) length: u64,
    pub(super) start: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    pub(super) fin: bool,
    pub(super) rsv: u8,
    pub(super) key: Option<[u8; 4]>,
    pub(super) length: u64,
    /// So much of the payload did not come.
    pub(super) missing: u64,
    /// Of the payload, unmasked.
    pub(super) start: Vec<u8>,
    pub(super) close: Option<(u16, Vec<u8>)>,
    /// What is wrong with the header.
    pub(super) remark: Option<String>,
}

impl WireLog {
    /// Decodes a trace.
    pub(super) fn new(trace: Option<&Trace>) -> Self {
        let mut log = Self::default();
        let Some(trace) = trace else { return log };
        let mut decoder = wirelog::WireLog::new().preview(PREVIEW);
        for entry in &trace.entries {
            match entry {
                Entry::Sent(octets) => log.decode(&mut decoder, Direction::Sent, octets),
                Entry::Received(octets) => log.decode(&mut decoder, Direction::Received, octets),
                Entry::Note(time, text) => log.push(Row::Note(*time, text.clone())),
            }
        }
        for direction in [Direction::Sent, Direction::Received] {
            if let Some(entry) = decoder.unfinished(direction) {
                log.take(&entry);
            }
        }
        log.statistics = decoder.statistics().clone();
        log.is_cut = trace.is_cut;
        log
    }

    fn decode(&mut self, decoder: &mut wirelog::WireLog, direction: Direction, octets: &[u8]) {
        let mut entries = decoder.chop(direction, octets);
        while let Some(entry) = entries.next() {
            self.take(&entry);
        }
    }

    fn take(&mut self, entry: &wirelog::Entry<'_>) {
        let direction = entry.direction;
        match &entry.what {
            What::Octets(octets) => self.take_chop(direction, octets.bytes()),
            What::Head(head) => self.push(Row::Head(direction, head.to_string())),
            What::Frame(frame) => self.push(Row::Frame(direction, Frame::new(frame))),
            What::Lost(lost) => self.push(Row::Lost(direction, lost.to_string())),
            _ => self.push(Row::Lost(direction, entry.to_string())),
        }
    }

    /// Adds a chop to the row before, if that is of the same direction.
    fn take_chop(&mut self, direction: Direction, octets: &[u8]) {
        let is_shown = self.left_out == 0;
        match self.rows.last_mut() {
            Some(Row::Chops(same, chops)) if *same == direction && is_shown => chops.add(octets),
            _ => {
                let mut chops = Chops::default();
                chops.add(octets);
                self.push(Row::Chops(direction, chops));
            }
        }
    }

    fn push(&mut self, row: Row) {
        if self.rows.len() < MAX_ROWS {
            self.rows.push(row);
        } else {
            self.left_out += 1;
        }
    }
}

impl Chops {
    fn add(&mut self, octets: &[u8]) {
        let length = octets.len() as u64;
        self.count += 1;
        self.octets += length;
        if self.first.len() < MAX_CHOPS {
            let start = octets[..octets.len().min(PREVIEW)].to_vec();
            self.first.push(Chop { length, start });
        }
    }
}

impl Frame {
    fn new(frame: &wirelog::Frame<'_>) -> Self {
        let close = |code| (code, frame.close_reason().unwrap_or_default().to_vec());
        Self {
            opcode: frame.opcode_bits(),
            fin: frame.fin(),
            rsv: frame.rsv().bits(),
            key: frame.mask().map(|key| key.bytes()),
            length: frame.payload_len(),
            missing: frame.missing(),
            start: frame.preview().to_vec(),
            close: frame.close_code().map(close),
            remark: frame.remark().map(|remark| remark.to_string()),
        }
    }
}
