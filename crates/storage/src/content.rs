//! What alerts were told with: labels and annotations, which many log entries
//! and incidents share.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde::Deserialize;
use tocsin_core::alert::{AlertFields, Labels};

use crate::query::{self, Reads};
use crate::{Backend, StorageError};

/// What a series was told with, at first or later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertContent {
    /// The series.
    pub alert_id: i64,
    /// The later telling; none for the series' own first one.
    pub content_id: Option<i64>,
    /// The source.
    pub source: String,
    /// 16 hex digits.
    pub fingerprint: String,
    /// alertname, instance, severity, team and message.
    pub fields: AlertFields,
    /// All labels.
    pub labels: Labels,
    /// All annotations.
    pub annotations: Labels,
    /// Any text; meant to be a link.
    pub generator_url: String,
}

impl AlertContent {
    /// Bytes of its texts.
    pub(crate) fn size(&self) -> usize {
        let labels = self.labels.iter().chain(&self.annotations);
        let facts = &self.fields;
        labels
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
            + [
                &self.source,
                &self.generator_url,
                &facts.alertname,
                &facts.instance,
                &facts.severity,
                &facts.team,
                &facts.message,
            ]
            .map(String::len)
            .iter()
            .sum::<usize>()
    }
}

/// Names one telling: the series, and the later telling if it is not the first.
pub(crate) type ContentKey = (i64, Option<i64>);

/// Tellings that were read lately. Bounded: two generations of at most
/// [`GENERATION`] and [`GENERATION_BYTES`]; what was not asked for in a whole
/// generation is let go.
#[derive(Debug, Default)]
pub(crate) struct ContentCache {
    young: HashMap<ContentKey, Arc<AlertContent>>,
    /// Of the texts in `young`.
    bytes: usize,
    old: HashMap<ContentKey, Arc<AlertContent>>,
}

/// Most have less than a kilobyte.
const GENERATION: usize = 4_096;
const GENERATION_BYTES: usize = 8 << 20;

impl ContentCache {
    /// One that is here already.
    pub(crate) fn get(&mut self, which: ContentKey) -> Option<Arc<AlertContent>> {
        if let Some(telling) = self.young.get(&which) {
            return Some(Arc::clone(telling));
        }
        let telling = self.old.remove(&which)?;
        self.put(which, Arc::clone(&telling));
        Some(telling)
    }

    fn put(&mut self, which: ContentKey, telling: Arc<AlertContent>) {
        if self.young.len() >= GENERATION || self.bytes >= GENERATION_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += telling.size();
        self.young.insert(which, telling);
    }

    /// All of `wanted` that exist, those that are not here read by at most two
    /// statements.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] where labels cannot be read.
    pub(crate) async fn read(
        &mut self,
        db: &impl Reads,
        wanted: impl Iterator<Item = ContentKey>,
    ) -> Result<HashMap<ContentKey, Arc<AlertContent>>, StorageError> {
        let mut found = HashMap::new();
        let mut series = Vec::new();
        let mut later = Vec::new();
        for which in wanted {
            if found.contains_key(&which) {
                continue;
            }
            match (self.get(which), which) {
                (Some(telling), _) => {
                    found.insert(which, telling);
                }
                (None, (id, None)) => series.push(id),
                (None, (_, Some(id))) => later.push(id),
            }
        }
        let mut rows: Vec<Row> = Vec::new();
        if !series.is_empty() {
            series.sort_unstable();
            series.dedup();
            let columns = "s.id, NULL, s.source, {hex}, s.labels, s.annotations, \
                 s.generator_url, s.message, s.alertname, s.instance, s.severity, s.team";
            let from = format!("series s WHERE {}", query::among(db.backend(), "s.id"));
            rows.extend(read(db, columns, &from, &series).await?);
        }
        if !later.is_empty() {
            later.sort_unstable();
            later.dedup();
            let columns = "t.series_id, t.id, s.source, {hex}, COALESCE(t.labels, s.labels), \
                 t.annotations, t.generator_url, t.message, \
                 CASE WHEN t.labels IS NULL THEN s.alertname ELSE t.alertname END, \
                 CASE WHEN t.labels IS NULL THEN s.instance ELSE t.instance END, \
                 CASE WHEN t.labels IS NULL THEN s.severity ELSE t.severity END, \
                 CASE WHEN t.labels IS NULL THEN s.team ELSE t.team END";
            let from = format!(
                "tellings t JOIN series s ON s.id = t.series_id WHERE {}",
                query::among(db.backend(), "t.id")
            );
            rows.extend(read(db, columns, &from, &later).await?);
        }
        for row in rows {
            let telling = Arc::new(row.into_content()?);
            let which = (telling.alert_id, telling.content_id);
            self.put(which, Arc::clone(&telling));
            found.insert(which, telling);
        }
        Ok(found)
    }
}

/// The rows as one JSON text, for the reason that [`crate::scan::pack`] has.
async fn read(
    db: &impl Reads,
    columns: &str,
    from: &str,
    ids: &[i64],
) -> Result<Vec<Row>, StorageError> {
    #[derive(FromQueryResult)]
    struct Packed {
        packed: Option<String>,
    }
    let (list, hex) = match db.backend() {
        Backend::Sqlite => ("json_group_array(json_array({}))", "hex(s.fingerprint)"),
        Backend::Postgres => (
            "CAST(json_agg(json_build_array({})) AS TEXT)",
            "encode(s.fingerprint, 'hex')",
        ),
    };
    let list = list.replace("{}", &columns.replace("{hex}", hex));
    let sql = format!("SELECT {list} AS packed FROM {from}");
    let packed: Option<Packed> = query::first(db, &sql, vec![query::ids(ids)]).await?;
    let packed = packed.and_then(|packed| packed.packed);
    let packed = packed.as_deref().unwrap_or("[]");
    // One that is not as it should be would make all of them so.
    serde_json::from_str(packed).map_err(|_| StorageError::Corrupt {
        table: "series",
        column: "any",
        id: ids.first().copied().unwrap_or_default(),
    })
}

/// A row, in the order of its columns.
#[derive(Deserialize)]
struct Row {
    series_id: i64,
    telling_id: Option<i64>,
    source: String,
    fingerprint: String,
    labels: String,
    annotations: String,
    generator_url: String,
    message: String,
    alertname: Option<String>,
    instance: Option<String>,
    severity: Option<String>,
    team: Option<String>,
}

impl Row {
    fn into_content(self) -> Result<AlertContent, StorageError> {
        let (table, id) = match self.telling_id {
            Some(id) => ("tellings", id),
            None => ("series", self.series_id),
        };
        let corrupt = |column| StorageError::Corrupt { table, column, id };
        Ok(AlertContent {
            alert_id: self.series_id,
            content_id: self.telling_id,
            source: self.source,
            fingerprint: self.fingerprint.to_ascii_lowercase(),
            fields: AlertFields {
                alertname: self.alertname.ok_or_else(|| corrupt("alertname"))?,
                instance: self.instance.ok_or_else(|| corrupt("instance"))?,
                severity: self.severity.ok_or_else(|| corrupt("severity"))?,
                team: self.team.ok_or_else(|| corrupt("team"))?,
                message: self.message,
            },
            labels: query::labels(&self.labels, table, "labels", id)?,
            annotations: query::labels(&self.annotations, table, "annotations", id)?,
            generator_url: self.generator_url,
        })
    }
}
