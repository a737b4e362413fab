//! Filters of the log and of the incidents, as conditions in SQL.

use sea_orm::Value;
use tocsin_core::alert::Status;
use tocsin_core::matcher::Matcher;
use tocsin_core::time::Timestamp;

use crate::codes::{Coded, IncidentState};
use crate::query::{self, Conditions, Reads};
use crate::{Backend, StorageError, matching};

/// A range of time. Open where a side is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The beginning, included.
    pub from: Option<Timestamp>,
    /// The end, excluded.
    pub to: Option<Timestamp>,
}

/// What the log and the incidents are both filtered by. An empty list asks for
/// nothing; a list asks for any of its values; all that is asked must hold.
#[derive(Clone, Debug, Default)]
pub struct AlertCriteria {
    /// Any of these severities, exactly.
    pub severity: Vec<String>,
    /// Any of these teams, exactly.
    pub team: Vec<String>,
    /// Any of these alert names, exactly.
    pub alertname: Vec<String>,
    /// Any of these instances, exactly.
    pub instance: Vec<String>,
    /// Any of these sources.
    pub source: Vec<String>,
    /// The incident is acknowledged or ended, or it is neither.
    pub known: Option<bool>,
    /// Label matchers, all of which must hold.
    pub matchers: Vec<Matcher>,
    /// Words by [`tocsin_core::search::words`], each of which must occur in
    /// alertname, instance or message.
    pub words: Vec<String>,
    /// The start told by the sender.
    pub starts: TimeRange,
    /// The end told by the sender; what has no end is in no range.
    pub ends: TimeRange,
}

/// Which log entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// Of what.
    pub about: AlertCriteria,
    /// Any of these statuses.
    pub status: Vec<Status>,
    /// When Tocsin received it.
    pub received: TimeRange,
}

/// Which incidents are wanted.
#[derive(Clone, Debug, Default)]
pub struct IncidentFilter {
    /// Of what.
    pub about: AlertCriteria,
    /// Any of these states.
    pub state: Vec<IncidentState>,
    /// Any of these statuses: firing is open, resolved is anything else.
    pub status: Vec<Status>,
    /// Open and stale, or not.
    pub stale: Option<bool>,
    /// When Tocsin last received it.
    pub last_seen: TimeRange,
}

/// The columns that a filter is about, in the query that it is put into.
pub(crate) struct Columns {
    /// The alias of the table that holds `label_set_id`, `annotation_set_id`,
    /// `starts_at` and `ends_at`.
    pub(crate) row: &'static str,
    /// The SQL for "exists an incident `i` such that", up to its condition, and
    /// what closes it; both empty where `i` is the row itself.
    pub(crate) incident: (&'static str, &'static str),
}

impl TimeRange {
    pub(crate) fn add_to(self, conditions: &mut Conditions, column: &str) {
        if let Some(from) = self.from {
            conditions.and(&format!("{column} >= ?"), [from.as_micros().into()]);
        }
        if let Some(to) = self.to {
            conditions.and(&format!("{column} < ?"), [to.as_micros().into()]);
        }
    }
}

impl AlertCriteria {
    /// Adds the conditions. Matchers are tried on their label's values first,
    /// which is why this reads from the database.
    pub(crate) async fn add_to(
        &self,
        conditions: &mut Conditions,
        db: &impl Reads,
        columns: &Columns,
    ) -> Result<(), StorageError> {
        let row = columns.row;
        self.add_label_sets(conditions, db, row).await?;
        let (exists, end) = columns.incident;
        if !self.source.is_empty() {
            let sources = query::text_list(db.backend());
            conditions.and(
                &format!(
                    "{exists}EXISTS (SELECT 1 FROM series fs WHERE fs.id = i.series_id \
                     AND fs.source IN ({sources})){end}"
                ),
                [query::texts(&self.source)],
            );
        }
        if let Some(known) = self.known {
            let is = if known { KNOWN } else { NOT_KNOWN };
            conditions.and(&format!("{exists}({is}){end}"), []);
        }
        self.starts.add_to(conditions, &format!("{row}.starts_at"));
        self.ends.add_to(conditions, &format!("{row}.ends_at"));
        for word in &self.words {
            let pattern = Value::from(contains(&query::without_nul(word)));
            conditions.and(
                &format!(
                    "EXISTS (SELECT 1 FROM label_sets ws WHERE ws.id = {row}.label_set_id \
                     AND ws.search LIKE ? ESCAPE '\\') \
                     OR EXISTS (SELECT 1 FROM annotation_sets wa \
                     WHERE wa.id = {row}.annotation_set_id AND wa.search LIKE ? ESCAPE '\\')"
                ),
                [pattern.clone(), pattern],
            );
        }
        Ok(())
    }

