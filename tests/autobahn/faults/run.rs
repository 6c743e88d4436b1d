//! Plays the cases against each fault, and compares the verdicts with those on the faultless.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Fault;
use super::hooks::Injection;
use super::inject::Faulty;
use crate::case::{Case, Expected, Id, RoundTrips, Step};
use crate::chop::Chop;
use crate::outcome::Outcome;
use crate::play::{self, Effort, Role, Terms};
use crate::subject::{Echo, Subject};
use crate::subjects::{self, Variant};
use crate::suite::Verdict;
use crate::trace::{Entry, Trace};

/// A case with a larger message is left to others like it.
const LARGEST: usize = 256 << 10;
/// A case with a larger message is played as it says alone.
const LARGE: usize = 64 << 10;
/// A case with a larger message is not played octet by octet, and neither is one of compression.
const SMALL: usize = 4 << 10;
/// Of messages that go back and forth, so many octets, but three messages at least.
const EFFORT: Effort = Effort::Octets(1 << 10);
/// Lengths of the compressed messages that are played; fragments are left to section 10.
const COMPRESSED: [usize; 2] = [16, 4096];

/// The first ones for all cases, the others for small ones.
const CHOPS: [Chop; 3] = [Chop::Case, Chop::Whole, Chop::Size(1)];
const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// A case in a role at a chop.
#[derive(Clone, Copy)]
struct Setting<'c> {
    case: &'c Case,
    role: Role,
    chop: Chop,
}

/// A case that has noticed a fault.
pub(super) struct Catch {
    id: Id,
    role: Role,
    chop: Chop,
    verdict: Verdict,
}

/// What has come of a fault.
pub(super) struct Report {
    fault: Fault,
    catches: Vec<Catch>,
}

/// Plays the cases that may tell against each fault, on all processors.
pub(super) fn run(cases: &[Case], faults: Vec<Fault>) -> Vec<Report> {
    let settings: Vec<_> =
        settings(cases).map(|setting| (setting, play(setting, setting.faultless()))).collect();
    let next = AtomicUsize::new(0);
    let catches = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(fault) = faults.get(index) else { return };
                    let caught = catch(fault, &settings);
                    catches.lock().expect("no thread panics with it").insert(index, caught);
                }
            });
        }
    });
    let catches = catches.into_inner().expect("no thread panics with it");
    let reports = faults.into_iter().zip(catches.into_values());
    reports.map(|(fault, catches)| Report { fault, catches }).collect()
}

/// Where anything at all is not as it is without the fault, a line each.
pub(super) fn differences(cases: &[Case], fault: &Fault) -> impl Iterator<Item = String> {
    let facts = |setting: Setting<'_>, subject| {
        let mut outcome = converse(setting, subject, true);
        let said = outcome.trace.take().map_or(vec![], |trace| trace.all_received());
        (format!("{outcome:?}"), said)
    };
    settings(cases)
        .filter(|setting| fault.roles.contains(&setting.role))
        .filter(move |&setting| {
            facts(setting, setting.faultless()) != facts(setting, setting.faulty(fault.inject))
        })
        .map(|Setting { case, role, chop }| format!("{} as {role:?}, {chop}", case.id))
}

