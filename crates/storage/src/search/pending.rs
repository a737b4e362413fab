//! Queued alerts that are not in the index yet.

use roaring::RoaringTreemap;
use sea_orm::FromQueryResult;
use tocsin_core::alert::{AlertFields, Labels};

use super::project::{ALERT_RANGE, Row};
use super::set::number;
use crate::query::{self, Reads};
use crate::{AlertCriteria, StorageError, projection_queue};

/// The most queued alerts to check one by one for a selective filter. If more are queued,
/// all of them are candidates.
const MAX_ALERTS: u64 = 2_000;
/// The most later contents of them to check.
const MAX_CONTENTS: usize = 4_000;

/// The alerts with content that is not in the index.
pub(super) async fn alerts(db: &impl Reads) -> Result<RoaringTreemap, StorageError> {
    let sql = "SELECT id, kind, data FROM backlog WHERE kind IN (?, ?, ?)";
    let kinds = [
        projection_queue::ALERTS,
        ALERT_RANGE,
        projection_queue::CONTENTS,
    ];
    let rows: Vec<Row> = query::all(db, sql, kinds.map(Into::into).to_vec()).await?;
    let mut found = RoaringTreemap::new();
    let mut content_ids = Vec::new();
    for row in rows {
        match row.kind {
            ALERT_RANGE => {
                let (first, last) = row.range()?;
                found.insert_range(number(first)..=number(last));
            }
            projection_queue::ALERTS => found.extend(row.ids()?.into_iter().map(number)),
            _ => content_ids.extend(row.ids()?),
        }
    }
    if !content_ids.is_empty() {
        let list = query::id_list(db.backend());
        let sql = format!("SELECT series_id AS n FROM tellings WHERE id IN ({list})");
        let from_contents = query::numbers(db, &sql, vec![query::ids(&content_ids)]).await?;
        found.extend(from_contents.into_iter().map(number));
    }
    Ok(found)
}

/// Returns the alerts that match `about` with any of their contents, or all if there are too
/// many to check.
pub(super) async fn matching(
    db: &impl Reads,
    about: &AlertCriteria,
    alerts: RoaringTreemap,
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
    if alerts.is_empty() || alerts.len() > MAX_ALERTS {
        return Ok(alerts);
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
    let numbers: Vec<i64> = alerts
        .iter()
        .filter_map(|id| i64::try_from(id).ok())
        .collect();
    let ids = query::ids(&numbers);
    let max_rows = MAX_ALERTS as usize + MAX_CONTENTS;
    let values = vec![ids.clone(), ids, (max_rows as i64).into()];
    let contents: Vec<ContentRow> = query::all(db, &sql, values).await?;
    if contents.len() >= max_rows {
        return Ok(alerts);
    }
    let mut found = RoaringTreemap::new();
    for content in contents {
        let labels = match about.matchers.is_empty() {
            true => Labels::new(),
            false => query::labels(&content.labels, "series", "labels", content.series_id)?,
        };
        let fields = AlertFields {
            alertname: content.alertname,
            instance: content.instance,
            severity: content.severity,
            team: content.team,
            message: content.message,
        };
        if about.matches(&content.source, &labels, &fields) {
            found.insert(number(content.series_id));
        }
    }
    Ok(found)
}
