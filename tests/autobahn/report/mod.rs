//! The report of a run: an overview and a page a case and role to read, and the same as JSON in the
//! layout of Autobahn|Testsuite, for programs that know it.
//!
//! ```text
//! index.html                        all cases, both roles
//! server/case_5_20.html             one case
//! server/index.json                 all verdicts
//! server/sansocket_case_5_20.json   one case
//! client/…
//! ```
//!
//! Pages stand on their own: style and script are in them, and nothing comes from a network.

mod endings;
mod index;
mod json;
mod layout;
mod page;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod wire_log;
mod wire_rows;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use crate::case::Id;
use crate::play::Role;
use crate::suite::CaseResult;
use wire_log::WireLog;

/// What is reported on, and its version.
const AGENT: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Writes the report into a directory, which is made if it is not there.
pub(crate) fn write(directory: &Path, results: &[CaseResult<'_>]) -> io::Result<()> {
    make_directory(directory)?;
    write_file(&directory.join("index.html"), &index::render(results))?;
    let of = |role| results.iter().filter(move |result| result.role == role).collect::<Vec<_>>();
    let [server, client] = [of(Role::Server), of(Role::Client)];
    write_role(&directory.join("server"), &server, &client)?;
    write_role(&directory.join("client"), &client, &server)
}

/// Writes the results in one role; `others` are those in the other.
fn write_role(
    directory: &Path,
    results: &[&CaseResult<'_>],
    others: &[&CaseResult<'_>],
) -> io::Result<()> {
    make_directory(directory)?;
    write_file(&directory.join("index.json"), &json::index(results))?;
    let others: HashSet<Id> = others.iter().map(|result| result.case.id).collect();
    for (index, result) in results.iter().enumerate() {
        let id = result.case.id;
        let log = WireLog::new(result.outcome.trace.as_ref());
        let neighbours = page::Neighbours {
            previous: index.checked_sub(1).map(|before| results[before].case.id),
            next: results.get(index + 1).map(|after| after.case.id),
            in_other_role: others.contains(&id),
        };
        write_file(&directory.join(page_name(id)), &page::render(result, &log, neighbours))?;
        let number = index + 1;
        write_file(&directory.join(json::file_name(id)), &json::case(result, &log, number))?;
    }
    Ok(())
}

/// The file of a case's page.
fn page_name(id: Id) -> String {
    format!("case_{}.html", with_underscores(id))
}

fn with_underscores(id: Id) -> String {
    id.to_string().replace('.', "_")
}

fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path).map_err(|error| naming(path, &error))
}

fn write_file(path: &Path, content: &str) -> io::Result<()> {
    fs::write(path, content).map_err(|error| naming(path, &error))
}

fn naming(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
