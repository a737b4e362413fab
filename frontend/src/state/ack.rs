use gloo_net::http::Method;
use tocsin_api_types::{
    AcknowledgeFilter, AcknowledgeRequest, AcknowledgeResult, Incident, IncidentPatch,
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

/// Acknowledges, or takes it back.
#[derive(Clone, Debug, PartialEq)]
pub struct AckRequest {
    /// Which incidents.
    pub target: Target,
    /// Acknowledge (true) or take it back (false).
    pub known: bool,
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
                let text = (words.shell.ack_failed)(&error.explain(words));
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
    let (known, memo) = (request.known, request.memo.clone());
    let (ids, filter) = match &request.target {
        Target::One(id, ..) => {
            let patch = IncidentPatch {
                known: Some(known),
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
    match &request.target {
        _ if !request.known => words.shell.ack_undone.into(),
        Target::One(_, title, _) => (words.shell.ack_done_one)(title).into(),
        _ if changed == 0 => words.shell.ack_none.into(),
        _ => (words.shell.ack_done_many)(changed).into(),
    }
}

fn undo(
    request: &AckRequest,
    words: &'static Words,
    toasts: &Toasts,
    signals: &Signals,
) -> Option<ToastAction> {
    let target = match &request.target {
        _ if !request.known => return None,
        Target::Matching(_, ids) => Target::Many(ids.clone()?),
        other => other.clone(),
    };
    let memo = match (&target, &request.memo) {
        (Target::One(_, _, before), Some(_)) => Some(before.clone()),
        _ => None,
    };
    let back = AckRequest {
        target,
        known: false,
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
