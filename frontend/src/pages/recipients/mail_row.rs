use tocsin_api_types::{Attempt, Notification, NotificationState};
use yew::prelude::*;

use super::super::detail::reason_text;
use crate::{
    components::{IconName, RouteLink, exact_time, icon, mail_state, time},
    route::Route,
    state::View,
};

/// One mail: to whom, what of, why, and what became of it. `resend` is there
/// for who may.
pub fn mail_row(words: &View, mail: &Notification, resend: Option<&Callback<i64>>) -> Html {
    let id = mail.id;
    let waits = matches!(
        mail.state,
        NotificationState::Queued | NotificationState::Sending
    );
    let reasons: Vec<String> = mail
        .reasons
        .iter()
        .map(|reason| reason_text(reason, words))
        .collect();
    let error = mail
        .attempts
        .last()
        .and_then(|attempt| attempt.error.clone());
    html! {
        <li key={id} class="mail">
            { mail_state(words, mail.state) }
            <div class="grow min-w-0">
                <p class="mail-subject">
                    if let Some(id) = mail.incident_ids.first() {
                        <RouteLink to={Route::Incident { id: *id }} class="row-link">{ &mail.subject }</RouteLink>
                    } else {
                        { &mail.subject }
                    }
                </p>
                <p class="muted text-sm break-words">
                    { &mail.recipient_name }{ " <" }{ &mail.recipient_email }{ "> · " }{ reasons.join(" · ") }
                    if let Some(original) = mail.resend_of {
                        { " · " }{ (words.people.resend_of)(original) }
                    }
                </p>
                if let Some(error) = error {
                    <p class="text-sm text-error break-words">{ error }</p>
                }
                { attempts(mail, words) }
            </div>
            <span class="muted">{ time(words, mail.created_at) }</span>
            if let Some(resend) = resend.filter(|_| !waits) {
                <button type="button" class="btn btn-sm" onclick={resend.reform(move |_: MouseEvent| id)}
                    aria-label={(words.people.resend_named)(&mail.recipient_name)}>
                    { icon(IconName::Refresh) }{ words.people.resend }
                </button>
            }
        </li>
    }
}

fn attempts(mail: &Notification, words: &View) -> Html {
    if mail.attempts.is_empty() {
        return html! {};
    }
    let line = |attempt: &Attempt| {
        let result = match (&attempt.error, attempt.finished_at) {
            (Some(error), _) => error.as_str(),
            (None, Some(_)) => words.people.attempt_ok,
            (None, None) => words.people.attempt_open,
        };
        html! { <li class="break-words">{ exact_time(words, attempt.started_at) }{ " · " }{ result }</li> }
    };
    html! {
        <details class="attempts">
            <summary>
                { (words.people.attempts)(mail.attempts.len() as u64) }
                if let Some(at) = mail.next_attempt_at {
                    { " · " }{ words.people.next_attempt }{ " " }{ exact_time(words, at) }
                }
            </summary>
            <ol>{ for mail.attempts.iter().map(line) }</ol>
        </details>
    }
}
