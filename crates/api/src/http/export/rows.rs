//! What a row of an export holds: the fields of the API's objects, by their
//! names there. Those of the row itself come first; what an alert was told with
//! comes last, for rows share that.

use std::borrow::Cow;
use std::sync::Arc;

use tocsin_core::alert::{Labels, Status};
use tocsin_core::time::Timestamp;
use tocsin_storage::AlertContent;
use tocsin_storage::alert_log::AlertView;
use tocsin_storage::enums::{EndReason, EntryKind, IncidentState};
use tocsin_storage::incidents::IncidentView;

/// The value of a field.
#[derive(Debug)]
pub(super) enum Cell<'a> {
    Nothing,
    Number(i64),
    Flag(bool),
    Time(Timestamp),
    Text(Cow<'a, str>),
    /// A JSON object, written.
    Object(String),
}

/// A row.
pub(super) trait Row: Send + 'static {
    /// The names of its own fields.
    const OWN: &'static [&'static str];
    /// What the sheet of a workbook is called.
    const SHEET: &'static str;

    /// The names of the fields that it shares with other rows: [`TOLD`], or none.
    const SHARED: &'static [&'static str];

    /// Its own fields, in the order of [`Row::OWN`].
    fn own(&self, each: impl FnMut(Cell<'_>));

    /// What it was told with; `None` where it shares nothing.
    fn content(&self) -> Option<&Arc<AlertContent>>;
}

/// The names of the fields that [`told`] gives.
pub(super) const TOLD: &[&str] = &[
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

/// All fields of a row, in order.
pub(super) fn names<R: Row>() -> impl Iterator<Item = &'static str> {
    R::OWN.iter().chain(R::SHARED).copied()
}

/// The fields that rows share, in the order of [`TOLD`].
pub(super) fn content_columns(telling: &AlertContent, mut each: impl FnMut(Cell<'_>)) {
    let AlertContent {
        alert_id: _,
        content_id: _,
        source,
        fingerprint,
        fields: facts,
        labels,
        annotations,
        generator_url,
    } = telling;
    for text in [
        source,
        &facts.alertname,
        &facts.instance,
        &facts.severity,
        &facts.team,
        &facts.message,
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
    const SHARED: &'static [&'static str] = TOLD;

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
    const SHARED: &'static [&'static str] = TOLD;

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
            times_received: occurrences,
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
        each(Cell::Number(*occurrences));
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
    // Texts by text: there is nothing in them that JSON cannot say.
    Cell::Object(serde_json::to_string(labels).unwrap_or_default())
}
