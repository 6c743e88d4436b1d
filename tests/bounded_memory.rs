//! Contract 4, bounded memory: nothing is reserved because a header declares a length, limits are
//! enforced as early as the bytes allow, and no queue grows inside the connection.

mod common;

use common::heap::CountingHeap;
use common::output::Output;
use common::record::{Driver, Seen};
use common::side::{Script, Side, established};
use common::wire::{self, BINARY, CONTINUATION, FIN};
use sansocket::handshake::HandshakeError;
use sansocket::{Client, Config, Delivery, Error, Fixed, MessageKind, Server, Storage};

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;

/// Feeds byte by byte and returns how many bytes it took to fail, and with what error.
fn fails_after<R: Side, S: Storage>(driver: &mut Driver<R, S>, bytes: &[u8]) -> (usize, Error) {
    for (index, byte) in bytes.chunks(1).enumerate() {
        driver.feed(byte, false);
        if let Some(error) = driver.error {
            return (index + 1, error);
        }
    }
    panic!("no failure in {} bytes", bytes.len());
}

fn both_deliveries(config: Config) -> [Config; 2] {
    [config.delivery(Delivery::Whole), config.delivery(Delivery::Streaming)]
}

/// A frame or a message over its limit is refused at the last byte of its length.
fn limits_at_the_header<R: Side, S: Storage + Copy>(storage: S) {
    let masks = R::PEER_MASKS;
    for config in both_deliveries(Config::new().max_frame(1000).max_message(1500)) {
        for (length, limit) in [(1001, 1000), (70_000, 1000), (1 << 62, 1000)] {
            let header = wire::header_to_length(masks, FIN | BINARY, length);
            let connection = established::<R, S>(storage, config);
            let mut driver = Driver::new(connection, Output::unbounded());
            let error = Error::FrameTooLong { length, limit };
            assert_eq!(fails_after(&mut driver, &header), (header.len(), error));
        }
        let first = wire::frame(masks, BINARY, &[0; 1000]);
        for length in [501, 1000] {
            let header = wire::header_to_length(masks, CONTINUATION, length);
            let connection = established::<R, S>(storage, config);
            let mut driver = Driver::new(connection, Output::unbounded());
            driver.feed(&first, true);
            let error = Error::MessageTooLong { length: 1000 + length, limit: 1500 };
            assert_eq!(fails_after(&mut driver, &header), (header.len(), error));
        }
        // The limits themselves are allowed, and an empty message in the end.
        let mut driver = Driver::new(established::<R, S>(storage, config), Output::unbounded());
        driver.feed(&first, true);
        driver.feed(&wire::frame(masks, CONTINUATION, &[0; 500]), true);
        driver.feed(&wire::frame(masks, FIN | CONTINUATION, &[]), true);
        assert_eq!(driver.error, None);
    }
}

#[test]
fn frames_and_messages_are_measured_by_their_headers() {
    #[cfg(feature = "alloc")]
    limits_at_the_header::<Server, _>(sansocket::Heap);
    #[cfg(feature = "alloc")]
    limits_at_the_header::<Client<Script>, _>(sansocket::Heap);
    limits_at_the_header::<Server, _>(Fixed::<1500>);
    limits_at_the_header::<Client<Script>, _>(Fixed::<1500>);
}

/// The storage is a limit for whole messages, and none for those in pieces.
#[test]
fn a_fixed_storage_is_a_limit() {
    let header = wire::header_to_length(true, FIN | BINARY, 101);
    let [whole, streaming] = both_deliveries(Config::new());
    let mut driver =
        Driver::new(established::<Server, _>(Fixed::<100>, whole), Output::unbounded());
    let error = Error::MessageTooLong { length: 101, limit: 100 };
    assert_eq!(fails_after(&mut driver, &header), (header.len(), error));

    let message = wire::frame(true, FIN | BINARY, &[5; 10_000]);
    for in_place in [true, false] {
        let connection = established::<Server, _>(Fixed::<100>, streaming);
        let mut driver = Driver::new(connection, Output::unbounded());
        driver.feed(&message, in_place);
        let whole = Seen::Frame {
            kind: MessageKind::Binary,
            data: vec![5; 10_000],
            start: true,
            frame_end: true,
            message_end: true,
        };
        assert_eq!((&driver.seen[..], driver.error), (&[whole][..], None));
    }
}

