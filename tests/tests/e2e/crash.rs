//! Rule 1 under SIGKILL: what was answered is there once, and what is owed is
//! sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use tocsin_api_types::{Alert, Incident, IngestReport, NotificationState, Summary};
use tocsin_tests::{
    Database, Options, SmtpServer, Tocsin, Webhook, firing, on_both, team, wait_until,
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
