//! Filters of the log and of the incidents.

use sea_orm::Value;
use tocsin_core::alert::{AlertFields, Labels, Status};
use tocsin_core::matcher::Matcher;
use tocsin_core::search::Searchable;
use tocsin_core::time::Timestamp;

use crate::enums::{Coded, IncidentState};
use crate::query::{self, Conditions};

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
    /// When it was active: it began before the end of the range, and had not ended
    /// before the beginning. So whatever happened in a range is of an incident that was
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
    /// Whether what was told answers all that is asked of it: facts, source,
    /// matchers and words. What is asked of one entry or incident (`known`,
    /// `starts`, `ends`) is not looked at.
    pub fn matches(&self, source: &str, labels: &Labels, facts: &AlertFields) -> bool {
        let any = |wanted: &[String], value: &str| {
            // NUL is stored as U+FFFD (rule 7).
            let is = |wanted: &String| {
                wanted == value || wanted.contains('\0') && query::without_nul(wanted) == value
            };
            wanted.is_empty() || wanted.iter().any(is)
        };
        any(&self.severity, &facts.severity)
            && any(&self.team, &facts.team)
            && any(&self.alertname, &facts.alertname)
            && any(&self.instance, &facts.instance)
            && any(&self.source, source)
            && self.matchers.iter().all(|matcher| matcher.matches(labels))
            && (self.words.is_empty() || contain(facts, &self.words))
    }

    /// Whether anything is asked of what was told.
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

/// The condition on an incident `i` that it is acknowledged or has ended, or
/// neither.
pub(crate) fn known(is: bool) -> &'static str {
    match is {
        true => "i.known_at IS NOT NULL OR i.state <> 0",
        false => "i.known_at IS NULL AND i.state = 0",
    }
}

fn contain(facts: &AlertFields, words: &[String]) -> bool {
    let Searchable { subject, message } = Searchable::of(facts);
    words.iter().all(|word| {
        let word = query::without_nul(word);
        subject.contains(&word) || message.contains(&word)
    })
}

/// Adds "any of these codes".
pub(crate) fn any_code<T: Coded>(conditions: &mut Conditions, column: &str, words: &[T]) {
    if !words.is_empty() {
        let places = vec!["?"; words.len()].join(", ");
        let codes = words.iter().map(|word| Value::from(word.code()));
        conditions.and(&format!("{column} IN ({places})"), codes);
    }
}
