//! Single log entries.

use tocsin_core::alert::Status;
use tocsin_storage::alert_log;
use tocsin_storage::enums::EntryKind;

use crate::common::rows::{Entry, labels};
use crate::common::{TestDb, at};

crate::on_both!(
    entry_includes_incident_and_content,
    later_content_replaces_the_first,
    error_names_the_corrupt_row,
);

async fn entry_includes_incident_and_content(test: &TestDb) {
    test.put_incidents(2).await;
    test.run("UPDATE incidents SET memo = 'on it' WHERE id = 2", vec![])
        .await;
    let alert = alert_log::get(&test.db, 2).await.unwrap().unwrap();
    assert_eq!(
        (
            alert.id,
            alert.delivery_id,
            alert.incident_id,
            alert.kind,
            alert.status
        ),
        (2, 1, 2, EntryKind::Refreshed, Status::Firing)
    );
    assert_eq!(
        (alert.received_at, alert.starts_at, alert.ends_at),
        (at(102), at(2), None)
    );
    let content = &alert.content;
    let fields = &content.fields;
    assert_eq!(
        [
            &fields.alertname,
            &fields.instance,
            &fields.severity,
            &fields.team,
            &fields.message
        ],
        ["DiskFull", "host-2:9100", "", "", "it is full"]
    );
    assert_eq!(
        (content.source.as_str(), content.fingerprint.as_str()),
        ("alertmanager", "0000000000000002")
    );
    assert_eq!(content.labels["instance"], "host-2:9100");
    assert_eq!(content.annotations["message"], "it is full");
    assert_eq!((alert.known, alert.memo.as_str()), (false, "on it"));
    assert_eq!(content.generator_url, "http://prometheus.example/graph");
    assert_eq!(alert_log::get(&test.db, 3).await.unwrap(), None);
}

async fn later_content_replaces_the_first(test: &TestDb) {
    let incidents = test.put_incidents(1).await;
    let moved = labels(&[("alertname", "DiskFull"), ("team", "storage")]);
    test.put_content(1, 1, None, "fuller").await;
    test.put_content(2, 1, Some(&moved), "moved").await;
    for (id, content_id) in [(11, 1), (12, 2)] {
        let entry = Entry {
            id,
            incident: 0,
            received_at: at(200),
            status: Status::Firing,
            starts_at: at(1),
            ends_at: None,
        };
        let mut incident = incidents[0].clone();
        incident.content_id = Some(content_id);
        test.put_entry(&entry, &incident).await;
    }
    let content_of = async |id| alert_log::get(&test.db, id).await.unwrap().unwrap().content;
    let first = content_of(1).await;
    let annotations = content_of(11).await;
    assert_eq!(annotations.fields.message, "fuller");
    assert_eq!(annotations.annotations["message"], "fuller");
    assert_eq!(annotations.labels, first.labels);
    assert_eq!(annotations.fields.instance, "host-1:9100");
    let all = content_of(12).await;
    assert_eq!(
        (&all.labels, all.fingerprint.as_str()),
        (&moved, "0000000000000001")
    );
    assert_eq!(
        [&all.fields.instance, &all.fields.team, &all.fields.message],
        ["", "storage", "moved"]
    );
}

async fn error_names_the_corrupt_row(test: &TestDb) {
    test.put_incidents(2).await;
    test.run("UPDATE log_entries SET kind = 9 WHERE id = 1", vec![])
        .await;
    let error = alert_log::get(&test.db, 1).await.unwrap_err().to_string();
    assert_eq!(error, "corrupt row: table log_entries, column kind, id 1");
    test.run("UPDATE series SET labels = '[]' WHERE id = 2", vec![])
        .await;
    let error = alert_log::get(&test.db, 2).await.unwrap_err().to_string();
    assert_eq!(error, "corrupt row: table series, column labels, id 2");
}
