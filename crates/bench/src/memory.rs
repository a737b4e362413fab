//! Startup time and memory of a server with the whole history, idle and during exports.

use std::time::Duration;

use crate::{
    history::History,
    machine,
    options::Options,
    report::{Export, Memory, Report},
    targets::Target,
};

/// Measures startup, idle memory and exports.
///
/// # Errors
/// If the server cannot be started, or does not respond.
pub(crate) fn run(options: &Options, history: &History, report: &mut Report) -> anyhow::Result<()> {
    let mut starts = Vec::new();
    for _ in 0..options.repetitions.clamp(1, 5) {
        let target = Target::tocsin(options, &history.data_dir, &[])?;
        starts.push(target.start);
        target.stop()?;
    }
    starts.sort();
    let target = Target::tocsin(options, &history.data_dir, &[])?;
    if !options.small {
        std::thread::sleep(Duration::from_secs(3));
    }
    let (idle, _) = machine::memory(target.pid());
    let mut exports = Vec::new();
    for (format, filter) in [
        ("csv", ""),
        ("jsonl", ""),
        ("csv", "&severity=critical"),
        ("xlsx", "&alertname=TargetDown"),
    ] {
        machine::reset_peak(target.pid());
        let path = format!("/api/v1/alerts/export?format={format}{filter}");
        let response = target.reader().get(&path)?;
        let (_, peak) = machine::memory(target.pid());
        exports.push(Export {
            name: format!("{format}{filter}"),
            status: response.status,
            bytes: response.bytes,
            seconds: response.time.as_secs_f64(),
            peak,
        });
    }
    target.stop()?;
    report.memory(
        history.data_dir.kind,
        Memory {
            start: starts.get(starts.len() / 2).copied().unwrap_or_default(),
            idle,
            exports,
        },
    );
    Ok(())
}
