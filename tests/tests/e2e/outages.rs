//! What the program stands on is gone for a while: senders are told to come
//! back, probes say why, and afterwards all goes on.

use std::time::{Duration, Instant};

use tocsin_api_types::{Alert, IngestReport, Notification};
use tocsin_tests::{
    Database, Options, SmtpServer, Tocsin, Webhook, eventually, firing, run, team, wait_until,
};

const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

async fn is_ready(tocsin: &Tocsin) -> bool {
    tocsin.look("/readyz").await.status == 200
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_is_503_and_comes_back_by_itself() {
    let database = Database::postgres().await;
    let Database::Postgres(server) = database.clone() else {
        unreachable!()
    };
    let tocsin = Tocsin::start(Options::on(database)).await;
    let webhook = Webhook::of([firing("Down")]);
    tocsin.post(&webhook).await;
    // As Prometheus does: whose token was seen of late is known without the
    // database.
    tocsin.metrics().await;
    server.cut_off();
    let reply = eventually("deliveries are rejected", || async {
        let reply = tocsin
            .deliver(WEBHOOK, Webhook::of([firing("Meanwhile")]).bytes())
            .await;
        (reply.status != 200).then_some(reply)
    })
    .await;
    let problem = reply.problem(503);
    assert_eq!(problem.kind, "urn:tocsin:problem:unavailable");
    assert!(reply.header("retry-after").parse::<u32>().is_ok());
    assert_eq!(tocsin.look("/readyz").await.status, 503);
    assert_eq!(
        tocsin.look("/healthz").await.status,
        200,
        "a restart would not help"
    );
    tocsin.look("/api/v1/alerts").await.problem(503);
    tocsin.look("/metrics").await.expect(200);
    server.restore();
    wait_until("deliveries are taken again", || async {
        let reply = tocsin.deliver(WEBHOOK, webhook.bytes()).await;
        reply.status == 200 && reply.json::<IngestReport>().seen_again == 1
    })
    .await;
    wait_until("it is ready again", || is_ready(&tocsin)).await;
    wait_until("it is read again", || async {
        tocsin.look("/api/v1/alerts").await.status == 200
    })
    .await;
    // Another writer's connection may find out only now that it was cut, which is
    // one more 503: the sender retries.
    let report = eventually("the rejected delivery is accepted", || async {
        let body = Webhook::of([firing("Meanwhile")]).bytes();
        let reply = tocsin.deliver(WEBHOOK, body).await;
        (reply.status == 200).then(|| reply.json::<IngestReport>())
    })
    .await;
    // A 503 promises nothing: while PostgreSQL ended the sessions, the delivery may
    // have been stored before its answer was lost, or accepted before they ended.
    assert_eq!(report.opened + report.seen_again, 1, "{report:?}");
    assert_eq!(tocsin.all::<Alert>("alerts").await.len(), 2);
}

/// Well above a second, for a machine that does much else, and well below the
/// minutes that a query alone would wait.
const SOON: Duration = Duration::from_secs(45);

/// Whatever is asked is answered with 503, soon.
async fn all_is_turned_away(tocsin: &Tocsin) {
    for n in 0..3 {
        let body = Webhook::of([firing("Meanwhile").instance(&n.to_string())]).bytes();
        let began = Instant::now();
        let replies = futures::join!(
            tocsin.deliver(WEBHOOK, body),
            tocsin.deliver(WEBHOOK, "nonsense"),
            tocsin.look("/api/v1/alerts"),
            tocsin.look("/api/v1/stats/summary"),
            tocsin.look("/readyz"),
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
        assert_eq!(tocsin.look("/healthz").await.status, 200);
        tocsin.look("/metrics").await.expect(200);
    }
}

/// Every alert is there once, also what was turned away and came again.
async fn all_is_well_again(tocsin: &Tocsin) {
    wait_until("it is ready again", || is_ready(tocsin)).await;
    for name in ["0", "1", "2"] {
        let body = Webhook::of([firing("Meanwhile").instance(name)]).bytes();
        wait_until("deliveries are taken again", || async {
            tocsin.deliver(WEBHOOK, body.clone()).await.status == 200
        })
        .await;
    }
    let log: Vec<Alert> = tocsin.all("alerts?alertname=Meanwhile").await;
    assert_eq!(log.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_says_nothing_is_503_at_once_and_comes_back_by_itself() {
    let (database, gate) = Database::behind_a_gate().await;
    let mut tocsin = Tocsin::start(Options::on(database).set("server.drain_timeout", "3s")).await;
    tocsin.post(&Webhook::of([firing("Before")])).await;
    tocsin.metrics().await;
    for _ in 0..2 {
        gate.silence();
        all_is_turned_away(&tocsin).await;
        gate.reopen();
        all_is_well_again(&tocsin).await;
    }
    gate.shut();
    all_is_turned_away(&tocsin).await;
    gate.reopen();
    all_is_well_again(&tocsin).await;
    // A server that hangs does not hold up the program's end.
    gate.silence();
    all_is_turned_away(&tocsin).await;
    let asked = Instant::now();
    tocsin.terminate();
    assert_eq!(tocsin.ended().await.code(), Some(0), "{}", tocsin.log());
    assert!(asked.elapsed() < SOON);
    gate.reopen();
    tocsin.restart().await;
    all_is_well_again(&tocsin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_ends_gives_its_mails_to_the_others() {
    let server = SmtpServer::start(&["--delay-ms", "300"]);
    let database = Database::postgres().await;
    // A lease that was kept would last longer than this.
    let options = Options::on(database)
        .smtp(&server)
        .set("mail.smtp.timeout", "10m");
    let mut one = Tocsin::start(options).await;
    team(&one, "infra").await;
    for n in 0..40 {
        let name = n.to_string();
        let said = firing("Down").team("infra").instance(&name);
        one.post(&Webhook::of([said]).group(&name)).await;
    }
    wait_until("mails are leased", || async {
        let mails: Vec<Notification> = one.all("notifications?state=sending").await;
        mails.len() > 4
    })
    .await;
    one.terminate();
    assert_eq!(one.ended().await.code(), Some(0), "{}", one.log());
    let two = one.replica().await;
    let leased: Vec<Notification> = two.all("notifications").await;
    let began = Instant::now();
    assert_eq!(two.settled().await.len(), 40);
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
async fn a_full_disk_is_503_and_not_ready() {
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
    let mut answered = 50;
    let mut refused = None;
    for n in 0..50 {
        let reply = tocsin.deliver(WEBHOOK, body(&format!("Full{n}"))).await;
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
        answered += 50;
    }
    let reply = refused.expect("the disk is full");
    assert_eq!(reply.problem(503).kind, "urn:tocsin:problem:unavailable");
    assert_eq!(tocsin.look("/readyz").await.status, 503);
    tocsin.fill_disk(None);
    wait_until("it takes deliveries again", || async {
        tocsin.deliver(WEBHOOK, body("After")).await.status == 200
    })
    .await;
    wait_until("it is ready again", || is_ready(&tocsin)).await;
    let log: Vec<Alert> = tocsin.all("alerts").await;
    assert_eq!(log.len(), answered + 50, "every answered alert is there");
    // Not only for those who read beside the writer.
    tocsin.kill9();
    tocsin.restart().await;
    let log: Vec<Alert> = tocsin.all("alerts").await;
    assert_eq!(
        log.len(),
        answered + 50,
        "every answered alert is there for good"
    );
}

#[tokio::test]
async fn a_mail_server_that_is_away_holds_mail_back_and_nothing_else() {
    let server = SmtpServer::plain();
    let port = server.port;
    let tocsin = Tocsin::start(Options::default().smtp(&server)).await;
    drop(server);
    team(&tocsin, "infra").await;
    for n in 0..5 {
        let webhook = Webhook::of([firing("Down").team("infra").instance(&n.to_string())]);
        assert_eq!(tocsin.post(&webhook.group(&n.to_string())).await.opened, 1);
    }
    wait_until("mail is paused", || async {
        tocsin.metrics().await.sum("tocsin_mail_paused", &[]) > 0.0
    })
    .await;
    let server = SmtpServer::start(&["--port", &port.to_string()]);
    let mails: Vec<Notification> = tocsin.settled().await;
    assert_eq!(mails.len(), 5);
    server.wait_for(5).await;
    assert!(
        mails
            .iter()
            .any(|mail| mail.attempts.iter().any(|attempt| attempt.error.is_some()))
    );
}

#[test]
fn what_cannot_be_reached_at_start_is_named_without_its_secret() {
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
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(folder.path(), &["serve", "--listen", &address], &[]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.stderr.contains("server.listen") && ended.stderr.contains(&address),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_send_each_mail_once() {
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
    assert_eq!(one.settled().await.len(), 60);
    let mails = server.wait_for(60).await;
    let distinct: std::collections::BTreeSet<&str> =
        mails.iter().map(|mail| &*mail.message_id).collect();
    assert_eq!(distinct.len(), 60);
}
