//! User changes, on both databases.

#![expect(
    clippy::unwrap_used,
    reason = "a failed set-up fails the test and shows the line"
)]

mod acknowledge;
mod changes;
mod directory;
mod once;
mod sweep;

use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_pipeline::{Actor, ChangeError};
use tocsin_storage::audit::{self, AuditFilter, AuditView, ByAudit};
use tocsin_storage::enums::ActorKind;
use tocsin_storage::{Db, DbSettings, Order, PageRequest};
use tocsin_test_postgres::TestDatabase;

/// Time of all changes.
const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

/// A user who may make changes.
fn ann() -> Actor {
    Actor {
        kind: ActorKind::User,
        id: Some(7),
        name: "Ann".to_owned(),
        address: Some([192, 0, 2, 1].into()),
    }
}

/// The audit log, oldest entry first.
async fn log(db: &Db) -> Vec<AuditView> {
    let page = PageRequest::first(ByAudit, Order::Asc, 500);
    let found = audit::list(db, &AuditFilter::default(), &page).await;
    found.unwrap().items
}

/// A database, with the resources that it needs.
struct TestDb {
    db: Db,
    _directory: Option<tempfile::TempDir>,
    _server: Option<TestDatabase>,
}

/// Creates a test for each database from `async fn NAME(db: &Db)`.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&$crate::TestDb::sqlite().await.db).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&$crate::TestDb::postgres().await.db).await;
            })+
        }
    };
}

impl TestDb {
    async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.sqlite", directory.path().display());
        Self {
            db: open(url).await,
            _directory: Some(directory),
            _server: None,
        }
    }

    async fn postgres() -> Self {
        let server = TestDatabase::create();
        Self {
            db: open(server.url().to_owned()).await,
            _directory: None,
            _server: Some(server),
        }
    }
}

async fn open(url: String) -> Db {
    let settings = DbSettings {
        url,
        max_connections: 4,
        connect_timeout: Duration::from_secs(10),
    };
    Db::open(&settings).await.unwrap()
}

/// Names of the invalid fields of a rejected change.
fn fields<T: std::fmt::Debug>(result: Result<T, ChangeError>) -> Vec<String> {
    match result.unwrap_err() {
        ChangeError::Invalid(issues) => issues.into_iter().map(|issue| issue.field).collect(),
        other => panic!("expected invalid fields, not: {other}"),
    }
}

/// Names of the fields that refer to missing objects.
fn stale_fields<T: std::fmt::Debug>(result: Result<T, ChangeError>) -> Vec<String> {
    match result.unwrap_err() {
        ChangeError::StaleReference(issues) => {
            issues.into_iter().map(|issue| issue.field).collect()
        }
        other => panic!("expected stale references, not: {other}"),
    }
}
