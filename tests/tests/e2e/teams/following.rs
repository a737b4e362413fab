//! Event streams of somebody who sees only some alerts.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{ChangeEvent, Incident, Page};
use tocsin_tests::{Database, EventStream, Webhook, on_both};
use tokio::time::timeout;

use super::{ours, responder, theirs, told, user};

const HALF_A_SECOND: Duration = Duration::from_millis(500);

on_both!(followers_hear_of_their_own_until_they_may_no_more);

async fn followers_hear_of_their_own_until_they_may_no_more(database: Database) {
    let tocsin = told(database).await;
    let (number, kim) = user(&tocsin).await;
    let all: Vec<Incident> = tocsin.all("incidents").await;
    let known: BTreeSet<i64> = all.iter().map(|incident| incident.id).collect();
    let mut stream = tocsin.follow_as(kim.as_str(), None).await;
    tocsin
        .post(&Webhook::of([theirs("News")]).group("{}:{theirs news}"))
        .await;
    let both = Webhook::of([theirs("More"), ours("More"), theirs("Most")]).group("{}:{more}");
    let report = tocsin.post(&both).await;
    let is_it = |change: &ChangeEvent| matches!(change, ChangeEvent::Delivery(told) if told.id == report.delivery_id);
    let heard = stream.until(is_it).await;
    let all: Vec<Incident> = tocsin.all("incidents").await;
    let news = |incident: &&Incident| !known.contains(&incident.id) && incident.team == "ours";
    let own = all.iter().find(news).unwrap().id;
    for event in &heard {
        match &event.change {
            ChangeEvent::Incident(told) => assert_eq!(told.id, own),
            ChangeEvent::Delivery(told) => {
                assert_eq!((told.id, told.entries), (report.delivery_id, 1))
            }
            ChangeEvent::Notification(told) => panic!("a mail that tells of both: {told:?}"),
        }
    }
    assert_eq!(heard.len(), 2, "{heard:#?}");
    // From before all of it, the same is left of it.
    let mut again = tocsin.follow_as(kim.as_str(), Some("0-0")).await;
    let all_of_it = again.until(is_it).await;
    for event in &all_of_it {
        if let ChangeEvent::Incident(told) = &event.change {
            let incident = all.iter().find(|incident| incident.id == told.id).unwrap();
            assert_eq!(incident.team, "ours");
        }
    }
    // Mails of ours come, too.
    tocsin
        .post(&Webhook::of([ours("Alone")]).group("{}:{alone}"))
        .await;
    stream
        .until(|change| matches!(change, ChangeEvent::Notification(_)))
        .await;
    // Who is shut out hears no more; nor does a token that is revoked.
    let token = responder(&tocsin).await;
    let mut with_token = tocsin.follow_as(token.as_str(), None).await;
    let path = format!("/api/v1/users/{number}");
    let body = json!({
        "name": "Kim", "email": "kim@example.com", "role": "responder",
        "matchers": ["team=\"ours\""], "enabled": false,
    });
    tocsin.send(Method::PUT, &path, &body).await.expect(200);
    let tokens: Page<Value> = tocsin.get("/api/v1/tokens").await;
    for made in tokens.items {
        if made["matchers"] != json!([]) {
            let path = format!("/api/v1/tokens/{}", made["id"]);
            let gone = tocsin.request(Method::DELETE, &path).send().await;
            assert!(gone.status.is_success(), "{}", gone.text());
        }
    }
    for stream in [&mut stream, &mut again, &mut with_token] {
        // Whether they still may is asked when there is something to tell, at
        // most once a second.
        let began = Instant::now();
        let rest = async |stream: &mut EventStream| while stream.try_next().await.is_some() {};
        while timeout(HALF_A_SECOND, rest(stream)).await.is_err() {
            assert!(began.elapsed() < HALF_A_SECOND * 240, "it has no end");
            tocsin.post(&Webhook::of([ours("Late")])).await;
        }
    }
    kim.ask(&tocsin, Method::GET, "/api/v1/alerts", None)
        .await
        .problem(401);
}
