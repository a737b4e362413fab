//! E-mail notifications: recipients, content and threads, through a real SMTP server
//! with TLS and AUTH, read back with a MIME parser.

use reqwest::Method;
use serde_json::json;
use tocsin_api_types::{
    Delivery, EventKind, Incident, IncidentDetail, Notification, NotificationState,
};
use tocsin_tests::{
    Certificates, Database, Mail, Options, SmtpServer, Tocsin, Webhook, ago, eventually, firing,
    on_both, team,
};

on_both!(
    firing_and_resolved_share_a_thread_over_tls_and_auth,
    each_team_is_notified_of_its_own_alerts_only,
    repeats_are_notified_if_the_route_repeats,
    acknowledged_incident_is_not_repeated,
    unrouted_alerts_are_counted,
    expired_incident_is_notified_with_the_next_one,
);

const LOGIN: (&str, &str) = ("tocsin", "correct horse battery staple");

async fn firing_and_resolved_share_a_thread_over_tls_and_auth(database: Database) {
    let certificates = Certificates::new();
    let server = SmtpServer::secure(&certificates, LOGIN.0, LOGIN.1);
    let options = Options::on(database)
        .secure_smtp(&server, &certificates, LOGIN)
        .set("server.public_url", "https://ops.example.com/tocsin");
    let tocsin = Tocsin::start(options).await;
    let infra = team(&tocsin, "infra").await;
    let alert = firing("DiskFull")
        .team("infra")
        .instance("db-1:9100")
        .severity("critical")
        .label("cloud", "阿里云")
        .summary("/var is full");
    tocsin.post(&Webhook::of([alert.clone()])).await;
    server.wait_for(1).await;
    // A retry and the other peer's copy trigger nothing.
    tocsin.post(&Webhook::of([alert.clone()])).await;
    tocsin.post(&Webhook::of([alert.clone()]).peer("b")).await;
    tocsin.post(&Webhook::of([alert.resolve()])).await;
    let mails = server.wait_for(2).await;
    for mail in &mails {
        assert_eq!(mail.to, "infra@example.com");
        assert_eq!(mail.envelope["tls"], true);
        assert_eq!(mail.envelope["user"], LOGIN.0);
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        assert_eq!(mail.references, mails[0].references, "one thread");
        assert_eq!(mail.subject, mails[0].subject, "one subject");
        assert!(
            mail.subject.contains("DiskFull") && mail.subject.contains("阿里云"),
            "{}",
            mail.subject
        );
        for part in [&mail.text, &mail.html] {
            assert!(
                part.contains("db-1:9100") && part.contains("/var is full"),
                "{part}"
            );
            assert!(
                part.contains("https://ops.example.com/tocsin/incidents/"),
                "{part}"
            );
            assert!(
                !part.contains("127.0.0.1"),
                "links do not use the Host header: {part}"
            );
        }
    }
    assert_ne!(mails[0].message_id, mails[1].message_id);
    assert!(mails[0].text.contains("[Firing]"), "{}", mails[0].text);
    assert!(mails[1].text.contains("[Resolved]"), "{}", mails[1].text);
    let incident = tocsin.all::<Incident>("incidents").await.remove(0);
    let detail: IncidentDetail = tocsin
        .get(&format!("/api/v1/incidents/{}", incident.id))
        .await;
    let events: Vec<&[EventKind]> = detail
        .notifications
        .iter()
        .map(|notification| &*notification.events)
        .collect();
    assert_eq!(events, [[EventKind::Resolved], [EventKind::Opened]]);
    for notification in tocsin.wait_for_notifications().await {
        assert_eq!(notification.state, NotificationState::Sent);
        assert_eq!(
            (notification.recipient_id, &*notification.recipient_email),
            (Some(infra.recipient.id), "infra@example.com")
        );
        let reason = &notification.reasons[0];
        assert_eq!((reason.route.as_deref(), &*reason.group), (None, "infra"));
        assert_eq!(notification.attempts.len(), 1);
        let attempt = &notification.attempts[0];
        assert!(attempt.finished_at.is_some() && attempt.error.is_none());
    }
    // All alerts of the group were resolved: the next one starts a new thread.
    let next = firing("DiskFull")
        .team("infra")
        .instance("db-1:9100")
        .starts(tocsin_tests::now());
    tocsin.post(&Webhook::of([next])).await;
    let mails = server.wait_for(3).await;
    assert_ne!(mails[2].references, mails[0].references);
    assert_ne!(mails[2].subject, mails[0].subject);
}

