//! The audit log.

use serde_json::json;
use tocsin_core::search;
use tocsin_core::time::Timestamp;
use tocsin_storage::audit::{self, AuditFilter, AuditRow, AuditView, AuditWalk, ByAudit, Who};
use tocsin_storage::enums::ActorKind;
use tocsin_storage::{Order, PageRequest, ScanBudget, TimeRange, Tx};

use crate::common::{TestDb, at};

crate::on_both!(
    entry_round_trips,
    entry_is_rolled_back_with_its_change,
    filters_select_matching_entries,
    pages_work_in_both_directions,
    search_without_match_stops_at_the_budget_and_continues,
    walk_reads_each_entry_once,
    old_entries_are_deleted_oldest_first,
);

/// An entry to write, with its time in seconds.
struct NewEntry {
    time: i64,
    actor: (ActorKind, Option<i64>, &'static str),
    action: &'static str,
    object: (&'static str, Option<i64>, &'static str),
}

const ANN: (ActorKind, Option<i64>, &str) = (ActorKind::User, Some(1), "Ann Müller");
const BOT: (ActorKind, Option<i64>, &str) = (ActorKind::Token, Some(1), "deploy");
const SHELL: (ActorKind, Option<i64>, &str) = (ActorKind::CommandLine, None, "command line");
const ANONYMOUS: (ActorKind, Option<i64>, &str) = (ActorKind::Anonymous, None, "");
const OPS: (&str, Option<i64>, &str) = ("recipient", Some(1), "ÖPS on call");

const ENTRIES: [NewEntry; 8] = [
    entry(1, SHELL, "user.create", ("user", Some(1), "Ann Müller")),
    entry(2, ANN, "recipient.create", OPS),
    entry(3, ANN, "recipient.update", OPS),
    entry(3, BOT, "group.create", ("group", Some(1), "night")),
    entry(4, BOT, "recipient.update", OPS),
    entry(5, ANONYMOUS, "sign-in.failed", ("user", None, "")),
    entry(6, ANN, "route.reorder", ("route", None, "")),
    entry(7, ANN, "recipient.delete", ("recipient", Some(2), "Kim")),
];

const fn entry(
    time: i64,
    actor: (ActorKind, Option<i64>, &'static str),
    action: &'static str,
    object: (&'static str, Option<i64>, &'static str),
) -> NewEntry {
    NewEntry {
        time,
        actor,
        action,
        object,
    }
}

async fn write(test: &TestDb, entries: &[NewEntry]) {
    let tx = test.db.begin().await.unwrap();
    record(&tx, entries).await;
    tx.commit().await.unwrap();
}

async fn record(tx: &Tx, entries: &[NewEntry]) {
    for entry in entries {
        let row = AuditRow {
            at: at(entry.time),
            actor_kind: entry.actor.0,
            actor_id: entry.actor.1,
            actor_name: entry.actor.2,
            address: Some("192.0.2.7"),
            action: entry.action,
            object_kind: entry.object.0,
            object_id: entry.object.1,
            object_name: entry.object.2,
            before: None,
            after: None,
        };
        audit::record(tx, &row).await.unwrap();
    }
}

/// The times of a page, in order.
fn times(entries: &[AuditView]) -> Vec<i64> {
    let second = |time: Timestamp| (time.as_micros() - at(0).as_micros()) / 1_000_000;
    entries.iter().map(|entry| second(entry.at)).collect()
}

async fn entry_round_trips(test: &TestDb) {
    let before = json!({"name": "Kim\u{0}\"'", "enabled": true, "list": [1, 2]});
    let after = json!({"name": "\u{202e}<b>"});
    let row = AuditRow {
        at: at(5),
        actor_kind: ActorKind::Token,
        actor_id: Some(3),
        actor_name: "deploy",
        address: Some("2001:db8::1"),
        action: "recipient.update",
        object_kind: "recipient",
        object_id: Some(4),
        object_name: "'; DROP TABLE audit_entries; --",
        before: Some(&before),
        after: Some(&after),
    };
    let tx = test.db.begin().await.unwrap();
    audit::record(&tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    let page = PageRequest::first(ByAudit, Order::Desc, 10);
    let filter = AuditFilter::default();
    let page = audit::list(&test.db, &filter, &page).await.unwrap();
    let [view] = page.items.as_slice() else {
        panic!("{page:?}");
    };
    let expected = AuditView {
        id: view.id,
        at: at(5),
        actor_kind: ActorKind::Token,
        actor_id: Some(3),
        actor_name: "deploy".to_owned(),
        address: Some("2001:db8::1".to_owned()),
        action: "recipient.update".to_owned(),
        object_kind: "recipient".to_owned(),
        object_id: Some(4),
        object_name: "'; DROP TABLE audit_entries; --".to_owned(),
        before: Some(before),
        after: Some(after),
    };
    assert_eq!(view, &expected);
    let one = audit::get(&test.db, view.id).await.unwrap();
    assert_eq!(one, Some(expected));
    let none = audit::get(&test.db, view.id + 1).await.unwrap();
    assert_eq!(none, None);
}

async fn entry_is_rolled_back_with_its_change(test: &TestDb) {
    let tx = test.db.begin().await.unwrap();
    record(&tx, &ENTRIES).await;
    tx.rollback().await.unwrap();
    let entries = test.number("SELECT COUNT(*) FROM audit_entries", vec![]);
    assert_eq!(entries.await, 0);
}

async fn filters_select_matching_entries(test: &TestDb) {
    write(test, &ENTRIES).await;
    type Set = fn(&mut AuditFilter);
    let range = |from: Option<i64>, to: Option<i64>| TimeRange {
        from: from.map(at),
        to: to.map(at),
    };
    let named = |name: &str| Some(Who::Named(name.to_owned()));
    let cases: Vec<(AuditFilter, &[i64])> = {
        let of = |set: Set| {
            let mut filter = AuditFilter::default();
            set(&mut filter);
            filter
        };
        vec![
            (of(|_| {}), &[7, 6, 5, 4, 3, 3, 2, 1]),
            (
                AuditFilter {
                    actor: named("Ann Müller"),
                    ..of(|_| {})
                },
                &[7, 6, 3, 2],
            ),
            (of(|f| f.actor = Some(Who::Named("ann".into()))), &[]),
            (
                of(|f| f.actor = Some(Who::One(ActorKind::Token, 1))),
                &[4, 3],
            ),
            (
                of(|f| f.actor = Some(Who::Kind(ActorKind::User))),
                &[7, 6, 3, 2],
            ),
            (
                of(|f| f.actor = Some(Who::Kind(ActorKind::Anonymous))),
                &[5],
            ),
            (
                of(|f| f.actor = Some(Who::Kind(ActorKind::CommandLine))),
                &[1],
            ),
            (of(|f| f.actions = vec!["recipient.update".into()]), &[4, 3]),
            (
                of(|f| {
                    f.actions = vec![
                        "recipient.update".into(),
                        "user.create".into(),
                        "user.create".into(),
                    ];
                }),
                &[4, 3, 1],
            ),
            // More actions than have a scan each.
            (
                of(|f| {
                    f.actions = (0..40).map(|number| format!("a{number}")).collect();
                    f.actions.push("user.create".into());
                }),
                &[1],
            ),
            (
                of(|f| f.object_kind = Some("recipient".into())),
                &[7, 4, 3, 2],
            ),
            (of(|f| f.object_id = Some(2)), &[7]),
            (
                of(|f| {
                    f.object_kind = Some("recipient".into());
                    f.object_id = Some(1);
                }),
                &[4, 3, 2],
            ),
            (
                of(|f| {
                    f.object_kind = Some("recipient".into());
                    f.object_id = Some(1);
                    f.actor = Some(Who::One(ActorKind::User, 1));
                    f.actions = vec!["recipient.update".into(), "recipient.delete".into()];
                }),
                &[3],
            ),
            (
                of(|f| {
                    f.object_kind = Some("user".into());
                    f.actor = Some(Who::Kind(ActorKind::Anonymous));
                    f.actions = vec!["sign-in.failed".into()];
                }),
                &[5],
            ),
            (
                AuditFilter {
                    at: range(Some(3), Some(6)),
                    ..of(|_| {})
                },
                &[5, 4, 3, 3],
            ),
            (
                AuditFilter {
                    at: range(None, Some(4)),
                    ..of(|f| f.actor = Some(Who::One(ActorKind::Token, 1)))
                },
                &[3],
            ),
            (of(|f| f.words = search::words("öps").unwrap()), &[4, 3, 2]),
            (
                of(|f| f.words = search::words("MÜLLER update").unwrap()),
                &[3],
            ),
            (
                of(|f| f.words = search::words("müllerrecipient").unwrap()),
                &[],
            ),
            (
                of(|f| {
                    f.words = search::words("ann").unwrap();
                    f.actions = vec!["user.create".into()];
                }),
                &[1],
            ),
            (of(|f| f.words = search::words("%").unwrap()), &[]),
        ]
    };
    for (filter, expected) in cases {
        for (order, reversed) in [(Order::Desc, false), (Order::Asc, true)] {
            let page = PageRequest::first(ByAudit, order, 50);
            let page = audit::list(&test.db, &filter, &page).await.unwrap();
            let mut found = times(&page.items);
            if reversed {
                found.reverse();
            }
            assert_eq!(found, expected, "{filter:?}");
            assert_eq!(page.next, None, "{filter:?}");
        }
    }
}

async fn pages_work_in_both_directions(test: &TestDb) {
    write(test, &ENTRIES).await;
    for words in ["", "e"] {
        let filter = AuditFilter {
            words: search::words(words).unwrap(),
            ..AuditFilter::default()
        };
        let mut seen: Vec<Vec<i64>> = Vec::new();
        let mut cursor: Option<String> = None;
        let mut last = None;
        loop {
            let page = PageRequest::new(ByAudit, Order::Desc, 3, cursor.as_deref()).unwrap();
            let page = audit::list(&test.db, &filter, &page).await.unwrap();
            seen.push(page.items.iter().map(|entry| entry.id).collect());
            last = page.prev.or(last);
            match page.next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        let mut all: Vec<i64> = seen.concat();
        assert_eq!(all.len(), 8, "{seen:?}");
        all.dedup();
        assert_eq!(all.len(), 8);
        let back = PageRequest::new(ByAudit, Order::Desc, 3, last.as_deref()).unwrap();
        let back = audit::list(&test.db, &filter, &back).await.unwrap();
        let ids: Vec<i64> = back.items.iter().map(|entry| entry.id).collect();
        assert_eq!(ids, seen[seen.len() - 2]);
    }
}

async fn search_without_match_stops_at_the_budget_and_continues(test: &TestDb) {
    let mut entries: Vec<NewEntry> =
        vec![entry(0, SHELL, "user.create", ("user", Some(9), "needle"))];
    entries.extend((1..=300).map(|time| entry(time, ANN, "recipient.update", OPS)));
    write(test, &entries).await;
    let budget = ScanBudget {
        rows: 100,
        chunk: 50,
        few: 0,
    };
    let filters = [
        AuditFilter {
            words: search::words("needle").unwrap(),
            ..AuditFilter::default()
        },
        AuditFilter {
            actor: Some(Who::Named("command line".to_owned())),
            ..AuditFilter::default()
        },
    ];
    for filter in filters {
        let mut cursor: Option<String> = None;
        let mut pages = 0;
        let found = loop {
            let page = PageRequest::new(ByAudit, Order::Desc, 10, cursor.as_deref()).unwrap();
            let page = audit::list_within(&test.db, &filter, &page, &budget).await;
            let page = page.unwrap();
            pages += 1;
            if !page.items.is_empty() {
                break page.items;
            }
            cursor = Some(page.next.unwrap());
        };
        assert_eq!(found[0].object_name, "needle");
        assert!((2..=4).contains(&pages), "{pages}");
    }
}

async fn walk_reads_each_entry_once(test: &TestDb) {
    let entries: Vec<NewEntry> = (0..2_500)
        .map(|time| {
            let action = ["recipient.update", "route.update"][usize::from(time % 5 == 0)];
            entry(time / 3, ANN, action, OPS)
        })
        .collect();
    write(test, &entries).await;
    for (actions, expected) in [(vec![], 2_500), (vec!["route.update".to_owned()], 500)] {
        for order in [Order::Asc, Order::Desc] {
            let filter = AuditFilter {
                actions: actions.clone(),
                ..AuditFilter::default()
            };
            let mut walk = AuditWalk::new(filter, order);
            let mut keys = Vec::new();
            while let Some(chunk) = walk.next(&test.db).await.unwrap() {
                assert!(chunk.len() <= AuditWalk::CHUNK);
                keys.extend(chunk.iter().map(|entry| (entry.at, entry.id)));
            }
            assert_eq!(keys.len(), expected);
            match order {
                Order::Asc => assert!(keys.is_sorted_by(|a, b| a < b)),
                Order::Desc => assert!(keys.is_sorted_by(|a, b| a > b)),
            }
        }
    }
}

async fn old_entries_are_deleted_oldest_first(test: &TestDb) {
    write(test, &ENTRIES).await;
    for (deleted, left) in [
        (3, vec![7, 6, 5, 4, 3]),
        (1, vec![7, 6, 5, 4]),
        (0, vec![7, 6, 5, 4]),
    ] {
        let tx = test.db.begin().await.unwrap();
        let removed = audit::delete_before(&tx, at(4), 3).await.unwrap();
        assert_eq!(removed, deleted);
        tx.commit().await.unwrap();
        let page = PageRequest::first(ByAudit, Order::Desc, 50);
        let filter = AuditFilter::default();
        let page = audit::list(&test.db, &filter, &page).await.unwrap();
        assert_eq!(times(&page.items), left);
    }
}
