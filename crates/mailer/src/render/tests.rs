//! Mails, read back with a MIME parser.

use std::collections::BTreeMap;

use chrono::{TimeDelta, TimeZone, Utc};
use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders};

use super::*;
use crate::{Address, AlertFacts, EventKind, ReasonFacts};

/// What a person gets to read.
struct Read {
    mail: OutgoingMail,
    text: String,
    html: String,
}

impl Read {
    fn message(&self) -> Message<'_> {
        MessageParser::default().parse(&self.mail.message).unwrap()
    }

    fn header(&self, name: &'static str) -> String {
        match self.message().header(name) {
            Some(HeaderValue::Text(text)) => text.to_string(),
            Some(HeaderValue::TextList(list)) => list.join(", "),
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The header lines as they are on the wire.
    fn raw_headers(&self) -> String {
        let message = String::from_utf8(self.mail.message.clone()).unwrap();
        message.split_once("\r\n\r\n").unwrap().0.to_owned()
    }
}

fn render_with(renderer: &Renderer, facts: &MailFacts) -> Read {
    let mail = renderer.render(facts).unwrap();
    let message = MessageParser::default().parse(&mail.message).unwrap();
    let (text, html) = (
        message.body_text(0).unwrap().replace("\r\n", "\n"),
        message.body_html(0).unwrap().replace("\r\n", "\n"),
    );
    Read { mail, text, html }
}

fn render(facts: &MailFacts) -> Read {
    render_with(&Renderer::new(None).unwrap(), facts)
}

fn alert(id: i64, event: EventKind) -> AlertFacts {
    let starts_at = Utc.with_ymd_and_hms(2026, 11, 22, 18, 30, 0).unwrap();
    AlertFacts {
        event,
        incident_id: id,
        alertname: "DiskFull".to_owned(),
        instance: format!("db-{id}:9100"),
        severity: "critical".to_owned(),
        team: "dba".to_owned(),
        message: "Disk is full".to_owned(),
        labels: BTreeMap::from([("cloud".to_owned(), "prod".to_owned())]),
        annotations: BTreeMap::new(),
        generator_url: "https://prometheus.example.com/graph?g0.expr=up".to_owned(),
        starts_at,
        ends_at: (!event.is_firing()).then(|| starts_at + TimeDelta::minutes(90)),
        occurrences: 1,
    }
}

fn facts(language: Language, events: Vec<AlertFacts>) -> MailFacts {
    MailFacts {
        from: Address::new("Tocsin", "tocsin@example.com"),
        to: Address::new("李雷", "lilei@example.com"),
        language,
        time_zone: chrono_tz::Asia::Shanghai,
        message_id: "n-1@tocsin.example.com".to_owned(),
        thread_id: "t-1@tocsin.example.com".to_owned(),
        subject_stem: "[prod] DiskFull db-1:9100 #1".to_owned(),
        public_url: Some(url::Url::parse("https://ops.example.com/tocsin/").unwrap()),
        source: "alertmanager".to_owned(),
        receiver: "mail".to_owned(),
        events,
        still_firing: 0,
        still_firing_names: Vec::new(),
        truncated_alerts: 0,
        reasons: vec![ReasonFacts {
            route: Some("databases".to_owned()),
            group: "DBA".to_owned(),
        }],
        date: Utc.with_ymd_and_hms(2026, 11, 22, 20, 0, 5).unwrap(),
        resend: false,
    }
}

#[test]
fn headers_are_complete() {
    let read = render(&facts(
        Language::En,
        vec![alert(7, EventKind::Opened), alert(3, EventKind::Resolved)],
    ));
    let message = read.message();
    assert_eq!(message.message_id(), Some("n-1@tocsin.example.com"));
    assert_eq!(read.header("In-Reply-To"), "t-1@tocsin.example.com");
    assert_eq!(read.header("References"), "t-1@tocsin.example.com");
    assert_eq!(read.header("Auto-Submitted"), "auto-generated");
    assert_eq!(read.header("X-Tocsin-Incident"), "3, 7");
    assert_eq!(message.subject(), Some("[prod] DiskFull db-1:9100 #1"));
    assert_eq!(message.date().unwrap().to_rfc3339(), "2026-11-22T20:00:05Z");
    let to = message.to().unwrap().first().unwrap();
    assert_eq!(to.name(), Some("李雷"));
    assert_eq!(to.address(), Some("lilei@example.com"));
    let from = message.from().unwrap().first().unwrap();
    assert_eq!(from.name(), Some("Tocsin"));
    let kind = message.content_type().unwrap();
    assert_eq!(
        (kind.ctype(), kind.subtype()),
        ("multipart", Some("alternative"))
    );
    assert_eq!(message.text_body_count(), 1);
    assert_eq!(message.html_body_count(), 1);
    let parts: Vec<_> = message
        .parts
        .iter()
        .skip(1)
        .map(|part| part.is_text_html())
        .collect();
    assert_eq!(parts, [false, true], "text comes first");
    assert_eq!(read.mail.from, "tocsin@example.com");
    assert_eq!(read.mail.to, "lilei@example.com");
    assert_eq!(read.mail.subject, "[prod] DiskFull db-1:9100 #1");
}

#[test]
fn the_wire_form_is_plain() {
    for language in Language::ALL {
        let read = render(&sample::facts(language));
        assert!(read.mail.message.is_ascii());
        let message = String::from_utf8(read.mail.message.clone()).unwrap();
        for line in message.split("\r\n") {
            assert!(line.len() <= 998, "{line}");
            assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        }
        for line in read.raw_headers().lines() {
            assert!(line.len() <= 78, "{line}");
        }
        let again = Renderer::new(None)
            .unwrap()
            .render(&sample::facts(language))
            .unwrap();
        assert_eq!(again, read.mail, "the same facts give the same bytes");
    }
}

#[test]
fn both_parts_tell_what_a_reader_needs_in_english() {
    let mut facts = facts(
        Language::En,
        vec![alert(1, EventKind::Resolved), alert(2, EventKind::Opened)],
    );
    facts.still_firing = 99;
    facts.still_firing_names = vec!["DiskFull db-8:9100".to_owned()];
    facts.truncated_alerts = 4;
    let read = render(&facts);
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
            "Route “databases” sends it to the group “DBA”",
        ] {
            assert!(part.contains(expected), "{expected}\n{part}");
        }
        let (firing, resolved) = (
            part.rfind("db-2:9100").unwrap(),
            part.rfind("db-1:9100").unwrap(),
        );
        assert!(firing < resolved, "what fires comes first");
    }
    assert!(read.html.contains("lang=\"en\""));
}

