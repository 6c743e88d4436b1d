//! The command line.

use std::ffi::OsString;

use lexopt::Arg::{Long, Short, Value};
use lexopt::{Parser, ValueExt};

use crate::Failure;
use crate::target::Target;

pub(crate) const USAGE: &str = "\
usage: client [--chop N] [--header 'Name: value']... [--protocol P]... [--origin O] URL
       client --autobahn URL [--chop N] [--streaming] [--agent NAME]

The first form sends the lines of standard input to a ws:// URL as text messages
and prints what the server sends.

  --header 'Name: value'  a further header of the request
  --protocol P            a subprotocol to ask for, the preferred one first
  --origin O              the Origin header of the request

The second form runs all cases of a fuzzing server of Autobahn|Testsuite.

  --streaming             echo messages piece by piece, as fragments
  --agent NAME            the name in the report (default: sansocket)

In both forms --chop N reads at most N bytes at a time.";

/// What the command line asks for.
pub(crate) enum Parsed {
    Help,
    Run(Args),
}

pub(crate) struct Args {
    pub(crate) target: Target,
    /// The most bytes to read at a time, if there is such a limit.
    pub(crate) chop: Option<usize>,
    pub(crate) mode: Mode,
}

pub(crate) enum Mode {
    Talk(Opening),
    Autobahn(Test),
}

/// What goes into the request to upgrade.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) protocols: Vec<String>,
    pub(crate) origin: Option<String>,
}

/// How to be tested.
pub(crate) struct Test {
    pub(crate) agent: String,
    pub(crate) streaming: bool,
}

impl Args {
    pub(crate) fn parse() -> Result<Parsed, Failure> {
        parse(&mut Parser::from_env()).map_err(|error| Failure::Usage(error.to_string()))
    }
}

fn parse(parser: &mut Parser) -> Result<Parsed, lexopt::Error> {
    let mut url = None;
    let mut tested_by = None;
    let mut chop = None;
    let mut opening = Opening::default();
    let mut streaming = false;
    let mut agent = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("chop") => chop = Some(parser.value()?.parse_with(positive)?),
            Long("header") => opening.headers.push(parser.value()?.parse_with(header)?),
            Long("protocol") => opening.protocols.push(parser.value()?.string()?),
            Long("origin") => opening.origin = Some(parser.value()?.string()?),
            Long("autobahn") => tested_by = Some(target(parser.value()?)?),
            Long("streaming") => streaming = true,
            Long("agent") => agent = Some(parser.value()?.string()?),
            Long("help") | Short('h') => return Ok(Parsed::Help),
            Value(value) if url.is_none() => url = Some(target(value)?),
            _ => return Err(arg.unexpected()),
        }
    }
    let (target, mode) = match (url, tested_by) {
        (Some(target), None) => {
            if streaming || agent.is_some() {
                return Err("--streaming and --agent go with --autobahn".into());
            }
            (target, Mode::Talk(opening))
        }
        (None, Some(target)) => {
            if opening != Opening::default() {
                return Err("--header, --protocol and --origin go without --autobahn".into());
            }
            let agent = agent.unwrap_or_else(|| "sansocket".to_owned());
            (target, Mode::Autobahn(Test { agent, streaming }))
        }
        (None, None) => return Err("no URL to connect to".into()),
        (Some(_), Some(_)) => return Err("two URLs to connect to".into()),
    };
    Ok(Parsed::Run(Args { target, chop, mode }))
}

fn target(value: OsString) -> Result<Target, lexopt::Error> {
    let url = value.string()?;
    Target::parse(&url).map_err(|error| format!("{url}: {error}").into())
}

fn positive(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|&number| number > 0).ok_or("not a positive whole number")
}

fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("not of the form 'Name: value'")?;
    Ok((name.to_owned(), value.trim().to_owned()))
}
