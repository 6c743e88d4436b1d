//! The works: what every contender is given to do, a row of the table each.

use std::fmt;
use std::sync::Arc;

use crate::payload::Payload;
use crate::random::Random;
use crate::wire;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How many bytes a read gives where nothing else is said.
pub const READ: usize = 64 * KIB;

/// The side of the contender.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Server,
    Client,
}

/// What is to be done with the messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Receive every message of the wire.
    Decode,
    /// Receive every message of the wire, and send each back.
    Echo,
    /// Send every message.
    Send,
}

/// What the messages say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Ascii,
    Mixed,
    Json,
    Binary,
}

/// What permessage-deflate lets a message refer to, with windows of 32 KiB.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Deflate {
    /// The messages before it.
    Takeover,
    /// Only itself, as `no_context_takeover` was agreed on for both sides.
    Alone,
}

/// A row of the table.
#[derive(Clone, Copy)]
pub struct Row {
    pub side: Side,
    pub task: Task,
    pub content: Content,
    /// The length of every message in bytes, before compression.
    pub length: usize,
    /// How many bytes a fragment has, if messages are fragmented.
    pub fragment: Option<usize>,
    /// How many bytes a read gives at most.
    pub read: usize,
    /// Whether messages are compressed.
    pub deflate: Option<Deflate>,
}

impl Row {
    const fn new(side: Side, task: Task, content: Content, length: usize) -> Self {
        Self { side, task, content, length, fragment: None, read: READ, deflate: None }
    }

    /// A row outside the table, to try what a contender refuses.
    pub const fn probe(side: Side, length: usize) -> Self {
        Self::new(side, Task::Decode, Content::Ascii, length)
    }

    pub fn is_text(&self) -> bool {
        self.content != Content::Binary
    }

    pub fn receives(&self) -> bool {
        matches!(self.task, Task::Decode | Task::Echo)
    }

    pub fn sends(&self) -> bool {
        self.task != Task::Decode
    }

    /// How many different messages there are: as many as stay in a cache, if it is more than one.
    fn messages(&self) -> usize {
        match self.task {
            _ if self.read == 1 => 256,
            _ if self.deflate.is_some() => (256 * KIB / self.length).max(4),
            Task::Decode | Task::Echo => (512 * KIB / self.length).clamp(1, 4096),
            // A payload is sent again and again from the same place.
            Task::Send => 1,
        }
    }

    /// How often a pass goes through the messages.
    fn times(&self) -> usize {
        match self.task {
            // Long payloads may not be copied at all.
            Task::Send if self.deflate.is_none() => (512 * KIB / self.length).clamp(256, 1024),
            _ => 1,
        }
    }
}

/// The name of the row, which `--work` looks into.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.side {
            Side::Server => "server ",
            Side::Client => "client ",
        })?;
        f.write_str(match self.task {
            Task::Decode => "decode ",
            Task::Echo => "echo ",
            Task::Send => "send ",
        })?;
        f.write_str(match self.deflate {
            None => "",
            Some(Deflate::Takeover) => "compressed ",
            Some(Deflate::Alone) => "singly compressed ",
        })?;
        f.write_str(match self.content {
            Content::Ascii => "text ",
            Content::Mixed => "mixed text ",
            Content::Json => "JSON ",
            Content::Binary => "binary ",
        })?;
        f.write_str(&size(self.length))?;
        if let Some(fragment) = self.fragment {
            write!(f, " in fragments of {}", size(fragment))?;
        }
        if self.read != READ {
            write!(f, " in reads of {}", size(self.read))?;
        }
        Ok(())
    }
}

fn size(bytes: usize) -> String {
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else if bytes >= KIB && bytes.is_multiple_of(KIB) {
        format!("{} KiB", bytes / KIB)
    } else {
        format!("{bytes} B")
    }
}

/// All rows, in the order of the table.
pub fn rows() -> Vec<Row> {
    use Content::{Ascii, Binary, Json, Mixed};
    use Deflate::{Alone, Takeover};
    use Side::{Client, Server};
    use Task::{Decode, Echo, Send};

    let mut rows = Vec::new();
    for side in [Server, Client] {
        let row = |task, content, length| Row::new(side, task, content, length);
        rows.extend([
            row(Decode, Ascii, 16),
            row(Decode, Ascii, 125),
            row(Decode, Ascii, KIB),
            row(Decode, Ascii, 64 * KIB),
            row(Decode, Mixed, 64 * KIB),
            row(Decode, Binary, 64 * KIB),
            row(Decode, Binary, MIB),
            row(Decode, Binary, 16 * MIB),
            Row { fragment: Some(KIB), ..row(Decode, Binary, MIB) },
            Row { read: 1, ..row(Decode, Ascii, 125) },
            Row { read: 1460, ..row(Decode, Ascii, 125) },
            Row { deflate: Some(Takeover), ..row(Decode, Json, KIB) },
            Row { deflate: Some(Takeover), ..row(Decode, Json, 64 * KIB) },
            Row { deflate: Some(Alone), ..row(Decode, Json, KIB) },
            Row { deflate: Some(Alone), ..row(Decode, Json, 64 * KIB) },
        ]);
        if side == Server {
            rows.push(row(Echo, Ascii, 125));
        }
        rows.extend([row(Send, Ascii, 125), row(Send, Binary, 64 * KIB)]);
        if side == Server {
            rows.push(row(Send, Binary, MIB));
        }
        rows.extend([
            Row { deflate: Some(Takeover), ..row(Send, Json, KIB) },
            Row { deflate: Some(Takeover), ..row(Send, Json, 64 * KIB) },
            Row { deflate: Some(Alone), ..row(Send, Json, KIB) },
            Row { deflate: Some(Alone), ..row(Send, Json, 64 * KIB) },
        ]);
    }
    rows
}

/// A row with its messages.
pub struct Work {
    pub row: Row,
    pub payloads: Vec<Payload>,
    /// How often a pass goes through the messages.
    pub times: usize,
    /// The messages as frames of the other side; nothing for a row that only sends.
    pub wire: Arc<[u8]>,
}

impl Work {
    pub fn new(row: Row) -> Self {
        // The same messages whichever other rows are run.
        let random = &mut Random::new(row.length as u64);
        let payloads: Vec<_> = (0..row.messages())
            .map(|_| match row.content {
                Content::Ascii => Payload::ascii(row.length, random),
                Content::Mixed => Payload::mixed(row.length, random),
                Content::Json => Payload::json(row.length, random),
                Content::Binary => Payload::binary(row.length, random),
            })
            .collect();
        let wire = if row.receives() { encode(&row, &payloads, random) } else { [].into() };
        Self { row, payloads, times: row.times(), wire }
    }

    /// How many messages a pass handles.
    pub fn count(&self) -> usize {
        self.payloads.len() * self.times
    }
}

fn encode(row: &Row, payloads: &[Payload], random: &mut Random) -> Arc<[u8]> {
    let mut wire = Vec::new();
    let mut deflater = row.deflate.map(wire::Deflater::new);
    for payload in payloads {
        let keys = (row.side == Side::Server).then_some(&mut *random);
        let fragment = row.fragment.unwrap_or(usize::MAX);
        wire::encode_message(&mut wire, payload, fragment, deflater.as_mut(), keys);
    }
    wire.into()
}
