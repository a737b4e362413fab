//! The tolerant path, for bodies that are not exactly as Alertmanager writes them.
//!
//! It splits the JSON one level at a time and keeps each value as its source until its type
//! matters. Nothing here recurses, so nesting costs no stack.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::alertmanager::MAX_ALERTS;
use super::error::{ParseError, excerpt};
use super::json::{self, Kind, kind};
use super::wire::{Object, WireAlert, WireBody};
use crate::alert::Labels;

/// Result for one entry of `alerts`: the parsed alert, or the reason why it is rejected.
pub(super) type Entry<'a> = Result<WireAlert<'a>, String>;

/// Parses a body after [`super::sanitize`].
pub(super) fn body(text: &str) -> Result<(WireBody<'_>, Vec<Entry<'_>>), ParseError> {
    // Checks for valid JSON before the type, so that a truncated array is reported as truncated.
    let raw: &RawValue =
        serde_json::from_str(text).map_err(|error| ParseError::not_json(&error, text))?;
    match kind(raw) {
        Kind::Object => {}
        Kind::Array => return Err(ParseError::BareArray),
        other => {
            return Err(ParseError::NotAnObject {
                found: other.name(),
            });
        }
    }
    let mut wire = WireBody::default();
    let mut alerts = None;
    let mut legacy = false;
    json::each_field(raw, |name, value| match &*name {
        "receiver" => wire.receiver = word(value),
        "status" => wire.status = word(value),
        "state" => wire.state = word(value),
        "alerts" => alerts = Some(value),
        "groupLabels" => wire.group_labels = map(value, as_json).ok(),
        "externalURL" => wire.external_url = word(value),
        "version" => wire.version = word(value),
        "groupKey" => wire.group_key = word(value),
        "truncatedAlerts" => wire.truncated_alerts = count(value),
        "evalMatches" => legacy = true,
        _ => {}
    });
    let entries = match alerts.map(|raw| (kind(raw), raw)) {
        Some((Kind::Array, raw)) => json::elements(raw, MAX_ALERTS)
            .ok_or(ParseError::TooManyAlerts { limit: MAX_ALERTS })?,
        Some((Kind::Null, _)) => Vec::new(),
        Some((other, _)) => {
            return Err(ParseError::AlertsNotAnArray {
                found: other.name(),
            });
        }
        None if legacy => return Err(ParseError::LegacyGrafana),
        None => return Err(ParseError::NoAlerts),
    };
    Ok((wire, entries.into_iter().map(alert).collect()))
}

fn alert(raw: &RawValue) -> Entry<'_> {
    if let Ok(Object(alert)) = serde_json::from_str(raw.get()) {
        return Ok(alert);
    }
    if kind(raw) != Kind::Object {
        return Err(format!("is {}, not an object", kind(raw).name()));
    }
    let mut alert = WireAlert::default();
    let (mut labels, mut annotations) = (Ok(Labels::new()), Ok(Labels::new()));
    json::each_field(raw, |name, value| match &*name {
        "status" => alert.status = word(value),
        "labels" => labels = map(value, no_json),
        "annotations" => annotations = map(value, as_json),
        "startsAt" => alert.starts_at = word(value),
        "endsAt" => alert.ends_at = word(value),
        "generatorURL" => alert.generator_url = word(value),
        "fingerprint" => alert.fingerprint = word(value),
        _ => {}
    });
    alert.labels = Some(labels.map_err(|bad| bad.of("label"))?);
    alert.annotations = Some(annotations.map_err(|bad| bad.of("annotation"))?);
    Ok(alert)
}

/// Why a map could not be parsed.
enum BadMap {
    /// Not an object.
    NotAMap(Kind),
    /// The value of that name is not a string, number or boolean.
    Value(String, Kind),
}

impl BadMap {
    fn of(self, what: &str) -> String {
        match self {
            Self::NotAMap(found) => format!("`{what}s` is {}, not an object", found.name()),
            Self::Value(name, found) => format!(
                "{what} \"{}\" is {}, not a string",
                excerpt(&name),
                found.name()
            ),
        }
    }
}

/// Parses a map of strings; `nested` converts a value that is an object or an array.
fn map(raw: &RawValue, nested: fn(&RawValue) -> Option<String>) -> Result<Labels, BadMap> {
    match kind(raw) {
        Kind::Object => {}
        Kind::Null => return Ok(Labels::new()),
        Kind::Array if json::elements(raw, 0).is_some() => return Ok(Labels::new()),
        other => return Err(BadMap::NotAMap(other)),
    }
    let mut read = Ok(Labels::new());
    json::each_field(raw, |name, value| {
        let Ok(labels) = &mut read else { return };
        let text = match kind(value) {
            Kind::Null => None,
            found @ (Kind::Object | Kind::Array) => match nested(value) {
                Some(text) => Some(text),
                None => {
                    read = Err(BadMap::Value(name.into_owned(), found));
                    return;
                }
            },
            _ => Some(word(value).into_owned()),
        };
        // Of duplicate keys the last value is used, even if it is null.
        match text {
            Some(text) => labels.insert(name.into_owned(), text),
            None => labels.remove(&*name),
        };
    });
    read
}

fn as_json(raw: &RawValue) -> Option<String> {
    Some(raw.get().to_owned())
}

fn no_json(_: &RawValue) -> Option<String> {
    None
}

/// A value as a word: the content of a string, empty for null, the JSON source of anything else;
/// for an integer these are its digits, however large.
fn word(raw: &RawValue) -> Cow<'_, str> {
    match kind(raw) {
        Kind::Null => Cow::Borrowed(""),
        Kind::String => json::string(raw),
        _ => Cow::Borrowed(raw.get()),
    }
}

/// A count, written as a number or as a string; 0 if it is neither.
fn count(raw: &RawValue) -> u64 {
    let text = word(raw);
    let text = text.trim();
    text.parse().unwrap_or_else(|_| {
        // A float, such as 7.0 or 1e3: the cast saturates, and NaN becomes 0.
        text.parse::<f64>().map_or(0, |number| number as u64)
    })
}
