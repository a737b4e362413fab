//! Which label or annotation is shown, filtered and searched as what.

use crate::alert::{Facts, Labels};

/// Shown where an alert has no name.
pub const NO_ALERTNAME: &str = "(none)";

/// Takes the [`Facts`] out of an alert. `team_label` is the label that names the team.
///
/// Everything comes from the alert's own labels, for `commonLabels` holds only what all alerts of a
/// group share. A missing label equals an empty one, as everywhere in Prometheus.
#[must_use]
pub fn facts(labels: &Labels, annotations: &Labels, team_label: &str) -> Facts {
    let label = |name: &str| first(labels, &[name]);
    let alertname = label("alertname");
    Facts {
        alertname: if alertname.is_empty() {
            NO_ALERTNAME.to_owned()
        } else {
            alertname
        },
        instance: label("instance"),
        severity: label("severity"),
        team: label(team_label),
        message: first(annotations, &["message", "summary", "description"]),
    }
}

/// The first of `names` that has a value, else empty.
fn first(values: &Labels, names: &[&str]) -> String {
    names
        .iter()
        .filter_map(|name| values.get(*name))
        .find(|value| !value.is_empty())
        .cloned()
        .unwrap_or_default()
}
