//! Filters and paging shared by the lists.

mod paging;

use chrono::{DateTime, Utc};
use tocsin_api_types::{AcknowledgeFilter, FieldError, IncidentState, Status};
use tocsin_core::matcher::{self, InvalidMatcher, Matcher, MatcherError};
use tocsin_core::visibility::Visibility;
use tocsin_core::{alert, search};
use tocsin_storage::enums;

use tocsin_storage::{AlertCriteria, AlertFilter, IncidentFilter, TimeRange};
use utoipa::IntoParams;

pub(crate) use self::paging::{CURSOR, Counting, Ordering, Paging};
use super::params::{FromQuery, Query, one_of};
use super::problem::{ApiError, ProblemKind};

/// Filter for log entries and incidents. All conditions must match.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Criteria {
    /// Alerts with any of these severities.
    #[param(required = false)]
    severity: Vec<String>,
    /// Alerts of any of these teams.
    #[param(required = false)]
    team: Vec<String>,
    /// Alerts with any of these names.
    #[param(required = false)]
    alertname: Vec<String>,
    /// Alerts of any of these instances.
    #[param(required = false)]
    instance: Vec<String>,
    /// Alerts from any of these sources.
    #[param(required = false)]
    source: Vec<String>,
    /// Alerts with any of these statuses. An open incident is `firing`.
    #[param(required = false, inline)]
    status: Vec<Status>,
    /// With `true`, incidents that are acknowledged or have ended; with `false`, all others.
    known: Option<bool>,
    /// Label matchers in Alertmanager syntax, such as `job=~"api.*"`. All must match. A missing
    /// label counts as empty.
    #[param(required = false, value_type = Vec<String>, max_items = 32)]
    label: Vec<Matcher>,
    /// Search words. Each must occur in alert name, instance or message. Case is ignored.
    #[param(value_type = Option<String>)]
    q: Vec<String>,
    /// Start of the time range, inclusive. Selects log entries received in the range, and
    /// incidents active in it.
    from: Option<DateTime<Utc>>,
    /// End of the time range, exclusive.
    to: Option<DateTime<Utc>>,
    /// Alerts that started at or after this time.
    starts_from: Option<DateTime<Utc>>,
    /// Alerts that started before this time.
    starts_to: Option<DateTime<Utc>>,
    /// Alerts that ended at or after this time. Alerts without an end are excluded.
    ends_from: Option<DateTime<Utc>>,
    /// Alerts that ended before this time. Alerts without an end are excluded.
    ends_to: Option<DateTime<Utc>>,
}

const STATUSES: &[(&str, Status)] = &[("firing", Status::Firing), ("resolved", Status::Resolved)];

impl FromQuery for Criteria {
    fn read(query: &mut Query) -> Self {
        Self {
            severity: query.values("severity"),
            team: query.values("team"),
            alertname: query.values("alertname"),
            instance: query.values("instance"),
            source: query.values("source"),
            status: query.parse_all("status", one_of(STATUSES)),
            known: query.flag("known"),
            label: labels(query),
            q: query.parse("q", words).unwrap_or_default(),
            from: query.time("from"),
            to: query.time("to"),
            starts_from: query.time("startsFrom"),
            starts_to: query.time("startsTo"),
            ends_from: query.time("endsFrom"),
            ends_to: query.time("endsTo"),
        }
    }
}

fn labels(query: &mut Query) -> Vec<Matcher> {
    let texts = query.values("label");
    let (matchers, errors) = matchers(&texts);
    for (_, message) in errors {
        query.error("label", message);
    }
    matchers
}

/// Parses matchers. Returns errors with the index of the invalid matcher; an error about all
/// of them has no index.
fn matchers(texts: &[String]) -> (Vec<Matcher>, Vec<(Option<usize>, String)>) {
    let invalid = match matcher::parse_all(texts) {
        Ok(matchers) => return (matchers, Vec::new()),
        Err(invalid) => invalid,
    };
    let errors = invalid.into_iter().map(|InvalidMatcher { index, error }| {
        if let MatcherError::TooMany { .. } = error {
            return (None, error.to_string());
        }
        let text = &texts[index];
        let message = format!("expected a matcher such as job=~\"api.*\", found {text:?}: {error}");
        (Some(index), message)
    });
    (Vec::new(), errors.collect())
}

fn words(text: &str) -> Result<Vec<String>, String> {
    search::words(text).map_err(|error| error.to_string())
}

