//! Alert contents that differ from the first content of their alert.

use sea_orm::{FromQueryResult, Value};

use super::alerts::{FilterFields, NewAlertContent};
use super::bulk::{self, Columns, Rows, Type};
use crate::query;
use crate::{StorageError, Tx};

/// A content version of an alert that differs from the first version.
#[derive(Clone, Debug)]
pub struct NewContentVersion {
    /// Database ID.
    pub id: i64,
    /// Alert ID.
    pub alert_id: i64,
    /// The content.
    pub content: NewAlertContent,
    /// Whether the labels equal those of the alert; equal labels are not stored again.
    pub same_labels: bool,
}

/// First labels and filter fields of an alert.
#[derive(Clone, Debug, FromQueryResult)]
struct FirstRow {
    id: i64,
    labels: String,
    alertname: String,
    instance: String,
    severity: String,
    team: String,
}

/// Returns the first labels (as JSON) and filter fields by alert ID.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn alert_identities(
    tx: &Tx,
    ids: &[i64],
) -> Result<Vec<(i64, String, FilterFields)>, StorageError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT id, labels, alertname, instance, severity, team FROM series WHERE id IN ({})",
        query::id_list(tx.backend)
    );
    let rows: Vec<FirstRow> = query::all(tx, &sql, vec![query::ids(ids)]).await?;
    let read = |row: FirstRow| {
        let fields = FilterFields {
            alertname: row.alertname,
            instance: row.instance,
            severity: row.severity,
            team: row.team,
        };
        (row.id, row.labels, fields)
    };
    Ok(rows.into_iter().map(read).collect())
}

const CONTENTS: Columns = &[
    ("id", Type::Big),
    ("series_id", Type::Big),
    ("annotations", Type::Text),
    ("generator_url", Type::Text),
    ("message", Type::Text),
    ("labels", Type::MaybeText),
    ("alertname", Type::MaybeText),
    ("instance", Type::MaybeText),
    ("severity", Type::MaybeText),
    ("team", Type::MaybeText),
];

/// Stores content versions.
///
/// # Errors
/// [`StorageError`] from the database.
pub async fn insert_contents(
    tx: &Tx,
    contents: Vec<NewContentVersion>,
) -> Result<(), StorageError> {
    let mut rows = Rows::new(CONTENTS, contents.len());
    for version in contents {
        let if_other = |text: String| Value::from((!version.same_labels).then_some(text));
        let NewAlertContent {
            digest: _,
            labels,
            annotations,
            generator_url,
            message,
            fields,
        } = version.content;
        rows.push([
            version.id.into(),
            version.alert_id.into(),
            annotations.into(),
            generator_url.into(),
            message.into(),
            if_other(labels),
            if_other(fields.alertname),
            if_other(fields.instance),
            if_other(fields.severity),
            if_other(fields.team),
        ]);
    }
    bulk::insert(tx, "tellings", "", rows).await
}
