//! Every filter, pages, and statistics, compared with the posted alerts.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use tocsin_api_types::{Alert, Count, Heatmap, Incident, Page, Summary, Timeline, Top};
use tocsin_tests::{
    Database, Options, TestAlert, Tocsin, Walk, Webhook, ago, firing, now, on_both,
};

on_both!(
    log_filters_return_matching_entries,
    incident_filters_return_matching_incidents,
    search_is_case_insensitive_and_matches_anywhere,
    search_supports_unicode_and_any_label_name,
    log_entries_of_an_incident_are_paged,
    pages_skip_and_repeat_nothing,
    invalid_parameters_are_reported_by_name,
    statistics_equal_the_posted_alerts,
);

/// The alerts that the tests here filter.
fn sample_alerts() -> Vec<TestAlert> {
    vec![
        firing("DiskFull")
            .instance("a")
            .team("infra")
            .severity("critical")
            .label("job", "node")
            .summary("Disk /var is full")
            .starts(ago(3_600)),
        firing("DiskFull")
            .instance("b")
            .team("infra")
            .severity("warning")
            .label("job", "node")
            .summary("磁盘空间不足 on b")
            .starts(ago(1_800)),
        firing("ApiSlow")
            .instance("c")
            .team("web")
            .severity("critical")
            .label("job", "api-1")
            .summary("p99 over 500 ms, 100% of calls")
            .starts(ago(900)),
        firing("ApiSlow")
            .instance("d")
            .team("web")
            .label("job", "api-2")
            .summary("内存使用率过高")
            .starts(ago(600))
            .ends(ago(300)),
        firing("Bare").instance("e").starts(ago(100)),
    ]
}

async fn with_alerts(database: Database) -> Tocsin {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let all = sample_alerts();
    tocsin.post(&Webhook::of(all[..4].to_vec())).await;
    tocsin
        .post_to("other", Webhook::of(all[4..].to_vec()).bytes())
        .await;
    tocsin
}

/// The sorted and concatenated instances of the rows of a query.
async fn found(tocsin: &Tocsin, list: &str, query: &[(&str, &str)]) -> String {
    let mut walk = Walk::of(list);
    for (name, value) in query {
        walk = walk.with(name, value);
    }
    let mut names: Vec<String> = match list {
        "alerts" => walk
            .all::<Alert>(tocsin)
            .await
            .into_iter()
            .map(|row| row.instance)
            .collect(),
        _ => walk
            .all::<Incident>(tocsin)
            .await
            .into_iter()
            .map(|row| row.instance)
            .collect(),
    };
    names.sort_unstable();
    names.concat()
}

/// Queries with the same result for the log and the incidents.
const COMMON: &[(&[(&str, &str)], &str)] = &[
    (&[], "abcde"),
    (&[("severity", "critical")], "ac"),
    (&[("severity", "critical"), ("severity", "warning")], "abc"),
    (&[("severity", "")], "de"),
    (&[("team", "web")], "cd"),
    (&[("team", "web"), ("severity", "critical")], "c"),
    (&[("alertname", "DiskFull")], "ab"),
    (&[("alertname", "diskfull")], ""),
    (&[("instance", "a"), ("instance", "e")], "ae"),
    (&[("source", "other")], "e"),
    (&[("source", "alertmanager")], "abcd"),
    (&[("status", "firing")], "abce"),
    (&[("status", "resolved")], "d"),
    (&[("known", "true")], "d"),
    (&[("known", "false")], "abce"),
    (&[("label", "job=\"node\"")], "ab"),
    (&[("label", "job=node")], "ab"),
    (&[("label", "job!=node")], "cde"),
    (&[("label", "job=~\"api.*\"")], "cd"),
    (&[("label", "job=~\"api\"")], ""),
    (&[("label", "job!~\"api.*\"")], "abe"),
    (&[("label", "job=\"\"")], "e"),
    (&[("label", "job!=\"\"")], "abcd"),
    (&[("label", "job=~\".+\"")], "abcd"),
    (&[("label", "job=~\".*\"")], "abcde"),
    (&[("label", "nothing=~\"x?\"")], "abcde"),
    (&[("label", "nothing=x")], ""),
    (
        &[("label", "job=~\"api.*\""), ("label", "severity!=critical")],
        "d",
    ),
    (&[("label", "alertname=~\"Disk|Bare\"")], "e"),
    (&[("label", "severity=~\"(?i)CRIT.*\"")], "ac"),
];

