//! Covers a span of hours with buckets.

use super::{WIDTHS, width};

/// Consecutive buckets of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) level: i16,
    /// The number of the first one.
    pub(super) first: i64,
    /// The number after the last one.
    pub(super) end: i64,
}

/// Returns the fewest buckets of level `lowest` or above that cover exactly the hours from
/// `from` (included) to `to` (excluded); `None` is open. Both ends are rounded outwards to
/// the bucket width of the lowest level.
pub(super) fn cover(from: Option<i64>, to: Option<i64>, lowest: i16) -> Vec<Piece> {
    let step = width(lowest);
    let mut from = from.map(|hour| down(hour, step));
    let mut to = to.map(|hour| up(hour, step));
    let mut pieces = Vec::new();
    let mut add = |level, first: Option<i64>, end: Option<i64>| {
        let number = |hour: i64| hour.div_euclid(width(level));
        let first = first.map_or(i64::MIN, number);
        let end = end.map_or(i64::MAX, number);
        if first < end {
            pieces.push(Piece { level, first, end });
        }
    };
    let highest = WIDTHS.len() as i16 - 1;
    for level in lowest..highest {
        let next = width(level + 1);
        let inner_from = from.map(|hour| up(hour, next));
        let inner_to = to.map(|hour| down(hour, next));
        if let (Some(a), Some(b)) = (inner_from, inner_to)
            && a >= b
        {
            add(level, from, to);
            return pieces;
        }
        if inner_from.is_some() {
            add(level, from, inner_from);
        }
        if inner_to.is_some() {
            add(level, inner_to, to);
        }
        (from, to) = (inner_from, inner_to);
    }
    add(highest, from, to);
    pieces
}

fn down(hour: i64, step: i64) -> i64 {
    hour.div_euclid(step) * step
}

fn up(hour: i64, step: i64) -> i64 {
    down(hour + step - 1, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hours of the pieces; no side may be open.
    fn hours(pieces: &[Piece]) -> Vec<i64> {
        let mut hours: Vec<i64> = pieces
            .iter()
            .flat_map(|piece| {
                let width = width(piece.level);
                piece.first * width..piece.end * width
            })
            .collect();
        hours.sort_unstable();
        hours
    }

    #[test]
    fn every_hour_is_covered_once() {
        for from in (0..1_600).step_by(37) {
            for length in [0, 1, 5, 23, 24, 25, 100, 191, 192, 1_000, 1_536, 4_000] {
                let pieces = cover(Some(from), Some(from + length), 0);
                assert_eq!(hours(&pieces), (from..from + length).collect::<Vec<_>>());
                assert!(pieces.len() <= 7, "{pieces:?}");
            }
        }
    }

    #[test]
    fn year_needs_few_buckets() {
        let pieces = cover(Some(489_001), Some(489_001 + 8_760), 0);
        let buckets: i64 = pieces.iter().map(|piece| piece.end - piece.first).sum();
        assert!(buckets <= 5 + 2 * (23 + 7 + 7), "{buckets}");
    }

    #[test]
    fn open_side_uses_the_widest_buckets() {
        let all = Piece {
            level: 3,
            first: i64::MIN,
            end: i64::MAX,
        };
        assert_eq!(cover(None, None, 0), [all]);
        let pieces = cover(None, Some(1_536 + 25), 0);
        assert_eq!(
            pieces,
            [
                Piece {
                    level: 0,
                    first: 1_560,
                    end: 1_561
                },
                Piece {
                    level: 1,
                    first: 64,
                    end: 65
                },
                Piece {
                    level: 3,
                    first: i64::MIN,
                    end: 1
                },
            ]
        );
    }

    #[test]
    fn ends_are_rounded_outwards_to_the_lowest_level() {
        let pieces = cover(Some(30), Some(50), 1);
        assert_eq!(
            pieces,
            [Piece {
                level: 1,
                first: 1,
                end: 3
            }]
        );
    }
}
