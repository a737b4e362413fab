//! The set of alerts that a filter may match.

use roaring::RoaringTreemap;

/// A set of alerts that contains all that match a filter, and possibly more. The caller
/// checks each row with [`AlertCriteria::matches`](crate::AlertCriteria::matches).
#[derive(Clone, Debug, Default)]
pub struct AlertSet {
    /// Only these alerts; `None` for all.
    pub(crate) only: Option<RoaringTreemap>,
    /// All alerts except these. Never used together with `only`.
    pub(crate) except: Option<RoaringTreemap>,
}

impl AlertSet {
    /// Whether the set contains the alert.
    pub fn contains(&self, alert_id: i64) -> bool {
        let number = number(alert_id);
        self.only.as_ref().is_none_or(|set| set.contains(number))
            && !self.except.as_ref().is_some_and(|set| set.contains(number))
    }

    /// The alert IDs in ascending order, if there are at most `max`.
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

    /// The number of alerts, if the set lists them.
    pub fn listed(&self) -> Option<u64> {
        self.only.as_ref().map(RoaringTreemap::len)
    }

    /// Whether the set contains all alerts.
    pub fn is_all(&self) -> bool {
        self.only.is_none() && self.except.as_ref().is_none_or(RoaringTreemap::is_empty)
    }

    /// Intersects the set with `other`.
    pub(super) fn take(&mut self, other: RoaringTreemap) {
        match &mut self.only {
            Some(only) => *only &= other,
            None => self.only = Some(other),
        }
    }

    /// Removes `other` from the set.
    pub(super) fn leave_out(&mut self, other: RoaringTreemap) {
        match &mut self.except {
            Some(except) => *except |= other,
            None => self.except = Some(other),
        }
    }

    /// Adds `always`, which overrides any exclusion, and returns the final set.
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

/// The document number of an alert: its ID, which is at least 1.
pub(super) fn number(alert_id: i64) -> u64 {
    u64::try_from(alert_id).unwrap_or_default()
}
