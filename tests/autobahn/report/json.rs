//! The report as JSON, with the names and the layout of Autobahn|Testsuite's own.
//!
//! In a wire log, `NOTE` with seconds and a text stands for whatever the fuzzing peer does or meets
//! beside octets and frames.

use std::collections::BTreeMap;

use sansocket::wirelog::{self, Direction};
use serde_json::{Map, Value, json};

use crate::case::{Case, Event, Expected, Id, Kind};
use crate::outcome::{self, Outcome, Seen, Traffic};
use crate::play::Role;
use crate::suite::CaseResult;

use super::wire_log::{Chop, Frame, Row, WireLog};
use super::{AGENT, tables, text, with_underscores};

/// The file of a case.
pub(super) fn file_name(id: Id) -> String {
    format!("{AGENT}_case_{}.json", with_underscores(id))
}

/// The verdicts on all cases of a role.
pub(super) fn index(results: &[&CaseResult<'_>]) -> String {
    let cases: Map<String, Value> = results
        .iter()
        .map(|result| {
            let outcome = &result.outcome;
            let entry = json!({
                "behavior": outcome.behavior.to_string(),
                "behaviorClose": outcome.closing.to_string(),
                "duration": milliseconds(outcome),
                "remoteCloseCode": outcome.ending.remote_code,
                "reportfile": file_name(result.case.id),
            });
            (result.case.id.to_string(), entry)
        })
        .collect();
    pretty(&json!({ AGENT: cases }))
}

/// Everything about a case, which is the one of this number.
pub(super) fn case(result: &CaseResult<'_>, log: &WireLog, number: usize) -> String {
    let CaseResult { case, role, outcome, .. } = result;
    let ending = &outcome.ending;
    pretty(&json!({
        "agent": AGENT,
        "behavior": outcome.behavior.to_string(),
        "behaviorClose": outcome.closing.to_string(),
        "case": number,
        "closedByMe": ending.closed_by_me,
        "description": case.description,
        "droppedByMe": ending.dropped_by_me,
        "duration": milliseconds(outcome),
        "expectation": case.expectation,
        "expected": expected(case),
        "expectedClose": expected_close(case),
        "failedByMe": ending.failed_by_me,
        "httpRequest": outcome.request,
        "httpResponse": outcome.response,
        "id": case.id.to_string(),
        "isServer": *role == Role::Client,
        "localCloseCode": ending.local_code,
        "localCloseReason": ending.local_reason,
        "received": outcome.observed.iter().map(event).collect::<Value>(),
        "remoteCloseCode": ending.remote_code,
        "remoteCloseReason": ending.remote_reason,
        "result": outcome.result,
        "resultClose": outcome.closing_result,
        "rxFrameStats": frame_stats(&outcome.received),
        "rxOctetStats": octet_stats(&log.statistics.received),
        "trafficStats": traffic_stats(case, outcome),
        "txFrameStats": frame_stats(&outcome.sent),
        "txOctetStats": octet_stats(&log.statistics.sent),
        "wasClean": ending.was_clean,
        "wasCloseHandshakeTimeout": ending.closing_timeout,
        "wasNotCleanReason": ending.not_clean_reason,
        "wasOpenHandshakeTimeout": ending.opening_timeout,
        "wasServerConnectionDropTimeout": ending.server_drop_timeout,
        "wirelog": log.rows.iter().flat_map(rows).collect::<Value>(),
    }))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn milliseconds(outcome: &Outcome) -> u64 {
    u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX)
}

// --- Events and closing ------------------------------------------------------

fn expected(case: &Case) -> Value {
    let list = |events: &[Event]| events.iter().map(|e| event(&Seen::expected(e))).collect();
    let mut expected: BTreeMap<&str, Value> = BTreeMap::new();
    if let Expected::Events { ok, non_strict, .. } | Expected::Informational { ok, non_strict } =
        &case.expected
    {
        expected.insert("OK", list(ok));
        expected.extend(non_strict.as_deref().map(|events| ("NON-STRICT", list(events))));
    }
    json!(expected)
}

fn event(event: &Seen) -> Value {
    match event.kind {
        Some(kind) => json!([event.name, event.payload, kind == Kind::Binary]),
        None => json!([event.name, event.payload]),
    }
}

fn expected_close(case: &Case) -> Value {
    let closing = &case.closing;
    let mut value = json!({
        "closeCode": closing.codes,
        "closedByMe": closing.by_fuzzer,
        "requireClean": closing.clean,
    });
    if closing.side_matters {
        value["closedByWrongEndpointIsFatal"] = true.into();
    }
    value
}

// --- Statistics --------------------------------------------------------------

fn frame_stats(traffic: &Traffic) -> Value {
    let counts = traffic.frames.iter().enumerate().filter(|(_, count)| **count > 0);
    counts.map(|(opcode, &count)| (opcode.to_string(), count)).collect()
}

fn octet_stats(traffic: &wirelog::Traffic) -> Value {
    traffic.chops_by_size().map(|(size, count)| (size.to_string(), count.count)).collect()
}

/// Of the cases of compression.
fn traffic_stats(case: &Case, outcome: &Outcome) -> Value {
    if case.compression.is_none() {
        return Value::Null;
    }
    let Outcome { sent, received, .. } = outcome;
    json!({
        "incomingCompressionRatio": tables::ratio(received),
        "incomingOctetsAppLevel": received.message_octets,
        "incomingOctetsWebSocketLevel": received.payload_octets,
        "outgoingCompressionRatio": tables::ratio(sent),
        "outgoingOctetsAppLevel": sent.message_octets,
        "outgoingOctetsWebSocketLevel": sent.payload_octets,
    })
}

// --- The wire log ------------------------------------------------------------

/// A row of the wire log, chop by chop.
fn rows(row: &Row) -> Vec<Value> {
    match row {
        Row::Chops(direction, chops) => {
            chops.first.iter().map(|chop| octets(*direction, chop)).collect()
        }
        Row::Frame(direction, frame) => vec![self::frame(*direction, frame)],
        Row::Note(time, note) => vec![json!(["NOTE", time.as_secs_f64(), note])],
        // The octets of a head are there, and the head is elsewhere.
        Row::Head(..) => vec![],
        Row::Lost(_, why) => vec![json!(["NOTE", null, why])],
    }
}

fn octets(direction: Direction, chop: &Chop) -> Value {
    let octets = json!([chop.length, text::hex(&chop.start, chop.length)]);
    match direction {
        // Not known here: whether they were written on their own.
        Direction::Sent => json!(["TO", octets, null]),
        Direction::Received => json!(["RO", octets]),
    }
}

fn frame(direction: Direction, frame: &Frame) -> Value {
    let Frame { opcode, fin, rsv, .. } = frame;
    let payload = json!([frame.length, payload(frame)]);
    let key = frame.key.map(|key| outcome::hex(&key));
    match direction {
        Direction::Sent => json!(["TF", payload, opcode, fin, rsv, key, null, null, null]),
        Direction::Received => {
            json!(["RF", payload, opcode, fin, rsv, key.is_some(), key])
        }
    }
}

fn payload(frame: &Frame) -> String {
    let length = frame.length - frame.missing;
    match text::utf8(&frame.start, length) {
        Some(text) if frame.close.is_none() => {
            let more = if length > text.len() as u64 { " ..." } else { "" };
            format!("{text}{more}")
        }
        _ => format!("0x{}", text::hex(&frame.start, length)),
    }
}
