//! Benchmark of Tocsin: throughput, latency, memory and disk usage, compared with the
//! limits of the machine. `cargo xtask bench` builds the server and the benchmark, and
//! runs it.
//!
//! * [`body`] generates deliveries, [`load`] sends them in a closed loop.
//! * [`targets`] starts the programs under test: Tocsin with either database, the real
//!   Alertmanager, and [`bare`], a handler that only parses.
//! * [`ingest`] measures the ingest, and [`plain`] inserts the same rows without Tocsin.
//! * [`history`] generates log entries of one year, kept between runs; [`queries`],
//!   [`memory`] and [`stored`] measure with it.
//! * [`machine`] reads `/proc` and measures the disk; [`report`] writes the tables.
//!
//! The benchmark fails on errors, never because of a measured time.

mod bare;
mod body;
mod database;
mod history;
mod http;
mod ingest;
mod load;
mod machine;
mod memory;
mod options;
mod plain;
mod queries;
mod report;
mod size;
mod stored;
mod targets;

use std::process::ExitCode;

use database::Kind;
use options::{Options, Part};
use report::Report;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some(bare::COMMAND) => bare::run(),
        _ => options::parse().and_then(|options| measure(&options)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("✗ {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> anyhow::Result<()> {
    std::fs::create_dir_all(&options.work)?;
    let mut report = Report::begin(options)?;
    let databases = database::Databases::open(options)?;
    if options.includes(Part::Ingest) {
        ingest::run(options, &databases, &mut report)?;
    }
    if options.includes(Part::Bytes) {
        for &kind in &options.databases {
            size::run(options, databases.get(kind), &mut report)?;
        }
    }
    let with_history = [Part::Queries, Part::Memory, Part::Stored];
    if with_history.into_iter().any(|part| options.includes(part)) {
        for &kind in &options.databases {
            measure_with_history(options, databases.get(kind), kind, &mut report)?;
        }
    }
    report.finish(options)
}

fn measure_with_history(
    options: &Options,
    database: &database::Database,
    kind: Kind,
    report: &mut Report,
) -> anyhow::Result<()> {
    let history = history::prepare(options, database)?;
    report.history(kind, &history);
    if options.includes(Part::Memory) {
        memory::run(options, &history, report)?;
    }
    if options.includes(Part::Queries) {
        queries::run(options, &history, report)?;
    }
    if options.includes(Part::Stored) {
        stored::run(options, database, &history, report)?;
    }
    Ok(())
}
