//! Query plans of lists: no statement scans a whole large table, with any filter.
//!
//! The tables are filled first, and analyzed on PostgreSQL, which would rightly scan small
//! tables.

use std::time::Duration;

use tocsin_core::alert::Status;
use tocsin_core::visibility::Visibility;
use tocsin_core::{matcher, search};
use tocsin_storage::alert_log::{self, ByEntry, ByReceived, LogWalk};
use tocsin_storage::audit::{self, AuditFilter, AuditWalk, ByAudit, Who};
use tocsin_storage::deliveries::{self, ByArrival, DeliveryFilter};
use tocsin_storage::enums::{ActorKind, DeliveryOutcome, IncidentState, NotificationState};
use tocsin_storage::explain::{Explained, QueryPlan};
use tocsin_storage::incidents::{self, IncidentSort};
use tocsin_storage::notifications::{self, ByCreation, NotificationFilter};
use tocsin_storage::{
    AlertCriteria, AlertFilter, Backend, IncidentFilter, Order, PageRequest, ScanBudget, TimeRange,
};

use crate::common::{TestDb, at};
use crate::narrowed::narrowed;

crate::on_both!(no_list_reads_a_whole_table);

const LARGE: [&str; 7] = [
    "log_entries",
    "incidents",
    "series",
    "tellings",
    "deliveries",
    "notifications",
    "audit_entries",
];

/// 20,000 alerts with 3 incidents each, 150 of them open; 120,000 log entries; and 30,000
/// deliveries, notifications and audit entries each.
async fn fill(test: &TestDb) {
    let numbers = |count: i64| {
        format!(
            "WITH RECURSIVE c (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM c WHERE n < {count})"
        )
    };
    let bytes = match test.db.backend() {
        Backend::Sqlite => ("CAST(printf('%08d', n) AS BLOB)", "x''"),
        Backend::Postgres => ("int8send(n)", "CAST('' AS BYTEA)"),
    };
    let start = at(0).as_micros();
    let second = 1_000_000;
    for sql in [
        format!(
            "INSERT INTO series (id, source, fingerprint, content, labels, annotations, \
             generator_url, message, alertname, instance, severity, team) {} \
             SELECT n, 'eu', {}, {}, '{{\"alertname\":\"Disk\"}}', '{{}}', '', '', 'Disk', '', \
             '', '' FROM c",
            numbers(20_000),
            bytes.0,
            bytes.1,
        ),
        format!(
            "INSERT INTO incidents (id, series_id, episode, state, starts_at, ends_at, \
             first_seen_at, last_seen_at, last_entry_at, occurrences, senders, content, told) {} \
             SELECT n, 1 + n % 20000, 1 + n / 20000, \
             CASE WHEN n < 150 THEN 0 ELSE 1 + n % 2 END, {start} + n * {second}, \
             CASE WHEN n < 150 THEN NULL ELSE {start} + n * {second} + n % 77 END, \
             {start} + n * {second}, {start} + n * {second}, {start} + n * {second}, \
             1 + (n % 9) / 7, 1, {}, '[]' FROM c",
            numbers(60_000),
            bytes.1,
        ),
        format!(
            "INSERT INTO log_entries (id, delivery_id, incident_id, series_id, received_at, \
             status, kind, starts_at) {} \
             SELECT n, n, 1 + n % 60000, 1 + (1 + n % 60000) % 20000, {start} + n * {second}, \
             n % 2, 2, {start} + n * {second} FROM c",
            numbers(120_000),
        ),
        format!(
            "INSERT INTO deliveries (id, received_at, source, outcome, receiver, group_key, \
             version, alerts, truncated_alerts, opened, resolved, refreshed, seen_again, late, \
             rejected, unrouted, body_bytes) {} \
             SELECT n, {start} + n * {second}, 'eu', CASE WHEN n % 1000 = 0 THEN 1 ELSE 0 END, \
             '', '', '4', 1, 0, 1, 0, 0, 0, 0, '[]', CASE WHEN n % 900 = 0 THEN 1 ELSE 0 END, 1 \
             FROM c",
            numbers(30_000),
        ),
        format!(
            "INSERT INTO notifications (id, state, delivery_id, recipient_id, to_name, to_email, \
             language, time_zone, message_id, thread_id, subject, reasons, still_firing, \
             still_firing_names, truncated_alerts, created_at, tries) {} \
             SELECT n, CASE WHEN n % 900 = 0 THEN 3 ELSE 2 END, n, n % 50, '', '', 0, 'UTC', \
             '', CAST(n / 3 AS TEXT), '', '[]', 0, '[]', 0, {start} + n * {second}, 1 FROM c",
            numbers(30_000),
        ),
        format!(
            "INSERT INTO audit_entries (id, at, actor_kind, actor_id, actor_name, action, \
             object_kind, object_id, object_name) {} \
             SELECT n, {start} + n * {second}, CASE WHEN n % 900 = 0 THEN 3 ELSE 0 END, \
             CASE WHEN n % 900 = 0 THEN NULL ELSE n % 50 END, 'Ann', \
             CASE WHEN n % 700 = 0 THEN 'route.update' ELSE 'recipient.update' END, \
             'recipient', n % 200, 'ops' FROM c",
            numbers(30_000),
        ),
    ] {
        test.run(&sql, vec![]).await;
    }
    if test.db.backend() == Backend::Postgres {
        test.run("ANALYZE", vec![]).await;
    }
}

