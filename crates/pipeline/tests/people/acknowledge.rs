//! Acknowledging incidents, by ID and by filter.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tocsin_core::lifecycle::DedupSettings;
use tocsin_core::visibility::Visibility;
use tocsin_mailer::{Address, MemoryMailer, Renderer};
use tocsin_pipeline::acknowledge::{
    ChangeContext, IncidentChange, MAX_IDS, MAX_MEMO, Selected, Selection, acknowledge_many,
    acknowledge_one, select, snapshot_incident,
};
use tocsin_pipeline::change::{Expected, etag};
use tocsin_pipeline::{
    ChangeError, Pipeline, PipelineSettings, RetentionSettings, SystemClock, Webhook,
};
use tocsin_storage::incidents::{self, IncidentView};
use tocsin_storage::{AlertCriteria, Db, IncidentFilter};

use crate::{NOW, ann, fields, log};

crate::on_both!(
    incident_is_acknowledged_with_a_name,
    invalid_changes_are_rejected,
    all_incidents_matching_a_filter_are_acknowledged,
    changes_are_logged_and_check_the_version,
    bulk_change_is_one_audit_entry,
);

const STALE_AFTER: Duration = Duration::from_secs(32_400);

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
        rules: DedupSettings {
            window: Duration::from_secs(300),
            stale_after: STALE_AFTER,
        },
        expire_after: None,
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
        space: pipeline.queue_permit(),
        target: None,
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

fn acknowledged() -> IncidentChange {
    IncidentChange {
        known: Some(true),
        memo: None,
        by: Some(" Kim ".to_owned()),
        close: false,
    }
}

/// Changes one incident as Ann.
async fn change_one(
    db: &Db,
    pipeline: &Pipeline,
    id: i64,
    change: &IncidentChange,
) -> Result<bool, ChangeError> {
    change_version(db, pipeline, id, None, change).await
}

async fn change_version(
    db: &Db,
    pipeline: &Pipeline,
    id: i64,
    expected: Option<&Expected>,
    change: &IncidentChange,
) -> Result<bool, ChangeError> {
    let by = ChangeContext {
        actor: &ann(),
        visible: &Visibility::everything(),
        now: NOW,
        message_ids: pipeline.message_ids(),
    };
    acknowledge_one(db, pipeline.alert_cache(), &by, id, expected, change).await
}

/// Changes several incidents as Ann.
async fn change_many(
    db: &Db,
    pipeline: &Pipeline,
    selection: &Selection,
    change: &IncidentChange,
) -> Result<usize, ChangeError> {
    let by = ChangeContext {
        actor: &ann(),
        visible: &Visibility::everything(),
        now: NOW,
        message_ids: pipeline.message_ids(),
    };
    let filter = selection.filter.as_ref();
    let selected = Selected {
        ids: select(db, selection, NOW, STALE_AFTER).await?,
        asked: filter.map(|filter| json!({"team": filter.about.team})),
    };
    acknowledge_many(db, pipeline.alert_cache(), &by, &selected, change).await
}

async fn incident_is_acknowledged_with_a_name(db: &Db) {
    let pipeline = deliver(db).await;
    let change = IncidentChange {
        memo: Some(" 知悉,\n处理中 ".to_owned()),
        ..acknowledged()
    };
    assert!(change_one(db, &pipeline, 2, &change).await.unwrap());
    assert!(!change_one(db, &pipeline, 2, &change).await.unwrap());
    let incident = get(db, 2).await;
    assert_eq!(incident.known_by.as_deref(), Some("Kim"));
    assert_eq!(
        (incident.known_at, incident.memo.as_str()),
        (Some(NOW), "知悉,\n处理中")
    );
    let unacknowledge = IncidentChange {
        known: Some(false),
        ..IncidentChange::default()
    };
    assert!(change_one(db, &pipeline, 2, &unacknowledge).await.unwrap());
    assert!(!get(db, 2).await.known);
}

async fn invalid_changes_are_rejected(db: &Db) {
    let pipeline = deliver(db).await;
    let no_name = IncidentChange {
        by: Some(" ".to_owned()),
        ..acknowledged()
    };
    assert_eq!(fields(change_one(db, &pipeline, 1, &no_name).await), ["by"]);
    let too_long = IncidentChange {
        memo: Some("存".repeat(MAX_MEMO + 1)),
        by: Some("k".repeat(101)),
        ..acknowledged()
    };
    assert_eq!(
        fields(change_one(db, &pipeline, 1, &too_long).await),
        ["by", "memo"]
    );
    let empty = IncidentChange::default();
    assert_eq!(
        fields(change_one(db, &pipeline, 1, &empty).await),
        ["known"]
    );
    let missing = change_one(db, &pipeline, 99, &acknowledged())
        .await
        .unwrap_err();
    assert!(
        matches!(missing, ChangeError::NotFound { id: 99, .. }),
        "{missing}"
    );
    let ids = Some(vec![1]);
    let filter = Some(IncidentFilter::default());
    for (selection, field) in [
        (Selection::default(), "ids"),
        (Selection { ids, filter }, "filter"),
        (
            Selection {
                ids: Some(vec![1; MAX_IDS + 1]),
                ..Selection::default()
            },
            "ids",
        ),
    ] {
        let result = change_many(db, &pipeline, &selection, &acknowledged()).await;
        assert_eq!(fields(result), [field]);
    }
    assert!(!get(db, 1).await.known);
}

