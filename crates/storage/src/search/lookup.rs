//! Lookups in segments.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use roaring::RoaringTreemap;
use sea_orm::{FromQueryResult, Value};
use tocsin_core::search_index::{block, postings, term};

use crate::query::{self, Reads};
use crate::{Backend, StorageError};

/// Terms looked up by one statement. Each may read a block of about 4 KiB from each
/// segment.
const TERMS: usize = 32;
/// Blocks read at a time when all values of a label are checked.
const BLOCKS: usize = 256;
/// How often a walk over values is retried if segments are merged in between.
const TRIES: usize = 5;

/// Postings of the terms, by segment.
#[derive(Debug, Default)]
pub(super) struct Found {
    terms: usize,
    /// By segment, by term.
    postings: BTreeMap<i64, Vec<Option<Vec<u8>>>>,
}

/// Looks up terms in all segments.
pub(super) async fn look_up(db: &impl Reads, terms: &[Vec<u8>]) -> Result<Found, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        segment: i64,
        term: i64,
        data: Option<Vec<u8>>,
    }
    let (list, place) = match db.backend() {
        Backend::Sqlite => ("json_each(?)", ("t.key", "unhex(t.value)")),
        Backend::Postgres => (
            "json_array_elements_text(CAST(? AS json)) WITH ORDINALITY AS t(value, key)",
            ("t.key - 1", "decode(t.value, 'hex')"),
        ),
    };
    let alias = match db.backend() {
        Backend::Sqlite => " t",
        Backend::Postgres => "",
    };
    let (key, value) = place;
    // One statement sees one state of the index: either the merged segment or its sources.
    let sql = format!(
        "SELECT s.id AS segment, CAST({key} AS BIGINT) AS term, \
         (SELECT b.data FROM search_blocks b WHERE b.segment_id = s.id \
         AND b.first_term <= {value} ORDER BY b.first_term DESC LIMIT 1) AS data \
         FROM search_segments s CROSS JOIN {list}{alias} WHERE s.documents >= 0"
    );
    let mut found = Found {
        terms: terms.len(),
        postings: BTreeMap::new(),
    };
    for (index, chunk) in terms.chunks(TERMS).enumerate() {
        let rows: Vec<Row> = query::all(db, &sql, vec![hex_list(chunk)]).await?;
        for row in rows {
            let place = index * TERMS + usize::try_from(row.term).unwrap_or_default();
            let (Some(data), Some(term)) = (row.data, terms.get(place)) else {
                continue;
            };
            let postings = block::find(&data, term).map_err(|_| corrupt_block(row.segment))?;
            if let Some(postings) = postings {
                let of_segment = found
                    .postings
                    .entry(row.segment)
                    .or_insert_with(|| vec![None; terms.len()]);
                of_segment[place] = Some(postings.to_vec());
            }
        }
    }
    Ok(found)
}

impl Found {
    /// The documents with any of the terms at these positions.
    pub(super) fn any(&self, places: &[usize]) -> Result<RoaringTreemap, StorageError> {
        let mut all = RoaringTreemap::new();
        for (segment, by_term) in &self.postings {
            for postings in places.iter().filter_map(|place| by_term[*place].as_ref()) {
                all |= documents(postings, *segment)?;
            }
        }
        Ok(all)
    }

    /// The documents that may have all of the terms at these positions in one segment.
    ///
    /// A document is never split across segments, so all terms of a word are in the same one.
    pub(super) fn together(&self, places: &[usize]) -> Result<RoaringTreemap, StorageError> {
        debug_assert!(places.iter().all(|place| *place < self.terms));
        let mut all = RoaringTreemap::new();
        for (segment, by_term) in &self.postings {
            let word_postings: Option<Vec<&Vec<u8>>> = places
                .iter()
                .map(|place| by_term[*place].as_ref())
                .collect();
            let Some(mut word_postings) = word_postings else {
                continue;
            };
            word_postings.sort_unstable_by_key(|postings| postings.len());
            let mut remaining: Option<RoaringTreemap> = None;
            for postings in word_postings {
                remaining = match remaining {
                    None => Some(documents(postings, *segment)?),
                    // Checking a few alerts is faster than reading long postings.
                    Some(few) if few.len() * WORTH < postings.len() as u64 => Some(few),
                    Some(set) => Some(set & documents(postings, *segment)?),
                };
            }
            all |= remaining.unwrap_or_default();
        }
        Ok(all)
    }
}

/// Bytes of postings that can be read in about the time that it takes to check one alert.
const WORTH: u64 = 1_000;

/// Terms from `from` (included) to `to` (excluded), both beginning with
/// `prefix`.
pub(super) struct Range {
    pub(super) prefix: usize,
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
}

