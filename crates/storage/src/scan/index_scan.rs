//! Index scans, and several of them merged.

use std::borrow::Cow;

use sea_orm::{FromQueryResult, Value};

use super::packed::{pack, rows};
use super::{Direction, End, Key, RowRef, SqlCondition};
use crate::query::{self, Reads};
use crate::{StorageError, TimeRange};

/// Maps index values to list keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyMapping {
    /// The column value and the row ID.
    Plain,
    /// `sum` minus the column value, and the negated row ID: the list is the index in
    /// reverse order.
    Mirrored {
        /// Sum of list value and column value.
        sum: i64,
    },
    /// One value for all rows, which are scanned by ID only.
    Fixed {
        /// The list value.
        value: i64,
    },
}

/// A scan of one index range.
#[derive(Debug)]
pub(crate) struct IndexScan {
    /// Condition on the leading columns of the index, for the row `r`.
    condition: SqlCondition,
    /// The index value as SQL. Not used with [`KeyMapping::Fixed`].
    value: &'static str,
    /// Bounds of that value. Kept apart from the condition: with two bounds on one side of an
    /// index, both databases may start at the wider one.
    range: TimeRange,
    /// Mapping of the value to a list key.
    mapping: KeyMapping,
    /// Everything up to this key was examined.
    frontier: Key,
    started: bool,
    done: bool,
    hits: Vec<RowRef>,
    /// Condition on the rows of this scan only, not supported by the index.
    pub(crate) residual: Cow<'static, str>,
}

/// Table to scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Log,
    Incidents,
    Deliveries,
    Notifications,
    Audit,
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Log => "log_entries",
            Self::Incidents => "incidents",
            Self::Deliveries => "deliveries",
            Self::Notifications => "notifications",
            Self::Audit => "audit_entries",
        }
    }

    /// Columns with alert ID and content ID, for tables that have them.
    fn content_columns(self) -> [&'static str; 2] {
        match self {
            Self::Log | Self::Incidents => ["r.series_id", "r.telling_id"],
            Self::Deliveries | Self::Notifications | Self::Audit => ["NULL", "NULL"],
        }
    }
}

/// Several index scans merged into one list.
#[derive(Debug)]
pub(crate) struct MergedScan {
    table: Table,
    direction: Direction,
    scans: Vec<IndexScan>,
    /// Residual condition on a row `r`, not supported by an index.
    residual: SqlCondition,
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

    /// The column value and the row ID at a key.
    fn place(self, key: Key) -> (i64, i64) {
        match self {
            Self::Plain | Self::Fixed { .. } => (key.value, key.tie),
            Self::Mirrored { sum } => (sum.saturating_sub(key.value), key.tie.saturating_neg()),
        }
    }
}

impl IndexScan {
    pub(crate) fn new(condition: SqlCondition, value: &'static str, mapping: KeyMapping) -> Self {
        Self {
            condition,
            value,
            range: TimeRange::default(),
            mapping,
            frontier: Key { value: 0, tie: 0 },
            started: false,
            done: false,
            hits: Vec::new(),
            residual: Cow::Borrowed(""),
        }
    }

    /// Limits the scan to values within `range`.
    pub(crate) fn within(mut self, range: TimeRange) -> Self {
        self.range = range;
        self
    }

    /// Starts after `after`, but not before the start of the range.
    fn begin(&mut self, direction: Direction, after: Key) {
        self.frontier = match self.mapping {
            // Before the list reaches this value, the scan is at its start; after it, at its
            // end.
            KeyMapping::Fixed { value } if after.value != value => {
                let tie = direction.start_key().tie;
                let beginning = Key { value, tie };
                self.done = direction.precedes(beginning, after);
                beginning
            }
            KeyMapping::Fixed { .. } => after,
            KeyMapping::Plain | KeyMapping::Mirrored { .. } => {
                let (value, tie) = self.mapping.place(after);
                let place = self
                    .direction(direction)
                    .within(Key { value, tie }, self.range);
                self.mapping.key(place.value, place.tie)
            }
        };
    }

    /// The condition that a row is not past the far end of the range.
    fn far(&self, along: Direction) -> Option<SqlCondition> {
        let value = self.value;
        along.far(value, self.range)
    }

    /// The direction along the index.
    fn direction(&self, direction: Direction) -> Direction {
        match self.mapping {
            KeyMapping::Mirrored { .. } => direction.reversed(),
            KeyMapping::Plain | KeyMapping::Fixed { .. } => direction,
        }
    }

