//! What templates see.
//!
//! This is the contract with templates that people write: names here are not changed lightly.
//! Every text is cleaned and bounded already ([`crate::text`]), every link is http or https.

use chrono::TimeDelta;
use serde::Serialize;

use super::stem::common_label;
use super::time;
use super::words::Words;
use crate::{EventKind, MailContent, NotifiedAlert, text};

/// The longest name, label value and the like, in characters.
const MAX_NAME: usize = 200;
/// The longest summary.
const MAX_SUMMARY: usize = 500;
/// The longest description.
const MAX_DESCRIPTION: usize = 2_000;
/// How many labels of one alert are shown.
const MAX_LABELS: usize = 20;
/// How many reasons are given.
const MAX_REASONS: usize = 20;
/// How many unchanged neighbours are named.
const MAX_NEIGHBOURS: usize = 10;

/// One mail.
#[derive(Debug, Serialize)]
pub(super) struct View {
    /// BCP 47 tag.
    lang: &'static str,
    /// The zone of all times, as `Asia/Shanghai`.
    zone: String,
    /// The subject of the thread.
    subject_stem: String,
    /// The alert's name if all have the same, else how many there are.
    title: String,
    /// The label `cloud` if all alerts have the same one, else empty.
    cloud: String,
    /// How many of each kind, in one line.
    headline: String,
    /// How many of each kind, those that occur only.
    counts: Vec<Count>,
    source: String,
    receiver: String,
    /// Whether a person asked for this mail to be sent again.
    resend: bool,
    /// The alerts shown in full, what fires first.
    pub(super) alerts: Vec<AlertView>,
    /// How many more there are.
    pub(super) more_alerts: usize,
    /// The page of all open incidents; empty without `public_url`.
    inbox_url: String,
    /// How many alerts of the group fire unchanged.
    still_firing: usize,
    /// Some of their names.
    still_firing_names: Vec<String>,
    /// How many are not named.
    still_firing_more: usize,
    truncated_alerts: u64,
    reasons: Vec<ReasonView>,
}

/// How many alerts of this mail are in one state.
#[derive(Debug, Serialize)]
struct Count {
    /// `opened`, `refreshed`, `expired` or `resolved`.
    event: &'static str,
    n: usize,
    /// As words: "2 firing".
    text: String,
}

/// One alert. What is not known is empty.
#[derive(Debug, Serialize)]
pub(super) struct AlertView {
    /// `opened`, `refreshed`, `expired` or `resolved`.
    event: &'static str,
    incident_id: i64,
    alertname: String,
    instance: String,
    /// In the recipient's language where it is a usual one, else as it came.
    severity: String,
    /// `critical`, `warning`, `info`, or empty for any other severity.
    tone: &'static str,
    team: String,
    /// Annotation `summary`, else the alert's message.
    summary: String,
    /// Annotation `description` if it says something else.
    description: String,
    /// The labels that are not shown elsewhere.
    labels: Vec<Label>,
    starts_at: String,
    ends_at: String,
    /// From start to end; of a repeated alert, from start to this mail.
    duration: String,
    occurrences: i64,
    incident_url: String,
    graph_url: String,
    runbook_url: String,
}

#[derive(Debug, Serialize)]
struct Label {
    name: String,
    value: String,
}

#[derive(Debug, Serialize)]
struct ReasonView {
    /// Empty when no route decided.
    route: String,
    group: String,
}

impl View {
    /// The view with at most `limit` alerts in full.
    pub(super) fn new(facts: &MailContent, words: &Words, limit: usize) -> View {
        let mut events: Vec<&NotifiedAlert> = facts.events.iter().collect();
        events.sort_by(|a, b| order(a).cmp(&order(b)));
        let alerts: Vec<AlertView> = events
            .iter()
            .take(limit)
            .map(|alert| AlertView::new(alert, facts, words))
            .collect();
        let counts = counts(facts, words);
        let names: Vec<String> = facts
            .still_firing_names
            .iter()
            .take(MAX_NEIGHBOURS)
            .map(|name| text::line(name, MAX_NAME))
            .collect();
        View {
            lang: facts.language.tag(),
            zone: facts.time_zone.name().to_owned(),
            subject_stem: text::line(&facts.subject_stem, MAX_NAME),
            title: title(facts, words),
            cloud: text::line(
                common_label(&facts.events, "cloud").unwrap_or_default(),
                MAX_NAME,
            ),
            headline: counts
                .iter()
                .map(|c| c.text.as_str())
                .collect::<Vec<_>>()
                .join(" · "),
            counts,
            source: text::line(&facts.source, MAX_NAME),
            receiver: text::line(&facts.receiver, MAX_NAME),
            resend: facts.resend,
            more_alerts: events.len() - alerts.len(),
            alerts,
            inbox_url: page(facts, &["incidents"]),
            still_firing: facts.still_firing,
            still_firing_more: facts.still_firing.saturating_sub(names.len()),
            still_firing_names: names,
            truncated_alerts: facts.truncated_alerts,
            reasons: facts
                .reasons
                .iter()
                .take(MAX_REASONS)
                .map(|reason| ReasonView {
                    route: text::line(reason.route.as_deref().unwrap_or_default(), MAX_NAME),
                    group: text::line(&reason.group, MAX_NAME),
                })
                .collect(),
        }
    }
}

