//! The subject of a thread.

use std::collections::BTreeSet;

use crate::{NotifiedAlert, text};

/// Maximum length of the stem in characters: about two lines of a subject on a phone.
const MAX: usize = 120;

/// The subject of a new thread, built from the events that begin the group's firing period and then
/// stored with it.
///
/// `[cloud] DiskFull db-1:9100 #1234`: the common label `cloud` if all alerts have the same one (as
/// in the predecessor's title), the alert name (its subject), the instance if there is only one,
/// and the ID of the first incident. The ID distinguishes this firing period from the previous one
/// of the same alert, for people and for mail programs that thread by subject; it depends on no
/// language and no time zone. The state is omitted deliberately, see [`crate::Renderer`].
#[must_use]
pub fn subject_stem(events: &[NotifiedAlert]) -> String {
    let names: BTreeSet<&str> = events.iter().map(|e| e.alertname.as_str()).collect();
    let instances: BTreeSet<&str> = events.iter().map(|e| e.instance.as_str()).collect();
    let mut stem = String::new();
    if let Some(cloud) = common_label(events, "cloud") {
        stem.push_str(&format!("[{}] ", text::line(cloud, 30)));
    }
    let mut shown = names.iter().map(|name| text::line(name, 50));
    stem.push_str(&shown.by_ref().take(2).collect::<Vec<_>>().join(", "));
    let more = shown.count();
    if more > 0 {
        stem.push_str(&format!(" +{more}"));
    }
    if let (1, Some(instance)) = (instances.len(), instances.first()) {
        stem.push_str(&format!(" {}", text::line(instance, 50)));
    }
    let number = events.iter().map(|e| e.incident_id).min();
    let number = number.map(|id| format!(" #{id}")).unwrap_or_default();
    let stem = text::line(&stem, MAX - number.len());
    text::line(&(stem + &number), MAX)
}

/// The value of a label if all alerts have the same, non-empty value.
pub(super) fn common_label<'a>(events: &'a [NotifiedAlert], name: &str) -> Option<&'a str> {
    let first = events.first()?.labels.get(name)?;
    let common = !first.is_empty() && events.iter().all(|e| e.labels.get(name) == Some(first));
    common.then_some(first.as_str())
}
