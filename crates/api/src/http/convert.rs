//! Conversion from storage types to API types. Every field is listed, so that a new column does
//! not compile until it is either converted or excluded.

use std::sync::Arc;

use tocsin_api_types as wire;
use tocsin_core::alert::{AlertFields, Labels, Status};
use tocsin_storage::{
    AlertContent, Count, Page, alert_log, deliveries, directory, enums, incidents, notifications,
};

pub(crate) fn page<T, U>(page: Page<T>, convert: impl FnMut(T) -> U) -> wire::Page<U> {
    let Page { items, next, prev } = page.map(convert);
    wire::Page {
        items,
        next_cursor: next,
        prev_cursor: prev,
        count: None,
    }
}

/// Maximum number of characters of a message in a list.
const MAX_MESSAGE: usize = 500;

/// Truncates the message of a list row. The annotations contain the complete message.
pub(crate) fn shorten(message: &mut String) {
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
}

pub(crate) fn count(count: Count) -> wire::RowCount {
    let Count { value, exact } = count;
    wire::RowCount { value, exact }
}

pub(crate) fn status(status: Status) -> wire::Status {
    match status {
        Status::Firing => wire::Status::Firing,
        Status::Resolved => wire::Status::Resolved,
    }
}

/// Alert content as returned by the API.
struct EntryContent {
    source: String,
    fingerprint: String,
    fields: AlertFields,
    labels: Labels,
    annotations: Labels,
    generator_url: String,
}

fn entry_content(content: Arc<AlertContent>) -> EntryContent {
    // Shared by rows with the same content.
    let AlertContent {
        alert_id: _,
        content_id: _,
        source,
        fingerprint,
        fields,
        labels,
        annotations,
        generator_url,
    } = Arc::unwrap_or_clone(content);
    EntryContent {
        source,
        fingerprint,
        fields,
        labels,
        annotations,
        generator_url,
    }
}

pub(crate) fn alert(view: alert_log::AlertView) -> wire::Alert {
    let alert_log::AlertView {
        id,
        delivery_id,
        incident_id,
        received_at,
        status: reported,
        kind,
        starts_at,
        ends_at,
        content,
        known,
        memo,
    } = view;
    let EntryContent {
        source,
        fingerprint,
        fields,
        labels,
        annotations,
        generator_url,
    } = self::entry_content(content);
    wire::Alert {
        id,
        delivery_id,
        incident_id,
        source,
        received_at: received_at.to_datetime(),
        status: status(reported),
        kind: match kind {
            enums::EntryKind::Opened => wire::EntryKind::Opened,
            enums::EntryKind::Resolved => wire::EntryKind::Resolved,
            enums::EntryKind::Refreshed => wire::EntryKind::Refreshed,
            enums::EntryKind::Late => wire::EntryKind::Late,
            enums::EntryKind::Updated => wire::EntryKind::Updated,
        },
        starts_at: starts_at.to_datetime(),
        ends_at: ends_at.map(|time| time.to_datetime()),
        alertname: fields.alertname,
        instance: fields.instance,
        severity: fields.severity,
        team: fields.team,
        message: fields.message,
        fingerprint,
        labels,
        annotations,
        generator_url,
        known,
        memo,
    }
}

pub(crate) fn incident(view: incidents::IncidentView) -> wire::Incident {
    let incidents::IncidentView {
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
        content,
    } = view;
    let EntryContent {
        source,
        fingerprint,
        fields,
        labels,
        annotations,
        generator_url,
    } = self::entry_content(content);
    wire::Incident {
        id,
        fingerprint,
        source,
        state: match state {
            enums::IncidentState::Open => wire::IncidentState::Open,
            enums::IncidentState::Resolved => wire::IncidentState::Resolved,
            enums::IncidentState::Expired => wire::IncidentState::Expired,
            enums::IncidentState::Closed => wire::IncidentState::Closed,
        },
        stale,
        starts_at: starts_at.to_datetime(),
        ends_at: ends_at.map(|time| time.to_datetime()),
        end_reason: end_reason.map(self::end_reason),
        first_seen_at: first_seen_at.to_datetime(),
        last_seen_at: last_seen_at.to_datetime(),
        occurrences: times_received,
        senders,
        previous_id,
        known,
        known_by,
        known_at: known_at.map(|time| time.to_datetime()),
        memo,
        alertname: fields.alertname,
        instance: fields.instance,
        severity: fields.severity,
        team: fields.team,
        message: fields.message,
        labels,
        annotations,
        generator_url,
    }
}

pub(crate) fn delivery(view: deliveries::DeliveryView) -> wire::Delivery {
    let deliveries::DeliveryView {
        id,
        received_at,
        source,
        sender,
        outcome,
        reason,
        receiver,
        group_key,
        status: reported,
        version,
        alerts,
        truncated_alerts,
        opened,
        resolved,
        refreshed,
        seen_again,
        updated,
        late,
        rejected,
        unrouted,
        body_bytes,
        raw_available,
    } = view;
    wire::Delivery {
        id,
        received_at: received_at.to_datetime(),
        source,
        sender,
        outcome: match outcome {
            enums::DeliveryOutcome::Accepted => wire::DeliveryOutcome::Accepted,
            enums::DeliveryOutcome::Refused => wire::DeliveryOutcome::Refused,
        },
        reason,
        receiver,
        group_key,
        status: reported.map(status),
        version,
        alerts,
        truncated_alerts,
        opened,
        resolved,
        refreshed,
        seen_again,
        updated,
        late,
        rejected: rejected
            .into_iter()
            .map(|deliveries::RejectedView { index, reason }| wire::RejectedAlert { index, reason })
            .collect(),
        unrouted,
        body_bytes,
        raw_available,
    }
}

