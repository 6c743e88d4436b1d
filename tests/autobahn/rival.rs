//! Another implementation's verdicts, beside those that wstest itself has given it: the proof that
//! both judge alike.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::case::Case;
use crate::chop::Chop;
use crate::play::{self, Effort, Role, Terms};
use crate::subject::Echo;
use crate::subjects;

/// So many octets of messages are sent in a case that repeats itself a thousand times.
const OCTETS: usize = 64 << 10;

/// What wstest has said, a case a line; the first line tells how it was asked.
const SERVER: &str = include_str!("expected/tungstenite-server.txt");
const CLIENT: &str = include_str!("expected/tungstenite-client.txt");

/// Verdicts side by side.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Cases by the verdict that both give.
    pub(crate) counts: BTreeMap<String, usize>,
    /// Cases in which they differ, a line each.
    pub(crate) differences: Vec<String>,
}

/// Plays all cases against tungstenite.
pub(crate) fn compare(cases: &[Case], role: Role) -> Comparison {
    let expected = match role {
        Role::Server => SERVER,
        Role::Client => CLIENT,
    };
    let mut expected: BTreeMap<&str, Vec<&str>> = expected
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .map(|(id, verdict)| (id, verdict.split('\t').collect()))
        .collect();
    let mut comparison = Comparison::default();
    for case in cases {
        let terms = Terms { role, chop: Chop::Case, effort: Effort::Octets(OCTETS), trace: false };
        let outcome = play::play(case, terms, &mut *subjects::tungstenite(role), &mut Echo);
        let code = outcome.ending.remote_code.map_or("-".into(), |code| code.to_string());
        let ours = [outcome.behavior.to_string(), outcome.closing.to_string(), code];
        let theirs = expected.remove(case.id.to_string().as_str()).unwrap_or_default();
        if ours == *theirs {
            *comparison.counts.entry(ours[0].clone()).or_default() += 1;
        } else {
            let line = format!("{}: ours {ours:?}, wstest's {theirs:?}", case.id);
            comparison.differences.push(line);
        }
    }
    let lost = expected.keys().map(|id| format!("{id}: not in the catalogue"));
    comparison.differences.extend(lost);
    comparison
}

impl Comparison {
    pub(crate) fn counts_text(&self) -> String {
        let mut text = String::new();
        for (index, (verdict, count)) in self.counts.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(text, "{comma}{count} {verdict}").expect("a string takes it");
        }
        text
    }
}
