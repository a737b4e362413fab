//! Numbers for rows that other rows of the same batch point to, so that a
//! batch is written without asking for each row's number.

use std::collections::VecDeque;

use sea_orm::FromQueryResult;

use crate::{Backend, StorageError, Tx, query};

/// The tables whose rows are numbered beforehand.
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

/// Fetched at once on PostgreSQL, so that small batches share a fetch.
const BLOCK: usize = 64;

/// A writer's supply of numbers. On SQLite they follow the table's counter,
/// which only the transaction that writes can move. On PostgreSQL they come
/// from its sequences; what a batch leaves over serves the next, so numbers of
/// two replicas interleave and are not in the order of time. Only those of log
/// entries are taken anew by each batch, once it holds its series: so within a
/// series they are in the order in which it was told.
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
    /// To be called first in every transaction that takes numbers.
    ///
    /// # Errors
    /// Whatever the database answers.
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

    /// Makes sure that `count` numbers can be taken.
    ///
    /// # Errors
    /// Whatever the database answers.
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
            // Which sequence it is is asked once, and not for every number.
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

    /// The number that [`Ids::take`] would answer.
    pub fn peek(&self, table: IdTable) -> i64 {
        let at = table as usize;
        if self.counts {
            self.next[at]
        } else {
            self.supply[at].front().copied().unwrap_or_default()
        }
    }

    /// The next number of a table. On PostgreSQL it must have been reserved;
    /// where it was not, the number is 0, which no table accepts twice.
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
