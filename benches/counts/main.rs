//! What the library does, as a list of small pieces of work whose instructions can be counted.
//!
//! `benches/counts/run` counts them under callgrind and compares them with `baseline.txt`. Run by
//! itself, as `cargo bench` does, this program counts nothing: it does each piece once and sees
//! that the work gets done.

mod data;
mod deflate;
mod handshake;
mod hostile;
mod linear;
mod messages;

use core::hint::black_box;
use std::env;
use std::process::ExitCode;

/// A piece of work; gives whether it did what its path is called.
type Work = Box<dyn FnMut() -> bool>;

/// One way through the library that is counted by itself.
struct Path {
    name: String,
    /// Makes everything that the work needs, outside of what is counted. Each call gives the same.
    prepare: Box<dyn Fn() -> Work>,
}

impl Path {
    fn new<W>(name: impl Into<String>, prepare: impl Fn() -> W + 'static) -> Self
    where
        W: FnMut() -> bool + 'static,
    {
        let prepare = move || Box::new(prepare()) as Work;
        Self { name: name.into(), prepare: Box::new(prepare) }
    }

    /// Does the work twice, from the start each time; only the second time is counted, when the
    /// allocator and the dynamic linker have settled.
    fn run(&self) {
        assert!((self.prepare)()(), "{}: the work was not done", self.name);
        let mut work = (self.prepare)();
        assert!(counted(&mut *work), "{}: the work was not done again", self.name);
    }
}

/// Callgrind collects inside of this function and nowhere else; `run` knows it by its name.
#[inline(never)]
fn counted(work: &mut dyn FnMut() -> bool) -> bool {
    // Behind the call, so that this function is not left before the work is done.
    black_box(work())
}

fn main() -> ExitCode {
    let mut paths = messages::paths();
    paths.extend(handshake::paths());
    paths.extend(deflate::paths());
    paths.extend(linear::paths());
    paths.extend(hostile::paths());

    match env::args().nth(1).as_deref() {
        // What cargo passes to every benchmark.
        None | Some("--bench") => {
            paths.iter().for_each(Path::run);
            println!("{} paths work; benches/counts/run counts their instructions", paths.len());
        }
        Some("--list") => paths.iter().for_each(|path| println!("{}", path.name)),
        Some(name) => {
            let Some(path) = paths.iter().find(|path| path.name == name) else {
                eprintln!("counts: no path is called {name:?}; --list tells those there are");
                return ExitCode::FAILURE;
            };
            path.run();
        }
    }
    ExitCode::SUCCESS
}
