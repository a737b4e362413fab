//! Measures time and space for a year of statistics. Only prints results:
//! `cargo nextest run --release -p tocsin-storage --test stats --run-ignored only --no-capture`.

use std::time::{Duration, Instant};

use tocsin_core::alert::Status;
use tocsin_core::stats::{Delta, HOUR, StatsKey};
use tocsin_core::time::Timestamp;
use tocsin_core::visibility::Visibility;
use tocsin_storage::stats::{self, Bucket, HOURS_A_WEEK, TopBy};
use tocsin_storage::{TimeRange, projection_queue, rollups};

use crate::common::TestDb;
use crate::history::BEGIN;

const HOURS: i64 = 8_760;
const ALERTS: i64 = 2_000;
/// Ten million entries per year.
const ENTRIES_AN_HOUR: i64 = 1_141;

#[tokio::test]
#[ignore = "measures"]
async fn a_year_on_sqlite() {
    measure(&TestDb::sqlite().await).await;
}

#[tokio::test]
#[ignore = "measures"]
async fn a_year_on_postgres() {
    measure(&TestDb::postgres().await).await;
}

/// The counted fields of alert `id`: 500 instances, 50 names.
fn fields(id: i64) -> [String; 5] {
    [
        ["eu", "us", "cn"][id as usize % 3].to_owned(),
        ["critical", "warning", "info", ""][id as usize % 4].to_owned(),
        format!("team-{}", id % 6),
        format!("SomethingIsWrong{:02}", id % 50),
        format!("host-{:03}.example.com:9100", id % 500),
    ]
}

async fn put_year(test: &TestDb) {
    let fields: Vec<_> = (0..ALERTS).map(fields).collect();
    let mut entry = 0;
    for hour in BEGIN..BEGIN + HOURS {
        let mut delta = Delta::default();
        for _ in 0..ENTRIES_AN_HOUR {
            entry += 1;
            let [source, severity, team, alertname, instance] =
                &fields[(entry * 7919 % ALERTS) as usize];
            let key = StatsKey {
                source,
                severity,
                team,
                alertname,
                instance,
            };
            let at = Timestamp::from_micros(hour * HOUR);
            match entry % 4 {
                0 => {
                    delta.entry(at, &key, Status::Resolved);
                    delta.ended(at, &key);
                }
                1 => {
                    delta.entry(at, &key, Status::Firing);
                    delta.opened(at, &key);
                }
                _ => delta.entry(at, &key, Status::Firing),
            }
            delta.delivery(at, source);
        }
        let tx = test.db.begin().await.unwrap();
        projection_queue::enqueue_stats(&tx, &delta).await.unwrap();
        tx.commit().await.unwrap();
        if hour % 100 == 0 || hour == BEGIN + HOURS - 1 {
            project(test).await;
        }
    }
    while rollups::compact(&test.db, BEGIN + HOURS).await.unwrap() > 0 {}
}

async fn project(test: &TestDb) {
    let mut worst = Duration::ZERO;
    loop {
        let Some(slice) = rollups::prepare(&test.db).await.unwrap() else {
            break;
        };
        let tx = test.db.begin().await.unwrap();
        let begun = Instant::now();
        let projected = rollups::put(&tx, slice).await.unwrap();
        tx.commit().await.unwrap();
        worst = worst.max(begun.elapsed());
        rollups::merge(&test.db, &projected.to_merge).await.unwrap();
    }
    if worst > Duration::from_millis(20) {
        println!("a slice took {worst:?}");
    }
}