pub(crate) fn check(plans: Vec<QueryPlan>, what: &str) {
    assert!(!plans.is_empty(), "{what} ran no query");
    for plan in plans {
        // The start of an index without a condition is not a full scan.
        if plan.sql.contains(" LIMIT ") && !plan.sql.contains(" WHERE ") {
            continue;
        }
        for (index, line) in plan.lines.iter().enumerate() {
            let whole = match line.trim().strip_prefix("SCAN ") {
                // SQLite prints the alias of the table. Lists of values and subqueries are
                // not tables.
                Some(rest) => {
                    let name = rest.split(' ').next().unwrap_or_default();
                    let table = |alias: &str| {
                        LARGE.iter().any(|table| {
                            plan.sql.contains(&format!("{table} {alias} "))
                                || plan.sql.contains(&format!("{table} AS {alias}"))
                                || plan.sql.ends_with(&format!("{table} {alias}"))
                        })
                    };
                    let found_before = format!("CO-ROUTINE {name}");
                    (LARGE.contains(&name) || table(name)) && !plan.lines.contains(&found_before)
                }
                None => LARGE.iter().any(|table| {
                    let on = format!(" on {table} ");
                    let line = format!("{line} ");
                    let by_index = line.contains("Index Scan using")
                        || line.contains("Index Scan Backward using")
                        || line.contains("Index Only Scan");
                    // A partial index with few rows may be read completely.
                    let partial = ["incidents_one_open", "deliveries_refused"]
                        .iter()
                        .any(|index| line.contains(index));
                    let bounded = plan.lines[index + 1..]
                        .iter()
                        .take_while(|line| !line.trim_start().starts_with("->"))
                        .any(|line| line.contains("Index Cond"));
                    line.contains(&on)
                        && (line.contains("Seq Scan") || by_index && !bounded && !partial)
                }),
            };
            assert!(
                !whole,
                "{what}: {line}\n\n{}\n\n{}",
                plan.sql,
                plan.lines.join("\n")
            );
        }
    }
}

