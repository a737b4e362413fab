use std::path::PathBuf;
use std::time::Duration;

use tocsin_storage::retention::LogRules;

/// Retention periods.
#[derive(Clone, Debug)]
pub struct RetentionSettings {
    /// Log entries, and with them ended incidents and alert contents.
    pub log: LogRules,
    /// Raw request bodies.
    pub raw_bodies: Duration,
    /// Deliveries without log entries; `None`: forever.
    pub deliveries: Option<Duration>,
    /// Finished notifications; `None`: as long as the log entries they report.
    pub mails: Option<Duration>,
    /// Audit log entries; `None`: forever.
    pub audit: Option<Duration>,
    /// Idle timeout of sessions; idle sessions are deleted.
    pub session_idle: Duration,
    /// Directory of the archive, to which log entries are written before they are
    /// deleted.
    pub archive_dir: Option<PathBuf>,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self {
            log: LogRules::default(),
            raw_bodies: days(30),
            deliveries: Some(days(400)),
            mails: Some(days(400)),
            audit: Some(days(400)),
            session_idle: days(1) / 2,
            archive_dir: None,
        }
    }
}

/// Longest interval between two passes.
const MAX_INTERVAL: Duration = Duration::from_secs(3600);

/// Shortest interval.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

impl RetentionSettings {
    /// Interval between two passes: short enough that rows are not kept much longer
    /// than their period.
    pub(super) fn interval(&self) -> Duration {
        let spans = self.log.spans();
        let all = spans
            .into_iter()
            .chain([self.raw_bodies])
            .chain(self.deliveries)
            .chain(self.mails)
            .chain(self.audit);
        all.min().map_or(MAX_INTERVAL, |shortest| {
            (shortest / 20).clamp(MIN_INTERVAL, MAX_INTERVAL)
        })
    }
}