/// The cases that notice the fault.
fn catch(fault: &Fault, settings: &[(Setting<'_>, Outcome)]) -> Vec<Catch> {
    let mut catches = vec![];
    for (setting, faultless) in settings {
        let &Setting { case, role, chop } = setting;
        if !fault.roles.contains(&role) {
            continue;
        }
        let outcome = play(*setting, setting.faulty(fault.inject));
        if outcome.verdict() != faultless.verdict() {
            catches.push(Catch { id: case.id, role, chop, verdict: outcome.verdict() });
        }
    }
    catches
}

fn play(setting: Setting<'_>, subject: Box<dyn Subject>) -> Outcome {
    converse(setting, subject, false)
}

fn converse(setting: Setting<'_>, mut subject: Box<dyn Subject>, trace: bool) -> Outcome {
    let Setting { case, role, chop } = setting;
    let terms = Terms { role, chop, effort: EFFORT, trace };
    play::play(case, terms, &mut *subject, &mut Echo)
}

fn settings(cases: &[Case]) -> impl Iterator<Item = Setting<'_>> {
    let cases = cases.iter().filter(|case| is_played(case));
    cases.flat_map(|case| {
        let chops = if case.largest_message() > LARGE {
            &CHOPS[..1]
        } else if case.largest_message() > SMALL || case.compression.is_some() {
            &CHOPS[..2]
        } else {
            &CHOPS
        };
        let with = move |role| chops.iter().map(move |&chop| Setting { case, role, chop });
        ROLES.into_iter().flat_map(with)
    })
}

fn is_played(case: &Case) -> bool {
    if matches!(case.expected, Expected::Informational { .. }) {
        return false;
    }
    let exchange = case.script.iter().find_map(|step| match step {
        Step::RoundTrips(trips) if case.compression.is_some() => Some(trips),
        _ => None,
    });
    match exchange {
        Some(RoundTrips { length, fragment, .. }) => {
            fragment.is_none() && COMPRESSED.contains(length)
        }
        None => case.largest_message() <= LARGEST,
    }
}

impl Setting<'_> {
    fn faultless(&self) -> Box<dyn Subject> {
        subjects::subject(self.role, Variant::HeapWhole, self.case)
    }

    fn faulty(&self, inject: fn() -> Injection) -> Box<dyn Subject> {
        let compresses = self.case.compression.is_some();
        Box::new(Faulty::new(self.faultless(), inject(), compresses))
    }
}

impl Report {
    /// Where the fault has not been noticed, and where it has been against expectation, a line
    /// each.
    pub(super) fn surprises(&self) -> Vec<String> {
        let Fault { name, caught_in, caught_at, .. } = self.fault;
        let places = || caught_in.iter().copied().flatten();
        let missed = places()
            .filter(|place| !self.catches.iter().any(|catch| catch.id.is_in(place)))
            .map(|place| format!("{name}: not noticed in {place}"));
        let is_expected = |catch: &&Catch| {
            places().any(|place| catch.id.is_in(place))
                && (caught_at.is_empty() || caught_at.contains(&catch.chop))
        };
        let mut ids = BTreeSet::new();
        let others = self
            .catches
            .iter()
            .filter(|catch| !is_expected(catch) && ids.insert(catch.id))
            .map(|catch| format!("{name}: noticed in {}", catch.text()));
        missed.chain(others).collect()
    }
}

impl Catch {
    fn text(&self) -> String {
        let (behavior, closing) = self.verdict;
        format!("{} as {:?}, {}: {behavior}, close: {closing}", self.id, self.role, self.chop)
    }
}

impl Trace {
    /// All that the fuzzing peer has read.
    fn all_received(&self) -> Vec<u8> {
        let received = |entry: &Entry| match entry {
            Entry::Received(octets) => octets.clone(),
            _ => vec![],
        };
        self.entries.iter().flat_map(received).collect()
    }
}

impl Id {
    /// Whether the case is this one, such as `5.20`, or of this section or subsection.
    fn is_in(self, place: &str) -> bool {
        let id = self.to_string();
        id.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// The faults with the number of cases that notice each, how many of each section that are, and
/// what the first three of them say.
pub(super) fn table(reports: &[Report]) -> String {
    let mut text = String::new();
    for Report { fault, catches } in reports {
        let mut ids = BTreeSet::new();
        let first: Vec<_> = catches.iter().filter(|catch| ids.insert(catch.id)).collect();
        let mut sections = BTreeMap::<u8, usize>::new();
        ids.iter().for_each(|id| *sections.entry(id.0).or_default() += 1);
        let sections: Vec<_> =
            sections.iter().map(|(section, count)| format!("{section}: {count}")).collect();
        let Fault { name, text: sentence, .. } = fault;
        let (count, sections) = (ids.len(), sections.join(", "));
        writeln!(text, "{name}. {sentence}\n    {count} cases ({sections})")
            .expect("a string takes it");
        for catch in first.iter().take(3) {
            writeln!(text, "    {}", catch.text()).expect("a string takes it");
        }
    }
    text
}
