//! What goes by its age alone.

use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_storage::{StorageError, Tx, accounts, audit, idempotency, retention};
use tokio::time::Instant;

use super::{Ended, Retention, RetentionSettings, STEP, Stop};

/// For how long a sign-in that failed counts.
const FAILURES_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Rows of one kind, of before a time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expired {
    /// Raw bodies.
    Bodies(Timestamp),
    /// Rows of the change feed.
    Feed(Timestamp),
    /// Mails that are delivered.
    Mails(Timestamp),
    /// Lines of the audit log.
    Audit(Timestamp),
    /// Sessions that have ended.
    Sessions {
        /// Those that end before this.
        expired: Timestamp,
        /// Those that were last used before this.
        idle: Timestamp,
    },
    /// Sign-ins that failed.
    Failures(Timestamp),
    /// Keys of requests that may be sent again.
    Keys(Timestamp),
}

impl Expired {
    /// What accounts leave behind.
    pub(super) fn of_accounts(keep: &RetentionSettings, now: Timestamp) -> Vec<Self> {
        let mut old = vec![
            Self::Sessions {
                expired: now,
                idle: now.minus(keep.session_idle),
            },
            Self::Failures(now.minus(FAILURES_KEPT)),
            Self::Keys(now.minus(idempotency::KEPT)),
        ];
        old.extend(keep.audit.map(|span| Self::Audit(now.minus(span))));
        old
    }

    /// Deletes up to [`STEP`] of them; answers how many.
    async fn delete(self, tx: &Tx) -> Result<u64, StorageError> {
        match self {
            Self::Bodies(before) => retention::prune_bodies(tx, before, STEP).await,
            Self::Feed(before) => retention::prune_changes(tx, before, STEP).await,
            Self::Mails(before) => retention::prune_notifications(tx, before, STEP).await,
            Self::Audit(before) => audit::delete_before(tx, before, STEP).await,
            Self::Sessions { expired, idle } => {
                accounts::delete_ended_sessions(tx, expired, idle, STEP).await
            }
            Self::Failures(before) => accounts::delete_old_failures(tx, before, STEP).await,
            Self::Keys(before) => idempotency::delete_old(tx, before, STEP).await,
        }
    }
}

impl Retention {
    /// Deletes all of `old`, step by step.
    pub(super) async fn sweep(&self, old: Expired, stop: &mut Stop<'_>) -> Result<(), Ended> {
        loop {
            let began = Instant::now();
            let tx = self.turn().await?;
            let deleted = old.delete(&tx).await?;
            tx.commit().await?;
            self.pause(began, stop).await?;
            if deleted < u64::from(STEP) {
                return Ok(());
            }
        }
    }
}
