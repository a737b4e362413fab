//! One made-up alert, to see that it arrives and is mailed.

use std::time::Instant;

use actix_web::post;
use actix_web::web::{Data, Json};
use serde_json::json;
use tocsin_api_types::IngestReport;
use tocsin_pipeline::Deed;

use super::caller::Caller;
use super::params::Params;
use super::problem::ApiError;
use super::state::AppState;
use super::webhook;
use crate::config::SourceName;

/// Sends a test alert.
///
/// It takes the way of any other: it is logged under the source `alertmanager`
/// as `TocsinTest`, with severity `info`, and mailed where routes say so. Within
/// `incidents.window` a second one is only seen again.
#[utoipa::path(
    tag = "alerts",
    operation_id = "send_test_alert",
    responses((status = 200, description = "Stored; what became of it", body = IngestReport))
)]
#[post("/api/v1/alerts/test")]
async fn send(
    state: Data<AppState>,
    caller: Caller,
    _: Params<()>,
) -> Result<Json<IngestReport>, ApiError> {
    let began = Instant::now();
    let url = state.webhook_url.as_str();
    // What the server is called, by which it is known in a mail.
    let host = url.split('/').nth(2).unwrap_or_default();
    let body = json!({
        "version": "4",
        "groupKey": "{}:{alertname=\"TocsinTest\"}",
        "status": "firing",
        "receiver": "tocsin",
        "externalURL": "",
        "alerts": [{
            "status": "firing",
            "labels": {"alertname": "TocsinTest", "severity": "info", "instance": host},
            "annotations": {
                "summary": "A test alert",
                "description": "Somebody pressed the button for it in Tocsin. There is nothing to do.",
            },
            "startsAt": state.now().to_datetime(),
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "",
        }],
    });
    let body = body.to_string();
    let mut space = state.pipeline.space();
    space
        .grow(body.len())
        .map_err(|error| webhook::problem(error).1)?;
    // Before it is mailed to anybody: a delivery does not say who pressed.
    let deed = Deed {
        action: "alert.test",
        kind: "alert",
        id: None,
        name: "TocsinTest",
        before: None,
        after: None,
    };
    caller.actor.note(&state.db, &deed, state.now()).await?;
    let source = SourceName::default_name();
    webhook::ingest(&state, source.as_str(), body.into(), space, began).await
}
