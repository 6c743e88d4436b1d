//! The measurement: all contenders of a work by turns, round after round in an order drawn anew,
//! so that whatever disturbs the machine disturbs them alike.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::entrant::Entrant;
use crate::random::Random;

/// What one contender has taken for one message, over all rounds.
#[derive(Clone, Copy)]
pub struct Figure {
    pub median: f64,
    pub least: f64,
}

/// How long and how often is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    /// The least time that a contender works in a round, as a short one cannot be measured.
    pub turn: Duration,
}

/// A contender in the race.
struct Racer<'e> {
    entrant: &'e mut dyn Entrant,
    /// How many passes its turn has.
    passes: u32,
    /// What a pass has taken in each round.
    times: Vec<Duration>,
}

/// Runs the entrants, and gives the time per message of each, `count` of them in a pass.
///
/// # Panics
///
/// When an entrant fails or does not do the work, which has just been verified.
pub fn race(entrants: &mut [Box<dyn Entrant>], count: usize, effort: Effort) -> Vec<Figure> {
    let mut racers: Vec<_> = entrants
        .iter_mut()
        .map(|entrant| {
            let passes = passes(&mut **entrant, effort.turn);
            Racer { entrant: &mut **entrant, passes, times: Vec::new() }
        })
        .collect();
    let mut random = Random::new(count as u64);
    let mut order: Vec<_> = (0..racers.len()).collect();
    for _ in 0..effort.rounds {
        random.shuffle(&mut order);
        for &index in &order {
            let Racer { entrant, passes, times } = &mut racers[index];
            // What the others have left in the caches is not this one's cost.
            run(&mut **entrant, 1);
            times.push(run(&mut **entrant, *passes) / *passes);
        }
    }
    racers.into_iter().map(|racer| figure(racer.times, count)).collect()
}

/// How many passes take at least that long.
fn passes(entrant: &mut dyn Entrant, turn: Duration) -> u32 {
    let mut passes = 1;
    loop {
        let time = run(entrant, passes);
        if time >= turn {
            return passes;
        }
        // No more than tenfold by one estimate, as the first passes are slow.
        let estimate = turn.as_secs_f64() / time.as_secs_f64().max(1e-9) * 1.1;
        passes = (f64::from(passes) * estimate.clamp(1.1, 10.0)).ceil() as u32;
    }
}

fn run(entrant: &mut dyn Entrant, passes: u32) -> Duration {
    let start = now();
    for _ in 0..passes {
        entrant.pass().expect("the work was verified");
    }
    now() - start
}

/// The processor time that this thread has used.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("no time is negative")
}

fn figure(mut times: Vec<Duration>, count: usize) -> Figure {
    times.sort_unstable();
    let nanos = |time: Duration| time.as_secs_f64() * 1e9 / count as f64;
    Figure { median: nanos(times[times.len() / 2]), least: nanos(times[0]) }
}
