//! The examples of RFC 7692 §7.2.3, received by both sides, in both deliveries, however they are
//! cut.

use sansocket::{Client, Config, MessageKind, Server};

use crate::common::record::Seen;
use crate::common::side::{Script, Side};
use crate::common::wire::{self, CONTINUATION, FIN, PING, TEXT};
use crate::peer::{ChunkKind, DELIVERIES, RSV1, Terms, driver, messages};

/// "Hello" in one block with the fixed codes, "BFINAL" not set (§7.2.3.1).
const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

/// "Hello" as a copy of the one before (§7.2.3.2).
const HELLO_AGAIN: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];

/// A frame in full but for its mask: the first byte and the payload.
type Frame<'a> = (u8, &'a [u8]);

const WHOLE: u8 = FIN | RSV1 | TEXT;

/// Receives frames with and without context takeover, and gives the messages if each way of
/// cutting the stream gives the same.
#[track_caller]
fn received(frames: &[Frame<'_>], takeover: bool) -> Vec<String> {
    let server = received_by::<Server>(frames, takeover);
    let client = received_by::<Client<Script>>(frames, takeover);
    assert_eq!(server, client);
    server
}

#[track_caller]
fn received_by<R: Side>(frames: &[Frame<'_>], takeover: bool) -> Vec<String> {
    let bytes: Vec<u8> = frames
        .iter()
        .flat_map(|(first, payload)| wire::frame(R::PEER_MASKS, *first, payload))
        .collect();
    let bytes = &bytes;
    let chunks = || ChunkKind::ALL.into_iter().flat_map(|kind| [(kind, bytes.len()), (kind, 1)]);
    let mut results = DELIVERIES.into_iter().flat_map(|delivery| {
        chunks().map(move |(kind, length)| {
            let terms = Terms { takeover, ..Terms::DEFAULT };
            let mut driver = kind.prepare(driver::<R>(terms, Config::new().delivery(delivery)));
            driver.feed_in(bytes, core::iter::repeat(kind.cut(length)));
            assert_eq!(driver.error, None, "{delivery:?}, {kind:?} chunks of {length}");
            let kinds = driver.seen.iter().all(|seen| match seen {
                Seen::Message(kind, _) | Seen::Frame { kind, .. } => *kind == MessageKind::Text,
                other => matches!(other, Seen::Ping(_)),
            });
            assert!(kinds, "{:?}", driver.seen);
            messages(&driver.seen)
        })
    });
    let first = results.next().expect("a result for each way");
    assert!(results.all(|other| other == first));
    first.into_iter().map(|message| String::from_utf8(message).expect("a text")).collect()
}

#[test]
fn one_compressed_block() {
    for takeover in [true, false] {
        assert_eq!(received(&[(WHOLE, HELLO)], takeover), ["Hello"]);
        let (first, second) = HELLO.split_at(3);
        let fragments = [(RSV1 | TEXT, first), (FIN | CONTINUATION, second)];
        assert_eq!(received(&fragments, takeover), ["Hello"]);
    }
}

#[test]
fn fragments_of_any_length_with_a_ping_between_them() {
    for at in 0..=HELLO.len() {
        let (first, second) = HELLO.split_at(at);
        let frames = [(RSV1 | TEXT, first), (FIN | PING, HELLO), (FIN | CONTINUATION, second)];
        assert_eq!(received(&frames, true), ["Hello"], "{at} bytes first");
    }
    let mut bytewise: Vec<_> = HELLO.chunks(1).map(|byte| (CONTINUATION, byte)).collect();
    bytewise[0].0 = RSV1 | TEXT;
    bytewise[HELLO.len() - 1].0 |= FIN;
    assert_eq!(received(&bytewise, true), ["Hello"]);
}

#[test]
fn the_window_is_shared_with_context_takeover() {
    assert_eq!(received(&[(WHOLE, HELLO), (WHOLE, HELLO)], false), ["Hello"; 2]);
    assert_eq!(received(&[(WHOLE, HELLO), (WHOLE, HELLO_AGAIN)], true), ["Hello"; 2]);
    // Messages that are not compressed do not get into the window.
    let plain = (FIN | TEXT, &b"somebody else"[..]);
    let frames = [(WHOLE, HELLO), plain, (WHOLE, HELLO_AGAIN)];
    assert_eq!(received(&frames, true), ["Hello", "somebody else", "Hello"]);
}

#[test]
fn a_block_with_no_compression() {
    let payload = [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    assert_eq!(received(&[(WHOLE, &payload)], true), ["Hello"]);
    // The next message may refer to it.
    assert_eq!(received(&[(WHOLE, &payload), (WHOLE, HELLO_AGAIN)], true), ["Hello"; 2]);
}

#[test]
fn a_block_with_bfinal_set() {
    let payload = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    for takeover in [true, false] {
        assert_eq!(received(&[(WHOLE, &payload)], takeover), ["Hello"]);
        // A message is not the end of what is sent.
        let frames = [(WHOLE, &payload[..]), (WHOLE, HELLO), (WHOLE, &payload)];
        assert_eq!(received(&frames, takeover), ["Hello"; 3]);
    }
    // Several in one message.
    let twice = [&payload[..7], &payload].concat();
    assert_eq!(received(&[(WHOLE, &twice)], true), ["HelloHello"]);
}

#[test]
fn two_blocks_in_one_message() {
    let payload = [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(received(&[(WHOLE, &payload)], true), ["Hello"]);
}

#[test]
fn an_empty_fragment_and_an_empty_message() {
    let last = (FIN | CONTINUATION, &[0x00][..]);
    // The blocks of what came before end between two bytes.
    let head = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff];
    assert_eq!(received(&[(RSV1 | TEXT, &head), last], true), ["Hello"]);
    assert_eq!(received(&[(WHOLE, &[0x00])], true), [""]);
    // What zlib's compressor gives for no data.
    assert_eq!(received(&[(WHOLE, &[0x02, 0x00])], true), [""]);
    let frames = [(RSV1 | TEXT, &[][..]), (CONTINUATION, &[]), last, (WHOLE, HELLO)];
    assert_eq!(received(&frames, false), ["", "Hello"]);
}
