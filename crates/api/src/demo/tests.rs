use serde_json::json;
use tocsin_storage::notifications;

use super::*;
use crate::config::{Flags, load};

const START: i64 = 1_780_000_000;

fn time(after: i64) -> Timestamp {
    Timestamp::from_micros((START + after) * 1_000_000)
}

/// A delivery of one of two Alertmanagers behind one name, with one alert of the team `infra`.
fn post(after: i64, end: Option<i64>) -> Step {
    let status = if end.is_some() { "resolved" } else { "firing" };
    let labels = json!({"alertname": "Down", "instance": "a", "team": "infra"});
    let body = json!({
        "version": "4", "receiver": "tocsin", "status": status, "groupKey": "{}:{}",
        "externalURL": "http://alertmanager.example.com", "truncatedAlerts": 0,
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "alerts": [{"status": status, "labels": labels, "annotations": {}, "startsAt": time(0).to_string(),
            "endsAt": end.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |end| time(end).to_string())}],
    });
    let what = What::Post {
        source: "prod",
        body: body.to_string(),
    };
    let at = START + after;
    Step { at, what }
}

/// The third delivery may be a delayed copy from a peer, so its notification is held: the clock
/// must move for it to be sent.
#[tokio::test]
async fn a_held_notification_is_sent_when_due() {
    let dir = tempfile::tempdir().unwrap();
    let flags = Flags {
        data_dir: Some(dir.path().to_owned()),
        demo: true,
        ..Flags::default()
    };
    let settings = load(&flags, std::iter::empty()).unwrap();
    let db = Db::open(&serve::database(&settings)).await.unwrap();
    let now = time(3_600);
    people::create_recipients_and_routes(&db, &settings, now)
        .await
        .unwrap();
    let steps = [
        post(30, None),
        post(300, Some(280)),
        post(313, None),
        post(1_800, None),
    ];
    let pipeline_settings = serve::pipeline_settings(&settings);
    play(&steps, &settings, pipeline_settings, &db, now)
        .await
        .unwrap();
    let all = notifications::NotificationFilter::default();
    let page = PageRequest::first(notifications::ByCreation, Order::Asc, 100);
    let anything = Visibility::everything();
    let found = notifications::list(&db, &all, &page, &anything).await;
    let mails = found.unwrap().items;
    let held = |mail: &&notifications::NotificationView| mail.created_at == time(313);
    let held: Vec<_> = mails.iter().filter(held).collect();
    assert!(!held.is_empty(), "{mails:#?}");
    for mail in held {
        let sent = mail.attempts.first().map(|attempt| attempt.started_at);
        assert!(
            sent > Some(time(313)) && sent < Some(time(1_800)),
            "{mail:#?}"
        );
    }
}