impl AlertView {
    fn new(alert: &NotifiedAlert, facts: &MailContent, words: &Words) -> AlertView {
        let annotation = |name: &str| alert.annotations.get(name).map_or("", String::as_str);
        let summary = match annotation("summary").trim() {
            "" => &alert.message,
            summary => summary,
        };
        // The first of these that says something which the summary does not.
        let description = [annotation("description"), &alert.message]
            .into_iter()
            .find(|text| !text.trim().is_empty() && text.trim() != summary.trim())
            .unwrap_or_default();
        let length = match alert.event {
            EventKind::Resolved | EventKind::Expired | EventKind::Closed => {
                alert.ends_at.map(|end| end - alert.starts_at)
            }
            EventKind::Refreshed => Some(facts.date - alert.starts_at),
            EventKind::Opened => None,
        };
        let (severity, tone) = severity(&alert.severity, words);
        let link = |url: &str| text::link(url).unwrap_or_default();
        AlertView {
            event: alert.event.as_str(),
            incident_id: alert.incident_id,
            alertname: text::line(&alert.alertname, MAX_NAME),
            instance: text::line(&alert.instance, MAX_NAME),
            severity,
            tone,
            team: text::line(&alert.team, MAX_NAME),
            summary: text::line(summary, MAX_SUMMARY),
            description: text::lines(description, MAX_DESCRIPTION),
            labels: labels(alert),
            starts_at: time::local(alert.starts_at, facts.time_zone),
            ends_at: alert
                .ends_at
                .filter(|_| !alert.event.is_firing())
                .map(|end| time::local(end, facts.time_zone))
                .unwrap_or_default(),
            duration: length
                .filter(|length| *length >= TimeDelta::zero())
                .map(|length| time::duration(length, words))
                .unwrap_or_default(),
            occurrences: alert.occurrences,
            incident_url: page(facts, &["incidents", &alert.incident_id.to_string()]),
            graph_url: link(&alert.generator_url),
            runbook_url: link(annotation("runbook_url")),
        }
    }
}

/// What a reader must see first: what began, what goes on, what is unclear, what is over; the
/// worst first in each.
fn order(alert: &NotifiedAlert) -> (u8, u8, &str, &str, i64) {
    let event = match alert.event {
        EventKind::Opened => 0,
        EventKind::Refreshed => 1,
        EventKind::Expired => 2,
        EventKind::Closed => 3,
        EventKind::Resolved => 4,
    };
    let severity = match alert.severity.as_str() {
        "critical" => 0,
        "warning" => 1,
        "info" => 3,
        _ => 2,
    };
    (
        event,
        severity,
        &alert.alertname,
        &alert.instance,
        alert.incident_id,
    )
}

fn counts(facts: &MailContent, words: &Words) -> Vec<Count> {
    [
        EventKind::Opened,
        EventKind::Refreshed,
        EventKind::Expired,
        EventKind::Closed,
        EventKind::Resolved,
    ]
    .into_iter()
    .filter_map(|event| {
        let n = facts
            .events
            .iter()
            .filter(|alert| alert.event == event)
            .count();
        let key = format!("n_{}", event.as_str());
        (n > 0).then(|| Count {
            event: event.as_str(),
            n,
            text: words
                .say(&key, &[("n", &n.to_string())])
                .unwrap_or_default(),
        })
    })
    .collect()
}

fn title(facts: &MailContent, words: &Words) -> String {
    match facts.events.as_slice() {
        [first, rest @ ..] if rest.iter().all(|alert| alert.alertname == first.alertname) => {
            text::line(&first.alertname, MAX_NAME)
        }
        events => {
            let n = events.len().to_string();
            words.say("several", &[("n", &n)]).unwrap_or_default()
        }
    }
}

/// The severity in the reader's language, and its tone.
fn severity(severity: &str, words: &Words) -> (String, &'static str) {
    let tone = match severity {
        "critical" => "critical",
        "warning" => "warning",
        "info" => "info",
        other => return (text::line(other, MAX_NAME), ""),
    };
    (
        words.say(tone, &[]).unwrap_or_else(|| tone.to_owned()),
        tone,
    )
}

/// The labels that the alert's other lines do not show.
fn labels(alert: &NotifiedAlert) -> Vec<Label> {
    let is_shown = |name: &str, value: &str| match name {
        "alertname" | "instance" | "severity" => true,
        // A setting says which label is the team, so this one may be another.
        "team" => value == alert.team,
        _ => false,
    };
    alert
        .labels
        .iter()
        .filter(|(name, value)| !is_shown(name, value))
        .take(MAX_LABELS)
        .map(|(name, value)| Label {
            name: text::line(name, MAX_NAME),
            value: text::line(value, MAX_NAME),
        })
        .collect()
}

/// A page of Tocsin's, below the path prefix of `public_url`; empty without one.
fn page(facts: &MailContent, segments: &[&str]) -> String {
    let Some(mut url) = facts.public_url.clone() else {
        return String::new();
    };
    url.set_query(None);
    url.set_fragment(None);
    match url.path_segments_mut() {
        Ok(mut path) => path.pop_if_empty().extend(segments),
        // Something like `mailto:`, which configuration does not let through.
        Err(()) => return String::new(),
    };
    url.into()
}
