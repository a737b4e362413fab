//! The log's retention.
//!
//! An entry is looked at when it reaches an age that a rule names, and deleted
//! if its rule names no greater one. So each entry is looked at once for each
//! span, however many are kept, and the place that the walk has reached is all
//! that needs to be remembered. It is kept with what it deletes, in one
//! transaction. It goes back when the rules change (`Walk::begin`).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_storage::archive::{self, ArchivedEntry, ArchivedIncident};
use tocsin_storage::retention::{self, LogRules, Visited, Walk};
use tocsin_storage::{Reads, StorageError};
use tokio::time::Instant;

use super::{Ended, Retention, STEP, Stop};

/// Entries looked at together.
const LOOK: u32 = 2_000;

/// Texts whose verdict is remembered before all are forgotten.
const REMEMBERED: usize = 50_000;

/// How often a step is tried whose incidents people or deliveries change.
const TRIES: u32 = 3;

/// What a rule says, by the text that holds an entry's labels.
type Verdicts = HashMap<(i64, Option<i64>), Option<Duration>>;

/// What one step of the walk is to do.
struct Step {
    /// The walk after it.
    walk: Walk,
    doomed: Vec<Visited>,
    lines: Vec<ArchivedEntry>,
    incidents: BTreeMap<i64, ArchivedIncident>,
}

impl Retention {
    /// Deletes the entries that are kept for `span` at most and are older.
    pub(super) async fn log(
        &mut self,
        span: Duration,
        now: Timestamp,
        stop: &mut Stop<'_>,
    ) -> Result<(), Ended> {
        let before = now.minus(span);
        let words = self.settings.retention.log.words();
        let mut saved = retention::load_walk(&self.db, "log", span).await?;
        let mut walk = self.walk("log", span, &words, before).await?;
        let mut verdicts = Verdicts::new();
        let mut deleted = 0;
        let mut tries = 0;
        loop {
            let began = Instant::now();
            match self.step(span, before, &walk, &mut verdicts).await {
                Ok(None) => break,
                Ok(Some((next, entries))) => {
                    tries = 0;
                    if entries > 0 {
                        saved = next.clone();
                        deleted += entries;
                    }
                    walk = next;
                }
                Err(Ended::Storage(StorageError::Stale(_))) if tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
            self.pause(began, stop).await?;
        }
        if deleted > 0 {
            tracing::info!(entries = deleted, older_than = ?span, "old log entries are deleted");
        }
        self.save("log", span, &saved, &walk).await
    }

    /// Looks at the next entries and deletes those that have to go; answers how
    /// the walk stands then, and how many went. `None`: there are no more.
    async fn step(
        &mut self,
        span: Duration,
        before: Timestamp,
        walk: &Walk,
        verdicts: &mut Verdicts,
    ) -> Result<Option<(Walk, u64)>, Ended> {
        let settings = Arc::clone(&self.settings);
        let looker = Looker {
            rules: &settings.retention.log,
            span,
            before,
            database: self.archive.is_some().then(|| self.database.clone()),
        };
        let (step, tx) = if self.reads_apart() {
            let Some(step) = looker.look(&self.db, walk, verdicts).await? else {
                return Ok(None);
            };
            if step.doomed.is_empty() {
                return Ok(Some((step.walk, 0)));
            }
            self.write(&step).await?;
            (step, self.turn().await?)
        } else {
            let tx = self.turn().await?;
            let Some(step) = looker.look(&tx, walk, verdicts).await? else {
                tx.rollback().await?;
                return Ok(None);
            };
            if step.doomed.is_empty() {
                tx.rollback().await?;
                return Ok(Some((step.walk, 0)));
            }
            self.write(&step).await?;
            (step, tx)
        };
        let deliveries = settings.retention.deliveries;
        let now = before.plus(span);
        let archived = self.archive.is_some().then_some(&step.incidents);
        let gone = retention::delete(
            &tx,
            &step.doomed,
            deliveries.map(|span| now.minus(span)),
            archived,
        )
        .await?;
        retention::save_walk(&tx, "log", span, &step.walk).await?;
        self.standings.forget(&gone.touched).await;
        tx.commit().await?;
        Ok(Some((step.walk, gone.entries)))
    }

    /// Writes a step's entries to the archive, if there is one.
    async fn write(&self, step: &Step) -> Result<(), Ended> {
        let Some(archive) = self.archive.clone() else {
            return Ok(());
        };
        let lines = step.lines.clone();
        let written = tokio::task::spawn_blocking(move || {
            // What it holds is right after a panic, too: lengths are looked up.
            let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
            archive.append(&lines)
        });
        written
            .await
            .map_err(|error| Ended::Archive(std::io::Error::other(error)))?
            .map_err(Ended::Archive)
    }
}

/// How entries are looked at.
struct Looker<'a> {
    rules: &'a LogRules,
    span: Duration,
    before: Timestamp,
    /// The database's name, where there is an archive.
    database: Option<String>,
}

impl Looker<'_> {
    async fn look(
        &self,
        db: &impl Reads,
        walk: &Walk,
        verdicts: &mut Verdicts,
    ) -> Result<Option<Step>, StorageError> {
        let limit = if self.rules.of_all().is_some() {
            STEP
        } else {
            LOOK
        };
        let visited = retention::visit(db, walk.at, self.before, limit).await?;
        if visited.is_empty() {
            return Ok(None);
        }
        let mut step = Step {
            walk: walk.clone(),
            doomed: self.decide(db, &visited, verdicts).await?,
            lines: Vec::new(),
            incidents: BTreeMap::new(),
        };
        let full = step.doomed.len() > STEP as usize;
        step.doomed.truncate(STEP as usize);
        // What follows the last one that goes is looked at with the next step.
        let last = if full {
            step.doomed.last()
        } else {
            visited.last()
        };
        if let Some(last) = last {
            step.walk.at = last.spot();
        }
        let ids = |doomed: &[Visited]| doomed.iter().map(|v| v.id).collect::<Vec<i64>>();
        let awaited = retention::undelivered(db, &ids(&step.doomed)).await?;
        let walk = &mut step.walk;
        step.doomed.retain(|visited| {
            let is_awaited = awaited.contains(&visited.id);
            if is_awaited {
                walk.hold(visited.spot());
            }
            !is_awaited
        });
        if let Some(database) = &self.database {
            let archived = archive::read(db, database, &ids(&step.doomed)).await?;
            step.lines = archived.entries;
            step.incidents = archived.incidents;
        }
        Ok(Some(step))
    }

    /// Those of the entries that have to go.
    async fn decide(
        &self,
        db: &impl Reads,
        visited: &[Visited],
        verdicts: &mut Verdicts,
    ) -> Result<Vec<Visited>, StorageError> {
        let goes = |keep: Option<Duration>| keep.is_some_and(|keep| keep <= self.span);
        if let Some(keep) = self.rules.of_all() {
            return Ok(if goes(keep) {
                visited.to_vec()
            } else {
                Vec::new()
            });
        }
        if verdicts.len() > REMEMBERED {
            verdicts.clear();
        }
        let mut unknown: Vec<_> = visited
            .iter()
            .map(Visited::text)
            .filter(|text| !verdicts.contains_key(text))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        for (text, labels) in retention::labels(db, &unknown).await? {
            verdicts.insert(text, self.rules.keep(&labels));
        }
        // One whose text is not found is left alone.
        let doomed = visited
            .iter()
            .filter(|visited| goes(verdicts.get(&visited.text()).copied().flatten()));
        Ok(doomed.copied().collect())
    }
}
