//! Chop invariance: the same bytes whole, in chunks, and in the other kind of chunks give the same
//! events, output and end. The lowest bit of the target's setting chooses the side.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sansocket::{Client, Fixed, Heap, Server};
use sansocket_fuzz::Counted;
use sansocket_fuzz::driver::{Pieces, Side, run};
use sansocket_fuzz::record::Record;
use sansocket_fuzz::settings::Settings;

fuzz_target!(|input: &[u8]| {
    let Some((mut settings, wire)) = Settings::split(input) else { return };
    // Time goes on between chunks, so it is no part of what must not depend on them.
    settings.ticks = false;
    if input[4] & 1 == 0 {
        compare::<Server>(&settings, wire);
    } else {
        compare::<Client<Counted>>(&settings, wire);
    }
});

fn compare<R: Side>(settings: &Settings, wire: &[u8]) {
    let chopped = record::<R>(settings, wire);
    for in_place in [false, true] {
        let whole = record::<R>(&settings.whole(in_place), wire);
        assert_eq!(whole, chopped, "in place: {in_place}");
    }
}

fn record<R: Side>(settings: &Settings, wire: &[u8]) -> Record {
    let record = if settings.fixed {
        run::<R, _>(Fixed::<256>, settings, Pieces::CountFrames, wire)
    } else {
        run::<R, _>(Heap, settings, Pieces::CountFrames, wire)
    };
    record.without_count()
}