/// Inserts the log of the hours at both ends, and one incident for each alert.
async fn put_ends(test: &TestDb) {
    for id in 0..ALERTS {
        let [source, severity, team, alertname, instance] = fields(id);
        let fingerprint = id.to_be_bytes().to_vec();
        test.run(
            "INSERT INTO series (id, source, fingerprint, content, labels, annotations, \
             generator_url, message, alertname, instance, severity, team) \
             VALUES (?, ?, ?, '', '{}', '{}', '', '', ?, ?, ?, ?)",
            vec![
                (id + 1).into(),
                source.into(),
                fingerprint.into(),
                alertname.into(),
                instance.into(),
                severity.into(),
                team.into(),
            ],
        )
        .await;
        test.run(
            "INSERT INTO incidents (id, series_id, episode, state, starts_at, first_seen_at, \
             last_seen_at, last_entry_at, occurrences, senders, content, told) \
             VALUES (?, ?, 1, 0, 0, 0, 0, 0, 1, 1, '', '[]')",
            vec![(id + 1).into(), (id + 1).into()],
        )
        .await;
    }
    for hour in [BEGIN, BEGIN + HOURS - 1] {
        for entry in 0..ENTRIES_AN_HOUR {
            let series = entry * 7919 % ALERTS + 1;
            test.run(
                "INSERT INTO log_entries (delivery_id, incident_id, series_id, received_at, \
                 status, kind, starts_at) VALUES (1, ?, ?, ?, 0, ?, 0)",
                vec![
                    series.into(),
                    series.into(),
                    (hour * HOUR + entry * HOUR / ENTRIES_AN_HOUR).into(),
                    i16::from(entry % 2 == 0).into(),
                ],
            )
            .await;
        }
    }
    if test.db.backend() == tocsin_storage::Backend::Postgres {
        test.run("ANALYZE", vec![]).await;
    }
}

async fn time<T, F: Future<Output = T>>(what: &str, call: impl Fn() -> F) {
    let mut times = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        let _ = call().await;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    println!(
        "{what:<24} p50 {:>10.2?}  p99 {:>10.2?}",
        times[50], times[98]
    );
}

async fn measure(test: &TestDb) {
    let begun = Instant::now();
    put_year(test).await;
    println!(
        "{:?}: projected in {:?}",
        test.db.backend(),
        begun.elapsed()
    );
    put_ends(test).await;
    let rows = test
        .query(
            "SELECT dimension, level, COUNT(*), CAST(SUM(LENGTH(data)) AS BIGINT) FROM rollups \
             GROUP BY 1, 2 ORDER BY 1, 2",
            vec![],
        )
        .await;
    let mut sum = 0;
    for row in rows {
        let number = |place| row.try_get_by_index::<i64>(place).unwrap();
        let small = |place| row.try_get_by_index::<i16>(place).unwrap();
        sum += number(3);
        println!(
            "dimension {} level {}: {} rows, {} bytes",
            small(0),
            small(1),
            number(2),
            number(3)
        );
    }
    println!("{} bytes per hour", sum / HOURS);
    let at = |micros: i64| Some(Timestamp::from_micros(micros));
    let whole = TimeRange {
        from: at(BEGIN * HOUR),
        to: at((BEGIN + HOURS) * HOUR),
    };
    let parts = TimeRange {
        from: at(BEGIN * HOUR + 1),
        to: at((BEGIN + HOURS) * HOUR - 1),
    };
    let all = Visibility::everything();
    for (name, range) in [
        ("hours", whole),
        ("parts", parts),
        ("ever", TimeRange::default()),
    ] {
        let now = Timestamp::from_micros((BEGIN + HOURS) * HOUR);
        time(&format!("{name}: summary"), || {
            stats::summary(&test.db, &all, range, now, Duration::from_secs(3_600))
        })
        .await;
        for by in [TopBy::Team, TopBy::Alertname, TopBy::Instance] {
            time(&format!("{name}: top {by:?}"), || {
                stats::top(&test.db, &all, by, range, 10)
            })
            .await;
        }
        for bucket in [Bucket::Hour, Bucket::Day] {
            time(&format!("{name}: timeline {bucket:?}"), || {
                stats::timeline(&test.db, &all, bucket, range)
            })
            .await;
        }
        time(&format!("{name}: heatmap"), || {
            stats::heatmap(&test.db, &all, range, |at| {
                at.as_micros().div_euclid(HOUR) as usize % HOURS_A_WEEK
            })
        })
        .await;
    }
}
