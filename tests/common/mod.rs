//! What the tests of the contracts share: an application that records what a connection tells it,
//! a peer that writes frames by hand, random conversations, an output of any size, and an
//! allocator that counts.

// Each test is a program of its own and uses a part of this.
#![allow(dead_code)]

pub(crate) mod caller;
pub(crate) mod conversation;
pub(crate) mod heap;
pub(crate) mod output;
pub(crate) mod record;
pub(crate) mod side;
pub(crate) mod wire;

use proptest::test_runner::{Config as Settings, FileFailurePersistence};

/// How properties are tested: the defaults, which the environment can change, except that failing
/// cases are kept in `file`. Where they are by default is worked out from a `lib.rs`, which is not
/// to be found from `tests/`.
pub(crate) fn settings(file: &'static str) -> Settings {
    Settings {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        ..Settings::default()
    }
}
