//! The figures: on standard output as they come, and as tables for the README.

mod figures;
mod markdown;
mod readme;

use std::{fs, time::Duration};

pub(crate) use figures::{Export, IngestCell, Memory, Times, Who};

use anyhow::ensure;

use crate::{
    body::Told, database::Kind, history::History, ingest::Shape, load, machine, options::Options,
    plain,
};

/// Everything that was measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    machine: String,
    plain: Vec<(Kind, u64, f64)>,
    cells: Vec<(Who, Shape, IngestCell)>,
    bytes: Vec<(Kind, f64, f64)>,
    /// (database, what, p50, p99, max, asked) in milliseconds.
    queries: Vec<(Kind, String, [f64; 3], usize)>,
    memory: Vec<(Kind, Memory)>,
    stored: Vec<(Kind, Shape, f64)>,
    entries: u64,
    no_alertmanager: bool,
    /// What was not answered as it should be.
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
            "Plain insert of the same rows, {:10} {batch:5} alerts a commit: {:>9} alerts/s (sync {sync:.0} µs)",
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
            "from",
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

    pub(crate) fn ingest(&mut self, who: Who, shape: Shape, cell: IngestCell) {
        let (bytes, bodies) = cell
            .bytes
            .map_or((String::new(), String::new()), |(all, bodies)| {
                (format!("{all:.0}"), format!("{bodies:.0}"))
            });
        let rate = cell.outcome.alerts_a_second();
        let ratio =
            |best: Option<f64>| best.map_or(String::new(), |best| format!("{:.2}", rate / best));
        let (plain, bare, alertmanager) = match who {
            Who::Tocsin(kind) => (
                self.plain_rate(kind),
                self.rate(
                    Who::Bare,
                    Shape {
                        told: Told::Fresh,
                        ..shape
                    },
                ),
                self.rate(Who::Alertmanager, shape),
            ),
            _ => (None, None, None),
        };
        println!(
            "{:8} {:>5} {:>4} {:13} {:>9} {:>9} {:>8.2} {:>8.2} {:>7.1} {:>7.1} {:>6.0} {:>7} {:>7} {:>6.0} {:>5.2} {:>6} {:>6} {:>6}{}",
            told(shape.told),
            shape.alerts,
            shape.senders,
            who.name(),
            count(rate),
            count(cell.outcome.deliveries_a_second()),
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
            match cell.outcome.refused {
                0 => String::new(),
                refused => format!("  {refused} refused"),
            }
        );
        self.note_refused(who, shape, &cell);
        self.cells.push((who, shape, cell));
    }

    pub(crate) fn without_alertmanager(&mut self) {
        if !self.no_alertmanager {
            println!("(no prometheus-alertmanager is installed: nothing to compare with)");
        }
        self.no_alertmanager = true;
    }

    pub(crate) fn bytes(&mut self, kind: Kind, entries: u64, entry: f64, all: f64, bodies: f64) {
        println!(
            "\nA repeat entry, {}, of {entries}: {entry:.0} bytes in the log, {all:.0} with everything but raw bodies ({bodies:.0})",
            kind.name()
        );
        self.bytes.push((kind, entry, all));
    }

    pub(crate) fn history(&mut self, kind: Kind, history: &History) {
        let made = &history.made;
        let folding = match history.folding {
            Some(time) => format!("folded in {:.0} s", time.as_secs_f64()),
            None => "kept".to_owned(),
        };
        println!(
            "\nHistory, {}: {} entries of {} incidents of {} alerts, {} bytes an entry in the log, {} MB in all ({folding})",
            kind.name(),
            made.entries,
            made.incidents,
            made.series,
            made.log_bytes / made.entries.max(1),
            made.bytes / 1_000_000
        );
        self.entries = made.entries;
    }

    pub(crate) fn queries(&mut self, kind: Kind, what: &str, times: Times) {
        let mut sorted = times.all;
        sorted.sort_by(f32::total_cmp);
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| load::percentile(&sorted, part));
        println!(
            "{:10} {what:32} {:6} asked  p50 {p50:8.2} ms  p99 {p99:8.2} ms  max {max:8.2} ms",
            kind.name(),
            sorted.len()
        );
        let mut worst: Vec<_> = times.by_path.into_iter().collect();
        worst.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (path, millis) in worst.iter().take(10).filter(|(_, millis)| *millis > 10.0) {
            println!("    {millis:8.2} ms  {path}");
        }
        for (path, status) in times.failed {
            self.fail(format!("{} answered {status}: {path}", kind.name()));
        }
        self.queries
            .push((kind, what.to_owned(), [p50, p99, max], sorted.len()));
    }

    pub(crate) fn memory(&mut self, kind: Kind, memory: Memory) {
        println!(
            "{:10} start to ready {:.0} ms; at rest {:.0} MB",
            kind.name(),
            memory.start.as_secs_f64() * 1e3,
            megabytes(memory.idle)
        );
        for export in &memory.exports {
            println!(
                "{:10} export {:28} status {}, {:.0} MB in {:.1} s, peak {:.0} MB",
                kind.name(),
                export.what,
                export.status,
                megabytes(export.bytes),
                export.seconds,
                megabytes(export.peak)
            );
        }
        for export in memory.exports.iter().filter(|export| export.status != 200) {
            let failure = format!(
                "{} answered {}: export {}",
                kind.name(),
                export.status,
                export.what
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
            empty.outcome.alerts_a_second(),
            full.outcome.alerts_a_second(),
        );
        println!(
            "{:10} {} at {}×{}: {} alerts/s into the history, {} into nothing ({:.2}), p99 {:.2} and {:.2} ms, CPU {:.1} and {:.1} µs, peak {:.0} MB",
            kind.name(),
            told(shape.told),
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
            self.note_refused(Who::Tocsin(kind), shape, cell);
        }
        self.stored.push((kind, shape, after / before));
    }

    fn note_refused(&mut self, who: Who, shape: Shape, cell: &IngestCell) {
        let refused = cell.outcome.refused;
        if refused > 0 {
            let what = format!("{}×{} {}", shape.alerts, shape.senders, told(shape.told));
            self.failures.push(format!(
                "{} refused {refused} deliveries, {what}",
                who.name()
            ));
        }
    }

    fn fail(&mut self, what: String) {
        println!("    {what}");
        self.failures.push(what);
    }

    /// Writes the tables.
    ///
    /// # Errors
    /// They cannot be written, or something was answered with an error.
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
            "{} things were not answered as they should be, first: {}",
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

    fn cell(&self, who: Who, shape: Shape) -> Option<&IngestCell> {
        let mut cells = self.cells.iter();
        cells.find_map(|(of, its, cell)| ((*of, *its) == (who, shape)).then_some(cell))
    }

    fn rate(&self, who: Who, shape: Shape) -> Option<f64> {
        let rate = self.cell(who, shape)?.outcome.alerts_a_second();
        (rate > 0.0).then_some(rate)
    }
}

fn told(told: Told) -> &'static str {
    match told {
        Told::Fresh => "fresh",
        Told::Repeats => "repeats",
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A number with its thousands set apart.
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
    fn thousands_are_set_apart() {
        for (number, text) in [(7.0, "7"), (1_234.4, "1,234"), (12_345_678.0, "12,345,678")] {
            assert_eq!(count(number), text);
        }
    }
}
