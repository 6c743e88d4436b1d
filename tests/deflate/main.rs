//! permessage-deflate [RFC 7692] over the wire: the examples of the RFC, the negotiation, and all
//! that is compressed and decompressed against the C zlib, which knows nothing of this crate.
#![cfg(all(feature = "deflate", feature = "alloc"))]

extern crate alloc;

#[path = "../common/mod.rs"]
mod common;

mod allocation;
mod choice;
mod chop;
mod differential;
mod examples;
mod flushes;
mod fragment_calls;
mod fragments;
mod hostile;
mod incompressible;
mod negotiation;
mod output;
mod peer;
mod pools;
mod violations;
mod walker;
mod window;
mod writer;
mod zlib;

use common::heap::CountingHeap;

#[global_allocator]
static HEAP: CountingHeap = CountingHeap;
