//! For how long log entries are kept: the first rule whose matchers all hold
//! decides, else the default.

use std::time::Duration;

use tocsin_core::alert::Labels;
use tocsin_core::matcher::{self, Matcher};

/// One rule: for entries whose labels satisfy all matchers.
#[derive(Clone, Debug)]
pub struct LogRule {
    /// What the entry's labels must satisfy, all of them.
    pub matchers: Vec<Matcher>,
    /// How long such entries are kept; `None`: for ever.
    pub keep: Option<Duration>,
}

/// For how long log entries are kept.
#[derive(Clone, Debug, Default)]
pub struct LogRules {
    /// The first that matches decides.
    pub rules: Vec<LogRule>,
    /// How long the others are kept; `None`: for ever.
    pub default: Option<Duration>,
}

impl LogRules {
    /// How long an entry with these labels is kept; `None`: for ever.
    pub fn keep(&self, labels: &Labels) -> Option<Duration> {
        self.rules
            .iter()
            .find(|rule| rule.matchers.iter().all(|matcher| matcher.matches(labels)))
            .map_or(self.default, |rule| rule.keep)
    }

    /// The spans that occur, the shortest first.
    pub fn spans(&self) -> Vec<Duration> {
        let rules = self.rules.iter().map(|rule| rule.keep);
        let mut spans: Vec<Duration> = rules.chain([self.default]).flatten().collect();
        spans.sort_unstable();
        spans.dedup();
        spans
    }

    /// What all entries are kept for, where no rule looks at their labels.
    pub fn of_all(&self) -> Option<Option<Duration>> {
        self.rules.is_empty().then_some(self.default)
    }

    /// The rules in words, by which a changed rule is noticed.
    pub fn words(&self) -> String {
        let keep = |keep: Option<Duration>| {
            keep.map_or_else(
                || "forever".to_owned(),
                |span| format!("{}ms", span.as_millis()),
            )
        };
        let mut words = String::new();
        for rule in &self.rules {
            words.push_str(&matcher::display_list(&rule.matchers));
            words.push_str(&keep(rule.keep));
            words.push(';');
        }
        words + &keep(self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> LogRules {
        let rule = |text: &str, days: Option<u64>| LogRule {
            matchers: matcher::parse_list(text).unwrap(),
            keep: days.map(|days| Duration::from_secs(days * 86_400)),
        };
        LogRules {
            rules: vec![
                rule("severity=\"info\",team=\"web\"", Some(7)),
                rule("severity=\"info\"", Some(30)),
                rule("severity=\"critical\"", None),
            ],
            default: Some(Duration::from_secs(400 * 86_400)),
        }
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let owned = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        owned.collect()
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let days = |pairs: &[(&str, &str)]| {
            rules()
                .keep(&labels(pairs))
                .map(|span| span.as_secs() / 86_400)
        };
        assert_eq!(days(&[("severity", "info"), ("team", "web")]), Some(7));
        assert_eq!(days(&[("severity", "info")]), Some(30));
        assert_eq!(days(&[("severity", "critical")]), None);
        assert_eq!(days(&[("severity", "warning")]), Some(400));
        assert_eq!(days(&[]), Some(400));
    }

    #[test]
    fn spans_are_each_there_once() {
        let days: Vec<_> = rules()
            .spans()
            .iter()
            .map(|s| s.as_secs() / 86_400)
            .collect();
        assert_eq!(days, [7, 30, 400]);
        assert!(LogRules::default().spans().is_empty());
    }

    #[test]
    fn another_rule_has_other_words() {
        let mut other = rules();
        assert_eq!(other.words(), rules().words());
        other.rules.swap(0, 1);
        assert_ne!(other.words(), rules().words());
    }
}
