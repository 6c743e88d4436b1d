//! What the report has to have in it, and what must not get into it as markup.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use serde_json::Value;

use super::wire_log::WireLog;
use super::{page, write};
use crate::case::{Case, Closing, Event, Expected, Id, Kind};
use crate::catalogue;
use crate::ending::Ending;
use crate::outcome::{Behavior, ClosingBehavior, Outcome, Seen, Traffic};
use crate::play::{self, Effort, Role, Terms};
use crate::subject::Echo;
use crate::subjects::{self, Variant};
use crate::suite::{CaseResult, FIRST, Setting};
use crate::trace::Trace;

/// What Autobahn|Testsuite has in the file of a case, but for what is about itself.
const FIELDS: [&str; 33] = [
    "agent",
    "behavior",
    "behaviorClose",
    "case",
    "closedByMe",
    "description",
    "droppedByMe",
    "duration",
    "expectation",
    "expected",
    "expectedClose",
    "failedByMe",
    "httpRequest",
    "httpResponse",
    "id",
    "isServer",
    "localCloseCode",
    "localCloseReason",
    "received",
    "remoteCloseCode",
    "remoteCloseReason",
    "result",
    "resultClose",
    "rxFrameStats",
    "rxOctetStats",
    "txFrameStats",
    "txOctetStats",
    "wasClean",
    "wasCloseHandshakeTimeout",
    "wasNotCleanReason",
    "wasOpenHandshakeTimeout",
    "wasServerConnectionDropTimeout",
    "wirelog",
];

/// The report of all cases.
static WRITTEN: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    // There is none before the first run.
    let _ = fs::remove_dir_all(&directory);
    write(&directory, &play(&catalogue::cases())).expect("it is written");
    directory
});

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cases as played first, in both roles.
fn play(cases: &[Case]) -> Vec<CaseResult<'_>> {
    let mut results = vec![];
    for role in [Role::Server, Role::Client] {
        for case in cases {
            let terms = Terms { role, chop: FIRST.chop, effort: Effort::Octets(4096), trace: true };
            let mut subject = subjects::subject(role, FIRST.variant, case);
            let outcome = play::play(case, terms, &mut *subject, &mut Echo);
            results.push(CaseResult {
                case,
                role,
                outcome,
                others: vec![],
                contradictions: vec![],
            });
        }
    }
    results
}

fn case(id: Id) -> Vec<Case> {
    let cases: Vec<_> = catalogue::cases().into_iter().filter(|case| case.id == id).collect();
    assert_eq!(cases.len(), 1, "there is a case {id}");
    cases
}

/// The page of a result, without neighbours.
fn page(result: &CaseResult<'_>) -> String {
    let log = WireLog::new(result.outcome.trace.as_ref());
    let nowhere = page::Neighbours { previous: None, next: None, in_other_role: false };
    page::render(result, &log, nowhere)
}

/// What the links of a page lead to.
fn links(html: &str) -> impl Iterator<Item = &str> {
    html.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next())
}

fn assert_has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "no {part:?} in {html}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let index = read(&WRITTEN.join("index.html"));
    let pages: BTreeSet<_> = links(&index).collect();
    assert_eq!(pages.len(), 2 * catalogue::cases().len());
    for page in pages {
        let path = WRITTEN.join(page);
        let html = read(&path);
        let other = if page.starts_with("server") {
            page.replace("server", "../client")
        } else {
            page.replace("client", "../server")
        };
        assert_has(&html, &["href=\"../index.html\"", &format!("href=\"{other}\"")]);
        for link in links(&html) {
            let target = path.with_file_name("").join(link);
            assert!(target.exists(), "{page} has a link to {link}");
        }
    }
}

