//! Killing a process does not reveal a missing sync, so the settings are asserted.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use tocsin_storage::{Db, DbSettings};
use tocsin_test_postgres::TestDatabase;

async fn durability(url: &str) -> Vec<(String, String)> {
    let settings = DbSettings {
        url: url.to_owned(),
        max_connections: 4,
        connect_timeout: Duration::from_secs(10),
    };
    let db = Db::open(&settings).await.unwrap();
    let reported = db.durability().await.unwrap();
    db.close().await;
    reported
}

#[tokio::test]
async fn sqlite_syncs_its_log_at_every_commit() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("test.db").display());
    let reported = durability(&url).await;
    assert_eq!(reported.len(), 2, "readers and the writer");
    for (journal, synchronous) in reported {
        assert_eq!((&*journal, &*synchronous), ("wal", "full"));
    }
}

/// The file name differs from the string in the URL.
#[tokio::test]
async fn unusual_sqlite_urls_can_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a b.db");
    for url in [
        format!("sqlite://{}?mode=rwc", file.display()),
        format!("sqlite:{}", file.display().to_string().replace(' ', "%20")),
    ] {
        let settings = DbSettings {
            url: url.clone(),
            max_connections: 1,
            connect_timeout: Duration::from_secs(10),
        };
        let db = Db::open(&settings).await.unwrap();
        db.check().await.unwrap();
        assert_eq!(db.health().outage(), None, "{url}");
        std::fs::rename(&file, file.with_extension("aside")).unwrap();
        db.check().await.unwrap_err();
        std::fs::rename(file.with_extension("aside"), &file).unwrap();
        db.check().await.unwrap();
        db.close().await;
    }
}

#[tokio::test]
async fn postgres_waits_for_the_disk_regardless_of_server_defaults() {
    let database = TestDatabase::create();
    let mut url = url::Url::parse(database.url()).unwrap();
    // Default set by an administrator for all databases.
    url.query_pairs_mut()
        .append_pair("options", "-c synchronous_commit=off");
    for url in [database.url(), url.as_str()] {
        let reported = durability(url).await;
        assert_eq!(reported, [("on".to_owned(), "on".to_owned())], "{url}");
    }
}
