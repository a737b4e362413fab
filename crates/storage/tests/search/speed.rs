//! Measures the index with 200,000 alerts. Timings do not fail a test.

use std::time::Instant;

use tocsin_core::matcher::{Matcher, Op};
use tocsin_storage::{AlertCriteria, search};

use crate::common::TestDb;
use crate::{matching, words_of};

const ALERTS: i64 = 200_000;
const CHUNK: i64 = 2_000;

#[tokio::test]
#[ignore = "a measurement"]
async fn sqlite() {
    measure(&TestDb::sqlite().await).await;
}

#[tokio::test]
#[ignore = "a measurement"]
async fn postgres() {
    measure(&TestDb::postgres().await).await;
}

async fn measure(test: &TestDb) {
    for first in (1..=ALERTS).step_by(CHUNK as usize) {
        put(test, first).await;
    }
    let start = Instant::now();
    let mut longest = 0;
    let mut documents = 0;
    while let Some(segment) = search::prepare(&test.db, 8_000).await.unwrap() {
        let put_start = Instant::now();
        let tx = test.db.begin().await.unwrap();
        documents += search::put(&tx, segment).await.unwrap();
        tx.commit().await.unwrap();
        longest = longest.max(put_start.elapsed().as_millis());
    }
    let each = start.elapsed().as_micros() / documents as u128;
    println!("project: {each} us per document, longest transaction {longest} ms");
    println!("{} segments", test.segments().await);
    report(test).await;
    let start = Instant::now();
    while search::merge(&test.db).await.unwrap() {}
    println!("merge: {} ms", start.elapsed().as_millis());
    println!("{} segments", test.segments().await);
    report(test).await;
}

async fn report(test: &TestDb) {
    let bytes = "SELECT CAST(SUM(bytes) AS BIGINT) FROM search_segments";
    let bytes = test.number(bytes, vec![]).await;
    println!("{} bytes per alert", bytes / ALERTS);
    let exact = |fill: fn(&mut AlertCriteria)| {
        let mut about = AlertCriteria::default();
        fill(&mut about);
        about
    };
    let long = Matcher::new("serial".to_owned(), Op::Match, ".*00".to_owned()).unwrap();
    for (what, about) in [
        (
            "severity",
            exact(|a| a.severity = vec!["warning".to_owned()]),
        ),
        ("source", exact(|a| a.source = vec!["prod".to_owned()])),
        (
            "instance",
            exact(|a| a.instance = vec!["host-012345.example.org:9100".to_owned()]),
        ),
        ("team = rare", matching("team=\"team-007\"")),
        ("severity != ", matching("severity!=\"warning\"")),
        ("job =~ few values", matching("job=~\".*ode\"")),
        ("instance =~ prefix", matching("instance=~\"host-0123.*\"")),
        (
            "instance =~ all values",
            matching("instance=~\".*-01234.\\\\..*\""),
        ),
        (
            "serial =~ all values",
            AlertCriteria {
                matchers: vec![long],
                ..AlertCriteria::default()
            },
        ),
        ("word of all", words_of("filesystem")),
        ("word of a few", words_of("host-012345")),
        ("word of none", words_of("kernelpanic")),
        ("chinese word of all", words_of("磁盘")),
        ("chinese word of some", words_of("内存")),
        ("three words", words_of("内存 host-0123 full")),
    ] {
        let mut best = u128::MAX;
        let mut listed = None;
        for _ in 0..5 {
            let start = Instant::now();
            listed = search::alert_set(&test.db, &about).await.unwrap().listed();
            best = best.min(start.elapsed().as_micros());
        }
        println!("{best:>8} us  {what} ({listed:?})");
    }
}

async fn put(test: &TestDb, first: i64) {
    let ids: Vec<i64> = (first..first + CHUNK).collect();
    for some in ids.chunks(1_000) {
        let places = vec!["(?, 'prod', ?, ?, ?, '{}', '', ?, 'DiskFull', ?, ?, ?)"; some.len()];
        let values = some.iter().flat_map(|&id| {
            let mixed = (id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let instance = format!("host-{id:06}.example.org:9100");
            let severity = ["warning", "critical", "info"][(mixed >> 40) as usize % 3];
            let team = format!("team-{:03}", (mixed >> 32) % 200);
            let labels = format!(
                "{{\"alertname\":\"DiskFull\",\"cluster\":\"{}\",\"device\":\"/dev/sda1\",\
                 \"fstype\":\"ext4\",\"instance\":\"{instance}\",\"job\":\"node\",\
                 \"mountpoint\":\"/var\",\"serial\":\"{mixed:016x}\",\
                 \"severity\":\"{severity}\",\"team\":\"{team}\"}}",
                ["a", "b"][(mixed >> 50) as usize % 2]
            );
            let what = ["磁盘空间", "内存"][usize::from((mixed >> 45).is_multiple_of(50))];
            let message = format!(
                "filesystem /var on host-{id:06} is {}.{}% full, {what}不足",
                mixed % 97,
                mixed % 13
            );
            [
                id.into(),
                id.to_be_bytes().to_vec().into(),
                Vec::<u8>::new().into(),
                labels.into(),
                message.into(),
                instance.into(),
                severity.into(),
                team.into(),
            ]
        });
        let sql = format!(
            "INSERT INTO series (id, source, fingerprint, content, labels, annotations, \
             generator_url, message, alertname, instance, severity, team) VALUES {}",
            places.join(", ")
        );
        test.run(&sql, values.collect()).await;
    }
    test.enqueue(&ids, &[]).await;
}
