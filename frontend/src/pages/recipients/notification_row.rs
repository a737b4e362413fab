use tocsin_api_types::{Attempt, Notification, NotificationState};
use yew::prelude::*;

use super::super::detail::reason_text;
use crate::{
    components::{IconName, RouteLink, exact_time, icon, notification_badge, time},
    route::Route,
    state::View,
};

/// A notification: recipient, subject, reason and delivery state. `resend` is `None`
/// for users without the permission.
pub fn notification_row(
    words: &View,
    notification: &Notification,
    resend: Option<&Callback<i64>>,
) -> Html {
    let id = notification.id;
    let waits = matches!(
        notification.state,
        NotificationState::Queued | NotificationState::Sending
    );
    let reasons: Vec<String> = notification
        .reasons
        .iter()
        .map(|reason| reason_text(reason, words))
        .collect();
    let error = notification
        .attempts
        .last()
        .and_then(|attempt| attempt.error.clone());
    html! {
        <li key={id} class="mail">
            { notification_badge(words, notification.state) }
            <div class="grow min-w-0">
                <p class="mail-subject">
                    if let Some(id) = notification.incident_ids.first() {
                        <RouteLink to={Route::Incident { id: *id }} class="row-link">{ &notification.subject }</RouteLink>
                    } else {
                        { &notification.subject }
                    }
                </p>
                <p class="muted text-sm break-words">
                    { &notification.recipient_name }{ " <" }{ &notification.recipient_email }{ "> · " }{ reasons.join(" · ") }
                    if let Some(original) = notification.resend_of {
                        { " · " }{ (words.recipients.resend_of)(original) }
                    }
                </p>
                if let Some(error) = error {
                    <p class="text-sm text-error break-words">{ error }</p>
                }
                { attempts(notification, words) }
            </div>
            <span class="muted">{ time(words, notification.created_at) }</span>
            if let Some(resend) = resend.filter(|_| !waits) {
                <button type="button" class="btn btn-sm" onclick={resend.reform(move |_: MouseEvent| id)}
                    aria-label={(words.recipients.resend_named)(&notification.recipient_name)}>
                    { icon(IconName::Refresh) }{ words.recipients.resend }
                </button>
            }
        </li>
    }
}

fn attempts(notification: &Notification, words: &View) -> Html {
    if notification.attempts.is_empty() {
        return html! {};
    }
    let line = |attempt: &Attempt| {
        let result = match (&attempt.error, attempt.finished_at) {
            (Some(error), _) => error.as_str(),
            (None, Some(_)) => words.recipients.attempt_ok,
            (None, None) => words.recipients.attempt_open,
        };
        html! { <li class="break-words">{ exact_time(words, attempt.started_at) }{ " · " }{ result }</li> }
    };
    html! {
        <details class="attempts">
            <summary>
                { (words.recipients.attempts)(notification.attempts.len() as u64) }
                if let Some(at) = notification.next_attempt_at {
                    { " · " }{ words.recipients.next_attempt }{ " " }{ exact_time(words, at) }
                }
            </summary>
            <ol>{ for notification.attempts.iter().map(line) }</ol>
        </details>
    }
}
