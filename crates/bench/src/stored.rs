//! Ingest into a copy of the history: throughput must not drop as the log grows.

use crate::{
    body::Workload, database::Database, history::History, ingest::Shape, options::Options,
    report::Report, targets::Target,
};

/// Measures the ingest with an empty database and with the history.
///
/// # Errors
/// If the server cannot be started, or does not respond.
pub(crate) fn run(
    options: &Options,
    database: &Database,
    history: &History,
    report: &mut Report,
) -> anyhow::Result<()> {
    let shapes = [
        (Workload::Fresh, 100, 8),
        (Workload::Repeats, 100, 8),
        (Workload::Fresh, 1, 64),
    ];
    for (workload, alerts, senders) in shapes.into_iter().take(if options.small { 1 } else { 3 }) {
        let shape = Shape {
            workload,
            alerts,
            senders,
        };
        let empty = database.empty("cell")?;
        let target = Target::tocsin(options, &empty, &[])?;
        let on_empty = shape.load(options, &target)?;
        target.stop()?;
        let data_dir = database.copy(&history.data_dir, &history.name, "cell")?;
        let target = Target::tocsin(options, &data_dir, &[])?;
        let on_history = shape.load(options, &target)?;
        target.stop()?;
        report.stored(data_dir.kind, shape, &on_empty, &on_history);
    }
    database.remove("cell")
}
