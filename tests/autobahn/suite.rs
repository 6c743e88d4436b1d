//! The whole suite against this crate: every case in both roles, at every chop, with every storage
//! and every delivery.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::num::ParseIntError;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::case::{Case, Expected, Id, Step};
use crate::chop::Chop;
use crate::outcome::{Behavior, ClosingBehavior, Outcome};
use crate::play::{self, Effort, Role, Terms};
use crate::progress::Progress;
use crate::subject::Echo;
use crate::subjects::{self, Variant};

/// A case with a longer message is played at fewer chops.
const LARGE: usize = 64 << 10;

/// So many octets of messages are sent in a case that repeats itself a thousand times.
const OCTETS: usize = 96 << 10;

/// What the environment says.
#[derive(Debug)]
pub(crate) struct Options {
    /// `AUTOBAHN_SEED`: of the random chops; another one in each run if it is not set.
    pub(crate) seed: u64,
    /// `AUTOBAHN_FULL=1`: all messages of the cases that repeat themselves.
    pub(crate) full: bool,
    /// `AUTOBAHN_CASES`: only these, such as `5.20,12.1,7`.
    pub(crate) only: Option<Vec<String>>,
    /// `AUTOBAHN_REPORT`: the directory of the report, if there is to be one.
    pub(crate) report: Option<PathBuf>,
}

/// One way in which a case is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) variant: Variant,
    pub(crate) chop: Chop,
}

/// A case in one role: the conversation as the case says, and the verdicts on all others.
#[derive(Debug)]
pub(crate) struct CaseResult<'c> {
    pub(crate) case: &'c Case,
    pub(crate) role: Role,
    pub(crate) outcome: Outcome,
    pub(crate) others: Vec<(Setting, Verdict)>,
    /// Where the implementation reports another ending than the fuzzing peer has seen.
    pub(crate) contradictions: Vec<(Setting, String)>,
}

pub(crate) type Verdict = (Behavior, ClosingBehavior);

/// How the case is played first, and shown in the report.
pub(crate) const FIRST: Setting = Setting { variant: Variant::HeapWhole, chop: Chop::Case };

impl Options {
    pub(crate) fn from_env() -> Self {
        let set = |name| env::var(name).ok().filter(|value: &String| !value.is_empty());
        let seed = set("AUTOBAHN_SEED").map(|text| {
            parse_seed(&text).unwrap_or_else(|error| panic!("AUTOBAHN_SEED={text}: {error}"))
        });
        let now =
            || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_micros());
        Self {
            seed: seed.unwrap_or_else(|| now() as u64),
            full: set("AUTOBAHN_FULL").is_some(),
            only: set("AUTOBAHN_CASES").map(|list| list.split(',').map(str::to_owned).collect()),
            report: set("AUTOBAHN_REPORT").map(PathBuf::from),
        }
    }

    fn effort(&self) -> Effort {
        if self.full { Effort::All } else { Effort::Octets(OCTETS) }
    }

    /// Whether the case is one of those asked for.
    pub(crate) fn selects(&self, case: &Case) -> bool {
        let id = case.id.to_string();
        let selects = |prefix: &String| {
            id.strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.only.as_ref().is_none_or(|only| only.iter().any(selects))
    }
}

/// Plays the cases in both roles, on all processors.
pub(crate) fn play<'c>(cases: &'c [Case], options: &Options) -> Vec<CaseResult<'c>> {
    let jobs: Vec<_> = [Role::Server, Role::Client]
        .into_iter()
        .flat_map(|role| cases.iter().map(move |case| (role, case)))
        .collect();
    let total = jobs.iter().map(|(_, case)| settings(case, options.seed).len()).sum();
    let progress = Progress::new(total);
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(jobs.len()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(&(role, case)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = play_case(case, role, options, &progress);
                    results.lock().expect("no thread panics with it").push(result);
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panics with it");
    results.sort_by_key(|result| (result.role, result.case.id));
    results
}

fn play_case<'c>(
    case: &'c Case,
    role: Role,
    options: &Options,
    progress: &Progress,
) -> CaseResult<'c> {
    let mut settings = settings(case, options.seed).into_iter();
    let mut contradictions = vec![];
    let mut play = |setting, trace| {
        let Setting { variant, chop } = setting;
        let terms = Terms { role, chop, effort: options.effort(), trace };
        let mut subject = subjects::subject(role, variant, case);
        let outcome = play::play(case, terms, &mut *subject, &mut Echo);
        progress.step(case.id);
        contradictions.extend(outcome.contradictions().into_iter().map(|text| (setting, text)));
        outcome
    };
    let outcome = play(settings.next().expect("the first"), true);
    let others = settings.map(|setting| (setting, play(setting, false).verdict())).collect();
    CaseResult { case, role, outcome, others, contradictions }
}