async fn log_filters_return_matching_entries(database: Database) {
    let tocsin = with_alerts(database).await;
    for (query, expected) in COMMON {
        assert_eq!(
            found(&tocsin, "alerts", query).await,
            *expected,
            "{query:?}"
        );
    }
    assert_time_filters(&tocsin, "alerts").await;
    // Again after an acknowledgement, which entries take from their incident.
    let id = tocsin.all::<Incident>("incidents?instance=a").await[0].id;
    let body = serde_json::json!({"known": true, "by": "Ann", "memo": "mine"});
    tocsin
        .send(
            reqwest::Method::PATCH,
            &format!("/api/v1/incidents/{id}"),
            &body,
        )
        .await
        .json::<Incident>();
    assert_eq!(found(&tocsin, "alerts", &[("known", "true")]).await, "ad");
    let alert: Vec<Alert> = tocsin.all("alerts?instance=a").await;
    assert_eq!((alert[0].known, &*alert[0].memo), (true, "mine"));
}

async fn incident_filters_return_matching_incidents(database: Database) {
    let tocsin = with_alerts(database).await;
    for (query, expected) in COMMON {
        assert_eq!(
            found(&tocsin, "incidents", query).await,
            *expected,
            "{query:?}"
        );
    }
    assert_time_filters(&tocsin, "incidents").await;
    for (query, expected) in [
        ([("state", "open")], "abce"),
        ([("state", "resolved")], "d"),
        ([("state", "expired")], ""),
        ([("stale", "true")], ""),
        ([("stale", "false")], "abce"),
    ] {
        let names = found(&tocsin, "incidents", &query).await;
        let names = if query[0].0 == "stale" {
            names.replace('d', "")
        } else {
            names
        };
        assert_eq!(names, expected, "{query:?}");
    }
    assert_eq!(
        found(
            &tocsin,
            "incidents",
            &[("state", "open"), ("state", "resolved")]
        )
        .await,
        "abcde"
    );
    for (sort, order, expected) in [
        ("startsAt", "asc", "abcde"),
        ("startsAt", "desc", "edcba"),
        ("duration", "desc", "abcde"),
        ("duration", "asc", "edcba"),
    ] {
        let rows: Vec<Incident> = tocsin
            .all(&format!("incidents?sort={sort}&order={order}&limit=2"))
            .await;
        let names: String = rows.into_iter().map(|row| row.instance).collect();
        // d ended after 300 s; e has been firing for 100 s.
        let expected = if sort == "duration" {
            expected
                .replace("de", "DE")
                .replace("ed", "ED")
                .replace("DE", "de")
                .replace("ED", "ed")
        } else {
            expected.to_owned()
        };
        assert_eq!(names, expected, "{sort} {order}");
    }
}

/// `from` is inclusive and `to` exclusive, for each of the three times. For incidents,
/// `from` and `to` select those that were active in the range.
async fn assert_time_filters(tocsin: &Tocsin, list: &str) {
    let rows: Vec<Alert> = tocsin.all("alerts").await;
    let of = |name: &str| rows.iter().find(|row| row.instance == name).unwrap();
    let written = |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339();
    let starts = of("c").starts_at;
    let ends = of("d").ends_at.unwrap();
    let received = of("e").received_at;
    let just_after = |time| time + TimeDelta::milliseconds(1);
    for (name, time, expected) in [
        ("startsFrom", starts, "cde"),
        ("startsFrom", just_after(starts), "de"),
        ("startsTo", starts, "ab"),
        ("startsTo", just_after(starts), "abc"),
        ("endsFrom", ends, "d"),
        ("endsFrom", just_after(ends), ""),
        ("endsTo", ends, ""),
        ("endsTo", just_after(ends), "d"),
    ]
    .into_iter()
    .chain(match list {
        "incidents" => [
            ("from", ends, "abcde"),
            ("from", just_after(ends), "abce"),
            ("to", starts, "ab"),
            ("to", just_after(starts), "abc"),
        ],
        _ => [
            ("from", received, "e"),
            ("from", just_after(received), ""),
            ("to", received, "abcd"),
            ("to", just_after(received), "abcde"),
        ],
    }) {
        assert_eq!(
            found(tocsin, list, &[(name, &written(time))]).await,
            expected,
            "{list} {name} {time}"
        );
    }
    // Times with any UTC offset are accepted.
    let shanghai = starts.with_timezone(&chrono::FixedOffset::east_opt(8 * 3_600).unwrap());
    assert_eq!(
        found(tocsin, list, &[("startsFrom", &shanghai.to_rfc3339())]).await,
        "cde"
    );
}