    /// What is asked of the label set, as one condition on its id.
    async fn add_label_sets(
        &self,
        conditions: &mut Conditions,
        db: &impl Reads,
        row: &str,
    ) -> Result<(), StorageError> {
        let mut sets = Conditions::default();
        for (column, values) in [
            ("severity", &self.severity),
            ("team", &self.team),
            ("alertname", &self.alertname),
            ("instance", &self.instance),
        ] {
            if !values.is_empty() {
                let list = query::text_list(db.backend());
                sets.and(&format!("ls.{column} IN ({list})"), [query::texts(values)]);
            }
        }
        sets.and_all(matching::label_sets(db, &self.matchers, "ls.id").await?);
        if sets.is_empty() {
            return Ok(());
        }
        let (such, values) = sets.into_parts();
        let column = self.label_set_column(db.backend(), row);
        conditions.and(
            &format!("{column} IN (SELECT ls.id FROM label_sets ls WHERE {such})"),
            values,
        );
        Ok(())
    }

    /// How `label_set_id` is written. SQLite has no statistics to tell that a
    /// severity matches a third of the log, where walking the log from its end
    /// finds a page at once, and an index on label sets would collect and sort
    /// millions of rows first. A `+` keeps it off that index; where something
    /// narrow is asked, the index is right.
    fn label_set_column(&self, backend: Backend, row: &str) -> String {
        let narrow = !self.alertname.is_empty()
            || !self.instance.is_empty()
            || self.matchers.iter().any(|matcher| !matcher.matches_empty());
        match backend {
            Backend::Sqlite if !narrow => format!("+{row}.label_set_id"),
            _ => format!("{row}.label_set_id"),
        }
    }
}

const KNOWN: &str = "i.known_at IS NOT NULL OR i.state <> 0";
const NOT_KNOWN: &str = "i.known_at IS NULL AND i.state = 0";

/// Adds "any of these codes".
pub(crate) fn any_code<T: Coded>(conditions: &mut Conditions, column: &str, words: &[T]) {
    if !words.is_empty() {
        let places = vec!["?"; words.len()].join(", ");
        let codes = words.iter().map(|word| Value::from(word.code()));
        conditions.and(&format!("{column} IN ({places})"), codes);
    }
}

/// The LIKE pattern of "contains `word`", for `ESCAPE '\'`.
fn contains(word: &str) -> String {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for c in word.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

impl AlertFilter {
    /// The conditions on `log_entries e`.
    pub(crate) async fn conditions(&self, db: &impl Reads) -> Result<Conditions, StorageError> {
        let mut conditions = Conditions::default();
        any_code(&mut conditions, "e.status", &self.status);
        self.received.add_to(&mut conditions, "e.received_at");
        let columns = Columns {
            row: "e",
            incident: (
                "EXISTS (SELECT 1 FROM incidents i WHERE i.id = e.incident_id AND ",
                ")",
            ),
        };
        self.about.add_to(&mut conditions, db, &columns).await?;
        Ok(conditions)
    }
}

impl IncidentFilter {
    /// The conditions on `incidents i`. What was last seen before
    /// `stale_before` is stale while it is open.
    pub(crate) async fn conditions(
        &self,
        db: &impl Reads,
        stale_before: Timestamp,
    ) -> Result<Conditions, StorageError> {
        let mut conditions = Conditions::default();
        any_code(&mut conditions, "i.state", &self.state);
        match self.status.as_slice() {
            [] => {}
            one if one.iter().all(|status| *status == Status::Firing) => {
                conditions.and("i.state = 0", []);
            }
            one if one.iter().all(|status| *status == Status::Resolved) => {
                conditions.and("i.state <> 0", []);
            }
            _both => {}
        }
        if let Some(stale) = self.stale {
            let is = match stale {
                true => "i.state = 0 AND i.last_seen_at < ?",
                false => "i.state <> 0 OR i.last_seen_at >= ?",
            };
            conditions.and(is, [stale_before.as_micros().into()]);
        }
        self.last_seen.add_to(&mut conditions, "i.last_seen_at");
        let columns = Columns {
            row: "i",
            incident: ("", ""),
        };
        self.about.add_to(&mut conditions, db, &columns).await?;
        Ok(conditions)
    }
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn nothing_in_a_word_is_a_wildcard() {
        assert_eq!(contains(r"100%_a\"), r"%100\%\_a\\%");
    }
}
