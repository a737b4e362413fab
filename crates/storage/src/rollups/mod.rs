//! Roll-ups: what happened, added up by hour and by wider spans, so that a year
//! is a few dozen rows.
//!
//! Every width is kept up with by the same transaction that folds the backlog
//! in, so a late hour (a restored backup, an upgrade) is no special case. A
//! row is a *part* of what is known of a span: folding only ever adds parts,
//! and merging makes one of several. Whoever reads adds all parts up, in one
//! statement with the backlog, and so sees each thing once.

mod cover;
mod merge;
mod project;
mod read;
mod recount;

use tocsin_core::stats::{CorruptDelta, Dimension};

pub use merge::{compact, merge};
pub use project::{Prepared, Projected, prepare, project, put};
pub(crate) use read::{Span, add};
pub(crate) use recount::{Want, Which, recount};
pub use recount::{from_log, note_pruned, pruned_before};

use crate::StorageError;

/// Hours of one bucket at each level. Each is a multiple of the one below, and
/// all begin at the epoch.
const WIDTHS: [i64; 4] = [1, 24, 24 * 8, 24 * 64];

/// What is stored beside core's dimensions: severities by the hour, for the
/// timeline. The value is the hour since the epoch in four bytes, the highest
/// first, and then the severity; so that a day is one row, not 24.
pub(crate) const HOURLY: i16 = 5;

/// The stored number of a dimension.
pub(crate) fn code(dimension: Dimension) -> i16 {
    i16::from(dimension.code())
}

/// A bucket: all parts of it are one row of a statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    dimension: i16,
    level: i16,
    /// Its number: hours since the epoch by the level's width.
    number: i64,
}

impl Bucket {
    fn holding(dimension: i16, level: i16, hour: i64) -> Self {
        Self {
            dimension,
            level,
            number: hour.div_euclid(width(level)),
        }
    }

    /// The values of `dimension = ? AND level = ? AND bucket = ?`.
    fn key(self) -> Vec<sea_orm::Value> {
        vec![self.dimension.into(), self.level.into(), self.number.into()]
    }

    /// The first hour after it.
    fn end(self) -> i64 {
        (self.number + 1).saturating_mul(width(self.level))
    }
}

/// Hours of a bucket; an unknown level has none of ours.
fn width(level: i16) -> i64 {
    usize::try_from(level)
        .ok()
        .and_then(|level| WIDTHS.get(level))
        .copied()
        .unwrap_or(1)
}

/// The levels at which a dimension is kept.
fn levels(dimension: i16) -> std::ops::RangeInclusive<i16> {
    let lowest = i16::from(dimension == HOURLY);
    lowest..=WIDTHS.len() as i16 - 1
}

/// The value of [`HOURLY`].
fn hourly(hour: i64, severity: &[u8], value: &mut Vec<u8>) {
    value.clear();
    value.extend_from_slice(&u32::try_from(hour).unwrap_or_default().to_be_bytes());
    value.extend_from_slice(severity);
}

/// The hour and the severity of a value of [`HOURLY`].
pub(crate) fn from_hourly(value: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, severity) = value.split_first_chunk::<4>()?;
    Some((i64::from(u32::from_be_bytes(*hour)), severity))
}

/// The first byte of compressed data; what is not compressed begins with the
/// list's own version.
const COMPRESSED: u8 = 0xf0;

/// Smaller lists gain nothing.
const WORTH_COMPRESSING: usize = 256;

/// A list as it is stored.
fn pack(list: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(list.len()).unwrap_or(u32::MAX);
    if list.len() < WORTH_COMPRESSING || length == u32::MAX {
        return list;
    }
    match zstd::bulk::compress(&list, 1) {
        Ok(small) if small.len() + 5 < list.len() => {
            let mut data = Vec::with_capacity(small.len() + 5);
            data.push(COMPRESSED);
            data.extend_from_slice(&length.to_le_bytes());
            data.extend_from_slice(&small);
            data
        }
        _ => list,
    }
}

/// Takes stored lists apart, one after the other.
struct Unpack(zstd::bulk::Decompressor<'static>);

impl Unpack {
    fn new() -> Result<Self, StorageError> {
        zstd::bulk::Decompressor::new()
            .map(Self)
            .map_err(|_| corrupt(0))
    }

    /// Hands the plain list to `with`.
    fn list<T>(
        &mut self,
        data: &[u8],
        bucket: i64,
        with: impl FnOnce(&[u8]) -> Result<T, CorruptDelta>,
    ) -> Result<T, StorageError> {
        let done = match data.split_first() {
            Some((&COMPRESSED, rest)) => {
                let (length, small) = rest.split_first_chunk::<4>().ok_or(corrupt(bucket))?;
                let length = u32::from_le_bytes(*length) as usize;
                let plain = self
                    .0
                    .decompress(small, length)
                    .map_err(|_| corrupt(bucket))?;
                with(&plain)
            }
            _ => with(data),
        };
        done.map_err(|_| corrupt(bucket))
    }
}

/// A row that this program did not write so.
fn corrupt(bucket: i64) -> StorageError {
    StorageError::Corrupt {
        table: "rollups",
        column: "data",
        id: bucket,
    }
}

/// A row of the backlog that this program did not write so.
fn corrupt_queue_row(id: i64) -> StorageError {
    StorageError::Corrupt {
        table: "backlog",
        column: "data",
        id,
    }
}

/// The JSON list [first, last] of a row of the backlog.
fn first_and_last(data: &[u8], id: i64) -> Result<(i64, i64), StorageError> {
    serde_json::from_slice(data).map_err(|_| corrupt_queue_row(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_stored_compressed() {
        for length in [10, WORTH_COMPRESSING * 8] {
            let list = vec![7; length];
            let data = pack(list.clone());
            assert_eq!(data.len() < length, length > 10);
            let back =
                Unpack::new().map(|mut unpack| unpack.list(&data, 0, |plain| Ok(plain.to_vec())));
            assert_eq!(back.ok().and_then(Result::ok), Some(list));
        }
    }

    #[test]
    fn an_hour_and_its_severity_are_one_value() {
        let mut value = Vec::new();
        hourly(489_000, b"critical", &mut value);
        assert_eq!(from_hourly(&value), Some((489_000, &b"critical"[..])));
        assert_eq!(from_hourly(&value[..3]), None);
    }
}
