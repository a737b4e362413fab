//! Retention and the archive: deleting log entries, deliveries and notifications,
//! archiving them, and importing them again.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{
    ActorKind, Alert, AuditEntry, Delivery, Incident, Notification, StorageStatus, Summary,
};
use tocsin_tests::{
    Database, Finished, Options, Tocsin, Webhook, firing, on_both, run, team, wait_until,
};

on_both!(
    log_is_archived_by_rules_and_imported,
    open_incident_outlives_its_entries,
    ingest_continues_while_retention_deletes_in_small_steps,
    notifications_have_their_own_retention,
    storage_size_and_forecast_are_reported,
);

const INFO: &str = r#"[{"matchers": ["severity=\"info\""], "keep": "1s"}]"#;

fn archive(tocsin: &Tocsin) -> PathBuf {
    tocsin.folder().join("archive")
}

/// Stops the program, and starts it again with these settings.
async fn restart_with_settings(tocsin: &mut Tocsin, settings: &[(&str, &str)]) {
    stop(tocsin).await;
    tocsin
        .restart_with(|options| {
            settings
                .iter()
                .fold(options, |options, (key, value)| options.set(key, value))
        })
        .await;
}

async fn stop(tocsin: &mut Tocsin) {
    tocsin.terminate();
    assert!(tocsin.wait_for_exit().await.success(), "{}", tocsin.log());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn import(tocsin: &Tocsin, database: &Database, files: &[PathBuf]) -> Finished {
    let data = tocsin.data_dir();
    let mut args = vec!["import".to_owned()];
    args.extend(files.iter().map(|file| file.display().to_string()));
    args.extend(["--data-dir".to_owned(), data.display().to_string()]);
    args.extend(["--database-url".to_owned(), database.url(&data)]);
    run(tocsin.folder(), &args, &[])
}

/// Alerts of two severities, some of which are resolved, and one of which is
/// acknowledged.
async fn history(tocsin: &Tocsin) {
    let alerts = |severity: &str, count: usize| -> Vec<_> {
        let alert = |n: usize| {
            firing("Disk")
                .severity(severity)
                .instance(&format!("{severity}-{n}"))
                .summary(&format!("disk {n} is full"))
        };
        (0..count).map(alert).collect()
    };
    let info = alerts("info", 12);
    tocsin.post(&Webhook::of(info.clone())).await;
    tocsin.post(&Webhook::of(alerts("critical", 3))).await;
    let ends = info.iter().map(tocsin_tests::TestAlert::resolve);
    assert_eq!(tocsin.post(&Webhook::of(ends)).await.resolved, 12);
    let incidents: Vec<Incident> = tocsin.all("incidents?instance=info-3").await;
    let acknowledge = json!({"known": true, "memo": "seen it", "by": "Ana"});
    let path = format!("/api/v1/incidents/{}", incidents[0].id);
    tocsin
        .send(Method::PATCH, &path, &acknowledge)
        .await
        .expect(200);
}

async fn entries(tocsin: &Tocsin, query: &str) -> usize {
    tocsin.all::<Alert>(&format!("alerts{query}")).await.len()
}

async fn statistics(tocsin: &Tocsin) -> Value {
    let summary: Summary = tocsin.get("/api/v1/stats/summary").await;
    let top: Value = tocsin.get("/api/v1/stats/top?by=instance").await;
    let totals = [summary.deliveries, summary.log_entries];
    json!([totals, summary.by_status, top])
}

async fn log_is_archived_by_rules_and_imported(database: Database) {
    let mut tocsin = Tocsin::start(Options::on(database.clone())).await;
    history(&tocsin).await;
    let before: (Vec<Alert>, Vec<Incident>) =
        (tocsin.all("alerts").await, tocsin.all("incidents").await);
    let counted = statistics(&tocsin).await;
    assert_eq!((before.0.len(), before.1.len()), (27, 15));

    let folder = archive(&tocsin);
    let settings = [
        ("incidents.window", "100ms"),
        ("retention.archive_dir", folder.to_str().unwrap()),
        ("retention.deliveries", "1s"),
        ("retention.rules", INFO),
    ];
    restart_with_settings(&mut tocsin, &settings).await;
    wait_until("old entries are deleted", || async {
        entries(&tocsin, "").await == 3 && tocsin.all::<Delivery>("deliveries").await.len() == 1
    })
    .await;
    let left: Vec<Alert> = tocsin.all("alerts").await;
    assert!(left.iter().all(|alert| alert.severity == "critical"));
    assert_eq!(
        left,
        before
            .0
            .iter()
            .filter(|a| a.severity == "critical")
            .cloned()
            .collect::<Vec<_>>()
    );
    assert_eq!(tocsin.all::<Incident>("incidents").await.len(), 3);
    assert_eq!(
        entries(&tocsin, "?q=disk").await,
        3,
        "the search finds no deleted entries"
    );
    assert_eq!(
        statistics(&tocsin).await,
        counted,
        "statistics outlive the log"
    );
    // The alert may fire again, and is new.
    let refired = Webhook::of([firing("Disk").severity("info").instance("info-3")]);
    assert_eq!(tocsin.post(&refired).await.opened, 1);

    if matches!(database, Database::Sqlite) {
        let rejected = import(&tocsin, &database, &files(&folder));
        assert_eq!(rejected.code, Some(2), "{rejected:?}");
        assert!(rejected.stderr.contains("another tocsin"), "{rejected:?}");
    }
    stop(&mut tocsin).await;
    let imported = import(&tocsin, &database, &files(&folder));
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let expected = "24 entries and 12 incidents imported";
    assert!(imported.stdout.contains(expected), "{imported:?}");
    let second = import(&tocsin, &database, &files(&folder));
    assert!(
        second
            .stdout
            .contains("0 entries and 0 incidents imported, 24 existing entries"),
        "{second:?}"
    );

    tocsin
        .restart_with(|options| options.set("retention.rules", "[]"))
        .await;
    let mut after: (Vec<Alert>, Vec<Incident>) =
        (tocsin.all("alerts").await, tocsin.all("incidents").await);
    // Without the alert that was posted since.
    after
        .0
        .retain(|alert| before.0.iter().any(|entry| entry.id == alert.id));
    after
        .1
        .retain(|incident| before.1.iter().any(|other| other.id == incident.id));
    assert_eq!(after.0, before.0);
    assert_eq!(after.1, before.1);
    let summary: Summary = tocsin.get("/api/v1/stats/summary").await;
    assert_eq!(
        (summary.deliveries, summary.log_entries),
        (4, 28),
        "nothing is counted twice"
    );
    assert_eq!(
        entries(&tocsin, "?q=info-3").await,
        3,
        "the search finds imported entries"
    );
    let audit: Vec<AuditEntry> = tocsin.all("audit?action=archive.import&order=asc").await;
    let files = files(&folder).len();
    assert_eq!(audit.len(), 2 * files, "each file, each time");
    assert_eq!(audit[0].actor_kind, ActorKind::CommandLine);
    let new = |entry: &AuditEntry| entry.after.as_ref().unwrap()["entries"].as_u64().unwrap();
    assert_eq!(audit[..files].iter().map(new).sum::<u64>(), 24);
    assert_eq!(audit[files..].iter().map(new).sum::<u64>(), 0);
}

async fn open_incident_outlives_its_entries(database: Database) {
    let mut tocsin = Tocsin::start(Options::on(database)).await;
    let open = Webhook::of([firing("Disk").severity("info").instance("a")]);
    tocsin.post(&open).await;
    restart_with_settings(
        &mut tocsin,
        &[("incidents.window", "100ms"), ("retention.log", "1s")],
    )
    .await;
    wait_until("old entries are deleted", || async {
        entries(&tocsin, "").await == 0
    })
    .await;
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(incidents.len(), 1);
    // The alert's state is kept: the next delivery repeats the incident.
    assert_eq!(tocsin.post(&open).await.refreshed, 1);
    let ended = Webhook::of([firing("Disk").severity("info").instance("a").resolve()]);
    assert_eq!(tocsin.post(&ended).await.resolved, 1);
    wait_until("the incident is deleted with its last entry", || async {
        tocsin.all::<Incident>("incidents").await.is_empty()
    })
    .await;
    assert_eq!(tocsin.post(&open).await.opened, 1);
}

async fn ingest_continues_while_retention_deletes_in_small_steps(database: Database) {
    let mut tocsin = Tocsin::start(Options::on(database)).await;
    let alerts = |from: usize, to: usize| {
        Webhook::of((from..to).map(|n| firing("Many").severity("info").instance(&n.to_string())))
    };
    for n in 0..5 {
        assert_eq!(
            tocsin.post(&alerts(n * 260, n * 260 + 260)).await.opened,
            260
        );
    }
    let folder = archive(&tocsin);
    let settings = [
        ("incidents.window", "100ms"),
        ("retention.archive_dir", folder.to_str().unwrap()),
        ("retention.rules", INFO),
    ];
    restart_with_settings(&mut tocsin, &settings).await;
    for n in 0..20 {
        let fresh = firing("Fresh").severity("page").instance(&n.to_string());
        assert_eq!(tocsin.post(&Webhook::of([fresh])).await.opened, 1);
    }
    wait_until("old entries are deleted", || async {
        entries(&tocsin, "?severity=info&limit=1").await == 0
    })
    .await;
    assert_eq!(entries(&tocsin, "?severity=page").await, 20);
    // Each step is one transaction, and one frame in the archive.
    let mut lines = 0;
    for file in files(&folder) {
        let bytes = std::fs::read(file).unwrap();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let mut frame = zstd::Decoder::with_buffer(&mut rest)
                .unwrap()
                .single_frame();
            let text = std::io::read_to_string(&mut frame).unwrap();
            let count = text.lines().count();
            assert!((1..=500).contains(&count), "{count}");
            lines += count;
        }
    }
    assert_eq!(lines, 1_300);
}

