//! A sample mail that uses every variable, for testing templates.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Address, EventKind, Language, MailContent, NotifiedAlert, Reason};

/// Content that fills every variable of the templates: each event, present and missing labels,
/// links, other alerts of the group, a truncated delivery. For testing templates and settings.
#[must_use]
pub fn content(language: Language) -> MailContent {
    let began = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000);
    let alert = |id: i64, event: EventKind, name: &str| NotifiedAlert {
        event,
        incident_id: id,
        alertname: name.to_owned(),
        instance: format!("db-{id}:9100"),
        severity: "critical".to_owned(),
        team: "dba".to_owned(),
        message: "Disk is 97 % full".to_owned(),
        labels: map(&[
            ("alertname", name),
            ("cloud", "prod"),
            ("mountpoint", "/var/lib/db"),
        ]),
        annotations: map(&[
            ("summary", "Disk is 97 % full"),
            (
                "description",
                "It will be full in two hours.\nLast backup: 03:00.",
            ),
            ("runbook_url", "https://wiki.example.com/disk-full"),
        ]),
        generator_url: "https://prometheus.example.com/graph?g0.expr=disk".to_owned(),
        starts_at: began,
        ends_at: (!event.is_firing()).then(|| began + TimeDelta::minutes(125)),
        occurrences: id,
    };
    let bare = NotifiedAlert {
        event: EventKind::Opened,
        incident_id: 5,
        alertname: "(none)".to_owned(),
        instance: String::new(),
        severity: String::new(),
        team: String::new(),
        message: String::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        generator_url: String::new(),
        starts_at: began,
        ends_at: None,
        occurrences: 1,
    };
    MailContent {
        from: Address::new("Tocsin", "tocsin@example.com"),
        to: Address::new("Li Lei", "lilei@example.com"),
        language,
        time_zone: chrono_tz::Asia::Shanghai,
        message_id: "sample-1@tocsin.example.com".to_owned(),
        thread_id: "thread-1@tocsin.example.com".to_owned(),
        subject_stem: "[prod] DiskFull db-1:9100 #1".to_owned(),
        public_url: url::Url::parse("https://tocsin.example.com/inbox/").ok(),
        source: "alertmanager".to_owned(),
        receiver: "tocsin".to_owned(),
        events: vec![
            alert(1, EventKind::Opened, "DiskFull"),
            alert(2, EventKind::Refreshed, "DiskFull"),
            alert(3, EventKind::Expired, "DiskFull"),
            alert(4, EventKind::Resolved, "DiskFull"),
            bare,
        ],
        still_firing: 99,
        still_firing_names: vec![
            "DiskFull db-7:9100".to_owned(),
            "DiskFull db-8:9100".to_owned(),
        ],
        truncated_alerts: 3,
        reasons: vec![
            Reason {
                route: Some("databases".to_owned()),
                group: "DBA".to_owned(),
            },
            Reason {
                route: None,
                group: "ops".to_owned(),
            },
        ],
        date: began + TimeDelta::minutes(130),
        resend: true,
    }
}

/// The minimal content.
pub(super) fn bare(language: Language) -> MailContent {
    let full = content(language);
    MailContent {
        public_url: None,
        events: full.events.iter().skip(4).cloned().collect(),
        still_firing: 0,
        still_firing_names: Vec::new(),
        truncated_alerts: 0,
        reasons: Vec::new(),
        resend: false,
        ..full
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
