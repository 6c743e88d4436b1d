//! sansocket and its peers side by side, from memory to memory, in one process.
//!
//! A row is a work ([`works`]), a column a contender ([`contenders`]). Each contender does every
//! work once under full comparison ([`entrant`]), then all of them by turns against the clock
//! ([`measure`]); [`report`] says what came out, and [`targets`] whether it is what it should be.

#![forbid(unsafe_code)]

mod chart;
mod checks;
mod contenders;
mod entrant;
mod json;
mod machine;
mod measure;
mod options;
mod payload;
mod random;
mod report;
mod sink;
mod targets;
mod transport;
mod wire;
mod works;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use contenders::Contender;
use machine::Circumstances;
use measure::Effort;
use options::Options;
use report::{Cell, Column, Line};
use works::{Row, Side, Work};

fn main() -> ExitCode {
    match Options::parse().map_err(Into::into).and_then(|options| versus(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("versus: {error}");
            ExitCode::FAILURE
        }
    }
}

fn versus(options: &Options) -> Result<(), Box<dyn Error>> {
    if options.help {
        print!("{}", options::USAGE);
        return Ok(());
    }
    let contenders: Vec<_> =
        contenders::ALL.iter().filter(|contender| options.takes(contender.name)).collect();
    let rows: Vec<_> =
        works::rows().into_iter().filter(|row| options.wants(&row.to_string())).collect();
    if rows.is_empty() {
        return Err("no row has that in its name; --list names them".into());
    }
    if options.list {
        contenders.iter().for_each(|contender| println!("{}", contender.name));
        println!();
        rows.iter().for_each(|row| println!("{row}"));
        return Ok(());
    }
    let circumstances = Circumstances::now();
    let columns: Vec<_> = contenders.into_iter().map(column).collect();
    println!("{}\n{}", circumstances.markdown(), report::contenders(&columns));
    let mut lines = Vec::new();
    for row in rows {
        eprintln!("{row}");
        lines.push(line(row, &columns, effort(options))?);
    }
    println!("{}\n{}", report::table(&columns, &lines), report::summary(&lines));
    if let Some(path) = &options.json {
        write(path, &json::json(&circumstances, &columns, &lines))?;
    }
    if let Some(path) = &options.svg {
        let chart = chart::svg(&lines).ok_or("a chart needs sansocket and a peer")?;
        write(path, &chart)?;
    }
    Ok(())
}

fn effort(options: &Options) -> Effort {
    if options.quick {
        Effort { rounds: 1, turn: Duration::ZERO }
    } else {
        Effort { rounds: options.rounds, turn: Duration::from_millis(3) }
    }
}

fn column(contender: &'static Contender) -> Column {
    let unchecked = [Side::Server, Side::Client].map(|side| checks::unchecked(contender, side));
    Column { contender, unchecked }
}

/// Verifies and measures every contender that can do the work.
fn line<'c>(row: Row, columns: &'c [Column], effort: Effort) -> Result<Line<'c>, Box<dyn Error>> {
    let work = Arc::new(Work::new(row));
    let mut running = Vec::new();
    let mut entrants = Vec::new();
    for column in columns {
        let Some(mut entrant) = (column.contender.enter)(&work) else {
            continue;
        };
        let mut sent = 0;
        // Twice, as the second pass finds what the first has left.
        for _ in 0..2 {
            sent = entrant
                .verify()
                .map_err(|error| format!("{row}: {}: {error}", column.contender.name))?;
        }
        running.push((column, sent as f64 / work.count() as f64));
        entrants.push(entrant);
    }
    let figures = measure::race(&mut entrants, work.count(), effort);
    let cell = |((column, sent), figure)| Cell { column, figure, sent };
    Ok(Line { row, cells: running.into_iter().zip(figures).map(cell).collect() })
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
