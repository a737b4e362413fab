//! Accounts, sessions and tokens, on both databases.

#![expect(
    clippy::unwrap_used,
    reason = "a failed set-up fails the test and shows the line"
)]

mod external;
mod me;
mod set_up;
mod sign_in;
mod tokens;
mod users;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_pipeline::accounts::{Accounts, AccountsSettings, ClientInfo, UserDraft};
use tocsin_pipeline::{Actor, ChangeError, Clock};
use tocsin_storage::accounts::UserView;
use tocsin_storage::audit::{self, AuditFilter, AuditView, ByAudit};
use tocsin_storage::enums::{ActorKind, Role};
use tocsin_storage::{Db, DbSettings, Order, PageRequest};
use tocsin_test_postgres::TestDatabase;

const PASSWORD: &str = "correct horse battery staple";
const OTHER: &str = "seven purple dragons asleep";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A clock that tests move.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Accounts in a database of their own, with the resources that it needs.
struct World {
    db: Db,
    accounts: Accounts,
    clock: Arc<TestClock>,
    _directory: Option<tempfile::TempDir>,
    _server: Option<TestDatabase>,
}

/// Creates a test for each database from `async fn NAME(world: &World)`.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&$crate::World::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&$crate::World::postgres().await).await;
            })+
        }
    };
}

impl World {
    async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/test.sqlite", directory.path().display());
        Self::open(url, Some(directory), None).await
    }

    async fn postgres() -> Self {
        let server = TestDatabase::create();
        let url = server.url().to_owned();
        Self::open(url, None, Some(server)).await
    }

    async fn open(
        url: String,
        directory: Option<tempfile::TempDir>,
        server: Option<TestDatabase>,
    ) -> Self {
        let settings = DbSettings {
            url,
            max_connections: 4,
            connect_timeout: Duration::from_secs(10),
        };
        let db = Db::open(&settings).await.unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_760_000_000_000_000)));
        Self {
            accounts: accounts(&db, &clock, AccountsSettings::default()),
            db,
            clock,
            _directory: directory,
            _server: server,
        }
    }

    /// Accounts as another replica sees them.
    fn replica(&self) -> Accounts {
        accounts(&self.db, &self.clock, AccountsSettings::default())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap();
        self.clock.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// Creates a user with [`PASSWORD`].
    async fn user(&self, name: &str, role: Role) -> UserView {
        let draft = draft(name, role);
        let created = self.accounts.create_user(&root(), None, &draft).await;
        created.unwrap().object
    }

    /// Actions in the audit log, oldest first.
    async fn actions(&self) -> Vec<String> {
        let log = self.log().await;
        log.into_iter().map(|line| line.action).collect()
    }

    async fn log(&self) -> Vec<AuditView> {
        let page = PageRequest::first(ByAudit, Order::Asc, 500);
        let found = audit::list(&self.db, &AuditFilter::default(), &page).await;
        found.unwrap().items
    }
}

fn accounts(db: &Db, clock: &Arc<TestClock>, settings: AccountsSettings) -> Accounts {
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    Accounts::new(db.clone(), clock, settings)
}

/// An administrator without a row in the database.
fn root() -> Actor {
    Actor {
        kind: ActorKind::User,
        id: Some(1_000),
        name: "Root".to_owned(),
        address: Some([192, 0, 2, 1].into()),
    }
}

fn client() -> ClientInfo {
    ClientInfo {
        address: Some([198, 51, 100, 7].into()),
        user_agent: "Browser/1.0".to_owned(),
    }
}

/// Draft of a user with [`PASSWORD`] and the e-mail address `NAME@example.com`.
fn draft(name: &str, role: Role) -> UserDraft {
    UserDraft {
        name: name.to_owned(),
        email: format!("{name}@example.com"),
        role,
        matchers: Vec::new(),
        enabled: None,
        password: Some(PASSWORD.to_owned()),
    }
}

/// Names of the invalid fields of a rejected change.
fn fields<T>(result: Result<T, ChangeError>) -> Vec<String> {
    match result.err() {
        Some(ChangeError::Invalid(issues) | ChangeError::Unprocessable(issues)) => {
            issues.into_iter().map(|issue| issue.field).collect()
        }
        other => panic!("expected invalid fields, not: {other:?}"),
    }
}