#[test]
fn both_parts_tell_what_a_reader_needs_in_chinese() {
    let mut facts = facts(
        Language::Zh,
        vec![
            alert(1, EventKind::Resolved),
            alert(2, EventKind::Refreshed),
            alert(3, EventKind::Lost),
        ],
    );
    facts.resend = true;
    facts.reasons = vec![ReasonFacts {
        route: None,
        group: "数据库组".to_owned(),
    }];
    let read = render(&facts);
    for part in [&read.text, &read.html] {
        for expected in [
            "1 条持续告警中 · 1 条失联 · 1 条已恢复",
            "已恢复",
            "严重",
            "1 小时 30 分",
            "失联",
            "一直没有收到恢复通知",
            "人工重发",
            "发送给分组“数据库组”",
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
fn the_state_is_not_told_by_colour_alone_and_comes_first_in_the_preview() {
    let read = render(&facts(Language::En, vec![alert(1, EventKind::Resolved)]));
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
    let read = render(&facts(Language::En, vec![one.clone()]));
    assert_eq!(read.text.matches("the summary").count(), 1);
    assert!(read.text.contains("line one\nline two"), "{}", read.text);
    one.message = "the message".to_owned();
    one.annotations.remove("description");
    let read = render(&facts(Language::En, vec![one]));
    assert!(
        read.text.contains("the summary\nthe message"),
        "{}",
        read.text
    );
}

#[test]
fn nothing_known_is_still_a_mail() {
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
        let mut facts = facts(language, vec![one.clone()]);
        facts.public_url = None;
        facts.subject_stem.clear();
        facts.reasons.clear();
        let read = render(&facts);
        assert_eq!(read.mail.subject, "Tocsin");
        assert!(!read.html.contains("href"), "no links without addresses");
        let unknown = match language {
            Language::En => "unknown",
            Language::Zh => "未知",
        };
        assert!(read.text.contains(unknown));
        assert!(read.html.contains(unknown));
    }
}

#[test]
fn html_and_links_from_alerts_are_harmless() {
    let evil = "<script>alert('x')</script>\"><img src=x onerror=y> & co";
    let mut one = alert(1, EventKind::Opened);
    for text in [
        &mut one.alertname,
        &mut one.instance,
        &mut one.severity,
        &mut one.team,
        &mut one.message,
    ] {
        *text = evil.to_owned();
    }
    one.labels = BTreeMap::from([
        (evil.to_owned(), evil.to_owned()),
        ("cloud".to_owned(), evil.to_owned()),
    ]);
    one.annotations = BTreeMap::from([
        ("description".to_owned(), evil.to_owned() + "!"),
        ("runbook_url".to_owned(), "javascript:alert(1)".to_owned()),
    ]);
    one.generator_url = "data:text/html,<script>alert(1)</script>".to_owned();
    let mut facts = facts(Language::En, vec![one]);
    facts.source = evil.to_owned();
    facts.receiver = evil.to_owned();
    facts.still_firing = 1;
    facts.still_firing_names = vec![evil.to_owned()];
    facts.reasons = vec![ReasonFacts {
        route: Some(evil.to_owned()),
        group: evil.to_owned(),
    }];
    let read = render(&facts);
    assert!(!read.html.contains("<script"), "{}", read.html);
    assert!(!read.html.contains("<img"), "{}", read.html);
    assert!(read.html.contains("&lt;script&gt;"));
    assert!(
        !read.html.contains("&amp;lt;"),
        "escaped once only: {}",
        read.html
    );
    assert!(!read.html.contains("javascript:"), "{}", read.html);
    assert!(!read.html.contains("href=\"data:"), "{}", read.html);
    assert!(!read.text.contains("javascript:"));
    assert!(read.text.contains("& co"), "plain text is not escaped");
}

#[test]
fn line_breaks_and_invisible_characters_reach_no_header() {
    let evil = "x\r\nBcc: victim@example.com\r\n\r\nbody\0\u{202E}\u{1b}[0m";
    let mut one = alert(1, EventKind::Opened);
    one.alertname = evil.to_owned();
    let mut facts = facts(Language::En, vec![one]);
    facts.subject_stem = evil.to_owned();
    facts.to.name = evil.to_owned();
    facts.from.name = format!("{evil} =?utf-8?Q?hidden?= \"quoted\\\"");
    let read = render(&facts);
    assert!(read.message().header("Bcc").is_none());
    assert_eq!(read.mail.subject, "x Bcc: victim@example.com body[0m");
    assert_eq!(read.message().subject(), Some(read.mail.subject.as_str()));
    let message = read.message();
    let from = message.from().unwrap().first().unwrap();
    assert_eq!(
        from.name(),
        Some("x Bcc: victim@example.com body[0m =?utf-8?Q?hidden?= \"quoted\\\"")
    );
    assert_eq!(from.address(), Some("tocsin@example.com"));
    for part in [&read.text, &read.html] {
        assert!(!part.contains(['\0', '\u{202E}', '\u{1b}']), "{part:?}");
    }
}

#[test]
fn an_encoded_word_in_a_subject_stays_text() {
    let mut facts = facts(Language::En, vec![alert(1, EventKind::Opened)]);
    for subject in [
        "=?utf-8?B?8J+UpQ==?= DiskFull",
        "磁盘空间不足 — 请处理 🔥 DiskFull db-1:9100 and a very long tail that needs more than one line",
        "plain but so long that it has to be broken into several lines of the header to be sent at all",
        "\"quotes\" and \\ backslashes <and> (parentheses)",
    ] {
        facts.subject_stem = subject.to_owned();
        let read = render(&facts);
        assert_eq!(read.message().subject(), Some(subject));
        assert!(read.raw_headers().lines().all(|line| line.len() <= 78));
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
    let read = render(&facts(Language::En, events.collect()));
    assert!(read.html.len() <= MAX_HTML, "{}", read.html.len());
    assert!(read.html.contains("500 firing"));
    assert!(read.html.contains("more alerts are not shown here."));
    assert!(
        read.html
            .contains("href=\"https://ops.example.com/tocsin/incidents\"")
    );
    assert!(read.html.contains("Why you got this mail"));
    assert!(
        read.mail.message.len() < 600_000,
        "{}",
        read.mail.message.len()
    );

    let usual = (1..=500).map(|id| alert(id, EventKind::Opened)).collect();
    let read = render(&facts(Language::Zh, usual));
    assert!(
        read.html.contains("另有 450 条告警未在此列出"),
        "50 usual ones are shown"
    );
    assert!(read.text.contains("另有 450 条告警未在此列出"));
    assert!(read.header("X-Tocsin-Incident").ends_with("50"));
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
        let mut facts = facts(Language::En, vec![alert(1, EventKind::Opened)]);
        facts.public_url = Some(url::Url::parse(base).unwrap());
        let read = render(&facts);
        assert!(
            read.html.contains(&format!("href=\"{expected}\"")),
            "{base}"
        );
        assert!(read.text.contains(expected), "{base}");
    }
}

#[test]
fn the_manual_names_everything_that_templates_see() {
    let manual = include_str!("../../../../templates/email/README.md");
    let facts = sample::facts(Language::En);
    let words = Templates::embedded(Language::En).unwrap().words;
    let view = serde_json::to_value(View::new(&facts, &words, MAX_ALERTS)).unwrap();
    let mut names: Vec<String> = Vec::new();
    for (name, value) in view.as_object().unwrap() {
        names.push(name.clone());
        if let Some(inner) = value.get(0).and_then(|first| first.as_object()) {
            names.extend(inner.keys().cloned());
        }
    }
    for name in names {
        assert!(
            manual.contains(&format!("`{name}`")),
            "{name} is missing in the manual"
        );
    }
}

#[test]
fn addresses_that_cannot_be_are_told_apart() {
    let renderer = Renderer::new(None).unwrap();
    let mut facts = facts(Language::En, vec![alert(1, EventKind::Opened)]);
    facts.to.email = "nobody".to_owned();
    assert!(matches!(
        renderer.render(&facts),
        Err(RenderError::Recipient(_))
    ));
    facts.from.email = "nobody".to_owned();
    assert!(matches!(
        renderer.render(&facts),
        Err(RenderError::Sender(_))
    ));
}

#[test]
fn files_of_a_directory_replace_the_embedded_ones_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("zh")).unwrap();
    std::fs::write(
        dir.path().join("notification.subject"),
        "[{{ headline }}] {{ subject_stem }}",
    )
    .unwrap();
    std::fs::write(
        dir.path().join("zh/notification.html"),
        "<p>{{ title }}</p>{{ source }}",
    )
    .unwrap();
    std::fs::write(dir.path().join("zh/words.toml"), "opened = \"出事了\"").unwrap();
    let renderer = Renderer::new(Some(dir.path())).unwrap();
    let mut facts = facts(Language::Zh, vec![alert(1, EventKind::Opened)]);
    facts.source = "<b>".to_owned();
    let read = render_with(&renderer, &facts);
    assert_eq!(read.html.trim(), "<p>DiskFull</p>&lt;b&gt;");
    assert!(read.text.contains("[出事了] DiskFull"));
    assert_eq!(
        read.mail.subject,
        "[1 条告警中] [prod] DiskFull db-1:9100 #1"
    );
    facts.language = Language::En;
    let read = render_with(&renderer, &facts);
    assert!(read.html.contains("Why you got this mail"));
    assert_eq!(read.mail.subject, "[1 firing] [prod] DiskFull db-1:9100 #1");
}

