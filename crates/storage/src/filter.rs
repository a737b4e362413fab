//! Filters for the alert log and for incidents.

use sea_orm::Value;
use tocsin_core::alert::{AlertFields, Labels, Status};
use tocsin_core::matcher::Matcher;
use tocsin_core::search::Searchable;
use tocsin_core::time::Timestamp;

use crate::enums::{Coded, IncidentState};
use crate::query::{self, Conditions};

/// A time range; a missing side is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The beginning, included.
    pub from: Option<Timestamp>,
    /// The end, excluded.
    pub to: Option<Timestamp>,
}

/// Criteria shared by the alert log and incidents. An empty list does not filter, a
/// list matches any of its values, and all criteria must hold.
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
    /// `true`: the incident is acknowledged or ended; `false`: it is neither.
    pub known: Option<bool>,
    /// Label matchers, all of which must hold.
    pub matchers: Vec<Matcher>,
    /// Words by [`tocsin_core::search::words`], each of which must occur in
    /// alertname, instance or message.
    pub words: Vec<String>,
    /// The start time reported by the sender.
    pub starts: TimeRange,
    /// The end time reported by the sender; alerts without an end match no range.
    pub ends: TimeRange,
}

/// Filter for log entries.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// Criteria for the alert.
    pub about: AlertCriteria,
    /// Any of these statuses.
    pub status: Vec<Status>,
    /// When Tocsin received the entry.
    pub received: TimeRange,
}

/// Filter for incidents.
#[derive(Clone, Debug, Default)]
pub struct IncidentFilter {
    /// Criteria for the alert.
    pub about: AlertCriteria,
    /// Any of these states.
    pub state: Vec<IncidentState>,
    /// Any of these statuses: firing means open, resolved any other state.
    pub status: Vec<Status>,
    /// `true`: open and stale; `false`: anything else.
    pub stale: Option<bool>,
    /// When the incident was active: it started before the end of the range and had not
    /// ended before its beginning. Every event in a range belongs to an incident that was
    /// active in it.
    pub active: TimeRange,
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
    /// Whether alert content matches the criteria on fields, source, matchers and words.
    /// Criteria on a single entry or incident (`known`, `starts`, `ends`) are not checked.
    pub fn matches(&self, source: &str, labels: &Labels, fields: &AlertFields) -> bool {
        let any = |wanted: &[String], value: &str| {
            // NUL is stored as U+FFFD.
            let is = |wanted: &String| {
                wanted == value || wanted.contains('\0') && query::without_nul(wanted) == value
            };
            wanted.is_empty() || wanted.iter().any(is)
        };
        any(&self.severity, &fields.severity)
            && any(&self.team, &fields.team)
            && any(&self.alertname, &fields.alertname)
            && any(&self.instance, &fields.instance)
            && any(&self.source, source)
            && self.matchers.iter().all(|matcher| matcher.matches(labels))
            && (self.words.is_empty() || contains_all(fields, &self.words))
    }

    /// Whether any criterion needs the alert content.
    pub fn needs_content(&self) -> bool {
        let Self {
            severity,
            team,
            alertname,
            instance,
            source,
            known: _,
            matchers,
            words,
            starts: _,
            ends: _,
        } = self;
        [severity, team, alertname, instance, source, words]
            .iter()
            .any(|list| !list.is_empty())
            || !matchers.is_empty()
    }
}

/// SQL condition on an incident `i`: acknowledged or ended, or neither.
pub(crate) fn acknowledged_or_ended(is: bool) -> &'static str {
    match is {
        true => "i.known_at IS NOT NULL OR i.state <> 0",
        false => "i.known_at IS NULL AND i.state = 0",
    }
}

fn contains_all(fields: &AlertFields, words: &[String]) -> bool {
    let Searchable { subject, message } = Searchable::of(fields);
    words.iter().all(|word| {
        let word = query::without_nul(word);
        subject.contains(&word) || message.contains(&word)
    })
}

/// Adds the condition that `column` is one of the codes.
pub(crate) fn any_code<T: Coded>(conditions: &mut Conditions, column: &str, values: &[T]) {
    if !values.is_empty() {
        let places = vec!["?"; values.len()].join(", ");
        let codes = values.iter().map(|value| Value::from(value.code()));
        conditions.and(&format!("{column} IN ({places})"), codes);
    }
}
