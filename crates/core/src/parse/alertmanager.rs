//! The webhook body of Alertmanager (version "4") and of compatible senders.

use std::borrow::Cow;

use super::error::{ParseError, excerpt};
use super::wire::{Object, WireAlert, WireBody};
use super::{bounds, sanitize, tolerant};
use crate::alert::{ReceivedAlert, RejectedAlert, Status, WebhookPayload};
use crate::time::Timestamp;
use crate::{fingerprint, normalize};

/// Maximum number of entries in `alerts`.
///
/// Ten times the number of real alerts that fit into a body at the default limit of 16 MiB. It
/// limits the memory that a body of `{},{},{},…` takes.
pub const MAX_ALERTS: usize = 100_000;

/// Parses a webhook body of Alertmanager or of a compatible sender (Grafana, version "3").
///
/// Alertmanager never retries a 4xx but sends the group again at every interval, so the parser
/// accepts as much as possible. `team_label` names the label that holds the team. Lenient are:
///
/// - Fields: all but `alerts` may be missing or null, unknown ones are ignored at any depth, the
///   last of duplicates is used. `groupKey`, `version` and `receiver` may be of any type.
///   `alerts: null` is an empty list, as Go writes one; `[]` is an empty map, as PHP writes one.
/// - An alert's `status`: if it is missing, the body's applies (version "3" senders). If that is
///   missing too, the alert is firing: a resolved alert that is shown costs a glance, a firing one
///   that is hidden an outage.
/// - Label and annotation values: numbers and booleans are converted to strings, null is dropped.
///   An annotation of any other type is stored as its JSON. A label of any other type rejects the
///   alert, because labels are its identity.
/// - `fingerprint`: computed if it is missing or not 16 hexadecimal digits.
/// - Values over 64 KiB and alerts over 256 KiB are truncated, with a mark (`bounds`).
/// - U+0000, which PostgreSQL cannot store, and lone surrogates become U+FFFD (the latter as in
///   Go's JSON parser).
///
/// Alerts with an invalid status or time are in [`WebhookPayload::rejected`]; the other alerts of
/// the body are accepted.
///
/// # Errors
///
/// [`ParseError`] if the body as a whole is invalid or has more than [`MAX_ALERTS`] alerts.
pub fn alertmanager(body: &[u8], team_label: &str) -> Result<WebhookPayload, ParseError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|error| ParseError::NotUtf8 {
        offset: error.valid_up_to(),
    })?;
    if text.trim_ascii().is_empty() {
        return Err(ParseError::Empty);
    }
    let text = if sanitize::may_hold_nul(text) {
        sanitize::sanitize(text)
    } else {
        Cow::Borrowed(text)
    };
    // Nearly every body is exactly as Alertmanager writes it and is parsed in one pass, straight
    // into its types. Only if that fails is it parsed again, piece by piece, to find the deviation.
    if let Ok(Object(mut wire)) = serde_json::from_str::<Object<WireBody<'_>>>(&text)
        && let Some(alerts) = wire.alerts.take()
    {
        return Ok(read(wire, alerts.0.into_iter().map(Ok), team_label));
    }
    let text = sanitize::sanitize(&text);
    let (wire, alerts) = tolerant::body(&text)?;
    Ok(read(wire, alerts.into_iter(), team_label))
}

fn read<'a>(
    wire: WireBody<'a>,
    entries: impl ExactSizeIterator<Item = Result<WireAlert<'a>, String>>,
    team_label: &str,
) -> WebhookPayload {
    let status = group_status(&wire);
    let total = entries.len();
    let mut alerts = Vec::with_capacity(total);
    let mut rejected = Vec::new();
    for (index, entry) in entries.enumerate() {
        match entry.and_then(|alert| received_alert(alert, status, team_label)) {
            Ok(alert) => alerts.push(alert),
            Err(reason) => rejected.push(RejectedAlert { index, reason }),
        }
    }
    WebhookPayload {
        receiver: text(wire.receiver),
        status,
        external_url: text(wire.external_url),
        version: text(wire.version),
        group_key: text(wire.group_key),
        group_labels: wire.group_labels.unwrap_or_default(),
        truncated_alerts: wire.truncated_alerts,
        alerts,
        rejected,
        total,
    }
}

/// The body's own `status`, or `state` of older Grafana versions.
fn group_status(wire: &WireBody<'_>) -> Option<Status> {
    wire.status.parse().ok().or(match &*wire.state {
        "alerting" => Some(Status::Firing),
        "ok" => Some(Status::Resolved),
        _ => None,
    })
}

fn received_alert(
    alert: WireAlert<'_>,
    group: Option<Status>,
    team_label: &str,
) -> Result<ReceivedAlert, String> {
    let mut labels = alert.labels.unwrap_or_default();
    let mut annotations = alert.annotations.unwrap_or_default();
    let status = match (&*alert.status, group) {
        ("", Some(group)) => group,
        ("", None) if labels.is_empty() => return Err("has neither status nor labels".into()),
        ("", None) => Status::Firing,
        (text, _) => text.parse().map_err(|_| {
            let text = excerpt(text);
            format!("status is \"{text}\", neither \"firing\" nor \"resolved\"")
        })?,
    };
    let fingerprint = match alert.fingerprint.parse() {
        Ok(sent) => sent,
        // Of the labels as sent.
        Err(_) => fingerprint::of(&labels),
    };
    bounds::alert(&mut labels, &mut annotations);
    Ok(ReceivedAlert {
        status,
        fingerprint,
        starts_at: time("startsAt", &alert.starts_at)?,
        ends_at: time("endsAt", &alert.ends_at)?,
        generator_url: text(alert.generator_url),
        fields: normalize::fields(&labels, &annotations, team_label),
        labels,
        annotations,
    })
}

/// A string to store, truncated if too long.
fn text(text: Cow<'_, str>) -> String {
    let mut text = text.into_owned();
    bounds::text(&mut text);
    text
}

/// A time, or `None` if the sender did not set it.
fn time(field: &str, text: &str) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let time = Timestamp::parse_rfc3339(text)
        .map_err(|error| format!("{field} is \"{}\": {error}", excerpt(text)))?;
    Ok((!time.is_zero_time()).then_some(time))
}
