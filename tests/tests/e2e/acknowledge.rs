//! Acknowledging incidents: with a note, a user and a time.

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{AcknowledgeResult, Incident, IncidentDetail};
use tocsin_tests::{Database, Options, Reply, Tocsin, Webhook, firing, on_both};

on_both!(
    incident_is_acknowledged_and_unacknowledged,
    incidents_are_acknowledged_by_id_and_by_filter,
    note_length_is_limited,
    acknowledgement_ends_with_its_incident,
);

async fn patch(tocsin: &Tocsin, id: i64, body: Value) -> Reply {
    tocsin
        .send(Method::PATCH, &format!("/api/v1/incidents/{id}"), &body)
        .await
}

async fn acknowledge(tocsin: &Tocsin, body: Value) -> Reply {
    tocsin
        .send(Method::POST, "/api/v1/incidents/acknowledge", &body)
        .await
}

async fn with_incidents(database: Database, count: usize) -> (Tocsin, Vec<i64>) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let alerts = (0..count).map(|n| {
        let team = if n % 2 == 0 { "even" } else { "odd" };
        firing("Down").instance(&n.to_string()).team(team)
    });
    tocsin.post(&Webhook::of(alerts)).await;
    let mut incidents: Vec<Incident> = tocsin.all("incidents").await;
    incidents.sort_by_key(|incident| incident.instance.parse::<i64>().unwrap());
    let ids = incidents.iter().map(|incident| incident.id).collect();
    (tocsin, ids)
}

async fn incident_is_acknowledged_and_unacknowledged(database: Database) {
    let (tocsin, ids) = with_incidents(database, 1).await;
    let id = ids[0];
    let known: Incident = patch(
        &tocsin,
        id,
        json!({"known": true, "by": " 值班 Ann ", "memo": "看过了"}),
    )
    .await
    .json();
    assert!(known.known);
    assert_eq!(
        (known.known_by.as_deref(), &*known.memo),
        (Some("值班 Ann"), "看过了")
    );
    assert!(known.known_at.is_some());
    let again: Incident = patch(&tocsin, id, json!({"known": true, "by": "Bob"}))
        .await
        .json();
    assert!(again.known);
    assert_eq!(&*again.memo, "看过了", "what is left out stays");
    let memo: Incident = patch(&tocsin, id, json!({"memo": "working on it", "by": "Ann"}))
        .await
        .json();
    assert_eq!((memo.known, &*memo.memo), (true, "working on it"));
    let undone: Incident = patch(&tocsin, id, json!({"known": false, "by": "Ann"}))
        .await
        .json();
    assert_eq!(
        (undone.known, undone.known_by, undone.known_at),
        (false, None, None)
    );
    // Without a name, the token's own name is stored.
    for body in [json!({"known": true}), json!({"known": true, "by": "  "})] {
        let signed: Incident = patch(&tocsin, id, body).await.json();
        assert_eq!(signed.known_by.as_deref(), Some("tests"));
        patch(&tocsin, id, json!({"known": false}))
            .await
            .expect(200);
    }
    assert_eq!(
        patch(&tocsin, id, json!({"known": true, "by": "x".repeat(101)}))
            .await
            .fields(400),
        ["by"]
    );
    assert_eq!(
        patch(&tocsin, id, json!({"known": "yes", "by": "Ann"}))
            .await
            .fields(400),
        ["known"]
    );
    patch(&tocsin, id, json!({"knwon": true, "by": "Ann"}))
        .await
        .problem(400);
    patch(&tocsin, id + 1_000, json!({"known": true, "by": "Ann"}))
        .await
        .problem(404);
    let detail: IncidentDetail = tocsin.get(&format!("/api/v1/incidents/{id}")).await;
    assert!(!detail.incident.known);
}

