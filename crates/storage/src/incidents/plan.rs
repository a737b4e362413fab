//! Query plans for pages of incidents.

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

/// Tolerance for sender clocks that run ahead. An incident that ended later than this after
/// it was last received is not found by a filter for a later time.
const SKEW: Duration = Duration::from_secs(24 * 3_600);

/// Whether incidents in this state end no later than they were last received, within
/// [`SKEW`]. A person can close one at any time.
fn ends_when_seen(state: IncidentState) -> bool {
    matches!(state, IncidentState::Resolved | IncidentState::Expired)
}

/// Filter and order of a list of incidents.
pub(super) struct Plan<'a> {
    filter: &'a IncidentFilter,
    sort: IncidentSort,
    as_of: AsOf,
    /// The requested states.
    states: Vec<IncidentState>,
}

/// A subset of incidents to sort in memory; its parts do not overlap.
struct Subset {
    parts: Vec<Part>,
}

/// Incidents found with one index.
struct Part {
    condition: SqlCondition,
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

    /// The rows that may match the filter; alert content is checked later.
    pub(super) async fn rows(
        &self,
        db: &impl Reads,
        set: &AlertSet,
        direction: Direction,
        after: Option<Key>,
        budget: &ScanBudget,
    ) -> Result<Rows, StorageError> {
        if self.states.is_empty() {
            return Ok(Rows::All(Vec::new()));
        }
        for subset in self.subsets(db, set, budget).await? {
            if let Some(hits) = self.all(db, subset, direction, after, budget).await? {
                return Ok(Rows::All(hits));
            }
        }
        let scans = self.index_scans();
        let residual = self.residual();
        Ok(Rows::Indexes(MergedScan::new(
            Table::Incidents,
            scans,
            residual,
            direction,
            after,
        )))
    }

    /// Subsets that may be small enough to sort in memory, although no index has this
    /// order.
    async fn subsets(
        &self,
        db: &impl Reads,
        set: &AlertSet,
        budget: &ScanBudget,
    ) -> Result<Vec<Subset>, StorageError> {
        let mut subsets = Vec::new();
        if let Some(alert_ids) = set.few(budget.few) {
            let mut condition = Conditions::default();
            let among = query::among(db.backend(), "r.series_id");
            condition.and(&among, [query::ids(&alert_ids)]);
            let condition = condition.into();
            subsets.push(Subset {
                parts: vec![Part {
                    condition,
                    order: "",
                }],
            });
        }
        let of_state = |state: &IncidentState, range: TimeRange, column: &str| {
            let mut condition = Conditions::default();
            condition.and(&format!("r.state = {}", state.code()), []);
            range.add_to(&mut condition, column);
            SqlCondition::from(condition)
        };
        let starts = self.filter.about.starts;
        if self.sort != IncidentSort::StartsAt && starts != TimeRange::default() {
            let parts = self.states.iter().map(|state| Part {
                condition: of_state(state, starts, "r.starts_at"),
                order: BY_START,
            });
            subsets.push(Subset {
                parts: parts.collect(),
            });
        }
        // Sorted by time last received, incidents active until now come first.
        let active = self.filter.active;
        let is_latest = self.sort == IncidentSort::LastSeenAt && active.to.is_none();
        if active != TimeRange::default() && !is_latest {
            subsets.push(self.active(db, budget).await?);
        }
        if self.sort == IncidentSort::Occurrences && self.states == [IncidentState::Open] {
            let all = TimeRange::default();
            subsets.push(Subset {
                parts: vec![Part {
                    condition: of_state(&IncidentState::Open, all, ""),
                    order: BY_LAST_SEEN,
                }],
            });
        }
        Ok(subsets)
    }

