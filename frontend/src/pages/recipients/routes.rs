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
    forms::{Doing, open},
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

/// Which alerts go to which groups, in order.
#[component]
pub fn Routes(props: &RoutesProps) -> Html {
    let words = use_words();
    let admin = use_role() == Role::Admin;
    let toasts = use_toasts();
    let doing = use_state(|| Doing::<Route>::Nothing);
    let moving = use_state(|| None::<ApiError>);
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
    let edit = open(words, toasts.clone(), "routes", doing.setter());
    let to = |next: Doing<Route>| {
        let doing = doing.setter();
        move |_: MouseEvent| doing.set(next.clone())
    };
    let groups = props
        .groups
        .as_ref()
        .map(|page| page.items.clone())
        .unwrap_or_default();
    let list = props.routes.as_ref().map_or(&[][..], |page| &page.items);
    // Swaps a route with the one before or after it.
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
                let answer = api::send::<_, IgnoredAny>(Method::PUT, "routes/order", &order).await;
                moving.set(answer.err());
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
                        <button type="button" class="icon-btn" aria-label={(words.people.move_up)(&route.name)}
                            disabled={place == 0} onclick={swap(place, place.wrapping_sub(1))}>{ icon(IconName::Up) }</button>
                        <button type="button" class="icon-btn" aria-label={(words.people.move_down)(&route.name)}
                            disabled={place + 1 == list.len()} onclick={swap(place, place + 1)}>{ icon(IconName::Down) }</button>
                    }
                </td>
                <th scope="row" class="card-name">{ &route.name }</th>
                <td>{ matchers(route, words) }</td>
                <td>{ goes_to(route, words) }</td>
                if admin {
                    <td class="card-actions">
                        { test_button(words, &toasts, format!("routeId={}", route.id), &route.name) }
                        <button type="button" class="icon-btn" aria-label={(words.people.edit_named)(&route.name)}
                            title={words.common.edit} onclick={{ let id = route.id; edit.reform(move |_: MouseEvent| id) }}>{ icon(IconName::Pencil) }</button>
                        <button type="button" class="icon-btn" aria-label={(words.people.delete_named)(&route.name)}
                            title={words.common.delete} onclick={to(Doing::Deleting(route.clone()))}>{ icon(IconName::Trash) }</button>
                    </td>
                }
            </tr>
        }
    });
    let team = use_fetch::<TeamRoute>("routes/team".to_owned());
    // What was chosen is shown at once: a render before the server has answered
    // would otherwise set the box back.
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
                let answer = api::send::<_, IgnoredAny>(Method::PUT, "routes/team", &route).await;
                if answer.is_err() {
                    chosen.set(None);
                }
                moving.set(answer.err());
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
                <th scope="row" class="card-name">{ words.people.team_route }</th>
                <td class="muted">{ words.people.team_route_matches }</td>
                <td>
                    <label class="check-field">
                        <input type="checkbox" class="checkbox checkbox-sm" checked={enabled} disabled={!admin} {onchange} />
                        <span>{ words.people.team_route_goes }</span>
                    </label>
                </td>
                if admin {
                    <td></td>
                }
            </tr>
        }
    });
    html! {
        <section aria-label={words.people.routes}>
            <div class="part-bar">
                <p class="muted grow">{ words.people.routes_why }</p>
                if admin {
                    <button type="button" class="btn btn-sm btn-primary" onclick={to(Doing::Adding)}>
                        { icon(IconName::Plus) }{ words.people.add_route }
                    </button>
                }
            </div>
            if let Some(error) = props.error.clone().or((*moving).clone()) {
                { failure(words, &error, Some(props.reload.clone())) }
            }
            if props.routes.is_some() {
                <table class="table-plain">
                    <thead><tr>
                        <th scope="col">{ words.people.order }</th><th scope="col">{ words.people.name }</th>
                        <th scope="col">{ words.people.matchers }</th><th scope="col">{ words.people.groups }</th>
                        if admin {
                            <th scope="col"><span class="sr-only">{ words.people.actions }</span></th>
                        }
                    </tr></thead>
                    <tbody>{ for rows }{ for team_row }</tbody>
                </table>
            }
            { match (*doing).clone() {
                Doing::Nothing => html! {},
                Doing::Adding => html! { <RouteForm {groups} {done} {close} /> },
                Doing::Editing(route, edited) => html! { <RouteForm route={(route, edited)} {groups} {done} {close} /> },
                Doing::Deleting(route) => html! {
                    <ConfirmDialog title={(words.people.delete_named)(&route.name)} text={(words.people.delete_sure)(&route.name)}
                        action={words.common.delete} path={format!("routes/{}", route.id)} {done} {close} />
                },
            } }
        </section>
    }
}

fn matchers(route: &Route, words: &Words) -> Html {
    if route.matchers.is_empty() {
        return html! { <span class="muted">{ words.people.everything }</span> };
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
                <span class="muted">{ words.people.no_groups }</span>
            } else {
                { names.join(", ") }
            }
            if route.continue_ {
                <span class="pill pill-quiet ms-2">{ words.people.goes_on }</span>
            }
            if !route.repeat {
                <span class="pill pill-quiet ms-2">{ words.people.no_repeat }</span>
            }
        </>
    }
}
