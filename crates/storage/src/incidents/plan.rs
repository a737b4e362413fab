//! How a page of the incidents is come by.

use std::time::Duration;

use sea_orm::FromQueryResult;
use tocsin_core::alert::Status;

use super::{AsOf, IncidentSort, NOT_A_COPY};
use crate::enums::{Coded, IncidentState};
use crate::filter::any_code;
use crate::query::{self, Conditions, Reads};
use crate::scan::{
    Direction, IndexScan, Key, KeyMapping, MergedScan, RowRef, Rows, ScanBudget, SqlCondition,
    Table, pack, rows,
};
use crate::search::AlertSet;
use crate::{IncidentFilter, StorageError, TimeRange};

const ALL_STATES: [IncidentState; 4] = [
    IncidentState::Open,
    IncidentState::Resolved,
    IncidentState::Expired,
    IncidentState::Closed,
];

/// How far a sender's clock may be ahead: an incident that ended later than it was last
/// received, by more than this, is missing where a time after that is asked for.
const SKEW: Duration = Duration::from_secs(24 * 3_600);

/// Whether such an incident ended no later than it was last received, but for
/// [`SKEW`]. A person closes one at any time.
fn ends_when_seen(state: IncidentState) -> bool {
    matches!(state, IncidentState::Resolved | IncidentState::Expired)
}

/// Which incidents, in which order.
pub(super) struct Plan<'a> {
    filter: &'a IncidentFilter,
    sort: IncidentSort,
    as_of: AsOf,
    /// The states that are asked for.
    states: Vec<IncidentState>,
}

/// Some of the incidents, for sorting; no incident is in two of its parts.
struct Narrow {
    parts: Vec<Part>,
}

/// What an index finds.
struct Part {
    such: SqlCondition,
    /// The order of that index.
    order: &'static str,
}

const BY_START: &str = " ORDER BY r.starts_at";
const BY_LAST_SEEN: &str = " ORDER BY r.last_seen_at";
const BY_LENGTH: &str = " ORDER BY (r.ends_at - r.starts_at)";

impl<'a> Plan<'a> {
    pub(super) fn new(filter: &'a IncidentFilter, sort: IncidentSort, as_of: AsOf) -> Self {
        let wanted = |state: &IncidentState| {
            let open = *state == IncidentState::Open;
            let status = match open {
                true => Status::Firing,
                false => Status::Resolved,
            };
            (filter.state.is_empty() || filter.state.contains(state))
                && (filter.status.is_empty() || filter.status.contains(&status))
                && (open || filter.stale != Some(true))
                && (open || filter.about.known != Some(false))
        };
        Self {
            filter,
            sort,
            as_of,
            states: ALL_STATES.into_iter().filter(wanted).collect(),
        }
    }

    /// The rows that may answer the filter, but for what was told.
    pub(super) async fn rows(
        &self,
        db: &impl Reads,
        set: &AlertSet,
        way: Direction,
        after: Option<Key>,
        effort: &ScanBudget,
    ) -> Result<Rows, StorageError> {
        if self.states.is_empty() {
            return Ok(Rows::All(Vec::new()));
        }
        for narrow in self.narrow(db, set, effort).await? {
            if let Some(hits) = self.all(db, narrow, way, after, effort).await? {
                return Ok(Rows::All(hits));
            }
        }
        let lanes = self.index_scans();
        let rest = self.rest();
        Ok(Rows::Indexes(MergedScan::new(
            Table::Incidents,
            lanes,
            rest,
            way,
            after,
        )))
    }

    /// What may leave so few incidents that they can be sorted here, though no
    /// index has them in this order.
    async fn narrow(
        &self,
        db: &impl Reads,
        set: &AlertSet,
        effort: &ScanBudget,
    ) -> Result<Vec<Narrow>, StorageError> {
        let mut narrow = Vec::new();
        if let Some(series) = set.few(effort.few) {
            let mut such = Conditions::default();
            let among = query::among(db.backend(), "r.series_id");
            such.and(&among, [query::ids(&series)]);
            let such = such.into();
            narrow.push(Narrow {
                parts: vec![Part { such, order: "" }],
            });
        }
        let of_state = |state: &IncidentState, range: TimeRange, column: &str| {
            let mut such = Conditions::default();
            such.and(&format!("r.state = {}", state.code()), []);
            range.add_to(&mut such, column);
            SqlCondition::from(such)
        };
        let starts = self.filter.about.starts;
        if self.sort != IncidentSort::StartsAt && starts != TimeRange::default() {
            let parts = self.states.iter().map(|state| Part {
                such: of_state(state, starts, "r.starts_at"),
                order: BY_START,
            });
            narrow.push(Narrow {
                parts: parts.collect(),
            });
        }
        // What is active at the end of the list by time is at its beginning.
        let active = self.filter.active;
        let is_latest = self.sort == IncidentSort::LastSeenAt && active.to.is_none();
        if active != TimeRange::default() && !is_latest {
            narrow.push(self.active(db, effort).await?);
        }
        if self.sort == IncidentSort::Occurrences && self.states == [IncidentState::Open] {
            let all = TimeRange::default();
            narrow.push(Narrow {
                parts: vec![Part {
                    such: of_state(&IncidentState::Open, all, ""),
                    order: BY_LAST_SEEN,
                }],
            });
        }
        Ok(narrow)
    }

