use std::time::Duration;

use tocsin_core::lifecycle::DedupSettings;
use tocsin_mailer::Address;
use url::Url;

use crate::RetentionSettings;

/// The settings of the use cases.
#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// Incident identity: the window, and when an open incident is stale.
    pub rules: DedupSettings,
    /// How long an open incident may go unseen before it ends as expired; `None`: for
    /// ever.
    pub expire_after: Option<Duration>,
    /// The label that names the team.
    pub team_label: String,
    /// Bytes of bodies that may wait to be stored; more are turned away.
    pub queue_bytes: usize,
    /// Known alerts that are held in memory, at most.
    pub cache_entries: usize,
    /// Transactions that store deliveries at once; on SQLite always one.
    pub writers: usize,
    /// For how long what is kept.
    pub retention: RetentionSettings,
    /// Bytes of refused bodies (compressed) that are kept.
    pub refused_bytes: u64,
    /// Who the mail is from. Its domain is in every Message-ID.
    pub from: Address,
    /// The base of links in mail.
    pub public_url: Option<Url>,
}