async fn search_is_case_insensitive_and_matches_anywhere(database: Database) {
    let tocsin = with_alerts(database).await;
    for (q, expected) in [
        ("full", "ab"),
        ("FULL disk", "ab"),
        ("var full", "a"),
        ("磁盘", "b"),
        ("空间不足", "b"),
        ("内存", "d"),
        ("使用率", "d"),
        ("磁盘 内存", ""),
        ("diskfull 磁盘", "b"),
        ("100%", "c"),
        ("%", "c"),
        ("_", ""),
        ("apislow", "cd"),
        ("500 slow", "c"),
        ("\"", ""),
        ("'", ""),
        ("infra", ""),
    ] {
        for list in ["alerts", "incidents"] {
            assert_eq!(
                found(&tocsin, list, &[("q", q)]).await,
                expected,
                "{list} {q}"
            );
        }
    }
}

async fn pages_skip_and_repeat_nothing(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    // Entries of one delivery have the same time.
    for batch in 0..5 {
        let alerts = (0..9).map(|n| {
            firing("Many")
                .instance(&format!("{batch}-{n}"))
                .starts(ago(50))
        });
        tocsin.post(&Webhook::of(alerts)).await;
    }
    for list in [
        "alerts?order=asc",
        "alerts?order=desc",
        "incidents?order=asc",
        "incidents?order=desc",
        "incidents?sort=startsAt",
        "incidents?sort=startsAt&order=asc",
        "incidents?sort=duration",
        "incidents?sort=duration&order=asc",
        "incidents?sort=occurrences",
        "incidents?sort=occurrences&order=asc",
        "deliveries?outcome=accepted",
    ] {
        let whole: Vec<serde_json::Value> = tocsin.all(&format!("{list}&limit=500")).await;
        let paged: Vec<serde_json::Value> = tocsin.all(&format!("{list}&limit=7")).await;
        let ids = |rows: &[serde_json::Value]| -> Vec<i64> {
            rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
        };
        assert_eq!(ids(&paged), ids(&whole), "{list}");
        let distinct: BTreeSet<i64> = ids(&paged).into_iter().collect();
        let expected = if list.starts_with("deliveries") {
            5
        } else {
            45
        };
        assert_eq!(distinct.len(), expected, "{list}");
        // The smallest page size.
        let single: Vec<serde_json::Value> = tocsin.all(&format!("{list}&limit=1")).await;
        assert_eq!(ids(&single), ids(&whole), "{list}");
    }
    // Deliveries received while paging do not move the pages.
    let first: Page<Alert> = tocsin.get("/api/v1/alerts?limit=10").await;
    tocsin.post(&Webhook::of([firing("New")])).await;
    let cursor = first.next_cursor.clone().unwrap();
    let second: Page<Alert> = tocsin
        .get(&format!("/api/v1/alerts?limit=10&cursor={cursor}"))
        .await;
    let ids = |page: &Page<Alert>| -> Vec<i64> { page.items.iter().map(|row| row.id).collect() };
    let before = ids(&first);
    assert!(!ids(&second).iter().any(|id| before.contains(id)));
    assert_eq!(second.items.len(), 10);
    // Paging back returns the same rows, then the newer ones.
    let previous = async |page: &Page<Alert>| -> Page<Alert> {
        let cursor = page.prev_cursor.clone().unwrap();
        tocsin
            .get(&format!("/api/v1/alerts?limit=10&cursor={cursor}"))
            .await
    };
    assert_eq!(first.prev_cursor, None);
    let back = previous(&second).await;
    assert_eq!(ids(&back), before);
    let newest = previous(&back).await;
    assert_eq!(newest.items[0].alertname, "New");
    assert_eq!((newest.items.len(), newest.prev_cursor), (1, None));
    // `count=true` counts the list.
    for list in ["alerts", "incidents"] {
        let counted: Page<serde_json::Value> = tocsin
            .get(&format!("/api/v1/{list}?limit=1&count=true&alertname=New"))
            .await;
        let count = counted.count.unwrap();
        assert_eq!((count.value, count.exact), (1, true), "{list}");
    }
    assert_eq!(first.count, None);
    // A cursor is only valid for its list.
    for other in [
        "alerts?order=asc",
        "incidents",
        "incidents?sort=duration",
        "deliveries",
    ] {
        let join = if other.contains('?') { '&' } else { '?' };
        let reply = tocsin
            .get_reply(&format!("/api/v1/{other}{join}cursor={cursor}"))
            .await;
        assert_eq!(reply.fields(404), ["cursor"], "{other}");
    }
}