    /// The condition that a row compares to `key`; with `through`, equality is included.
    fn beyond(&self, key: Key, comparison: &str, through: bool) -> SqlCondition {
        let equal = if through { "=" } else { "" };
        let (value, id) = self.mapping.place(key);
        match self.mapping {
            KeyMapping::Fixed { .. } => SqlCondition {
                sql: format!("r.id {comparison}{equal} ?"),
                values: vec![id.into()],
            },
            // SQLite uses only single values as bounds of an index on an expression.
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

    fn order(&self, direction: Direction) -> String {
        let direction = direction.sql();
        match self.mapping {
            KeyMapping::Fixed { .. } => format!("r.id {direction}"),
            KeyMapping::Plain | KeyMapping::Mirrored { .. } => {
                format!("{} {direction}, r.id {direction}", self.value)
            }
        }
    }
}

impl MergedScan {
    /// Scans `table` in the given direction for rows that meet the residual condition,
    /// starting after `after` (`None`: from the beginning).
    pub(crate) fn new(
        table: Table,
        scans: Vec<IndexScan>,
        residual: SqlCondition,
        direction: Direction,
        after: Option<Key>,
    ) -> Self {
        let after = after.unwrap_or(direction.start_key());
        let scans = scans
            .into_iter()
            .map(|mut scan| {
                scan.begin(direction, after);
                scan
            })
            .collect();
        Self {
            table,
            direction,
            scans,
            residual,
        }
    }

    /// Examines about `size` more rows, of the scan that is furthest behind. Returns the
    /// number of rows examined.
    ///
    /// # Errors
    /// [`StorageError`] from the database.
    pub(crate) async fn read(
        &mut self,
        db: &impl Reads,
        size: usize,
    ) -> Result<usize, StorageError> {
        let direction = self.direction;
        let behind = self
            .scans
            .iter_mut()
            .filter(|scan| !scan.done)
            .reduce(|a, b| match direction.precedes(b.frontier, a.frontier) {
                true => b,
                false => a,
            });
        let Some(scan) = behind else { return Ok(0) };
        scan.started = true;
        let along = scan.direction(direction);
        let after = scan.beyond(scan.frontier, along.comparison(), false);
        let condition = match scan.condition.sql.as_str() {
            "" => after.sql,
            condition => format!("{condition} AND {}", after.sql),
        };
        let mut values: Vec<Value> = scan.condition.values.clone();
        values.extend(after.values);
        // The end of the chunk is found first, with the index only, so that the chunk ends at
        // a known key even if few of its rows meet the residual condition.
        let value = match scan.mapping {
            KeyMapping::Fixed { .. } => "r.id",
            KeyMapping::Plain | KeyMapping::Mirrored { .. } => scan.value,
        };
        let (ended, bounded) = match scan.far(along) {
            Some(far) => {
                let bounded = format!("{condition} AND {}", far.sql);
                ([values.clone(), far.values].concat(), bounded)
            }
            None => (values.clone(), condition.clone()),
        };
        let sql = format!(
            "SELECT {value} AS value, r.id FROM {} r WHERE {bounded} ORDER BY {} \
             LIMIT 1 OFFSET {}",
            self.table.name(),
            scan.order(along),
            size - 1,
        );
        let place: Option<Place> = query::first(db, &sql, ended.clone()).await?;
        let mut condition = condition;
        if let Some(place) = &place {
            let value = match scan.mapping {
                KeyMapping::Fixed { value } => value,
                KeyMapping::Plain | KeyMapping::Mirrored { .. } => place.value,
            };
            scan.frontier = scan.mapping.key(value, place.id);
            let until = scan.beyond(scan.frontier, along.reversed().comparison(), true);
            condition = format!("{condition} AND {}", until.sql);
            values.extend(until.values);
        } else {
            scan.done = true;
            (condition, values) = (bounded, ended);
        }
        if !scan.residual.is_empty() {
            condition = format!("{condition} AND {}", scan.residual);
        }
        if !self.residual.sql.is_empty() {
            condition = format!("{condition} AND {}", self.residual.sql);
            values.extend(self.residual.values.iter().cloned());
        }
        let [alert_column, content_column] = self.table.content_columns();
        let sql = format!(
            "SELECT string_agg({}, ';') AS packed FROM {} r WHERE {condition}",
            pack(&[value, "r.id", alert_column, content_column]),
            self.table.name(),
        );
        let chunk: Option<Packed> = query::first(db, &sql, values).await?;
        let chunk = chunk.and_then(|chunk| chunk.packed);
        for row in rows::<4>(chunk.as_deref(), self.table.name())? {
            let [value, id, alert_id, content_id] = row;
            let id = id.unwrap_or_default();
            let value = match scan.mapping {
                KeyMapping::Fixed { value } => value,
                KeyMapping::Plain | KeyMapping::Mirrored { .. } => value.unwrap_or_default(),
            };
            scan.hits.push(RowRef {
                key: scan.mapping.key(value, id),
                id,
                alert_id: alert_id.unwrap_or_default(),
                content_id,
            });
        }
        Ok(size)
    }

    /// Whether every scan has read rows or is done.
    pub(crate) fn has_started(&self) -> bool {
        self.scans.iter().all(|scan| scan.started || scan.done)
    }

    /// Returns the rows that are known to come next, in order, and how far they reach.
    pub(crate) fn take(&mut self) -> (Vec<RowRef>, End) {
        let direction = self.direction;
        let end = self
            .scans
            .iter()
            .filter(|scan| !scan.done)
            .map(|scan| scan.frontier)
            .reduce(|a, b| if direction.precedes(b, a) { b } else { a })
            .map_or(End::Exhausted, End::At);
        let mut taken = Vec::new();
        for scan in &mut self.scans {
            match end {
                End::Exhausted => taken.append(&mut scan.hits),
                End::At(frontier) => taken.extend(
                    scan.hits
                        .extract_if(.., |hit| !direction.precedes(frontier, hit.key)),
                ),
            }
        }
        direction.sort(&mut taken);
        (taken, end)
    }
}
