//! The wire log on a page.

use maud::{Markup, html};
use sansocket::wirelog::Direction;

use super::text;
use super::wire_log::{Chop, Chops, Frame, Row, WireLog};

/// So many octets are shown of chops that stand together.
const SHOWN: usize = 64;

pub(super) fn section(log: &WireLog) -> Markup {
    html! {
        section {
            h2 { "Wire log" }
            p.note { "Octets come first, chop by chop, then the frames that end in them." }
            p {
                span.legend.sent { "→ sent by the fuzzing peer" } " "
                span.legend.received { "← received from the implementation" }
            }
            ol.log { @for row in &log.rows { (self::row(row)) } }
            @if log.left_out > 0 {
                p.note { "Not shown: " (text::count(log.left_out, "further row")) "." }
            }
            @if log.is_cut {
                p.note { "The conversation went on, longer than it is kept." }
            }
        }
    }
}

fn row(row: &Row) -> Markup {
    match row {
        Row::Chops(direction, chops) => directed("octets", *direction, &self::chops(chops)),
        Row::Head(direction, head) => {
            directed("head", *direction, &html! { b { "head" } span.wide { (head) } })
        }
        Row::Frame(direction, frame) => directed("frame", *direction, &self::frame(frame)),
        Row::Lost(direction, why) => directed(
            "lost",
            *direction,
            &html! { b { "lost" } span.wide { "What follows cannot be told: " (why) } },
        ),
        Row::Note(time, note) => html! {
            li.note { span {} b { (text::seconds(*time)) } span.wide { (note) } }
        },
    }
}

fn directed(class: &str, direction: Direction, content: &Markup) -> Markup {
    let (name, arrow) = match direction {
        Direction::Sent => ("sent", "→"),
        Direction::Received => ("received", "←"),
    };
    html! { li class={ (class) " " (name) } { span title=(name) { (arrow) } (content) } }
}

fn chops(chops: &Chops) -> Markup {
    let size = |chop: &Chop| chop.length;
    let title = match &chops.first[..] {
        [_] => text::count(chops.octets, "octet"),
        [first, rest @ ..] if rest.iter().all(|chop| chop.length == first.length) => {
            format!("{} × {}", text::number(chops.count), text::count(size(first), "octet"))
        }
        _ => format!("{} chops, {}", text::number(chops.count), text::count(chops.octets, "octet")),
    };
    html! { b { (title) } code.wide { (octets(chops)) } }
}

/// The octets' start, with a bar where a chop ends.
fn octets(chops: &Chops) -> String {
    let mut shown = 0;
    let mut parts = vec![];
    for chop in &chops.first {
        let start = &chop.start[..chop.start.len().min(SHOWN - shown)];
        if start.is_empty() {
            break;
        }
        shown += start.len();
        let octets: Vec<_> = start.iter().map(|octet| format!("{octet:02x}")).collect();
        parts.push(octets.join(" "));
    }
    let more = if chops.octets > shown as u64 { " …" } else { "" };
    parts.join(" | ") + more
}

fn frame(frame: &Frame) -> Markup {
    html! {
        b { (text::opcode(frame.opcode)) }
        span.flags { (flags(frame)) }
        span.payload {
            @if frame.missing > 0 { (text::number(frame.length - frame.missing)) " of " }
            (text::count(frame.length, "octet"))
            @if frame.length > frame.missing { " " code { (payload(frame)) } }
            @if let Some(remark) = &frame.remark { span.remark { (remark) } }
        }
    }
}

fn flags(frame: &Frame) -> String {
    let mut flags = vec![];
    if frame.fin {
        flags.push("FIN".into());
    }
    let bits = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")];
    flags.extend(
        bits.iter().filter(|(bit, _)| frame.rsv & bit != 0).map(|(_, name)| (*name).into()),
    );
    if let Some(key) = frame.key {
        flags.push(format!("MASK {:08x}", u32::from_be_bytes(key)));
    }
    flags.join(" ")
}

fn payload(frame: &Frame) -> String {
    match &frame.close {
        Some((code, reason)) if reason.is_empty() => {
            format!("{code} ({})", text::close_code(*code))
        }
        Some((code, reason)) => {
            let reason = text::payload(reason, frame.length - frame.missing - 2);
            format!("{code} ({}) {reason}", text::close_code(*code))
        }
        None => text::payload(&frame.start, frame.length - frame.missing),
    }
}
