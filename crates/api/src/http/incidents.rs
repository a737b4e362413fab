//! Incidents: one for each firing episode of an alert.

use std::time::Duration;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, patch, post};
use serde_json::Value;
use tocsin_api_types::{
    AcknowledgeFilter, AcknowledgeRequest, AcknowledgeResult, CloseRequest, Incident,
    IncidentDetail, IncidentPatch, NewState, Page,
};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;
use tocsin_pipeline::acknowledge::{
    ChangeContext, IncidentChange, Selected, Selection, acknowledge_many, acknowledge_one, select,
    snapshot_incident,
};
use tocsin_storage::alert_log::{self, ByEntry};
use tocsin_storage::enums::ActorKind;
use tocsin_storage::incidents::{self, IncidentSort};
use tocsin_storage::notifications::{self, ByCreation, NotificationFilter};
use tocsin_storage::{AlertContent, Db, Order, PageRequest};
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, Id};
use super::caller::Caller;
use super::convert;
use super::filters::{self, Counting, Criteria, Ordering, Paging, States};
use super::params::{FromQuery, Params, Query, one_of};
use super::preconditions::{self, IfMatch};
use super::problem::ApiError;
use super::read_pool::Reader;
use super::state::AppState;

/// Maximum number of notifications in the detail of an incident.
const MAX_NOTIFICATIONS: u32 = 200;

/// Maximum number of other incidents of the alert.
const MAX_OTHER_INCIDENTS: u32 = 20;

/// Maximum number of events.
const MAX_EVENTS: u32 = 200;

/// Sort key of incidents.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
enum SortBy {
    LastSeenAt,
    StartsAt,
    Duration,
    Occurrences,
}

/// Sort key parameter.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Sorting {
    /// Sort key. Defaults to `lastSeenAt`. The duration of an open incident ends now.
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

/// Lists incidents, most recently seen first.
#[utoipa::path(
    tag = "incidents",
    operation_id = "list_incidents",
    params(Criteria, States, Sorting, Ordering, Paging, Counting),
    responses((status = 200, description = "A page of incidents", body = Page<Incident>))
)]
#[get("/api/v1/incidents")]
async fn list(
    state: Data<AppState>,
    caller: Caller,
    reader: Reader,
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
    let filter = criteria.for_incidents(states, &caller.visibility);
    let (now, stale_after) = (state.now(), state.settings.stale_after);
    let found = reader.read(|db| async move {
        let found = incidents::list(&db, &filter, &page, now, stale_after).await?;
        let mut found = convert::page(found, convert::incident);
        for incident in &mut found.items {
            convert::shorten(&mut incident.message);
        }
        if counting.wanted() {
            let count = incidents::count(&db, &filter, now, stale_after).await?;
            found.count = Some(convert::count(count));
        }
        Ok(found)
    });
    Ok(Json(found.await?))
}

/// Returns an incident with a page of its log entries, its notifications, its events and the
/// other incidents of the same alert.
#[utoipa::path(
    tag = "incidents",
    operation_id = "get_incident",
    params(("id" = i64, Path, description = "ID of the incident"), Paging),
    responses((
        status = 200,
        description = "The incident",
        body = IncidentDetail,
        headers((
            "ETag" = String,
            description = "Version of the fields `known`, `knownBy`, `knownAt` and `memo`, for \
                           If-Match. Received alerts do not change it"
        ))
    ))
)]
#[get("/api/v1/incidents/{id}")]
async fn get(
    state: Data<AppState>,
    caller: Caller,
    reader: Reader,
    Id(id): Id,
    Params(paging): Params<Paging>,
) -> Result<HttpResponse, ApiError> {
    let page = paging.of(ByEntry, Order::Desc)?;
    let (now, stale_after) = (state.now(), state.settings.stale_after);
    let Caller { visibility, .. } = caller;
    let found = reader.read(move |db| async move {
        detail(&db, id, &page, &visibility, (now, stale_after)).await
    });
    let (version, detail) = found.await?;
    Ok(preconditions::found(&version, detail))
}

