//! The filters and pages that lists have in common.

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

/// What the log and the incidents are both filtered by; all that is given must
/// hold.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct Criteria {
    /// Any of these severities.
    #[param(required = false)]
    severity: Vec<String>,
    /// Any of these teams.
    #[param(required = false)]
    team: Vec<String>,
    /// Any of these alert names.
    #[param(required = false)]
    alertname: Vec<String>,
    /// Any of these instances.
    #[param(required = false)]
    instance: Vec<String>,
    /// Any of these sources.
    #[param(required = false)]
    source: Vec<String>,
    /// Any of these statuses. An incident that is open is `firing`.
    #[param(required = false, inline)]
    status: Vec<Status>,
    /// The incident is acknowledged or has ended, or neither.
    known: Option<bool>,
    /// Matchers as Alertmanager writes them, such as `job=~"api.*"`, all of
    /// which must hold. A missing label equals an empty one.
    #[param(required = false, value_type = Vec<String>, max_items = 32)]
    label: Vec<Matcher>,
    /// Words, each of which must occur in alertname, instance or message;
    /// upper and lower case are the same.
    #[param(value_type = Option<String>)]
    q: Vec<String>,
    /// Of the log, entries received at or after. Of the incidents, those that were
    /// active at or after: open, or ended no sooner.
    from: Option<DateTime<Utc>>,
    /// Of the log, entries received before. Of the incidents, those that began before.
    to: Option<DateTime<Utc>>,
    /// Started at or after.
    starts_from: Option<DateTime<Utc>>,
    /// Started before.
    starts_to: Option<DateTime<Utc>>,
    /// Ended at or after. What has no end is left out.
    ends_from: Option<DateTime<Utc>>,
    /// Ended before. What has no end is left out.
    ends_to: Option<DateTime<Utc>>,
}

const STATUSES: &[(&str, Status)] = &[("firing", Status::Firing), ("resolved", Status::Resolved)];

impl FromQuery for Criteria {
    fn read(query: &mut Query) -> Self {
        Self {
            severity: query.texts("severity"),
            team: query.texts("team"),
            alertname: query.texts("alertname"),
            instance: query.texts("instance"),
            source: query.texts("source"),
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
    let texts = query.texts("label");
    let (matchers, errors) = matchers(&texts);
    for (_, message) in errors {
        query.error("label", message);
    }
    matchers
}

/// The matchers, and what is wrong with each that is none, by its place; what is wrong
/// with all of them has none.
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
    /// The one place where what is asked for becomes what is looked for: so no
    /// list, count, export or acknowledgement is had without what its caller may see.
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
        let about = AlertCriteria {
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
            about,
            status.into_iter().map(core_status).collect(),
            range(from, to),
        )
    }

    /// Of what may be seen.
    pub(crate) fn for_alerts(self, visibility: &Visibility) -> AlertFilter {
        let (about, status, received) = self.split(visibility);
        AlertFilter {
            about,
            status,
            received,
        }
    }

    /// Of what may be seen.
    pub(crate) fn for_incidents(self, states: States, visibility: &Visibility) -> IncidentFilter {
        let (about, status, active) = self.split(visibility);
        let state = states.state.into_iter().map(incident_state).collect();
        IncidentFilter {
            about,
            state,
            status,
            stale: states.stale,
            active,
        }
    }
}

/// What only incidents are filtered by.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(crate) struct States {
    /// Any of these states.
    #[param(required = false, inline)]
    state: Vec<IncidentState>,
    /// Open and not heard of for longer than `incidents.stale_after`, or not.
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

/// The same filters as a JSON object, of what may be seen.
///
/// # Errors
/// Names the fields that are wrong.
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

/// A range of time.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Between {
    /// At or after.
    pub(crate) from: Option<DateTime<Utc>>,
    /// Before.
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
