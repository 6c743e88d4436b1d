//! The command line.

use std::path::PathBuf;

use crate::contenders;

pub const USAGE: &str = "\
Measures sansocket and its peers side by side, from memory to memory, and prints a Markdown table.

Usage: cargo run --release --manifest-path benches/versus/Cargo.toml -- [options]

  --only NAME,...   only these contenders
  --work PATTERN    only rows whose name contains this, such as 'server decode'; again for more
  --rounds N        how often each contender is measured (default 21)
  --quick           one short round of everything, to see that it works
  --json FILE       also writes every figure as JSON
  --svg FILE        also draws the ratio of each peer to sansocket
  --list            prints contenders and rows, and ends
  --help            prints this, and ends
";

/// What the command line asks for.
#[derive(Default)]
pub struct Options {
    pub only: Vec<String>,
    pub work: Vec<String>,
    pub rounds: usize,
    pub quick: bool,
    pub json: Option<PathBuf>,
    pub svg: Option<PathBuf>,
    pub list: bool,
    pub help: bool,
}

impl Options {
    pub fn parse() -> Result<Self, lexopt::Error> {
        use lexopt::prelude::*;

        let mut options = Self { rounds: 21, ..Self::default() };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("only") => {
                    let names = parser.value()?.string()?;
                    options.only.extend(names.split(',').map(str::to_owned));
                }
                Long("work") => options.work.push(parser.value()?.string()?),
                Long("rounds") => {
                    options.rounds = parser.value()?.parse()?;
                    if options.rounds == 0 {
                        return Err("--rounds is at least 1".into());
                    }
                }
                Long("quick") => options.quick = true,
                Long("json") => options.json = Some(parser.value()?.into()),
                Long("svg") => options.svg = Some(parser.value()?.into()),
                Long("list") => options.list = true,
                Short('h') | Long("help") => options.help = true,
                _ => return Err(argument.unexpected()),
            }
        }
        if let Some(name) = options.only.iter().find(|name| contenders::named(name).is_none()) {
            return Err(format!("there is no contender '{name}'; --list names them").into());
        }
        Ok(options)
    }

    /// Whether a row is to be done.
    pub fn wants(&self, row: &str) -> bool {
        self.work.is_empty() || self.work.iter().any(|pattern| row.contains(pattern))
    }

    /// Whether a contender takes part.
    pub fn takes(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}
