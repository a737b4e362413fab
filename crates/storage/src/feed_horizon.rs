//! The horizon of the change feed: rows below it can be read without skipping later
//! commits.

use crate::query;
use crate::{Backend, Db, StorageError};

/// Returns the ID below which all transactions of this database have ended: their rows of
/// the feed are readable or do not exist. A row that is committed later with an ID that
/// readers have already passed would be skipped.
///
/// PostgreSQL's own bound (`pg_snapshot_xmin`) applies to the whole server: a long
/// transaction of another database would hold up our feed. So the running transactions of
/// this database are looked up as well, and the horizon is below the first of them. This is
/// correct only in this order: the snapshot of this statement fixes `xmax`, below which all
/// IDs are assigned; then `pg_stat_activity` lists those that are still running; and a
/// later statement, to which all others are visible, reads the rows. It must run outside a
/// transaction, because within one the activity is read only once.
///
/// Sessions of other roles show their transaction only to authorized roles; if one is
/// hidden, the bound of the server is used.
pub(crate) async fn horizon(db: &Db) -> Result<i64, StorageError> {
    let bound = match db.backend() {
        // Writers run one at a time: IDs are in commit order.
        Backend::Sqlite => Some(i64::MAX),
        Backend::Postgres => query::numbers(db, BOUND, vec![]).await?.first().copied(),
    };
    Ok(bound.unwrap_or_default())
}

/// `backend_xid` contains 32 bits of the ID; `behind` is its distance to `xmax`. IDs ahead
/// of `xmax` are not below the bound anyway.
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
