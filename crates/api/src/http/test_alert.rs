//! One made-up alert, to see that it arrives and who is notified of it.

use std::time::Instant;

use actix_web::post;
use actix_web::web::{Data, Json};
use serde_json::json;
use tocsin_api_types::{FieldError, IngestReport};
use tocsin_core::alert::Labels;
use tocsin_core::routing::TestTarget;
use tocsin_pipeline::{AuditEntry, TestAlert, Webhook};
use tocsin_storage::directory;
use utoipa::IntoParams;

use super::caller::Caller;
use super::params::{FromQuery, Params, Query};
use super::problem::{ApiError, ProblemKind};
use super::state::AppState;
use super::webhook;
use crate::config::SourceName;

/// Whom the test is for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct For {
    /// The team whose alert it is: it is routed like any other of that team.
    team: Option<String>,
    /// It goes to the groups of this route, as if the route had matched.
    #[param(minimum = 1)]
    route_id: Option<i64>,
    /// It goes to this recipient alone, whatever else is named.
    #[param(minimum = 1)]
    recipient_id: Option<i64>,
}

impl FromQuery for For {
    fn read(query: &mut Query) -> Self {
        Self {
            team: query.text("team"),
            route_id: query.number("routeId", 1, i64::MAX),
            recipient_id: query.number("recipientId", 1, i64::MAX),
        }
    }
}

impl For {
    /// Who is notified, if that is said.
    async fn target(&self, state: &AppState) -> Result<Option<TestTarget>, ApiError> {
        if let Some(id) = self.recipient_id {
            let found = directory::get_recipient(&state.db, id).await?;
            return match found {
                Some(_) => Ok(Some(TestTarget::Recipient([id]))),
                None => Err(missing("recipientId", "recipient", id)),
            };
        }
        let Some(id) = self.route_id else {
            return Ok(None);
        };
        match directory::get_route(&state.db, id).await? {
            Some(_) => Ok(Some(TestTarget::Route(id))),
            None => Err(missing("routeId", "route", id)),
        }
    }
}

fn missing(field: &str, what: &str, id: i64) -> ApiError {
    let error = FieldError {
        field: field.to_owned(),
        message: format!("there is no {what} {id}"),
    };
    ApiError::fields(ProblemKind::Conflict, vec![error])
}

/// Sends a test alert.
///
/// It takes the way of any other: it is logged under the source `alertmanager`
/// as `TocsinTest`, with severity `info`, and mailed where routes say so, or to whom
/// the query names. It resolves itself after a minute.
#[utoipa::path(
    tag = "alerts",
    operation_id = "send_test_alert",
    params(For),
    responses((status = 200, description = "Stored; what became of it", body = IngestReport))
)]
#[post("/api/v1/alerts/test")]
async fn send(
    state: Data<AppState>,
    caller: Caller,
    Params(wanted): Params<For>,
) -> Result<Json<IngestReport>, ApiError> {
    let began = Instant::now();
    let target = wanted.target(&state).await?;
    // What the server is called, by which it is known in a mail.
    let host = state.webhook_url.split('/').nth(2).unwrap_or_default();
    let mut labels = json!({"alertname": "TocsinTest", "severity": "info", "instance": host});
    if let Some(team) = &wanted.team {
        labels[&state.settings.team_label] = json!(team);
        let shown: Labels = serde_json::from_value(labels.clone()).unwrap_or_default();
        if !caller.visibility.shows(&shown) {
            return Err(ApiError::new(
                ProblemKind::Forbidden,
                "You may send test alerts of teams whose alerts you see.",
            ));
        }
    }
    // Each of them is an alert of its own, and hides no other's resolution.
    if let Some(id) = wanted.route_id {
        labels["tocsin_route"] = json!(id.to_string());
    }
    if let Some(id) = wanted.recipient_id {
        labels["tocsin_recipient"] = json!(id.to_string());
    }
    let alert = TestAlert {
        source: SourceName::default_name().as_str().to_owned(),
        labels,
        annotations: json!({
            "summary": "A test alert",
            "description": "Sent by hand from Tocsin. There is nothing to do: it resolves itself after a minute.",
        }),
        target,
    };
    let body = alert.begin(&state.db, state.now()).await?;
    let mut space = state.pipeline.queue_permit();
    space
        .grow(body.len())
        .map_err(|error| webhook::problem(error, None).1)?;
    // Before it is mailed to anybody: a delivery does not say who sent it.
    let deed = AuditEntry {
        action: "alert.test",
        kind: "alert",
        id: None,
        name: "TocsinTest",
        before: None,
        after: None,
    };
    caller.actor.note(&state.db, &deed, state.now()).await?;
    let webhook = Webhook {
        source: alert.source,
        body: body.into(),
        space,
        target: alert.target,
    };
    webhook::ingest(&state, webhook, began).await
}
