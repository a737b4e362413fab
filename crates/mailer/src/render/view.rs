//! The variables of templates.
//!
//! This is the contract with custom templates: names are not changed lightly. Every string is
//! sanitized and truncated ([`crate::text`]), every link is http or https.

use chrono::TimeDelta;
use serde::Serialize;

use super::stem::common_label;
use super::time;
use super::words::Words;
use crate::{EventKind, MailContent, NotifiedAlert, text};

/// Maximum length of names, label values and the like, in characters.
const MAX_NAME: usize = 200;
/// Maximum length of the summary, in characters.
const MAX_SUMMARY: usize = 500;
/// Maximum length of the description, in characters.
const MAX_DESCRIPTION: usize = 2_000;
/// Maximum number of labels shown for one alert.
const MAX_LABELS: usize = 20;
/// Maximum number of reasons shown.
const MAX_REASONS: usize = 20;
/// Maximum number of unchanged alerts that are named.
const MAX_NEIGHBOURS: usize = 10;

/// One mail.
#[derive(Debug, Serialize)]
pub(super) struct View {
    /// BCP 47 tag.
    lang: &'static str,
    /// Time zone of all times, such as `Asia/Shanghai`.
    zone: String,
    /// Subject of the thread.
    subject_stem: String,
    /// The alert name if all alerts have the same, else the number of alerts.
    title: String,
    /// The label `cloud` if all alerts have the same one, else empty.
    cloud: String,
    /// Number of alerts in each state, in one line.
    headline: String,
    /// Number of alerts in each state, non-zero ones only.
    counts: Vec<Count>,
    source: String,
    receiver: String,
    /// Whether a person requested a resend.
    resend: bool,
    /// The alerts shown in full, firing ones first.
    pub(super) alerts: Vec<AlertView>,
    /// Number of alerts that are not shown.
    pub(super) more_alerts: usize,
    /// URL of the list of open incidents; empty without `public_url`.
    inbox_url: String,
    /// Number of unchanged firing alerts of the group.
    still_firing: usize,
    /// Names of some of them.
    still_firing_names: Vec<String>,
    /// Number of those that are not named.
    still_firing_more: usize,
    truncated_alerts: u64,
    reasons: Vec<ReasonView>,
}

/// Number of alerts of this mail in one state.
#[derive(Debug, Serialize)]
struct Count {
    /// `opened`, `refreshed`, `expired` or `resolved`.
    event: &'static str,
    n: usize,
    /// In words: "2 firing".
    text: String,
}

/// One alert. Unknown values are empty.
#[derive(Debug, Serialize)]
pub(super) struct AlertView {
    /// `opened`, `refreshed`, `expired` or `resolved`.
    event: &'static str,
    incident_id: i64,
    alertname: String,
    instance: String,
    /// In the recipient's language if it is a common one, else as received.
    severity: String,
    /// `critical`, `warning`, `info`, or empty for any other severity.
    tone: &'static str,
    team: String,
    /// Annotation `summary`, else the alert's message.
    summary: String,
    /// Annotation `description`, unless it equals the summary.
    description: String,
    /// Labels that are not shown elsewhere.
    labels: Vec<Label>,
    starts_at: String,
    ends_at: String,
    /// From start to end; for a repeated alert, from start to this mail.
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
    /// Empty for the team route and the default group.
    route: String,
    group: String,
}

