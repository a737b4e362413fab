//! Splits a time range into whole hours and the parts of hours at its ends.

use tocsin_core::stats::{HOUR, hour_of};
use tocsin_core::time::Timestamp;

use crate::TimeRange;
use crate::rollups::Span;

/// A time range in microseconds, from the first (included) to the second (excluded).
pub(crate) type Part = (i64, i64);

/// A time range, split for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SplitRange {
    from: Option<i64>,
    to: Option<i64>,
}

impl SplitRange {
    /// Splits a range. Before `pruned` the log may be incomplete, so an end before that time
    /// is widened to the whole hour.
    pub(crate) fn of(range: TimeRange, pruned: Option<Timestamp>) -> Self {
        let widen = |at: Timestamp, by: i64| {
            let hour = hour_of(at).saturating_mul(HOUR);
            let whole = hour == at.as_micros();
            match pruned {
                Some(pruned) if !whole && hour < pruned.as_micros() => hour.saturating_add(by),
                _ => at.as_micros(),
            }
        };
        Self {
            from: range.from.map(|from| widen(from, 0)),
            to: range.to.map(|to| widen(to, HOUR)),
        }
    }

    /// Whether the range is empty.
    pub(crate) fn is_empty(self) -> bool {
        matches!((self.from, self.to), (Some(from), Some(to)) if from >= to)
    }

    /// The whole hours in the range.
    pub(crate) fn whole(self) -> Span {
        if self.is_empty() {
            return NOTHING;
        }
        Span {
            from: self.from.map(|from| hour(from.saturating_add(HOUR - 1))),
            to: self.to.map(hour),
        }
    }

    /// The parts of hours in the range, at most two.
    pub(crate) fn parts(self) -> Vec<Part> {
        let mut parts = Vec::new();
        if self.is_empty() {
            return parts;
        }
        let next = |at: i64| hour(at.saturating_add(HOUR - 1)).saturating_mul(HOUR);
        let this = |at: i64| hour(at).saturating_mul(HOUR);
        if let Some(from) = self.from {
            let end = self.to.map_or(next(from), |to| to.min(next(from)));
            parts.push((from, end));
        }
        if let Some(to) = self.to
            // If both ends are in the same hour, there is only one part.
            && self.from.is_none_or(|from| next(from) <= this(to))
        {
            parts.push((this(to), to));
        }
        parts.retain(|(from, to)| from < to);
        parts
    }

    /// The whole hours before the range.
    pub(crate) fn before(self) -> Span {
        match self.from {
            Some(from) if !self.is_empty() => Span {
                from: None,
                to: Some(hour(from)),
            },
            _ => NOTHING,
        }
    }

    /// The part of its first hour before the range, if any.
    pub(crate) fn part_before(self) -> Vec<Part> {
        self.from
            .filter(|_| !self.is_empty())
            .map(|from| (hour(from).saturating_mul(HOUR), from))
            .into_iter()
            .filter(|(begin, from)| begin < from)
            .collect()
    }
}

const NOTHING: Span = Span {
    from: Some(0),
    to: Some(0),
};

fn hour(micros: i64) -> i64 {
    hour_of(Timestamp::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(from: i64, to: i64, pruned: Option<i64>) -> SplitRange {
        let at = Timestamp::from_micros;
        let range = TimeRange {
            from: Some(at(from)),
            to: Some(at(to)),
        };
        SplitRange::of(range, pruned.map(at))
    }

    /// The whole hours and the parts, sorted and joined.
    fn joined(split: SplitRange) -> Vec<Part> {
        let mut all = split.parts();
        if let Span {
            from: Some(from),
            to: Some(to),
        } = split.whole()
            && from < to
        {
            all.push((from * HOUR, to * HOUR));
        }
        all.sort_unstable();
        let mut joined: Vec<Part> = Vec::new();
        for (from, to) in all {
            match joined.last_mut() {
                Some(last) if last.1 == from => last.1 = to,
                _ => joined.push((from, to)),
            }
        }
        joined
    }

    #[test]
    fn split_covers_every_time_once() {
        let times = [
            0,
            1,
            HOUR - 1,
            HOUR,
            HOUR + 7,
            2 * HOUR,
            3 * HOUR - 1,
            5 * HOUR + 1,
        ];
        for from in times {
            for to in times {
                let expected = if from < to { vec![(from, to)] } else { vec![] };
                assert_eq!(joined(of(from, to, None)), expected, "{from} {to}");
            }
        }
    }

    #[test]
    fn part_before_ends_at_the_start_of_the_range() {
        let split = of(2 * HOUR + 5, 9 * HOUR, None);
        assert_eq!(
            split.before(),
            Span {
                from: None,
                to: Some(2)
            }
        );
        assert_eq!(split.part_before(), [(2 * HOUR, 2 * HOUR + 5)]);
        assert_eq!(of(2 * HOUR, 9 * HOUR, None).part_before(), []);
        let open = SplitRange {
            from: None,
            to: Some(5),
        };
        assert_eq!((open.before(), open.part_before()), (NOTHING, vec![]));
    }

    #[test]
    fn hours_with_a_pruned_log_are_whole() {
        let split = of(HOUR + 5, 4 * HOUR + 5, Some(2 * HOUR));
        assert_eq!(joined(split), [(HOUR, 4 * HOUR + 5)]);
        let split = of(HOUR + 5, 4 * HOUR + 5, Some(4 * HOUR + 1));
        assert_eq!(joined(split), [(HOUR, 5 * HOUR)]);
    }
}