type Set<F> = (&'static str, fn(&mut F));

fn range() -> TimeRange {
    TimeRange {
        from: Some(at(10)),
        to: Some(at(25_000)),
    }
}

const ABOUT: [Set<AlertCriteria>; 9] = [
    ("nothing", |_| {}),
    ("severity", |c| c.severity = vec![String::new()]),
    ("alertname", |c| c.alertname = vec!["Disk".to_owned()]),
    ("matcher", |c| {
        c.matchers = vec![matcher::parse("job!=api").unwrap()]
    }),
    ("word", |c| c.words = search::words("disk").unwrap()),
    ("known", |c| c.known = Some(true)),
    ("not known", |c| c.known = Some(false)),
    ("starts", |c| c.starts = range()),
    ("ends", |c| c.ends = range()),
];

/// Includes small budgets, so that there are further pages.
fn budgets() -> [ScanBudget; 2] {
    let few = ScanBudget {
        rows: 600,
        chunk: 300,
        few: 0,
    };
    [few, ScanBudget::default()]
}

async fn no_list_reads_a_whole_table(test: &TestDb) {
    fill(test).await;
    let db = Explained::new(&test.db);
    the_log(&db).await;
    narrowed(&db).await;
    the_incidents(&db).await;
    one_incident(&db).await;
    deliveries_and_notifications(&db).await;
    the_audit_log(&db).await;
}

async fn the_log(db: &Explained) {
    let sets: [Set<AlertFilter>; 3] = [
        ("everything", |_| {}),
        ("received", |f| f.received = range()),
        ("status", |f| f.status = vec![Status::Resolved]),
    ];
    for (about, set_about) in ABOUT {
        for (name, set) in sets {
            let mut filter = AlertFilter::default();
            set_about(&mut filter.about);
            set(&mut filter);
            for budget in budgets() {
                // A previous page reads the index in the opposite direction.
                let what = format!("log, {about}, {name}");
                let page = PageRequest::first(ByReceived, Order::Desc, 50);
                let page = alert_log::list_within(db, &filter, &page, &budget).await;
                check(db.take(), &what);
                let Some(next) = page.unwrap().next else {
                    continue;
                };
                let next = PageRequest::new(ByReceived, Order::Desc, 50, Some(&next)).unwrap();
                let page = alert_log::list_within(db, &filter, &next, &budget).await;
                check(db.take(), &format!("{what}, on"));
                let back = page.unwrap().prev.unwrap();
                let back = PageRequest::new(ByReceived, Order::Desc, 50, Some(&back)).unwrap();
                let page = alert_log::list_within(db, &filter, &back, &budget).await;
                page.unwrap();
                check(db.take(), &format!("{what}, back"));
            }
            alert_log::count(db, &filter).await.unwrap();
            check(db.take(), &format!("log, {about}, {name}, counted"));
            let mut walk = LogWalk::new(filter, Order::Desc);
            walk.next(db).await.unwrap();
            check(db.take(), &format!("log, {about}, {name}, walked"));
        }
    }
}

async fn the_incidents(db: &Explained) {
    let sets: [Set<IncidentFilter>; 7] = [
        ("everything", |_| {}),
        ("state", |f| f.state = vec![IncidentState::Expired]),
        ("firing", |f| f.status = vec![Status::Firing]),
        ("stale", |f| f.stale = Some(true)),
        ("not stale", |f| f.stale = Some(false)),
        ("active", |f| f.active = range()),
        ("active from", |f| f.active.from = range().from),
    ];
    let sorts = [
        IncidentSort::LastSeenAt,
        IncidentSort::StartsAt,
        IncidentSort::Duration,
        IncidentSort::Occurrences,
    ];
    let (now, stale_after) = (at(40_000), Duration::from_secs(35_000));
    for (about, set_about) in ABOUT {
        for (name, set) in sets {
            let mut filter = IncidentFilter::default();
            set_about(&mut filter.about);
            set(&mut filter);
            for sort in sorts {
                for budget in budgets() {
                    let what = format!("incidents, {about}, {name}, {sort:?}");
                    let first = PageRequest::first(sort, Order::Desc, 50);
                    let list = async |page: &PageRequest<IncidentSort>| {
                        incidents::list_within(db, &filter, page, now, stale_after, &budget)
                            .await
                            .unwrap()
                    };
                    let page = list(&first).await;
                    let plans = db.take();
                    if !plans.is_empty() {
                        check(plans, &what);
                    }
                    let Some(next) = page.next else { continue };
                    let next = PageRequest::new(sort, Order::Desc, 50, Some(&next)).unwrap();
                    let back = list(&next).await.prev.unwrap();
                    check(db.take(), &format!("{what}, on"));
                    let back = PageRequest::new(sort, Order::Desc, 50, Some(&back)).unwrap();
                    list(&back).await;
                    check(db.take(), &format!("{what}, back"));
                }
            }
            incidents::count(db, &filter, now, stale_after)
                .await
                .unwrap();
            incidents::ids_matching(db, &filter, 10_000, now, stale_after)
                .await
                .unwrap();
            let plans = db.take();
            if !plans.is_empty() {
                check(plans, &format!("incidents, {about}, {name}, counted"));
            }
        }
    }
}

async fn one_incident(db: &Explained) {
    let (now, stale_after) = (at(40_000), Duration::from_secs(35_000));
    incidents::get(db, 7, now, stale_after).await.unwrap();
    incidents::incidents_of_alert(db, 7, 20, now, stale_after)
        .await
        .unwrap();
    incidents::events(db, 7, 200).await.unwrap();
    let page = PageRequest::first(ByEntry, Order::Desc, 50);
    alert_log::of_incident(db, 7, &page).await.unwrap();
    alert_log::get(db, 7).await.unwrap();
    check(db.take(), "one incident");
}

async fn deliveries_and_notifications(db: &Explained) {
    let sets: [Set<DeliveryFilter>; 5] = [
        ("all", |_| {}),
        ("refused", |f| f.outcome = Some(DeliveryOutcome::Refused)),
        ("source", |f| f.source = vec!["eu".to_owned()]),
        ("unrouted", |f| f.unrouted = Some(true)),
        ("received", |f| f.received = range()),
    ];
    for (name, set) in sets {
        let mut filter = DeliveryFilter::default();
        set(&mut filter);
        let page = PageRequest::first(ByArrival, Order::Desc, 50);
        deliveries::list(db, &filter, &page).await.unwrap();
        check(db.take(), &format!("deliveries, {name}"));
    }
    let sets: [Set<NotificationFilter>; 5] = [
        ("all", |_| {}),
        ("state", |f| f.state = vec![NotificationState::Failed]),
        ("incident", |f| f.incident_id = Some(7)),
        ("recipient", |f| f.recipient_id = Some(7)),
        ("created", |f| f.created = range()),
    ];
    for (name, set) in sets {
        let mut filter = NotificationFilter::default();
        set(&mut filter);
        let page = PageRequest::first(ByCreation, Order::Desc, 50);
        notifications::list(db, &filter, &page, &Visibility::everything())
            .await
            .unwrap();
        check(db.take(), &format!("notifications, {name}"));
    }
}

async fn the_audit_log(db: &Explained) {
    let sets: [Set<AuditFilter>; 9] = [
        ("all", |_| {}),
        ("name", |f| f.actor = Some(Who::Named("Bob".to_owned()))),
        ("kind", |f| f.actor = Some(Who::Kind(ActorKind::Anonymous))),
        ("actor", |f| f.actor = Some(Who::One(ActorKind::User, 7))),
        ("actions", |f| {
            f.actions = vec!["route.update".to_owned(), "sign-in.ok".to_owned()];
        }),
        ("objects", |f| f.object_kind = Some("route".to_owned())),
        ("object", |f| {
            f.object_kind = Some("recipient".to_owned());
            f.object_id = Some(7);
        }),
        ("range", |f| f.at = range()),
        ("words", |f| f.words = search::words("missing").unwrap()),
    ];
    for (name, set) in sets {
        for range in [TimeRange::default(), range()] {
            let mut filter = AuditFilter {
                at: range,
                ..AuditFilter::default()
            };
            set(&mut filter);
            for budget in budgets() {
                let mut cursor: Option<String> = None;
                for _ in 0..2 {
                    let page = PageRequest::new(ByAudit, Order::Desc, 50, cursor.as_deref());
                    let page = audit::list_within(db, &filter, &page.unwrap(), &budget).await;
                    check(db.take(), &format!("audit log, {name}"));
                    cursor = page.unwrap().next;
                    if cursor.is_none() {
                        break;
                    }
                }
            }
            let mut walk = AuditWalk::new(filter, Order::Asc);
            walk.next(db).await.unwrap();
            check(db.take(), &format!("audit log, {name}, walked"));
        }
    }
    audit::get(db, 7).await.unwrap();
    check(db.take(), "an audit entry");
}
