//! The log's part: its entries, those alike counted together.

use std::sync::Arc;

use sea_orm::FromQueryResult;
use tocsin_core::alert::Status;
use tocsin_core::stats::{Counts, HOUR};
use tocsin_core::time::Timestamp;

use super::Visible;
use crate::alert_log::LogWalk;
use crate::content::{AlertContent, ContentCache};
use crate::query::{self, Reads};
use crate::scan::{ScanBudget, pack, rows};
use crate::{AlertFilter, Order, StorageError, TimeRange};

/// Entries that one statement counts, and those of the same time as the last.
const CHUNK: usize = 5_000;

/// What entries are told apart by, beside what they were told with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    /// The hour in which they were received.
    Hour,
    /// The very time, and the delivery.
    Delivery,
}

/// Entries that are alike.
#[derive(Debug)]
pub(super) struct Alike {
    /// When they were received, or the hour of that.
    pub(super) at: Timestamp,
    /// The delivery that told them; 0 where none is known, or by the hour.
    pub(super) delivery_id: i64,
    /// What they were told with.
    pub(super) content: Arc<AlertContent>,
    /// How many they are.
    pub(super) counts: Counts,
}

impl Visible {
    /// The entries of the range that may be seen, in the order in which they
    /// were received.
    pub(super) async fn entries(
        &self,
        db: &impl Reads,
        range: TimeRange,
        grain: Grain,
        each: impl FnMut(&Alike),
    ) -> Result<(), StorageError> {
        match self.set.few(ScanBudget::for_walking().few) {
            Some(_) => self.of_few(db, range, each).await,
            None => self.of_many(db, range, grain, each).await,
        }
    }

    /// One by one, where they are of few series: no others are looked at.
    async fn of_few(
        &self,
        db: &impl Reads,
        range: TimeRange,
        mut each: impl FnMut(&Alike),
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
                each(&Alike {
                    at: entry.received_at,
                    delivery_id: entry.delivery_id,
                    content: entry.content,
                    counts: counts(firing, 1 - firing),
                });
            }
        }
        Ok(())
    }

    /// Those of many series: the whole log of the range is counted by the
    /// database, a few thousand entries at a time.
    async fn of_many(
        &self,
        db: &impl Reads,
        range: TimeRange,
        grain: Grain,
        mut each: impl FnMut(&Alike),
    ) -> Result<(), StorageError> {
        let mut tellings = ContentCache::default();
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
            // Up to the end of a time, so that no delivery is in two chunks.
            let end = last.first().map_or(to, |last| last.saturating_add(1));
            let mut found = chunk(db, from, end, grain).await?;
            found.retain(|row| self.set.contains(row.series_id));
            found.sort_unstable_by_key(|row| (row.at, row.delivery_id));
            let which = found.iter().map(Row::which);
            let told = tellings.read(db, which).await?;
            for row in &found {
                let Some(told) = told.get(&row.which()) else {
                    continue;
                };
                if self.about.matches(&told.source, &told.labels, &told.fields) {
                    each(&Alike {
                        at: query::time(row.at),
                        delivery_id: row.delivery_id,
                        content: Arc::clone(told),
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
    series_id: i64,
    telling_id: Option<i64>,
    firing: u64,
    resolved: u64,
}

impl Row {
    fn which(&self) -> (i64, Option<i64>) {
        (self.series_id, self.telling_id)
    }
}

/// The entries from the one time (included) to the other (excluded).
async fn chunk(
    db: &impl Reads,
    from: i64,
    end: i64,
    grain: Grain,
) -> Result<Vec<Row>, StorageError> {
    #[derive(FromQueryResult)]
    struct Packed {
        packed: Option<String>,
    }
    let (at, delivery) = match grain {
        Grain::Hour => (format!("e.received_at / {HOUR} * {HOUR}"), "0"),
        Grain::Delivery => ("e.received_at".to_owned(), "e.delivery_id"),
    };
    let columns = ["at", "delivery", "series", "telling", "firing", "resolved"];
    let columns = columns.map(|column| format!("x.{column}"));
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let sql = format!(
        "SELECT string_agg({}, ';') AS packed FROM (\
         SELECT {at} AS at, {delivery} AS delivery, e.series_id AS series, \
         e.telling_id AS telling, COUNT(CASE WHEN e.status = 0 THEN 1 END) AS firing, \
         COUNT(CASE WHEN e.status = 1 THEN 1 END) AS resolved FROM log_entries e \
         WHERE e.received_at >= ? AND e.received_at < ? GROUP BY 1, 2, 3, 4) x",
        pack(&columns),
    );
    let packed: Option<Packed> = query::first(db, &sql, vec![from.into(), end.into()]).await?;
    let packed = packed.and_then(|packed| packed.packed);
    let rows = rows::<6>(packed.as_deref(), "log_entries")?;
    let rows = rows.into_iter().map(|row| {
        let telling_id = row[3];
        let [at, delivery_id, series_id, _, firing, resolved] = row.map(Option::unwrap_or_default);
        Row {
            at,
            delivery_id,
            series_id,
            telling_id,
            firing: firing.unsigned_abs(),
            resolved: resolved.unsigned_abs(),
        }
    });
    Ok(rows.collect())
}
