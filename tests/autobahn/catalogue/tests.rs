//! What the catalogue promises: all cases in order, and each with what a naive implementation
//! sends back.

use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::case::{Event, Expected, Frame, Kind, Octets, Step};
use crate::payload::Payload;

#[test]
fn all_cases_are_there() {
    let mut sections: BTreeMap<u8, usize> = BTreeMap::new();
    for case in cases() {
        *sections.entry(case.id.0).or_default() += 1;
    }
    let expected = [
        (1, 16),
        (2, 11),
        (3, 7),
        (4, 10),
        (5, 20),
        (6, 145),
        (7, 37),
        (9, 54),
        (10, 1),
        (12, 90),
        (13, 126),
    ];
    assert_eq!(Vec::from_iter(sections), expected);
    assert_eq!(cases().len(), 517);
}

#[test]
fn ids_are_in_order_and_without_gaps() {
    let ids: Vec<Id> = cases().iter().map(|case| case.id).collect();
    assert!(ids.is_sorted_by(|before, after| before < after));
    for (before, after) in ids.iter().zip(&ids[1..]) {
        if (before.0, before.1) == (after.0, after.1) {
            assert_eq!(before.2.map(|third| third + 1), after.2);
        }
    }
}

#[test]
fn subsections_of_utf8_have_their_sequences() {
    let mut counts = [(0, 0); 19];
    for case in cases().iter().filter(|case| case.id.0 == 6 && case.id.1 >= sequences::FIRST) {
        let (valid, invalid) = &mut counts[usize::from(case.id.1 - sequences::FIRST)];
        *(if case.closing.by_fuzzer { valid } else { invalid }) += 1;
    }
    let valid_and_invalid = [
        (5, 0),
        (5, 6),
        (4, 0),
        (0, 2),
        (4, 0),
        (0, 3),
        (4, 1),
        (0, 8),
        (0, 5),
        (0, 10),
        (0, 1),
        (0, 3),
        (0, 5),
        (0, 5),
        (0, 5),
        (0, 7),
        (0, 8),
        (34, 0),
        (7, 0),
    ];
    assert_eq!(counts, valid_and_invalid);
}

#[test]
fn cases_are_described_and_named() {
    for case in cases() {
        for text in [&case.description, &case.expectation] {
            assert!(text.ends_with(['.', '!']), "{}: {text}", case.id);
        }
        assert_ne!(section_name(case.id), "Other", "{}", case.id);
        assert_eq!(subsection_name(case.id).is_some(), case.id.2.is_some(), "{}", case.id);
    }
}

/// No two cases of a subsection do the same, or say that they do.
#[test]
fn cases_differ() {
    let mut seen = HashSet::new();
    for case in cases() {
        let subsection = (case.id.0, case.id.2.map(|_| case.id.1));
        let script = format!("{:?}", case.script);
        assert!(seen.insert((subsection, script)), "{} repeats a script", case.id);
        let description = case.description.clone();
        assert!(seen.insert((subsection, description)), "{} repeats a description", case.id);
    }
}

#[test]
fn only_the_fuzzing_peer_closes_when_it_has_seen_what_it_wants() {
    for case in cases() {
        if let Expected::Events { ok, then_close: true, .. } = &case.expected {
            assert!(!ok.is_empty() && case.closing.by_fuzzer, "{}", case.id);
        }
    }
}

#[test]
fn compression_is_negotiated_where_it_is_the_subject() {
    for case in cases() {
        let counts = case.compression.map(|it| (it.offers.len(), it.answers.len()));
        let expected = match case.id {
            Id(13, 7, _) => Some((3, 3)),
            Id(12 | 13, ..) => Some((1, 1)),
            _ => None,
        };
        assert_eq!(counts, expected, "{}", case.id);
    }
}

/// What is expected is what a naive implementation sends back, and the fuzzing peer closes exactly
/// where that has nothing to object to.
#[test]
fn expectations_follow_from_the_scripts() {
    for case in cases() {
        let ok = match &case.expected {
            Expected::Events { ok, .. } | Expected::Informational { ok, .. } => ok,
            Expected::Echoes => continue,
        };
        let mut echo = NaiveEcho::default();
        let violation = case.script.iter().find_map(|step| echo.take(step).err());
        let own = match violation {
            Some(Stop::Violation(code)) => Some(code),
            Some(Stop::Closed) | None => None,
        };
        assert_eq!(plain(&echo.events), plain(ok), "{}", case.id);
        assert_eq!(own.is_none(), case.closing.by_fuzzer, "{}", case.id);
        if let Some(code) = own {
            assert_eq!(case.closing.codes, [code], "{}", case.id);
        }
    }
}