#[test]
fn every_case_is_there_as_json() {
    let cases = catalogue::cases();
    for role in ["server", "client"] {
        let directory = WRITTEN.join(role);
        let index: Value = serde_json::from_str(&read(&directory.join("index.json"))).unwrap();
        for case in &cases {
            let entry = &index["sansocket"][case.id.to_string()];
            let file = entry["reportfile"].as_str().expect("the file of the case");
            let json: Value = serde_json::from_str(&read(&directory.join(file))).unwrap();
            let missing: Vec<_> = FIELDS.iter().filter(|name| json.get(name).is_none()).collect();
            assert!(missing.is_empty(), "no {missing:?} in {file}");
            assert_eq!(json["isServer"], role == "client");
            for name in ["behavior", "behaviorClose", "duration", "remoteCloseCode"] {
                assert_eq!(json[name], entry[name], "{name} of {}", case.id);
            }
        }
    }
}

#[test]
fn a_page_tells_everything() {
    let cases = case(Id(5, 20, None));
    let results = play(&cases);
    let html = page(&results[0]);
    assert_has(
        &html,
        &[
            "<h1>Case 5.20 as a server</h1>",
            &cases[0].description,
            &cases[0].expectation,
            "<span class=\"verdict ok\">OK</span>",
            "(pong, &quot;pongme 1!&quot;)",
            "(pong, &quot;pongme 2!&quot;)",
            "(message, &quot;fragment1fragment2fragment3fragment4fragment5&quot;, binary = false)",
            "The fuzzing peer sends the first close frame",
            "Whether the fuzzing peer was the first to send a close frame.",
            "1000 (normal closure)",
            "GET / HTTP/1.1\r\n",
            "HTTP/1.1 101 ",
            "<b>continuation</b><span class=\"flags\">FIN MASK ",
            "<b>pong</b><span class=\"flags\">FIN</span>",
            "8a 09 70 6f 6e 67 6d 65 20 31 21",
            "<th scope=\"row\">as the case says</th>",
        ],
    );
}

#[test]
fn compression_has_its_ratio() {
    let cases = case(Id(12, 1, Some(3)));
    let results = play(&cases);
    assert_has(
        &page(&results[0]),
        &["<h3>Compression</h3>", "This run plays fewer messages", "<b>text</b>", "FIN RSV1 MASK "],
    );
    let log = WireLog::new(results[0].outcome.trace.as_ref());
    let json: Value = serde_json::from_str(&super::json::case(&results[0], &log, 1)).unwrap();
    let ratio = json["trafficStats"]["incomingCompressionRatio"].as_f64().expect("a ratio");
    assert!(ratio > 0.0 && ratio < 1.0, "{ratio}");
}

#[test]
fn chops_stand_together_and_are_told_apart() {
    let cases = case(Id(2, 6, None));
    let results = play(&cases);
    assert_has(&page(&results[0]), &["<b>131 × 1 octet</b><code class=\"wide\">89 | fd | "]);
    let log = WireLog::new(results[0].outcome.trace.as_ref());
    let json: Value = serde_json::from_str(&super::json::case(&results[0], &log, 1)).unwrap();
    let rows = json["wirelog"].as_array().expect("rows");
    assert_eq!(rows.iter().filter(|row| row[0] == "TO" && row[1][0] == 1).count(), 131);
    assert_eq!(json["txOctetStats"]["1"], 131);
}

#[test]
fn json_has_the_wire_log_of_the_testsuite() {
    let cases = case(Id(5, 20, None));
    let results = play(&cases);
    let log = WireLog::new(results[0].outcome.trace.as_ref());
    let json: Value = serde_json::from_str(&super::json::case(&results[0], &log, 1)).unwrap();
    let rows = json["wirelog"].as_array().expect("rows");
    let pong: Value = serde_json::json!(["RF", [9, "pongme 1!"], 10, true, 0, false, null]);
    assert!(rows.contains(&pong), "{rows:?}");
    let octets = serde_json::json!(["RO", [11, "8a09706f6e676d65203121"]]);
    assert!(rows.contains(&octets), "{rows:?}");
    assert_eq!(json["received"], json["expected"]["OK"]);
    assert_eq!(json["rxFrameStats"], serde_json::json!({ "1": 1, "8": 1, "10": 2 }));
    assert_eq!(json["txFrameStats"], serde_json::json!({ "0": 4, "1": 1, "8": 1, "9": 2 }));
    assert_eq!(json["rxOctetStats"]["11"], 2);
}

