//! Merges segments into fewer and larger ones.
//!
//! Segments are grouped into tiers by size. When a tier has [`TOGETHER`] segments, they are
//! merged into one of the next tier. So each document is rewritten only a few times, and a
//! lookup reads only a few segments.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;
use tocsin_core::search_index::{Block, CorruptIndex, Merger, Step};

use super::project;
use super::set::number;
use crate::query::{self, Reads};
use crate::{Backend, Db, StorageError, Tx, leader_lock};

/// Number of segments of one tier to merge.
const TOGETHER: usize = 8;
/// Maximum size of a segment of the lowest tier, in bytes; each next tier has eight times
/// that.
const LOWEST_TIER_BYTES: i64 = 8 << 10;
/// Minimum size of a merge, in bytes, that removes deleted alerts; it must also cover a
/// quarter of the index, because all alert IDs are read for that.
const CLEANUP_BYTES: i64 = 1 << 20;
/// Alert IDs read at a time for that.
const ALERT_IDS: i64 = 50_000;
/// Blocks of a segment read at a time. A block can have a few hundred KiB if many alerts
/// share a term.
const READ_BLOCKS: i64 = 8;
/// Blocks written or deleted in one transaction on SQLite, about 256 KiB. That takes a few
/// milliseconds, for which ingest has to wait.
const WRITE_BLOCKS: usize = 64;
/// Value of `documents` for a segment that is being written or deleted.
const HIDDEN: i64 = -1;

#[derive(FromQueryResult)]
struct Segment {
    id: i64,
    documents: i64,
    bytes: i64,
}

/// Merges segments of similar size if there are enough. Returns whether it did; then there
/// may be more to merge.
///
/// It takes the database instead of a transaction, because on SQLite it needs several short
/// transactions; a long one would block ingest. If the process is killed in between, it
/// leaves a hidden segment, which the next call deletes. Only one call may run at a time:
/// PostgreSQL replicas use a lock here; with SQLite, the process has to ensure it.
///
/// # Errors
/// [`StorageError`] from the database; [`StorageError::Corrupt`] for a malformed
/// block.
pub async fn merge(db: &Db) -> Result<bool, StorageError> {
    let mut steps = Steps { db, tx: None };
    if !leader_lock::try_lock(steps.tx().await?, "search_merge").await? {
        return Ok(false);
    }
    let sql = "SELECT id, documents, bytes FROM search_segments ORDER BY id";
    let segments: Vec<Segment> = query::all(steps.tx().await?, sql, vec![]).await?;
    let (hidden, segments): (Vec<_>, Vec<_>) = segments
        .into_iter()
        .partition(|segment| segment.documents < 0);
    for segment in hidden {
        delete(&mut steps, segment.id).await?;
    }
    let all = bytes_of(&segments);
    let Some(sources) = choose(segments) else {
        steps.finish().await?;
        return Ok(false);
    };
    let merged = project::put_segment(steps.tx().await?, HIDDEN, &[]).await?;
    steps.next().await?;
    let ids: Vec<i64> = sources.iter().map(|segment| segment.id).collect();
    let mut merger = Merger::new(ids.len());
    if bytes_of(&sources) >= CLEANUP_BYTES.max(all / 4) {
        // Read after the sources were chosen, so that all of their documents are older.
        merger = merger.only(live(db).await?);
    }
    let bytes = write(&mut steps, merged, &ids, merger).await?;
    let documents = sources.iter().map(|segment| segment.documents).sum::<i64>();
    swap(steps.tx().await?, merged, documents, bytes, &ids).await?;
    steps.next().await?;
    for id in ids {
        delete(&mut steps, id).await?;
    }
    steps.finish().await?;
    Ok(true)
}

fn bytes_of(segments: &[Segment]) -> i64 {
    segments.iter().map(|segment| segment.bytes).sum()
}

/// Transactions of a merge: several short ones on SQLite, so that other writers are not
/// blocked, and a single one on PostgreSQL, which holds the lock and blocks no one.
struct Steps<'a> {
    db: &'a Db,
    tx: Option<Tx>,
}

impl Steps<'_> {
    async fn tx(&mut self) -> Result<&Tx, StorageError> {
        let tx = match self.tx.take() {
            Some(tx) => tx,
            None => self.db.begin().await?,
        };
        Ok(self.tx.insert(tx))
    }

    async fn next(&mut self) -> Result<(), StorageError> {
        match self.db.backend() {
            Backend::Sqlite => self.finish().await,
            Backend::Postgres => Ok(()),
        }
    }

    async fn finish(&mut self) -> Result<(), StorageError> {
        match self.tx.take() {
            Some(tx) => tx.commit().await,
            None => Ok(()),
        }
    }
}

/// The segments of the lowest tier that has enough of them.
fn choose(segments: Vec<Segment>) -> Option<Vec<Segment>> {
    let mut tiers: BTreeMap<u32, Vec<Segment>> = BTreeMap::new();
    for segment in segments {
        let size = u64::try_from(segment.bytes / LOWEST_TIER_BYTES).unwrap_or_default();
        let tier = size
            .checked_ilog(TOGETHER as u64)
            .map_or(0, |tier| tier + 1);
        tiers.entry(tier).or_default().push(segment);
    }
    let full = |tier: &Vec<Segment>| tier.len() >= TOGETHER;
    tiers.into_values().find(full).map(|mut tier| {
        // Limits the blocks in memory, in case there are hundreds of segments.
        tier.truncate(2 * TOGETHER);
        tier
    })
}

