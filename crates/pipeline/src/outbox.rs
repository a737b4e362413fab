//! The outbox worker: leases due notifications, renders and sends them, and records the
//! result of each attempt.
//!
//! Problems of a single notification (rejected address, greylisting) only affect that
//! notification. Problems of the mail server connection (no connection, TLS, wrong
//! credentials) pause the worker and are shown on every page, because the next
//! notification would fail the same way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use tocsin_core::time::Timestamp;
use tocsin_mailer::{Delivered, MAX_ATTEMPTS, Mailer, Renderer, SendError, backoff, pause};
use tocsin_storage::enums::NotificationState;
use tocsin_storage::outbox::{self, AttemptResult, Lease, LeasedNotification};
use tocsin_storage::{Db, StorageError};
use tokio::sync::Notify;

use crate::mail_content::mail_content;
use crate::{Clock, PipelineSettings};

/// Notifications leased at a time, and connections used in parallel, so that one slow
/// connection does not block the others.
const BATCH_SIZE: u32 = 32;
const MAX_CONCURRENT_SENDS: usize = 4;

/// Poll interval, for notifications of other replicas and expired leases.
const POLL_EVERY: Duration = Duration::from_secs(5);

/// Duration of a lease beyond the longest attempt.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// Delay before a result that the database did not accept is written again.
const RECORD_RETRY_DELAY: Duration = Duration::from_millis(500);

/// State of the outbox worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailHealth {
    /// Time since which no e-mail can be sent; `None` if it can.
    pub paused_since: Option<Timestamp>,
    /// Reason for the pause.
    pub error: Option<String>,
    /// Notifications sent since the program started.
    pub sent: u64,
    /// Notifications written to files.
    pub written: u64,
    /// Notifications that failed permanently.
    pub failed: u64,
    /// Attempts that will be retried.
    pub retried: u64,
}

/// Dependencies of the worker.
pub(crate) struct Worker {
    pub(crate) db: Db,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) settings: Arc<PipelineSettings>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) health: Arc<Mutex<MailHealth>>,
    /// Notified when notifications may be due.
    pub(crate) due: Arc<Notify>,
    /// Notified when a result was recorded.
    pub(crate) recorded: Arc<Notify>,
    pub(crate) stop: Arc<Notify>,
}

impl Worker {
    /// Runs until `stop` is notified. Sends in progress are finished, and unused leases
    /// are released.
    pub(crate) async fn run(self) {
        let mut failures = 0;
        let mut is_failing = false;
        loop {
            // Registered before the outbox is read, so that a notification in between
            // is not missed.
            let stopped = self.stop.notified();
            let due = self.due.notified();
            tokio::pin!(stopped, due);
            stopped.as_mut().enable();
            due.as_mut().enable();
            let batch = self.process_batch().await;
            let was_failing = std::mem::replace(&mut is_failing, batch.is_err());
            let wait = match batch {
                Ok(Batch::Idle) => {
                    failures = 0;
                    POLL_EVERY.min(self.until_next().await)
                }
                Ok(Batch::Processed) => {
                    failures = 0;
                    Duration::ZERO
                }
                Ok(Batch::Unavailable) => {
                    failures += 1;
                    pause(failures, rand::random())
                }
                Err(error) => {
                    self.db.note(&error);
                    // Logged once, not every time while the database is down.
                    if !was_failing {
                        tracing::error!(%error, "the outbox cannot be processed");
                    }
                    POLL_EVERY
                }
            };
            tokio::select! {
                biased;
                () = stopped => return,
                () = tokio::time::sleep(wait) => {}
                // While e-mail cannot be sent, new notifications do not end the pause.
                () = due, if failures == 0 => {}
            }
        }
    }

    async fn until_next(&self) -> Duration {
        match outbox::next_due(&self.db).await {
            Ok(Some(at)) => at.since(self.clock.now()),
            Ok(None) | Err(_) => POLL_EVERY,
        }
    }

    async fn process_batch(&self) -> Result<Batch, StorageError> {
        let token = format!("{:032x}", rand::random::<u128>());
        let now = self.clock.now();
        let until = now.plus(self.mailer.send_timeout() + LEASE_MARGIN);
        let tx = self.db.begin().await?;
        // While paused, a single notification probes the server.
        let limit = if self.is_paused() { 1 } else { BATCH_SIZE };
        let leased = outbox::lease(
            &tx,
            Lease {
                token: &token,
                now,
                until,
                limit,
            },
        )
        .await?;
        tx.commit().await?;
        if leased.is_empty() {
            return Ok(Batch::Idle);
        }
        // On a stop, sends in progress finish and no new one starts.
        let mut waiting = leased.into_iter();
        let results: Vec<Result<bool, StorageError>> = stream::iter(&mut waiting)
            .take_until(self.stop.notified())
            .map(|notification| self.attempt(notification, &token))
            .buffer_unordered(MAX_CONCURRENT_SENDS)
            .collect()
            .await;
        let unused: Vec<LeasedNotification> = waiting.collect();
        if !unused.is_empty() {
            let tx = self.db.begin().await?;
            outbox::release(&tx, &token, &unused).await?;
            tx.commit().await?;
        }
        self.recorded.notify_waiters();
        let mut batch = Batch::Processed;
        for result in results {
            match result {
                Ok(true) => {}
                Ok(false) => batch = Batch::Unavailable,
                Err(error) => {
                    self.db.note(&error);
                    tracing::error!(%error, "the result of a notification was not recorded");
                }
            }
        }
        Ok(batch)
    }

