//! Roll-ups: counts by hour and by wider buckets, so that statistics of a year are a few
//! dozen rows.
//!
//! The transaction that projects the queue updates the buckets of all widths, so late data
//! (a restored backup, an upgrade) needs no special case. A row is one *part* of a bucket:
//! projection only adds parts, and merging combines several into one. Readers add up all
//! parts, together with the queue in one statement, so that nothing is counted twice.

mod cover;
mod merge;
mod project;
mod read;
mod recount;

use tocsin_core::stats::{CorruptDelta, Dimension};

pub use merge::{compact, merge};
pub use project::{Prepared, Projected, prepare, project, put};
pub(crate) use read::{Span, add};
pub(crate) use recount::{Scope, Selection, recount};
pub use recount::{from_log, note_pruned, pruned_before};

use crate::StorageError;

/// Bucket width of each level, in hours. Each is a multiple of the one before, and all
/// buckets are aligned to the epoch.
const WIDTHS: [i64; 4] = [1, 24, 24 * 8, 24 * 64];

/// An additional dimension, for the timeline: severities by hour. The value is the hour
/// since the epoch (four bytes, big-endian) followed by the severity, so that a day is one
/// row instead of 24.
pub(crate) const HOURLY: i16 = 5;

/// The stored code of a dimension.
pub(crate) fn code(dimension: Dimension) -> i16 {
    i16::from(dimension.code())
}

/// A bucket of one dimension; its parts are the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    dimension: i16,
    level: i16,
    /// Hours since the epoch divided by the width of the level.
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

    /// The first hour after the bucket.
    fn end(self) -> i64 {
        (self.number + 1).saturating_mul(width(self.level))
    }
}

/// Width of a bucket in hours; 1 for an unknown level.
fn width(level: i16) -> i64 {
    usize::try_from(level)
        .ok()
        .and_then(|level| WIDTHS.get(level))
        .copied()
        .unwrap_or(1)
}

/// The levels at which a dimension is stored.
fn levels(dimension: i16) -> std::ops::RangeInclusive<i16> {
    let lowest = i16::from(dimension == HOURLY);
    lowest..=WIDTHS.len() as i16 - 1
}

/// Encodes a value of [`HOURLY`].
fn hourly(hour: i64, severity: &[u8], value: &mut Vec<u8>) {
    value.clear();
    value.extend_from_slice(&u32::try_from(hour).unwrap_or_default().to_be_bytes());
    value.extend_from_slice(severity);
}

/// Decodes hour and severity from a value of [`HOURLY`].
pub(crate) fn from_hourly(value: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, severity) = value.split_first_chunk::<4>()?;
    Some((i64::from(u32::from_be_bytes(*hour)), severity))
}

/// The first byte of compressed data. Uncompressed data starts with the version of the list
/// encoding.
const COMPRESSED: u8 = 0xf0;

/// Minimum size to compress; smaller lists do not shrink.
const WORTH_COMPRESSING: usize = 256;

/// Encodes a list for storage, compressed if that is smaller.
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

/// Decodes stored lists, one after the other.
struct Unpack(zstd::bulk::Decompressor<'static>);

impl Unpack {
    fn new() -> Result<Self, StorageError> {
        zstd::bulk::Decompressor::new()
            .map(Self)
            .map_err(|_| corrupt(0))
    }

    /// Passes the uncompressed list to `with`.
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

/// The error for a malformed roll-up row.
fn corrupt(bucket: i64) -> StorageError {
    StorageError::Corrupt {
        table: "rollups",
        column: "data",
        id: bucket,
    }
}

/// The error for a malformed queue row.
fn corrupt_queue_row(id: i64) -> StorageError {
    StorageError::Corrupt {
        table: "backlog",
        column: "data",
        id,
    }
}

/// The JSON list [first, last] of a queue row.
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
    fn hourly_value_round_trips() {
        let mut value = Vec::new();
        hourly(489_000, b"critical", &mut value);
        assert_eq!(from_hourly(&value), Some((489_000, &b"critical"[..])));
        assert_eq!(from_hourly(&value[..3]), None);
    }
}
