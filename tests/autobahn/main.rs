//! The cases of Autobahn|Testsuite as data, played in memory: against this crate in both roles, at
//! many chops, and against another implementation and deliberate faults, to show that they tell
//! right from wrong.
//!
//! `AUTOBAHN_REPORT=dir` writes a report, `AUTOBAHN_CASES=5.20,12` plays only some cases,
//! `AUTOBAHN_SEED=…` repeats the random chops of an earlier run, `AUTOBAHN_FULL=1` plays all
//! thousand messages of the cases that have so many.

// The lints of a library without std and of its oldest compiler; casts are of small numbers.
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]
#![allow(clippy::incompatible_msrv, clippy::cast_possible_truncation)]

mod case;
mod catalogue;
mod chop;
mod compression;
mod ending;
mod faults;
mod fuzzer;
mod handshake;
mod outcome;
mod payload;
mod play;
mod progress;
mod random;
mod report;
mod rival;
mod round_trips;
mod subject;
mod subjects;
mod suite;
mod trace;
mod wire;

use std::time::Instant;

use play::Role;
use progress::print;
use suite::Options;

/// Every case in both roles gets the best verdict, however its octets are cut.
#[test]
fn suite() {
    let options = Options::from_env();
    let start = Instant::now();
    let mut cases = catalogue::cases();
    cases.retain(|case| options.selects(case));
    assert!(!cases.is_empty(), "AUTOBAHN_CASES selects no case");

    let results = suite::play(&cases, &options);

    let conversations: usize = results.iter().map(|result| result.verdicts().count()).sum();
    let faults = suite::faults(&results);
    if let Some(directory) = &options.report {
        report::write(directory, &results).expect("a report is written");
        print(&format!("\nreport: {}\n", directory.join("index.html").display()));
    }
    print(&format!(
        "\n{}{conversations} conversations in {:.1} s, random chops from AUTOBAHN_SEED={:#x}\n",
        suite::summary(&results, catalogue::section_name),
        start.elapsed().as_secs_f32(),
        options.seed
    ));
    assert!(faults.is_empty(), "not as it should be:\n{}", faults.join("\n"));
}

/// tungstenite gets the verdicts that wstest has given it, case by case.
#[test]
fn tungstenite() {
    let cases = catalogue::cases();
    for (name, role) in [("server", Role::Server), ("client", Role::Client)] {
        let comparison = rival::compare(&cases, role);
        print(&format!("tungstenite as a {name}: {}\n", comparison.counts_text()));
        let differences = comparison.differences;
        assert!(differences.is_empty(), "unlike wstest:\n{}", differences.join("\n"));
    }
}
