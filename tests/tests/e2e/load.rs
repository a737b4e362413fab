//! Many concurrent senders, with retries and copies.

use futures::future::join_all;
use rand::seq::SliceRandom;
use tocsin_api_types::{Alert, Incident, IncidentState, IngestReport, Summary};
use tocsin_tests::{Database, Options, TestAlert, Tocsin, Webhook, ago, firing, on_both};

on_both!(
    retries_and_copies_of_64_senders_are_deduplicated,
    concurrent_bodies_of_every_size_are_stored
);

/// Number of alerts, each of which two peers report several times.
const ALERTS: usize = 320;
const SENDERS: usize = 64;

fn alert(n: usize) -> TestAlert {
    firing("Busy")
        .instance(&format!("host-{n}"))
        .starts(ago(600))
}

/// The sum of a field of the responses.
fn sum(reports: &[IngestReport], field: fn(&IngestReport) -> usize) -> usize {
    reports.iter().map(field).sum()
}

/// Each sender reports its alerts three times, in batches of its own size. Two senders
/// report the same alerts, as peers.
async fn send_all(tocsins: &[&Tocsin], alert: impl Fn(usize) -> TestAlert) -> Vec<IngestReport> {
    let senders = (0..SENDERS).map(|sender| {
        let alert = &alert;
        async move {
            let tocsin = tocsins[sender % tocsins.len()];
            let share = ALERTS * 2 / SENDERS;
            let first = (sender / 2) * share;
            let mut alerts: Vec<TestAlert> = (first..first + share).map(alert).collect();
            let peer = if sender % 2 == 0 { "a" } else { "b" };
            let mut reports = Vec::new();
            for _ in 0..3 {
                alerts.shuffle(&mut rand::rng());
                for batch in alerts.chunks(1 + sender % 7) {
                    let webhook = Webhook::of(batch.to_vec()).peer(peer);
                    reports.push(tocsin.post(&webhook).await);
                }
            }
            reports
        }
    });
    join_all(senders).await.concat()
}

async fn assert_stored_once(tocsin: &Tocsin, reports: &[IngestReport]) {
    assert_eq!(sum(reports, |report| report.opened), ALERTS);
    assert_eq!(
        sum(reports, |report| report.seen_again),
        ALERTS * 6 - ALERTS
    );
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(incidents.len(), ALERTS);
    for incident in &incidents {
        assert_eq!(
            (incident.senders, incident.occurrences),
            (2, 1),
            "{incident:?}"
        );
    }
    let summary: Summary = tocsin.get("/api/v1/stats/summary").await;
    assert_eq!(summary.deliveries as usize, reports.len());
    assert_eq!(
        summary.log_entries as usize,
        tocsin.all::<Alert>("alerts").await.len()
    );
}

async fn retries_and_copies_of_64_senders_are_deduplicated(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let reports = send_all(&[&tocsin], alert).await;
    assert_stored_once(&tocsin, &reports).await;
    let end = ago(1);
    let reports = send_all(&[&tocsin], |n| alert(n).ends(end)).await;
    assert_eq!(sum(&reports, |report| report.resolved), ALERTS);
    let open: Vec<Incident> = tocsin.all("incidents?state=open").await;
    assert!(open.is_empty());
    assert_eq!(tocsin.all::<Alert>("alerts").await.len(), ALERTS * 2);
    let mut ids: Vec<i64> = reports.iter().map(|report| report.delivery_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), reports.len(), "each delivery has its own ID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_deduplicate_together() {
    let one = Tocsin::start(Options::on(Database::postgres().await)).await;
    let two = one.replica().await;
    let reports = send_all(&[&one, &two, &two, &one], alert).await;
    assert_stored_once(&one, &reports).await;
    assert_stored_once(&two, &reports).await;
    let end = ago(1);
    let reports = send_all(&[&one, &two, &two, &one], |n| alert(n).ends(end)).await;
    assert_eq!(sum(&reports, |report| report.resolved), ALERTS);
    let incidents: Vec<Incident> = two.all("incidents?state=resolved").await;
    assert_eq!(incidents.len(), ALERTS);
    assert_eq!(
        one.all::<Alert>("alerts").await,
        two.all::<Alert>("alerts").await
    );
}

async fn concurrent_bodies_of_every_size_are_stored(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let senders = (0..SENDERS).map(|sender| {
        let (tocsin, size) = (
            &tocsin,
            [1, 10, 100, 500][sender % 4].min(if sender < 8 { 500 } else { 20 }),
        );
        async move {
            let alerts = (0..size).map(|n| firing("Sized").instance(&format!("{sender}-{n}")));
            let report = tocsin
                .post(&Webhook::of(alerts).group(&sender.to_string()))
                .await;
            assert_eq!((report.alerts, report.opened), (size, size));
            size
        }
    });
    let total: usize = join_all(senders).await.into_iter().sum();
    let incidents: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(incidents.len(), total);
    assert!(
        incidents
            .iter()
            .all(|incident| incident.state == IncidentState::Open)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_queue_returns_503_with_retry_after() {
    // The queue has room for one body of this size.
    let options = Options::default()
        .set("server.body_limit", "4MiB")
        .set("ingest.queue_bytes", "5MiB");
    let tocsin = Tocsin::start(options).await;
    let body = |sender: usize| {
        let alerts = (0..2_000).map(move |n| {
            firing("Heavy")
                .instance(&format!("{sender}-{n}"))
                .summary(&"words ".repeat(150))
        });
        Webhook::of(alerts).bytes()
    };
    let bodies: Vec<Vec<u8>> = (0..6).map(body).collect();
    let replies = join_all(
        bodies
            .iter()
            .map(|body| tocsin.deliver("/webhook", body.clone())),
    )
    .await;
    let full: Vec<_> = replies.iter().filter(|reply| reply.status == 503).collect();
    assert!(!full.is_empty(), "no delivery was rejected");
    for reply in &full {
        assert_eq!(reply.problem(503).kind, "urn:tocsin:problem:queue-full");
        assert!(reply.header("retry-after").parse::<u32>().is_ok());
    }
    let stored: usize = replies
        .iter()
        .filter(|reply| reply.status == 200)
        .map(|reply| reply.json::<IngestReport>().opened)
        .sum();
    let summary: Summary = tocsin.get("/api/v1/stats/summary").await;
    assert_eq!(summary.log_entries as usize, stored);
    let metrics = tocsin.metrics().await;
    assert_eq!(
        metrics.sum("tocsin_deliveries_total", &["outcome=\"queue_full\""]) as usize,
        full.len()
    );
    // The retry is accepted.
    assert_eq!(
        tocsin.deliver("/webhook", bodies[5].clone()).await.status,
        200
    );
}
