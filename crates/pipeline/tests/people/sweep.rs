//! Retention of sessions, failed sign-ins, idempotency keys and the audit log.

use std::sync::Arc;
use std::time::Duration;

use tocsin_core::lifecycle::DedupSettings;
use tocsin_core::time::Timestamp;
use tocsin_mailer::{Address, MemoryMailer, Renderer};
use tocsin_pipeline::{Clock, Pipeline, PipelineSettings, RetentionSettings};
use tocsin_storage::accounts::{self, SessionRow, UserRow};
use tocsin_storage::audit::{self, AuditFilter, AuditRow, AuditWalk};
use tocsin_storage::enums::{ActorKind, Role, SignInMethod};
use tocsin_storage::idempotency::{self, KeyState};
use tocsin_storage::{Db, Order};

crate::on_both!(old_account_rows_are_deleted, audit_log_can_be_kept_forever,);

const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);
const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: Duration = Duration::from_secs(1);

/// More rows than one step deletes.
const OLD: usize = 1_100;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

async fn run(db: &Db, retention: RetentionSettings) -> Pipeline {
    let settings = PipelineSettings {
        rules: DedupSettings {
            window: Duration::from_secs(300),
            stale_after: Duration::from_secs(32_400),
        },
        expire_after: None,
        team_label: "team".to_owned(),
        queue_bytes: 1 << 26,
        cache_entries: 1_000,
        writers: 4,
        retention,
        refused_bytes: 1 << 20,
        from: Address::new("Tocsin", "tocsin@example.com"),
        public_url: None,
    };
    let mailer = Arc::new(MemoryMailer::default());
    let renderer = Renderer::new(None).unwrap();
    Pipeline::start(db.clone(), mailer, renderer, Arc::new(FixedClock), settings)
        .await
        .unwrap()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
    assert!(waited.is_ok(), "{what}");
}

async fn write_audit_entries(db: &Db, at: Timestamp, count: usize) {
    let tx = db.begin().await.unwrap();
    for _ in 0..count {
        let row = AuditRow {
            at,
            actor_kind: ActorKind::CommandLine,
            actor_id: None,
            actor_name: "command line",
            address: None,
            action: "user.create",
            object_kind: "user",
            object_id: None,
            object_name: "",
            before: None,
            after: None,
        };
        audit::record(&tx, &row).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn count_audit_entries(db: &Db) -> usize {
    let mut walk = AuditWalk::new(AuditFilter::default(), Order::Asc);
    let mut count = 0;
    while let Some(chunk) = walk.next(db).await.unwrap() {
        count += chunk.len();
    }
    count
}

async fn user(db: &Db) -> i64 {
    let row = UserRow {
        name: "Ann".to_owned(),
        email: "ann@example.com".to_owned(),
        role: Role::Admin,
        matchers: Vec::new(),
        enabled: true,
        password: None,
        issuer: None,
        subject: None,
        language: None,
        time_zone: None,
        theme: None,
        created_at: NOW,
        last_sign_in_at: None,
    };
    let tx = db.begin().await.unwrap();
    let id = accounts::insert_user(&tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn old_account_rows_are_deleted(db: &Db) {
    write_audit_entries(db, NOW.minus(11 * DAY), OLD).await;
    write_audit_entries(db, NOW.minus(9 * DAY), 3).await;
    let user_id = user(db).await;
    let tx = db.begin().await.unwrap();
    // One expired, one idle, and one valid session.
    for (number, seen_at, expires_at) in [
        (1, NOW, NOW.minus(SECOND)),
        (2, NOW.minus(2 * HOUR), NOW.plus(DAY)),
        (3, NOW.minus(HOUR / 2), NOW.plus(SECOND)),
    ] {
        let row = SessionRow {
            user_id,
            secret: [number; 32],
            method: SignInMethod::Password,
            created_at: NOW.minus(DAY),
            seen_at,
            expires_at,
            address: String::new(),
            user_agent: String::new(),
        };
        accounts::insert_session(&tx, &row).await.unwrap();
    }
    for (number, age) in [(1, 25 * HOUR), (2, 23 * HOUR)] {
        let (hash, at) = ([number; 32], NOW.minus(age));
        accounts::note_failure(&tx, &hash, at, None).await.unwrap();
        let state = idempotency::begin(&tx, "user:1", &hash, &hash, at)
            .await
            .unwrap();
        assert_eq!(state, KeyState::New);
        idempotency::finish(&tx, "user:1", &hash, 7).await.unwrap();
    }
    tx.commit().await.unwrap();
    let retention = RetentionSettings {
        audit: Some(10 * DAY),
        session_idle: HOUR,
        ..RetentionSettings::default()
    };
    let pipeline = run(db, retention).await;
    until("old audit log entries are deleted", async || {
        count_audit_entries(db).await == 3
    })
    .await;
    // These are deleted before the audit log entries.
    let sessions = accounts::sessions_of(db, user_id).await.unwrap();
    let remaining: Vec<u8> = sessions.iter().map(|view| view.session.secret[0]).collect();
    assert_eq!(remaining, [3]);
    let failure = async |number| accounts::failure_of(db, &[number; 32]).await.unwrap();
    assert_eq!(failure(1).await, None);
    assert!(failure(2).await.is_some());
    // At a time at which both keys would still be valid.
    let tx = db.begin().await.unwrap();
    let then = NOW.minus(2 * HOUR);
    for (number, expected) in [(1, KeyState::New), (2, KeyState::Created(7))] {
        let hash = [number; 32];
        let state = idempotency::begin(&tx, "user:1", &hash, &hash, then).await;
        assert_eq!(state.unwrap(), expected, "{number}");
    }
    tx.rollback().await.unwrap();
    pipeline.shutdown().await;
}

async fn audit_log_can_be_kept_forever(db: &Db) {
    write_audit_entries(db, NOW.minus(10_000 * DAY), 3).await;
    let tx = db.begin().await.unwrap();
    let at = NOW.minus(25 * HOUR);
    for number in [1, 2] {
        let result = accounts::note_failure(&tx, &[number; 32], at, None).await;
        result.unwrap();
    }
    tx.commit().await.unwrap();
    let retention = RetentionSettings {
        audit: None,
        ..RetentionSettings::default()
    };
    let pipeline = run(db, retention).await;
    until("old failed sign-ins are deleted", async || {
        let left = accounts::failure_of(db, &[1; 32]).await.unwrap();
        left.is_none()
    })
    .await;
    // The pass ends with the program.
    pipeline.shutdown().await;
    assert_eq!(count_audit_entries(db).await, 3);
}
