//! The log of a few alerts: one walk per alert, merged.

use std::collections::{HashMap, VecDeque};

use sea_orm::FromQueryResult;

use super::packed::{pack, rows};
use super::{Direction, End, Key, RowRef, SqlCondition};
use crate::query::{self, Reads};
use crate::{StorageError, TimeRange};

/// Walk along the entries of one alert.
#[derive(Debug)]
struct Walk {
    alert_id: i64,
    /// Everything up to this key was read.
    frontier: Key,
    done: bool,
    /// Number of rows to read next.
    step: usize,
    /// Rows read but not yet taken: `None` for a row that does not meet the residual condition.
    read: VecDeque<(Key, Option<RowRef>)>,
}

/// All walks, merged.
#[derive(Debug)]
pub(crate) struct OrderedMerge {
    direction: Direction,
    walks: Vec<Walk>,
    /// Far bound of `r.received_at` in this direction.
    far: Option<SqlCondition>,
    residual: SqlCondition,
    /// Whether the start of each walk is known.
    placed: bool,
    /// Whether rows were read.
    started: bool,
}

#[derive(FromQueryResult)]
struct Packed {
    packed: Option<String>,
}

/// Rows that a walk reads at first; doubled with each further read.
const FIRST_STEP: usize = 4;

/// The most rows read at once, of one walk and of all walks.
const MAX_ROWS: usize = 512;
const MAX_ROWS_TOTAL: usize = 4_000;

impl OrderedMerge {
    /// Merges the entries of the alerts within `range` that meet the residual condition.
    pub(crate) fn new(
        alert_ids: &[i64],
        range: TimeRange,
        residual: SqlCondition,
        direction: Direction,
        after: Option<Key>,
    ) -> Self {
        let walks = alert_ids
            .iter()
            .map(|&alert_id| Walk {
                alert_id,
                frontier: direction.within(after.unwrap_or(direction.start_key()), range),
                done: false,
                step: FIRST_STEP,
                read: VecDeque::new(),
            })
            .collect();
        Self {
            direction,
            walks,
            far: direction.far("r.received_at", range),
            residual,
            // A few walks are read at once.
            placed: alert_ids.len() <= 16,
            started: false,
        }
    }

    /// Whether there are so many alerts that the latest rows of the log may fill a page.
    pub(crate) fn is_of_many(&self) -> bool {
        self.walks.len() > 16
    }

    /// Whether any rows were read.
    pub(crate) fn has_started(&self) -> bool {
        self.started || self.walks.is_empty()
    }

