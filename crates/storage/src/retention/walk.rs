//! Where a walk over old rows stands, kept in the database, so that each row
//! is looked at once and by one replica.

use std::time::Duration;

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use tocsin_core::time::Timestamp;

use crate::query::{self, Reads};
use crate::{StorageError, Tx};

/// A place in a table ordered by arrival: microseconds, and the row's number.
pub type LogPosition = (i64, i64);

/// Where a walk stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// The rules that it judges by.
    pub rules: String,
    /// The last row that was looked at.
    pub at: LogPosition,
    /// The place before the first row that had to be left, and is to be looked
    /// at again.
    pub held: Option<LogPosition>,
    /// The import whose rows this walk has gone back for, by its time.
    pub restored: i64,
}

/// What was imported last. It is kept as if it had arrived with the import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// When, in microseconds.
    pub at: i64,
    /// When the youngest imported entry was received, in microseconds.
    pub through: i64,
}

impl Walk {
    /// Begins a pass that judges by `rules` and looks at what arrived before
    /// `limit`: goes back where the rules have changed, where a row was left,
    /// and for what was imported once that is old enough itself.
    pub fn begin(&mut self, rules: &str, limit: Timestamp, restored: Option<Restored>) {
        if self.rules != rules {
            *self = Self {
                rules: rules.to_owned(),
                ..Self::default()
            };
        }
        if let Some(held) = self.held.take() {
            self.at = self.at.min(held);
        }
        let Some(restored) = restored else { return };
        if restored.at >= limit.as_micros() {
            // Not yet: nothing up to there is looked at.
            self.at = self.at.max((restored.through, i64::MAX));
        } else if self.restored != restored.at {
            self.at = LogPosition::default();
            self.restored = restored.at;
        }
    }

    /// Remembers to come back to a row; rows are told in the walk's order.
    pub fn hold(&mut self, spot: LogPosition) {
        self.held.get_or_insert((spot.0, spot.1 - 1));
    }
}

fn name(what: &str, span: Duration) -> String {
    format!("retention.{what}.{}", span.as_millis())
}

/// The walk over `what` for rows kept for `span`; a new one where there is none.
///
/// # Errors
/// Whatever the database answers.
pub async fn load_walk(db: &impl Reads, what: &str, span: Duration) -> Result<Walk, StorageError> {
    // What cannot be read was not written by this program: begin anew.
    Ok(load(db, &name(what, span)).await?.unwrap_or_default())
}

/// Notes where a walk stands.
///
/// # Errors
/// Whatever the database answers.
pub async fn save_walk(
    tx: &Tx,
    what: &str,
    span: Duration,
    walk: &Walk,
) -> Result<(), StorageError> {
    save(tx, &name(what, span), walk).await
}

const RESTORED: &str = "retention.restored";

/// What was imported last.
///
/// # Errors
/// Whatever the database answers.
pub async fn restored(db: &impl Reads) -> Result<Option<Restored>, StorageError> {
    load(db, RESTORED).await
}

/// Notes an import at `at` of entries up to `through`.
///
/// # Errors
/// Whatever the database answers.
pub async fn note_restored(tx: &Tx, at: Timestamp, through: Timestamp) -> Result<(), StorageError> {
    let before: Option<Restored> = restored(tx).await?;
    let through = through.as_micros();
    let now = Restored {
        at: at.as_micros(),
        through: before.map_or(through, |before| before.through.max(through)),
    };
    save(tx, RESTORED, &now).await
}

/// A value of `meta`; `None` also where it cannot be read.
pub(crate) async fn load<T: for<'a> Deserialize<'a>>(
    db: &impl Reads,
    name: &str,
) -> Result<Option<T>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        value: String,
    }
    let sql = "SELECT value FROM meta WHERE name = ?";
    let row: Option<Row> = query::first(db, sql, vec![name.into()]).await?;
    Ok(row.and_then(|row| serde_json::from_str(&row.value).ok()))
}

/// Sets a value of `meta`.
pub(crate) async fn save(tx: &Tx, name: &str, value: &impl Serialize) -> Result<(), StorageError> {
    // Only maps with keys that are no texts cannot be written, and we have none.
    let value = serde_json::to_string(value).unwrap_or_default();
    let sql = "INSERT INTO meta (name, value) VALUES (?, ?) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.execute(sql, vec![name.into(), value.into()]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn walk(rules: &str, seconds: i64) -> Walk {
        Walk {
            rules: rules.to_owned(),
            at: (seconds * 1_000_000, 7),
            ..Walk::default()
        }
    }

    #[test]
    fn changed_rules_and_left_rows_are_gone_back_for() {
        let mut same = walk("a", 50);
        same.begin("a", at(100), None);
        assert_eq!(same, walk("a", 50));
        let mut other = walk("b", 50);
        other.begin("a", at(100), None);
        assert_eq!(other.at, (0, 0));
        let mut held = walk("a", 50);
        held.hold((20, 3));
        held.hold((30, 4));
        held.begin("a", at(100), None);
        assert_eq!((held.at, held.held), ((20, 2), None));
    }

    #[test]
    fn what_was_imported_is_as_young_as_its_import() {
        let restored = Some(Restored {
            at: 90_000_000,
            through: 60_000_000,
        });
        let mut young = walk("a", 50);
        young.begin("a", at(80), restored);
        assert_eq!(young.at, (60_000_000, i64::MAX));
        young.begin("a", at(91), restored);
        assert_eq!(young.at, (0, 0));
        young.at = (55, 5);
        young.begin("a", at(92), restored);
        assert_eq!(young.at, (55, 5), "once only");
    }
}
