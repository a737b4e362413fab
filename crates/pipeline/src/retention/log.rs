//! Retention of the alert log.
//!
//! A walk visits each entry when it reaches an age that a rule names, and deletes it
//! unless its own rule names a greater one. So an entry is visited once per retention
//! period, regardless of the size of the log, and the position of the walk is the only
//! state. The position is stored in the same transaction as the deletion. It is reset
//! when the rules change ([`Walk::begin`]).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tocsin_core::time::Timestamp;
use tocsin_storage::archive::{self, ArchivedEntry, ArchivedIncident};
use tocsin_storage::retention::{self, LogRules, Visited, Walk};
use tocsin_storage::{Reads, StorageError};
use tokio::time::Instant;

use super::{PassError, Retention, STEP, Stop};

/// Entries per read.
const VISIT_BATCH: u32 = 2_000;

/// Limit of cached retention periods; at the limit the cache is cleared.
const MAX_CACHED_PERIODS: usize = 50_000;

/// Attempts for a step whose incidents change concurrently.
const MAX_ATTEMPTS: u32 = 3;

/// Retention period by the ID of the labels (alert ID, content ID).
type Periods = HashMap<(i64, Option<i64>), Option<Duration>>;

/// One step of the walk.
struct Step {
    /// State of the walk after the step.
    walk: Walk,
    expired: Vec<Visited>,
    lines: Vec<ArchivedEntry>,
    incidents: BTreeMap<i64, ArchivedIncident>,
}

impl Retention {
    /// Deletes older entries whose retention period is `span` or less.
    pub(super) async fn log(
        &mut self,
        span: Duration,
        now: Timestamp,
        stop: &mut Stop<'_>,
    ) -> Result<(), PassError> {
        let before = now.minus(span);
        let rules = self.settings.retention.log.words();
        let mut saved = retention::load_walk(&self.db, "log", span).await?;
        let mut walk = self.walk("log", span, &rules, before).await?;
        let mut periods = Periods::new();
        let mut deleted = 0;
        let mut attempts = 0;
        loop {
            let started = Instant::now();
            match self.step(span, before, &walk, &mut periods).await {
                Ok(None) => break,
                Ok(Some((next, entries))) => {
                    attempts = 0;
                    if entries > 0 {
                        saved = next.clone();
                        deleted += entries;
                    }
                    walk = next;
                }
                Err(PassError::Storage(StorageError::Stale(_))) if attempts < MAX_ATTEMPTS => {
                    attempts += 1;
                }
                Err(error) => return Err(error),
            }
            self.pause(started, stop).await?;
        }
        if deleted > 0 {
            tracing::info!(entries = deleted, older_than = ?span, "deleted old log entries");
        }
        self.save("log", span, &saved, &walk).await
    }

    /// Visits the next entries and deletes the expired ones. Returns the new state of
    /// the walk and the number of deleted entries; `None` at the end.
    async fn step(
        &mut self,
        span: Duration,
        before: Timestamp,
        walk: &Walk,
        periods: &mut Periods,
    ) -> Result<Option<(Walk, u64)>, PassError> {
        let settings = Arc::clone(&self.settings);
        let visitor = Visitor {
            rules: &settings.retention.log,
            span,
            before,
            database: self.archive.is_some().then(|| self.database.clone()),
        };
        let (step, tx) = if self.reads_outside_tx() {
            let Some(step) = visitor.visit(&self.db, walk, periods).await? else {
                return Ok(None);
            };
            if step.expired.is_empty() {
                return Ok(Some((step.walk, 0)));
            }
            self.write(&step).await?;
            (step, self.begin_delete().await?)
        } else {
            let tx = self.begin_delete().await?;
            let Some(step) = visitor.visit(&tx, walk, periods).await? else {
                tx.rollback().await?;
                return Ok(None);
            };
            if step.expired.is_empty() {
                tx.rollback().await?;
                return Ok(Some((step.walk, 0)));
            }
            self.write(&step).await?;
            (step, tx)
        };
        let deliveries = settings.retention.deliveries;
        let now = before.plus(span);
        let archived = self.archive.is_some().then_some(&step.incidents);
        let deleted = retention::delete(
            &tx,
            &step.expired,
            deliveries.map(|span| now.minus(span)),
            archived,
        )
        .await?;
        retention::save_walk(&tx, "log", span, &step.walk).await?;
        self.alert_cache.forget(&deleted.touched).await;
        tx.commit().await?;
        Ok(Some((step.walk, deleted.entries)))
    }

