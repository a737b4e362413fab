//! Compares search results with a loop over all contents.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use tocsin_core::alert::Labels;
use tocsin_core::matcher::{Matcher, Op};
use tocsin_storage::{AlertCriteria, search};

use crate::common::TestDb;
use crate::common::rows::labels;
use crate::{Content, matching, words_of};

crate::on_both! {
    all_matches_are_found_at_any_time,
    words_are_found,
    content_with_other_labels_is_never_left_out,
    long_and_unusual_values_are_found,
    empty_filter_matches_all,
    many_values_are_walked_in_steps,
}

const NAMES: [&str; 8] = [
    "alertname",
    "instance",
    "severity",
    "team",
    "job",
    "磁盘",
    "x",
    "x\u{1}y",
];
const TEXTS: [&str; 14] = [
    "",
    "a",
    "ab",
    "ba",
    "内存",
    "内存不足",
    "存内",
    "Disk Full",
    "磁盘满了 disk",
    "host-1",
    "host-12",
    "line\nbreak",
    "ÄRGER",
    "\u{FFFD}x",
];
const SOURCES: [&str; 2] = ["prod", "测试"];
const EXPRESSIONS: [&str; 14] = [
    ".*",
    ".+",
    "",
    "a|",
    "a.*",
    "host-1.?",
    "(?i)AB",
    "内存.*",
    ".*存.*",
    "a|ba|host-1",
    "[^a]*",
    "x{60,}",
    "x+y?",
    "(?s).*",
];
const WORDS: [&str; 14] = [
    "a",
    "ab",
    "内",
    "内存",
    "存不",
    "ärger",
    "host-1",
    "disk",
    "full",
    "磁盘",
    "zz",
    "break",
    "\u{FFFD}x",
    "xxx",
];

fn text(random: &mut StdRng) -> String {
    match random.random_range(0..12) {
        0 => "x".repeat(random.random_range(70..90)),
        1 => format!("{}{}", "x".repeat(100), random.random_range(0..3)),
        _ => (*TEXTS.choose(random).unwrap()).to_owned(),
    }
}

fn label_set(random: &mut StdRng) -> Labels {
    let count = random.random_range(0..6);
    let mut pair = || ((*NAMES.choose(random).unwrap()).to_owned(), text(random));
    (0..count).map(|_| pair()).collect()
}

fn criteria(random: &mut StdRng) -> AlertCriteria {
    let mut about = AlertCriteria::default();
    for _ in 0..random.random_range(1..4) {
        let some = |random: &mut StdRng| -> Vec<String> {
            let count = random.random_range(1..3);
            (0..count).map(|_| text(random)).collect()
        };
        match random.random_range(0..12) {
            0 => about.severity = some(random),
            1 => about.team = some(random),
            2 => about.alertname = some(random),
            3 => about.instance = some(random),
            4 => about.source = vec![(*SOURCES.choose(random).unwrap()).to_owned()],
            5..=8 => {
                let op = *[Op::Equal, Op::NotEqual, Op::Match, Op::NotMatch]
                    .choose(random)
                    .unwrap();
                let value = match op {
                    Op::Equal | Op::NotEqual => text(random),
                    _ => (*EXPRESSIONS.choose(random).unwrap()).to_owned(),
                };
                let name = (*NAMES.choose(random).unwrap()).to_owned();
                about.matchers.push(Matcher::new(name, op, value).unwrap());
            }
            _ => about
                .words
                .push((*WORDS.choose(random).unwrap()).to_owned()),
        }
    }
    about
}

async fn check(test: &TestDb, contents: &[Content], random: &mut StdRng, rounds: usize) {
    let all: BTreeSet<i64> = contents.iter().map(|content| content.alert_id).collect();
    for _ in 0..rounds {
        let about = criteria(random);
        let set = search::alert_set(&test.db, &about).await.unwrap();
        for content in contents {
            assert!(
                !content.matches(&about) || set.contains(content.alert_id),
                "{about:?} does not find {content:?}"
            );
        }
        let listed = set.few(usize::MAX);
        if let Some(listed) = &listed {
            assert!(listed.iter().all(|id| all.contains(id)));
            assert_eq!(set.listed(), Some(listed.len() as u64));
            assert!(set.few(listed.len().saturating_sub(1)).is_none() || listed.is_empty());
        }
    }
}

