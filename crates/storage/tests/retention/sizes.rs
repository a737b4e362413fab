//! Storage usage, and its forecast by the retention rules.

use std::time::Duration;

use tocsin_core::matcher;
use tocsin_storage::retention::{LogRule, LogRules};
use tocsin_storage::storage_usage::{self, Part};

use crate::common::{TestDb, at};
use crate::history::{ended, put_entry, severity};
use crate::on_both;

on_both!(
    an_empty_database_has_a_size,
    rows_are_counted_and_measured,
    many_rows_are_estimated,
);

async fn an_empty_database_has_a_size(test: &TestDb) {
    let found = storage_usage::measure(&test.db, at(0), &LogRules::default())
        .await
        .unwrap();
    assert!(found.bytes > 0);
    assert_eq!((found.entries, found.oldest_entry), (0, None));
    assert_eq!(found.bytes_an_entry(), None);
    let year = storage_usage::forecast(&found, &storage_usage::Kept::default(), at(0), 365);
    assert!(year >= found.bytes);
}

async fn rows_are_counted_and_measured(test: &TestDb) {
    let incidents = ended(test, &["info", "critical", "info"]).await;
    for id in 7..=8 {
        put_entry(
            test,
            id,
            &incidents[1],
            tocsin_storage::enums::EntryKind::Refreshed,
            100,
        )
        .await;
    }
    test.run(
        "INSERT INTO delivery_bodies (delivery_id, received_at, refused, body) VALUES (1, ?, FALSE, ?)",
        vec![at(600).as_micros().into(), vec![7_u8; 50_000].into()],
    )
    .await;
    let rules = LogRules {
        rules: vec![LogRule {
            matchers: matcher::parse_list("severity=\"info\"").unwrap(),
            keep: Some(Duration::from_secs(60)),
        }],
        default: None,
    };
    let found = storage_usage::measure(&test.db, at(86_400), &rules)
        .await
        .unwrap();
    assert_eq!(found.entries, 8);
    assert_eq!(found.oldest_entry, Some(at(600)));
    assert_eq!(found.oldest, [Some(at(600)), Some(at(600)), None]);
    let mut shares = found.shares.clone();
    shares.sort_by_key(|share| share.0);
    assert_eq!(shares, [(None, 0.5), (Some(Duration::from_secs(60)), 0.5)]);
    let parts: i64 = found.parts.iter().sum();
    assert!((found.bytes - found.free - parts).abs() < 100, "{found:?}");
    assert!(found.part(Part::Log) > 0 && found.part(Part::Alerts) > 0);
    if test.db.backend() == tocsin_storage::Backend::Sqlite {
        assert!(
            found.part(Part::Bodies) > found.part(Part::Deliveries),
            "{found:?}"
        );
    }
}

/// More than 20,000 IDs, every other one unused.
async fn many_rows_are_estimated(test: &TestDb) {
    test.put_alert(1, "prod", &severity("info", "a"), "it is full")
        .await;
    test.run(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 30000) \
         INSERT INTO log_entries (id, delivery_id, incident_id, series_id, received_at, status, \
         kind, starts_at) SELECT 2 * n, 1, 1, 1, n, 0, 2, 0 FROM n",
        vec![],
    )
    .await;
    let found = storage_usage::measure(&test.db, at(0), &LogRules::default())
        .await
        .unwrap();
    assert!((found.entries - 30_000).abs() < 600, "{}", found.entries);
}
