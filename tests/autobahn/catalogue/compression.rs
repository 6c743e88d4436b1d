//! Sections 12 and 13: permessage-deflate with various payloads, and with various parameters
//! [RFC 7692 §7].

use std::time::Duration;

use super::build::round_trips;
use crate::case::{Answer, Case, Compression, Kind, Offer, RoundTrips, Source};
use crate::payload::Corpus;
use crate::payload::corpora::{BITMAP, HTML, JSON, PDF, PROSE};

/// Octets (or characters) of a message, the largest payload of a frame, and the seconds for all
/// the messages.
const EXCHANGES: [(usize, Option<usize>, u64); 18] = [
    (16, None, 60),
    (64, None, 60),
    (256, None, 120),
    (1024, None, 240),
    (4096, None, 480),
    (8192, None, 480),
    (16_384, None, 480),
    (32_768, None, 480),
    (65_536, None, 480),
    (131_072, None, 480),
    (8192, Some(256), 480),
    (16_384, Some(256), 480),
    (32_768, Some(256), 480),
    (65_536, Some(256), 480),
    (131_072, Some(256), 480),
    (131_072, Some(1024), 480),
    (131_072, Some(4096), 480),
    (131_072, Some(32_768), 480),
];

/// The corpora of section 12, in its order.
static CORPORA: [(Kind, &Corpus); 5] = [
    (Kind::Text, &JSON),
    (Kind::Binary, &BITMAP),
    (Kind::Binary, &PROSE),
    (Kind::Text, &HTML),
    (Kind::Binary, &PDF),
];

/// No context takeover, and a window: by an offer asked of the server, by an answer of the client.
type Parameters = (bool, Option<u8>);

/// What section 13 negotiates, in its order: the name and the offers, each of which has an answer
/// that asks the same of the client.
const PARAMETERS: [(&str, &[Parameters]); 7] = [
    ("nothing asked", &[(false, None)]),
    ("no context takeover", &[(true, None)]),
    ("a window of 9 bits", &[(false, Some(9))]),
    ("a window of 15 bits", &[(false, Some(15))]),
    ("no context takeover, a window of 9 bits", &[(true, Some(9))]),
    ("no context takeover, a window of 15 bits", &[(true, Some(15))]),
    ("several offers", &[(true, Some(9)), (true, None), (false, None)]),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (second, (kind, corpus)) in (1..).zip(&CORPORA) {
        let (_, parameters) = PARAMETERS[0];
        cases.extend(exchanges((12, second), *kind, corpus, parameters));
    }
    for (second, (_, parameters)) in (1..).zip(PARAMETERS) {
        cases.extend(exchanges((13, second), Kind::Text, &JSON, parameters));
    }
    cases
}

/// What a subsection of 12 sends.
pub(super) fn corpus_name(second: u8) -> Option<&'static str> {
    let index = usize::from(second.checked_sub(1)?);
    CORPORA.get(index).map(|(_, corpus)| corpus.name)
}

/// What a subsection of 13 negotiates.
pub(super) fn parameters_name(second: u8) -> Option<&'static str> {
    let index = usize::from(second.checked_sub(1)?);
    PARAMETERS.get(index).map(|(name, _)| *name)
}

fn exchanges(
    (first, second): (u8, u8),
    kind: Kind,
    corpus: &'static Corpus,
    parameters: &[Parameters],
) -> Vec<Case> {
    let exchange = |(third, (length, fragment, seconds)): (u8, (usize, Option<usize>, u64))| {
        let count = 1000;
        let unit = if kind == Kind::Text { "characters" } else { "octets" };
        let frames =
            fragment.map_or(String::new(), |size| format!(" in frames of at most {size} octets"));
        let description = format!(
            "Sends {count} compressed messages of {length} {unit} of {}{frames}, each after the \
             last echo. Asks for {}.",
            corpus.name,
            asked(parameters),
        );
        let expectation = format!("Echoes all of them within {seconds} seconds.");
        let source = Source::Corpus(corpus);
        let limit = Duration::from_secs(seconds);
        let trips = RoundTrips { kind, count, length, source, fragment, limit };
        let compression = Some(negotiation(parameters));
        Case { compression, ..round_trips((first, second, third), description, expectation, trips) }
    };
    (1..).zip(EXCHANGES).map(exchange).collect()
}

fn negotiation(parameters: &[Parameters]) -> Compression {
    let offer = |&(server_no_context_takeover, server_max_window_bits): &Parameters| Offer {
        server_no_context_takeover,
        server_max_window_bits,
    };
    let answer = |&(client_no_context_takeover, client_max_window_bits): &Parameters| Answer {
        client_no_context_takeover,
        client_max_window_bits,
    };
    Compression {
        offers: parameters.iter().map(offer).collect(),
        answers: parameters.iter().map(answer).collect(),
    }
}

/// The parameters in words, the alternatives in their order.
fn asked(parameters: &[Parameters]) -> String {
    let words = |&(no_context_takeover, bits): &Parameters| match (no_context_takeover, bits) {
        (false, None) => "nothing".to_owned(),
        (true, None) => "no context takeover".to_owned(),
        (false, Some(bits)) => format!("a window of {bits} bits"),
        (true, Some(bits)) => format!("no context takeover and a window of {bits} bits"),
    };
    parameters.iter().map(words).collect::<Vec<_>>().join(", or else ")
}
