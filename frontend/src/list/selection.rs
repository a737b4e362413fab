use std::collections::BTreeSet;

use tocsin_api_types::RowCount;

/// Selected rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Selection {
    #[default]
    None,
    /// Rows of this page.
    Rows(BTreeSet<i64>),
    /// All matching incidents: their IDs, if there are few enough to undo, and their
    /// count.
    Matching(Option<Vec<i64>>, RowCount),
}

impl Selection {
    /// Toggles a row. From [`Self::Matching`], starts a new selection with that row.
    pub fn toggled(&self, id: i64) -> Self {
        let mut rows = match self {
            Self::Rows(rows) => rows.clone(),
            Self::None | Self::Matching(..) => BTreeSet::new(),
        };
        if !rows.remove(&id) {
            rows.insert(id);
        }
        Self::of(rows)
    }

    pub fn of(rows: BTreeSet<i64>) -> Self {
        if rows.is_empty() {
            Self::None
        } else {
            Self::Rows(rows)
        }
    }

    /// Whether a row of this page is selected.
    pub fn has(&self, id: i64) -> bool {
        match self {
            Self::None => false,
            Self::Rows(rows) => rows.contains(&id),
            Self::Matching(..) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_toggle() {
        let one = Selection::default().toggled(7);
        assert!(one.has(7) && !one.has(8));
        assert_eq!(one.toggled(7), Selection::None);
        let many = RowCount {
            value: 10_000,
            exact: false,
        };
        let all = Selection::Matching(None, many);
        assert!(all.has(1));
        assert_eq!(all.toggled(1), one.toggled(7).toggled(1));
    }
}
