//! The description of the API, made from the handlers and the types, which know
//! what succeeds; what holds for many operations is added here, each in a file:
//! what JSON Schema can say beyond the types ([`forms`]), who may do it
//! ([`security`]), how it can fail ([`responses`], [`problems`]), and examples
//! ([`examples`]).

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
        (name = "webhooks", description = "Where Alertmanager posts to"),
        (name = "alerts", description = "The log: every alert as it was told"),
        (name = "incidents", description = "The log folded: one incident for each firing episode"),
        (name = "deliveries", description = "What arrived, as it came"),
        (name = "statistics", description = "What happened, in numbers"),
        (name = "directory", description = "Who is mailed, and about what"),
        (name = "notifications", description = "Every mail and every try to send it"),
        (name = "accounts", description = "Who may do what"),
        (name = "accounts", description = "Who may come in: people, their sessions and tokens"),
        (name = "audit", description = "Who did what"),
        (name = "system", description = "The program itself")
    )
)]
struct ApiDoc;

/// What the handlers say of themselves: every path and what succeeds there.
pub(crate) fn document() -> Document {
    ApiDoc::openapi()
}

/// The whole description, as it is committed.
pub(crate) fn description() -> &'static Value {
    static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
        // A description is made of texts and lists, which always make JSON.
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

/// What holds for the whole API, in Markdown.
fn about() -> String {
    format!("{}\n{}", include_str!("about.md"), problems::table())
}

/// The methods that an item of the description's paths may hold.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// One operation of the description.
struct Operation<'a> {
    /// In lower case, as the description has it.
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

    /// Its answers by their statuses.
    fn answers(&mut self) -> impl Iterator<Item = (&String, &mut Value)> {
        let responses = self.value.get_mut("responses");
        let responses = responses.and_then(Value::as_object_mut);
        responses.into_iter().flatten()
    }

    /// Those of them that are successes.
    fn successes(&mut self) -> impl Iterator<Item = (&String, &mut Value)> {
        self.answers()
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

/// Adds to a list of the description, which may not be there yet.
fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(list) => list.push(item),
        None => *list = json!([item]),
    }
}

/// The description of this server: its paths begin with its prefix, and webhooks
/// need no token while they are open.
#[get("/openapi.json")]
async fn serve(state: Data<AppState>) -> Result<Json<Value>, ApiError> {
    of_this_server(&state).await
}

/// The same, beside what it describes.
#[get("/api/v1/openapi.json")]
async fn serve_with_the_rest(state: Data<AppState>) -> Result<Json<Value>, ApiError> {
    of_this_server(&state).await
}

async fn of_this_server(state: &AppState) -> Result<Json<Value>, ApiError> {
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
