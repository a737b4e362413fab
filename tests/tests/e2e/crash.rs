//! Crash safety: after SIGKILL or a database crash, every delivery answered with 200 is
//! stored once, and every queued notification is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use tocsin_api_types::{Alert, Incident, IngestReport, NotificationState, Summary};
use tocsin_tests::{
    Database, Options, SmtpServer, Tocsin, Webhook, firing, http_client, on_both, team, wait_until,
};

on_both!(accepted_deliveries_and_queued_notifications_survive_sigkill);

const KILLS: usize = 4;
const SENDERS: usize = 8;
/// Accepted deliveries in each round before the kill.
const ROUND: usize = 60;
const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

async fn accepted_deliveries_and_queued_notifications_survive_sigkill(database: Database) {
    // Slow, so that kills interrupt notifications being sent.
    let server = SmtpServer::start(&["--delay-ms", "5"]);
    let options = Options::on(database)
        .smtp(&server)
        .set("mail.smtp.timeout", "2s");
    let mut tocsin = Tocsin::start(options).await;
    team(&tocsin, "infra").await;
    let next = AtomicUsize::new(0);
    let answered: Mutex<BTreeSet<String>> = Mutex::default();
    let requested: Mutex<BTreeSet<String>> = Mutex::default();
    for _ in 0..KILLS {
        let before = answered.lock().unwrap().len();
        let pid = tocsin.pid();
        let load = futures::future::join_all(
            (0..SENDERS).map(|_| send_until_killed(&tocsin, &next, &requested, &answered)),
        );
        tokio::join!(load, async {
            wait_until("accepted deliveries", || async {
                answered.lock().unwrap().len() >= before + ROUND
            })
            .await;
            // Not through the harness, while deliveries are in progress.
            let killed = std::process::Command::new("kill")
                .args(["-KILL", &pid])
                .status();
            assert!(killed.unwrap().success());
        });
        tocsin.wait_for_exit().await;
        tocsin.restart().await;
    }
    let (requested, answered) = (
        requested.into_inner().unwrap(),
        answered.into_inner().unwrap(),
    );
    let log: Vec<Alert> = tocsin.all("alerts").await;
    let mut entries: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in &log {
        *entries.entry(&entry.instance).or_default() += 1;
    }
    let twice: Vec<_> = entries.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let lost: Vec<_> = answered
        .iter()
        .filter(|name| !entries.contains_key(name.as_str()))
        .collect();
    assert!(lost.is_empty(), "accepted but not stored: {lost:?}");
    assert!(entries.keys().all(|name| requested.contains(*name)));
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(incidents.len(), log.len());

    let summary: Summary = tocsin.get("/api/v1/stats/summary").await;
    assert_eq!(summary.log_entries as usize, log.len());
    assert_eq!(summary.incidents as usize, log.len());
    assert!(summary.deliveries as usize >= answered.len());

    // On PostgreSQL the killed program's leases must expire first, as another replica
    // could be sending the leased notifications.
    let notifications = tocsin
        .wait_for_notifications_within(Duration::from_secs(120))
        .await;
    assert_eq!(
        notifications.len(),
        log.len(),
        "each delivery triggers one notification"
    );
    assert!(
        notifications
            .iter()
            .all(|notification| notification.state == NotificationState::Sent),
        "all are sent in the end"
    );
    let sent = server.mails();
    let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
    for mail in &sent {
        *copies.entry(&mail.message_id).or_default() += 1;
    }
    assert_eq!(copies.len(), log.len(), "every notification is sent");
    let repeated = sent.len() - copies.len();
    // Four are sent concurrently.
    assert!(
        repeated <= 4 * KILLS,
        "{repeated} copies after {KILLS} kills"
    );
    assert!(
        copies.values().all(|count| *count <= 1 + KILLS),
        "{copies:?}"
    );
}

/// Deliveries of the senders, and those answered with 200.
#[derive(Default)]
struct Progress {
    next: AtomicUsize,
    answered: Mutex<BTreeSet<String>>,
    over: AtomicBool,
}

impl Progress {
    fn count(&self) -> usize {
        self.answered.lock().unwrap().len()
    }
}

/// A sender in front of two replicas: sends each alert in its own delivery, to the
/// other replica if one fails, until it is accepted.
async fn send_to_either(ports: &[u16], progress: &Progress) {
    let http = http_client().build().unwrap();
    while !progress.over.load(Ordering::Relaxed) {
        let n = progress.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("host-{n:05}");
        let alert = firing("Crash").team("infra").instance(&name);
        let body = Webhook::of([alert]).group(&name).bytes();
        for attempt in n.. {
            let url = format!("http://127.0.0.1:{}{WEBHOOK}", ports[attempt % ports.len()]);
            let reply = http.post(url).body(body.clone()).send().await;
            if reply.is_ok_and(|reply| reply.status() == 200) {
                break;
            }
            tokio::task::yield_now().await;
        }
        progress.answered.lock().unwrap().insert(name);
    }
}

