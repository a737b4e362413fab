//! The outbox worker: takes mails that are due, renders and sends them, and
//! notes what became of each attempt.
//!
//! A mail's own trouble (an address that is refused, greylisting) is settled
//! with that mail. Trouble that is ours (no connection, TLS, a wrong password)
//! stops the worker for a while and is shown everywhere, because the next mail
//! would fare the same.

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

/// Mails taken at once, and sent at once: one slow server connection does not
/// hold back the others.
const MAILS_PER_TURN: u32 = 32;
const MAILS_AT_ONCE: usize = 4;

/// The worker looks by itself this often, for mails of other replicas and
/// leases that ran out.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What a lease holds beyond the longest attempt.
const LEASE_MARGIN: Duration = Duration::from_secs(30);

/// How soon a result is noted again that the database did not take.
const NOTE_AGAIN: Duration = Duration::from_millis(500);

/// How mail is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailHealth {
    /// Since when no mail can be handed over; `None` while all is well.
    pub paused_since: Option<Timestamp>,
    /// Why.
    pub error: Option<String>,
    /// Mails by what became of them, since the program started.
    pub sent: u64,
    /// Written to files.
    pub written: u64,
    /// Refused for good.
    pub failed: u64,
    /// Attempts that will be repeated.
    pub retried: u64,
}

/// What the worker needs.
pub(crate) struct Worker {
    pub(crate) db: Db,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) settings: Arc<PipelineSettings>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) health: Arc<Mutex<MailHealth>>,
    /// Woken when mail may be due.
    pub(crate) due: Arc<Notify>,
    /// Woken when a result was noted.
    pub(crate) settled: Arc<Notify>,
    pub(crate) stop: Arc<Notify>,
}

impl Worker {
    /// Works until told to stop; what is being sent then is finished, and what
    /// was taken is given back.
    pub(crate) async fn run(self) {
        let mut failures = 0;
        let mut is_failing = false;
        loop {
            // Registered before looking, so that what comes meanwhile is not missed.
            let stopped = self.stop.notified();
            let due = self.due.notified();
            tokio::pin!(stopped, due);
            stopped.as_mut().enable();
            due.as_mut().enable();
            let turn = self.turn().await;
            let was_failing = std::mem::replace(&mut is_failing, turn.is_err());
            let wait = match turn {
                Ok(Turn::Idle) => {
                    failures = 0;
                    LOOK_EVERY.min(self.until_next().await)
                }
                Ok(Turn::Worked) => {
                    failures = 0;
                    Duration::ZERO
                }
                Ok(Turn::Unavailable) => {
                    failures += 1;
                    pause(failures, rand::random())
                }
                Err(error) => {
                    self.db.note(&error);
                    // Once, not every time while the database is away.
                    if !was_failing {
                        tracing::error!(%error, "the outbox cannot be worked on");
                    }
                    LOOK_EVERY
                }
            };
            tokio::select! {
                biased;
                () = stopped => return,
                () = tokio::time::sleep(wait) => {}
                // While mail cannot be handed over, new mail does not help.
                () = due, if failures == 0 => {}
            }
        }
    }

    async fn until_next(&self) -> Duration {
        match outbox::next_due(&self.db).await {
            Ok(Some(at)) => at.since(self.clock.now()),
            Ok(None) | Err(_) => LOOK_EVERY,
        }
    }

