//! What series were told with, each text stored once.

use std::collections::HashMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::digest::Digest;

use super::record::ArchivedContent;
use crate::{StorageError, Tx, query};

/// Labels and annotations as they are stored.
pub(super) fn json(said: &ArchivedContent) -> [Value; 2] {
    [&said.labels, &said.annotations].map(|pairs| {
        // Maps of texts can always be written.
        let json = serde_json::to_string(pairs).unwrap_or_default();
        query::text(&json.replace("\\u0000", "\u{FFFD}"))
    })
}

/// By which two texts are the same.
pub(super) fn digest(said: &ArchivedContent) -> Digest {
    let mut said = said.clone();
    for text in [
        &mut said.generator_url,
        &mut said.message,
        &mut said.alertname,
        &mut said.instance,
        &mut said.severity,
        &mut said.team,
    ] {
        *text = query::without_nul(text);
    }
    // Structures of texts can always be written.
    let json = serde_json::to_string(&said).unwrap_or_default();
    Digest::of_parts(&[&json.replace("\\u0000", "\u{FFFD}")])
}

#[derive(FromQueryResult)]
pub(super) struct TextRow {
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

/// All that a series was told with.
pub(super) async fn texts(
    tx: &Tx,
    series: i64,
) -> Result<HashMap<Digest, Option<i64>>, StorageError> {
    let sql = "SELECT t.id AS telling_id, COALESCE(t.labels, s.labels) AS labels, t.annotations, \
               t.generator_url, t.message, COALESCE(t.alertname, s.alertname) AS alertname, \
               COALESCE(t.instance, s.instance) AS instance, \
               COALESCE(t.severity, s.severity) AS severity, COALESCE(t.team, s.team) AS team \
               FROM tellings t JOIN series s ON s.id = t.series_id WHERE t.series_id = ? \
               UNION ALL SELECT NULL, labels, annotations, generator_url, message, alertname, \
               instance, severity, team FROM series WHERE id = ?";
    let rows: Vec<TextRow> = query::all(tx, sql, vec![series.into(), series.into()]).await?;
    let mut found = HashMap::new();
    // What it was first told with comes last, and so is preferred.
    for row in rows {
        let text = ArchivedContent {
            labels: query::labels(&row.labels, "series", "labels", series)?,
            annotations: query::labels(&row.annotations, "series", "annotations", series)?,
            generator_url: row.generator_url,
            message: row.message,
            alertname: row.alertname,
            instance: row.instance,
            severity: row.severity,
            team: row.team,
        };
        found.insert(digest(&text), row.telling_id);
    }
    Ok(found)
}

pub(super) async fn insert_content(
    tx: &Tx,
    series: i64,
    said: &ArchivedContent,
) -> Result<i64, StorageError> {
    let sql = "INSERT INTO tellings (series_id, annotations, generator_url, message, labels, \
               alertname, instance, severity, team) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
               RETURNING id AS n";
    let [labels, annotations] = json(said);
    let values = vec![
        series.into(),
        annotations,
        query::text(&said.generator_url),
        query::text(&said.message),
        labels,
        query::text(&said.alertname),
        query::text(&said.instance),
        query::text(&said.severity),
        query::text(&said.team),
    ];
    let ids = query::numbers(tx, sql, values).await?;
    ids.first().copied().ok_or(StorageError::Stale("text"))
}
