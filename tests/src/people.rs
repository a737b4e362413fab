//! Recipients and groups, as most tests need them.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tocsin_api_types::{Group, Notification, NotificationState, Recipient, Route};

use crate::wait::PATIENCE;
use crate::{Tocsin, eventually_within};

/// A group with one recipient.
#[derive(Clone, Debug)]
pub struct Team {
    /// The group.
    pub group: Group,
    /// Its recipient, at `NAME@example.com`.
    pub person: Recipient,
}

/// Makes a group of that name with one recipient.
pub async fn team(tocsin: &Tocsin, name: &str) -> Team {
    let group = tocsin.create_group(&json!({"name": name})).await;
    let person = tocsin
        .create_recipient(&json!({
            "name": format!("On call of {name}"),
            "email": format!("{name}@example.com"),
            "groupIds": [group.id],
        }))
        .await;
    Team { group, person }
}

impl Tocsin {
    /// Adds a recipient.
    pub async fn create_recipient(&self, input: &Value) -> Recipient {
        self.send(Method::POST, "/api/v1/recipients", input)
            .await
            .expect(201)
            .json()
    }

    /// Adds a group.
    pub async fn create_group(&self, input: &Value) -> Group {
        self.send(Method::POST, "/api/v1/groups", input)
            .await
            .expect(201)
            .json()
    }

    /// Adds a route; what `input` leaves out matches everything and notifies nobody.
    pub async fn create_route(&self, input: &Value) -> Route {
        let mut route = json!({"matchers": [], "groupIds": []});
        for (name, value) in input.as_object().into_iter().flatten() {
            route[name] = value.clone();
        }
        self.send(Method::POST, "/api/v1/routes", &route)
            .await
            .expect(201)
            .json()
    }

    /// Waits until no mail is on its way, and returns all of them, newest
    /// first. What is held back for a while, because it may tell of a stale copy, is
    /// not on its way.
    pub async fn settled(&self) -> Vec<Notification> {
        self.settled_within(PATIENCE).await
    }

    /// As [`Tocsin::settled`], where leases of a killed program have to run
    /// out first.
    pub async fn settled_within(&self, patience: Duration) -> Vec<Notification> {
        eventually_within(
            patience,
            "all mails are sent, written or failed",
            || async {
                let mails: Vec<Notification> = self.all("notifications").await;
                let waits = |mail: &Notification| match mail.state {
                    NotificationState::Queued => {
                        let is_held = mail.next_attempt_at > Some(mail.created_at);
                        !(is_held && mail.attempts.is_empty())
                    }
                    NotificationState::Sending => true,
                    _ => false,
                };
                Some(mails).filter(|mails| !mails.iter().any(waits))
            },
        )
        .await
    }
}