async fn invalid_parameters_are_reported_by_name(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    for (path, fields) in [
        ("alerts?limit=0", vec!["limit"]),
        ("alerts?limit=501", vec!["limit"]),
        ("alerts?limit=many", vec!["limit"]),
        ("alerts?order=up", vec!["order"]),
        ("alerts?status=open", vec!["status"]),
        ("alerts?known=1", vec!["known"]),
        ("alerts?from=yesterday", vec!["from"]),
        ("alerts?endsTo=2026-13-01T00:00:00Z", vec!["endsTo"]),
        ("alerts?cursor=nonsense", vec!["cursor"]),
        ("alerts?label=job", vec!["label"]),
        ("alerts?label=job%3D~%22(%22", vec!["label"]),
        ("alerts?state=open", vec!["state"]),
        (
            "alerts?limit=0&known=x&unheard=1",
            vec!["limit", "known", "unheard"],
        ),
        ("incidents?state=lost", vec!["state"]),
        ("incidents?sort=name", vec!["sort"]),
        ("incidents?stale=maybe", vec!["stale"]),
        ("deliveries?outcome=lost", vec!["outcome"]),
        ("notifications?state=gone", vec!["state"]),
        ("stats/top?by=severity", vec!["by"]),
        ("stats/top?limit=0", vec!["limit"]),
        ("stats/timeline?bucket=week", vec!["bucket"]),
        ("stats/summary?from=x", vec!["from"]),
        ("stats/heatmap?timeZone=Atlantis", vec!["timeZone"]),
        ("incidents/1?verbose=1", vec!["verbose"]),
    ] {
        let reply = tocsin.get_reply(&format!("/api/v1/{path}")).await;
        let mut named = reply.fields(400);
        named.sort_unstable();
        let mut expected = fields;
        expected.sort_unstable();
        assert_eq!(named, expected, "{path}");
    }
    for path in [
        "alerts/1",
        "incidents/1",
        "deliveries/1",
        "deliveries/1/raw",
        "notifications/1",
        "groups/1",
        "recipients/1",
        "routes/1",
        "incidents/x",
        "incidents/99999999999999999999",
        "nothing",
    ] {
        tocsin
            .get_reply(&format!("/api/v1/{path}"))
            .await
            .problem(404);
    }
    let deep = format!(
        "/api/v1/alerts?label=a%3D~%22{}%22",
        "(".repeat(500) + &")".repeat(500)
    );
    assert_eq!(tocsin.get_reply(&deep).await.fields(400), ["label"]);
    let long = format!("/api/v1/alerts?q={}", "a%20".repeat(1_000));
    assert_eq!(tocsin.get_reply(&long).await.fields(400), ["q"]);
}

fn count(counts: &[Count], value: &str) -> i64 {
    counts
        .iter()
        .find(|count| count.value == value)
        .map_or(0, |count| count.count)
}

