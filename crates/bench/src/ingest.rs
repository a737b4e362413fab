//! Deliveries a second: each size × each number of senders, fresh alerts and
//! repeats, everything that is compared in turn within one cell, so that all
//! meet the same noise.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{
    body::{Bodies, Told},
    database::{Databases, Kind},
    load::{self, Until},
    machine,
    options::Options,
    plain,
    report::{self, IngestCell, Report},
    targets::Target,
};

/// Alerts of a body.
pub(crate) const SIZES: [u64; 4] = [1, 10, 100, 500];
/// Connections.
pub(crate) const SENDERS: [usize; 3] = [1, 8, 64];

/// Measures every cell, and what the machine does at best.
///
/// # Errors
/// Something does not start or does not answer.
pub(crate) fn run(
    options: &Options,
    databases: &Databases,
    report: &mut Report,
) -> anyhow::Result<()> {
    for &kind in &options.databases {
        plain_inserts(options, databases, kind, report)?;
    }
    report.begin_ingest();
    // Looking whether it works needs no more than the corners.
    let step = if options.small { 2 } else { 1 };
    for told in [Told::Fresh, Told::Repeats] {
        for alerts in SIZES.into_iter().step_by(step) {
            for senders in SENDERS.into_iter().step_by(step) {
                let shape = Shape {
                    told,
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
    let database = databases.of(kind);
    let batches = [plain::BATCH, 10 * plain::BATCH];
    for batch in batches.into_iter().take(if options.small { 1 } else { 2 }) {
        let place = database.empty("plain")?;
        // The server makes the tables.
        Target::tocsin(options, &place, &[])?.stop()?;
        let sync = machine::sync_latency(&options.work, probe_time(options))?;
        let rate = plain::run(&place, batch, Duration::from_secs_f64(options.seconds))?;
        report.plain(kind, batch, rate, sync);
    }
    database.remove("plain")
}

fn probe_time(options: &Options) -> Duration {
    Duration::from_millis(if options.small { 20 } else { 500 })
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) told: Told,
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
        // What repeats an alert costs a handler that keeps nothing is no other number.
        if self.told == Told::Fresh {
            let bare = Target::bare_handler()?;
            let cell = self.load(options, &bare)?;
            report.ingest(report::Who::Bare, self, cell);
            drop(bare);
        }
        match Target::alertmanager(options)? {
            Some(alertmanager) => {
                let cell = self.load(options, &alertmanager)?;
                report.ingest(report::Who::Alertmanager, self, cell);
                alertmanager.stop()?;
            }
            None => report.without_alertmanager(),
        }
        for &kind in &options.databases {
            let database = databases.of(kind);
            let place = database.empty("cell")?;
            Target::tocsin(options, &place, &[])?.stop()?;
            let before: u64 = place.table_bytes()?.values().sum();
            let tocsin = Target::tocsin(options, &place, &[])?;
            let mut cell = self.load(options, &tocsin)?;
            tocsin.stop()?;
            let bytes = place.table_bytes()?;
            let bodies = bytes.get("delivery_bodies").copied().unwrap_or_default();
            let all = bytes.values().sum::<u64>().saturating_sub(before);
            let alerts = cell.sent.max(1) as f64;
            cell.bytes = Some((
                all.saturating_sub(bodies) as f64 / alerts,
                bodies as f64 / alerts,
            ));
            report.ingest(report::Who::Tocsin(kind), self, cell);
        }
        for &kind in &options.databases {
            databases.of(kind).remove("cell")?;
        }
        Ok(())
    }

    /// Puts the load on a running program.
    ///
    /// # Errors
    /// It does not answer.
    pub(crate) fn load(self, options: &Options, target: &Target) -> anyhow::Result<IngestCell> {
        let now = machine::now_micros();
        let run = u32::try_from((now / 1_000) & 0xffff_ffff).unwrap_or_default();
        let start = now - 1_200_000_000;
        let bodies = Bodies::new(
            target.path,
            target.format,
            self.told,
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
        if self.told == Told::Repeats {
            // What is told again has been told before.
            send(1, Until::Deliveries(bodies.blocks()))?;
        }
        let time = Duration::from_secs_f64(options.seconds);
        send(self.senders, Until::Time(time / 20))?;
        let sync_us = machine::sync_latency(&options.work, probe_time(options))?;
        let (cpu, busy) = (machine::cpu(&target.pids), machine::busy());
        let own = machine::cpu(&[std::process::id()]);
        let outcome = send(self.senders, Until::Time(time))?;
        let (cpu_after, busy_after) = (machine::cpu(&target.pids), machine::busy());
        let own_after = machine::cpu(&[std::process::id()]);
        if !options.small {
            machine::wait_until_idle(&target.pids, Duration::from_secs(20));
        }
        let settled = machine::cpu(&target.pids);
        let (_, peak) = machine::memory(target.pid());
        // The targets are our own children, and counted with us.
        let server = (cpu_after - cpu).as_secs_f64();
        let ours = (own_after - own).as_secs_f64();
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

/// Microseconds.
fn per_alert(seconds: f64, alerts: u64) -> f64 {
    seconds * 1e6 / alerts.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_given_for_an_alert() {
        assert!((per_alert(0.03, 1_000) - 30.0).abs() < 1e-9);
    }
}