/// The documents of all terms in the range whose value is `wanted`. `None` if segments were
/// merged during every try.
pub(super) async fn values(
    db: &impl Reads,
    range: &Range,
    wanted: impl Fn(term::Value<'_>) -> bool,
) -> Result<Option<RoaringTreemap>, StorageError> {
    for _ in 0..TRIES {
        if let Some(found) = walk(db, range, &wanted).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// One try of [`values`]; `None` if segments were merged in between.
async fn walk(
    db: &impl Reads,
    range: &Range,
    wanted: &impl Fn(term::Value<'_>) -> bool,
) -> Result<Option<RoaringTreemap>, StorageError> {
    #[derive(FromQueryResult)]
    struct Row {
        segment: i64,
        first_term: Vec<u8>,
        data: Vec<u8>,
    }
    // The first block of the range may have an earlier first term. The query goes segment by
    // segment, because neither planner finds that plan for a plain join.
    let blocks = "WHERE b.segment_id = s.id AND b.first_term < ? \
                  AND b.first_term >= COALESCE((SELECT x.first_term FROM search_blocks x \
                  WHERE x.segment_id = s.id AND x.first_term <= ? \
                  ORDER BY x.first_term DESC LIMIT 1), ?) \
                  AND (s.id > ? OR b.first_term > ?)";
    let sql = match db.backend() {
        Backend::Sqlite => format!(
            "SELECT s.id AS segment, b.first_term, b.data \
             FROM search_segments s CROSS JOIN search_blocks b \
             {blocks} AND s.documents >= 0 AND s.id >= ? ORDER BY s.id, b.first_term LIMIT ?"
        ),
        Backend::Postgres => format!(
            "SELECT s.id AS segment, b.first_term, b.data FROM search_segments s \
             CROSS JOIN LATERAL (SELECT b.first_term, b.data FROM search_blocks b \
             {blocks} ORDER BY b.first_term LIMIT {BLOCKS}) b \
             WHERE s.documents >= 0 AND s.id >= ? ORDER BY s.id, b.first_term LIMIT ?"
        ),
    };
    let mut all = RoaringTreemap::new();
    let (mut segment, mut after) = (0, Vec::new());
    let before = segments(db).await?;
    let mut statements = 0;
    loop {
        let values = vec![
            range.to.clone().into(),
            range.from.clone().into(),
            range.from.clone().into(),
            segment.into(),
            after.clone().into(),
            segment.into(),
            Value::from(BLOCKS as i64),
        ];
        let rows: Vec<Row> = query::all(db, &sql, values).await?;
        statements += 1;
        for row in &rows {
            add(&mut all, &row.data, range, wanted).map_err(|_| corrupt_block(row.segment))?;
        }
        let is_last = rows.len() < BLOCKS;
        if let Some(last) = rows.into_iter().next_back() {
            (segment, after) = (last.segment, last.first_term);
        }
        if is_last {
            break;
        }
    }
    if statements > 1 {
        // Each statement saw its own state of the index. New segments do not matter, because
        // the queue was read before.
        let after = segments(db).await?;
        if !before.iter().all(|id| after.binary_search(id).is_ok()) {
            return Ok(None);
        }
    }
    Ok(Some(all))
}

async fn segments(db: &impl Reads) -> Result<Vec<i64>, StorageError> {
    let sql = "SELECT id AS n FROM search_segments WHERE documents >= 0 ORDER BY id";
    query::numbers(db, sql, vec![]).await
}

/// Adds the documents of all wanted terms of a block that are in the range.
fn add(
    all: &mut RoaringTreemap,
    data: &[u8],
    range: &Range,
    wanted: &impl Fn(term::Value<'_>) -> bool,
) -> Result<(), tocsin_core::search_index::CorruptIndex> {
    let mut reader = block::Reader::new(data);
    while let Some((term, postings)) = reader.next()? {
        if term < &range.from[..] {
            continue;
        }
        if term >= &range.to[..] {
            break;
        }
        if term::value(&term[range.prefix..]).is_some_and(wanted) {
            for run in postings::runs(postings) {
                let (from, to) = run?;
                match to - from {
                    1 => _ = all.insert(from),
                    _ => _ = all.insert_range(from..to),
                }
            }
        }
    }
    Ok(())
}

fn documents(data: &[u8], segment: i64) -> Result<RoaringTreemap, StorageError> {
    /// From this length, inserting a range is faster than appending its numbers.
    const LONG: u64 = 16;
    const HELD: usize = 4_096;
    let mut set = RoaringTreemap::new();
    let mut held: Vec<u64> = Vec::new();
    // Appending many at once is much faster than one by one.
    let flush = |set: &mut RoaringTreemap, held: &mut Vec<u64>| {
        let appended = set.append(held.drain(..));
        appended.map_err(|_| corrupt_block(segment))
    };
    for run in postings::runs(data) {
        let (from, to) = run.map_err(|_| corrupt_block(segment))?;
        if to - from >= LONG {
            flush(&mut set, &mut held)?;
            set.insert_range(from..to);
            continue;
        }
        held.extend(from..to);
        if held.len() >= HELD {
            flush(&mut set, &mut held)?;
        }
    }
    flush(&mut set, &mut held)?;
    Ok(set)
}

/// A JSON list of byte strings, in hexadecimal.
fn hex_list(terms: &[Vec<u8>]) -> Value {
    let mut json = String::from("[");
    for (place, term) in terms.iter().enumerate() {
        json.push_str(if place > 0 { ",\"" } else { "\"" });
        for byte in term {
            // Writing to a String cannot fail.
            let _ = write!(json, "{byte:02x}");
        }
        json.push('"');
    }
    json.push(']');
    json.into()
}

fn corrupt_block(segment: i64) -> StorageError {
    StorageError::Corrupt {
        table: "search_blocks",
        column: "data",
        id: segment,
    }
}
