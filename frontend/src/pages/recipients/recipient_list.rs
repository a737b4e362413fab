use std::rc::Rc;

use tocsin_api_types::{Group, Language, Page, Recipient, Role};
use yew::prelude::*;

use super::{recipient_form::RecipientForm, test_button::test_button};
use crate::{
    api::ApiError,
    components::{ConfirmDialog, IconName, failure, icon},
    forms::{FormState, open_editor},
    i18n::use_words,
    state::{use_role, use_toasts},
};

#[derive(Properties, PartialEq)]
pub struct RecipientListProps {
    pub recipients: Option<Rc<Page<Recipient>>>,
    pub groups: Option<Rc<Page<Group>>>,
    pub error: Option<ApiError>,
    pub reload: Callback<()>,
}

/// The recipients section.
#[component]
pub fn RecipientList(props: &RecipientListProps) -> Html {
    let words = use_words();
    let admin = use_role() == Role::Admin;
    let toasts = use_toasts();
    let form_state = use_state(|| FormState::<Recipient>::Closed);
    let close = {
        let form_state = form_state.setter();
        Callback::from(move |()| form_state.set(FormState::Closed))
    };
    let done = {
        let (close, reload) = (close.clone(), props.reload.clone());
        Callback::from(move |()| {
            close.emit(());
            reload.emit(());
        })
    };
    let edit = open_editor(words, toasts.clone(), "recipients", form_state.setter());
    let to = |next: FormState<Recipient>| {
        let form_state = form_state.setter();
        move |_: MouseEvent| form_state.set(next.clone())
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
            Language::En => words.recipients.english,
            Language::Zh => words.recipients.chinese,
        };
        html! {
            <tr key={recipient.id}>
                <th scope="row" class="card-name">{ &recipient.name }
                    if !recipient.enabled {
                        <span class="pill pill-lost ms-2">{ words.recipients.disabled }</span>
                    }
                </th>
                <td>{ &recipient.email }</td>
                <td>{ names.join(", ") }</td>
                <td class="muted">{ language }{ " · " }{ &recipient.time_zone }</td>
                if admin {
                    <td class="card-actions">
                        { test_button(words, &toasts, format!("recipientId={}", recipient.id), &recipient.name) }
                        <button type="button" class="icon-btn" aria-label={(words.recipients.edit_named)(&recipient.name)}
                            title={words.common.edit} onclick={{ let id = recipient.id; edit.reform(move |_: MouseEvent| id) }}>{ icon(IconName::Pencil) }</button>
                        <button type="button" class="icon-btn" aria-label={(words.recipients.delete_named)(&recipient.name)}
                            title={words.common.delete} onclick={to(FormState::Deleting(recipient.clone()))}>{ icon(IconName::Trash) }</button>
                    </td>
                }
            </tr>
        }
    });
    html! {
        <section aria-label={words.recipients.recipients}>
            <div class="part-bar">
                <span class="grow"></span>
                if admin {
                    <button type="button" class="btn btn-sm btn-primary" onclick={to(FormState::Adding)}>
                        { icon(IconName::Plus) }{ words.recipients.add_recipient }
                    </button>
                }
            </div>
            if let Some(error) = props.error.clone() {
                { failure(words, &error, Some(props.reload.clone())) }
            }
            if list.is_empty() && props.recipients.is_some() {
                <p class="none muted">{ words.recipients.no_recipients }</p>
            } else {
                <table class="table-plain">
                    <thead><tr>
                        <th scope="col">{ words.recipients.person_name }</th><th scope="col">{ words.recipients.email }</th>
                        <th scope="col">{ words.recipients.groups }</th><th scope="col">{ words.recipients.language }</th>
                        if admin {
                            <th scope="col"><span class="sr-only">{ words.recipients.actions }</span></th>
                        }
                    </tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            }
            { match (*form_state).clone() {
                FormState::Closed => html! {},
                FormState::Adding => html! { <RecipientForm {groups} {done} {close} /> },
                FormState::Editing(recipient, edited) => html! { <RecipientForm recipient={(recipient, edited)} {groups} {done} {close} /> },
                FormState::Deleting(recipient) => html! {
                    <ConfirmDialog title={(words.recipients.delete_named)(&recipient.name)} text={(words.recipients.delete_confirm)(&recipient.name)}
                        action={words.common.delete} path={format!("recipients/{}", recipient.id)} {done} {close} />
                },
            } }
        </section>
    }
}
