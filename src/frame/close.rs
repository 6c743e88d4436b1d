//! Close frames [RFC 6455 §5.5.1, §7.4]: codes and bodies.

use core::fmt;

use super::MAX_CONTROL_PAYLOAD;
use crate::slice;
use crate::utf8;

/// The longest reason of a close frame, in bytes: a control payload less the code.
pub const MAX_CLOSE_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

/// A status code that may stand in a close frame [RFC 6455 §7.4].
///
/// That is 1000 to 1003, 1007 to 1014 and 3000 to 4999. The codes 1005, 1006 and 1015, which only
/// say what happened to the receiver of none, are not values of this type.
///
/// ```
/// use sansocket::CloseCode;
///
/// assert_eq!(CloseCode::new(1000), Some(CloseCode::NORMAL));
/// assert_eq!(CloseCode::new(1005), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the endpoint goes away, as a server that stops or a page that is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: the endpoint cannot accept this type of data.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// 1007: the data do not fit the type of the message, as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: the message violates the endpoint's policy.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// 1009: the message is too big.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: the server did not negotiate an extension that the client needs.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: the endpoint met an unexpected condition.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// 1012: the service restarts.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: try again later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got an invalid response.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code of this number, `None` where no close frame may carry it.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The body of a close frame: nothing, or a code with a reason [RFC 6455 §5.5.1].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CloseFrame<'a> {
    code: Option<CloseCode>,
    reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    /// A close frame without a body.
    pub const EMPTY: CloseFrame<'static> = CloseFrame { code: None, reason: "" };

    /// A close frame with a code and a reason, which may be empty.
    #[must_use]
    pub const fn new(code: CloseCode, reason: &'a str) -> Self {
        Self { code: Some(code), reason }
    }

    /// The code; `None` of an empty body stands for what the RFC calls 1005.
    #[must_use]
    pub const fn code(&self) -> Option<CloseCode> {
        self.code
    }

    /// The reason, meant for people who look for a fault.
    #[must_use]
    pub const fn reason(&self) -> &'a str {
        self.reason
    }
}

impl CloseFrame<'_> {
    /// The payload on the wire, made in `bytes`; an error with the length of a reason that is too
    /// long.
    pub(crate) fn payload<'b>(
        &self,
        bytes: &'b mut [u8; MAX_CONTROL_PAYLOAD],
    ) -> Result<&'b [u8], usize> {
        let Some(code) = self.code else {
            return Ok(&[]);
        };
        let length = self.reason.len();
        let (head, reason) = bytes.split_at_mut(2);
        head.copy_from_slice(&code.get().to_be_bytes());
        let Some(slot) = reason.get_mut(..length) else {
            return Err(length);
        };
        for (slot, byte) in slot.iter_mut().zip(self.reason.bytes()) {
            *slot = byte;
        }
        Ok(slice::head(bytes, 2 + length))
    }

    /// Reads the payload of a received close frame.
    pub(crate) fn parse(payload: &[u8]) -> Result<CloseFrame<'_>, InvalidClose> {
        let (code, reason) = match payload {
            [] => return Ok(CloseFrame::EMPTY),
            [_] => return Err(InvalidClose::Length),
            [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        };
        let code = CloseCode::new(code).ok_or(InvalidClose::Code(code))?;
        let reason = utf8::whole(reason).map_err(|invalid| InvalidClose::Reason {
            // A control frame is shorter than 256 bytes.
            offset: u8::try_from(invalid.offset).unwrap_or(u8::MAX),
        })?;
        Ok(CloseFrame::new(code, reason))
    }
}

/// Why the payload of a close frame is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvalidClose {
    /// It is one byte.
    Length,
    /// No close frame may have this code.
    Code(u16),
    /// The reason is not UTF-8.
    Reason { offset: u8 },
}

impl<'a> From<(CloseCode, &'a str)> for CloseFrame<'a> {
    fn from((code, reason): (CloseCode, &'a str)) -> Self {
        Self::new(code, reason)
    }
}

impl From<CloseCode> for CloseFrame<'_> {
    fn from(code: CloseCode) -> Self {
        Self::new(code, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_the_wire_are_those_of_the_registry() {
        for code in 0..=u16::MAX {
            let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert_eq!(CloseCode::new(code).map(CloseCode::get), allowed.then_some(code));
        }
    }
}
