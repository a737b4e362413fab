//! The OpenAPI description.
//!
//! Paths, parameters and successful responses are generated from the handlers and types.
//! The modules below add the rest: schema details ([`forms`]), security ([`security`]),
//! errors ([`responses`], [`problems`]) and examples ([`examples`]).

mod examples;
mod forms;
mod patterns;
mod problems;
mod responses;
mod security;

use std::sync::LazyLock;

use actix_web::get;
use actix_web::web::{Data, Json};
use serde_json::{Value, json};
use tocsin_api_types::{ChangeEvent, Problem};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

use super::identify;
use super::problem::ApiError;
use super::state::AppState;
use super::{
    alerts, audit, deliveries, events, export, groups, health, incidents, me, metrics,
    notifications, oidc, recipients, routes, set_up, sign_in, stats, status, storage, test_alert,
    tokens, users, webhook,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tocsin",
        description = "A self-hosted alert inbox for Prometheus."
    ),
    paths(
        webhook::post,
        webhook::put,
        alerts::list,
        export::alerts,
        alerts::get,
        test_alert::send,
        deliveries::list,
        deliveries::get,
        deliveries::raw,
        incidents::list,
        export::incidents,
        incidents::get,
        incidents::patch,
        incidents::acknowledge,
        incidents::close,
        stats::summary,
        stats::top,
        stats::timeline,
        stats::heatmap,
        recipients::list,
        recipients::create,
        recipients::get,
        recipients::replace,
        recipients::delete,
        groups::list,
        groups::create,
        groups::get,
        groups::replace,
        groups::delete,
        routes::list,
        routes::create,
        routes::reorder,
        routes::get_team,
        routes::set_team,
        routes::get,
        routes::replace,
        routes::delete,
        notifications::list,
        notifications::get,
        notifications::resend,
        users::list,
        users::create,
        users::get,
        users::replace,
        users::delete,
        users::end_sessions,
        tokens::list,
        tokens::create,
        tokens::get,
        tokens::revoke,
        audit::list,
        export::audit::audit,
        audit::get,
        sign_in::options,
        sign_in::sign_in,
        sign_in::sign_out,
        set_up::set_up,
        oidc::begin,
        oidc::callback,
        me::get,
        me::replace,
        me::change_password,
        me::sessions,
        me::end_other_sessions,
        me::end_session,
        events::follow,
        status::get,
        storage::get,
        health::alive,
        health::ready,
        metrics::scrape,
    ),
    components(schemas(ChangeEvent, Problem)),
    tags(
        (name = "webhooks", description = "Receive alerts from Alertmanager and Grafana"),
        (name = "alerts", description = "Alert log: every alert as received"),
        (name = "incidents", description = "One incident for each firing episode of an alert"),
        (name = "deliveries", description = "Requests to the webhook, with their raw bodies"),
        (name = "statistics", description = "Counts over time and by label"),
        (name = "directory", description = "Recipients, groups and routes of notifications"),
        (name = "notifications", description = "Notifications and the attempts to send them"),
        (name = "accounts", description = "Users, sessions and API tokens"),
        (name = "audit", description = "Audit log"),
        (name = "system", description = "Health, status, metrics and events of the server")
    )
)]
struct ApiDoc;

/// Description generated from the handlers: every path with its successful responses.
pub(crate) fn document() -> Document {
    ApiDoc::openapi()
}

/// The complete description, as committed to the repository.
pub(crate) fn description() -> &'static Value {
    static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
        // A description always serializes.
        let mut document = serde_json::to_value(document()).unwrap_or_default();
        document["info"]["description"] = json!(about());
        forms::complete(&mut document);
        security::complete(&mut document);
        responses::complete(&mut document);
        examples::complete(&mut document);
        document
    });
    &DESCRIPTION
}

/// Introduction to the API, in Markdown.
fn about() -> String {
    format!("{}\n{}", include_str!("about.md"), problems::table())
}

/// Methods of a path item.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// One operation of the description.
struct Operation<'a> {
    /// HTTP method in lower case.
    method: &'a str,
    path: &'a str,
    value: &'a mut Value,
}

impl Operation<'_> {
    fn has_body(&self) -> bool {
        !self.value["requestBody"].is_null()
    }

    fn add_parameter(&mut self, parameter: Value) {
        push(&mut self.value["parameters"], parameter);
    }

    /// Responses by status.
    fn responses(&mut self) -> impl Iterator<Item = (&String, &mut Value)> {
        let responses = self.value.get_mut("responses");
        let responses = responses.and_then(Value::as_object_mut);
        responses.into_iter().flatten()
    }

    /// Successful responses.
    fn successes(&mut self) -> impl Iterator<Item = (&String, &mut Value)> {
        self.responses()
            .filter(|(status, _)| status.starts_with('2') || status.starts_with('3'))
    }
}

/// Visits every operation.
fn each_operation(document: &mut Value, mut visit: impl FnMut(Operation<'_>)) {
    let paths = document["paths"].as_object_mut();
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            if let Some(value) = item.get_mut(method) {
                visit(Operation {
                    method,
                    path,
                    value,
                });
            }
        }
    }
}

/// Appends to a list, which is created if it does not exist.
fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(list) => list.push(item),
        None => *list = json!([item]),
    }
}

/// Returns the description of this server: with its path prefix, and without a token for
/// webhooks that accept requests without one.
#[get("/openapi.json")]
async fn serve(state: Data<AppState>) -> Result<Json<Value>, ApiError> {
    server_description(&state).await
}

/// Returns the same description below `/api/v1`.
#[get("/api/v1/openapi.json")]
async fn serve_versioned(state: Data<AppState>) -> Result<Json<Value>, ApiError> {
    server_description(&state).await
}

async fn server_description(state: &AppState) -> Result<Json<Value>, ApiError> {
    let mut document = description().clone();
    let prefix = state.prefix().trim_end_matches('/');
    if !prefix.is_empty() {
        document["servers"] = json!([{ "url": prefix }]);
    }
    if identify::is_open(state).await? {
        security::open_webhooks(&mut document);
    }
    Ok(Json(document))
}
