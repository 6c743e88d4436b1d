//! What happened in a run, in a form that can be kept and compared.

use sansocket::{
    CloseReport, Endpoint, Error, Event, Message, MessageKind, State, TransportAction,
};

/// An event without its borrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Request(String),
    Http(String),
    Open(String),
    Refused(String),
    /// A part of the body of a refusal; the parts are joined.
    Body(Vec<u8>),
    Message(MessageKind, Vec<u8>),
    /// A part of a frame; parts of the same frame are joined.
    Piece {
        kind: MessageKind,
        data: Vec<u8>,
        start: bool,
        frame_end: bool,
        message_end: bool,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

impl Seen {
    fn new(event: &Event<'_>) -> Self {
        match event {
            Event::Request(head) => Self::Request(format!("{head:?}")),
            Event::Http(head) => Self::Http(format!("{head:?}")),
            Event::Open(head) => Self::Open(format!("{head:?}")),
            Event::Refused(head) => Self::Refused(format!("{head:?}")),
            Event::Body(piece) => {
                assert!(!piece.is_empty(), "a piece of a body that contains nothing");
                Self::Body(piece.to_vec())
            }
            Event::Message(message) => {
                if let Message::Text(text) = message {
                    assert!(core::str::from_utf8(text.as_bytes()).is_ok(), "text is not UTF-8");
                }
                Self::Message(message.kind(), message.as_bytes().to_vec())
            }
            Event::Piece(piece) => {
                assert!(piece.frame_end || !piece.message_end, "{piece:?}");
                let marked = piece.start || piece.frame_end || piece.message_end;
                assert!(marked || !piece.data.is_empty(), "a piece that says nothing");
                Self::Piece {
                    kind: piece.kind,
                    data: piece.data.to_vec(),
                    start: piece.start,
                    frame_end: piece.frame_end,
                    message_end: piece.message_end,
                }
            }
            Event::Ping(payload) => Self::Ping(payload.to_vec()),
            Event::Pong(payload) => Self::Pong(payload.to_vec()),
            Event::Close(frame) => {
                Self::Close(frame.code().map(|code| code.get()), frame.reason().to_owned())
            }
            other => panic!("an event that the fuzzer does not know: {other:?}"),
        }
    }
}

/// A report without its borrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The close frames that were sent and received, as code and reason.
    frames: [Option<(Option<u16>, String)>; 2],
    ends: [Option<Endpoint>; 2],
    failure: Option<Error>,
    was_clean: bool,
}

impl Report {
    #[must_use]
    pub fn new(report: &CloseReport<'_>) -> Self {
        let frames = [report.sent, report.received].map(|frame| {
            frame.map(|frame| (frame.code().map(|code| code.get()), frame.reason().to_owned()))
        });
        let ends = [report.closed_first, report.dropped_by];
        assert_eq!(ends[0].is_some(), report.sent.is_some() || report.received.is_some());
        Self { frames, ends, failure: report.failure, was_clean: report.was_clean() }
    }
}

/// All that a caller can see of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The events in order.
    pub seen: Vec<Seen>,
    /// How many events there were, before parts of a frame were joined.
    pub events: usize,
    /// How many bytes were consumed; not told of a connection that has failed.
    pub consumed: Option<usize>,
    /// The failure.
    pub error: Option<Error>,
    /// All that was sent.
    pub sent: Vec<u8>,
    /// Where it stood before the end of the stream, and after it.
    pub end: Vec<(State, TransportAction, Report)>,
}

impl Record {
    /// Adds an event; one that goes on with a frame or a body is joined with what came before it.
    pub fn push(&mut self, event: &Event<'_>) {
        self.events += 1;
        let seen = Seen::new(event);
        if let (Seen::Body(piece), Some(Seen::Body(body))) = (&seen, self.seen.last_mut()) {
            body.extend_from_slice(piece);
            return;
        }
        if let Seen::Piece { data, start: false, frame_end, message_end, kind } = &seen
            && let Some(Seen::Piece {
                kind: first_kind,
                data: first,
                frame_end: end @ false,
                message_end: last,
                ..
            }) = self.seen.last_mut()
        {
            assert_eq!(kind, first_kind, "the kind changes inside a frame");
            first.extend_from_slice(data);
            (*end, *last) = (*frame_end, *message_end);
            return;
        }
        self.seen.push(seen);
    }

    /// The same without the number of pieces, which depends on the chop.
    #[must_use]
    pub fn without_count(mut self) -> Self {
        self.events = 0;
        self
    }
}
