//! Query plans for pages of the alert log.

use sea_orm::FromQueryResult;
use tocsin_core::alert::Status;

use crate::enums::EntryKind;
use crate::filter::{acknowledged_or_ended, any_code};
use crate::query::{self, Conditions, Reads};
use crate::scan::{
    Direction, IndexScan, Key, KeyMapping, MergedScan, OrderedMerge, Rows, ScanBudget,
    SqlCondition, Table,
};
use crate::search::AlertSet;
use crate::{AlertFilter, StorageError, TimeRange};

/// The rows that may match the filter; alert content is checked later.
pub(super) async fn rows(
    db: &impl Reads,
    filter: &AlertFilter,
    set: &AlertSet,
    direction: Direction,
    after: Option<Key>,
    budget: &ScanBudget,
) -> Result<Rows, StorageError> {
    if let Some(alert_ids) = few(db, filter, set, budget).await? {
        let (range, residual) = (filter.received, residual(filter));
        return Ok(Rows::Merge(OrderedMerge::new(
            &alert_ids, range, residual, direction, after,
        )));
    }
    Ok(by_time(filter, direction, after))
}

/// All rows, by receive time.
pub(super) fn by_time(filter: &AlertFilter, direction: Direction, after: Option<Key>) -> Rows {
    let all = Conditions::default().into();
    let scan = IndexScan::new(all, "r.received_at", KeyMapping::Plain).within(filter.received);
    let residual = residual(filter);
    Rows::Indexes(MergedScan::new(
        Table::Log,
        vec![scan],
        residual,
        direction,
        after,
    ))
}

/// The entries of one incident: those of its alert since it was first seen, without those
/// of later incidents.
pub(super) async fn of_incident(
    db: &impl Reads,
    incident_id: i64,
    kinds: &[EntryKind],
    direction: Direction,
    after: Option<Key>,
) -> Result<Rows, StorageError> {
    #[derive(FromQueryResult)]
    struct Of {
        series_id: i64,
        first_seen_at: i64,
    }
    let of: Option<Of> = query::first(
        db,
        "SELECT series_id, first_seen_at FROM incidents WHERE id = ?",
        vec![incident_id.into()],
    )
    .await?;
    let Some(of) = of else {
        return Ok(Rows::All(Vec::new()));
    };
    let mut condition = Conditions::default();
    condition.and("r.series_id = ?", [of.series_id.into()]);
    let mut residual = Conditions::default();
    residual.and("r.incident_id = ?", [incident_id.into()]);
    any_code(&mut residual, "r.kind", kinds);
    let since = TimeRange {
        from: Some(query::time(of.first_seen_at)),
        to: None,
    };
    let scan = IndexScan::new(condition.into(), "r.received_at", KeyMapping::Plain).within(since);
    let residual = residual.into();
    Ok(Rows::Indexes(MergedScan::new(
        Table::Log,
        vec![scan],
        residual,
        direction,
        after,
    )))
}

/// Conditions on the entry itself.
fn residual(filter: &AlertFilter) -> SqlCondition {
    let mut residual = Conditions::default();
    let both = [Status::Firing, Status::Resolved]
        .iter()
        .all(|status| filter.status.contains(status));
    if !both {
        any_code(&mut residual, "r.status", &filter.status);
    }
    filter.about.starts.add_to(&mut residual, "r.starts_at");
    filter.about.ends.add_to(&mut residual, "r.ends_at");
    if let Some(is) = filter.about.known {
        // One lookup for each remaining row. For a join, PostgreSQL might read all
        // incidents.
        let is = acknowledged_or_ended(is);
        let condition = format!("(SELECT {is} FROM incidents i WHERE i.id = r.incident_id)");
        residual.and(&condition, []);
    }
    residual.into()
}

/// The alerts to walk one by one, if there are few.
async fn few(
    db: &impl Reads,
    filter: &AlertFilter,
    set: &AlertSet,
    budget: &ScanBudget,
) -> Result<Option<Vec<i64>>, StorageError> {
    let few = set.few(budget.few);
    if few.is_some() || filter.about.known != Some(false) {
        return Ok(few);
    }
    // Even with a large log, few incidents are open and unacknowledged.
    let open: Vec<i64> = query::numbers(
        db,
        "SELECT CASE WHEN o.known_at IS NULL THEN o.series_id ELSE 0 END AS n FROM \
         (SELECT r.series_id, r.known_at FROM incidents r WHERE r.state = 0 LIMIT ?) o",
        vec![(budget.chunk as i64 + 1).into()],
    )
    .await?;
    if open.len() > budget.chunk {
        return Ok(None);
    }
    let mut alert_ids: Vec<i64> = open
        .into_iter()
        .filter(|&alert_id| alert_id != 0 && set.contains(alert_id))
        .collect();
    alert_ids.sort_unstable();
    alert_ids.dedup();
    Ok(Some(alert_ids).filter(|alert_ids| alert_ids.len() <= budget.few))
}
