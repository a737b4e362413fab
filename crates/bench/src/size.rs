//! The bytes of a repeat log entry: 1,000 alerts told again until there are a
//! million entries, each past the window in which it would be a copy.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{
    body::{Bodies, Format, KNOWN, Told},
    database::Database,
    load::{self, Until},
    machine,
    options::Options,
    report::Report,
    targets::Target,
};

const ALERTS: u64 = 100;

/// # Errors
/// The server does not do it.
pub(crate) fn run(
    options: &Options,
    database: &Database,
    report: &mut Report,
) -> anyhow::Result<()> {
    let place = database.empty("told")?;
    // Nothing is a copy then.
    let settings = [("TOCSIN_INCIDENTS_WINDOW", "0s")];
    let told = |deliveries: u64| {
        let target = Target::tocsin(options, &place, &settings)?;
        let now = machine::now_micros();
        let bodies = Bodies::new(
            target.path,
            Format::Webhook,
            Told::Repeats,
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
    told(KNOWN / ALERTS)?;
    let before = place.table_bytes()?;
    let outcome = told(options.told_entries / ALERTS)?;
    let after = place.table_bytes()?;
    let grown = |table: &str| {
        let bytes = after.get(table).copied().unwrap_or_default();
        bytes.saturating_sub(before.get(table).copied().unwrap_or_default())
    };
    let per_entry = |bytes: u64| bytes as f64 / outcome.alerts.max(1) as f64;
    let entry = grown("log_entries");
    let bodies = grown("delivery_bodies");
    let all: u64 = after.keys().map(|table| grown(table)).sum();
    report.bytes(
        place.kind,
        outcome.alerts,
        per_entry(entry),
        per_entry(all.saturating_sub(bodies)),
        per_entry(bodies),
    );
    database.remove("told")
}
