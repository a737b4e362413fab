//! Acknowledging, by number and by filter.

use std::sync::Arc;
use std::time::Duration;

use tocsin_core::judge::Rules;
use tocsin_core::time::Timestamp;
use tocsin_mailer::{Address, MemoryMailer, Renderer};
use tocsin_pipeline::acknowledge::{
    MAX_IDS, MAX_MEMO, Saying, Which, acknowledge_many, acknowledge_one,
};
use tocsin_pipeline::{
    ChangeError, Pipeline, PipelineSettings, RetentionSettings, SystemClock, Webhook,
};
use tocsin_storage::incidents::{self, IncidentView};
use tocsin_storage::{AlertCriteria, Db, IncidentFilter};

use crate::fields;

crate::on_both!(
    one_is_acknowledged_with_a_name,
    what_cannot_be_said_is_refused,
    all_that_match_a_filter_are_acknowledged,
);

const STALE_AFTER: Duration = Duration::from_secs(32_400);
const NOW: Timestamp = Timestamp::from_micros(1_760_000_000_000_000);

/// One delivery with six firing alerts: incidents 1 to 6, of two teams.
async fn deliver(db: &Db) -> Pipeline {
    let alert = |n: i64| {
        let team = if n % 2 == 0 { "web" } else { "infra" };
        format!(
            r#"{{"status":"firing","labels":{{"alertname":"Down","instance":"h{n}","team":"{team}"}},
            "annotations":{{}},"startsAt":"2025-10-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z",
            "generatorURL":"","fingerprint":"000000000000000{n}"}}"#
        )
    };
    let alerts: Vec<String> = (1..=6).map(alert).collect();
    let body = format!(
        r#"{{"version":"4","groupKey":"k","status":"firing","receiver":"r","groupLabels":{{}},
        "commonLabels":{{}},"commonAnnotations":{{}},"externalURL":"http://am","alerts":[{}]}}"#,
        alerts.join(",")
    );
    let settings = PipelineSettings {
        rules: Rules {
            window: Duration::from_secs(300),
            stale_after: STALE_AFTER,
        },
        team_label: "team".to_owned(),
        queue_bytes: 1 << 26,
        cache_entries: 1_000,
        writers: 4,
        retention: RetentionSettings::default(),
        refused_bytes: 1 << 20,
        from: Address::new("Tocsin", "tocsin@example.com"),
        public_url: None,
    };
    let mailer = Arc::new(MemoryMailer::default());
    let renderer = Renderer::new(None).unwrap();
    let clock = Arc::new(SystemClock);
    let pipeline = Pipeline::start(db.clone(), mailer, renderer, clock, settings)
        .await
        .unwrap();
    let webhook = Webhook {
        source: "alertmanager".to_owned(),
        body: body.into(),
        space: pipeline.space(),
    };
    let report = pipeline.ingest(webhook).await.unwrap();
    assert_eq!(report.opened, 6);
    pipeline.shutdown().await;
    pipeline
}

async fn get(db: &Db, id: i64) -> IncidentView {
    incidents::get(db, id, NOW, STALE_AFTER)
        .await
        .unwrap()
        .unwrap()
}

fn seen() -> Saying {
    Saying {
        known: Some(true),
        memo: None,
        by: Some(" Kim ".to_owned()),
    }
}

async fn one_is_acknowledged_with_a_name(db: &Db) {
    let pipeline = deliver(db).await;
    let held = pipeline.standings();
    let saying = Saying {
        memo: Some(" 知悉,\n处理中 ".to_owned()),
        ..seen()
    };
    assert!(acknowledge_one(db, held, 2, &saying, NOW).await.unwrap());
    assert!(!acknowledge_one(db, held, 2, &saying, NOW).await.unwrap());
    let incident = get(db, 2).await;
    assert_eq!(incident.known_by.as_deref(), Some("Kim"));
    assert_eq!(
        (incident.known_at, incident.memo.as_str()),
        (Some(NOW), "知悉,\n处理中")
    );
    let back = Saying {
        known: Some(false),
        ..Saying::default()
    };
    assert!(acknowledge_one(db, held, 2, &back, NOW).await.unwrap());
    assert!(!get(db, 2).await.known);
}

async fn what_cannot_be_said_is_refused(db: &Db) {
    let pipeline = deliver(db).await;
    let held = pipeline.standings();
    let nobody = Saying {
        by: Some(" ".to_owned()),
        ..seen()
    };
    assert_eq!(
        fields(acknowledge_one(db, held, 1, &nobody, NOW).await),
        ["by"]
    );
    let too_long = Saying {
        memo: Some("存".repeat(MAX_MEMO + 1)),
        by: Some("k".repeat(101)),
        ..seen()
    };
    assert_eq!(
        fields(acknowledge_one(db, held, 1, &too_long, NOW).await),
        ["by", "memo"]
    );
    let nothing = Saying::default();
    assert_eq!(
        fields(acknowledge_one(db, held, 1, &nothing, NOW).await),
        ["known"]
    );
    let missing = acknowledge_one(db, held, 99, &seen(), NOW)
        .await
        .unwrap_err();
    assert!(
        matches!(missing, ChangeError::NotFound { id: 99, .. }),
        "{missing}"
    );
    let ids = Some(vec![1]);
    let filter = Some(IncidentFilter::default());
    for (which, field) in [
        (Which::default(), "ids"),
        (Which { ids, filter }, "filter"),
        (
            Which {
                ids: Some(vec![1; MAX_IDS + 1]),
                filter: None,
            },
            "ids",
        ),
    ] {
        let refused = acknowledge_many(db, held, &which, &seen(), NOW, STALE_AFTER).await;
        assert_eq!(fields(refused), [field]);
    }
    assert!(!get(db, 1).await.known);
}

async fn all_that_match_a_filter_are_acknowledged(db: &Db) {
    let pipeline = deliver(db).await;
    let held = pipeline.standings();
    let ids = Which {
        ids: Some(vec![1, 2, 2, 99]),
        filter: None,
    };
    let changed = acknowledge_many(db, held, &ids, &seen(), NOW, STALE_AFTER).await;
    assert_eq!(changed.unwrap(), 2);
    let infra = Which {
        ids: None,
        filter: Some(IncidentFilter {
            about: AlertCriteria {
                team: vec!["infra".to_owned()],
                ..AlertCriteria::default()
            },
            ..IncidentFilter::default()
        }),
    };
    let changed = acknowledge_many(db, held, &infra, &seen(), NOW, STALE_AFTER).await;
    assert_eq!(changed.unwrap(), 2);
    for id in 1..=6 {
        // 2 by its number; 1, 3 and 5 by their team.
        assert_eq!(get(db, id).await.known, id == 2 || id % 2 == 1, "{id}");
    }
}
