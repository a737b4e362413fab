//! Validation of the section `retention`.

use std::time::Duration;

use tocsin_core::matcher::{self, InvalidMatcher};
use tocsin_pipeline::RetentionSettings;
use tocsin_storage::retention::{LogRule, LogRules};

use super::ConfigError;
use super::sections::{Retention, RetentionRule};
use super::units::RetentionPeriod;

/// Every entry is matched against all rules.
const MAX_RULES: usize = 100;

/// `window` is the deduplication window: the log entries and deliveries of that time are needed to
/// detect copies.
pub(super) fn retention_settings(
    section: Retention,
    window: Duration,
    session_idle: Duration,
) -> Result<RetentionSettings, ConfigError> {
    let Retention {
        log,
        raw_bodies,
        refused_bytes: _,
        deliveries,
        mails,
        audit,
        archive_dir,
        rules,
    } = section;
    if rules.len() > MAX_RULES {
        return Err(ConfigError::new(
            "retention.rules",
            format!("expected at most {MAX_RULES} rules, found {}", rules.len()),
        ));
    }
    let rules: Result<Vec<LogRule>, ConfigError> = rules
        .into_iter()
        .enumerate()
        .map(|(index, rule)| rule_of(&format!("retention.rules[{index}]"), rule, window))
        .collect();
    Ok(RetentionSettings {
        log: LogRules {
            rules: rules?,
            default: long_enough("retention.log", log, window)?,
        },
        raw_bodies: raw_bodies.0,
        deliveries: long_enough("retention.deliveries", deliveries, window)?,
        mails: mails.0,
        audit: audit.0,
        session_idle,
        archive_dir,
    })
}

fn rule_of(key: &str, rule: RetentionRule, window: Duration) -> Result<LogRule, ConfigError> {
    let RetentionRule { matchers, keep } = rule;
    if matchers.is_empty() {
        return Err(ConfigError::new(
            format!("{key}.matchers"),
            "expected at least one matcher such as 'severity=\"info\"'; retention.log applies to all entries",
        ));
    }
    let read = matcher::parse_all(&matchers).map_err(|invalid| {
        let InvalidMatcher { index, error } = &invalid[0];
        let text = &matchers[*index];
        ConfigError::new(
            format!("{key}.matchers[{index}]"),
            format!("expected a matcher such as 'severity=\"info\"', found {text:?}: {error}"),
        )
    })?;
    Ok(LogRule {
        matchers: read,
        keep: long_enough(&format!("{key}.keep"), keep, window)?,
    })
}

fn long_enough(
    key: &str,
    keep: RetentionPeriod,
    window: Duration,
) -> Result<Option<Duration>, ConfigError> {
    match keep.0 {
        Some(span) if span <= window => Err(ConfigError::new(
            key,
            "expected more than incidents.window, because deduplication needs the data of that time",
        )),
        keep => Ok(keep),
    }
}