async fn incidents_are_acknowledged_by_id_and_by_filter(database: Database) {
    let (tocsin, ids) = with_incidents(database, 10).await;
    let changed = |reply: Reply| reply.json::<AcknowledgeResult>().changed;
    let body = json!({"ids": [ids[0], ids[1], ids[1]], "known": true, "by": "Ann", "memo": "both"});
    assert_eq!(changed(acknowledge(&tocsin, body.clone()).await), 2);
    assert_eq!(
        changed(acknowledge(&tocsin, body).await),
        0,
        "they are acknowledged already"
    );
    let filter = json!({"filter": {"team": ["even"], "known": false}, "known": true, "by": "Bob"});
    assert_eq!(changed(acknowledge(&tocsin, filter).await), 4);
    let known: Vec<Incident> = tocsin.all("incidents?known=true").await;
    assert_eq!(known.len(), 6);
    assert_eq!(
        known
            .iter()
            .filter(|incident| incident.memo == "both")
            .count(),
        2
    );
    let filter = json!({"filter": {"label": ["instance=~\"[0-3]\""], "q": "down"}, "known": false, "by": "Bob"});
    assert_eq!(changed(acknowledge(&tocsin, filter).await), 3);
    assert_eq!(
        tocsin.all::<Incident>("incidents?known=true").await.len(),
        3
    );
    let everything = json!({"filter": {}, "known": true, "by": "Ann"});
    assert_eq!(changed(acknowledge(&tocsin, everything).await), 7);

    for (body, field) in [
        (json!({"known": true, "by": "Ann"}), "ids"),
        (
            json!({"ids": [1], "filter": {}, "known": true, "by": "Ann"}),
            "filter",
        ),
        (json!({"ids": [ids[0]], "known": true, "by": "a\nb"}), "by"),
        (
            json!({"ids": (0..501).collect::<Vec<_>>(), "known": true, "by": "Ann"}),
            "ids",
        ),
        (
            json!({"filter": {"label": ["="]}, "known": true, "by": "Ann"}),
            "filter.label[0]",
        ),
        (
            json!({"filter": {"colour": "red"}, "known": true, "by": "Ann"}),
            "filter.colour",
        ),
    ] {
        assert_eq!(
            acknowledge(&tocsin, body.clone()).await.fields(400),
            [field],
            "{body}"
        );
    }
    let plain = tocsin
        .request(Method::POST, "/api/v1/incidents/acknowledge")
        .header("content-type", "text/plain");
    plain
        .bytes(json!({"filter": {}, "known": true, "by": "Ann"}).to_string())
        .send()
        .await
        .problem(415);
}

async fn note_length_is_limited(database: Database) {
    let (tocsin, ids) = with_incidents(database, 1).await;
    let longest = "知".repeat(4_000);
    let kept: Incident = patch(&tocsin, ids[0], json!({"memo": longest, "by": "Ann"}))
        .await
        .json();
    assert_eq!(kept.memo, longest);
    let longer = "知".repeat(4_001);
    assert_eq!(
        patch(&tocsin, ids[0], json!({"memo": longer, "by": "Ann"}))
            .await
            .fields(400),
        ["memo"]
    );
    let many = json!({"ids": ids, "known": true, "by": "Ann", "memo": longer});
    assert_eq!(acknowledge(&tocsin, many).await.fields(400), ["memo"]);
    let odd: Incident = patch(
        &tocsin,
        ids[0],
        json!({"memo": "a\u{0}b\r\n<b>", "by": "Ann"}),
    )
    .await
    .json();
    assert_eq!(odd.memo, "a\u{fffd}b\r\n<b>", "NUL is stored as U+FFFD");
    let none: Incident = patch(&tocsin, ids[0], json!({"memo": "", "by": "Ann"}))
        .await
        .json();
    assert_eq!(none.memo, "");
}

async fn acknowledgement_ends_with_its_incident(database: Database) {
    let (tocsin, ids) = with_incidents(database, 1).await;
    patch(&tocsin, ids[0], json!({"known": true, "by": "Ann"}))
        .await
        .expect(200);
    let alert = firing("Down").instance("0").team("even");
    tocsin.post(&Webhook::of([alert.resolve()])).await;
    tocsin
        .post(&Webhook::of([alert.starts(tocsin_tests::now())]))
        .await;
    let incidents: Vec<Incident> = tocsin.all("incidents?order=asc").await;
    let acknowledged: Vec<(bool, Option<&str>)> = incidents
        .iter()
        .map(|incident| (incident.known, incident.known_by.as_deref()))
        .collect();
    assert_eq!(acknowledged, [(true, Some("Ann")), (false, None)]);
}