async fn notifications_have_their_own_retention(database: Database) {
    let mut tocsin = Tocsin::start(Options::on(database)).await;
    team(&tocsin, "infra").await;
    tocsin
        .post(&Webhook::of([firing("Disk").team("infra")]))
        .await;
    assert_eq!(tocsin.wait_for_notifications().await.len(), 1);
    restart_with_settings(&mut tocsin, &[("retention.mails", "1s")]).await;
    wait_until("old notifications are deleted", || async {
        tocsin.all::<Notification>("notifications").await.is_empty()
    })
    .await;
    assert_eq!(entries(&tocsin, "").await, 1);
}

async fn storage_size_and_forecast_are_reported(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    history(&tocsin).await;
    let storage: StorageStatus = tocsin.get("/api/v1/storage").await;
    assert_eq!((storage.log_entries, storage.forecast.len()), (27, 2));
    assert!(storage.oldest_log_entry.is_some());
    assert!(
        (storage.log_entries_per_day - 27.0).abs() < 0.5,
        "{storage:?}"
    );
    let parts: i64 = storage.parts.iter().map(|part| part.bytes).sum();
    let used = storage.bytes - storage.free_bytes;
    assert!((used - parts).abs() <= 100, "{storage:?}");
    assert!(storage.bytes < storage.forecast[0].bytes, "{storage:?}");
    assert!(storage.forecast[0].bytes < storage.forecast[1].bytes);
    let metrics = tocsin.metrics().await;
    let metric = |name: &str, labels: &[&str]| metrics.sum(name, labels) as i64;
    assert_eq!(metric("tocsin_database_bytes", &[]), storage.bytes);
    assert_eq!(metric("tocsin_log_entries", &[]), 27);
    let year = metric("tocsin_database_forecast_bytes", &["days=\"365\""]);
    assert_eq!(year, storage.forecast[1].bytes);
    assert!(metric("tocsin_database_part_bytes", &["part=\"log\""]) > 0);
}