/// Writes the blocks of the merged segment. Returns their size in bytes.
async fn write(
    steps: &mut Steps<'_>,
    merged: i64,
    ids: &[i64],
    mut merger: Merger,
) -> Result<i64, StorageError> {
    let mut sources: Vec<Source> = ids.iter().copied().map(Source::new).collect();
    let mut full: Vec<Block> = Vec::new();
    let mut held = 0;
    let mut bytes = 0;
    loop {
        let work = move || {
            let result = loop {
                match merger.step() {
                    Ok(Step::Block(block)) => {
                        held += block.data.len();
                        full.push(block);
                        if full.len() >= WRITE_BLOCKS || held >= WRITE_BLOCKS * 4096 {
                            break Ok(None);
                        }
                    }
                    other => break other.map(Some),
                }
            };
            (merger, full, held, result)
        };
        let result;
        (merger, full, held, result) = project::blocking(work).await?;
        let is_done = match result.map_err(|corrupt| corrupt_segment(corrupt, merged))? {
            Some(Step::Need(place)) => {
                // Segments never change, so this can be read outside of the transaction.
                let blocks = sources[place].next(steps.db).await?;
                merger
                    .push_blocks(place, blocks)
                    .map_err(|corrupt| corrupt_segment(corrupt, ids[place]))?;
                continue;
            }
            Some(Step::Done) => true,
            Some(Step::Block(_)) | None => false,
        };
        bytes += project::size(&full);
        project::put_blocks(steps.tx().await?, merged, &full).await?;
        steps.next().await?;
        full.clear();
        held = 0;
        if is_done {
            return Ok(bytes);
        }
    }
}

/// All existing alert IDs, as ranges.
async fn live(db: &Db) -> Result<Vec<(u64, u64)>, StorageError> {
    #[derive(FromQueryResult)]
    struct Run {
        first: i64,
        last: i64,
    }
    // For consecutive IDs, the difference of ID and row number is the same.
    let sql = "SELECT MIN(r.id) AS first, MAX(r.id) AS last FROM (\
               SELECT id, id - ROW_NUMBER() OVER (ORDER BY id) AS run FROM series \
               WHERE id > ? AND id <= ?) r GROUP BY r.run ORDER BY 1";
    let max = "SELECT COALESCE(MAX(id), 0) AS n FROM series";
    let max = query::numbers(db, max, vec![]).await?;
    let mut runs: Vec<(u64, u64)> = Vec::new();
    let mut after = 0;
    while max.iter().any(|max| after < *max) {
        let values = vec![after.into(), (after + ALERT_IDS).into()];
        let found: Vec<Run> = query::all(db, sql, values).await?;
        for run in found {
            let (first, last) = (number(run.first), number(run.last));
            match runs.last_mut() {
                Some((_, end)) if *end == first => *end = last + 1,
                _ => runs.push((first, last + 1)),
            }
        }
        after += ALERT_IDS;
    }
    Ok(runs)
}

/// Makes the merged segment visible and hides its sources.
async fn swap(
    tx: &Tx,
    merged: i64,
    documents: i64,
    bytes: i64,
    ids: &[i64],
) -> Result<(), StorageError> {
    let list = query::id_list(tx.backend);
    let sql =
        format!("UPDATE search_segments SET documents = ? WHERE documents >= 0 AND id IN ({list})");
    if tx
        .execute(&sql, vec![HIDDEN.into(), query::ids(ids)])
        .await?
        != ids.len() as u64
    {
        return Err(StorageError::Stale("a segment of the search index"));
    }
    let sql = "UPDATE search_segments SET documents = ?, bytes = ? WHERE id = ?";
    let values = vec![documents.into(), bytes.into(), merged.into()];
    if tx.execute(sql, values).await? != 1 {
        return Err(StorageError::Stale("a segment of the search index"));
    }
    Ok(())
}

/// Deletes a hidden segment.
async fn delete(steps: &mut Steps<'_>, segment: i64) -> Result<(), StorageError> {
    let sql = "DELETE FROM search_blocks WHERE segment_id = ? AND first_term IN \
               (SELECT first_term FROM search_blocks WHERE segment_id = ? \
               ORDER BY first_term LIMIT ?)";
    loop {
        let values = vec![segment.into(), segment.into(), (WRITE_BLOCKS as i64).into()];
        if steps.tx().await?.execute(sql, values).await? == 0 {
            break;
        }
        steps.next().await?;
    }
    let sql = "DELETE FROM search_segments WHERE id = ?";
    let tx = steps.tx().await?;
    tx.execute(sql, vec![segment.into()]).await?;
    steps.next().await
}

/// A source segment, read a few blocks at a time.
struct Source {
    segment: i64,
    after: Option<Vec<u8>>,
}

#[derive(FromQueryResult)]
struct Stored {
    first_term: Vec<u8>,
    data: Vec<u8>,
}

impl Source {
    fn new(segment: i64) -> Self {
        let after = Some(Vec::new());
        Self { segment, after }
    }

    async fn next(&mut self, db: &impl Reads) -> Result<Vec<Vec<u8>>, StorageError> {
        let Some(after) = self.after.take() else {
            return Ok(Vec::new());
        };
        let sql = "SELECT first_term, data FROM search_blocks \
                   WHERE segment_id = ? AND first_term > ? ORDER BY first_term LIMIT ?";
        let values = vec![self.segment.into(), after.into(), READ_BLOCKS.into()];
        let blocks: Vec<Stored> = query::all(db, sql, values).await?;
        self.after = blocks.last().map(|last| last.first_term.clone());
        Ok(blocks.into_iter().map(|block| block.data).collect())
    }
}

fn corrupt_segment(_: CorruptIndex, segment: i64) -> StorageError {
    StorageError::Corrupt {
        table: "search_blocks",
        column: "data",
        id: segment,
    }
}
