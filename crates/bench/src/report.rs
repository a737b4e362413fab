//! The results: printed during the run, and as Markdown tables for the READMEs.

mod figures;
mod markdown;
mod readme;

use std::{fs, time::Duration};

pub(crate) use figures::{Export, IngestCell, Memory, System, Times};

use anyhow::ensure;

use crate::{
    body::Workload, database::Kind, history::History, ingest::Shape, load, machine,
    options::Options, plain,
};

/// All results.
#[derive(Debug, Default)]
pub(crate) struct Report {
    machine: String,
    plain: Vec<(Kind, u64, f64)>,
    cells: Vec<(System, Shape, IngestCell)>,
    bytes: Vec<(Kind, f64, f64)>,
    /// Database, name, p50, p99 and maximum in milliseconds, and number of requests.
    queries: Vec<(Kind, String, [f64; 3], usize)>,
    memory: Vec<(Kind, Memory)>,
    stored: Vec<(Kind, Shape, f64)>,
    entries: u64,
    no_alertmanager: bool,
    /// Unexpected responses.
    failures: Vec<String>,
}

impl Report {
    pub(crate) fn begin(options: &Options) -> anyhow::Result<Self> {
        let sync = machine::sync_latency(&options.work, Duration::from_millis(300))?;
        let machine = format!("{}, sync {sync:.0} µs", machine::processor());
        println!("Machine: {machine}\nServer:  {}", options.server.display());
        Ok(Self {
            machine,
            ..Self::default()
        })
    }

    pub(crate) fn plain(&mut self, kind: Kind, batch: u64, rate: f64, sync: f64) {
        println!(
            "Plain insert of the same rows, {:10} {batch:5} alerts per commit: {:>9} alerts/s (sync {sync:.0} µs)",
            kind.name(),
            count(rate)
        );
        self.plain.push((kind, batch, rate));
    }

    pub(crate) fn begin_ingest(&self) {
        println!(
            "\n{:8} {:>5} {:>4} {:13} {:>9} {:>9} {:>8} {:>8} {:>7} {:>7} {:>6} {:>7} {:>7} {:>6} {:>5} {:>6} {:>6} {:>6}",
            "alerts",
            "/body",
            "send",
            "",
            "alerts/s",
            "deliv./s",
            "p50 ms",
            "p99 ms",
            "CPU µs",
            "after",
            "RSS MB",
            "B/alert",
            "bodies",
            "sync",
            "other",
            "/plain",
            "/bare",
            "/AM"
        );
    }

    pub(crate) fn ingest(&mut self, system: System, shape: Shape, cell: IngestCell) {
        let (bytes, bodies) = cell
            .bytes
            .map_or((String::new(), String::new()), |(all, bodies)| {
                (format!("{all:.0}"), format!("{bodies:.0}"))
            });
        let rate = cell.outcome.alerts_per_second();
        let ratio = |reference: Option<f64>| {
            reference.map_or(String::new(), |reference| {
                format!("{:.2}", rate / reference)
            })
        };
        let (plain, bare, alertmanager) = match system {
            System::Tocsin(kind) => (
                self.plain_rate(kind),
                self.rate(
                    System::Bare,
                    Shape {
                        workload: Workload::Fresh,
                        ..shape
                    },
                ),
                self.rate(System::Alertmanager, shape),
            ),
            _ => (None, None, None),
        };
        println!(
            "{:8} {:>5} {:>4} {:13} {:>9} {:>9} {:>8.2} {:>8.2} {:>7.1} {:>7.1} {:>6.0} {:>7} {:>7} {:>6.0} {:>5.2} {:>6} {:>6} {:>6}{}",
            workload_name(shape.workload),
            shape.alerts,
            shape.senders,
            system.name(),
            count(rate),
            count(cell.outcome.deliveries_per_second()),
            cell.outcome.percentile(0.5),
            cell.outcome.percentile(0.99),
            cell.cpu_us,
            cell.cpu_after_us,
            megabytes(cell.peak),
            bytes,
            bodies,
            cell.sync_us,
            cell.other_cpu,
            ratio(plain),
            ratio(bare),
            ratio(alertmanager),
            match cell.outcome.rejected {
                0 => String::new(),
                rejected => format!("  {rejected} rejected"),
            }
        );
        self.note_rejected(system, shape, &cell);
        self.cells.push((system, shape, cell));
    }

    pub(crate) fn without_alertmanager(&mut self) {
        if !self.no_alertmanager {
            println!("(Alertmanager is not installed: no comparison)");
        }
        self.no_alertmanager = true;
    }

    pub(crate) fn bytes(&mut self, kind: Kind, entries: u64, entry: f64, all: f64, bodies: f64) {
        println!(
            "\nRepeated log entry, {}, average of {entries}: {entry:.0} bytes in the alert log, {all:.0} in all tables except raw bodies ({bodies:.0})",
            kind.name()
        );
        self.bytes.push((kind, entry, all));
    }

    pub(crate) fn history(&mut self, kind: Kind, history: &History) {
        let manifest = &history.manifest;
        let projection = match history.projection {
            Some(time) => format!("projected in {:.0} s", time.as_secs_f64()),
            None => "kept".to_owned(),
        };
        println!(
            "\nHistory, {}: {} log entries of {} incidents of {} alerts, {} bytes per entry in the alert log, {} MB in total ({projection})",
            kind.name(),
            manifest.entries,
            manifest.incidents,
            manifest.series,
            manifest.log_bytes / manifest.entries.max(1),
            manifest.bytes / 1_000_000
        );
        self.entries = manifest.entries;
    }

