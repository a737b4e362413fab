//! Adds up a span of hours: its roll-ups and the matching part of the queue.

use std::collections::BTreeMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::stats::{Counts, Delta, Dimension};

use super::{
    HOURLY, Scope, Selection, Unpack, corrupt_queue_row, cover, first_and_last, levels, recount,
};
use crate::projection_queue::{DELIVERIES, ENTRIES, STATS};
use crate::{Reads, StorageError, query};

/// A range of hours since the epoch: `from` is included, `to` is excluded, `None` is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
}

impl Span {
    fn contains(self, hour: i64) -> bool {
        self.from.is_none_or(|from| from <= hour) && self.to.is_none_or(|to| hour < to)
    }

    fn is_empty(self) -> bool {
        matches!((self.from, self.to), (Some(from), Some(to)) if from >= to)
    }
}

/// Counts of one value.
pub(crate) struct Found<'a> {
    /// Index of the requested span.
    pub(crate) span: usize,
    pub(crate) dimension: i16,
    pub(crate) value: &'a [u8],
    pub(crate) counts: &'a Counts,
}

#[derive(FromQueryResult)]
struct Row {
    /// Index of the span; -1 for a queue row.
    span: i64,
    /// The dimension, or the kind of the queue row.
    dimension: i64,
    /// The bucket, or the ID of the queue row.
    number: i64,
    data: Vec<u8>,
}

/// The most entries and deliveries from before an upgrade that a reader counts itself. If
/// there are more, they are left out until the worker has counted them; counting millions for
/// each request would take too long.
const MAX_UNCOUNTED: i64 = 50_000;

/// Passes all counts of the dimensions in the spans to `each`. A value can occur any number
/// of times. Queue and roll-ups are read in one statement, so that rows projected in between
/// are counted exactly once.
pub(crate) async fn add(
    db: &impl Reads,
    dimensions: &[i16],
    spans: &[Span],
    mut each: impl FnMut(Found<'_>),
) -> Result<(), StorageError> {
    let (sql, values) = statement(dimensions, spans);
    let rows: Vec<Row> = query::all(db, &sql, values).await?;
    let mut unpack = Unpack::new()?;
    let mut uncounted = Vec::new();
    for row in rows {
        let Ok(span) = usize::try_from(row.span) else {
            match i16::try_from(row.dimension) {
                Ok(STATS) => add_queued(&row, dimensions, spans, &mut each)?,
                Ok(kind) => uncounted.push((kind, first_and_last(&row.data, row.number)?)),
                Err(_) => return Err(corrupt_queue_row(row.number)),
            }
            continue;
        };
        let dimension = i16::try_from(row.dimension).unwrap_or(-1);
        let hours = spans.get(span).copied();
        unpack.list(&row.data, row.number, |list| {
            tocsin_core::stats::list::read(list, |value, counts| {
                if dimension != HOURLY || in_hours(value, hours) {
                    each(Found {
                        span,
                        dimension,
                        value,
                        counts,
                    });
                }
                Ok(())
            })
        })?;
    }
    // After an upgrade, until the worker has counted the existing rows.
    let row_counts = uncounted
        .iter()
        .map(|(_, (first, last))| (last - first).saturating_add(1));
    if row_counts.sum::<i64>() > MAX_UNCOUNTED {
        return Ok(());
    }
    for (kind, (first, last)) in uncounted {
        let scope = match kind {
            DELIVERIES => Scope::Deliveries(first, last),
            _ => Scope::Entries(first, last),
        };
        let counted = recount(db, &[scope], Selection::ALL).await?;
        let delta = counted.into_iter().next().unwrap_or_default();
        for hour in delta.hours() {
            for dimension in Dimension::ALL {
                for (value, counts) in delta.values(hour, dimension) {
                    place(
                        hour,
                        dimension,
                        value.as_bytes(),
                        counts,
                        dimensions,
                        spans,
                        &mut each,
                    );
                }
            }
        }
    }
    Ok(())
}

fn statement(dimensions: &[i16], spans: &[Span]) -> (String, Vec<Value>) {
    let mut sql = format!(
        "SELECT CAST(-1 AS BIGINT) AS span, CAST(kind AS BIGINT) AS dimension, id AS number, data \
         FROM backlog WHERE kind IN ({STATS}, {ENTRIES}, {DELIVERIES})"
    );
    let mut values = Vec::new();
    // Dimensions stored at the same levels are read together.
    let mut by_lowest: BTreeMap<i16, Vec<i16>> = BTreeMap::new();
    for dimension in dimensions {
        let lowest = *levels(*dimension).start();
        by_lowest.entry(lowest).or_default().push(*dimension);
    }
    for (place, span) in spans.iter().enumerate() {
        if span.is_empty() {
            continue;
        }
        for (lowest, dimensions) in &by_lowest {
            for piece in cover::cover(span.from, span.to, *lowest) {
                let places = vec!["?"; dimensions.len()].join(", ");
                sql.push_str(&format!(
                    " UNION ALL SELECT CAST(? AS BIGINT), CAST(dimension AS BIGINT), bucket, data \
                     FROM rollups WHERE dimension IN ({places}) AND level = ? \
                     AND bucket >= ? AND bucket < ?"
                ));
                values.push((place as i64).into());
                values.extend(dimensions.iter().map(|dimension| Value::from(*dimension)));
                values.extend([piece.level.into(), piece.first.into(), piece.end.into()]);
            }
        }
    }
    (sql, values)
}

/// Adds a queued statistics delta that is not projected yet.
fn add_queued(
    row: &Row,
    dimensions: &[i16],
    spans: &[Span],
    each: &mut impl FnMut(Found<'_>),
) -> Result<(), StorageError> {
    Delta::read(&row.data, |hour, dimension, value, counts| {
        place(hour, dimension, value, counts, dimensions, spans, each);
        Ok(())
    })
    .map_err(|_| corrupt_queue_row(row.number))
}

fn place(
    hour: i64,
    dimension: Dimension,
    value: &[u8],
    counts: &Counts,
    dimensions: &[i16],
    spans: &[Span],
    each: &mut impl FnMut(Found<'_>),
) {
    let code = super::code(dimension);
    let by_hour = dimension == Dimension::Severity && dimensions.contains(&HOURLY);
    if !by_hour && !dimensions.contains(&code) {
        return;
    }
    for (span, hours) in spans.iter().enumerate() {
        if !hours.contains(hour) {
            continue;
        }
        if dimensions.contains(&code) {
            each(Found {
                span,
                dimension: code,
                value,
                counts,
            });
        }
        if by_hour {
            let mut value_with_hour = Vec::with_capacity(value.len() + 4);
            super::hourly(hour, value, &mut value_with_hour);
            each(Found {
                span,
                dimension: HOURLY,
                value: &value_with_hour,
                counts,
            });
        }
    }
}

/// Whether a value of [`HOURLY`] is in the span; buckets are whole days, so values can be
/// outside of it.
fn in_hours(value: &[u8], span: Option<Span>) -> bool {
    match (super::from_hourly(value), span) {
        (Some((hour, _)), Some(span)) => span.contains(hour),
        _ => false,
    }
}
