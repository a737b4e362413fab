use tocsin_api_types::{IncidentState, NotificationState, Status};
use yew::prelude::*;

use super::{IconName, icon};
use crate::i18n::Words;

/// A severity: picture, word and colour. One that we do not know is shown as it
/// came, in no colour.
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

/// A word with a picture in a frame of its colour.
fn pill(class: &'static str, picture: IconName, text: &'static str) -> Html {
    html! { <span class={classes!("pill", class)}>{ icon(picture) }{ text }</span> }
}

/// What a log entry said.
pub fn status_badge(words: &Words, status: Status) -> Html {
    let (class, picture) = match status {
        Status::Firing => ("pill-firing", IconName::Flame),
        Status::Resolved => ("pill-resolved", IconName::Check),
    };
    pill(class, picture, (words.common.status)(status))
}

/// Where an incident stands.
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

/// How far a mail has come.
pub fn mail_state(words: &Words, state: NotificationState) -> Html {
    let (class, picture) = match state {
        NotificationState::Queued => ("pill-quiet", IconName::Clock),
        NotificationState::Sending => ("pill-quiet", IconName::Mail),
        NotificationState::Sent => ("pill-resolved", IconName::Check),
        NotificationState::Failed => ("pill-failed", IconName::Alert),
        NotificationState::Written => ("pill-quiet", IconName::List),
        NotificationState::Canceled => ("pill-quiet", IconName::Close),
    };
    pill(class, picture, (words.people.mail_state)(state))
}

/// Who acknowledged.
pub fn ack_mark(words: &Words, by: &str) -> Html {
    html! {
        <span class="ack-mark" title={(words.common.acknowledged_by)(by)}>
            { icon(IconName::Check) }
            <span class="sr-only">{ words.common.acknowledged }{ " " }</span>
            <span class="truncate">{ by }</span>
        </span>
    }
}
