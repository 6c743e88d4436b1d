//! The wire log: what it finds does not depend on the chops, it follows whatever can be followed,
//! says where it gets lost, counts, and keeps little.
#![cfg(feature = "alloc")]

#[path = "../common/mod.rs"]
mod common;

mod chop;
mod following;
mod memory;
mod snapshot;

use sansocket::frame::{FrameError, MaskKey};
use sansocket::wirelog::{Direction, Entry, Lost, What, WireLog};

use Direction::{Received, Sent};

#[global_allocator]
static HEAP: common::heap::CountingHeap = common::heap::CountingHeap;

const REQUEST: &[u8] = b"GET /chat HTTP/1.1\r\nHost: example.com\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

/// What was found, apart from the octets of chops.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Head { direction: Direction, offset: u64, head: Vec<u8> },
    Frame(FoundFrame),
    Lost { direction: Direction, offset: u64, lost: Lost },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FoundFrame {
    direction: Direction,
    offset: u64,
    /// The FIN bit, the reserved bits and the opcode as they stand in the first octet.
    first: u8,
    mask: Option<MaskKey>,
    header_len: usize,
    payload_len: u64,
    preview: Vec<u8>,
    close: Option<(u16, Vec<u8>)>,
    remark: Option<FrameError>,
}

impl Found {
    fn new(entry: &Entry<'_>) -> Option<Self> {
        let (direction, offset) = (entry.direction, entry.offset);
        Some(match &entry.what {
            What::Head(head) => Self::Head { direction, offset, head: head.bytes().to_vec() },
            What::Lost(lost) => Self::Lost { direction, offset, lost: *lost },
            What::Frame(frame) => {
                assert_eq!(frame.missing(), 0);
                let fin = if frame.fin() { 0x80 } else { 0 };
                Self::Frame(FoundFrame {
                    direction,
                    offset,
                    first: fin | frame.rsv().bits() << 4 | frame.opcode_bits(),
                    mask: frame.mask(),
                    header_len: frame.header_len(),
                    payload_len: frame.payload_len(),
                    preview: frame.preview().to_vec(),
                    close: frame
                        .close_code()
                        .map(|code| (code, frame.close_reason().unwrap().to_vec())),
                    remark: frame.remark(),
                })
            }
            _ => return None,
        })
    }
}

/// Logs a chop, and gives what was found in it after its octets.
fn found(log: &mut WireLog, direction: Direction, chop: &[u8]) -> Vec<Found> {
    let mut entries = log.chop(direction, chop);
    if !chop.is_empty() {
        let first = entries.next().expect("the octets of the chop");
        let What::Octets(octets) = first.what else { panic!("{first} before the octets") };
        assert_eq!((first.direction, octets.bytes()), (direction, chop));
    }
    let mut all = vec![];
    while let Some(entry) = entries.next() {
        assert!(!entry.to_string().contains(char::is_control), "{entry}");
        all.push(Found::new(&entry).expect("the octets come once"));
    }
    all
}

/// Logs a chop, and gives the lines of text.
fn lines(log: &mut WireLog, direction: Direction, chop: &[u8]) -> Vec<String> {
    let mut entries = log.chop(direction, chop);
    let mut lines = vec![];
    while let Some(entry) = entries.next() {
        lines.push(entry.to_string());
    }
    lines
}
