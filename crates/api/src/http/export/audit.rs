//! Export of the audit log.
//!
//! The export itself is not audited: the audit log contains changes and sign-ins, not reads.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::Value;
use tocsin_storage::audit::{AuditView, AuditWalk};
use tocsin_storage::enums::ActorKind;
use tocsin_storage::{AlertContent, Db, StorageError};

use super::rows::{Cell, Row, text_cell};
use super::walk::Walk;
use super::{Export, ExportParams};
use crate::http::audit::{AuditParams, filter};
use crate::http::filters::{Between, Ordering};
use crate::http::params::Params;
use crate::http::problem::ApiError;
use crate::http::state::AppState;

/// Exports the audit log entries that match the filter, in the order of the list.
///
/// At most two exports run at a time; a third returns 503. A response without its last chunk is
/// incomplete.
#[utoipa::path(
    tag = "audit",
    operation_id = "export_audit",
    params(AuditParams, Between, Ordering, ExportParams),
    responses((status = 200, description = "The exported file", content(
        (String = "text/csv"),
        (String = "application/x-ndjson"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    )))
)]
#[get("/api/v1/audit/export")]
async fn audit(
    state: Data<AppState>,
    request: HttpRequest,
    Params((params, between, ordering, format)): Params<(
        AuditParams,
        Between,
        Ordering,
        ExportParams,
    )>,
) -> Result<HttpResponse, ApiError> {
    let walk = AuditWalk::new(filter(params, &between), ordering.of());
    Export::begin(&state, &request, "audit", format)?.respond(&state, walk)
}

impl Walk for AuditWalk {
    type Row = AuditView;

    async fn next(&mut self, db: &Db) -> Result<Option<Vec<AuditView>>, StorageError> {
        Self::next(self, db).await
    }
}

impl Row for AuditView {
    const OWN: &'static [&'static str] = &[
        "id",
        "at",
        "actorKind",
        "actorId",
        "actorName",
        "address",
        "action",
        "objectKind",
        "objectId",
        "objectName",
        "before",
        "after",
    ];
    const SHEET: &'static str = "Audit log";
    const SHARED: &'static [&'static str] = &[];

    fn own(&self, mut each: impl FnMut(Cell<'_>)) {
        let Self {
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
        } = self;
        each(Cell::Number(*id));
        each(Cell::Time(*at));
        each(text_cell(match actor_kind {
            ActorKind::User => "user",
            ActorKind::Token => "token",
            ActorKind::CommandLine => "commandLine",
            ActorKind::Anonymous => "anonymous",
        }));
        each(actor_id.map_or(Cell::Nothing, Cell::Number));
        each(text_cell(actor_name));
        each(address.as_deref().map_or(Cell::Nothing, text_cell));
        each(text_cell(action));
        each(text_cell(object_kind));
        each(object_id.map_or(Cell::Nothing, Cell::Number));
        each(text_cell(object_name));
        each(before.as_ref().map_or(Cell::Nothing, object));
        each(after.as_ref().map_or(Cell::Nothing, object));
    }

    fn content(&self) -> Option<&Arc<AlertContent>> {
        None
    }
}

fn object(value: &Value) -> Cell<'static> {
    Cell::Object(value.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tocsin_core::time::Timestamp;

    use super::super::text::{TextFormat, Writer};
    use super::*;
    use crate::http::audit::entry;

    fn write_line(format: TextFormat, row: &AuditView) -> String {
        let mut out = Vec::new();
        Writer::new(format).write(row, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_equal_the_api_and_contain_no_formulas() {
        let mut row = AuditView {
            id: 7,
            at: Timestamp::from_micros(1_700_000_000_123_456),
            actor_kind: ActorKind::User,
            actor_id: Some(3),
            actor_name: "=cmd()".to_owned(),
            address: Some("192.0.2.1".to_owned()),
            action: "group.update".to_owned(),
            object_kind: "group".to_owned(),
            object_id: Some(5),
            object_name: "值班".to_owned(),
            before: Some(json!({"name": "a,\"b\""})),
            after: Some(json!({"name": "值班"})),
        };
        for _ in 0..2 {
            let line: Value = serde_json::from_str(&write_line(TextFormat::Json, &row)).unwrap();
            let wire = entry(row.clone());
            assert_eq!(line, serde_json::to_value(wire).unwrap());
            row.actor_kind = ActorKind::Anonymous;
            row.actor_id = None;
            row.address = None;
            row.object_id = None;
            row.before = None;
        }
        assert_eq!(
            write_line(TextFormat::Csv, &row),
            "7,2023-11-14T22:13:20.123456Z,anonymous,,'=cmd(),,group.update,group,,值班,,\
             \"{\"\"name\"\":\"\"值班\"\"}\"\r\n"
        );
        let head = Writer::new(TextFormat::Csv).head::<AuditView>();
        let head = String::from_utf8(head).unwrap();
        assert!(head.ends_with(",objectName,before,after\r\n"), "{head}");
    }
}