async fn all_matches_are_found_at_any_time(test: &TestDb) {
    let seed = 20_261_122;
    let mut random = StdRng::seed_from_u64(seed);
    let mut contents: Vec<Content> = Vec::new();
    let mut content_count = 0;
    for round in 0..10 {
        for id in round * 12 + 1..=round * 12 + 12 {
            let first = Content {
                alert_id: id,
                source: (*SOURCES.choose(&mut random).unwrap()).to_owned(),
                labels: label_set(&mut random),
                message: text(&mut random),
            };
            test.add_alert(&first).await;
            contents.push(first);
            if random.random_bool(0.4) {
                // Later content of this alert or of an earlier one.
                let of = contents.choose(&mut random).unwrap().alert_id;
                let first = contents
                    .iter()
                    .find(|content| content.alert_id == of)
                    .unwrap();
                let other = random.random_bool(0.5).then(|| label_set(&mut random));
                content_count += 1;
                let message = text(&mut random);
                test.put_content(content_count, of, other.as_ref(), &message)
                    .await;
                test.enqueue(&[], &[content_count]).await;
                let later = Content {
                    labels: other.unwrap_or_else(|| first.labels.clone()),
                    message,
                    ..first.clone()
                };
                contents.push(later);
            }
        }
        check(test, &contents, &mut random, 12).await;
        test.project(random.random_range(1..20)).await;
        check(test, &contents, &mut random, 12).await;
        if round % 3 == 2 {
            while test.project(5).await > 0 {}
            search::merge(&test.db).await.unwrap();
            check(test, &contents, &mut random, 12).await;
        }
    }
    test.project_all().await;
    while search::merge(&test.db).await.unwrap() {}
    check(test, &contents, &mut random, 100).await;
}

async fn add_alert(test: &TestDb, alert_id: i64, pairs: &[(&str, &str)], message: &str) {
    test.add_alert(&Content {
        alert_id,
        source: "prod".to_owned(),
        labels: labels(pairs),
        message: message.to_owned(),
    })
    .await;
}

async fn words_are_found(test: &TestDb) {
    add_alert(test, 1, &[("alertname", "DiskFull")], "磁盘空间不足").await;
    add_alert(test, 2, &[("alertname", "内存")], "Memory of DB-1 ÜBER 90%").await;
    add_alert(
        test,
        3,
        &[("alertname", "X"), ("instance", "DB-1:9100")],
        "a\u{3000}盘",
    )
    .await;
    test.put_content(1, 3, None, "now 空间 is left").await;
    test.enqueue(&[], &[1]).await;
    for is_projected in [false, true] {
        if is_projected {
            test.project_all().await;
        }
        for (words, found) in [
            ("磁盘", vec![1]),
            ("盘", vec![1, 3]),
            ("空间", vec![1, 3]),
            ("盘空", vec![1]),
            ("内存", vec![2]),
            ("db-1", vec![2, 3]),
            ("über", vec![2]),
            ("存 90", vec![2]),
            // The instance is from the alert, the message from its later content.
            ("空间 9100", vec![3]),
            ("xdb", vec![]),
            ("盘空间不足够", vec![]),
        ] {
            assert_eq!(test.find_words(words).await, Some(found), "{words}");
        }
    }
    // A single ASCII character is not indexed.
    assert_eq!(test.find_words("x").await, None);
}

async fn content_with_other_labels_is_never_left_out(test: &TestDb) {
    add_alert(test, 1, &[("job", "a"), ("severity", "info")], "").await;
    add_alert(test, 2, &[("job", "a")], "").await;
    add_alert(test, 3, &[("job", "b")], "").await;
    let other = labels(&[("job", "b"), ("severity", "page")]);
    test.put_content(1, 1, Some(&other), "").await;
    test.enqueue(&[], &[1]).await;
    for _ in 0..2 {
        for matcher in ["job!=\"a\"", "job!~\"a.?\"", "job=~\"b|\""] {
            let set = search::alert_set(&test.db, &matching(matcher))
                .await
                .unwrap();
            assert!(set.contains(1) && set.contains(3), "{matcher}");
        }
        assert_eq!(test.find(&matching("job=\"b\"")).await, Some(vec![1, 3]));
        for severity in ["info", "page"] {
            let about = AlertCriteria {
                severity: vec![severity.to_owned()],
                ..AlertCriteria::default()
            };
            assert_eq!(test.find(&about).await, Some(vec![1]));
        }
        test.project_all().await;
    }
    let set = search::alert_set(&test.db, &matching("job!=\"a\"")).await;
    assert!(!set.unwrap().contains(2));
}

