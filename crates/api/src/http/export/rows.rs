//! Columns of exported rows: the fields of the API objects, with the same names. The columns of
//! the alert content come last, because rows share them.

use std::borrow::Cow;
use std::sync::Arc;

use tocsin_core::alert::{Labels, Status};
use tocsin_core::time::Timestamp;
use tocsin_storage::AlertContent;
use tocsin_storage::alert_log::AlertView;
use tocsin_storage::enums::{EndReason, EntryKind, IncidentState};
use tocsin_storage::incidents::IncidentView;

/// Value of a column.
#[derive(Debug)]
pub(super) enum Cell<'a> {
    Nothing,
    Number(i64),
    Flag(bool),
    Time(Timestamp),
    Text(Cow<'a, str>),
    /// Serialized JSON object.
    Object(String),
}

/// Row of an export.
pub(super) trait Row: Send + 'static {
    /// Names of the row's own columns.
    const OWN: &'static [&'static str];
    /// Name of the sheet in a workbook.
    const SHEET: &'static str;

    /// Names of the content columns: [`CONTENT_COLUMNS`], or none.
    const SHARED: &'static [&'static str];

    /// Passes the row's own values to `each`, in the order of [`Row::OWN`].
    fn own(&self, each: impl FnMut(Cell<'_>));

    /// Alert content; `None` if the row has none.
    fn content(&self) -> Option<&Arc<AlertContent>>;
}

/// Names of the columns of [`content_columns`].
pub(super) const CONTENT_COLUMNS: &[&str] = &[
    "source",
    "alertname",
    "instance",
    "severity",
    "team",
    "message",
    "fingerprint",
    "labels",
    "annotations",
    "generatorUrl",
];

/// Names of all columns of a row, in order.
pub(super) fn names<R: Row>() -> impl Iterator<Item = &'static str> {
    R::OWN.iter().chain(R::SHARED).copied()
}

/// Passes the values of the alert content to `each`, in the order of [`CONTENT_COLUMNS`].
pub(super) fn content_columns(content: &AlertContent, mut each: impl FnMut(Cell<'_>)) {
    let AlertContent {
        alert_id: _,
        content_id: _,
        source,
        fingerprint,
        fields,
        labels,
        annotations,
        generator_url,
    } = content;
    for text in [
        source,
        &fields.alertname,
        &fields.instance,
        &fields.severity,
        &fields.team,
        &fields.message,
        fingerprint,
    ] {
        each(text_cell(text));
    }
    each(object(labels));
    each(object(annotations));
    each(text_cell(generator_url));
}

impl Row for AlertView {
    const OWN: &'static [&'static str] = &[
        "id",
        "deliveryId",
        "incidentId",
        "receivedAt",
        "status",
        "kind",
        "startsAt",
        "endsAt",
        "known",
        "memo",
    ];
    const SHEET: &'static str = "Alerts";
    const SHARED: &'static [&'static str] = CONTENT_COLUMNS;

    fn own(&self, mut each: impl FnMut(Cell<'_>)) {
        let Self {
            id,
            delivery_id,
            incident_id,
            received_at,
            status,
            kind,
            starts_at,
            ends_at,
            content: _,
            known,
            memo,
        } = self;
        each(Cell::Number(*id));
        each(Cell::Number(*delivery_id));
        each(Cell::Number(*incident_id));
        each(Cell::Time(*received_at));
        each(text_cell(match status {
            Status::Firing => "firing",
            Status::Resolved => "resolved",
        }));
        each(text_cell(match kind {
            EntryKind::Opened => "opened",
            EntryKind::Resolved => "resolved",
            EntryKind::Refreshed => "refreshed",
            EntryKind::Late => "late",
            EntryKind::Updated => "updated",
        }));
        each(Cell::Time(*starts_at));
        each(ends_at.map_or(Cell::Nothing, Cell::Time));
        each(Cell::Flag(*known));
        each(text_cell(memo));
    }

    fn content(&self) -> Option<&Arc<AlertContent>> {
        Some(&self.content)
    }
}

impl Row for IncidentView {
    const OWN: &'static [&'static str] = &[
        "id",
        "state",
        "stale",
        "startsAt",
        "endsAt",
        "endReason",
        "firstSeenAt",
        "lastSeenAt",
        "occurrences",
        "senders",
        "previousId",
        "known",
        "knownBy",
        "knownAt",
        "memo",
    ];
    const SHEET: &'static str = "Incidents";
    const SHARED: &'static [&'static str] = CONTENT_COLUMNS;

    fn own(&self, mut each: impl FnMut(Cell<'_>)) {
        let Self {
            id,
            state,
            stale,
            starts_at,
            ends_at,
            end_reason,
            first_seen_at,
            last_seen_at,
            times_received,
            senders,
            previous_id,
            known,
            known_by,
            known_at,
            memo,
            content: _,
        } = self;
        each(Cell::Number(*id));
        each(text_cell(match state {
            IncidentState::Open => "open",
            IncidentState::Resolved => "resolved",
            IncidentState::Expired => "expired",
            IncidentState::Closed => "closed",
        }));
        each(Cell::Flag(*stale));
        each(Cell::Time(*starts_at));
        each(ends_at.map_or(Cell::Nothing, Cell::Time));
        each(end_reason.map_or(Cell::Nothing, |reason| {
            text_cell(match reason {
                EndReason::Resolved => "resolved",
                EndReason::FiredAgain => "fired_again",
                EndReason::NoUpdates => "not_seen",
                EndReason::Person => "person",
                EndReason::Copy => "copy",
            })
        }));
        each(Cell::Time(*first_seen_at));
        each(Cell::Time(*last_seen_at));
        each(Cell::Number(*times_received));
        each(Cell::Number(*senders));
        each(previous_id.map_or(Cell::Nothing, Cell::Number));
        each(Cell::Flag(*known));
        each(known_by.as_deref().map_or(Cell::Nothing, text_cell));
        each(known_at.map_or(Cell::Nothing, Cell::Time));
        each(text_cell(memo));
    }

    fn content(&self) -> Option<&Arc<AlertContent>> {
        Some(&self.content)
    }
}

pub(super) fn text_cell(text: &str) -> Cell<'_> {
    Cell::Text(Cow::Borrowed(text))
}

fn object(labels: &Labels) -> Cell<'static> {
    // Labels always serialize.
    Cell::Object(serde_json::to_string(labels).unwrap_or_default())
}
