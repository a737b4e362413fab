//! Webhook bodies as Alertmanager writes them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

/// The current time by the system clock, which the program under test uses too.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the program under test uses the system clock"
)]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The time `seconds` ago, truncated to milliseconds as Alertmanager writes it.
#[must_use]
pub fn ago(seconds: i64) -> DateTime<Utc> {
    let millis = now().timestamp_millis();
    DateTime::from_timestamp_millis(millis).expect("a time") - TimeDelta::seconds(seconds)
}

/// One alert of a webhook body.
#[derive(Clone, Debug)]
pub struct TestAlert {
    status: &'static str,
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    starts_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
}

/// A firing alert with this `alertname` that started a minute ago.
#[must_use]
pub fn firing(alertname: &str) -> TestAlert {
    let alert = TestAlert {
        status: "firing",
        labels: Map::new(),
        annotations: Map::new(),
        starts_at: ago(60),
        ends_at: None,
    };
    alert.label("alertname", alertname)
}

/// An alert with this `alertname` that started a minute ago and ended now.
#[must_use]
pub fn resolved(alertname: &str) -> TestAlert {
    firing(alertname).ends(ago(0))
}

impl TestAlert {
    /// Sets a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.into());
        self
    }

    /// Sets an annotation.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.into());
        self
    }

    /// Sets the label `team`.
    #[must_use]
    pub fn team(self, value: &str) -> Self {
        self.label("team", value)
    }

    /// Sets the label `instance`.
    #[must_use]
    pub fn instance(self, value: &str) -> Self {
        self.label("instance", value)
    }

    /// Sets the label `severity`.
    #[must_use]
    pub fn severity(self, value: &str) -> Self {
        self.label("severity", value)
    }

    /// Sets the annotation `summary`.
    #[must_use]
    pub fn summary(self, value: &str) -> Self {
        self.annotation("summary", value)
    }

    /// Sets `startsAt`.
    #[must_use]
    pub fn starts(mut self, at: DateTime<Utc>) -> Self {
        self.starts_at = at;
        self
    }

    /// Sets `endsAt` and the status `resolved`.
    #[must_use]
    pub fn ends(mut self, at: DateTime<Utc>) -> Self {
        self.status = "resolved";
        self.ends_at = Some(at);
        self
    }

    /// The same alert, resolved now.
    #[must_use]
    pub fn resolve(&self) -> Self {
        self.clone().ends(ago(0))
    }

    fn json(&self) -> Value {
        let end = self
            .ends_at
            .map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339);
        json!({
            "status": self.status,
            "labels": self.labels,
            "annotations": self.annotations,
                "startsAt": rfc3339(self.starts_at),
            "endsAt": end,
            "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
            "fingerprint": "",
        })
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A webhook body.
#[derive(Clone, Debug)]
pub struct Webhook {
    alerts: Vec<TestAlert>,
    receiver: String,
    group_key: String,
    external_url: String,
    truncated: u64,
}

impl Webhook {
    /// A body of these alerts.
    #[must_use]
    pub fn of(alerts: impl IntoIterator<Item = TestAlert>) -> Self {
        Self {
            alerts: alerts.into_iter().collect(),
            receiver: "tocsin".to_owned(),
            group_key: "{}:{}".to_owned(),
            external_url: "http://alertmanager-a.example.com:9093".to_owned(),
            truncated: 0,
        }
    }

    /// Sets the receiver.
    #[must_use]
    pub fn receiver(mut self, name: &str) -> Self {
        name.clone_into(&mut self.receiver);
        self
    }

    /// Sets the group key.
    #[must_use]
    pub fn group(mut self, key: &str) -> Self {
        key.clone_into(&mut self.group_key);
        self
    }

    /// Sets the sender: `b` is `http://alertmanager-b.example.com:9093`.
    #[must_use]
    pub fn peer(mut self, name: &str) -> Self {
        self.external_url = format!("http://alertmanager-{name}.example.com:9093");
        self
    }

    /// Sets `truncatedAlerts`.
    #[must_use]
    pub fn truncated(mut self, alerts: u64) -> Self {
        self.truncated = alerts;
        self
    }

    /// The body as JSON, for tests that modify it.
    #[must_use]
    pub fn json(&self) -> Value {
        let is_firing = self.alerts.iter().any(|alert| alert.status == "firing");
        json!({
            "receiver": self.receiver,
                "status": if is_firing { "firing" } else { "resolved" },
            "alerts": self.alerts.iter().map(TestAlert::json).collect::<Vec<_>>(),
            "groupLabels": {},
            "commonLabels": {},
            "commonAnnotations": {},
            "externalURL": self.external_url,
            "version": "4",
            "groupKey": self.group_key,
            "truncatedAlerts": self.truncated,
        })
    }

    /// The serialized body.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.json().to_string().into_bytes()
    }
}
