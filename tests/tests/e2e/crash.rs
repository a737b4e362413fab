//! Rule 1 under SIGKILL: what was answered is there once, and what is owed is
//! sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use tocsin_api_types::{Alert, Incident, IngestReport, NotificationState, Summary};
use tocsin_tests::{
    Database, Options, SmtpServer, Tocsin, Webhook, firing, http_client, on_both, team, wait_until,
};

on_both!(every_answered_delivery_and_every_owed_mail_survives_kills);

const KILLS: usize = 4;
const SENDERS: usize = 8;
/// Answered deliveries of a round before its kill.
const ROUND: usize = 60;
const WEBHOOK: &str = "/api/v1/webhooks/alertmanager";

async fn every_answered_delivery_and_every_owed_mail_survives_kills(database: Database) {
    // Slow enough that kills meet mails on their way.
    let server = SmtpServer::start(&["--delay-ms", "5"]);
    let options = Options::on(database)
        .smtp(&server)
        .set("mail.smtp.timeout", "2s");
    let mut tocsin = Tocsin::start(options).await;
    team(&tocsin, "infra").await;
    let next = AtomicUsize::new(0);
    let answered: Mutex<BTreeSet<String>> = Mutex::default();
    let asked: Mutex<BTreeSet<String>> = Mutex::default();
    for _ in 0..KILLS {
        let before = answered.lock().unwrap().len();
        let pid = tocsin.pid();
        let load = futures::future::join_all(
            (0..SENDERS).map(|_| send_until_killed(&tocsin, &next, &asked, &answered)),
        );
        tokio::join!(load, async {
            wait_until("a round's answers", || async {
                answered.lock().unwrap().len() >= before + ROUND
            })
            .await;
            // From outside, in the middle of everything.
            let killed = std::process::Command::new("kill")
                .args(["-KILL", &pid])
                .status();
            assert!(killed.unwrap().success());
        });
        tocsin.ended().await;
        tocsin.restart().await;
    }
    let (asked, answered) = (asked.into_inner().unwrap(), answered.into_inner().unwrap());
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
    assert!(lost.is_empty(), "answered and gone: {lost:?}");
    assert!(entries.keys().all(|name| asked.contains(*name)));
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(incidents.len(), log.len());

    let summary: Summary = tocsin.get("/api/v1/stats/summary").await;
    assert_eq!(summary.log_entries as usize, log.len());
    assert_eq!(summary.incidents as usize, log.len());
    assert!(summary.deliveries as usize >= answered.len());

    // On PostgreSQL another replica may be sending what the killed one had
    // leased, as far as anybody knows, until the lease runs out.
    let owed = tocsin.settled_within(Duration::from_secs(120)).await;
    assert_eq!(
        owed.len(),
        log.len(),
        "each delivery with news owes one mail"
    );
    assert!(
        owed.iter()
            .all(|mail| mail.state == NotificationState::Sent),
        "all are sent in the end"
    );
    let sent = server.mails();
    let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
    for mail in &sent {
        *copies.entry(&mail.message_id).or_default() += 1;
    }
    assert_eq!(copies.len(), log.len(), "every mail that is owed is sent");
    let repeated = sent.len() - copies.len();
    // Four are sent at once.
    assert!(
        repeated <= 4 * KILLS,
        "{repeated} copies after {KILLS} kills"
    );
    assert!(
        copies.values().all(|count| *count <= 1 + KILLS),
        "{copies:?}"
    );
}

/// What senders asked to be stored, and what was answered as stored.
#[derive(Default)]
struct Told {
    next: AtomicUsize,
    answered: Mutex<BTreeSet<String>>,
    over: AtomicBool,
}

impl Told {
    fn answers(&self) -> usize {
        self.answered.lock().unwrap().len()
    }
}

/// One sender of a pair of programs behind a balancer: each alert in a delivery
/// of its own, sent to the other program where one fails, until it is stored.
async fn send_to_either(ports: &[u16], told: &Told) {
    let http = http_client().build().unwrap();
    while !told.over.load(Ordering::Relaxed) {
        let n = told.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("host-{n:05}");
        let said = firing("Crash").team("infra").instance(&name);
        let body = Webhook::of([said]).group(&name).bytes();
        for attempt in n.. {
            let url = format!("http://127.0.0.1:{}{WEBHOOK}", ports[attempt % ports.len()]);
            let reply = http.post(url).body(body.clone()).send().await;
            if reply.is_ok_and(|reply| reply.status() == 200) {
                break;
            }
            tokio::task::yield_now().await;
        }
        told.answered.lock().unwrap().insert(name);
    }
}

