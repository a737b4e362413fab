//! What a list is asked for.

use tocsin_api_types::{AcknowledgeFilter, IncidentState, Status};

use super::{Range, split_matcher, write_matcher};
use chrono::{DateTime, Utc};

/// What a list is filtered and sorted by. One for the log and the incidents:
/// each sends what it has a use for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Any of these statuses (log).
    pub status: Vec<Status>,
    /// Any of these states (incidents).
    pub state: Vec<IncidentState>,
    /// Stale or not (incidents).
    pub stale: Option<bool>,
    /// Acknowledged or ended, or not.
    pub known: Option<bool>,
    /// Any of these severities.
    pub severity: Vec<String>,
    /// Any of these teams.
    pub team: Vec<String>,
    /// Any of these alert names.
    pub alertname: Vec<String>,
    /// Any of these instances.
    pub instance: Vec<String>,
    /// Any of these sources.
    pub source: Vec<String>,
    /// Matchers, all of which must hold.
    pub label: Vec<String>,
    /// Free words.
    pub q: String,
    /// The time.
    pub range: Range,
    /// What incidents are sorted by.
    pub sort: Sort,
    /// The smallest first.
    pub ascending: bool,
}

/// What incidents are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// When they were last told.
    #[default]
    LastSeen,
    /// When they began.
    Starts,
    /// How long they took.
    Duration,
    /// How often they were told.
    Occurrences,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::LastSeen,
        Self::Starts,
        Self::Duration,
        Self::Occurrences,
    ];

    /// As the API and the address bar write it.
    pub fn code(self) -> &'static str {
        match self {
            Self::LastSeen => "lastSeenAt",
            Self::Starts => "startsAt",
            Self::Duration => "duration",
            Self::Occurrences => "occurrences",
        }
    }
}

/// The fields that have a query parameter of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `severity`
    Severity,
    /// `team`
    Team,
    /// `alertname`
    Alertname,
    /// `instance`
    Instance,
    /// `source`
    Source,
}

impl Field {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Severity,
        Self::Team,
        Self::Alertname,
        Self::Instance,
        Self::Source,
    ];

    /// The parameter's name, which but for `source` is the label's too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Severity => "severity",
            Self::Team => "team",
            Self::Alertname => "alertname",
            Self::Instance => "instance",
            Self::Source => "source",
        }
    }

    /// The field of that name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

/// One condition of a filter: what a chip shows and takes away.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    /// A status of log entries.
    Status(Status),
    /// A state of incidents.
    State(IncidentState),
    /// Stale or not.
    Stale(bool),
    /// Acknowledged or not.
    Known(bool),
    /// A value of a field.
    Is(Field, String),
    /// A matcher.
    Label(String),
    /// Free words.
    Words(String),
    /// The time.
    Time(Range),
}

impl Filter {
    /// The values asked for in a field.
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

    /// Every condition, in the order in which they are shown.
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

    /// The filter with one more condition; with the same one, unchanged.
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

    /// The filter without a condition.
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

    /// The filter with no condition, sorted as before.
    pub fn cleared(&self) -> Self {
        Self {
            sort: self.sort,
            ascending: self.ascending,
            ..Self::default()
        }
    }

    /// The filter after a click on a label's value: it must be that, or with
    /// the modifier held, must not.
    pub fn clicked(&self, name: &str, value: &str, exclude: bool) -> Self {
        self.with(&term_of(name, if exclude { "!=" } else { "=" }, value))
    }

    /// The filter with a matcher that a person typed; `None` if it is none.
    pub fn typed(&self, text: &str) -> Option<Self> {
        let (name, operator, value) = split_matcher(text)?;
        Some(self.with(&term_of(&name, operator, &value)))
    }

    /// The conditions as `POST /incidents/acknowledge` takes them.
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

/// A field where there is one for it, since several of its values mean "any of
/// them"; a matcher otherwise.
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
