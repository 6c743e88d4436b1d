//! Words, numbers and payloads as the report shows them.

use std::time::Duration;

use crate::outcome;
use crate::play::Role;
use crate::subjects::Variant;

pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Server => "server",
        Role::Client => "client",
    }
}

pub(super) fn other_role(role: Role) -> Role {
    match role {
        Role::Server => Role::Client,
        Role::Client => Role::Server,
    }
}

pub(super) fn variant(variant: Variant) -> &'static str {
    match variant {
        Variant::HeapWhole => "heap, whole messages",
        Variant::HeapInputWhole => "heap, whole messages from an input",
        Variant::HeapInputStreaming => "heap, streaming from an input",
        Variant::HeapStreaming => "heap, streaming",
        Variant::FixedWhole => "fixed memory, whole messages",
        Variant::FixedStreaming => "fixed memory, streaming",
    }
}

pub(super) fn opcode(opcode: u8) -> String {
    match opcode {
        0 => "continuation".into(),
        1 => "text".into(),
        2 => "binary".into(),
        8 => "close".into(),
        9 => "ping".into(),
        10 => "pong".into(),
        reserved => format!("reserved {reserved}"),
    }
}

/// What a close code means [RFC 6455 §7.4.1, and IANA's registry].
pub(super) fn close_code(code: u16) -> &'static str {
    match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1005 => "no code, must not be sent",
        1006 => "abnormal closure, must not be sent",
        1007 => "invalid payload",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "mandatory extension",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "TLS failure, must not be sent",
        3000..=3999 => "registered",
        4000..=4999 => "private use",
        _ => "not allowed",
    }
}

/// Seconds to the millisecond.
pub(super) fn seconds(time: Duration) -> String {
    format!("{}.{:03} s", time.as_secs(), time.subsec_millis())
}

/// A number, its digits in groups of three.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// "1 octet", "2 octets".
pub(super) fn count(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}

/// The start of something of this length, in hexadecimal digits.
pub(super) fn hex(start: &[u8], length: u64) -> String {
    let more = if length > start.len() as u64 { " …" } else { "" };
    format!("{}{more}", outcome::hex(start))
}

/// The start of a payload of this length as text, if it is text.
pub(super) fn utf8(start: &[u8], length: u64) -> Option<&str> {
    match str::from_utf8(start) {
        Ok(text) => Some(text),
        // A character that was cut in two.
        Err(error) if error.error_len().is_none() && length > start.len() as u64 => {
            str::from_utf8(&start[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

/// The start of a payload of this length: in quotes where it is text, otherwise in hexadecimal
/// digits.
pub(super) fn payload(start: &[u8], length: u64) -> String {
    let more = if length > start.len() as u64 { " …" } else { "" };
    match utf8(start, length) {
        Some(text) => format!("{text:?}{more}"),
        None => format!("0x{}", hex(start, length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let grouped = [0, 999, 1000, 65_536, 1_000_000].map(number);
        assert_eq!(grouped, ["0", "999", "1,000", "65,536", "1,000,000"]);
        assert_eq!(count(1, "octet"), "1 octet");
        assert_eq!(count(1000, "octet"), "1,000 octets");
    }

    #[test]
    fn payloads_are_text_or_hexadecimal() {
        assert_eq!(payload(b"a\"b", 3), r#""a\"b""#);
        assert_eq!(payload(b"ab", 3), r#""ab" …"#);
        assert_eq!(payload(b"a\xC3", 3), r#""a" …"#);
        assert_eq!(payload(b"a\xC3", 2), "0x61c3");
        assert_eq!(payload(b"\xFF", 2), "0xff …");
    }
}
