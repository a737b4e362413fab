//! What of the backlog is not in the index yet.

use roaring::RoaringTreemap;
use sea_orm::FromQueryResult;
use tocsin_core::alert::{AlertFields, Labels};

use super::project::{Row, SERIES_RANGE};
use super::set::number;
use crate::query::{self, Reads};
use crate::{AlertCriteria, StorageError, projection_queue};

/// Series that are tried one by one, where something narrow is asked. When
/// more are waiting they are all said to be possible.
const TRIED: u64 = 2_000;
/// Tellings of them that are tried.
const TELLINGS: usize = 4_000;

/// The series of which something is not in the index.
pub(super) async fn alerts(db: &impl Reads) -> Result<RoaringTreemap, StorageError> {
    let sql = "SELECT id, kind, data FROM backlog WHERE kind IN (?, ?, ?)";
    let kinds = [
        projection_queue::SERIES,
        SERIES_RANGE,
        projection_queue::TELLINGS,
    ];
    let rows: Vec<Row> = query::all(db, sql, kinds.map(Into::into).to_vec()).await?;
    let mut found = RoaringTreemap::new();
    let mut tellings = Vec::new();
    for row in rows {
        match row.kind {
            SERIES_RANGE => {
                let (first, last) = row.range()?;
                found.insert_range(number(first)..=number(last));
            }
            projection_queue::SERIES => found.extend(row.numbers()?.into_iter().map(number)),
            _ => tellings.extend(row.numbers()?),
        }
    }
    if !tellings.is_empty() {
        let list = query::id_list(db.backend());
        let sql = format!("SELECT series_id AS n FROM tellings WHERE id IN ({list})");
        let of_tellings = query::numbers(db, &sql, vec![query::ids(&tellings)]).await?;
        found.extend(of_tellings.into_iter().map(number));
    }
    Ok(found)
}

/// Those of `series` that `about` is true of, in any telling, or all of them
/// where they are too many to try.
pub(super) async fn matching(
    db: &impl Reads,
    about: &AlertCriteria,
    series: RoaringTreemap,
) -> Result<RoaringTreemap, StorageError> {
    #[derive(FromQueryResult)]
    struct ContentRow {
        series_id: i64,
        source: String,
        message: String,
        labels: String,
        alertname: String,
        instance: String,
        severity: String,
        team: String,
    }
    if series.is_empty() || series.len() > TRIED {
        return Ok(series);
    }
    let list = query::id_list(db.backend());
    let sql = format!(
        "SELECT s.id AS series_id, s.source, s.message, s.labels, s.alertname, s.instance, \
         s.severity, s.team FROM series s WHERE s.id IN ({list}) \
         UNION ALL \
         SELECT s.id, s.source, t.message, COALESCE(t.labels, s.labels), \
         COALESCE(t.alertname, s.alertname), COALESCE(t.instance, s.instance), \
         COALESCE(t.severity, s.severity), COALESCE(t.team, s.team) \
         FROM tellings t JOIN series s ON s.id = t.series_id WHERE t.series_id IN ({list}) \
         LIMIT ?"
    );
    let numbers: Vec<i64> = series
        .iter()
        .filter_map(|id| i64::try_from(id).ok())
        .collect();
    let ids = query::ids(&numbers);
    let most = TRIED as usize + TELLINGS;
    let values = vec![ids.clone(), ids, (most as i64).into()];
    let told: Vec<ContentRow> = query::all(db, &sql, values).await?;
    if told.len() >= most {
        return Ok(series);
    }
    let mut found = RoaringTreemap::new();
    for told in told {
        let labels = match about.matchers.is_empty() {
            true => Labels::new(),
            false => query::labels(&told.labels, "series", "labels", told.series_id)?,
        };
        let facts = AlertFields {
            alertname: told.alertname,
            instance: told.instance,
            severity: told.severity,
            team: told.team,
            message: told.message,
        };
        if about.matches(&told.source, &labels, &facts) {
            found.insert(number(told.series_id));
        }
    }
    Ok(found)
}
