use std::path::PathBuf;
use std::time::Duration;

use tocsin_storage::retention::LogRules;

/// For how long what is kept.
#[derive(Clone, Debug)]
pub struct RetentionSettings {
    /// Log entries, and with them incidents that have ended and what was told
    /// of them.
    pub log: LogRules,
    /// Raw bodies.
    pub raw_bodies: Duration,
    /// Deliveries of which the log holds nothing; `None`: for ever.
    pub deliveries: Option<Duration>,
    /// Mails that are delivered, at most; `None`: as long as what they tell.
    pub mails: Option<Duration>,
    /// Lines of the audit log; `None`: for ever.
    pub audit: Option<Duration>,
    /// For how long a session holds that nobody uses: then it is swept.
    pub session_idle: Duration,
    /// Where log entries are written before they are deleted.
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

/// The longest time between two passes.
const SELDOM: Duration = Duration::from_secs(3600);

/// The shortest.
const OFTEN: Duration = Duration::from_secs(1);

impl RetentionSettings {
    /// How long to wait between two passes: nothing is kept much longer than
    /// it says.
    pub(super) fn every(&self) -> Duration {
        let spans = self.log.spans();
        let all = spans
            .into_iter()
            .chain([self.raw_bodies])
            .chain(self.deliveries)
            .chain(self.mails)
            .chain(self.audit);
        all.min()
            .map_or(SELDOM, |shortest| (shortest / 20).clamp(OFTEN, SELDOM))
    }
}
