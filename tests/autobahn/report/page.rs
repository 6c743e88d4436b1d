//! The page of a case in one role.

use maud::{Markup, html};

use crate::case::{Case, Event, Expected, Id, Kind, Step};
use crate::catalogue;
use crate::ending::Ending;
use crate::outcome::{Behavior, Outcome, Seen, Traffic};
use crate::play::Role;
use crate::suite::CaseResult;

use super::wire_log::WireLog;
use super::{AGENT, endings, layout, page_name, tables, text, wire_rows};

/// Where one may go from here.
pub(super) struct Neighbours {
    /// The cases before and after, in the same role.
    pub(super) previous: Option<Id>,
    pub(super) next: Option<Id>,
    /// There is a page of the case in the other role.
    pub(super) in_other_role: bool,
}

pub(super) fn render(result: &CaseResult<'_>, log: &WireLog, neighbours: Neighbours) -> String {
    let CaseResult { case, role, outcome, .. } = result;
    let title = format!("Case {} as a {}", case.id, text::role(*role));
    let body = html! {
        (navigation(&neighbours))
        header {
            p.section-name { (section(case.id)) }
            h1 { (title) }
            p { (who_is_who(*role)) }
            @if neighbours.in_other_role { p { (link_to_other_role(case.id, *role)) } }
        }
        main {
            (case_section(case))
            (verdicts(outcome))
            (events(case, outcome))
            (closing(case, *role, outcome))
            (handshake(*role, outcome))
            (tables::statistics(case, outcome, log))
            (wire_rows::section(log))
            (tables::conversations(result))
        }
        footer { (navigation(&neighbours)) }
    };
    layout::page(&title, &body)
}

fn navigation(neighbours: &Neighbours) -> Markup {
    let link =
        |id, rel: &str, words: String| html! { a href=(page_name(id)) rel=(rel) { (words) } };
    html! {
        nav {
            a href="../index.html" { "All cases" }
            @if let Some(id) = neighbours.previous { (link(id, "prev", format!("← {id}"))) }
            @if let Some(id) = neighbours.next { (link(id, "next", format!("{id} →"))) }
        }
    }
}

fn section(id: Id) -> String {
    let name = catalogue::section_name(id);
    match catalogue::subsection_name(id) {
        Some(subsection) => format!("{name}: {subsection}"),
        None => name.into(),
    }
}

fn who_is_who(role: Role) -> Markup {
    let (own, other) = (text::role(role), text::role(text::other_role(role)));
    html! { (AGENT) ", the implementation, is the " (own) "; the fuzzing peer is the " (other) "." }
}

fn link_to_other_role(id: Id, role: Role) -> Markup {
    let other = text::role(text::other_role(role));
    html! { a href={ "../" (other) "/" (page_name(id)) } { "The same case as a " (other) } }
}

fn case_section(case: &Case) -> Markup {
    html! {
        section {
            h2 { "The case" }
            dl {
                dt { "What the fuzzing peer does" }
                dd { (case.description) }
                dt { "What is expected" }
                dd { (case.expectation) }
            }
        }
    }
}

fn verdicts(outcome: &Outcome) -> Markup {
    html! {
        section {
            h2 { "Outcome" }
            dl.verdicts {
                dt { "Behavior" }
                dd { (layout::behavior(outcome.behavior)) " " (outcome.result) }
                dt { "Closing" }
                dd { (layout::closing(outcome.closing)) " " (outcome.closing_result) }
                dt { "Duration" }
                dd {
                    (text::seconds(outcome.duration))
                    " in the time of the conversation, which passes only while someone waits."
                }
            }
        }
    }
}

// --- Events ------------------------------------------------------------------

fn events(case: &Case, outcome: &Outcome) -> Markup {
    html! {
        section {
            h2 { "Events" }
            @match &case.expected {
                Expected::Echoes => (echoes(case, outcome)),
                Expected::Events { ok, non_strict, .. } => {
                    (expected(ok, non_strict.as_deref()))
                    (observed(outcome))
                }
                Expected::Informational { ok, non_strict } => {
                    p { "Nothing is required; these are the events that are likely." }
                    (expected(ok, non_strict.as_deref()))
                    (observed(outcome))
                }
            }
        }
    }
}

