//! Outages of the database, the disk and the mail server: deliveries are rejected with
//! 503, probes report the reason, and the program recovers without a restart.

use std::time::{Duration, Instant};

use tocsin_api_types::{Alert, IngestReport, Notification};
use tocsin_tests::{
    Database, Options, SmtpServer, Tocsin, Webhook, eventually, firing, run, team, wait_until,
};

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

async fn is_ready(tocsin: &Tocsin) -> bool {
    tocsin.get_reply("/readyz").await.status == 200
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnected_database_returns_503_and_recovers() {
    let database = Database::postgres().await;
    let Database::Postgres(server) = database.clone() else {
        unreachable!()
    };
    let tocsin = Tocsin::start(Options::on(database)).await;
    let webhook = Webhook::of([firing("Down")]);
    tocsin.post(&webhook).await;
    // A recently used token, as Prometheus has, is accepted without the database.
    tocsin.metrics().await;
    server.cut_off();
    let reply = eventually("deliveries are rejected", || async {
        let reply = tocsin
            .deliver(WEBHOOK, Webhook::of([firing("DuringOutage")]).bytes())
            .await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    let problem = reply.problem(503);
    assert_eq!(problem.kind, "urn:tocsin:problem:unavailable");
    assert!(reply.header("retry-after").parse::<u32>().is_ok());
    assert_eq!(tocsin.get_reply("/readyz").await.status, 503);
    assert_eq!(
        tocsin.get_reply("/healthz").await.status,
        200,
        "a restart would not help"
    );
    tocsin.get_reply("/api/v1/alerts").await.problem(503);
    tocsin.get_reply("/metrics").await.expect(200);
    server.restore();
    wait_until("deliveries are accepted again", || async {
        let reply = tocsin.deliver(WEBHOOK, webhook.bytes()).await;
        reply.status == 200 && reply.json::<IngestReport>().seen_again == 1
    })
    .await;
    wait_until("it is ready again", || is_ready(&tocsin)).await;
    wait_until("reads succeed again", || async {
        tocsin.get_reply("/api/v1/alerts").await.status == 200
    })
    .await;
    // Another writer connection may detect only now that it was closed, which is another
    // 503: the sender retries.
    let report = eventually("the rejected delivery is accepted", || async {
        let body = Webhook::of([firing("DuringOutage")]).bytes();
        let reply = tocsin.deliver(WEBHOOK, body).await;
        (reply.status == 200).then(|| reply.json::<IngestReport>())
    })
    .await;
    // A delivery answered with 503 may be stored nevertheless: PostgreSQL may have closed
    // the session after the commit but before the response.
    assert_eq!(report.opened + report.seen_again, 1, "{report:?}");
    assert_eq!(tocsin.all::<Alert>("alerts").await.len(), 2);
}

/// Upper limit for a 503: enough for a busy machine, and less than the minutes a query
/// waits without a timeout.
const SOON: Duration = Duration::from_secs(45);

/// Asserts that all requests are answered with 503 in time.
async fn assert_unavailable(tocsin: &Tocsin) {
    for n in 0..3 {
        let body = Webhook::of([firing("DuringOutage").instance(&n.to_string())]).bytes();
        let began = Instant::now();
        let replies = futures::join!(
            tocsin.deliver(WEBHOOK, body),
            tocsin.deliver(WEBHOOK, "nonsense"),
            tocsin.get_reply("/api/v1/alerts"),
            tocsin.get_reply("/api/v1/stats/summary"),
            tocsin.get_reply("/readyz"),
        );
        assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
        for reply in [&replies.0, &replies.2, &replies.3] {
            let problem = reply.problem(503);
            assert_eq!(problem.kind, "urn:tocsin:problem:unavailable");
            assert!(reply.header("retry-after").parse::<u32>().is_ok());
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
        }
        assert!([400, 503].contains(&replies.1.status.as_u16()));
        assert_eq!(replies.4.status, 503);
        assert_eq!(tocsin.get_reply("/healthz").await.status, 200);
        tocsin.get_reply("/metrics").await.expect(200);
    }
}

/// Asserts that the program recovers, and that each retried alert is stored once.
async fn assert_recovered(tocsin: &Tocsin) {
    wait_until("it is ready again", || is_ready(tocsin)).await;
    for name in ["0", "1", "2"] {
        let body = Webhook::of([firing("DuringOutage").instance(name)]).bytes();
        wait_until("deliveries are accepted again", || async {
            tocsin.deliver(WEBHOOK, body.clone()).await.status == 200
        })
        .await;
    }
    let log: Vec<Alert> = tocsin.all("alerts?alertname=DuringOutage").await;
    assert_eq!(log.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_database_returns_503_in_time_and_recovers() {
    let (database, proxy) = Database::behind_proxy().await;
    let mut tocsin = Tocsin::start(Options::on(database).set("server.drain_timeout", "3s")).await;
    tocsin.post(&Webhook::of([firing("Before")])).await;
    tocsin.metrics().await;
    for _ in 0..2 {
        proxy.stall();
        assert_unavailable(&tocsin).await;
        proxy.reopen();
        assert_recovered(&tocsin).await;
    }
    proxy.disconnect();
    assert_unavailable(&tocsin).await;
    proxy.reopen();
    assert_recovered(&tocsin).await;
    // A stalled database does not delay the program's exit.
    proxy.stall();
    assert_unavailable(&tocsin).await;
    let terminated_at = Instant::now();
    tocsin.terminate();
    assert_eq!(
        tocsin.wait_for_exit().await.code(),
        Some(0),
        "{}",
        tocsin.log()
    );
    assert!(terminated_at.elapsed() < SOON);
    proxy.reopen();
    tocsin.restart().await;
    assert_recovered(&tocsin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_program_releases_its_notifications() {
    let server = SmtpServer::start(&["--delay-ms", "300"]);
    let database = Database::postgres().await;
    // Leases last longer than the test waits, unless they are released.
    let options = Options::on(database)
        .smtp(&server)
        .set("mail.smtp.timeout", "10m");
    let mut one = Tocsin::start(options).await;
    team(&one, "infra").await;
    for n in 0..40 {
        let name = n.to_string();
        let alert = firing("Down").team("infra").instance(&name);
        one.post(&Webhook::of([alert]).group(&name)).await;
    }
    wait_until("notifications are leased", || async {
        let sending: Vec<Notification> = one.all("notifications?state=sending").await;
        sending.len() > 4
    })
    .await;
    one.terminate();
    assert_eq!(one.wait_for_exit().await.code(), Some(0), "{}", one.log());
    let two = one.replica().await;
    let leased: Vec<Notification> = two.all("notifications").await;
    let began = Instant::now();
    assert_eq!(two.wait_for_notifications().await.len(), 40);
    let mails = server.wait_for(40).await;
    let distinct: std::collections::BTreeSet<&str> =
        mails.iter().map(|mail| &*mail.message_id).collect();
    assert_eq!(
        (distinct.len(), mails.len()),
        (40, 40),
        "{:?} {leased:#?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_disk_returns_503_and_is_not_ready() {
    let mut tocsin = Tocsin::start(Options::default().with_limited_disk()).await;
    let body = |name: &str| {
        let random: String = (0..4_000)
            .map(|_| char::from(rand::random_range(b'a'..=b'z')))
            .collect();
        Webhook::of((0..50).map(|n| {
            firing(name)
                .instance(&n.to_string())
                .summary(&random)
                .annotation(&n.to_string(), &random)
        }))
        .bytes()
    };
    assert_eq!(tocsin.deliver(WEBHOOK, body("Before")).await.status, 200);
    tocsin.fill_disk(Some(1 << 20));
    let mut accepted = 50;
    let mut rejected = None;
    for n in 0..50 {
        let reply = tocsin.deliver(WEBHOOK, body(&format!("Full{n}"))).await;
        if reply.status != 200 {
            rejected = Some(reply);
            break;
        }
        accepted += 50;
    }
    let reply = rejected.expect("the disk is full");
    assert_eq!(reply.problem(503).kind, "urn:tocsin:problem:unavailable");
    assert_eq!(tocsin.get_reply("/readyz").await.status, 503);
    tocsin.fill_disk(None);
    wait_until("deliveries are accepted again", || async {
        tocsin.deliver(WEBHOOK, body("After")).await.status == 200
    })
    .await;
    wait_until("it is ready again", || is_ready(&tocsin)).await;
    let log: Vec<Alert> = tocsin.all("alerts").await;
    assert_eq!(log.len(), accepted + 50, "every accepted alert is stored");
    // Also after a restart, not only for readers of the running program.
    tocsin.kill9();
    tocsin.restart().await;
    let log: Vec<Alert> = tocsin.all("alerts").await;
    assert_eq!(
        log.len(),
        accepted + 50,
        "every accepted alert is stored after a restart"
    );
}

#[tokio::test]
async fn unreachable_mail_server_pauses_email_only() {
    let server = SmtpServer::plain();
    let port = server.port;
    let tocsin = Tocsin::start(Options::default().smtp(&server)).await;
    drop(server);
    team(&tocsin, "infra").await;
    for n in 0..5 {
        let webhook = Webhook::of([firing("Down").team("infra").instance(&n.to_string())]);
        assert_eq!(tocsin.post(&webhook.group(&n.to_string())).await.opened, 1);
    }
    wait_until("e-mail is paused", || async {
        tocsin.metrics().await.sum("tocsin_mail_paused", &[]) > 0.0
    })
    .await;
    let server = SmtpServer::start(&["--port", &port.to_string()]);
    let notifications: Vec<Notification> = tocsin.wait_for_notifications().await;
    assert_eq!(notifications.len(), 5);
    server.wait_for(5).await;
    assert!(notifications.iter().any(|notification| {
        notification
            .attempts
            .iter()
            .any(|attempt| attempt.error.is_some())
    }));
}

#[test]
fn startup_failures_are_reported_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let url = "postgres://tocsin:secret-4711@127.0.0.1:1/tocsin";
    let ended = run(
        folder.path(),
        &["serve", "--listen", "127.0.0.1:0", "--database-url", url],
        &[],
    );
    assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
    assert!(ended.stderr.contains("database"), "{ended:?}");
    assert!(!ended.stderr.contains("secret-4711"), "{ended:?}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ended = run(folder.path(), &["serve", "--listen", &address], &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("server.listen") && ended.stderr.contains(&address),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_send_each_notification_once() {
    let server = SmtpServer::start(&["--delay-ms", "10"]);
    let one = Tocsin::start(Options::on(Database::postgres().await).smtp(&server)).await;
    let two = one.replica().await;
    team(&one, "infra").await;
    let posts = (0..60).map(|n: usize| {
        let tocsin = [&one, &two][n % 2];
        async move {
            let name = n.to_string();
            let webhook = Webhook::of([firing("Down").team("infra").instance(&name)]).group(&name);
            tocsin.post(&webhook).await
        }
    });
    futures::future::join_all(posts).await;
    assert_eq!(one.wait_for_notifications().await.len(), 60);
    let mails = server.wait_for(60).await;
    let distinct: std::collections::BTreeSet<&str> =
        mails.iter().map(|mail| &*mail.message_id).collect();
    assert_eq!(distinct.len(), 60);
}
