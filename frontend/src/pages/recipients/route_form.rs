use tocsin_api_types::{Group, Route, RouteInput};
use yew::prelude::*;

use super::submit::{body, use_submit};
use crate::{
    components::{Choices, Dialog, IconName, TextField, check_field, icon},
    i18n::use_words,
    query::looks_like_matcher,
};

#[derive(Properties, PartialEq)]
pub struct RouteFormProps {
    /// The one to change; none for a new one.
    #[prop_or_default]
    pub route: Option<Route>,
    pub groups: Vec<Group>,
    pub done: Callback<()>,
    pub close: Callback<()>,
}

fn input_of(route: Option<&Route>) -> RouteInput {
    RouteInput {
        name: route.map(|route| route.name.clone()).unwrap_or_default(),
        matchers: route.map_or_else(|| vec![String::new()], |route| route.matchers.clone()),
        group_ids: route
            .map(|route| route.groups.iter().map(|group| group.id).collect())
            .unwrap_or_default(),
        continue_: route.is_some_and(|route| route.continue_),
        repeat: route.is_none_or(|route| route.repeat),
        position: None,
    }
}

/// Adds or changes a route.
#[component]
pub fn RouteForm(props: &RouteFormProps) -> Html {
    let words = use_words();
    let input = use_state(|| input_of(props.route.as_ref()));
    let tried = use_state_eq(|| false);
    let submit = use_submit("routes", props.done.clone());
    let id = props.route.as_ref().map(|route| route.id);
    let name = {
        let input = input.clone();
        Callback::from(move |name| {
            input.set(RouteInput {
                name,
                ..(*input).clone()
            })
        })
    };
    let chosen = {
        let input = input.clone();
        Callback::from(move |group_ids| {
            input.set(RouteInput {
                group_ids,
                ..(*input).clone()
            })
        })
    };
    let go_on = {
        let input = input.clone();
        Callback::from(move |continue_| {
            input.set(RouteInput {
                continue_,
                ..(*input).clone()
            })
        })
    };
    let repeat = {
        let input = input.clone();
        Callback::from(move |repeat| {
            input.set(RouteInput {
                repeat,
                ..(*input).clone()
            })
        })
    };
    let matchers = {
        let input = input.clone();
        Callback::from(move |matchers| {
            input.set(RouteInput {
                matchers,
                ..(*input).clone()
            })
        })
    };
    let onsubmit = {
        let (input, send, tried) = (input.clone(), submit.send.clone(), tried.setter());
        move |event: SubmitEvent| {
            event.prevent_default();
            tried.set(true);
            // Empty lines are dropped, here and on the form, so that what the
            // server says of the second matcher stands beside the second line.
            let mut next = (*input).clone();
            next.matchers.retain(|matcher| !matcher.trim().is_empty());
            input.set(next.clone());
            send.emit((id, body(&next)));
        }
    };
    let title = match &props.route {
        Some(route) => (words.people.edit_named)(&route.name),
        None => words.people.add_route.to_owned(),
    };
    let all: Vec<(i64, String)> = props
        .groups
        .iter()
        .map(|g| (g.id, g.name.clone()))
        .collect();
    html! {
        <Dialog {title} close={props.close.clone()} keep={true}>
            <form class="form" {onsubmit} novalidate={true}>
                { TextField {
                    id: "route-name".into(),
                    label: words.people.name.into(),
                    value: input.name.clone().into(),
                    autofocus: true,
                    change: name,
                    error: submit.field("name"),
                    ..TextField::default()
                }.draw() }
                <fieldset class="field">
                    <legend>{ words.people.matchers }</legend>
                    { for input.matchers.iter().enumerate().map(|(place, text)| {
                        let wrong = *tried && !text.trim().is_empty() && !looks_like_matcher(text);
                        let error = submit.field(&format!("matchers[{place}]"))
                            .or_else(|| wrong.then(|| words.people.matcher_wrong.to_owned()));
                        let (edit, drop) = (matchers.clone(), matchers.clone());
                        let (one, two) = (input.matchers.clone(), input.matchers.clone());
                        let change = Callback::from(move |text| {
                            let mut next = one.clone();
                            next[place] = text;
                            edit.emit(next);
                        });
                        let onclick = move |_| {
                            let mut next = two.clone();
                            next.remove(place);
                            drop.emit(next);
                        };
                        html! {
                            <div class="matcher-line" key={place}>
                                { TextField {
                                    id: format!("matcher-{place}").into(),
                                    label: (words.people.matcher_n)(place + 1).into(),
                                    value: text.clone().into(),
                                    change,
                                    error,
                                    placeholder: "team=\"infra\"".into(),
                                    maxlength: 1000,
                                    ..TextField::default()
                                }.draw() }
                                <button type="button" class="icon-btn" aria-label={words.people.remove_matcher}
                                    title={words.people.remove_matcher} {onclick}>{ icon(IconName::Close) }</button>
                            </div>
                        }
                    }) }
                    <button type="button" class="link-btn" onclick={{
                        let (matchers, mut next) = (matchers.clone(), input.matchers.clone());
                        next.push(String::new());
                        move |_| matchers.emit(next.clone())
                    }}>{ icon(IconName::Plus) }{ words.people.add_matcher }</button>
                    <p class="field-hint">{ words.people.matchers_hint }</p>
                </fieldset>
                { Choices {
                    label: words.people.to_groups,
                    hint: words.people.to_groups_hint,
                    all,
                    chosen: &input.group_ids,
                    change: chosen,
                    error: submit.field("groupIds"),
                }.draw(words) }
                { check_field(words.people.repeat, words.people.repeat_hint, input.repeat, repeat) }
                { check_field(words.people.go_on, words.people.go_on_hint, input.continue_, go_on) }
                { submit.end(words, &props.close) }
            </form>
        </Dialog>
    }
}
