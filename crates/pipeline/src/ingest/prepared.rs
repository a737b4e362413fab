//! A delivery that waits to be stored. All that can be reckoned without the
//! database has been, in the caller's task, because writers are few; and what
//! was parsed is kept as the texts that are stored, because many wait in a
//! storm.

use std::borrow::Cow;

use tocsin_core::alert::{Labels, ReceivedAlert, RejectedAlert, Status, WebhookPayload};
use tocsin_core::digest::Digest;
use tocsin_core::fingerprint::Fingerprint;
use tocsin_core::lifecycle::AlertUpdate;
use tocsin_core::routing::TestTarget;
use tocsin_core::time::Timestamp;
use tocsin_storage::ingest::{FilterFields, NewAlertContent};

/// A delivery.
pub(super) struct PreparedDelivery {
    pub(super) received_at: Timestamp,
    pub(super) source: String,
    pub(super) receiver: String,
    /// The group's status, told or reckoned.
    pub(super) status: Option<Status>,
    pub(super) external_url: String,
    pub(super) version: String,
    pub(super) group_key: String,
    /// Names the group.
    pub(super) group: Digest,
    pub(super) truncated_alerts: u64,
    /// The readable alerts.
    pub(super) alerts: Vec<PreparedAlert>,
    pub(super) rejected: Vec<RejectedAlert>,
    /// Alerts in the body, readable or not.
    pub(super) total: usize,
    /// The raw body, compressed.
    pub(super) raw: Vec<u8>,
    pub(super) body_bytes: usize,
    /// Who is notified of a test alert.
    pub(super) target: Option<TestTarget>,
}

/// One alert of a delivery.
pub(super) struct PreparedAlert {
    pub(super) fingerprint: Fingerprint,
    pub(super) update: AlertUpdate,
    pub(super) content: NewAlertContent,
    /// The labels, where they were kept for the routes.
    labels: Option<Labels>,
}

impl PreparedDelivery {
    /// `with_labels`: whether routes will be asked, which match labels.
    pub(super) fn new(
        received_at: Timestamp,
        source: String,
        body: WebhookPayload,
        (raw, body_bytes): (Vec<u8>, usize),
        with_labels: bool,
    ) -> Self {
        let group = group_digest(&source, &body);
        let status = group_status(&body);
        let alert = |said| PreparedAlert::new(said, with_labels);
        Self {
            received_at,
            source,
            receiver: body.receiver,
            status,
            external_url: body.external_url,
            version: body.version,
            group_key: body.group_key,
            group,
            truncated_alerts: body.truncated_alerts,
            alerts: body.alerts.into_iter().map(alert).collect(),
            rejected: body.rejected,
            total: body.total,
            raw,
            body_bytes,
            target: None,
        }
    }
}

impl PreparedDelivery {
    /// Bytes that it takes in memory while it waits, about: many small alerts are far
    /// more than their body.
    pub(super) fn weight(&self) -> usize {
        let alerts: usize = self.alerts.iter().map(PreparedAlert::weight).sum();
        self.raw.len() + alerts
    }
}

impl PreparedAlert {
    /// What an alert takes beside its texts: itself, what the allocator adds to each of
    /// them, and its place in a batch.
    const OVERHEAD: usize = size_of::<Self>() + 512;

    fn weight(&self) -> usize {
        let content = &self.content;
        let texts = content.labels.len() + content.annotations.len() + content.message.len();
        // Kept as they are, labels take a few times what they are as a text.
        let kept = self.labels.as_ref().map_or(0, |_| 3 * content.labels.len());
        Self::OVERHEAD + texts + content.generator_url.len() + kept
    }

    pub(super) fn new(said: ReceivedAlert, with_labels: bool) -> Self {
        let claim = AlertUpdate::from(&said);
        let labels = json(&said.labels);
        let annotations = json(&said.annotations);
        let facts = FilterFields {
            alertname: said.fields.alertname,
            instance: said.fields.instance,
            severity: said.fields.severity,
            team: said.fields.team,
        };
        let digest = Digest::of_content(&labels, &facts.team, &annotations, &said.generator_url);
        Self {
            fingerprint: said.fingerprint,
            update: claim,
            content: NewAlertContent {
                digest,
                labels,
                annotations,
                generator_url: said.generator_url,
                message: said.fields.message,
                fields: facts,
            },
            labels: with_labels.then_some(said.labels),
        }
    }

    /// The labels, read again where they were not kept.
    pub(super) fn labels(&self) -> Cow<'_, Labels> {
        match &self.labels {
            Some(labels) => Cow::Borrowed(labels),
            // It was written from labels a moment ago.
            None => Cow::Owned(serde_json::from_str(&self.content.labels).unwrap_or_default()),
        }
    }
}

/// Label names and values always have a JSON form.
fn json(labels: &Labels) -> String {
    serde_json::to_string(labels).unwrap_or_else(|_| "{}".to_owned())
}

/// As Alertmanager reckons it, where the sender did not say.
fn group_status(body: &WebhookPayload) -> Option<Status> {
    body.status.or_else(|| {
        let firing = body.alerts.iter().any(|said| said.status == Status::Firing);
        (!body.alerts.is_empty()).then_some(if firing {
            Status::Firing
        } else {
            Status::Resolved
        })
    })
}

/// Senders that give no group key still give group labels, mostly.
fn group_digest(source: &str, body: &WebhookPayload) -> Digest {
    if !body.group_key.is_empty() {
        return Digest::of_parts(&[source, &body.receiver, &body.group_key]);
    }
    let key: String = body
        .group_labels
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    Digest::of_parts(&[source, &body.receiver, &key])
}