    /// The incidents that were active in the range. No index covers both start and end, so
    /// they are found in two parts: those that started in the range or shortly before it, by
    /// at most the duration of all but the few longest incidents, and those longest.
    async fn active(&self, db: &impl Reads, budget: &ScanBudget) -> Result<Subset, StorageError> {
        let TimeRange { from, to } = self.filter.active;
        let longest = "SELECT (ends_at - starts_at) AS n FROM incidents WHERE state <> 0 \
                       AND (ends_at - starts_at) >= 0 \
                       ORDER BY (ends_at - starts_at) DESC LIMIT 1 OFFSET ?";
        let longest = query::numbers(db, longest, vec![(budget.few as i64).into()]).await?;
        // With fewer incidents than that, all of them count as longest.
        let longest = longest.first().copied().unwrap_or(-1);
        let mut parts = Vec::new();
        for state in &self.states {
            let mut condition = Conditions::default();
            condition.and(&format!("r.state = {}", state.code()), []);
            if let Some(to) = to {
                condition.and("r.starts_at < ?", [to.as_micros().into()]);
            }
            if let Some(from) = from.filter(|_| *state != IncidentState::Open) {
                let from = from.as_micros().saturating_sub(longest);
                condition.and("r.starts_at >= ?", [from.into()]);
                condition.and("+(r.ends_at - r.starts_at) <= ?", [longest.into()]);
            }
            let condition = condition.into();
            parts.push(Part {
                condition,
                order: BY_START,
            });
        }
        let is_of_ended = self.states != [IncidentState::Open];
        if is_of_ended && from.is_some() {
            let mut condition = Conditions::default();
            condition.and("r.state <> 0", []);
            condition.and("(r.ends_at - r.starts_at) > ?", [longest.into()]);
            let condition = condition.into();
            parts.push(Part {
                condition,
                order: BY_LENGTH,
            });
        }
        Ok(Subset { parts })
    }

