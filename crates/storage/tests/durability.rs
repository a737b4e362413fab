//! Rule 1: a kill cannot show a missing sync, so the settings are asserted.

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
    let said = db.durability().await.unwrap();
    db.close().await;
    said
}

#[tokio::test]
async fn sqlite_syncs_its_log_at_every_commit() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("test.db").display());
    let said = durability(&url).await;
    assert_eq!(said.len(), 2, "readers and the writer");
    for (journal, synchronous) in said {
        assert_eq!((&*journal, &*synchronous), ("wal", "full"));
    }
}

/// Their file has another name than the URL's text.
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
async fn postgres_waits_for_the_disk_whatever_the_server_defaults_to() {
    let database = TestDatabase::create();
    let mut url = url::Url::parse(database.url()).unwrap();
    // As an administrator may have set it for all.
    url.query_pairs_mut()
        .append_pair("options", "-c synchronous_commit=off");
    for url in [database.url(), url.as_str()] {
        let said = durability(url).await;
        assert_eq!(said, [("on".to_owned(), "on".to_owned())], "{url}");
    }
}
