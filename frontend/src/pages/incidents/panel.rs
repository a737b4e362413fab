use tocsin_api_types::{Alert, ChangeEvent, Incident, IncidentDetail, Page};
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use super::super::detail::{AckBox, Fact, Facts, Frame, History, LabelTable, SafeLink};
use crate::{
    api::{self, ApiError, use_fetch},
    components::{Duration, Failure, RouteLink, Severity, StateBadge, Time},
    i18n::{Words, use_words},
    list::Value,
    query::push_pair,
    route::Route,
    state::{Signal, use_signals},
};

#[derive(Properties, PartialEq)]
pub struct IncidentPanelProps {
    pub id: i64,
}

/// One incident, beside the list.
#[component]
pub fn IncidentPanel(props: &IncidentPanelProps) -> Html {
    let words = use_words();
    let id = props.id;
    let fetched = use_fetch::<IncidentDetail>(format!("incidents/{id}"));
    let reload = fetched.reload.clone();
    use_signals(Callback::from(move |signal| match signal {
        Signal::Resync | Signal::Change(ChangeEvent::Notification(_)) => reload.emit(()),
        Signal::Change(ChangeEvent::Incident(change)) if change.id == id => reload.emit(()),
        Signal::Change(_) => {}
    }));
    let title = fetched
        .data
        .as_ref()
        .map(|detail| detail.incident.alertname.clone());
    let failure = fetched.error.clone().map(|error| match error.is_missing() {
        true => html! { <p class="muted">{ words.detail.missing }</p> },
        false => html! { <Failure {error} again={fetched.reload.clone()} /> },
    });
    let body = fetched.data.map(|detail| html! { <Body {detail} /> });
    html! {
        <Frame kind={format!("{} #{id}", words.detail.incident)} title={title.unwrap_or_default()}>
            { failure }
            { body }
        </Frame>
    }
}

#[derive(Properties, PartialEq)]
struct BodyProps {
    detail: std::rc::Rc<IncidentDetail>,
}

#[component]
fn Body(props: &BodyProps) -> Html {
    let words = use_words();
    let incident = &props.detail.incident;
    html! {
        <>
            { head(incident, words) }
            <AckBox incident={incident.clone()} />
            { facts(incident, words) }
            <section><h3>{ words.detail.labels }</h3><LabelTable labels={incident.labels.clone()} filter={true} /></section>
            <section><h3>{ words.detail.annotations }</h3><LabelTable labels={incident.annotations.clone()} /></section>
            <section><h3>{ words.detail.timeline }</h3><Happenings detail={props.detail.clone()} /></section>
            <section><h3>{ words.detail.episodes }</h3>{ episodes(&props.detail, words) }</section>
        </>
    }
}

/// What and where, and how bad.
fn head(incident: &Incident, words: &Words) -> Html {
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
                <StateBadge state={incident.state} stale={incident.stale} /><Severity value={incident.severity.clone()} />
            </p>
            if !incident.message.is_empty() {
                <p class="panel-message">{ &incident.message }</p>
            }
            if !incident.generator_url.is_empty() {
                <p class="break-words"><SafeLink to={incident.generator_url.clone()} text={words.detail.graph} /></p>
            }
        </div>
    }
}

fn facts(incident: &Incident, words: &Words) -> Html {
    html! {
        <Facts>
            <Fact name={words.detail.started}><Time at={incident.starts_at} exact={true} /></Fact>
            <Fact name={words.detail.ended}>
                if let Some(at) = incident.ends_at { <Time {at} exact={true} /> } else { { words.detail.not_ended } }
            </Fact>
            <Fact name={words.detail.duration}><Duration from={incident.starts_at} to={incident.ends_at} /></Fact>
            <Fact name={words.detail.occurrences}>{ (words.detail.times)(incident.occurrences) }</Fact>
            <Fact name={words.detail.first_seen}><Time at={incident.first_seen_at} exact={true} /></Fact>
            <Fact name={words.detail.last_seen}><Time at={incident.last_seen_at} /></Fact>
            <Fact name={words.detail.senders}>{ incident.senders }</Fact>
            <Fact name={words.detail.fingerprint}><code>{ &incident.fingerprint }</code></Fact>
        </Facts>
    }
}

/// The history, with a way to what lies further back.
#[component]
fn Happenings(props: &BodyProps) -> Html {
    let words = use_words();
    let earlier = use_state(|| Page::<Alert> {
        items: Vec::new(),
        next_cursor: None,
    });
    let error = use_state(|| None::<ApiError>);
    let first = &props.detail.entries;
    let cursor = if earlier.items.is_empty() {
        first.next_cursor.clone()
    } else {
        earlier.next_cursor.clone()
    };
    let more = cursor.map(|cursor| {
        let (earlier, error, id) = (earlier.clone(), error.clone(), props.detail.incident.id);
        Callback::from(move |()| {
            let (earlier, error) = (earlier.clone(), error.clone());
            let mut query = String::new();
            push_pair(&mut query, "cursor", &cursor);
            spawn_local(async move {
                match api::get::<IncidentDetail>(&format!("incidents/{id}?{query}"), None).await {
                    Ok(next) => {
                        let mut items = earlier.items.clone();
                        items.extend(next.entries.items);
                        earlier.set(Page {
                            items,
                            next_cursor: next.entries.next_cursor,
                        });
                        error.set(None);
                    }
                    Err(problem) => error.set(Some(problem)),
                }
            });
        })
    });
    html! {
        <>
            <History detail={props.detail.clone()} earlier={earlier.items.clone()} />
            if let Some(error) = (*error).clone() {
                <Failure {error} again={more.clone()} />
            } else if let Some(more) = more {
                <button type="button" class="btn btn-sm" onclick={more.reform(|_| ())}>{ words.detail.more }</button>
            }
        </>
    }
}

fn episodes(detail: &IncidentDetail, words: &Words) -> Html {
    let others: Vec<&Incident> = detail
        .episodes
        .iter()
        .filter(|other| other.id != detail.incident.id)
        .collect();
    if others.is_empty() {
        return html! { <p class="muted">{ words.detail.no_episodes }</p> };
    }
    html! {
        <ul class="plain-list">
            { for others.into_iter().map(|other| html! {
                <li key={other.id} class="episode">
                    <RouteLink class="link" to={Route::Incident { id: other.id }}><Time at={other.starts_at} exact={true} /></RouteLink>
                    <Duration from={other.starts_at} to={other.ends_at} />
                    <StateBadge state={other.state} stale={other.stale} />
                    <span class="muted tabular-nums">{ format!("×{}", other.occurrences) }</span>
                </li>
            }) }
        </ul>
    }
}
