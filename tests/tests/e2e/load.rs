//! Many senders at once, retries and copies among them.

use futures::future::join_all;
use rand::seq::SliceRandom;
use tocsin_api_types::{Alert, Incident, IncidentState, IngestReport, Summary};
use tocsin_tests::{Database, Options, TestAlert, Tocsin, Webhook, ago, firing, on_both};

on_both!(
    sixty_four_senders_with_retries_and_copies_add_up,
    bodies_of_every_size_at_once
);

/// Alerts, all of which two peers tell several times.
const ALERTS: usize = 320;
const SENDERS: usize = 64;

fn alert(n: usize) -> TestAlert {
    firing("Busy")
        .instance(&format!("host-{n}"))
        .starts(ago(600))
}

/// The sum of what the answers said.
fn sum(reports: &[IngestReport], field: fn(&IngestReport) -> usize) -> usize {
    reports.iter().map(field).sum()
}

/// Each sender tells its alerts thrice, in batches of its own shape; those of
/// even numbers overlap with its neighbour's.
async fn tell(tocsins: &[&Tocsin], said: impl Fn(usize) -> TestAlert) -> Vec<IngestReport> {
    let senders = (0..SENDERS).map(|sender| {
        let said = &said;
        async move {
            let tocsin = tocsins[sender % tocsins.len()];
            let share = ALERTS * 2 / SENDERS;
            let first = (sender / 2) * share;
            let mut alerts: Vec<TestAlert> = (first..first + share).map(said).collect();
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

async fn the_story_is_told_once(tocsin: &Tocsin, reports: &[IngestReport]) {
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

async fn sixty_four_senders_with_retries_and_copies_add_up(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let reports = tell(&[&tocsin], alert).await;
    the_story_is_told_once(&tocsin, &reports).await;
    let end = ago(1);
    let reports = tell(&[&tocsin], |n| alert(n).ends(end)).await;
    assert_eq!(sum(&reports, |report| report.resolved), ALERTS);
    let open: Vec<Incident> = tocsin.all("incidents?state=open").await;
    assert!(open.is_empty());
    assert_eq!(tocsin.all::<Alert>("alerts").await.len(), ALERTS * 2);
    let mut numbers: Vec<i64> = reports.iter().map(|report| report.delivery_id).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(
        numbers.len(),
        reports.len(),
        "each delivery has a number of its own"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_on_one_database_tell_the_story_of_one() {
    let one = Tocsin::start(Options::on(Database::postgres().await)).await;
    let two = one.replica().await;
    let reports = tell(&[&one, &two, &two, &one], alert).await;
    the_story_is_told_once(&one, &reports).await;
    the_story_is_told_once(&two, &reports).await;
    let end = ago(1);
    let reports = tell(&[&one, &two, &two, &one], |n| alert(n).ends(end)).await;
    assert_eq!(sum(&reports, |report| report.resolved), ALERTS);
    let incidents: Vec<Incident> = two.all("incidents?state=resolved").await;
    assert_eq!(incidents.len(), ALERTS);
    assert_eq!(
        one.all::<Alert>("alerts").await,
        two.all::<Alert>("alerts").await
    );
}

async fn bodies_of_every_size_at_once(database: Database) {
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
async fn more_than_may_wait_is_told_to_come_back() {
    // One body of this size waits; the second does not fit beside it.
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
    assert!(!full.is_empty(), "all of them fitted");
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
    // Sent again, it is taken.
    assert_eq!(
        tocsin.deliver("/webhook", bodies[5].clone()).await.status,
        200
    );
}
