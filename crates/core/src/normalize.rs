//! Maps labels and annotations to the fields for display, filters and search.

use crate::alert::{AlertFields, Labels};

/// Name of an alert without an `alertname` label.
pub const NO_ALERTNAME: &str = "(none)";

/// Extracts the [`AlertFields`] of an alert. `team_label` is the label that names the team.
///
/// Only the alert's own labels are used: `commonLabels` holds only the labels that all alerts of a
/// group share. A missing label equals an empty one, as everywhere in Prometheus.
#[must_use]
pub fn fields(labels: &Labels, annotations: &Labels, team_label: &str) -> AlertFields {
    let label = |name: &str| first(labels, &[name]);
    let alertname = label("alertname");
    AlertFields {
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

/// Value of the first of `names` that is not empty, else empty.
fn first(values: &Labels, names: &[&str]) -> String {
    names
        .iter()
        .filter_map(|name| values.get(*name))
        .find(|value| !value.is_empty())
        .cloned()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: &[(&str, &str)]) -> Labels {
        let owned = values
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        owned.collect()
    }

    #[test]
    fn each_field_has_its_label() {
        let labels = set(&[
            ("alertname", "DiskFull"),
            ("instance", "db-1:9100"),
            ("severity", "Warning"),
            ("team", "dba"),
            ("squad", "storage"),
        ]);
        let expected = AlertFields {
            alertname: "DiskFull".into(),
            instance: "db-1:9100".into(),
            severity: "Warning".into(),
            team: "dba".into(),
            message: String::new(),
        };
        assert_eq!(fields(&labels, &Labels::new(), "team"), expected);
        assert_eq!(fields(&labels, &Labels::new(), "squad").team, "storage");
        assert_eq!(fields(&labels, &Labels::new(), "owner").team, "");
    }

    #[test]
    fn missing_and_empty_labels_are_the_same() {
        let empty = set(&[
            ("alertname", ""),
            ("instance", ""),
            ("severity", ""),
            ("team", ""),
        ]);
        let nothing = fields(&Labels::new(), &Labels::new(), "team");
        assert_eq!(fields(&empty, &Labels::new(), "team"), nothing);
        assert_eq!(nothing.alertname, NO_ALERTNAME);
        assert_eq!(nothing.instance, "");
    }

    #[test]
    fn the_message_is_the_first_annotation_with_a_value() {
        let message = |annotations: &[(&str, &str)]| {
            fields(&Labels::new(), &set(annotations), "team").message
        };
        let all = [("message", "m"), ("summary", "s"), ("description", "d")];
        assert_eq!(message(&all), "m");
        assert_eq!(message(&all[1..]), "s");
        assert_eq!(message(&all[2..]), "d");
        assert_eq!(
            message(&[("message", ""), ("summary", ""), ("description", "d")]),
            "d"
        );
        assert_eq!(message(&[("runbook_url", "http://x")]), "");
    }
}