#[test]
fn mistakes_in_files_are_found_at_the_start_with_file_and_line() {
    for (file, content, expected) in [
        (
            "notification.html",
            "<p>\n{{ title }",
            "notification.html:2:",
        ),
        (
            "notification.txt",
            "a\n\n{{ no_such_thing }}",
            "notification.txt:3:",
        ),
        (
            "notification.txt",
            "{{ t(key=\"no_such_word\") }}",
            "no_such_word",
        ),
        (
            "notification.subject",
            "{{ title | no_such_filter }}",
            "no_such_filter",
        ),
        ("en/words.toml", "firing = \"x\"\n", "unknown key `firing`"),
        ("en/words.toml", "opened = \"a\"\nlost = [", "line 2"),
        (
            "notification.html",
            "{% for a in alerts %}{{ a.summmary }}{% endfor %}",
            "summmary",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("en")).unwrap();
        std::fs::write(dir.path().join(file), content).unwrap();
        let error = Renderer::new(Some(dir.path()))
            .err()
            .expect(content)
            .to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(file), "{error}");
    }
    assert!(Renderer::new(Some(Path::new("/nonexistent/templates"))).is_err());
}

#[test]
fn a_file_that_fails_later_does_not_stop_the_mail() {
    let dir = tempfile::tempdir().unwrap();
    let template = "{% if receiver == \"mail\" %}{{ throw(message=\"no\") }}{% endif %}mine";
    std::fs::write(dir.path().join("notification.html"), template).unwrap();
    let renderer = Renderer::new(Some(dir.path())).unwrap();
    let mut facts = facts(Language::En, vec![alert(1, EventKind::Opened)]);
    assert!(
        render_with(&renderer, &facts)
            .html
            .contains("Why you got this mail")
    );
    facts.receiver = "other".to_owned();
    assert_eq!(render_with(&renderer, &facts).html.trim(), "mine");
}

#[test]
fn stems_are_stable_and_tell_threads_apart() {
    let one = alert(7, EventKind::Opened);
    assert_eq!(
        subject_stem(std::slice::from_ref(&one)),
        "[prod] DiskFull db-7:9100 #7"
    );
    let mut two = alert(8, EventKind::Opened);
    assert_eq!(
        subject_stem(&[one.clone(), two.clone()]),
        "[prod] DiskFull #7"
    );
    two.alertname = "HostDown".to_owned();
    two.labels.clear();
    let mut three = two.clone();
    three.alertname = "LinkDown".to_owned();
    assert_eq!(
        subject_stem(&[two.clone(), one.clone(), three]),
        "DiskFull, HostDown +1 #7"
    );
    two.alertname = "x\r\n".repeat(500);
    two.instance = "y".repeat(500);
    let stem = subject_stem(&[two]);
    assert!(
        stem.chars().count() <= 120 && stem.ends_with(" #8"),
        "{stem}"
    );
    assert_eq!(subject_stem(&[]), "");
}
