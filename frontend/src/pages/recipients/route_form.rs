use tocsin_api_types::{Group, Route, RouteInput};
use yew::prelude::*;

use crate::{
    components::{CheckboxGroup, Dialog, Matchers, TextField, check_field, non_empty_lines},
    forms::{ConflictView, Edited, body, use_submit},
    i18n::use_words,
};

#[derive(Properties, PartialEq)]
pub struct RouteFormProps {
    /// The route to edit; `None` for a new one.
    #[prop_or_default]
    pub route: Option<(Route, Edited)>,
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

fn set(state: &UseStateHandle<bool>) -> Callback<bool> {
    let state = state.setter();
    Callback::from(move |is| state.set(is))
}

#[component]
pub fn RouteForm(props: &RouteFormProps) -> Html {
    let words = use_words();
    let input = use_state(|| input_of(props.route.as_ref().map(|(route, _)| route)));
    let base = use_state(|| body(&*input));
    let tried = use_state_eq(|| false);
    // Matching every alert and notifying no one are easy mistakes, so both need
    // confirmation.
    let before = props.route.as_ref().map(|(route, _)| route);
    let all = use_state_eq(|| before.is_some_and(|route| route.matchers.is_empty()));
    let no_recipients = use_state_eq(|| before.is_some_and(|route| route.groups.is_empty()));
    let edited = props.route.as_ref().map(|(_, edited)| edited.clone());
    let submit = use_submit("routes", edited, props.done.reform(|_| ()));
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
    let continue_matching = {
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
        let (all, no_recipients) = (*all, *no_recipients);
        move |event: SubmitEvent| {
            event.prevent_default();
            tried.set(true);
            let next = RouteInput {
                matchers: non_empty_lines(&input.matchers),
                ..(*input).clone()
            };
            input.set(next.clone());
            let is_complete =
                (all || !next.matchers.is_empty()) && (no_recipients || !next.group_ids.is_empty());
            if is_complete {
                send.emit(body(&next));
            }
        }
    };
    let title = match &props.route {
        Some((route, _)) => (words.recipients.edit_named)(&route.name),
        None => words.recipients.add_route.to_owned(),
    };
    let groups: Vec<(i64, String)> = props
        .groups
        .iter()
        .map(|g| (g.id, g.name.clone()))
        .collect();
    html! {
        <Dialog {title} close={props.close.clone()} keep={true}>
            <form class="form" {onsubmit} novalidate={true}>
                { TextField {
                    id: "route-name".into(),
                    label: words.recipients.name.into(),
                    value: input.name.clone().into(),
                    autofocus: true,
                    change: name,
                    error: submit.field("name"),
                    ..TextField::default()
                }.draw() }
                { Matchers {
                    label: words.recipients.matchers,
                    hint: words.recipients.matchers_hint,
                    lines: &input.matchers,
                    change: matchers,
                    tried: *tried,
                    wrong: &|field| submit.field(field),
                }.draw(words) }
                if non_empty_lines(&input.matchers).is_empty() {
                    { check_field(words.recipients.match_all, "", *all, set(&all)) }
                    if *tried && !*all {
                        <p class="field-error" role="alert">{ words.recipients.match_all_missing }</p>
                    }
                }
                { CheckboxGroup {
                    label: words.recipients.to_groups,
                    hint: words.recipients.to_groups_hint,
                    all: groups.clone(),
                    chosen: &input.group_ids,
                    change: chosen,
                    error: submit.field("groupIds"),
                }.draw(words) }
                if input.group_ids.is_empty() {
                    { check_field(words.recipients.do_not_notify, "", *no_recipients, set(&no_recipients)) }
                    if *tried && !*no_recipients {
                        <p class="field-error" role="alert">{ words.recipients.do_not_notify_missing }</p>
                    }
                }
                { check_field(words.recipients.repeat, words.recipients.repeat_hint, input.repeat, repeat) }
                { check_field(words.recipients.continue_matching, words.recipients.continue_hint, input.continue_, continue_matching) }
                { ConflictView {
                    base: (*base).clone(),
                    mine: body(&*input),
                    theirs: &|object| serde_json::from_value(object.clone()).ok().map(|theirs| body(&input_of(Some(&theirs)))),
                    labels: &[
                        ("name", words.recipients.name), ("matchers", words.recipients.matchers), ("groupIds", words.recipients.to_groups),
                        ("continue", words.recipients.continue_matching), ("repeat", words.recipients.repeat),
                    ],
                    names: &groups,
                    load,
                }.draw(words, &submit) }
                { submit.end(words, &props.close) }
            </form>
        </Dialog>
    }
}
