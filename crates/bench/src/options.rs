//! What is measured, and how long.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use lexopt::ValueExt as _;

use crate::database::Kind;

pub(crate) const USAGE: &str = "\
Usage: cargo xtask bench [OPTIONS]

  --only NAME      sqlite or postgres; ingest, bytes, memory, queries or stored
                   (may be repeated)
  --entries N      log entries of the history (10000000), kept in target/bench
  --seconds N      load for each cell of the ingest table (5)
  --repetitions N  of each query (5)
  --small          a few seconds in all, to see that it works
  --write          put the table into README.md and README.zh-CN.md
";

/// A group of measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Deliveries a second, by size and senders.
    Ingest,
    /// Bytes on disk of a repeat entry.
    Bytes,
    /// Memory, the start, and an export, with the history.
    Memory,
    /// Lists and statistics of the history.
    Queries,
    /// Ingest into the history.
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
    /// The server under test.
    pub(crate) server: PathBuf,
    /// Where databases and tables go.
    pub(crate) work: PathBuf,
    /// The repository, for `--write`.
    pub(crate) project: PathBuf,
    pub(crate) databases: Vec<Kind>,
    parts: Vec<Part>,
    /// Log entries of the history.
    pub(crate) entries: u64,
    /// Log entries that are told to measure the bytes of one.
    pub(crate) told_entries: u64,
    /// Load for each cell.
    pub(crate) seconds: f64,
    pub(crate) repetitions: usize,
    pub(crate) small: bool,
    pub(crate) write: bool,
}

impl Options {
    pub(crate) fn does(&self, part: Part) -> bool {
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
        told_entries: 1_000_000,
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
                match (Kind::named(&name), PARTS.iter().find(|part| part.0 == name)) {
                    (Some(kind), _) => options.databases.push(kind),
                    (None, Some(part)) => options.parts.push(part.1),
                    (None, None) => bail!("there is nothing called {name}\n\n{USAGE}"),
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
        bail!("--server: there is no program {}", options.server.display());
    }
    if options.databases.is_empty() {
        options.databases = vec![Kind::Sqlite, Kind::Postgres];
    }
    let (entries, seconds, repetitions) = match options.small {
        true => (2_000, 0.1, 1),
        false => (10_000_000, 5.0, 5),
    };
    if options.small {
        options.told_entries = 2_000;
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
    // Programs are started elsewhere.
    std::fs::create_dir_all(&options.work)?;
    options.work = options.work.canonicalize()?;
    options.server = options.server.canonicalize()?;
    Ok(options)
}
