//! Size of the database, by part, and a forecast.
//!
//! Computed at most once a minute, and cheap: no table is read completely. Above a bound, row
//! counts are estimates.

mod forecast;
mod measure;

use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;

use crate::query::{self, Reads};
use crate::retention::{self, LogRules};
use crate::stats;
use crate::{Db, StorageError, TimeRange};

pub use forecast::{Kept, forecast};

/// A part of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Log entries.
    Log,
    /// Incidents and their events.
    Incidents,
    /// Alerts with their contents, and the search index.
    Alerts,
    /// Deliveries, without raw bodies.
    Deliveries,
    /// Raw bodies.
    Bodies,
    /// Notifications with their attempts.
    Mails,
    /// Roll-ups and the projection queue.
    Statistics,
    /// Everything else.
    Other,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 8] = [
        Self::Log,
        Self::Incidents,
        Self::Alerts,
        Self::Deliveries,
        Self::Bodies,
        Self::Mails,
        Self::Statistics,
        Self::Other,
    ];

    /// Name of the part in the API and in metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Incidents => "incidents",
            Self::Alerts => "alerts",
            Self::Deliveries => "deliveries",
            Self::Bodies => "bodies",
            Self::Mails => "mails",
            Self::Statistics => "statistics",
            Self::Other => "other",
        }
    }
}

/// Size of the database.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StorageUsage {
    /// Bytes on the disk.
    pub bytes: i64,
    /// Unused bytes of these (SQLite).
    pub free: i64,
    /// Used bytes of each part, in the order of [`Part::ALL`]; estimates on SQLite.
    pub parts: [i64; 8],
    /// Number of log entries; above 20,000 an estimate.
    pub entries: i64,
    /// Log entries per day, by the statistics of the last seven days.
    pub entries_a_day: f64,
    /// When the oldest log entry was received.
    pub oldest_entry: Option<Timestamp>,
    /// Time of the oldest delivery, raw body and notification.
    pub oldest: [Option<Timestamp>; 3],
    /// How long the newest entries are kept: each period (`None`: forever) with its share of
    /// the entries.
    pub shares: Vec<(Option<Duration>, f64)>,
}

impl StorageUsage {
    /// Size of a part in bytes.
    pub fn part(&self, part: Part) -> i64 {
        self.parts[part as usize]
    }

    /// Bytes per log entry, including incidents and alerts but not deliveries; `None` without
    /// entries.
    pub fn bytes_an_entry(&self) -> Option<f64> {
        let bytes = self.part(Part::Log) + self.part(Part::Incidents) + self.part(Part::Alerts);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        (self.entries > 0).then(|| bytes as f64 / self.entries as f64)
    }
}

/// The time range from which future growth is estimated.
const RECENT: Duration = Duration::from_secs(7 * 86_400);

/// Number of newest entries from which the share of each retention rule is estimated.
const SAMPLE: u32 = 500;

/// Measures the size of the database.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn measure(
    db: &Db,
    now: Timestamp,
    rules: &LogRules,
) -> Result<StorageUsage, StorageError> {
    let mut sizes = measure::all(db).await?;
    sizes.oldest_entry = oldest(db, "log_entries", "received_at").await?;
    sizes.oldest = [
        oldest(db, "deliveries", "received_at").await?,
        oldest(db, "delivery_bodies", "received_at").await?,
        oldest(db, "notifications", "created_at").await?,
    ];
    sizes.entries_a_day = recent(db, now, sizes.oldest_entry).await?;
    sizes.shares = shares(db, rules).await?;
    Ok(sizes)
}

async fn oldest(
    db: &impl Reads,
    table: &str,
    column: &str,
) -> Result<Option<Timestamp>, StorageError> {
    let sql = format!("SELECT {column} AS n FROM {table} ORDER BY {column} LIMIT 1");
    let found = query::numbers(db, &sql, vec![]).await?;
    Ok(found.first().copied().map(query::time))
}

async fn recent(db: &Db, now: Timestamp, oldest: Option<Timestamp>) -> Result<f64, StorageError> {
    const HOUR: i64 = 3_600_000_000;
    const DAY: f64 = 86_400.0;
    let Some(oldest) = oldest else { return Ok(0.0) };
    // Roll-ups have whole hours.
    let from = now.minus(RECENT).as_micros().div_euclid(HOUR) * HOUR;
    let range = TimeRange {
        from: Some(Timestamp::from_micros(from)),
        ..TimeRange::default()
    };
    let found = stats::summary(db, &Visibility::everything(), range, now, RECENT).await?;
    let from = Timestamp::from_micros(from.max(oldest.as_micros()));
    // A database younger than a day is treated as a day old.
    let days = (now.since(from).as_secs_f64() / DAY).max(1.0);
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    Ok(found.log_entries as f64 / days)
}

async fn shares(db: &Db, rules: &LogRules) -> Result<Vec<(Option<Duration>, f64)>, StorageError> {
    if let Some(keep) = rules.of_all() {
        return Ok(vec![(keep, 1.0)]);
    }
    let newest = retention::newest(db, SAMPLE).await?;
    let mut texts: Vec<_> = newest.iter().map(retention::Visited::text).collect();
    texts.sort_unstable();
    texts.dedup();
    let labels = retention::labels(db, &texts).await?;
    let mut shares: Vec<(Option<Duration>, f64)> = Vec::new();
    #[expect(clippy::cast_precision_loss, reason = "500 at most")]
    let each = 1.0 / newest.len().max(1) as f64;
    for entry in &newest {
        let keep = labels
            .get(&entry.text())
            .and_then(|labels| rules.keep(labels));
        match shares.iter_mut().find(|(span, _)| *span == keep) {
            Some((_, share)) => *share += each,
            None => shares.push((keep, each)),
        }
    }
    Ok(shares)
}
