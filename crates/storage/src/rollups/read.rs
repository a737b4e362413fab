//! Adding up a span of hours: its roll-ups and what of the backlog is in it.

use std::collections::BTreeMap;

use sea_orm::{FromQueryResult, Value};
use tocsin_core::stats::{Counts, Delta, Dimension};

use super::{
    HOURLY, Unpack, Want, Which, corrupt_queue_row, cover, first_and_last, levels, recount,
};
use crate::projection_queue::{DELIVERIES, ENTRIES, TALLIES};
use crate::{Reads, StorageError, query};

/// Hours since the epoch, from the first (included) to the second (excluded);
/// open where `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Option<i64>,
    pub(crate) to: Option<i64>,
}

impl Span {
    fn holds(self, hour: i64) -> bool {
        self.from.is_none_or(|from| from <= hour) && self.to.is_none_or(|to| hour < to)
    }

    fn is_empty(self) -> bool {
        matches!((self.from, self.to), (Some(from), Some(to)) if from >= to)
    }
}

/// One value's counts.
pub(crate) struct Found<'a> {
    /// The place of its span among those asked for.
    pub(crate) span: usize,
    pub(crate) dimension: i16,
    pub(crate) value: &'a [u8],
    pub(crate) counts: &'a Counts,
}

#[derive(FromQueryResult)]
struct Row {
    /// The span's place; -1 for a row of the backlog.
    span: i64,
    /// The dimension, or the backlog's kind.
    dimension: i64,
    /// The bucket, or the number of the backlog's row.
    number: i64,
    data: Vec<u8>,
}

/// Entries and deliveries from before an upgrade that a reader counts itself.
/// Where there are more, they are left out until the worker has counted them:
/// to count millions for every question would leave no time for anything else.
const MOST_UNCOUNTED: i64 = 50_000;

/// Hands all counts of the dimensions in the spans to `each`; a value comes
/// any number of times. In one statement, so that what is being folded
/// meanwhile is seen on one side or the other, and never on both.
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
                Ok(TALLIES) => waiting(&row, dimensions, spans, &mut each)?,
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
    // After an upgrade, until the worker has counted what was there before.
    let numbers = uncounted
        .iter()
        .map(|(_, (first, last))| (last - first).saturating_add(1));
    if numbers.sum::<i64>() > MOST_UNCOUNTED {
        return Ok(());
    }
    for (kind, (first, last)) in uncounted {
        let which = match kind {
            DELIVERIES => Which::Deliveries(first, last),
            _ => Which::Entries(first, last),
        };
        let counted = recount(db, &[which], Want::ALL).await?;
        let tallies = counted.into_iter().next().unwrap_or_default();
        for hour in tallies.hours() {
            for dimension in Dimension::ALL {
                for (value, counts) in tallies.values(hour, dimension) {
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
         FROM backlog WHERE kind IN ({TALLIES}, {ENTRIES}, {DELIVERIES})"
    );
    let mut values = Vec::new();
    // Dimensions that are kept at the same levels are asked for together.
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

/// A row of tallies that is not folded yet.
fn waiting(
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
        if !hours.holds(hour) {
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
            let mut both = Vec::with_capacity(value.len() + 4);
            super::hourly(hour, value, &mut both);
            each(Found {
                span,
                dimension: HOURLY,
                value: &both,
                counts,
            });
        }
    }
}

/// Whether a value of [`HOURLY`] is in the span: its buckets are whole days.
fn in_hours(value: &[u8], span: Option<Span>) -> bool {
    match (super::from_hourly(value), span) {
        (Some((hour, _)), Some(span)) => span.holds(hour),
        _ => false,
    }
}
