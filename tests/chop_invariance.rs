//! Contract 1, chop invariance: however a stream is cut, and whatever kind its chunks are, the
//! events, the bytes sent, the deadlines and the end are the same.
//!
//! The reference is the whole stream in one chunk that may be changed, cut only where the time is
//! set. In streaming delivery the pieces of a frame are joined before they are compared.

mod common;

use core::time::Duration;

use common::conversation::{Conversation, any_config, any_conversation};
use common::output::Output;
use common::record::{Driver, Manners, Seen, Transcript};
use common::side::{Script, Side, established};
use common::wire::{self, BINARY, FIN, TEXT};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
#[cfg(feature = "alloc")]
use sansocket::Heap;
use sansocket::{Client, Config, Delivery, Fixed, Server, Storage};

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/chop_invariance.txt");

/// The forms of delivery, without and with an input.
const DELIVERIES: [(Delivery, bool); 4] = [
    (Delivery::Whole, false),
    (Delivery::Whole, true),
    (Delivery::Streaming, false),
    (Delivery::Streaming, true),
];

/// How to start over with one and the same connection.
#[derive(Clone, Copy)]
struct Setup<'a, S> {
    storage: S,
    config: Config,
    manners: Manners,
    established: bool,
    /// Whether bytes are received through an input, whatever the cuts say of their kind.
    waits: bool,
    /// Where in the stream the time is set.
    clock: &'a [usize],
}

/// Which deadline of an open connection is the next one: each of them hides the other.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// That of the keep-alive ping, counted from the last byte received.
    KeepAlive,
    /// That of the idle timeout, counted from the last part of a message.
    Idle,
}

impl Next {
    const ALL: [Self; 2] = [Self::KeepAlive, Self::Idle];

    /// All deadlines, none of which is reached.
    fn deadlines(self, config: Config) -> Config {
        let hours = |hours: u64| Duration::from_secs(3600 * hours);
        let (keep_alive, idle) = match self {
            Self::KeepAlive => (hours(24), hours(48)),
            Self::Idle => (hours(48), hours(24)),
        };
        config
            .opening_timeout(hours(72))
            .closing_timeout(hours(73))
            .server_drop_timeout(hours(74))
            .keep_alive(keep_alive, hours(1))
            .idle_timeout(idle)
    }
}

fn any_next() -> impl Strategy<Value = Next> {
    prop::sample::select(&Next::ALL[..])
}

/// Where the time is set in a stream of this length.
fn places(clock: &[Index], length: usize) -> Vec<usize> {
    clock.iter().map(|place| place.index(length + 1)).collect()
}

fn any_clock() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..4)
}

impl<S: Storage + Copy> Setup<'_, S> {
    /// The record of the stream cut like this.
    fn run<R: Side>(
        &self,
        bytes: &[u8],
        cuts: impl IntoIterator<Item = (usize, bool)>,
    ) -> Transcript {
        let mut out = Output::unbounded();
        let config = self.config;
        let connection = if self.established {
            established::<R, S>(self.storage, config)
        } else {
            R::connect(self.storage, config, &mut out)
        };
        let mut driver = Driver::new(connection, out).with_manners(self.manners);
        driver = driver.with_clock(self.clock);
        if self.waits {
            driver = driver.with_input();
        }
        driver.feed_in(bytes, cuts);
        driver.finish()
    }

    /// Compares the ways of cutting, `pattern` being one that is repeated.
    fn check<R: Side>(&self, bytes: &[u8], pattern: &[(usize, bool)]) -> Result<(), TestCaseError> {
        let whole = Self { waits: false, ..*self }.run::<R>(bytes, [(bytes.len(), true)]);
        prop_assert_eq!(&self.run::<R>(bytes, [(bytes.len(), false)]), &whole, "shared");
        // Single bytes of a long stream take long; these chunks still cut every header.
        let step = if bytes.len() < 4000 { 1 } else { 29 };
        for in_place in [true, false] {
            let bytewise = self.run::<R>(bytes, core::iter::repeat((step, in_place)));
            prop_assert_eq!(&bytewise, &whole, "{} bytes a chunk, in place: {}", step, in_place);
            let cuts = pattern.iter().map(|&(length, _)| (length, in_place));
            let cut = self.run::<R>(bytes, cuts.cycle());
            prop_assert_eq!(&cut, &whole, "random chunks, in place: {}", in_place);
        }
        let mixed = self.run::<R>(bytes, pattern.iter().copied().cycle());
        prop_assert_eq!(&mixed, &whole, "random chunks of both kinds");
        Ok(())
    }
}

