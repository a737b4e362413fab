use std::collections::BTreeMap;

use gloo_net::http::Method;
use serde::Serialize;
use tocsin_api_types::IngestReport;
use wasm_bindgen_futures::spawn_local;
use yew::prelude::*;

use crate::{
    api::{self, ApiError},
    components::{CopyButton, IconName, failure, icon},
    i18n::{Words, use_words},
    state::{Signal, use_signals_context, use_status},
    time,
};

/// The receiver as alertmanager.yml has it.
fn snippet(url: &str, token: bool) -> String {
    let mut text = format!(
        "route:\n  receiver: tocsin\nreceivers:\n  - name: tocsin\n    webhook_configs:\n      - url: {url}\n        send_resolved: true\n"
    );
    if token {
        text.push_str(
            "        http_config:\n          authorization:\n            credentials: <token>\n",
        );
    }
    text
}

/// One alert, as Alertmanager's webhook tells it (version 4).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestDelivery {
    version: &'static str,
    group_key: &'static str,
    status: &'static str,
    receiver: &'static str,
    #[serde(rename = "externalURL")]
    external_url: String,
    alerts: [TestAlert; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestAlert {
    status: &'static str,
    labels: BTreeMap<&'static str, String>,
    annotations: BTreeMap<&'static str, &'static str>,
    starts_at: String,
    ends_at: &'static str,
    #[serde(rename = "generatorURL")]
    generator_url: &'static str,
}

fn test_delivery(words: &Words) -> TestDelivery {
    let location = web_sys::window().map(|window| window.location());
    let part = |value: Option<Result<String, _>>| value.and_then(Result::ok).unwrap_or_default();
    TestDelivery {
        version: "4",
        group_key: "{}:{alertname=\"TocsinTest\"}",
        status: "firing",
        receiver: "tocsin",
        external_url: part(location.as_ref().map(web_sys::Location::origin)),
        alerts: [TestAlert {
            status: "firing",
            labels: BTreeMap::from([
                ("alertname", "TocsinTest".to_owned()),
                ("severity", "info".to_owned()),
                (
                    "instance",
                    part(location.as_ref().map(web_sys::Location::host)),
                ),
            ]),
            annotations: BTreeMap::from([
                ("summary", words.empty.test_summary),
                ("description", words.empty.test_description),
            ]),
            starts_at: time::now().to_rfc3339(),
            ends_at: "0001-01-01T00:00:00Z",
            generator_url: "",
        }],
    }
}

/// Before the first alert: how to connect Alertmanager. It gives way to the
/// first alert by itself, since the list above it keeps reading.
#[component]
pub fn Empty() -> Html {
    let words = use_words();
    let status = use_status();
    let signals = use_signals_context();
    let sending = use_state_eq(|| false);
    let problem = use_state_eq(|| None::<ApiError>);
    let token = status
        .as_ref()
        .is_some_and(|status| status.ingest_token_required);
    let send = {
        let (sending, problem) = (sending.clone(), problem.clone());
        Callback::from(move |()| {
            let (sending, problem, signals) = (sending.clone(), problem.clone(), signals.clone());
            sending.set(true);
            spawn_local(async move {
                let path = "webhooks/alertmanager";
                let body = test_delivery(words);
                match api::send::<_, IngestReport>(Method::POST, path, &body).await {
                    Ok(_) => {
                        problem.set(None);
                        signals.tell(&Signal::Resync);
                    }
                    Err(error) => problem.set(Some(error)),
                }
                sending.set(false);
            });
        })
    };
    let receiver = status.map(|status| {
        let text = snippet(&status.webhook_url, token);
        html! {
            <figure class="snippet">
                <figcaption><span>{ words.empty.snippet }</span><CopyButton text={text.clone()} /></figcaption>
                <pre tabindex="0" role="region" aria-label={words.empty.snippet}><code>{ text }</code></pre>
            </figure>
        }
    });
    html! {
        <section class="empty">
            <span class="empty-bell">{ icon(IconName::Bell) }</span>
            <h2>{ words.empty.title }</h2>
            <p class="muted">{ words.empty.intro }</p>
            { receiver }
            if token {
                <p class="muted">{ words.empty.test_token }</p>
            } else {
                <div class="empty-test">
                    <button type="button" class="btn btn-primary" disabled={*sending} onclick={send.reform(|_| ())}>
                        { if *sending { words.empty.test_sending } else { words.empty.test } }
                    </button>
                    <span class="muted">{ words.empty.test_why }</span>
                </div>
            }
            if let Some(error) = (*problem).clone() {
                { failure(words, &error, Some(send)) }
            }
            <p class="waiting" role="status"><span class="waiting-dot"></span>{ words.empty.waiting }</p>
        </section>
    }
}
