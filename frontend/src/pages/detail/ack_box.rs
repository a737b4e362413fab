use tocsin_api_types::{Incident, IncidentState, Role};
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

use crate::{
    components::{CloseDialog, IconName, icon, time},
    state::{AckRequest, IncidentAction, Target, View, use_ack, use_role, use_view},
};

#[derive(Properties, PartialEq)]
pub struct AckBoxProps {
    pub incident: Incident,
}

/// Acknowledgement of an incident: who and when, or the form for it, with the note.
#[component]
pub fn AckBox(props: &AckBoxProps) -> Html {
    let words = &use_view();
    let ack = use_ack();
    let incident = &props.incident;
    let note = use_state(|| incident.memo.clone());
    {
        let note = note.setter();
        use_effect_with(incident.memo.clone(), move |text| note.set(text.clone()));
    }
    let send = {
        let (id, title, before) = (
            incident.id,
            incident.alertname.clone(),
            incident.memo.clone(),
        );
        Callback::from(move |(action, note): (IncidentAction, Option<String>)| {
            let target = Target::One(id, title.clone().into(), before.clone());
            ack.emit(AckRequest {
                target,
                action,
                note,
            });
        })
    };
    let oninput = {
        let note = note.setter();
        move |event: InputEvent| {
            note.set(event.target_unchecked_into::<HtmlTextAreaElement>().value())
        }
    };
    let confirming = use_state_eq(|| false);
    let acknowledged = incident.known_by.is_some();
    let changed = note.trim() != incident.memo;
    let onsubmit = {
        let (send, note) = (send.clone(), note.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            let text = note.trim().to_owned();
            send.emit((IncidentAction::Acknowledge, changed.then_some(text)));
        }
    };
    if use_role() < Role::Responder {
        return read_only(words, incident);
    }
    let unacknowledge = send.reform(|_: MouseEvent| (IncidentAction::Unacknowledge, None));
    let is_open = incident.state == IncidentState::Open;
    let set_confirming = {
        let confirming = confirming.setter();
        Callback::from(move |is: bool| confirming.set(is))
    };
    let close = {
        let (send, note) = (send, note.clone());
        Callback::from(move |()| {
            send.emit((
                IncidentAction::Close,
                changed.then(|| note.trim().to_owned()),
            ));
        })
    };
    html! {
        <form class="ack-box" {onsubmit}>
            { known_by(words, incident) }
            <textarea class="textarea w-full" rows="2" value={(*note).clone()} {oninput} maxlength="4000"
                placeholder={words.common.note_hint} aria-label={words.common.note} />
            <div class="flex gap-2">
                if !acknowledged {
                    <button type="submit" class="btn btn-sm btn-primary">{ icon(IconName::Check) }{ words.common.acknowledge }</button>
                } else {
                    if changed {
                        <button type="submit" class="btn btn-sm btn-primary">{ words.detail.save_note }</button>
                    }
                    <button type="button" class="btn btn-sm" onclick={unacknowledge}>
                        { icon(IconName::Undo) }{ words.common.unacknowledge }
                    </button>
                }
                if is_open {
                    <button type="button" class="btn btn-sm" onclick={set_confirming.reform(|_| true)}>{ words.common.close_incident }</button>
                }
            </div>
            if *confirming {
                <CloseDialog title={format!("{}: {}", words.common.close_incident, incident.alertname)} confirm={close}
                    close={set_confirming.reform(|()| false)} />
            }
        </form>
    }
}

fn known_by(words: &View, incident: &Incident) -> Html {
    let Some(by) = &incident.known_by else {
        return html! {};
    };
    html! {
        <p class="ack-by">
            { icon(IconName::Check) }<span>{ (words.common.acknowledged_by)(by) }</span>
            if let Some(at) = incident.known_at {
                <span class="muted">{ time(words, at) }</span>
            }
        </p>
    }
}

/// For users without the permission to acknowledge.
fn read_only(words: &View, incident: &Incident) -> Html {
    html! {
        <div class="ack-box">
            if incident.known_by.is_some() {
                { known_by(words, incident) }
            } else {
                <p class="muted">{ words.detail.not_acknowledged }</p>
            }
            if !incident.memo.is_empty() {
                <p class="panel-message">{ &incident.memo }</p>
            }
        </div>
    }
}
