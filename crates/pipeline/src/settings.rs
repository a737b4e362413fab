use std::time::Duration;

use tocsin_core::lifecycle::DedupSettings;
use tocsin_mailer::Address;
use url::Url;

use crate::RetentionSettings;

/// Settings of the pipeline.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// Dedup window, and the time after which an open incident is stale.
    pub rules: DedupSettings,
    /// Time without updates after which an open incident expires; `None`: never.
    pub expire_after: Option<Duration>,
    /// Name of the label that holds the team.
    pub team_label: String,
    /// Capacity of the ingest queue in bytes of request bodies; deliveries beyond it
    /// are rejected.
    pub queue_bytes: usize,
    /// Capacity of the alert cache, in alerts.
    pub cache_entries: usize,
    /// Number of concurrent writers; SQLite always has one.
    pub writers: usize,
    /// Retention periods.
    pub retention: RetentionSettings,
    /// Total size in bytes (compressed) of the stored bodies of rejected requests.
    pub refused_bytes: u64,
    /// Sender of all e-mail. Its domain is part of every Message-ID.
    pub from: Address,
    /// Base URL of links in e-mail.
    pub public_url: Option<Url>,
}