/// The head's length is judged at the byte that reaches the limit without an end, the number of
/// its headers at the end of the line that is one too many.
fn limits_of_the_head<R: Side, S: Storage + Copy>(storage: S) {
    let first = R::HEADS[0].split_inclusive("\r\n").next().expect("a first line");
    let endless = format!("{first}Cookie: {}", "c".repeat(1000));
    let limit = 300;
    let connection = R::connect(storage, Config::new().max_head(limit), &mut Output::unbounded());
    let mut driver = Driver::new(connection, Output::unbounded());
    let (length, error) = fails_after(&mut driver, endless.as_bytes());
    assert_eq!((length, error), (300, Error::Handshake(HandshakeError::HeadTooLong { limit })));

    let headers = format!("{first}{}", "A: b\r\n".repeat(100));
    let limit = 20;
    let config = Config::new().max_headers(limit);
    let mut driver =
        Driver::new(R::connect(storage, config, &mut Output::unbounded()), Output::unbounded());
    let (length, error) = fails_after(&mut driver, headers.as_bytes());
    assert_eq!(error, Error::Handshake(HandshakeError::TooManyHeaders { limit }));
    assert_eq!(length, first.len() + "A: b\r\n".len() * 21);

    // A head of just as many bytes, or headers, as are allowed.
    let head = R::HEADS[0];
    let (bytes, lines) = (u32::try_from(head.len()).unwrap(), head.matches("\r\n").count());
    let headers = u16::try_from(lines - 2).unwrap();
    for (bytes, headers, passes) in
        [(bytes, headers, true), (bytes - 1, headers, false), (bytes, headers - 1, false)]
    {
        let config = Config::new().max_head(bytes).max_headers(headers);
        let mut out = Output::unbounded();
        let mut driver = Driver::new(R::connect(storage, config, &mut out), out);
        driver.feed(head.as_bytes(), true);
        assert_eq!(driver.error.is_none(), passes, "{bytes} bytes, {headers} headers");
    }
}

#[test]
fn heads_are_measured_as_they_come() {
    #[cfg(feature = "alloc")]
    limits_of_the_head::<Server, _>(sansocket::Heap);
    limits_of_the_head::<Server, _>(Fixed::<400>);
    #[cfg(feature = "alloc")]
    limits_of_the_head::<Client<Script>, _>(sansocket::Heap);
    limits_of_the_head::<Client<Script>, _>(Fixed::<400>);
}

#[cfg(feature = "alloc")]
mod on_the_heap {
    use sansocket::{Accept, CloseCode, CloseFrame, Connection, Event, Heap, Request};

    use super::common::heap::{Usage, measure};
    use super::common::wire::{CLOSE, PING, TEXT};
    use super::*;

    /// Passes chunks of this length, counts messages and pieces, and empties the output.
    fn feed<R: Side>(
        connection: &mut Connection<R, Heap>,
        bytes: &[u8],
        step: usize,
        out: &mut Vec<u8>,
    ) -> usize {
        let mut count = 0;
        for chunk in bytes.chunks(step) {
            let mut events = connection.receive(chunk, out);
            while let Some((event, mut reply)) = events.next().expect("a valid stream") {
                R::open(&event, &mut reply);
                count += 1;
            }
            out.clear();
        }
        count
    }

    /// An output that will not grow, so that only the connection is measured.
    fn output() -> Vec<u8> {
        Vec::with_capacity(64 << 10)
    }

    fn unlimited() -> Config {
        Config::new().max_frame(u64::MAX).max_message(u64::MAX)
    }

