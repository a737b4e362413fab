//! IDs for rows that other rows of the same batch refer to, assigned in advance so that no
//! row needs a round trip for its ID.

use std::collections::VecDeque;

use sea_orm::FromQueryResult;

use crate::{Backend, StorageError, Tx, query};

/// Tables whose IDs are assigned in advance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdTable {
    /// `deliveries`
    Deliveries,
    /// `incidents`
    Incidents,
    /// `log_entries`
    LogEntries,
    /// `series`
    Alerts,
    /// `tellings`
    AlertContents,
    /// `notifications`
    Notifications,
}

const TABLES: [(IdTable, &str); 6] = [
    (IdTable::Deliveries, "deliveries"),
    (IdTable::Incidents, "incidents"),
    (IdTable::LogEntries, "log_entries"),
    (IdTable::Alerts, "series"),
    (IdTable::AlertContents, "tellings"),
    (IdTable::Notifications, "notifications"),
];

/// Number of IDs fetched at once on PostgreSQL, so that small batches share a fetch.
const BLOCK: usize = 64;

/// A writer's supply of IDs. On SQLite they follow the table's counter, which only the
/// writing transaction can move. On PostgreSQL they come from the sequences; IDs left over
/// from one batch serve the next, so IDs of two replicas interleave and are not in the
/// order of time. Only log entry IDs are fetched per batch, once its alerts are locked:
/// within an alert they are in the order of receipt.
#[derive(Debug, Default)]
pub struct Ids {
    supply: [VecDeque<i64>; TABLES.len()],
    next: [i64; TABLES.len()],
    counts: bool,
}

#[derive(FromQueryResult)]
struct Counter {
    name: String,
    seq: i64,
}

impl Ids {
    /// Must be called first in every transaction that takes IDs.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn begin(&mut self, tx: &Tx) -> Result<(), StorageError> {
        self.counts = tx.backend == Backend::Sqlite;
        self.supply[IdTable::LogEntries as usize].clear();
        if self.counts {
            self.next = [1; TABLES.len()];
            let counters: Vec<Counter> =
                query::all(tx, "SELECT name, seq FROM sqlite_sequence", vec![]).await?;
            for counter in counters {
                if let Some(at) = TABLES.iter().position(|(_, name)| *name == counter.name) {
                    self.next[at] = counter.seq + 1;
                }
            }
        }
        Ok(())
    }

    /// Ensures that `count` IDs can be taken.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub async fn reserve(
        &mut self,
        tx: &Tx,
        table: IdTable,
        count: usize,
    ) -> Result<(), StorageError> {
        let at = table as usize;
        let missing = count.saturating_sub(self.supply[at].len());
        if self.counts || missing == 0 {
            return Ok(());
        }
        let wanted = match table {
            IdTable::LogEntries => missing,
            _ => missing.max(BLOCK),
        };
        let rows = query::numbers(
            tx,
            // The sequence is looked up once, not once per ID.
            "WITH own AS MATERIALIZED (\
             SELECT CAST(pg_get_serial_sequence(?, 'id') AS REGCLASS) AS name) \
             SELECT nextval(own.name) AS n FROM own, generate_series(1, ?)",
            vec![
                TABLES[at].1.into(),
                i32::try_from(wanted).unwrap_or(i32::MAX).into(),
            ],
        )
        .await?;
        self.supply[at].extend(rows);
        Ok(())
    }

    /// The ID that [`Ids::take`] would return.
    pub fn peek(&self, table: IdTable) -> i64 {
        let at = table as usize;
        if self.counts {
            self.next[at]
        } else {
            self.supply[at].front().copied().unwrap_or_default()
        }
    }

    /// Takes the next ID of a table. On PostgreSQL it must have been reserved; otherwise
    /// the ID is 0, which no table accepts twice.
    pub fn take(&mut self, table: IdTable) -> i64 {
        let id = self.peek(table);
        let at = table as usize;
        if self.counts {
            self.next[at] += 1;
        } else {
            debug_assert!(id > 0, "take without reserve");
            self.supply[at].pop_front();
        }
        id
    }
}
