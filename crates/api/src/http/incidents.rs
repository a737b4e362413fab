//! The log folded: one incident for each firing episode of an alert.

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

/// One incident with a page of its log entries, its mails, and the other
/// episodes of the same alert.
#[utoipa::path(
    tag = "incidents",
    operation_id = "get_incident",
    params(("id" = i64, Path, description = "The incident's number"), Paging),
    responses((
        status = 200,
        description = "The incident",
        body = IncidentDetail,
        headers((
            "ETag" = String,
            description = "The version of what people say of it (`known`, `knownBy`, `knownAt`, \
                           `memo`), for If-Match. It stays while alerts come in"
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

/// The incident with its version.
async fn detail(
    db: &Db,
    id: i64,
    page: &PageRequest<ByEntry>,
    visibility: &Visibility,
    (now, stale_after): (Timestamp, Duration),
) -> Result<(Value, IncidentDetail), ApiError> {
    let shows = |told: &AlertContent| visibility.shows(&told.labels);
    let incident = incidents::get(db, id, now, stale_after)
        .await?
        .filter(|incident| shows(&incident.content))
        .ok_or_else(|| ApiError::no_such("incident", id))?;
    let mut entries = alert_log::of_incident(db, id, page).await?;
    // A sender that names alerts itself can move one from team to team.
    entries.items.retain(|entry| shows(&entry.content));
    let about = NotificationFilter {
        incident_id: Some(id),
        ..NotificationFilter::default()
    };
    let mails = PageRequest::first(ByCreation, Order::Desc, MAX_MAILS);
    let mails = notifications::list(db, &about, &mails, visibility).await?;
    let mut episodes =
        incidents::incidents_of_alert(db, id, MAX_EPISODES, now, stale_after).await?;
    episodes.retain(|episode| shows(&episode.content));
    let events = incidents::events(db, id, MAX_EVENTS).await?;
    let version = snapshot_incident(&incident);
    let detail = IncidentDetail {
        incident: convert::incident(incident),
        entries: convert::page(entries, convert::alert),
        notifications: mails.items.into_iter().map(convert::notification).collect(),
        episodes: episodes.into_iter().map(convert::incident).collect(),
        events: events.into_iter().map(convert::incident_event).collect(),
    };
    Ok((version, detail))
}

/// Acknowledges an incident, takes that back, closes it, or rewrites its memo.
///
/// Closing says that it is over, whatever its sender says: for what was resolved under a
/// silence, or whose sender is gone. If the alert goes on firing, another incident opens,
/// at the earliest after `incidents.window`, and is linked to this one.
#[utoipa::path(
    tag = "incidents",
    operation_id = "patch_incident",
    params(("id" = i64, Path, description = "The incident's number")),
    request_body = IncidentPatch,
    responses((
        status = 200,
        description = "The incident as it is now",
        body = Incident,
        headers(("ETag" = String, description = "The version of what people say of it"))
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
        state: wanted,
        memo,
        by,
    } = input.clone();
    let saying = IncidentChange {
        known,
        memo,
        by: Some(signer(&caller, by)?),
        close: wanted == Some(NewState::Closed),
    };
    let (who, expected) = (by_caller(&state, &caller), version.expected());
    let standings = state.pipeline.alert_cache();
    let changed = acknowledge_one(&state.db, standings, &who, id, expected, &saying)
        .await
        .map_err(|error| preconditions::precondition_failed(error, &input))?;
    if changed {
        state.pipeline.changed();
    }
    let is = incidents::get(&state.db, id, who.now, state.settings.stale_after).await?;
    let is = is.filter(|incident| caller.visibility.shows(&incident.content.labels));
    let is = is.ok_or_else(|| ApiError::no_such("incident", id))?;
    Ok(preconditions::found(
        &snapshot_incident(&is),
        convert::incident(is),
    ))
}

/// What a filter asks for, for the audit log: without what it leaves open.
fn asked(filter: &AcknowledgeFilter) -> Value {
    // Made of lists, texts, times and flags, which always make JSON.
    let mut asked = serde_json::to_value(filter).unwrap_or_default();
    if let Some(fields) = asked.as_object_mut() {
        fields
            .retain(|_, value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty()));
    }
    asked
}

/// Who says something of incidents, and when.
fn by_caller<'a>(state: &'a AppState, caller: &'a Caller) -> ChangeContext<'a> {
    ChangeContext {
        actor: &caller.actor,
        visible: &caller.visibility,
        now: state.now(),
        message_ids: state.pipeline.message_ids(),
    }
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
    let saying = IncidentChange {
        known: Some(known),
        memo,
        by: Some(signer(&caller, by)?),
        close: false,
    };
    change_many(&state, &caller, &reader, (ids, filter), &saying).await
}

/// Closes several incidents: those of `ids`, or all that match `filter`.
#[utoipa::path(
    tag = "incidents",
    operation_id = "close_incidents",
    request_body = CloseRequest,
    responses((status = 200, description = "How many were closed", body = AcknowledgeResult))
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
    let saying = IncidentChange {
        known: None,
        memo,
        by: Some(signer(&caller, by)?),
        close: true,
    };
    change_many(&state, &caller, &reader, (ids, filter), &saying).await
}

async fn change_many(
    state: &AppState,
    caller: &Caller,
    reader: &Reader,
    (ids, filter): (Option<Vec<i64>>, Option<AcknowledgeFilter>),
    saying: &IncidentChange,
) -> Result<Json<AcknowledgeResult>, ApiError> {
    let asked = filter.as_ref().map(asked);
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
        asked,
    };
    let who = by_caller(state, caller);
    let standings = state.pipeline.alert_cache();
    let changed = acknowledge_many(&state.db, standings, &who, &selected, saying).await?;
    state.pipeline.changed();
    Ok(Json(AcknowledgeResult {
        changed: changed as u64,
    }))
}

/// Whose name is put to it. People sign with their own; a token may act for
/// somebody, and says for whom.
fn signer(caller: &Caller, by: Option<String>) -> Result<String, ApiError> {
    let own = &caller.actor.name;
    let by = by.filter(|by| !by.trim().is_empty());
    match (caller.actor.kind, by) {
        (ActorKind::User, Some(by)) if by.trim() != own => {
            let message = format!("expected your own name, {own:?}, or nothing");
            Err(ApiError::field("by", message))
        }
        (ActorKind::User, _) | (_, None) => Ok(own.clone()),
        (_, Some(by)) => Ok(by),
    }
}
