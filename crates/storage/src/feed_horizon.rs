//! How far the change feed can be read without skipping what commits late.

use crate::query;
use crate::{Backend, Db, StorageError};

/// The number below which every transaction of this database has ended: its
/// rows of the feed can be read, or never will be. A row below a number already
/// read, committed later, would be skipped by whoever read on meanwhile.
///
/// PostgreSQL's own bound (`pg_snapshot_xmin`) is that of the whole server: a
/// long change of another database would hold our feed up. So the running
/// transactions of this database are looked up, too, and the bound lies below
/// the first of them. That is sound in this order alone: the snapshot of this
/// statement fixes `xmax`, below which every number is given away; then
/// `pg_stat_activity` is read, which names those of them still running; and
/// the rows are read by a later statement, to which all others are visible. It
/// needs a statement outside a transaction, for within one the activity is
/// read but once.
///
/// Sessions of other roles show their transaction only to those who may see
/// it; where one may not be seen, the server's own bound stands.
pub(crate) async fn horizon(db: &Db) -> Result<i64, StorageError> {
    let bound = match db.backend() {
        // Writers take turns: ids are in the order of the commits.
        Backend::Sqlite => Some(i64::MAX),
        Backend::Postgres => query::numbers(db, BOUND, vec![]).await?.first().copied(),
    };
    Ok(bound.unwrap_or_default())
}

/// `backend_xid` has 32 bits of the number; `behind` is how far it is behind
/// `xmax`, and what is ahead of that is not below the bound anyway.
const BOUND: &str = "
WITH snapshot AS (
    SELECT CAST(CAST(pg_snapshot_xmin(s) AS TEXT) AS BIGINT) AS xmin,
           CAST(CAST(pg_snapshot_xmax(s) AS TEXT) AS BIGINT) AS xmax
    FROM (SELECT pg_current_snapshot() AS s) current
), sessions AS (
    SELECT CAST(CAST(backend_xid AS TEXT) AS BIGINT) AS xid,
           NOT pg_has_role(usesysid, 'USAGE')
               AND NOT pg_has_role('pg_read_all_stats', 'USAGE') AS hidden
    FROM pg_stat_activity
    WHERE datname = current_database()
), running AS (
    SELECT ((xmax - xid) % 4294967296 + 4294967296) % 4294967296 AS behind
    FROM snapshot, sessions WHERE xid IS NOT NULL
)
SELECT CASE
    WHEN (SELECT COALESCE(BOOL_OR(hidden), FALSE) FROM sessions) THEN xmin
    ELSE GREATEST(xmin, xmax - COALESCE(
        (SELECT MAX(behind) FROM running WHERE behind < 2147483648), 0))
END AS n
FROM snapshot";
