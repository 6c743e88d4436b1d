//! Section 2: pings and pongs [RFC 6455 §5.5.2, §5.5.3].

use super::build::{NORMAL, case, close, close_after, fail_after, ping, pong, ponged};
use super::build::{repeat, script};
use crate::case::{Case, Step};

const PONG: &str = "Sends a pong with the payload of the ping.";
const PONGS: &str = "Sends a pong with the payload of each ping, though the last would do.";
const SILENCE: &str = "Sends nothing but its close frame.";

pub(super) fn cases() -> Vec<Case> {
    let not_utf8 = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
    let longest = || repeat(b"\xfe", 125);
    let unsolicited = || pong("unsolicited pong payload");
    let names: Vec<_> = (0..10).map(|index| format!("payload-{index}")).collect();
    let ten_pings = |chop: Option<usize>| -> Vec<Step> {
        let pings = names.iter().map(|name| ping(name.as_str()).chop(chop).into());
        pings.chain([close_after(3)]).collect()
    };
    let ten_pongs = || names.iter().map(|name| ponged(name.as_str())).collect();
    vec![
        case((2, 1), "Sends a ping without payload.", script![ping(""), close_after(1)])
            .answered("Sends a pong without payload.", vec![ponged("")]),
        case(
            (2, 2),
            "Sends a ping with a text as its payload.",
            script![ping("Hello, world!"), close_after(1)],
        )
        .answered(PONG, vec![ponged("Hello, world!")]),
        case(
            (2, 3),
            "Sends a ping whose payload is not UTF-8.",
            script![ping(not_utf8), close_after(1)],
        )
        .answered(PONG, vec![ponged(not_utf8)]),
        case(
            (2, 4),
            "Sends a ping of 125 octets, the most there may be.",
            script![ping(longest()), close_after(1)],
        )
        .answered(PONG, vec![ponged(longest())]),
        case(
            (2, 5),
            "Sends a ping of 126 octets.",
            script![ping(repeat(b"\xfe", 126)), fail_after(1)],
        )
        .violates("Fails the connection: 125 octets are the limit of a control frame.", vec![]),
        case(
            (2, 6),
            "Sends a ping of 125 octets, octet by octet.",
            script![ping(longest()).chop(1), close_after(2)],
        )
        .answered(PONG, vec![ponged(longest())]),
        case(
            (2, 7),
            "Sends a pong without payload that nobody asked for, and closes.",
            script![pong(""), close(NORMAL), close_after(1)],
        )
        .closed(SILENCE, &[NORMAL]),
        case(
            (2, 8),
            "Sends a pong with a payload that nobody asked for, and closes.",
            script![unsolicited(), close(NORMAL), close_after(1)],
        )
        .closed(SILENCE, &[NORMAL]),
        case(
            (2, 9),
            "Sends a pong that nobody asked for, and then a ping.",
            script![unsolicited(), ping("ping payload"), close_after(1)],
        )
        .answered("Answers the ping, and not the pong.", vec![ponged("ping payload")]),
        case((2, 10), "Sends ten pings.", ten_pings(None)).answered(PONGS, ten_pongs()),
        case((2, 11), "Sends ten pings, octet by octet.", ten_pings(Some(1)))
            .answered(PONGS, ten_pongs()),
    ]
}
