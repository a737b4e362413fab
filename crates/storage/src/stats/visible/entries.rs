//! Counts visible log entries, in groups of equal entries.

use std::sync::Arc;

use sea_orm::FromQueryResult;
use tocsin_core::alert::Status;
use tocsin_core::stats::{Counts, HOUR};
use tocsin_core::time::Timestamp;

use super::VisibleAlerts;
use crate::alert_log::LogWalk;
use crate::content::{AlertContent, ContentCache};
use crate::query::{self, Reads};
use crate::scan::{ScanBudget, pack, rows};
use crate::{AlertFilter, Order, StorageError, TimeRange};

/// Entries counted by one statement, plus those received at the same time as the last.
const CHUNK: usize = 5_000;

/// How finely entries are grouped, in addition to their alert content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Granularity {
    /// By the hour in which they were received.
    Hour,
    /// By exact time and delivery.
    Delivery,
}

/// A group of equal entries.
#[derive(Debug)]
pub(super) struct EntryGroup {
    /// Receive time, or the start of its hour.
    pub(super) at: Timestamp,
    /// ID of the delivery; 0 if unknown, or when grouped by hour.
    pub(super) delivery_id: i64,
    /// Alert content.
    pub(super) content: Arc<AlertContent>,
    /// Number of entries, by status.
    pub(super) counts: Counts,
}

impl VisibleAlerts {
    /// Passes the visible entries of the range to `each`, in the order received.
    pub(super) async fn entries(
        &self,
        db: &impl Reads,
        range: TimeRange,
        granularity: Granularity,
        each: impl FnMut(&EntryGroup),
    ) -> Result<(), StorageError> {
        match self.set.few(ScanBudget::for_walking().few) {
            Some(_) => self.of_few(db, range, each).await,
            None => self.of_many(db, range, granularity, each).await,
        }
    }

    /// Reads the entries of a few alerts one by one.
    async fn of_few(
        &self,
        db: &impl Reads,
        range: TimeRange,
        mut each: impl FnMut(&EntryGroup),
    ) -> Result<(), StorageError> {
        let filter = AlertFilter {
            about: self.about.clone(),
            received: range,
            ..AlertFilter::default()
        };
        let mut walk = LogWalk::new(filter, Order::Asc);
        while let Some(entries) = walk.next_counted(db).await? {
            for entry in entries {
                let firing = u64::from(entry.status == Status::Firing);
                each(&EntryGroup {
                    at: entry.received_at,
                    delivery_id: entry.delivery_id,
                    content: entry.content,
                    counts: counts(firing, 1 - firing),
                });
            }
        }
        Ok(())
    }

    /// For many alerts: the database counts the whole log of the range, a few thousand
    /// entries at a time.
    async fn of_many(
        &self,
        db: &impl Reads,
        range: TimeRange,
        granularity: Granularity,
        mut each: impl FnMut(&EntryGroup),
    ) -> Result<(), StorageError> {
        let mut cache = ContentCache::default();
        let mut from = range.from.map_or(i64::MIN, Timestamp::as_micros);
        let to = range.to.map_or(i64::MAX, Timestamp::as_micros);
        let sql = format!(
            "SELECT e.received_at AS n FROM log_entries e \
             WHERE e.received_at >= ? AND e.received_at < ? \
             ORDER BY e.received_at LIMIT 1 OFFSET {}",
            CHUNK - 1
        );
        while from < to {
            let last = query::numbers(db, &sql, vec![from.into(), to.into()]).await?;
            // All entries of a time are in one chunk, so that no delivery is split.
            let end = last.first().map_or(to, |last| last.saturating_add(1));
            let mut found = chunk(db, from, end, granularity).await?;
            found.retain(|row| self.set.contains(row.alert_id));
            found.sort_unstable_by_key(|row| (row.at, row.delivery_id));
            let content_keys = found.iter().map(Row::content_key);
            let contents = cache.read(db, content_keys).await?;
            for row in &found {
                let Some(content) = contents.get(&row.content_key()) else {
                    continue;
                };
                if self
                    .about
                    .matches(&content.source, &content.labels, &content.fields)
                {
                    each(&EntryGroup {
                        at: query::time(row.at),
                        delivery_id: row.delivery_id,
                        content: Arc::clone(content),
                        counts: counts(row.firing, row.resolved),
                    });
                }
            }
            from = end;
        }
        Ok(())
    }
}

fn counts(firing: u64, resolved: u64) -> Counts {
    Counts {
        firing,
        resolved,
        ..Counts::default()
    }
}

struct Row {
    at: i64,
    delivery_id: i64,
    alert_id: i64,
    content_id: Option<i64>,
    firing: u64,
    resolved: u64,
}

impl Row {
    fn content_key(&self) -> (i64, Option<i64>) {
        (self.alert_id, self.content_id)
    }
}

/// Counts the entries from `from` (included) to `end` (excluded).
async fn chunk(
    db: &impl Reads,
    from: i64,
    end: i64,
    granularity: Granularity,
) -> Result<Vec<Row>, StorageError> {
    #[derive(FromQueryResult)]
    struct Packed {
        packed: Option<String>,
    }
    let (at, delivery) = match granularity {
        Granularity::Hour => (format!("e.received_at / {HOUR} * {HOUR}"), "0"),
        Granularity::Delivery => ("e.received_at".to_owned(), "e.delivery_id"),
    };
    let columns = ["at", "delivery", "alert", "content", "firing", "resolved"];
    let columns = columns.map(|column| format!("x.{column}"));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let sql = format!(
        "SELECT string_agg({}, ';') AS packed FROM (\
         SELECT {at} AS at, {delivery} AS delivery, e.series_id AS alert, \
         e.telling_id AS content, COUNT(CASE WHEN e.status = 0 THEN 1 END) AS firing, \
         COUNT(CASE WHEN e.status = 1 THEN 1 END) AS resolved FROM log_entries e \
         WHERE e.received_at >= ? AND e.received_at < ? GROUP BY 1, 2, 3, 4) x",
        pack(&columns),
    );
    let packed: Option<Packed> = query::first(db, &sql, vec![from.into(), end.into()]).await?;
    let packed = packed.and_then(|packed| packed.packed);
    let rows = rows::<6>(packed.as_deref(), "log_entries")?;
    let rows = rows.into_iter().map(|row| {
        let content_id = row[3];
        let [at, delivery_id, alert_id, _, firing, resolved] = row.map(Option::unwrap_or_default);
        Row {
            at,
            delivery_id,
            alert_id,
            content_id,
            firing: firing.unsigned_abs(),
            resolved: resolved.unsigned_abs(),
        }
    });
    Ok(rows.collect())
}
