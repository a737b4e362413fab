//! Alert contents of restored lines, each stored once.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::digest::Digest;

use super::record::ArchivedContent;
use crate::{StorageError, Tx, query};

/// Labels and annotations in their stored form.
pub(super) fn json(content: &ArchivedContent) -> [Value; 2] {
    [&content.labels, &content.annotations].map(|pairs| {
        // Maps of strings always serialize.
        let json = serde_json::to_string(pairs).unwrap_or_default();
        query::text(&json.replace("\\u0000", "\u{FFFD}"))
    })
}

/// Digest for comparing contents.
pub(super) fn digest(content: &ArchivedContent) -> Digest {
    let mut content = content.clone();
    for text in [
        &mut content.generator_url,
        &mut content.message,
        &mut content.alertname,
        &mut content.instance,
        &mut content.severity,
        &mut content.team,
    ] {
        *text = query::without_nul(text);
    }
    // Structures of strings always serialize.
    let json = serde_json::to_string(&content).unwrap_or_default();
    Digest::of_parts(&[&json.replace("\\u0000", "\u{FFFD}")])
}

#[derive(FromQueryResult)]
pub(super) struct ContentRow {
    telling_id: Option<i64>,
    labels: String,
    annotations: String,
    generator_url: String,
    message: String,
    alertname: String,
    instance: String,
    severity: String,
    team: String,
}

/// All contents of an alert: content ID by digest, `None` for the first content.
pub(super) async fn stored_contents(
    tx: &Tx,
    alert_id: i64,
) -> Result<HashMap<Digest, Option<i64>>, StorageError> {
    let sql = "SELECT t.id AS telling_id, COALESCE(t.labels, s.labels) AS labels, t.annotations, \
               t.generator_url, t.message, COALESCE(t.alertname, s.alertname) AS alertname, \
               COALESCE(t.instance, s.instance) AS instance, \
               COALESCE(t.severity, s.severity) AS severity, COALESCE(t.team, s.team) AS team \
               FROM tellings t JOIN series s ON s.id = t.series_id WHERE t.series_id = ? \
               UNION ALL SELECT NULL, labels, annotations, generator_url, message, alertname, \
               instance, severity, team FROM series WHERE id = ?";
    let rows: Vec<ContentRow> = query::all(tx, sql, vec![alert_id.into(), alert_id.into()]).await?;
    let mut found = HashMap::new();
    // The first content is last in the result, so it takes precedence.
    for row in rows {
        let content = ArchivedContent {
            labels: query::labels(&row.labels, "series", "labels", alert_id)?,
            annotations: query::labels(&row.annotations, "series", "annotations", alert_id)?,
            generator_url: row.generator_url,
            message: row.message,
            alertname: row.alertname,
            instance: row.instance,
            severity: row.severity,
            team: row.team,
        };
        found.insert(digest(&content), row.telling_id);
    }
    Ok(found)
}

pub(super) async fn insert_content(
    tx: &Tx,
    alert_id: i64,
    content: &ArchivedContent,
) -> Result<i64, StorageError> {
    let sql = "INSERT INTO tellings (series_id, annotations, generator_url, message, labels, \
               alertname, instance, severity, team) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
               RETURNING id AS n";
    let [labels, annotations] = json(content);
    let values = vec![
        alert_id.into(),
        annotations,
        query::text(&content.generator_url),
        query::text(&content.message),
        labels,
        query::text(&content.alertname),
        query::text(&content.instance),
        query::text(&content.severity),
        query::text(&content.team),
    ];
    let ids = query::numbers(tx, sql, values).await?;
    ids.first()
        .copied()
        .ok_or(StorageError::Stale("alert content"))
}
