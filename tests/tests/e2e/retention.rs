//! What is kept for a time only, what is kept of it for ever, and how it comes
//! back.

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
    the_log_goes_by_its_rules_and_comes_back,
    an_open_incident_outlives_its_entries,
    ingest_goes_on_meanwhile_and_steps_are_small,
    mails_go_apart,
    its_size_and_its_growth_are_told,
);

const INFO: &str = r#"[{"matchers": ["severity=\"info\""], "keep": "1s"}]"#;

fn archive(tocsin: &Tocsin) -> PathBuf {
    tocsin.folder().join("archive")
}

/// Stops it, and starts it again so.
async fn again(tocsin: &mut Tocsin, settings: &[(&str, &str)]) {
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
    assert!(tocsin.ended().await.success(), "{}", tocsin.log());
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

/// Some alerts of three severities, two of which end, one of which is
/// acknowledged.
async fn history(tocsin: &Tocsin) {
    let alerts = |severity: &str, count: usize| -> Vec<_> {
        let said = |n: usize| {
            firing("Disk")
                .severity(severity)
                .instance(&format!("{severity}-{n}"))
                .summary(&format!("disk {n} is full"))
        };
        (0..count).map(said).collect()
    };
    let info = alerts("info", 12);
    tocsin.post(&Webhook::of(info.clone())).await;
    tocsin.post(&Webhook::of(alerts("critical", 3))).await;
    let ends = info.iter().map(tocsin_tests::TestAlert::over);
    assert_eq!(tocsin.post(&Webhook::of(ends)).await.resolved, 12);
    let incidents: Vec<Incident> = tocsin.all("incidents?instance=info-3").await;
    let said = json!({"known": true, "memo": "seen it", "by": "Ana"});
    let path = format!("/api/v1/incidents/{}", incidents[0].id);
    tocsin.send(Method::PATCH, &path, &said).await.expect(200);
}

async fn entries(tocsin: &Tocsin, such: &str) -> usize {
    tocsin.all::<Alert>(&format!("alerts{such}")).await.len()
}

async fn statistics(tocsin: &Tocsin) -> Value {
    let summary: Summary = tocsin.get("/api/v1/stats/summary").await;
    let top: Value = tocsin.get("/api/v1/stats/top?by=instance").await;
    let said = [summary.deliveries, summary.log_entries];
    json!([said, summary.by_status, top])
}

async fn the_log_goes_by_its_rules_and_comes_back(database: Database) {
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
    again(&mut tocsin, &settings).await;
    wait_until("old entries are gone", || async {
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
        "the search does not find what is gone"
    );
    assert_eq!(
        statistics(&tocsin).await,
        counted,
        "statistics outlive the log"
    );
    // The alert may fire again, as if never heard of.
    let again_said = Webhook::of([firing("Disk").severity("info").instance("info-3")]);
    assert_eq!(tocsin.post(&again_said).await.opened, 1);

    if matches!(database, Database::Sqlite) {
        let refused = import(&tocsin, &database, &files(&folder));
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("another tocsin"), "{refused:?}");
    }
    stop(&mut tocsin).await;
    let imported = import(&tocsin, &database, &files(&folder));
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let expected = "24 entries and 12 incidents are new";
    assert!(imported.stdout.contains(expected), "{imported:?}");
    let twice = import(&tocsin, &database, &files(&folder));
    assert!(
        twice
            .stdout
            .contains("0 entries and 0 incidents are new, 24 entries"),
        "{twice:?}"
    );

    tocsin
        .restart_with(|options| options.set("retention.rules", "[]"))
        .await;
    let mut after: (Vec<Alert>, Vec<Incident>) =
        (tocsin.all("alerts").await, tocsin.all("incidents").await);
    // But for the one that came since.
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
        "the search knows what was imported"
    );
    let lines: Vec<AuditEntry> = tocsin.all("audit?action=archive.import&order=asc").await;
    let files = files(&folder).len();
    assert_eq!(lines.len(), 2 * files, "each file, each time");
    assert_eq!(lines[0].actor_kind, ActorKind::CommandLine);
    let new = |line: &AuditEntry| line.after.as_ref().unwrap()["entries"].as_u64().unwrap();
    assert_eq!(lines[..files].iter().map(new).sum::<u64>(), 24);
    assert_eq!(lines[files..].iter().map(new).sum::<u64>(), 0);
}

async fn an_open_incident_outlives_its_entries(database: Database) {
    let mut tocsin = Tocsin::start(Options::on(database)).await;
    let open = Webhook::of([firing("Disk").severity("info").instance("a")]);
    tocsin.post(&open).await;
    again(
        &mut tocsin,
        &[("incidents.window", "100ms"), ("retention.log", "1s")],
    )
    .await;
    wait_until("old entries are gone", || async {
        entries(&tocsin, "").await == 0
    })
    .await;
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(incidents.len(), 1);
    // It is still known: told again, it is no new one.
    assert_eq!(tocsin.post(&open).await.refreshed, 1);
    let ended = Webhook::of([firing("Disk").severity("info").instance("a").over()]);
    assert_eq!(tocsin.post(&ended).await.resolved, 1);
    wait_until("the incident goes with its last entry", || async {
        tocsin.all::<Incident>("incidents").await.is_empty()
    })
    .await;
    assert_eq!(tocsin.post(&open).await.opened, 1);
}

