//! Deletion of rows by age alone.

use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_storage::{StorageError, Tx, accounts, audit, idempotency, retention};
use tokio::time::Instant;

use super::{PassError, Retention, RetentionSettings, STEP, Stop};

/// Retention period of failed sign-ins.
const FAILURES_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Rows of one kind that are older than a time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expired {
    /// Raw request bodies.
    Bodies(Timestamp),
    /// Rows of the change feed.
    Feed(Timestamp),
    /// Finished notifications.
    Mails(Timestamp),
    /// Audit log entries.
    Audit(Timestamp),
    /// Sessions that have ended.
    Sessions {
        /// Sessions that end before this time.
        expired: Timestamp,
        /// Sessions that were last used before this time.
        idle: Timestamp,
    },
    /// Failed sign-ins.
    Failures(Timestamp),
    /// Idempotency keys.
    Keys(Timestamp),
}

impl Expired {
    /// Expired rows of accounts: sessions, failed sign-ins, idempotency keys, audit log
    /// entries.
    pub(super) fn of_accounts(keep: &RetentionSettings, now: Timestamp) -> Vec<Self> {
        let mut expired_rows = vec![
            Self::Sessions {
                expired: now,
                idle: now.minus(keep.session_idle),
            },
            Self::Failures(now.minus(FAILURES_KEPT)),
            Self::Keys(now.minus(idempotency::KEPT)),
        ];
        expired_rows.extend(keep.audit.map(|span| Self::Audit(now.minus(span))));
        expired_rows
    }

    /// Deletes up to [`STEP`] rows and returns their number.
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
    /// Deletes all rows of `expired`, step by step.
    pub(super) async fn sweep(
        &self,
        expired: Expired,
        stop: &mut Stop<'_>,
    ) -> Result<(), PassError> {
        loop {
            let started = Instant::now();
            let tx = self.begin_delete().await?;
            let deleted = expired.delete(&tx).await?;
            tx.commit().await?;
            self.pause(started, stop).await?;
            if deleted < u64::from(STEP) {
                return Ok(());
            }
        }
    }
}
