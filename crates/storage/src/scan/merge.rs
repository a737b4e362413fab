//! The log of a few series: a walk for each, merged.

use std::collections::{HashMap, VecDeque};

use sea_orm::FromQueryResult;

use super::packed::{pack, rows};
use super::{Direction, End, Key, RowRef, SqlCondition};
use crate::query::{self, Reads};
use crate::{StorageError, TimeRange};

/// One series, along the index of its entries.
#[derive(Debug)]
struct Walk {
    series_id: i64,
    /// Everything up to here was read.
    frontier: Key,
    done: bool,
    /// Rows to read next.
    step: usize,
    /// What was read and not taken: a row that meets the rest, or only a place.
    read: VecDeque<(Key, Option<RowRef>)>,
}

/// The walks, merged.
#[derive(Debug)]
pub(crate) struct OrderedMerge {
    way: Direction,
    walks: Vec<Walk>,
    /// Where `r.received_at` ends on this way.
    far: Option<SqlCondition>,
    rest: SqlCondition,
    /// Where each walk begins is known.
    placed: bool,
    /// Rows were read.
    begun: bool,
}

#[derive(FromQueryResult)]
struct Packed {
    packed: Option<String>,
}

/// Rows that a walk reads at first; twice as many each further time.
const FIRST: usize = 4;

/// Rows that are read of one walk at once at most, and of all together.
const MOST: usize = 512;
const MOST_TOGETHER: usize = 4_000;

impl OrderedMerge {
    /// The entries of `series` within `range` that meet `rest`.
    pub(crate) fn new(
        series: &[i64],
        range: TimeRange,
        rest: SqlCondition,
        way: Direction,
        after: Option<Key>,
    ) -> Self {
        let walks = series
            .iter()
            .map(|&series_id| Walk {
                series_id,
                frontier: way.within(after.unwrap_or(way.start_key()), range),
                done: false,
                step: FIRST,
                read: VecDeque::new(),
            })
            .collect();
        Self {
            way,
            walks,
            far: way.far("r.received_at", range),
            rest,
            // A few are read at once.
            placed: series.len() <= 16,
            begun: false,
        }
    }

    /// Whether it is of so many series that a page of them may lie in the latest
    /// rows of all.
    pub(crate) fn is_of_many(&self) -> bool {
        self.walks.len() > 16
    }

    /// Whether rows were read, and so the list went on.
    pub(crate) fn has_started(&self) -> bool {
        self.begun || self.walks.is_empty()
    }

    /// Finds where each walk begins: a look into the index for each, so that only
    /// those are read that come first.
    async fn place(&mut self, db: &impl Reads) -> Result<usize, StorageError> {
        self.placed = true;
        let Some(start) = self.walks.first().map(|walk| walk.frontier) else {
            return Ok(0);
        };
        let (least_or_greatest, near, tie) = match self.way {
            Direction::Up => ("MIN", ">=", i64::MIN),
            Direction::Down => ("MAX", "<=", i64::MAX),
        };
        let far = match &self.far {
            Some(far) => format!(" AND {}", far.sql),
            None => String::new(),
        };
        let head = format!(
            "(SELECT {least_or_greatest}(r.received_at) FROM log_entries r \
             WHERE r.series_id = l.value AND r.received_at {near} ?{far})"
        );
        let sql = format!(
            "SELECT string_agg({}, ';') AS packed FROM ({}) l",
            pack(&["l.value", &head]),
            query::id_list(db.backend()),
        );
        let series: Vec<i64> = self.walks.iter().map(|walk| walk.series_id).collect();
        let mut values = vec![start.value.into()];
        values.extend(self.far.iter().flat_map(|far| far.values.clone()));
        values.push(query::ids(&series));
        let heads: Option<Packed> = query::first(db, &sql, values).await?;
        let heads = heads.and_then(|heads| heads.packed);
        let mut of_series = HashMap::new();
        for [series_id, head] in rows::<2>(heads.as_deref(), "log_entries")? {
            of_series.insert(series_id.unwrap_or_default(), head);
        }
        for walk in &mut self.walks {
            match of_series.get(&walk.series_id).copied().flatten() {
                Some(value) => {
                    let before = Key { value, tie };
                    if self.way.precedes(walk.frontier, before) {
                        walk.frontier = before;
                    }
                }
                None => walk.done = true,
            }
        }
        // One look each costs less than a row.
        Ok(series.len() / 4)
    }

