//! A server that echoes, fed with anything; see `Settings::split` for the first bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sansocket::{Fixed, Heap, Server};
use sansocket_fuzz::driver::{Pieces, run};
use sansocket_fuzz::settings::Settings;

fuzz_target!(|input: &[u8]| {
    let Some((settings, wire)) = Settings::split(input) else { return };
    if settings.fixed {
        run::<Server, _>(Fixed::<256>, &settings, Pieces::Echo, wire);
    } else {
        run::<Server, _>(Heap, &settings, Pieces::Echo, wire);
    }
});
