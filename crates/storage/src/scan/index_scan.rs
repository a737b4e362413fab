//! Walks along indexes, a few beside each other.

use std::borrow::Cow;

use sea_orm::{FromQueryResult, Value};

use super::packed::{pack, rows};
use super::{Direction, End, Key, RowRef, SqlCondition};
use crate::query::{self, Reads};
use crate::{StorageError, TimeRange};

/// How the keys of a list are those of an index.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyMapping {
    /// The column's value, and the row's number.
    Plain,
    /// `sum` less the column's value, and the number's negative: the list is
    /// the index backwards.
    Mirrored {
        /// What value and column add up to.
        sum: i64,
    },
    /// One value for all rows, which are walked by their numbers alone.
    Fixed {
        /// The value.
        value: i64,
    },
}

/// Rows that follow each other in an index.
#[derive(Debug)]
pub(crate) struct IndexScan {
    /// What the index says of them all: its leading columns. On the row `r`.
    such: SqlCondition,
    /// The index's value, in SQL. Not used by [`Map::Fixed`].
    value: &'static str,
    /// The bounds of that value. Not among the conditions: of two bounds on one
    /// side of an index both databases may begin at the farther one.
    range: TimeRange,
    /// How that becomes a key of the list.
    map: KeyMapping,
    /// Everything up to here was examined.
    frontier: Key,
    begun: bool,
    done: bool,
    hits: Vec<RowRef>,
    /// What must hold of this lane's rows alone, without the help of the index.
    pub(crate) rest: Cow<'static, str>,
}

/// What is walked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Log,
    Incidents,
    Deliveries,
    Mails,
    Audit,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Log => "log_entries",
            Self::Incidents => "incidents",
            Self::Deliveries => "deliveries",
            Self::Mails => "notifications",
            Self::Audit => "audit_entries",
        }
    }

    /// What a row was told with, where it is of a series.
    fn which(self) -> [&'static str; 2] {
        match self {
            Self::Log | Self::Incidents => ["r.series_id", "r.telling_id"],
            Self::Deliveries | Self::Mails | Self::Audit => ["NULL", "NULL"],
        }
    }
}

/// Several lanes as one list.
#[derive(Debug)]
pub(crate) struct MergedScan {
    table: Table,
    way: Direction,
    lanes: Vec<IndexScan>,
    /// What else must hold of a row `r`, without the help of the index.
    rest: SqlCondition,
}

#[derive(FromQueryResult)]
struct Place {
    value: i64,
    id: i64,
}

#[derive(FromQueryResult)]
struct Packed {
    packed: Option<String>,
}

impl KeyMapping {
    fn key(self, value: i64, id: i64) -> Key {
        match self {
            Self::Plain => Key { value, tie: id },
            Self::Mirrored { sum } => Key {
                value: sum.saturating_sub(value),
                tie: id.saturating_neg(),
            },
            Self::Fixed { value } => Key { value, tie: id },
        }
    }

    /// The column's value and the row's number at a key.
    fn place(self, key: Key) -> (i64, i64) {
        match self {
            Self::Plain | Self::Fixed { .. } => (key.value, key.tie),
            Self::Mirrored { sum } => (sum.saturating_sub(key.value), key.tie.saturating_neg()),
        }
    }
}

impl IndexScan {
    pub(crate) fn new(such: SqlCondition, value: &'static str, map: KeyMapping) -> Self {
        Self {
            such,
            value,
            range: TimeRange::default(),
            map,
            frontier: Key { value: 0, tie: 0 },
            begun: false,
            done: false,
            hits: Vec::new(),
            rest: Cow::Borrowed(""),
        }
    }

    /// Only values within `range`.
    pub(crate) fn within(mut self, range: TimeRange) -> Self {
        self.range = range;
        self
    }

    /// Begins after `after`, but not before the range does.
    fn begin(&mut self, way: Direction, after: Key) {
        self.frontier = match self.map {
            // Where the list is not at this value yet, the lane is at its
            // beginning; where it is past it, at its end.
            KeyMapping::Fixed { value } if after.value != value => {
                let tie = way.start_key().tie;
                let beginning = Key { value, tie };
                self.done = way.precedes(beginning, after);
                beginning
            }
            KeyMapping::Fixed { .. } => after,
            KeyMapping::Plain | KeyMapping::Mirrored { .. } => {
                let (value, tie) = self.map.place(after);
                let place = self.way(way).within(Key { value, tie }, self.range);
                self.map.key(place.value, place.tie)
            }
        };
    }

    /// The condition that a row is not past the range's other end.
    fn far(&self, along: Direction) -> Option<SqlCondition> {
        let value = self.value;
        along.far(value, self.range)
    }

    /// The way along the index.
    fn way(&self, way: Direction) -> Direction {
        match self.map {
            KeyMapping::Mirrored { .. } => way.reversed(),
            KeyMapping::Plain | KeyMapping::Fixed { .. } => way,
        }
    }

    /// The condition that a row comes after `key`, or (`through`) up to it.
    fn beyond(&self, key: Key, comparison: &str, through: bool) -> SqlCondition {
        let equal = if through { "=" } else { "" };
        let (value, id) = self.map.place(key);
        match self.map {
            KeyMapping::Fixed { .. } => SqlCondition {
                sql: format!("r.id {comparison}{equal} ?"),
                values: vec![id.into()],
            },
            // SQLite bounds an index over an expression by single values only.
            KeyMapping::Plain if self.value.starts_with('(') => SqlCondition {
                sql: format!(
                    "{0} {comparison}= ? AND ({0}, r.id) {comparison}{equal} (?, ?)",
                    self.value
                ),
                values: vec![value.into(), value.into(), id.into()],
            },
            KeyMapping::Plain | KeyMapping::Mirrored { .. } => SqlCondition {
                sql: format!("({}, r.id) {comparison}{equal} (?, ?)", self.value),
                values: vec![value.into(), id.into()],
            },
        }
    }

