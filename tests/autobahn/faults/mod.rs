//! Deliberate faults, to prove that the suite can fail: each is worked into this crate's connection
//! from outside, by rewriting what it gets and what it says, and has to be noticed by the cases
//! that are there for its sake, and by no others.

mod closing;
mod compression;
mod framing;
mod hooks;
mod inject;
mod messages;
mod parts;
mod pings;
mod places;
mod run;
mod text;
mod unseen;

use crate::catalogue;
use crate::chop::Chop;
use crate::play::Role;
use crate::progress::print;
use hooks::Injection;
use inject::Inject;
use places::Places;

/// A mistake that an implementation could make.
pub(crate) struct Fault {
    /// What the implementation does wrong, in a few words.
    pub(crate) name: &'static str,
    /// The same in a sentence.
    pub(crate) text: &'static str,
    roles: &'static [Role],
    /// The cases, or sections and subsections of them, that notice the fault: at least one in each
    /// of these places, and none elsewhere.
    caught_in: &'static [Places],
    /// The chops at which the fault is noticed, and no others; if empty, it may be at any.
    caught_at: &'static [Chop],
    inject: fn() -> Injection,
}

/// A fault in both roles.
fn fault(
    name: &'static str,
    text: &'static str,
    caught_in: &'static [Places],
    inject: fn() -> Injection,
) -> Fault {
    let roles = &[Role::Server, Role::Client];
    Fault { name, text, roles, caught_in, caught_at: &[], inject }
}

impl Fault {
    /// The fault is one that only a server can have.
    fn of_servers(self) -> Self {
        Self { roles: &[Role::Server], ..self }
    }

    /// The fault is one that only a client can have.
    fn of_clients(self) -> Self {
        Self { roles: &[Role::Client], ..self }
    }

    fn only_at(self, caught_at: &'static [Chop]) -> Self {
        Self { caught_at, ..self }
    }
}

/// All faults that the suite has to notice.
pub(crate) fn all() -> Vec<Fault> {
    let groups = [
        framing::faults(),
        pings::faults(),
        messages::faults(),
        text::faults(),
        closing::faults(),
        compression::faults(),
    ];
    groups.into_iter().flatten().collect()
}

/// Each fault is noticed where it has to be, and nowhere else.
#[test]
fn faults() {
    let cases = catalogue::cases();
    let reports = run::run(&cases, all());
    print(&run::table(&reports));
    let surprises: Vec<_> = reports.iter().flat_map(run::Report::surprises).collect();
    assert!(surprises.is_empty(), "not noticed as it should be:\n{}", surprises.join("\n"));
}

/// What no case can see is not noticed, though it is there.
#[test]
fn unseen() {
    let cases = catalogue::cases();
    let reports = run::run(&cases, unseen::faults());
    print(&run::table(&reports));
    let surprises: Vec<_> = reports.iter().flat_map(run::Report::surprises).collect();
    assert!(surprises.is_empty(), "noticed after all:\n{}", surprises.join("\n"));
    for fault in unseen::faults() {
        assert!(run::differences(&cases, &fault).next().is_some(), "{}: no fault", fault.name);
    }
}

/// The hooks themselves change nothing, neither the verdicts nor anything else.
#[test]
fn transparent() {
    struct Nothing;
    impl Inject for Nothing {}
    let none = fault("none", "Has no fault.", &[], || Box::new(Nothing));
    let cases = catalogue::cases();
    let differences: Vec<_> = run::differences(&cases, &none).collect();
    assert!(differences.is_empty(), "not the same:\n{}", differences.join("\n"));
}
