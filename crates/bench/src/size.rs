//! Disk usage of a repeated log entry: 1,000 alerts are sent repeatedly, until there are a
//! million log entries. Deduplication is disabled.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{
    body::{Bodies, Format, KNOWN, Workload},
    database::Database,
    load::{self, Until},
    machine,
    options::Options,
    report::Report,
    targets::Target,
};

const ALERTS: u64 = 100;

/// Measures the disk usage.
///
/// # Errors
/// If the server cannot be started, or does not respond.
pub(crate) fn run(
    options: &Options,
    database: &Database,
    report: &mut Report,
) -> anyhow::Result<()> {
    let data_dir = database.empty("repeats")?;
    // Disables deduplication: every repeat is logged.
    let settings = [("TOCSIN_INCIDENTS_WINDOW", "0s")];
    let send = |deliveries: u64| {
        let target = Target::tocsin(options, &data_dir, &settings)?;
        let now = machine::now_micros();
        let bodies = Bodies::new(
            target.path,
            Format::Webhook,
            Workload::Repeats,
            ALERTS,
            7,
            now - 1_200_000_000,
        );
        let next = Rc::new(Cell::new(0));
        let outcome = load::run(
            target.address,
            &Rc::new(bodies),
            &next,
            8,
            Until::Deliveries(deliveries),
        )?;
        machine::wait_until_idle(&target.pids, Duration::from_secs(60));
        target.stop()?;
        anyhow::Ok(outcome)
    };
    send(KNOWN / ALERTS)?;
    let before = data_dir.table_bytes()?;
    let outcome = send(options.repeat_entries / ALERTS)?;
    let after = data_dir.table_bytes()?;
    let growth = |table: &str| {
        let bytes = after.get(table).copied().unwrap_or_default();
        bytes.saturating_sub(before.get(table).copied().unwrap_or_default())
    };
    let per_entry = |bytes: u64| bytes as f64 / outcome.alerts.max(1) as f64;
    let entry = growth("log_entries");
    let bodies = growth("delivery_bodies");
    let all: u64 = after.keys().map(|table| growth(table)).sum();
    report.bytes(
        data_dir.kind,
        outcome.alerts,
        per_entry(entry),
        per_entry(all.saturating_sub(bodies)),
        per_entry(bodies),
    );
    database.remove("repeats")
}