impl View {
    /// Builds the variables, with at most `limit` alerts in full.
    pub(super) fn new(content: &MailContent, words: &Words, limit: usize) -> View {
        let mut events: Vec<&NotifiedAlert> = content.events.iter().collect();
        events.sort_by(|a, b| order(a).cmp(&order(b)));
        let alerts: Vec<AlertView> = events
            .iter()
            .take(limit)
            .map(|alert| AlertView::new(alert, content, words))
            .collect();
        let counts = counts(content, words);
        let names: Vec<String> = content
            .still_firing_names
            .iter()
            .take(MAX_NEIGHBOURS)
            .map(|name| text::line(name, MAX_NAME))
            .collect();
        View {
            lang: content.language.tag(),
            zone: content.time_zone.name().to_owned(),
            subject_stem: text::line(&content.subject_stem, MAX_NAME),
            title: title(content, words),
            cloud: text::line(
                common_label(&content.events, "cloud").unwrap_or_default(),
                MAX_NAME,
            ),
            headline: counts
                .iter()
                .map(|c| c.text.as_str())
                .collect::<Vec<_>>()
                .join(" · "),
            counts,
            source: text::line(&content.source, MAX_NAME),
            receiver: text::line(&content.receiver, MAX_NAME),
            resend: content.resend,
            more_alerts: events.len() - alerts.len(),
            alerts,
            inbox_url: page(content, &["incidents"]),
            still_firing: content.still_firing,
            still_firing_more: content.still_firing.saturating_sub(names.len()),
            still_firing_names: names,
            truncated_alerts: content.truncated_alerts,
            reasons: content
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
    fn new(alert: &NotifiedAlert, content: &MailContent, words: &Words) -> AlertView {
        let annotation = |name: &str| alert.annotations.get(name).map_or("", String::as_str);
        let summary = match annotation("summary").trim() {
            "" => &alert.message,
            summary => summary,
        };
        // The first of these that differs from the summary.
        let description = [annotation("description"), &alert.message]
            .into_iter()
            .find(|text| !text.trim().is_empty() && text.trim() != summary.trim())
            .unwrap_or_default();
        let length = match alert.event {
            EventKind::Resolved | EventKind::Expired | EventKind::Closed => {
                alert.ends_at.map(|end| end - alert.starts_at)
            }
            EventKind::Refreshed => Some(content.date - alert.starts_at),
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
            starts_at: time::local(alert.starts_at, content.time_zone),
            ends_at: alert
                .ends_at
                .filter(|_| !alert.event.is_firing())
                .map(|end| time::local(end, content.time_zone))
                .unwrap_or_default(),
            duration: length
                .filter(|length| *length >= TimeDelta::zero())
                .map(|length| time::duration(length, words))
                .unwrap_or_default(),
            occurrences: alert.occurrences,
            incident_url: page(content, &["incidents", &alert.incident_id.to_string()]),
            graph_url: link(&alert.generator_url),
            runbook_url: link(annotation("runbook_url")),
        }
    }
}

/// Sort key: opened, repeated, expired and ended alerts, in this order; within each the most severe
/// first.
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

fn counts(content: &MailContent, words: &Words) -> Vec<Count> {
    [
        EventKind::Opened,
        EventKind::Refreshed,
        EventKind::Expired,
        EventKind::Closed,
        EventKind::Resolved,
    ]
    .into_iter()
    .filter_map(|event| {
        let n = content
            .events
            .iter()
            .filter(|alert| alert.event == event)
            .count();
        let key = format!("n_{}", event.as_str());
        (n > 0).then(|| Count {
            event: event.as_str(),
            n,
            text: words
                .phrase(&key, &[("n", &n.to_string())])
                .unwrap_or_default(),
        })
    })
    .collect()
}

fn title(content: &MailContent, words: &Words) -> String {
    match content.events.as_slice() {
        [first, rest @ ..] if rest.iter().all(|alert| alert.alertname == first.alertname) => {
            text::line(&first.alertname, MAX_NAME)
        }
        events => {
            let n = events.len().to_string();
            words.phrase("several", &[("n", &n)]).unwrap_or_default()
        }
    }
}

/// The severity in the recipient's language, and its tone.
fn severity(severity: &str, words: &Words) -> (String, &'static str) {
    let tone = match severity {
        "critical" => "critical",
        "warning" => "warning",
        "info" => "info",
        other => return (text::line(other, MAX_NAME), ""),
    };
    (
        words.phrase(tone, &[]).unwrap_or_else(|| tone.to_owned()),
        tone,
    )
}

/// The labels that the alert's other lines do not show.
fn labels(alert: &NotifiedAlert) -> Vec<Label> {
    let is_shown = |name: &str, value: &str| match name {
        "alertname" | "instance" | "severity" => true,
        // The team label is a setting, so this may be another label.
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

/// URL of a page, below the path prefix of `public_url`; empty without one.
fn page(content: &MailContent, segments: &[&str]) -> String {
    let Some(mut url) = content.public_url.clone() else {
        return String::new();
    };
    url.set_query(None);
    url.set_fragment(None);
    match url.path_segments_mut() {
        Ok(mut path) => path.pop_if_empty().extend(segments),
        // Such as `mailto:`, which the configuration does not accept.
        Err(()) => return String::new(),
    };
    url.into()
}
