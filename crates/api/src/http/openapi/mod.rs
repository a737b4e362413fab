//! The description of the API, made from the handlers.

use actix_web::get;
use actix_web::web::{Data, Json};
use tocsin_api_types::{ChangeEvent, Problem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    self, ContentBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder, SecurityRequirement,
};
use utoipa::{Modify, OpenApi};

use super::state::AppState;
use super::{
    alerts, deliveries, events, export, groups, health, incidents, metrics, notifications,
    recipients, routes, stats, status, storage, webhook,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tocsin",
        description = "A self-hosted alert inbox for Prometheus.\n\n\
            JSON in camelCase, times in RFC 3339 UTC. Lists are pages: pass `nextCursor` back as `cursor`; \
            a page may be short, only a null `nextCursor` ends a list. Unknown parameters and fields are \
            refused. Every error is a problem (RFC 9457, `application/problem+json`) with a stable `type`."
    ),
    paths(
        webhook::post,
        webhook::put,
        alerts::list,
        export::alerts,
        alerts::get,
        deliveries::list,
        deliveries::get,
        deliveries::raw,
        incidents::list,
        export::incidents,
        incidents::get,
        incidents::patch,
        incidents::acknowledge,
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
        routes::get,
        routes::replace,
        routes::delete,
        notifications::list,
        notifications::get,
        notifications::resend,
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
        (name = "system", description = "The program itself")
    ),
    modifiers(&Common)
)]
struct ApiDoc;

/// What holds for every operation.
struct Common;

impl Modify for Common {
    fn modify(&self, document: &mut Document) {
        let components = document
            .components
            .get_or_insert_with(openapi::Components::new);
        for (name, scheme, about) in [
            (
                "basic",
                HttpAuthScheme::Basic,
                "Any user name; the password is `auth.admin_password`, or one of `ingest.tokens` for webhooks.",
            ),
            (
                "bearer",
                HttpAuthScheme::Bearer,
                "`auth.admin_password`, or one of `ingest.tokens` for webhooks.",
            ),
        ] {
            let scheme = HttpBuilder::new()
                .scheme(scheme)
                .description(Some(about))
                .build();
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
        // Without credentials configured, none is needed.
        document.security = Some(vec![
            SecurityRequirement::default(),
            SecurityRequirement::new("basic", Vec::<String>::new()),
            SecurityRequirement::new("bearer", Vec::<String>::new()),
        ]);
        let problem = ResponseBuilder::new()
            .description("A problem: `type` and `status` say which, `detail` says what to do")
            .content(
                "application/problem+json",
                ContentBuilder::new()
                    .schema(Some(Ref::from_schema_name("Problem")))
                    .build(),
            )
            .build();
        for item in document.paths.paths.values_mut() {
            let operations = [
                &mut item.get,
                &mut item.put,
                &mut item.post,
                &mut item.delete,
                &mut item.patch,
            ];
            for operation in operations.into_iter().flatten() {
                operation
                    .responses
                    .responses
                    .insert("default".to_owned(), RefOr::T(problem.clone()));
            }
        }
    }
}

/// The description, as it is committed.
pub(crate) fn document() -> Document {
    ApiDoc::openapi()
}

/// The description of this server, whose paths begin with its prefix.
#[get("/openapi.json")]
async fn serve(state: Data<AppState>) -> Json<Document> {
    let mut document = document();
    let prefix = state.prefix().trim_end_matches('/');
    if !prefix.is_empty() {
        document.servers = Some(vec![openapi::Server::new(prefix)]);
    }
    Json(document)
}
