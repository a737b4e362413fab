//! Malformed webhook bodies, beyond the captured ones.

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{Alert, Delivery, DeliveryOutcome, Incident, IngestReport};
use tocsin_tests::{Database, Options, Tocsin, Webhook, firing, on_both};

on_both!(
    unusual_values_are_stored_unchanged,
    unusual_bodies_are_accepted,
    unreadable_bodies_are_rejected_with_a_reason,
    unreadable_alert_does_not_reject_the_others,
    body_with_5000_alerts_is_accepted,
);

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

async fn only_alert(tocsin: &Tocsin) -> Alert {
    let mut alerts: Vec<Alert> = tocsin.all("alerts").await;
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    alerts.remove(0)
}

async fn unusual_values_are_stored_unchanged(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let long = "x".repeat(10_240);
    let values = [
        ("nul", "a\u{0}b", "a\u{fffd}b"),
        (
            "lines",
            "one\r\nBcc: all@example.com\r\n\r\ntwo",
            "one\r\nBcc: all@example.com\r\n\r\ntwo",
        ),
        (
            "html",
            "<script>alert(1)</script>&\"'",
            "<script>alert(1)</script>&\"'",
        ),
        ("link", "javascript:alert(1)", "javascript:alert(1)"),
        ("__proto__", "polluted", "polluted"),
        ("constructor", "polluted", "polluted"),
        ("direction", "\u{202e}gnp.exe", "\u{202e}gnp.exe"),
        ("emoji", "🔥🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🔥🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
        (
            "sql",
            "'; DROP TABLE incidents; --",
            "'; DROP TABLE incidents; --",
        ),
        ("percent", "100% _ \\ *", "100% _ \\ *"),
        ("long", &long, &long),
    ];
    let mut alert = firing("Odd\u{0}Name").instance("<img src=x onerror=alert(1)>");
    for (name, sent, _) in values {
        alert = alert.label(name, sent).annotation(name, sent);
    }
    alert = alert.summary("breaks\r\nSubject: injected");
    let webhook = Webhook::of([alert]);
    let report = tocsin.post(&webhook).await;
    assert_eq!((report.opened, report.rejected.len()), (1, 0));
    let alert = only_alert(&tocsin).await;
    assert_eq!(alert.alertname, "Odd\u{fffd}Name");
    assert_eq!(alert.instance, "<img src=x onerror=alert(1)>");
    assert_eq!(alert.message, "breaks\r\nSubject: injected");
    for (name, _, kept) in values {
        assert_eq!(alert.labels[name], kept, "{name}");
        assert_eq!(alert.annotations[name], kept, "{name}");
    }
    let raw = tocsin
        .get_reply(&format!("/api/v1/deliveries/{}/raw", report.delivery_id))
        .await;
    assert_eq!(raw.body, webhook.bytes(), "the raw body is unchanged");
    assert!(raw.header("content-disposition").starts_with("attachment"));
    assert_eq!(raw.header("x-content-type-options"), "nosniff");
    // A repeated delivery is deduplicated.
    assert_eq!(tocsin.post(&webhook).await.seen_again, 1);
    for (name, query) in [
        ("percent", "label=percent%3D%22100%25%20_%20%5C%5C%20*%22"),
        ("q", "q=%3Cimg"),
    ] {
        let found: Vec<Alert> = tocsin.all(&format!("alerts?{query}")).await;
        assert_eq!(found.len(), 1, "{name}");
    }
}

async fn unusual_bodies_are_accepted(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let modified = |name: &str, modify: &dyn Fn(&mut Value)| {
        let mut body = Webhook::of([firing(name)]).json();
        modify(&mut body);
        body.to_string().into_bytes()
    };
    let with_duplicate_key = |name: &str, first: &str| {
        let text = Webhook::of([firing(name)]).json().to_string();
        text.replacen('{', &format!("{{{first},"), 1).into_bytes()
    };
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        (
            "integer groupKey",
            modified("A", &|body| body["groupKey"] = json!(4_711)),
        ),
        (
            "version 3",
            modified("B", &|body| body["version"] = json!("3")),
        ),
        (
            "a version of another type",
            modified("C", &|body| body["version"] = json!(99)),
        ),
        (
            "nothing but alerts",
            modified("D", &|body| *body = json!({"alerts": body["alerts"]})),
        ),
        (
            "no labels at all",
            modified("E", &|body| body["alerts"][0]["labels"] = json!({})),
        ),
        (
            "duplicate key",
            with_duplicate_key("F", r#""receiver": "first""#),
        ),
        (
            "no times",
            modified("G", &|body| {
                let alert = body["alerts"][0].as_object_mut().unwrap();
                alert.remove("startsAt");
                alert.remove("endsAt");
            }),
        ),
        (
            "unknown fields",
            modified("H", &|body| {
                body["alerts"][0]["new"] = json!({"deep": [1, null]})
            }),
        ),
        (
            "a lone surrogate",
            String::from_utf8(modified("I", &|_| {}))
                .unwrap()
                .replace("\"alertname\":\"I\"", r#""alertname":"I\ud800""#)
                .into_bytes(),
        ),
        (
            "a byte order mark",
            [b"\xef\xbb\xbf", &*modified("J", &|_| {})].concat(),
        ),
        (
            "white space around",
            [b" \r\n", &*modified("K", &|_| {}), b"\n"].concat(),
        ),
    ];
    for (what, body) in bodies {
        let report: IngestReport = tocsin.deliver(WEBHOOK, body.clone()).await.json();
        assert_eq!((report.alerts, report.opened), (1, 1), "{what}");
        let again: IngestReport = tocsin.deliver(WEBHOOK, body).await.json();
        assert_eq!(again.seen_again, 1, "{what}, once more");
    }
    let alerts: Vec<Alert> = tocsin.all("alerts").await;
    assert_eq!(alerts.len(), 11);
    assert!(alerts.iter().any(|alert| alert.alertname == "I\u{fffd}"));
    let unnamed = alerts.iter().find(|alert| alert.labels.is_empty()).unwrap();
    assert_eq!((&*unnamed.alertname, &*unnamed.instance), ("(none)", ""));
    assert_eq!(unnamed.fingerprint, "cbf29ce484222325");
}

async fn unreadable_bodies_are_rejected_with_a_reason(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let good = Webhook::of([firing("A")]).bytes();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("no JSON", b"alert!".to_vec()),
        ("half a body", good[..good.len() / 2].to_vec()),
        ("something after it", [&*good, b"{}"].concat()),
        ("a number", b"42".to_vec()),
        ("a string", b"\"alerts\"".to_vec()),
        ("null", b"null".to_vec()),
        (
            "a bare array",
            json!([{"labels": {"alertname": "A"}}])
                .to_string()
                .into_bytes(),
        ),
        (
            "alerts of another type",
            json!({"alerts": {"a": 1}}).to_string().into_bytes(),
        ),
        (
            "not UTF-8",
            [&good[..20], b"\xff\xfe", &good[20..]].concat(),
        ),
        (
            "very deep",
            [vec![b'['; 100_000], vec![b']'; 100_000]].concat(),
        ),
        ("a form", b"alerts=1&status=firing".to_vec()),
    ];
    let count = bodies.len();
    for (what, body) in &bodies {
        let problem = tocsin.deliver(WEBHOOK, body.clone()).await.problem(400);
        assert_eq!(problem.kind, "urn:tocsin:problem:unreadable-body", "{what}");
        assert!(problem.detail.len() < 1_000, "{what}: {}", problem.detail);
    }
    let rejected: Vec<Delivery> = tocsin.all("deliveries?outcome=refused").await;
    assert_eq!(rejected.len(), count);
    for (delivery, (what, body)) in rejected.iter().rev().zip(&bodies) {
        assert!(delivery.reason.is_some(), "{what}");
        assert_eq!(delivery.body_bytes as usize, body.len(), "{what}");
        let raw = tocsin
            .get_reply(&format!("/api/v1/deliveries/{}/raw", delivery.id))
            .await;
        assert_eq!(raw.expect(200).body, *body, "{what}");
    }
    assert!(tocsin.all::<Alert>("alerts").await.is_empty());
    let metrics = tocsin.metrics().await;
    assert_eq!(
        metrics.sum("tocsin_deliveries_total", &["outcome=\"refused\""]),
        count as f64
    );
}

async fn unreadable_alert_does_not_reject_the_others(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let mut body = Webhook::of([
        firing("First"),
        firing("Bad"),
        firing("Worse"),
        firing("Last"),
    ])
    .json();
    body["alerts"][1]["startsAt"] = json!("yesterday");
    body["alerts"][2] = json!("not an alert");
    let report: IngestReport = tocsin.deliver(WEBHOOK, body.to_string()).await.json();
    assert_eq!((report.alerts, report.opened), (4, 2));
    let rejected: Vec<usize> = report
        .rejected
        .iter()
        .map(|rejected| rejected.index)
        .collect();
    assert_eq!(rejected, [1, 2]);
    assert!(
        report.rejected[0].reason.contains("startsAt"),
        "{:?}",
        report.rejected
    );
    let delivery: Delivery = tocsin
        .get(&format!("/api/v1/deliveries/{}", report.delivery_id))
        .await;
    assert_eq!(delivery.rejected, report.rejected);
    assert_eq!(delivery.outcome, DeliveryOutcome::Accepted);
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    let mut names: Vec<&str> = incidents
        .iter()
        .map(|incident| &*incident.alertname)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["First", "Last"]);
}

