//! The real Prometheus and Alertmanager with the real program, and real e-mail.

use std::collections::BTreeSet;

use tocsin_api_types::{Alert, Delivery, EntryKind, Incident, IncidentState};
use tocsin_tests::{
    Database, Exporter, Mail, Options, Sender, SmtpServer, Tocsin, eventually, on_both, team,
};

on_both!(prometheus_alerts_become_incidents_and_notifications);

const TOKEN: &str = "token-of-the-alertmanagers";
const SERVICES: [(&str, &str); 3] = [
    ("team-a", "a-1.example.com"),
    ("team-a", "a-2.example.com"),
    ("team-b", "b-1.example.com"),
];

async fn program(options: Options, server: &SmtpServer) -> Tocsin {
    let tocsin = Tocsin::start(options.smtp(server).token(TOKEN)).await;
    team(&tocsin, "team-a").await;
    team(&tocsin, "team-b").await;
    tocsin
}

/// Waits until `count` incidents have this state.
async fn incidents(tocsin: &Tocsin, state: &str, count: usize) -> Vec<Incident> {
    eventually(&format!("{count} incidents are {state}"), || async {
        let found: Vec<Incident> = tocsin.all(&format!("incidents?state={state}")).await;
        (found.len() == count).then_some(found)
    })
    .await
}

fn to<'a>(mails: &'a [Mail], team: &str) -> Vec<&'a Mail> {
    mails
        .iter()
        .filter(|mail| mail.to == format!("{team}@example.com"))
        .collect()
}

