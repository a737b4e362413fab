//! The start and the memory of a server with the whole history, at rest and
//! while it is exported.

use std::time::Duration;

use crate::{
    history::History,
    machine,
    options::Options,
    report::{Export, Memory, Report},
    targets::Target,
};

/// # Errors
/// The server does not start or answer.
pub(crate) fn run(options: &Options, history: &History, report: &mut Report) -> anyhow::Result<()> {
    let mut starts = Vec::new();
    for _ in 0..options.repetitions.clamp(1, 5) {
        let target = Target::tocsin(options, &history.place, &[])?;
        starts.push(target.start);
        target.stop()?;
    }
    starts.sort();
    let target = Target::tocsin(options, &history.place, &[])?;
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
        machine::forget_peak(target.pid());
        let path = format!("/api/v1/alerts/export?format={format}{filter}");
        let answer = target.reader().get(&path)?;
        let (_, peak) = machine::memory(target.pid());
        exports.push(Export {
            what: format!("{format}{filter}"),
            status: answer.status,
            bytes: answer.bytes,
            seconds: answer.time.as_secs_f64(),
            peak,
        });
    }
    target.stop()?;
    report.memory(
        history.place.kind,
        Memory {
            start: starts.get(starts.len() / 2).copied().unwrap_or_default(),
            idle,
            exports,
        },
    );
    Ok(())
}