fn expected(ok: &[Event], non_strict: Option<&[Event]>) -> Markup {
    let seen = |events: &[Event]| events.iter().map(Seen::expected).collect::<Vec<_>>();
    html! {
        h3 { "Expected for OK" }
        (event_list(&seen(ok)))
        @if let Some(events) = non_strict {
            h3 { "Expected for NON-STRICT" }
            (event_list(&seen(events)))
        }
    }
}

fn observed(outcome: &Outcome) -> Markup {
    html! {
        h3 { "Observed" }
        (event_list(&outcome.observed))
    }
}

fn event_list(events: &[Seen]) -> Markup {
    html! {
        @if events.is_empty() {
            p { "No event." }
        } @else {
            ol.events { @for event in events { li { code { (event) } } } }
        }
    }
}

fn echoes(case: &Case, outcome: &Outcome) -> Markup {
    let trips = case.script.iter().find_map(|step| match step {
        Step::RoundTrips(trips) => Some(trips),
        _ => None,
    });
    html! {
        h3 { "Expected for OK" }
        @if let Some(trips) = trips {
            p {
                "The echo of each of " (text::count(trips.count as u64, "message")) "; the next \
                 one is sent when the echo of the one before is there and is right."
            }
        }
        @if case.compression.is_some() {
            p { "Compression has to be agreed on; otherwise the verdict is UNIMPLEMENTED." }
        }
        h3 { "Observed" }
        p {
            "Sent: " (messages(&outcome.sent)) ". Received: " (messages(&outcome.received)) "."
            @if outcome.behavior == Behavior::Ok
                && trips.is_some_and(|trips| trips.count as u64 > begun(&outcome.sent)) {
                " This run plays fewer messages than the case has; with AUTOBAHN_FULL=1 it plays \
                 them all."
            }
        }
    }
}

/// How many messages were begun.
fn begun(traffic: &Traffic) -> u64 {
    traffic.frames[usize::from(Kind::Text.opcode())]
        + traffic.frames[usize::from(Kind::Binary.opcode())]
}

fn messages(traffic: &Traffic) -> String {
    let octets = text::count(traffic.message_octets, "octet");
    format!("{} with {octets} together", text::count(begun(traffic), "message"))
}

// --- The ending and the beginning --------------------------------------------

fn closing(case: &Case, role: Role, outcome: &Outcome) -> Markup {
    html! {
        section {
            h2 { "Closing" }
            h3 { "Expected" }
            ul { @for sentence in endings::requirements(case, role) { li { (sentence) } } }
            h3 { "Observed" }
            p { "“Me” is the fuzzing peer." }
            table.facts {
                thead { tr {
                    th scope="col" { "Fact" }
                    th scope="col" { "Value" }
                    th scope="col" { "What it says" }
                } }
                tbody {
                    @for fact in endings::facts(&outcome.ending) {
                        tr {
                            th scope="row" { (fact.name) }
                            td { (fact.value) }
                            td.meaning { (fact.meaning) }
                        }
                    }
                }
            }
            @if let Some(ending) = &outcome.own_ending { (own_report(ending)) }
        }
    }
}

fn own_report(ending: &Ending) -> Markup {
    html! {
        h3 { "Reported by the implementation" }
        p { "“Me” is the implementation." }
        table.facts {
            thead { tr {
                th scope="col" { "Fact" }
                th scope="col" { "Value" }
            } }
            tbody {
                @for fact in endings::facts(ending) {
                    tr {
                        th scope="row" { (fact.name) }
                        td { (fact.value) }
                    }
                }
            }
        }
    }
}

fn handshake(role: Role, outcome: &Outcome) -> Markup {
    let (request, response) = match role {
        Role::Server => ("the fuzzing peer", "the implementation"),
        Role::Client => ("the implementation", "the fuzzing peer"),
    };
    html! {
        section {
            h2 { "Opening handshake" }
            (head(&format!("Request from {request}"), &outcome.request))
            (head(&format!("Response from {response}"), &outcome.response))
        }
    }
}

fn head(title: &str, octets: &str) -> Markup {
    html! {
        h3 { (title) }
        @if octets.is_empty() { p { "None." } } @else { pre { (octets.trim_end()) } }
    }
}
