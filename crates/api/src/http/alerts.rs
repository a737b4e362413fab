//! Alert log.

use actix_web::get;
use actix_web::web::{Data, Json};
use tocsin_api_types::{Alert, AlertDetail, Page};
use tocsin_storage::alert_log::ByReceived;
use tocsin_storage::{alert_log, deliveries};

use super::body::Id;
use super::caller::Caller;
use super::convert;
use super::filters::{Counting, Criteria, Ordering, Paging};
use super::params::Params;
use super::problem::ApiError;
use super::read_pool::Reader;
use super::state::AppState;

/// Lists log entries, newest first.
#[utoipa::path(
    tag = "alerts",
    operation_id = "list_alerts",
    params(Criteria, Paging, Ordering, Counting),
    responses((status = 200, description = "A page of log entries", body = Page<Alert>))
)]
#[get("/api/v1/alerts")]
async fn list(
    caller: Caller,
    reader: Reader,
    Params((criteria, paging, ordering, counting)): Params<(Criteria, Paging, Ordering, Counting)>,
) -> Result<Json<Page<Alert>>, ApiError> {
    let page = paging.of(ByReceived, ordering.of())?;
    let filter = criteria.for_alerts(&caller.visibility);
    let found = reader.read(|db| async move {
        let found = alert_log::list(&db, &filter, &page).await?;
        let mut found = convert::page(found, convert::alert);
        for alert in &mut found.items {
            convert::shorten(&mut alert.message);
        }
        if counting.wanted() {
            found.count = Some(convert::count(alert_log::count(&db, &filter).await?));
        }
        Ok(found)
    });
    Ok(Json(found.await?))
}

/// Returns a log entry with its delivery.
///
/// The delivery is omitted for callers who see only some alerts.
#[utoipa::path(
    tag = "alerts",
    operation_id = "get_alert",
    params(("id" = i64, Path, description = "ID of the log entry")),
    responses((status = 200, description = "The log entry", body = AlertDetail))
)]
#[get("/api/v1/alerts/{id}")]
async fn get(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    _: Params<()>,
) -> Result<Json<AlertDetail>, ApiError> {
    let alert = alert_log::get(&state.db, id)
        .await?
        .filter(|alert| caller.visibility.shows(&alert.content.labels))
        .ok_or_else(|| ApiError::no_such("log entry", id))?;
    // A delivery can contain other alerts.
    let delivery = match caller.visibility.is_everything() {
        true => deliveries::get(&state.db, alert.delivery_id).await?,
        false => None,
    };
    Ok(Json(AlertDetail {
        alert: convert::alert(alert),
        delivery: delivery.map(convert::delivery),
    }))
}
