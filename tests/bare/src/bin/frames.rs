//! Frames alone: reads a header, unmasks the payload, and writes the frame back.
#![no_std]
#![no_main]

use bare::{N, Output, read, write};
use sansocket::Buffer;
use sansocket::frame::FrameHeader;

/// The linker's default entry point: what this reaches has to be linked.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    let mut out = Output::new();
    let mut buffer = [0; N];
    loop {
        let length = read(&mut buffer).min(N);
        let bytes = buffer.get_mut(..length).unwrap_or_default();
        if let Ok(Some((header, consumed))) = FrameHeader::parse(bytes) {
            let payload = bytes.get_mut(consumed..).unwrap_or_default();
            out.append(header.encode().as_ref());
            match header.mask {
                Some(key) => {
                    key.apply(payload);
                    out.append_masked(payload, key);
                }
                None => out.append(payload),
            }
        }
        write(&mut out);
    }
}
