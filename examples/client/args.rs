//! The command line.

use std::ffi::OsString;

use lexopt::Arg::{Long, Short, Value};
use lexopt::{Parser, ValueExt};

use crate::Failure;
use crate::compression::{self, Compression};
use crate::driver::Options;
use crate::target::Target;

pub(crate) const USAGE: &str = "\
usage: client [--header 'Name: value']... [--protocol P]... [--origin O] URL
       client --exchange N [--seed S] URL
       client --autobahn URL [--streaming] [--agent NAME]

The first form sends the lines of standard input to a ws:// URL as text messages
and prints what the server sends.

  --header 'Name: value'  a further header of the request
  --protocol P            a subprotocol to ask for, the preferred one first
  --origin O              the Origin header of the request

The second form sends random messages to an echo server and compares its answers.

  --exchange N            how many messages to send
  --seed S                what makes them the same again (default: 0)

The third form runs all cases of a fuzzing server of Autobahn|Testsuite.

  --streaming             echo messages piece by piece, as fragments
  --agent NAME            the name in the report (default: sansocket)

In all forms

  --chop N                read at most N bytes at a time
  --log                   print what goes over the wire to standard error, each read
                          and write with the frames in it, and statistics at the end
  --no-deflate            do not offer to compress
  --window BITS           compress with windows of 2^BITS bytes at most, both ways:
                          8 to 15 (default: 15)
  --no-takeover           compress each message by itself, both ways";

/// What the command line asks for.
pub(crate) enum Parsed {
    Help,
    Run(Args),
}

pub(crate) struct Args {
    pub(crate) target: Target,
    pub(crate) options: Options,
    pub(crate) compression: Compression,
    pub(crate) mode: Mode,
}

pub(crate) enum Mode {
    Talk(Opening),
    Exchange(Exchange),
    Autobahn(Test),
}

/// What goes into the request to upgrade.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct Opening {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) protocols: Vec<String>,
    pub(crate) origin: Option<String>,
}

/// What to exchange.
pub(crate) struct Exchange {
    /// How many messages.
    pub(crate) count: u64,
    pub(crate) seed: u64,
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
    let mut options = Options::default();
    let mut compression = Compression::default();
    let mut count = None;
    let mut seed = None;
    let mut opening = Opening::default();
    let mut streaming = false;
    let mut agent = None;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("chop") => options.chop = Some(parser.value()?.parse_with(positive)?),
            Long("log") => options.log = true,
            Long("no-deflate") => compression.off = true,
            Long("window") => {
                compression.window = Some(parser.value()?.parse_with(compression::window)?);
            }
            Long("no-takeover") => compression.no_takeover = true,
            Long("exchange") => count = Some(parser.value()?.parse()?),
            Long("seed") => seed = Some(parser.value()?.parse()?),
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
    compression.check()?;
    let (target, mode) = match (url, tested_by, count) {
        (None, None, _) => return Err("no URL to connect to".into()),
        (Some(_), Some(_), _) => return Err("two URLs to connect to".into()),
        (None, Some(_), Some(_)) => return Err("--exchange goes without --autobahn".into()),
        (_, None, _) if streaming || agent.is_some() => {
            return Err("--streaming and --agent go with --autobahn".into());
        }
        (_, _, None) if seed.is_some() => return Err("--seed goes with --exchange".into()),
        (_, Some(_), _) | (_, _, Some(_)) if opening != Opening::default() => {
            return Err(
                "--header, --protocol and --origin go without --exchange and --autobahn".into()
            );
        }
        (Some(target), None, None) => (target, Mode::Talk(opening)),
        (Some(target), None, Some(count)) => {
            (target, Mode::Exchange(Exchange { count, seed: seed.unwrap_or(0) }))
        }
        (None, Some(target), None) => {
            let agent = agent.unwrap_or_else(|| "sansocket".to_owned());
            (target, Mode::Autobahn(Test { agent, streaming }))
        }
    };
    Ok(Parsed::Run(Args { target, options, compression, mode }))
}

fn target(value: OsString) -> Result<Target, lexopt::Error> {
    let url = value.string()?;
    Target::parse(&url).map_err(|error| format!("{url}: {error}").into())
}

fn positive(text: &str) -> Result<u64, &'static str> {
    text.parse().ok().filter(|&number| number > 0).ok_or("not a positive whole number")
}

fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("not of the form 'Name: value'")?;
    Ok((name.to_owned(), value.trim().to_owned()))
}
