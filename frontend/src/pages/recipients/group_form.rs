use tocsin_api_types::{Group, GroupInput, Recipient};
use yew::prelude::*;

use crate::{
    components::{CheckboxGroup, Dialog, TextField, check_field},
    forms::{ConflictView, Edited, body, use_submit},
    i18n::use_words,
};

#[derive(Properties, PartialEq)]
pub struct GroupFormProps {
    /// The group to edit; `None` for a new one.
    #[prop_or_default]
    pub group: Option<(Group, Edited)>,
    pub recipients: Vec<Recipient>,
    pub done: Callback<()>,
    pub close: Callback<()>,
}

fn input_of(group: Option<&Group>) -> GroupInput {
    let members = group.map(|group| {
        group
            .recipients
            .iter()
            .map(|recipient| recipient.id)
            .collect()
    });
    GroupInput {
        name: group.map(|group| group.name.clone()).unwrap_or_default(),
        is_default: Some(group.is_some_and(|group| group.is_default)),
        recipient_ids: Some(members.unwrap_or_default()),
    }
}

#[component]
pub fn GroupForm(props: &GroupFormProps) -> Html {
    let words = use_words();
    let input = use_state(|| input_of(props.group.as_ref().map(|(group, _)| group)));
    let base = use_state(|| body(&*input));
    let edited = props.group.as_ref().map(|(_, edited)| edited.clone());
    let submit = use_submit("groups", edited, props.done.reform(|_| ()));
    let load = {
        let (input, base) = (input.clone(), base.clone());
        Callback::from(move |object| {
            if let Ok(theirs) = serde_json::from_value(object) {
                let theirs = input_of(Some(&theirs));
                base.set(body(&theirs));
                input.set(theirs);
            }
        })
    };
    let name = {
        let input = input.clone();
        Callback::from(move |name| {
            input.set(GroupInput {
                name,
                ..(*input).clone()
            })
        })
    };
    let chosen = {
        let input = input.clone();
        Callback::from(move |ids| {
            input.set(GroupInput {
                recipient_ids: Some(ids),
                ..(*input).clone()
            })
        })
    };
    let default = {
        let input = input.clone();
        Callback::from(move |yes| {
            input.set(GroupInput {
                is_default: Some(yes),
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
    let title = match &props.group {
        Some((group, _)) => (words.recipients.edit_named)(&group.name),
        None => words.recipients.add_group.to_owned(),
    };
    let all: Vec<(i64, String)> = props
        .recipients
        .iter()
        .map(|r| (r.id, format!("{} · {}", r.name, r.email)))
        .collect();
    html! {
        <Dialog {title} close={props.close.clone()} keep={true}>
            <form class="form" {onsubmit} novalidate={true}>
                { TextField {
                    id: "group-name".into(),
                    label: words.recipients.name.into(),
                    value: input.name.clone().into(),
                    autofocus: true,
                    change: name,
                    error: submit.field("name"),
                    ..TextField::default()
                }.draw() }
                { CheckboxGroup {
                    label: words.recipients.members,
                    hint: "",
                    all: all.clone(),
                    chosen: input.recipient_ids.as_deref().unwrap_or_default(),
                    change: chosen,
                    error: submit.field("recipientIds"),
                }.draw(words) }
                { check_field(words.recipients.is_default, words.recipients.is_default_hint, input.is_default.unwrap_or(false), default) }
                { ConflictView {
                    base: (*base).clone(),
                    mine: body(&*input),
                    theirs: &|object| serde_json::from_value(object.clone()).ok().map(|theirs| body(&input_of(Some(&theirs)))),
                    labels: &[
                        ("name", words.recipients.name), ("recipientIds", words.recipients.members), ("isDefault", words.recipients.is_default),
                    ],
                    names: &all,
                    load,
                }.draw(words, &submit) }
                { submit.end(words, &props.close) }
            </form>
        </Dialog>
    }
}
