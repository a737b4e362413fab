use std::rc::Rc;

use tocsin_api_types::{Group, Language, Page, Recipient, Role};
use yew::prelude::*;

use super::{recipient_form::RecipientForm, test_button::test_button};
use crate::{
    api::ApiError,
    components::{ConfirmDialog, IconName, failure, icon},
    forms::{Doing, open},
    i18n::use_words,
    state::{use_role, use_toasts},
};

#[derive(Properties, PartialEq)]
pub struct PeopleProps {
    pub recipients: Option<Rc<Page<Recipient>>>,
    pub groups: Option<Rc<Page<Group>>>,
    pub error: Option<ApiError>,
    pub reload: Callback<()>,
}

/// Everybody who can be mailed.
#[component]
pub fn People(props: &PeopleProps) -> Html {
    let words = use_words();
    let admin = use_role() == Role::Admin;
    let toasts = use_toasts();
    let doing = use_state(|| Doing::<Recipient>::Nothing);
    let close = {
        let doing = doing.setter();
        Callback::from(move |()| doing.set(Doing::Nothing))
    };
    let done = {
        let (close, reload) = (close.clone(), props.reload.clone());
        Callback::from(move |()| {
            close.emit(());
            reload.emit(());
        })
    };
    let edit = open(words, toasts.clone(), "recipients", doing.setter());
    let to = |next: Doing<Recipient>| {
        let doing = doing.setter();
        move |_: MouseEvent| doing.set(next.clone())
    };
    let groups = props
        .groups
        .as_ref()
        .map(|page| page.items.clone())
        .unwrap_or_default();
    let list = props
        .recipients
        .as_ref()
        .map_or(&[][..], |page| &page.items);
    let rows = list.iter().map(|recipient| {
        let names: Vec<&str> = recipient.groups.iter().map(|group| group.name.as_str()).collect();
        let language = match recipient.language {
            Language::En => words.people.english,
            Language::Zh => words.people.chinese,
        };
        html! {
            <tr key={recipient.id}>
                <th scope="row" class="card-name">{ &recipient.name }
                    if !recipient.enabled {
                        <span class="pill pill-lost ms-2">{ words.people.disabled }</span>
                    }
                </th>
                <td>{ &recipient.email }</td>
                <td>{ names.join(", ") }</td>
                <td class="muted">{ language }{ " · " }{ &recipient.time_zone }</td>
                if admin {
                    <td class="card-actions">
                        { test_button(words, &toasts, format!("recipientId={}", recipient.id), &recipient.name) }
                        <button type="button" class="icon-btn" aria-label={(words.people.edit_named)(&recipient.name)}
                            title={words.common.edit} onclick={{ let id = recipient.id; edit.reform(move |_: MouseEvent| id) }}>{ icon(IconName::Pencil) }</button>
                        <button type="button" class="icon-btn" aria-label={(words.people.delete_named)(&recipient.name)}
                            title={words.common.delete} onclick={to(Doing::Deleting(recipient.clone()))}>{ icon(IconName::Trash) }</button>
                    </td>
                }
            </tr>
        }
    });
    html! {
        <section aria-label={words.people.recipients}>
            <div class="part-bar">
                <span class="grow"></span>
                if admin {
                    <button type="button" class="btn btn-sm btn-primary" onclick={to(Doing::Adding)}>
                        { icon(IconName::Plus) }{ words.people.add_recipient }
                    </button>
                }
            </div>
            if let Some(error) = props.error.clone() {
                { failure(words, &error, Some(props.reload.clone())) }
            }
            if list.is_empty() && props.recipients.is_some() {
                <p class="none muted">{ words.people.no_recipients }</p>
            } else {
                <table class="table-plain">
                    <thead><tr>
                        <th scope="col">{ words.people.person_name }</th><th scope="col">{ words.people.email }</th>
                        <th scope="col">{ words.people.groups }</th><th scope="col">{ words.people.language }</th>
                        if admin {
                            <th scope="col"><span class="sr-only">{ words.people.actions }</span></th>
                        }
                    </tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            }
            { match (*doing).clone() {
                Doing::Nothing => html! {},
                Doing::Adding => html! { <RecipientForm {groups} {done} {close} /> },
                Doing::Editing(recipient, edited) => html! { <RecipientForm recipient={(recipient, edited)} {groups} {done} {close} /> },
                Doing::Deleting(recipient) => html! {
                    <ConfirmDialog title={(words.people.delete_named)(&recipient.name)} text={(words.people.delete_sure)(&recipient.name)}
                        action={words.common.delete} path={format!("recipients/{}", recipient.id)} {done} {close} />
                },
            } }
        </section>
    }
}
