//! Contract 1, chop invariance: however a stream is cut, and whether its chunks may be changed or
//! not, a connection tells, sends and ends the same.
//!
//! The reference is the whole stream in one chunk that may be changed. In streaming delivery the
//! pieces of a frame are put together before they are compared.

mod common;

use common::conversation::{Conversation, any_config, any_conversation};
use common::output::Output;
use common::record::{Driver, Manners, Seen, Transcript};
use common::side::{Script, Side, established};
use common::wire::{self, BINARY, FIN, TEXT};
use proptest::collection::vec;
use proptest::prelude::*;
#[cfg(feature = "alloc")]
use sansocket::Heap;
use sansocket::{Client, Config, Delivery, Fixed, Server, Storage};

const REGRESSIONS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/chop_invariance.txt");

/// How to start over with one and the same connection.
#[derive(Clone, Copy)]
struct Setup<S> {
    storage: S,
    config: Config,
    manners: Manners,
    established: bool,
    /// Whether what is not consumed waits in the caller's buffer.
    waits: bool,
}

impl<S: Storage + Copy> Setup<S> {
    /// The record of the stream cut like this.
    fn run<R: Side>(
        &self,
        bytes: &[u8],
        cuts: impl IntoIterator<Item = (usize, bool)>,
    ) -> Transcript {
        let mut out = Output::unbounded();
        let config = if self.waits { self.config.delivery(Delivery::InPlace) } else { self.config };
        let connection = if self.established {
            established::<R, S>(self.storage, config)
        } else {
            R::connect(self.storage, config, &mut out)
        };
        let mut driver = Driver::new(connection, out).with_manners(self.manners);
        if self.waits {
            driver = driver.keeping();
        }
        driver.feed_in(bytes, cuts);
        driver.finish()
    }

    /// Compares the ways of cutting, `pattern` being one that is repeated.
    fn check<R: Side>(&self, bytes: &[u8], pattern: &[(usize, bool)]) -> Result<(), TestCaseError> {
        let whole = self.run::<R>(bytes, [(bytes.len(), true)]);
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
                    manners in manners(),
                    pattern in pattern(),
                ) {
                    let established = conversation.head.is_none();
                    let setup = Setup {
                        storage: $storage,
                        config,
                        manners,
                        established,
                        waits: $waits,
                    };
                    setup.check::<$side>(&conversation.bytes::<$side>(), &pattern)?;
                }
            )*
        }
    };
}

conversations! {
    #[cfg(feature = "alloc")]
    a_server_on_the_heap: Server, Heap, false;
    #[cfg(feature = "alloc")]
    a_server_on_the_heap_in_place: Server, Heap, true;
    #[cfg(feature = "alloc")]
    a_client_on_the_heap: Client<Script>, Heap, false;
    #[cfg(feature = "alloc")]
    a_client_on_the_heap_in_place: Client<Script>, Heap, true;
    a_server_of_300_bytes: Server, Fixed::<300>, false;
    a_server_of_300_bytes_in_place: Server, Fixed::<300>, true;
    a_client_of_300_bytes: Client<Script>, Fixed::<300>, false;
    a_client_of_300_bytes_in_place: Client<Script>, Fixed::<300>, true;
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
        pattern in pattern(),
    ) {
        let manners = Manners::default();
        let setup = Setup { storage: Fixed::<100>, config, manners, established, waits };
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
        for delivery in [Delivery::Whole, Delivery::InPlace, Delivery::Streaming] {
            let config = Config::new().delivery(delivery);
            let manners = Manners { echo: true, answer_controls: false };
            let waits = delivery == Delivery::InPlace;
            let setup = Setup { storage: Fixed::<64>, config, manners, established: true, waits };
            let whole = setup.run::<R>(&bytes, [(bytes.len(), true)]);
            assert_eq!((whole.seen.last(), whole.error), (Some(&closed()), None));
            for first in 0..=bytes.len() {
                for second in 0..=bytes.len() - first {
                    for kinds in [[true; 3], [false; 3], [true, false, true]] {
                        let cuts = [(first, kinds[0]), (second, kinds[1]), (bytes.len(), kinds[2])];
                        assert_eq!(setup.run::<R>(&bytes, cuts), whole, "{cuts:?}");
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

/// The largest frames of each form of header, byte by byte.
#[test]
fn lengths_where_the_header_changes() {
    for length in [125, 126, 127, 65_535, 65_536] {
        let bytes = wire::frame(true, FIN | TEXT, &vec![b'a'; length]);
        for delivery in [Delivery::Whole, Delivery::InPlace, Delivery::Streaming] {
            let config = Config::new().delivery(delivery);
            let manners = Manners { echo: true, answer_controls: false };
            let waits = delivery == Delivery::InPlace;
            let storage = Fixed::<65_536>;
            let setup = Setup { storage, config, manners, established: true, waits };
            let whole = setup.run::<Server>(&bytes, [(bytes.len(), true)]);
            assert_eq!((whole.seen.len(), whole.error), (1, None));
            for in_place in [true, false] {
                let bytewise = setup.run::<Server>(&bytes, core::iter::repeat((1, in_place)));
                assert!(bytewise == whole, "{length} bytes, {delivery:?}, in place: {in_place}");
            }
        }
    }
}
