//! What each contender refuses: a peer that checks less has less to do.
//!
//! It is not believed but tried, with a frame that breaks one rule and a good one behind it.

use std::sync::Arc;

use crate::contenders::Contender;
use crate::payload::Payload;
use crate::wire;
use crate::works::{Row, Side, Work};

/// A rule of RFC 6455 that a frame can break.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Reserved bits are zero [§5.2].
    ReservedBits,
    /// Opcodes are known [§5.2].
    Opcode,
    /// Clients mask, and servers do not [§5.1].
    MaskDirection,
    /// Texts are UTF-8 [§8.1].
    Utf8,
}

impl Check {
    const ALL: [Self; 4] = [Self::ReservedBits, Self::Opcode, Self::MaskDirection, Self::Utf8];

    pub fn name(self) -> &'static str {
        match self {
            Self::ReservedBits => "reserved bits",
            Self::Opcode => "opcode",
            Self::MaskDirection => "mask direction",
            Self::Utf8 => "UTF-8",
        }
    }
}

/// The rules whose breach a contender does not notice on this side.
pub fn unchecked(contender: &Contender, side: Side) -> Vec<Check> {
    Check::ALL.into_iter().filter(|check| !refuses(contender, side, *check)).collect()
}

fn refuses(contender: &Contender, side: Side, check: Check) -> bool {
    const KEY: [u8; 4] = [0x11, 0x22, 0x33, 0x44];
    const TEXT: &str = "sixteen bytes it";

    let (right, wrong) = match side {
        Side::Server => (Some(KEY), None),
        Side::Client => (None, Some(KEY)),
    };
    let mut bytes = Vec::new();
    match check {
        Check::ReservedBits => wire::encode(&mut bytes, 0xA1, TEXT.as_bytes(), right),
        Check::Opcode => wire::encode(&mut bytes, 0x83, TEXT.as_bytes(), right),
        Check::MaskDirection => wire::encode(&mut bytes, 0x81, TEXT.as_bytes(), wrong),
        Check::Utf8 => wire::encode(&mut bytes, 0x81, b"sixteen bytes \xFF\xFE", right),
    }
    wire::encode(&mut bytes, 0x81, TEXT.as_bytes(), right);
    let work = Work {
        row: Row::probe(side, TEXT.len()),
        payloads: vec![Payload::Text(TEXT.to_owned())],
        times: 1,
        wire: bytes.into(),
    };
    // One that does not take the work is another build of one that does.
    (contender.enter)(&Arc::new(work)).is_none_or(|mut entrant| entrant.refuses())
}
