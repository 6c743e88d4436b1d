//! Faults in reading and writing frames [RFC 6455 §5.2, §5.3].

use super::hooks::{drops, on_chunk, on_frame_out, on_header, on_payload};
use super::inject::{Fate, Inject};
use super::parts::Header;
use super::places::{ECHOES, EVERYWHERE};
use super::{Fault, fault};
use crate::chop::Chop;

pub(super) fn faults() -> Vec<Fault> {
    let mut faults = Vec::from(headers());
    faults.extend(lengths());
    faults.extend(masks());
    faults.extend(chunks());
    faults
}

fn headers() -> [Fault; 4] {
    [
        fault(
            "accepts reserved bits",
            "Takes no notice of reserved bits that no extension has given a meaning.",
            &[&["3"]],
            || {
                on_header(|header| {
                    if !header.is_compressed {
                        header.rsv = 0;
                    }
                })
            },
        ),
        fault(
            "ignores reserved data opcodes",
            "Skips frames with the opcodes 3 to 7.",
            &[&["4.1"]],
            || drops(|header| (3..8).contains(&header.opcode)),
        ),
        fault(
            "answers reserved control opcodes",
            "Takes frames with the opcodes 11 to 15 for pings.",
            &[&["4.2"]],
            || {
                on_header(|header| {
                    if header.opcode > 10 {
                        header.opcode = 9;
                    }
                })
            },
        ),
        fault("sets a reserved bit", "Sets RSV3 on every message that it sends.", ECHOES, || {
            on_frame_out(|mut frame, out| {
                frame.header.rsv |= u8::from(!frame.header.is_control());
                frame.write(out);
            })
        }),
    ]
}

fn lengths() -> [Fault; 4] {
    [
        fault(
            "reads lengths from the wrong end",
            "Takes the 16 bit form of a length to be little-endian.",
            &[&["1.1", "1.2", "9.7", "9.8", "10.1", "12", "13"]],
            || {
                on_header(|header| {
                    if let Ok(length @ 126..) = u16::try_from(header.length) {
                        header.length = length.swap_bytes().into();
                    }
                })
            },
        ),
        fault(
            "reads 16 bits of 64",
            "Takes only the last 16 bits of the 64 bit form of a length.",
            &[&["1.1.7", "1.1.8", "1.2.7", "1.2.8", "9.1", "9.2"]],
            || on_header(|header| header.length &= 0xFFFF),
        ),
        fault(
            "writes 126 and 127 in one octet",
            "Takes the short form of a length to reach to 127.",
            &[&["1.1.3", "1.1.4", "1.2.3", "1.2.4"]],
            || {
                on_frame_out(|frame, out| {
                    let start = out.len();
                    frame.write(out);
                    if let Ok(length @ 126..=127) = u8::try_from(frame.header.length) {
                        out[start + 1] ^= 126 ^ length;
                        out.drain(start + 2..start + 4);
                    }
                })
            },
        ),
        fault(
            "writes lengths of 16 bits in 64",
            "Sends lengths from 126 to 65,535 in the 64 bit form.",
            &[&["1.1", "1.2", "9.7", "9.8", "12", "13"]],
            || {
                on_frame_out(|frame, out| {
                    let start = out.len();
                    frame.write(out);
                    if let 126..=0xFFFF = frame.header.length {
                        out[start + 1] |= 1;
                        out.splice(start + 2..start + 2, [0; 6]);
                    }
                })
            },
        ),
    ]
}

fn masks() -> [Fault; 3] {
    [
        fault("masks as a server", "Masks what it sends to a client.", &[EVERYWHERE], || {
            on_frame_out(|mut frame, out| {
                frame.header.key = Some([1, 2, 3, 4]);
                frame.write(out);
            })
        })
        .of_servers(),
        fault(
            "does not mask as a client",
            "Masks nothing of what it sends.",
            &[EVERYWHERE],
            || {
                on_frame_out(|mut frame, out| {
                    frame.header.key = None;
                    frame.write(out);
                })
            },
        )
        .of_clients(),
        fault(
            "loses its place in the masking key",
            "Begins with the first octet of the masking key again in every chunk.",
            &[&["1", "2", "3", "4", "5", "6", "7", "9"]],
            || {
                on_payload(|header, at, octets| {
                    if let Some(key) = header.key {
                        crate::wire::mask(octets, key, at);
                        crate::wire::mask(octets, key, 0);
                    }
                })
            },
        )
        .of_servers()
        .only_at(&[Chop::Case, Chop::Size(1)]),
    ]
}

fn chunks() -> [Fault; 4] {
    /// Takes no more than one frame from a chunk.
    #[derive(Default)]
    struct OneAtATime {
        has_one: bool,
    }
    impl Inject for OneAtATime {
        fn header_in(&mut self, _: &mut Header) -> Fate {
            if std::mem::replace(&mut self.has_one, true) { Fate::Dropped } else { Fate::Passes }
        }

        fn chunk_in(&mut self, _: &mut Vec<u8>) {
            self.has_one = false;
        }
    }
    [
        fault(
            "takes only so much at a time",
            "Loses what is behind the first 4096 octets of a chunk.",
            &[&["1.1", "1.2", "9.1", "9.2", "9.7.6", "9.8.6", "10.1", "12.2", "12.5"]],
            || on_chunk(|chunk| chunk.truncate(4096)),
        ),
        fault(
            "takes one frame at a time",
            "Loses the frames behind the first one of a chunk.",
            &[&["2", "3", "4", "5", "6.1", "6.2", "6.3", "7.1.5", "10.1"]],
            || Box::new(OneAtATime::default()),
        )
        .only_at(&[Chop::Case, Chop::Whole]),
        fault(
            "loses an octet at a cut",
            "Loses the last octet of a chunk that ends inside of a payload.",
            &[&["1", "2", "3", "4", "5", "6", "7", "9"]],
            || {
                on_payload(|header, at, octets| {
                    if at + octets.len() < header.length {
                        octets.pop();
                    }
                })
            },
        ),
        fault(
            "loses what is behind the response",
            "Loses the frames that come in the same chunk as the response to its request.",
            &[EVERYWHERE],
            || {
                let mut is_open = false;
                let mut head = vec![];
                on_chunk(move |chunk| {
                    if !is_open {
                        let before = head.len();
                        head.extend_from_slice(chunk);
                        let end = head.windows(4).position(|octets| octets == b"\r\n\r\n");
                        if let Some(end) = end {
                            is_open = true;
                            chunk.truncate(end + 4 - before);
                        }
                    }
                })
            },
        )
        .of_clients()
        .only_at(&[Chop::Whole]),
    ]
}