async fn prometheus_alerts_become_incidents_and_notifications(database: Database) {
    let server = SmtpServer::plain();
    let tocsin = program(Options::on(database), &server).await;
    let exporter = Exporter::start(&SERVICES).await;
    let url = tocsin.url("/api/v1/webhooks/alertmanager?source=prod");
    let alertmanager = Sender::alertmanager("am", &url, TOKEN).await;
    let _prometheus = Sender::prometheus(&exporter, &[&alertmanager]).await;

    exporter.set("team-a", true);
    exporter.set("team-b", true);
    for incident in incidents(&tocsin, "open", 3).await {
        assert_eq!(
            (&*incident.alertname, &*incident.severity),
            ("ServiceBroken", "critical")
        );
        assert_eq!((&*incident.source, incident.senders), ("prod", 1));
        assert_eq!(incident.message, format!("{} is broken", incident.instance));
        assert!(SERVICES.contains(&(&*incident.team, &*incident.instance)));
        assert!(
            incident.generator_url.contains("/graph"),
            "{}",
            incident.generator_url
        );
    }
    exporter.set("team-b", false);
    incidents(&tocsin, "resolved", 1).await;
    exporter.set("team-a", false);
    let ended = incidents(&tocsin, "resolved", 3).await;
    assert!(
        ended
            .iter()
            .all(|incident| incident.ends_at > Some(incident.starts_at))
    );

    // Each alert has one incident, which was opened and resolved, and no other entries.
    let log: Vec<Alert> = tocsin.all("alerts?order=asc").await;
    for incident in &ended {
        let entries = log.iter().filter(|entry| entry.incident_id == incident.id);
        let kinds: Vec<EntryKind> = entries.map(|entry| entry.kind).collect();
        assert_eq!(
            kinds,
            [EntryKind::Opened, EntryKind::Resolved],
            "{}",
            incident.instance
        );
    }
    assert_eq!(log.len(), 6);

    tocsin.wait_for_notifications().await;
    let mails = server.mails();
    let (a, b) = (to(&mails, "team-a"), to(&mails, "team-b"));
    assert_eq!(a.len() + b.len(), mails.len());
    assert_eq!(b.len(), 2, "{mails:#?}");
    assert!(a.len() >= 2, "{mails:#?}");
    for mail in &a {
        assert!(
            !mail.raw.contains("b-1.example.com"),
            "an alert of team B was sent to team A: {}",
            mail.raw
        );
        assert_eq!(mail.references, a[0].references, "one thread");
    }
    for mail in &b {
        assert!(
            !mail.raw.contains("a-1.example") && !mail.raw.contains("a-2.example"),
            "{}",
            mail.raw
        );
        assert_eq!(mail.references, b[0].references, "one thread");
    }
    assert_ne!(a[0].references, b[0].references);
    assert!(b[0].text.contains("[Firing]") && b[1].text.contains("[Resolved]"));
    let last = a.last().unwrap();
    assert!(
        a[0].text.contains("[Firing]") && last.text.contains("[Resolved]"),
        "{a:#?}"
    );

    // The service breaks again: a new incident, linked to the previous one.
    exporter.set("team-b", true);
    let again = incidents(&tocsin, "open", 1).await.remove(0);
    let before = ended
        .iter()
        .find(|incident| incident.team == "team-b")
        .unwrap();
    assert_eq!(again.previous_id, Some(before.id));
    let rejected: Vec<Delivery> = tocsin.all("deliveries?outcome=refused").await;
    assert!(rejected.is_empty(), "{rejected:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_unclustered_alertmanagers_are_deduplicated() {
    let server = SmtpServer::plain();
    let tocsin = program(Options::default(), &server).await;
    let exporter = Exporter::start(&SERVICES).await;
    let url = tocsin.url("/webhook");
    let one = Sender::alertmanager("am-1", &url, TOKEN).await;
    let two = Sender::alertmanager("am-2", &url, TOKEN).await;
    let _prometheus = Sender::prometheus(&exporter, &[&one, &two]).await;

    exporter.set("team-a", true);
    let wait_for_both = |state: &'static str| {
        let tocsin = &tocsin;
        async move {
            eventually(&format!("both peers report {state}"), || async {
                let found: Vec<Incident> = tocsin.all(&format!("incidents?state={state}")).await;
                (found.len() == 2 && found.iter().all(|incident| incident.senders == 2))
                    .then_some(())
            })
            .await;
        }
    };
    wait_for_both("open").await;
    exporter.set("team-a", false);
    wait_for_both("resolved").await;
    let senders = |deliveries: Vec<Delivery>| -> BTreeSet<String> {
        let over = deliveries
            .into_iter()
            .filter(|one| one.status == Some(tocsin_api_types::Status::Resolved));
        over.map(|delivery| delivery.sender).collect()
    };
    eventually("both peers report the resolution", || async {
        let reported = senders(tocsin.all("deliveries").await);
        (reported.len() == 2).then_some(())
    })
    .await;

    let log: Vec<Alert> = tocsin.all("alerts?order=asc").await;
    assert_eq!(log.len(), 4, "{log:#?}");
    let all: Vec<Incident> = tocsin.all("incidents").await;
    assert_eq!(all.len(), 2);
    for incident in &all {
        assert_eq!(
            (incident.state, incident.senders, incident.occurrences),
            (IncidentState::Resolved, 2, 1)
        );
        let entries = log.iter().filter(|entry| entry.incident_id == incident.id);
        let kinds: Vec<EntryKind> = entries.map(|entry| entry.kind).collect();
        assert_eq!(kinds, [EntryKind::Opened, EntryKind::Resolved]);
    }
    // No notification is sent twice.
    tocsin.wait_for_notifications().await;
    let mails = server.mails();
    let count = |word: &str, instance: &str| {
        let matches = |mail: &&Mail| {
            let mut blocks = mail.text.split("----------------------------------------");
            blocks.any(|block| {
                block.contains(word) && block.contains(&format!("Instance: {instance}"))
            })
        };
        mails.iter().filter(matches).count()
    };
    for instance in ["a-1.example.com", "a-2.example.com"] {
        assert_eq!(
            (count("[Firing]", instance), count("[Resolved]", instance)),
            (1, 1),
            "{mails:#?}"
        );
    }
    assert!(to(&mails, "team-b").is_empty());
}
