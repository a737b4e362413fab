use tocsin_api_types::{Alert, AlertDetail, ChangeEvent, Delivery, IncidentDetail};
use yew::prelude::*;

use super::super::detail::{AckBox, Fact, Facts, Frame, LabelTable, SafeLink};
use crate::{
    api::{self, use_fetch},
    components::{Failure, Icon, IconName, RouteLink, Severity, StatusBadge, Time},
    i18n::{Words, use_words},
    list::Value,
    route::Route,
    state::{Signal, use_signals},
};

#[derive(Properties, PartialEq)]
pub struct EntryPanelProps {
    pub id: i64,
}

/// One entry of the log, beside the list.
#[component]
pub fn EntryPanel(props: &EntryPanelProps) -> Html {
    let words = use_words();
    let fetched = use_fetch::<AlertDetail>(format!("alerts/{}", props.id));
    let title = fetched
        .data
        .as_ref()
        .map(|detail| detail.alert.alertname.clone());
    let failure = fetched.error.clone().map(|error| match error.is_missing() {
        true => html! { <p class="muted">{ words.detail.missing }</p> },
        false => html! { <Failure {error} again={fetched.reload.clone()} /> },
    });
    let body = fetched.data.as_ref().map(|detail| body(detail, words));
    html! {
        <Frame kind={format!("{} #{}", words.detail.entry, props.id)} title={title.unwrap_or_default()}>
            { failure }
            { body }
        </Frame>
    }
}

fn body(detail: &AlertDetail, words: &Words) -> Html {
    let AlertDetail { alert, delivery } = detail;
    html! {
        <>
            { head(alert, words) }
            <OfIncident id={alert.incident_id} />
            <Facts>
                <Fact name={words.detail.received}><Time at={alert.received_at} exact={true} /></Fact>
                <Fact name={words.detail.started}><Time at={alert.starts_at} exact={true} /></Fact>
                <Fact name={words.detail.ended}>
                    if let Some(at) = alert.ends_at { <Time {at} exact={true} /> } else { { words.detail.not_ended } }
                </Fact>
                <Fact name={words.detail.fingerprint}><code>{ &alert.fingerprint }</code></Fact>
            </Facts>
            <section><h3>{ words.detail.labels }</h3><LabelTable labels={alert.labels.clone()} filter={true} /></section>
            <section><h3>{ words.detail.annotations }</h3><LabelTable labels={alert.annotations.clone()} /></section>
            <section><h3>{ words.detail.delivery }</h3>{ told_by(delivery, words) }</section>
        </>
    }
}

/// What and where, and how bad.
fn head(alert: &Alert, words: &Words) -> Html {
    html! {
        <div class="panel-lead">
            <p class="panel-where">
                if alert.instance.is_empty() {
                    { words.common.unknown }
                } else {
                    <Value name="instance" value={alert.instance.clone()} />
                }
                if !alert.team.is_empty() {
                    { " · " }<Value name="team" value={alert.team.clone()} />
                }
                { " · " }<Value name="source" value={alert.source.clone()} />
            </p>
            <p class="panel-badges">
                <StatusBadge status={alert.status} /><Severity value={alert.severity.clone()} />
                <span class="muted">{ (words.common.kind)(alert.kind) }</span>
            </p>
            if !alert.message.is_empty() {
                <p class="panel-message">{ &alert.message }</p>
            }
            if !alert.generator_url.is_empty() {
                <p class="break-words"><SafeLink to={alert.generator_url.clone()} text={words.detail.graph} /></p>
            }
            <RouteLink class="link" to={Route::Incident { id: alert.incident_id }}>
                { words.detail.whole_incident }{ format!(" #{}", alert.incident_id) }<Icon name={IconName::Right} />
            </RouteLink>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct OfIncidentProps {
    id: i64,
}

/// The incident's acknowledgement: an entry has none of its own.
#[component]
fn OfIncident(props: &OfIncidentProps) -> Html {
    let id = props.id;
    let fetched = use_fetch::<IncidentDetail>(format!("incidents/{id}"));
    let reload = fetched.reload.clone();
    use_signals(Callback::from(move |signal| match signal {
        Signal::Resync => reload.emit(()),
        Signal::Change(ChangeEvent::Incident(change)) if change.id == id => reload.emit(()),
        Signal::Change(_) => {}
    }));
    match (&fetched.data, fetched.error) {
        (Some(detail), _) => html! { <AckBox incident={detail.incident.clone()} /> },
        (None, Some(error)) => html! { <Failure {error} again={fetched.reload} /> },
        (None, None) => html! {},
    }
}

fn told_by(delivery: &Delivery, words: &Words) -> Html {
    html! {
        <>
            <Facts>
                <Fact name={words.detail.sender}><SafeLink to={delivery.sender.clone()} /></Fact>
                <Fact name={words.detail.receiver}>{ &delivery.receiver }</Fact>
                <Fact name={words.detail.delivery_alerts}>
                    { delivery.alerts }
                    if delivery.truncated_alerts > 0 {
                        <span class="muted">{ " · " }{ (words.detail.truncated)(delivery.truncated_alerts) }</span>
                    }
                </Fact>
            </Facts>
            if delivery.raw_available {
                <a class="link" target="_blank" rel="noopener" href={api::address(&format!("deliveries/{}/raw", delivery.id))}>
                    { words.detail.raw }<Icon name={IconName::External} />
                </a>
            } else {
                <p class="muted">{ words.detail.raw_gone }</p>
            }
        </>
    }
}