    /// The incidents that were active in the range: those that began in it, and those
    /// that began sooner, by no more than any but the longest incidents last; and the
    /// longest, which are few. No index finds by beginning and end at once.
    async fn active(&self, db: &impl Reads, effort: &ScanBudget) -> Result<Narrow, StorageError> {
        let TimeRange { from, to } = self.filter.active;
        let longest = "SELECT (ends_at - starts_at) AS n FROM incidents WHERE state <> 0 \
                       AND (ends_at - starts_at) >= 0 \
                       ORDER BY (ends_at - starts_at) DESC LIMIT 1 OFFSET ?";
        let longest = query::numbers(db, longest, vec![(effort.few as i64).into()]).await?;
        // None of so few lasted less than nothing.
        let longest = longest.first().copied().unwrap_or(-1);
        let mut parts = Vec::new();
        for state in &self.states {
            let mut such = Conditions::default();
            such.and(&format!("r.state = {}", state.code()), []);
            if let Some(to) = to {
                such.and("r.starts_at < ?", [to.as_micros().into()]);
            }
            if let Some(from) = from.filter(|_| *state != IncidentState::Open) {
                let from = from.as_micros().saturating_sub(longest);
                such.and("r.starts_at >= ?", [from.into()]);
                such.and("+(r.ends_at - r.starts_at) <= ?", [longest.into()]);
            }
            let such = such.into();
            parts.push(Part {
                such,
                order: BY_START,
            });
        }
        let is_of_ended = self.states != [IncidentState::Open];
        if is_of_ended && from.is_some() {
            let mut such = Conditions::default();
            such.and("r.state <> 0", []);
            such.and("(r.ends_at - r.starts_at) > ?", [longest.into()]);
            let such = such.into();
            parts.push(Part {
                such,
                order: BY_LENGTH,
            });
        }
        Ok(Narrow { parts })
    }

    /// All of the narrow part, unless it is too large.
    async fn all(
        &self,
        db: &impl Reads,
        narrow: Narrow,
        way: Direction,
        after: Option<Key>,
        effort: &ScanBudget,
    ) -> Result<Option<Vec<RowRef>>, StorageError> {
        #[derive(FromQueryResult)]
        struct Packed {
            n: i64,
            packed: Option<String>,
        }
        let most = effort.chunk;
        let mut rest = Conditions::default();
        any_code(&mut rest, "r.state", &self.states);
        let SqlCondition { sql, values } = self.rest();
        if !sql.is_empty() {
            rest.and(&sql, values);
        }
        let rest = SqlCondition::from(rest);
        let now = self.as_of.now.as_micros();
        let value = match self.sort {
            IncidentSort::LastSeenAt => "r.last_seen_at".to_owned(),
            IncidentSort::StartsAt => "r.starts_at".to_owned(),
            IncidentSort::Duration => format!("COALESCE(r.ends_at, {now}) - r.starts_at"),
            IncidentSort::Occurrences => "r.occurrences".to_owned(),
        };
        let packed = pack(&[&value, "r.id", "r.series_id", "r.telling_id", "r.state"]);
        let mut values = rest.values;
        let mut parts = Vec::new();
        for Part { such, order } in narrow.parts {
            // In the order of its index, lest PostgreSQL thinks that it finds so
            // many soonest by reading everything.
            parts.push(format!(
                "SELECT * FROM (SELECT r.id, r.series_id, r.telling_id, r.state, r.starts_at, \
                 r.ends_at, r.last_seen_at, r.occurrences, r.known_at, r.end_reason FROM incidents r \
                 WHERE {}{} LIMIT {}) part",
                such.sql,
                order,
                most + 1,
            ));
            values.extend(such.values);
        }
        let sql = format!(
            "SELECT COUNT(*) AS n, \
             string_agg(CASE WHEN {} THEN {packed} ELSE NULL END, ';') AS packed FROM ({}) r",
            rest.sql,
            parts.join(" UNION ALL "),
        );
        let read: Option<Packed> = query::first(db, &sql, values).await?;
        let Some(Packed { packed, .. }) = read.filter(|read| read.n <= most as i64) else {
            return Ok(None);
        };
        let mut hits = Vec::new();
        for [value, id, series_id, telling_id, state] in rows::<5>(packed.as_deref(), "incidents")?
        {
            let id = id.unwrap_or_default();
            let mirrored = self.sort == IncidentSort::Duration && state == Some(0);
            let value = value.unwrap_or_default();
            hits.push(RowRef {
                key: Key {
                    value: match self.sort {
                        IncidentSort::Occurrences => value.max(1),
                        _ => value,
                    },
                    tie: if mirrored { -id } else { id },
                },
                id,
                alert_id: series_id.unwrap_or_default(),
                content_id: telling_id,
            });
        }
        if let Some(after) = after {
            hits.retain(|hit| way.precedes(after, hit.key));
        }
        way.sort(&mut hits);
        Ok(Some(hits))
    }

