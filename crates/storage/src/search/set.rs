//! The series that a filter is about.

use roaring::RoaringTreemap;

/// A set of series that holds at least every one that a filter is about, and
/// some more: whoever uses it tries each row
/// (`AlertCriteria::matches`).
#[derive(Clone, Debug, Default)]
pub struct AlertSet {
    /// None but these; all where there is no such list.
    pub(crate) only: Option<RoaringTreemap>,
    /// All but these. Never together with `only`.
    pub(crate) except: Option<RoaringTreemap>,
}

impl AlertSet {
    /// Whether it holds the series.
    pub fn contains(&self, series: i64) -> bool {
        let number = number(series);
        self.only.as_ref().is_none_or(|set| set.contains(number))
            && !self.except.as_ref().is_some_and(|set| set.contains(number))
    }

    /// The series in order, where they are at most `max`.
    pub fn few(&self, max: usize) -> Option<Vec<i64>> {
        let only = self.only.as_ref()?;
        if only.len() > max as u64 {
            return None;
        }
        Some(
            only.iter()
                .filter_map(|number| i64::try_from(number).ok())
                .collect(),
        )
    }

    /// How many series it holds, where it lists them.
    pub fn listed(&self) -> Option<u64> {
        self.only.as_ref().map(RoaringTreemap::len)
    }

    /// Whether it holds every series.
    pub fn is_all(&self) -> bool {
        self.only.is_none() && self.except.as_ref().is_none_or(RoaringTreemap::is_empty)
    }

    /// Keeps what `other` lists, too.
    pub(super) fn take(&mut self, other: RoaringTreemap) {
        match &mut self.only {
            Some(only) => *only &= other,
            None => self.only = Some(other),
        }
    }

    /// Leaves out what `other` lists.
    pub(super) fn leave_out(&mut self, other: RoaringTreemap) {
        match &mut self.except {
            Some(except) => *except |= other,
            None => self.except = Some(other),
        }
    }

    /// Holds these, whatever else was said of them, and is whole with that.
    pub(super) fn but_always(mut self, always: &RoaringTreemap) -> Self {
        if let Some(only) = &mut self.only {
            if let Some(except) = self.except.take() {
                *only -= except;
            }
            *only |= always;
        } else if let Some(except) = &mut self.except {
            *except -= always;
        }
        self
    }
}

/// A series' number as a document's. They count from 1.
pub(super) fn number(series: i64) -> u64 {
    u64::try_from(series).unwrap_or_default()
}
