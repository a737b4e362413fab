//! The tables for the README.

use std::fmt::Write as _;

use super::{Report, Who, count, megabytes, told};
use crate::{body::Told, database::Kind, ingest::Shape};

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

impl Report {
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("Measured on {}.\n", self.machine);
        self.ingest_table(&mut text);
        self.query_table(&mut text);
        self.rest(&mut text);
        text
    }

    fn ingest_table(&self, text: &mut String) {
        if self.cells.is_empty() {
            return;
        }
        text.push_str(
            "\n| alerts/s (p99 ms) | SQLite | PostgreSQL | Alertmanager, in memory | bare handler |\n\
             | --- | ---: | ---: | ---: | ---: |\n",
        );
        let mut shapes: Vec<Shape> = Vec::new();
        for (_, shape, _) in &self.cells {
            if !shapes.contains(shape) {
                shapes.push(*shape);
            }
        }
        for shape in shapes {
            let entry = |who| {
                self.cell(who, shape).map_or("–".to_owned(), |cell| {
                    let rate = count(cell.outcome.alerts_a_second());
                    format!("{rate} ({:.1})", cell.outcome.percentile(0.99))
                })
            };
            let _ = writeln!(
                text,
                "| {}, {} a body, {} sender{} | {} | {} | {} | {} |",
                told(shape.told),
                shape.alerts,
                shape.senders,
                if shape.senders == 1 { "" } else { "s" },
                entry(Who::Tocsin(Kind::Sqlite)),
                entry(Who::Tocsin(Kind::Postgres)),
                entry(Who::Alertmanager),
                entry(Who::Bare),
            );
        }
        for (kind, batch, rate) in &self.plain {
            let _ = writeln!(
                text,
                "| the same rows by a plain insert, {batch} alerts a commit, {} | {} | | | |",
                kind.name(),
                count(*rate)
            );
        }
        let shape = Shape {
            told: Told::Fresh,
            alerts: 100,
            senders: 8,
        };
        for kind in KINDS {
            let Some(cell) = self.cell(Who::Tocsin(kind), shape) else {
                continue;
            };
            let _ = writeln!(
                text,
                "\n{}, 100 fresh alerts a body, 8 senders: {:.1} µs of CPU an alert ({:.1} µs later), \
                 {:.0} MB of memory at most.",
                kind.name(),
                cell.cpu_us,
                cell.cpu_after_us,
                megabytes(cell.peak)
            );
        }
    }

    fn query_table(&self, text: &mut String) {
        if self.queries.is_empty() {
            return;
        }
        let _ = writeln!(
            text,
            "\n| first page, {} entries, ms | | asked | p50 | p99 | max |\n\
             | --- | --- | ---: | ---: | ---: | ---: |",
            count(self.entries as f64)
        );
        for (kind, what, [p50, p99, max], asked) in &self.queries {
            let _ = writeln!(
                text,
                "| {what} | {} | {asked} | {p50:.1} | {p99:.1} | {max:.1} |",
                kind.name()
            );
        }
    }

    fn rest(&self, text: &mut String) {
        for (kind, entry, all) in &self.bytes {
            let _ = writeln!(
                text,
                "\n{}: a repeat log entry takes {entry:.0} bytes with its indexes, {all:.0} with everything but raw bodies.",
                kind.name()
            );
        }
        for (kind, memory) in &self.memory {
            let _ = writeln!(
                text,
                "\n{} with {} entries: ready after {:.0} ms, {:.0} MB at rest.",
                kind.name(),
                count(self.entries as f64),
                memory.start.as_secs_f64() * 1e3,
                megabytes(memory.idle)
            );
            for export in memory.exports.iter().filter(|export| export.status == 200) {
                let _ = writeln!(
                    text,
                    "Export {}: {:.0} MB in {:.1} s, {:.0} MB of memory at most.",
                    export.what,
                    megabytes(export.bytes),
                    export.seconds,
                    megabytes(export.peak)
                );
            }
        }
        for (kind, shape, ratio) in &self.stored {
            let _ = writeln!(
                text,
                "\n{}, {} alerts, {} a body, {} senders, with the history stored: {ratio:.2} of the rate without.",
                kind.name(),
                told(shape.told),
                shape.alerts,
                shape.senders
            );
        }
    }
}
