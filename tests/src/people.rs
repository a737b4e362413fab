//! Recipients, groups and routes, as most tests need them.

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
    /// Its recipient, `NAME@example.com`.
    pub recipient: Recipient,
}

/// Creates a group with this name and one recipient.
pub async fn team(tocsin: &Tocsin, name: &str) -> Team {
    let group = tocsin.create_group(&json!({"name": name})).await;
    let recipient = tocsin
        .create_recipient(&json!({
            "name": format!("On call of {name}"),
            "email": format!("{name}@example.com"),
            "groupIds": [group.id],
        }))
        .await;
    Team { group, recipient }
}

impl Tocsin {
    /// Creates a recipient.
    pub async fn create_recipient(&self, input: &Value) -> Recipient {
        self.send(Method::POST, "/api/v1/recipients", input)
            .await
            .expect(201)
            .json()
    }

    /// Creates a group.
    pub async fn create_group(&self, input: &Value) -> Group {
        self.send(Method::POST, "/api/v1/groups", input)
            .await
            .expect(201)
            .json()
    }

    /// Creates a route. By default it matches everything and notifies no group.
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

    /// Waits until no notification is being sent, and returns all of them, newest
    /// first. Delayed notifications (of a suspected stale copy) are not waited for.
    pub async fn wait_for_notifications(&self) -> Vec<Notification> {
        self.wait_for_notifications_within(PATIENCE).await
    }

    /// Same as [`Tocsin::wait_for_notifications`], for tests in which leases of a killed
    /// program have to expire first.
    pub async fn wait_for_notifications_within(&self, patience: Duration) -> Vec<Notification> {
        eventually_within(
            patience,
            "all notifications are sent, written or failed",
            || async {
                let notifications: Vec<Notification> = self.all("notifications").await;
                let is_pending = |notification: &Notification| match notification.state {
                    NotificationState::Queued => {
                        let is_delayed =
                            notification.next_attempt_at > Some(notification.created_at);
                        !(is_delayed && notification.attempts.is_empty())
                    }
                    NotificationState::Sending => true,
                    _ => false,
                };
                Some(notifications).filter(|all| !all.iter().any(is_pending))
            },
        )
        .await
    }
}