/// Why nothing that follows is looked at.
#[derive(Debug)]
enum Stop {
    Violation(u16),
    Closed,
}

/// An echo that keeps all it gets and understands no extension.
#[derive(Default)]
struct NaiveEcho {
    events: Vec<Event>,
    /// The message that is not complete.
    message: Option<(Kind, Vec<u8>)>,
    /// Octets of an open frame.
    partial: Option<(u8, bool, usize, Vec<u8>)>,
}

impl NaiveEcho {
    fn take(&mut self, step: &Step) -> Result<(), Stop> {
        match step {
            Step::Frame(frame) => self.take_frame(frame),
            &Step::Octets(Octets::Header { opcode, fin, length }) => {
                self.partial = Some((opcode, fin, length, Vec::new()));
                Ok(())
            }
            Step::Octets(Octets::Payload(octets)) => self.take_piece(octets),
            Step::Message { kind, payload, .. } => {
                self.take_data(kind.opcode(), true, &payload.octets())
            }
            &Step::Wait { tag, .. } => {
                self.events.extend(tag.map(Event::Timeout));
                Ok(())
            }
            Step::Close(_) => Err(Stop::Closed),
            Step::CloseAfter(_) | Step::FailAfter(_) => Ok(()),
            Step::RoundTrips(_) => unreachable!("its cases expect no events"),
        }
    }

    fn take_frame(&mut self, frame: &Frame) -> Result<(), Stop> {
        let is_control = frame.opcode >= 8;
        if frame.rsv != 0
            || !matches!(frame.opcode, 0..=2 | 8..=10)
            || is_control && (!frame.fin || frame.payload.len() > 125)
        {
            return Err(Stop::Violation(1002));
        }
        match frame.opcode {
            8 => return Err(Stop::Closed),
            9 => self.events.push(Event::Pong(frame.payload.clone())),
            10 => {}
            opcode => return self.take_data(opcode, frame.fin, &frame.payload.octets()),
        }
        Ok(())
    }

    /// Takes the payload of an open frame as it comes, to see early what is wrong with it.
    fn take_piece(&mut self, octets: &[u8]) -> Result<(), Stop> {
        let (opcode, fin, length, mut payload) = self.partial.take().expect("a header came first");
        payload.extend_from_slice(octets);
        if payload.len() == length {
            return self.take_data(opcode, fin, &payload);
        }
        check(&payload, false)?;
        self.partial = Some((opcode, fin, length, payload));
        Ok(())
    }

    fn take_data(&mut self, opcode: u8, fin: bool, payload: &[u8]) -> Result<(), Stop> {
        let (kind, mut octets) = match (opcode, self.message.take()) {
            (0, Some(message)) => message,
            (1, None) => (Kind::Text, Vec::new()),
            (2, None) => (Kind::Binary, Vec::new()),
            _ => return Err(Stop::Violation(1002)),
        };
        octets.extend_from_slice(payload);
        if kind == Kind::Text {
            check(&octets, fin)?;
        }
        if fin {
            self.events.push(Event::Message(kind, Payload::Octets(octets)));
        } else {
            self.message = Some((kind, octets));
        }
        Ok(())
    }
}

/// Whether this is UTF-8, or its beginning if it is not all.
fn check(octets: &[u8], is_all: bool) -> Result<(), Stop> {
    match str::from_utf8(octets) {
        Err(error) if is_all || error.error_len().is_some() => Err(Stop::Violation(1007)),
        _ => Ok(()),
    }
}

/// Events to be compared, whichever way their payloads are written down.
fn plain(events: &[Event]) -> Vec<(Option<Kind>, Vec<u8>)> {
    let plain = |event: &Event| match event {
        Event::Message(kind, payload) => (Some(*kind), payload.octets().into_owned()),
        Event::Pong(payload) => (None, payload.octets().into_owned()),
        Event::Timeout(tag) => (None, format!("timeout {tag}").into_bytes()),
    };
    events.iter().map(plain).collect()
}
