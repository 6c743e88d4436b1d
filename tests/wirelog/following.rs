//! What is followed and what is not: other responses, entries not taken, and where it gets lost.

use sansocket::wirelog::{MAX_CHOP_SIZES, MAX_HEAD};

use super::common::wire::{self, BINARY, CLOSE, FIN, PING, TEXT};
use super::*;

#[test]
fn after_a_refusal_neither_direction_has_frames() {
    let mut log = WireLog::new();
    found(&mut log, Sent, REQUEST);
    let refusal = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n\x81\x00";
    assert_eq!(
        lines(&mut log, Received, refusal)[1..],
        ["< head at 0: 45 octets, HTTP/1.1 404 Not Found"]
    );
    assert_eq!(found(&mut log, Received, b"\x81\x00"), []);
    assert_eq!(found(&mut log, Sent, b"\x81\x00"), []);
    assert_eq!(log.statistics().received.chops().octets, 49);
}

#[test]
fn an_interim_response_is_followed_by_another() {
    let mut log = WireLog::new();
    let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n";
    let wire = [interim, RESPONSE, b"\x81\x00"].concat();
    let found = found(&mut log, Received, &wire);
    assert_eq!(found[0], Found::Head { direction: Received, offset: 0, head: interim.to_vec() });
    assert_eq!(found[1], Found::Head { direction: Received, offset: 28, head: RESPONSE.to_vec() });
    assert!(matches!(&found[2], Found::Frame(frame) if frame.first == 0x81), "{found:?}");
}

#[test]
fn a_server_sends_the_response() {
    let mut log = WireLog::new();
    let line = "< head at 0: 41 octets, GET /chat HTTP/1.1";
    assert_eq!(lines(&mut log, Received, REQUEST)[1..], [line]);
    let wire = [RESPONSE, b"\x8a\x00"].concat();
    let frame = format!("> frame at {}: pong FIN, 0 octets", RESPONSE.len());
    assert_eq!(lines(&mut log, Sent, &wire)[2..], [frame]);
}

#[test]
fn a_stream_that_is_not_http_is_lost_from_its_head_on() {
    for wire in [&b"\x81\x05Hello"[..], b"GET / HTTP/1.1\n\n"] {
        let mut log = WireLog::new();
        let lost = Found::Lost { direction: Sent, offset: 0, lost: Lost::NotHttp };
        assert_eq!(found(&mut log, Sent, wire), [lost]);
        assert_eq!(found(&mut log, Sent, REQUEST), []);
        assert_eq!(found(&mut log, Received, RESPONSE).len(), 1, "the other direction goes on");
    }
}

#[test]
fn a_head_may_be_as_long_as_the_limit() {
    let mut head = b"GET / HTTP/1.1\r\nA: ".to_vec();
    head.resize(MAX_HEAD - 4, b'a');
    head.extend(b"\r\n\r\n");
    let found_at_limit = found(&mut WireLog::new(), Sent, &head);
    assert_eq!(found_at_limit, [Found::Head { direction: Sent, offset: 0, head: head.clone() }]);

    head.insert(20, b'a');
    for size in [1, 1000, head.len()] {
        let mut log = WireLog::new();
        let all: Vec<_> = head.chunks(size).flat_map(|chop| found(&mut log, Sent, chop)).collect();
        assert_eq!(all, [Found::Lost { direction: Sent, offset: 0, lost: Lost::HeadTooLong }]);
    }
}

#[test]
fn a_length_with_the_top_bit_is_where_frames_end() {
    let mut log = WireLog::established();
    let mut wire = wire::frame(false, FIN | TEXT, b"ok");
    // The reserved opcode is no reason to look for the frame's end.
    wire.extend(wire::header_in_form(false, FIN | 3, 127, &[0x80, 0, 0, 0, 0, 0, 0, 1]));
    wire.extend(wire::frame(false, FIN | TEXT, b"ok"));
    assert_eq!(
        lines(&mut log, Received, &wire)[1..],
        [
            r#"< frame at 0: text FIN, 2 octets: "ok""#,
            "< lost at 4: length 0x8000000000000001 has the top bit set",
        ]
    );
    assert_eq!(lines(&mut log, Received, b"\x81\x00"), ["< 2 octets: 81 00"]);
    assert_eq!(log.statistics().received.frames().count, 1);
}

#[test]
fn headers_that_no_frame_may_have_get_a_remark() {
    let mut log = WireLog::established();
    let frames: [(Vec<u8>, &str); 5] = [
        (vec![0xF3, 0], "opcode 0x3 FIN RSV1 RSV2 RSV3, 0 octets (opcode 0x3 is reserved)"),
        (vec![0x09, 0], "ping, 0 octets (Ping frame is fragmented)"),
        (
            [&[0x8A, 126, 0, 126][..], &[b'x'; 126]].concat(),
            "pong FIN, 126 octets: \"xx\"… (Pong frame is longer than 125 bytes)",
        ),
        (
            vec![0x81, 126, 0, 1, b'x'],
            "text FIN, 1 octet: \"x\" (length 1 is not in its shortest form)",
        ),
        (vec![0xC2, 1, 0], "binary FIN RSV1, 1 octet: 00"),
    ];
    let mut offset = 0;
    log = log.preview(2);
    for (wire, text) in frames {
        assert_eq!(lines(&mut log, Sent, &wire)[1..], [format!("> frame at {offset}: {text}")]);
        offset += wire.len();
    }
}