/// Loads an incident with its version.
async fn detail(
    db: &Db,
    id: i64,
    page: &PageRequest<ByEntry>,
    visibility: &Visibility,
    (now, stale_after): (Timestamp, Duration),
) -> Result<(Value, IncidentDetail), ApiError> {
    let shows = |content: &AlertContent| visibility.shows(&content.labels);
    let incident = incidents::get(db, id, now, stale_after)
        .await?
        .filter(|incident| shows(&incident.content))
        .ok_or_else(|| ApiError::no_such("incident", id))?;
    let mut entries = alert_log::of_incident(db, id, page).await?;
    // Senders that set fingerprints themselves can move an alert to another team.
    entries.items.retain(|entry| shows(&entry.content));
    let filter = NotificationFilter {
        incident_id: Some(id),
        ..NotificationFilter::default()
    };
    let first = PageRequest::first(ByCreation, Order::Desc, MAX_NOTIFICATIONS);
    let notifications = notifications::list(db, &filter, &first, visibility).await?;
    let mut others =
        incidents::incidents_of_alert(db, id, MAX_OTHER_INCIDENTS, now, stale_after).await?;
    others.retain(|incident| shows(&incident.content));
    let events = incidents::events(db, id, MAX_EVENTS).await?;
    let version = snapshot_incident(&incident);
    let detail = IncidentDetail {
        incident: convert::incident(incident),
        entries: convert::page(entries, convert::alert),
        notifications: notifications
            .items
            .into_iter()
            .map(convert::notification)
            .collect(),
        episodes: others.into_iter().map(convert::incident).collect(),
        events: events.into_iter().map(convert::incident_event).collect(),
    };
    Ok((version, detail))
}

/// Acknowledges, unacknowledges or closes an incident, or sets its note.
///
/// Closing ends an incident regardless of its sender, for example if the alert was resolved
/// while silenced, or if the sender no longer exists. If the alert continues to fire, a new
/// incident is opened, at the earliest after `incidents.window`, and linked to this one.
#[utoipa::path(
    tag = "incidents",
    operation_id = "patch_incident",
    params(("id" = i64, Path, description = "ID of the incident")),
    request_body = IncidentPatch,
    responses((
        status = 200,
        description = "The updated incident",
        body = Incident,
        headers(("ETag" = String, description = "Version of the incident, for If-Match"))
    ))
)]
#[patch("/api/v1/incidents/{id}")]
async fn patch(
    state: Data<AppState>,
    caller: Caller,
    Id(id): Id,
    version: IfMatch,
    _: Params<()>,
    Body(input): Body<IncidentPatch>,
) -> Result<HttpResponse, ApiError> {
    let IncidentPatch {
        known,
        state: new_state,
        memo,
        by,
    } = input.clone();
    let change = IncidentChange {
        known,
        memo,
        by: Some(signer(&caller, by)?),
        close: new_state == Some(NewState::Closed),
    };
    let (context, expected) = (change_context(&state, &caller), version.expected());
    let alert_cache = state.pipeline.alert_cache();
    let changed = acknowledge_one(&state.db, alert_cache, &context, id, expected, &change)
        .await
        .map_err(|error| preconditions::precondition_failed(error, &input))?;
    if changed {
        state.pipeline.changed();
    }
    let incident = incidents::get(&state.db, id, context.now, state.settings.stale_after).await?;
    let incident = incident
        .filter(|incident| caller.visibility.shows(&incident.content.labels))
        .ok_or_else(|| ApiError::no_such("incident", id))?;
    Ok(preconditions::found(
        &snapshot_incident(&incident),
        convert::incident(incident),
    ))
}

