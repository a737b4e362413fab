//! Ingest into a copy of the history: a log is not to get slower as it grows.

use crate::{
    body::Told, database::Database, history::History, ingest::Shape, options::Options,
    report::Report, targets::Target,
};

/// # Errors
/// The server does not start or answer.
pub(crate) fn run(
    options: &Options,
    database: &Database,
    history: &History,
    report: &mut Report,
) -> anyhow::Result<()> {
    let shapes = [
        (Told::Fresh, 100, 8),
        (Told::Repeats, 100, 8),
        (Told::Fresh, 1, 64),
    ];
    for (told, alerts, senders) in shapes.into_iter().take(if options.small { 1 } else { 3 }) {
        let shape = Shape {
            told,
            alerts,
            senders,
        };
        let empty = database.empty("cell")?;
        let target = Target::tocsin(options, &empty, &[])?;
        let on_empty = shape.load(options, &target)?;
        target.stop()?;
        let place = database.copy(&history.place, &history.name, "cell")?;
        let target = Target::tocsin(options, &place, &[])?;
        let on_history = shape.load(options, &target)?;
        target.stop()?;
        report.stored(place.kind, shape, &on_empty, &on_history);
    }
    database.remove("cell")
}
