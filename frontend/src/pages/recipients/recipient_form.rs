use tocsin_api_types::{Group, Language, Recipient, RecipientInput};
use web_sys::HtmlSelectElement;
use yew::prelude::*;

use crate::{
    components::{CheckboxGroup, Dialog, TextField, check_field},
    forms::{ConflictView, Edited, body, use_submit},
    i18n::use_words,
    state::use_status,
    time,
};

#[derive(Properties, PartialEq)]
pub struct RecipientFormProps {
    /// The recipient to edit; `None` for a new one.
    #[prop_or_default]
    pub recipient: Option<(Recipient, Edited)>,
    pub groups: Vec<Group>,
    pub done: Callback<()>,
    pub close: Callback<()>,
}

fn inputs(recipient: Option<&(Recipient, Edited)>) -> RecipientInput {
    recipient.map_or_else(new_input, |(recipient, _)| input_of(recipient))
}

fn input_of(recipient: &Recipient) -> RecipientInput {
    RecipientInput {
        name: recipient.name.clone(),
        email: recipient.email.clone(),
        language: Some(recipient.language),
        time_zone: Some(recipient.time_zone.clone()),
        enabled: Some(recipient.enabled),
        group_ids: Some(recipient.groups.iter().map(|group| group.id).collect()),
    }
}

fn new_input() -> RecipientInput {
    RecipientInput {
        name: String::new(),
        email: String::new(),
        language: None,
        time_zone: None,
        enabled: Some(true),
        group_ids: Some(Vec::new()),
    }
}

#[component]
pub fn RecipientForm(props: &RecipientFormProps) -> Html {
    let words = use_words();
    let status = use_status();
    let input = use_state(|| inputs(props.recipient.as_ref()));
    let base = use_state(|| body(&*input));
    let edited = props.recipient.as_ref().map(|(_, edited)| edited.clone());
    let id = edited.as_ref().map(|edited| edited.id);
    let submit = use_submit("recipients", edited, props.done.reform(|_| ()));
    let load = {
        let (input, base) = (input.clone(), base.clone());
        Callback::from(move |object| {
            if let Ok(theirs) = serde_json::from_value(object) {
                let theirs = input_of(&theirs);
                base.set(body(&theirs));
                input.set(theirs);
            }
        })
    };
    let set = |change: fn(&mut RecipientInput, String)| {
        let input = input.clone();
        Callback::from(move |text: String| {
            let mut next = (*input).clone();
            change(&mut next, text);
            input.set(next);
        })
    };
    let language = {
        let set = set(|input, code| {
            input.language = match code.as_str() {
                "en" => Some(Language::En),
                "zh" => Some(Language::Zh),
                _ => None,
            };
        });
        move |event: Event| set.emit(event.target_unchecked_into::<HtmlSelectElement>().value())
    };
    let enabled = {
        let input = input.clone();
        Callback::from(move |enabled| {
            input.set(RecipientInput {
                enabled: Some(enabled),
                ..(*input).clone()
            })
        })
    };
    let chosen = {
        let input = input.clone();
        Callback::from(move |ids| {
            input.set(RecipientInput {
                group_ids: Some(ids),
                ..(*input).clone()
            })
        })
    };
    let onsubmit = {
        let (input, send) = (input.clone(), submit.send.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            send.emit(body(&*input));
        }
    };
    let title = match &props.recipient {
        Some((recipient, _)) => (words.recipients.edit_named)(&recipient.name),
        None => words.recipients.add_recipient.to_owned(),
    };
    let default_language = match status.as_ref().map(|status| status.default_language) {
        Some(Language::En) => words.recipients.english,
        Some(Language::Zh) => words.recipients.chinese,
        None => "",
    };
    let default_zone = status
        .map(|status| status.default_time_zone.clone())
        .unwrap_or_default();
    let groups: Vec<(i64, String)> = props
        .groups
        .iter()
        .map(|g| (g.id, g.name.clone()))
        .collect();
    html! {
        <Dialog {title} close={props.close.clone()} keep={true}>
            <form class="form" {onsubmit} novalidate={true}>
                { TextField {
                    id: "recipient-name".into(),
                    label: words.recipients.person_name.into(),
                    value: input.name.clone().into(),
                    autofocus: true,
                    change: set(|input, text| input.name = text),
                    error: submit.field("name"),
                    ..TextField::default()
                }.draw() }
                { TextField {
                    id: "recipient-email".into(),
                    label: words.recipients.email.into(),
                    value: input.email.clone().into(),
                    kind: "email",
                    maxlength: 254,
                    change: set(|input, text| input.email = text),
                    error: submit.field("email"),
                    ..TextField::default()
                }.draw() }
                <div class="field">
                    <label for="recipient-language">{ words.recipients.language }</label>
                    <select id="recipient-language" class="select w-full" onchange={language}>
                        if id.is_none() {
                            <option value="" selected={input.language.is_none()}>{ (words.recipients.default)(default_language) }</option>
                        }
                        <option value="zh" selected={input.language == Some(Language::Zh)}>{ words.recipients.chinese }</option>
                        <option value="en" selected={input.language == Some(Language::En)}>{ words.recipients.english }</option>
                    </select>
                </div>
                { TextField {
                    id: "recipient-zone".into(),
                    label: words.recipients.zone.into(),
                    value: input.time_zone.clone().unwrap_or_default().into(),
                    list: Some("zones".into()),
                    placeholder: default_zone.into(),
                    hint: words.recipients.zone_hint.into(),
                    error: submit.field("timeZone"),
                    change: set(|input, text| input.time_zone = (!text.trim().is_empty()).then(|| text.trim().to_owned())),
                    ..TextField::default()
                }.draw() }
                <datalist id="zones">{ for time::zones().into_iter().map(|zone| html! { <option value={zone} /> }) }</datalist>
                { CheckboxGroup {
                    label: words.recipients.groups,
                    hint: "",
                    all: groups.clone(),
                    chosen: input.group_ids.as_deref().unwrap_or_default(),
                    change: chosen,
                    error: submit.field("groupIds"),
                }.draw(words) }
                { check_field(words.recipients.enabled, "", input.enabled.unwrap_or(true), enabled) }
                { ConflictView {
                    base: (*base).clone(),
                    mine: body(&*input),
                    theirs: &|object| serde_json::from_value(object.clone()).ok().map(|theirs| body(&input_of(&theirs))),
                    labels: &[
                        ("name", words.recipients.person_name), ("email", words.recipients.email), ("language", words.recipients.language),
                        ("timeZone", words.recipients.zone), ("groupIds", words.recipients.groups), ("enabled", words.recipients.enabled),
                    ],
                    names: &groups,
                    load,
                }.draw(words, &submit) }
                { submit.end(words, &props.close) }
            </form>
        </Dialog>
    }
}
