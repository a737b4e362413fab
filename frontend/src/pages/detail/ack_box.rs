use tocsin_api_types::{Incident, IncidentState, Role};
use web_sys::HtmlTextAreaElement;
use yew::prelude::*;

use crate::{
    components::{CloseDialog, IconName, icon, time},
    state::{AckRequest, Act, Target, View, use_ack, use_role, use_view},
};

#[derive(Properties, PartialEq)]
pub struct AckBoxProps {
    pub incident: Incident,
}

/// Who acknowledged it and why; or the way to do so, memo inline.
#[component]
pub fn AckBox(props: &AckBoxProps) -> Html {
    let words = &use_view();
    let ack = use_ack();
    let incident = &props.incident;
    let memo = use_state(|| incident.memo.clone());
    {
        let memo = memo.setter();
        use_effect_with(incident.memo.clone(), move |text| memo.set(text.clone()));
    }
    let send = {
        let (id, title, before) = (
            incident.id,
            incident.alertname.clone(),
            incident.memo.clone(),
        );
        Callback::from(move |(act, memo): (Act, Option<String>)| {
            let target = Target::One(id, title.clone().into(), before.clone());
            ack.emit(AckRequest { target, act, memo });
        })
    };
    let oninput = {
        let memo = memo.setter();
        move |event: InputEvent| {
            memo.set(event.target_unchecked_into::<HtmlTextAreaElement>().value())
        }
    };
    let asking = use_state_eq(|| false);
    let acknowledged = incident.known_by.is_some();
    let changed = memo.trim() != incident.memo;
    let onsubmit = {
        let (send, memo) = (send.clone(), memo.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            let text = memo.trim().to_owned();
            send.emit((Act::Acknowledge, changed.then_some(text)));
        }
    };
    if use_role() < Role::Responder {
        return read_only(words, incident);
    }
    let take_back = send.reform(|_: MouseEvent| (Act::Unacknowledge, None));
    let is_open = incident.state == IncidentState::Open;
    let ask = {
        let asking = asking.setter();
        Callback::from(move |is: bool| asking.set(is))
    };
    let close = {
        let (send, memo) = (send, memo.clone());
        Callback::from(move |()| {
            send.emit((Act::Close, changed.then(|| memo.trim().to_owned())));
        })
    };
    html! {
        <form class="ack-box" {onsubmit}>
            { known_by(words, incident) }
            <textarea class="textarea w-full" rows="2" value={(*memo).clone()} {oninput} maxlength="4000"
                placeholder={words.common.memo_hint} aria-label={words.common.memo} />
            <div class="flex gap-2">
                if !acknowledged {
                    <button type="submit" class="btn btn-sm btn-primary">{ icon(IconName::Check) }{ words.common.acknowledge }</button>
                } else {
                    if changed {
                        <button type="submit" class="btn btn-sm btn-primary">{ words.detail.save_memo }</button>
                    }
                    <button type="button" class="btn btn-sm" onclick={take_back}>
                        { icon(IconName::Undo) }{ words.common.unacknowledge }
                    </button>
                }
                if is_open {
                    <button type="button" class="btn btn-sm" onclick={ask.reform(|_| true)}>{ words.common.close_incident }</button>
                }
            </div>
            if *asking {
                <CloseDialog title={format!("{}: {}", words.common.close_incident, incident.alertname)} sure={close}
                    close={ask.reform(|()| false)} />
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

/// For who may only read.
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
