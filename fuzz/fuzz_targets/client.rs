//! A client that echoes, fed with anything; see `Settings::split` for the first bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sansocket::{Client, Fixed, Heap};
use sansocket_fuzz::Counted;
use sansocket_fuzz::driver::{Pieces, run};
use sansocket_fuzz::settings::Settings;

fuzz_target!(|input: &[u8]| {
    let Some((settings, wire)) = Settings::split(input) else { return };
    if settings.fixed {
        run::<Client<Counted>, _>(Fixed::<256>, &settings, Pieces::Echo, wire);
    } else {
        run::<Client<Counted>, _>(Heap, &settings, Pieces::Echo, wire);
    }
});
