use gloo_net::http::Method;
use tocsin_api_types::{
    AcknowledgeFilter, AcknowledgeRequest, AcknowledgeResult, CloseRequest, Incident,
    IncidentPatch, NewState,
};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{Signal, Signals, Toast, ToastAction, Toasts};
use crate::{
    api::{self, ApiError},
    i18n::Words,
};

/// Incidents to change.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// One incident: ID, title, and the note before the change.
    One(i64, AttrValue, String),
    Many(Vec<i64>),
    /// All that match the filter; with IDs if there are few enough to undo.
    Matching(Box<AcknowledgeFilter>, Option<Vec<i64>>),
}

/// An action of a user on incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncidentAction {
    Acknowledge,
    Unacknowledge,
    Close,
}

/// An action on incidents.
#[derive(Clone, Debug, PartialEq)]
pub struct AckRequest {
    pub target: Target,
    pub action: IncidentAction,
    /// `None` keeps the notes.
    pub note: Option<String>,
}

/// Callback for actions on incidents. The server records the signed-in user.
#[hook]
pub(super) fn use_new_ack(
    words: &'static Words,
    toasts: &Toasts,
    signals: &Signals,
) -> Callback<AckRequest> {
    let (toasts, signals) = (toasts.clone(), signals.clone());
    // A stable callback, so that rows do not re-render. It reads the current language
    // when called.
    let latest = use_mut_ref(|| words);
    *latest.borrow_mut() = words;
    use_callback((), move |request: AckRequest, ()| {
        let words = *latest.borrow();
        start(request, words, toasts.clone(), signals.clone());
    })
}

fn start(request: AckRequest, words: &'static Words, toasts: Toasts, signals: Signals) {
    spawn_local(async move {
        match send(&request).await {
            Ok(changed) => {
                // The lists do not wait for the server's event.
                signals.emit(&Signal::LocalChange);
                let undo = undo(&request, words, &toasts, &signals);
                toasts.show(Toast {
                    text: done(&request, changed, words),
                    failed: false,
                    action: undo.filter(|_| changed > 0),
                });
            }
            Err(error) => {
                let why = error.explain(words);
                let text = match request.action {
                    IncidentAction::Close => (words.shell.close_failed)(&why),
                    IncidentAction::Acknowledge | IncidentAction::Unacknowledge => {
                        (words.shell.ack_failed)(&why)
                    }
                };
                let again = (toasts.clone(), signals, request);
                let run = Callback::from(move |()| {
                    let (toasts, signals, request) = again.clone();
                    start(request, words, toasts, signals);
                });
                toasts.show(Toast {
                    text: text.into(),
                    failed: true,
                    action: Some(ToastAction {
                        label: words.common.try_again.into(),
                        run,
                    }),
                });
            }
        }
    });
}

/// Sends the request; returns the number of changed incidents.
async fn send(request: &AckRequest) -> Result<u64, ApiError> {
    let (action, note) = (request.action, request.note.clone());
    let known = action == IncidentAction::Acknowledge;
    let (ids, filter) = match &request.target {
        Target::One(id, ..) => {
            let patch = IncidentPatch {
                known: (action != IncidentAction::Close).then_some(known),
                state: (action == IncidentAction::Close).then_some(NewState::Closed),
                memo: note,
                by: None,
            };
            let path = format!("incidents/{id}");
            api::send::<_, Incident>(Method::PATCH, &path, &patch).await?;
            return Ok(1);
        }
        Target::Many(ids) => (Some(ids.clone()), None),
        Target::Matching(filter, _) => (None, Some(AcknowledgeFilter::clone(filter))),
    };
    if action == IncidentAction::Close {
        let body = CloseRequest {
            ids,
            filter,
            memo: note,
            by: None,
        };
        let result: AcknowledgeResult = api::send(Method::POST, "incidents/close", &body).await?;
        return Ok(result.changed);
    }
    let body = AcknowledgeRequest {
        ids,
        filter,
        known,
        memo: note,
        by: None,
    };
    let result: AcknowledgeResult = api::send(Method::POST, "incidents/acknowledge", &body).await?;
    Ok(result.changed)
}

fn done(request: &AckRequest, changed: u64, words: &Words) -> AttrValue {
    match (request.action, &request.target) {
        (IncidentAction::Unacknowledge, _) => words.shell.unack_done.into(),
        (IncidentAction::Acknowledge, Target::One(_, title, _)) => {
            (words.shell.ack_done_one)(title).into()
        }
        (IncidentAction::Acknowledge, _) if changed == 0 => words.shell.ack_none.into(),
        (IncidentAction::Acknowledge, _) => (words.shell.ack_done_many)(changed).into(),
        (IncidentAction::Close, Target::One(_, title, _)) => {
            (words.shell.close_done_one)(title).into()
        }
        (IncidentAction::Close, _) if changed == 0 => words.shell.close_none.into(),
        (IncidentAction::Close, _) => (words.shell.close_done_many)(changed).into(),
    }
}

fn undo(
    request: &AckRequest,
    words: &'static Words,
    toasts: &Toasts,
    signals: &Signals,
) -> Option<ToastAction> {
    let target = match &request.target {
        _ if request.action != IncidentAction::Acknowledge => return None,
        Target::Matching(_, ids) => Target::Many(ids.clone()?),
        other => other.clone(),
    };
    let note = match (&target, &request.note) {
        (Target::One(_, _, before), Some(_)) => Some(before.clone()),
        _ => None,
    };
    let back = AckRequest {
        target,
        action: IncidentAction::Unacknowledge,
        note,
    };
    let (toasts, signals) = (toasts.clone(), signals.clone());
    Some(ToastAction {
        label: words.common.undo.into(),
        run: Callback::from(move |()| {
            start(back.clone(), words, toasts.clone(), signals.clone());
        }),
    })
}