#[test]
fn close_frames_are_read_whatever_the_preview() {
    let cases: [(&[u8], &str); 5] = [
        (b"", "0 octets"),
        (b"\x03", "1 octet: …"),
        (b"\x03\xed", "2 octets: 1005"),
        (b"\x03\xe8so \"long\"", r#"11 octets: 1000 "so \"long\"""#),
        (b"\x03\xe8\xff", "3 octets: 1000 ff"),
    ];
    for (payload, text) in cases {
        let mut log = WireLog::established().preview(0);
        let wire = wire::frame(false, FIN | CLOSE, payload);
        let line = format!("< frame at 0: close FIN, {text}");
        assert_eq!(lines(&mut log, Received, &wire)[1..], [line]);
    }
}

#[test]
fn a_close_frame_that_is_too_long_is_read_to_125_octets() {
    let payload = [&b"\x03\xe8"[..], &[b'x'; 200]].concat();
    for preview in [0, 64, 202] {
        let mut log = WireLog::established().preview(preview);
        let found = found(&mut log, Sent, &wire::frame(true, FIN | CLOSE, &payload));
        let Found::Frame(frame) = &found[0] else { panic!("{found:?}") };
        assert_eq!(frame.close, Some((1000, vec![b'x'; 123])));
        assert_eq!(frame.preview, payload[..preview]);
    }
}

#[test]
fn entries_that_are_not_taken_are_counted_and_passed() {
    let mut log = WireLog::established();
    let [ping, text] = [(PING, "1"), (TEXT, "22")]
        .map(|(opcode, payload)| wire::frame(true, FIN | opcode, payload.as_bytes()));
    let wire = [ping, text.clone()].concat();
    log.chop(Sent, &wire[..9]);
    log.chop(Sent, &wire[9..]).next();
    let lines = lines(&mut log, Sent, &text);
    assert_eq!(lines[1..], [r#"> frame at 15: text FIN, key 37fa213d, 2 octets: "22""#]);
    assert_eq!(log.statistics().sent.frames().count, 3);
}

#[test]
fn the_frame_that_has_begun_is_told_when_asked_for() {
    let mut log = WireLog::established();
    let wire = wire::frame(true, FIN | TEXT, b"Hello");
    let mut logged = 0;
    for (come, text) in [
        (0, None),
        (5, None),
        (6, Some("> frame at 0: text FIN, key 37fa213d, 0 of 5 octets")),
        (8, Some("> frame at 0: text FIN, key 37fa213d, 2 of 5 octets: \"He\"")),
        (wire.len(), None),
    ] {
        found(&mut log, Sent, &wire[logged..come]);
        logged = come;
        let unfinished = log.unfinished(Sent).map(|entry| entry.to_string());
        assert_eq!(unfinished.as_deref(), text, "{come} octets");
        assert!(log.unfinished(Received).is_none());
    }
}

#[test]
fn a_frame_longer_than_memory_is_followed() {
    let mut log = WireLog::established();
    let wire = wire::header(false, FIN | BINARY, i64::MAX as u64);
    assert_eq!(found(&mut log, Received, &wire), []);
    assert_eq!(found(&mut log, Received, &[0; 1000]), []);
    let missing = i64::MAX as u64 - 1000;
    let Some(entry) = log.unfinished(Received) else { panic!("the frame has begun") };
    assert!(matches!(entry.what, What::Frame(frame) if frame.missing() == missing));
}

#[test]
fn an_empty_chop_is_none() {
    let mut log = WireLog::new();
    assert_eq!(found(&mut log, Sent, b""), []);
    assert!(log.chop(Sent, b"").next().is_none());
    assert_eq!(log.statistics().sent.chops().count, 0);
}

#[test]
fn sizes_beyond_the_bound_are_counted_together() {
    let mut log = WireLog::established();
    let octets = vec![0; MAX_CHOP_SIZES + 2];
    for size in 1..=octets.len() {
        log.chop(Sent, &octets[..size]);
    }
    log.chop(Sent, &octets[..1]);
    let sent = &log.statistics().sent;
    let sizes: Vec<_> = sent.chops_by_size().collect();
    assert_eq!(sizes.len(), MAX_CHOP_SIZES);
    assert_eq!((sizes[0].0, sizes[0].1.count, sizes[0].1.octets), (1, 2, 2));
    let last = sizes.last().unwrap();
    assert_eq!((last.0, last.1.count, last.1.octets), (MAX_CHOP_SIZES, 1, 1024));
    let others = sent.chops_of_other_sizes();
    assert_eq!((others.count, others.octets), (2, 1025 + 1026));
    assert_eq!(sent.chops().count, 1027);
    assert!(log.statistics().to_string().contains("\nof other sizes           2          2051"));
}
