//! Retention periods of log entries: the first rule whose matchers all match decides,
//! otherwise the default.

use std::time::Duration;

use tocsin_core::alert::Labels;
use tocsin_core::matcher::{self, Matcher};

/// A rule for entries whose labels satisfy all matchers.
#[derive(Clone, Debug)]
pub struct LogRule {
    /// Matchers that must all match.
    pub matchers: Vec<Matcher>,
    /// Retention period; `None`: forever.
    pub keep: Option<Duration>,
}

/// Retention periods of log entries.
#[derive(Clone, Debug, Default)]
pub struct LogRules {
    /// Rules in order; the first match decides.
    pub rules: Vec<LogRule>,
    /// Retention period without a matching rule; `None`: forever.
    pub default: Option<Duration>,
}

impl LogRules {
    /// Retention period of an entry with these labels; `None`: forever.
    pub fn keep(&self, labels: &Labels) -> Option<Duration> {
        self.rules
            .iter()
            .find(|rule| rule.matchers.iter().all(|matcher| matcher.matches(labels)))
            .map_or(self.default, |rule| rule.keep)
    }

    /// The distinct finite periods, shortest first.
    pub fn spans(&self) -> Vec<Duration> {
        let rules = self.rules.iter().map(|rule| rule.keep);
        let mut spans: Vec<Duration> = rules.chain([self.default]).flatten().collect();
        spans.sort_unstable();
        spans.dedup();
        spans
    }

    /// The common period of all entries if there are no rules.
    pub fn of_all(&self) -> Option<Option<Duration>> {
        self.rules.is_empty().then_some(self.default)
    }

    /// Text form of the rules, for detecting a change.
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
    fn first_matching_rule_decides() {
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
    fn spans_are_distinct() {
        let days: Vec<_> = rules()
            .spans()
            .iter()
            .map(|s| s.as_secs() / 86_400)
            .collect();
        assert_eq!(days, [7, 30, 400]);
        assert!(LogRules::default().spans().is_empty());
    }

    #[test]
    fn changed_rules_have_a_different_text_form() {
        let mut other = rules();
        assert_eq!(other.words(), rules().words());
        other.rules.swap(0, 1);
        assert_ne!(other.words(), rules().words());
    }
}
