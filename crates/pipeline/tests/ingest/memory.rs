//! What is held in memory is what the database says.

use tocsin_core::visibility::Visibility;
use tocsin_pipeline::acknowledge::{ChangeContext, IncidentChange, acknowledge_one};
use tocsin_pipeline::{Actor, IngestError};

use crate::{ALERT, Ingest, Says, deliver};

crate::on_both!(
    an_acknowledged_incident_is_mailed_no_more,
    what_was_rolled_back_is_not_remembered,
    what_is_forgotten_is_read_again,
);

async fn acknowledge(ingest: &Ingest, id: i64, saying: &IncidentChange) {
    let by = ChangeContext {
        actor: &Actor::command_line(),
        visible: &Visibility::everything(),
        now: ingest.pipeline.now(),
        message_ids: ingest.pipeline.message_ids(),
    };
    let held = ingest.pipeline.alert_cache();
    let done = acknowledge_one(ingest.db(), held, &by, id, None, saying).await;
    assert!(done.unwrap());
}

async fn an_acknowledged_incident_is_mailed_no_more(ingest: &Ingest) {
    ingest.add_recipient().await;
    let mails = "SELECT COUNT(*) FROM notifications";
    ingest.deliver(&[ALERT]).await;
    ingest.minutes_pass(6);
    ingest.deliver(&[ALERT]).await;
    assert_eq!(ingest.number(mails).await, 2, "opened, and a repeat");
    let saying = IncidentChange {
        known: Some(true),
        memo: None,
        by: Some("Kim".to_owned()),
        close: false,
    };
    acknowledge(ingest, 1, &saying).await;
    ingest.minutes_pass(6);
    assert_eq!(ingest.deliver(&[ALERT]).await.refreshed, 1);
    assert_eq!(ingest.number(mails).await, 2, "somebody knows of it");
    let back = IncidentChange {
        known: Some(false),
        ..saying
    };
    acknowledge(ingest, 1, &back).await;
    ingest.minutes_pass(6);
    ingest.deliver(&[ALERT]).await;
    assert_eq!(ingest.number(mails).await, 3);
    // The mail of each tells of the entry that owed it.
    let told = "SELECT COUNT(*) FROM notification_events n JOIN log_entries e ON e.id = n.entry_id \
                AND e.incident_id = n.incident_id WHERE NOT n.resend";
    assert_eq!(ingest.number(told).await, 3);
}

async fn what_was_rolled_back_is_not_remembered(ingest: &Ingest) {
    ingest.deliver(&[ALERT]).await;
    ingest.minutes_pass(6);
    let (refuse, admit) = match &ingest.raw {
        crate::Raw::Sqlite(_) => (
            "CREATE TRIGGER broken BEFORE INSERT ON changes BEGIN SELECT RAISE(ABORT, 'no'); END",
            "DROP TRIGGER broken",
        ),
        crate::Raw::Postgres(_) => (
            "ALTER TABLE changes ADD CONSTRAINT broken CHECK (object_id < 0) NOT VALID",
            "ALTER TABLE changes DROP CONSTRAINT broken",
        ),
    };
    ingest.run(refuse).await;
    let fresh = Says {
        instance: "b",
        ..ALERT
    };
    let refused = deliver(&ingest.pipeline, &[ALERT, fresh]).await;
    assert!(matches!(refused, Err(IngestError::Unavailable)));
    ingest.run(admit).await;
    // The same delivery again: neither seen, nor known.
    let report = ingest.deliver(&[ALERT, fresh]).await;
    assert_eq!((report.refreshed, report.opened), (1, 1), "{report:?}");
    assert_eq!(ingest.number("SELECT COUNT(*) FROM series").await, 2);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM log_entries").await, 3);
    let told = "SELECT MAX(occurrences) FROM incidents";
    assert_eq!(ingest.number(told).await, 2);
}

async fn what_is_forgotten_is_read_again(ingest: &Ingest) {
    ingest.deliver(&[ALERT]).await;
    let held = ingest.pipeline.alert_cache();
    assert_eq!(held.len().await, 1);
    // As retention does it, which takes a series with all that is told of it.
    for table in ["log_entries", "incidents", "series"] {
        ingest.run(&format!("DELETE FROM {table}")).await;
    }
    if matches!(ingest.raw, crate::Raw::Sqlite(_)) {
        held.forget(&[1]).await;
        assert!(held.is_empty().await);
    }
    // On PostgreSQL the lock shows that it is gone.
    let report = ingest.deliver(&[ALERT]).await;
    assert_eq!(report.opened, 1, "{report:?}");
    assert_eq!(ingest.number("SELECT COUNT(*) FROM series").await, 1);
    let orphans = "SELECT COUNT(*) FROM log_entries WHERE series_id NOT IN (SELECT id FROM series)";
    assert_eq!(ingest.number(orphans).await, 0);
    held.forget_all().await;
    assert_eq!(ingest.deliver(&[ALERT]).await.seen_again, 1);
}

/// More alerts than are held: those that were let go are read again.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_bounded() {
    let ingest = Ingest::sqlite(20).await;
    let names: Vec<String> = (0..50).map(|n| format!("host-{n}")).collect();
    let says: Vec<Says<'_>> = names
        .iter()
        .map(|instance| Says { instance, ..ALERT })
        .collect();
    assert_eq!(ingest.deliver(&says).await.opened, 50);
    assert!(ingest.pipeline.alert_cache().len().await <= 20);
    for part in says.chunks(7) {
        assert_eq!(ingest.deliver(part).await.seen_again, part.len());
    }
    ingest.minutes_pass(6);
    assert_eq!(ingest.deliver(&says).await.refreshed, 50);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM incidents").await, 50);
    assert!(ingest.pipeline.alert_cache().len().await <= 20);
}

/// What one replica moves another one sees, whatever it holds.
#[tokio::test(flavor = "multi_thread")]
async fn replicas_see_each_others_incidents() {
    let ingest = Ingest::postgres().await;
    let other = ingest.replica().await;
    ingest.deliver(&[ALERT]).await;
    assert_eq!(deliver(&other, &[ALERT]).await.unwrap().seen_again, 1);
    let ended = Says {
        resolved: true,
        ..ALERT
    };
    assert_eq!(deliver(&other, &[ended]).await.unwrap().resolved, 1);
    assert_eq!(ingest.deliver(&[ended]).await.seen_again, 1);
    ingest.minutes_pass(6);
    // Both at once, with alerts that neither knows.
    let names: Vec<String> = (0..200).map(|n| format!("host-{n}")).collect();
    let says: Vec<Says<'_>> = names
        .iter()
        .map(|instance| Says { instance, ..ALERT })
        .collect();
    let mut turned = says.clone();
    turned.reverse();
    let (one, two) = tokio::join!(deliver(&other, &says), deliver(&ingest.pipeline, &turned));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.opened + two.opened, 200);
    assert_eq!(one.seen_again + two.seen_again, 200);
    assert_eq!(ingest.number("SELECT COUNT(*) FROM series").await, 201);
    other.shutdown().await;
}