    #[test]
    fn a_declared_length_reserves_nothing() {
        fn check<R: Side>() {
            let masks = R::PEER_MASKS;
            for config in both_deliveries(unlimited()) {
                for length in [1 << 20, 1 << 40, 1 << 62, i64::MAX.unsigned_abs()] {
                    let mut out = output();
                    let mut connection = established::<R, _>(Heap, config);
                    let header = wire::header(masks, FIN | BINARY, length);
                    let ((), usage) = measure(|| {
                        feed(&mut connection, &header, usize::MAX, &mut out);
                    });
                    assert_eq!(usage, Usage::default(), "{length} bytes declared");
                    let ((), usage) = measure(|| {
                        feed(&mut connection, &[0; 1000], 100, &mut out);
                    });
                    assert!(usage.peak <= 2000, "{usage:?}");
                }
            }
        }
        check::<Server>();
        check::<Client<Script>>();
    }

    #[test]
    fn a_message_takes_no_more_than_the_limit() {
        const LIMIT: usize = 150_000;
        fn check<R: Side>() {
            let masks = R::PEER_MASKS;
            let one_frame = wire::frame(masks, FIN | BINARY, &[1; LIMIT]);
            let mut fragments = wire::frame(masks, BINARY, &[2; 1000]);
            fragments.extend(wire::frame(masks, CONTINUATION, &[2; 1000]).repeat(LIMIT / 1000 - 1));
            fragments.extend(wire::frame(masks, FIN | CONTINUATION, b""));
            for bytes in [one_frame, fragments] {
                for step in [1, 64 << 10] {
                    let config = Config::new().max_message(LIMIT as u64);
                    let mut connection = established::<R, _>(Heap, config);
                    let mut out = output();
                    let (count, usage) = measure(|| feed(&mut connection, &bytes, step, &mut out));
                    assert_eq!(count, 1);
                    assert!(usage.peak <= signed(LIMIT) + 256, "{usage:?}, chunks of {step}");
                }
            }
        }
        check::<Server>();
        check::<Client<Script>>();
    }

    /// In pieces a message takes no more than the chunks it comes in, and nothing if they may be
    /// changed.
    #[test]
    fn a_message_in_pieces_takes_a_chunk() {
        const STEP: usize = 1000;
        let [_, streaming] = both_deliveries(unlimited());
        let mut message = wire::frame(true, FIN | BINARY, &[3; 1 << 20]);
        let mut connection = established::<Server, _>(Heap, streaming);
        let mut out = output();
        let (count, usage) = measure(|| feed(&mut connection, &message, STEP, &mut out));
        assert_eq!(count, message.len().div_ceil(STEP));
        assert!(usage.peak <= signed(STEP), "{usage:?}");

        let mut connection = established::<Server, _>(Heap, streaming);
        let ((), usage) = measure(|| {
            for chunk in message.chunks_mut(STEP) {
                let mut events = connection.receive(chunk, &mut out);
                while events.next().unwrap().is_some() {}
            }
        });
        assert_eq!(usage, Usage::default());
    }

    #[test]
    fn no_queue_grows() {
        let config = Config::new();
        let ping = wire::frame(true, FIN | PING, &[4; 125]);
        let text = wire::frame(true, FIN | TEXT, &[b'a'; 125]);
        let fragment = wire::frame(true, CONTINUATION, b"");
        let mut connection = established::<Server, _>(Heap, config);
        let mut out = output();
        // Cut so that control frames are collected too.
        let mut flood = |frame: &[u8], times| {
            for _ in 0..times {
                feed(&mut connection, frame, 50, &mut out);
            }
        };
        let ((), usage) = measure(|| {
            flood(&ping, 20_000);
            flood(&text, 20_000);
            flood(&wire::frame(true, TEXT, b""), 1);
            flood(&[ping.clone(), fragment].concat(), 20_000);
        });
        assert!(usage.peak <= 1024, "{usage:?}");
    }