    pub(crate) fn queries(&mut self, kind: Kind, name: &str, times: Times) {
        let mut sorted = times.all;
        sorted.sort_by(f32::total_cmp);
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| load::percentile(&sorted, part));
        println!(
            "{:10} {name:32} {:6} requests  p50 {p50:8.2} ms  p99 {p99:8.2} ms  max {max:8.2} ms",
            kind.name(),
            sorted.len()
        );
        let mut worst: Vec<_> = times.by_path.into_iter().collect();
        worst.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (path, millis) in worst.iter().take(10).filter(|(_, millis)| *millis > 10.0) {
            println!("    {millis:8.2} ms  {path}");
        }
        for (path, status) in times.failed {
            self.fail(format!("{} returned {status}: {path}", kind.name()));
        }
        self.queries
            .push((kind, name.to_owned(), [p50, p99, max], sorted.len()));
    }

    pub(crate) fn memory(&mut self, kind: Kind, memory: Memory) {
        println!(
            "{:10} startup {:.0} ms, idle memory {:.0} MB",
            kind.name(),
            memory.start.as_secs_f64() * 1e3,
            megabytes(memory.idle)
        );
        for export in &memory.exports {
            println!(
                "{:10} export {:28} status {}, {:.0} MB in {:.1} s, peak {:.0} MB",
                kind.name(),
                export.name,
                export.status,
                megabytes(export.bytes),
                export.seconds,
                megabytes(export.peak)
            );
        }
        for export in memory.exports.iter().filter(|export| export.status != 200) {
            let failure = format!(
                "{} returned {}: export {}",
                kind.name(),
                export.status,
                export.name
            );
            self.failures.push(failure);
        }
        self.memory.push((kind, memory));
    }

    pub(crate) fn stored(
        &mut self,
        kind: Kind,
        shape: Shape,
        empty: &IngestCell,
        full: &IngestCell,
    ) {
        let (before, after) = (
            empty.outcome.alerts_per_second(),
            full.outcome.alerts_per_second(),
        );
        println!(
            "{:10} {}, {}×{}: {} alerts/s with the history, {} with an empty database ({:.2}), p99 {:.2} and {:.2} ms, CPU {:.1} and {:.1} µs, peak {:.0} MB",
            kind.name(),
            workload_name(shape.workload),
            shape.alerts,
            shape.senders,
            count(after),
            count(before),
            after / before,
            full.outcome.percentile(0.99),
            empty.outcome.percentile(0.99),
            full.cpu_us,
            empty.cpu_us,
            megabytes(full.peak)
        );
        for cell in [empty, full] {
            self.note_rejected(System::Tocsin(kind), shape, cell);
        }
        self.stored.push((kind, shape, after / before));
    }

    fn note_rejected(&mut self, system: System, shape: Shape, cell: &IngestCell) {
        let rejected = cell.outcome.rejected;
        if rejected > 0 {
            let shape = format!(
                "{}×{} {}",
                shape.alerts,
                shape.senders,
                workload_name(shape.workload)
            );
            self.failures.push(format!(
                "{} rejected {rejected} deliveries, {shape}",
                system.name()
            ));
        }
    }

    fn fail(&mut self, failure: String) {
        println!("    {failure}");
        self.failures.push(failure);
    }

    /// Writes the tables.
    ///
    /// # Errors
    /// If the tables cannot be written, or there were unexpected responses.
    pub(crate) fn finish(&self, options: &Options) -> anyhow::Result<()> {
        let text = self.markdown();
        let file = options.work.join("README-table.md");
        fs::write(&file, &text)?;
        println!("\nThe tables are in {}", file.display());
        if options.write {
            readme::write(&options.project, &text)?;
        }
        ensure!(
            self.failures.is_empty(),
            "{} unexpected responses, the first: {}",
            self.failures.len(),
            self.failures
                .iter()
                .take(5)
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join("; ")
        );
        Ok(())
    }

    fn plain_rate(&self, kind: Kind) -> Option<f64> {
        let plain = self.plain.iter();
        let mut found = plain.filter(|(of, batch, _)| (*of, *batch) == (kind, plain::BATCH));
        found.next().map(|(_, _, rate)| *rate)
    }

    fn cell(&self, system: System, shape: Shape) -> Option<&IngestCell> {
        let mut cells = self.cells.iter();
        cells.find_map(|(of, its, cell)| ((*of, *its) == (system, shape)).then_some(cell))
    }

    fn rate(&self, system: System, shape: Shape) -> Option<f64> {
        let rate = self.cell(system, shape)?.outcome.alerts_per_second();
        (rate > 0.0).then_some(rate)
    }
}

fn workload_name(workload: Workload) -> &'static str {
    match workload {
        Workload::Fresh => "fresh",
        Workload::Repeats => "repeats",
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Formats a number with thousands separators.
fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [(7.0, "7"), (1_234.4, "1,234"), (12_345_678.0, "12,345,678")] {
            assert_eq!(count(number), text);
        }
    }
}
