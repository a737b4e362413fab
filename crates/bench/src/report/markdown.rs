//! The Markdown tables for the READMEs.

use std::fmt::Write as _;

use super::{Report, System, count, megabytes, workload_name};
use crate::{body::Workload, database::Kind, ingest::Shape};

const KINDS: [Kind; 2] = [Kind::Sqlite, Kind::Postgres];

impl Report {
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("Measured on {}.\n", self.machine);
        self.ingest_table(&mut text);
        self.query_table(&mut text);
        self.other_results(&mut text);
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
            let entry = |system| {
                self.cell(system, shape).map_or("–".to_owned(), |cell| {
                    let rate = count(cell.outcome.alerts_per_second());
                    format!("{rate} ({:.1})", cell.outcome.percentile(0.99))
                })
            };
            let _ = writeln!(
                text,
                "| {}, {} per request, {} sender{} | {} | {} | {} | {} |",
                workload_name(shape.workload),
                shape.alerts,
                shape.senders,
                if shape.senders == 1 { "" } else { "s" },
                entry(System::Tocsin(Kind::Sqlite)),
                entry(System::Tocsin(Kind::Postgres)),
                entry(System::Alertmanager),
                entry(System::Bare),
            );
        }
        for (kind, batch, rate) in &self.plain {
            let _ = writeln!(
                text,
                "| plain insert of the same rows, {batch} alerts per commit, {} | {} | | | |",
                kind.name(),
                count(*rate)
            );
        }
        let shape = Shape {
            workload: Workload::Fresh,
            alerts: 100,
            senders: 8,
        };
        for kind in KINDS {
            let Some(cell) = self.cell(System::Tocsin(kind), shape) else {
                continue;
            };
            let _ = writeln!(
                text,
                "\n{}, 100 fresh alerts per request, 8 senders: {:.1} µs of CPU time per alert \
                 (and {:.1} µs afterwards), {:.0} MB peak memory.",
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
            "\n| first page, {} log entries, ms | | requests | p50 | p99 | max |\n\
             | --- | --- | ---: | ---: | ---: | ---: |",
            count(self.entries as f64)
        );
        for (kind, name, [p50, p99, max], requests) in &self.queries {
            let _ = writeln!(
                text,
                "| {name} | {} | {requests} | {p50:.1} | {p99:.1} | {max:.1} |",
                kind.name()
            );
        }
    }

    fn other_results(&self, text: &mut String) {
        for (kind, entry, all) in &self.bytes {
            let _ = writeln!(
                text,
                "\n{}: a repeated log entry takes {entry:.0} bytes with indexes, {all:.0} in all tables except raw bodies.",
                kind.name()
            );
        }
        for (kind, memory) in &self.memory {
            let _ = writeln!(
                text,
                "\n{} with {} log entries: ready after {:.0} ms, {:.0} MB idle memory.",
                kind.name(),
                count(self.entries as f64),
                memory.start.as_secs_f64() * 1e3,
                megabytes(memory.idle)
            );
            for export in memory.exports.iter().filter(|export| export.status == 200) {
                let _ = writeln!(
                    text,
                    "Export {}: {:.0} MB in {:.1} s, {:.0} MB peak memory.",
                    export.name,
                    megabytes(export.bytes),
                    export.seconds,
                    megabytes(export.peak)
                );
            }
        }
        for (kind, shape, ratio) in &self.stored {
            let _ = writeln!(
                text,
                "\n{}, {} alerts, {} per request, {} senders: {ratio:.2} of the throughput with an empty database.",
                kind.name(),
                workload_name(shape.workload),
                shape.alerts,
                shape.senders
            );
        }
    }
}
