//! Webhook bodies as Alertmanager writes them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Map, Value, json};

/// The time by the machine's clock, which the program under test goes by.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the real program has the real clock"
)]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The time so many seconds ago, to the millisecond, as Alertmanager has it.
#[must_use]
pub fn ago(seconds: i64) -> DateTime<Utc> {
    let millis = now().timestamp_millis();
    DateTime::from_timestamp_millis(millis).expect("a time") - TimeDelta::seconds(seconds)
}

/// One alert of a body.
#[derive(Clone, Debug)]
pub struct TestAlert {
    status: &'static str,
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    starts_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
}

/// An alert of that name that fires, since a minute ago.
#[must_use]
pub fn firing(alertname: &str) -> TestAlert {
    let said = TestAlert {
        status: "firing",
        labels: Map::new(),
        annotations: Map::new(),
        starts_at: ago(60),
        ends_at: None,
    };
    said.label("alertname", alertname)
}

/// An alert of that name that fired a minute ago and ends now.
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

    /// When it began.
    #[must_use]
    pub fn starts(mut self, at: DateTime<Utc>) -> Self {
        self.starts_at = at;
        self
    }

    /// That it is resolved since then.
    #[must_use]
    pub fn ends(mut self, at: DateTime<Utc>) -> Self {
        self.status = "resolved";
        self.ends_at = Some(at);
        self
    }

    /// The same alert, resolved now.
    #[must_use]
    pub fn over(&self) -> Self {
        self.clone().ends(ago(0))
    }

    fn json(&self) -> Value {
        let end = self
            .ends_at
            .map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), written);
        json!({
            "status": self.status,
            "labels": self.labels,
            "annotations": self.annotations,
            "startsAt": written(self.starts_at),
            "endsAt": end,
            "generatorURL": "http://prometheus.example.com/graph?g0.expr=up",
            "fingerprint": "",
        })
    }
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A body.
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

    /// From another receiver.
    #[must_use]
    pub fn receiver(mut self, name: &str) -> Self {
        name.clone_into(&mut self.receiver);
        self
    }

    /// Of another group.
    #[must_use]
    pub fn group(mut self, key: &str) -> Self {
        key.clone_into(&mut self.group_key);
        self
    }

    /// From another peer: `b` is `http://alertmanager-b.example.com:9093`.
    #[must_use]
    pub fn peer(mut self, name: &str) -> Self {
        self.external_url = format!("http://alertmanager-{name}.example.com:9093");
        self
    }

    /// With so many alerts left out.
    #[must_use]
    pub fn truncated(mut self, alerts: u64) -> Self {
        self.truncated = alerts;
        self
    }

    /// As JSON, for a test to spoil.
    #[must_use]
    pub fn json(&self) -> Value {
        let fires = self.alerts.iter().any(|alert| alert.status == "firing");
        json!({
            "receiver": self.receiver,
            "status": if fires { "firing" } else { "resolved" },
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

    /// As it goes over the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.json().to_string().into_bytes()
    }
}
