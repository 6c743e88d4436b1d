//! Contract 5, no panic and no unbounded loop: for any input and any order of calls.
//!
//! The calls are made by a caller that keeps to no rule: it drops what remained of a chunk, sends
//! before the handshake, tells a time that runs backwards, goes on after the end of the stream
//! and has an output that is too small. It counts the events: a chunk holds at most about as many
//! as bytes.

mod common;

use common::caller::{Call, Caller, Calls, any_calls, any_timed_config};
use common::conversation::{Conversation, any_conversation};
use common::output::Output;
use common::side::{Script, established};
use proptest::prelude::*;
#[cfg(feature = "alloc")]
use sansocket::Heap;
use sansocket::{Client, Config, Fixed, Server, Storage};

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
        // As little as holds the subprotocols that are asked for.
        perform::<Client<Script>, _>(Fixed::<300>, config, &conversation, &calls);
        perform::<Client<Script>, _>(Fixed::<8>, config, &conversation, &calls);
    }
}
