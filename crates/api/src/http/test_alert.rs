//! Test alerts.

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

/// Target of a test alert.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
struct Target {
    /// Team of the alert, which is routed like any other alert of the team.
    team: Option<String>,
    /// ID of a route whose groups receive the alert, regardless of its matchers.
    #[param(minimum = 1)]
    route_id: Option<i64>,
    /// ID of the only recipient of the alert. Takes precedence over the other parameters.
    #[param(minimum = 1)]
    recipient_id: Option<i64>,
}

impl FromQuery for Target {
    fn read(query: &mut Query) -> Self {
        Self {
            team: query.value("team"),
            route_id: query.number("routeId", 1, i64::MAX),
            recipient_id: query.number("recipientId", 1, i64::MAX),
        }
    }
}

impl Target {
    /// Returns the requested route or recipient.
    async fn resolve(&self, state: &AppState) -> Result<Option<TestTarget>, ApiError> {
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
        message: format!("no such {what}: {id}"),
    };
    ApiError::fields(ProblemKind::Conflict, vec![error])
}

/// Sends a test alert.
///
/// It is processed like any other alert: it is logged under the source `alertmanager` as
/// `TocsinTest`, with severity `info`, and sent to the recipients of the matching routes, or to
/// those in the query. It resolves after a minute.
#[utoipa::path(
    tag = "alerts",
    operation_id = "send_test_alert",
    params(Target),
    responses((status = 200, description = "The test alert is stored. Returns its outcome", body = IngestReport))
)]
#[post("/api/v1/alerts/test")]
async fn send(
    state: Data<AppState>,
    caller: Caller,
    Params(target): Params<Target>,
) -> Result<Json<IngestReport>, ApiError> {
    let started = Instant::now();
    let test_target = target.resolve(&state).await?;
    // Host name of the server, shown in the notification.
    let host = state.webhook_url.split('/').nth(2).unwrap_or_default();
    let mut labels = json!({"alertname": "TocsinTest", "severity": "info", "instance": host});
    if let Some(team) = &target.team {
        labels[&state.settings.team_label] = json!(team);
        let shown: Labels = serde_json::from_value(labels.clone()).unwrap_or_default();
        if !caller.visibility.shows(&shown) {
            return Err(ApiError::new(
                ProblemKind::Forbidden,
                "Test alerts can be sent only for teams with visible alerts.",
            ));
        }
    }
    // Different targets are different alerts, which resolve independently.
    if let Some(id) = target.route_id {
        labels["tocsin_route"] = json!(id.to_string());
    }
    if let Some(id) = target.recipient_id {
        labels["tocsin_recipient"] = json!(id.to_string());
    }
    let alert = TestAlert {
        source: SourceName::default_name().as_str().to_owned(),
        labels,
        annotations: json!({
            "summary": "A test alert",
            "description": "Test alert sent from Tocsin. No action is required: it resolves after a minute.",
        }),
        target: test_target,
    };
    let body = alert.begin(&state.db, state.now()).await?;
    let mut permit = state.pipeline.queue_permit();
    permit
        .grow(body.len())
        .map_err(|error| webhook::problem(error, None).1)?;
    // Audited before any notification is sent: the delivery does not contain the actor.
    let entry = AuditEntry {
        action: "alert.test",
        kind: "alert",
        id: None,
        name: "TocsinTest",
        before: None,
        after: None,
    };
    caller.actor.note(&state.db, &entry, state.now()).await?;
    let webhook = Webhook {
        source: alert.source,
        body: body.into(),
        space: permit,
        target: alert.target,
    };
    webhook::ingest(&state, webhook, started).await
}
