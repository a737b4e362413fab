use tocsin_api_types::{Alert, AlertDetail, ChangeEvent, Delivery, IncidentDetail};
use yew::prelude::*;

use super::super::detail::{AckBox, Frame, label_table, safe_link};
use crate::{
    api::{self, use_fetch},
    components::{IconName, RouteLink, exact_time, failure, icon, severity, status_badge},
    list::Value,
    route::Route,
    state::{Signal, View, use_signals, use_view},
};

#[derive(Properties, PartialEq)]
pub struct EntryPanelProps {
    pub id: i64,
}

/// The panel of a log entry.
#[component]
pub fn EntryPanel(props: &EntryPanelProps) -> Html {
    let words = &use_view();
    let fetched = use_fetch::<AlertDetail>(format!("alerts/{}", props.id));
    let title = fetched
        .data
        .as_ref()
        .map(|detail| detail.alert.alertname.clone());
    let failure = fetched.error.clone().map(|error| match error.is_missing() {
        true => html! { <p class="muted">{ words.detail.missing }</p> },
        false => html! { { failure(words, &error, Some(fetched.reload.clone())) } },
    });
    let body = fetched.data.as_ref().map(|detail| body(detail, words));
    html! {
        <Frame kind={format!("{} #{}", words.detail.entry, props.id)} title={title.unwrap_or_default()}>
            { failure }
            { body }
        </Frame>
    }
}

fn body(detail: &AlertDetail, words: &View) -> Html {
    let AlertDetail { alert, delivery } = detail;
    html! {
        <>
            { head(alert, words) }
            <IncidentAck id={alert.incident_id} />
            <dl class="facts">
                <div><dt>{ words.detail.received }</dt><dd>{ exact_time(words, alert.received_at) }</dd></div>
                <div><dt>{ words.detail.started }</dt><dd>{ exact_time(words, alert.starts_at) }</dd></div>
                <div><dt>{ words.detail.ended }</dt><dd>
                    if let Some(at) = alert.ends_at { { exact_time(words, at) } } else { { words.detail.not_ended } }
                </dd></div>
                <div><dt>{ words.detail.fingerprint }</dt><dd><code>{ &alert.fingerprint }</code></dd></div>
            </dl>
            <section><h3>{ words.detail.labels }</h3>{ label_table(words, &alert.labels, true) }</section>
            <section><h3>{ words.detail.annotations }</h3>{ label_table(words, &alert.annotations, false) }</section>
            // Not available to users who do not see all alerts.
            if let Some(delivery) = delivery {
                <section><h3>{ words.detail.request }</h3>{ request_facts(delivery, words) }</section>
            }
        </>
    }
}

/// Location, status and severity.
fn head(alert: &Alert, words: &View) -> Html {
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
                { status_badge(words, alert.status) }{ severity(words, &alert.severity) }
                <span class="muted">{ (words.common.kind)(alert.kind) }</span>
            </p>
            if !alert.message.is_empty() {
                <p class="panel-message">{ &alert.message }</p>
            }
            if !alert.generator_url.is_empty() {
                <p class="break-words">{ safe_link(&alert.generator_url, words.detail.graph) }</p>
            }
            <RouteLink class="link" to={Route::Incident { id: alert.incident_id }}>
                { words.detail.view_incident }{ format!(" #{}", alert.incident_id) }{ icon(IconName::Right) }
            </RouteLink>
        </div>
    }
}

#[derive(Properties, PartialEq)]
struct IncidentAckProps {
    id: i64,
}

/// Acknowledgement of the entry's incident; entries have none.
#[component]
fn IncidentAck(props: &IncidentAckProps) -> Html {
    let words = use_view();
    let id = props.id;
    let fetched = use_fetch::<IncidentDetail>(format!("incidents/{id}"));
    let reload = fetched.reload.clone();
    use_signals(Callback::from(move |signal| match signal {
        Signal::Resync | Signal::LocalChange => reload.emit(()),
        Signal::Change(ChangeEvent::Incident(change)) if change.id == id => reload.emit(()),
        Signal::Change(_) => {}
    }));
    match (&fetched.data, fetched.error) {
        (Some(detail), _) => html! { <AckBox incident={detail.incident.clone()} /> },
        (None, Some(error)) => html! { { failure(&words, &error, Some(fetched.reload)) } },
        (None, None) => html! {},
    }
}

fn request_facts(delivery: &Delivery, words: &View) -> Html {
    html! {
        <>
            <dl class="facts">
                <div><dt>{ words.detail.sender }</dt><dd>{ safe_link(&delivery.sender, "") }</dd></div>
                <div><dt>{ words.detail.receiver }</dt><dd>{ &delivery.receiver }</dd></div>
                <div><dt>{ words.detail.request_alerts }</dt><dd>
                    { delivery.alerts }
                    if delivery.truncated_alerts > 0 {
                        <span class="muted">{ " · " }{ (words.detail.truncated)(delivery.truncated_alerts) }</span>
                    }
                </dd></div>
            </dl>
            if delivery.raw_available {
                <a class="link" target="_blank" rel="noopener" href={api::url(&format!("deliveries/{}/raw", delivery.id))}>
                    { words.detail.payload }{ icon(IconName::External) }
                </a>
            } else {
                <p class="muted">{ words.detail.payload_deleted }</p>
            }
        </>
    }
}
