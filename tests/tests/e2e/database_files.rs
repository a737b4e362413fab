//! The files of the SQLite database are removed, moved, replaced or damaged while
//! the program runs: what is answered with 200 is in the file that the path names,
//! and probes say what has happened.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tocsin_api_types::{Alert, IngestReport, SystemStatus};
use tocsin_tests::{Options, Reply, Tocsin, Webhook, eventually, firing, wait_until};

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

async fn started() -> (Tocsin, PathBuf) {
    let tocsin = Tocsin::start(Options::default()).await;
    tocsin.post(&Webhook::of([firing("Before")])).await;
    // Whose token was seen of late is known without the database.
    tocsin.metrics().await;
    let file = tocsin.data_dir().join("tocsin.sqlite");
    (tocsin, file)
}

async fn deliver(tocsin: &Tocsin, name: &str) -> Reply {
    let body = Webhook::of([firing(name)]).bytes();
    tocsin.deliver(WEBHOOK, body).await
}

/// Everything that needs the database is rejected, with these words.
async fn is_out_of_use(tocsin: &Tocsin, words: &[&str]) {
    let reply = eventually("it is not ready", || async {
        let reply = tocsin.look("/readyz").await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    let ready: Value = serde_json::from_slice(&reply.body).unwrap();
    let reasons = ready["reasons"].to_string();
    for word in words {
        assert!(reasons.contains(word), "{reasons}");
    }
    for reply in [
        deliver(tocsin, "Meanwhile").await,
        tocsin.look("/api/v1/alerts").await,
        tocsin.look("/api/v1/status").await,
    ] {
        let problem = reply.problem(503);
        assert_eq!(problem.kind, "urn:tocsin:problem:unavailable");
        assert!(problem.detail.contains(words[0]), "{problem:?}");
        assert!(reply.header("retry-after").parse::<u32>().is_ok());
    }
    assert_eq!(tocsin.look("/healthz").await.status, 200);
    assert_eq!(tocsin.metrics().await.sum("tocsin_ready", &[]), 0.0);
    let lines = || {
        let log = tocsin.log();
        log.matches("the database cannot be used").count()
    };
    wait_until("the log says so", || async { lines() > 0 }).await;
    assert_eq!(lines(), 1, "{}", tocsin.log());
}

async fn names(tocsin: &Tocsin) -> Vec<String> {
    let log: Vec<Alert> = tocsin.all("alerts").await;
    let mut names: Vec<String> = log.iter().map(|alert| alert.alertname.clone()).collect();
    names.sort();
    names
}

async fn is_ready_again(tocsin: &Tocsin) {
    wait_until("it is ready again", || async {
        tocsin.look("/readyz").await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_delivery_is_accepted_into_a_removed_file() {
    let (mut tocsin, file) = started().await;
    fs::remove_file(&file).unwrap();
    // At once: the program may not have looked by itself yet.
    let problem = deliver(&tocsin, "Lost").await.problem(503);
    assert!(
        problem.detail.contains("tocsin.sqlite was removed"),
        "{problem:?}"
    );
    is_out_of_use(&tocsin, &["tocsin.sqlite was removed", "backup"]).await;
    assert!(!file.exists(), "nothing is put in its place");
    tocsin.terminate();
    assert_eq!(tocsin.ended().await.code(), Some(0), "{}", tocsin.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_moved_back_is_used_again() {
    let (mut tocsin, file) = started().await;
    let aside = file.with_extension("aside");
    fs::rename(&file, &aside).unwrap();
    is_out_of_use(&tocsin, &["tocsin.sqlite was removed or moved"]).await;
    fs::rename(&aside, &file).unwrap();
    is_ready_again(&tocsin).await;
    let report: IngestReport = deliver(&tocsin, "After").await.json();
    assert_eq!(report.opened, 1);
    assert_eq!(names(&tocsin).await, ["After", "Before"]);
    tocsin.kill9();
    tocsin.restart().await;
    assert_eq!(names(&tocsin).await, ["After", "Before"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_directory_may_be_moved_back_too() {
    let (tocsin, file) = started().await;
    let data = file.parent().unwrap();
    let aside = data.with_extension("aside");
    fs::rename(data, &aside).unwrap();
    is_out_of_use(&tocsin, &["tocsin.sqlite was removed or moved"]).await;
    fs::rename(&aside, data).unwrap();
    is_ready_again(&tocsin).await;
    deliver(&tocsin, "After").await.expect(200);
    assert_eq!(names(&tocsin).await, ["After", "Before"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_its_place_is_used_after_a_restart_only() {
    let (mut tocsin, file) = started().await;
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
    is_out_of_use(&tocsin, &["tocsin.sqlite was replaced", "restart Tocsin"]).await;
    tocsin.terminate();
    assert_eq!(tocsin.ended().await.code(), Some(0), "{}", tocsin.log());
    // What belongs to the original is not written into the copy.
    tocsin.restart().await;
    assert_eq!(names(&tocsin).await, ["Before"]);
}

async fn a_part_is_saved_by_stopping(suffix: &str) {
    let (mut tocsin, file) = started().await;
    let part = format!("{}{suffix}", file.display());
    fs::remove_file(&part).unwrap();
    let problem = deliver(&tocsin, "Lost").await.problem(503);
    let name = format!("tocsin.sqlite{suffix}");
    assert!(problem.detail.to_lowercase().contains(&name), "{problem:?}");
    is_out_of_use(&tocsin, &[&suffix[1..], "SIGTERM"]).await;
    tocsin.terminate();
    assert_eq!(tocsin.ended().await.code(), Some(0), "{}", tocsin.log());
    tocsin.restart().await;
    // The delivery that was answered with 503 may be stored all the same.
    assert!(names(&tocsin).await.contains(&"Before".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_wal_is_saved_by_stopping() {
    a_part_is_saved_by_stopping("-wal").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_shm_is_saved_by_stopping() {
    a_part_is_saved_by_stopping("-shm").await;
}

/// Stops the program, changes the bytes of its database, and starts it again.
async fn changed(tocsin: &mut Tocsin, file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    tocsin.terminate();
    assert_eq!(tocsin.ended().await.code(), Some(0), "{}", tocsin.log());
    let mut bytes = fs::read(file).unwrap();
    change(&mut bytes);
    fs::write(file, bytes).unwrap();
    // Background jobs may find the damage first.
    tocsin.restart_unready().await;
}

/// Where `text` stands.
fn places(bytes: &[u8], text: &str) -> Vec<usize> {
    let windows = bytes.windows(text.len()).enumerate();
    let found = windows.filter(|(_, window)| *window == text.as_bytes());
    let found: Vec<usize> = found.map(|(at, _)| at).collect();
    assert!(!found.is_empty(), "{text} is in the file");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_page_makes_it_not_ready() {
    let (mut tocsin, file) = started().await;
    let webhook = Webhook::of([firing("Damaged").summary("on the damaged page")]);
    tocsin.post(&webhook).await;
    changed(&mut tocsin, &file, |bytes| {
        let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        for at in places(bytes, "on the damaged page") {
            let page = at / size * size;
            // There is no such kind of page.
            bytes[page..page + 8].fill(0xff);
        }
    })
    .await;
    let problem = tocsin.look("/api/v1/alerts").await.problem(500);
    assert!(problem.detail.contains("damaged"), "{problem:?}");
    for _ in 0..2 {
        let reply = tocsin.look("/readyz").await.expect(503);
        let ready: Value = serde_json::from_slice(&reply.body).unwrap();
        let reasons = ready["reasons"].to_string();
        for word in ["is damaged", "series", "restore a backup", ".recover"] {
            assert!(reasons.contains(word), "{word}: {reasons}");
        }
        // It stays so, whatever else is read.
        tocsin.look("/api/v1/users").await.expect(200);
    }
    let status: SystemStatus = tocsin.get("/api/v1/status").await;
    assert!(status.database.damaged);
    let metrics = tocsin.metrics().await;
    assert_eq!(metrics.sum("tocsin_database_damaged", &[]), 1.0);
    assert!(tocsin.log().contains("the database is damaged"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_cannot_be_read_is_a_warning() {
    let (mut tocsin, file) = started().await;
    let webhook = Webhook::of([firing("Unreadable")]);
    tocsin.post(&webhook).await;
    changed(&mut tocsin, &file, |bytes| {
        for at in places(bytes, "{\"alertname\":\"Unreadable\"") {
            bytes[at] = b'x';
        }
    })
    .await;
    let problem = tocsin.look("/api/v1/alerts").await.problem(500);
    assert!(problem.detail.contains("cannot be read"), "{problem:?}");
    let ready: Value = tocsin.get("/readyz").await;
    assert_eq!(ready["ready"], true);
    let warning = ready["warnings"][0].as_str().unwrap();
    assert!(warning.contains("table series, column labels"), "{warning}");
    let status: SystemStatus = tocsin.get("/api/v1/status").await;
    assert!(!status.database.damaged && status.database.unreadable_rows > 0);
    deliver(&tocsin, "After").await.expect(200);
}
