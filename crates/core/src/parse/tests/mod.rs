//! Small bodies, one for each deviation that senders are known to have.

mod alerts;
mod bodies;
mod properties;

use super::alertmanager;
use crate::alert::{ReceivedAlert, WebhookPayload};

fn read(body: &str) -> WebhookPayload {
    alertmanager(body.as_bytes(), "team").unwrap()
}

/// A body with these alerts.
fn around(alerts: &str) -> String {
    format!(r#"{{"receiver":"r","status":"firing","alerts":[{alerts}],"version":"4"}}"#)
}

/// Parses a body with one valid alert.
fn alert(alert: &str) -> ReceivedAlert {
    let mut body = read(&around(alert));
    assert_eq!(body.rejected, []);
    assert_eq!(body.alerts.len(), 1);
    body.alerts.remove(0)
}

/// The reason why the second of three alerts is rejected; the other two must be accepted.
fn reason(bad: &str) -> String {
    let good = |name: &str| format!(r#"{{"status":"firing","labels":{{"alertname":"{name}"}}}}"#);
    let mut body = read(&around(&format!(
        "{},{bad},{}",
        good("before"),
        good("after")
    )));
    let names: Vec<&str> = body.alerts.iter().map(|a| &*a.fields.alertname).collect();
    assert_eq!(names, ["before", "after"]);
    assert_eq!(body.total, 3);
    assert_eq!(body.rejected.len(), 1);
    assert_eq!(body.rejected[0].index, 1);
    body.rejected.remove(0).reason
}
