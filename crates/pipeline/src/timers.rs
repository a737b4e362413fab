//! What becomes of incidents as time goes by, without a delivery: those that are not
//! seen any more expire, where a setting says so, and test alerts resolve themselves.

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

/// Incidents that expire in one transaction.
const STEP: u32 = 500;

/// How often is looked for what is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Timers {
    db: Db,
    settings: Arc<PipelineSettings>,
    clock: Arc<dyn Clock>,
    standings: Arc<AlertCache>,
    message_ids: MessageIds,
    ingest: Ingest,
    /// Woken after a change that is to be passed on.
    changed: Arc<Notify>,
    /// Woken after one that somebody is notified of.
    outbox_wakeup: Arc<Notify>,
    is_failing: bool,
}

impl Timers {
    pub(crate) fn new(context: &Context, ingest: Ingest, changed: Arc<Notify>) -> Self {
        Self {
            db: context.db.clone(),
            settings: Arc::clone(&context.settings),
            clock: Arc::clone(&context.clock),
            standings: Arc::clone(&context.alert_cache),
            message_ids: context.message_ids.clone(),
            ingest,
            changed,
            outbox_wakeup: Arc::clone(&context.outbox_wakeup),
            is_failing: false,
        }
    }

    /// Looks every so often, until told to stop.
    pub(crate) async fn run(mut self, stop: Arc<Notify>) {
        let expire_after = self.settings.expire_after;
        let pause = expire_after.map_or(LOOK_EVERY, |after| LOOK_EVERY.min(after / 4));
        loop {
            tokio::select! {
                () = stop.notified() => return,
                () = tokio::time::sleep(pause) => {}
            }
            // Not within the select: a transaction is never dropped half-way.
            match self.look(expire_after).await {
                Ok(()) => self.is_failing = false,
                Err(error) => {
                    self.db.note(&error);
                    // Said once, not every time while the database is away.
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!(%error, "what is due by the clock was not done");
                    }
                }
            }
        }
    }

    async fn look(&self, expire_after: Option<Duration>) -> Result<(), StorageError> {
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
            let ends = |open: &Incident| {
                // It may have been seen while we waited.
                let is_due = open.last_seen_at < before;
                is_due.then(|| open.expired(now, EndReason::NoUpdates))
            };
            let event = EventKind::Expired;
            let ending = Ending {
                ends: &ends,
                event,
                by: None,
                note: None,
                visible: &Visibility::everything(),
                now,
            };
            let ended = ending::end(&tx, &due, &ending).await?;
            let message_id = || self.message_ids.random("expired");
            ending::notify(&tx, &ended, event, now, &message_id).await?;
            self.standings.forget_incidents(&tx, &ended).await?;
            tx.commit().await?;
            self.changed.notify_waiters();
            self.outbox_wakeup.notify_waiters();
            if due.len() < STEP as usize || ended.is_empty() {
                return Ok(());
            }
        }
    }
}