    /// Returns all rows of the subset, unless there are too many.
    async fn all(
        &self,
        db: &impl Reads,
        subset: Subset,
        direction: Direction,
        after: Option<Key>,
        budget: &ScanBudget,
    ) -> Result<Option<Vec<RowRef>>, StorageError> {
        #[derive(FromQueryResult)]
        struct Packed {
            n: i64,
            packed: Option<String>,
        }
        let max_rows = budget.chunk;
        let mut residual = Conditions::default();
        any_code(&mut residual, "r.state", &self.states);
        let SqlCondition { sql, values } = self.residual();
        if !sql.is_empty() {
            residual.and(&sql, values);
        }
        let residual = SqlCondition::from(residual);
        let now = self.as_of.now.as_micros();
        let value = match self.sort {
            IncidentSort::LastSeenAt => "r.last_seen_at".to_owned(),
            IncidentSort::StartsAt => "r.starts_at".to_owned(),
            IncidentSort::Duration => format!("COALESCE(r.ends_at, {now}) - r.starts_at"),
            IncidentSort::Occurrences => "r.occurrences".to_owned(),
        };
        let packed = pack(&[&value, "r.id", "r.series_id", "r.telling_id", "r.state"]);
        let mut values = residual.values;
        let mut parts = Vec::new();
        for Part { condition, order } in subset.parts {
            // Ordered by its index, because PostgreSQL may otherwise prefer a full scan for a
            // query with a limit.
            parts.push(format!(
                "SELECT * FROM (SELECT r.id, r.series_id, r.telling_id, r.state, r.starts_at, \
                 r.ends_at, r.last_seen_at, r.occurrences, r.known_at, r.end_reason FROM incidents r \
                 WHERE {}{} LIMIT {}) part",
                condition.sql,
                order,
                max_rows + 1,
            ));
            values.extend(condition.values);
        }
        let sql = format!(
            "SELECT COUNT(*) AS n, \
             string_agg(CASE WHEN {} THEN {packed} ELSE NULL END, ';') AS packed FROM ({}) r",
            residual.sql,
            parts.join(" UNION ALL "),
        );
        let read: Option<Packed> = query::first(db, &sql, values).await?;
        let Some(Packed { packed, .. }) = read.filter(|read| read.n <= max_rows as i64) else {
            return Ok(None);
        };
        let mut hits = Vec::new();
        for [value, id, alert_id, content_id, state] in rows::<5>(packed.as_deref(), "incidents")? {
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
                alert_id: alert_id.unwrap_or_default(),
                content_id,
            });
        }
        if let Some(after) = after {
            hits.retain(|hit| direction.precedes(after, hit.key));
        }
        direction.sort(&mut hits);
        Ok(Some(hits))
    }

    /// Scans of the indexes that have the requested order.
    fn index_scans(&self) -> Vec<IndexScan> {
        let scan = |state: &IncidentState, value: &'static str, range: TimeRange| {
            let mut condition = Conditions::default();
            condition.and(&format!("r.state = {}", state.code()), []);
            IndexScan::new(condition.into(), value, KeyMapping::Plain).within(range)
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
                    .map(|state| scan(state, "r.last_seen_at", last_seen(state)))
                    .collect()
            }
            IncidentSort::StartsAt => {
                let states = self.states.iter();
                states
                    .map(|state| scan(state, "r.starts_at", starts))
                    .collect()
            }
            IncidentSort::Duration => {
                let mut scans = Vec::new();
                if self.states.contains(&IncidentState::Open) {
                    let mut condition = Conditions::default();
                    condition.and("r.state = 0", []);
                    let sum = self.as_of.now.as_micros();
                    let scan = IndexScan::new(
                        condition.into(),
                        "r.starts_at",
                        KeyMapping::Mirrored { sum },
                    );
                    scans.push(scan.within(starts));
                }
                if self.states != [IncidentState::Open] {
                    let mut condition = Conditions::default();
                    condition.and("r.state <> 0", []);
                    let value = "(r.ends_at - r.starts_at)";
                    let mut scan = IndexScan::new(condition.into(), value, KeyMapping::Plain);
                    let ended = self
                        .states
                        .iter()
                        .filter(|state| **state != IncidentState::Open);
                    if ended.count() + 1 < ALL_STATES.len() {
                        // The other condition of this scan includes all ended states.
                        scan.residual = self.ended_states().into();
                    }
                    scans.push(scan);
                }
                scans
            }
            IncidentSort::Occurrences => {
                let mut condition = Conditions::default();
                condition.and("r.occurrences > 1", []);
                let repeated = IndexScan::new(condition.into(), "r.occurrences", KeyMapping::Plain);
                let none = Conditions::default().into();
                let mut once = IndexScan::new(none, "r.id", KeyMapping::Fixed { value: 1 });
                once.residual = "r.occurrences < 2".into();
                vec![repeated, once]
            }
        }
    }

    /// Condition for the requested states other than open.
    fn ended_states(&self) -> String {
        let ended = self
            .states
            .iter()
            .filter(|state| **state != IncidentState::Open);
        let codes: Vec<String> = ended.map(|state| state.code().to_string()).collect();
        format!("r.state IN ({})", codes.join(", "))
    }

    /// Conditions without index support. The plus signs keep the databases from using another
    /// index than the one that the scan follows.
    fn residual(&self) -> SqlCondition {
        let mut residual = Conditions::default();
        if self.states != [IncidentState::Open] {
            residual.and(NOT_A_COPY, []);
        }
        let about = &self.filter.about;
        match about.known {
            Some(true) => residual.and("r.known_at IS NOT NULL OR r.state <> 0", []),
            Some(false) => residual.and("r.known_at IS NULL AND r.state = 0", []),
            None => {}
        }
        let stale_before = self.as_of.stale_before.as_micros();
        match self.filter.stale {
            Some(true) => residual.and("+r.last_seen_at < ?", [stale_before.into()]),
            Some(false) => residual.and(
                "r.state <> 0 OR +r.last_seen_at >= ?",
                [stale_before.into()],
            ),
            None => {}
        }
        if self.sort == IncidentSort::Occurrences && self.states.len() < ALL_STATES.len() {
            any_code(&mut residual, "+r.state", &self.states);
        }
        let TimeRange { from, to } = self.filter.active;
        if let Some(to) = to {
            residual.and("+r.starts_at < ?", [to.as_micros().into()]);
        }
        if let Some(from) = from {
            residual.and("r.state = 0 OR r.ends_at >= ?", [from.as_micros().into()]);
        }
        about.starts.add_to(&mut residual, "+r.starts_at");
        about.ends.add_to(&mut residual, "r.ends_at");
        residual.into()
    }
}