fn end_reason(reason: enums::EndReason) -> wire::EndReason {
    match reason {
        enums::EndReason::Resolved => wire::EndReason::Resolved,
        enums::EndReason::FiredAgain => wire::EndReason::FiredAgain,
        enums::EndReason::NoUpdates => wire::EndReason::NotSeen,
        enums::EndReason::Person => wire::EndReason::Person,
        enums::EndReason::Copy => wire::EndReason::Copy,
    }
}

pub(crate) fn event_kind(kind: enums::EventKind) -> wire::EventKind {
    match kind {
        enums::EventKind::Opened => wire::EventKind::Opened,
        enums::EventKind::Refreshed => wire::EventKind::Refreshed,
        enums::EventKind::Resolved => wire::EventKind::Resolved,
        enums::EventKind::Expired => wire::EventKind::Expired,
        enums::EventKind::Acknowledged => wire::EventKind::Acknowledged,
        enums::EventKind::Unacknowledged => wire::EventKind::Unacknowledged,
        enums::EventKind::Closed => wire::EventKind::Closed,
    }
}

pub(crate) fn incident_event(view: incidents::IncidentEventView) -> wire::IncidentEvent {
    // Clients find the log entry by the delivery.
    let incidents::IncidentEventView {
        kind,
        at,
        delivery_id,
        entry_id: _,
        person,
        memo,
    } = view;
    wire::IncidentEvent {
        kind: event_kind(kind),
        at: at.to_datetime(),
        delivery_id,
        by: person,
        memo,
    }
}

pub(crate) fn notification_state(state: enums::NotificationState) -> wire::NotificationState {
    match state {
        enums::NotificationState::Queued => wire::NotificationState::Queued,
        enums::NotificationState::Sending => wire::NotificationState::Sending,
        enums::NotificationState::Sent => wire::NotificationState::Sent,
        enums::NotificationState::Failed => wire::NotificationState::Failed,
        enums::NotificationState::Written => wire::NotificationState::Written,
        enums::NotificationState::Canceled => wire::NotificationState::Canceled,
    }
}

pub(crate) fn notification(view: notifications::NotificationView) -> wire::Notification {
    let notifications::NotificationView {
        id,
        state,
        delivery_id,
        recipient_id,
        to_name,
        to_email,
        subject,
        incident_ids,
        events,
        reasons,
        created_at,
        next_attempt_at,
        attempts,
        resend_of,
    } = view;
    wire::Notification {
        id,
        state: notification_state(state),
        delivery_id,
        recipient_id,
        recipient_name: to_name,
        recipient_email: to_email,
        subject,
        incident_ids,
        events: events.into_iter().map(event_kind).collect(),
        reasons: reasons
            .into_iter()
            .map(|notifications::ReasonView { route, group }| wire::Reason { route, group })
            .collect(),
        created_at: created_at.to_datetime(),
        next_attempt_at: next_attempt_at.map(|time| time.to_datetime()),
        attempts: attempts
            .into_iter()
            .map(
                |notifications::AttemptView {
                     started_at,
                     finished_at,
                     error,
                 }| wire::Attempt {
                    started_at: started_at.to_datetime(),
                    finished_at: finished_at.map(|time| time.to_datetime()),
                    error,
                },
            )
            .collect(),
        resend_of,
    }
}

pub(crate) fn language(language: enums::Language) -> wire::Language {
    match language {
        enums::Language::En => wire::Language::En,
        enums::Language::Zh => wire::Language::Zh,
    }
}

fn group_ref(directory::NamedRef { id, name }: directory::NamedRef) -> wire::GroupRef {
    wire::GroupRef { id, name }
}

pub(crate) fn recipient(view: directory::RecipientView) -> wire::Recipient {
    let directory::RecipientView {
        id,
        recipient,
        groups,
    } = view;
    let directory::RecipientRow {
        name,
        email,
        language: mail_language,
        time_zone,
        enabled,
    } = recipient;
    wire::Recipient {
        id,
        name,
        email,
        language: language(mail_language),
        time_zone,
        enabled,
        groups: groups.into_iter().map(group_ref).collect(),
    }
}

pub(crate) fn group(view: directory::GroupView) -> wire::Group {
    let directory::GroupView {
        id,
        group,
        recipients,
    } = view;
    let directory::GroupRow { name, is_default } = group;
    wire::Group {
        id,
        name,
        is_default,
        recipients: recipients
            .into_iter()
            .map(|directory::NamedRef { id, name }| wire::RecipientRef { id, name })
            .collect(),
    }
}

pub(crate) fn route(view: directory::RouteView) -> wire::Route {
    let directory::RouteView {
        id,
        position,
        route,
        groups,
    } = view;
    let directory::RouteRow {
        name,
        matchers,
        go_on,
        repeat,
    } = route;
    wire::Route {
        id,
        position,
        name,
        matchers,
        groups: groups.into_iter().map(group_ref).collect(),
        continue_: go_on,
        repeat,
    }
}