async fn statistics_equal_the_posted_alerts(database: Database) {
    let tocsin = with_alerts(database).await;
    // Duplicates are counted as deliveries only.
    tocsin
        .post(&Webhook::of(sample_alerts()[..2].to_vec()))
        .await;
    let summary: Summary = tocsin.get("/api/v1/stats/summary").await;
    assert_eq!(
        (summary.deliveries, summary.log_entries, summary.incidents),
        (3, 5, 5)
    );
    assert_eq!(
        (summary.open, summary.stale, summary.unacknowledged),
        (4, 0, 4)
    );
    assert_eq!(summary.noise_ratio, Some(1.0));
    assert_eq!(count(&summary.by_severity, "critical"), 2);
    assert_eq!(count(&summary.by_severity, ""), 2);
    assert_eq!(count(&summary.by_team, "infra"), 2);
    assert_eq!(count(&summary.by_status, "firing"), 4);
    assert_eq!(count(&summary.by_status, "resolved"), 1);
    let long_ago = (now() - TimeDelta::days(2)).format("%Y-%m-%dT%H:%M:%SZ");
    let before: Summary = tocsin
        .get(&format!("/api/v1/stats/summary?to={long_ago}"))
        .await;
    assert_eq!(
        (before.deliveries, before.log_entries, before.incidents),
        (0, 0, 0)
    );
    assert_eq!(before.noise_ratio, None);
    let since: Summary = tocsin
        .get(&format!("/api/v1/stats/summary?from={long_ago}"))
        .await;
    assert_eq!(since.log_entries, 5);
    let top: Top = tocsin.get("/api/v1/stats/top?by=alertname&limit=2").await;
    assert_eq!(top.items.len(), 2);
    assert_eq!(
        top.items.iter().map(|item| item.count).collect::<Vec<_>>(),
        [2, 2]
    );
    let top: Top = tocsin.get("/api/v1/stats/top?by=team").await;
    assert_eq!((count(&top.items, "infra"), count(&top.items, "")), (2, 1));
    for bucket in ["hour", "day"] {
        let timeline: Timeline = tocsin
            .get(&format!("/api/v1/stats/timeline?bucket={bucket}"))
            .await;
        let firing: i64 = timeline.points.iter().map(|point| point.firing).sum();
        let resolved: i64 = timeline.points.iter().map(|point| point.resolved).sum();
        assert_eq!((firing, resolved), (4, 1), "{bucket}");
        let critical: i64 = timeline
            .points
            .iter()
            .map(|point| count(&point.by_severity, "critical"))
            .sum();
        assert_eq!(critical, 2, "{bucket}");
    }
    for zone in ["", "?timeZone=Asia%2FKolkata"] {
        let heatmap: Heatmap = tocsin.get(&format!("/api/v1/stats/heatmap{zone}")).await;
        let hours: Vec<i64> = heatmap.firing.into_iter().flatten().collect();
        assert_eq!((hours.len(), hours.iter().sum()), (7 * 24, 4i64), "{zone}");
    }
    tocsin.assert_stats_match_log().await;
}

async fn search_supports_unicode_and_any_label_name(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let alert = firing("Überlast")
        .instance("a")
        .summary("ПРИВЕТ ÉCOLE \u{1f525} 100\\% o'clock \"quoted\"")
        .label("kubernetes.io/app", "shop\\x")
        .label("名称", "值 \"一\"");
    tocsin
        .post(&Webhook::of([alert, firing("Other").instance("b")]))
        .await;
    for q in [
        "überLAST",
        "привет",
        "école",
        "\u{1f525}",
        "100\\%",
        "o'clock",
        "\"quoted\"",
        "ÜBER ПРИВ",
    ] {
        for list in ["alerts", "incidents"] {
            assert_eq!(found(&tocsin, list, &[("q", q)]).await, "a", "{list} {q}");
        }
    }
    for label in [
        r#""kubernetes.io/app"="shop\\x""#,
        r#""kubernetes.io/app"=~"shop.x""#,
        r#""名称"="值 \"一\"""#,
        r#""名称"=~".*一.*""#,
        r#"alertname=~"Ü.*""#,
    ] {
        assert_eq!(
            found(&tocsin, "alerts", &[("label", label)]).await,
            "a",
            "{label}"
        );
        assert_eq!(
            found(&tocsin, "incidents", &[("label", label)]).await,
            "a",
            "{label}"
        );
    }
}

async fn log_entries_of_an_incident_are_paged(database: Database) {
    let tocsin = Tocsin::start(Options::on(database).set("incidents.window", "50ms")).await;
    let webhook = Webhook::of([firing("Often")]);
    tocsin_tests::wait_until("seven entries", || async {
        tocsin.post(&webhook).await;
        tocsin.all::<Alert>("alerts").await.len() == 7
    })
    .await;
    let id = tocsin.all::<Incident>("incidents").await[0].id;
    let mut path = format!("/api/v1/incidents/{id}?limit=2");
    let mut ids = Vec::new();
    loop {
        let detail: tocsin_api_types::IncidentDetail = tocsin.get(&path).await;
        assert_eq!(detail.incident.occurrences, 7);
        ids.extend(detail.entries.items.iter().map(|entry| entry.id));
        let Some(cursor) = detail.entries.next_cursor else {
            break;
        };
        path = format!("/api/v1/incidents/{id}?limit=2&cursor={cursor}");
    }
    assert_eq!(ids.len(), 7);
    let log: Vec<Alert> = tocsin.all("alerts").await;
    assert_eq!(
        ids,
        log.iter().map(|entry| entry.id).collect::<Vec<_>>(),
        "newest first"
    );
}
