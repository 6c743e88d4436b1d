//! Messages to compress, the same in every run.

use core::fmt::Write;

/// A small generator of numbers (xorshift64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as usize % limit
    }

    pub(crate) fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

const WORDS: &str = "the build is green again who broke main deploy to staging please review my \
    branch when you have time thanks see you tomorrow looks good to me merge it lunch at noon \
    server restarted after update disk almost full on node seven checking now";
const NAMES: [&str; 8] = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];
const STATES: [&str; 5] = ["ok", "ok", "ok", "low-battery", "offline"];

/// Chat messages and readings of sensors, of about 180 bytes each.
pub(crate) fn json() -> Vec<Vec<u8>> {
    let mut random = Random::new(1);
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut time: u64 = 1_760_000_000_000;
    let message = |id: usize| {
        time += random.below(30_000) as u64;
        let mut text = String::new();
        if random.below(2) == 0 {
            let (room, user) = (random.below(8), random.below(8));
            let (name, edited) = (NAMES[user], random.below(9) == 0);
            let count = 4 + random.below(14);
            let said: Vec<_> = (0..count).map(|_| random.pick(&words)).collect();
            let said = said.join(" ");
            write!(
                text,
                r#"{{"type":"message","id":{id},"channel":"room-{room}","user":{{"id":{user},"name":"{name}"}},"text":"{said}","sent_at":{time},"edited":{edited}}}"#
            )
        } else {
            let (device, state) = (random.below(64), random.pick(&STATES));
            let (t, h) = (1500 + random.below(1200), 300 + random.below(400));
            let (p, b) = (99_000 + random.below(4000), random.below(101));
            write!(
                text,
                r#"{{"type":"telemetry","device":"sensor-{device:04}","seq":{id},"time":{time},"values":{{"temperature":{}.{:02},"humidity":{}.{},"pressure":{}.{:02},"battery":{b}}},"status":"{state}"}}"#,
                t / 100, t % 100, h / 10, h % 10, p / 100, p % 100,
            )
        }
        .expect("a string takes everything");
        text.into_bytes()
    };
    (48_211..48_811).map(message).collect()
}

/// English prose of this repository, a message for each 1,500 bytes.
pub(crate) fn text() -> Vec<Vec<u8>> {
    let prose = [
        include_str!("../../LICENSE-APACHE"),
        include_str!("../../README.md"),
        include_str!("../interop/README.md"),
        include_str!("../../src/lib.rs"),
        include_str!("../../src/config.rs"),
    ];
    prose.concat().as_bytes().chunks(1500).map(<[u8]>::to_vec).collect()
}

/// Records of counters, times and readings, little-endian, of about 190 bytes each.
pub(crate) fn binary() -> Vec<Vec<u8>> {
    let mut random = Random::new(2);
    let mut time: u64 = 1_760_000_000_000_000;
    let mut readings = [20.5_f32, 101.3, 0.02, 9.81, 3.3, -40.25];
    let message = |sequence: u32| {
        let count = 4 + random.below(8) as u16;
        let mut record = b"TLM1".to_vec();
        record.extend(sequence.to_le_bytes());
        record.extend(count.to_le_bytes());
        for _ in 0..count {
            let sensor = random.below(readings.len());
            time += 1000 + random.below(20) as u64;
            readings[sensor] += (random.below(21) as f32 - 10.0) / 64.0;
            record.extend(time.to_le_bytes());
            record.extend((sensor as u16).to_le_bytes());
            record.extend(0x0100_u16.to_le_bytes());
            record.extend(readings[sensor].to_le_bytes());
            record.extend((random.below(3) as u32).to_le_bytes());
            record.extend([0; 4]);
        }
        record
    };
    (0..600).map(message).collect()
}

/// Bytes that are hard on an encoder in one way or another: noise, runs, short and long periods
/// with and without faults, text, and copies from about a window back.
pub(crate) fn mixed(seed: u64, length: usize, window: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut data = Vec::with_capacity(length);
    while data.len() < length {
        let longest = if random.below(8) == 0 { 2 * window } else { 300 };
        let count = 1 + random.below(longest);
        match random.below(7) {
            0 => data.extend(random.bytes(count)),
            1 => data.resize(data.len() + count, random.below(256) as u8),
            2 => data.extend((0..count).map(|_| b'a' + random.below(3) as u8)),
            3 => {
                let period = 1 + random.below(40);
                let pattern = random.bytes(period);
                data.extend(pattern.iter().cycle().take(count));
            }
            4 => data.extend(WORDS.bytes().cycle().skip(random.below(200)).take(count)),
            5 => {
                let faults = 4 + random.below(60);
                data.extend((0..count).map(|_| u8::from(random.below(faults) == 0)));
            }
            _ => {
                // Exactly a window back, or a few bytes more or less.
                let back = window + random.below(5) - 2;
                if let Some(start) = data.len().checked_sub(back) {
                    (start..start + count).for_each(|index| data.push(data[index]));
                }
            }
        }
    }
    data.truncate(length);
    data
}