pub(crate) fn range(from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> TimeRange {
    TimeRange {
        from: from.map(Into::into),
        to: to.map(Into::into),
    }
}

fn core_status(status: Status) -> alert::Status {
    match status {
        Status::Firing => alert::Status::Firing,
        Status::Resolved => alert::Status::Resolved,
    }
}

impl Criteria {
    /// Converts the request to storage criteria and adds the visibility of the caller. All
    /// lists, counts, exports and acknowledgements pass through here.
    fn split(self, visibility: &Visibility) -> (AlertCriteria, Vec<alert::Status>, TimeRange) {
        let Self {
            severity,
            team,
            alertname,
            instance,
            source,
            status,
            known,
            mut label,
            q,
            from,
            to,
            starts_from,
            starts_to,
            ends_from,
            ends_to,
        } = self;
        label.extend_from_slice(visibility.matchers());
        let criteria = AlertCriteria {
            severity,
            team,
            alertname,
            instance,
            source,
            known,
            matchers: label,
            words: q,
            starts: range(starts_from, starts_to),
            ends: range(ends_from, ends_to),
        };
        (
            criteria,
            status.into_iter().map(core_status).collect(),
            range(from, to),
        )
    }

    /// Filter for the visible log entries.
    pub(crate) fn for_alerts(self, visibility: &Visibility) -> AlertFilter {
        let (criteria, status, received) = self.split(visibility);
        AlertFilter {
            about: criteria,
            status,
            received,
        }
    }

    /// Filter for the visible incidents.
    pub(crate) fn for_incidents(self, states: States, visibility: &Visibility) -> IncidentFilter {
        let (criteria, status, active) = self.split(visibility);
        let state = states.state.into_iter().map(incident_state).collect();
        IncidentFilter {
            about: criteria,
            state,
            status,
            stale: states.stale,
            active,
        }
    }
}

/// Filter for incidents only.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct States {
    /// Incidents in any of these states.
    #[param(required = false, inline)]
    state: Vec<IncidentState>,
    /// With `true`, open incidents without an update for longer than
    /// `incidents.stale_after`; with `false`, all others.
    stale: Option<bool>,
}

impl FromQuery for States {
    fn read(query: &mut Query) -> Self {
        const STATES: &[(&str, IncidentState)] = &[
            ("open", IncidentState::Open),
            ("resolved", IncidentState::Resolved),
            ("expired", IncidentState::Expired),
            ("closed", IncidentState::Closed),
        ];
        Self {
            state: query.parse_all("state", one_of(STATES)),
            stale: query.flag("stale"),
        }
    }
}

fn incident_state(state: IncidentState) -> enums::IncidentState {
    match state {
        IncidentState::Open => enums::IncidentState::Open,
        IncidentState::Resolved => enums::IncidentState::Resolved,
        IncidentState::Expired => enums::IncidentState::Expired,
        IncidentState::Closed => enums::IncidentState::Closed,
    }
}

/// Converts the same filters in JSON to a filter for the visible incidents.
///
/// # Errors
/// [`ProblemKind::InvalidRequest`] with all invalid fields.
pub(crate) fn from_json(
    filter: AcknowledgeFilter,
    visibility: &Visibility,
) -> Result<IncidentFilter, ApiError> {
    let AcknowledgeFilter {
        state,
        status,
        stale,
        severity,
        team,
        alertname,
        instance,
        source,
        known,
        label,
        q,
        from,
        to,
        starts_from,
        starts_to,
        ends_from,
        ends_to,
    } = filter;
    let (matchers, invalid) = matchers(&label);
    let mut errors: Vec<FieldError> = invalid
        .into_iter()
        .map(|(index, message)| FieldError {
            field: index.map_or("filter.label".to_owned(), |index| {
                format!("filter.label[{index}]")
            }),
            message,
        })
        .collect();
    let q = words(&q.unwrap_or_default()).unwrap_or_else(|message| {
        errors.push(FieldError {
            field: "filter.q".to_owned(),
            message,
        });
        Vec::new()
    });
    if !errors.is_empty() {
        return Err(ApiError::fields(ProblemKind::InvalidRequest, errors));
    }
    let criteria = Criteria {
        severity,
        team,
        alertname,
        instance,
        source,
        status,
        known,
        label: matchers,
        q,
        from,
        to,
        starts_from,
        starts_to,
        ends_from,
        ends_to,
    };
    Ok(criteria.for_incidents(States { state, stale }, visibility))
}

/// Time range.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Between {
    /// Start of the time range, inclusive.
    pub(crate) from: Option<DateTime<Utc>>,
    /// End of the time range, exclusive.
    pub(crate) to: Option<DateTime<Utc>>,
}

impl FromQuery for Between {
    fn read(query: &mut Query) -> Self {
        Self {
            from: query.time("from"),
            to: query.time("to"),
        }
    }
}

impl Between {
    pub(crate) fn range(&self) -> TimeRange {
        range(self.from, self.to)
    }
}
