//! Content of a rendered mail.

use super::*;

#[test]
fn both_parts_are_complete_in_english() {
    let mut content = content(
        Language::En,
        vec![alert(1, EventKind::Resolved), alert(2, EventKind::Opened)],
    );
    content.still_firing = 99;
    content.still_firing_names = vec!["DiskFull db-8:9100".to_owned()];
    content.truncated_alerts = 4;
    let read = render(&content);
    for part in [&read.text, &read.html] {
        for expected in [
            "DiskFull",
            "prod",
            "1 firing · 1 resolved",
            "Firing",
            "Resolved",
            "critical",
            "db-1:9100",
            "dba",
            "Disk is full",
            "2026-11-23 02:30:00 +08:00",
            "2026-11-23 04:00:00 +08:00",
            "1 h 30 min",
            "Asia/Shanghai",
            "https://ops.example.com/tocsin/incidents/2",
            "https://prometheus.example.com/graph?g0.expr=up",
            "Still firing, unchanged: 99",
            "DiskFull db-8:9100",
            "and 98 more",
            "4 more alerts",
            "Route “databases” notifies the group “DBA”",
        ] {
            assert!(part.contains(expected), "{expected}\n{part}");
        }
        let (firing, resolved) = (
            part.rfind("db-2:9100").unwrap(),
            part.rfind("db-1:9100").unwrap(),
        );
        assert!(firing < resolved, "firing alerts are first");
    }
    assert!(read.html.contains("lang=\"en\""));
}

#[test]
fn both_parts_are_complete_in_chinese() {
    let mut content = content(
        Language::Zh,
        vec![
            alert(1, EventKind::Resolved),
            alert(2, EventKind::Refreshed),
            alert(3, EventKind::Expired),
        ],
    );
    content.resend = true;
    content.reasons = vec![Reason {
        route: None,
        group: "数据库组".to_owned(),
    }];
    let read = render(&content);
    for part in [&read.text, &read.html] {
        for expected in [
            "1 条持续告警中 · 1 条未收到恢复 · 1 条已恢复",
            "已恢复",
            "严重",
            "1 小时 30 分",
            "未收到恢复",
            "一直没有收到恢复通知",
            "人工重发",
            "通知分组“数据库组”",
            "Asia/Shanghai",
        ] {
            assert!(part.contains(expected), "{expected}\n{part}");
        }
        assert!(
            !part.contains("Firing") && !part.contains("Resolved"),
            "{part}"
        );
    }
    assert!(read.html.contains("lang=\"zh-CN\""));
}

#[test]
fn the_state_is_shown_by_more_than_colour_and_is_first_in_the_preview() {
    let read = render(&content(Language::En, vec![alert(1, EventKind::Resolved)]));
    assert!(read.html.contains("✓ Resolved"));
    let body = read.html.split_once("<body").unwrap().1;
    let first = body.split_once("hidden\">").unwrap().1;
    assert!(
        first.starts_with("1 resolved · DiskFull db-1:9100 Disk is full"),
        "{first}"
    );
}

#[test]
fn summary_and_description_are_shown_once_each() {
    let mut one = alert(1, EventKind::Opened);
    one.annotations = BTreeMap::from([
        ("summary".to_owned(), "the summary".to_owned()),
        ("description".to_owned(), "line one\nline two".to_owned()),
    ]);
    one.message = "the summary".to_owned();
    let read = render(&content(Language::En, vec![one.clone()]));
    assert_eq!(read.text.matches("the summary").count(), 1);
    assert!(read.text.contains("line one\nline two"), "{}", read.text);
    one.message = "the message".to_owned();
    one.annotations.remove("description");
    let read = render(&content(Language::En, vec![one]));
    assert!(
        read.text.contains("the summary\nthe message"),
        "{}",
        read.text
    );
}

#[test]
fn an_alert_with_empty_fields_is_rendered() {
    let mut one = alert(1, EventKind::Opened);
    for text in [
        &mut one.alertname,
        &mut one.instance,
        &mut one.severity,
        &mut one.team,
        &mut one.message,
        &mut one.generator_url,
    ] {
        text.clear();
    }
    one.labels.clear();
    for language in Language::ALL {
        let mut content = content(language, vec![one.clone()]);
        content.public_url = None;
        content.subject_stem.clear();
        content.reasons.clear();
        let read = render(&content);
        assert_eq!(read.mail.subject, "Tocsin");
        assert!(!read.html.contains("href"), "no links without URLs");
        let unknown = match language {
            Language::En => "unknown",
            Language::Zh => "未知",
        };
        assert!(read.text.contains(unknown));
        assert!(read.html.contains(unknown));
    }
}

#[test]
fn links_keep_the_path_prefix() {
    for (base, expected) in [
        (
            "https://tocsin.example.com",
            "https://tocsin.example.com/incidents/1",
        ),
        (
            "https://example.com/a/b",
            "https://example.com/a/b/incidents/1",
        ),
        (
            "https://example.com/a/b/?x#y",
            "https://example.com/a/b/incidents/1",
        ),
        ("http://[::1]:8080/", "http://[::1]:8080/incidents/1"),
    ] {
        let mut content = content(Language::En, vec![alert(1, EventKind::Opened)]);
        content.public_url = Some(url::Url::parse(base).unwrap());
        let read = render(&content);
        assert!(
            read.html.contains(&format!("href=\"{expected}\"")),
            "{base}"
        );
        assert!(read.text.contains(expected), "{base}");
    }
}

#[test]
fn five_hundred_alerts_fit_into_a_mail() {
    let long = "磁盘 ".repeat(2_000);
    let events = (1..=500).map(|id| {
        let mut one = alert(id, EventKind::Opened);
        one.message = format!("{id} {long}");
        one.annotations
            .insert("description".to_owned(), long.clone());
        one
    });
    let read = render(&content(Language::En, events.collect()));
    assert!(read.html.len() <= MAX_HTML, "{}", read.html.len());
    assert!(read.html.contains("500 firing"));
    assert!(read.html.contains("more alerts are not shown here."));
    assert!(
        read.html
            .contains("href=\"https://ops.example.com/tocsin/incidents\"")
    );
    assert!(read.html.contains("Why you received this e-mail"));
    assert!(
        read.mail.message.len() < 600_000,
        "{}",
        read.mail.message.len()
    );

    let usual = (1..=500).map(|id| alert(id, EventKind::Opened)).collect();
    let read = render(&content(Language::Zh, usual));
    assert!(
        read.html.contains("另有 450 条告警未在此列出"),
        "50 alerts of usual size are shown"
    );
    assert!(read.text.contains("另有 450 条告警未在此列出"));
    assert!(read.header("X-Tocsin-Incident").ends_with("50"));
}
