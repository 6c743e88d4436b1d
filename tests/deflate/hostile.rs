//! Payloads that attack a decompressor, each by name, and what they get: the same close code at the
//! same byte with every storage, role, delivery and chop. What only looks like an attack passes.

use alloc::rc::Rc;
use core::cell::RefCell;

use libz_sys as z;
use sansocket::deflate::Codecs;
use sansocket::deflate::DeflateError as E;
use sansocket::{
    Client, Config, Delivery, Error, FixedDeflate, Heap, MessageKind, Server, Shared, Storage,
};

use crate::common::output::Output;
use crate::common::record::Driver;
use crate::common::side::{Script, Side};
use crate::common::wire::{self, BINARY, CONTINUATION, FIN, PING, TEXT};
use crate::differential::reason;
use crate::fragments::connection;
use crate::peer::{ChunkKind, Content, RSV1, Terms, compressed, driver, messages};
use crate::walker::Walker;
use crate::writer::{Block, Body, Distance, Symbol, Writer};
use crate::zlib::{Deflate, Judge};

/// "Hello", compressed, and as a copy of the message before [RFC 7692 §7.2.3].
const HELLO: &[u8] = &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
const AGAIN: &[u8] = &[0xf2, 0x00, 0x11, 0x00, 0x00];

/// A message in one frame.
const WHOLE: u8 = FIN | RSV1 | BINARY;

/// The most bytes of consecutive blocks without output.
const MAX_EMPTY: usize = 4096;

/// A frame: its first byte and its payload.
type Frame<'a> = (u8, &'a [u8]);

/// The output, of a message with an error too, and the error.
type Outcome = (Vec<Vec<u8>>, Option<Error>);

