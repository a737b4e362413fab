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

/// Which incidents.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// One, with what it is called and the memo that it had.
    One(i64, AttrValue, String),
    /// Several.
    Many(Vec<i64>),
    /// All that match; with their numbers where there are few enough to undo.
    Matching(Box<AcknowledgeFilter>, Option<Vec<i64>>),
}

/// What a person does to incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Acknowledge,
    Unacknowledge,
    Close,
}

/// Does something to incidents.
#[derive(Clone, Debug, PartialEq)]
pub struct AckRequest {
    /// Which incidents.
    pub target: Target,
    pub act: Act,
    /// None leaves memos as they are.
    pub memo: Option<String>,
}

/// The way to acknowledge. The server signs with the person's own name.
#[hook]
pub(super) fn use_new_ack(
    words: &'static Words,
    toasts: &Toasts,
    signals: &Signals,
) -> Callback<AckRequest> {
    let (toasts, signals) = (toasts.clone(), signals.clone());
    // One callback for good: rows keep it without being drawn anew, and it
    // looks up the language of the moment.
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
                // The lists need not wait for the server to tell them.
                signals.tell(&Signal::Acted);
                let undo = undo(&request, words, &toasts, &signals);
                toasts.show(Toast {
                    text: done(&request, changed, words),
                    failed: false,
                    action: undo.filter(|_| changed > 0),
                });
            }
            Err(error) => {
                let why = error.explain(words);
                let text = match request.act {
                    Act::Close => (words.shell.close_failed)(&why),
                    Act::Acknowledge | Act::Unacknowledge => (words.shell.ack_failed)(&why),
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

/// Asks the server; says how many incidents it changed.
async fn send(request: &AckRequest) -> Result<u64, ApiError> {
    let (act, memo) = (request.act, request.memo.clone());
    let known = act == Act::Acknowledge;
    let (ids, filter) = match &request.target {
        Target::One(id, ..) => {
            let patch = IncidentPatch {
                known: (act != Act::Close).then_some(known),
                state: (act == Act::Close).then_some(NewState::Closed),
                memo,
                by: None,
            };
            let path = format!("incidents/{id}");
            api::send::<_, Incident>(Method::PATCH, &path, &patch).await?;
            return Ok(1);
        }
        Target::Many(ids) => (Some(ids.clone()), None),
        Target::Matching(filter, _) => (None, Some(AcknowledgeFilter::clone(filter))),
    };
    if act == Act::Close {
        let body = CloseRequest {
            ids,
            filter,
            memo,
            by: None,
        };
        let result: AcknowledgeResult = api::send(Method::POST, "incidents/close", &body).await?;
        return Ok(result.changed);
    }
    let body = AcknowledgeRequest {
        ids,
        filter,
        known,
        memo,
        by: None,
    };
    let result: AcknowledgeResult = api::send(Method::POST, "incidents/acknowledge", &body).await?;
    Ok(result.changed)
}

fn done(request: &AckRequest, changed: u64, words: &Words) -> AttrValue {
    match (request.act, &request.target) {
        (Act::Unacknowledge, _) => words.shell.ack_undone.into(),
        (Act::Acknowledge, Target::One(_, title, _)) => (words.shell.ack_done_one)(title).into(),
        (Act::Acknowledge, _) if changed == 0 => words.shell.ack_none.into(),
        (Act::Acknowledge, _) => (words.shell.ack_done_many)(changed).into(),
        (Act::Close, Target::One(_, title, _)) => (words.shell.close_done_one)(title).into(),
        (Act::Close, _) if changed == 0 => words.shell.close_none.into(),
        (Act::Close, _) => (words.shell.close_done_many)(changed).into(),
    }
}

fn undo(
    request: &AckRequest,
    words: &'static Words,
    toasts: &Toasts,
    signals: &Signals,
) -> Option<ToastAction> {
    let target = match &request.target {
        _ if request.act != Act::Acknowledge => return None,
        Target::Matching(_, ids) => Target::Many(ids.clone()?),
        other => other.clone(),
    };
    let memo = match (&target, &request.memo) {
        (Target::One(_, _, before), Some(_)) => Some(before.clone()),
        _ => None,
    };
    let back = AckRequest {
        target,
        act: Act::Unacknowledge,
        memo,
    };
    let (toasts, signals) = (toasts.clone(), signals.clone());
    Some(ToastAction {
        label: words.common.undo.into(),
        run: Callback::from(move |()| {
            start(back.clone(), words, toasts.clone(), signals.clone());
        }),
    })
}