async fn long_and_unusual_values_are_found(test: &TestDb) {
    let long = "磁".repeat(400);
    let longer = format!("{long}!");
    add_alert(test, 1, &[("path", &long), (&long, "1")], "").await;
    add_alert(test, 2, &[("path", &longer), (&longer, "1")], "").await;
    add_alert(test, 3, &[("path", "\u{FFFD}\u{7f}\u{1}\"\\")], "").await;
    test.project_all().await;
    let equal = |name: &str, value: &str| AlertCriteria {
        matchers: vec![Matcher::new(name.to_owned(), Op::Equal, value.to_owned()).unwrap()],
        ..AlertCriteria::default()
    };
    assert_eq!(test.find(&equal("path", &long)).await, Some(vec![1]));
    assert_eq!(test.find(&equal("path", &longer)).await, Some(vec![2]));
    assert_eq!(test.find(&equal(&longer, "1")).await, Some(vec![2]));
    let unusual = "\u{FFFD}\u{7f}\u{1}\"\\";
    assert_eq!(test.find(&equal("path", unusual)).await, Some(vec![3]));
    // Truncated values are candidates; the caller checks them.
    assert_eq!(
        test.find(&matching("path=~\".*!\"")).await,
        Some(vec![1, 2])
    );
    let set = search::alert_set(&test.db, &matching("path!~\".*!\""))
        .await
        .unwrap();
    assert!(set.contains(1) && set.contains(2) && set.contains(3));
}

async fn empty_filter_matches_all(test: &TestDb) {
    add_alert(test, 1, &[], "").await;
    test.project_all().await;
    let set = search::alert_set(&test.db, &AlertCriteria::default())
        .await
        .unwrap();
    assert!(set.is_all() && set.contains(1) && set.contains(2));
    assert_eq!((set.few(10), set.listed()), (None, None));
    let set = search::alert_set(&test.db, &words_of("a")).await.unwrap();
    assert!(set.is_all());
    let none = AlertCriteria {
        severity: vec![String::new()],
        alertname: vec!["(none)".to_owned()],
        ..AlertCriteria::default()
    };
    assert_eq!(test.find(&none).await, Some(vec![1]));
}

/// More blocks than one statement reads: values with different prefixes, each about as long
/// as possible.
async fn many_values_are_walked_in_steps(test: &TestDb) {
    const ALERTS: i64 = 16_000;
    let name = |id: i64| {
        format!(
            "{:08x}{}",
            (id as u32).wrapping_mul(0x9e37_79b9),
            "-".repeat(68)
        )
    };
    let ids: Vec<i64> = (1..=ALERTS).collect();
    for some in ids.chunks(1_000) {
        let places = vec!["(?, 'prod', ?, ?, ?, '{}', '', '', '(none)', '', '', '')"; some.len()];
        let values = some.iter().flat_map(|id| {
            let labels = format!("{{\"id\":\"{}\"}}", name(*id));
            let key = id.to_be_bytes().to_vec();
            [
                (*id).into(),
                key.into(),
                Vec::<u8>::new().into(),
                labels.into(),
            ]
        });
        let sql = format!(
            "INSERT INTO series (id, source, fingerprint, content, labels, annotations, \
             generator_url, message, alertname, instance, severity, team) VALUES {}",
            places.join(", ")
        );
        test.run(&sql, values.collect()).await;
        test.enqueue(some, &[]).await;
    }
    test.project_all().await;
    let blocks = "SELECT COUNT(*) FROM search_blocks";
    assert!(test.number(blocks, vec![]).await > 260);
    let all = test.find(&matching("id=~\".*-\"")).await.unwrap();
    assert!(all == ids);
    let some: Vec<i64> = (1..=ALERTS)
        .filter(|id| name(*id).starts_with("a1"))
        .collect();
    assert_eq!(test.find(&matching("id=~\"a1.*\"")).await, Some(some));

    // Segments are merged during a walk, which also removes deleted alerts.
    test.run("DELETE FROM series WHERE id % 3 = 0", vec![])
        .await;
    let left: Vec<i64> = ids.into_iter().filter(|id| id % 3 != 0).collect();
    let about = matching("id=~\".*-\"");
    let walking = async {
        for _ in 0..8 {
            let set = search::alert_set(&test.db, &about).await.unwrap();
            assert!(left.iter().all(|id| set.contains(*id)));
        }
    };
    let merging = async { while search::merge(&test.db).await.unwrap() {} };
    tokio::join!(walking, merging);
    assert_eq!(test.segments().await, 1);
    assert!(test.find(&about).await == Some(left));
}