/// Lengths and kinds of chunks, empty ones among them, but not all of them.
fn pattern() -> impl Strategy<Value = Vec<(usize, bool)>> {
    let length = prop_oneof![0..4usize, 0..200usize, 0..5000usize];
    (vec((length, any::<bool>()), 0..8), 1..300usize, any::<bool>()).prop_map(
        |(mut pattern, length, in_place)| {
            pattern.push((length, in_place));
            pattern
        },
    )
}

fn established_conversation() -> impl Strategy<Value = Conversation> {
    any_conversation().prop_map(|mut conversation| {
        conversation.head = None;
        conversation
    })
}

fn manners() -> impl Strategy<Value = Manners> {
    (any::<bool>(), any::<bool>())
        .prop_map(|(echo, answer_controls)| Manners { echo, answer_controls })
}

/// A property over random conversations for one side and one storage.
macro_rules! conversations {
    ($($(#[$meta:meta])* $name:ident: $side:ty, $storage:expr, $waits:expr;)*) => {
        proptest! {
            #![proptest_config(common::settings(REGRESSIONS))]
            $(
                $(#[$meta])*
                #[test]
                fn $name(
                    conversation in any_conversation(),
                    config in any_config(),
                    next in any_next(),
                    clock in any_clock(),
                    manners in manners(),
                    pattern in pattern(),
                ) {
                    let bytes = conversation.bytes::<$side>();
                    let setup = Setup {
                        storage: $storage,
                        config: next.deadlines(config),
                        manners,
                        established: conversation.head.is_none(),
                        waits: $waits,
                        clock: &places(&clock, bytes.len()),
                    };
                    setup.check::<$side>(&bytes, &pattern)?;
                }
            )*
        }
    };
}

conversations! {
    #[cfg(feature = "alloc")]
    a_server_on_the_heap: Server, Heap, false;
    #[cfg(feature = "alloc")]
    a_server_on_the_heap_with_an_input: Server, Heap, true;
    #[cfg(feature = "alloc")]
    a_client_on_the_heap: Client<Script>, Heap, false;
    #[cfg(feature = "alloc")]
    a_client_on_the_heap_with_an_input: Client<Script>, Heap, true;
    a_server_of_300_bytes: Server, Fixed::<300>, false;
    a_server_of_300_bytes_with_an_input: Server, Fixed::<300>, true;
    a_client_of_300_bytes: Client<Script>, Fixed::<300>, false;
    a_client_of_300_bytes_with_an_input: Client<Script>, Fixed::<300>, true;
    a_server_of_17_bytes: Server, Fixed::<17>, false;
}

proptest! {
    #![proptest_config(common::settings(REGRESSIONS))]

    /// Bytes without any sense, before and after the opening handshake.
    #[test]
    fn noise(
        bytes in vec(any::<u8>(), 0..200),
        established in any::<bool>(),
        waits in any::<bool>(),
        config in any_config(),
        next in any_next(),
        clock in any_clock(),
        pattern in pattern(),
    ) {
        let (manners, config) = (Manners::default(), next.deadlines(config));
        let clock = &places(&clock, bytes.len())[..];
        let setup = Setup { storage: Fixed::<100>, config, manners, established, waits, clock };
        setup.check::<Server>(&bytes, &pattern)?;
        setup.check::<Client<Script>>(&bytes, &pattern)?;
    }

    /// What a server sends back a client reads as it was, so that to be the same is not to be
    /// empty.
    #[test]
    fn an_echo_comes_back_as_it_was_sent(
        conversation in established_conversation(),
        pattern in pattern(),
    ) {
        let manners = Manners { echo: true, answer_controls: false };
        let setup = Setup {
            storage: Fixed::<70_000>,
            config: Config::new(),
            manners,
            established: true,
            waits: false,
            clock: &[],
        };
        let server = setup.run::<Server>(&conversation.bytes::<Server>(), pattern.clone());
        let client = Setup { manners: Manners::default(), ..setup }
            .run::<Client<Script>>(&server.out, pattern.into_iter().cycle());
        let messages = |seen: &[Seen]| {
            seen.iter().filter(|seen| matches!(seen, Seen::Message(..))).cloned().collect::<Vec<_>>()
        };
        prop_assert_eq!(messages(&client.seen), messages(&server.seen));
    }
}

/// Every place where one cut or two can fall, in a short conversation that has everything.
#[test]
fn every_two_cuts_of_a_short_conversation() {
    fn check<R: Side>() {
        let masks = R::PEER_MASKS;
        let conversation = [
            wire::frame(masks, TEXT, "é".as_bytes()),
            wire::frame(masks, FIN | wire::PING, b"hi"),
            wire::frame(masks, wire::CONTINUATION, &[0xF0, 0x9F]),
            wire::frame(masks, wire::CONTINUATION, &[]),
            wire::frame(masks, FIN | wire::CONTINUATION, &[0x98, 0x80]),
            wire::frame(masks, FIN | BINARY, &[]),
            wire::frame(masks, FIN | wire::CLOSE, &wire::close_payload(1001, "€")),
            b"junk".to_vec(),
        ];
        let bytes = conversation.concat();
        for (delivery, waits) in DELIVERIES {
            for next in Next::ALL {
                let config = next.deadlines(Config::new().delivery(delivery));
                for first in 0..=bytes.len() {
                    let clock = &[first][..];
                    let manners = Manners { echo: true, answer_controls: false };
                    let storage = Fixed::<64>;
                    let setup = Setup { storage, config, manners, established: true, waits, clock };
                    let whole =
                        Setup { waits: false, ..setup }.run::<R>(&bytes, [(bytes.len(), true)]);
                    assert_eq!((whole.seen.last(), whole.error), (Some(&closed()), None));
                    for second in 0..=bytes.len() - first {
                        for kinds in [[true; 3], [false; 3], [true, false, true]] {
                            let lengths = [first, second, bytes.len()];
                            let cuts = lengths.into_iter().zip(kinds);
                            assert_eq!(setup.run::<R>(&bytes, cuts), whole, "{lengths:?}");
                        }
                    }
                }
            }
        }
    }
    fn closed() -> Seen {
        Seen::Close(Some(1001), "€".to_owned())
    }
    check::<Server>();
    check::<Client<Script>>();
}

/// The largest frames of each form of header, and those that wait in an input, byte by byte.
#[test]
fn lengths_where_a_frame_is_received_in_another_way() {
    fn check<S: Storage + Copy>(storage: S, length: usize, kind: u8, next: Next) {
        let bytes = wire::frame(true, FIN | kind, &vec![b'a'; length]);
        // Twice the same: then a call without a byte is between them.
        let (middle, end) = (bytes.len() / 2, bytes.len());
        let clock = &[1, middle, middle, end - 5, end - 2, end - 1, end - 1][..];
        for (delivery, waits) in DELIVERIES {
            let config = next.deadlines(Config::new().delivery(delivery));
            let manners = Manners { echo: true, answer_controls: false };
            let setup = Setup { storage, config, manners, established: true, waits, clock };
            let whole =
                Setup { waits: false, ..setup }.run::<Server>(&bytes, [(bytes.len(), true)]);
            assert_eq!((whole.seen.len(), whole.error), (1, None));
            for in_place in [true, false] {
                let bytewise = setup.run::<Server>(&bytes, core::iter::repeat((1, in_place)));
                assert_eq!(bytewise.timeouts, whole.timeouts, "{length} bytes, {next:?}");
                assert!(
                    bytewise == whole,
                    "{length} bytes of {kind}, {delivery:?}, in place: {in_place}"
                );
            }
        }
    }
    for length in [125, 126, 127, 4095, 4096, 65_535, 65_536] {
        for kind in [TEXT, BINARY] {
            for next in Next::ALL {
                #[cfg(feature = "alloc")]
                check(Heap, length, kind, next);
                check(Fixed::<65_536>, length, kind, next);
            }
        }
    }
}

/// The deadline of a keep-alive ping is counted from the byte that was received last: the first
/// one of a message, the last one, and the first one of the next message.
#[test]
fn the_last_byte_decides_on_the_next_ping() {
    fn check<S: Storage + Copy>(storage: S, length: usize, kind: u8) {
        let frame = wire::frame(true, FIN | kind, &vec![b'a'; length]);
        let bytes = [&frame[..], &frame[..1]].concat();
        for (delivery, waits) in DELIVERIES {
            let config = Next::KeepAlive.deadlines(Config::new().delivery(delivery));
            let manners = Manners::default();
            let clock = &[0, 1, frame.len(), bytes.len()];
            let setup = Setup { storage, config, manners, established: true, waits, clock };
            for in_place in [true, false] {
                for step in [bytes.len(), 1] {
                    let cuts = core::iter::repeat((step, in_place));
                    let Transcript { timeouts, before_end, .. } = setup.run::<Server>(&bytes, cuts);
                    let after = |seconds: u64| Some(Duration::from_secs(24 * 3600 + seconds));
                    // Before the first byte, after it, after the frame, after the byte behind it.
                    let expected = [None, after(0), after(1), after(2), after(3)];
                    assert_eq!(timeouts, expected, "{length} bytes of {kind}, {delivery:?}");
                    assert_eq!(before_end.next_timeout, after(3));
                }
            }
        }
    }
    for length in [0, 5, 200, 5000] {
        for kind in [TEXT, BINARY] {
            #[cfg(feature = "alloc")]
            check(Heap, length, kind);
            check(Fixed::<5000>, length, kind);
        }
    }
}
