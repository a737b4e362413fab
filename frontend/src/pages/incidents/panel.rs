use std::rc::Rc;

use tocsin_api_types::{Alert, ChangeEvent, Incident, IncidentDetail, Page};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::super::detail::{AckBox, Frame, history, label_table, safe_link};
use crate::{
    api::{self, ApiError, use_fetch},
    components::{RouteLink, duration, exact_time, failure, severity, state_badge, time},
    list::Value,
    query::push_pair,
    route::Route,
    state::{Signal, View, use_signals, use_view},
};

#[derive(Properties, PartialEq)]
pub struct IncidentPanelProps {
    pub id: i64,
}

/// The panel of an incident.
#[component]
pub fn IncidentPanel(props: &IncidentPanelProps) -> Html {
    let words = &use_view();
    let id = props.id;
    let fetched = use_fetch::<IncidentDetail>(format!("incidents/{id}"));
    let reload = fetched.reload.clone();
    use_signals(Callback::from(move |signal| match signal {
        Signal::Resync | Signal::LocalChange | Signal::Change(ChangeEvent::Notification(_)) => {
            reload.emit(());
        }
        Signal::Change(ChangeEvent::Incident(change)) if change.id == id => reload.emit(()),
        Signal::Change(_) => {}
    }));
    let title = fetched
        .data
        .as_ref()
        .map(|detail| detail.incident.alertname.clone());
    let failure = fetched.error.clone().map(|error| match error.is_missing() {
        true => html! { <p class="muted">{ words.detail.missing }</p> },
        false => html! { { failure(words, &error, Some(fetched.reload.clone())) } },
    });
    let body = fetched.data.map(|detail| body(words, &detail));
    html! {
        <Frame kind={format!("{} #{id}", words.detail.incident)} title={title.unwrap_or_default()}>
            { failure }
            { body }
        </Frame>
    }
}

fn body(words: &View, detail: &Rc<IncidentDetail>) -> Html {
    let incident = &detail.incident;
    html! {
        <>
            { head(incident, words) }
            <AckBox incident={incident.clone()} />
            { facts(incident, words) }
            <section><h3>{ words.detail.labels }</h3>{ label_table(words, &incident.labels, true) }</section>
            <section><h3>{ words.detail.annotations }</h3>{ label_table(words, &incident.annotations, false) }</section>
            <section><h3>{ words.detail.timeline }</h3><History detail={detail.clone()} /></section>
            <section><h3>{ words.detail.other_incidents }</h3>{ episodes(detail, words) }</section>
        </>
    }
}

/// Location, state and severity.
fn head(incident: &Incident, words: &View) -> Html {
    html! {
        <div class="panel-lead">
            <p class="panel-where">
                if incident.instance.is_empty() {
                    { words.common.unknown }
                } else {
                    <Value name="instance" value={incident.instance.clone()} />
                }
                if !incident.team.is_empty() {
                    { " · " }<Value name="team" value={incident.team.clone()} />
                }
                { " · " }<Value name="source" value={incident.source.clone()} />
            </p>
            <p class="panel-badges">
                { state_badge(words, incident.state, incident.stale) }{ severity(words, &incident.severity) }
            </p>
            if !incident.message.is_empty() {
                <p class="panel-message">{ &incident.message }</p>
            }
            if !incident.generator_url.is_empty() {
                <p class="break-words">{ safe_link(&incident.generator_url, words.detail.graph) }</p>
            }
        </div>
    }
}

fn facts(incident: &Incident, words: &View) -> Html {
    html! {
        <dl class="facts">
            <div><dt>{ words.detail.started }</dt><dd>{ exact_time(words, incident.starts_at) }</dd></div>
            <div><dt>{ words.detail.ended }</dt><dd>
                if let Some(at) = incident.ends_at { { exact_time(words, at) } } else { { words.detail.not_ended } }
            </dd></div>
            <div><dt>{ words.detail.duration }</dt><dd>{ duration(words, incident.starts_at, incident.ends_at) }</dd></div>
            <div><dt>{ words.detail.received_times }</dt><dd>{ (words.detail.times)(incident.occurrences) }</dd></div>
            <div><dt>{ words.detail.first_seen }</dt><dd>{ exact_time(words, incident.first_seen_at) }</dd></div>
            <div><dt>{ words.detail.last_seen }</dt><dd>{ time(words, incident.last_seen_at) }</dd></div>
            <div><dt>{ words.detail.senders }</dt><dd>{ incident.senders }</dd></div>
            <div><dt>{ words.detail.fingerprint }</dt><dd><code>{ &incident.fingerprint }</code></dd></div>
        </dl>
    }
}

#[derive(Properties, PartialEq)]
struct HistoryProps {
    detail: Rc<IncidentDetail>,
}

/// The timeline, with a button to load earlier entries.
#[component]
fn History(props: &HistoryProps) -> Html {
    let words = &use_view();
    // `None` until earlier entries are loaded. A page may be empty.
    let earlier = use_state(|| None::<Page<Alert>>);
    let error = use_state(|| None::<ApiError>);
    let first = &props.detail.entries;
    let last = earlier.as_ref().unwrap_or(first);
    let cursor = last.next_cursor.clone();
    let items = earlier.as_ref().map_or(&[][..], |earlier| &earlier.items);
    let more = cursor.map(|cursor| {
        let (earlier, error, id) = (earlier.clone(), error.clone(), props.detail.incident.id);
        Callback::from(move |()| {
            let (earlier, error) = (earlier.clone(), error.clone());
            let mut query = String::new();
            push_pair(&mut query, "cursor", &cursor);
            spawn_local(async move {
                match api::get::<IncidentDetail>(&format!("incidents/{id}?{query}"), None).await {
                    Ok(next) => {
                        let mut page = next.entries;
                        let mut items = earlier
                            .as_ref()
                            .map_or_else(Vec::new, |earlier| earlier.items.clone());
                        items.append(&mut page.items);
                        page.items = items;
                        earlier.set(Some(page));
                        error.set(None);
                    }
                    Err(problem) => error.set(Some(problem)),
                }
            });
        })
    });
    html! {
        <>
            { history(words, &props.detail, items) }
            if let Some(error) = (*error).clone() {
                { failure(words, &error, more.clone()) }
            } else if let Some(more) = more {
                <button type="button" class="btn btn-sm" onclick={more.reform(|_| ())}>{ words.detail.more }</button>
            }
        </>
    }
}

fn episodes(detail: &IncidentDetail, words: &View) -> Html {
    let others: Vec<&Incident> = detail
        .episodes
        .iter()
        .filter(|other| other.id != detail.incident.id)
        .collect();
    if others.is_empty() {
        return html! { <p class="muted">{ words.detail.no_other_incidents }</p> };
    }
    html! {
        <ul class="plain-list">
            { for others.into_iter().map(|other| html! {
                <li key={other.id} class="episode">
                    <RouteLink class="link" to={Route::Incident { id: other.id }}>{ exact_time(words, other.starts_at) }</RouteLink>
                    { duration(words, other.starts_at, other.ends_at) }
                    { state_badge(words, other.state, other.stale) }
                    <span class="muted tabular-nums">{ format!("×{}", other.occurrences) }</span>
                </li>
            }) }
        </ul>
    }
}