/// The story as it must be: each alert and each mail once.
async fn all_is_there_once(tocsin: &Tocsin, server: &SmtpServer, told: &Told, kills: usize) {
    let log: Vec<Alert> = tocsin.all("alerts").await;
    let names: BTreeSet<String> = log.iter().map(|entry| entry.instance.clone()).collect();
    assert_eq!(names.len(), log.len(), "no alert is there twice");
    assert_eq!(names, *told.answered.lock().unwrap());
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(incidents.len(), log.len());
    let summary: Summary = tocsin.get("/api/v1/stats/summary").await;
    assert_eq!(summary.log_entries as usize, log.len());
    assert_eq!(summary.incidents as usize, log.len());
    let owed = tocsin.settled_within(Duration::from_secs(120)).await;
    assert_eq!(owed.len(), log.len());
    assert!(
        owed.iter()
            .all(|mail| mail.state == NotificationState::Sent)
    );
    let sent = server.mails();
    let distinct: BTreeSet<&str> = sent.iter().map(|mail| &*mail.message_id).collect();
    assert_eq!(distinct.len(), log.len(), "every mail that is owed is sent");
    assert!(
        sent.len() - distinct.len() <= 4 * kills,
        "only mails in flight come twice: {} of {}",
        sent.len(),
        distinct.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_of_two_replicas_may_be_killed_under_load() {
    let server = SmtpServer::start(&["--delay-ms", "2"]);
    let options = Options::on(Database::postgres().await)
        .smtp(&server)
        .set("mail.smtp.timeout", "2s");
    let mut replicas = [
        Tocsin::start(options.clone()).await,
        Tocsin::start(options).await,
    ];
    team(&replicas[0], "infra").await;
    // They keep their ports when they come back, as behind a balancer.
    for replica in &mut replicas {
        replica.keep_port();
    }
    let ports = [replicas[0].port(), replicas[1].port()];
    let told = Told::default();
    let senders = futures::future::join_all((0..SENDERS).map(|_| send_to_either(&ports, &told)));
    let kills = async {
        for kill in 0..KILLS {
            let before = told.answers();
            wait_until("a round's answers", || async {
                told.answers() >= before + ROUND
            })
            .await;
            let replica = &mut replicas[kill % 2];
            replica.kill9();
            let before = told.answers();
            wait_until("the other one goes on alone", || async {
                told.answers() >= before + ROUND / 2
            })
            .await;
            replica.restart().await;
        }
        told.over.store(true, Ordering::Relaxed);
    };
    tokio::join!(senders, kills);
    all_is_there_once(&replicas[1], &server, &told, KILLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_may_crash_under_load() {
    let server = SmtpServer::start(&[]);
    let (database, postgres) = Database::own().await;
    let options = Options::on(database).smtp(&server);
    let replicas = [
        Tocsin::start(options.clone()).await,
        Tocsin::start(options).await,
    ];
    team(&replicas[0], "infra").await;
    let ports = [replicas[0].port(), replicas[1].port()];
    let told = Told::default();
    let senders = futures::future::join_all((0..SENDERS).map(|_| send_to_either(&ports, &told)));
    let crashes = async {
        for _ in 0..2 {
            let before = told.answers();
            wait_until("a round's answers", || async {
                told.answers() >= before + ROUND
            })
            .await;
            let postgres = Arc::clone(&postgres);
            let restarted = tokio::task::spawn_blocking(move || {
                postgres.crash();
                postgres.run();
            });
            restarted.await.unwrap();
        }
        let before = told.answers();
        wait_until("all goes on", || async { told.answers() >= before + ROUND }).await;
        told.over.store(true, Ordering::Relaxed);
    };
    tokio::join!(senders, crashes);
    // No program died, so at most the mails in flight at a crash came twice.
    all_is_there_once(&replicas[1], &server, &told, 2 * replicas.len()).await;
}

/// One sender: each alert in a delivery of its own, over and over again until
/// the program is gone.
async fn send_until_killed(
    tocsin: &Tocsin,
    next: &AtomicUsize,
    asked: &Mutex<BTreeSet<String>>,
    answered: &Mutex<BTreeSet<String>>,
) {
    loop {
        let name = format!("host-{:05}", next.fetch_add(1, Ordering::Relaxed));
        let said = firing("Crash").team("infra").instance(&name);
        asked.lock().unwrap().insert(name.clone());
        let request = tocsin
            .request(Method::POST, WEBHOOK)
            .bytes(Webhook::of([said]).group(&name).bytes());
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
