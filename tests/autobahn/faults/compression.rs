//! Faults in permessage-deflate [RFC 7692 §7].

use super::hooks::{on_frame_out, on_head_in, on_head_out, on_header};
use super::inject::Inject;
use super::parts::Frame;
use super::{Fault, Injection, fault};
use crate::compression::{Codec, Params};
use crate::play::Role;

pub(super) fn faults() -> Vec<Fault> {
    let mut faults = Vec::from(offers());
    faults.extend(bits());
    faults.extend(streams());
    faults
}

const HEADER: &str = "Sec-WebSocket-Extensions: ";

/// Takes those offers out of a request that are not to be in it, and leaves a response alone.
fn keep_offers(head: &mut String, is_kept: impl Fn(&str) -> bool) {
    if !head.starts_with("GET ") {
        return;
    }
    let line = |line: &str| {
        let Some(offers) = line.strip_prefix(HEADER) else { return line.to_owned() };
        let kept: Vec<_> = offers.trim_end().split(", ").filter(|offer| is_kept(offer)).collect();
        if kept.is_empty() { String::new() } else { format!("{HEADER}{}\r\n", kept.join(", ")) }
    };
    *head = head.split_inclusive('\n').map(line).collect();
}

fn offers() -> [Fault; 4] {
    [
        fault(
            "declines every offer",
            "Does not know permessage-deflate.",
            &[&["12", "13"]],
            || on_head_in(|head| keep_offers(head, |_| false)),
        )
        .of_servers(),
        fault(
            "declines offers of a window",
            "Does not know the parameter server_max_window_bits.",
            &[&["13.3", "13.4", "13.5", "13.6"]],
            || on_head_in(|head| keep_offers(head, |o| !o.contains("server_max_window_bits"))),
        )
        .of_servers(),
        fault("offers nothing", "Does not know permessage-deflate.", &[&["12", "13"]], || {
            on_head_out(|head| keep_offers(head, |_| false))
        })
        .of_clients(),
        fault(
            "offers to keep to no window",
            "Does not know the parameter client_max_window_bits.",
            &[&["13.3", "13.4", "13.5", "13.6"]],
            || on_head_out(|head| *head = head.replace("; client_max_window_bits", "")),
        )
        .of_clients(),
    ]
}

fn bits() -> [Fault; 3] {
    [
        fault("forgets RSV1", "Does not mark compressed messages.", &[&["12", "13"]], || {
            on_frame_out(|mut frame, out| {
                frame.header.rsv = 0;
                frame.write(out);
            })
        }),
        fault(
            "does not look at RSV1",
            "Takes compressed messages for others.",
            &[&["12", "13"]],
            || on_header(|header| header.rsv &= if header.is_compressed { 0 } else { 7 }),
        ),
        fault(
            "marks every fragment",
            "Sends compressed messages in two fragments, both with RSV1.",
            &[&["12", "13"]],
            || {
                on_frame_out(|frame, out| {
                    if !frame.header.is_compressed {
                        return frame.write(out);
                    }
                    let [first, mut second] = frame.in_two();
                    second.header.rsv = 4;
                    first.write(out);
                    second.write(out);
                })
            },
        ),
    ]
}

/// Compresses what the implementation sends anew, by other parameters than were agreed on.
struct Anew {
    change: fn(&mut Params),
    agreed: Params,
    /// Reads what the implementation says, and says the same.
    codecs: Option<(Codec, Codec)>,
}

impl Inject for Anew {
    fn head_in(&mut self, head: &mut String) {
        self.note(head);
    }

    fn head_out(&mut self, head: &mut String) {
        self.note(head);
    }

    fn frame_out(&mut self, mut frame: Frame, out: &mut Vec<u8>) {
        if frame.header.is_compressed {
            let (reads, says) = self.codecs.get_or_insert_with(|| {
                let mut changed = self.agreed;
                (self.change)(&mut changed);
                // Each is the peer of someone in that role.
                let (own, other) = match frame.header.key {
                    None => (Role::Server, Role::Client),
                    Some(_) => (Role::Client, Role::Server),
                };
                (Codec::new(self.agreed, own), Codec::new(changed, other))
            });
            let message = reads.decompress(&frame.payload).expect("the implementation is right");
            frame.payload = says.compress(&message);
        }
        frame.write(out);
    }
}

impl Anew {
    fn injection(change: fn(&mut Params)) -> Injection {
        Box::new(Self { change, agreed: Params::default(), codecs: None })
    }

    /// Takes the parameters from the response.
    fn note(&mut self, head: &str) {
        if !head.starts_with("HTTP/") {
            return;
        }
        let bits = |name| {
            let (_, value) = head.split_once(name)?;
            value.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        self.agreed = Params {
            server_no_context_takeover: head.contains("server_no_context_takeover"),
            client_no_context_takeover: head.contains("client_no_context_takeover"),
            server_max_window_bits: bits("server_max_window_bits="),
            client_max_window_bits: bits("client_max_window_bits="),
        };
    }
}

fn streams() -> [Fault; 3] {
    [
        fault(
            "keeps its context",
            "Refers to earlier messages though it was agreed that it does not.",
            &[&["13.2", "13.5", "13.6", "13.7"]],
            || {
                Anew::injection(|params| {
                    params.server_no_context_takeover = false;
                    params.client_no_context_takeover = false;
                })
            },
        ),
        fault(
            "has one window for all",
            "Refers further back than the window reaches that was agreed on.",
            &[&["13.3", "13.5", "13.7"]],
            || {
                Anew::injection(|params| {
                    params.server_max_window_bits = None;
                    params.client_max_window_bits = None;
                })
            },
        ),
        fault(
            "loses the end of compressed messages",
            "Cuts off an octet too much where it ends a message.",
            &[&["12", "13"]],
            || {
                on_frame_out(|mut frame, out| {
                    if frame.header.is_compressed {
                        frame.payload.pop();
                    }
                    frame.write(out);
                })
            },
        ),
    ]
}