async fn each_team_is_notified_of_its_own_alerts_only(database: Database) {
    let server = SmtpServer::plain();
    let tocsin = Tocsin::start(Options::on(database).smtp(&server)).await;
    team(&tocsin, "team-a").await;
    let b = team(&tocsin, "team-b").await;
    // A recipient in both groups gets one e-mail.
    let both = json!({"name": "Both", "email": "both@example.com"});
    let both = tocsin.create_recipient(&both).await;
    for group in tocsin.all::<tocsin_api_types::Group>("groups").await {
        let ids: Vec<i64> = group
            .recipients
            .iter()
            .map(|one| one.id)
            .chain([both.id])
            .collect();
        let body = json!({"name": group.name, "recipientIds": ids});
        tocsin
            .send(Method::PUT, &format!("/api/v1/groups/{}", group.id), &body)
            .await
            .expect(200)
            .json::<serde_json::Value>();
    }
    // A disabled recipient gets none.
    let body = json!({"name": "Off", "email": "off@example.com", "enabled": false, "groupIds": [b.group.id]});
    tocsin.create_recipient(&body).await;
    let alert = |team: &str, n: u32| {
        firing("Down")
            .team(team)
            .instance(&format!("{team}-{n}.example.com"))
    };
    tocsin
        .post(&Webhook::of([
            alert("team-a", 1),
            alert("team-b", 1),
            alert("team-a", 2),
        ]))
        .await;
    let mails = server.wait_for(3).await;
    let of = |to: &str| {
        mails
            .iter()
            .find(|mail| mail.to == format!("{to}@example.com"))
            .unwrap()
    };
    assert!(of("team-a").text.contains("team-a-1") && of("team-a").text.contains("team-a-2"));
    assert!(
        !of("team-a").raw.contains("team-b-1"),
        "{}",
        of("team-a").raw
    );
    assert!(of("team-b").text.contains("team-b-1") && !of("team-b").text.contains("team-a-1"));
    assert!(of("both").text.contains("team-a-1") && of("both").text.contains("team-b-1"));
    // Another alert fires: e-mails mention the other firing alerts, which trigger none.
    tocsin
        .post(&Webhook::of([
            alert("team-a", 1),
            alert("team-a", 2),
            alert("team-a", 3),
            alert("team-b", 1),
        ]))
        .await;
    let mails = server.wait_for(5).await;
    let later: Vec<&Mail> = mails[3..].iter().collect();
    assert!(
        later.iter().all(|mail| mail.to != "team-b@example.com"),
        "{later:#?}"
    );
    let a = later
        .iter()
        .find(|mail| mail.to == "team-a@example.com")
        .unwrap();
    assert!(a.text.contains("Still firing, unchanged: 2"), "{}", a.text);
    assert_eq!(a.references, of_thread(&mails, "team-a"));
}

fn of_thread(mails: &[Mail], to: &str) -> Vec<String> {
    mails
        .iter()
        .find(|mail| mail.to == format!("{to}@example.com"))
        .unwrap()
        .references
        .clone()
}

