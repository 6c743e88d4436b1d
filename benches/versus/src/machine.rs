//! What the figures depend on besides the contenders: the machine, the compiler, the versions.

use std::fs;
use std::time::SystemTime;

/// The versions that this program was built with.
const LOCK: &str = include_str!("../Cargo.lock");

/// The circumstances of a run.
pub struct Circumstances {
    pub date: String,
    pub processor: String,
    pub compiler: &'static str,
}

impl Circumstances {
    pub fn now() -> Self {
        Self {
            date: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            processor: processor().unwrap_or_else(|| "unknown processor".to_owned()),
            compiler: env!("COMPILER"),
        }
    }

    pub fn markdown(&self) -> String {
        format!("{}, {}, {}\n", self.date, self.processor, self.compiler)
    }
}

/// The model of the first processor, where Linux tells it.
fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The locked version of a package.
pub fn version(package: &str) -> Option<&'static str> {
    let mut lines = LOCK.lines();
    lines
        .find(|line| line.strip_prefix("name = ").is_some_and(|name| unquoted(name) == package))?;
    lines.next()?.strip_prefix("version = ").map(unquoted)
}

fn unquoted(value: &'static str) -> &'static str {
    value.trim_matches('"')
}