#[tokio::test]
async fn import_errors_name_file_and_line() {
    let mut tocsin = Tocsin::start(Options::default()).await;
    history(&tocsin).await;
    let folder = archive(&tocsin);
    let settings = [
        ("incidents.window", "100ms"),
        ("retention.archive_dir", folder.to_str().unwrap()),
        ("retention.rules", INFO),
    ];
    restart_with_settings(&mut tocsin, &settings).await;
    wait_until("old entries are deleted", || async {
        entries(&tocsin, "").await == 3
    })
    .await;
    stop(&mut tocsin).await;
    let mut text = String::new();
    let mut compressed = Vec::new();
    for file in files(&folder) {
        let bytes = std::fs::read(file).unwrap();
        text += &String::from_utf8(zstd::decode_all(bytes.as_slice()).unwrap()).unwrap();
        compressed.extend(bytes);
    }
    assert_eq!(text.lines().count(), 24);
    let database = Database::Sqlite;
    let attempt = |name: &str, bytes: &[u8]| {
        let file = tocsin.folder().join(name);
        std::fs::write(&file, bytes).unwrap();
        import(&tocsin, &database, &[file])
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[2] = lines[2].replace("\"opened\"", "\"opend\"");
    let wrong = attempt("wrong.jsonl", lines.join("\n").as_bytes());
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    for words in ["wrong.jsonl, line 3: ", "unknown variant `opend`"] {
        assert!(wrong.stderr.contains(words), "{wrong:?}");
    }
    let newer = text.replace("{\"v\":1,", "{\"v\":9,");
    let newer = attempt("newer.jsonl", newer.as_bytes());
    assert!(
        newer
            .stderr
            .contains("line 1: written by a newer version of Tocsin"),
        "{newer:?}"
    );
    let other = attempt("other.jsonl", b"{\"a\": 1}\n");
    assert!(
        other.stderr.contains("line 1: expected an archive line"),
        "{other:?}"
    );
    let missing = import(&tocsin, &database, &[PathBuf::from("/nonexistent.jsonl")]);
    assert!(
        missing.stderr.contains("/nonexistent.jsonl: No such file"),
        "{missing:?}"
    );
    // The lines before the wrong one were imported: two of three are entries.
    let half = text.len() - 500;
    let cut = attempt("cut.jsonl", &text.as_bytes()[..half]);
    assert_eq!(cut.code, Some(0), "{cut:?}");
    assert!(cut.stdout.contains("23 lines; 21 entries"), "{cut:?}");
    assert!(cut.stderr.contains("is truncated in line 24"), "{cut:?}");
    let torn = attempt("torn.jsonl.zst", &compressed[..compressed.len() - 10]);
    assert_eq!(torn.code, Some(0), "{torn:?}");
    assert!(
        torn.stderr.contains("cannot be read after line"),
        "{torn:?}"
    );
    let all = attempt("all.jsonl.zst", &compressed);
    assert_eq!(all.code, Some(0), "{all:?}");
    tocsin
        .restart_with(|options| options.set("retention.rules", "[]"))
        .await;
    assert_eq!(entries(&tocsin, "").await, 27);
}

#[tokio::test]
async fn sqlite_file_shrinks_after_deletion() {
    let mut tocsin = Tocsin::start(Options::default()).await;
    for n in 0..20 {
        let noise: String = (0..300_000)
            .map(|_| char::from(rand::random_range(b'!'..=b'~')))
            .collect();
        let alert = firing("Large").instance(&n.to_string()).summary(&noise);
        tocsin.post(&Webhook::of([alert])).await;
    }
    let file = tocsin.data_dir().join("tocsin.sqlite");
    let length = || std::fs::metadata(&file).unwrap().len();
    let settings = [
        ("incidents.window", "100ms"),
        ("retention.raw_bodies", "1s"),
        ("retention.deliveries", "1s"),
    ];
    stop(&mut tocsin).await;
    let full = length();
    assert!(full > 6_000_000, "{full}");
    tocsin
        .restart_with(|options| {
            settings
                .iter()
                .fold(options, |options, (key, value)| options.set(key, value))
        })
        .await;
    // Bodies are deleted while the program runs; the messages in the log are kept.
    wait_until("the file is smaller", || async {
        tocsin.post(&Webhook::of([firing("Small")])).await;
        length() < full * 8 / 10
    })
    .await;
    assert!(length() > full / 4);
}