async fn repeats_are_notified_if_the_route_repeats(database: Database) {
    let server = SmtpServer::plain();
    let options = Options::on(database)
        .smtp(&server)
        .set("incidents.window", "200ms");
    let tocsin = Tocsin::start(options).await;
    let (loud, quiet) = (team(&tocsin, "loud").await, team(&tocsin, "quiet").await);
    for (team, repeat) in [(&loud, true), (&quiet, false)] {
        let name = &team.group.name;
        tocsin.create_route(&json!({"name": name, "matchers": [format!("{name}=yes")], "groupIds": [team.group.id], "repeat": repeat, "continue": true})).await;
    }
    let webhook = Webhook::of([firing("Slow").label("loud", "yes").label("quiet", "yes")]);
    tocsin.post(&webhook).await;
    server.wait_for(2).await;
    eventually("a repeat after the window", || async {
        (tocsin.post(&webhook).await.refreshed == 1).then_some(())
    })
    .await;
    let all = tocsin.wait_for_notifications().await;
    assert_eq!(all.len(), 3, "{all:#?}");
    assert_eq!(
        (&all[0].events[..], &*all[0].recipient_email),
        (&[EventKind::Refreshed][..], "loud@example.com")
    );
    assert_eq!(
        (
            all[0].reasons[0].route.as_deref(),
            &*all[0].reasons[0].group
        ),
        (Some("loud"), "loud")
    );
    let mails = server.wait_for(3).await;
    assert!(
        mails[2].text.contains("[Still firing]"),
        "{}",
        mails[2].text
    );
    assert_eq!(mails[2].references, of_thread(&mails, "loud"));
}

async fn acknowledged_incident_is_not_repeated(database: Database) {
    let server = SmtpServer::plain();
    let options = Options::on(database)
        .smtp(&server)
        .set("incidents.window", "200ms");
    let tocsin = Tocsin::start(options).await;
    team(&tocsin, "infra").await;
    let alert = firing("Slow").team("infra");
    tocsin.post(&Webhook::of([alert.clone()])).await;
    server.wait_for(1).await;
    let id = tocsin.all::<Incident>("incidents").await[0].id;
    let body = json!({"known": true, "by": "Ann"});
    tocsin
        .send(Method::PATCH, &format!("/api/v1/incidents/{id}"), &body)
        .await
        .expect(200)
        .json::<Incident>();
    eventually("a repeat after the window", || async {
        (tocsin.post(&Webhook::of([alert.clone()])).await.refreshed == 1).then_some(())
    })
    .await;
    assert_eq!(tocsin.wait_for_notifications().await.len(), 1);
    // The resolution is sent nevertheless.
    tocsin.post(&Webhook::of([alert.resolve()])).await;
    let mails = server.wait_for(2).await;
    assert!(mails[1].text.contains("[Resolved]"));
}

async fn unrouted_alerts_are_counted(database: Database) {
    let server = SmtpServer::plain();
    let tocsin = Tocsin::start(Options::on(database).smtp(&server)).await;
    team(&tocsin, "infra").await;
    let stray = |name: &str| {
        Webhook::of([
            firing(name).team("unknown-team"),
            firing(name).team("infra"),
        ])
    };
    let report = tocsin.post(&stray("One")).await;
    let unrouted: Vec<Delivery> = tocsin.all("deliveries?unrouted=true").await;
    assert_eq!(unrouted.len(), 1);
    assert_eq!(
        (unrouted[0].id, unrouted[0].unrouted),
        (report.delivery_id, 1)
    );
    server.wait_for(1).await;
    // The default group receives alerts that match no route.
    let group = tocsin
        .create_group(&json!({"name": "fallback", "isDefault": true}))
        .await;
    tocsin
        .create_recipient(
            &json!({"name": "Eve", "email": "eve@example.com", "groupIds": [group.id]}),
        )
        .await;
    tocsin.post(&stray("Two")).await;
    let mails = server.wait_for(3).await;
    let eve = mails
        .iter()
        .find(|mail| mail.to == "eve@example.com")
        .unwrap();
    assert!(
        eve.text.contains("unknown-team") && !eve.text.contains("infra"),
        "{}",
        eve.text
    );
    assert_eq!(
        tocsin
            .all::<Delivery>("deliveries?unrouted=true")
            .await
            .len(),
        1
    );
    // An alert routed to no group is not unrouted.
    tocsin
        .create_route(&json!({"name": "drop", "matchers": ["alertname=Watchdog"]}))
        .await;
    tocsin.post(&Webhook::of([firing("Watchdog")])).await;
    assert_eq!(
        tocsin
            .all::<Delivery>("deliveries?unrouted=true")
            .await
            .len(),
        1
    );
    assert_eq!(tocsin.wait_for_notifications().await.len(), 3);
}

