//! Contract 5, no panic and no unbounded loop: for any input and any order of calls.
//!
//! The calls are made by a caller that keeps to no rule: it drops what remained of a chunk, receives
//! now from slices and now from inputs while bytes wait in another one, sends before the handshake,
//! sets a time that runs backwards, goes on after the end of the stream and has an output that is
//! too small. It counts the events: a chunk contains at most about as many as bytes.

mod common;

use common::caller::{Call, Caller, Calls, Kind, Taking, any_calls, any_timed_config};
use common::conversation::{Conversation, any_conversation};
use common::output::Output;
use common::side::{Script, established};
use common::wire::{self, BINARY, FIN};
use proptest::prelude::*;
#[cfg(feature = "alloc")]
use sansocket::Heap;
use sansocket::{Client, Config, Connection, Fixed, Server, Storage};

const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/no_panic.txt");

fn perform<R: Calls, S: Storage>(
    storage: S,
    config: Config,
    conversation: &Conversation,
    calls: &[Call],
) {
    let mut out = Output::unbounded();
    let connection = match conversation.head {
        Some(_) => R::connect(storage, config, &mut out),
        None => established(storage, config),
    };
    let out = Output::with_limit(isize::MAX.unsigned_abs());
    let mut caller = Caller::<R, S>::new(connection, out, conversation.bytes::<R>());
    for call in calls {
        caller.perform(call);
    }
}

proptest! {
    #![proptest_config(common::settings(REGRESSIONS))]

    #[test]
    fn any_calls_on_a_server(
        config in any_timed_config(),
        conversation in any_conversation(),
        calls in any_calls(),
    ) {
        #[cfg(feature = "alloc")]
        perform::<Server, _>(Heap, config, &conversation, &calls);
        // Enough for a frame that waits in an input.
        perform::<Server, _>(Fixed::<5000>, config, &conversation, &calls);
        perform::<Server, _>(Fixed::<300>, config, &conversation, &calls);
        perform::<Server, _>(Fixed::<0>, config, &conversation, &calls);
    }

    #[test]
    fn any_calls_on_a_client(
        config in any_timed_config(),
        conversation in any_conversation(),
        calls in any_calls(),
    ) {
        #[cfg(feature = "alloc")]
        perform::<Client<Script>, _>(Heap, config, &conversation, &calls);
        perform::<Client<Script>, _>(Fixed::<5000>, config, &conversation, &calls);
        // As little as holds the subprotocols that are asked for.
        perform::<Client<Script>, _>(Fixed::<300>, config, &conversation, &calls);
        perform::<Client<Script>, _>(Fixed::<8>, config, &conversation, &calls);
    }

    /// A frame waits in an input, and anything happens: other kinds of chunks, other bytes, none.
    #[test]
    fn any_calls_while_a_frame_waits(
        config in any_timed_config(),
        arrived in 0..5000usize,
        kind in prop::sample::select(&[Kind::Fixed, Kind::Growing][..]),
        conversation in any_conversation(),
        calls in any_calls(),
    ) {
        let config = config.max_frame(5000).max_message(5000);
        fn check<R: Calls, S: Storage>(
            connection: Connection<R, S>,
            conversation: &Conversation,
            (arrived, kind): (usize, Kind),
            calls: &[Call],
        ) {
            let frame = wire::frame(R::PEER_MASKS, FIN | BINARY, &[7; 5000]);
            let bytes = [frame, conversation.bytes::<R>()].concat();
            let out = Output::with_limit(isize::MAX.unsigned_abs());
            let mut caller = Caller::<R, S>::new(connection, out, bytes);
            let (taking, answers, again) = (Taking::Events, vec![], true);
            caller.perform(&Call::Receive { length: arrived, kind, taking, answers, again });
            for call in calls {
                caller.perform(call);
            }
        }
        let start = (arrived, kind);
        #[cfg(feature = "alloc")]
        check::<Server, _>(established(Heap, config), &conversation, start, &calls);
        check::<Server, _>(established(Fixed::<5000>, config), &conversation, start, &calls);
        let client = established::<Client<Script>, _>(Fixed::<5000>, config);
        check(client, &conversation, start, &calls);
    }
}
