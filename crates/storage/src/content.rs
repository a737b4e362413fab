//! Alert content: labels and annotations as received, shared by many log entries
//! and incidents.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;
use serde::Deserialize;
use tocsin_core::alert::{AlertFields, Labels};

use crate::query::{self, Reads};
use crate::{Backend, StorageError};

/// One content version of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertContent {
    /// Alert ID.
    pub alert_id: i64,
    /// Content ID; `None` for the first content, which is stored with the alert.
    pub content_id: Option<i64>,
    /// Name of the source.
    pub source: String,
    /// Fingerprint, 16 hex digits.
    pub fingerprint: String,
    /// Alert name, instance, severity, team and message.
    pub fields: AlertFields,
    /// All labels.
    pub labels: Labels,
    /// All annotations.
    pub annotations: Labels,
    /// Link to the rule; any string, not checked.
    pub generator_url: String,
}

impl AlertContent {
    /// Size of all strings, in bytes.
    pub(crate) fn size(&self) -> usize {
        let labels = self.labels.iter().chain(&self.annotations);
        let fields = &self.fields;
        labels
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>()
            + [
                &self.source,
                &self.generator_url,
                &fields.alertname,
                &fields.instance,
                &fields.severity,
                &fields.team,
                &fields.message,
            ]
            .map(String::len)
            .iter()
            .sum::<usize>()
    }
}

/// Identifies one content version: alert ID, and content ID unless it is the first.
pub(crate) type ContentKey = (i64, Option<i64>);

/// Cache of recently read contents. It holds two generations of at most [`GENERATION`]
/// entries or [`GENERATION_BYTES`]; an entry not used for a whole generation is evicted.
#[derive(Debug, Default)]
pub(crate) struct ContentCache {
    young: HashMap<ContentKey, Arc<AlertContent>>,
    /// Size of the contents in `young`.
    bytes: usize,
    old: HashMap<ContentKey, Arc<AlertContent>>,
}

/// Most contents are smaller than one kilobyte.
const GENERATION: usize = 4_096;
const GENERATION_BYTES: usize = 8 << 20;

impl ContentCache {
    /// Returns a content from the cache.
    pub(crate) fn get(&mut self, key: ContentKey) -> Option<Arc<AlertContent>> {
        if let Some(content) = self.young.get(&key) {
            return Some(Arc::clone(content));
        }
        let content = self.old.remove(&key)?;
        self.put(key, Arc::clone(&content));
        Some(content)
    }

    fn put(&mut self, key: ContentKey, content: Arc<AlertContent>) {
        if self.young.len() >= GENERATION || self.bytes >= GENERATION_BYTES {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += content.size();
        self.young.insert(key, content);
    }

    /// Returns all existing contents of `wanted`. Those not in the cache are read with
    /// at most two statements.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if labels cannot be parsed.
    pub(crate) async fn read(
        &mut self,
        db: &impl Reads,
        wanted: impl Iterator<Item = ContentKey>,
    ) -> Result<HashMap<ContentKey, Arc<AlertContent>>, StorageError> {
        let mut found = HashMap::new();
        let mut alert_ids = Vec::new();
        let mut content_ids = Vec::new();
        for key in wanted {
            if found.contains_key(&key) {
                continue;
            }
            match (self.get(key), key) {
                (Some(content), _) => {
                    found.insert(key, content);
                }
                (None, (id, None)) => alert_ids.push(id),
                (None, (_, Some(id))) => content_ids.push(id),
            }
        }
        let mut rows: Vec<Row> = Vec::new();
        if !alert_ids.is_empty() {
            alert_ids.sort_unstable();
            alert_ids.dedup();
            let columns = "s.id, NULL, s.source, {hex}, s.labels, s.annotations, \
                 s.generator_url, s.message, s.alertname, s.instance, s.severity, s.team";
            let from = format!("series s WHERE {}", query::among(db.backend(), "s.id"));
            rows.extend(read(db, columns, &from, &alert_ids).await?);
        }
        if !content_ids.is_empty() {
            content_ids.sort_unstable();
            content_ids.dedup();
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
            rows.extend(read(db, columns, &from, &content_ids).await?);
        }
        for row in rows {
            let content = Arc::new(row.into_content()?);
            let key = (content.alert_id, content.content_id);
            self.put(key, Arc::clone(&content));
            found.insert(key, content);
        }
        Ok(found)
    }
}

/// Reads the rows as one JSON document, which is faster than row by row; see
/// [`crate::scan::pack`].
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
    // One malformed row makes the whole document unreadable, so the ID is a guess.
    serde_json::from_str(packed).map_err(|_| StorageError::Corrupt {
        table: "series",
        column: "any",
        id: ids.first().copied().unwrap_or_default(),
    })
}

/// A row; the fields are in the order of the columns.
#[derive(Deserialize)]
struct Row {
    alert_id: i64,
    content_id: Option<i64>,
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
        let (table, id) = match self.content_id {
            Some(id) => ("tellings", id),
            None => ("series", self.alert_id),
        };
        let corrupt = |column| StorageError::Corrupt { table, column, id };
        Ok(AlertContent {
            alert_id: self.alert_id,
            content_id: self.content_id,
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
