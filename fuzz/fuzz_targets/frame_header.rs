//! The header codec: what parses is encoded to the same bytes, and a prefix is either unfinished
//! or gives the verdict of the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sansocket::frame::FrameHeader;

fuzz_target!(|bytes: &[u8]| {
    let whole = FrameHeader::parse(bytes);
    if let Ok(Some((header, length))) = whole {
        assert_eq!(header.encode().as_ref(), &bytes[..length]);
        assert_eq!(FrameHeader::encoded_len(header.payload_len, header.mask.is_some()), length);
    }
    for end in 0..bytes.len().min(FrameHeader::MAX_LEN) {
        let prefix = FrameHeader::parse(&bytes[..end]);
        assert!(prefix == Ok(None) || prefix == whole, "{prefix:?} of {end} bytes, {whole:?}");
    }
});
