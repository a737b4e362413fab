//! How large the database is, what of, and how large it will be.
//!
//! Asked for once a minute at most, so all of it is cheap: nothing here reads a
//! table from end to end. Numbers of rows are estimates past a bound.

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

/// What a part of the database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The log's entries.
    Log,
    /// Incidents and what happened to them.
    Incidents,
    /// The alerts with their texts, and the search index over these.
    Alerts,
    /// Accounts of deliveries.
    Deliveries,
    /// Raw bodies.
    Bodies,
    /// Mails with their attempts.
    Mails,
    /// Roll-ups, and what is to be folded into them.
    Statistics,
    /// All else.
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

    /// Its word in the API and in the metrics.
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

/// How large the database is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StorageUsage {
    /// Bytes on the disk.
    pub bytes: i64,
    /// Bytes of these that hold nothing at present (SQLite).
    pub free: i64,
    /// What the others hold, in the order of [`Part::ALL`]; on SQLite estimates.
    pub parts: [i64; 8],
    /// Log entries; past 20,000 an estimate.
    pub entries: i64,
    /// Log entries a day of late, by the statistics of the last seven days.
    pub entries_a_day: f64,
    /// When the oldest log entry was received.
    pub oldest_entry: Option<Timestamp>,
    /// When the oldest delivery, raw body and mail arrived or were owed.
    pub oldest: [Option<Timestamp>; 3],
    /// How long the last entries are kept: each span (`None`: for ever) with
    /// its share of them.
    pub shares: Vec<(Option<Duration>, f64)>,
}

impl StorageUsage {
    /// Bytes of a part.
    pub fn part(&self, part: Part) -> i64 {
        self.parts[part as usize]
    }

    /// Bytes that a log entry takes, with all that is there because of it but
    /// its delivery; `None` while there is none.
    pub fn bytes_an_entry(&self) -> Option<f64> {
        let bytes = self.part(Part::Log) + self.part(Part::Incidents) + self.part(Part::Alerts);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        (self.entries > 0).then(|| bytes as f64 / self.entries as f64)
    }
}

/// The time whose entries say how many there will be.
const OF_LATE: Duration = Duration::from_secs(7 * 86_400);

/// The newest entries whose labels say which rule keeps how many.
const SAMPLE: u32 = 500;

/// Measures the database as it is at `now`.
///
/// # Errors
/// Whatever the database answers.
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
    // Whole hours are what the roll-ups have.
    let from = now.minus(OF_LATE).as_micros().div_euclid(HOUR) * HOUR;
    let range = TimeRange {
        from: Some(Timestamp::from_micros(from)),
        ..TimeRange::default()
    };
    let found = stats::summary(db, &Visibility::everything(), range, now, OF_LATE).await?;
    let from = Timestamp::from_micros(from.max(oldest.as_micros()));
    // A database of this morning says little of the days to come.
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
