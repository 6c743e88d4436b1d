//! What the messages say.

use crate::random::Random;

/// A message's payload.
#[derive(Clone, PartialEq, Eq)]
pub enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

impl Payload {
    /// Printable ASCII.
    pub fn ascii(length: usize, random: &mut Random) -> Self {
        Self::Text((0..length).map(|_| char::from(b' ' + random.below(95) as u8)).collect())
    }

    /// Words of four scripts and some emoji, with characters of one to four bytes.
    pub fn mixed(length: usize, random: &mut Random) -> Self {
        const WORDS: [&str; 10] = [
            "sea ",
            "harbour, ",
            "naïve ",
            "größer ",
            "море ",
            "корабль ",
            "海 ",
            "港口。",
            "🌊 ",
            "⚓ ",
        ];
        let mut text = String::new();
        while text.len() < length {
            text.push_str(WORDS[random.below(WORDS.len())]);
        }
        let end = text.floor_char_boundary(length);
        text.truncate(end);
        // Filled up, so that every message is as long as the work says.
        text.extend(std::iter::repeat_n('.', length - end));
        Self::Text(text)
    }

    pub fn binary(length: usize, random: &mut Random) -> Self {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&random.next().to_le_bytes());
        }
        bytes.truncate(length);
        Self::Binary(bytes)
    }

    /// A JSON document of about so many bytes: records of the same shape with different values.
    pub fn json(length: usize, random: &mut Random) -> Self {
        const STATES: [&str; 4] = ["moored", "under way", "at anchor", "aground"];
        let mut text = String::from("[");
        while text.len() < length {
            text.push_str(&format!(
                r#"{{"vessel":{},"state":"{}","speed":{}.{},"at":[{}.{:04},{}.{:04}]}},"#,
                200_000_000 + random.below(600_000_000),
                STATES[random.below(STATES.len())],
                random.below(30),
                random.below(10),
                random.below(90),
                random.below(10_000),
                random.below(180),
                random.below(10_000),
            ));
        }
        text.truncate(length - 1);
        text.push(']');
        Self::Text(text)
    }

    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}