async fn body_with_5000_alerts_is_accepted(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let alerts = (0..5_000).map(|n| {
        firing("Many")
            .instance(&format!("host-{n:04}:9100"))
            .summary(&"long text ".repeat(20))
    });
    let webhook = Webhook::of(alerts);
    let report = tocsin.post(&webhook).await;
    assert_eq!((report.alerts, report.opened), (5_000, 5_000));
    assert_eq!(tocsin.post(&webhook).await.seen_again, 5_000);
    let alerts: Vec<Alert> = tocsin.all("alerts").await;
    assert_eq!(alerts.len(), 5_000);
}

#[tokio::test]
async fn body_over_the_limit_is_rejected_and_counted() {
    let tocsin = Tocsin::start(Options::default()).await;
    let body = vec![b' '; (16 << 20) + 1];
    let problem = tocsin.deliver(WEBHOOK, body).await.problem(413);
    assert!(
        problem.detail.contains("server.body_limit"),
        "{}",
        problem.detail
    );
    let metrics = tocsin.metrics().await;
    assert_eq!(
        metrics.sum("tocsin_deliveries_total", &["outcome=\"too_large\""]),
        1.0
    );
    let rejected: Vec<Delivery> = tocsin.all("deliveries?outcome=refused").await;
    assert_eq!(rejected.len(), 1);
    // A body of exactly the limit is read: it is white space, which is not JSON.
    tocsin
        .deliver(WEBHOOK, vec![b' '; 16 << 20])
        .await
        .problem(400);
}