fn receive<R: Side, S: Storage>(
    storage: S,
    terms: Terms,
    config: Config,
    frames: &[Frame<'_>],
    (step, kind): (usize, ChunkKind),
) -> Outcome {
    let connection = connection::<R, S>(storage, terms, config);
    let mut driver = kind.prepare(Driver::new(connection, Output::unbounded()));
    driver.events_per_byte = 6;
    let frames = frames.iter().map(|(first, payload)| wire::frame(R::PEER_MASKS, *first, payload));
    let bytes = frames.collect::<Vec<_>>().concat();
    driver.feed_in(&bytes, core::iter::repeat(kind.cut(step)));
    if let Some(error) = driver.error {
        let close = wire::read_frames(&driver.out.bytes).pop().expect("a close frame");
        let code = error.close_code().expect("a code").get();
        assert_eq!(close.payload, wire::close_payload(code, error.reason()));
    }
    (messages(&driver.seen), driver.error)
}

/// Receives frames in every way; gives what all of them give.
#[track_caller]
fn everywhere(terms: Terms, config: Config, frames: &[Frame<'_>]) -> Outcome {
    #[track_caller]
    fn in_role<R: Side>(terms: Terms, config: Config, frames: &[Frame<'_>]) -> Outcome {
        let codecs = Rc::new(RefCell::new(Codecs::new(1)));
        let shared = || Shared::new(codecs.clone());
        let pieces = config.delivery(Delivery::Streaming);
        let whole = config.delivery(Delivery::Whole);
        let chops = [
            (1, ChunkKind::Mutable),
            (7, ChunkKind::Shared),
            (3, ChunkKind::Input),
            (usize::MAX, ChunkKind::Mutable),
            (usize::MAX, ChunkKind::Shared),
            (usize::MAX, ChunkKind::Input),
        ];
        let expected = receive::<R, _>(Heap, terms, pieces, frames, chops[0]);
        let finished = receive::<R, _>(Heap, terms, whole, frames, chops[0]);
        assert_eq!(finished.1, expected.1);
        assert!(expected.0.starts_with(&finished.0) && expected.0.len() <= finished.0.len() + 1);
        for chop in chops {
            let same = |outcome: Outcome, expected: &Outcome, name: &str| {
                assert_eq!(outcome.1, expected.1, "{name}, {chop:?}");
                assert!(outcome.0 == expected.0, "other output: {name}, {chop:?}");
            };
            same(receive::<R, _>(Heap, terms, pieces, frames, chop), &expected, "heap");
            same(receive::<R, _>(Heap, terms, whole, frames, chop), &finished, "heap, whole");
            same(receive::<R, _>(shared(), terms, pieces, frames, chop), &expected, "shared");
            same(receive::<R, _>(shared(), terms, whole, frames, chop), &finished, "shared, whole");
            let large = FixedDeflate::<64, 15, 8>::new();
            same(receive::<R, _>(large, terms, pieces, frames, chop), &expected, "fixed");
            let exact = match terms.bits {
                8 => {
                    let storage = FixedDeflate::<64, 8, 8>::new();
                    receive::<R, _>(storage, terms, pieces, frames, chop)
                }
                9 => {
                    let storage = FixedDeflate::<64, 9, 8>::new();
                    receive::<R, _>(storage, terms, pieces, frames, chop)
                }
                _ => continue,
            };
            same(exact, &expected, "fixed, exactly the window");
        }
        expected
    }
    let server = in_role::<Server>(terms, config, frames);
    let client = in_role::<Client<Script>>(terms, config, frames);
    assert!(server == client);
    server
}

/// How many bytes of a payload it takes until a connection refuses it.
fn refused_after(payload: &[u8]) -> Option<usize> {
    let mut driver = driver::<Server>(Terms::DEFAULT, Config::new());
    let frame = compressed::<Server>(MessageKind::Binary, payload);
    let header = frame.len() - payload.len();
    (0..frame.len()).find_map(|at| {
        driver.feed(&frame[at..=at], true);
        driver.error.map(|_| at + 1 - header)
    })
}

fn window(bits: u8) -> Terms {
    Terms { bits, takeover: true }
}

fn invalid(reason: E, offset: usize) -> Option<Error> {
    Some(Error::InvalidDeflate { reason, offset: offset as u64 })
}

fn fixed(last: bool, symbols: &[Symbol]) -> Block {
    Block { last, body: Body::Fixed(symbols.to_vec()) }
}

/// It is no zeros that such a distance refers to.
#[test]
fn a_distance_before_the_first_byte() {
    let outcome = everywhere(Terms::DEFAULT, Config::new(), &[(WHOLE, AGAIN)]);
    assert_eq!(outcome, (vec![b"H".to_vec()], invalid(E::DistanceTooFar, 1)));
    assert_eq!(outcome.1.and_then(|error| error.close_code()).map(|code| code.get()), Some(1007));
    for bits in 8..=15 {
        for before in [0usize, 1, 2, 100, 255] {
            for too_far in [0, 1] {
                let mut writer = Writer::new(bits);
                writer.store(false, &vec![b'a'; before]);
                let far = Symbol::Match(3, Distance::Exact(before + too_far));
                if before + too_far == 0 {
                    continue;
                }
                writer.block(&fixed(false, &[far]));
                let payload = writer.flush();
                let outcome = everywhere(window(bits), Config::new(), &[(WHOLE, &payload)]);
                let expected = if too_far == 1 {
                    let before = if before == 0 { vec![] } else { vec![vec![b'a'; before]] };
                    // Behind the header of the stored block and its bytes.
                    let offset = 5 + before.first().map_or(0, Vec::len);
                    (before, invalid(E::DistanceTooFar, offset))
                } else {
                    (vec![vec![b'a'; before + 3]], None)
                };
                assert_eq!(outcome, expected, "{bits} bits, {before} bytes, {too_far} too far");
            }
        }
    }
}

#[test]
fn a_peer_that_gave_up_its_context_and_uses_it() {
    let frames = [(WHOLE, HELLO), (WHOLE, AGAIN)];
    for bits in [8, 15] {
        let (sent, error) = everywhere(window(bits), Config::new(), &frames);
        assert_eq!((sent, error), (vec![b"Hello".to_vec(); 2], None));
        let terms = Terms { bits, takeover: false };
        let (sent, error) = everywhere(terms, Config::new(), &frames);
        assert_eq!(sent, [&b"Hello"[..], b"H"]);
        assert_eq!(error, invalid(E::DistanceTooFar, 1));
        // Empty messages between do not change that, nor what is within a message.
        let frames = [(WHOLE, HELLO), (WHOLE, &[][..]), (WHOLE, AGAIN)];
        let (_, error) = everywhere(terms, Config::new(), &frames);
        assert_eq!(error, invalid(E::DistanceTooFar, 1));
        let frames = [(WHOLE, HELLO), (WHOLE, HELLO)];
        assert_eq!(everywhere(terms, Config::new(), &frames).1, None);
    }
}

/// The window is that which was agreed on, also where the memory is larger and a stream ends.
#[test]
fn a_distance_beyond_the_window_behind_the_last_block_of_a_stream() {
    let stored = Content::Random.bytes(5000, 1);
    for (distance, allowed) in [(256, true), (257, false), (1000, false)] {
        let mut writer = Writer::new(8);
        writer.store(false, &stored).block(&fixed(true, &[]));
        writer.block(&fixed(false, &[Symbol::Match(3, Distance::Exact(distance))]));
        let payload = writer.flush();
        let (sent, error) = everywhere(window(8), Config::new(), &[(WHOLE, &payload)]);
        if allowed {
            let expected = [&stored[..], &stored[5000 - distance..][..3]].concat();
            assert!(error.is_none() && sent == [expected]);
        } else {
            // Five bytes of the stored block's header, two of the empty block.
            assert_eq!(error, invalid(E::DistanceTooFar, 5 + 5000 + 2));
            assert!(sent == [&stored[..]]);
        }
        // In a message of its own.
        let mut writer = Writer::new(8);
        let first = writer.store(true, &stored).end();
        writer.block(&fixed(false, &[Symbol::Match(3, Distance::Exact(distance))]));
        let second = writer.flush();
        let frames = [(WHOLE, &first[..]), (WHOLE, &second)];
        let (_, error) = everywhere(window(8), Config::new(), &frames);
        let expected = invalid(E::DistanceTooFar, 0).filter(|_| !allowed);
        assert_eq!(error, expected);
    }
}

/// The largest distance of each window, and one more; after any number of bytes.
#[test]
fn a_distance_one_byte_beyond_the_window() {
    for bits in 8..=15 {
        for more in [0, 1, 37, 293, 325, 600] {
            let size = 1usize << bits;
            let stored = Content::Random.bytes(size + more, bits.into());
            for distance in [size, size + 1] {
                if distance > 1 << 15 {
                    continue;
                }
                let mut writer = Writer::new(bits);
                let far = Symbol::Match(258, Distance::Exact(distance));
                writer.store(false, &stored).block(&fixed(false, &[far, Symbol::Literal(1)]));
                let payload = writer.flush();
                let (sent, error) = everywhere(window(bits), Config::new(), &[(WHOLE, &payload)]);
                if distance == size {
                    let copy = &stored[more..][..256.min(size)];
                    let copy = copy.iter().chain(copy.iter().filter(|_| size == 256)).take(258);
                    let mut expected = stored.clone();
                    if size > 256 {
                        expected.extend(&stored[more..][..258]);
                    } else {
                        expected.extend(copy);
                    }
                    expected.push(1);
                    assert!(error.is_none() && sent == [expected], "{bits} bits, {more} more");
                } else {
                    let offset = 5 + stored.len();
                    assert_eq!(error, invalid(E::DistanceTooFar, offset));
                    assert!(sent == [&stored[..]]);
                }
            }
        }
    }
}

/// Blocks that contain nothing, of each kind, up to the limit and beyond.
#[test]
fn blocks_that_contain_nothing() {
    let dynamic =
        Block { last: false, body: Body::Dynamic { seed: 3, flaw: None, symbols: vec![] } };
    let mut long = Writer::new(15);
    let count = 4096;
    (0..count).for_each(|_| long.block(&dynamic));
    let dynamic = long.end();
    for (name, blocks) in [
        ("fixed", [0x02, 0x08, 0x20, 0x80, 0x00].repeat(1000)),
        ("stored", [0x00, 0x00, 0x00, 0xff, 0xff].repeat(1000)),
        ("stored, last", [0x01, 0x00, 0x00, 0xff, 0xff].repeat(1000)),
        ("fixed, last", [0x03, 0x00].repeat(3000)),
        ("dynamic", dynamic),
    ] {
        let error = Error::EmptyBlocks { limit: 4096 };
        let (sent, failure) = everywhere(Terms::DEFAULT, Config::new(), &[(WHOLE, &blocks)]);
        assert_eq!((sent, failure), (vec![], Some(error)), "{name}");
        assert_eq!(error.close_code().map(|code| code.get()), Some(1008));
        // Where the block ends that crosses the limit.
        let after = refused_after(&blocks).expect("refused");
        let walk = Walker::new(15).message(&blocks[..after - 1]);
        let blocks_before = walk.map_or(0, |walk| walk.blocks.len());
        assert!(after > MAX_EMPTY && after < MAX_EMPTY + 100, "{name}: {after}, {blocks_before}");
        match name {
            "fixed" => assert_eq!(after, MAX_EMPTY + 1),
            "fixed, last" => assert_eq!(after, MAX_EMPTY + 2),
            "dynamic" => {}
            _ => assert_eq!(after, MAX_EMPTY + 4),
        }
        // In fragments, and with pings between them.
        let mut frames: Vec<Frame<'_>> = vec![];
        for (index, part) in blocks.chunks(1000).enumerate() {
            let first = if index == 0 { RSV1 | BINARY } else { CONTINUATION };
            frames.extend([(first, part), (FIN | PING, b"".as_slice())]);
        }
        assert_eq!(everywhere(Terms::DEFAULT, Config::new(), &frames).1, Some(error), "{name}");
    }
}

/// As many as the limit allows pass, before each byte of output, and in each message.
#[test]
fn blocks_that_contain_nothing_up_to_the_limit() {
    let empty = [0x03, 0x00].repeat(MAX_EMPTY / 2);
    let byte = [0x00, 0x01, 0x00, 0xfe, 0xff, b'x'];
    let more = [0x03, 0x00];
    let limit = [&empty[..], &byte, &empty, &byte, &empty].concat();
    // The end of a message, which is not sent, counts as nothing.
    for end in [&[][..], &[0x00]] {
        let payload = [&limit[..], end].concat();
        let frames = [(WHOLE, &payload[..]), (WHOLE, &payload)];
        let (sent, error) = everywhere(Terms::DEFAULT, Config::new(), &frames);
        assert_eq!((sent, error), (vec![b"xx".to_vec(); 2], None));
    }
    for (payload, expected) in [
        ([&empty[..], &more, &byte].concat(), 0),
        ([&empty[..], &byte, &empty, &more, &byte].concat(), 1),
        ([&limit[..], &more].concat(), 2),
    ] {
        let (sent, error) = everywhere(Terms::DEFAULT, Config::new(), &[(WHOLE, &payload)]);
        assert_eq!(error, Some(Error::EmptyBlocks { limit: 4096 }));
        assert_eq!(sent.concat().len(), expected);
    }
}

/// Compressors that flush behind every byte, in every way that zlib has.
#[test]
fn flushes_behind_every_byte_pass() {
    let message = Content::Text.bytes(3000, 1);
    for level in [0, 1, 9] {
        for flush in [z::Z_PARTIAL_FLUSH, z::Z_SYNC_FLUSH, z::Z_FULL_FLUSH, z::Z_BLOCK] {
            let mut deflate = Deflate::new(9, level);
            let mut payload = vec![];
            message.chunks(1).for_each(|byte| deflate.run(byte, flush, &mut payload));
            payload.extend(deflate.message(b""));
            let (sent, error) = everywhere(window(9), Config::new(), &[(WHOLE, &payload)]);
            assert_eq!(error, None, "level {level}, flush {flush}");
            assert!(sent == [&message[..]]);
        }
    }
}

/// A message without any byte of payload, in one frame or more, is empty and changes nothing.
#[test]
fn payloads_without_a_byte() {
    let text = FIN | RSV1 | TEXT;
    let frames = [
        (text, HELLO),
        (text, &[]),
        (text, AGAIN),
        (RSV1 | TEXT, &[]),
        (CONTINUATION, &[]),
        (FIN | PING, b"between"),
        (FIN | CONTINUATION, &[]),
        (text, AGAIN),
    ];
    let expected = ["Hello", "", "Hello", "", "Hello"].map(|text| text.as_bytes().to_vec());
    for bits in [8, 15] {
        let (sent, error) = everywhere(window(bits), Config::new(), &frames);
        assert_eq!((&sent[..], error), (&expected[..], None));
        // Without takeover there is no copy of the first.
        let frames = frames.map(|(first, payload)| match payload {
            AGAIN => (first, HELLO),
            payload => (first, payload),
        });
        let terms = Terms { bits, takeover: false };
        let (sent, error) = everywhere(terms, Config::new(), &frames);
        assert_eq!((&sent[..], error), (&expected[..], None));
        // As the first message of all.
        let (sent, error) = everywhere(window(bits), Config::new(), &[(text, &[]), (text, HELLO)]);
        assert_eq!((sent, error), (vec![vec![], b"Hello".to_vec()], None));
        // Nor does it take room.
        let config = Config::new().max_message(0).max_frame(0);
        assert_eq!(everywhere(window(bits), config, &[(text, &[])]), (vec![vec![]], None));
    }
}

/// The examples of RFC 7692 §7.2.3 with every storage, each followed by a copy of it.
#[test]
fn the_examples_of_the_rfc() {
    for bits in [8, 9, 15] {
        for example in [
            HELLO,
            &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
            // The same without the byte that §7.2.3.4 puts behind a last block.
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
            &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
        ] {
            let (first, second) = example.split_at(example.len() / 2);
            let frames = [
                (WHOLE, example),
                (WHOLE, AGAIN),
                (RSV1 | BINARY, first),
                (FIN | CONTINUATION, second),
                (RSV1 | BINARY, AGAIN),
                (FIN | CONTINUATION, b""),
            ];
            let (sent, error) = everywhere(window(bits), Config::new(), &frames);
            assert_eq!((sent, error), (vec![b"Hello".to_vec(); 4], None), "{example:x?}");
        }
    }
}

/// A message may end with the last block of a stream, also where its output takes several laps of
/// the window's memory, so that some is still to come when all of the payload is taken.
#[test]
fn a_last_block_whose_output_is_not_out_yet() {
    for bits in [8, 9, 15] {
        for matches in (0..12).chain((12..280).step_by(if bits == 15 { 1 } else { 27 })) {
            for literals in [0, 1, 2] {
                let mut symbols = vec![Symbol::Literal(b'a')];
                symbols.extend(vec![Symbol::Match(258, Distance::Exact(1)); matches]);
                symbols.extend(vec![Symbol::Literal(b'b'); literals]);
                let mut writer = Writer::new(bits);
                writer.block(&fixed(true, &symbols));
                let payload = writer.end();
                let expected = [&vec![b'a'; 1 + 258 * matches][..], &vec![b'b'; literals]].concat();
                for delivery in [Delivery::Whole, Delivery::Streaming] {
                    let config = Config::new().delivery(delivery);
                    let frames = [(WHOLE, &payload[..]), (WHOLE, &payload)];
                    let every = (usize::MAX, ChunkKind::Mutable);
                    let heap = receive::<Server, _>(Heap, window(bits), config, &frames, every);
                    assert_eq!(heap.1, None, "{bits} bits, {matches} matches, {literals}");
                    assert!(heap.0 == [&expected[..], &expected]);
                }
                let config = Config::new().delivery(Delivery::Streaming);
                let storage = FixedDeflate::<64, 8, 8>::new();
                let frames = [(WHOLE, &payload[..])];
                let fixed = receive::<Server, _>(
                    storage,
                    window(8),
                    config,
                    &frames,
                    (usize::MAX, ChunkKind::Mutable),
                );
                assert_eq!(fixed.1, None, "{matches} matches, {literals}");
                assert!(fixed.0 == [&expected[..]]);
            }
        }
    }
}

/// The four bytes that are not sent are input like any other: they can be content, or wrong.
#[test]
fn the_end_that_is_not_sent_is_decompressed() {
    let four = [0x00, 0x04, 0x00, 0xfb, 0xff];
    let frames = [(WHOLE, &four[..]), (WHOLE, HELLO)];
    let (sent, error) = everywhere(Terms::DEFAULT, Config::new(), &frames);
    assert_eq!((sent, error), (vec![vec![0, 0, 0xFF, 0xFF], b"Hello".to_vec()], None));
    // Three of them, and the fourth as a block of type 3.
    let three = [0x00, 0x03, 0x00, 0xfc, 0xff];
    let outcome = everywhere(Terms::DEFAULT, Config::new(), &[(WHOLE, &three)]);
    assert_eq!(outcome, (vec![vec![0, 0, 0xFF]], invalid(E::BlockType, 8)));
    // One more is missing.
    let five = [0x00, 0x05, 0x00, 0xfa, 0xff];
    let outcome = everywhere(Terms::DEFAULT, Config::new(), &[(WHOLE, &five)]);
    assert_eq!(outcome, (vec![vec![0, 0, 0xFF, 0xFF]], invalid(E::Truncated, 9)));
    // They count for the limit of the message, too.
    let config = Config::new().max_message(3);
    let outcome = everywhere(Terms::DEFAULT, config, &[(WHOLE, &four)]);
    let too_long = Error::MessageTooLong { length: 4, limit: 3 };
    assert_eq!(outcome, (vec![vec![0, 0, 0xFF]], Some(too_long)));
}

/// One or two bits behind the last block begin another one, which has no end.
#[test]
fn bits_behind_the_last_block() {
    for (length, left) in [(14, 2), (15, 1)] {
        // Of two codes of the length the end of the block has the last one, all ones, which is the
        // end of what is not sent. The literal 0 has a code of one bit, 0.
        let mut lengths = vec![0; 257];
        lengths.iter_mut().zip(1..=length).for_each(|(to, length)| *to = length);
        lengths[256] = length;
        let mut writer = Writer::new(8);
        // One length after the other: each of 0 to 15 has a code of four bits.
        writer.number(0b100, 3).number(0, 10).number(15, 4).number(0, 9);
        (3..19).for_each(|_| _ = writer.number(4, 3));
        for length in lengths.into_iter().chain([0]) {
            (0..4u32).rev().for_each(|place| _ = writer.number(length >> place, 1));
        }
        let payload = writer.end();
        let bits = 3 + 14 + 57 + 4 * 258;
        assert_eq!(payload.len(), 139);
        let literals = 8 * payload.len() - bits + 16;
        let (sent, error) = everywhere(window(8), Config::new(), &[(WHOLE, &payload)]);
        assert_eq!((sent, error), (vec![vec![0; literals]], invalid(E::Truncated, 142)), "{left}");
        let found = Walker::new(8).message(&payload).expect_err("bits are left");
        assert_eq!(found.offset, 142);
        let verdict = Judge::new(8).message(&payload, 1, usize::MAX);
        assert_eq!(verdict.refused_after, Some(143));
    }
}

/// Each mistake behind a stored block of eight bytes in all, with the byte that it begins in. Codes
/// that are none are found behind the last of their lengths.
#[test]
fn each_mistake_with_its_place() {
    /// Behind the type of a dynamic block: no more codes than needed, and so many lengths of the
    /// code length code, in the order of the header.
    fn dynamic<'w>(writer: &'w mut Writer, lengths: &[u32]) -> &'w mut Writer {
        let count = u32::try_from(lengths.len()).expect("at most 19");
        writer.number(0b100, 3).number(0, 10).number(count - 4, 4);
        lengths.iter().for_each(|&length| _ = writer.number(length, 3));
        writer
    }
    /// 138 lengths of 0 and 118 more, with `code` of so many bits for symbol 18.
    fn zeros(writer: &mut Writer, code: u32, count: u32) -> &mut Writer {
        writer.number(code, count).number(127, 7).number(code, count).number(107, 7)
    }
    // Codes are written from their highest bit on, so 0b10 is 0b01 as a number.
    type Write<'a> = &'a dyn Fn(&mut Writer);
    let cases: [(Write<'_>, E, usize, &str); 16] = [
        (&|w| _ = w.number(0b110, 3), E::BlockType, 8, "reserved block type"),
        (
            &|w| _ = w.number(0, 8).number(5, 16).number(0xFFFB, 16),
            E::StoredLength,
            9,
            "length of a stored block without its complement",
        ),
        // 287 literal and length codes; 31 distance codes.
        (&|w| _ = w.number(0b100, 3).number(30, 14), E::CodeCounts, 8, "too many codes in a block"),
        (&|w| _ = w.number(0b100, 3).number(30 << 5, 14), E::CodeCounts, 8, ""),
        // No length, too few codes, too many. The lengths end with bit 29 of the block.
        (&|w| _ = dynamic(w, &[0; 4]), E::CodeLengthCode, 11, "invalid code of code lengths"),
        (&|w| _ = dynamic(w, &[1, 0, 0, 2]), E::CodeLengthCode, 11, ""),
        (&|w| _ = dynamic(w, &[1, 1, 0, 1]), E::CodeLengthCode, 11, ""),
        // A repetition as the first length: 0 for length 0, 1 for 16.
        (
            &|w| _ = dynamic(w, &[1, 0, 0, 1]).number(0b001, 3),
            E::RepeatedLength,
            11,
            "invalid repetition of a code length",
        ),
        // 256 lengths, and of two more one too many: 0 for 17, 1 for 18. 16 bits behind the 29.
        (&|w| _ = zeros(dynamic(w, &[0, 1, 1, 0]), 1, 1).number(0, 4), E::RepeatedLength, 13, ""),
        // The same, and many too many: 0 for length 0, 1 for 18.
        (&|w| _ = zeros(dynamic(w, &[0, 0, 1, 1]), 1, 1).number(0b1, 8), E::RepeatedLength, 13, ""),
        (
            &|w| _ = zeros(dynamic(w, &[0, 0, 1, 1]), 1, 1).number(0b00, 2),
            E::MissingEndOfBlock,
            13,
            "no code for the end of a block",
        ),
        // One code of two bits: 0 for 18, 10 for length 0, 11 for length 2. 65 bits, and 20.
        (
            &|w| {
                let lengths = [0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
                zeros(dynamic(w, &lengths), 0, 1).number(0b11, 2).number(0b01, 2);
            },
            E::LiteralCode,
            18,
            "invalid code of literals and lengths",
        ),
        // A distance code of two bits: 0 for 18, 10 for length 1, 11 for length 2. 71 bits, and 20.
        (
            &|w| {
                let lengths = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2];
                zeros(dynamic(w, &lengths), 0, 1).number(0b01, 2).number(0b11, 2);
            },
            E::DistanceCode,
            19,
            "invalid code of distances",
        ),
        // A literal in 11 bits, then the code of 286; and a match whose distance is 31 or 8 bytes
        // farther than there are.
        (
            &|w| w.block(&fixed(false, &[Symbol::Literal(1), Symbol::LengthCode(286)])),
            E::InvalidLength,
            9,
            "invalid literal or length",
        ),
        (
            &|w| w.block(&fixed(false, &[Symbol::Literal(1), Symbol::DistanceCode(31)])),
            E::InvalidDistance,
            9,
            "invalid distance",
        ),
        (
            &|w| {
                let far = Symbol::Match(3, Distance::Exact(12));
                w.block(&fixed(false, &[Symbol::Literal(1), far]));
            },
            E::DistanceTooFar,
            9,
            "distance too far back",
        ),
    ];
    let check = |payload: &[u8], reason: E, offset: usize, text: &str| {
        let (sent, error) = everywhere(Terms::DEFAULT, Config::new(), &[(WHOLE, payload)]);
        assert_eq!(error, invalid(reason, offset), "{text}");
        let found = Walker::new(15).message(payload).expect_err("the walker refuses it");
        assert_eq!((found.offset, sent.concat()), (offset, found.message), "{text}");
        if text.is_empty() {
            return;
        }
        assert_eq!(reason.to_string(), text);
        let text = format!("compressed message is invalid at byte {offset}: {text}");
        assert_eq!(error.expect("an error").to_string(), text);
    };
    for (write, reason, offset, text) in cases {
        let mut writer = Writer::new(15);
        write(writer.store(false, b"abc"));
        // Enough input for all bits that it takes to see it.
        let payload = [writer.end(), vec![0xFF; 8]].concat();
        check(&payload, reason, offset, text);
    }
    let text = "message ends within a block";
    // In stored bytes, behind the four that are not sent; in the length of a stored block, which
    // begins before them or with the second of them.
    check(&[0x00, 0x0b, 0x00, 0xf4, 0xff, 0x61], E::Truncated, 10, text);
    check(&[0x00, 0x05, 0x00], E::StoredLength, 1, "");
    check(&[0x02], E::Truncated, 2, text);
    for length in 1..HELLO.len() {
        let cut = &HELLO[..length];
        let found = Walker::new(15).message(cut).expect_err("it is cut off");
        check(cut, reason(found.mistake), found.offset, "");
    }
    let error = Error::EmptyBlocks { limit: 4096 };
    let text = "more than 4096 bytes of empty blocks in a row in a compressed message";
    assert_eq!(error.to_string(), text);
}

/// What cannot be compressed gets longer in stored blocks. The limits count the message itself.
#[test]
fn stored_blocks_of_as_many_bytes_as_the_limit() {
    const LIMIT: usize = 16 << 20;
    let message = Content::Random.bytes(LIMIT + 1, 1);
    let check = |length: usize, payload: &[u8]| {
        for delivery in [Delivery::Whole, Delivery::Streaming] {
            let config = Config::new().delivery(delivery);
            let frames = [(WHOLE, payload)];
            let chop = (1 << 16, ChunkKind::Mutable);
            let (sent, error) = receive::<Server, _>(Heap, Terms::DEFAULT, config, &frames, chop);
            let limit = LIMIT as u64;
            let too_long = Error::MessageTooLong { length: limit + 1, limit };
            assert_eq!(error, Some(too_long).filter(|_| length > LIMIT));
            if length == LIMIT || delivery == Delivery::Streaming {
                assert!(sent == [&message[..LIMIT]]);
            }
        }
    };
    for length in [LIMIT, LIMIT + 1] {
        let payload = Deflate::new(15, 0).message(&message[..length]);
        assert!(payload.len() > length + 2000, "{} bytes", payload.len());
        check(length, &payload);
        // Blocks of 16 KiB, as zlib makes them where its output has as much room.
        let mut writer = Writer::new(15);
        message[..length].chunks(16 << 10).for_each(|part| _ = writer.store(false, part));
        let payload = writer.flush();
        assert_eq!(payload.len(), length + 5 * length.div_ceil(16 << 10) + 1);
        check(length, &payload);
    }
}

/// A compressed frame may be longer than its own bytes may be, by so much and no more; that shows
/// in its header.
#[test]
fn the_length_of_a_compressed_frame() {
    fn check<R: Side>() {
        for max_frame in [0u64, 1, 15, 16, 17, 1000, 65_535, 16 << 20, 1 << 40] {
            let limit = max_frame + max_frame / 16 + 64;
            let refused = |first: u8, before: &[u8], length: u64| {
                let config = Config::new().max_frame(max_frame).max_message(u64::MAX);
                let mut driver = driver::<R>(Terms::DEFAULT, config);
                driver.feed(before, true);
                assert_eq!(driver.error, None);
                driver.feed(&wire::header_to_length(R::PEER_MASKS, first, length), true);
                driver.error
            };
            let start = wire::frame(R::PEER_MASKS, RSV1 | BINARY, b"");
            for (first, before) in [(WHOLE, &[][..]), (FIN | CONTINUATION, &start)] {
                assert_eq!(refused(first, before, limit), None, "{max_frame}");
                let length = limit + 1;
                let error = Error::FrameTooLong { length, limit };
                assert_eq!(refused(first, before, length), Some(error), "{max_frame}");
            }
            // What is not compressed is as long as it is.
            assert_eq!(refused(FIN | BINARY, &[], max_frame), None);
            let length = max_frame + 1;
            let error = Error::FrameTooLong { length, limit: max_frame };
            assert_eq!(refused(FIN | BINARY, &[], length), Some(error));
        }
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// The limit of a message, to the byte, before and behind a match, a literal, a stored byte and a
/// mistake.
#[test]
fn the_limit_of_a_message_to_the_byte() {
    let mut writer = Writer::new(8);
    writer.store(false, &[b's'; 20]);
    let symbols = [Symbol::Literal(b'l'), Symbol::Match(100, Distance::Exact(1))];
    writer.block(&fixed(false, &symbols));
    writer.store(true, &[b't'; 30]);
    let mut wrong = writer.clone();
    let payload = writer.end();
    wrong.number(0b110, 3);
    let wrong = wrong.end();
    let message = [&[b's'; 20][..], &[b'l'; 101], &[b't'; 30]].concat();
    for limit in 0..=160u64 {
        let length = usize::try_from(limit).expect("a small limit");
        let config = Config::new().max_message(limit);
        let (sent, error) = everywhere(window(8), config, &[(WHOLE, &payload)]);
        if length < message.len() {
            let error = error.expect("it is too long");
            assert_eq!(error, Error::MessageTooLong { length: limit + 1, limit });
            assert_eq!(sent.concat(), message[..length]);
        } else {
            assert_eq!((sent, error), (vec![message.clone()], None));
        }
        // The mistake comes behind the last byte that fits.
        let (sent, error) = everywhere(window(8), config, &[(WHOLE, &wrong)]);
        let expected = if length < message.len() {
            Error::MessageTooLong { length: limit + 1, limit }
        } else {
            invalid(E::BlockType, payload.len()).expect("an error")
        };
        assert_eq!(error, Some(expected));
        assert_eq!(sent.concat(), message[..length.min(message.len())]);
        // So for the bytes that come out of each frame, and no others.
        let config = Config::new().max_frame(limit);
        let frames = [(RSV1 | BINARY, &payload[..]), (FIN | CONTINUATION, &payload)];
        let (sent, error) = everywhere(window(8), config, &frames);
        if length < message.len() {
            assert_eq!(error, Some(Error::FrameTooLong { length: limit + 1, limit }));
            assert_eq!(sent.concat(), message[..length]);
        } else {
            assert_eq!((sent, error), (vec![[&message[..], &message].concat()], None));
        }
    }
}