    #[test]
    fn what_is_retained_after_a_large_message_is_bounded() {
        for retain in [0u32, 1000, 64 << 10] {
            let mut connection = established::<Server, _>(Heap, Config::new().retain(retain));
            let mut out = output();
            let large = wire::frame(true, FIN | BINARY, &[5; 1 << 20]);
            let (count, usage) = measure(|| feed(&mut connection, &large, 4096, &mut out));
            assert_eq!(count, 1);
            assert!(usage.peak >= 1 << 20, "{usage:?}");
            assert!(usage.held <= i64::from(retain), "{usage:?}, {retain} bytes to be retained");
        }
    }

    /// After anything that leaves no message under way, memory is given back to the last byte.
    #[test]
    fn release_gives_everything_back() {
        fn check<R: Side>() {
            let masks = R::PEER_MASKS;
            let traffic = [
                R::HEADS[1].as_bytes(),
                &wire::frame(masks, TEXT, &[b'a'; 500]),
                &wire::frame(masks, FIN | PING, &[6; 125]),
                &wire::frame(masks, FIN | CONTINUATION, &[b'a'; 50_000]),
            ]
            .concat();
            let mut out = output();
            for step in [1, 100, usize::MAX] {
                let (mut connection, usage) = measure(|| {
                    let mut connection = R::connect(Heap, Config::new(), &mut out);
                    feed(&mut connection, &traffic, step, &mut out);
                    connection
                });
                assert!(usage.held > 0, "{usage:?}");
                let ((), released) = measure(|| connection.release());
                assert_eq!(usage.held + released.held, 0, "chunks of {step}");
                // And everything works as before.
                let ping = wire::frame(masks, FIN | PING, &[7; 125]);
                assert_eq!(feed(&mut connection, &ping, 1, &mut out), 1);
            }
        }
        check::<Server>();
        check::<Client<Script>>();
    }

    #[test]
    fn release_keeps_what_a_message_under_way_needs() {
        let message = wire::frame(true, FIN | TEXT, &[b'a'; 100]);
        let (head, tail) = message.split_at(50);
        let mut driver =
            Driver::new(established::<Server, _>(Heap, Config::new()), Output::unbounded());
        driver.feed(head, true);
        driver.connection.release();
        driver.feed(tail, true);
        assert_eq!(driver.seen, [Seen::Message(MessageKind::Text, vec![b'a'; 100])]);

        let mut connection = Connection::server(Config::new());
        let mut events = connection.receive(Server::HEADS[0].as_bytes(), &mut driver.out);
        assert!(matches!(events.next(), Ok(Some((Event::Request(_), _)))));
        connection.release();
        assert_eq!(connection.request().map(|request| request.target()), Some("/chat"));
        connection.sender(&mut driver.out).accept(Accept::new()).unwrap();
    }

    /// The report of a closed connection outlives the release: that is all that it holds.
    #[test]
    fn a_closed_connection_holds_its_reasons_only() {
        let mut out = output();
        let (connection, usage) = measure(|| {
            let mut connection = established::<Server, _>(Heap, Config::new());
            connection.sender(&mut out).close(CloseFrame::new(CloseCode::NORMAL, "mine")).unwrap();
            let close = wire::frame(true, FIN | CLOSE, &wire::close_payload(1000, "yours"));
            feed(&mut connection, &close, 1, &mut out);
            connection.release();
            connection
        });
        let report = connection.close_report();
        let frame = |reason| Some(CloseFrame::new(CloseCode::NORMAL, reason));
        assert_eq!((report.sent, report.received), (frame("mine"), frame("yours")));
        assert!(usage.held <= 256, "{usage:?}");
    }

    /// A client's request is written to the output alone.
    #[test]
    fn a_client_without_subprotocols_holds_nothing() {
        let mut out = output();
        let request = Request::new("example.com", "/").headers(&[("Cookie", "a=b")]);
        let (connection, usage) =
            measure(|| Connection::client(&request, Script::default(), Config::new(), &mut out));
        assert!(connection.is_ok());
        assert_eq!(usage, Usage::default());
    }

    fn signed(length: usize) -> i64 {
        i64::try_from(length).expect("a length in a test")
    }
}
