//! How a connection had to end and how it did, in plain sentences.

use crate::case::{Case, Expected};
use crate::ending::Ending;
use crate::play::Role;

use super::text;

/// A fact about the ending.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// What it says.
    pub(super) meaning: &'static str,
}

/// What is required of the ending, a sentence each.
pub(super) fn requirements(case: &Case, role: Role) -> Vec<String> {
    if matches!(case.expected, Expected::Informational { .. }) {
        return vec!["Nothing is required.".into()];
    }
    let closing = &case.closing;
    let side = if closing.by_fuzzer { "fuzzing peer" } else { "implementation" };
    let codes: Vec<_> = closing.codes.iter().map(u16::to_string).collect();
    let clean = if closing.clean {
        "The closing handshake is completed."
    } else {
        "The closing handshake need not be completed."
    };
    let mut sentences = vec![
        format!("The {side} sends the first close frame, or fails the connection."),
        format!("The implementation's close code is {}, or there is none.", codes.join(" or ")),
        clean.into(),
    ];
    if role == Role::Server {
        sentences.push("The implementation, being the server, closes TCP.".into());
    }
    if closing.side_matters {
        sentences.push("If the wrong side closes, the behavior is FAILED as well.".into());
    }
    if closing.code_matters {
        sentences.push("If the code is another, the behavior is FAILED as well.".into());
    }
    sentences
}

/// What is known of the ending. The meanings are those where "me" is the fuzzing peer.
pub(super) fn facts(ending: &Ending) -> Vec<Fact> {
    let fact = |name, value, meaning| Fact { name, value, meaning };
    vec![
        fact(
            "Was open",
            yes_or_no(ending.was_open),
            "Whether the opening handshake was completed.",
        ),
        fact(
            "Closed by me",
            yes_or_no(ending.closed_by_me),
            "Whether the fuzzing peer was the first to send a close frame.",
        ),
        fact(
            "Failed by me",
            yes_or_no(ending.failed_by_me),
            "Whether the fuzzing peer failed the connection, for a violation or as the case says.",
        ),
        fact(
            "Dropped by me",
            yes_or_no(ending.dropped_by_me),
            "Whether it was the fuzzing peer that closed TCP.",
        ),
        fact(
            "Was clean",
            yes_or_no(ending.was_clean),
            "Whether close frames went both ways before TCP was closed.",
        ),
        fact(
            "Why not clean",
            ending.not_clean_reason.clone().unwrap_or_else(none),
            "What kept the closing handshake from being completed.",
        ),
        fact(
            "Opening handshake timeout",
            yes_or_no(ending.opening_timeout),
            "Whether the fuzzing peer gave up waiting for the opening handshake.",
        ),
        fact(
            "Closing handshake timeout",
            yes_or_no(ending.closing_timeout),
            "Whether the fuzzing peer gave up waiting for an answer to its close frame.",
        ),
        fact(
            "Server drop timeout",
            yes_or_no(ending.server_drop_timeout),
            "Whether the fuzzing peer, as a client, gave up waiting for the server to close TCP.",
        ),
        fact(
            "Local close code",
            code(ending.local_code),
            "The code in the fuzzing peer's close frame.",
        ),
        fact(
            "Local close reason",
            reason(ending.local_reason.as_deref()),
            "The reason in the fuzzing peer's close frame.",
        ),
        fact(
            "Remote close code",
            code(ending.remote_code),
            "The code in the implementation's close frame.",
        ),
        fact(
            "Remote close reason",
            reason(ending.remote_reason.as_deref()),
            "The reason in the implementation's close frame.",
        ),
    ]
}

fn yes_or_no(value: bool) -> String {
    if value { "yes" } else { "no" }.into()
}

fn code(code: Option<u16>) -> String {
    code.map_or_else(none, |code| format!("{code} ({})", text::close_code(code)))
}

fn reason(reason: Option<&str>) -> String {
    reason.map_or_else(none, |reason| format!("{reason:?}"))
}

fn none() -> String {
    "none".into()
}
