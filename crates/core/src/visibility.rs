//! Which alerts a user or token may see.

use std::sync::Arc;

use crate::alert::Labels;
use crate::matcher::Matcher;

/// The alerts that a user or token may see: those whose labels match all matchers. Without
/// matchers: all alerts.
///
/// Lists add [`matchers`](Self::matchers) to their filter. Single objects check
/// [`shows`](Self::shows) and are "not found" otherwise, so that guessing reveals nothing.
#[derive(Clone, Debug, Default)]
pub struct Visibility(Arc<[Matcher]>);

impl Visibility {
    /// Visibility of all alerts.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Visibility of the alerts that match all of `matchers`.
    #[must_use]
    pub fn of(matchers: Vec<Matcher>) -> Self {
        Self(matchers.into())
    }

    /// Whether all alerts are visible.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an alert with these labels is visible.
    #[must_use]
    pub fn shows(&self, labels: &Labels) -> bool {
        self.0.iter().all(|matcher| matcher.matches(labels))
    }

    /// The matchers that every visible alert satisfies.
    #[must_use]
    pub fn matchers(&self) -> &[Matcher] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn all_matchers_must_hold() {
        let matchers = ["team=~\"infra|db\"", "env!=\"dev\""];
        let parsed = matchers.iter().map(|text| matcher::parse(text).unwrap());
        let some = Visibility::of(parsed.collect());
        assert!(!some.is_everything());
        assert!(some.shows(&labels(&[("team", "db"), ("env", "prod")])));
        assert!(some.shows(&labels(&[("team", "infra")])));
        assert!(!some.shows(&labels(&[("team", "db"), ("env", "dev")])));
        assert!(!some.shows(&labels(&[])));
        assert!(Visibility::everything().shows(&labels(&[])));
    }
}
