//! What was measured, and the Markdown that says it.

use std::fmt::Write as _;

use crate::checks::Check;
use crate::contenders::{Contender, Kind};
use crate::measure::Figure;
use crate::targets;
use crate::works::{Row, Side};

/// A contender in this run.
pub struct Column {
    pub contender: &'static Contender,
    /// What it does not check as a server, and as a client.
    pub unchecked: [Vec<Check>; 2],
}

impl Column {
    pub fn unchecked(&self, side: Side) -> &[Check] {
        match side {
            Side::Server => &self.unchecked[0],
            Side::Client => &self.unchecked[1],
        }
    }
}

/// What was measured for one row: a cell for each contender that did it.
pub struct Line<'c> {
    pub row: Row,
    pub cells: Vec<Cell<'c>>,
}

pub struct Cell<'c> {
    pub column: &'c Column,
    pub figure: Figure,
    /// How many bytes a message takes on the wire, where it is sent.
    pub sent: f64,
}

impl<'c> Line<'c> {
    /// The figure that the others are compared with: that of sansocket with all that makes it
    /// faster.
    pub fn ours(&self) -> Option<f64> {
        let name = if self.row.deflate.is_some() { "sansocket-zlib-rs" } else { "sansocket" };
        self.cell(name).map(|cell| cell.figure.median)
    }

    pub fn floor(&self) -> Option<f64> {
        let mut floors = self.cells.iter().filter(|cell| cell.column.contender.kind == Kind::Floor);
        floors.next().map(|cell| cell.figure.median)
    }

    /// The fastest peer.
    pub fn best_peer(&self) -> Option<(&'static Contender, f64)> {
        self.best_of(|_| true)
    }

    /// The fastest of the peers that check all that is tried.
    pub fn best_checking_peer(&self) -> Option<(&'static Contender, f64)> {
        self.best_of(|column| column.unchecked(self.row.side).is_empty())
    }

    fn best_of(&self, counts: impl Fn(&Column) -> bool) -> Option<(&'static Contender, f64)> {
        self.peers()
            .filter(|cell| counts(cell.column))
            .map(|cell| (cell.column.contender, cell.figure.median))
            .min_by(|(_, one), (_, other)| one.total_cmp(other))
    }

    pub fn peers(&self) -> impl Iterator<Item = &Cell<'c>> {
        self.cells.iter().filter(|cell| cell.column.contender.kind == Kind::Peer)
    }

    fn cell(&self, name: &str) -> Option<&Cell<'c>> {
        self.cells.iter().find(|cell| cell.column.contender.name == name)
    }
}

/// The contenders, their versions and what they leave out.
pub fn contenders(columns: &[Column]) -> String {
    let mut table = String::from("| contender | version | does not check |\n|---|---|---|\n");
    for column in columns {
        let contender = column.contender;
        let gaps = match contender.kind {
            Kind::Floor => "anything but UTF-8".to_owned(),
            _ => gaps(column),
        };
        let version = contender.version();
        writeln!(table, "| {} | {version} | {gaps} |", contender.name).expect(TAKES_ALL);
    }
    table
}

fn gaps(column: &Column) -> String {
    let list = |checks: &[Check]| {
        let names: Vec<_> = checks.iter().map(|check| check.name()).collect();
        names.join(", ")
    };
    let mut gaps = match &column.unchecked {
        [server, client] if server == client => list(server),
        [server, client] if client.is_empty() => format!("server: {}", list(server)),
        [server, client] if server.is_empty() => format!("client: {}", list(client)),
        [server, client] => format!("server: {}; client: {}", list(server), list(client)),
    };
    if column.contender.needs_utf8_check {
        let separator = if gaps.is_empty() { "" } else { ", " };
        gaps = format!("{gaps}{separator}UTF-8, which is checked for it");
    }
    gaps
}

/// The whole table: nanoseconds per message.
pub fn table(columns: &[Column], lines: &[Line<'_>]) -> String {
    let mut table = String::from("| ns per message |");
    for column in columns {
        write!(table, " {} |", column.contender.name).expect(TAKES_ALL);
    }
    table.push_str(" best peer | sansocket / best | target |\n|---|");
    table.push_str(&"---:|".repeat(columns.len()));
    table.push_str("---|---:|---|\n");
    for line in lines {
        table.push_str(&table_line(columns, line));
    }
    table
}

fn table_line(columns: &[Column], line: &Line<'_>) -> String {
    let mut cells = vec![line.row.to_string()];
    for column in columns {
        let cell = line.cell(column.contender.name);
        cells.push(cell.map_or("—".to_owned(), |cell| table_cell(line, cell)));
    }
    let best = line.best_peer();
    cells.push(best.map_or("—", |(peer, _)| peer.name).to_owned());
    let ratio = best.zip(line.ours()).map(|((_, best), ours)| ours / best);
    cells.push(ratio.map_or("—".to_owned(), |ratio| format!("{ratio:.2}")));
    let verdicts: Vec<_> = targets::verdicts(line).iter().map(ToString::to_string).collect();
    cells.push(if verdicts.is_empty() { "—".to_owned() } else { verdicts.join("; ") });
    format!("| {} |\n", cells.join(" | "))
}

fn table_cell(line: &Line<'_>, cell: &Cell<'_>) -> String {
    let time = nanos(cell.figure.median);
    // How long compression takes says little without how much it spares.
    match line.row.deflate {
        Some(_) if line.row.sends() => format!("{time} ({:.0} B)", cell.sent),
        _ => time,
    }
}

/// How many targets are met.
pub fn summary(lines: &[Line<'_>]) -> String {
    let verdicts: Vec<_> = lines.iter().flat_map(targets::verdicts).collect();
    let met = verdicts.iter().filter(|verdict| verdict.is_met()).count();
    format!("{met} of {} targets are met.\n", verdicts.len())
}

/// Three digits where there are so many, with thousands apart.
fn nanos(time: f64) -> String {
    match time {
        ..10.0 => format!("{time:.2}"),
        10.0..100.0 => format!("{time:.1}"),
        _ => {
            let digits = format!("{time:.0}");
            let mut text = String::new();
            for (index, digit) in digits.chars().enumerate() {
                if index > 0 && (digits.len() - index).is_multiple_of(3) {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
    }
}

const TAKES_ALL: &str = "a string takes everything";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_or_thousands_apart() {
        assert_eq!(nanos(9.876), "9.88");
        assert_eq!(nanos(45.67), "45.7");
        assert_eq!(nanos(999.4), "999");
        assert_eq!(nanos(1_234_567.8), "1,234,568");
    }
}
