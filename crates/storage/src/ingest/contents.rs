//! What series are told with later than first, where it differs.

use sea_orm::{FromQueryResult, Value};

use super::alerts::{FilterFields, NewAlertContent};
use super::bulk::{self, Columns, Rows, Type};
use crate::query;
use crate::{StorageError, Tx};

/// What a series was told with later than first.
#[derive(Clone, Debug)]
pub struct NewContentVersion {
    /// Its number.
    pub id: i64,
    /// The series.
    pub alert_id: i64,
    /// What it was told with.
    pub content: NewAlertContent,
    /// Whether the labels are those of the series; they are not stored again
    /// then.
    pub same_labels: bool,
}

/// What a series is counted by, and the labels it was first told with.
#[derive(Clone, Debug, FromQueryResult)]
struct FirstRow {
    id: i64,
    labels: String,
    alertname: String,
    instance: String,
    severity: String,
    team: String,
}

/// The labels (as JSON) and facts that series were first told with, by their
/// numbers.
///
/// # Errors
/// Whatever the database answers.
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
        let facts = FilterFields {
            alertname: row.alertname,
            instance: row.instance,
            severity: row.severity,
            team: row.team,
        };
        (row.id, row.labels, facts)
    };
    Ok(rows.into_iter().map(read).collect())
}

const TELLINGS: Columns = &[
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

/// Stores what series were told with later.
///
/// # Errors
/// Whatever the database answers.
pub async fn insert_contents(
    tx: &Tx,
    tellings: Vec<NewContentVersion>,
) -> Result<(), StorageError> {
    let mut rows = Rows::new(TELLINGS, tellings.len());
    for one in tellings {
        let other = |text: String| Value::from((!one.same_labels).then_some(text));
        let NewAlertContent {
            digest: _,
            labels,
            annotations,
            generator_url,
            message,
            fields: facts,
        } = one.content;
        rows.push([
            one.id.into(),
            one.alert_id.into(),
            annotations.into(),
            generator_url.into(),
            message.into(),
            other(labels),
            other(facts.alertname),
            other(facts.instance),
            other(facts.severity),
            other(facts.team),
        ]);
    }
    bulk::insert(tx, "tellings", "", rows).await
}
