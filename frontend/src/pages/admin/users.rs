use tocsin_api_types::{Page, User};
use yew::prelude::*;

use super::user_form::UserForm;
use crate::{
    api::use_fetch,
    components::{ConfirmDialog, IconName, failure, icon, matcher_list, time},
    forms::{FormState, open_editor},
    state::{View, use_me, use_toasts, use_view},
};

/// The users page.
#[component]
pub fn Users() -> Html {
    let words = &use_view();
    let toasts = use_toasts();
    let me = use_me().and_then(|me| me.id);
    let fetched = use_fetch::<Page<User>>("users?limit=500".to_owned());
    let form_state = use_state(|| FormState::<User>::Closed);
    let ending = use_state(|| None::<User>);
    let close = {
        let (form_state, ending) = (form_state.setter(), ending.setter());
        Callback::from(move |()| {
            form_state.set(FormState::Closed);
            ending.set(None);
        })
    };
    let done = {
        let (close, reload) = (close.clone(), fetched.reload.clone());
        Callback::from(move |()| {
            close.emit(());
            reload.emit(());
        })
    };
    let ended = {
        let (done, toasts, ending, lang) =
            (done.clone(), toasts.clone(), ending.clone(), words.lang);
        Callback::from(move |()| {
            if let Some(user) = &*ending {
                toasts.info((lang.words().admin.ended_sessions)(&user.name));
            }
            done.emit(());
        })
    };
    let edit = open_editor(words.lang.words(), toasts, "users", form_state.setter());
    let list = fetched.data.as_ref().map_or(&[][..], |page| &page.items);
    let rows = list.iter().map(|user| {
        let id = user.id;
        let delete = {
            let (form_state, user) = (form_state.setter(), user.clone());
            move |_: MouseEvent| form_state.set(FormState::Deleting(user.clone()))
        };
        let end = {
            let (ending, user) = (ending.setter(), user.clone());
            move |_: MouseEvent| ending.set(Some(user.clone()))
        };
        html! {
            <tr key={id}>
                <th scope="row" class="card-name">{ &user.name }
                    if me == Some(id) {
                        <span class="pill pill-quiet ms-2">{ words.admin.you }</span>
                    }
                    if !user.enabled {
                        <span class="pill pill-lost ms-2">{ words.admin.disabled }</span>
                    }
                </th>
                <td>{ &user.email }</td>
                <td class="nowrap">{ (words.account.role)(user.role) }</td>
                <td data-label={words.admin.visible_alerts}>{ visible_alerts(words, user) }</td>
                <td class="muted" data-label={words.admin.last_sign_in}>{ last_sign_in(words, user) }</td>
                <td class="card-actions is-three">
                    <button type="button" class="icon-btn" aria-label={(words.recipients.edit_named)(&user.name)}
                        title={words.common.edit} onclick={edit.reform(move |_: MouseEvent| id)}>{ icon(IconName::Pencil) }</button>
                    <button type="button" class="icon-btn" aria-label={(words.admin.end_sessions_of)(&user.name)}
                        title={words.admin.end_sessions} onclick={end}>{ icon(IconName::Leave) }</button>
                    <button type="button" class="icon-btn" aria-label={(words.recipients.delete_named)(&user.name)}
                        title={words.common.delete} onclick={delete}>{ icon(IconName::Trash) }</button>
                </td>
            </tr>
        }
    });
    let add = {
        let form_state = form_state.setter();
        move |_| form_state.set(FormState::Adding)
    };
    html! {
        <section aria-label={words.admin.users}>
            <div class="part-bar">
                <span class="grow"></span>
                <button type="button" class="btn btn-sm btn-primary" onclick={add}>{ icon(IconName::Plus) }{ words.admin.add_user }</button>
            </div>
            if let Some(error) = fetched.error.clone() {
                { failure(words, &error, Some(fetched.reload.clone())) }
            }
            <table class="table-plain">
                <thead><tr>
                    <th scope="col">{ words.account.name }</th><th scope="col">{ words.account.email }</th>
                    <th scope="col">{ words.admin.role }</th><th scope="col">{ words.admin.visible_alerts }</th>
                    <th scope="col">{ words.admin.last_sign_in }</th>
                    <th scope="col"><span class="sr-only">{ words.recipients.actions }</span></th>
                </tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
            { match (*form_state).clone() {
                FormState::Closed => html! {},
                FormState::Adding => html! { <UserForm done={done.clone()} close={close.clone()} /> },
                FormState::Editing(user, edited) => html! { <UserForm user={(user, edited)} done={done.clone()} close={close.clone()} /> },
                FormState::Deleting(user) => html! {
                    <ConfirmDialog title={(words.recipients.delete_named)(&user.name)} text={(words.recipients.delete_confirm)(&user.name)}
                        action={words.common.delete} path={format!("users/{}", user.id)} done={done.clone()} close={close.clone()} />
                },
            } }
            if let Some(user) = &*ending {
                <ConfirmDialog title={(words.admin.end_sessions_of)(&user.name)} text={(words.admin.end_sessions_confirm)(&user.name)}
                    action={words.admin.end_sessions} path={format!("users/{}/sessions", user.id)} done={ended} {close} />
            }
        </section>
    }
}

fn visible_alerts(words: &View, user: &User) -> Html {
    if user.matchers.is_empty() {
        html! { <span class="muted">{ words.admin.all_alerts }</span> }
    } else {
        matcher_list(&user.matchers)
    }
}

/// Time of the last sign-in, and how the user signs in.
fn last_sign_in(words: &View, user: &User) -> Html {
    html! {
        <>
            { user.last_sign_in_at.map_or_else(|| html! { { words.admin.never } }, |at| time(words, at)) }
            if user.single_sign_on {
                { " · " }{ words.admin.sign_on }
            } else if !user.has_password {
                { " · " }{ words.admin.no_password }
            }
        </>
    }
}
