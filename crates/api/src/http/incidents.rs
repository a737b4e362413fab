//! The log folded: one incident for each firing episode of an alert.

use actix_web::web::{Data, Json};
use actix_web::{get, patch, post};
use tocsin_api_types::{
    AcknowledgeRequest, AcknowledgeResult, Incident, IncidentDetail, IncidentPatch, Page,
};
use tocsin_pipeline::acknowledge::{Saying, Which, acknowledge_many, acknowledge_one};
use tocsin_storage::alerts::{self, ByEntry};
use tocsin_storage::incidents::{self, IncidentSort};
use tocsin_storage::notifications::{self, ByCreation, NotificationFilter};
use tocsin_storage::{Order, PageRequest};
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, Id};
use super::convert;
use super::filters::{self, Counting, Criteria, Ordering, Paging, States};
use super::params::{FromQuery, Params, Query, one_of};
use super::problem::ApiError;
use super::state::AppState;

/// The mails that an incident's detail names at most.
const MAX_MAILS: u32 = 200;

/// The other episodes that it names at most.
const MAX_EPISODES: u32 = 20;

/// The events that it names at most.
const MAX_EVENTS: u32 = 200;

/// What incidents are sorted by.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
enum SortBy {
    LastSeenAt,
    StartsAt,
    Duration,
    Occurrences,
}

/// In which order, and which page.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Sorting {
    /// Left out: `lastSeenAt`. An open incident lasts until now.
    #[param(inline)]
    sort: Option<SortBy>,
}

impl FromQuery for Sorting {
    fn read(query: &mut Query) -> Self {
        const SORTS: &[(&str, SortBy)] = &[
            ("lastSeenAt", SortBy::LastSeenAt),
            ("startsAt", SortBy::StartsAt),
            ("duration", SortBy::Duration),
            ("occurrences", SortBy::Occurrences),
        ];
        Self {
            sort: query.parse("sort", one_of(SORTS)),
        }
    }
}

impl Sorting {
    pub(super) fn of(&self) -> IncidentSort {
        match self.sort {
            Some(SortBy::LastSeenAt) | None => IncidentSort::LastSeenAt,
            Some(SortBy::StartsAt) => IncidentSort::StartsAt,
            Some(SortBy::Duration) => IncidentSort::Duration,
            Some(SortBy::Occurrences) => IncidentSort::Occurrences,
        }
    }
}

/// The incidents, the last seen first.
#[utoipa::path(
    tag = "incidents",
    operation_id = "list_incidents",
    params(Criteria, States, Sorting, Ordering, Paging, Counting),
    responses((status = 200, description = "One page of the incidents", body = Page<Incident>))
)]
#[get("/api/v1/incidents")]
async fn list(
    state: Data<AppState>,
    Params((criteria, states, sorting, ordering, paging, counting)): Params<(
        Criteria,
        States,
        Sorting,
        Ordering,
        Paging,
        Counting,
    )>,
) -> Result<Json<Page<Incident>>, ApiError> {
    let page = paging.of(sorting.of(), ordering.of())?;
    let filter = criteria.for_incidents(states);
    let (now, stale_after) = (state.now(), state.settings.stale_after);
    let found = incidents::list(&state.db, &filter, &page, now, stale_after).await?;
    let mut found = convert::page(found, convert::incident);
    if counting.wanted() {
        let count = incidents::count(&state.db, &filter, now, stale_after).await?;
        found.count = Some(convert::count(count));
    }
    Ok(Json(found))
}

/// One incident with a page of its log entries, its mails, and the other
/// episodes of the same alert.
#[utoipa::path(
    tag = "incidents",
    operation_id = "get_incident",
    params(("id" = i64, Path, description = "The incident's number"), Paging),
    responses((status = 200, description = "The incident", body = IncidentDetail))
)]
#[get("/api/v1/incidents/{id}")]
async fn get(
    state: Data<AppState>,
    Id(id): Id,
    Params(paging): Params<Paging>,
) -> Result<Json<IncidentDetail>, ApiError> {
    let page = paging.of(ByEntry, Order::Desc)?;
    let (now, stale_after) = (state.now(), state.settings.stale_after);
    let incident = incidents::get(&state.db, id, now, stale_after)
        .await?
        .ok_or_else(|| ApiError::no_such("incident", id))?;
    let entries = alerts::of_incident(&state.db, id, &page).await?;
    let about = NotificationFilter {
        incident_id: Some(id),
        ..NotificationFilter::default()
    };
    let mails = PageRequest::first(ByCreation, Order::Desc, MAX_MAILS);
    let mails = notifications::list(&state.db, &about, &mails).await?;
    let episodes = incidents::episodes(&state.db, id, MAX_EPISODES, now, stale_after).await?;
    let events = incidents::events(&state.db, id, MAX_EVENTS).await?;
    Ok(Json(IncidentDetail {
        incident: convert::incident(incident),
        entries: convert::page(entries, convert::alert),
        notifications: mails.items.into_iter().map(convert::notification).collect(),
        episodes: episodes.into_iter().map(convert::incident).collect(),
        events: events.into_iter().map(convert::incident_event).collect(),
    }))
}

/// Acknowledges an incident, takes that back, or rewrites its memo.
#[utoipa::path(
    tag = "incidents",
    operation_id = "patch_incident",
    params(("id" = i64, Path, description = "The incident's number")),
    request_body = IncidentPatch,
    responses((status = 200, description = "The incident as it is now", body = Incident))
)]
#[patch("/api/v1/incidents/{id}")]
async fn patch(
    state: Data<AppState>,
    Id(id): Id,
    _: Params<()>,
    Body(input): Body<IncidentPatch>,
) -> Result<Json<Incident>, ApiError> {
    let IncidentPatch { known, memo, by } = input;
    let now = state.now();
    let saying = Saying { known, memo, by };
    if acknowledge_one(&state.db, state.pipeline.standings(), id, &saying, now).await? {
        state.pipeline.changed();
    }
    let changed = incidents::get(&state.db, id, now, state.settings.stale_after).await?;
    let changed = changed.ok_or_else(|| ApiError::no_such("incident", id))?;
    Ok(Json(convert::incident(changed)))
}

/// Acknowledges several incidents, or takes that back: those of `ids`, or all
/// that match `filter`.
#[utoipa::path(
    tag = "incidents",
    operation_id = "acknowledge_incidents",
    request_body = AcknowledgeRequest,
    responses((status = 200, description = "How many were changed", body = AcknowledgeResult))
)]
#[post("/api/v1/incidents/acknowledge")]
async fn acknowledge(
    state: Data<AppState>,
    _: Params<()>,
    Body(input): Body<AcknowledgeRequest>,
) -> Result<Json<AcknowledgeResult>, ApiError> {
    let AcknowledgeRequest {
        ids,
        filter,
        known,
        memo,
        by,
    } = input;
    let which = Which {
        ids,
        filter: filter.map(filters::from_json).transpose()?,
    };
    let saying = Saying {
        known: Some(known),
        memo,
        by,
    };
    let changed = acknowledge_many(
        &state.db,
        state.pipeline.standings(),
        &which,
        &saying,
        state.now(),
        state.settings.stale_after,
    )
    .await?;
    state.pipeline.changed();
    Ok(Json(AcknowledgeResult {
        changed: changed as u64,
    }))
}