async fn expired_incident_is_notified_with_the_next_one(database: Database) {
    let server = SmtpServer::plain();
    let options = Options::on(database)
        .smtp(&server)
        .set("incidents.window", "100ms")
        .set("incidents.stale_after", "500ms");
    let tocsin = Tocsin::start(options).await;
    team(&tocsin, "infra").await;
    let webhook = Webhook::of([firing("Quiet").team("infra").starts(ago(600))]);
    tocsin.post(&webhook).await;
    server.wait_for(1).await;
    eventually("the incident is stale", || async {
        tocsin
            .all::<Incident>("incidents?stale=true")
            .await
            .into_iter()
            .next()
    })
    .await;
    tocsin.post(&webhook).await;
    let mails = server.wait_for(2).await;
    assert!(
        mails[1].text.contains("[Expired]") && mails[1].text.contains("[Firing]"),
        "{}",
        mails[1].text
    );
    let newest: Notification = tocsin.wait_for_notifications().await.remove(0);
    assert_eq!(newest.events.len(), 2);
    assert!(
        newest.events.contains(&EventKind::Expired) && newest.events.contains(&EventKind::Opened)
    );
    assert_eq!(newest.incident_ids.len(), 2);
}

#[tokio::test]
async fn emails_use_the_recipients_language_and_time_zone() {
    let server = SmtpServer::plain();
    let tocsin = Tocsin::start(Options::default().smtp(&server)).await;
    let group = tocsin.create_group(&json!({"name": "运维"})).await;
    for (name, email, language, zone) in [
        ("张伟", "zhang@example.com", "zh", "Asia/Shanghai"),
        (
            "Jürgen \"J\" <x>",
            "juergen@example.com",
            "en",
            "Europe/Berlin",
        ),
    ] {
        tocsin.create_recipient(&json!({"name": name, "email": email, "language": language, "timeZone": zone, "groupIds": [group.id]})).await;
    }
    let start = "2026-01-31T20:30:00Z".parse().unwrap();
    let alert = firing("内存使用率过高")
        .team("运维")
        .severity("critical")
        .starts(start)
        .summary("97.2%\r\nBcc: all@example.com\r\n<script>alert(1)</script>");
    tocsin.post(&Webhook::of([alert])).await;
    let mails = server.wait_for(2).await;
    let of = |to: &str| mails.iter().find(|mail| mail.to == to).unwrap();
    let zh = of("zhang@example.com");
    assert!(
        zh.text.contains("告警中") && zh.text.contains("2026-02-01 04:30:00 +08:00"),
        "{}",
        zh.text
    );
    assert!(
        zh.html.contains("告警中") && zh.html.contains("2026-02-01 04:30:00"),
        "{}",
        zh.html
    );
    let en = of("juergen@example.com");
    assert!(
        en.text.contains("Firing") && en.text.contains("2026-01-31 21:30:00 +01:00"),
        "{}",
        en.text
    );
    for mail in &mails {
        assert!(mail.subject.contains("内存使用率过高"), "{}", mail.subject);
        assert!(
            mail.raw.is_ascii() && mail.header("Bcc").is_empty(),
            "{}",
            mail.raw
        );
        assert!(!mail.html.contains("<script>"), "{}", mail.html);
    }
}

