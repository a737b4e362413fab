//! Audit log. It is read-only: entries are written by the audited operations.

use actix_web::get;
use actix_web::web::{Data, Json};
use tocsin_api_types::{self as wire, AuditEntry, Page};
use tocsin_core::search;
use tocsin_storage::audit::{self, AuditFilter, AuditView, ByAudit, Who};
use tocsin_storage::enums::ActorKind;
use utoipa::IntoParams;

use super::body::Id;
use super::convert;
use super::filters::{Between, Ordering, Paging};
use super::params::{FromQuery, Params, Query};
use super::problem::ApiError;
use super::read_pool::Reader;
use super::state::AppState;

/// Filter for the audit log. All conditions must match.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct AuditParams {
    /// Actor: `user:7` or `token:3` by ID; `user`, `token`, `commandLine` or `anonymous` by
    /// kind; or the exact name at that time.
    #[param(value_type = Option<String>)]
    actor: Option<Who>,
    /// Entries with any of these actions, such as `recipient.update`.
    #[param(required = false)]
    action: Vec<String>,
    /// Entries about objects of this kind, such as `recipient`.
    object_kind: Option<String>,
    /// Entries about the object with this ID.
    #[param(minimum = 1)]
    object_id: Option<i64>,
    /// Search words. Each must occur in the name of the actor, the action or the name of the
    /// object. Case is ignored.
    #[param(value_type = Option<String>)]
    q: Vec<String>,
}

impl FromQuery for AuditParams {
    fn read(query: &mut Query) -> Self {
        Self {
            actor: query.value("actor").map(|text| parse_actor(&text)),
            action: query.values("action"),
            object_kind: query.value("objectKind"),
            object_id: query.number("objectId", 1, i64::MAX),
            q: query
                .parse("q", |text| {
                    search::words(text).map_err(|error| error.to_string())
                })
                .unwrap_or_default(),
        }
    }
}

fn parse_actor(text: &str) -> Who {
    let kind = |word: &str| match word {
        "user" => Some(ActorKind::User),
        "token" => Some(ActorKind::Token),
        "commandLine" => Some(ActorKind::CommandLine),
        "anonymous" => Some(ActorKind::Anonymous),
        _ => None,
    };
    let by_id = text.split_once(':').and_then(|(word, id)| {
        let kind = kind(word).filter(|kind| matches!(kind, ActorKind::User | ActorKind::Token));
        kind.zip(id.parse().ok())
    });
    match (by_id, kind(text)) {
        (Some((kind, id)), _) => Who::One(kind, id),
        (None, Some(kind)) => Who::Kind(kind),
        (None, None) => Who::Named(text.to_owned()),
    }
}

/// Converts the parameters to a filter.
pub(super) fn filter(params: AuditParams, between: &Between) -> AuditFilter {
    let AuditParams {
        actor,
        action,
        object_kind,
        object_id,
        q,
    } = params;
    AuditFilter {
        actor,
        actions: action,
        object_kind,
        object_id,
        at: between.range(),
        words: q,
    }
}

/// Converts an entry to its API type.
pub(super) fn entry(view: AuditView) -> AuditEntry {
    let AuditView {
        id,
        at,
        actor_kind,
        actor_id,
        actor_name,
        address,
        action,
        object_kind,
        object_id,
        object_name,
        before,
        after,
    } = view;
    AuditEntry {
        id,
        at: at.to_datetime(),
        actor_kind: match actor_kind {
            ActorKind::User => wire::ActorKind::User,
            ActorKind::Token => wire::ActorKind::Token,
            ActorKind::CommandLine => wire::ActorKind::CommandLine,
            ActorKind::Anonymous => wire::ActorKind::Anonymous,
        },
        actor_id,
        actor_name,
        address,
        action,
        object_kind,
        object_id,
        object_name,
        before,
        after,
    }
}

/// Lists audit log entries, newest first.
#[utoipa::path(
    tag = "audit",
    operation_id = "list_audit",
    params(AuditParams, Between, Ordering, Paging),
    responses((status = 200, description = "A page of audit log entries", body = Page<AuditEntry>))
)]
#[get("/api/v1/audit")]
async fn list(
    reader: Reader,
    Params((params, between, ordering, paging)): Params<(AuditParams, Between, Ordering, Paging)>,
) -> Result<Json<Page<AuditEntry>>, ApiError> {
    let page = paging.of(ByAudit, ordering.of())?;
    let filter = filter(params, &between);
    let found = reader.read(|db| async move {
        let found = audit::list(&db, &filter, &page).await?;
        Ok(convert::page(found, entry))
    });
    Ok(Json(found.await?))
}

/// Returns an audit log entry.
#[utoipa::path(
    tag = "audit",
    operation_id = "get_audit_entry",
    params(("id" = i64, Path, description = "ID of the audit log entry")),
    responses((status = 200, description = "The audit log entry", body = AuditEntry))
)]
#[get("/api/v1/audit/{id}")]
async fn get(
    state: Data<AppState>,
    Id(id): Id,
    _: Params<()>,
) -> Result<Json<AuditEntry>, ApiError> {
    let found = audit::get(&state.db, id).await?;
    let found = found.ok_or_else(|| ApiError::no_such("audit entry", id))?;
    Ok(Json(entry(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_are_parsed_by_id_kind_or_name() {
        for (text, expected) in [
            ("user:7", Who::One(ActorKind::User, 7)),
            ("token:3", Who::One(ActorKind::Token, 3)),
            ("commandLine", Who::Kind(ActorKind::CommandLine)),
            ("user", Who::Kind(ActorKind::User)),
            ("anonymous:1", Who::Named("anonymous:1".to_owned())),
            ("user:x", Who::Named("user:x".to_owned())),
            ("Ann: the first", Who::Named("Ann: the first".to_owned())),
        ] {
            assert_eq!(parse_actor(text), expected, "{text}");
        }
    }
}
