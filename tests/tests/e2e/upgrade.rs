//! A database that an earlier version left is brought up to date at start, and
//! reads the same as that version read it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::Value;
use tocsin_tests::{Database, Options, Tocsin, Webhook, eventually, firing, on_both, workspace};

on_both!(a_database_from_before_migration_0002_reads_the_same);

/// For what is caught up with in the background.
const PATIENCE: Duration = Duration::from_secs(20);

fn fixture(name: &str) -> Vec<u8> {
    let path = workspace().join("tests/fixtures/before-0002").join(name);
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut plain = Vec::new();
    GzDecoder::new(file).read_to_end(&mut plain).unwrap();
    plain
}

/// Puts the old database where the program will look for it.
fn lay_down(database: &Database, folder: &Path) -> &'static str {
    match database {
        Database::Postgres(database) => {
            let file = folder.join("postgres.sql");
            fs::write(&file, fixture("postgres.sql.gz")).unwrap();
            database.load(&file);
            "postgres.json.gz"
        }
        _ => {
            fs::write(folder.join("tocsin.sqlite"), fixture("sqlite.db.gz")).unwrap();
            "sqlite.json.gz"
        }
    }
}

async fn a_database_from_before_migration_0002_reads_the_same(database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let expected = lay_down(&database, folder.path());
    let expected: BTreeMap<String, Value> = serde_json::from_slice(&fixture(expected)).unwrap();
    let options = Options::on(database).data_dir(folder.path());
    // The old database grows older, and nothing of it may go or be stale.
    let spans = [
        "retention.raw_bodies",
        "retention.deliveries",
        "retention.mails",
        "incidents.stale_after",
    ];
    let options = spans
        .into_iter()
        .fold(options.set("incidents.window", "1s"), |options, key| {
            options.set(key, "36500d")
        });
    let mut tocsin = Tocsin::start(options).await;
    for _ in 0..2 {
        for (path, old) in &expected {
            // Statistics catch up in the background; all else is there at once.
            let began = Instant::now();
            let found = eventually(path, || async {
                let differs = difference(old, &tocsin.get(path).await, path);
                let waits = path.contains("/stats/") && began.elapsed() < PATIENCE;
                (differs.is_none() || !waits).then_some(differs)
            });
            assert_eq!(found.await, None);
        }
        // All of it in the new shape, read by a program that migrates nothing.
        tocsin.terminate();
        assert_eq!(tocsin.ended().await.code(), Some(0), "{}", tocsin.log());
        tocsin.restart().await;
    }
    the_story_goes_on(&tocsin).await;
}

/// What is open goes on where it was; what is new gets numbers of its own.
async fn the_story_goes_on(tocsin: &Tocsin) {
    let open = "/api/v1/incidents?state=open&alertname=Odd&source=prod&limit=500";
    let before: Value = tocsin.get(open).await;
    let known = before["items"].as_array().unwrap();
    assert!(!known.is_empty());
    for incident in known {
        let mut said =
            firing("Odd").starts(incident["startsAt"].as_str().unwrap().parse().unwrap());
        for (name, value) in incident["labels"].as_object().unwrap() {
            said = said.label(name, value.as_str().unwrap());
        }
        let mut body = Webhook::of([said]).json();
        body["alerts"][0]["fingerprint"] = incident["fingerprint"].clone();
        let report = tocsin.post_to("prod", body.to_string()).await;
        assert_eq!(report.opened, 0, "{incident}");
        assert_eq!(report.refreshed, 1, "{incident}");
    }
    let after: Value = tocsin.get(open).await;
    assert_eq!(after["items"].as_array().unwrap().len(), known.len());
    let report = tocsin
        .post_to("prod", Webhook::of([firing("New")]).bytes())
        .await;
    assert_eq!(report.opened, 1);
}

/// Where `new` lacks something of `old`, or has it otherwise. It may have more.
fn difference(old: &Value, new: &Value, place: &str) -> Option<String> {
    match (old, new) {
        (Value::Object(old_fields), Value::Object(fields)) => old_fields
            .iter()
            .filter(|(name, _)| !is_free(name, old))
            .find_map(|(name, value)| {
                let place = format!("{place} {name}");
                match fields.get(name) {
                    Some(found) => difference(value, found, &place),
                    None => Some(format!("{place} is missing")),
                }
            }),
        (Value::Array(values), Value::Array(found)) if values.len() == found.len() => values
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(n, (value, found))| difference(value, found, &format!("{place} {n}"))),
        _ if old == new => None,
        _ => Some(format!("{place}: was {old}, is {new}")),
    }
}

/// What depends on the present, and the number that events of an incident had.
fn is_free(name: &str, of: &Value) -> bool {
    let is_event = of.get("at").is_some() && of.get("memo").is_some() && of.get("by").is_some();
    matches!(name, "stale" | "nextCursor") || is_event && name == "id"
}
