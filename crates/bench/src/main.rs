//! What Tocsin does in a second, a byte and a millisecond, beside what this
//! machine does at best. `cargo xtask bench` builds the server and this, and
//! starts it.
//!
//! * [`body`] makes deliveries, [`load`] sends them in a closed loop.
//! * [`targets`] starts what is measured: Tocsin on either database, the real
//!   Alertmanager, and [`bare`], a handler that only parses.
//! * [`ingest`] goes through the cells and [`plain`] writes the same rows
//!   without Tocsin.
//! * [`history`] makes a year of entries, kept between runs; [`queries`],
//!   [`memory`] and [`stored`] measure with it.
//! * [`machine`] reads `/proc` and times the disk; [`report`] writes the tables.
//!
//! No timing fails anything: what fails is what does not work.

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
    let done = match std::env::args().nth(1).as_deref() {
        Some(bare::COMMAND) => bare::run(),
        _ => options::parse().and_then(|options| measure(&options)),
    };
    match done {
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
    if options.does(Part::Ingest) {
        ingest::run(options, &databases, &mut report)?;
    }
    if options.does(Part::Bytes) {
        for &kind in &options.databases {
            size::run(options, databases.of(kind), &mut report)?;
        }
    }
    let with_history = [Part::Queries, Part::Memory, Part::Stored];
    if with_history.into_iter().any(|part| options.does(part)) {
        for &kind in &options.databases {
            on_history(options, databases.of(kind), kind, &mut report)?;
        }
    }
    report.finish(options)
}

fn on_history(
    options: &Options,
    database: &database::Database,
    kind: Kind,
    report: &mut Report,
) -> anyhow::Result<()> {
    let history = history::prepare(options, database)?;
    report.history(kind, &history);
    if options.does(Part::Memory) {
        memory::run(options, &history, report)?;
    }
    if options.does(Part::Queries) {
        queries::run(options, &history, report)?;
    }
    if options.does(Part::Stored) {
        stored::run(options, database, &history, report)?;
    }
    Ok(())
}
