//! Parsing and writing a filter as a query string.

use chrono::{DateTime, SecondsFormat, Utc};
use tocsin_api_types::{IncidentState, Status};

use super::{Field, Filter, Preset, Range, Sort, pairs, push_pair};

fn status_code(status: Status) -> &'static str {
    match status {
        Status::Firing => "firing",
        Status::Resolved => "resolved",
    }
}

fn state_code(state: IncidentState) -> &'static str {
    match state {
        IncidentState::Open => "open",
        IncidentState::Resolved => "resolved",
        IncidentState::Expired => "expired",
        IncidentState::Closed => "closed",
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

impl Filter {
    /// Parses the query string of the URL. Invalid parameters are ignored; the chips
    /// show the result.
    pub fn parse(query: &str) -> Self {
        let mut filter = Self::default();
        let (mut from, mut to) = (None, None);
        for (name, value) in pairs(query) {
            match name.as_str() {
                "status" => match value.as_str() {
                    "firing" => filter.status.push(Status::Firing),
                    "resolved" => filter.status.push(Status::Resolved),
                    _ => {}
                },
                "state" => match value.as_str() {
                    "open" => filter.state.push(IncidentState::Open),
                    "resolved" => filter.state.push(IncidentState::Resolved),
                    "expired" => filter.state.push(IncidentState::Expired),
                    "closed" => filter.state.push(IncidentState::Closed),
                    _ => {}
                },
                "stale" => filter.stale = flag(&value),
                "known" => filter.known = flag(&value),
                "label" => filter.label.push(value),
                "q" => filter.q = value,
                "range" => filter.range = Preset::parse(&value).map_or(Range::All, Range::Last),
                "from" => from = value.parse().ok(),
                "to" => to = value.parse().ok(),
                "order" => filter.ascending = value == "asc",
                "sort" => {
                    filter.sort = Sort::ALL
                        .into_iter()
                        .find(|sort| sort.code() == value)
                        .unwrap_or_default();
                }
                other => {
                    if let Some(field) = Field::of(other) {
                        filter.values_mut(field).push(value);
                    }
                }
            }
        }
        if from.is_some() || to.is_some() {
            filter.range = Range::Between(from, to);
        }
        filter
    }

    /// As a query string for the URL, without default values.
    pub fn to_url_query(&self) -> String {
        let mut out = self.conditions();
        match self.range {
            Range::All => {}
            Range::Last(preset) => push_pair(&mut out, "range", preset.code()),
            Range::Between(from, to) => {
                from.iter()
                    .for_each(|t| push_pair(&mut out, "from", &time(*t)));
                to.iter().for_each(|t| push_pair(&mut out, "to", &time(*t)));
            }
        }
        self.push_order(&mut out);
        out
    }

    /// As a query string for the API, with times relative to `now`.
    pub fn to_api_query(&self, now: DateTime<Utc>) -> String {
        let mut out = self.conditions();
        let (from, to) = self.range.bounds(now);
        from.iter()
            .for_each(|t| push_pair(&mut out, "from", &time(*t)));
        to.iter().for_each(|t| push_pair(&mut out, "to", &time(*t)));
        self.push_order(&mut out);
        out
    }

    fn push_order(&self, out: &mut String) {
        if self.sort != Sort::default() {
            push_pair(out, "sort", self.sort.code());
        }
        if self.ascending {
            push_pair(out, "order", "asc");
        }
    }

    fn conditions(&self) -> String {
        let mut out = String::new();
        for status in &self.status {
            push_pair(&mut out, "status", status_code(*status));
        }
        for state in &self.state {
            push_pair(&mut out, "state", state_code(*state));
        }
        for (name, value) in [("stale", self.stale), ("known", self.known)] {
            if let Some(value) = value {
                push_pair(&mut out, name, if value { "true" } else { "false" });
            }
        }
        for field in Field::ALL {
            for value in self.values(field) {
                push_pair(&mut out, field.name(), value);
            }
        }
        for matcher in &self.label {
            push_pair(&mut out, "label", matcher);
        }
        if !self.q.is_empty() {
            push_pair(&mut out, "q", &self.q);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;
    use crate::query::Term;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 3, 4, 5, 6, 7).unwrap()
    }

    fn full() -> Filter {
        Filter {
            status: vec![Status::Firing],
            state: vec![IncidentState::Open, IncidentState::Expired],
            stale: Some(true),
            known: Some(false),
            severity: vec!["critical".into(), "严重".into()],
            team: vec!["".into()],
            alertname: vec!["Disk & more".into()],
            instance: vec!["db-1:9100".into()],
            source: vec!["eu".into()],
            label: vec!["job=~\"api.*\"".into()],
            q: "磁盘 满".into(),
            range: Range::Between(Some(now()), None),
            sort: Sort::Duration,
            ascending: true,
        }
    }

    #[test]
    fn filter_round_trips_through_the_url() {
        assert_eq!(Filter::parse(&full().to_url_query()), full());
        assert_eq!(Filter::parse(""), Filter::default());
        assert_eq!(Filter::default().to_url_query(), "");
    }

    #[test]
    fn presets_stay_relative_in_the_url_and_become_times_for_the_api() {
        let filter = Filter::parse("?range=24h");
        assert_eq!(filter.to_url_query(), "range=24h");
        assert_eq!(filter.to_api_query(now()), "from=2026-03-03T05:06:00Z");
    }

    #[test]
    fn invalid_parameters_are_ignored() {
        let filter = Filter::parse("status=odd&known=perhaps&from=yesterday&range=9y&utm=1&sort=x");
        assert_eq!(filter, Filter::default());
    }

    #[test]
    fn each_term_can_be_removed() {
        let mut filter = full();
        for term in full().terms() {
            assert_eq!(filter.with(&term), filter, "{term:?}");
            filter = filter.without(&term);
        }
        assert_eq!(filter, full().cleared());
        assert!(filter.terms().is_empty());
    }

    #[test]
    fn click_adds_a_value_and_modifier_click_excludes_it() {
        let filter = Filter::default().clicked("severity", "critical", false);
        assert_eq!(
            filter.terms(),
            [Term::Is(Field::Severity, "critical".into())]
        );
        let filter = filter.clicked("job", "a\"b", true);
        assert_eq!(
            filter.to_url_query(),
            "severity=critical&label=job!%3D%22a%5C%22b%22"
        );
        assert_eq!(Filter::default().typed("two words"), None);
    }

    #[test]
    fn acknowledge_request_contains_the_filter() {
        let body = full().to_acknowledge(now());
        assert_eq!(body.severity, full().severity);
        assert_eq!(body.from, Some(now()));
        assert_eq!(body.q.as_deref(), Some("磁盘 满"));
    }
}
