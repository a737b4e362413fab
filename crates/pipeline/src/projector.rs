//! Projector: turns rows of the projection queue into statistics rollups and the search
//! index.
//!
//! It works in small steps that never block ingest for long. In an alert storm it falls
//! behind and catches up afterwards. Reads stay exact, because they include the queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tocsin_core::stats;
use tocsin_storage::{Db, StorageError, rollups, search};
use tokio::sync::Notify;

use crate::Clock;

const RUN_EVERY: Duration = Duration::from_secs(1);

/// Pause between two steps: waiting writers go first, and an alert storm needs the CPU.
/// After a step the projector pauses for nine times the duration of the step.
const MIN_PAUSE: Duration = Duration::from_millis(25);
const PAUSE_FACTOR: u32 = 9;
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Alerts and alert contents that one step indexes.
const DOCUMENTS: usize = 2_000;

/// Runs a step every second until `stop` is notified.
pub(crate) async fn run(db: Db, clock: Arc<dyn Clock>, stop: Arc<Notify>) {
    let mut projector = Projector {
        db,
        clock,
        compacted: None,
        is_failing: false,
    };
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = stop.notified() => return,
            () = tokio::time::sleep(pause) => {}
        }
        // Outside of the select, so that a transaction is never dropped halfway. A stop
        // during a step is missed here, so the caller repeats it.
        pause = projector.step().await;
    }
}

/// Remaining work after a step.
#[derive(PartialEq, Eq)]
enum Next {
    Nothing,
    More,
    /// Rows from before an upgrade; they are processed after those of ingest.
    Old,
}

struct Projector {
    db: Db,
    clock: Arc<dyn Clock>,
    /// Hour in which closed buckets were last compacted.
    compacted: Option<i64>,
    is_failing: bool,
}

impl Projector {
    /// Runs one step of each kind and returns the pause before the next.
    async fn step(&mut self) -> Duration {
        let started = Instant::now();
        match self.project().await {
            Ok(next) => {
                self.is_failing = false;
                let factor = if next == Next::Old { 1 } else { PAUSE_FACTOR };
                let pause = (started.elapsed() * factor).clamp(MIN_PAUSE, MAX_PAUSE);
                if next == Next::Nothing {
                    pause.max(RUN_EVERY)
                } else {
                    pause
                }
            }
            Err(error) => {
                self.db.note(&error);
                // Logged once, not every second while the database is down.
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(%error, "statistics and the search index were not updated");
                }
                RUN_EVERY
            }
        }
    }

    async fn project(&mut self) -> Result<Next, StorageError> {
        let projected = rollups::project(&self.db).await?;
        rollups::merge(&self.db, &projected.to_merge).await?;
        let indexed = self.index().await?;
        let hour = stats::hour_of(self.clock.now());
        let mut compacted = 0;
        if self.compacted != Some(hour) {
            compacted = rollups::compact(&self.db, hour).await?;
            if compacted == 0 {
                self.compacted = Some(hour);
            }
        }
        Ok(match projected.more || indexed || compacted > 0 {
            true if projected.is_old => Next::Old,
            true => Next::More,
            false => Next::Nothing,
        })
    }

    /// Indexes a batch of documents; returns whether there are more.
    async fn index(&self) -> Result<bool, StorageError> {
        let Some(segment) = search::prepare(&self.db, DOCUMENTS).await? else {
            return Ok(false);
        };
        let tx = self.db.begin().await?;
        let documents = match search::put(&tx, segment).await {
            Ok(documents) => documents,
            // Another replica indexed them first.
            Err(StorageError::Stale(_)) => 0,
            Err(error) => return Err(error),
        };
        if documents == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.commit().await?;
        Ok(search::merge(&self.db).await? || documents >= DOCUMENTS)
    }
}
