use std::rc::Rc;

use gloo_net::http::Method;
use serde::de::IgnoredAny;
use tocsin_api_types::{Group, Page, Role, Route, RouteOrder, TeamRoute};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::{route_form::RouteForm, test_button::test_button};
use crate::{
    api::{self, ApiError, use_fetch},
    components::{ConfirmDialog, IconName, failure, icon, matcher_list},
    forms::{FormState, open_editor},
    i18n::{Words, use_words},
    state::{use_role, use_toasts},
};

#[derive(Properties, PartialEq)]
pub struct RoutesProps {
    pub routes: Option<Rc<Page<Route>>>,
    pub groups: Option<Rc<Page<Group>>>,
    pub error: Option<ApiError>,
    pub reload: Callback<()>,
}

/// The routes section, in evaluation order.
#[component]
pub fn Routes(props: &RoutesProps) -> Html {
    let words = use_words();
    let admin = use_role() == Role::Admin;
    let toasts = use_toasts();
    let form_state = use_state(|| FormState::<Route>::Closed);
    let moving = use_state(|| None::<ApiError>);
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
    let edit = open_editor(words, toasts.clone(), "routes", form_state.setter());
    let to = |next: FormState<Route>| {
        let form_state = form_state.setter();
        move |_: MouseEvent| form_state.set(next.clone())
    };
    let groups = props
        .groups
        .as_ref()
        .map(|page| page.items.clone())
        .unwrap_or_default();
    let list = props.routes.as_ref().map_or(&[][..], |page| &page.items);
    // Swaps two adjacent routes.
    let swap = |one: usize, two: usize| {
        let mut ids: Vec<i64> = list.iter().map(|route| route.id).collect();
        if one < ids.len() && two < ids.len() {
            ids.swap(one, two);
        }
        let (reload, moving) = (props.reload.clone(), moving.setter());
        move |_: MouseEvent| {
            let (order, reload, moving) = (
                RouteOrder { ids: ids.clone() },
                reload.clone(),
                moving.clone(),
            );
            spawn_local(async move {
                let response =
                    api::send::<_, IgnoredAny>(Method::PUT, "routes/order", &order).await;
                moving.set(response.err());
                reload.emit(());
            });
        }
    };
    let rows = list.iter().enumerate().map(|(place, route)| {
        html! {
            <tr key={route.id}>
                <td class="route-order">
                    <span class="tabular-nums muted">{ place + 1 }</span>
                    if admin {
                        <button type="button" class="icon-btn" aria-label={(words.recipients.move_up)(&route.name)}
                            disabled={place == 0} onclick={swap(place, place.wrapping_sub(1))}>{ icon(IconName::Up) }</button>
                        <button type="button" class="icon-btn" aria-label={(words.recipients.move_down)(&route.name)}
                            disabled={place + 1 == list.len()} onclick={swap(place, place + 1)}>{ icon(IconName::Down) }</button>
                    }
                </td>
                <th scope="row" class="card-name">{ &route.name }</th>
                <td>{ matchers(route, words) }</td>
                <td>{ goes_to(route, words) }</td>
                if admin {
                    <td class="card-actions">
                        { test_button(words, &toasts, format!("routeId={}", route.id), &route.name) }
                        <button type="button" class="icon-btn" aria-label={(words.recipients.edit_named)(&route.name)}
                            title={words.common.edit} onclick={{ let id = route.id; edit.reform(move |_: MouseEvent| id) }}>{ icon(IconName::Pencil) }</button>
                        <button type="button" class="icon-btn" aria-label={(words.recipients.delete_named)(&route.name)}
                            title={words.common.delete} onclick={to(FormState::Deleting(route.clone()))}>{ icon(IconName::Trash) }</button>
                    </td>
                }
            </tr>
        }
    });
    let team = use_fetch::<TeamRoute>("routes/team".to_owned());
    // Shows the choice at once: a render before the server responds would reset the
    // check box.
    let chosen = use_state(|| None::<bool>);
    {
        let chosen = chosen.setter();
        use_effect_with(team.data.clone(), move |_| chosen.set(None));
    }
    let set_team = {
        let (reload, moving) = (team.reload.clone(), moving.setter());
        let chosen = chosen.setter();
        Callback::from(move |enabled: bool| {
            let (reload, moving, chosen) = (reload.clone(), moving.clone(), chosen.clone());
            chosen.set(Some(enabled));
            spawn_local(async move {
                let route = TeamRoute { enabled };
                let response = api::send::<_, IgnoredAny>(Method::PUT, "routes/team", &route).await;
                if response.is_err() {
                    chosen.set(None);
                }
                moving.set(response.err());
                reload.emit(());
            });
        })
    };
    let team_row = team.data.as_deref().map(|team| {
        let enabled = chosen.unwrap_or(team.enabled);
        let onchange = set_team.reform(move |_: Event| !enabled);
        html! {
            <tr key="team" class={classes!((!enabled).then_some("is-off"))}>
                <td class="route-order"><span class="tabular-nums muted">{ list.len() + 1 }</span></td>
                <th scope="row" class="card-name">{ words.recipients.team_route }</th>
                <td class="muted">{ words.recipients.team_route_matches }</td>
                <td>
                    <label class="check-field">
                        <input type="checkbox" class="checkbox checkbox-sm" checked={enabled} disabled={!admin} {onchange} />
                        <span>{ words.recipients.team_route_goes }</span>
                    </label>
                </td>
                if admin {
                    <td></td>
                }
            </tr>
        }
    });
    html! {
        <section aria-label={words.recipients.routes}>
            <div class="part-bar">
                <p class="muted grow">{ words.recipients.routes_why }</p>
                if admin {
                    <button type="button" class="btn btn-sm btn-primary" onclick={to(FormState::Adding)}>
                        { icon(IconName::Plus) }{ words.recipients.add_route }
                    </button>
                }
            </div>
            if let Some(error) = props.error.clone().or((*moving).clone()) {
                { failure(words, &error, Some(props.reload.clone())) }
            }
            if props.routes.is_some() {
                <table class="table-plain">
                    <thead><tr>
                        <th scope="col">{ words.recipients.order }</th><th scope="col">{ words.recipients.name }</th>
                        <th scope="col">{ words.recipients.matchers }</th><th scope="col">{ words.recipients.groups }</th>
                        if admin {
                            <th scope="col"><span class="sr-only">{ words.recipients.actions }</span></th>
                        }
                    </tr></thead>
                    <tbody>{ for rows }{ for team_row }</tbody>
                </table>
            }
            { match (*form_state).clone() {
                FormState::Closed => html! {},
                FormState::Adding => html! { <RouteForm {groups} {done} {close} /> },
                FormState::Editing(route, edited) => html! { <RouteForm route={(route, edited)} {groups} {done} {close} /> },
                FormState::Deleting(route) => html! {
                    <ConfirmDialog title={(words.recipients.delete_named)(&route.name)} text={(words.recipients.delete_confirm)(&route.name)}
                        action={words.common.delete} path={format!("routes/{}", route.id)} {done} {close} />
                },
            } }
        </section>
    }
}

fn matchers(route: &Route, words: &Words) -> Html {
    if route.matchers.is_empty() {
        return html! { <span class="muted">{ words.recipients.all_alerts }</span> };
    }
    matcher_list(&route.matchers)
}

fn goes_to(route: &Route, words: &Words) -> Html {
    let names: Vec<&str> = route
        .groups
        .iter()
        .map(|group| group.name.as_str())
        .collect();
    html! {
        <>
            if names.is_empty() {
                <span class="muted">{ words.recipients.no_notification }</span>
            } else {
                { names.join(", ") }
            }
            if route.continue_ {
                <span class="pill pill-quiet ms-2">{ words.recipients.continues }</span>
            }
            if !route.repeat {
                <span class="pill pill-quiet ms-2">{ words.recipients.no_repeat }</span>
            }
        </>
    }
}
