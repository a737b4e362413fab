use std::rc::Rc;

use tocsin_api_types::{Group, Page, Recipient, Role};
use yew::prelude::*;

use super::group_form::GroupForm;
use crate::{
    api::ApiError,
    components::{ConfirmDialog, IconName, failure, icon},
    forms::{FormState, open_editor},
    i18n::use_words,
    state::{use_role, use_toasts},
};

#[derive(Properties, PartialEq)]
pub struct GroupsProps {
    pub groups: Option<Rc<Page<Group>>>,
    pub recipients: Option<Rc<Page<Recipient>>>,
    pub error: Option<ApiError>,
    pub reload: Callback<()>,
}

/// The groups section.
#[component]
pub fn Groups(props: &GroupsProps) -> Html {
    let words = use_words();
    let admin = use_role() == Role::Admin;
    let toasts = use_toasts();
    let form_state = use_state(|| FormState::<Group>::Closed);
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
    let edit = open_editor(words, toasts, "groups", form_state.setter());
    let to = |next: FormState<Group>| {
        let form_state = form_state.setter();
        move |_: MouseEvent| form_state.set(next.clone())
    };
    let recipients = props
        .recipients
        .as_ref()
        .map(|page| page.items.clone())
        .unwrap_or_default();
    let list = props.groups.as_ref().map_or(&[][..], |page| &page.items);
    let rows = list.iter().map(|group| {
        let names: Vec<&str> = group.recipients.iter().map(|recipient| recipient.name.as_str()).collect();
        html! {
            <tr key={group.id}>
                <th scope="row" class="card-name">{ &group.name }
                    if group.is_default {
                        <span class="pill pill-quiet ms-2">{ words.recipients.default_badge }</span>
                    }
                </th>
                <td>
                    if names.is_empty() {
                        <span class="muted">{ words.recipients.no_members }</span>
                    } else {
                        { names.join(", ") }
                    }
                </td>
                if admin {
                    <td class="card-actions">
                        <button type="button" class="icon-btn" aria-label={(words.recipients.edit_named)(&group.name)}
                            title={words.common.edit} onclick={{ let id = group.id; edit.reform(move |_: MouseEvent| id) }}>{ icon(IconName::Pencil) }</button>
                        <button type="button" class="icon-btn" aria-label={(words.recipients.delete_named)(&group.name)}
                            title={words.common.delete} onclick={to(FormState::Deleting(group.clone()))}>{ icon(IconName::Trash) }</button>
                    </td>
                }
            </tr>
        }
    });
    html! {
        <section aria-label={words.recipients.groups}>
            <div class="part-bar">
                <span class="grow"></span>
                if admin {
                    <button type="button" class="btn btn-sm btn-primary" onclick={to(FormState::Adding)}>
                        { icon(IconName::Plus) }{ words.recipients.add_group }
                    </button>
                }
            </div>
            if let Some(error) = props.error.clone() {
                { failure(words, &error, Some(props.reload.clone())) }
            }
            if list.is_empty() && props.groups.is_some() {
                <p class="none muted">{ words.recipients.no_groups_yet }</p>
            } else {
                <table class="table-plain">
                    <thead><tr>
                        <th scope="col">{ words.recipients.name }</th><th scope="col">{ words.recipients.members }</th>
                        if admin {
                            <th scope="col"><span class="sr-only">{ words.recipients.actions }</span></th>
                        }
                    </tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            }
            { match (*form_state).clone() {
                FormState::Closed => html! {},
                FormState::Adding => html! { <GroupForm {recipients} {done} {close} /> },
                FormState::Editing(group, edited) => html! { <GroupForm group={(group, edited)} {recipients} {done} {close} /> },
                FormState::Deleting(group) => html! {
                    <ConfirmDialog title={(words.recipients.delete_named)(&group.name)} text={(words.recipients.delete_confirm)(&group.name)}
                        action={words.common.delete} path={format!("groups/{}", group.id)} {done} {close} />
                },
            } }
        </section>
    }
}
