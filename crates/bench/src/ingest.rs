//! Ingest throughput: all combinations of delivery size and number of senders, for fresh
//! alerts and repeats. All systems are measured in turn for each combination, so that
//! all have the same noise.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{
    body::{Bodies, Workload},
    database::{Databases, Kind},
    load::{self, Until},
    machine,
    options::Options,
    plain,
    report::{self, IngestCell, Report},
    targets::Target,
};

/// Alerts per delivery.
pub(crate) const SIZES: [u64; 4] = [1, 10, 100, 500];
/// Number of concurrent senders.
pub(crate) const SENDERS: [usize; 3] = [1, 8, 64];

/// Measures all combinations, and the limits of the machine.
///
/// # Errors
/// If a program cannot be started, or does not respond.
pub(crate) fn run(
    options: &Options,
    databases: &Databases,
    report: &mut Report,
) -> anyhow::Result<()> {
    for &kind in &options.databases {
        plain_inserts(options, databases, kind, report)?;
    }
    report.begin_ingest();
    // The smallest and a larger size are enough to test that the benchmark works.
    let step = if options.small { 2 } else { 1 };
    for workload in [Workload::Fresh, Workload::Repeats] {
        for alerts in SIZES.into_iter().step_by(step) {
            for senders in SENDERS.into_iter().step_by(step) {
                let shape = Shape {
                    workload,
                    alerts,
                    senders,
                };
                shape.measure(options, databases, report)?;
            }
        }
    }
    Ok(())
}

fn plain_inserts(
    options: &Options,
    databases: &Databases,
    kind: Kind,
    report: &mut Report,
) -> anyhow::Result<()> {
    let database = databases.get(kind);
    let batches = [plain::BATCH, 10 * plain::BATCH];
    for batch in batches.into_iter().take(if options.small { 1 } else { 2 }) {
        let data_dir = database.empty("plain")?;
        // The server creates the tables.
        Target::tocsin(options, &data_dir, &[])?.stop()?;
        let sync = machine::sync_latency(&options.work, probe_time(options))?;
        let rate = plain::run(&data_dir, batch, Duration::from_secs_f64(options.seconds))?;
        report.plain(kind, batch, rate, sync);
    }
    database.remove("plain")
}

fn probe_time(options: &Options) -> Duration {
    Duration::from_millis(if options.small { 20 } else { 500 })
}

/// A combination of workload, delivery size and number of senders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) workload: Workload,
    pub(crate) alerts: u64,
    pub(crate) senders: usize,
}

impl Shape {
    fn measure(
        self,
        options: &Options,
        databases: &Databases,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        // The bare handler stores nothing: the result would be the same for repeats.
        if self.workload == Workload::Fresh {
            let bare = Target::bare_handler()?;
            let cell = self.load(options, &bare)?;
            report.ingest(report::System::Bare, self, cell);
            drop(bare);
        }
        match Target::alertmanager(options)? {
            Some(alertmanager) => {
                let cell = self.load(options, &alertmanager)?;
                report.ingest(report::System::Alertmanager, self, cell);
                alertmanager.stop()?;
            }
            None => report.without_alertmanager(),
        }
        for &kind in &options.databases {
            let database = databases.get(kind);
            let data_dir = database.empty("cell")?;
            Target::tocsin(options, &data_dir, &[])?.stop()?;
            let before: u64 = data_dir.table_bytes()?.values().sum();
            let tocsin = Target::tocsin(options, &data_dir, &[])?;
            let mut cell = self.load(options, &tocsin)?;
            tocsin.stop()?;
            let bytes = data_dir.table_bytes()?;
            let bodies = bytes.get("delivery_bodies").copied().unwrap_or_default();
            let all = bytes.values().sum::<u64>().saturating_sub(before);
            let alerts = cell.sent.max(1) as f64;
            cell.bytes = Some((
                all.saturating_sub(bodies) as f64 / alerts,
                bodies as f64 / alerts,
            ));
            report.ingest(report::System::Tocsin(kind), self, cell);
        }
        for &kind in &options.databases {
            databases.get(kind).remove("cell")?;
        }
        Ok(())
    }

    /// Measures the load on a running program.
    ///
    /// # Errors
    /// If the program does not respond.
    pub(crate) fn load(self, options: &Options, target: &Target) -> anyhow::Result<IngestCell> {
        let now = machine::now_micros();
        let run = u32::try_from((now / 1_000) & 0xffff_ffff).unwrap_or_default();
        let start = now - 1_200_000_000;
        let bodies = Bodies::new(
            target.path,
            target.format,
            self.workload,
            self.alerts,
            run,
            start,
        );
        let bodies = Rc::new(bodies);
        let next = Rc::new(Cell::new(0));
        let mut sent = 0;
        let mut send = |senders: usize, until: Until| {
            let outcome = load::run(target.address, &bodies, &next, senders, until)?;
            sent += outcome.alerts;
            anyhow::Ok(outcome)
        };
        if self.workload == Workload::Repeats {
            // Send all alerts once before the measurement.
            send(1, Until::Deliveries(bodies.blocks()))?;
        }
        let time = Duration::from_secs_f64(options.seconds);
        send(self.senders, Until::Time(time / 20))?;
        let sync_us = machine::sync_latency(&options.work, probe_time(options))?;
        let (cpu, busy) = (machine::cpu(&target.pids), machine::busy());
        let self_cpu = machine::cpu(&[std::process::id()]);
        let outcome = send(self.senders, Until::Time(time))?;
        let (cpu_after, busy_after) = (machine::cpu(&target.pids), machine::busy());
        let self_after = machine::cpu(&[std::process::id()]);
        if !options.small {
            machine::wait_until_idle(&target.pids, Duration::from_secs(20));
        }
        let settled = machine::cpu(&target.pids);
        let (_, peak) = machine::memory(target.pid());
        // Includes the child processes, and so the program under test.
        let server = (cpu_after - cpu).as_secs_f64();
        let ours = (self_after - self_cpu).as_secs_f64();
        let all = busy_after.0 - busy.0;
        let postgres = if target.pids.len() > 1 { server } else { 0.0 };
        let other = (busy_after.1 - busy.1 - ours.max(server) - postgres).max(0.0);
        Ok(IngestCell {
            sync_us,
            cpu_us: per_alert(server, outcome.alerts),
            cpu_after_us: per_alert((settled - cpu_after).as_secs_f64(), outcome.alerts),
            other_cpu: if all > 0.0 { other / all } else { 0.0 },
            peak,
            sent,
            bytes: None,
            outcome,
        })
    }
}

/// CPU time per alert in microseconds.
fn per_alert(seconds: f64, alerts: u64) -> f64 {
    seconds * 1e6 / alerts.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_per_alert() {
        assert!((per_alert(0.03, 1_000) - 30.0).abs() < 1e-9);
    }
}