/// A case in which everything that comes from elsewhere is hostile.
fn hostile_case() -> Case {
    Case {
        id: Id(99, 1, None),
        description: HOSTILE.into(),
        expectation: HOSTILE.into(),
        compression: None,
        script: vec![],
        expected: Expected::Events {
            ok: vec![Event::Message(Kind::Text, HOSTILE.into())],
            non_strict: None,
            then_close: false,
        },
        closing: Closing {
            by_fuzzer: true,
            codes: vec![1000],
            clean: true,
            side_matters: true,
            code_matters: true,
        },
    }
}

const HOSTILE: &str = "</code></td><script>alert('\"')</script>";

fn hostile_outcome() -> Outcome {
    let mut trace = Trace::default();
    trace.sent(format!("GET /{HOSTILE} HTTP/1.1\r\n\r\n").as_bytes());
    let mut frame = vec![0x81, u8::try_from(HOSTILE.len()).expect("a short frame")];
    frame.extend_from_slice(HOSTILE.as_bytes());
    trace.sent(&frame);
    trace.note(Duration::from_secs(1), HOSTILE.into());
    let seen = Seen { name: "message", payload: HOSTILE.into(), kind: Some(Kind::Text) };
    Outcome {
        behavior: Behavior::NonStrict,
        closing: ClosingBehavior::WrongCode,
        result: HOSTILE.into(),
        closing_result: HOSTILE.into(),
        observed: vec![seen],
        ending: Ending { remote_reason: Some(HOSTILE.into()), ..Ending::default() },
        own_ending: Some(Ending { remote_reason: Some(HOSTILE.into()), ..Ending::default() }),
        duration: Duration::from_millis(1_500),
        request: HOSTILE.into(),
        response: HOSTILE.into(),
        sent: Traffic::default(),
        received: Traffic::default(),
        trace: Some(trace),
    }
}

#[test]
fn hostile_text_stays_text() {
    let case = hostile_case();
    let result = CaseResult {
        case: &case,
        role: Role::Client,
        outcome: hostile_outcome(),
        others: vec![],
        contradictions: vec![],
    };
    let html = page(&result);
    assert!(!html.contains("<script>"), "{html}");
    assert_eq!(html.matches("&lt;script&gt;").count(), 13);
    let index = super::index::render(&[result]);
    assert!(!index.contains("<script>alert"), "{index}");
    assert_has(&index, &["&lt;script&gt;alert"]);
}

#[test]
fn verdicts_are_said_in_words() {
    let case = hostile_case();
    let other = Setting { variant: Variant::FixedStreaming, chop: crate::chop::Chop::Size(7) };
    let result = CaseResult {
        case: &case,
        role: Role::Server,
        outcome: hostile_outcome(),
        others: vec![(other, (Behavior::Ok, ClosingBehavior::Ok))],
        contradictions: vec![],
    };
    assert_has(
        &page(&result),
        &[
            "<span class=\"verdict non-strict\">NON-STRICT</span>",
            "<span class=\"verdict non-strict\">WRONG CODE</span>",
            "1.500 s",
            "<th scope=\"row\">chops of 7</th>",
            "<th scope=\"col\">fixed memory, streaming</th>",
        ],
    );
    assert_has(
        &super::index::render(&[result]),
        &[
            "<span class=\"verdict failed\">FAILED</span>",
            "close: WRONG CODE",
            "1 of 1 other conversations differ",
        ],
    );
}

#[test]
fn a_long_conversation_is_cut_in_words() {
    let mut trace = Trace::default();
    for _ in 0..20 {
        trace.sent(&[0; 10_000]);
    }
    let case = hostile_case();
    let mut outcome = hostile_outcome();
    outcome.trace = Some(trace);
    let result = CaseResult {
        case: &case,
        role: Role::Server,
        outcome,
        others: vec![],
        contradictions: vec![],
    };
    assert_has(&page(&result), &["This conversation is longer than it is kept"]);
}

#[test]
fn what_cannot_be_written_is_named() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report_file");
    fs::write(&file, "").expect("a file");
    let error = write(&file.join("in"), &[]).expect_err("a file is no directory");
    assert!(error.to_string().contains("report_file/in: "), "{error}");
}