    async fn turn(&self) -> Result<Turn, StorageError> {
        let token = format!("{:032x}", rand::random::<u128>());
        let now = self.clock.now();
        let until = now.plus(self.mailer.send_timeout() + LEASE_MARGIN);
        let tx = self.db.begin().await?;
        // While paused, one mail is the probe.
        let limit = if self.is_paused() { 1 } else { MAILS_PER_TURN };
        let mails = outbox::lease(
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
        if mails.is_empty() {
            return Ok(Turn::Idle);
        }
        // A stop lets what is being sent finish, and nothing else begin.
        let mut waiting = mails.into_iter();
        let results: Vec<Result<bool, StorageError>> = stream::iter(&mut waiting)
            .take_until(self.stop.notified())
            .map(|mail| self.attempt(mail, &token))
            .buffer_unordered(MAILS_AT_ONCE)
            .collect()
            .await;
        let untried: Vec<LeasedNotification> = waiting.collect();
        if !untried.is_empty() {
            let tx = self.db.begin().await?;
            outbox::release(&tx, &token, &untried).await?;
            tx.commit().await?;
        }
        self.settled.notify_waiters();
        let mut turn = Turn::Worked;
        for result in results {
            match result {
                Ok(true) => {}
                Ok(false) => turn = Turn::Unavailable,
                Err(error) => {
                    self.db.note(&error);
                    tracing::error!(%error, "the result of a mail was not noted");
                }
            }
        }
        Ok(turn)
    }

    /// Sends one mail and notes the result. `false` where none can be sent.
    async fn attempt(&self, mail: LeasedNotification, token: &str) -> Result<bool, StorageError> {
        let material = outbox::notification_data(&self.db, &mail).await?;
        let facts = mail_content(&self.settings, &mail, material);
        let settlement = match self.renderer.render(&facts) {
            Err(error) => self.finished(NotificationState::Failed, Some(error.to_string())),
            Ok(rendered) => match self.mailer.send(&rendered).await {
                Ok(Delivered::Sent) => self.finished(NotificationState::Sent, None),
                Ok(Delivered::Written { .. }) => self.finished(NotificationState::Written, None),
                Err(error) => self.failed(&mail, error),
            },
        };
        let available = self.paused_by(&settlement);
        self.note(&mail, token, &settlement.0).await?;
        Ok(available)
    }

    /// Notes the result. While the database is away it is tried again, as long
    /// as the lease lasts: a result that is not noted sends the mail twice.
    async fn note(
        &self,
        mail: &LeasedNotification,
        token: &str,
        settlement: &AttemptResult,
    ) -> Result<(), StorageError> {
        let end = tokio::time::Instant::now() + LEASE_MARGIN;
        loop {
            match self.note_once(mail, token, settlement).await {
                Err(error) if error.is_transient() && tokio::time::Instant::now() < end => {
                    tokio::time::sleep(NOTE_AGAIN).await;
                }
                result => return result,
            }
        }
    }

    async fn note_once(
        &self,
        mail: &LeasedNotification,
        token: &str,
        settlement: &AttemptResult,
    ) -> Result<(), StorageError> {
        let tx = self.db.begin().await?;
        outbox::record_result(&tx, mail, token, settlement, self.clock.now()).await?;
        tx.commit().await
    }

    fn finished(
        &self,
        state: NotificationState,
        error: Option<String>,
    ) -> (AttemptResult, Option<String>) {
        (AttemptResult::Done { state, error }, None)
    }

    /// What a failure means for the mail, and for the worker where it is ours.
    fn failed(
        &self,
        mail: &LeasedNotification,
        error: SendError,
    ) -> (AttemptResult, Option<String>) {
        let text = error.to_string();
        let tries = u32::try_from(mail.tries).unwrap_or(u32::MAX);
        let now = self.clock.now();
        match error {
            SendError::Refused { .. } => self.finished(NotificationState::Failed, Some(text)),
            SendError::TryLater { .. } if tries >= MAX_ATTEMPTS => {
                self.finished(NotificationState::Failed, Some(text))
            }
            SendError::TryLater { .. } => {
                let at = now.plus(backoff(tries, rand::random()));
                (AttemptResult::Later { at, error: text }, None)
            }
            // Due at once: the worker's pause is the wait.
            SendError::Unavailable { .. } => (
                AttemptResult::Later {
                    at: now,
                    error: text.clone(),
                },
                Some(text),
            ),
        }
    }

    /// Counts the result, and notes whether mail can be handed over at all.
    fn paused_by(&self, (settlement, trouble): &(AttemptResult, Option<String>)) -> bool {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        match settlement {
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
        match trouble {
            Some(error) => {
                if health.paused_since.is_none() {
                    tracing::error!(%error, "mail is paused");
                    health.paused_since = Some(self.clock.now());
                }
                health.error = Some(error.clone());
            }
            None => {
                if health.paused_since.take().is_some() {
                    tracing::info!("mail goes out again");
                }
                health.error = None;
            }
        }
        trouble.is_none()
    }

    fn is_paused(&self) -> bool {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.paused_since.is_some()
    }
}

enum Turn {
    /// Nothing was due.
    Idle,
    /// Mails were settled.
    Worked,
    /// No mail can be handed over now.
    Unavailable,
}
