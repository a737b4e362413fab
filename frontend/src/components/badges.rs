use tocsin_api_types::{IncidentState, NotificationState, Status};
use yew::prelude::*;

use super::{IconName, icon};
use crate::i18n::Words;

/// A severity with icon, name and color. Unknown values are shown as received, without
/// color.
pub fn severity(words: &Words, value: &str) -> Html {
    let (class, picture) = match value {
        "critical" => ("sev-critical", IconName::Critical),
        "warning" => ("sev-warning", IconName::Alert),
        "info" => ("sev-info", IconName::Info),
        _ => ("sev-other", IconName::Dot),
    };
    let text = match (words.common.severity_name)(value) {
        Some(name) => name,
        None if value.is_empty() => words.common.no_severity,
        None => value,
    };
    html! {
        <span class={classes!("sev", class)}>{ icon(picture) }<span class="truncate">{ text }</span></span>
    }
}

/// A badge: icon and text.
fn pill(class: &'static str, picture: IconName, text: &'static str) -> Html {
    html! { <span class={classes!("pill", class)}>{ icon(picture) }{ text }</span> }
}

/// Status of a log entry.
pub fn status_badge(words: &Words, status: Status) -> Html {
    let (class, picture) = match status {
        Status::Firing => ("pill-firing", IconName::Flame),
        Status::Resolved => ("pill-resolved", IconName::Check),
    };
    pill(class, picture, (words.common.status)(status))
}

/// State of an incident.
pub fn state_badge(words: &Words, state: IncidentState, stale: bool) -> Html {
    let (class, picture) = match (state, stale) {
        (IncidentState::Open, false) => ("pill-firing", IconName::Flame),
        (IncidentState::Open, true) => ("pill-stale", IconName::Clock),
        (IncidentState::Resolved, _) => ("pill-resolved", IconName::Check),
        (IncidentState::Expired, _) => ("pill-lost", IconName::Expired),
        (IncidentState::Closed, _) => ("pill-resolved", IconName::Close),
    };
    let text = if stale {
        words.common.stale
    } else {
        (words.common.state)(state)
    };
    pill(class, picture, text)
}

/// Delivery state of a notification.
pub fn notification_badge(words: &Words, state: NotificationState) -> Html {
    let (class, picture) = match state {
        NotificationState::Queued => ("pill-quiet", IconName::Clock),
        NotificationState::Sending => ("pill-quiet", IconName::Mail),
        NotificationState::Sent => ("pill-resolved", IconName::Check),
        NotificationState::Failed => ("pill-failed", IconName::Alert),
        NotificationState::Written => ("pill-quiet", IconName::List),
        NotificationState::Canceled => ("pill-quiet", IconName::Close),
    };
    pill(class, picture, (words.recipients.notification_state)(state))
}

/// Mark with the name of the user who acknowledged.
pub fn ack_mark(words: &Words, by: &str) -> Html {
    html! {
        <span class="ack-mark" title={(words.common.acknowledged_by)(by)}>
            { icon(IconName::Check) }
            <span class="sr-only">{ words.common.acknowledged }{ " " }</span>
            <span class="truncate">{ by }</span>
        </span>
    }
}
