//! Fewer and larger segments.
//!
//! Segments are of a tier by their size; where a tier has [`TOGETHER`], they
//! become one of the next. So a document is written again only a few times,
//! and a lookup reads a block of only a few segments.

use std::collections::BTreeMap;

use sea_orm::FromQueryResult;
use tocsin_core::terms::{Block, Corrupt, Merger, Step};

use super::fold;
use crate::query::{self, Reads};
use crate::{Backend, Db, StorageError, Tx, turns};

/// Segments of one tier that are merged.
const TOGETHER: usize = 8;
/// The most documents of the lowest tier; each next one has eight times that.
const SMALL: i64 = 64;
/// Blocks of a segment that are read at a time.
const READ: i64 = 32;
/// Blocks that are written or deleted in one transaction on SQLite, about
/// 256 KiB: a few milliseconds, which is how long ingest may wait for it.
const STEP: usize = 64;
/// Documents of a segment that is being written or deleted.
const HIDDEN: i64 = -1;

#[derive(FromQueryResult)]
struct Segment {
    id: i64,
    documents: i64,
}

/// Merges segments of similar size, where there are many. Returns whether it
/// did: then there may be more to merge.
///
/// It takes the database, not a transaction, because it takes several short
/// ones on SQLite, where a long one would hold ingest up. Killed between them
/// it leaves a segment that nobody reads, which the next call deletes. Only one
/// call at a time: PostgreSQL's replicas take turns here, SQLite's one process
/// has to see to it.
///
/// # Errors
/// Whatever the database answers; [`StorageError::Corrupt`] for a block that
/// is none.
pub async fn merge(db: &Db) -> Result<bool, StorageError> {
    let mut tx = db.begin().await?;
    if !turns::take(&tx, "search_merge").await? {
        return Ok(false);
    }
    let segments: Vec<Segment> = query::all(
        &tx,
        "SELECT id, documents FROM search_segments ORDER BY id",
        vec![],
    )
    .await?;
    let (hidden, segments): (Vec<_>, Vec<_>) = segments
        .into_iter()
        .partition(|segment| segment.documents < 0);
    for segment in hidden {
        tx = delete(db, tx, segment.id).await?;
    }
    let Some(sources) = choose(segments) else {
        tx.commit().await?;
        return Ok(false);
    };
    let merged = fold::put_segment(&tx, HIDDEN, &[]).await?;
    let mut tx = step(db, tx).await?;
    let ids: Vec<i64> = sources.iter().map(|segment| segment.id).collect();
    let bytes;
    (tx, bytes) = write(db, tx, merged, &ids).await?;
    let documents = sources.iter().map(|segment| segment.documents).sum::<i64>();
    swap(&tx, merged, documents, bytes, &ids).await?;
    tx = step(db, tx).await?;
    for id in ids {
        tx = delete(db, tx, id).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// The segments of the lowest tier that has enough of them.
fn choose(segments: Vec<Segment>) -> Option<Vec<Segment>> {
    let mut tiers: BTreeMap<u32, Vec<Segment>> = BTreeMap::new();
    for segment in segments {
        let size = u64::try_from(segment.documents / SMALL).unwrap_or_default();
        let tier = size
            .checked_ilog(TOGETHER as u64)
            .map_or(0, |tier| tier + 1);
        tiers.entry(tier).or_default().push(segment);
    }
    let full = |tier: &Vec<Segment>| tier.len() >= TOGETHER;
    tiers.into_values().find(full).map(|mut tier| {
        // Were there hundreds, each would hold some blocks in memory.
        tier.truncate(2 * TOGETHER);
        tier
    })
}

/// Writes the blocks of the merged segment, and returns how many bytes.
async fn write(db: &Db, mut tx: Tx, merged: i64, ids: &[i64]) -> Result<(Tx, i64), StorageError> {
    let mut sources: Vec<Source> = ids.iter().copied().map(Source::new).collect();
    let mut merger = Merger::new(ids.len());
    let mut full: Vec<Block> = Vec::new();
    let mut held = 0;
    let mut bytes = 0;
    loop {
        let (next, result) = fold::blocking(move || {
            let result = merger.step();
            (merger, result)
        })
        .await?;
        merger = next;
        match result.map_err(|corrupt| spoilt(corrupt, merged))? {
            Step::Need(place) => {
                let block = match db.backend() {
                    // Out of the transaction, which is only of the merged one.
                    Backend::Sqlite => sources[place].next(db).await?,
                    Backend::Postgres => sources[place].next(&tx).await?,
                };
                merger
                    .give(place, block)
                    .map_err(|corrupt| spoilt(corrupt, ids[place]))?;
            }
            Step::Block(block) => {
                held += block.data.len();
                full.push(block);
                if full.len() >= STEP || held >= STEP * 4096 {
                    bytes += fold::size(&full);
                    fold::put_blocks(&tx, merged, &full).await?;
                    full.clear();
                    held = 0;
                    tx = step(db, tx).await?;
                }
            }
            Step::Done => {
                bytes += fold::size(&full);
                fold::put_blocks(&tx, merged, &full).await?;
                return Ok((tx, bytes));
            }
        }
    }
}

/// Shows the merged segment, and hides those that it is of.
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
async fn delete(db: &Db, mut tx: Tx, segment: i64) -> Result<Tx, StorageError> {
    loop {
        let sql = "DELETE FROM search_blocks WHERE segment_id = ? AND first_term IN \
                   (SELECT first_term FROM search_blocks WHERE segment_id = ? \
                   ORDER BY first_term LIMIT ?)";
        let values = vec![segment.into(), segment.into(), (STEP as i64).into()];
        if tx.execute(sql, values).await? == 0 {
            break;
        }
        tx = step(db, tx).await?;
    }
    let sql = "DELETE FROM search_segments WHERE id = ?";
    tx.execute(sql, vec![segment.into()]).await?;
    step(db, tx).await
}

/// Lets others write on SQLite. On PostgreSQL nobody waits for this
/// transaction, and it holds the turn.
async fn step(db: &Db, tx: Tx) -> Result<Tx, StorageError> {
    match db.backend() {
        Backend::Postgres => Ok(tx),
        Backend::Sqlite => {
            tx.commit().await?;
            db.begin().await
        }
    }
}

/// A segment that is read block by block.
struct Source {
    segment: i64,
    read: std::vec::IntoIter<Stored>,
    after: Option<Vec<u8>>,
}

#[derive(FromQueryResult)]
struct Stored {
    first_term: Vec<u8>,
    data: Vec<u8>,
}

impl Source {
    fn new(segment: i64) -> Self {
        Self {
            segment,
            read: Vec::new().into_iter(),
            after: Some(Vec::new()),
        }
    }

    async fn next(&mut self, db: &impl Reads) -> Result<Option<Vec<u8>>, StorageError> {
        if let (0, Some(after)) = (self.read.len(), self.after.take()) {
            let sql = "SELECT first_term, data FROM search_blocks \
                       WHERE segment_id = ? AND first_term > ? ORDER BY first_term LIMIT ?";
            let values = vec![self.segment.into(), after.into(), READ.into()];
            let some: Vec<Stored> = query::all(db, sql, values).await?;
            self.after = some.last().map(|last| last.first_term.clone());
            self.read = some.into_iter();
        }
        Ok(self.read.next().map(|block| block.data))
    }
}

fn spoilt(_: Corrupt, segment: i64) -> StorageError {
    StorageError::Corrupt {
        table: "search_blocks",
        column: "data",
        id: segment,
    }
}