    /// Walks along the indexes that have the order.
    fn index_scans(&self) -> Vec<IndexScan> {
        let lane = |state: &IncidentState, value: &'static str, range: TimeRange| {
            let mut such = Conditions::default();
            such.and(&format!("r.state = {}", state.code()), []);
            IndexScan::new(such.into(), value, KeyMapping::Plain).within(range)
        };
        let active = self.filter.active;
        let last_seen = |state: &IncidentState| TimeRange {
            from: active
                .from
                .filter(|_| ends_when_seen(*state))
                .map(|from| from.minus(SKEW)),
            to: self
                .filter
                .stale
                .filter(|stale| *stale)
                .map(|_| self.as_of.stale_before),
        };
        let mut starts = self.filter.about.starts;
        starts.to = starts.to.into_iter().chain(active.to).min();
        match self.sort {
            IncidentSort::LastSeenAt => {
                let states = self.states.iter();
                states
                    .map(|state| lane(state, "r.last_seen_at", last_seen(state)))
                    .collect()
            }
            IncidentSort::StartsAt => {
                let states = self.states.iter();
                states
                    .map(|state| lane(state, "r.starts_at", starts))
                    .collect()
            }
            IncidentSort::Duration => {
                let mut lanes = Vec::new();
                if self.states.contains(&IncidentState::Open) {
                    let mut such = Conditions::default();
                    such.and("r.state = 0", []);
                    let sum = self.as_of.now.as_micros();
                    let lane =
                        IndexScan::new(such.into(), "r.starts_at", KeyMapping::Mirrored { sum });
                    lanes.push(lane.within(starts));
                }
                if self.states != [IncidentState::Open] {
                    let mut such = Conditions::default();
                    such.and("r.state <> 0", []);
                    let value = "(r.ends_at - r.starts_at)";
                    let mut lane = IndexScan::new(such.into(), value, KeyMapping::Plain);
                    let ended = self.states.iter().filter(|it| **it != IncidentState::Open);
                    if ended.count() + 1 < ALL_STATES.len() {
                        // The lane's other condition holds for each of them.
                        lane.rest = self.ended_states().into();
                    }
                    lanes.push(lane);
                }
                lanes
            }
            IncidentSort::Occurrences => {
                let mut such = Conditions::default();
                such.and("r.occurrences > 1", []);
                let repeated = IndexScan::new(such.into(), "r.occurrences", KeyMapping::Plain);
                let none = Conditions::default().into();
                let mut once = IndexScan::new(none, "r.id", KeyMapping::Fixed { value: 1 });
                once.rest = "r.occurrences < 2".into();
                vec![repeated, once]
            }
        }
    }

    /// Those of the states asked for that are not open, as a condition.
    fn ended_states(&self) -> String {
        let ended = self.states.iter().filter(|it| **it != IncidentState::Open);
        let codes: Vec<String> = ended.map(|it| it.code().to_string()).collect();
        format!("r.state IN ({})", codes.join(", "))
    }

    /// What no index helps with. The plus signs keep the databases from thinking
    /// that one does: the bounds that the walk goes by would come second.
    fn rest(&self) -> SqlCondition {
        let mut rest = Conditions::default();
        if self.states != [IncidentState::Open] {
            rest.and(NOT_A_COPY, []);
        }
        let about = &self.filter.about;
        match about.known {
            Some(true) => rest.and("r.known_at IS NOT NULL OR r.state <> 0", []),
            Some(false) => rest.and("r.known_at IS NULL AND r.state = 0", []),
            None => {}
        }
        let stale_before = self.as_of.stale_before.as_micros();
        match self.filter.stale {
            Some(true) => rest.and("+r.last_seen_at < ?", [stale_before.into()]),
            Some(false) => rest.and(
                "r.state <> 0 OR +r.last_seen_at >= ?",
                [stale_before.into()],
            ),
            None => {}
        }
        if self.sort == IncidentSort::Occurrences && self.states.len() < ALL_STATES.len() {
            any_code(&mut rest, "+r.state", &self.states);
        }
        let TimeRange { from, to } = self.filter.active;
        if let Some(to) = to {
            rest.and("+r.starts_at < ?", [to.as_micros().into()]);
        }
        if let Some(from) = from {
            rest.and("r.state = 0 OR r.ends_at >= ?", [from.as_micros().into()]);
        }
        about.starts.add_to(&mut rest, "+r.starts_at");
        about.ends.add_to(&mut rest, "r.ends_at");
        rest.into()
    }
}
