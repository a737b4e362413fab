//! How a page of the log is come by.

use sea_orm::FromQueryResult;
use tocsin_core::alert::Status;

use crate::enums::EntryKind;
use crate::filter::{any_code, known};
use crate::query::{self, Conditions, Reads};
use crate::scan::{
    Direction, IndexScan, Key, KeyMapping, MergedScan, OrderedMerge, Rows, ScanBudget,
    SqlCondition, Table,
};
use crate::search::AlertSet;
use crate::{AlertFilter, StorageError, TimeRange};

/// The rows that may answer the filter, but for what was told.
pub(super) async fn rows(
    db: &impl Reads,
    filter: &AlertFilter,
    set: &AlertSet,
    way: Direction,
    after: Option<Key>,
    effort: &ScanBudget,
) -> Result<Rows, StorageError> {
    if let Some(series) = few(db, filter, set, effort).await? {
        let (range, rest) = (filter.received, rest(filter));
        return Ok(Rows::Merge(OrderedMerge::new(
            &series, range, rest, way, after,
        )));
    }
    Ok(by_time(filter, way, after))
}

/// All rows, as they came.
pub(super) fn by_time(filter: &AlertFilter, way: Direction, after: Option<Key>) -> Rows {
    let all = Conditions::default().into();
    let lane = IndexScan::new(all, "r.received_at", KeyMapping::Plain).within(filter.received);
    let rest = rest(filter);
    Rows::Indexes(MergedScan::new(Table::Log, vec![lane], rest, way, after))
}

/// The entries of one incident: those of its series since it was first seen,
/// without those of later episodes.
pub(super) async fn of_incident(
    db: &impl Reads,
    incident_id: i64,
    kinds: &[EntryKind],
    way: Direction,
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
    let mut such = Conditions::default();
    such.and("r.series_id = ?", [of.series_id.into()]);
    let mut rest = Conditions::default();
    rest.and("r.incident_id = ?", [incident_id.into()]);
    any_code(&mut rest, "r.kind", kinds);
    let since = TimeRange {
        from: Some(query::time(of.first_seen_at)),
        to: None,
    };
    let lane = IndexScan::new(such.into(), "r.received_at", KeyMapping::Plain).within(since);
    let rest = rest.into();
    Ok(Rows::Indexes(MergedScan::new(
        Table::Log,
        vec![lane],
        rest,
        way,
        after,
    )))
}

/// What is asked of the entry itself.
fn rest(filter: &AlertFilter) -> SqlCondition {
    let mut rest = Conditions::default();
    let both = [Status::Firing, Status::Resolved]
        .iter()
        .all(|status| filter.status.contains(status));
    if !both {
        any_code(&mut rest, "r.status", &filter.status);
    }
    filter.about.starts.add_to(&mut rest, "r.starts_at");
    filter.about.ends.add_to(&mut rest, "r.ends_at");
    if let Some(is) = filter.about.known {
        // One look-up for each row that is left. As a join, PostgreSQL might
        // read all incidents for them.
        let is = known(is);
        let such = format!("(SELECT {is} FROM incidents i WHERE i.id = r.incident_id)");
        rest.and(&such, []);
    }
    rest.into()
}

/// The series to walk each by itself, if they are few.
async fn few(
    db: &impl Reads,
    filter: &AlertFilter,
    set: &AlertSet,
    effort: &ScanBudget,
) -> Result<Option<Vec<i64>>, StorageError> {
    let few = set.few(effort.few);
    if few.is_some() || filter.about.known != Some(false) {
        return Ok(few);
    }
    // What is open and not acknowledged is mostly little, however long the log.
    let open: Vec<i64> = query::numbers(
        db,
        "SELECT CASE WHEN o.known_at IS NULL THEN o.series_id ELSE 0 END AS n FROM \
         (SELECT r.series_id, r.known_at FROM incidents r WHERE r.state = 0 LIMIT ?) o",
        vec![(effort.chunk as i64 + 1).into()],
    )
    .await?;
    if open.len() > effort.chunk {
        return Ok(None);
    }
    let mut series: Vec<i64> = open
        .into_iter()
        .filter(|&series| series != 0 && set.contains(series))
        .collect();
    series.sort_unstable();
    series.dedup();
    Ok(Some(series).filter(|series| series.len() <= effort.few))
}