    /// Writes the entries of a step to the archive, if there is one.
    async fn write(&self, step: &Step) -> Result<(), PassError> {
        let Some(archive) = self.archive.clone() else {
            return Ok(());
        };
        let lines = step.lines.clone();
        let written = tokio::task::spawn_blocking(move || {
            // The archive is consistent even after a panic: it checks file lengths.
            let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
            archive.append(&lines)
        });
        written
            .await
            .map_err(|error| PassError::Archive(std::io::Error::other(error)))?
            .map_err(PassError::Archive)
    }
}

/// Reads and checks entries.
struct Visitor<'a> {
    rules: &'a LogRules,
    span: Duration,
    before: Timestamp,
    /// Name of the database, if there is an archive.
    database: Option<String>,
}

impl Visitor<'_> {
    async fn visit(
        &self,
        db: &impl Reads,
        walk: &Walk,
        periods: &mut Periods,
    ) -> Result<Option<Step>, StorageError> {
        let limit = if self.rules.of_all().is_some() {
            STEP
        } else {
            VISIT_BATCH
        };
        let visited = retention::visit(db, walk.at, self.before, limit).await?;
        if visited.is_empty() {
            return Ok(None);
        }
        let mut step = Step {
            walk: walk.clone(),
            expired: self.decide(db, &visited, periods).await?,
            lines: Vec::new(),
            incidents: BTreeMap::new(),
        };
        let full = step.expired.len() > STEP as usize;
        step.expired.truncate(STEP as usize);
        // Entries after the last expired one are visited by the next step.
        let last = if full {
            step.expired.last()
        } else {
            visited.last()
        };
        if let Some(last) = last {
            step.walk.at = last.spot();
        }
        let ids = |expired: &[Visited]| expired.iter().map(|v| v.id).collect::<Vec<i64>>();
        let undelivered = retention::undelivered(db, &ids(&step.expired)).await?;
        let walk = &mut step.walk;
        step.expired.retain(|visited| {
            let is_undelivered = undelivered.contains(&visited.id);
            if is_undelivered {
                walk.hold(visited.spot());
            }
            !is_undelivered
        });
        if let Some(database) = &self.database {
            let archived = archive::read(db, database, &ids(&step.expired)).await?;
            step.lines = archived.entries;
            step.incidents = archived.incidents;
        }
        Ok(Some(step))
    }

    /// Returns the expired entries.
    async fn decide(
        &self,
        db: &impl Reads,
        visited: &[Visited],
        periods: &mut Periods,
    ) -> Result<Vec<Visited>, StorageError> {
        let is_expired = |keep: Option<Duration>| keep.is_some_and(|keep| keep <= self.span);
        if let Some(keep) = self.rules.of_all() {
            return Ok(if is_expired(keep) {
                visited.to_vec()
            } else {
                Vec::new()
            });
        }
        if periods.len() > MAX_CACHED_PERIODS {
            periods.clear();
        }
        let mut missing: Vec<_> = visited
            .iter()
            .map(Visited::text)
            .filter(|id| !periods.contains_key(id))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        for (id, labels) in retention::labels(db, &missing).await? {
            periods.insert(id, self.rules.keep(&labels));
        }
        // Entries whose labels are not found are kept.
        let expired = visited
            .iter()
            .filter(|visited| is_expired(periods.get(&visited.text()).copied().flatten()));
        Ok(expired.copied().collect())
    }
}
