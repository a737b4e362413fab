//! Prometheus metrics of the program.

mod labels;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tocsin_api_types::IngestReport;

pub(crate) use labels::Outcome;
use labels::{
    DaysLabel, DeliveryLabels, OutcomeLabel, PartLabel, ReasonLabel, SourceLabel, StateLabel,
};

/// Maximum number of sources with series of their own; `?source=` is free text.
const MAX_SOURCES: usize = 100;

/// Label value for all other sources, and for rejected requests.
const OTHER: &str = "(other)";

/// Values read at the time of a scrape.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) queue_bytes: usize,
    pub(crate) queue_capacity: usize,
    pub(crate) mails: [(&'static str, u64); 4],
    pub(crate) outbox_queued: i64,
    pub(crate) outbox_oldest: Duration,
    pub(crate) mail_paused: bool,
    pub(crate) connections: (u32, u32),
    pub(crate) event_streams: usize,
    pub(crate) ready: bool,
    /// Whether the database is damaged.
    pub(crate) damaged: bool,
    /// Number of corrupt rows.
    pub(crate) unreadable_rows: i64,
    /// Number of dropped log lines.
    pub(crate) log_dropped: u64,
    /// `None` if the measurement failed; the previous values stay.
    pub(crate) storage: Option<Storage>,
}

/// Size of the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storage {
    pub(crate) bytes: i64,
    pub(crate) parts: [(&'static str, i64); 8],
    pub(crate) entries: i64,
    /// Number of days, and the size in bytes then.
    pub(crate) forecast: [(u32, i64); 2],
}

/// All metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    sources: RwLock<BTreeSet<String>>,
    deliveries: Family<DeliveryLabels, Counter>,
    last_delivery: Family<SourceLabel, Gauge<f64, AtomicU64>>,
    alerts: Family<OutcomeLabel, Counter>,
    ingest_duration: Histogram,
    rejected_requests: Family<ReasonLabel, Counter>,
    mails: Family<OutcomeLabel, Counter>,
    queue_bytes: Gauge,
    queue_capacity: Gauge,
    outbox: Gauge,
    outbox_oldest: Gauge<f64, AtomicU64>,
    mail_paused: Gauge,
    connections: Family<StateLabel, Gauge>,
    event_streams: Gauge,
    ready: Gauge,
    damaged: Gauge,
    unreadable_rows: Gauge,
    database_bytes: Gauge,
    database_parts: Family<PartLabel, Gauge>,
    log_entries: Gauge,
    forecast: Family<DaysLabel, Gauge>,
    log_dropped: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("tocsin");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Version of the program", build);
        let metrics = Self {
            sources: RwLock::default(),
            deliveries: Family::default(),
            last_delivery: Family::default(),
            alerts: Family::default(),
            ingest_duration: Histogram::new([
                0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
                10.0, 30.0,
            ]),
            rejected_requests: Family::default(),
            mails: Family::default(),
            queue_bytes: Gauge::default(),
            queue_capacity: Gauge::default(),
            outbox: Gauge::default(),
            outbox_oldest: Gauge::default(),
            mail_paused: Gauge::default(),
            connections: Family::default(),
            event_streams: Gauge::default(),
            ready: Gauge::default(),
            damaged: Gauge::default(),
            unreadable_rows: Gauge::default(),
            database_bytes: Gauge::default(),
            database_parts: Family::default(),
            log_entries: Gauge::default(),
            forecast: Family::default(),
            log_dropped: Counter::default(),
            registry,
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let mut registry = std::mem::take(&mut self.registry);
        registry.register(
            "deliveries",
            "Webhook requests, by source and outcome",
            self.deliveries.clone(),
        );
        registry.register(
            "source_last_delivery_timestamp_seconds",
            "Time of the last delivery of a source that this process stored",
            self.last_delivery.clone(),
        );
        registry.register(
            "log_lines_dropped",
            "Log lines dropped because standard error could not be written",
            self.log_dropped.clone(),
        );
        registry.register(
            "alerts",
            "Alerts of accepted deliveries, by result",
            self.alerts.clone(),
        );
        registry.register(
            "ingest_duration_seconds",
            "Time from the head of the request to the response, for accepted deliveries",
            self.ingest_duration.clone(),
        );
        registry.register(
            "requests_refused",
            "Requests rejected by authentication, authorization or rate limits, including webhook requests",
            self.rejected_requests.clone(),
        );
        registry.register(
            "mails",
            "Attempts to send an e-mail, by result",
            self.mails.clone(),
        );
        registry.register(
            "ingest_queue_bytes",
            "Bytes in the ingest queue",
            self.queue_bytes.clone(),
        );
        registry.register(
            "ingest_queue_capacity_bytes",
            "Capacity of the ingest queue in bytes; further requests are rejected until there is room",
            self.queue_capacity.clone(),
        );
        registry.register(
            "outbox_mails",
            "E-mails waiting to be sent",
            self.outbox.clone(),
        );
        registry.register(
            "outbox_oldest_seconds",
            "Age of the oldest e-mail waiting to be sent",
            self.outbox_oldest.clone(),
        );
        registry.register(
            "mail_paused",
            "1 while sending e-mail is paused because the mail server is unavailable",
            self.mail_paused.clone(),
        );
        registry.register(
            "database_connections",
            "Database connections",
            self.connections.clone(),
        );
        registry.register(
            "event_streams",
            "Open event streams",
            self.event_streams.clone(),
        );
        registry.register("ready", "1 while /readyz returns 200", self.ready.clone());
        registry.register(
            "database_damaged",
            "1 if the database has reported corruption since the start",
            self.damaged.clone(),
        );
        registry.register(
            "database_unreadable_rows",
            "Corrupt rows found since the start, at most 20",
            self.unreadable_rows.clone(),
        );
        registry.register(
            "database_bytes",
            "Size of the database on disk",
            self.database_bytes.clone(),
        );
        registry.register(
            "database_part_bytes",
            "Size of the parts of the database; estimated on SQLite",
            self.database_parts.clone(),
        );
        registry.register(
            "log_entries",
            "Stored log entries; estimated for large numbers",
            self.log_entries.clone(),
        );
        registry.register(
            "database_forecast_bytes",
            "Forecast size of the database in the given number of days, from its recent growth",
            self.forecast.clone(),
        );
        self.registry = registry;
        self
    }

    /// Counts a webhook request.
    pub(crate) fn delivery(&self, source: Option<&str>, outcome: Outcome) {
        let source = source.map_or_else(|| OTHER.to_owned(), |source| self.bounded(source));
        self.deliveries
            .get_or_create(&DeliveryLabels {
                source,
                outcome: outcome.label(),
            })
            .inc();
    }

    /// Counts a response, if it rejects the request.
    pub(crate) fn rejected(&self, status: StatusCode) {
        let reason = match status {
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::TOO_MANY_REQUESTS => "too_many_requests",
            _ => return,
        };
        self.rejected_requests
            .get_or_create(&ReasonLabel { reason })
            .inc();
    }

    /// Counts an accepted delivery.
    pub(crate) fn accepted(
        &self,
        source: &str,
        report: &IngestReport,
        took: Duration,
        now: DateTime<Utc>,
    ) {
        self.delivery(Some(source), Outcome::Accepted);
        self.ingest_duration.observe(took.as_secs_f64());
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds of this age fit a double"
        )]
        let seconds = now.timestamp_millis() as f64 / 1000.0;
        self.last_delivery
            .get_or_create(&SourceLabel {
                source: self.bounded(source),
            })
            .set(seconds);
        for (outcome, count) in [
            ("opened", report.opened),
            ("resolved", report.resolved),
            ("refreshed", report.refreshed),
            ("seen_again", report.seen_again),
            ("updated", report.updated),
            ("late", report.late),
            ("rejected", report.rejected.len()),
        ] {
            if count > 0 {
                self.alerts
                    .get_or_create(&OutcomeLabel { outcome })
                    .inc_by(count as u64);
            }
        }
    }

    /// Returns the source, or [`OTHER`] if there are too many.
    fn bounded(&self, source: &str) -> String {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        if sources.contains(source) {
            return source.to_owned();
        }
        drop(sources);
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        if sources.len() >= MAX_SOURCES {
            return OTHER.to_owned();
        }
        sources.insert(source.to_owned());
        source.to_owned()
    }

    fn stored(&self, now: &Storage) {
        self.database_bytes.set(now.bytes);
        self.log_entries.set(now.entries);
        for (part, bytes) in now.parts {
            self.database_parts
                .get_or_create(&PartLabel { part })
                .set(bytes);
        }
        for (days, bytes) in now.forecast {
            self.forecast.get_or_create(&DaysLabel { days }).set(bytes);
        }
    }

    /// Encodes all metrics in the OpenMetrics text format.
    pub(crate) fn encode(&self, now: &Snapshot) -> Result<String, std::fmt::Error> {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.queue_bytes.set(count(now.queue_bytes));
        self.queue_capacity.set(count(now.queue_capacity));
        self.outbox.set(now.outbox_queued);
        self.outbox_oldest.set(now.outbox_oldest.as_secs_f64());
        self.mail_paused.set(i64::from(now.mail_paused));
        let (open, idle) = now.connections;
        self.connections
            .get_or_create(&StateLabel { state: "open" })
            .set(i64::from(open));
        self.connections
            .get_or_create(&StateLabel { state: "idle" })
            .set(i64::from(idle));
        self.event_streams.set(count(now.event_streams));
        self.ready.set(i64::from(now.ready));
        self.damaged.set(i64::from(now.damaged));
        self.unreadable_rows.set(now.unreadable_rows);
        self.log_dropped
            .inner()
            .store(now.log_dropped, Ordering::Relaxed);
        // The workers count; this copies their counters.
        for (outcome, total) in now.mails {
            self.mails
                .get_or_create(&OutcomeLabel { outcome })
                .inner()
                .store(total, Ordering::Relaxed);
        }
        if let Some(storage) = &now.storage {
            self.stored(storage);
        }
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_labels_are_limited() {
        let metrics = Metrics::new();
        for number in 0..1_000 {
            metrics.delivery(Some(&format!("source-{number}")), Outcome::Accepted);
        }
        let text = metrics.encode(&Snapshot::default()).unwrap();
        let series = text
            .lines()
            .filter(|line| line.starts_with("tocsin_deliveries_total{"))
            .count();
        assert_eq!(series, MAX_SOURCES + 1);
        assert!(
            text.contains("tocsin_deliveries_total{source=\"(other)\",outcome=\"accepted\"} 900")
        );
    }
}
