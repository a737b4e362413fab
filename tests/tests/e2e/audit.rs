//! The audit log: reading, filtering and exporting; it is read-only.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{ActorKind, AuditEntry};
use tocsin_tests::{Database, Options, Tocsin, on_both, workspace};

on_both!(
    audit_entries_are_filtered,
    audit_export_equals_the_list,
    audit_log_is_read_only,
);

/// A program with audit entries of two callers.
async fn with_entries(database: Database) -> (Tocsin, i64) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let group = tocsin.create_group(&json!({"name": "Ops 值班"})).await;
    let path = format!("/api/v1/groups/{}", group.id);
    tocsin
        .send(Method::PUT, &path, &json!({"name": "=cmd()"}))
        .await
        .expect(200);
    let other = tocsin.create_token(&["--role", "admin"]).await;
    let by_other = tocsin.request(Method::POST, "/api/v1/routes");
    let by_other = by_other.authorization(&format!("Bearer {other}"));
    by_other
        .json(&json!({"name": "all", "matchers": [], "groupIds": []}))
        .send()
        .await
        .expect(201);
    (tocsin, group.id)
}

async fn audit_entries_are_filtered(database: Database) {
    let (tocsin, group) = with_entries(database).await;
    let all: Vec<AuditEntry> = tocsin.all("audit").await;
    // Two tokens created at the command line, and three changes.
    let actions: Vec<_> = all.iter().map(|line| line.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "route.create",
            "token.create",
            "group.update",
            "group.create",
            "token.create"
        ]
    );
    assert_eq!(all[1].actor_kind, ActorKind::CommandLine);
    let one: AuditEntry = tocsin.get(&format!("/api/v1/audit/{}", all[2].id)).await;
    assert_eq!(one, all[2]);
    assert_eq!(one.before.as_ref().unwrap()["name"], "Ops 值班");
    assert_eq!(one.after.as_ref().unwrap()["name"], "=cmd()");
    assert_eq!(one.actor_kind, ActorKind::Token);
    let (first, second) = (all[3].actor_id.unwrap(), all[0].actor_id.unwrap());
    assert_ne!(first, second);
    tocsin.get_reply("/api/v1/audit/99999").await.problem(404);

    let ids = async |query: &str| -> Vec<i64> {
        let found: Vec<AuditEntry> = tocsin.all(&format!("audit?{query}")).await;
        found.iter().map(|line| line.id).collect()
    };
    let of = |places: &[usize]| -> Vec<i64> { places.iter().map(|place| all[*place].id).collect() };
    let middle: DateTime<Utc> = all[2].at;
    let middle = middle.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    for (query, places) in [
        ("", &[0, 1, 2, 3, 4][..]),
        ("order=asc", &[4, 3, 2, 1, 0]),
        ("limit=2", &[0, 1, 2, 3, 4]),
        (&format!("actor=token:{first}"), &[2, 3]),
        (&format!("actor=token:{second}"), &[0]),
        ("actor=commandLine", &[1, 4]),
        ("actor=token", &[0, 2, 3]),
        ("actor=user", &[]),
        ("actor=tests", &[0, 2, 3]),
        ("action=group.create", &[3]),
        ("action=group.create&action=group.update", &[2, 3]),
        (&format!("objectKind=group&objectId={group}"), &[2, 3]),
        ("objectKind=route", &[0]),
        ("objectKind=group&action=group.update&actor=tests", &[2]),
        (&format!("from={middle}"), &[0, 1, 2]),
        (&format!("to={middle}"), &[3, 4]),
        ("q=值班", &[3]),
        ("q=OPS", &[3]),
        ("q=group", &[2, 3]),
        ("q=nothing", &[]),
    ] {
        assert_eq!(ids(query).await, of(places), "{query}");
    }
    for (bad, field) in [
        ("objectId=0", "objectId"),
        ("from=yesterday", "from"),
        ("order=up", "order"),
        ("zzz=1", "zzz"),
    ] {
        let rejected = tocsin.get_reply(&format!("/api/v1/audit?{bad}")).await;
        assert_eq!(rejected.fields(400), [field]);
    }
}

async fn audit_export_equals_the_list(database: Database) {
    let (tocsin, group) = with_entries(database).await;
    for query in [
        "",
        "order=asc",
        &format!("objectKind=group&objectId={group}"),
    ] {
        let shown: Vec<Value> = tocsin.all(&format!("audit?{query}")).await;
        let export = async |format: &str| {
            let path = format!("/api/v1/audit/export?format={format}&{query}");
            tocsin.get_reply(&path).await.expect(200)
        };
        let lines = export("jsonl").await;
        let lines = lines.text();
        let lines: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, shown, "{query}");

        let text = export("csv").await;
        let name = text.header("content-disposition");
        assert!(
            name.contains("tocsin-audit-") && name.contains(".csv"),
            "{name}"
        );
        let text = text.text();
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let head: Vec<_> = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), shown.len(), "{query}");
        for (row, object) in rows.iter().zip(&shown) {
            assert_eq!(head.len(), object.as_object().unwrap().len(), "every field");
            for (cell, name) in row.iter().zip(&head) {
                let expected = match &object[name] {
                    Value::Null => String::new(),
                    // A formula is escaped.
                    Value::String(text) if text.starts_with('=') => format!("'{text}"),
                    Value::String(text) => text.clone(),
                    value => value.to_string(),
                };
                match object[name].is_object() {
                    true => assert_eq!(serde_json::from_str::<Value>(cell).unwrap(), object[name]),
                    false => assert_eq!(cell, expected, "{name}"),
                }
            }
        }
        let workbook = export("xlsx").await;
        let mut workbook: calamine::Xlsx<_> =
            calamine::open_workbook_from_rs(std::io::Cursor::new(workbook.body)).unwrap();
        let sheet = calamine::Reader::worksheet_range(&mut workbook, "Audit log").unwrap();
        assert_eq!(sheet.rows().count(), shown.len() + 1, "{query}");
    }
}

async fn audit_log_is_read_only(database: Database) {
    let (tocsin, _) = with_entries(database).await;
    let all: Vec<AuditEntry> = tocsin.all("audit").await;
    let one = format!("/api/v1/audit/{}", all[0].id);
    for path in ["/api/v1/audit", "/api/v1/audit/export", &one] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = tocsin.request(method, path).json(&json!({}));
            request.send().await.problem(405);
        }
    }
    assert_eq!(tocsin.all::<AuditEntry>("audit").await, all);
    let file = workspace().join("openapi/openapi.json");
    let text = std::fs::read_to_string(file).unwrap();
    let description: Value = serde_json::from_str(&text).unwrap();
    let mut found = 0;
    for (path, item) in description["paths"].as_object().unwrap() {
        if path.starts_with("/api/v1/audit") {
            let methods: Vec<_> = item.as_object().unwrap().keys().collect();
            assert_eq!(methods, ["get"], "{path}");
            found += 1;
        }
    }
    assert_eq!(found, 3);
}
