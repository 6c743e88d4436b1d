//! The overview: all cases in both roles, by section, with the counts on top.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};

use crate::case::{Case, Id};
use crate::catalogue;
use crate::outcome::{Behavior, ClosingBehavior};
use crate::play::Role;
use crate::suite::CaseResult;

use super::{VERSION, layout, page_name, text};

const SCRIPT: &str = include_str!("index.js");

const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// A case with what came of it as a server and as a client.
struct Row<'r> {
    case: &'r Case,
    results: [Option<&'r CaseResult<'r>>; 2],
}

/// How many cases have which verdict, in one role.
type Counts = BTreeMap<Behavior, usize>;

pub(super) fn render(results: &[CaseResult<'_>]) -> String {
    let rows = rows(results);
    let conversations: usize = results.iter().map(|result| result.verdicts().count()).sum();
    let body = html! {
        header {
            h1 { "sansocket " (VERSION) }
            p.lead {
                "The cases of Autobahn|Testsuite, played in memory as a server and as a client: "
                (text::count(rows.len() as u64, "case")) ", "
                (text::count(conversations as u64, "conversation")) "."
            }
        }
        main {
            h2 { "Summary" }
            (summary(&rows))
            h2 { "Cases" }
            p.note {
                "A verdict is the worst that a case got in any of its conversations, which differ \
                 in how the octets are cut and how the implementation is set up. Beside it stands \
                 the close code that came from the implementation."
            }
            (filters(&rows))
            (table(&rows))
        }
        script { (PreEscaped(SCRIPT)) }
    };
    layout::page("sansocket: Autobahn|Testsuite cases", &body)
}

fn rows<'r>(results: &'r [CaseResult<'r>]) -> Vec<Row<'r>> {
    let mut rows = BTreeMap::new();
    for result in results {
        let row = rows
            .entry(result.case.id)
            .or_insert_with(|| Row { case: result.case, results: [None; 2] });
        row.results[usize::from(result.role == Role::Client)] = Some(result);
    }
    rows.into_values().collect()
}

// --- The summary -------------------------------------------------------------

fn summary(rows: &[Row<'_>]) -> Markup {
    html! {
        table.summary {
            thead { tr {
                th scope="col" { "Section" }
                @for role in ROLES { th scope="col" { "As a " (text::role(role)) } }
            } }
            tbody {
                @for section in rows.chunk_by(|a, b| a.case.id.0 == b.case.id.0) {
                    (summary_row(&section_title(section[0].case.id), section))
                }
            }
            tfoot { (summary_row("All", rows)) }
        }
    }
}

fn summary_row(title: &str, rows: &[Row<'_>]) -> Markup {
    html! {
        tr {
            th scope="row" { (title) }
            @for (column, role) in ROLES.into_iter().enumerate() {
                td data-label=(text::role(role)) { (counts(&count(rows, column))) }
            }
        }
    }
}

fn count(rows: &[Row<'_>], column: usize) -> Counts {
    let mut counts = Counts::new();
    for result in rows.iter().filter_map(|row| row.results[column]) {
        *counts.entry(result.worst()).or_default() += 1;
    }
    counts
}

fn counts(counts: &Counts) -> Markup {
    html! {
        @for (&behavior, count) in counts {
            span.count { b { (count) } " " (layout::behavior(behavior)) }
        }
    }
}

fn section_title(id: Id) -> String {
    format!("{} {}", id.0, catalogue::section_name(id))
}

// --- The filters, for who has scripts ----------------------------------------

fn filters(rows: &[Row<'_>]) -> Markup {
    let verdicts = [count(rows, 0), count(rows, 1)];
    let verdicts: BTreeMap<_, _> = verdicts.iter().flatten().collect();
    html! {
        form #filters hidden {
            label {
                "Section"
                select #section {
                    option value="" { "all" }
                    @for section in rows.chunk_by(|a, b| a.case.id.0 == b.case.id.0) {
                        option value=(section[0].case.id.0) { (section_title(section[0].case.id)) }
                    }
                }
            }
            label {
                "Verdict"
                select #verdict {
                    option value="" { "all" }
                    @for &&behavior in verdicts.keys() {
                        option value=(rank(behavior)) { (behavior) }
                    }
                }
            }
            label {
                "Search"
                input #search type="search" placeholder="5.20 or fragment";
            }
            output #shown {}
        }
    }
}

/// Its place from the best verdict to the worst.
fn rank(behavior: Behavior) -> u8 {
    behavior as u8
}

// --- The table ---------------------------------------------------------------

fn table(rows: &[Row<'_>]) -> Markup {
    html! {
        table #cases {
            thead { tr {
                th scope="col" aria-sort="ascending" { (sorter("case", "Case")) }
                th scope="col" { "What the fuzzing peer does" }
                th scope="col" { (sorter("server", "Server")) }
                th scope="col" { (sorter("client", "Client")) }
            } }
            @for section in rows.chunk_by(|a, b| a.case.id.0 == b.case.id.0) {
                (section_rows(section))
            }
        }
    }
}

fn sorter(key: &str, title: &str) -> Markup {
    html! { button type="button" data-sort=(key) { (title) } }
}

fn section_rows(rows: &[Row<'_>]) -> Markup {
    html! {
        tbody.section {
            tr { th colspan="4" scope="rowgroup" { (section_title(rows[0].case.id)) } }
        }
        @for group in rows.chunk_by(|a, b| subsection(a.case.id) == subsection(b.case.id)) {
            tbody {
                @if let Some(title) = subsection(group[0].case.id) {
                    tr.subsection { th colspan="4" scope="rowgroup" { (title) } }
                }
                @for row in group { (case_row(row)) }
            }
        }
    }
}

fn subsection(id: Id) -> Option<String> {
    catalogue::subsection_name(id).map(|name| format!("{}.{} {name}", id.0, id.1))
}

fn case_row(row: &Row<'_>) -> Markup {
    let id = row.case.id;
    let ranks = row.results.map(|result| result.map(|result| rank(result.worst())));
    html! {
        tr data-case=(id) data-server=[ranks[0]] data-client=[ranks[1]] {
            th scope="row" { (id) }
            td.description { (row.case.description) }
            @for (role, result) in ROLES.into_iter().zip(row.results) {
                td data-label=(text::role(role)) {
                    @if let Some(result) = result { (verdict(result)) } @else { "not played" }
                }
            }
        }
    }
}

fn verdict(result: &CaseResult<'_>) -> Markup {
    let page = format!("{}/{}", text::role(result.role), page_name(result.case.id));
    let outcome = &result.outcome;
    let others = result.others.iter().filter(|(_, verdict)| *verdict != outcome.verdict()).count();
    let ends_well = matches!(outcome.closing, ClosingBehavior::Ok | ClosingBehavior::Informational);
    html! {
        a href=(page) { (layout::behavior(result.worst())) }
        span.code { @if let Some(code) = outcome.ending.remote_code { (code) } @else { "–" } }
        @if !ends_well { span.more { "close: " (outcome.closing) } }
        @if others > 0 {
            span.more { (others) " of " (result.others.len()) " other conversations differ" }
        }
    }
}