#[tokio::test]
async fn rejected_recipient_fails_alone_and_can_be_resent() {
    let server = SmtpServer::start(&["--reject-rcpt", "bad@example.com=550"]);
    let tocsin = Tocsin::start(Options::default().smtp(&server)).await;
    let (bad, good) = (team(&tocsin, "bad").await, team(&tocsin, "good").await);
    let all = json!({"name": "all", "groupIds": [bad.group.id, good.group.id]});
    tocsin.create_route(&all).await;
    tocsin.post(&Webhook::of([firing("Down")])).await;
    let notifications = tocsin.wait_for_notifications().await;
    let of = |notifications: &[Notification], email: &str| {
        notifications
            .iter()
            .find(|notification| notification.recipient_email == email)
            .unwrap()
            .clone()
    };
    assert_eq!(
        of(&notifications, "good@example.com").state,
        NotificationState::Sent
    );
    let failed = of(&notifications, "bad@example.com");
    assert_eq!(failed.state, NotificationState::Failed);
    let error = failed.attempts[0].error.clone().unwrap();
    assert!(error.contains("550"), "{error}");
    assert_eq!(failed.next_attempt_at, None);
    let status: tocsin_api_types::SystemStatus = tocsin.get("/api/v1/status").await;
    assert_eq!(
        status.mail.paused_since, None,
        "one rejected recipient does not pause e-mail"
    );
    // A notification is resent by a user: to its address, as another e-mail in the same
    // thread.
    let path = format!(
        "/api/v1/notifications/{}/resend",
        of(&notifications, "good@example.com").id
    );
    let resent: Notification = tocsin
        .request(Method::POST, &path)
        .send()
        .await
        .expect(201)
        .json();
    assert_eq!(
        resent.resend_of,
        Some(of(&notifications, "good@example.com").id)
    );
    let received = server.wait_for(2).await;
    assert_ne!(received[0].message_id, received[1].message_id);
    assert_eq!(received[0].references, received[1].references);
    assert!(
        received[1]
            .text
            .contains("This e-mail was resent on request"),
        "{}",
        received[1].text
    );
    tocsin
        .request(Method::POST, "/api/v1/notifications/999/resend")
        .send()
        .await
        .problem(404);
    let path = format!("/api/v1/notifications/{}/resend", failed.id);
    tocsin
        .request(Method::POST, &path)
        .send()
        .await
        .expect(201)
        .json::<Notification>();
    let notifications = tocsin.wait_for_notifications().await;
    assert_eq!(notifications.len(), 4);
    assert_eq!(
        tocsin
            .all::<Notification>("notifications?state=failed")
            .await
            .len(),
        2
    );
    let metrics = tocsin.metrics().await;
    assert_eq!(
        metrics.sum("tocsin_mails_total", &["outcome=\"failed\""]),
        2.0
    );
    assert_eq!(
        metrics.sum("tocsin_mails_total", &["outcome=\"sent\""]),
        2.0
    );
}

#[tokio::test]
async fn wrong_smtp_password_pauses_email_only() {
    let certificates = Certificates::new();
    let server = SmtpServer::secure(&certificates, LOGIN.0, LOGIN.1);
    let wrong = (LOGIN.0, "not-the-password-4711");
    let mut tocsin =
        Tocsin::start(Options::default().secure_smtp(&server, &certificates, wrong)).await;
    team(&tocsin, "infra").await;
    tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    let status = eventually("e-mail is paused", || async {
        let status: tocsin_api_types::SystemStatus = tocsin.get("/api/v1/status").await;
        status.mail.paused_since.is_some().then_some(status)
    })
    .await;
    let error = status.mail.error.unwrap();
    assert!(error.contains("535"), "{error}");
    assert_eq!(status.mail.queued, 1);
    let ready: serde_json::Value = tocsin.get("/readyz").await;
    assert_eq!(
        (&ready["ready"], &ready["mailPaused"]),
        (&json!(true), &json!(true))
    );
    let metrics = tocsin.metrics().await;
    assert_eq!(metrics.sum("tocsin_mail_paused", &[]), 1.0);
    assert_eq!(metrics.sum("tocsin_outbox_mails", &[]), 1.0);
    let waiting = tocsin.all::<Notification>("notifications").await.remove(0);
    let resend = format!("/api/v1/notifications/{}/resend", waiting.id);
    tocsin
        .request(Method::POST, &resend)
        .send()
        .await
        .problem(409);
    // Alerts are accepted nevertheless, and no notification fails.
    assert_eq!(
        tocsin
            .post(&Webhook::of([firing("Up").team("infra")]))
            .await
            .opened,
        1
    );
    let notifications: Vec<Notification> = tocsin.all("notifications").await;
    assert!(
        notifications
            .iter()
            .all(|notification| notification.state != NotificationState::Failed),
        "{notifications:#?}"
    );
    assert!(!tocsin.log().contains(wrong.1) && !error.contains(wrong.1));
    // With the correct password all of them are sent, once.
    tocsin.terminate();
    tocsin.wait_for_exit().await;
    tocsin
        .restart_with(|options| options.set("mail.smtp.password", LOGIN.1))
        .await;
    assert_eq!(tocsin.wait_for_notifications().await.len(), 2);
    server.wait_for(2).await;
    let status: tocsin_api_types::SystemStatus = tocsin.get("/api/v1/status").await;
    assert_eq!((status.mail.paused_since, status.mail.queued), (None, 0));
}

