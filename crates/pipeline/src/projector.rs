//! Folding: what ingest leaves in the backlog becomes roll-ups and search
//! index, in small steps that never hold ingest up for long. In a storm it
//! falls behind, and catches up afterwards; what is read is exact all the same.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tocsin_core::stats;
use tocsin_storage::{Db, StorageError, rollups, search};
use tokio::sync::Notify;

use crate::Clock;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Between two steps: writers that wait come first, and a storm needs the cores
/// for itself. A step is followed by nine times its own time.
const MAKE_WAY: Duration = Duration::from_millis(25);
const REST: u32 = 9;
const MOST: Duration = Duration::from_secs(2);

/// Series and tellings that one step indexes.
const DOCUMENTS: usize = 2_000;

/// Folds every second, until told to stop.
pub(crate) async fn run(db: Db, clock: Arc<dyn Clock>, stop: Arc<Notify>) {
    let mut folding = Projector {
        db,
        clock,
        tidied: None,
        is_failing: false,
    };
    let mut pause = Duration::ZERO;
    loop {
        tokio::select! {
            () = stop.notified() => return,
            () = tokio::time::sleep(pause) => {}
        }
        // Not within the select: a transaction is never dropped half-way. While
        // a step runs nobody listens, so whoever stops us says it again.
        pause = folding.step().await;
    }
}

/// What there is to do next, as far as is known.
#[derive(PartialEq, Eq)]
enum Next {
    Nothing,
    More,
    /// What was there before an upgrade; it comes after what ingest leaves.
    Old,
}

struct Projector {
    db: Db,
    clock: Arc<dyn Clock>,
    /// The hour in which closed buckets were last looked after.
    tidied: Option<i64>,
    is_failing: bool,
}

impl Projector {
    /// One step of each kind; how long to wait before the next.
    async fn step(&mut self) -> Duration {
        let begun = Instant::now();
        match self.project().await {
            Ok(next) => {
                self.is_failing = false;
                let times = if next == Next::Old { 1 } else { REST };
                let rest = (begun.elapsed() * times).clamp(MAKE_WAY, MOST);
                if next == Next::Nothing {
                    rest.max(LOOK_EVERY)
                } else {
                    rest
                }
            }
            Err(error) => {
                self.db.note(&error);
                // Said once, not every second while the database is away.
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(%error, "statistics and search index were not folded");
                }
                LOOK_EVERY
            }
        }
    }

    async fn project(&mut self) -> Result<Next, StorageError> {
        let folded = rollups::project(&self.db).await?;
        rollups::merge(&self.db, &folded.to_merge).await?;
        let indexed = self.index().await?;
        let hour = stats::hour_of(self.clock.now());
        let mut tidied = 0;
        if self.tidied != Some(hour) {
            tidied = rollups::compact(&self.db, hour).await?;
            if tidied == 0 {
                self.tidied = Some(hour);
            }
        }
        Ok(match folded.more || indexed || tidied > 0 {
            true if folded.is_old => Next::Old,
            true => Next::More,
            false => Next::Nothing,
        })
    }

    /// The same for the search index.
    async fn index(&self) -> Result<bool, StorageError> {
        let Some(segment) = search::prepare(&self.db, DOCUMENTS).await? else {
            return Ok(false);
        };
        let tx = self.db.begin().await?;
        let documents = match search::put(&tx, segment).await {
            Ok(documents) => documents,
            // Another replica was quicker.
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