/// Asserts that each alert and each notification exists once.
async fn assert_stored_once(
    tocsin: &Tocsin,
    server: &SmtpServer,
    progress: &Progress,
    kills: usize,
) {
    let log: Vec<Alert> = tocsin.all("alerts").await;
    let names: BTreeSet<String> = log.iter().map(|entry| entry.instance.clone()).collect();
    assert_eq!(names.len(), log.len(), "no alert is stored twice");
    assert_eq!(names, *progress.answered.lock().unwrap());
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(incidents.len(), log.len());
    let summary: Summary = tocsin.get("/api/v1/stats/summary").await;
    assert_eq!(summary.log_entries as usize, log.len());
    assert_eq!(summary.incidents as usize, log.len());
    let notifications = tocsin
        .wait_for_notifications_within(Duration::from_secs(120))
        .await;
    assert_eq!(notifications.len(), log.len());
    assert!(
        notifications
            .iter()
            .all(|notification| notification.state == NotificationState::Sent)
    );
    let sent = server.mails();
    let distinct: BTreeSet<&str> = sent.iter().map(|mail| &*mail.message_id).collect();
    assert_eq!(distinct.len(), log.len(), "every notification is sent");
    assert!(
        sent.len() - distinct.len() <= 4 * kills,
        "only e-mails being sent may be repeated: {} of {}",
        sent.len(),
        distinct.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepted_deliveries_survive_sigkill_of_a_replica() {
    let server = SmtpServer::start(&["--delay-ms", "2"]);
    let options = Options::on(Database::postgres().await)
        .smtp(&server)
        .set("mail.smtp.timeout", "2s");
    let mut replicas = [
        Tocsin::start(options.clone()).await,
        Tocsin::start(options).await,
    ];
    team(&replicas[0], "infra").await;
    // Replicas keep their ports after a restart, as behind a load balancer.
    for replica in &mut replicas {
        replica.keep_port();
    }
    let ports = [replicas[0].port(), replicas[1].port()];
    let progress = Progress::default();
    let senders =
        futures::future::join_all((0..SENDERS).map(|_| send_to_either(&ports, &progress)));
    let kills = async {
        for kill in 0..KILLS {
            let before = progress.count();
            wait_until("accepted deliveries", || async {
                progress.count() >= before + ROUND
            })
            .await;
            let replica = &mut replicas[kill % 2];
            replica.kill9();
            let before = progress.count();
            wait_until("the other replica goes on", || async {
                progress.count() >= before + ROUND / 2
            })
            .await;
            replica.restart().await;
        }
        progress.over.store(true, Ordering::Relaxed);
    };
    tokio::join!(senders, kills);
    assert_stored_once(&replicas[1], &server, &progress, KILLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepted_deliveries_survive_a_database_crash() {
    let server = SmtpServer::start(&[]);
    let (database, postgres) = Database::own().await;
    let options = Options::on(database).smtp(&server);
    let replicas = [
        Tocsin::start(options.clone()).await,
        Tocsin::start(options).await,
    ];
    team(&replicas[0], "infra").await;
    let ports = [replicas[0].port(), replicas[1].port()];
    let progress = Progress::default();
    let senders =
        futures::future::join_all((0..SENDERS).map(|_| send_to_either(&ports, &progress)));
    let crashes = async {
        for _ in 0..2 {
            let before = progress.count();
            wait_until("accepted deliveries", || async {
                progress.count() >= before + ROUND
            })
            .await;
            let postgres = Arc::clone(&postgres);
            let restarted = tokio::task::spawn_blocking(move || {
                postgres.crash();
                postgres.run();
            });
            restarted.await.unwrap();
        }
        let before = progress.count();
        wait_until("deliveries go on", || async {
            progress.count() >= before + ROUND
        })
        .await;
        progress.over.store(true, Ordering::Relaxed);
    };
    tokio::join!(senders, crashes);
    // No program was killed, so only e-mails being sent at a crash may be repeated.
    assert_stored_once(&replicas[1], &server, &progress, 2 * replicas.len()).await;
}

/// A sender that sends each alert in its own delivery until the program is killed.
async fn send_until_killed(
    tocsin: &Tocsin,
    next: &AtomicUsize,
    requested: &Mutex<BTreeSet<String>>,
    answered: &Mutex<BTreeSet<String>>,
) {
    loop {
        let name = format!("host-{:05}", next.fetch_add(1, Ordering::Relaxed));
        let alert = firing("Crash").team("infra").instance(&name);
        requested.lock().unwrap().insert(name.clone());
        let request = tocsin
            .request(Method::POST, WEBHOOK)
            .bytes(Webhook::of([alert]).group(&name).bytes());
        match request.try_send().await {
            Ok(reply) => {
                let report: IngestReport = reply.json();
                assert_eq!(report.opened, 1);
                answered.lock().unwrap().insert(name);
            }
            Err(_) => return,
        }
    }
}