async fn ingest_goes_on_meanwhile_and_steps_are_small(database: Database) {
    let mut tocsin = Tocsin::start(Options::on(database)).await;
    let said = |from: usize, to: usize| {
        Webhook::of((from..to).map(|n| firing("Many").severity("info").instance(&n.to_string())))
    };
    for n in 0..5 {
        assert_eq!(tocsin.post(&said(n * 260, n * 260 + 260)).await.opened, 260);
    }
    let folder = archive(&tocsin);
    let settings = [
        ("incidents.window", "100ms"),
        ("retention.archive_dir", folder.to_str().unwrap()),
        ("retention.rules", INFO),
    ];
    again(&mut tocsin, &settings).await;
    for n in 0..20 {
        let fresh = firing("Fresh").severity("page").instance(&n.to_string());
        assert_eq!(tocsin.post(&Webhook::of([fresh])).await.opened, 1);
    }
    wait_until("old entries are gone", || async {
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
            let held = text.lines().count();
            assert!((1..=500).contains(&held), "{held}");
            lines += held;
        }
    }
    assert_eq!(lines, 1_300);
}

async fn mails_go_apart(database: Database) {
    let mut tocsin = Tocsin::start(Options::on(database)).await;
    team(&tocsin, "infra").await;
    tocsin
        .post(&Webhook::of([firing("Disk").team("infra")]))
        .await;
    assert_eq!(tocsin.settled().await.len(), 1);
    again(&mut tocsin, &[("retention.mails", "1s")]).await;
    wait_until("old mails are gone", || async {
        tocsin.all::<Notification>("notifications").await.is_empty()
    })
    .await;
    assert_eq!(entries(&tocsin, "").await, 1);
}

async fn its_size_and_its_growth_are_told(database: Database) {
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
    let said = |name: &str, labels: &[&str]| metrics.sum(name, labels) as i64;
    assert_eq!(said("tocsin_database_bytes", &[]), storage.bytes);
    assert_eq!(said("tocsin_log_entries", &[]), 27);
    let year = said("tocsin_database_forecast_bytes", &["days=\"365\""]);
    assert_eq!(year, storage.forecast[1].bytes);
    assert!(said("tocsin_database_part_bytes", &["part=\"log\""]) > 0);
}

#[tokio::test]
async fn what_cannot_be_imported_is_said_with_its_line() {
    let mut tocsin = Tocsin::start(Options::default()).await;
    history(&tocsin).await;
    let folder = archive(&tocsin);
    let settings = [
        ("incidents.window", "100ms"),
        ("retention.archive_dir", folder.to_str().unwrap()),
        ("retention.rules", INFO),
    ];
    again(&mut tocsin, &settings).await;
    wait_until("old entries are gone", || async {
        entries(&tocsin, "").await == 3
    })
    .await;
    stop(&mut tocsin).await;
    let mut text = String::new();
    let mut whole = Vec::new();
    for file in files(&folder) {
        let bytes = std::fs::read(file).unwrap();
        text += &String::from_utf8(zstd::decode_all(bytes.as_slice()).unwrap()).unwrap();
        whole.extend(bytes);
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
        newer.stderr.contains("line 1: written by a newer tocsin"),
        "{newer:?}"
    );
    let other = attempt("other.jsonl", b"{\"a\": 1}\n");
    assert!(
        other
            .stderr
            .contains("line 1: expected a line of an archive"),
        "{other:?}"
    );
    let missing = import(&tocsin, &database, &[PathBuf::from("/nonexistent.jsonl")]);
    assert!(
        missing.stderr.contains("/nonexistent.jsonl: No such file"),
        "{missing:?}"
    );
    // Two of the first three lines came with the wrong one.
    let half = text.len() - 500;
    let cut = attempt("cut.jsonl", &text.as_bytes()[..half]);
    assert_eq!(cut.code, Some(0), "{cut:?}");
    assert!(cut.stdout.contains("23 lines; 21 entries"), "{cut:?}");
    assert!(cut.stderr.contains("is cut off in line 24"), "{cut:?}");
    let torn = attempt("torn.jsonl.zst", &whole[..whole.len() - 10]);
    assert_eq!(torn.code, Some(0), "{torn:?}");
    assert!(
        torn.stderr.contains("cannot be read after line"),
        "{torn:?}"
    );
    let all = attempt("all.jsonl.zst", &whole);
    assert_eq!(all.code, Some(0), "{all:?}");
    tocsin
        .restart_with(|options| options.set("retention.rules", "[]"))
        .await;
    assert_eq!(entries(&tocsin, "").await, 27);
}

#[tokio::test]
async fn freed_space_leaves_the_file_of_sqlite() {
    let mut tocsin = Tocsin::start(Options::default()).await;
    for n in 0..20 {
        let noise: String = (0..300_000)
            .map(|_| char::from(rand::random_range(b'!'..=b'~')))
            .collect();
        let said = firing("Large").instance(&n.to_string()).summary(&noise);
        tocsin.post(&Webhook::of([said])).await;
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
    // The bodies are gone while it runs; the texts in the log stay.
    wait_until("the file has become smaller", || async {
        tocsin.post(&Webhook::of([firing("Small")])).await;
        length() < full * 8 / 10
    })
    .await;
    assert!(length() > full / 4);
}
