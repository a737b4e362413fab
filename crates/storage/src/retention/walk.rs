//! Progress of a walk over old rows, stored in the database: each row is visited once, by
//! one replica.

use std::time::Duration;

use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use tocsin_core::time::Timestamp;

use crate::query::{self, Reads};
use crate::{StorageError, Tx};

/// Position in a table ordered by time of receipt: microseconds, then ID.
pub type LogPosition = (i64, i64);

/// Progress of a walk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Text form of the rules it applies.
    pub rules: String,
    /// Position of the last visited row.
    pub at: LogPosition,
    /// Position before the first row that could not be deleted and must be visited again.
    pub held: Option<LogPosition>,
    /// Time of the import whose rows this walk has gone back for.
    pub restored: i64,
}

/// The latest import. Its rows are kept as if they had been received at the time of the
/// import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Time of the import, in microseconds.
    pub at: i64,
    /// Time of receipt of the youngest imported entry, in microseconds.
    pub through: i64,
}

impl Walk {
    /// Begins a pass with `rules` over rows received before `limit`. It goes back if the
    /// rules have changed, if a row was held, and once for an import that is itself old
    /// enough.
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
            // Too young: imported rows are skipped.
            self.at = self.at.max((restored.through, i64::MAX));
        } else if self.restored != restored.at {
            self.at = LogPosition::default();
            self.restored = restored.at;
        }
    }

    /// Records a row to visit again; rows must be passed in walk order.
    pub fn hold(&mut self, spot: LogPosition) {
        self.held.get_or_insert((spot.0, spot.1 - 1));
    }
}

fn name(what: &str, span: Duration) -> String {
    format!("retention.{what}.{}", span.as_millis())
}

/// Loads the walk over `what` for rows kept for `span`; a new one if there is none.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn load_walk(db: &impl Reads, what: &str, span: Duration) -> Result<Walk, StorageError> {
    // An unreadable value was not written by this program: start over.
    Ok(load(db, &name(what, span)).await?.unwrap_or_default())
}

/// Stores the progress of a walk.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn save_walk(
    tx: &Tx,
    what: &str,
    span: Duration,
    walk: &Walk,
) -> Result<(), StorageError> {
    save(tx, &name(what, span), walk).await
}

const RESTORED: &str = "retention.restored";

/// Returns the latest import.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn restored(db: &impl Reads) -> Result<Option<Restored>, StorageError> {
    load(db, RESTORED).await
}

/// Records an import at `at` of entries up to `through`.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn note_restored(tx: &Tx, at: Timestamp, through: Timestamp) -> Result<(), StorageError> {
    let before: Option<Restored> = restored(tx).await?;
    let through = through.as_micros();
    let now = Restored {
        at: at.as_micros(),
        through: before.map_or(through, |before| before.through.max(through)),
    };
    save(tx, RESTORED, &now).await
}

/// Loads a value of `meta`; `None` also if it cannot be parsed.
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

/// Stores a value of `meta`.
pub(crate) async fn save(tx: &Tx, name: &str, value: &impl Serialize) -> Result<(), StorageError> {
    // Serializing fails only for maps with non-string keys, which are not used here.
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
    fn walk_goes_back_for_changed_rules_and_held_rows() {
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
    fn imported_rows_are_as_old_as_their_import() {
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
