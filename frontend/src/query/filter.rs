//! Filters of the lists.

use tocsin_api_types::{AcknowledgeFilter, IncidentState, Status};

use super::{Range, split_matcher, write_matcher};
use chrono::{DateTime, Utc};

/// Filter and sort order of a list, shared by the incidents and the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Log only.
    pub status: Vec<Status>,
    /// Incidents only.
    pub state: Vec<IncidentState>,
    /// Incidents only.
    pub stale: Option<bool>,
    /// Acknowledged or ended.
    pub known: Option<bool>,
    pub severity: Vec<String>,
    pub team: Vec<String>,
    pub alertname: Vec<String>,
    pub instance: Vec<String>,
    pub source: Vec<String>,
    /// Matchers; all must match.
    pub label: Vec<String>,
    /// Search text.
    pub q: String,
    pub range: Range,
    pub sort: Sort,
    pub ascending: bool,
}

/// Sort field of the incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    LastSeen,
    Starts,
    Duration,
    Occurrences,
}

impl Sort {
    pub const ALL: [Self; 4] = [
        Self::LastSeen,
        Self::Starts,
        Self::Duration,
        Self::Occurrences,
    ];

    /// Value in the API and the URL.
    pub fn code(self) -> &'static str {
        match self {
            Self::LastSeen => "lastSeenAt",
            Self::Starts => "startsAt",
            Self::Duration => "duration",
            Self::Occurrences => "occurrences",
        }
    }
}

/// Fields with their own query parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Severity,
    Team,
    Alertname,
    Instance,
    Source,
}

impl Field {
    /// All fields in display order.
    pub const ALL: [Self; 5] = [
        Self::Severity,
        Self::Team,
        Self::Alertname,
        Self::Instance,
        Self::Source,
    ];

    /// Name of the parameter and, except for `source`, of the label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Team => "team",
            Self::Alertname => "alertname",
            Self::Instance => "instance",
            Self::Source => "source",
        }
    }

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// One condition of a filter, shown as a chip.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    Status(Status),
    State(IncidentState),
    Stale(bool),
    Known(bool),
    Is(Field, String),
    /// A matcher.
    Label(String),
    /// Search text.
    Words(String),
    Time(Range),
}

impl Filter {
    /// Values of a field.
    pub fn values(&self, field: Field) -> &Vec<String> {
        match field {
            Field::Severity => &self.severity,
            Field::Team => &self.team,
            Field::Alertname => &self.alertname,
            Field::Instance => &self.instance,
            Field::Source => &self.source,
        }
    }

    pub(super) fn values_mut(&mut self, field: Field) -> &mut Vec<String> {
        match field {
            Field::Severity => &mut self.severity,
            Field::Team => &mut self.team,
            Field::Alertname => &mut self.alertname,
            Field::Instance => &mut self.instance,
            Field::Source => &mut self.source,
        }
    }

    /// All conditions in display order.
    pub fn terms(&self) -> Vec<Term> {
        let mut terms: Vec<Term> = Vec::new();
        terms.extend(self.status.iter().map(|s| Term::Status(*s)));
        terms.extend(self.state.iter().map(|s| Term::State(*s)));
        terms.extend(self.stale.map(Term::Stale));
        terms.extend(self.known.map(Term::Known));
        for field in Field::ALL {
            terms.extend(
                self.values(field)
                    .iter()
                    .map(|v| Term::Is(field, v.clone())),
            );
        }
        terms.extend(self.label.iter().map(|m| Term::Label(m.clone())));
        if !self.q.is_empty() {
            terms.push(Term::Words(self.q.clone()));
        }
        if self.range != Range::All {
            terms.push(Term::Time(self.range));
        }
        terms
    }

    /// Adds a condition.
    pub fn with(&self, term: &Term) -> Self {
        let mut next = self.clone();
        match term {
            Term::Status(status) => add(&mut next.status, *status),
            Term::State(state) => add(&mut next.state, *state),
            Term::Stale(stale) => next.stale = Some(*stale),
            Term::Known(known) => next.known = Some(*known),
            Term::Is(field, value) => add(next.values_mut(*field), value.clone()),
            Term::Label(matcher) => add(&mut next.label, matcher.clone()),
            Term::Words(words) => next.q.clone_from(words),
            Term::Time(range) => next.range = *range,
        }
        next
    }

    /// Removes a condition.
    pub fn without(&self, term: &Term) -> Self {
        let mut next = self.clone();
        match term {
            Term::Status(status) => next.status.retain(|s| s != status),
            Term::State(state) => next.state.retain(|s| s != state),
            Term::Stale(_) => next.stale = None,
            Term::Known(_) => next.known = None,
            Term::Is(field, value) => next.values_mut(*field).retain(|v| v != value),
            Term::Label(matcher) => next.label.retain(|m| m != matcher),
            Term::Words(_) => next.q.clear(),
            Term::Time(_) => next.range = Range::All,
        }
        next
    }

    /// Removes all conditions and keeps the sort order.
    pub fn cleared(&self) -> Self {
        Self {
            sort: self.sort,
            ascending: self.ascending,
            ..Self::default()
        }
    }

    /// Adds or excludes a clicked label value.
    pub fn clicked(&self, name: &str, value: &str, exclude: bool) -> Self {
        self.with(&term_of(name, if exclude { "!=" } else { "=" }, value))
    }

    /// Adds a typed matcher; `None` if the text is not one.
    pub fn typed(&self, text: &str) -> Option<Self> {
        let (name, operator, value) = split_matcher(text)?;
        Some(self.with(&term_of(&name, operator, &value)))
    }

    /// The filter as a request body for `POST /incidents/acknowledge`.
    pub fn to_acknowledge(&self, now: DateTime<Utc>) -> AcknowledgeFilter {
        let (from, to) = self.range.bounds(now);
        AcknowledgeFilter {
            state: self.state.clone(),
            stale: self.stale,
            severity: self.severity.clone(),
            team: self.team.clone(),
            alertname: self.alertname.clone(),
            instance: self.instance.clone(),
            source: self.source.clone(),
            known: self.known,
            label: self.label.clone(),
            q: (!self.q.is_empty()).then(|| self.q.clone()),
            from,
            to,
            ..AcknowledgeFilter::default()
        }
    }
}

/// A field condition if the field has a parameter, so that several values are
/// alternatives; otherwise a matcher.
fn term_of(name: &str, operator: &str, value: &str) -> Term {
    match Field::of(name) {
        Some(field) if operator == "=" => Term::Is(field, value.to_owned()),
        _ => Term::Label(write_matcher(name, operator, value)),
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}
