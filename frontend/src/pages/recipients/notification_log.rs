use std::rc::Rc;

use gloo_net::http::Method;
use gloo_timers::callback::Timeout;
use tocsin_api_types::{ChangeEvent, Notification, NotificationState, Page, Role};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::notification_row::notification_row;
use crate::{
    api::{self, use_fetch},
    components::{Segment, failure, segments},
    state::{Signal, use_role, use_signals, use_toasts, use_view},
};

/// Notifications to load per step.
const STEP: usize = 50;
/// Most notifications shown; older ones are on their incidents.
const MAX_SHOWN: usize = 500;
/// Delay before reloading after a change, in milliseconds.
const RELOAD_DELAY_MS: u32 = 500;

/// Recent notifications with their delivery state, newest first.
#[component]
pub fn NotificationLog() -> Html {
    let words = &use_view();
    let toasts = use_toasts();
    let may_resend = use_role() >= Role::Responder;
    let state = use_state_eq(|| None::<NotificationState>);
    let limit = use_state_eq(|| STEP);
    let code = match *state {
        None => "",
        Some(NotificationState::Queued) => "&state=queued",
        Some(NotificationState::Sending) => "&state=sending",
        Some(NotificationState::Sent) => "&state=sent",
        Some(NotificationState::Failed) => "&state=failed",
        Some(NotificationState::Written) => "&state=written",
        Some(NotificationState::Canceled) => "&state=canceled",
    };
    let fetched = use_fetch::<Page<Notification>>(format!("notifications?limit={}{code}", *limit));
    let reload_timer = use_mut_ref(|| None::<Timeout>);
    let reload = fetched.reload.clone();
    use_signals(Callback::from(move |signal| {
        let mine = matches!(
            signal,
            Signal::Resync | Signal::Change(ChangeEvent::Notification(_))
        );
        let mut timer = reload_timer.borrow_mut();
        if mine && timer.is_none() {
            let (reload, done) = (reload.clone(), Rc::clone(&reload_timer));
            *timer = Some(Timeout::new(RELOAD_DELAY_MS, move || {
                done.borrow_mut().take();
                reload.emit(());
            }));
        }
    }));
    let choices = [
        None,
        Some(NotificationState::Queued),
        Some(NotificationState::Sent),
        Some(NotificationState::Failed),
        Some(NotificationState::Written),
        Some(NotificationState::Canceled),
    ];
    let items: Vec<Segment> = choices
        .into_iter()
        .map(|choice| {
            let state = state.clone();
            Segment {
                label: choice
                    .map_or(
                        words.recipients.all_states,
                        words.recipients.notification_state,
                    )
                    .into(),
                chosen: *state == choice,
                choose: Callback::from(move |()| state.set(choice)),
            }
        })
        .collect();
    // A double click resends a notification once.
    let under_way = use_mut_ref(|| None::<i64>);
    let resend = {
        let (lang, reload) = (words.lang, fetched.reload.clone());
        Callback::from(move |id: i64| {
            if under_way.borrow_mut().replace(id) == Some(id) {
                return;
            }
            let under_way = Rc::clone(&under_way);
            let (words, toasts, reload) = (lang.words(), toasts.clone(), reload.clone());
            spawn_local(async move {
                match api::call(Method::POST, &format!("notifications/{id}/resend")).await {
                    Ok(()) => toasts.info(words.recipients.resent),
                    Err(error) => {
                        toasts.error((words.recipients.resend_failed)(&error.explain(words)))
                    }
                }
                under_way.borrow_mut().take();
                reload.emit(());
            });
        })
    };
    let more = {
        let limit = limit.clone();
        move |_| limit.set((*limit + STEP).min(MAX_SHOWN))
    };
    html! {
        <section aria-label={words.recipients.notification_log}>
            <div class="part-bar">{ segments(words.recipients.notification_log, &items) }</div>
            if let Some(error) = fetched.error.clone() {
                { failure(words, &error, Some(fetched.reload.clone())) }
            }
            if let Some(page) = &fetched.data {
                if page.items.is_empty() {
                    <p class="none muted">{ words.recipients.no_notifications }</p>
                } else {
                    <ul class="plain-list">
                        { for page.items.iter().map(|notification| notification_row(words, notification, may_resend.then_some(&resend))) }
                    </ul>
                }
                if page.next_cursor.is_some() && *limit < MAX_SHOWN {
                    <p class="p-4 text-center"><button type="button" class="btn btn-sm" onclick={more}>{ words.recipients.more }</button></p>
                }
            }
        </section>
    }
}
