//! The webhook body of Alertmanager (version "4"), and of those that speak like it.

use std::borrow::Cow;

use super::error::{ParseError, excerpt};
use super::wire::{Object, WireAlert, WireBody};
use super::{bounds, sanitize, tolerant};
use crate::alert::{ReceivedAlert, RejectedAlert, Status, WebhookPayload};
use crate::time::Timestamp;
use crate::{fingerprint, normalize};

/// The most entries `alerts` may have.
///
/// Ten times what a body at the default limit of 16 MiB can hold of real alerts; it bounds the
/// memory that a body of `{},{},{},…` takes.
pub const MAX_ALERTS: usize = 100_000;

/// Reads a webhook body of Alertmanager, or of one that speaks like it (Grafana, version "3").
///
/// Alertmanager never retries a 4xx but sends the group again for ever, so whatever can be read is
/// read; `team_label` names the label that holds the team. Lenient are:
///
/// - fields: all but `alerts` may be missing or null, unknown ones are ignored at any depth, of
///   doubled ones the last counts. `groupKey`, `version` and `receiver` may be of any type.
///   `alerts: null` is an empty list, as Go writes one; `[]` is an empty map, as PHP writes one.
/// - an alert's `status`: where it is missing the body's counts (version "3" senders), and where
///   that is missing too the alert fires: a shown alert that is over costs a glance, a hidden one
///   an outage.
/// - labels and annotations that are numbers or booleans are taken as their text, null is left
///   out. An annotation of any other type is kept as its JSON; a label of any other type is not,
///   for labels are the alert's identity: that alert is rejected.
/// - `fingerprint`: computed where it is missing or not 16 hexadecimal digits.
/// - values over 64 KiB and alerts over 256 KiB are cut, marked ([`bounds`]).
/// - U+0000, which PostgreSQL cannot store, and lone surrogates become U+FFFD (the latter as Go's
///   own JSON reader has it).
///
/// An alert whose status or times cannot be read is in [`Body::rejected`], and its neighbours are
/// not lost.
///
/// # Errors
///
/// [`ParseError`] when nothing of the body can be read, or it has over [`MAX_ALERTS`] alerts.
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
    // Nearly every body is what Alertmanager writes. It is read in one pass, straight into its
    // types; only when that fails is it read again, piece by piece, to find what is odd about it.
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
            Ok(said) => alerts.push(said),
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

/// The body's own `status`, or Grafana's older word for it.
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
        // Of the labels as they were sent.
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

/// A text that is kept, cut where it is too long.
fn text(text: Cow<'_, str>) -> String {
    let mut text = text.into_owned();
    bounds::text(&mut text);
    text
}

/// A time, or `None` where the sender did not set it.
fn time(field: &str, text: &str) -> Result<Option<Timestamp>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let time = Timestamp::parse_rfc3339(text)
        .map_err(|error| format!("{field} is \"{}\": {error}", excerpt(text)))?;
    Ok((!time.is_zero_time()).then_some(time))
}
