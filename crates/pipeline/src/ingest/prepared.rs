//! A delivery in the ingest queue.
//!
//! Everything that needs no database is computed in the caller's task, because there
//! are few writers. Parsed values are kept in the serialized form in which they are
//! stored, because many deliveries may be queued in an alert storm.

use std::borrow::Cow;

use tocsin_core::alert::{Labels, ReceivedAlert, RejectedAlert, Status, WebhookPayload};
use tocsin_core::digest::Digest;
use tocsin_core::fingerprint::Fingerprint;
use tocsin_core::lifecycle::AlertUpdate;
use tocsin_core::routing::TestTarget;
use tocsin_core::time::Timestamp;
use tocsin_storage::ingest::{FilterFields, NewAlertContent};

/// A parsed delivery, ready to be stored.
pub(super) struct PreparedDelivery {
    pub(super) received_at: Timestamp,
    pub(super) source: String,
    pub(super) receiver: String,
    /// Status of the alert group, as reported or computed.
    pub(super) status: Option<Status>,
    pub(super) external_url: String,
    pub(super) version: String,
    pub(super) group_key: String,
    /// Digest that identifies the alert group.
    pub(super) group: Digest,
    pub(super) truncated_alerts: u64,
    /// Valid alerts.
    pub(super) alerts: Vec<PreparedAlert>,
    pub(super) rejected: Vec<RejectedAlert>,
    /// Alerts in the body, valid or rejected.
    pub(super) total: usize,
    /// Raw body, compressed with zstd.
    pub(super) raw: Vec<u8>,
    pub(super) body_bytes: usize,
    /// Recipients of a test alert.
    pub(super) target: Option<TestTarget>,
}

/// One alert of a delivery.
pub(super) struct PreparedAlert {
    pub(super) fingerprint: Fingerprint,
    pub(super) update: AlertUpdate,
    pub(super) content: NewAlertContent,
    /// Parsed labels, kept only if routes need them.
    labels: Option<Labels>,
}

impl PreparedDelivery {
    /// `with_labels`: keep the parsed labels for the matchers of routes.
    pub(super) fn new(
        received_at: Timestamp,
        source: String,
        body: WebhookPayload,
        (raw, body_bytes): (Vec<u8>, usize),
        with_labels: bool,
    ) -> Self {
        let group = group_digest(&source, &body);
        let status = group_status(&body);
        let alert = |received| PreparedAlert::new(received, with_labels);
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
    /// Approximate memory in bytes while it is queued. Many small alerts take far more
    /// than their body.
    pub(super) fn weight(&self) -> usize {
        let alerts: usize = self.alerts.iter().map(PreparedAlert::weight).sum();
        self.raw.len() + alerts
    }
}

impl PreparedAlert {
    /// Memory of an alert in addition to its strings: the struct, allocator overhead,
    /// and its slot in a batch.
    const OVERHEAD: usize = size_of::<Self>() + 512;

    fn weight(&self) -> usize {
        let content = &self.content;
        let strings = content.labels.len() + content.annotations.len() + content.message.len();
        // Parsed labels take a few times the size of their JSON.
        let parsed = self.labels.as_ref().map_or(0, |_| 3 * content.labels.len());
        Self::OVERHEAD + strings + content.generator_url.len() + parsed
    }

    pub(super) fn new(received: ReceivedAlert, with_labels: bool) -> Self {
        let update = AlertUpdate::from(&received);
        let labels = json(&received.labels);
        let annotations = json(&received.annotations);
        let fields = FilterFields {
            alertname: received.fields.alertname,
            instance: received.fields.instance,
            severity: received.fields.severity,
            team: received.fields.team,
        };
        let digest =
            Digest::of_content(&labels, &fields.team, &annotations, &received.generator_url);
        Self {
            fingerprint: received.fingerprint,
            update,
            content: NewAlertContent {
                digest,
                labels,
                annotations,
                generator_url: received.generator_url,
                message: received.fields.message,
                fields,
            },
            labels: with_labels.then_some(received.labels),
        }
    }

    /// The labels, parsed again if they were not kept.
    pub(super) fn labels(&self) -> Cow<'_, Labels> {
        match &self.labels {
            Some(labels) => Cow::Borrowed(labels),
            // Serialized from labels by `new`.
            None => Cow::Owned(serde_json::from_str(&self.content.labels).unwrap_or_default()),
        }
    }
}

/// Serializing a map of strings does not fail.
fn json(labels: &Labels) -> String {
    serde_json::to_string(labels).unwrap_or_else(|_| "{}".to_owned())
}

/// Status of the alert group; computed as Alertmanager does if the sender omits it.
fn group_status(body: &WebhookPayload) -> Option<Status> {
    body.status.or_else(|| {
        let firing = body
            .alerts
            .iter()
            .any(|alert| alert.status == Status::Firing);
        (!body.alerts.is_empty()).then_some(if firing {
            Status::Firing
        } else {
            Status::Resolved
        })
    })
}

/// Digest of the group key, or of the group labels for senders without a group key.
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
