//! All figures as JSON, for other programs.

use std::fmt::Write as _;

use crate::machine::Circumstances;
use crate::report::{Cell, Column, Line};

pub fn json(circumstances: &Circumstances, columns: &[Column], lines: &[Line<'_>]) -> String {
    let Circumstances { date, processor, compiler } = circumstances;
    let versions = list(columns, |column| {
        let contender = column.contender;
        format!("{}: {}", string(contender.name), string(contender.version()))
    });
    let rows = list(lines, |line| {
        let cells = list(&line.cells, cell);
        format!("\n    {}: {{{cells}}}", string(&line.row.to_string()))
    });
    format!(
        "{{\n  \"date\": {},\n  \"processor\": {},\n  \"compiler\": {},\n  \
         \"versions\": {{{versions}}},\n  \"ns_per_message\": {{{rows}\n  }}\n}}\n",
        string(date),
        string(processor),
        string(compiler),
    )
}

fn cell(cell: &Cell<'_>) -> String {
    let Cell { column, figure, sent } = cell;
    format!(
        "\n      {}: {{\"median\": {:.3}, \"min\": {:.3}, \"bytes_sent\": {sent:.1}}}",
        string(column.contender.name),
        figure.median,
        figure.least,
    )
}

fn list<T>(items: &[T], text: impl FnMut(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ..' ' => write!(quoted, "\\u{:04x}", u32::from(character)).expect("it is a string"),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
