//! Ingest tests with the complete pipeline, on both databases.

#![expect(
    clippy::unwrap_used,
    reason = "a failed set-up fails the test and shows the line"
)]

mod content;
mod memory;
mod test_alert;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tocsin_core::lifecycle::DedupSettings;
use tocsin_core::time::Timestamp;
use tocsin_mailer::{Address, MemoryMailer, Renderer};
use tocsin_pipeline::{
    Clock, IngestError, IngestReport, Pipeline, PipelineSettings, RetentionSettings, Webhook,
};
use tocsin_storage::directory::{self, RecipientRow};
use tocsin_storage::enums::Language;
use tocsin_storage::{Db, DbSettings};
use tocsin_test_postgres::TestDatabase;

/// A running pipeline with its own database.
struct Ingest {
    pipeline: Pipeline,
    clock: Arc<TestClock>,
    url: String,
    raw: Raw,
    _directory: Option<tempfile::TempDir>,
    _server: Option<TestDatabase>,
}

/// A second connection to the database.
enum Raw {
    Sqlite(sqlx::SqlitePool),
    Postgres(sqlx::PgPool),
}

/// A clock that tests move.
struct TestClock(AtomicI64);

/// Reading the clock at this time panics.
const BROKEN: i64 = i64::MIN;

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let now = self.0.load(Ordering::SeqCst);
        assert_ne!(now, BROKEN, "the clock is broken on purpose");
        Timestamp::from_micros(now)
    }
}

/// Creates a test for each database from `async fn NAME(ingest: &Ingest)`.
#[macro_export]
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&$crate::Ingest::sqlite(1_000).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(&$crate::Ingest::postgres().await).await;
            })+
        }
    };
}

/// One reported alert.
#[derive(Clone, Copy)]
struct AlertReport<'a> {
    /// 16 hex digits; empty: computed from the labels.
    fingerprint: &'a str,
    instance: &'a str,
    severity: &'a str,
    message: &'a str,
    resolved: bool,
}

const ALERT: AlertReport<'static> = AlertReport {
    fingerprint: "",
    instance: "a",
    severity: "warning",
    message: "it is full",
    resolved: false,
};

impl Ingest {
    async fn sqlite(cache_entries: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("test.sqlite");
        let url = format!("sqlite://{}", file.display());
        let db = open(&url).await;
        let raw = Raw::Sqlite(sqlx::SqlitePool::connect(&url).await.unwrap());
        Self::start(db, url, raw, cache_entries, Some(directory), None).await
    }

    async fn postgres() -> Self {
        let server = TestDatabase::create();
        let url = server.url().to_owned();
        let db = open(&url).await;
        let raw = Raw::Postgres(sqlx::PgPool::connect(&url).await.unwrap());
        Self::start(db, url, raw, 1_000, None, Some(server)).await
    }

    async fn start(
        db: Db,
        url: String,
        raw: Raw,
        cache_entries: usize,
        directory: Option<tempfile::TempDir>,
        server: Option<TestDatabase>,
    ) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_760_000_000_000_000)));
        Self {
            pipeline: run(db, Arc::clone(&clock), cache_entries).await,
            clock,
            url,
            raw,
            _directory: directory,
            _server: server,
        }
    }

    /// Another replica on the same database; PostgreSQL only.
    async fn replica(&self) -> Pipeline {
        run(open(&self.url).await, Arc::clone(&self.clock), 1_000).await
    }

    fn db(&self) -> &Db {
        self.pipeline.db()
    }

    fn minutes_pass(&self, minutes: i64) {
        self.clock
            .0
            .fetch_add(minutes * 60_000_000, Ordering::SeqCst);
    }

    async fn deliver(&self, alerts: &[AlertReport<'_>]) -> IngestReport {
        deliver(&self.pipeline, alerts).await.unwrap()
    }

    /// Adds a recipient of all notifications.
    async fn add_recipient(&self) {
        let row = RecipientRow {
            name: "Kim".to_owned(),
            email: "kim@example.com".to_owned(),
            language: Language::En,
            time_zone: "UTC".to_owned(),
            enabled: true,
        };
        let tx = self.db().begin().await.unwrap();
        let id = directory::insert_recipient(&tx, &row).await.unwrap();
        tx.commit().await.unwrap();
        self.run("INSERT INTO recipient_groups (name, is_default) VALUES ('all', TRUE)")
            .await;
        self.run(&format!(
            "INSERT INTO group_members (group_id, recipient_id) \
             SELECT MAX(id), {id} FROM recipient_groups"
        ))
        .await;
        self.run("UPDATE meta SET value = '77' WHERE name = 'directory_version'")
            .await;
    }

    async fn run(&self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match &self.raw {
            Raw::Sqlite(pool) => drop(sqlx::raw_sql(sql).execute(pool).await.unwrap()),
            Raw::Postgres(pool) => drop(sqlx::raw_sql(sql).execute(pool).await.unwrap()),
        }
    }

    /// Returns the number that a query selects.
    async fn number(&self, sql: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match &self.raw {
            Raw::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
            Raw::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
        }
    }
}

async fn open(url: &str) -> Db {
    let settings = DbSettings {
        url: url.to_owned(),
        max_connections: 4,
        connect_timeout: Duration::from_secs(10),
    };
    Db::open(&settings).await.unwrap()
}

async fn run(db: Db, clock: Arc<TestClock>, cache_entries: usize) -> Pipeline {
    let settings = PipelineSettings {
        rules: DedupSettings {
            window: Duration::from_secs(300),
            stale_after: Duration::from_secs(32_400),
        },
        expire_after: None,
        team_label: "team".to_owned(),
        queue_bytes: 1 << 26,
        cache_entries,
        writers: 4,
        retention: RetentionSettings::default(),
        refused_bytes: 1 << 20,
        from: Address::new("Tocsin", "tocsin@example.com"),
        public_url: None,
    };
    let mailer = Arc::new(MemoryMailer::default());
    let renderer = Renderer::new(None).unwrap();
    Pipeline::start(db, mailer, renderer, clock, settings)
        .await
        .unwrap()
}

async fn deliver(
    pipeline: &Pipeline,
    alerts: &[AlertReport<'_>],
) -> Result<IngestReport, IngestError> {
    let alerts: Vec<String> = alerts.iter().map(AlertReport::json).collect();
    let body = format!(
        r#"{{"version":"4","groupKey":"k","status":"firing","receiver":"r","groupLabels":{{}},
        "externalURL":"http://am","alerts":[{}]}}"#,
        alerts.join(",")
    );
    let webhook = Webhook {
        source: "alertmanager".to_owned(),
        body: body.into(),
        space: pipeline.queue_permit(),
        target: None,
    };
    pipeline.ingest(webhook).await
}

impl AlertReport<'_> {
    fn json(&self) -> String {
        let (status, end) = match self.resolved {
            true => ("resolved", "2025-10-09T08:50:00Z"),
            false => ("firing", "0001-01-01T00:00:00Z"),
        };
        format!(
            r#"{{"status":"{status}","labels":{{"alertname":"DiskFull","instance":"{}",
            "severity":"{}"}},"annotations":{{"message":"{}"}},"generatorURL":"http://p/g",
            "startsAt":"2025-10-09T08:00:00Z","endsAt":"{end}","fingerprint":"{}"}}"#,
            self.instance, self.severity, self.message, self.fingerprint
        )
    }
}
