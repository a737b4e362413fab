//! Files of the SQLite database are removed, moved, replaced or damaged while the
//! program runs: every delivery answered with 200 is in the file at the configured path,
//! and probes report the fault.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tocsin_api_types::{Alert, IngestReport, SystemStatus};
use tocsin_tests::{Options, Reply, Tocsin, Webhook, eventually, firing, wait_until};

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

async fn start() -> (Tocsin, PathBuf) {
    let tocsin = Tocsin::start(Options::default()).await;
    tocsin.post(&Webhook::of([firing("Before")])).await;
    // A recently used token is accepted without the database.
    tocsin.metrics().await;
    let file = tocsin.data_dir().join("tocsin.sqlite");
    (tocsin, file)
}

async fn deliver(tocsin: &Tocsin, name: &str) -> Reply {
    let body = Webhook::of([firing(name)]).bytes();
    tocsin.deliver(WEBHOOK, body).await
}

/// Asserts that requests which need the database are rejected with these words.
async fn assert_unavailable(tocsin: &Tocsin, words: &[&str]) {
    let reply = eventually("it is not ready", || async {
        let reply = tocsin.get_reply("/readyz").await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    let ready: Value = serde_json::from_slice(&reply.body).unwrap();
    let reasons = ready["reasons"].to_string();
    for word in words {
        assert!(reasons.contains(word), "{reasons}");
    }
    for reply in [
        deliver(tocsin, "Rejected").await,
        tocsin.get_reply("/api/v1/alerts").await,
        tocsin.get_reply("/api/v1/status").await,
    ] {
        let problem = reply.problem(503);
        assert_eq!(problem.kind, "urn:tocsin:problem:unavailable");
        assert!(problem.detail.contains(words[0]), "{problem:?}");
        assert!(reply.header("retry-after").parse::<u32>().is_ok());
    }
    assert_eq!(tocsin.get_reply("/healthz").await.status, 200);
    assert_eq!(tocsin.metrics().await.sum("tocsin_ready", &[]), 0.0);
    let lines = || {
        let log = tocsin.log();
        log.matches("the database cannot be used").count()
    };
    wait_until("the fault is logged", || async { lines() > 0 }).await;
    assert_eq!(lines(), 1, "{}", tocsin.log());
}

async fn names(tocsin: &Tocsin) -> Vec<String> {
    let log: Vec<Alert> = tocsin.all("alerts").await;
    let mut names: Vec<String> = log.iter().map(|alert| alert.alertname.clone()).collect();
    names.sort();
    names
}

async fn wait_until_ready(tocsin: &Tocsin) {
    wait_until("it is ready again", || async {
        tocsin.get_reply("/readyz").await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_file_accepts_no_delivery() {
    let (mut tocsin, file) = start().await;
    fs::remove_file(&file).unwrap();
    // Immediately: the periodic check may not have run yet.
    let problem = deliver(&tocsin, "Lost").await.problem(503);
    assert!(
        problem.detail.contains("tocsin.sqlite was removed"),
        "{problem:?}"
    );
    assert_unavailable(&tocsin, &["tocsin.sqlite was removed", "backup"]).await;
    assert!(!file.exists(), "no new file is created");
    tocsin.terminate();
    assert_eq!(
        tocsin.wait_for_exit().await.code(),
        Some(0),
        "{}",
        tocsin.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn file_moved_back_is_used_again() {
    let (mut tocsin, file) = start().await;
    let aside = file.with_extension("aside");
    fs::rename(&file, &aside).unwrap();
    assert_unavailable(&tocsin, &["tocsin.sqlite was removed or moved"]).await;
    fs::rename(&aside, &file).unwrap();
    wait_until_ready(&tocsin).await;
    let report: IngestReport = deliver(&tocsin, "After").await.json();
    assert_eq!(report.opened, 1);
    assert_eq!(names(&tocsin).await, ["After", "Before"]);
    tocsin.kill9();
    tocsin.restart().await;
    assert_eq!(names(&tocsin).await, ["After", "Before"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn directory_moved_back_is_used_again() {
    let (tocsin, file) = start().await;
    let data = file.parent().unwrap();
    let aside = data.with_extension("aside");
    fs::rename(data, &aside).unwrap();
    assert_unavailable(&tocsin, &["tocsin.sqlite was removed or moved"]).await;
    fs::rename(&aside, data).unwrap();
    wait_until_ready(&tocsin).await;
    deliver(&tocsin, "After").await.expect(200);
    assert_eq!(names(&tocsin).await, ["After", "Before"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replaced_file_is_used_after_a_restart_only() {
    let (mut tocsin, file) = start().await;
    let copy = file.with_extension("copy");
    let args = ["backup", copy.to_str().unwrap()];
    let backup = tocsin.command_line(&args, "").await;
    assert_eq!(backup.code, Some(0), "{backup:?}");
    deliver(&tocsin, "NotInTheCopy").await.expect(200);
    fs::rename(&copy, &file).unwrap();
    let problem = deliver(&tocsin, "Lost").await.problem(503);
    assert!(
        problem.detail.contains("tocsin.sqlite was replaced"),
        "{problem:?}"
    );
    assert_unavailable(&tocsin, &["tocsin.sqlite was replaced", "restart Tocsin"]).await;
    tocsin.terminate();
    assert_eq!(
        tocsin.wait_for_exit().await.code(),
        Some(0),
        "{}",
        tocsin.log()
    );
    // Data of the original is not written into the copy.
    tocsin.restart().await;
    assert_eq!(names(&tocsin).await, ["Before"]);
}

async fn removed_file_is_restored_by_stopping(suffix: &str) {
    let (mut tocsin, file) = start().await;
    let part = format!("{}{suffix}", file.display());
    fs::remove_file(&part).unwrap();
    let problem = deliver(&tocsin, "Lost").await.problem(503);
    let name = format!("tocsin.sqlite{suffix}");
    assert!(problem.detail.to_lowercase().contains(&name), "{problem:?}");
    assert_unavailable(&tocsin, &[&suffix[1..], "SIGTERM"]).await;
    tocsin.terminate();
    assert_eq!(
        tocsin.wait_for_exit().await.code(),
        Some(0),
        "{}",
        tocsin.log()
    );
    tocsin.restart().await;
    // A delivery answered with 503 may be stored nevertheless.
    assert!(names(&tocsin).await.contains(&"Before".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_wal_is_restored_by_stopping() {
    removed_file_is_restored_by_stopping("-wal").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removed_shm_is_restored_by_stopping() {
    removed_file_is_restored_by_stopping("-shm").await;
}

/// Stops the program, modifies its database file, and starts it again.
async fn modify_file(tocsin: &mut Tocsin, file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    tocsin.terminate();
    assert_eq!(
        tocsin.wait_for_exit().await.code(),
        Some(0),
        "{}",
        tocsin.log()
    );
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
    // Background jobs may detect the damage first.
    tocsin.restart_unready().await;
}

/// Offsets of `text`.
fn offsets(bytes: &[u8], text: &str) -> Vec<usize> {
    let windows = bytes.windows(text.len()).enumerate();
    let found = windows.filter(|(_, window)| *window == text.as_bytes());
    let found: Vec<usize> = found.map(|(at, _)| at).collect();
    assert!(!found.is_empty(), "{text} is in the file");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_page_makes_the_program_not_ready() {
    let (mut tocsin, file) = start().await;
    let webhook = Webhook::of([firing("Damaged").summary("on the damaged page")]);
    tocsin.post(&webhook).await;
    modify_file(&mut tocsin, &file, |bytes| {
        let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        for at in offsets(bytes, "on the damaged page") {
            let page = at / size * size;
            // Not a valid page type.
            bytes[page..page + 8].fill(0xff);
        }
    })
    .await;
    let problem = tocsin.get_reply("/api/v1/alerts").await.problem(500);
    assert!(problem.detail.contains("damaged"), "{problem:?}");
    for _ in 0..2 {
        let reply = tocsin.get_reply("/readyz").await.expect(503);
        let ready: Value = serde_json::from_slice(&reply.body).unwrap();
        let reasons = ready["reasons"].to_string();
        for word in ["is damaged", "series", "restore a backup", ".recover"] {
            assert!(reasons.contains(word), "{word}: {reasons}");
        }
        // It stays not ready after successful reads.
        tocsin.get_reply("/api/v1/users").await.expect(200);
    }
    let status: SystemStatus = tocsin.get("/api/v1/status").await;
    assert!(status.database.damaged);
    let metrics = tocsin.metrics().await;
    assert_eq!(metrics.sum("tocsin_database_damaged", &[]), 1.0);
    assert!(tocsin.log().contains("the database is damaged"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_row_is_a_warning() {
    let (mut tocsin, file) = start().await;
    let webhook = Webhook::of([firing("Unreadable")]);
    tocsin.post(&webhook).await;
    modify_file(&mut tocsin, &file, |bytes| {
        for at in offsets(bytes, "{\"alertname\":\"Unreadable\"") {
            bytes[at] = b'x';
        }
    })
    .await;
    let problem = tocsin.get_reply("/api/v1/alerts").await.problem(500);
    assert!(problem.detail.contains("cannot be read"), "{problem:?}");
    let ready: Value = tocsin.get("/readyz").await;
    assert_eq!(ready["ready"], true);
    let warning = ready["warnings"][0].as_str().unwrap();
    assert!(warning.contains("table series, column labels"), "{warning}");
    let status: SystemStatus = tocsin.get("/api/v1/status").await;
    assert!(!status.database.damaged && status.database.unreadable_rows > 0);
    deliver(&tocsin, "After").await.expect(200);
}