/// The ways to play a case, the first one first.
fn settings(case: &Case, seed: u64) -> Vec<Setting> {
    use Variant::{
        FixedStreaming, FixedWhole, HeapInputStreaming, HeapInputWhole, HeapStreaming, HeapWhole,
    };
    let random = Chop::Random(seed);
    let small = Chop::Size(1460);
    let largest = case.largest_message();
    let mut settings = vec![FIRST];
    let mut add = |variant, chops: &[Chop]| {
        settings.extend(chops.iter().map(|&chop| Setting { variant, chop }));
    };
    if largest > LARGE {
        add(HeapWhole, &[small, Chop::Whole]);
        add(HeapInputWhole, &[small]);
        add(HeapInputStreaming, &[small]);
        add(HeapStreaming, &[Chop::Case]);
        add(FixedStreaming, &[small]);
    } else {
        let sizes = [1, 2, 3, 7].map(Chop::Size);
        add(HeapWhole, &sizes);
        add(HeapWhole, &[small, Chop::Whole, random]);
        add(HeapInputWhole, &[Chop::Case, Chop::Size(1), Chop::Whole, random]);
        add(HeapInputStreaming, &[Chop::Case, Chop::Size(1), Chop::Whole, random]);
        add(HeapStreaming, &[Chop::Case, Chop::Size(1), random]);
        add(FixedStreaming, &[Chop::Case, Chop::Size(1), random]);
        add(FixedWhole, &[Chop::Case, Chop::Size(1), random]);
    }
    settings
}

/// A number, in hex after `0x`.
fn parse_seed(text: &str) -> Result<u64, ParseIntError> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    }
}

impl Case {
    /// The longest message that is sent, in octets.
    pub(crate) fn largest_message(&self) -> usize {
        let length = |step: &Step| match step {
            Step::Frame(frame) => frame.payload.len(),
            Step::Message { payload, .. } => payload.len(),
            Step::RoundTrips(trips) => trips.length,
            _ => 0,
        };
        self.script.iter().map(length).max().unwrap_or(0)
    }

    /// The verdict that a strict implementation gets.
    pub(crate) fn best_verdict(&self) -> Verdict {
        match self.expected {
            Expected::Informational { .. } => {
                (Behavior::Informational, ClosingBehavior::Informational)
            }
            _ => (Behavior::Ok, ClosingBehavior::Ok),
        }
    }
}

impl CaseResult<'_> {
    /// Each conversation with its verdict.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = (Setting, Verdict)> {
        [(FIRST, self.outcome.verdict())].into_iter().chain(self.others.iter().copied())
    }

    /// The worst verdict on the behavior; failed as well if the ending is not as it should be.
    pub(crate) fn worst(&self) -> Behavior {
        let one = |(_, (behavior, closing))| match closing {
            ClosingBehavior::Ok | ClosingBehavior::Informational => behavior,
            // An unimplemented case ends well.
            _ => Behavior::Failed,
        };
        self.verdicts().map(one).max().expect("the first")
    }
}

/// What is not as it should be, a line each.
pub(crate) fn faults(results: &[CaseResult<'_>]) -> Vec<String> {
    let mut lines = vec![];
    for result in results {
        let best = result.case.best_verdict();
        for (setting, (behavior, closing)) in
            result.verdicts().filter(|&(_, verdict)| verdict != best)
        {
            lines.push(format!(
                "{} {:?} {:?}, {}: {behavior}, close: {closing}",
                result.case.id, result.role, setting.variant, setting.chop
            ));
        }
        for (setting, contradiction) in &result.contradictions {
            lines.push(format!(
                "{} {:?} {:?}, {}: {contradiction}",
                result.case.id, result.role, setting.variant, setting.chop
            ));
        }
    }
    lines
}

/// The table of verdicts by section and role, with the sums below.
pub(crate) fn summary(results: &[CaseResult<'_>], name: impl Fn(Id) -> &'static str) -> String {
    let mut sections: BTreeMap<Id, [BTreeMap<Behavior, usize>; 2]> = BTreeMap::new();
    let mut sums = [BTreeMap::new(), BTreeMap::new()];
    for result in results {
        let column = usize::from(result.role == Role::Client);
        let counts = sections.entry(Id(result.case.id.0, 0, None)).or_default();
        *counts[column].entry(result.worst()).or_default() += 1;
        *sums[column].entry(result.worst()).or_default() += 1;
    }
    let mut text = format!("{:<36} {:<26} client\n", "section", "server");
    for (section, counts) in sections {
        let title = format!("{:>2} {}", section.0, name(section));
        let [server, client] = counts.each_ref().map(count_text);
        writeln!(text, "{title:<36} {server:<26} {client}").expect("a string takes it");
    }
    for (role, counts) in ["server", "client"].iter().zip(&sums) {
        writeln!(text, "{role}: {}", count_text(counts)).expect("a string takes it");
    }
    text
}

fn count_text(counts: &BTreeMap<Behavior, usize>) -> String {
    let word = |behavior| match behavior {
        Behavior::Ok => "OK",
        Behavior::NonStrict => "non-strict",
        Behavior::Informational => "informational",
        Behavior::Unimplemented => "unimplemented",
        Behavior::Failed => "failed",
    };
    let parts: Vec<_> =
        counts.iter().map(|(&behavior, count)| format!("{count} {}", word(behavior))).collect();
    parts.join(", ")
}