    /// Finds the first key of each walk, one index lookup each, so that only the walks that
    /// come first are read.
    async fn place(&mut self, db: &impl Reads) -> Result<usize, StorageError> {
        self.placed = true;
        let Some(start) = self.walks.first().map(|walk| walk.frontier) else {
            return Ok(0);
        };
        let (least_or_greatest, near, tie) = match self.direction {
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
        let alert_ids: Vec<i64> = self.walks.iter().map(|walk| walk.alert_id).collect();
        let mut values = vec![start.value.into()];
        values.extend(self.far.iter().flat_map(|far| far.values.clone()));
        values.push(query::ids(&alert_ids));
        let heads: Option<Packed> = query::first(db, &sql, values).await?;
        let heads = heads.and_then(|heads| heads.packed);
        let mut heads_by_alert = HashMap::new();
        for [alert_id, head] in rows::<2>(heads.as_deref(), "log_entries")? {
            heads_by_alert.insert(alert_id.unwrap_or_default(), head);
        }
        for walk in &mut self.walks {
            match heads_by_alert.get(&walk.alert_id).copied().flatten() {
                Some(value) => {
                    let before = Key { value, tie };
                    if self.direction.precedes(walk.frontier, before) {
                        walk.frontier = before;
                    }
                }
                None => walk.done = true,
            }
        }
        // A lookup costs less than a row.
        Ok(alert_ids.len() / 4)
    }

    /// Reads about `size` more rows, of the walks that come first. Returns the number of rows
    /// read.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub(crate) async fn read(
        &mut self,
        db: &impl Reads,
        size: usize,
    ) -> Result<usize, StorageError> {
        if !self.placed {
            return self.place(db).await;
        }
        let direction = self.direction;
        // A walk without buffered rows is at its frontier.
        let mut order: Vec<(Key, usize)> = self
            .walks
            .iter()
            .enumerate()
            .filter(|(_, walk)| !(walk.done && walk.read.is_empty()))
            .map(|(index, walk)| (walk.head(), index))
            .collect();
        match direction {
            Direction::Up => order.sort_unstable(),
            Direction::Down => order.sort_unstable_by(|a, b| b.cmp(a)),
        }
        // A page of rows comes from at most as many walks, those that come first.
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
            .unwrap_or(FIRST_STEP)
            .min(MAX_ROWS_TOTAL / behind.len().max(1));
        self.started = true;
        if behind.is_empty() {
            return Ok(0);
        }
        let mut list = String::from("[");
        for &index in &behind {
            let walk = &self.walks[index];
            let Key { value, tie } = walk.frontier;
            let comma = if list.len() > 1 { "," } else { "" };
            list.push_str(&format!("{comma}[{index},{},{value},{tie}]", walk.alert_id));
        }
        list.push(']');
        let number = |place: usize| format!("CAST(l.value ->> {place} AS BIGINT)");
        let meets = match self.residual.sql.as_str() {
            "" => "1".to_owned(),
            residual => format!("(CASE WHEN {residual} THEN 1 ELSE 0 END)"),
        };
        let within = match &self.far {
            Some(far) => format!(" AND {}", far.sql),
            None => String::new(),
        };
        let along = direction.sql();
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
            direction.comparison(),
            number(2),
            number(3),
            step,
            query::json_list(db.backend()),
        );
        let mut values = self.residual.values.clone();
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
            for [value, id, content_id, meets] in rows::<4>(Some(packed), "log_entries")? {
                let id = id.unwrap_or_default();
                let key = Key {
                    value: value.unwrap_or_default(),
                    tie: id,
                };
                let hit = RowRef {
                    key,
                    id,
                    alert_id: walk.alert_id,
                    content_id,
                };
                read.push((key, (meets == Some(1)).then_some(hit)));
            }
            examined += read.len().max(1);
            match direction {
                Direction::Up => read.sort_unstable_by_key(|(key, _)| *key),
                Direction::Down => read.sort_unstable_by_key(|(key, _)| std::cmp::Reverse(*key)),
            }
            walk.done = read.len() < step;
            walk.step = (walk.step * 2).min(MAX_ROWS);
            if let Some((last, _)) = read.last() {
                walk.frontier = *last;
            }
            walk.read.extend(read);
        }
        Ok(examined)
    }

    /// Returns the rows that are known to come next, in order, and how far they reach.
    pub(crate) fn take(&mut self) -> (Vec<RowRef>, End) {
        let direction = self.direction;
        let end = self
            .walks
            .iter()
            .filter(|walk| !walk.done)
            .map(|walk| walk.frontier)
            .reduce(|a, b| if direction.precedes(b, a) { b } else { a })
            .map_or(End::Exhausted, End::At);
        let mut taken = Vec::new();
        for walk in &mut self.walks {
            while let Some((key, hit)) = walk.read.front() {
                if matches!(end, End::At(frontier) if direction.precedes(frontier, *key)) {
                    break;
                }
                taken.extend(hit);
                walk.read.pop_front();
            }
        }
        direction.sort(&mut taken);
        (taken, end)
    }
}

impl Walk {
    /// The first buffered key, or the frontier.
    fn head(&self) -> Key {
        self.read.front().map_or(self.frontier, |(key, _)| *key)
    }
}
