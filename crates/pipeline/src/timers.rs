//! Timers: incidents without updates expire, if a setting says so, and test alerts are
//! resolved.

use std::sync::Arc;
use std::time::Duration;

use tocsin_core::lifecycle::{EndReason, Incident};
use tocsin_core::visibility::Visibility;
use tocsin_storage::ending::{self, Ending};
use tocsin_storage::enums::EventKind;
use tocsin_storage::{Db, StorageError, leader_lock};
use tokio::sync::Notify;

use crate::ingest::{AlertCache, Context, Ingest};
use crate::message_ids::MessageIds;
use crate::{Clock, PipelineSettings, test_alert};

/// Incidents that expire per transaction.
const STEP: u32 = 500;

/// Interval between checks.
const CHECK_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Timers {
    db: Db,
    settings: Arc<PipelineSettings>,
    clock: Arc<dyn Clock>,
    alert_cache: Arc<AlertCache>,
    message_ids: MessageIds,
    ingest: Ingest,
    /// Notified after a change, for the change feed.
    changed: Arc<Notify>,
    /// Notified after a change that queues notifications.
    outbox_wakeup: Arc<Notify>,
    is_failing: bool,
}

impl Timers {
    pub(crate) fn new(context: &Context, ingest: Ingest, changed: Arc<Notify>) -> Self {
        Self {
            db: context.db.clone(),
            settings: Arc::clone(&context.settings),
            clock: Arc::clone(&context.clock),
            alert_cache: Arc::clone(&context.alert_cache),
            message_ids: context.message_ids.clone(),
            ingest,
            changed,
            outbox_wakeup: Arc::clone(&context.outbox_wakeup),
            is_failing: false,
        }
    }

    /// Runs the checks periodically until `stop` is notified.
    pub(crate) async fn run(mut self, stop: Arc<Notify>) {
        let expire_after = self.settings.expire_after;
        let pause = expire_after.map_or(CHECK_EVERY, |after| CHECK_EVERY.min(after / 4));
        loop {
            tokio::select! {
                () = stop.notified() => return,
                () = tokio::time::sleep(pause) => {}
            }
            // Outside of the select, so that a transaction is never dropped halfway.
            match self.check(expire_after).await {
                Ok(()) => self.is_failing = false,
                Err(error) => {
                    self.db.note(&error);
                    // Logged once, not every time while the database is down.
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!(%error, "expiry of incidents or test alerts failed");
                    }
                }
            }
        }
    }

    async fn check(&self, expire_after: Option<Duration>) -> Result<(), StorageError> {
        if let Some(after) = expire_after {
            self.expire(after).await?;
        }
        test_alert::resolve(&self.db, &self.ingest, self.clock.now()).await
    }

    async fn expire(&self, after: Duration) -> Result<(), StorageError> {
        loop {
            let now = self.clock.now();
            let before = now.minus(after);
            let due = ending::stale_incidents(&self.db, before, STEP).await?;
            if due.is_empty() {
                return Ok(());
            }
            let tx = self.db.begin().await?;
            if !leader_lock::try_lock(&tx, "timers").await? {
                return tx.rollback().await;
            }
            let end = |open: &Incident| {
                // It may have been updated while this transaction waited for the lock.
                let is_due = open.last_seen_at < before;
                is_due.then(|| open.expired(now, EndReason::NoUpdates))
            };
            let event = EventKind::Expired;
            let ending = Ending {
                ends: &end,
                event,
                by: None,
                note: None,
                visible: &Visibility::everything(),
                now,
            };
            let ended = ending::end(&tx, &due, &ending).await?;
            let message_id = || self.message_ids.random("expired");
            ending::notify(&tx, &ended, event, now, &message_id).await?;
            self.alert_cache.forget_incidents(&tx, &ended).await?;
            tx.commit().await?;
            self.changed.notify_waiters();
            self.outbox_wakeup.notify_waiters();
            if due.len() < STEP as usize || ended.is_empty() {
                return Ok(());
            }
        }
    }
}