    fn order(&self, way: Direction) -> String {
        let way = way.sql();
        match self.map {
            KeyMapping::Fixed { .. } => format!("r.id {way}"),
            KeyMapping::Plain | KeyMapping::Mirrored { .. } => {
                format!("{} {way}, r.id {way}", self.value)
            }
        }
    }
}

impl MergedScan {
    /// Rows of `table` that meet `rest`, after `after` (none: from the
    /// beginning) in the way given.
    pub(crate) fn new(
        table: Table,
        lanes: Vec<IndexScan>,
        rest: SqlCondition,
        way: Direction,
        after: Option<Key>,
    ) -> Self {
        let after = after.unwrap_or(way.start_key());
        let lanes = lanes
            .into_iter()
            .map(|mut lane| {
                lane.begin(way, after);
                lane
            })
            .collect();
        Self {
            table,
            way,
            lanes,
            rest,
        }
    }

    /// Examines about `size` more rows, of the lane that is behind. Returns how
    /// many.
    ///
    /// # Errors
    /// Whatever the database answers.
    pub(crate) async fn read(
        &mut self,
        db: &impl Reads,
        size: usize,
    ) -> Result<usize, StorageError> {
        let way = self.way;
        let behind = self
            .lanes
            .iter_mut()
            .filter(|lane| !lane.done)
            .reduce(|a, b| match way.precedes(b.frontier, a.frontier) {
                true => b,
                false => a,
            });
        let Some(lane) = behind else { return Ok(0) };
        lane.begun = true;
        let along = lane.way(way);
        let after = lane.beyond(lane.frontier, along.comparison(), false);
        let such = match lane.such.sql.as_str() {
            "" => after.sql,
            such => format!("{such} AND {}", after.sql),
        };
        let mut values: Vec<Value> = lane.such.values.clone();
        values.extend(after.values);
        // The place is found first, by the index alone: so the chunk ends at a
        // known place whatever of it meets the rest.
        let value = match lane.map {
            KeyMapping::Fixed { .. } => "r.id",
            KeyMapping::Plain | KeyMapping::Mirrored { .. } => lane.value,
        };
        let (ended, bounded) = match lane.far(along) {
            Some(far) => {
                let bounded = format!("{such} AND {}", far.sql);
                ([values.clone(), far.values].concat(), bounded)
            }
            None => (values.clone(), such.clone()),
        };
        let sql = format!(
            "SELECT {value} AS value, r.id FROM {} r WHERE {bounded} ORDER BY {} \
             LIMIT 1 OFFSET {}",
            self.table.name(),
            lane.order(along),
            size - 1,
        );
        let place: Option<Place> = query::first(db, &sql, ended.clone()).await?;
        let mut such = such;
        if let Some(place) = &place {
            let value = match lane.map {
                KeyMapping::Fixed { value } => value,
                KeyMapping::Plain | KeyMapping::Mirrored { .. } => place.value,
            };
            lane.frontier = lane.map.key(value, place.id);
            let until = lane.beyond(lane.frontier, along.reversed().comparison(), true);
            such = format!("{such} AND {}", until.sql);
            values.extend(until.values);
        } else {
            lane.done = true;
            (such, values) = (bounded, ended);
        }
        if !lane.rest.is_empty() {
            such = format!("{such} AND {}", lane.rest);
        }
        if !self.rest.sql.is_empty() {
            such = format!("{such} AND {}", self.rest.sql);
            values.extend(self.rest.values.iter().cloned());
        }
        let [series, telling] = self.table.which();
        let sql = format!(
            "SELECT string_agg({}, ';') AS packed FROM {} r WHERE {such}",
            pack(&[value, "r.id", series, telling]),
            self.table.name(),
        );
        let chunk: Option<Packed> = query::first(db, &sql, values).await?;
        let chunk = chunk.and_then(|chunk| chunk.packed);
        for row in rows::<4>(chunk.as_deref(), self.table.name())? {
            let [value, id, series_id, telling_id] = row;
            let id = id.unwrap_or_default();
            let value = match lane.map {
                KeyMapping::Fixed { value } => value,
                KeyMapping::Plain | KeyMapping::Mirrored { .. } => value.unwrap_or_default(),
            };
            lane.hits.push(RowRef {
                key: lane.map.key(value, id),
                id,
                alert_id: series_id.unwrap_or_default(),
                content_id: telling_id,
            });
        }
        Ok(size)
    }

    /// Whether something of every lane was read.
    pub(crate) fn has_started(&self) -> bool {
        self.lanes.iter().all(|lane| lane.begun || lane.done)
    }

    /// What is known to come next, in order, and how far that reaches.
    pub(crate) fn take(&mut self) -> (Vec<RowRef>, End) {
        let way = self.way;
        let end = self
            .lanes
            .iter()
            .filter(|lane| !lane.done)
            .map(|lane| lane.frontier)
            .reduce(|a, b| if way.precedes(b, a) { b } else { a })
            .map_or(End::Exhausted, End::At);
        let mut taken = Vec::new();
        for lane in &mut self.lanes {
            match end {
                End::Exhausted => taken.append(&mut lane.hits),
                End::At(frontier) => taken.extend(
                    lane.hits
                        .extract_if(.., |hit| !way.precedes(frontier, hit.key)),
                ),
            }
        }
        way.sort(&mut taken);
        (taken, end)
    }
}