#[tokio::test]
async fn certificate_of_an_unknown_ca_is_rejected() {
    let (certificates, other_ca) = (Certificates::new(), Certificates::new());
    let server = SmtpServer::secure(&certificates, LOGIN.0, LOGIN.1);
    let tocsin = Tocsin::start(Options::default().secure_smtp(&server, &other_ca, LOGIN)).await;
    team(&tocsin, "infra").await;
    tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    eventually("e-mail is paused", || async {
        let status: tocsin_api_types::SystemStatus = tocsin.get("/api/v1/status").await;
        status.mail.paused_since
    })
    .await;
    assert!(server.mails().is_empty());
}

#[tokio::test]
async fn notifications_without_a_mail_server_are_written_and_not_sent_later() {
    use std::os::unix::fs::PermissionsExt;
    let mut tocsin = Tocsin::start(Options::default()).await;
    team(&tocsin, "infra").await;
    tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    let notifications = tocsin.wait_for_notifications().await;
    assert_eq!(notifications[0].state, NotificationState::Written);
    let folder = tocsin.data_dir().join("mail");
    let files = Mail::in_folder(&folder);
    assert_eq!(files.len(), 1);
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&files[0].0), mode(&folder), mode(&tocsin.data_dir())),
        (0o600, 0o700, 0o700)
    );
    assert!(files[0].1.text.contains("Down"));
    assert!(files[0].1.header("To").contains("<infra@example.com>"));
    let status: tocsin_api_types::SystemStatus = tocsin.get("/api/v1/status").await;
    assert_eq!(status.mail.mode, tocsin_api_types::MailMode::File);
    // A server is configured later: written notifications are not sent.
    let server = SmtpServer::plain();
    tocsin.terminate();
    tocsin.wait_for_exit().await;
    tocsin.restart_with(|options| options.smtp(&server)).await;
    tocsin
        .post(&Webhook::of([firing("Again").team("infra")]))
        .await;
    let mails = server.wait_for(1).await;
    assert!(mails[0].text.contains("Again"));
    let states: Vec<NotificationState> = tocsin
        .wait_for_notifications()
        .await
        .iter()
        .map(|notification| notification.state)
        .collect();
    assert_eq!(
        states,
        [NotificationState::Sent, NotificationState::Written]
    );
}

#[tokio::test]
async fn templates_are_loaded_from_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("notification.subject"),
        "ours: {{ subject_stem }}",
    )
    .unwrap();
    let server = SmtpServer::plain();
    let options = Options::default()
        .smtp(&server)
        .set("mail.template_dir", folder.path().display());
    let tocsin = Tocsin::start(options).await;
    team(&tocsin, "infra").await;
    tocsin
        .post(&Webhook::of([firing("Down").team("infra")]))
        .await;
    let mails = server.wait_for(1).await;
    assert!(
        mails[0].subject.starts_with("ours: Down"),
        "{}",
        mails[0].subject
    );
}