#[tokio::test]
async fn any_content_type_and_post_or_put_are_accepted() {
    let tocsin = Tocsin::start(Options::default()).await;
    let send = |method: Method, path: &'static str, content_type: &'static str, name: &str| {
        let body = Webhook::of([firing(name)]).bytes();
        tocsin
            .request(method, path)
            .header("content-type", content_type)
            .bytes(body)
            .send()
    };
    for (method, path, content_type, name) in [
        (Method::POST, WEBHOOK, "text/plain", "A"),
        (
            Method::POST,
            WEBHOOK,
            "application/x-www-form-urlencoded",
            "B",
        ),
        (Method::POST, WEBHOOK, "nonsense", "C"),
        (Method::POST, "/webhook", "application/json", "D"),
        (Method::POST, "/webhook/", "application/json", "E"),
        (Method::PUT, WEBHOOK, "application/json", "F"),
        (Method::PUT, "/webhook", "application/json", "G"),
    ] {
        let report: IngestReport = send(method, path, content_type, name).await.json();
        assert_eq!(report.opened, 1, "{name}");
    }
    let without = tocsin
        .request(Method::POST, WEBHOOK)
        .bytes(Webhook::of([firing("H")]).bytes());
    assert_eq!(without.send().await.json::<IngestReport>().opened, 1);
}

#[tokio::test]
async fn get_on_the_webhook_explains_post() {
    let tocsin = Tocsin::start(Options::default()).await;
    for path in [WEBHOOK, "/webhook", "/webhook/"] {
        let reply = tocsin.get_reply(path).await;
        let problem = reply.problem(405);
        assert!(
            problem.detail.contains("POST"),
            "{path}: {}",
            problem.detail
        );
        assert!(reply.header("allow").contains("POST"), "{path}");
        let reply = tocsin.request(Method::DELETE, path).send().await;
        reply.problem(405);
    }
}

#[tokio::test]
async fn source_names_are_validated() {
    let tocsin = Tocsin::start(Options::default()).await;
    let body = Webhook::of([firing("A")]).bytes();
    for bad in ["a%20b", "a/b", "%E7%94%9F%E4%BA%A7", &"x".repeat(65), "a'b"] {
        let reply = tocsin
            .deliver(&format!("{WEBHOOK}?source={bad}"), body.clone())
            .await;
        assert_eq!(reply.fields(400), ["source"], "{bad}");
    }
    let longest = "x".repeat(64);
    for good in ["A-z_0.9", &longest] {
        assert_eq!(tocsin.post_to(good, body.clone()).await.opened, 1, "{good}");
    }
    // Unknown query parameters do not reject a delivery.
    let reply = tocsin.deliver("/webhook?sourcce=a", body).await;
    assert_eq!(reply.expect(200).json::<IngestReport>().opened, 1);
}