/// Conditions of a filter for the audit log, without empty ones.
fn conditions(filter: &AcknowledgeFilter) -> Value {
    // A filter always serializes.
    let mut conditions = serde_json::to_value(filter).unwrap_or_default();
    if let Some(fields) = conditions.as_object_mut() {
        fields
            .retain(|_, value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()));
    }
    conditions
}

/// Actor, visibility and time of a change.
fn change_context<'a>(state: &'a AppState, caller: &'a Caller) -> ChangeContext<'a> {
    ChangeContext {
        actor: &caller.actor,
        visible: &caller.visibility,
        now: state.now(),
        message_ids: state.pipeline.message_ids(),
    }
}

/// Acknowledges or unacknowledges several incidents: those in `ids`, or all that match
/// `filter`.
#[utoipa::path(
    tag = "incidents",
    operation_id = "acknowledge_incidents",
    request_body = AcknowledgeRequest,
    responses((status = 200, description = "Number of changed incidents", body = AcknowledgeResult))
)]
#[post("/api/v1/incidents/acknowledge")]
async fn acknowledge(
    state: Data<AppState>,
    caller: Caller,
    reader: Reader,
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
    let change = IncidentChange {
        known: Some(known),
        memo,
        by: Some(signer(&caller, by)?),
        close: false,
    };
    change_many(&state, &caller, &reader, (ids, filter), &change).await
}

/// Closes several incidents: those in `ids`, or all that match `filter`.
#[utoipa::path(
    tag = "incidents",
    operation_id = "close_incidents",
    request_body = CloseRequest,
    responses((status = 200, description = "Number of closed incidents", body = AcknowledgeResult))
)]
#[post("/api/v1/incidents/close")]
async fn close(
    state: Data<AppState>,
    caller: Caller,
    reader: Reader,
    _: Params<()>,
    Body(input): Body<CloseRequest>,
) -> Result<Json<AcknowledgeResult>, ApiError> {
    let CloseRequest {
        ids,
        filter,
        memo,
        by,
    } = input;
    let change = IncidentChange {
        known: None,
        memo,
        by: Some(signer(&caller, by)?),
        close: true,
    };
    change_many(&state, &caller, &reader, (ids, filter), &change).await
}

async fn change_many(
    state: &AppState,
    caller: &Caller,
    reader: &Reader,
    (ids, filter): (Option<Vec<i64>>, Option<AcknowledgeFilter>),
    change: &IncidentChange,
) -> Result<Json<AcknowledgeResult>, ApiError> {
    let conditions = filter.as_ref().map(conditions);
    let (now, stale_after) = (state.now(), state.settings.stale_after);
    let visibility = caller.visibility.clone();
    let ids = reader.read(move |db| async move {
        let filter = filter.map(|filter| filters::from_json(filter, &visibility));
        let selection = Selection {
            ids,
            filter: filter.transpose()?,
        };
        let found = select(&db, &selection, now, stale_after).await;
        found.map_err(ApiError::from)
    });
    let selected = Selected {
        ids: ids.await?,
        asked: conditions,
    };
    let context = change_context(state, caller);
    let alert_cache = state.pipeline.alert_cache();
    let changed = acknowledge_many(&state.db, alert_cache, &context, &selected, change).await?;
    state.pipeline.changed();
    Ok(Json(AcknowledgeResult {
        changed: changed as u64,
    }))
}

/// Name under which a change is recorded. Users change incidents under their own name; tokens
/// can set another one.
fn signer(caller: &Caller, by: Option<String>) -> Result<String, ApiError> {
    let own = &caller.actor.name;
    let by = by.filter(|by| !by.trim().is_empty());
    match (caller.actor.kind, by) {
        (ActorKind::User, Some(by)) if by.trim() != own => {
            let message = format!("expected the name of the signed-in user, {own:?}, or none");
            Err(ApiError::field("by", message))
        }
        (ActorKind::User, _) | (_, None) => Ok(own.clone()),
        (_, Some(by)) => Ok(by),
    }
}