    /// Reads about `size` more rows, of the walks that come first. Returns how
    /// many rows it read.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub(crate) async fn read(
        &mut self,
        db: &impl Reads,
        size: usize,
    ) -> Result<usize, StorageError> {
        if !self.placed {
            return self.place(db).await;
        }
        let way = self.way;
        // A walk of which nothing is known is at its frontier.
        let mut order: Vec<(Key, usize)> = self
            .walks
            .iter()
            .enumerate()
            .filter(|(_, walk)| !(walk.done && walk.read.is_empty()))
            .map(|(index, walk)| (walk.head(), index))
            .collect();
        match way {
            Direction::Up => order.sort_unstable(),
            Direction::Down => order.sort_unstable_by(|a, b| b.cmp(a)),
        }
        // A page of rows is within as many walks, those that come first.
        order.truncate((size / 8).max(64));
        let behind: Vec<usize> = order
            .into_iter()
            .map(|(_, index)| index)
            .filter(|&index| {
                let walk = &self.walks[index];
                !walk.done && walk.read.len() <= 1
            })
            .collect();
        let step = behind.iter().map(|&index| self.walks[index].step).max();
        let step = step
            .unwrap_or(FIRST)
            .min(MOST_TOGETHER / behind.len().max(1));
        self.begun = true;
        if behind.is_empty() {
            return Ok(0);
        }
        let mut list = String::from("[");
        for &index in &behind {
            let walk = &self.walks[index];
            let Key { value, tie } = walk.frontier;
            let comma = if list.len() > 1 { "," } else { "" };
            list.push_str(&format!(
                "{comma}[{index},{},{value},{tie}]",
                walk.series_id
            ));
        }
        list.push(']');
        let number = |place: usize| format!("CAST(l.value ->> {place} AS BIGINT)");
        let meets = match self.rest.sql.as_str() {
            "" => "1".to_owned(),
            rest => format!("(CASE WHEN {rest} THEN 1 ELSE 0 END)"),
        };
        let within = match &self.far {
            Some(far) => format!(" AND {}", far.sql),
            None => String::new(),
        };
        let along = way.sql();
        let sql = format!(
            "SELECT string_agg(p.packed, '|') AS packed FROM (\
             SELECT l.value ->> 0 || ':' || COALESCE((\
             SELECT string_agg(x.packed, ';') FROM (SELECT {} AS packed \
             FROM log_entries r WHERE r.series_id = {} \
             AND (r.received_at, r.id) {} ({}, {}){within} \
             ORDER BY r.received_at {along}, r.id {along} LIMIT {}) x), '') AS packed \
             FROM ({}) l) p",
            pack(&["r.received_at", "r.id", "r.telling_id", &meets]),
            number(1),
            way.comparison(),
            number(2),
            number(3),
            step,
            query::json_list(db.backend()),
        );
        let mut values = self.rest.values.clone();
        values.extend(self.far.iter().flat_map(|far| far.values.clone()));
        values.push(list.into());
        let mut examined = 0;
        let packed: Option<Packed> = query::first(db, &sql, values).await?;
        let packed = packed.and_then(|packed| packed.packed).unwrap_or_default();
        for part in packed.split('|') {
            let Some((place, packed)) = part.split_once(':') else {
                continue;
            };
            let place = place.parse().unwrap_or(usize::MAX);
            let Some(walk) = self.walks.get_mut(place) else {
                continue;
            };
            let mut read: Vec<(Key, Option<RowRef>)> = Vec::new();
            for [value, id, telling_id, meets] in rows::<4>(Some(packed), "log_entries")? {
                let id = id.unwrap_or_default();
                let key = Key {
                    value: value.unwrap_or_default(),
                    tie: id,
                };
                let hit = RowRef {
                    key,
                    id,
                    alert_id: walk.series_id,
                    content_id: telling_id,
                };
                read.push((key, (meets == Some(1)).then_some(hit)));
            }
            examined += read.len().max(1);
            match way {
                Direction::Up => read.sort_unstable_by_key(|(key, _)| *key),
                Direction::Down => read.sort_unstable_by_key(|(key, _)| std::cmp::Reverse(*key)),
            }
            walk.done = read.len() < step;
            walk.step = (walk.step * 2).min(MOST);
            if let Some((last, _)) = read.last() {
                walk.frontier = *last;
            }
            walk.read.extend(read);
        }
        Ok(examined)
    }

    /// What is known to come next, in order, and how far that reaches.
    pub(crate) fn take(&mut self) -> (Vec<RowRef>, End) {
        let way = self.way;
        let end = self
            .walks
            .iter()
            .filter(|walk| !walk.done)
            .map(|walk| walk.frontier)
            .reduce(|a, b| if way.precedes(b, a) { b } else { a })
            .map_or(End::Exhausted, End::At);
        let mut taken = Vec::new();
        for walk in &mut self.walks {
            while let Some((key, hit)) = walk.read.front() {
                if matches!(end, End::At(frontier) if way.precedes(frontier, *key)) {
                    break;
                }
                taken.extend(hit);
                walk.read.pop_front();
            }
        }
        way.sort(&mut taken);
        (taken, end)
    }
}

impl Walk {
    /// The first key that is known of it, or where it has come to.
    fn head(&self) -> Key {
        self.read.front().map_or(self.frontier, |(key, _)| *key)
    }
}