async fn all_incidents_matching_a_filter_are_acknowledged(db: &Db) {
    let pipeline = deliver(db).await;
    let ids = Selection {
        ids: Some(vec![1, 2, 2, 99]),
        ..Selection::default()
    };
    let changed = change_many(db, &pipeline, &ids, &acknowledged()).await;
    assert_eq!(changed.unwrap(), 2);
    let infra = Selection {
        filter: Some(IncidentFilter {
            about: AlertCriteria {
                team: vec!["infra".to_owned()],
                ..AlertCriteria::default()
            },
            ..IncidentFilter::default()
        }),
        ..Selection::default()
    };
    let changed = change_many(db, &pipeline, &infra, &acknowledged()).await;
    assert_eq!(changed.unwrap(), 2);
    for id in 1..=6 {
        // 2 by its ID; 1, 3 and 5 by their team.
        assert_eq!(get(db, id).await.known, id == 2 || id % 2 == 1, "{id}");
    }
}

async fn changes_are_logged_and_check_the_version(db: &Db) {
    let pipeline = deliver(db).await;
    let first = snapshot_incident(&get(db, 2).await);
    assert_eq!(
        first,
        json!({"known": false, "knownBy": null, "knownAt": null, "memo": ""})
    );
    let version = Some(Expected::OneOf(vec![etag(&first)]));
    assert!(
        change_version(db, &pipeline, 2, version.as_ref(), &acknowledged())
            .await
            .unwrap()
    );
    let second = snapshot_incident(&get(db, 2).await);
    assert_eq!(
        second,
        json!({"known": true, "knownBy": "Kim", "knownAt": "2025-10-09T08:53:20Z", "memo": ""})
    );
    // Another user with the old version.
    let memo = IncidentChange {
        memo: Some("mine".to_owned()),
        ..IncidentChange::default()
    };
    match change_version(db, &pipeline, 2, version.as_ref(), &memo).await {
        Err(ChangeError::PreconditionFailed { current }) => assert_eq!(current, second),
        other => panic!("expected another version, not: {other:?}"),
    }
    let version = Some(Expected::OneOf(vec![etag(&second)]));
    assert!(
        change_version(db, &pipeline, 2, version.as_ref(), &memo)
            .await
            .unwrap()
    );
    let unacknowledge = IncidentChange {
        known: Some(false),
        ..IncidentChange::default()
    };
    assert!(change_one(db, &pipeline, 2, &unacknowledge).await.unwrap());
    assert!(!change_one(db, &pipeline, 2, &unacknowledge).await.unwrap());
    let lines = log(db).await;
    let entries: Vec<_> = lines
        .iter()
        .map(|line| {
            (
                line.action.as_str(),
                line.object_id,
                line.object_name.as_str(),
            )
        })
        .collect();
    assert_eq!(
        entries,
        [
            ("incident.acknowledge", Some(2), "Down"),
            ("incident.memo", Some(2), "Down"),
            ("incident.unacknowledge", Some(2), "Down"),
        ]
    );
    assert_eq!(lines[0].before, Some(first));
    assert_eq!(lines[0].after, Some(second.clone()));
    assert_eq!(lines[1].before, Some(second));
    assert_eq!(lines[1].after.as_ref().unwrap()["memo"], "mine");
    assert_eq!(lines[0].actor_name, "Ann");
}

async fn bulk_change_is_one_audit_entry(db: &Db) {
    let pipeline = deliver(db).await;
    let infra = Selection {
        filter: Some(IncidentFilter {
            about: AlertCriteria {
                team: vec!["infra".to_owned()],
                ..AlertCriteria::default()
            },
            ..IncidentFilter::default()
        }),
        ..Selection::default()
    };
    for changed in [3, 0] {
        let count = change_many(db, &pipeline, &infra, &acknowledged()).await;
        assert_eq!(count.unwrap(), changed);
    }
    let lines = log(db).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].action, "incident.acknowledge");
    assert_eq!((lines[0].object_id, &lines[0].before), (None, &None));
    assert_eq!(
        lines[0].after,
        Some(
            json!({"changed": 3, "ids": [1, 3, 5], "known": true, "knownBy": "Kim",
            "memo": null, "filter": {"team": ["infra"]}})
        )
    );
}
