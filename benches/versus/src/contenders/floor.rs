//! The floor: the least that any library has to do to hand over contiguous, valid messages.
//!
//! The payloads are copied from the wire to one place, up to 64 KiB at a time as a socket's reads
//! would be, unmasked there if they come from a client, and as texts validated by simdutf8. Where
//! each of them stands is known beforehand.

use std::sync::Arc;

use crate::entrant::{self, Driver, Entrant, Outcome};
use crate::sink::Sink;
use crate::transport::Pipe;
use crate::wire;
use crate::works::{READ, Task, Work};

pub(super) fn enter(work: &Arc<Work>) -> Option<Box<dyn Entrant>> {
    entrant::enter::<Floor>(work)
}

struct Floor {
    wire: Arc<[u8]>,
    frames: Vec<Place>,
    text: bool,
    message: Vec<u8>,
}

/// Where the payload of a frame is.
struct Place {
    start: usize,
    length: usize,
    key: Option<[u8; 4]>,
    /// Whether it ends a message.
    fin: bool,
}

impl Driver for Floor {
    fn new(work: &Work, _: Pipe) -> Option<Self> {
        if work.row.task != Task::Decode || work.row.deflate.is_some() || work.row.read != READ {
            return None;
        }
        let mut rest = &work.wire[..];
        let mut frames = Vec::new();
        while let Some(frame) = wire::decode(&mut rest) {
            let length = frame.payload.len();
            let start = work.wire.len() - rest.len() - length;
            frames.push(Place { start, length, key: frame.key, fin: frame.is_last() });
        }
        let message = vec![0; work.row.length];
        Some(Self { wire: Arc::clone(&work.wire), frames, text: work.row.is_text(), message })
    }

    fn receive(&mut self, _: usize, sink: &mut impl Sink) -> Outcome {
        let mut end = 0;
        for frame in &self.frames {
            let payload = &self.wire[frame.start..frame.start + frame.length];
            for part in payload.chunks(READ) {
                let target = &mut self.message[end..end + part.len()];
                target.copy_from_slice(part);
                if let Some(key) = frame.key {
                    unmask(target, key);
                }
                end += part.len();
            }
            if frame.fin {
                let message = &self.message[..end];
                if self.text {
                    simdutf8::basic::from_utf8(message)?;
                }
                sink.message(self.text, message);
                end = 0;
            }
        }
        Ok(())
    }

    fn echo(&mut self, _: usize, _: &mut impl Sink) -> Outcome {
        unreachable!("no such work is taken")
    }

    fn send(&mut self, _: usize) -> Outcome {
        unreachable!("no such work is taken")
    }
}

/// Blocks in this shape become the vector instructions of the target.
fn unmask(payload: &mut [u8], key: [u8; 4]) {
    let (blocks, rest) = payload.as_chunks_mut::<32>();
    for block in blocks {
        for word in block.as_chunks_mut::<4>().0 {
            *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
        }
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}