    /// Sends one notification and records the result. Returns `false` if no e-mail can
    /// be sent.
    async fn attempt(
        &self,
        notification: LeasedNotification,
        token: &str,
    ) -> Result<bool, StorageError> {
        let data = outbox::notification_data(&self.db, &notification).await?;
        let content = mail_content(&self.settings, &notification, data);
        let result = match self.renderer.render(&content) {
            Err(error) => self.finished(NotificationState::Failed, Some(error.to_string())),
            Ok(rendered) => match self.mailer.send(&rendered).await {
                Ok(Delivered::Sent) => self.finished(NotificationState::Sent, None),
                Ok(Delivered::Written { .. }) => self.finished(NotificationState::Written, None),
                Err(error) => self.failed(&notification, error),
            },
        };
        let available = self.update_health(&result);
        self.record(&notification, token, &result.0).await?;
        Ok(available)
    }

    /// Records the result. While the database is down this is retried until the lease
    /// ends: without the result the notification would be sent twice.
    async fn record(
        &self,
        notification: &LeasedNotification,
        token: &str,
        result: &AttemptResult,
    ) -> Result<(), StorageError> {
        let end = tokio::time::Instant::now() + LEASE_MARGIN;
        loop {
            match self.record_once(notification, token, result).await {
                Err(error) if error.is_transient() && tokio::time::Instant::now() < end => {
                    tokio::time::sleep(RECORD_RETRY_DELAY).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn record_once(
        &self,
        notification: &LeasedNotification,
        token: &str,
        result: &AttemptResult,
    ) -> Result<(), StorageError> {
        let tx = self.db.begin().await?;
        outbox::record_result(&tx, notification, token, result, self.clock.now()).await?;
        tx.commit().await
    }

    fn finished(
        &self,
        state: NotificationState,
        error: Option<String>,
    ) -> (AttemptResult, Option<String>) {
        (AttemptResult::Done { state, error }, None)
    }

    /// Decides whether a failed attempt is retried, and whether the worker pauses.
    fn failed(
        &self,
        notification: &LeasedNotification,
        error: SendError,
    ) -> (AttemptResult, Option<String>) {
        let message = error.to_string();
        let tries = u32::try_from(notification.tries).unwrap_or(u32::MAX);
        let now = self.clock.now();
        match error {
            SendError::Refused { .. } => self.finished(NotificationState::Failed, Some(message)),
            SendError::TryLater { .. } if tries >= MAX_ATTEMPTS => {
                self.finished(NotificationState::Failed, Some(message))
            }
            SendError::TryLater { .. } => {
                let at = now.plus(backoff(tries, rand::random()));
                (AttemptResult::Later { at, error: message }, None)
            }
            // Due immediately: the worker's pause is the delay.
            SendError::Unavailable { .. } => (
                AttemptResult::Later {
                    at: now,
                    error: message.clone(),
                },
                Some(message),
            ),
        }
    }

    /// Counts the result and updates the pause. Returns whether e-mail can be sent.
    fn update_health(&self, (result, pause_reason): &(AttemptResult, Option<String>)) -> bool {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            AttemptResult::Done {
                state: NotificationState::Sent,
                ..
            } => health.sent += 1,
            AttemptResult::Done {
                state: NotificationState::Written,
                ..
            } => health.written += 1,
            AttemptResult::Done { .. } => health.failed += 1,
            AttemptResult::Later { .. } => health.retried += 1,
        }
        match pause_reason {
            Some(error) => {
                if health.paused_since.is_none() {
                    tracing::error!(%error, "e-mail is paused");
                    health.paused_since = Some(self.clock.now());
                }
                health.error = Some(error.clone());
            }
            None => {
                if health.paused_since.take().is_some() {
                    tracing::info!("e-mail is sent again");
                }
                health.error = None;
            }
        }
        pause_reason.is_none()
    }

    fn is_paused(&self) -> bool {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.paused_since.is_some()
    }
}

enum Batch {
    /// Nothing was due.
    Idle,
    /// Notifications were processed.
    Processed,
    /// No e-mail can be sent now.
    Unavailable,
}
