use gloo_net::http::Method;
use tocsin_api_types::{Attempt, Notification, NotificationState};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::super::detail::reason_text;
use crate::{
    api,
    components::{Icon, IconName, MailState, RouteLink, Time},
    i18n::{Words, use_words},
    route::Route,
    state::use_toasts,
};

#[derive(Properties, PartialEq)]
pub struct MailRowProps {
    pub mail: Notification,
    pub reload: Callback<()>,
}

/// One mail: to whom, what of, why, and what became of it.
#[component]
pub fn MailRow(props: &MailRowProps) -> Html {
    let words = use_words();
    let toasts = use_toasts();
    let busy = use_state_eq(|| false);
    let mail = &props.mail;
    let onclick = {
        let (id, reload, busy) = (mail.id, props.reload.clone(), busy.setter());
        move |_| {
            let (toasts, reload, busy) = (toasts.clone(), reload.clone(), busy.clone());
            busy.set(true);
            spawn_local(async move {
                match api::call(Method::POST, &format!("notifications/{id}/resend")).await {
                    Ok(()) => toasts.say(words.people.resent),
                    Err(error) => toasts.fail((words.people.resend_failed)(&error.explain(words))),
                }
                busy.set(false);
                reload.emit(());
            });
        }
    };
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
        <li class="mail">
            <MailState state={mail.state} />
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
            <span class="muted"><Time at={mail.created_at} /></span>
            if !waits {
                <button type="button" class="btn btn-sm" disabled={*busy} {onclick}
                    aria-label={(words.people.resend_named)(&mail.recipient_name)}>
                    <Icon name={IconName::Refresh} />{ words.people.resend }
                </button>
            }
        </li>
    }
}

fn attempts(mail: &Notification, words: &Words) -> Html {
    if mail.attempts.is_empty() {
        return html! {};
    }
    let line = |attempt: &Attempt| {
        let result = match (&attempt.error, attempt.finished_at) {
            (Some(error), _) => error.as_str(),
            (None, Some(_)) => words.people.attempt_ok,
            (None, None) => words.people.attempt_open,
        };
        html! { <li class="break-words"><Time at={attempt.started_at} exact={true} />{ " · " }{ result }</li> }
    };
    html! {
        <details class="attempts">
            <summary>
                { (words.people.attempts)(mail.attempts.len() as u64) }
                if let Some(at) = mail.next_attempt_at {
                    { " · " }{ words.people.next_attempt }{ " " }<Time {at} exact={true} />
                }
            </summary>
            <ol>{ for mail.attempts.iter().map(line) }</ol>
        </details>
    }
}
