//! Command-line options.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use lexopt::ValueExt as _;

use crate::database::Kind;

pub(crate) const USAGE: &str = "\
Usage: cargo xtask bench [OPTIONS]

  --only NAME      sqlite or postgres; ingest, bytes, memory, queries or stored
                   (can be repeated)
  --entries N      log entries of the history, kept in target/bench
                   (default: 10000000)
  --seconds N      duration of each ingest measurement (default: 5)
  --repetitions N  repetitions of each query (default: 5)
  --small          run a few seconds, to test the benchmark itself
  --write          write the tables into README.md and README.zh-CN.md
";

/// A group of measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Ingest throughput and latency.
    Ingest,
    /// Disk usage of a repeated log entry.
    Bytes,
    /// Startup, memory and exports, with the history.
    Memory,
    /// List and statistics queries, with the history.
    Queries,
    /// Ingest, with the history.
    Stored,
}

const PARTS: [(&str, Part); 5] = [
    ("ingest", Part::Ingest),
    ("bytes", Part::Bytes),
    ("memory", Part::Memory),
    ("queries", Part::Queries),
    ("stored", Part::Stored),
];

#[derive(Debug)]
pub(crate) struct Options {
    /// Server binary under test.
    pub(crate) server: PathBuf,
    /// Directory for databases and reports.
    pub(crate) work: PathBuf,
    /// Repository root, for `--write`.
    pub(crate) project: PathBuf,
    pub(crate) databases: Vec<Kind>,
    parts: Vec<Part>,
    /// Number of log entries in the history.
    pub(crate) entries: u64,
    /// Number of repeated log entries to measure their disk usage.
    pub(crate) repeat_entries: u64,
    /// Duration of each ingest measurement.
    pub(crate) seconds: f64,
    pub(crate) repetitions: usize,
    pub(crate) small: bool,
    pub(crate) write: bool,
}

impl Options {
    pub(crate) fn includes(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }
}

pub(crate) fn parse() -> anyhow::Result<Options> {
    let mut arguments = lexopt::Parser::from_env();
    let mut options = Options {
        server: PathBuf::new(),
        work: PathBuf::from("target/bench"),
        project: PathBuf::from("."),
        databases: Vec::new(),
        parts: Vec::new(),
        entries: 0,
        repeat_entries: 1_000_000,
        seconds: 0.0,
        repetitions: 0,
        small: false,
        write: false,
    };
    while let Some(argument) = arguments.next()? {
        use lexopt::Arg::Long;
        match argument {
            Long("server") => options.server = arguments.value()?.into(),
            Long("work") => options.work = arguments.value()?.into(),
            Long("project") => options.project = arguments.value()?.into(),
            Long("only") => {
                let name = arguments.value()?.string()?;
                match (
                    Kind::from_name(&name),
                    PARTS.iter().find(|part| part.0 == name),
                ) {
                    (Some(kind), _) => options.databases.push(kind),
                    (None, Some(part)) => options.parts.push(part.1),
                    (None, None) => bail!("unknown name {name} for --only\n\n{USAGE}"),
                }
            }
            Long("entries") => options.entries = arguments.value()?.parse()?,
            Long("seconds") => options.seconds = arguments.value()?.parse()?,
            Long("repetitions") => options.repetitions = arguments.value()?.parse()?,
            Long("small") => options.small = true,
            Long("write") => options.write = true,
            other => return Err(other.unexpected()).context(USAGE),
        }
    }
    if !options.server.is_file() {
        bail!("--server: {} does not exist", options.server.display());
    }
    if options.databases.is_empty() {
        options.databases = vec![Kind::Sqlite, Kind::Postgres];
    }
    let (entries, seconds, repetitions) = match options.small {
        true => (2_000, 0.1, 1),
        false => (10_000_000, 5.0, 5),
    };
    if options.small {
        options.repeat_entries = 2_000;
    }
    if options.entries == 0 {
        options.entries = entries;
    }
    if options.seconds <= 0.0 {
        options.seconds = seconds;
    }
    if options.repetitions == 0 {
        options.repetitions = repetitions;
    }
    // Programs are started in other directories.
    std::fs::create_dir_all(&options.work)?;
    options.work = options.work.canonicalize()?;
    options.server = options.server.canonicalize()?;
    Ok(options)
}
