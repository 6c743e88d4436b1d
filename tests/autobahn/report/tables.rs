//! The tables of a case's page: what was on the wire, counted, and the verdicts on all its
//! conversations.

use std::collections::BTreeMap;

use maud::{Markup, html};
use sansocket::wirelog::{Count, Statistics};

use crate::case::Case;
use crate::chop::Chop;
use crate::outcome::{ClosingBehavior, Outcome, Traffic};
use crate::subjects::Variant;
use crate::suite::{CaseResult, Verdict};

use super::wire_log::WireLog;
use super::{layout, text};

/// A table with more rows than this opens when asked for.
const MANY: usize = 16;

// --- Statistics --------------------------------------------------------------

pub(super) fn statistics(case: &Case, outcome: &Outcome, log: &WireLog) -> Markup {
    html! {
        section {
            h2 { "Wire statistics" }
            p.note { "The fuzzing peer sent and received this, the opening handshake included." }
            h3 { "Octets by size of chop" }
            @if log.is_cut {
                p.warning {
                    "This conversation is longer than it is kept: these are the octets of its \
                     start. Frames are counted to the end."
                }
            }
            (chops(&log.statistics))
            h3 { "Frames by opcode" }
            (frames(&outcome.sent, &outcome.received))
            @if case.compression.is_some() {
                h3 { "Compression" }
                (compression(&outcome.sent, &outcome.received))
            }
        }
    }
}

fn chops(statistics: &Statistics) -> Markup {
    let mut sizes: BTreeMap<usize, [Count; 2]> = BTreeMap::new();
    for (column, traffic) in [&statistics.sent, &statistics.received].into_iter().enumerate() {
        for (size, count) in traffic.chops_by_size() {
            sizes.entry(size).or_default()[column] = count;
        }
    }
    let other = [&statistics.sent, &statistics.received].map(|t| t.chops_of_other_sizes());
    let total = [statistics.sent.chops(), statistics.received.chops()];
    let table = html! {
        table.numbers {
            thead {
                tr {
                    th scope="col" rowspan="2" { "Size" }
                    th scope="colgroup" colspan="2" { "Sent" }
                    th scope="colgroup" colspan="2" { "Received" }
                }
                tr { @for _ in 0..2 { th scope="col" { "Chops" } th scope="col" { "Octets" } } }
            }
            tbody {
                @for (&size, &counts) in &sizes {
                    (chop_row(&text::number(size as u64), counts))
                }
                @if other.iter().any(|count| count.count > 0) {
                    (chop_row("other sizes", other))
                }
            }
            tfoot { (chop_row("All", total)) }
        }
    };
    html! {
        @if sizes.len() > MANY {
            p { "Sent: " (together(total[0])) ". Received: " (together(total[1])) "." }
            details {
                summary { (text::count(sizes.len() as u64, "size")) }
                (table)
            }
        } @else {
            (table)
        }
    }
}

fn together(chops: Count) -> String {
    format!("{} in {}", text::count(chops.octets, "octet"), text::count(chops.count, "chop"))
}

fn chop_row(title: &str, counts: [Count; 2]) -> Markup {
    html! {
        tr {
            th scope="row" { (title) }
            @for count in counts { (number(count.count)) (number(count.octets)) }
        }
    }
}

fn frames(sent: &Traffic, received: &Traffic) -> Markup {
    let both = [sent, received];
    let rows = (0..16_u8).map(|opcode| (opcode, both.map(|t| t.frames[usize::from(opcode)])));
    let total = both.map(|traffic| traffic.frames.iter().sum::<u64>());
    html! {
        table.numbers {
            thead { tr {
                th scope="col" { "Opcode" }
                th scope="col" { "Sent" }
                th scope="col" { "Received" }
            } }
            tbody {
                @for (opcode, counts) in rows.filter(|(_, counts)| *counts != [0, 0]) {
                    tr {
                        th scope="row" { (text::opcode(opcode)) }
                        @for count in counts { (number(count)) }
                    }
                }
            }
            tfoot { tr { th scope="row" { "All" } @for count in total { (number(count)) } } }
        }
    }
}

/// A number in its cell; none where it is 0.
fn number(number: u64) -> Markup {
    html! { td { @if number > 0 { (text::number(number)) } @else { "–" } } }
}

fn compression(sent: &Traffic, received: &Traffic) -> Markup {
    html! {
        p.note { "The ratio is that of the payloads on the wire to the messages in them." }
        table.numbers {
            thead { tr {
                th scope="col" { "Direction" }
                th scope="col" { "Messages, octets" }
                th scope="col" { "Payloads, octets" }
                th scope="col" { "Ratio" }
            } }
            tbody {
                @for (title, traffic) in [("Sent", sent), ("Received", received)] {
                    tr {
                        th scope="row" { (title) }
                        (number(traffic.message_octets))
                        (number(traffic.payload_octets))
                        td {
                            @match ratio(traffic) {
                                Some(ratio) => (format!("{ratio:.3}")),
                                None => "–",
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Octets on the wire an octet of a message.
pub(super) fn ratio(traffic: &Traffic) -> Option<f64> {
    (traffic.message_octets > 0)
        .then(|| traffic.payload_octets as f64 / traffic.message_octets as f64)
}

// --- All conversations -------------------------------------------------------

pub(super) fn conversations(result: &CaseResult<'_>) -> Markup {
    let mut variants: Vec<Variant> = vec![];
    let mut chops: Vec<Chop> = vec![];
    for (setting, _) in result.verdicts() {
        if !variants.contains(&setting.variant) {
            variants.push(setting.variant);
        }
        if !chops.contains(&setting.chop) {
            chops.push(setting.chop);
        }
    }
    let verdict = |chop, variant| {
        let mut verdicts = result.verdicts();
        let found =
            verdicts.find(|(setting, _)| (setting.chop, setting.variant) == (chop, variant));
        found.map(|(_, verdict)| verdict)
    };
    html! {
        section {
            h2 { "All conversations" }
            p.note {
                "The case at other cuts of the octets sent, and with the implementation set up \
                 otherwise. The first one is that of this page."
            }
            div.scroll { table.conversations {
                thead { tr {
                    th scope="col" { "Octets are cut" }
                    @for &variant in &variants { th scope="col" { (text::variant(variant)) } }
                } }
                tbody {
                    @for &chop in &chops {
                        tr {
                            th scope="row" { (chop) }
                            @for &variant in &variants { td { (cell(verdict(chop, variant))) } }
                        }
                    }
                }
            } }
        }
    }
}

fn cell(verdict: Option<Verdict>) -> Markup {
    html! {
        @if let Some((behavior, closing)) = verdict {
            (layout::behavior(behavior))
            @if !matches!(closing, ClosingBehavior::Ok | ClosingBehavior::Informational) {
                " " span.more { "close: " (closing) }
            }
        } @else { span.absent { "–" } }
    }
}
