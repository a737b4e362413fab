//! Deliveries, including rejected requests.

use actix_web::http::header;
use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get};
use tocsin_api_types::{Delivery, DeliveryOutcome, Page};
use tocsin_storage::Order;
use tocsin_storage::deliveries::{self, ByArrival, DeliveryFilter};
use tocsin_storage::enums;
use utoipa::IntoParams;

use super::body::Id;
use super::convert;
use super::filters::{Between, Paging};
use super::params::{FromQuery, Params, Query, one_of};
use super::problem::{ApiError, ProblemKind};
use super::read_pool::Reader;
use super::state::AppState;

/// Filter for deliveries.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filters {
    /// Outcome of the delivery.
    #[param(inline)]
    outcome: Option<DeliveryOutcome>,
    /// Deliveries from any of these sources.
    #[param(required = false)]
    source: Vec<String>,
    /// With `true`, deliveries with alerts that triggered notifications but matched no
    /// recipient; with `false`, all others.
    unrouted: Option<bool>,
}

impl FromQuery for Filters {
    fn read(query: &mut Query) -> Self {
        const OUTCOMES: &[(&str, DeliveryOutcome)] = &[
            ("accepted", DeliveryOutcome::Accepted),
            ("refused", DeliveryOutcome::Refused),
        ];
        Self {
            outcome: query.parse("outcome", one_of(OUTCOMES)),
            source: query.values("source"),
            unrouted: query.flag("unrouted"),
        }
    }
}

/// Lists deliveries, newest first, including rejected requests.
#[utoipa::path(
    tag = "deliveries",
    operation_id = "list_deliveries",
    params(Filters, Between, Paging),
    responses((status = 200, description = "A page of deliveries", body = Page<Delivery>))
)]
#[get("/api/v1/deliveries")]
async fn list(
    reader: Reader,
    Params((filters, between, paging)): Params<(Filters, Between, Paging)>,
) -> Result<Json<Page<Delivery>>, ApiError> {
    let filter = DeliveryFilter {
        outcome: filters.outcome.map(|outcome| match outcome {
            DeliveryOutcome::Accepted => enums::DeliveryOutcome::Accepted,
            DeliveryOutcome::Refused => enums::DeliveryOutcome::Refused,
        }),
        source: filters.source,
        unrouted: filters.unrouted,
        received: between.range(),
    };
    let page = paging.of(ByArrival, Order::Desc)?;
    let found = reader.read(|db| async move {
        let found = deliveries::list(&db, &filter, &page).await?;
        Ok(convert::page(found, convert::delivery))
    });
    Ok(Json(found.await?))
}

/// Returns a delivery.
#[utoipa::path(
    tag = "deliveries",
    operation_id = "get_delivery",
    params(("id" = i64, Path, description = "ID of the delivery")),
    responses((status = 200, description = "The delivery", body = Delivery))
)]
#[get("/api/v1/deliveries/{id}")]
async fn get(state: Data<AppState>, Id(id): Id, _: Params<()>) -> Result<Json<Delivery>, ApiError> {
    let found = deliveries::get(&state.db, id)
        .await?
        .ok_or_else(|| ApiError::no_such("delivery", id))?;
    Ok(Json(convert::delivery(found)))
}

/// Returns the raw body of a delivery, as received.
#[utoipa::path(
    tag = "deliveries",
    operation_id = "get_delivery_body",
    params(("id" = i64, Path, description = "ID of the delivery")),
    responses((status = 200, description = "The raw body", content_type = "application/octet-stream", body = Vec<u8>))
)]
#[get("/api/v1/deliveries/{id}/raw")]
async fn raw(
    state: Data<AppState>,
    reader: Reader,
    Id(id): Id,
    _: Params<()>,
) -> Result<HttpResponse, ApiError> {
    // Up to `server.body_limit` bytes are decompressed.
    let body = reader.read(|db| async move { Ok(deliveries::raw(&db, id).await?) });
    let Some(body) = body.await? else {
        let detail = match deliveries::get(&state.db, id).await? {
            Some(_) => {
                format!("The body of delivery {id} is no longer stored (retention.raw_bodies).")
            }
            None => format!("No such delivery: {id}."),
        };
        return Err(ApiError::new(ProblemKind::NotFound, detail));
    };
    // Never rendered by the browser: the content is untrusted.
    let name = format!("attachment; filename=\"delivery-{id}.json\"");
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, name))
        .body(body))
}
