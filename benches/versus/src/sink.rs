//! Where received messages go: into a tally while time is measured, into a comparison with what
//! was to be received before that.

use std::hint::black_box;

use crate::payload::Payload;

/// Takes the messages that a contender has received.
pub trait Sink {
    fn message(&mut self, text: bool, payload: &[u8]);
}

/// How many messages there were, and a checksum that costs next to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    count: usize,
    sum: usize,
}

impl Tally {
    pub fn of(payloads: &[Payload]) -> Self {
        let mut tally = Self::default();
        for payload in payloads {
            tally.message(payload.is_text(), payload.bytes());
        }
        tally
    }
}

impl Sink for Tally {
    #[inline]
    fn message(&mut self, text: bool, payload: &[u8]) {
        let payload = black_box(payload);
        let last = payload.last().copied().unwrap_or(0);
        self.count += 1;
        self.sum += payload.len() + usize::from(last) + usize::from(text);
    }
}

/// Compares every message with the one that was to be received.
pub struct Comparison<'w> {
    expected: &'w [Payload],
    count: usize,
    difference: Option<String>,
}

impl<'w> Comparison<'w> {
    pub fn with(expected: &'w [Payload]) -> Self {
        Self { expected, count: 0, difference: None }
    }

    pub fn result(self) -> Result<(), String> {
        match self.difference {
            Some(difference) => Err(difference),
            None if self.count < self.expected.len() => {
                Err(format!("{} messages instead of {}", self.count, self.expected.len()))
            }
            None => Ok(()),
        }
    }
}

impl Sink for Comparison<'_> {
    fn message(&mut self, text: bool, payload: &[u8]) {
        let index = self.count;
        self.count += 1;
        let expected = self.expected.get(index);
        if expected.is_none_or(|expected| expected.is_text() != text || expected.bytes() != payload)
        {
            self.difference.get_or_insert_with(|| {
                format!("message {index} of {} bytes is not the one expected", payload.len())
            });
        }
    }
}
